import * as fc from 'fast-check';
import { F, freeze, manualSeed, nn, ones, rand, randint, realize, type Tensor, tensor } from 'torcharc';
import { expect, test } from 'vitest';
import { assemble } from '../../scripts/wasm.ts';
import { affine } from '../ops/norm.ts';
import { collect } from './graph.ts';
import { code, smallProgram } from './small.ts';

const settings = { seed: 20261123, numRuns: 40 };
const upTo = (most: number, least = 1) => fc.integer({ min: least, max: most });
const isSmall = async (y: Tensor) => (await smallProgram(collect([y.node]))) !== null;

/** What the frozen layer gives for x is what the layer gives, to the last bit or to some digits; whether by kernels is told. */
async function expectSame(layer: nn.Module, x: Tensor, small = true, digits = 0): Promise<void> {
  await realize(x);
  const frozen = freeze(layer.eval());
  const call = (m: { forward(...xs: never[]): unknown }) => m.forward(x as never) as Tensor;
  expect(await isSmall(call(frozen)), String(layer)).toBe(small);
  const y = call(frozen);
  expect(y.shape).toEqual(call(layer).shape);
  const want = await call(layer).data();
  for (const got of [await y.data(), await call(frozen).data()]) {
    if (digits === 0) expect(got, String(layer)).toEqual(want);
    else for (const [i, v] of want.entries()) expect(got[i], `${layer}, element ${i}`).toBeCloseTo(v as number, digits);
  }
}

test('lookups', async () => {
  const cases = fc.record({ rows: upTo(20), size: upTo(9), shape: fc.array(upTo(5), { maxLength: 3 }) });
  await fc.assert(
    fc.asyncProperty(cases, async ({ rows, size, shape }) => {
      manualSeed(0);
      const layer = new nn.Embedding({ num_embeddings: rows, embedding_dim: size });
      await expectSame(layer, randint(0, rows, shape));
    }),
    settings,
  );
});

test('evaluation-mode batch norm', async () => {
  const cases = fc.record({ shape: fc.array(upTo(9), { minLength: 3, maxLength: 5 }), affine: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(cases, async ({ shape, affine }) => {
      manualSeed(0);
      const layers = [nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d];
      const layer = new layers[shape.length - 3]!({ num_features: shape[1]!, affine });
      const x = rand(shape);
      // statistics that are not those of the beginning
      if (shape[0]! > 1) await layer.forward(x).data();
      await expectSame(layer, x);
    }),
    settings,
  );
});

test('rows normalised', async () => {
  const cases = fc.record({
    lines: fc.array(upTo(5), { maxLength: 2 }),
    size: upTo(5).map((n) => 4 * n),
    options: fc.record({ elementwise_affine: fc.boolean(), bias: fc.boolean(), eps: fc.constantFrom(1e-5, 0.1) }),
    centred: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ lines, size, centred, options: { bias, ...rest } }) => {
      manualSeed(0);
      const options = { normalized_shape: size, ...rest };
      const layer = centred ? new nn.LayerNorm({ ...options, bias }) : new nn.RMSNorm(options);
      for (const p of layer.parameters()) nn.init.normal_(p);
      await expectSame(
        layer,
        rand([...lines, size])
          .mul(3)
          .sub(1),
        true,
        5,
      );
    }),
    settings,
  );
});

test('rows with little spread beside their mean', async () => {
  manualSeed(0);
  for (const size of [4, 256, 4096]) {
    const layer = new nn.LayerNorm({ normalized_shape: size });
    await expectSame(layer, ones([2, size]).mul(100.1), true, 6);
    const [x] = [rand([2, size]).add(100)];
    await expectSame(layer, x, true, 3);
  }
  await expectSame(new nn.LayerNorm({ normalized_shape: 4 }), tensor([3e38, 3e38, 3e38, 3e38]), true, 6);
  await expectSame(new nn.GroupNorm({ num_groups: 2, num_channels: 8 }), ones([1, 8, 32, 32]).mul(100.1), true, 6);
});

test('timers have their turn', async () => {
  const [frozen, x] = [freeze(new nn.LayerNorm({ normalized_shape: 4 })), rand([2, 4])];
  let fired = false;
  setTimeout(() => {
    fired = true;
  }, 20);
  const end = performance.now() + 2000;
  while (!fired && performance.now() < end) await frozen.forward(x).data();
  expect(fired).toBe(true);
});

test('several such layers, and views between them', async () => {
  manualSeed(0);
  const table = new nn.Embedding({ num_embeddings: 9, embedding_dim: 8 });
  const text = new nn.Sequential(table, new nn.LayerNorm({ normalized_shape: 8 }), new nn.Flatten());
  await expectSame(text, randint(0, 9, [3, 5]), true, 5);
  const groups = new nn.GroupNorm({ num_groups: 2, num_channels: 4 });
  await expectSame(new nn.Sequential(groups, new nn.MaxPool2d({ kernel_size: 2 })), rand([2, 4, 4, 6]), true, 5);
  const x = rand([2, 3, 4, 4]);
  expect(await isSmall(freeze(new nn.Flatten()).forward(x) as Tensor)).toBe(false);
});

test('pooling that halves', async () => {
  const values = fc.constantFrom(0, 1, -1, 2.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
  const cases = fc.tuple(upTo(2), upTo(3), upTo(4), upTo(13)).chain(([n, c, h, w]) =>
    fc.record({
      shape: fc.constant([n, c, 2 * h, 2 * w]),
      data: fc.array(values, { minLength: 4 * n * c * h * w, maxLength: 4 * n * c * h * w }),
    }),
  );
  await fc.assert(
    fc.asyncProperty(cases, async ({ shape, data }) => {
      await expectSame(new nn.MaxPool2d({ kernel_size: 2 }), tensor(Float32Array.from(data), { shape }));
    }),
    settings,
  );
});

test('an index that is none is told', async () => {
  const frozen = freeze(new nn.Embedding({ num_embeddings: 4, embedding_dim: 3 }));
  const told = (index: bigint[]) =>
    frozen
      .forward(tensor(BigInt64Array.from(index), { shape: [index.length] }))
      .data()
      .then(String, String);
  for (const index of [4n, -1n, 2n ** 32n, -(2n ** 63n)]) {
    expect(await told([0n, 3n, index, 9n])).toBe(
      `ArgError: embedding: index out of range in self: ${index} is not in the valid range [0, 4)`,
    );
  }
  expect(await told([3n])).not.toContain('Error');
  const narrow = tensor(Int32Array.of(-(2 ** 31) + 1), { shape: [1] });
  expect(await frozen.forward(narrow).data().then(String, String)).toContain('SessionError');
});

test('what else ONNX Runtime runs', async () => {
  const pool = new nn.MaxPool2d({ kernel_size: 2 });
  await expectSame(pool, rand([2, 3, 5, 4]), false);
  await expectSame(pool, rand([2, 64, 64, 64]), false);
  await expectSame(pool, rand([0, 3, 4, 4]), false);
  await expectSame(new nn.MaxPool2d({ kernel_size: 3 }), rand([2, 3, 9, 9]), false);
  await expectSame(new nn.BatchNorm1d({ num_features: 3 }), rand([2, 3]), false);
  const table = new nn.Embedding({ num_embeddings: 4, embedding_dim: 3 });
  await expectSame(
    table,
    tensor(
      [
        [1, 0],
        [3, 3],
      ],
      { dtype: 'int32' },
    ),
    false,
  );
  await expectSame(new nn.Sequential(pool, new nn.ReLU()), rand([2, 3, 4, 4]), false);
});

test('what is fed may be the table, twice the same, or more than is used', async () => {
  class Two extends nn.Module {
    readonly f: (a: Tensor, b: Tensor) => Tensor;
    constructor(f: (a: Tensor, b: Tensor) => Tensor) {
      super();
      this.f = f;
    }
    override forward(a: Tensor, b: Tensor): Tensor {
      return this.f(a, b);
    }
  }
  const [rows, index] = [rand([6, 3]), randint(0, 6, [4])];
  const looked = freeze(new Two((a, b) => F.embedding(b, a)));
  expect(await isSmall(looked.forward(rows, index))).toBe(true);
  expect(await looked.forward(rows, index).data()).toEqual(await F.embedding(index, rows).data());
  const unused = freeze(new Two((a) => F.maxPool2d(a, { kernel_size: 2 })));
  const [x, y] = [rand([1, 2, 4, 4]), rand([3])];
  expect(await unused.forward(x, y).data()).toEqual(await F.maxPool2d(x, { kernel_size: 2 }).data());
  const b = rand([2]);
  const want = await affine(x, b, b).data();
  expect(
    await freeze(new Two((a, c) => affine(a, c, c)))
      .forward(x, b)
      .data(),
  ).toEqual(want);
  expect(
    await freeze(new Two((a) => affine(a, b, b)))
      .forward(x, y)
      .data(),
  ).toEqual(want);
});

test('small.ts holds what small.wat says', async () => {
  expect(code).toBe(await assemble('engine/small'));
});
