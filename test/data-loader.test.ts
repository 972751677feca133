import { expect, test } from 'vitest';
import {
  arrayField,
  type Batch,
  batchCount,
  type LoaderOptions,
  loader,
  permutation,
  subset,
} from '../src/data/loader.ts';
import type { Field, Samples } from '../src/data/samples.ts';
import { hostData, type Tensor } from '../src/tensor/tensor.ts';
import { Generator } from '../src/util/generator.ts';

const numbersTo = (n: number) => Float32Array.from({ length: n }, (_, i) => i);

/** `n` samples: two numbers and a class each. */
function small(n: number): Samples {
  return {
    size: n,
    inputs: { input: arrayField(numbersTo(2 * n), [2]) },
    targets: {
      target: arrayField(
        BigInt64Array.from({ length: n }, (_, i) => BigInt(i)),
        [],
      ),
    },
  };
}

async function all(samples: Samples, options: LoaderOptions): Promise<Batch[]> {
  const batches: Batch[] = [];
  for await (const batch of loader(samples, options)) batches.push(batch);
  return batches;
}

const values = (tensor: Tensor) => [...hostData(tensor, 'test')].map(Number);
const rows = (batches: readonly Batch[]) => batches.map(({ targets }) => values(targets.target!));

test.each([
  [10, 4, [4, 4, 2]],
  [8, 4, [4, 4]],
  [9, 4, [4, 5]],
  [3, 4, [3]],
  [1, 4, [1]],
  [3, 1, [1, 1, 1]],
  [0, 4, []],
])('%i samples in batches of %i: a single sample joins the batch before', async (size, batchSize, sizes) => {
  expect((await all(small(size), { batchSize })).map((batch) => batch.size)).toEqual(sizes);
  expect(batchCount(size, batchSize)).toBe(sizes.length);
});

test('tensors of inputs and targets by name, in order', async () => {
  const samples = small(5);
  const targets = { ...samples.targets, value: arrayField(numbersTo(5), [1]) };
  const [first, second] = await all({ ...samples, targets }, { batchSize: 3 });
  expect([first!.inputs.input!.shape, first!.inputs.input!.dtype]).toEqual([[3, 2], 'float32']);
  expect([first!.targets.target!.shape, first!.targets.target!.dtype]).toEqual([[3], 'int64']);
  expect([first!.targets.value!.shape, first!.targets.value!.dtype]).toEqual([[3, 1], 'float32']);
  expect(values(second!.inputs.input!)).toEqual([6, 7, 8, 9]);
});

test('shuffled as torch.randperm', async () => {
  const order = [...new Generator(3).randperm(10)].map(Number);
  expect([...permutation(10, new Generator(3))]).toEqual(order);
  expect(rows(await all(small(10), { batchSize: 4, shuffle: new Generator(3) })).flat()).toEqual(order);
});

test('skip leaves out the first batches and draws the same order', async () => {
  const whole = await all(small(11), { batchSize: 3, shuffle: new Generator(1) });
  const generator = new Generator(1);
  expect(rows(await all(small(11), { batchSize: 3, shuffle: generator, skip: 2 }))).toEqual(rows(whole).slice(2));
  // and the next epoch's
  const again = new Generator(1);
  loader(small(11), { batchSize: 3, shuffle: again });
  expect(generator.getState()).toEqual(again.getState());
});

test('dropLast leaves out what does not fill a batch', async () => {
  for (const size of [8, 9, 11]) {
    expect((await all(small(size), { batchSize: 4, dropLast: true })).map((batch) => batch.size)).toEqual([4, 4]);
  }
});

test('subset: some samples in the order given', async () => {
  const some = subset(subset(small(10), Uint32Array.of(9, 3, 5, 1)), Uint32Array.of(3, 0));
  expect(rows(await all(some, { batchSize: 8 }))).toEqual([[1, 9]]);
});

test('options that cannot be', () => {
  for (const [options, sentence] of [
    [{ batchSize: 0 }, 'loader: batchSize: expected a positive whole number, got 0'],
    [{ batchSize: 1.5 }, 'loader: batchSize: expected a positive whole number, got 1.5'],
    [{}, 'loader: batchSize: expected a positive whole number, got undefined'],
    [{ batch_size: 2 }, "loader: batch_size: unknown option (did you mean 'batchSize'?)"],
    [{ batchSize: 2, shuffle: true }, "loader: shuffle: expected a Generator, as 'new Generator(0)', got true"],
    [{ batchSize: 2, skip: -1 }, 'loader: skip: expected a whole number from 0 on, got -1'],
  ] as const) {
    expect(() => loader(small(5), options as unknown as LoaderOptions)).toThrow(sentence);
  }
});

test('arrayField refuses what is no whole number of samples', () => {
  expect(() => arrayField(numbersTo(7), [2])).toThrow(
    expect.objectContaining({
      message: 'arrayField: expected a multiple of 2 values, for samples of shape [2], got 7',
    }),
  );
});

/** A field read in blocks, and what it was asked for. `shape` says how large its samples are taken to be. */
function inBlocks(size: number, block: number, shape: number[] = []) {
  const asked: number[][] = [];
  const field: Field = {
    size,
    shape,
    dtype: 'float32',
    block,
    take: async (at) => {
      asked.push([...at]);
      return Float32Array.from(at);
    },
  };
  return { asked, samples: { size, inputs: { input: field }, targets: {} } };
}

test('fields of blocks are shuffled group by group', async () => {
  // 4 MB a sample: 8 samples, 2 blocks, are a group
  const { asked, samples } = inBlocks(32, 4, [2 ** 20]);
  await all(samples, { batchSize: 8, shuffle: new Generator(0) });
  expect(asked.flat().toSorted((a, b) => a - b)).toEqual([...numbersTo(32)]);
  expect(asked.flat()).not.toEqual([...numbersTo(32)]);
  for (const group of asked) {
    expect(new Set(group.map((row) => Math.floor(row / 4))).size).toBe(2);
    expect(group).not.toEqual(group.toSorted((a, b) => a - b));
  }
  // where all fits into a group, blocks do not show
  const plain = inBlocks(32, 4);
  await all(plain.samples, { batchSize: 8, shuffle: new Generator(0) });
  expect(plain.asked.some((batch) => new Set(batch.map((row) => Math.floor(row / 4))).size > 4)).toBe(true);
});

test('a record keeps the order of its names where some fields are read', async () => {
  const { samples } = inBlocks(4, 2);
  const mixed = { ...samples, inputs: { read: samples.inputs.input, held: arrayField(numbersTo(4), []) } };
  const [batch] = await all(mixed, { batchSize: 4 });
  expect(Object.entries(batch!.inputs).map(([name, tensor]) => [name, values(tensor)])).toEqual([
    ['read', [0, 1, 2, 3]],
    ['held', [0, 1, 2, 3]],
  ]);
});
