/** What layers draw: its statistics, its dependence on the seed and the mode, in compiled functions too. */
import { compile, F, manualSeed, nn, randn, type Tensor, tensor } from 'torcharc';
import { describe, expect, test } from 'vitest';

const ones = (shape: readonly number[]) =>
  tensor(new Float32Array(shape.reduce((n, d) => n * d, 1)).fill(1), { shape, requiresGrad: true });
const values = async (t: Tensor) => (await t.data()) as Float32Array;

/** Mean and variance, and how far chance may take each: five standard deviations, estimated from the numbers themselves. */
function moments(data: Float32Array) {
  const average = (f: (x: number) => number) => data.reduce((sum, x) => sum + f(x), 0) / data.length;
  const mean = average((x) => x);
  const variance = average((x) => (x - mean) ** 2);
  const ofSquares = average((x) => ((x - mean) ** 2 - variance) ** 2);
  const slack = (v: number) => 5 * Math.sqrt(v / data.length);
  return { mean: [mean, slack(variance)], variance: [variance, slack(ofSquares)] } as const;
}
function expectNear([got, slack]: readonly [number, number], want: number): void {
  expect(Math.abs(got - want)).toBeLessThan(slack);
}

/** Layers that draw in training, and what they are given. */
const layers: [name: string, layer: nn.Module & { forward(x: Tensor): Tensor }, shape: number[]][] = [
  ['Dropout', new nn.Dropout({ p: 0.3 }), [40, 50]],
  ['Dropout1d', new nn.Dropout1d({ p: 0.3 }), [40, 50, 2]],
  ['Dropout2d', new nn.Dropout2d({ p: 0.3 }), [40, 50, 2, 1]],
  ['Dropout3d', new nn.Dropout3d({ p: 0.3 }), [40, 50, 1, 2, 1]],
  ['AlphaDropout', new nn.AlphaDropout({ p: 0.3 }), [40, 50]],
  ['FeatureAlphaDropout', new nn.FeatureAlphaDropout({ p: 0.3 }), [40, 50, 2]],
  ['RReLU', new nn.RReLU(), [40, 50]],
];

describe.each(layers)('%s', (_name, layer, shape) => {
  const x = randn(shape);

  test('the seed decides what is drawn, each call draws anew', async () => {
    manualSeed(1);
    const [a, b] = [await values(layer.forward(x)), await values(layer.forward(x))];
    manualSeed(1);
    expect(await values(layer.forward(x))).toEqual(a);
    expect(b).not.toEqual(a);
  });

  test('a compiled function draws anew, the same as uncompiled', async () => {
    const step = compile((t: Tensor) => layer.forward(t).mul(1));
    manualSeed(2);
    const compiled = [await values(await step(x)), await values(await step(x))];
    manualSeed(2);
    expect([await values(layer.forward(x)), await values(layer.forward(x))]).toEqual(compiled);
    expect(compiled[0]).not.toEqual(compiled[1]);
  });

  test('evaluation draws nothing', async () => {
    layer.eval();
    manualSeed(3);
    const y = await values(layer.forward(x));
    const next = await values(randn([2]));
    manualSeed(3);
    expect(await values(randn([2]))).toEqual(next);
    if (layer instanceof nn.RReLU) expect(Math.min(...y)).toBeCloseTo((11 / 48) * Math.min(...(await values(x))), 5);
    else expect(y).toEqual(await values(x));
    layer.train();
  });
});

test.each([
  ['dropout1d', F.dropout1d, [40, 50, 3]],
  ['dropout2d', F.dropout2d, [40, 50, 1, 3]],
  ['dropout3d', F.dropout3d, [40, 50, 3, 1, 1]],
] as const)('%s zeroes whole channels with probability p', async (_name, drop, shape) => {
  manualSeed(0);
  const x = ones(shape);
  const y = drop(x, { p: 0.25 });
  y.sum().backward();
  const sums = await values(y.reshape([2000, 3]).sum({ dim: 1 }));
  expect(new Set(sums)).toEqual(new Set([0, 4]));
  const dropped = sums.filter((v) => v === 0).length;
  expect(Math.abs(dropped - 500)).toBeLessThan(5 * Math.sqrt(2000 * 0.25 * 0.75));
  expect(await values(x.grad!)).toEqual(await values(y));
});

test.each([0.1, 0.5, 0.9])('alpha dropout with p %f keeps mean 0 and variance 1', async (p) => {
  manualSeed(0);
  const { mean, variance } = moments(await values(F.alphaDropout(randn([20_000]), { p, training: true })));
  expectNear(mean, 0);
  expectNear(variance, 1);
});

test('feature alpha dropout drops whole channels', async () => {
  manualSeed(0);
  const y = F.featureAlphaDropout(ones([20, 50, 3]), { p: 0.4, training: true });
  const [low, high] = [await y.amin({ dim: 2 }).data(), await y.amax({ dim: 2 }).data()];
  expect(low).toEqual(high);
  expect(new Set(low as Float32Array).size).toBe(2);
});

test('rrelu: slopes are uniform, and the gradient is the slope', async () => {
  manualSeed(0);
  const x = tensor(new Float32Array(20_000).fill(-1), { requiresGrad: true });
  const y = F.rrelu(x, { lower: 0.25, upper: 0.75, training: true });
  y.sum().backward();
  const slopes = await values(x.grad!);
  expect(await values(y)).toEqual(slopes.map((v) => -v));
  expect(Math.min(...slopes)).toBeGreaterThanOrEqual(0.25);
  expect(Math.max(...slopes)).toBeLessThan(0.75);
  const { mean, variance } = moments(slopes);
  expectNear(mean, 0.5);
  expectNear(variance, 0.5 ** 2 / 12);
});

// python: torch.manual_seed(0); torch.nn.functional.gumbel_softmax(torch.zeros(5))
test('gumbel softmax: the numbers of PyTorch', async () => {
  manualSeed(0);
  const y = await values(F.gumbelSoftmax(tensor(new Float32Array(5))));
  const torch = [0.0698, 0.199, 0.3981, 0.0966, 0.2364];
  y.forEach((v, i) => {
    expect(v).toBeCloseTo(torch[i]!, 4);
  });
});

test('gumbel softmax, hard: classes as often as their probabilities, with the gradient of the soft sample', async () => {
  const probabilities = [0.1, 0.2, 0.7];
  const logits = tensor(
    Float32Array.from({ length: 3 * 5000 }, (_, i) => Math.log(probabilities[i % 3]!)),
    { shape: [5000, 3], requiresGrad: true },
  );
  const weights = randn([5000, 3]);
  manualSeed(0);
  const hard = F.gumbelSoftmax(logits, { hard: true });
  hard.mul(weights).sum().backward();
  const gradient = await values(logits.grad!);
  const counts = await values(hard.sum({ dim: 0 }));
  counts.forEach((count, k) => {
    const p = probabilities[k]!;
    expect(Math.abs(count - 5000 * p)).toBeLessThan(5 * Math.sqrt(5000 * p * (1 - p)));
  });
  logits.grad = null;
  manualSeed(0);
  F.gumbelSoftmax(logits).mul(weights).sum().backward();
  expect(gradient).toEqual(await values(logits.grad!));
});
