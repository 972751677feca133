/** Samples in batches of tensors, shuffled by a generator or in order. */
import { itemSize } from '../tensor/dtype.ts';
import { numel } from '../tensor/shape.ts';
import { leaf, Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';
import { Generator } from '../util/generator.ts';
import { show } from '../util/python.ts';
import { strayOption } from '../util/suggest.ts';
import type { Field, Samples } from './samples.ts';

export { arrayField, subset } from './fields.ts';

export interface Batch {
  readonly size: number;
  readonly inputs: Record<string, Tensor>;
  /** Class indices `[size]`, values `[size, ...shape]`. */
  readonly targets: Record<string, Tensor>;
}

export interface LoaderOptions {
  readonly batchSize: number;
  /** Draws the order, once, when `loader` is called; in the order of the samples if left out. */
  readonly shuffle?: Generator | null;
  /** How many of the first batches to leave out: they are not read, and the others are what they would have been. */
  readonly skip?: number;
  /** Leave out the last samples where they do not fill a batch. */
  readonly dropLast?: boolean;
}

/**
 * Samples in batches.
 *
 * The last batch may be smaller; if it would hold a single sample it goes into the one before, since batch normalization has no
 * variance to take over one sample. The order is that of `torch.randperm` for fields that can be read in any order; otherwise
 * see `blockwise`.
 */
export function loader(samples: Samples, options: LoaderOptions): AsyncIterable<Batch> {
  checkLoader(options);
  const { batchSize, shuffle = null, skip = 0, dropLast = false } = options;
  const order = shuffle ? shuffled(samples, shuffle) : new Uint32Array(samples.size).map((_, i) => i);
  const count = dropLast ? Math.floor(samples.size / batchSize) : batchCount(samples.size, batchSize);
  const end = dropLast ? count * batchSize : samples.size;
  return { [Symbol.asyncIterator]: () => batchesOf(samples, order.subarray(0, end), batchSize, skip, count) };
}

const names = ['batchSize', 'shuffle', 'skip', 'dropLast'];

function checkLoader(options: LoaderOptions): void {
  const stray = strayOption(options ?? {}, names);
  if (stray) throw new ArgError(`loader: ${stray.name}: ${stray.message}`);
  const { batchSize, shuffle = null, skip = 0 } = options ?? {};
  if (!Number.isSafeInteger(batchSize) || batchSize < 1)
    throw new ArgError(`loader: batchSize: expected a positive whole number, got ${show(batchSize)}`);
  if (!Number.isSafeInteger(skip) || skip < 0)
    throw new ArgError(`loader: skip: expected a whole number from 0 on, got ${show(skip)}`);
  if (shuffle !== null && !(shuffle instanceof Generator))
    throw new ArgError(`loader: shuffle: expected a Generator, as 'new Generator(0)', got ${show(shuffle)}`);
}

/** How many batches `loader` makes of so many samples. */
export function batchCount(size: number, batchSize: number): number {
  const full = Math.floor(size / batchSize);
  return size - full * batchSize > (full > 0 ? 1 : 0) ? full + 1 : full;
}

async function* batchesOf(samples: Samples, order: Uint32Array, batchSize: number, skip: number, count: number) {
  for (let batch = skip; batch < count; batch++) {
    const rows = order.subarray(batch * batchSize, batch + 1 === count ? order.length : (batch + 1) * batchSize);
    const inputs = takeAll(samples.inputs, rows);
    const targets = takeAll(samples.targets, rows);
    yield {
      size: rows.length,
      // a record that is there already is not waited for: a wait costs as much as a small batch
      inputs: inputs instanceof Promise ? await inputs : inputs,
      targets: targets instanceof Promise ? await targets : targets,
    };
  }
}

type Tensors = Record<string, Tensor>;

function takeAll(fields: Samples['inputs'], rows: Uint32Array): Tensors | Promise<Tensors> {
  const tensors: Tensors = {};
  const pending: Promise<void>[] = [];
  for (const name in fields) {
    const field = fields[name]!;
    const aval = { shape: [rows.length, ...field.shape], dtype: field.dtype };
    const data = field.take(rows);
    // placed before it is there, so that names keep their order
    tensors[name] = new Tensor(leaf(data instanceof Promise ? null : data, aval));
    if (data instanceof Promise)
      pending.push(
        data.then((values) => {
          tensors[name] = new Tensor(leaf(values, aval));
        }),
      );
  }
  return pending.length > 0 ? Promise.all(pending).then(() => tensors) : tensors;
}

function shuffled(samples: Samples, generator: Generator): Uint32Array {
  const fields = [...Object.values(samples.inputs), ...Object.values(samples.targets)];
  const block = Math.max(...fields.map((field) => field.block ?? 0));
  return block > 0 ? blockwise(samples.size, block, fields, generator) : permutation(samples.size, generator);
}

/** Samples that are shuffled together where reading order matters: as many as take this many bytes. */
const GROUP_BYTES = 32 * 2 ** 20;

/**
 * An order for what is read in blocks of neighbors: the blocks are permuted, then the rows within each group of so many blocks
 * as are held in memory together. Data of one group is permuted as a whole.
 */
function blockwise(size: number, block: number, fields: readonly Field[], generator: Generator): Uint32Array {
  const bytes = fields.reduce((sum, { shape, dtype }) => sum + numel(shape) * itemSize(dtype), 0);
  const group = Math.max(1, Math.floor(GROUP_BYTES / (bytes * block)));
  const blocks = permutation(Math.ceil(size / block), generator);
  const order = new Uint32Array(size);
  let end = 0;
  for (let first = 0; first < blocks.length; first += group) {
    const begin = end;
    for (const b of blocks.subarray(first, first + group)) {
      for (let row = b * block; row < Math.min((b + 1) * block, size); row++) order[end++] = row;
    }
    permute(order.subarray(begin, end), generator);
  }
  return order;
}

/** The permutation of `generator.randperm(n)`, in half the memory. */
export function permutation(n: number, generator: Generator): Uint32Array<ArrayBuffer> {
  return permute(
    new Uint32Array(n).map((_, i) => i),
    generator,
  );
}

function permute(values: Uint32Array<ArrayBuffer>, generator: Generator): Uint32Array<ArrayBuffer> {
  const n = values.length;
  for (let i = 0; i < n - 1; i++) {
    const j = i + (generator.random32() % (n - i));
    const value = values[i]!;
    values[i] = values[j]!;
    values[j] = value;
  }
  return values;
}
