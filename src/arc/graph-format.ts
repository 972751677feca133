/**
 * The graph format: `modules`, each `{ Type: options }`, a `Sequential` list or a `compact` pattern, and a `graph` that says
 * what goes into each and what comes out.
 *
 * Checked whole, so that everything wrong is reported at once; then modules are built in the order they are written, and, where
 * the inputs have shapes, run for shapes alone: lazy modules take their sizes then.
 */
import { show } from '../nn/args.ts';
import { Sequential } from '../nn/container.ts';
import { Module } from '../nn/module.ts';
import { asDtype, type Dtype } from '../tensor/dtype.ts';
import { inferring } from '../tensor/mode.ts';
import { numel } from '../tensor/shape.ts';
import { leaf, Tensor } from '../tensor/tensor.ts';
import { type Issue, TorcharcError } from '../util/errors.ts';
import { didYouMean } from '../util/suggest.ts';
import { GraphModule, type GraphNode, type Refs } from './graph.ts';
import { construct, moduleType } from './registry.ts';
import { BATCH, isRecord, joined, MOST, nameIssue, type Spec } from './spec.ts';

/** More would be a mistake, and deeper than what walks a model can follow. */
const DEEPEST = 64;

/** A model from the graph format, or null when something was reported. */
export function buildGraph(spec: Spec, report: (path: string, message: string) => void): Module | null {
  return new GraphFormat(report).build(spec);
}

class GraphFormat {
  readonly #report: (path: string, message: string) => void;
  #sound = true;

  constructor(report: (path: string, message: string) => void) {
    this.#report = (path, message) => {
      this.#sound = false;
      report(path, message);
    };
  }

  build({ modules, graph, ...others }: Spec): GraphModule | null {
    for (const key of Object.keys(others)) {
      this.#report(
        key,
        `unknown key${didYouMean(key, ['modules', 'graph'])}; an arc of this format has modules and graph`,
      );
    }
    const specs = this.#record('modules', modules, 'modules by name');
    const found = this.#record('graph', graph, 'a record with input, modules and output');
    if (!specs || !found) return null;
    const { input, modules: calls, output, ...unknown } = found;
    for (const key of Object.keys(unknown)) {
      this.#report(
        `graph.${key}`,
        `unknown key${didYouMean(key, ['input', 'modules', 'output'])}; a graph has input, modules and output`,
      );
    }
    const inputs = this.#inputs(input);
    const nodes = this.#nodes(calls, inputs, Object.keys(specs));
    const outputs = this.#output(output, [...inputs.keys(), ...nodes.map(({ name }) => name)]);
    const built = new Map(
      Object.entries(specs).map(([name, of]) => {
        this.#name(`modules.${name}`, name, 'a module');
        return [name, this.#module(`modules.${name}`, of, 0)];
      }),
    );
    if (!this.#sound) return null;
    const used = [...new Set(nodes.map(({ module }) => module))];
    const model = new GraphModule(
      [...inputs.keys()],
      used.map((name) => [name, built.get(name) as Module] as const),
      nodes,
      outputs,
    );
    this.#infer(model, inputs);
    return this.#sound ? model : null;
  }

  #record(path: string, value: unknown, what: string): Spec | null {
    if (isRecord(value)) return value;
    this.#report(path, value === undefined ? `missing (${what})` : `expected ${what}, got ${show(value)}`);
    return null;
  }

  #name(path: string, name: string, what: string): void {
    const issue = nameIssue(name, what);
    if (issue) this.#report(path, issue);
  }

  // ---- modules

  #module(path: string, spec: unknown, depth: number): Module | null {
    const known = "a record of one type and its options, '{ Linear: { … } }', 'Sequential' or 'compact'";
    if (!isRecord(spec) || Object.keys(spec).length !== 1) {
      const got = isRecord(spec) ? `${Object.keys(spec).length} keys (${Object.keys(spec).join(', ')})` : show(spec);
      this.#report(path, `expected ${known}, got ${got}`);
      return null;
    }
    const [[type, options]] = Object.entries(spec) as [[string, unknown]];
    const at = `${path}.${type}`;
    if (depth > DEEPEST) {
      this.#report(at, `nested more than ${DEEPEST} levels deep`);
      return null;
    }
    if (type === 'Sequential') return this.#sequential(at, options, depth);
    if (type === 'compact') return this.#compact(at, options, depth);
    return this.#typed(path, type, options ?? {});
  }

  /** A module of a type with options. */
  #typed(path: string, type: string, options: unknown): Module | null {
    const found = moduleType(type);
    if (typeof found !== 'function') {
      this.#report(joined(path, type), found.message);
      return null;
    }
    const at = joined(path, type);
    if (!isRecord(options)) {
      this.#report(at, `expected options by name, got ${show(options)}`);
      return null;
    }
    const made = construct(found, { ...options });
    if (made instanceof Module) return made;
    for (const issue of made as Issue[]) this.#report(joined(at, issue.path), issue.message);
    return null;
  }

  #list(path: string, list: unknown): readonly unknown[] {
    if (Array.isArray(list)) return list;
    this.#report(path, `expected a list of modules, got ${show(list)}`);
    return [];
  }

  #sequential(path: string, list: unknown, depth: number): Module {
    const made = this.#list(path, list).map((spec, i) => this.#module(`${path}[${i}]`, spec, depth + 1));
    return new Sequential(made.filter((module) => module !== null));
  }

  /** `{ layer: { type, keys, args }, prelayer, postlayer }`: one layer for each of `args`, with what stands around each. */
  #compact(path: string, spec: unknown, depth: number): Module | null {
    const record = this.#record(path, spec, "a record with 'layer'");
    if (!record) return null;
    const { layer, prelayer = [], postlayer = [], ...others } = record;
    for (const key of Object.keys(others)) {
      this.#report(
        `${path}.${key}`,
        `unknown key${didYouMean(key, ['layer', 'prelayer', 'postlayer'])}; compact has layer, prelayer and postlayer`,
      );
    }
    const { type, keys, args, ...more } =
      this.#record(`${path}.layer`, layer, 'a record with type, keys and args') ?? {};
    for (const key of Object.keys(more)) {
      this.#report(
        `${path}.layer.${key}`,
        `unknown key${didYouMean(key, ['type', 'keys', 'args'])}; a layer has type, keys and args`,
      );
    }
    const names = this.#strings(`${path}.layer.keys`, keys, 'a list of option names');
    const rows = Array.isArray(args) ? (args as readonly unknown[]) : null;
    if (layer !== undefined && !rows)
      this.#report(`${path}.layer.args`, `expected a list of arguments, got ${show(args)}`);
    if (!names || !rows || typeof type !== 'string') {
      if (isRecord(layer) && typeof type !== 'string')
        this.#report(`${path}.layer.type`, `expected the name of a module type, got ${show(type)}`);
      return null;
    }
    const around = (key: string, list: unknown) =>
      this.#list(`${path}.${key}`, list ?? []).map((of, i) => this.#module(`${path}.${key}[${i}]`, of, depth + 1));
    const made = rows.flatMap((row, i) => {
      const values = Array.isArray(row) ? (row as readonly unknown[]) : [row];
      const at = `${path}.layer.args[${i}]`;
      if (values.length > names.length) {
        this.#report(at, `expected at most ${names.length} arguments (${names.join(', ')}), got ${values.length}`);
        return [];
      }
      const options = Object.fromEntries(values.map((value, k) => [names[k]!, value]));
      return [...around('prelayer', prelayer), this.#typed(at, type, options), ...around('postlayer', postlayer)];
    });
    return new Sequential(made.filter((module) => module !== null));
  }

  #strings(path: string, value: unknown, what: string): readonly string[] | null {
    if (Array.isArray(value) && value.every((entry) => typeof entry === 'string')) return value as string[];
    this.#report(path, `expected ${what}, got ${show(value)}`);
    return null;
  }

  // ---- the graph

  /** Names of the inputs, with a placeholder where a shape is given. */
  #inputs(input: unknown): Map<string, Tensor | null> {
    const path = 'graph.input';
    const entries: [string, unknown][] =
      typeof input === 'string'
        ? [[input, null]]
        : isRecord(input)
          ? Object.entries(input)
          : (this.#strings(path, input, 'a name, a list of names, or shapes by name') ?? []).map((name) => [
              name,
              null,
            ]);
    const found = new Map<string, Tensor | null>();
    for (const [name, shape] of entries) {
      this.#name(isRecord(input) ? `${path}.${name}` : path, name, 'an input');
      if (found.has(name)) this.#report(path, `the input '${name}' is named twice`);
      found.set(name, shape === null ? null : this.#placeholder(`${path}.${name}`, shape));
    }
    return found;
  }

  /** For `[sizes]`, or `{ shape, dtype }`. */
  #placeholder(path: string, given: unknown): Tensor | null {
    const { shape, dtype = 'float32', ...others } = isRecord(given) ? given : { shape: given };
    for (const key of Object.keys(others))
      this.#report(`${path}.${key}`, `unknown key${didYouMean(key, ['shape', 'dtype'])}; an input has shape and dtype`);
    const ok = Array.isArray(shape) && shape.every((d) => Number.isInteger(d) && (d as number) >= 0);
    if (!ok || numel(shape as number[]) > MOST) {
      this.#report(path, `expected a shape without the batch, a list of non-negative integers, got ${show(shape)}`);
      return null;
    }
    try {
      return new Tensor(leaf(null, { shape: [BATCH, ...(shape as number[])], dtype: asDtype(dtype as Dtype) }));
    } catch (error) {
      if (!(error instanceof TorcharcError)) throw error;
      this.#report(`${path}.dtype`, error.message);
      return null;
    }
  }

  #nodes(calls: unknown, inputs: ReadonlyMap<string, unknown>, modules: readonly string[]): GraphNode[] {
    const record = this.#record('graph.modules', calls, 'what goes into each module, by its name');
    const later = Object.keys(record ?? {});
    const known = new Set(inputs.keys());
    return Object.entries(record ?? {}).map(([name, given]): GraphNode => {
      const path = `graph.modules.${name}`;
      const [module = '', , ...surplus] = name.split('~');
      if (surplus.length > 0)
        this.#report(path, "expected a module's name, or one use of it as 'name~suffix', got more than one ~");
      else if (!modules.includes(module)) {
        this.#report(
          path,
          `there is no module '${module}'${didYouMean(module, modules)}; there are ${modules.join(', ')}`,
        );
      }
      if (inputs.has(name)) this.#report(path, `'${name}' is the name of an input already`);
      const refs = (at: string, value: unknown) => this.#refs(at, value, known, later);
      const args = Array.isArray(given) ? given.map((value, i) => refs(`${path}[${i}]`, value)) : [];
      const keywords = isRecord(given)
        ? Object.fromEntries(Object.entries(given).map(([key, value]) => [key, refs(`${path}.${key}`, value)]))
        : {};
      if (!Array.isArray(given) && !isRecord(given)) {
        this.#report(
          path,
          `expected a list of what goes in, or a record by the names of its inputs, got ${show(given)}`,
        );
      }
      known.add(name);
      return { name, module, args, keywords };
    });
  }

  /** Names of values, or lists and records of them. */
  #refs(path: string, value: unknown, known: ReadonlySet<string>, later: readonly string[]): Refs {
    if (Array.isArray(value)) return value.map((entry, i) => this.#refs(`${path}[${i}]`, entry, known, later));
    if (isRecord(value)) {
      return Object.fromEntries(
        Object.entries(value).map(([key, entry]) => [key, this.#refs(`${path}.${key}`, entry, known, later)]),
      );
    }
    if (typeof value !== 'string')
      this.#report(path, `expected the name of an input or of a module before, got ${show(value)}`);
    else if (!known.has(value)) {
      this.#report(
        path,
        later.includes(value)
          ? `'${value}' is computed only later; put it before`
          : `there is no '${value}' here${didYouMean(value, known)}; there is ${[...known].join(', ')}`,
      );
    }
    return String(value);
  }

  #output(output: unknown, known: readonly string[]): Refs {
    const path = 'graph.output';
    if (output === undefined) {
      this.#report(path, 'missing (the name of what comes out, or a list or record of names)');
      return '';
    }
    return this.#refs(path, output, new Set(known), []);
  }

  /** Shapes of everything, where those of the inputs are known: reports the first that cannot work. */
  #infer(model: GraphModule, inputs: ReadonlyMap<string, Tensor | null>): void {
    if ([...inputs.values()].some((t) => t === null)) return;
    const given = Object.fromEntries(inputs) as Record<string, Tensor>;
    inferring(() =>
      model.run(given, (node, call) => {
        try {
          return call();
        } catch (error) {
          if (!(error instanceof TorcharcError)) throw error;
          this.#report(`graph.modules.${node.name}`, error.message);
          return undefined;
        }
      }),
    );
  }
}
