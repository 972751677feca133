/**
 * The graph format: `modules`, each `{ Type: options }`, a `Sequential` list or a `compact` pattern, and a `graph` that says
 * what goes into each and what comes out.
 *
 * Checked whole, so that everything wrong is reported at once; then modules are built in the order they are written, and, where
 * the inputs have shapes, run for shapes alone: lazy modules take their sizes then.
 */
import { show } from '../nn/args.ts';
import { Sequential } from '../nn/container.ts';
import { inputNames } from '../nn/inputs.ts';
import { Module } from '../nn/module.ts';
import { asDtype } from '../tensor/dtype.ts';
import { inferring } from '../tensor/mode.ts';
import { type Aval, leaf, Tensor } from '../tensor/tensor.ts';
import { type Issue, TorcharcError } from '../util/errors.ts';
import { didYouMean } from '../util/suggest.ts';
import { GraphModule } from './graph.ts';
import { type Call, expectRoomFor, type Input, type Plan, run, Source, type Sources, type Values } from './plan.ts';
import { construct, isRegistered, moduleType } from './registry.ts';
import { BATCH, isRecord, joined, listed, nameIssue, type Spec, sampleShape } from './spec.ts';

/** More would be a mistake, and deeper than what walks a model can follow. */
const DEEPEST = 64;

/** A model from the graph format, or null when something was reported. */
export function buildGraph(spec: Spec, report: (path: string, message: string) => void): Module | null {
  return new GraphFormat(report).build(spec);
}

/** The same of a `Sequential` by itself. */
export function buildSequential(spec: Spec, report: (path: string, message: string) => void): Module | null {
  return new GraphFormat(report).sequential(spec);
}

class GraphFormat {
  readonly #report: (path: string, message: string) => void;
  #issues = 0;
  /** Uses of modules with issues. */
  readonly #wrong = new Set<Call>();
  #suggestions = 20;
  /** Stands for a module that an error hides. */
  readonly #unknown = new Sequential();

  constructor(report: (path: string, message: string) => void) {
    this.#report = (path, message) => {
      this.#issues += 1;
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
    const { input, modules: uses, output, ...unknown } = found;
    for (const key of Object.keys(unknown)) {
      this.#report(
        `graph.${key}`,
        `unknown key${didYouMean(key, ['input', 'modules', 'output'])}; a graph has input, modules and output`,
      );
    }
    const inputs = this.#inputs(input);
    const built = this.#modules(specs);
    const calls = this.#calls(uses, inputs, built);
    const result = this.#output(output, new Map<string, Input | Call>([...inputs, ...calls]));
    const plan = { inputs: [...inputs.values()], calls: [...calls.values()], output: result };
    this.#infer(plan);
    return this.#issues === 0 ? new GraphModule(plan) : null;
  }

  sequential(spec: Spec): Module | null {
    const made = this.#module('', spec, 0);
    return this.#issues === 0 ? made : null;
  }

  #modules(specs: Spec): Map<string, Module | null> {
    return new Map(
      Object.entries(specs).map(([name, spec]) => {
        this.#name(`modules.${name}`, name, 'a module');
        return [name, this.#module(`modules.${name}`, spec, 0)];
      }),
    );
  }

  #record(path: string, value: unknown, what: string): Spec | null {
    if (isRecord(value)) return value;
    this.#report(path, value === undefined ? `missing (${what})` : `expected ${what}, got ${show(value)}`);
    return null;
  }

  /** A name of the arc that may be meant; only for the first mistakes, since all names are compared. */
  #near(name: string, names: ReadonlyMap<string, unknown>): string {
    this.#suggestions -= 1;
    return this.#suggestions >= 0 ? didYouMean(name, names.keys()) : '';
  }

  #name(path: string, name: string, what: string): void {
    const issue = nameIssue(name, what);
    if (issue) this.#report(path, issue);
  }

  // ---- modules

  #module(path: string, spec: unknown, depth: number): Module | null {
    const known = "a record of one type and its options, '{ Linear: { … } }', 'Sequential' or 'compact'";
    if (!isRecord(spec) || Object.keys(spec).length !== 1) {
      const got = isRecord(spec) ? `${Object.keys(spec).length} keys (${listed(Object.keys(spec))})` : show(spec);
      this.#report(path, `expected ${known}, got ${got}`);
      return null;
    }
    const [[type, options]] = Object.entries(spec) as [[string, unknown]];
    const at = joined(path, type);
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

  /** The inputs by name. */
  #inputs(input: unknown): Map<string, Input> {
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
    const found = new Map<string, Input>();
    for (const [name, shape] of entries) {
      this.#name(isRecord(input) ? `${path}.${name}` : path, name, 'an input');
      if (found.has(name)) this.#report(path, `the input ${show(name)} is named twice`);
      found.set(name, { name, aval: shape === null ? null : this.#aval(`${path}.${name}`, shape) });
    }
    return found;
  }

  /** For `[sizes]`, or `{ shape, dtype }`. */
  #aval(path: string, given: unknown): Aval | null {
    const { shape, dtype = 'float32', ...others } = isRecord(given) ? given : { shape: given };
    for (const key of Object.keys(others))
      this.#report(`${path}.${key}`, `unknown key${didYouMean(key, ['shape', 'dtype'])}; an input has shape and dtype`);
    const size = sampleShape(shape);
    if (!size) {
      this.#report(path, `expected a shape without the batch, a list of non-negative integers, got ${show(shape)}`);
      return null;
    }
    try {
      return { shape: [BATCH, ...size], dtype: asDtype(dtype) };
    } catch (error) {
      if (!(error instanceof TorcharcError)) throw error;
      this.#report(`${path}.dtype`, error.message);
      return null;
    }
  }

  /** The uses of modules by name. */
  #calls(
    uses: unknown,
    inputs: ReadonlyMap<string, Input>,
    modules: ReadonlyMap<string, Module | null>,
  ): Map<string, Call> {
    const record = this.#record('graph.modules', uses, 'what goes into each module, by its name') ?? {};
    const known = new Map<string, Input | Call>(inputs);
    const calls = new Map<string, Call>();
    for (const [name, given] of Object.entries(record)) {
      const path = `graph.modules.${name}`;
      const before = this.#issues;
      const key = this.#key(path, name, modules);
      if (inputs.has(name)) this.#report(path, `${show(name)} is the name of an input already`);
      const sources = (at: string, value: unknown) => this.#sources(at, value, known, record);
      const args = Array.isArray(given) ? given.map((value, i) => sources(`${path}[${i}]`, value)) : [];
      const keywords = isRecord(given)
        ? Object.entries(given).map(([input, value]) => [input, sources(`${path}.${input}`, value)] as const)
        : [];
      if (!Array.isArray(given) && !isRecord(given)) {
        this.#report(
          path,
          `expected a list of what goes in, or a record by the names of its inputs, got ${show(given)}`,
        );
      }
      const module = modules.get(key);
      const call = { name, key, module: module ?? this.#unknown, args, keywords: Object.fromEntries(keywords) };
      if (module && (Array.isArray(given) || isRecord(given))) this.#expectInputs(path, call);
      if (!module || this.#issues > before) this.#wrong.add(call);
      known.set(name, call);
      calls.set(name, call);
    }
    return calls;
  }

  /** What goes in must be inputs of the module, and all that it needs. */
  #expectInputs(path: string, { key, module, args, keywords }: Call): void {
    const inputs = inputNames(module);
    const given = Object.keys(keywords);
    for (const name of given) {
      if (inputs.includes(name)) continue;
      this.#report(
        `${path}.${name}`,
        `unknown input of ${show(key)}${didYouMean(name, inputs)}; its inputs are ${listed(inputs)}`,
      );
    }
    if (isRegistered(module)) return;
    const least = module.forward.length;
    const most = Math.max(inputs.length, least);
    if (args.length > most) {
      const [expected, hint] = most === 1 ? ['1 input', '; [[a, b]] gives one list'] : [`at most ${most} inputs`, ''];
      this.#report(path, `${show(key)}: expected ${expected} (${listed(inputs)}), got ${args.length}${hint}`);
    }
    for (const name of inputs.slice(args.length, least)) {
      if (given.includes(name)) continue;
      this.#report(path, `missing required input ${show(name)} of ${show(key)}; its inputs are ${listed(inputs)}`);
    }
  }

  /** The name of the module that a use, `name` or `name~suffix`, is of. */
  #key(path: string, name: string, modules: ReadonlyMap<string, unknown>): string {
    const [key = '', , ...surplus] = name.split('~');
    if (surplus.length > 0)
      this.#report(path, "expected a module's name, or one use of it as 'name~suffix', got more than one ~");
    else if (!modules.has(key)) {
      this.#report(
        path,
        `there is no module ${show(key)}${this.#near(key, modules)}; there are ${listed(modules.keys())}`,
      );
    }
    return key;
  }

  /** Names of values, or lists and records of them. */
  #sources(path: string, value: unknown, known: ReadonlyMap<string, Input | Call>, later: Spec, depth = 0): Sources {
    const inner = (key: string, entry: unknown) => this.#sources(path + key, entry, known, later, depth + 1);
    if (depth > DEEPEST) {
      this.#report(path, `nested more than ${DEEPEST} levels deep`);
      return [];
    }
    if (Array.isArray(value)) return value.map((entry, i) => inner(`[${i}]`, entry));
    if (isRecord(value))
      return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, inner(`.${key}`, entry)]));
    const found = typeof value === 'string' ? known.get(value) : undefined;
    if (found) return new Source(found);
    if (typeof value !== 'string')
      this.#report(path, `expected the name of an input or of a module before, got ${show(value)}`);
    else {
      this.#report(
        path,
        Object.hasOwn(later, value)
          ? `${show(value)} is computed only later; put it before`
          : `there is no ${show(value)} here${this.#near(value, known)}; there is ${listed(known.keys())}`,
      );
    }
    return [];
  }

  #output(output: unknown, known: ReadonlyMap<string, Input | Call>): Sources {
    const path = 'graph.output';
    if (output !== undefined) return this.#sources(path, output, known, {});
    this.#report(path, 'missing (the name of what comes out, or a list or record of names)');
    return [];
  }

  /** Shapes of everything, where those of the inputs are known: reports what cannot work, beside what is wrong already. */
  #infer(plan: Plan): void {
    const values: Values = new Map();
    for (const input of plan.inputs) {
      if (!input.aval) return;
      values.set(input, new Tensor(leaf(null, input.aval)));
    }
    inferring(() =>
      run(plan, values, (call, forward) => {
        if (this.#wrong.has(call)) return undefined;
        try {
          return expectRoomFor(call.module, forward());
        } catch (error) {
          if (!(error instanceof TorcharcError)) throw error;
          this.#report(`graph.modules.${call.name}`, error.message);
          return undefined;
        }
      }),
    );
  }
}
