import { F, Generator, manualSeed } from 'torcharc';
import { at, each, type Nd, nd, type Row } from './check.ts';

const softmax =
  (dim: number) =>
  (x: Nd): Nd => {
    const exp = (index: readonly number[]) => Math.exp(at(x, index));
    return nd(
      x.shape,
      (index) =>
        exp(index) / Array.from({ length: x.shape[dim]! }, (_, k) => exp(index.with(dim, k))).reduce((a, b) => a + b),
    );
  };
const negative = each((v) => -v);

/** What a function that draws sees with this seed. */
const seeded = <T>(fn: () => T): T => {
  manualSeed(3);
  return fn();
};
const uniform = (n: number, low: number, high: number) => new Generator(3).uniform(new Float32Array(n), low, high);
const gumbels = (n: number) =>
  Array.from(new Generator(3).uniform(new Float64Array(n)), (u) => -Math.log(-Math.log1p(-u)));

const sample = (tau: number, dim: number) => (x: Nd) => {
  const g = gumbels(x.data.length);
  return softmax(dim)({ shape: x.shape, data: x.data.map((v, i) => (v + g[i]!) / tau) });
};

export const rows: Row[] = [
  {
    of: 'F.rrelu',
    note: 'evaluation',
    inputs: [{ shape: [3, 4], apart: true }],
    run: (x) => F.rrelu(x, { lower: 0.2, upper: 0.6 }),
    want: each((v) => (v > 0 ? v : 0.4 * v)),
  },
  {
    of: 'F.rrelu',
    note: 'training',
    inputs: [{ shape: [3, 4] }],
    run: (x) => seeded(() => F.rrelu(x, { lower: 0.2, upper: 0.6, training: true })),
    want: (x) => {
      const slopes = uniform(12, 0.2, 0.6);
      return { shape: x.shape, data: x.data.map((v, i) => (v > 0 ? v : v * slopes[i]!)) };
    },
  },
  ...[
    [1, -1],
    [0.5, 0],
  ].map(
    ([tau, dim]): Row => ({
      of: 'F.gumbelSoftmax',
      note: `tau ${tau}, dim ${dim}`,
      inputs: [{ shape: [3, 4] }],
      run: (x) => seeded(() => F.gumbelSoftmax(x, { tau: tau!, dim: dim! })),
      want: sample(tau!, dim === 0 ? 0 : 1),
      // the numbers drawn are rounded to it
      float: 'float32',
    }),
  ),
  {
    of: 'F.gumbelSoftmax',
    note: 'hard',
    inputs: [{ shape: [3, 4] }],
    run: (x) => seeded(() => F.gumbelSoftmax(x, { hard: true })),
    want: (x) => {
      const soft = sample(1, 1)(x);
      const row = (i: number) => [0, 1, 2, 3].map((k) => at(soft, [i, k]));
      return nd(x.shape, ([i, j]) => Number(at(soft, [i!, j!]) === Math.max(...row(i!))));
    },
    float: 'float32',
    noGradient: 'it is that of the soft sample',
  },
  {
    of: 'F.softmin',
    note: 'implied dimension',
    inputs: [{ shape: [3, 4] }],
    run: (x) => F.softmin(x),
    want: (x) => softmax(1)(negative(x)),
  },
  {
    of: 'F.softmax',
    note: 'computed in another dtype',
    inputs: [{ shape: [3, 4] }],
    run: (x) => F.softmax(x, { dim: 0, dtype: 'float64' }),
    want: softmax(0),
    dtype: 'float64',
  },
];
