import { F, type Tensor, tensor } from 'torcharc';
import { affine, batchNormStats } from '../../src/ops/norm.ts';
import { at, each, type Input, meet, type Nd, nd, type Row } from './check.ts';
import { sigmoid } from './elementwise.ts';
import { folded } from './reduce.ts';

const exponentials = (dim: number) => (x: Nd) => {
  const e = each(Math.exp)(x);
  return { e, sum: folded((v) => v.reduce((a, b) => a + b, 0), { dim, keepdim: true })(e) };
};
const softmax = (dim: number) => (x: Nd) => {
  const { e, sum } = exponentials(dim)(x);
  return meet((a, b) => a / b)(e, sum);
};
const logSoftmax = (dim: number) => (x: Nd) => each(Math.log)(softmax(dim)(x));
type Softmax = [of: string, run: (x: Tensor, dim: number) => Tensor, want: (dim: number) => (x: Nd) => Nd];
const softmaxes: Softmax[] = [
  ['softmax', (x, dim) => x.softmax(dim), softmax],
  ['logSoftmax', (x, dim) => x.logSoftmax(dim), logSoftmax],
  ['F.softmax', (x, dim) => F.softmax(x, { dim }), softmax],
  ['F.softmin', (x, dim) => F.softmin(x, { dim }), (dim) => (x) => softmax(dim)(each((v) => -v)(x))],
  ['F.logSoftmax', (x, dim) => F.logSoftmax(x, { dim }), logSoftmax],
];

/** Mean and biased variance per channel of [N, C, *]. */
function channels(x: Nd): { mean: Nd; variance: Nd } {
  const dim = [...x.shape.keys()].filter((i) => i !== 1);
  const mean = folded((v) => v.reduce((a, b) => a + b, 0) / v.length, { dim })(x);
  const variance = folded(
    (v) => {
      const m = v.reduce((a, b) => a + b, 0) / v.length;
      return v.reduce((a, b) => a + (b - m) ** 2, 0) / v.length;
    },
    { dim },
  )(x);
  return { mean, variance };
}
/** A number that ORT's float32 attribute holds exactly. */
const eps = 0.125;
const normalized = (x: Nd, mean: Nd, variance: Nd, w?: Nd, b?: Nd): Nd =>
  nd(x.shape, (i) => {
    const c = i[1]!;
    const y = (at(x, i) - mean.data[c]!) / Math.sqrt(variance.data[c]! + eps);
    return y * (w?.data[c] ?? 1) + (b?.data[c] ?? 0);
  });
const shapes = [
  [5, 3],
  [2, 3, 4],
  [2, 3, 2, 3],
  [2, 2, 2, 2, 2],
];
const channel = (s: readonly number[], range: [number, number] = [-1, 1]): Input => ({ shape: [s[1]!], range });
const positive: [number, number] = [0.5, 2];

const classes: Input = { shape: [4], values: [2, 0, 1, 2], dtype: 'int64' };
const places: Input = { shape: [2, 2, 2], values: [2, 0, 1, 2, 0, 0, 1, 2], dtype: 'int64' };
const mean = (x: Nd): Nd => ({ shape: [], data: [x.data.reduce((a, b) => a + b, 0) / x.data.length] });
const sum = (x: Nd): Nd => ({ shape: [], data: [x.data.reduce((a, b) => a + b, 0)] });
/** -log p of each sample's class, over dimension 1. */
const nll = (x: Nd, t: Nd): Nd => {
  const p = logSoftmax(1)(x);
  return nd(t.shape, (i) => -at(p, [i[0]!, at(t, i), ...i.slice(1)]));
};
const square = meet((a, b) => (a - b) ** 2);
const distance = meet((a, b) => Math.abs(a - b));
const binary = meet((x, t) => -(t * Math.log(sigmoid(x)) + (1 - t) * Math.log(1 - sigmoid(x))));
const apart: Input = { shape: [3, 4], apart: true };
const probabilities: Input = { shape: [3, 4], range: [0.05, 0.95] };
const f32 = 'float32';
const weight = [0.5, 2, 1.5];

export const rows: Row[] = [
  {
    of: 'F.glu',
    inputs: [{ shape: [3, 4] }],
    run: (x) => F.glu(x),
    want: (x: Nd) => nd([3, 2], ([i, j]) => at(x, [i!, j!]) * sigmoid(at(x, [i!, j! + 2]))),
  },
  ...softmaxes.flatMap(([of, run, want]) => [
    ...[0, 1, -1].map(
      (dim): Row => ({
        of,
        note: `dim ${dim}`,
        inputs: [{ shape: [3, 4, 2], range: [-3, 3] }],
        run: (x) => run(x, dim),
        want: want(dim),
      }),
    ),
    {
      of,
      note: '0-d',
      inputs: [{ shape: [] }],
      run: (x: Tensor) => run(x, 0),
      want: (x: Nd) => ({ shape: [], data: [of.endsWith('ogSoftmax') ? 0 : 1 + 0 * x.data[0]!] }),
    },
    {
      of,
      note: 'large numbers',
      inputs: [{ shape: [3], values: [1000, 1001, 999] }],
      run: (x: Tensor) => run(x, 0),
      want: (x: Nd) => want(0)(each((v) => v - 1000)(x)),
    },
  ]),
  ...shapes.flatMap((s): Row[] => [
    {
      of: 'batchNormStats',
      note: JSON.stringify(s),
      inputs: [{ shape: s }, channel(s), channel(s)],
      run: (x, w, b) => batchNormStats(x, w, b, eps),
      want: (x, w, b) => {
        const { mean, variance } = channels(x);
        return [normalized(x, mean, variance, w, b), mean, variance];
      },
    },
    {
      of: 'batchNormStats',
      note: `${JSON.stringify(s)}, the result alone`,
      inputs: [{ shape: s }],
      run: (x) => batchNormStats(x, null, null, eps)[0],
      want: (x) => {
        const { mean, variance } = channels(x);
        return normalized(x, mean, variance);
      },
    },
    {
      of: 'affine',
      note: JSON.stringify(s),
      inputs: [{ shape: s }, channel(s), channel(s)],
      run: affine,
      want: (x, w, b) => nd(x.shape, (i) => at(x, i) * w.data[i[1]!]! + b.data[i[1]!]!),
    },
    {
      of: 'F.batchNorm',
      note: JSON.stringify(s),
      inputs: [{ shape: s }, channel(s), channel(s, positive), channel(s), channel(s)],
      run: (x, m, v, weight, bias) => F.batchNorm(x, m, v, { weight, bias, eps }),
      want: normalized,
    },
    {
      of: 'F.batchNorm',
      note: `${JSON.stringify(s)}, bare`,
      inputs: [{ shape: s }, channel(s), channel(s, positive)],
      run: (x, m, v) => F.batchNorm(x, m, v, { eps }),
      want: (x, m, v) => normalized(x, m, v),
    },
  ]),
  {
    of: 'affine',
    note: 'empty',
    inputs: [{ shape: [0, 2, 3] }, { shape: [2] }, { shape: [2] }],
    run: affine,
    want: (x) => x,
  },
  ...[mean, sum].flatMap((reduce, i): Row[] => {
    const reduction = i === 0 ? 'mean' : 'sum';
    return [
      {
        of: 'F.mseLoss',
        note: reduction,
        inputs: [apart, { shape: [3, 4] }],
        run: (x, t) => F.mseLoss(x, t, { reduction }),
        want: (x, t) => reduce(square(x, t)),
      },
      {
        of: 'F.l1Loss',
        note: reduction,
        inputs: [apart, { shape: [3, 4] }],
        run: (x, t) => F.l1Loss(x, t, { reduction }),
        want: (x, t) => reduce(distance(x, t)),
      },
      {
        of: 'F.binaryCrossEntropyWithLogits',
        note: reduction,
        inputs: [apart, probabilities],
        run: (x, t) => F.binaryCrossEntropyWithLogits(x, t, { reduction }),
        want: (x, t) => reduce(binary(x, t)),
      },
      ...(
        [
          [{ shape: [4, 3] }, classes],
          [{ shape: [2, 3, 2, 2] }, places],
        ] as [Input, Input][]
      ).map(
        ([x, t]): Row => ({
          of: 'F.crossEntropy',
          note: `${reduction} ${JSON.stringify(x.shape)}`,
          inputs: [x, t],
          run: (x, t) => F.crossEntropy(x, t, { reduction }),
          want: (x, t) => reduce(nll(x, t)),
        }),
      ),
    ];
  }),
  {
    of: 'F.mseLoss',
    note: 'none',
    inputs: [apart, { shape: [3, 4] }],
    run: (x, t) => F.mseLoss(x, t, { reduction: 'none' }),
    want: square,
  },
  {
    of: 'F.l1Loss',
    note: 'none',
    inputs: [apart, { shape: [3, 4] }],
    run: (x, t) => F.l1Loss(x, t, { reduction: 'none' }),
    want: distance,
  },
  {
    of: 'F.binaryCrossEntropyWithLogits',
    note: 'pos_weight and weight',
    inputs: [apart, probabilities, { shape: [4], range: positive }, { shape: [4], range: positive }],
    run: (x, t, pos_weight, weight) => F.binaryCrossEntropyWithLogits(x, t, { pos_weight, weight, reduction: 'none' }),
    want: meet((x, t, p, w) => -w * (p * t * Math.log(sigmoid(x)) + (1 - t) * Math.log(1 - sigmoid(x)))),
  },
  {
    of: 'F.crossEntropy',
    note: 'one sample',
    inputs: [{ shape: [3] }, { shape: [], values: [1], dtype: 'int64' }],
    run: (x, t) => F.crossEntropy(x, t),
    want: (x) => ({ shape: [], data: [-logSoftmax(0)(x).data[1]!] }),
  },
  {
    of: 'F.crossEntropy',
    note: 'weights',
    inputs: [{ shape: [4, 3] }, classes],
    run: (x, t) => F.crossEntropy(x, t, { weight: tensor(weight, { dtype: 'float64' }) }),
    want: (x, t) => {
      const w = t.data.map((k) => weight[k]!);
      return { shape: [], data: [nll(x, t).data.reduce((s, v, i) => s + v * w[i]!, 0) / w.reduce((a, b) => a + b, 0)] };
    },
  },
  {
    of: 'F.crossEntropy',
    note: 'ignored',
    inputs: [{ shape: [4, 3] }, { ...classes, values: [2, -100, 1, -100] }],
    run: (x, t) => F.crossEntropy(x, t),
    want: (x) => {
      const p = logSoftmax(1)(x);
      return { shape: [], data: [-(at(p, [0, 2]) + at(p, [2, 1])) / 2] };
    },
  },
  {
    of: 'F.crossEntropy',
    note: 'smoothed',
    inputs: [{ shape: [4, 3] }, classes],
    run: (x, t) => F.crossEntropy(x, t, { label_smoothing: 0.3, reduction: 'none' }),
    want: (x, t) => {
      const p = logSoftmax(1)(x);
      return nd([4], ([i]) => 0.7 * nll(x, t).data[i!]! - 0.1 * [0, 1, 2].reduce((s, k) => s + at(p, [i!, k]), 0));
    },
  },
  {
    of: 'F.crossEntropy',
    note: 'probabilities',
    inputs: [{ shape: [4, 3] }, { shape: [4, 3], range: [0, 1] }],
    run: (x, t) => F.crossEntropy(x, t),
    want: (x, t) => {
      const p = logSoftmax(1)(x);
      return mean(nd([4], ([i]) => -[0, 1, 2].reduce((s, k) => s + at(t, [i!, k]) * at(p, [i!, k]), 0)));
    },
  },
  ...[{ p: 0 }, { p: 0.7, training: false }, { p: 1 }].flatMap((o): Row[] => {
    const want = each((v) => (o.p === 1 ? 0 * v : v));
    return [
      { of: 'F.dropout', note: JSON.stringify(o), inputs: [{ shape: [3, 4] }], run: (x) => F.dropout(x, o), want },
      {
        of: 'F.dropout2d',
        note: JSON.stringify(o),
        inputs: [{ shape: [2, 3, 2, 2] }],
        run: (x) => F.dropout2d(x, o),
        want,
      },
    ];
  }),
  {
    of: 'F.dropout',
    note: 'float32',
    inputs: [{ shape: [2] }],
    run: (x) => F.dropout(x, { p: 1 }),
    want: each((v) => 0 * v),
    float: f32,
  },
];
