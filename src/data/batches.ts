import { numel } from '../tensor/shape.ts';
import { leaf, Tensor } from '../tensor/tensor.ts';
import type { Generator } from '../util/generator.ts';
import { gather, type Part } from './dataset.ts';

export interface Batch {
  readonly size: number;
  readonly x: Tensor;
  readonly target: Tensor;
}

/**
 * Sizes of the batches of an epoch. The last one may be smaller; if it would hold a single sample it goes into the one
 * before, since batch normalization has no variance to take over one sample.
 */
export function batchSizes(rows: number, batchSize: number): number[] {
  const sizes = new Array<number>(Math.floor(rows / batchSize)).fill(batchSize);
  const rest = rows % batchSize;
  if (rest === 1 && sizes.length > 0) sizes[sizes.length - 1] = batchSize + 1;
  else if (rest > 0) sizes.push(rest);
  return sizes;
}

/** The rows of a part in batches, shuffled by a generator or in order. */
export function* batches(part: Part, batchSize: number, shuffle: Generator | null): Iterable<Batch> {
  const order = shuffle
    ? Array.from(shuffle.randperm(part.size), Number)
    : Array.from({ length: part.size }, (_, i) => i);
  let begin = 0;
  for (const size of batchSizes(part.size, batchSize)) {
    const rows = order.slice(begin, begin + size);
    begin += size;
    const features = gather(part.features, numel(part.shape), rows);
    const targets = gather(part.targets, 1, rows);
    yield {
      size,
      x: new Tensor(leaf(features, { shape: [size, ...part.shape], dtype: 'float32' })),
      target: new Tensor(
        targets instanceof Float32Array
          ? leaf(targets, { shape: [size, 1], dtype: 'float32' })
          : leaf(targets, { shape: [size], dtype: 'int64' }),
      ),
    };
  }
}
