/** The classes of a target: their names and order, and indices in place of what was read. */
import type { TypedArray } from '../tensor/dtype.ts';
import { numel } from '../tensor/shape.ts';
import { TorcharcError } from '../util/errors.ts';
import { everyRow } from './assemble.ts';
import { ArrayField, attributes } from './fields.ts';
import type { Field } from './samples.ts';
import { listed } from './text.ts';

/** Of more kinds than this values are numbers, not classes. */
export const MOST_CLASSES = 2 ** 16;

/** Names in the order of their numbers if all are numbers, else in that of their characters. */
export function sortedClasses(names: Iterable<string>): string[] {
  const all = [...names];
  const numeric = all.every((value) => Number.isFinite(Number(value)));
  return all.sort(numeric ? (a, b) => Number(a) - Number(b) : (a, b) => (a < b ? -1 : 1));
}

/** Samples looked at together. */
const CHUNK = 2 ** 16;

/**
 * A field of whole numbers as one of class indices. `known`: the classes of an earlier run; others are then refused.
 */
export async function classField(
  field: Field,
  name: string,
  known?: readonly string[],
): Promise<{ field: Field; classes: readonly string[] }> {
  const classes = known ?? sortedClasses(Array.from(await distinct(field, name), String));
  const index = new Map<unknown, bigint>();
  for (const [i, text] of classes.entries()) if (/^-?\d+$/.test(text)) index.set(BigInt(text), BigInt(i));
  const indices = (values: TypedArray, sample: (i: number) => number) => {
    const out = new BigInt64Array(values.length);
    for (let i = 0; i < out.length; i++) {
      const found = index.get(values[i]);
      if (found === undefined)
        throw new TorcharcError(
          `${name}: sample ${sample(i)}: expected one of the classes ${listed(classes)}, got ${values[i]}`,
        );
      out[i] = found;
    }
    return out;
  };
  const width = numel(field.shape);
  if (field instanceof ArrayField) {
    const data = indices(field.data, (i) => Math.floor(i / width));
    return { field: new ArrayField(data, field.shape, field.size), classes };
  }
  const taken: Field = {
    ...attributes(field),
    take(rows) {
      const values = field.take(rows);
      const at = (i: number) => rows[Math.floor(i / width)]!;
      return values instanceof Promise ? values.then((read) => indices(read, at)) : indices(values, at);
    },
  };
  return { field: taken, classes };
}

async function distinct(field: Field, name: string): Promise<Set<bigint>> {
  const met = new Set<bigint>();
  const rows = everyRow(field.size);
  for (let begin = 0; begin < rows.length; begin += CHUNK) {
    const values = await field.take(rows.subarray(begin, begin + CHUNK));
    for (const value of values) met.add(value as bigint);
    if (met.size > MOST_CLASSES)
      throw new TorcharcError(`${name}: expected at most ${MOST_CLASSES} classes; is its task regression?`);
  }
  return met;
}
