import { F, type Tensor, tensor } from 'torcharc';
import { at, each, type Input, meet, type Nd, nd, type Row } from './check.ts';
import { sigmoid } from './elementwise.ts';

const mean = (x: Nd): Nd => ({ shape: [], data: [x.data.reduce((a, b) => a + b, 0) / x.data.length] });
const sum = (x: Nd): Nd => ({ shape: [], data: [x.data.reduce((a, b) => a + b, 0)] });
const total = (n: number, f: (i: number) => number) =>
  Array.from({ length: n }, (_, i) => f(i)).reduce((a, b) => a + b, 0);
const reductions = [
  ['mean', mean],
  ['sum', sum],
  ['none', (x: Nd) => x],
] as const;

const grid: Input = { shape: [3, 4] };
const apart: Input = { shape: [3, 4], apart: true };
const positive: Input = { shape: [3, 4], range: [0.3, 3] };
const probabilities: Input = { shape: [3, 4], range: [0.05, 0.95] };
const row: Input = { shape: [4], range: [0.5, 2] };
/** Of either sign, never differentiated. */
const signs: Input = { shape: [3, 4], values: [1, -1, -1, 1, 1, 1, -1, -1, 1, -1, 1, 1], dtype: 'float64' };
const labels = (shape: number[], values: number[]): Input => ({ shape, values, dtype: 'int64' });

const huber = (delta: number) =>
  meet((x, t) => (Math.abs(x - t) <= delta ? (x - t) ** 2 / 2 : delta * (Math.abs(x - t) - delta / 2)));
const stirling = (t: number) => (t > 1 ? t * Math.log(t) - t + Math.log(2 * Math.PI * t) / 2 : 0);
const gaussian = (x: number, t: number, v: number) => (Math.log(v) + (x - t) ** 2 / v) / 2;

const regression: Row[] = [
  {
    of: 'F.mseLoss',
    note: 'weights',
    inputs: [apart, grid, positive],
    run: (x, t, weight) => F.mseLoss(x, t, { weight }),
    want: (x, t, w) => {
      const [scaled] = sum(meet((a, b, c) => c * (a - b) ** 2)(x, t, w)).data as [number];
      return { shape: [], data: [scaled / sum(w).data[0]!] };
    },
  },
  {
    of: 'F.l1Loss',
    note: 'weights',
    inputs: [apart, { shape: [3, 4], range: [-0.05, 0.05] }, positive],
    run: (x, t, weight) => F.l1Loss(x, t, { weight, reduction: 'sum' }),
    want: (x, t, w) => sum(meet((a, b, c) => c * Math.abs(a - b))(x, t, w)),
  },
  ...reductions.map(
    ([reduction, reduce]): Row => ({
      of: 'F.huberLoss',
      note: reduction,
      inputs: [apart, { shape: [3, 4], range: [0.02, 0.04] }],
      run: (x, t) => F.huberLoss(x, t, { reduction, delta: 0.7 }),
      want: (x, t) => reduce(huber(0.7)(x, t)),
    }),
  ),
  {
    of: 'F.huberLoss',
    note: 'weights',
    inputs: [apart, { shape: [3, 4], range: [0.02, 0.04] }, positive],
    run: (x, t, weight) => F.huberLoss(x, t, { weight }),
    want: (x, t, w) => mean(meet((l, v) => l * v)(huber(1)(x, t), w)),
  },
  ...reductions.map(
    ([reduction, reduce]): Row => ({
      of: 'F.smoothL1Loss',
      note: reduction,
      inputs: [apart, { shape: [3, 4], range: [0.02, 0.04] }],
      run: (x, t) => F.smoothL1Loss(x, t, { reduction, beta: 0.5 }),
      want: (x, t) => reduce(each((v) => v / 0.5)(huber(0.5)(x, t))),
    }),
  ),
  {
    of: 'F.smoothL1Loss',
    note: 'beta 0',
    inputs: [apart, { shape: [3, 4], range: [-0.05, 0.05] }],
    run: (x, t) => F.smoothL1Loss(x, t, { beta: 0 }),
    want: (x, t) => mean(meet((a, b) => Math.abs(a - b))(x, t)),
  },
  ...reductions.map(
    ([reduction, reduce]): Row => ({
      of: 'F.poissonNllLoss',
      note: reduction,
      inputs: [grid, positive],
      run: (x, t) => F.poissonNllLoss(x, t, { reduction }),
      want: (x, t) => reduce(meet((a, b) => Math.exp(a) - a * b)(x, t)),
    }),
  ),
  {
    of: 'F.poissonNllLoss',
    note: 'rates, full, broadcast',
    inputs: [positive, { shape: [4], values: [0, 0.5, 2, 3.25] }],
    run: (x, t) => F.poissonNllLoss(x, t, { log_input: false, full: true, eps: 0.01 }),
    want: (x, t) => mean(meet((a, b) => a - b * Math.log(a + 0.01) + stirling(b))(x, t)),
  },
  ...[positive, { shape: [3, 1], range: [0.3, 3] } as Input, { shape: [1, 4], range: [0.3, 3] } as Input].map(
    (variance): Row => ({
      of: 'F.gaussianNllLoss',
      note: `variance ${JSON.stringify(variance.shape)}`,
      inputs: [grid, grid, variance],
      run: (x, t, v) => F.gaussianNllLoss(x, t, v, { reduction: 'none' }),
      want: meet(gaussian),
    }),
  ),
  {
    of: 'F.gaussianNllLoss',
    note: 'full, variance without the last dimension',
    inputs: [grid, grid, { shape: [3], range: [0.3, 3] }],
    run: (x, t, v) => F.gaussianNllLoss(x, t, v, { full: true }),
    want: (x, t, v) => {
      const spread = { shape: [3, 1], data: v.data };
      return mean(meet((a, b, c) => gaussian(a, b, c) + Math.log(2 * Math.PI) / 2)(x, t, spread));
    },
  },
  {
    of: 'F.gaussianNllLoss',
    note: 'a number, at least eps',
    inputs: [grid, grid],
    run: (x, t) => F.gaussianNllLoss(x, t, 0.01, { eps: 0.25, reduction: 'sum' }),
    want: (x, t) => sum(meet((a, b) => gaussian(a, b, 0.25))(x, t)),
  },
  {
    of: 'F.gaussianNllLoss',
    note: 'a variance that is not known yet',
    inputs: [grid, grid, grid],
    run: (x, t, v) => F.gaussianNllLoss(x, t, v.square().add(0.1)),
    want: (x, t, v) => mean(meet((a, b, c) => gaussian(a, b, c * c + 0.1))(x, t, v)),
  },
];

const weight = [0.5, 2, 1.5];
const weights = () => tensor(weight, { dtype: 'float64' });
const classes = labels([4], [2, 0, 1, 2]);
const places = labels([2, 2, 2], [2, 0, 1, 2, 0, 0, 1, 2]);
const bce = (x: number, t: number) => -(t * Math.log(x) + (1 - t) * Math.log(1 - x));

/** -log softmax of x W over the classes, at the target. */
function linearNll(x: Nd, w: Nd, t: Nd): Nd {
  const [n, count, features] = [x.shape[0]!, w.shape[0]!, x.shape[1]!];
  const inner = w.shape.slice(1, -1);
  const logit = (i: number, k: number, rest: number[]) =>
    total(features, (f) => at(x, [i, f]) * at(w, [k, ...rest, f]));
  return nd([n, ...inner], ([i, ...rest]) => {
    const sums = total(count, (k) => Math.exp(logit(i!, k, rest)));
    return Math.log(sums) - logit(i!, at(t, [i!, ...rest]), rest);
  });
}

const classification: Row[] = [
  ...reductions.map(
    ([reduction, reduce]): Row => ({
      of: 'F.nllLoss',
      note: reduction,
      inputs: [{ shape: [2, 3, 2, 2] }, places],
      run: (x, t) => F.nllLoss(x, t, { reduction }),
      want: (x, t) => reduce(nd(t.shape, ([n, ...i]) => -at(x, [n!, at(t, [n!, ...i]), ...i]))),
    }),
  ),
  {
    of: 'F.nllLoss',
    note: 'weights and an ignored class',
    inputs: [{ shape: [4, 3] }, classes],
    run: (x, t) => F.nllLoss(x, t, { weight: weights(), ignore_index: 0 }),
    want: (x) => {
      const parts = [1.5 * at(x, [0, 2]), 2 * at(x, [2, 1]), 1.5 * at(x, [3, 2])];
      return { shape: [], data: [-parts.reduce((a, b) => a + b) / (1.5 + 2 + 1.5)] };
    },
  },
  {
    of: 'F.nllLoss',
    note: 'one sample, int32',
    inputs: [{ shape: [3] }, { ...labels([], [1]), dtype: 'int32' }],
    run: (x, t) => F.nllLoss(x, t),
    want: (x) => ({ shape: [], data: [-x.data[1]!] }),
  },
  {
    of: 'F.crossEntropy',
    note: 'uint8, reduction none',
    inputs: [{ shape: [4, 3] }, { ...classes, dtype: 'uint8' }],
    run: (x, t) => F.crossEntropy(x, t, { reduction: 'none' }),
    want: (x, t) => nd([4], ([i]) => Math.log(total(3, (k) => Math.exp(at(x, [i!, k])))) - at(x, [i!, t.data[i!]!])),
  },
  {
    of: 'F.linearCrossEntropy',
    note: 'places',
    inputs: [{ shape: [2, 5] }, { shape: [3, 2, 2, 5] }, places],
    run: (x, w, t) => F.linearCrossEntropy(x, w, t, { reduction: 'none' }),
    want: linearNll,
  },
  {
    of: 'F.linearCrossEntropy',
    note: 'bias',
    inputs: [{ shape: [4, 5] }, { shape: [3, 5] }, classes, { shape: [3] }],
    run: (x, w, t, linear_bias) => F.linearCrossEntropy(x, w, t, { linear_bias }),
    want: (x, w, t, b) => {
      // a feature that is always 1
      const longer = (m: Nd, last: (i: number) => number) =>
        nd([m.shape[0]!, 6], ([i, j]) => (j === 5 ? last(i!) : at(m, [i!, j!])));
      return mean(
        linearNll(
          longer(x, () => 1),
          longer(w, (i) => b.data[i]!),
          t,
        ),
      );
    },
  },
  ...reductions.map(
    ([reduction, reduce]): Row => ({
      of: 'F.binaryCrossEntropy',
      note: reduction,
      inputs: [probabilities, probabilities],
      run: (x, t) => F.binaryCrossEntropy(x, t, { reduction }),
      want: (x, t) => reduce(meet(bce)(x, t)),
    }),
  ),
  {
    of: 'F.binaryCrossEntropy',
    note: 'weights',
    inputs: [probabilities, probabilities, row],
    run: (x, t, weight) => F.binaryCrossEntropy(x, t, { weight }),
    want: (x, t, w) => mean(meet((a, b, c) => c * bce(a, b))(x, t, w)),
  },
  {
    of: 'F.binaryCrossEntropy',
    note: 'certain',
    inputs: [
      { shape: [4], values: [0, 1, 0, 1] },
      { shape: [4], values: [0, 1, 1, 0] },
    ],
    run: (x, t) => F.binaryCrossEntropy(x, t, { reduction: 'none' }),
    want: () => ({ shape: [4], data: [0, 0, 100, 100] }),
    noGradient: 'the logarithms are limited there; test/errors.loss.test.ts has the gradient',
  },
  ...(['mean', 'batchmean', 'sum'] as const).map(
    (reduction): Row => ({
      of: 'F.klDiv',
      note: reduction,
      inputs: [grid, probabilities],
      run: (x, t) => F.klDiv(x, t, { reduction }),
      want: (x, t) => {
        const [all] = sum(meet((a, b) => b * (Math.log(b) - a))(x, t)).data as [number];
        return { shape: [], data: [all / { mean: 12, batchmean: 3, sum: 1 }[reduction]] };
      },
    }),
  ),
  {
    of: 'F.klDiv',
    note: 'logarithms',
    inputs: [grid, { shape: [4] }],
    run: (x, t) => F.klDiv(x, t, { log_target: true, reduction: 'none' }),
    want: meet((x, t) => Math.exp(t) * (t - x)),
  },
  {
    of: 'F.klDiv',
    note: 'targets of 0',
    inputs: [{ shape: [3] }, { shape: [3], values: [0, 0.5, 0], dtype: 'float64' }],
    run: (x, t) => F.klDiv(x, t, { reduction: 'sum' }),
    want: (x) => ({ shape: [], data: [0.5 * (Math.log(0.5) - x.data[1]!)] }),
  },
];

/** Scores a third apart, so that no margin is met exactly. */
const scores: Input = { shape: [3, 4], values: [0.3, -0.7, 1.4, 0.1, 0.9, -0.2, 0.45, 1.35, -1.1, 0.6, 0.2, -0.35] };
const targets = labels([3], [2, 0, 3]);
/** Rows with one class, two, all but one; what stands behind the first -1 does not count. */
const lists = labels([3, 4], [2, -1, 1, 0, 3, 0, -1, -1, 1, 0, 2, -1]);
const softplus = (x: number) => Math.log1p(Math.exp(x));

const hinges = (x: Nd, t: Nd, p: number, margin: number, w = [1, 1, 1, 1]) =>
  nd([3], ([n]) => {
    const k = t.data[n!]!;
    const others = [0, 1, 2, 3].filter((i) => i !== k);
    return (w[k]! * total(3, (i) => Math.max(0, margin - at(x, [n!, k]) + at(x, [n!, others[i]!])) ** p)) / 4;
  });
const listed = (x: Nd, t: Nd) =>
  nd([3], ([n]) => {
    const line = [0, 1, 2, 3].map((i) => at(t, [n!, i]));
    const own = line.slice(0, line.indexOf(-1));
    const others = [0, 1, 2, 3].filter((i) => !own.includes(i));
    const pairs = own.flatMap((j) => others.map((i) => Math.max(0, 1 - at(x, [n!, j]) + at(x, [n!, i]))));
    return pairs.reduce((a, b) => a + b, 0) / 4;
  });
const softMargins = (x: Nd, t: Nd, w: Nd) =>
  nd([3], ([n]) => {
    const one = (i: number) => {
      const [v, y] = [at(x, [n!, i]), at(t, [n!, i])];
      return -w.data[i]! * (y * Math.log(sigmoid(v)) + (1 - y) * Math.log(1 - sigmoid(v)));
    };
    return total(4, one) / 4;
  });

const margins: Row[] = [
  ...reductions.flatMap(([reduction, reduce]): Row[] => [
    {
      of: 'F.softMarginLoss',
      note: reduction,
      inputs: [grid, signs],
      run: (x, t) => F.softMarginLoss(x, t, { reduction }),
      want: (x, t) => reduce(meet((a, b) => softplus(-a * b))(x, t)),
    },
    {
      of: 'F.multiMarginLoss',
      note: reduction,
      inputs: [scores, targets],
      run: (x, t) => F.multiMarginLoss(x, t, { reduction }),
      want: (x, t) => reduce(hinges(x, t, 1, 1)),
    },
    {
      of: 'F.multilabelMarginLoss',
      note: reduction,
      inputs: [scores, lists],
      run: (x, t) => F.multilabelMarginLoss(x, t, { reduction }),
      want: (x, t) => reduce(listed(x, t)),
    },
    {
      of: 'F.multilabelSoftMarginLoss',
      note: reduction,
      inputs: [grid, probabilities, row],
      run: (x, t, weight) => F.multilabelSoftMarginLoss(x, t, { weight, reduction }),
      want: (x, t, w) => reduce(softMargins(x, t, w)),
    },
  ]),
  {
    of: 'F.softMarginLoss',
    note: 'far from 0',
    inputs: [
      { shape: [2], values: [200, -2000] },
      { shape: [2], values: [-1, 1], dtype: 'float64' },
    ],
    run: (x, t) => F.softMarginLoss(x, t, { reduction: 'none' }),
    want: () => ({ shape: [2], data: [200, 2000] }),
  },
  {
    of: 'F.multiMarginLoss',
    note: 'squared, weights',
    inputs: [scores, targets, row],
    run: (x, t, weight) => F.multiMarginLoss(x, t, { p: 2, margin: 0.7, weight }),
    want: (x, t, w) => mean(hinges(x, t, 2, 0.7, [...w.data])),
  },
  {
    of: 'F.multiMarginLoss',
    note: 'one sample',
    inputs: [{ shape: [4], values: [0.3, -0.9, 1.4, 0.1] }, labels([], [0])],
    run: (x, t) => F.multiMarginLoss(x, t),
    want: (x) => ({ shape: [], data: [(1 - x.data[0]! + x.data[2]! + (1 - x.data[0]! + x.data[3]!)) / 4] }),
  },
  {
    of: 'F.multilabelMarginLoss',
    note: 'a target that is not known yet',
    inputs: [scores, lists],
    run: (x, t) => F.multilabelMarginLoss(x, t.neg().neg()),
    want: (x, t) => mean(listed(x, t)),
  },
  {
    of: 'F.multilabelMarginLoss',
    note: 'one sample',
    inputs: [{ shape: [3], values: [0.3, -0.7, 1.4] }, labels([3], [1, 1, -1])],
    run: (x, t) => F.multilabelMarginLoss(x, t),
    want: (x) => ({ shape: [], data: [(2 * (2 - 2 * x.data[1]! + x.data[0]! + x.data[2]!)) / 3] }),
  },
];

const dot = (a: Nd, b: Nd, n: number) => total(a.shape[1]!, (i) => at(a, [n, i]) * at(b, [n, i]));
const cosine = (a: Nd, b: Nd, n: number) => dot(a, b, n) / Math.sqrt(dot(a, a, n) * dot(b, b, n));

const embeddings: Row[] = reductions.flatMap(([reduction, reduce]): Row[] => [
  {
    of: 'F.hingeEmbeddingLoss',
    note: reduction,
    inputs: [apart, signs],
    run: (x, t) => F.hingeEmbeddingLoss(x, t, { margin: 0.5, reduction }),
    want: (x, t) => reduce(meet((a, b) => (b === 1 ? a : Math.max(0, 0.5 - a)))(x, t)),
  },
  {
    of: 'F.marginRankingLoss',
    note: reduction,
    inputs: [apart, { shape: [3, 4], range: [0.02, 0.04] }, signs],
    run: (a, b, t) => F.marginRankingLoss(a, b, t, { margin: 0.2, reduction }),
    want: (a, b, t) => reduce(meet((p, q, s) => Math.max(0, 0.2 - s * (p - q)))(a, b, t)),
  },
  {
    of: 'F.cosineEmbeddingLoss',
    note: reduction,
    inputs: [
      { shape: [4, 3], values: [1, 2, 3, 1, 0.5, 0.25, -1, 2, 0.5, 0.3, -0.6, 2] },
      { shape: [4, 3], values: [1, 1, 2, 1, 0.75, 0.5, 1, 2, -1, 2, 0.5, -1] },
      { shape: [4], values: [1, -1, -1, 1], dtype: 'float64' },
    ],
    run: (a, b, t) => F.cosineEmbeddingLoss(a, b, t, { margin: 0.1, reduction }),
    want: (a, b, t) =>
      reduce(nd([4], ([n]) => (t.data[n!] === 1 ? 1 - cosine(a, b, n!) : Math.max(0, cosine(a, b, n!) - 0.1)))),
  },
]);

const distance = (p: number, eps: number) => (a: Nd, b: Nd, n: number) =>
  total(a.shape[1]!, (i) => Math.abs(at(a, [n, i]) - at(b, [n, i]) + eps) ** p) ** (1 / p);
type Between = (a: Nd, b: Nd, n: number) => number;
const triplets = (d: Between, margin: number, swap: boolean) => (a: Nd, p: Nd, n: Nd) =>
  nd([4], ([i]) => {
    const far = swap ? Math.min(d(a, n, i!), d(p, n, i!)) : d(a, n, i!);
    return Math.max(0, d(a, p, i!) - far + margin);
  });
const points: Input = { shape: [4, 3], apart: true };
const near: Input = { shape: [4, 3], range: [0, 0.2] };
const other: Input = { shape: [4, 3], range: [-0.6, -0.4] };

const tripletRows: Row[] = [
  ...reductions.map(
    ([reduction, reduce]): Row => ({
      of: 'F.tripletMarginLoss',
      note: reduction,
      inputs: [points, near, other],
      run: (a, p, n) => F.tripletMarginLoss(a, p, n, { reduction }),
      want: (a, p, n) => reduce(triplets(distance(2, 1e-6), 1, false)(a, p, n)),
    }),
  ),
  {
    of: 'F.tripletMarginLoss',
    note: 'p 3, swap',
    inputs: [points, near, other],
    run: (a, p, n) => F.tripletMarginLoss(a, p, n, { p: 3, eps: 0.01, margin: 2, swap: true, reduction: 'none' }),
    want: triplets(distance(3, 0.01), 2, true),
  },
  {
    of: 'F.tripletMarginWithDistanceLoss',
    inputs: [points, near, other],
    run: (a, p, n) => F.tripletMarginWithDistanceLoss(a, p, n, { reduction: 'none' }),
    want: triplets(distance(2, 1e-6), 1, false),
  },
  {
    of: 'F.tripletMarginWithDistanceLoss',
    note: 'squared, swap',
    inputs: [points, near, other],
    run: (a, p, n) => {
      const squared = (x: Tensor, y: Tensor) => x.sub(y).square().sum({ dim: 1 });
      return F.tripletMarginWithDistanceLoss(a, p, n, { distance_function: squared, swap: true, margin: 0.5 });
    },
    want: (a, p, n) => mean(triplets((x, y, i) => distance(2, 0)(x, y, i) ** 2, 0.5, true)(a, p, n)),
  },
];

/** All sequences of n symbols. */
const sequences = (n: number, symbols: number): number[][] =>
  n === 0 ? [[]] : sequences(n - 1, symbols).flatMap((s) => Array.from({ length: symbols }, (_, k) => [...s, k]));
/** -log of the summed probability of every sequence that is the target when repeats are merged and blanks dropped. */
const ctc = (x: Nd, n: number, steps: number, target: readonly number[], blank: number) => {
  const spells = (path: number[]) => path.filter((k, i) => k !== blank && k !== path[i - 1]).join() === target.join();
  const likelihood = (path: number[]) => Math.exp(path.reduce((sum, k, t) => sum + at(x, [t, n, k]), 0));
  return -Math.log(
    sequences(steps, x.shape[2]!)
      .filter(spells)
      .reduce((sum, path) => sum + likelihood(path), 0),
  );
};
const said: Input = { shape: [5, 3, 3], range: [-2, 0] };
const words = [[1, 2], [2, 2, 1], []];
const twice = 'the gradient is a definition of its own, which the fixtures have, and has none';
const each3 = (x: Nd, blank = 0, steps = [5, 5, 2], targets = words) =>
  nd([3], ([n]) => ctc(x, n!, steps[n!]!, targets[n!]!, blank));

const alignments: Row[] = [
  {
    of: 'F.ctcLoss',
    note: 'padded',
    inputs: [said, labels([3, 3], [1, 2, -1, 2, 2, 1, 7, 7, 7])],
    run: (x, t) => F.ctcLoss(x, t, [5, 5, 2], [2, 3, 0], { reduction: 'none' }),
    want: (x) => each3(x),
    noGradient: twice,
  },
  {
    of: 'F.ctcLoss',
    note: 'one after the other, sum',
    inputs: [said, labels([5], [1, 2, 2, 2, 1])],
    run: (x, t) => F.ctcLoss(x, t, [5, 5, 2], [2, 3, 0], { reduction: 'sum' }),
    want: (x) => sum(each3(x)),
    noGradient: twice,
  },
  {
    of: 'F.ctcLoss',
    note: 'nothing known yet, mean',
    inputs: [said, labels([5], [1, 2, 2, 2, 1]), labels([3], [5, 5, 2]), labels([3], [2, 3, 0])],
    run: (x, t, inputs, targets) => F.ctcLoss(x, t.neg().neg(), inputs.neg().neg(), targets.neg().neg()),
    want: (x) => mean(nd([3], ([n]) => each3(x).data[n!]! / Math.max(1, words[n!]!.length))),
    noGradient: twice,
  },
  {
    of: 'F.ctcLoss',
    note: 'another blank, too short, empty inputs',
    inputs: [said, { ...labels([3, 2], [0, 0, 0, 1, 1, 1]), dtype: 'int32' }],
    run: (x, t) => F.ctcLoss(x, t, [2, 5, 0], [2, 2, 1], { blank: 2, reduction: 'none' }),
    want: (x) => each3(x, 2, [2, 5, 0], [[0, 0], [0, 1], [1]]),
    noGradient: twice,
  },
  {
    of: 'F.ctcLoss',
    note: 'zero_infinity',
    inputs: [said, labels([3, 2], [1, 1, 1, 2, 1, 2])],
    run: (x, t) => F.ctcLoss(x, t, [2, 2, 0], [2, 2, 0], { reduction: 'none', zero_infinity: true }),
    want: (x) => nd([3], ([n]) => (n === 1 ? ctc(x, 1, 2, [1, 2], 0) : 0)),
    noGradient: twice,
  },
  {
    of: 'F.ctcLoss',
    note: 'one sample, no labels at all',
    inputs: [{ shape: [3, 2], range: [-2, 0] }, labels([0], [])],
    run: (x, t) => F.ctcLoss(x, t, [3], [0], { reduction: 'none' }),
    want: (x) => ({ shape: [], data: [-[0, 1, 2].reduce((total, t) => total + at(x, [t, 0]), 0)] }),
    noGradient: twice,
  },
];

export const rows: Row[] = [...regression, ...classification, ...margins, ...embeddings, ...tripletRows, ...alignments];
