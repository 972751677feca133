/** One row per operation and form (test/ops/): shape, dtype, value, gradient, gradient of the gradient. */
import { readdirSync } from 'node:fs';
import { F, grad, manualSeed, Parameter, rand, realize, Tensor, tensor } from 'torcharc';
import { describe, expect, test } from 'vitest';
import { check, type Row } from './ops/check.ts';

const files = readdirSync(new URL('ops', import.meta.url)).filter((file) => file !== 'check.ts');
const families: { rows: readonly Row[] }[] = await Promise.all(files.map((file) => import(`./ops/${file}`)));
const rows = families.flatMap((family) => family.rows);

describe.each([...new Set(rows.map((row) => row.of))])('%s', (of) => {
  for (const row of rows.filter((r) => r.of === of)) test(row.note ?? row.float ?? 'plain', () => check(row));
});

test('every method of Tensor and every export of F has a row', () => {
  const tested = new Set(rows.map((row) => row.of));
  const own = ['constructor', 'shape', 'dtype', 'ndim', 'requiresGrad', 'grad', 'isLeaf', 'toString'];
  const asking = ['backward', 'data', 'item', 'array', 'dispose', 'allclose', 'equal', 'numel', 'size', 'dim'];
  const methods = Object.getOwnPropertyNames(Tensor.prototype).filter((name) => ![...own, ...asking].includes(name));
  const wanted = [...methods, ...Object.keys(F).map((name) => `F.${name}`)];
  expect(wanted.filter((name) => !tested.has(name))).toEqual([]);
});

/** Sizes at which gradients are written in other ways (src/ops/conv.ts). */
test.each([
  ['few channels, many places', [1, 2, 96, 96], [32, 2, 3, 3], { padding: 1 }],
  ['few channels, stride', [2, 1, 200, 190], [32, 1, 3, 2], { stride: [2, 1], dilation: [1, 2] }],
  ['many channels', [1, 16, 128, 128], [3, 16, 3, 2], { padding: 1 }],
] as const)('a large convolution and its gradients are adjoint: %s', async (_name, xs, ws, options) => {
  manualSeed(0);
  const [x, w, v, u] = [rand(xs).sub(0.5), rand(ws).sub(0.5), rand(xs).sub(0.5), rand(ws).sub(0.5)];
  const y = F.conv2d(x, w, options);
  const g = rand(y.shape).sub(0.5);
  await realize(x, w, g);
  const [px, pw] = [new Parameter(x), new Parameter(w)];
  const [dx, dw] = grad(F.conv2d(px, pw, options), [px, pw], { grad_outputs: g }) as [Tensor, Tensor];
  // <dx, v> = <conv(v, w), g> and <dw, u> = <conv(x, u), g>
  const inner = (a: Tensor, b: Tensor) => a.to('float64').mul(b.to('float64')).sum();
  const both = [inner(dx, v), inner(F.conv2d(v, w, options), g), inner(dw, u), inner(F.conv2d(x, u, options), g)];
  await realize(...both);
  const [a, b, c, d] = (await Promise.all(both.map((t) => t.item()))) as [number, number, number, number];
  // sums of some 10⁵ products of float32
  expect(Math.abs(a - b)).toBeLessThan(1e-3 * Math.max(1, Math.abs(b)));
  expect(Math.abs(c - d)).toBeLessThan(1e-3 * Math.max(1, Math.abs(d)));
});

describe('at kinks the gradient is that of PyTorch', () => {
  const slopes = async (f: (...xs: Tensor[]) => Tensor, ...xs: number[][]) => {
    const inputs = xs.map((x) => tensor(x, { requiresGrad: true }));
    const found = grad(f(...inputs).sum(), inputs);
    return Promise.all(found.map((g) => g!.array()));
  };
  // python: f(x).sum().backward(); x.grad
  test.each<[string, (...xs: Tensor[]) => Tensor, number[][], number[][]]>([
    ['relu', (x) => x.relu(), [[0, -1, 2]], [[0, 0, 1]]],
    ['abs', (x) => x.abs(), [[0, -1, 2]], [[0, -1, 1]]],
    ['clamp', (x) => x.clamp({ min: -1, max: 1 }), [[-1, 1, 2]], [[1, 1, 0]]],
    [
      'maximum',
      (x, y) => x.maximum(y),
      [
        [1, 2],
        [1, 3],
      ],
      [
        [0.5, 0],
        [0.5, 1],
      ],
    ],
    [
      'minimum',
      (x, y) => x.minimum(y),
      [
        [1, 2],
        [1, 3],
      ],
      [
        [0.5, 1],
        [0.5, 0],
      ],
    ],
    ['amax', (x) => x.amax(), [[3, 1, 3]], [[0.5, 0, 0.5]]],
    ['amin', (x) => x.amin(), [[1, 1, 3]], [[0.5, 0.5, 0]]],
    ['pow 0 of 0', (x) => x.pow(0), [[0, 1]], [[0, 0]]],
    ['pow 2 of 0', (x) => x.pow(2), [[0, 1]], [[0, 2]]],
    [
      '0 to a power',
      (x, y) => x.pow(y),
      [
        [0, 2],
        [2, 0],
      ],
      [
        [0, 0],
        [0, Math.fround(Math.LN2)],
      ],
    ],
    ['0 to the 0', (x, y) => x.pow(y), [[0], [0]], [[0], [0]]],
    ['elu', (x) => F.elu(x, { alpha: 2 }), [[0, 1]], [[2, 1]]],
    ['leakyRelu', (x) => F.leakyRelu(x, { negative_slope: 0.5 }), [[0, 1]], [[0.5, 1]]],
    ['maxPool2d', (x) => F.maxPool2d(x.reshape([1, 2, 2]), { kernel_size: 2 }), [[1, 3, 3, 2]], [[0, 1, 0, 0]]],
    ['floor', (x) => x.floor(), [[0.5, 1]], [[0, 0]]],
  ])('%s', async (_name, f, xs, want) => {
    expect(await slopes(f, ...xs)).toEqual(want);
  });
});

describe('dropout', () => {
  test('zeroes with probability p and divides the rest by 1 - p, the gradient likewise', async () => {
    manualSeed(0);
    const x = tensor(new Float32Array(20_000).fill(3), { requiresGrad: true });
    const y = F.dropout(x, { p: 0.25 });
    y.sum().backward();
    const values = (await y.data()) as Float32Array;
    expect(new Set(values)).toEqual(new Set([0, 4]));
    const dropped = values.filter((v) => v === 0).length;
    // five standard deviations of a binomial
    expect(Math.abs(dropped - 5000)).toBeLessThan(5 * Math.sqrt(20_000 * 0.25 * 0.75));
    expect(await x.grad!.data()).toEqual(values.map((v) => v / 3));
  });

  test('of features: whole channels', async () => {
    manualSeed(1);
    const y = F.dropout1d(tensor(new Float32Array(640).fill(1), { shape: [4, 16, 10] }), { p: 0.5 });
    const sums = new Set((await y.sum({ dim: 2 }).data()) as Float32Array);
    expect(sums).toEqual(new Set([0, 20]));
  });

  test('the seed decides the mask', async () => {
    const mask = async (seed: number) => {
      manualSeed(seed);
      return F.dropout(tensor(new Float32Array(64).fill(1))).data();
    };
    expect(await mask(5)).toEqual(await mask(5));
    expect(await mask(5)).not.toEqual(await mask(6));
  });
});
