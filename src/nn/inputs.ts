import { Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';
import { didYouMean } from '../util/suggest.ts';
import { type Module, typeName } from './module.ts';

/** The optional inputs of a `forward`: one record of them by name, or positionally in the order of `Names`. */
export type Optional<Options, Names extends readonly (keyof Options)[]> =
  | [options?: Options]
  | Partial<{ -readonly [K in keyof Names]: Options[Names[K]] }>;

/** PyTorch's names for the inputs of a module's `forward`, in its order: what its class says in a static `inputs`. */
export function inputNames(module: Module): readonly string[] {
  return (module.constructor as { inputs?: readonly string[] }).inputs ?? ['input'];
}

/** Those that were given beyond the `required` ones, by name. Throws an ArgError for a name that is none of them and for one too many. */
export function optionalInputs<Options extends object>(
  module: Module,
  required: number,
  given: readonly unknown[],
): Options {
  const who = typeName(module.constructor);
  const names = inputNames(module).slice(required);
  const [first] = given;
  if (given.length <= 1 && isRecord(first)) {
    const unknown = Object.keys(first).find((name) => !names.includes(name));
    if (unknown === undefined) return first as Options;
    throw new ArgError(
      `${who}: unknown input '${unknown}'${didYouMean(unknown, names)}; there are ${names.join(', ')}`,
    );
  }
  if (given.length > names.length) {
    throw new ArgError(
      `${who}: expected at most ${names.length} optional inputs (${names.join(', ')}), got ${given.length}`,
    );
  }
  return Object.fromEntries(given.map((value, i) => [names[i]!, value])) as Options;
}

function isRecord(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || value instanceof Tensor) return false;
  return Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null;
}
