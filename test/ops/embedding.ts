import { F } from 'torcharc';
import { firstLargest, segments } from '../../src/ops/embedding.ts';
import { at, type Input, type Nd, nd, type Row } from './check.ts';

const int = (shape: number[], values: number[], dtype: 'int64' | 'int32' = 'int64'): Input => ({
  shape,
  values,
  dtype,
});
const table: Input = { shape: [4, 3] };
const indices = int([2, 3], [1, 3, 1, 0, 1, 2]);

const looked = (i: Nd, w: Nd): Nd =>
  nd([...i.shape, w.shape[1]!], (at_) => at(w, [at(i, at_.slice(0, -1)), at_.at(-1)!]));

/** The places of each bag: rows of a matrix, or what lies between offsets. */
function bags(i: Nd, offsets?: Nd, last = false): number[][] {
  if (!offsets)
    return [...Array(i.shape[0]!).keys()].map((b) =>
      Array.from({ length: i.shape[1]! }, (_, k) => b * i.shape[1]! + k),
    );
  const ends = [...offsets.data.slice(1), ...(last ? [] : [i.data.length])];
  return ends.map((end, b) => Array.from({ length: end - offsets.data[b]! }, (_, k) => offsets.data[b]! + k));
}
type Fold = (values: number[]) => number;
const folds: Record<'sum' | 'mean' | 'max', Fold> = {
  sum: (v) => v.reduce((a, b) => a + b, 0),
  mean: (v) => v.reduce((a, b) => a + b, 0) / Math.max(1, v.length),
  max: (v) => (v.length > 0 ? Math.max(...v) : 0),
};
function bagged(
  i: Nd,
  w: Nd,
  members: number[][],
  fold: Fold,
  { padding = -1, factors }: { padding?: number; factors?: Nd } = {},
): Nd {
  const counted = members.map((places) => places.filter((k) => i.data[k] !== padding));
  return nd([members.length, w.shape[1]!], ([b, d]) =>
    fold(counted[b!]!.map((k) => at(w, [i.data[k]!, d!]) * (factors?.data[k] ?? 1))),
  );
}
const line = int([7], [1, 3, 1, 0, 2, 2, 0]);
const offsets = int([4], [0, 3, 3, 5]);
const modes = ['sum', 'mean', 'max'] as const;
/** Distinct numbers: the largest of a bag stays the same when they move a little. */
const apart: Input = { shape: [4, 3], apart: true };

export const rows: Row[] = [
  {
    of: 'F.embedding',
    inputs: [table, indices],
    run: (w, i) => F.embedding(i, w),
    want: (w, i) => looked(i, w),
  },
  {
    of: 'F.embedding',
    note: 'one index, int32',
    inputs: [table, int([], [2], 'int32')],
    run: (w, i) => F.embedding(i, w),
    want: (w, i) => looked(i, w),
  },
  {
    of: 'F.embedding',
    note: 'no index',
    inputs: [table, int([0, 2], [])],
    run: (w, i) => F.embedding(i, w),
    want: (w, i) => looked(i, w),
  },
  {
    of: 'segments',
    inputs: [offsets],
    run: (starts) => segments(starts, 7),
    want: () => ({ shape: [7], data: [0, 0, 0, 2, 2, 3, 3] }),
    dtype: 'int64',
  },
  {
    of: 'firstLargest',
    note: 'of equals the first; none of an empty segment',
    inputs: [{ shape: [4, 2], values: [1, 2, 5, 0, 5, 2, 7, 7] }, int([4], [0, 0, 0, 2])],
    run: (x, segment) => firstLargest(x, segment, 3),
    want: () => ({ shape: [3, 2], data: [1, 0, 4, 4, 3, 3] }),
    dtype: 'int64',
  },
  ...modes.flatMap((mode): Row[] => [
    {
      of: 'F.embeddingBag',
      note: `${mode} of a matrix`,
      inputs: [apart, indices],
      run: (w, i) => F.embeddingBag(i, w, { mode }),
      want: (w, i) => bagged(i, w, bags(i), folds[mode]),
    },
    {
      of: 'F.embeddingBag',
      note: `${mode} between offsets`,
      inputs: [apart, line, offsets],
      run: (w, i, o) => F.embeddingBag(i, w, { mode, offsets: o }),
      want: (w, i, o) => bagged(i, w, bags(i, o), folds[mode]),
    },
    {
      of: 'F.embeddingBag',
      note: `${mode}, the last offset included`,
      inputs: [apart, line, int([3], [0, 4, 7])],
      run: (w, i, o) => F.embeddingBag(i, w, { mode, offsets: o, include_last_offset: true }),
      want: (w, i, o) => bagged(i, w, bags(i, o, true), folds[mode]),
    },
    {
      of: 'F.embeddingBag',
      note: `${mode} of no index`,
      inputs: [table, int([0], []), int([2], [0, 0])],
      run: (w, i, o) => F.embeddingBag(i, w, { mode, offsets: o }),
      want: () => nd([2, 3], () => 0),
    },
  ]),
  // a row of padding gets no gradient, which differences do not say: see errors.norm.test.ts and the fixtures
  ...modes.map(
    (mode): Row => ({
      of: 'F.embeddingBag',
      note: `${mode}, padding`,
      inputs: [apart, int([2, 2], [1, 3, 1, 1])],
      run: (w, i) => F.embeddingBag(i, w, { mode, padding_idx: 1 }),
      want: (w, i) => bagged(i, w, bags(i), folds[mode], { padding: 1 }),
    }),
  ),
  {
    of: 'F.embeddingBag',
    note: 'factors',
    inputs: [table, line, offsets, { shape: [7] }],
    run: (w, i, o, f) => F.embeddingBag(i, w, { mode: 'sum', offsets: o, per_sample_weights: f, padding_idx: -1 }),
    want: (w, i, o, f) => bagged(i, w, bags(i, o), folds.sum, { padding: 3, factors: f }),
  },
];
