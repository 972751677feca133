/** What losses do where their rows and fixtures do not look. */
import {
  compile,
  F,
  grad,
  manualSeed,
  nn,
  noGrad,
  rand,
  randint,
  randn,
  realize,
  type Tensor,
  tensor,
  zeros,
} from 'torcharc';
import { expect, test } from 'vitest';

const int = (shape: number[], value = 0) =>
  tensor(new BigInt64Array(shape.reduce((n, d) => n * d, 1)).fill(BigInt(value)), { shape });

test('a class out of range that is not known beforehand fails when it is computed', async () => {
  const adaptive = new nn.AdaptiveLogSoftmaxWithLoss({ in_features: 3, n_classes: 3, cutoffs: [2] });
  for (const k of [5, -1]) {
    const wrong = int([4], 1).mul(k);
    await expect(F.nllLoss(zeros([4, 3]), wrong).item()).rejects.toThrow(/out of/i);
    await expect(F.multiMarginLoss(zeros([4, 3]), wrong).item()).rejects.toThrow(/out of/i);
    await expect(adaptive.forward(zeros([4, 3]), wrong).loss.item()).rejects.toThrow(/out of/i);
    const sequence = F.ctcLoss(zeros([6, 2, 4]), wrong.reshape([2, 2]), [6, 6], [2, 2]);
    await expect(sequence.item()).rejects.toThrow(/out of/i);
  }
});

test('what is not known beforehand and out of range makes the loss NaN', async () => {
  expect(await F.binaryCrossEntropy(tensor([1, 0.5]).add(0.5), zeros([2])).item()).toBeNaN();
  expect(await F.binaryCrossEntropy(tensor([0, 0.5]).sub(0.5), zeros([2])).item()).toBeNaN();
  expect(await F.gaussianNllLoss(zeros([2]), zeros([2]), tensor([0, 2]).sub(1)).item()).toBeNaN();
});

/** Gradients of the sum, as arrays. */
async function slopes(f: (...xs: Tensor[]) => Tensor, ...xs: number[][]): Promise<unknown[]> {
  const inputs = xs.map((x) => tensor(x, { requiresGrad: true }));
  return Promise.all(grad(f(...inputs), inputs).map((g) => g!.array()));
}

// python: F.binary_cross_entropy(x, t, reduction='sum').backward(); x.grad, t.grad
test('binary cross entropy has gradients where its logarithms are limited', async () => {
  const loss = (x: Tensor, t: Tensor) => F.binaryCrossEntropy(x, t, { reduction: 'sum' });
  const big = Math.fround(1e12);
  expect(await slopes(loss, [0, 1, 0, 1], [0, 1, 1, 0])).toEqual([
    [0, 0, -big, big],
    [Infinity, -Infinity, Infinity, -Infinity],
  ]);
});

// python: F.gaussian_nll_loss(x, 0 * x, v, reduction='sum').backward(); v.grad
test('the gradient of a variance does not see eps', async () => {
  const loss = (v: Tensor) => F.gaussianNllLoss(tensor([1, 2]), zeros([2]), v, { reduction: 'sum', eps: 2 ** -10 });
  // (1 - x² / v) / (2 v) at v = eps
  expect(await slopes(loss, [2 ** -12, 0.5])).toEqual([[(1 - 2 ** 10) * 2 ** 9, -7]]);
});

test('a step that computes a loss leaves its prediction', async () => {
  const model = new nn.Linear({ in_features: 3, out_features: 4 });
  const y = model.forward(rand([2, 3]));
  for (const loss of [F.nllLoss(y, int([2])), F.huberLoss(y, rand([2, 4])), F.cosineEmbeddingLoss(y, y, zeros([2]))]) {
    expect(loss.node.keep).toContain(y.node);
  }
});

test('adaptive softmax: all log-probabilities, the likeliest class', async () => {
  manualSeed(0);
  const layer = new nn.AdaptiveLogSoftmaxWithLoss({ in_features: 8, n_classes: 9, cutoffs: [3, 6], div_value: 2 });
  const x = randn([200, 8]).mul(4);
  const target = randint(0, 9, [200]);
  const [logP, chosen, output, loss] = noGrad(() => {
    const { output, loss } = layer.forward(x, target);
    return [layer.logProb(x), layer.predict(x), output, loss];
  });
  const head = layer.head.forward(x).argmax({ dim: 1 });
  await realize(logP, chosen, output, loss, head);
  const rows = (await logP.array()) as number[][];
  const targets = (await target.array()) as number[];
  const first = (await head.array()) as number[];
  const wanted = rows.map((row, i) => row[targets[i]!]!);
  for (const [i, value] of ((await output.array()) as number[]).entries()) expect(value).toBeCloseTo(wanted[i]!, 5);
  expect(await loss.item()).toBeCloseTo(-wanted.reduce((a, b) => a + b) / 200, 4);
  for (const row of rows) expect(row.reduce((sum, v) => sum + Math.exp(v), 0)).toBeCloseTo(1, 5);
  // a class of the head wins over all others if it wins over the clusters
  const likeliest = rows.map((row, i) => (first[i]! < 3 ? first[i]! : row.indexOf(Math.max(...row))));
  expect(await chosen.array()).toEqual(likeliest);
  expect(new Set(likeliest).size).toBe(9);
});

test('losses in a compiled function are those outside', async () => {
  manualSeed(1);
  const adaptive = new nn.AdaptiveLogSoftmaxWithLoss({ in_features: 4, n_classes: 5, cutoffs: [2, 3] });
  const x = tensor(await randn([3, 4]).data(), { shape: [3, 4], requiresGrad: true });
  // no class of the last cluster
  const one = tensor(BigInt64Array.of(0n, 2n, 1n));
  const many = tensor(BigInt64Array.of(2n, -1n, 0n, 0n, 0n, 1n, 2n, -1n, 3n, -1n, 0n, 0n), { shape: [3, 4] });
  const losses = (target: Tensor, list: Tensor) => [
    adaptive.forward(x, target).loss,
    F.multilabelMarginLoss(x, list),
    F.nllLoss(x, target),
    F.ctcLoss(x.reshape([3, 1, 4]), target, [3], [3]),
  ];
  const gradients = (of: Tensor[]) => of.flatMap((loss) => [loss, grad(loss, [x])[0]!]);
  const inside = await compile((target: Tensor, list: Tensor) => gradients(losses(target, list)))(one, many);
  const outside = gradients(losses(one, many));
  await realize(...outside, ...inside);
  for (const [i, t] of outside.entries()) {
    const [a, b] = [(await t.data()) as Float32Array, (await inside[i]!.data()) as Float32Array];
    expect(a).toHaveLength(b.length);
    for (const [k, value] of a.entries()) expect(b[k]).toBeCloseTo(value, 5);
  }
});

test('ctcLoss behind a log_softmax has the gradient of its value', async () => {
  manualSeed(2);
  const values = (await randn([7, 2, 4], { dtype: 'float64' }).data()) as Float64Array;
  const direction = (await randn([7, 2, 4], { dtype: 'float64' }).data()) as Float64Array;
  const targets = tensor(BigInt64Array.of(1n, 1n, 3n, 2n, 3n, 0n), { shape: [2, 3] });
  const at = (step: number) =>
    tensor(
      values.map((v, i) => v + step * direction[i]!),
      { shape: [7, 2, 4], requiresGrad: true },
    );
  const loss = (x: Tensor) => F.ctcLoss(x.logSoftmax(2), targets, [7, 5], [3, 2]);
  const x = at(0);
  const [g] = grad(loss(x), [x]) as [Tensor];
  const slope = g.mul(tensor(direction, { shape: [7, 2, 4] })).sum();
  const [up, down] = [loss(at(1e-4)), loss(at(-1e-4))];
  await realize(slope, up, down);
  expect(((await up.item()) - (await down.item())) / 2e-4).toBeCloseTo(await slope.item(), 6);
});
