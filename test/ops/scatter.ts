import type { Index, Tensor } from 'torcharc';
import { at, type Input, type Nd, nd, type Row } from './check.ts';

const cube: Input = { shape: [2, 3, 2] };
/** One index into the middle dimension for each of [2, 4, 2]; some meet, none chooses [1, 0, 1]. */
const chosen: Input = { shape: [2, 4, 2], values: [0, 2, 1, 1, 2, 0, 2, 2, 1, 2, 0, 2, 2, 1, 1, 2], dtype: 'int64' };
/** Each place at most once. */
const single: Input = { shape: [2, 2, 2], values: [0, 2, 1, 0, 2, 1, 1, 2], dtype: 'int64' };
const rowsOf: Input = { shape: [2], values: [2, 0], dtype: 'int64' };

/** All values that come to each place, folded with what was there. */
const folded =
  (fold: (own: number, come: number[]) => number) =>
  (x: Nd, index: Nd, src: Nd): Nd => {
    const come = new Map<string, number[]>();
    nd(index.shape, (i) => {
      const place = String(i.with(1, at(index, i)));
      come.set(place, [...(come.get(place) ?? []), at(src, i)]);
      return 0;
    });
    return nd(x.shape, (i) => (come.has(String(i)) ? fold(at(x, i), come.get(String(i))!) : at(x, i)));
  };
const sum = (v: number[]) => v.reduce((a, b) => a + b, 0);
const reductions = {
  sum,
  prod: (v: number[]) => v.reduce((a, b) => a * b, 1),
  mean: (v: number[]) => sum(v) / v.length,
  amax: (v: number[]) => Math.max(...v),
  amin: (v: number[]) => Math.min(...v),
};

/** x[…] written out: the place in x of each place of the result. */
type At = [note: string, index: Index[], shape: number[], place: (i: number[]) => number[], x?: number[]];
const parts: At[] = [
  ['a number', [1], [3, 4], (i) => [1, ...i]],
  ['a slice and a new dimension', ['1:3', null], [1, 1, 3, 4], ([, , j, k]) => [1, j!, k!]],
  ['all in one string', ['..., None, ::2'], [2, 3, 1, 2], ([i, j, , k]) => [i!, j!, 2 * k!]],
  ['from the end', [':, -1, -3:-1'], [2, 2], ([i, k]) => [i!, 2, k! + 1]],
  ['nothing', ['...'], [2, 3, 4], (i) => i],
  ['ellipsis in the middle', [0, '...', 1], [3], ([j]) => [0, j!, 1]],
  ['a list', [[1, 1, 0]], [3, 3, 4], ([i, j, k]) => [[1, 1, 0][i!]!, j!, k!]],
  ['a list behind', [':', ':', [3, -1]], [2, 3, 2], ([i, j]) => [i!, j!, 3]],
  [
    'two lists',
    [
      [1, 0],
      [2, -3],
    ],
    [2, 4],
    ([i, k]) => [[1, 0][i!]!, [2, 0][i!]!, k!],
  ],
  ['two lists behind', [':', [0, 2, 1], [3, 0, 1]], [2, 3], ([i, n]) => [i!, [0, 2, 1][n!]!, [3, 0, 1][n!]!]],
  ['two lists apart go to the front', [[1, 0], ':', [3, 2]], [2, 3], ([n, j]) => [[1, 0][n!]!, j!, [3, 2][n!]!]],
  ['lists that broadcast', [':', [1], [0, 3]], [2, 2], ([i, n]) => [i!, 1, [0, 3][n!]!]],
];

export const rows: Row[] = [
  ...parts.map(
    ([note, index, shape, place]): Row => ({
      of: 'at',
      note,
      inputs: [{ shape: [2, 3, 4] }],
      run: (x) => x.at(...index),
      want: (x) => nd(shape, (i) => at(x, place(i))),
    }),
  ),
  {
    of: 'at',
    note: 'tensors that broadcast, with a new dimension between',
    inputs: [
      { shape: [2, 3, 4] },
      { shape: [2, 1], values: [1, 0], dtype: 'int64' },
      { shape: [3], values: [0, 3, -1], dtype: 'int32' },
    ],
    run: (x, i, j) => x.at(i, null, ':', j),
    want: (x, i, j) => nd([2, 3, 1, 3], ([a, b, , c]) => at(x, [i.data[a!]!, c!, (j.data[b!]! + 4) % 4])),
  },
  {
    of: 'at',
    note: 'a 0-d tensor',
    inputs: [{ shape: [2, 3] }, { shape: [], values: [-1], dtype: 'int64' }],
    run: (x, i) => x.at(':', i),
    want: (x) => nd([2], ([a]) => at(x, [a!, 2])),
  },
  ...[false, true].flatMap((accumulate): Row[] => [
    {
      of: 'indexPut',
      note: accumulate ? 'added' : 'written',
      inputs: [
        { shape: [3, 2] },
        { ...rowsOf, values: [2, accumulate ? 2 : 1] },
        { ...rowsOf, values: [0, 0] },
        { shape: [2] },
      ],
      run: (x, i, j, v) => x.indexPut([i, j], v, { accumulate }),
      want: (x, i, _j, v) =>
        nd([3, 2], ([a, b]) => {
          const come = v.data.filter((_, n) => b === 0 && i.data[n] === a);
          return come.length === 0 ? at(x, [a!, b!]) : sum(come) + (accumulate ? at(x, [a!, b!]) : 0);
        }),
    },
    {
      of: 'indexPut',
      note: accumulate ? 'one value added to rows' : 'one value in rows',
      inputs: [{ shape: [3, 2] }, rowsOf, { shape: [] }],
      run: (x, i, v) => x.indexPut([i], v, { accumulate }),
      want: (x, _i, v) =>
        nd([3, 2], ([a, b]) => (a === 1 ? at(x, [a, b!]) : v.data[0]! + (accumulate ? at(x, [a!, b!]) : 0))),
    },
  ]),
  {
    of: 'take',
    inputs: [{ shape: [2, 3] }, { shape: [2, 2], values: [5, 0, -1, 2], dtype: 'int64' }],
    run: (x, i) => x.take(i),
    want: (x, i) => ({ shape: [2, 2], data: i.data.map((k) => x.data.at(k)!) }),
  },
  {
    of: 'takeAlongDim',
    note: 'broadcasting',
    inputs: [{ shape: [1, 3] }, { shape: [2, 1], values: [2, 0], dtype: 'int64' }],
    run: (x, i) => x.takeAlongDim(i, { dim: 1 }),
    want: (x, i) => nd([2, 1], ([a]) => x.data[i.data[a!]!]!),
  },
  {
    of: 'takeAlongDim',
    note: 'flat',
    inputs: [{ shape: [2, 2] }, { shape: [3], values: [3, 0, 3], dtype: 'int64' }],
    run: (x, i) => x.takeAlongDim(i),
    want: (x, i) => ({ shape: [3], data: i.data.map((k) => x.data[k]!) }),
  },
  {
    of: 'indexCopy',
    inputs: [{ shape: [2, 3] }, rowsOf, { shape: [2, 2] }],
    run: (x, i, s) => x.indexCopy(1, i, s),
    want: (x, _i, s) => nd([2, 3], ([a, b]) => (b === 1 ? at(x, [a!, 1]) : at(s, [a!, b === 2 ? 0 : 1]))),
  },
  ...(['number', 'tensor'] as const).map(
    (kind): Row => ({
      of: 'indexFill',
      note: kind,
      inputs: [{ shape: [3, 2] }, rowsOf, { shape: [] }],
      run: (x, i, v) => x.indexFill(0, i, kind === 'number' ? 7 : v),
      want: (x, _i, v) => nd([3, 2], ([a, b]) => (a === 1 ? at(x, [1, b!]) : kind === 'number' ? 7 : v.data[0]!)),
    }),
  ),
  {
    of: 'indexFill',
    note: 'integers stay',
    inputs: [
      { shape: [3], values: [1, 2, 3], dtype: 'int32' },
      { shape: [], values: [1], dtype: 'int64' },
    ],
    run: (x, i) => x.indexFill(0, i, 2.7),
    want: () => ({ shape: [3], data: [1, 2, 3] }),
    dtype: 'int32',
  },
  {
    of: 'scatter',
    inputs: [cube, single, { shape: [2, 2, 2] }],
    run: (x, i, s) => x.scatter(1, i, s),
    want: folded((_own, [first]) => first!),
  },
  {
    of: 'scatter',
    note: 'a number',
    inputs: [cube, chosen],
    run: (x, i) => x.scatter(1, i, 3),
    want: (x, i) => folded(() => 3)(x, i, i),
  },
  {
    of: 'scatter',
    note: 'no index',
    inputs: [cube, { shape: [2, 0, 2], dtype: 'int64' }, { shape: [2, 1, 2] }],
    run: (x, i, s) => x.scatter(1, i, s),
    want: (x) => x,
  },
  {
    of: 'gather',
    note: 'no index',
    inputs: [cube, { shape: [2, 0, 2], dtype: 'int64' }],
    run: (x, i) => x.gather(1, i),
    want: () => nd([2, 0, 2], () => 0),
  },
  ...(['gather', 'scatter', 'scatterAdd'] as const).map(
    (of): Row => ({
      of,
      note: '0-d',
      inputs: [{ shape: [] }, { shape: [], values: [0], dtype: 'int64' }, { shape: [] }],
      run: (x, i, s): Tensor => (of === 'gather' ? x.gather(0, i) : x[of](0, i, s)),
      want: (x, _i, s) => ({
        shape: [],
        data: [{ gather: x.data[0]!, scatter: s.data[0]!, scatterAdd: x.data[0]! + s.data[0]! }[of]],
      }),
    }),
  ),
  ...Object.entries(reductions).flatMap(([reduce, fold]) =>
    [true, false].map(
      (include_self): Row => ({
        of: 'scatterReduce',
        note: `${reduce}${include_self ? '' : ', without its own'}`,
        inputs: [
          { shape: [2, 3, 2], apart: true },
          chosen,
          { shape: [2, 4, 2], values: Array.from({ length: 16 }, (_, i) => ((i * 7) % 16) / 8 - 0.93) },
        ],
        run: (x, i, s) => x.scatterReduce(1, i, s, reduce as 'sum', { include_self }),
        want: folded((own, come) => fold(include_self ? [own, ...come] : come)),
      }),
    ),
  ),
  {
    of: 'scatterReduce',
    note: 'mean of integers rounds down',
    inputs: [
      { shape: [2], values: [1, 7], dtype: 'int64' },
      { shape: [2], values: [0, 0], dtype: 'int64' },
      { shape: [2], values: [2, -5], dtype: 'int64' },
    ],
    run: (x, i, s) => x.scatterReduce(0, i, s, 'mean'),
    want: () => ({ shape: [2], data: [-1, 7] }),
    dtype: 'int64',
  },
];
