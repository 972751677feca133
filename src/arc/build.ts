/** Arcs to models: check everything, infer shapes without arithmetic, report all that is wrong at once. */
import { show } from '../nn/args.ts';
import { Module } from '../nn/module.ts';
import { inferring } from '../tensor/mode.ts';
import { type Shape, showShape } from '../tensor/shape.ts';
import { leaf, Tensor } from '../tensor/tensor.ts';
import { ArcError, type Issue, TorcharcError } from '../util/errors.ts';
import { didYouMean } from '../util/suggest.ts';
import { carry, type DAGEntry, DAGNet, type Flow, type Stream, take } from './dag.ts';
import { buildGraph, buildSequential } from './graph-format.ts';
import { applyInit } from './init.ts';
import { buildLayers } from './layers.ts';
import { construct, type ModuleClass, moduleType } from './registry.ts';
import { BATCH, isRecord, joined, listed, nameIssue, type Spec, sampleShape } from './spec.ts';
import type { Known, OutputOf } from './types.ts';

export { buildCriterion, buildOptimizer, buildScheduler } from './training.ts';

/** A module built from an arc. */
export interface Model<Output = Tensor> extends Module {
  forward(x: Tensor | Readonly<Record<string, Tensor>>): Output;
}

/**
 * The model an arc describes; the arc is not changed. Throws an ArcError with every issue and its path.
 *
 * A spec `{type, ...options}` is that module; with `layers`, a Sequential of them; with `dag_in_shape`, a chain of named
 * modules (`carryForward`), whose sizes follow from the shape of the input. `{modules, graph}` is the graph format, of which
 * `{Sequential: [...]}` may also stand by itself.
 *
 * What comes out follows from the type of a literal arc; of another, `const model: Model<{ mean: Tensor; std: Tensor }> = build(arc)`
 * may say it.
 */
export function build<const A, Output extends Known<A> = OutputOf<A>>(arc: A): Model<Output> {
  const issues: Issue[] = [];
  const model = new Builder(issues).arc(arc);
  if (issues.length > 0 || !model) throw new ArcError(issues);
  return model as Model<Output>;
}

/** Every issue of an arc with its path; empty if it can be built. */
export function validate(arc: unknown): Issue[] {
  const issues: Issue[] = [];
  new Builder(issues).arc(arc);
  return issues;
}

/** Stands for a shape that an earlier error hides, so that the rest of a module can be checked. */
const UNKNOWN: Shape = [BATCH, 1];
/** Options that take their size from the input's shape when a DAG does not give them. */
const inferred: Record<string, (shape: Shape) => number | undefined> = {
  in_features: (shape) => shape.at(-1),
  in_channels: (shape) => shape[1],
  num_features: (shape) => shape[1],
};

class Builder {
  readonly #issues: Issue[];

  constructor(issues: Issue[]) {
    this.#issues = issues;
  }

  #report(path: string, message: string): void {
    this.#issues.push({ path, message });
  }

  #all(path: string, issues: readonly Issue[]): null {
    for (const { path: inner, message } of issues) this.#report(joined(path, inner), message);
    return null;
  }

  arc(arc: unknown): Module | null {
    if (!isRecord(arc)) {
      this.#report(
        '',
        `expected an arc, a record with 'type', 'dag_in_shape' or 'modules' and 'graph', got ${show(arc)}`,
      );
      return null;
    }
    const isGraph = Object.hasOwn(arc, 'modules') && Object.hasOwn(arc, 'graph');
    if (Object.hasOwn(arc, 'dag_in_shape') && !isGraph) return this.#dag(arc);
    const report = (path: string, message: string) => this.#report(path, message);
    if (Object.hasOwn(arc, 'modules') || Object.hasOwn(arc, 'graph')) return buildGraph(arc, report);
    if (Object.hasOwn(arc, 'Sequential')) return buildSequential(arc, report);
    if (!Object.hasOwn(arc, 'type')) {
      this.#report(
        '',
        `expected 'type', 'dag_in_shape' or 'modules' and 'graph'${didYouMean(Object.keys(arc)[0] ?? '', ['type', 'dag_in_shape', 'modules', 'graph'])}, got ${listed(Object.keys(arc)) || 'nothing'}`,
      );
      return null;
    }
    return this.#module('', arc, undefined, null);
  }

  /** One module from its spec; `input` is what comes in: undefined outside a DAG, null where an earlier error hides it. */
  #module(path: string, spec: Spec, input: Flow | null | undefined, inNames: readonly string[] | null): Module | null {
    const found = moduleType(spec.type);
    if (typeof found !== 'function') return this.#all(path, [found]);
    const shape = input instanceof Tensor ? input.shape : input === null ? UNKNOWN : null;
    // a shape of any number of dimensions cannot be stood in for
    if (input === null && Object.hasOwn(found.table ?? {}, 'in_shape') && !Object.hasOwn(spec, 'in_shape')) return null;
    let made: Module | Issue[];
    if (Object.hasOwn(spec, 'layers')) {
      made = buildLayers(spec, shape);
    } else {
      const { type: _type, in_names: _in, init: _init, dag_in_shape: _dag, ...options } = spec;
      made = construct(found, this.#sized(options, found, input, inNames));
    }
    if (!(made instanceof Module)) return this.#all(path, made);
    // as in Python, an empty init is none
    if (spec.init) this.#all(joined(path, 'init'), applyInit(made, spec.init));
    return made;
  }

  /** Options with the sizes that follow from the input. */
  #sized(
    options: Spec,
    type: ModuleClass,
    input: Flow | null | undefined,
    inNames: readonly string[] | null,
  ): Record<string, unknown> {
    const sized: Record<string, unknown> = { ...options };
    const table = type.table ?? {};
    if (!Object.hasOwn(table, 'in_shape')) delete sized.in_shape;
    const missing = (key: string) => Object.hasOwn(table, key) && !Object.hasOwn(sized, key);
    const shape = input instanceof Tensor ? input.shape : input === null ? UNKNOWN : null;
    const rules = Object.entries({ ...inferred, ...type.inferred });
    if (shape) for (const [key, size] of rules) if (missing(key)) sized[key] = size(shape);
    if (input !== undefined && !(input instanceof Tensor)) {
      const names = inNames ?? Object.keys(input ?? {});
      const shapes = names.map((name) => [name, (input?.[name]?.shape ?? UNKNOWN).slice(1)] as const);
      if (missing('shapes') && Object.hasOwn(table, 'names')) sized.shapes = Object.fromEntries(shapes);
      if (missing('in_shapes')) sized.in_shapes = Object.fromEntries(shapes);
    }
    return sized;
  }

  #dag(arc: Spec): Module | null {
    const { dag_in_shape, ...rest } = arc;
    // a single spec beside dag_in_shape is a DAG of one module, named after its type
    const single = Object.hasOwn(arc, 'type') && !isRecord(arc.type);
    const specs: [string, unknown][] = single ? [[String(arc.type), rest]] : Object.entries(rest);
    const inputs = this.#inputs(dag_in_shape);
    let flow: Stream | null = inputs;
    const modules: DAGEntry[] = [];
    for (const [name, spec] of specs) {
      const path = single ? '' : name;
      const before: number = this.#issues.length;
      if (!single) this.#name(name, name, 'a module');
      if (!isRecord(spec)) {
        this.#report(path, `expected a module, a record with 'type', got ${show(spec)}`);
        flow = null;
        continue;
      }
      const inNames = this.#inNames(path, spec);
      const input = this.#taken(path, flow, inNames);
      const module = this.#module(path, spec, input, inNames);
      if (!module || this.#issues.length > before) {
        flow = null;
        continue;
      }
      modules.push({ name, module, inNames });
      flow = flow && input && this.#forward(path, spec.type, module, flow, input, inNames);
    }
    return this.#issues.length > 0 || !inputs ? null : new DAGNet(modules, inputs);
  }

  /** Placeholders for `dag_in_shape`. */
  #inputs(shapes: unknown): Flow | null {
    const place = (path: string, given: unknown): Tensor | null => {
      const shape = sampleShape(given);
      if (shape) return new Tensor(leaf(null, { shape: [BATCH, ...shape], dtype: 'float32' }));
      this.#report(path, `expected a shape without the batch, a list of non-negative integers, got ${show(given)}`);
      return null;
    };
    if (!isRecord(shapes)) return place('dag_in_shape', shapes);
    const placed = Object.entries(shapes).map(([name, shape]) => {
      this.#name(`dag_in_shape.${name}`, name, 'an input');
      return [name, place(`dag_in_shape.${name}`, shape)] as const;
    });
    return placed.every(([, t]) => t) ? (Object.fromEntries(placed) as Record<string, Tensor>) : null;
  }

  #name(path: string, name: string, what: string): void {
    const issue = nameIssue(name, what);
    if (issue) this.#report(path, issue);
  }

  #inNames(path: string, { in_names: names }: Spec): readonly string[] | null {
    if (names === undefined || names === null) return null;
    // Python takes a string letter by letter, so only one of one letter means a name there
    const list = typeof names === 'string' && names.length === 1 ? [names] : names;
    if (Array.isArray(list) && list.length > 0 && list.every((n) => typeof n === 'string')) return list as string[];
    this.#report(joined(path, 'in_names'), `expected a list of names, got ${show(names)}`);
    return null;
  }

  /** What a module takes of what there is. */
  #taken(path: string, flow: Stream | null, inNames: readonly string[] | null): Flow | null {
    if (!flow || flow instanceof Tensor) return flow;
    const { missing, taken } = take(flow, inNames);
    for (const message of missing) this.#report(joined(path, 'in_names'), message);
    return missing.length > 0 ? null : taken;
  }

  /** The shapes that come out. */
  #forward(
    path: string,
    type: unknown,
    module: Module,
    flow: Stream,
    input: Flow,
    inNames: readonly string[] | null,
  ): Stream | null {
    const shapes = input instanceof Tensor ? showShape(['batch', ...input.shape.slice(1)] as never) : '';
    if (type === 'Linear' && input instanceof Tensor && input.ndim !== 2) {
      this.#report(
        path,
        `Linear in a DAG takes [batch, n], got an input of shape ${shapes}; a Flatten before it makes it so`,
      );
      return null;
    }
    try {
      return inferring(() => carry(module, flow, inNames));
    } catch (error) {
      if (!(error instanceof TorcharcError)) throw error;
      this.#report(
        path,
        `${error.message}${shapes && !error.message.includes(shapes) ? ` (input of shape ${shapes})` : ''}`,
      );
      return null;
    }
  }
}
