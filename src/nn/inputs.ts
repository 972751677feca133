import { Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';
import { didYouMean } from '../util/suggest.ts';

/** The optional inputs of a `forward`: one record of them by name, or positionally in the order of `Names`. */
export type Optional<Options, Names extends readonly (keyof Options)[]> =
  | [options?: Options]
  | Partial<{ -readonly [K in keyof Names]: Options[Names[K]] }>;

/** Those that were given, by name. Throws an ArgError for a name that is none of them and for one too many. */
export function optionalInputs<Options extends object>(
  who: string,
  names: readonly (keyof Options & string)[],
  given: readonly unknown[],
): Options {
  const [first] = given;
  if (given.length <= 1 && isRecord(first)) {
    const unknown = Object.keys(first).find((name) => !names.includes(name as never));
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
