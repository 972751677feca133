import type { Tensor } from 'torcharc';
import { searchsorted } from 'torcharc';
import { at, type Input, type Nd, nd, type Row } from './check.ts';

const apart: Input = { shape: [3, 4, 2], apart: true };
const cube: Input = { shape: [3, 4, 2] };
const ties: Input = { shape: [2, 4], values: [1, 0, 1, 0, 2, 2, 1, 2], dtype: 'int64' };
const flags: Input = { shape: [2, 3], values: [1, 0, 1, 0, 0, 1], dtype: 'bool' };

/** A function of each line along a dimension, which gives a line of any length. */
function lines(x: Nd, dim: number, fn: (line: number[]) => number[]): Nd {
  const d = dim < 0 ? dim + x.shape.length : dim;
  const line = (index: readonly number[]) => Array.from({ length: x.shape[d]! }, (_, k) => at(x, index.with(d, k)));
  const n = fn(line(x.shape.map(() => 0))).length;
  return nd(x.shape.with(d, n), (index) => fn(line(index))[index[d]!]!);
}
/** Indices that sort a line, equals in their order. */
const order = (line: number[], descending = false) =>
  line.map((_, i) => i).sort((i, j) => (descending ? line[j]! - line[i]! : line[i]! - line[j]!) || i - j);
const chosen = (pick: (line: number[]) => number[], dim: number) => (x: Nd) => [
  lines(x, dim, (line) => pick(line).map((i) => line[i]!)),
  lines(x, dim, pick),
];
const dropped = (x: Nd, dim: number): Nd => ({ shape: x.shape.toSpliced(dim, 1), data: x.data });
/** Each element folded with all before it. */
const running = (fold: (v: number[]) => number) => (line: number[]) => line.map((_, i) => fold(line.slice(0, i + 1)));
const sum = (v: number[]) => v.reduce((a, b) => a + b, 0);
const product = (v: number[]) => v.reduce((a, b) => a * b, 1);

type Cumulative = [of: string, run: (x: Tensor, dim: number) => Tensor, fold: (v: number[]) => number, input: Input];
const cumulative: Cumulative[] = [
  ['cumsum', (x, dim) => x.cumsum(dim), sum, cube],
  ['cumprod', (x, dim) => x.cumprod(dim), product, { ...cube, range: [0.5, 1.5] }],
  ['logcumsumexp', (x, dim) => x.logcumsumexp(dim), (v) => Math.log(sum(v.map(Math.exp))), cube],
];
const f64i64 = ['float64', 'int64'] as const;

export const rows: Row[] = [
  ...cumulative.flatMap(([of, run, fold, input]) => [
    ...[0, 1, -1].map(
      (dim): Row => ({
        of,
        note: `dim ${dim}`,
        inputs: [input],
        run: (x) => run(x, dim),
        want: (x) => lines(x, dim, running(fold)),
      }),
    ),
    {
      of,
      note: 'nine',
      inputs: [{ ...input, shape: [9] }],
      run: (x: Tensor) => run(x, 0),
      want: (x: Nd) => lines(x, 0, running(fold)),
    },
    { of, note: '0-d', inputs: [{ shape: [] }], run: (x: Tensor) => run(x, 0), want: (x: Nd) => x },
    {
      of,
      note: 'empty',
      inputs: [{ shape: [0, 2] }],
      run: (x: Tensor) => run(x, 0),
      want: (x: Nd) => x,
    },
  ]),
  {
    of: 'cumprod',
    note: 'zeros',
    inputs: [{ shape: [5], values: [0.7, 0, 1.2, 0, 0.9] }],
    run: (x) => x.cumprod(0),
    want: (x) => lines(x, 0, running(product)),
  },
  ...(['cumsum', 'cumprod'] as const).map(
    (of): Row => ({
      of,
      note: 'int32 as int64',
      inputs: [{ ...ties, dtype: 'int32' }],
      run: (x) => x[of](1),
      want: (x) => lines(x, 1, running(of === 'cumsum' ? sum : product)),
      dtype: 'int64',
    }),
  ),
  {
    of: 'cumsum',
    note: 'of bool, as float64',
    inputs: [flags],
    run: (x) => x.cumsum(1, { dtype: 'float64' }),
    want: (x) => lines(x, 1, running(sum)),
    dtype: 'float64',
  },
  {
    of: 'logcumsumexp',
    note: 'of nothing first',
    inputs: [{ shape: [3], values: [-Infinity, -Infinity, 2], dtype: 'float64' }],
    run: (x) => x.logcumsumexp(0),
    want: (x) => x,
    dtype: 'float64',
  },
  ...(['cummax', 'cummin'] as const).flatMap((of) => {
    const latest = (v: number[]) => v.lastIndexOf(of === 'cummax' ? Math.max(...v) : Math.min(...v));
    const row = (note: string, input: Input, dim: number): Row => ({
      of,
      note,
      inputs: [input],
      run: (x) => x[of](dim),
      want: chosen(running(latest), dim),
      dtype: [input.dtype ?? 'float64', 'int64'],
    });
    return [
      row('dim 1', apart, 1),
      row('dim -1', apart, -1),
      row('the latest of equals', ties, 1),
      row('bool', flags, 1),
    ];
  }),
  {
    of: 'cummax',
    note: 'NaN stays',
    inputs: [{ shape: [4], values: [1, 3, Number.NaN, 4], dtype: 'float64' }],
    run: (x) => x.cummax(0),
    want: () => [
      { shape: [4], data: [1, 3, Number.NaN, Number.NaN] },
      { shape: [4], data: [0, 1, 2, 2] },
    ],
    dtype: f64i64,
  },
  {
    of: 'diff',
    inputs: [cube],
    run: (x) => x.diff({ dim: 1 }),
    want: (x) => lines(x, 1, (v) => v.slice(1).map((y, i) => y - v[i]!)),
  },
  {
    of: 'diff',
    note: 'twice',
    inputs: [{ shape: [4] }],
    run: (x) => x.diff({ n: 2 }),
    want: ({ data: [a, b, c, d] }) => ({ shape: [2], data: [c! - 2 * b! + a!, d! - 2 * c! + b!] }),
  },
  {
    of: 'diff',
    note: 'bool',
    inputs: [flags],
    run: (x) => x.diff(),
    want: (x) => lines(x, 1, (v) => v.slice(1).map((y, i) => y ^ v[i]!)),
    dtype: 'bool',
  },
  ...[false, true].flatMap((descending) => {
    const row = (note: string, input: Input, dim: number): Row => ({
      of: 'sort',
      note: `${note}${descending ? ', descending' : ''}`,
      inputs: [input],
      run: (x) => x.sort({ dim, descending }),
      want: chosen((v) => order(v, descending), dim),
      dtype: [input.dtype ?? 'float64', 'int64'],
    });
    return [
      row('dim 0', apart, 0),
      row('dim -1', apart, -1),
      row('equals in their order', ties, 1),
      row('bool', flags, 1),
      row('uint8', { ...ties, dtype: 'uint8' }, 1),
      row('many equals', { shape: [40], values: Array.from({ length: 40 }, (_, i) => i % 3), dtype: 'float32' }, 0),
    ];
  }),
  {
    of: 'sort',
    note: 'NaN last',
    inputs: [{ shape: [4], values: [1, Number.NaN, 3, 0], dtype: 'float64' }],
    run: (x) => x.sort(),
    want: () => [
      { shape: [4], data: [0, 1, 3, Number.NaN] },
      { shape: [4], data: [3, 0, 2, 1] },
    ],
    dtype: f64i64,
  },
  ...[[], [0], [2, 0], [0, 3]].map(
    (shape): Row => ({
      of: 'sort',
      note: `shape ${JSON.stringify(shape)}`,
      inputs: [{ shape }],
      run: (x) => x.sort(),
      want: (x) => [x, { shape, data: x.data.map(() => 0) }],
      dtype: f64i64,
    }),
  ),
  {
    of: 'argsort',
    inputs: [apart],
    run: (x) => x.argsort({ dim: 1, descending: true }),
    want: (x) => lines(x, 1, (v) => order(v, true)),
    dtype: 'int64',
  },
  ...[true, false].map(
    (largest): Row => ({
      of: 'topk',
      note: largest ? 'largest' : 'smallest',
      inputs: [apart],
      run: (x) => x.topk(2, { dim: 1, largest }),
      want: chosen((v) => order(v, largest).slice(0, 2), 1),
      dtype: f64i64,
    }),
  ),
  {
    of: 'topk',
    note: 'none',
    inputs: [apart],
    run: (x) => x.topk(0, { dim: 1 }),
    want: () => [nd([3, 0, 2], () => 0), nd([3, 0, 2], () => 0)],
    dtype: f64i64,
  },
  {
    of: 'kthvalue',
    inputs: [apart],
    run: (x) => x.kthvalue(3, { dim: 1 }),
    want: (x) => chosen((v) => order(v).slice(2, 3), 1)(x).map((y) => dropped(y, 1)),
    dtype: f64i64,
  },
  {
    of: 'kthvalue',
    note: 'kept',
    inputs: [ties],
    run: (x) => x.kthvalue(2, { keepdim: true }),
    want: chosen((v) => order(v).slice(1, 2), 1),
    dtype: ['int64', 'int64'],
  },
  {
    of: 'kthvalue',
    note: '0-d',
    inputs: [{ shape: [] }],
    run: (x) => x.kthvalue(1),
    want: (x) => [x, { shape: [], data: [0] }],
    dtype: f64i64,
  },
  {
    of: 'median',
    inputs: [apart],
    run: (x) => x.median({ dim: 1 }),
    want: (x) => chosen((v) => order(v).slice(1, 2), 1)(x).map((y) => dropped(y, 1)),
    dtype: f64i64,
  },
  {
    of: 'median',
    note: 'of all',
    inputs: [apart],
    run: (x) => x.median(),
    want: (x) => ({ shape: [], data: [x.data.toSorted((a, b) => a - b)[11]!] }),
  },
  {
    of: 'quantile',
    inputs: [apart],
    run: (x) => x.quantile(0.4, { dim: 1 }),
    want: (x) => {
      const [low, high] = [1, 2].map((k) => lines(x, 1, (v) => [v.toSorted((a, b) => a - b)[k]!]));
      // 0.4 · 3 = 1.2
      return dropped(
        nd(low!.shape, (i) => 0.8 * at(low!, i) + 0.2 * at(high!, i)),
        1,
      );
    },
  },
  {
    of: 'quantile',
    note: 'several, of all, kept',
    inputs: [{ shape: [3, 1], apart: true }],
    run: (x) => x.quantile([0, 0.5, 1], { keepdim: true }),
    want: (x) => ({ shape: [3, 1, 1], data: x.data.toSorted((a, b) => a - b) }),
  },
  ...[false, true].flatMap((right): Row[] => {
    const place = (all: readonly number[], v: number) => all.filter((b) => (right ? b <= v : b < v)).length;
    return [
      {
        of: 'bucketize',
        note: right ? 'right' : 'left',
        inputs: [
          { shape: [2, 2], values: [2, 0, 5, 3] },
          { shape: [4], values: [1, 2, 2, 3] },
        ],
        run: (x, b) => x.bucketize(b, { right }),
        want: (x, b) => ({ shape: x.shape, data: x.data.map((v) => place(b.data, v)) }),
        dtype: 'int64',
      },
      {
        of: 'searchsorted',
        note: right ? 'right' : 'left',
        inputs: [
          { shape: [2, 3], values: [1, 2, 3, 2, 2, 4] },
          { shape: [2, 2], values: [2, 0, 5, 2] },
        ],
        run: (b, x) => searchsorted(b, x, { right }),
        want: (b, x) => nd(x.shape, (i) => place(b.data.slice(3 * i[0]!, 3 * i[0]! + 3), at(x, i))),
        dtype: 'int64',
      },
    ];
  }),
];
