/**
 * What both formats of arcs become: inputs, uses of modules in their order, and what comes out. From it graph models run, and nets,
 * summaries, pictures and specs are made.
 */
import { tensorsOf } from '../engine/tree.ts';
import { inputNames } from '../nn/inputs.ts';
import { type Module, typeName } from '../nn/module.ts';
import { expectRoom } from '../ops/limits.ts';
import { type Aval, Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';
import { didYouMean } from '../util/suggest.ts';
import { listed } from './spec.ts';

/** What a model is given; the name is '' where it takes one tensor without a name. */
export interface Input {
  readonly name: string;
  /** Null where the arc does not say; its batch stands for any. */
  readonly aval: Aval | null;
}

/** One use of a module. */
export interface Call {
  /** The module's name, or `name~suffix`. */
  readonly name: string;
  /** The module's name in the model. */
  readonly key: string;
  readonly module: Module;
  readonly args: readonly Sources[];
  /** By the names of the module's inputs. */
  readonly keywords: { readonly [input: string]: Sources };
}

/** What an input or a call gives, or with `at` a part of it. */
export class Source {
  readonly of: Input | Call;
  readonly at: readonly string[];

  constructor(of: Input | Call, at: readonly string[] = []) {
    this.of = of;
    this.at = at;
  }
}

/** A value, or lists and records of values. */
export type Sources = Source | readonly Sources[] | { readonly [key: string]: Sources };

export interface Plan {
  readonly inputs: readonly Input[];
  readonly calls: readonly Call[];
  readonly output: Sources;
}

/** What inputs and calls gave. */
export type Values = Map<Input | Call, unknown>;

/** The value of sources; undefined in it where one is missing. */
export function resolve(sources: Sources, values: ReadonlyMap<Input | Call, unknown>): unknown {
  if (sources instanceof Source) {
    const part = (value: unknown, key: string) => (value as Readonly<Record<string, unknown>> | undefined)?.[key];
    return sources.at.reduce(part, values.get(sources.of));
  }
  if (Array.isArray(sources)) return sources.map((entry: Sources) => resolve(entry, values));
  return Object.fromEntries(Object.entries(sources).map(([key, entry]) => [key, resolve(entry, values)]));
}

/** The values in sources, each with the keys that lead to it. */
export function leavesOf(sources: Sources, keys: readonly string[] = []): [readonly string[], Source][] {
  if (sources instanceof Source) return [[keys, sources]];
  return Object.entries(sources).flatMap(([key, entry]: [string, Sources]) => leavesOf(entry, [...keys, key]));
}

/**
 * Call each module through `around`, adding to `values`; calls for which that gives undefined, and what needs them, are left out.
 * Returns the output.
 */
export function run(plan: Plan, values: Values, around: (call: Call, forward: () => unknown) => unknown): unknown {
  for (const call of plan.calls) {
    const args = call.args.map((sources) => resolve(sources, values));
    const keywords = Object.entries(call.keywords).map(([key, sources]) => [key, resolve(sources, values)] as const);
    if (![...args, ...keywords.map(([, value]) => value)].every(isWhole)) continue;
    const value = around(call, () =>
      (call.module.forward as (...args: unknown[]) => unknown)(...args, ...byPosition(call, keywords)),
    );
    if (value !== undefined) values.set(call, value);
  }
  return resolve(plan.output, values);
}

/** A call's results, which an array must be able to hold. */
export function expectRoomFor<T>(module: Module, value: T): T {
  for (const { shape } of tensorsOf(value)) expectRoom(typeName(module.constructor), shape);
  return value;
}

/** Whether nothing of it is left out. */
function isWhole(value: unknown): boolean {
  if (value === undefined) return false;
  if (value instanceof Tensor || typeof value !== 'object' || value === null) return true;
  return Object.values(value).every(isWhole);
}

/** Inputs given by name, in the order in which the module's `forward` takes them. */
function byPosition({ key, module }: Call, keywords: readonly (readonly [string, unknown])[]): unknown[] {
  if (keywords.length === 0) return [];
  const inputs = inputNames(module);
  const given = new Map(keywords);
  const unknown = [...given.keys()].find((name) => !inputs.includes(name));
  if (unknown !== undefined) {
    throw new ArgError(
      `unknown input '${unknown}' of ${key}${didYouMean(unknown, inputs)}; its inputs are ${listed(inputs)}`,
    );
  }
  const last = Math.max(...[...given.keys()].map((name) => inputs.indexOf(name)));
  return inputs.slice(0, last + 1).map((name) => given.get(name));
}

/** Modules called one after the other. */
export function chain(modules: Iterable<readonly [string, Module]>): Plan {
  const input = { name: '', aval: null };
  let output = new Source(input);
  const calls: Call[] = [];
  for (const [name, module] of modules) {
    const call = { name, key: name, module, args: [output], keywords: {} };
    calls.push(call);
    output = new Source(call);
  }
  return { inputs: [input], calls, output };
}

/** One module, with inputs of these names. */
export function alone(module: Module, names: readonly string[]): Plan {
  const inputs = names.map((name): Input => ({ name, aval: null }));
  const name = typeName(module.constructor);
  const keywords = Object.fromEntries(inputs.map((input) => [input.name, new Source(input)]));
  const call = { name, key: name, module, args: [], keywords };
  return { inputs, calls: [call], output: new Source(call) };
}
