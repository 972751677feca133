import { blockDiag, broadcastTensors, dstack, hstack, type Tensor, vstack } from 'torcharc';
import { at, type Input, type Nd, nd, type Row } from './check.ts';

const cube: Input = { shape: [3, 4, 2] };
const matrix: Input = { shape: [3, 4] };
const as =
  (shape: readonly number[]) =>
  (x: Nd): Nd => ({ shape, data: x.data });
/** The array of a shape whose element at an index is x's at another. */
const from = (shape: readonly number[], where: (index: number[]) => number[]) => (x: Nd) =>
  nd(shape, (i) => at(x, where(i)));
const mod = (i: number, n: number) => ((i % n) + n) % n;

type Simple = [of: string, note: string, run: (x: Tensor) => Tensor, want: (x: Nd) => Nd, input?: Input];
const simple: Simple[] = [
  ['unflatten', 'middle', (x) => x.unflatten(1, [2, 2]), as([3, 2, 2, 2])],
  ['unflatten', 'one left open', (x) => x.unflatten(-2, [-1, 1]), as([3, 4, 1, 2])],
  ['ravel', '', (x) => x.ravel(), as([24])],
  ['viewAs', '', (x) => x.viewAs(x.transpose(0, 1)), as([4, 3, 2])],
  ['swapaxes', '', (x) => x.swapaxes(0, 2), from([2, 4, 3], ([i, j, k]) => [k!, j!, i!])],
  ['movedim', 'one', (x) => x.movedim(0, -1), from([4, 2, 3], ([j, k, i]) => [i!, j!, k!])],
  ['movedim', 'two', (x) => x.movedim([2, 0], [0, 1]), from([2, 3, 4], ([k, i, j]) => [i!, j!, k!])],
  ['T', '', (x) => x.T, from([2, 4, 3], ([k, j, i]) => [i!, j!, k!])],
  ['mT', '', (x) => x.mT, from([3, 2, 4], ([i, k, j]) => [i!, j!, k!])],
  ['expandAs', '', (x) => x.sum({ dim: 0, keepdim: true }).mul(0).expandAs(x), (x) => nd(x.shape, () => 0)],
  ['broadcastTo', '', (x) => x.broadcastTo([2, 3, 4]), from([2, 3, 4], ([, i, j]) => [i!, j!]), matrix],
  ['repeat', 'each', (x) => x.repeat([2, 3]), from([6, 12], ([i, j]) => [i! % 3, j! % 4]), matrix],
  ['repeat', 'more sizes', (x) => x.repeat([2, 1, 2]), from([2, 3, 8], ([, i, j]) => [i!, j! % 4]), matrix],
  ['repeat', 'none', (x) => x.repeat([2, 0]), () => nd([6, 0], () => 0), matrix],
  ['repeat', '0-d', (x) => x.repeat([3]), from([3], () => []), { shape: [] }],
  ['tile', 'fewer sizes', (x) => x.tile([2]), from([3, 8], ([i, j]) => [i!, j! % 4]), matrix],
  ['tile', 'more sizes', (x) => x.tile([2, 1, 1]), from([2, 3, 4], ([, i, j]) => [i!, j!]), matrix],
  ['repeatInterleave', 'all', (x) => x.repeatInterleave(2), (x) => nd([24], ([i]) => x.data[i! >> 1]!), matrix],
  [
    'repeatInterleave',
    'dim 1',
    (x) => x.repeatInterleave(2, { dim: 1 }),
    from([3, 8], ([i, j]) => [i!, j! >> 1]),
    matrix,
  ],
  [
    'repeatInterleave',
    'a number for each',
    (x) => x.repeatInterleave([2, 0, 1], { dim: 0 }),
    from([3, 4], ([i, j]) => [[0, 0, 2][i!]!, j!]),
    matrix,
  ],
  ['flip', 'large', (x) => x.flip([0, 1]), from([70, 3], ([i, j]) => [69 - i!, 2 - j!]), { shape: [70, 3] }],
  ['fliplr', '', (x) => x.fliplr(), from([3, 4], ([i, j]) => [i!, 3 - j!]), matrix],
  ['flipud', '', (x) => x.flipud(), from([3, 4], ([i, j]) => [2 - i!, j!]), matrix],
  ['roll', 'flat', (x) => x.roll(5), (x) => nd([3, 4], ([i, j]) => x.data[mod(4 * i! + j! - 5, 12)]!), matrix],
  ['roll', 'one', (x) => x.roll(-1, { dims: 1 }), from([3, 4], ([i, j]) => [i!, mod(j! + 1, 4)]), matrix],
  [
    'roll',
    'two',
    (x) => x.roll([1, 6], { dims: [0, -1] }),
    from([3, 4], ([i, j]) => [mod(i! - 1, 3), mod(j! - 6, 4)]),
    matrix,
  ],
  ['roll', 'all the way', (x) => x.roll(3, { dims: 0 }), (x) => x, matrix],
  ['rot90', 'once', (x) => x.rot90(), from([4, 3], ([i, j]) => [j!, 3 - i!]), matrix],
  ['rot90', 'twice', (x) => x.rot90({ k: 2 }), from([3, 4], ([i, j]) => [2 - i!, 3 - j!]), matrix],
  ['rot90', 'back', (x) => x.rot90({ k: -1 }), from([4, 3], ([i, j]) => [2 - j!, i!]), matrix],
  ['rot90', 'other dimensions', (x) => x.rot90({ dims: [1, 2] }), from([3, 2, 4], ([i, j, k]) => [i!, k!, 1 - j!])],
  ['unfold', 'overlapping', (x) => x.unfold(1, 3, 1), from([3, 2, 2, 3], ([i, j, k, t]) => [i!, j! + t!, k!])],
  ['unfold', 'with gaps', (x) => x.unfold(0, 2, 3), from([3, 2], ([i, t]) => [3 * i! + t!]), { shape: [9] }],
  [
    'unfold',
    'side by side',
    (x) => x.unfold(-1, 3, 3),
    from([2, 2, 3], ([i, j, t]) => [i!, 3 * j! + t!]),
    { shape: [2, 7] },
  ],
  ['unfold', 'long windows', (x) => x.unfold(0, 10, 1), from([3, 10], ([i, t]) => [i! + t!]), { shape: [12] }],
  ['unfold', 'of nothing', (x) => x.unfold(0, 0, 1), () => nd([4, 0], () => 0), { shape: [3] }],
  ['unfold', '0-d', (x) => x.unfold(0, 1, 1), as([1]), { shape: [] }],
  [
    'slice',
    'step, something behind',
    (x) => x.slice({ dim: 1, start: 1, end: 8, step: 3 }),
    from([2, 3], ([i, j]) => [i!, 3 * j! + 1]),
    { shape: [2, 11] },
  ],
  ['clone', '', (x) => x.clone(), (x) => x],
  ['contiguous', '', (x) => x.contiguous(), (x) => x],
];

const piece = (x: Nd, start: number, end: number): Nd => nd([end - start], ([i]) => at(x, [i! + start]));
const conversions = [
  ['float', 'float32'],
  ['double', 'float64'],
  ['long', 'int64'],
  ['int', 'int32'],
  ['byte', 'uint8'],
  ['bool', 'bool'],
] as const;

export const rows: Row[] = [
  ...simple.map(
    ([of, note, run, want, input = cube]): Row => ({ of, ...(note && { note }), inputs: [input], run, want }),
  ),
  ...conversions.map(
    ([of, dtype]): Row => ({
      of,
      inputs: [{ shape: [3], values: [0, 1, 1], dtype: of === 'int' ? 'int64' : 'int32' }],
      run: (x) => x[of](),
      want: (x) => x,
      dtype,
    }),
  ),
  {
    of: 'half',
    inputs: [{ shape: [2], values: [1, 0], dtype: 'int32' }],
    run: (x) => x.half().float(),
    want: (x) => x,
    dtype: 'float32',
  },
  {
    of: 'typeAs',
    inputs: [
      { shape: [2], values: [1, 0], dtype: 'int32' },
      { shape: [], values: [1], dtype: 'int64' },
    ],
    run: (x, y) => x.typeAs(y),
    want: (x) => x,
    dtype: 'int64',
  },
  {
    of: 'unbind',
    inputs: [matrix],
    run: (x) => x.unbind({ dim: 1 }),
    want: (x) => [0, 1, 2, 3].map((j) => nd([3], ([i]) => at(x, [i!, j]))),
  },
  {
    of: 'tensorSplit',
    note: 'three',
    inputs: [{ shape: [7] }],
    run: (x) => x.tensorSplit(3),
    want: (x) => [piece(x, 0, 3), piece(x, 3, 5), piece(x, 5, 7)],
  },
  {
    of: 'tensorSplit',
    note: 'at indices, of any order',
    inputs: [{ shape: [7] }],
    run: (x) => x.tensorSplit([5, 2, -1, 100]),
    want: (x) => [piece(x, 0, 5), piece(x, 2, 2), piece(x, 2, 6), piece(x, 6, 7), piece(x, 7, 7)],
  },
  ...(
    [
      ['middle', [3, 2], { dim: 1, start: 1, end: 3 }, (j) => (j > 0 && j < 3 ? j - 1 : -1)],
      ['step', [3, 2], { dim: 1, start: 0, step: 3 }, (j) => (j % 3 === 0 ? j / 3 : -1)],
      ['negative', [3, 1], { dim: -1, start: -1 }, (j) => (j === 3 ? 0 : -1)],
      ['nothing', [3, 0], { dim: 1, start: 2, end: 1 }, () => -1],
    ] as const satisfies readonly [string, readonly number[], object, (j: number) => number][]
  ).map(
    ([note, shape, options, place]): Row => ({
      of: 'sliceScatter',
      note,
      inputs: [matrix, { shape }],
      run: (x, src) => x.sliceScatter(src, options),
      want: (x, src) => nd([3, 4], ([i, j]) => (place(j!) < 0 ? at(x, [i!, j!]) : at(src, [i!, place(j!)]))),
    }),
  ),
  {
    of: 'selectScatter',
    inputs: [matrix, { shape: [3] }],
    run: (x, src) => x.selectScatter(src, 1, -2),
    want: (x, src) => nd([3, 4], ([i, j]) => (j === 2 ? at(src, [i!]) : at(x, [i!, j!]))),
  },
  {
    of: 'broadcastTensors',
    inputs: [{ shape: [3, 1] }, { shape: [4] }],
    run: broadcastTensors,
    want: (x, y) => [nd([3, 4], ([i]) => at(x, [i!, 0])), nd([3, 4], ([, j]) => at(y, [j!]))],
  },
  {
    of: 'hstack',
    note: 'vectors',
    inputs: [{ shape: [2] }, { shape: [] }],
    run: (...xs) => hstack(xs),
    want: (x, y) => ({ shape: [3], data: [...x.data, ...y.data] }),
  },
  {
    of: 'hstack',
    note: 'matrices',
    inputs: [{ shape: [2, 1] }, { shape: [2, 2] }],
    run: (...xs) => hstack(xs),
    want: (x, y) => nd([2, 3], ([i, j]) => (j === 0 ? at(x, [i!, 0]) : at(y, [i!, j! - 1]))),
  },
  {
    of: 'vstack',
    inputs: [{ shape: [2] }, { shape: [2, 2] }],
    run: (...xs) => vstack(xs),
    want: (x, y) => ({ shape: [3, 2], data: [...x.data, ...y.data] }),
  },
  {
    of: 'dstack',
    inputs: [{ shape: [2] }, { shape: [1, 2, 1] }],
    run: (...xs) => dstack(xs),
    want: (x, y) => nd([1, 2, 2], ([, j, k]) => (k === 0 ? x : y).data[j!]!),
  },
  {
    of: 'blockDiag',
    inputs: [{ shape: [1, 2] }, { shape: [] }, { shape: [2] }],
    run: blockDiag,
    want: ({ data: [a, b] }, { data: [c] }, { data: [d, e] }) => ({
      shape: [3, 5],
      data: [a!, b!, 0, 0, 0, 0, 0, c!, 0, 0, 0, 0, 0, d!, e!],
    }),
  },
];
