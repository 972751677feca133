import {
  arange,
  bernoulli,
  cartesianProd,
  type Dtype,
  empty,
  emptyLike,
  eye,
  fullLike,
  linspace,
  logspace,
  meshgrid,
  multinomial,
  onesLike,
  type Tensor,
  trilIndices,
  triuIndices,
  zerosLike,
} from 'torcharc';
import { type Input, type Nd, nd, type Row } from './check.ts';

/** Python says: torch.linspace(-1, 2.5, 10) and so on. */
type Made = [of: string, note: string, run: () => Tensor, want: Nd, dtype?: Dtype];
const vector = (...data: number[]): Nd => ({ shape: [data.length], data });
const made: Made[] = [
  [
    'linspace',
    'float32',
    () => linspace(-1, 2.5, 10),
    vector(
      -1,
      -0.6111111044883728,
      -0.2222222089767456,
      0.1666666865348816,
      0.5555555820465088,
      0.9444444179534912,
      1.3333332538604736,
      1.7222222089767456,
      2.1111111640930176,
      2.5,
    ),
  ],
  ['linspace', 'float64', () => linspace(0, 1, 5, { dtype: 'float64' }), vector(0, 0.25, 0.5, 0.75, 1), 'float64'],
  ['linspace', 'int64', () => linspace(-5, 5, 4, { dtype: 'int64' }), vector(-5, -1, 1, 5), 'int64'],
  ['linspace', 'one', () => linspace(3, 5, 1), vector(3)],
  ['linspace', 'none', () => linspace(3, 5, 0), vector()],
  ['logspace', '', () => logspace(-1, 2, 4), vector(0.1, 1, 10, 100)],
  ['logspace', 'base', () => logspace(0, 4, 3, { base: 2 }), vector(1, 4, 16)],
  ['arange', 'step', () => arange(5, 0, -2), vector(5, 3, 1), 'int64'],
  ['eye', 'square', () => eye(3), nd([3, 3], ([i, j]) => Number(i === j))],
  ['eye', 'wide, int64', () => eye(2, 3, { dtype: 'int64' }), nd([2, 3], ([i, j]) => Number(i === j)), 'int64'],
  ['eye', 'options first', () => eye(2, { dtype: 'bool' }), nd([2, 2], ([i, j]) => Number(i === j)), 'bool'],
  ['empty', '', () => empty([2, 1]), nd([2, 1], () => 0)],
  [
    'trilIndices',
    'offset',
    () => trilIndices(3, 4, 1),
    { shape: [2, 9], data: [0, 0, 1, 1, 1, 2, 2, 2, 2, 0, 1, 0, 1, 2, 0, 1, 2, 3] },
    'int64',
  ],
  [
    'triuIndices',
    'offset',
    () => triuIndices(3, 4, 1),
    { shape: [2, 6], data: [0, 0, 0, 1, 1, 2, 1, 2, 3, 2, 3, 3] },
    'int64',
  ],
];
const halves: Input = { shape: [2], values: [0.5, 1.5], dtype: 'float64' };

export const rows: Row[] = [
  ...made.map(
    ([of, note, run, want, dtype = 'float32']): Row => ({
      of,
      ...(note && { note }),
      inputs: [],
      run,
      want: () => want,
      dtype,
      float: 'float32',
    }),
  ),
  { of: 'zerosLike', inputs: [halves], run: (x) => zerosLike(x), want: () => vector(0, 0) },
  {
    of: 'onesLike',
    inputs: [halves],
    run: (x) => onesLike(x, { dtype: 'int64' }),
    want: () => vector(1, 1),
    dtype: 'int64',
  },
  {
    of: 'fullLike',
    inputs: [{ ...halves, dtype: 'int32' }],
    run: (x) => fullLike(x, 1.7),
    want: () => vector(1, 1),
    dtype: 'int32',
  },
  { of: 'emptyLike', inputs: [halves], run: (x) => emptyLike(x), want: () => vector(0, 0) },
  ...(['ij', 'xy'] as const).map(
    (indexing): Row => ({
      of: 'meshgrid',
      note: indexing,
      inputs: [{ shape: [2] }, { shape: [3] }, { shape: [] }],
      run: (...xs) => meshgrid(xs, { indexing }),
      want: (...xs) =>
        xs.map((x, k) => {
          const [a, b] = indexing === 'ij' ? [0, 1] : [1, 0];
          const shape = indexing === 'ij' ? [2, 3, 1] : [3, 2, 1];
          return nd(shape, (i) => x.data[[i[a]!, i[b]!, 0][k]!]!);
        }),
    }),
  ),
  {
    of: 'cartesianProd',
    inputs: [{ shape: [2] }, { shape: [3] }],
    run: cartesianProd,
    want: (x, y) => nd([6, 2], ([i, k]) => (k === 0 ? x.data[Math.floor(i! / 3)]! : y.data[i! % 3]!)),
  },
  {
    of: 'bernoulli',
    note: 'certain',
    inputs: [{ shape: [2, 2], values: [0, 1, 1, 0] }],
    run: bernoulli,
    want: (x) => x,
    noGradient: 'drawn',
  },
  ...[false, true].map(
    (replacement): Row => ({
      of: 'multinomial',
      note: `certain${replacement ? ', with replacement' : ''}`,
      inputs: [{ shape: [2, 3], values: [0, 2, 0, 0.5, 0, 0] }],
      run: (x) => multinomial(x, replacement ? 4 : 1, { replacement }),
      want: () => nd([2, replacement ? 4 : 1], ([i]) => 1 - i!),
      dtype: 'int64',
    }),
  ),
];
