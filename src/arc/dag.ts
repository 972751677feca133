/** A chain of named modules, each taking some of the tensors at hand and passing the others on. */

import { show } from '../nn/args.ts';
import { ModuleDict } from '../nn/container.ts';
import { type Module as AnyModule, Module, nameType } from '../nn/module.ts';
import { inferring, mode } from '../tensor/mode.ts';
import { expectTensor, Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';
import { didYouMean } from '../util/suggest.ts';
import type { TensorRecord } from './fork-merge.ts';
import { type Call, expectRoomFor, type Input, type Plan, Source, type Sources } from './plan.ts';
import { listed } from './spec.ts';

/** What flows through a DAG: one tensor, tensors by name, or what a module returned. */
export type Flow = Tensor | TensorRecord;
/** The same where it is copied from module to module: a record of many tensors as a Map, which is quick to copy. */
export type Stream = Flow | ReadonlyMap<string, Tensor>;

/**
 * Pass a module the tensors it names and carry the others.
 *
 * A tensor goes in as it is. From a record the module takes `inNames` (one: the tensor itself; several: a record of them; none
 * given: the first), and the result is its output under the first of those names, followed by the unused tensors in their
 * order; a record it returns is spread. With nothing unused the output is returned as it is. The tensors of a tuple are
 * carried as `name/0`, `name/1`.
 */
export function carryForward(module: AnyModule, xs: Flow, inNames: readonly string[] | null = null): Flow {
  return flowOf(carry(module, xs, inNames));
}

/** What is at hand after a module. */
export function carry(module: AnyModule, stream: Stream, inNames: readonly string[] | null): Stream {
  if (stream instanceof Tensor) return called(module, stream);
  const xs = byName(stream);
  const { names, missing, taken } = take(xs, inNames);
  const [first] = names;
  if (first === undefined) throw new ArgError('expected at least one input, got an empty record');
  if (missing.length > 0) throw new ArgError(`in_names: ${missing[0]}`);
  const y = called(module, taken);
  return goesOn(xs, names, y, () => partsOf(y, first).map(({ name, value }) => [name, value]));
}

/** A Map becomes a record; anything else is what a module returned. */
export function flowOf(stream: Stream): Flow {
  return stream instanceof Map ? Object.fromEntries(stream as ReadonlyMap<string, Tensor>) : (stream as Flow);
}

function byName(stream: Exclude<Stream, Tensor>): ReadonlyMap<string, Tensor> {
  return stream instanceof Map ? stream : new Map(Object.entries(stream));
}

function called(module: AnyModule, x: Flow): Flow {
  const y = (module as { forward(x: Flow): unknown }).forward(x) as Flow;
  return mode.inferring ? expectRoomFor(module, y) : y;
}

/** The parts of what came out, then what is carried past; the whole where nothing is. */
function goesOn<T, Whole>(
  xs: ReadonlyMap<string, T>,
  taken: readonly string[],
  whole: Whole,
  parts: () => readonly (readonly [string, T])[],
): ReadonlyMap<string, T> | Whole {
  const rest = new Map(xs);
  for (const name of taken) rest.delete(name);
  if (rest.size === 0) return whole;
  const own = parts();
  const clash = own.find(([name]) => rest.has(name));
  if (clash)
    throw new ArgError(
      `the output ${show(clash[0])} has the name of a tensor that is carried past; rename one of them`,
    );
  return new Map([...own, ...rest]);
}

/** What a module returned as the tensors that go on, each with its name and where in the result it is. */
function partsOf(y: Flow, first: string): { name: string; value: Tensor; at: readonly string[] }[] {
  if (y instanceof Tensor) return [{ name: first, value: y, at: [] }];
  if (Array.isArray(y)) return flat(y, []).map(({ value, at }) => ({ name: [first, ...at].join('/'), value, at }));
  return Object.entries(y).map(([name, value]) => ({ name, value, at: [name] }));
}

interface Taken {
  readonly names: readonly string[];
  /** The tensor, or a record of several. */
  readonly taken: Flow;
}

/** What a module takes of tensors by name, and what is wrong with the names. */
export function take(
  stream: Exclude<Stream, Tensor>,
  inNames: readonly string[] | null,
): Taken & { readonly missing: readonly string[] } {
  const xs = byName(stream);
  const names = inNames ?? [...xs.keys()].slice(0, 1);
  const missing = names
    .filter((name) => !(xs.get(name) instanceof Tensor))
    .map((name, i) => {
      if (xs.has(name)) return `${show(name)} is several tensors here, of which a module can take none`;
      // all that is here is compared, so only for the first
      const near = i < 3 ? didYouMean(name, xs.keys()) : '';
      return `there is no ${show(name)} here${near}; there is ${listed(xs.keys())}`;
    });
  const taken = names.length === 1 ? xs.get(names[0]!)! : Object.fromEntries(names.map((n) => [n, xs.get(n)!]));
  return { names, missing, taken };
}

/** The tensors of a nested tuple with their positions. */
function flat(tuple: readonly unknown[], around: readonly string[]): { value: Tensor; at: readonly string[] }[] {
  return tuple.flatMap((entry, i) => {
    const at = [...around, String(i)];
    if (entry instanceof Tensor) return [{ value: entry, at }];
    return Array.isArray(entry) ? flat(entry, at) : [];
  });
}

/** A module of a DAG, and the names it takes; null where the arc does not say. */
export interface DAGEntry {
  readonly name: string;
  readonly module: AnyModule;
  readonly inNames: readonly string[] | null;
}

/** The model of an arc with `dag_in_shape`. */
export class DAGNet extends Module {
  readonly module_dict: ModuleDict;
  readonly #inputs: Flow;
  readonly #inNames: ReadonlyMap<string, readonly string[] | null>;

  /** `inputs` have the shapes of `dag_in_shape`, and no values. */
  constructor(modules: readonly DAGEntry[], inputs: Flow) {
    super();
    this.module_dict = new ModuleDict(modules.map(({ name, module }) => [name, module] as const));
    this.#inputs = inputs;
    this.#inNames = new Map(modules.map(({ name, inNames }) => [name, inNames]));
  }

  /** The modules as they are now. */
  get modulesByName(): readonly DAGEntry[] {
    const modules = [...this.module_dict.namedChildren()];
    return modules.map(([name, module]) => ({ name, module, inNames: this.#inNames.get(name) ?? null }));
  }

  /** How inputs of the arc's shapes go through it. */
  get plan(): Plan {
    return planOfDAG(this.modulesByName, this.#inputs);
  }

  /** A tensor or a record of tensors by name, as the arc's `dag_in_shape` says. */
  override forward(xs: Flow): Flow {
    if (!(xs instanceof Tensor)) {
      const record = typeof xs === 'object' && xs !== null && !Array.isArray(xs) && !ArrayBuffer.isView(xs);
      if (!record) expectTensor('DAGNet', xs);
      for (const [name, x] of Object.entries(xs)) expectTensor(`DAGNet: input '${name}'`, x);
    }
    let stream: Stream = xs;
    for (const { module, inNames } of this.modulesByName) stream = carry(module, stream, inNames);
    return flowOf(stream);
  }
}
nameType(DAGNet, 'DAGNet');

type Origins = Source | ReadonlyMap<string, Source>;

/** Follow inputs through modules, to see from which of them each of the tensors at hand comes. */
function planOfDAG(modules: readonly DAGEntry[], xs: Flow): Plan {
  const input = (name: string, { shape, dtype }: Tensor): Input => ({ name, aval: { shape, dtype } });
  const inputs = xs instanceof Tensor ? [input('', xs)] : Object.entries(xs).map(([name, x]) => input(name, x));
  let stream: Stream = xs;
  let origins: Origins =
    xs instanceof Tensor ? new Source(inputs[0]!) : new Map(inputs.map((of) => [of.name, new Source(of)]));
  const calls: Call[] = [];
  for (const { name, module, inNames } of modules) {
    const { names, taken }: Taken = stream instanceof Tensor ? { names: [], taken: stream } : take(stream, inNames);
    const call: Call = { name, key: name, module, args: [given(origins, names)], keywords: {} };
    const y: Flow = inferring(() => called(module, taken));
    const whole = originsOf(call, y);
    if (stream instanceof Tensor || origins instanceof Source) {
      [stream, origins] = [y, whole];
    } else {
      const parts = partsOf(y, names[0]!);
      stream = goesOn(byName(stream), names, y, () => parts.map((part) => [part.name, part.value]));
      origins = goesOn(origins, names, whole, () => parts.map((part) => [part.name, new Source(call, part.at)]));
    }
    calls.push(call);
  }
  return { inputs, calls, output: origins instanceof Source ? origins : Object.fromEntries(origins) };
}

function given(origins: Origins, names: readonly string[]): Sources {
  if (origins instanceof Source) return origins;
  const [first, ...others] = names.map((name) => origins.get(name)!);
  return others.length === 0 ? first! : Object.fromEntries(names.map((name) => [name, origins.get(name)!]));
}

function originsOf(call: Call, y: Flow): Origins {
  if (y instanceof Tensor) return new Source(call);
  return new Map(Object.keys(y).map((key) => [key, new Source(call, [key])]));
}
