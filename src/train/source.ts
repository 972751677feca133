/** Where batches come from: samples, which are shuffled and cut here, or any iterable of batches. */
import { batchCount, loader } from '../data/loader.ts';
import type { Samples } from '../data/samples.ts';
import { Tensor } from '../tensor/tensor.ts';
import { ArgError, ShapeError, TorcharcError } from '../util/errors.ts';
import type { Generator } from '../util/generator.ts';
import { show } from '../util/python.ts';

/** A batch as a user gives it: tensors whose first dimension counts the samples, by name where there are several. */
export interface Batch {
  readonly inputs: Tensor | Readonly<Record<string, Tensor>>;
  readonly targets: Tensor | Readonly<Record<string, Tensor>>;
}

type Batches = Iterable<Batch> | AsyncIterable<Batch>;

/** Samples, batches, or a function that gives the batches of an epoch (counted from 1). */
export type Source = Samples | Batches | ((epoch: number) => Batches);

export interface NamedBatch {
  readonly size: number;
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly targets: Readonly<Record<string, Tensor>>;
}

/** What a lone input and a lone target are called. */
export const INPUT = 'input';
export const TARGET = 'target';

export interface Order {
  /** From 1. */
  readonly epoch: number;
  readonly batchSize: number;
  /** For samples: the order is drawn from it. */
  readonly shuffle: Generator | null;
  /** Batches to leave out at the beginning. */
  readonly skip: number;
}

function isSamples(source: Source): source is Samples {
  return typeof source === 'object' && 'inputs' in source && 'targets' in source;
}

/** How many batches an epoch has; null where only the iterable knows. */
export function countBatches(source: Source, batchSize: number): number | null {
  return isSamples(source) ? batchCount(source.size, batchSize) : null;
}

/** How many samples there are; null where only the iterable knows. */
export function countSamples(source: Source): number | null {
  return isSamples(source) ? source.size : null;
}

/** The batches of an epoch. */
export async function* batchesOf(who: string, source: Source, order: Order): AsyncIterable<NamedBatch> {
  if (isSamples(source)) {
    const { batchSize, shuffle, skip } = order;
    yield* loader(source, { batchSize, shuffle, skip });
    return;
  }
  const batches = typeof source === 'function' ? source(order.epoch) : source;
  let at = 0;
  for await (const batch of batches) {
    if (at++ >= order.skip) yield named(`${who}: batch ${at} of epoch ${order.epoch}`, batch);
  }
  if (at > 0) return;
  const hint = order.epoch > 1 ? '; one that can be used once only is given as a function of the epoch' : '';
  throw new TorcharcError(`${who}: the batches of epoch ${order.epoch} are none${hint}`);
}

function named(who: string, batch: Batch): NamedBatch {
  if (typeof batch !== 'object' || batch === null || !('inputs' in batch) || !('targets' in batch))
    throw new ArgError(`${who}: expected { inputs, targets }, got ${show(batch)}`);
  const inputs = byName(`${who}: inputs`, batch.inputs, INPUT);
  const targets = byName(`${who}: targets`, batch.targets, TARGET);
  let size: number | undefined;
  for (const [name, tensor] of [...Object.entries(inputs), ...Object.entries(targets)]) {
    size ??= tensor.shape[0];
    if (tensor.shape[0] === size && size) continue;
    throw new ShapeError(
      `${who}: expected tensors of one number of samples, ${size ?? 'at least 1'}, got ${tensor.shape[0] ?? 'a scalar'} in '${name}'`,
    );
  }
  return { size: size!, inputs, targets };
}

function byName(who: string, given: unknown, lone: string): Readonly<Record<string, Tensor>> {
  if (given instanceof Tensor) return { [lone]: given };
  const entries = typeof given === 'object' && given !== null ? Object.entries(given) : [];
  const wrong = entries.find(([, value]) => !(value instanceof Tensor));
  if (entries.length === 0 || wrong)
    throw new ArgError(`${who}: expected a tensor, or a record of tensors, got ${show(wrong ? wrong[1] : given)}`);
  return given as Readonly<Record<string, Tensor>>;
}

/** Groups of `size` items, the last one maybe of fewer, and whether it is the last; the next item is fetched meanwhile. */
export async function* grouped<T>(
  items: AsyncIterable<T>,
  size: number,
): AsyncIterable<{ readonly group: T[]; readonly last: Promise<boolean> }> {
  const iterator = items[Symbol.asyncIterator]();
  let ahead = iterator.next();
  try {
    for (let item = await ahead; !item.done; item = await ahead) {
      const group = [item.value];
      ahead = iterator.next();
      while (group.length < size) {
        const more = await ahead;
        if (more.done) break;
        group.push(more.value);
        ahead = iterator.next();
      }
      // an error of the next one is told when it is its turn
      const last = ahead.then(
        ({ done }) => done === true,
        () => false,
      );
      yield { group, last };
    }
  } finally {
    await iterator.return?.();
  }
}
