import { F } from 'torcharc';
import { at, type Nd, nd, type Row } from './check.ts';

type Options = Parameters<typeof F.interpolate>[1] & object;
/** How much of element j of n is in place i of m. */
type Share = (i: number, j: number, n: number, m: number) => number;

/** Every spatial dimension resized by shares. */
const resized =
  (sizes: readonly number[], share: Share) =>
  (x: Nd): Nd =>
    sizes.reduce((t, m, k) => {
      const [dim, n] = [k + 2, t.shape[k + 2]!];
      return nd(t.shape.with(dim, m), (index) => {
        let sum = 0;
        for (let j = 0; j < n; j++) sum += share(index[dim]!, j, n, m) * at(t, index.with(dim, j));
        return sum;
      });
    }, x);

const one = (condition: boolean) => (condition ? 1 : 0);
const nearest: Share = (i, j, n, m) => one(j === Math.floor((i * n) / m));
const exact: Share = (i, j, n, m) => one(j === Math.floor(((i + 0.5) * n) / m));
const area: Share = (i, j, n, m) => {
  const [start, end] = [Math.floor((i * n) / m), Math.ceil(((i + 1) * n) / m)];
  return j >= start && j < end ? 1 / (end - start) : 0;
};
const centre = (i: number, n: number, m: number, corners: boolean) =>
  corners ? (m > 1 ? (i * (n - 1)) / (m - 1) : 0) : ((i + 0.5) * n) / m - 0.5;
const clip = (s: number, n: number) => Math.min(Math.max(s, 0), n - 1);
const linear =
  (corners: boolean): Share =>
  (i, j, n, m) =>
    Math.max(0, 1 - Math.abs(clip(centre(i, n, m, corners), n) - j));
/** Keys' kernel; what lies outside is the edge. */
const keys = (x: number, a: number) => {
  const t = Math.abs(x);
  if (t >= 2) return 0;
  return t <= 1 ? (a + 2) * t ** 3 - (a + 3) * t ** 2 + 1 : a * (t ** 3 - 5 * t ** 2 + 8 * t - 4);
};
const cubic =
  (corners: boolean): Share =>
  (i, j, n, m) => {
    const s = centre(i, n, m, corners);
    const first = Math.floor(s) - 1;
    return [0, 1, 2, 3].reduce((sum, k) => sum + (clip(first + k, n) === j ? keys(s - first - k, -0.75) : 0), 0);
  };
/** A filter widened to the step, its weights made to sum to 1. */
const smoothed =
  (filter: (x: number) => number): Share =>
  (i, j, n, m) => {
    const wide = Math.max(1, n / m);
    const weight = (k: number) => filter((k - centre(i, n, m, false)) / wide);
    return weight(j) / Array.from({ length: n }, (_, k) => weight(k)).reduce((a, b) => a + b);
  };
const sinc = (x: number) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

type Case = [note: string, shape: readonly number[], sizes: readonly number[], options: Options, share: Share];
const cases: Case[] = [
  ['nearest, whole factors', [2, 2, 3, 2], [6, 6], { scale_factor: [2, 3] }, nearest],
  ['nearest, a signal', [1, 2, 5], [10], { scale_factor: 2 }, nearest],
  ['nearest, uneven', [1, 2, 3, 5], [5, 7], { size: [5, 7] }, nearest],
  ['nearest, smaller', [1, 2, 7, 4], [3, 2], { size: [3, 2] }, nearest],
  ['nearest, a volume', [1, 1, 2, 3, 2], [4, 2, 3], { size: [4, 2, 3] }, nearest],
  ['nearest-exact', [1, 2, 4, 5], [2, 7], { size: [2, 7], mode: 'nearest-exact' }, exact],
  ['area', [1, 2, 5, 4], [3, 6], { size: [3, 6], mode: 'area' }, area],
  ['area by a factor', [1, 2, 5], [3], { scale_factor: 0.7, mode: 'area' }, area],
  ['linear', [2, 3, 5], [8], { size: 8, mode: 'linear' }, linear(false)],
  ['linear, corners', [2, 3, 5], [3], { size: 3, mode: 'linear', align_corners: true }, linear(true)],
  ['bilinear', [1, 2, 4, 3], [8, 6], { scale_factor: 2, mode: 'bilinear' }, linear(false)],
  ['bilinear, corners', [1, 2, 4, 3], [2, 7], { size: [2, 7], mode: 'bilinear', align_corners: true }, linear(true)],
  ['trilinear', [1, 1, 2, 3, 2], [3, 2, 4], { size: [3, 2, 4], mode: 'trilinear' }, linear(false)],
  ['bicubic', [1, 2, 4, 5], [7, 3], { size: [7, 3], mode: 'bicubic' }, cubic(false)],
  ['bicubic, corners', [1, 1, 4, 5], [6, 9], { size: [6, 9], mode: 'bicubic', align_corners: true }, cubic(true)],
  [
    'bilinear, smoothed',
    [1, 2, 8, 7],
    [3, 9],
    { size: [3, 9], mode: 'bilinear', antialias: true },
    smoothed((x) => Math.max(0, 1 - Math.abs(x))),
  ],
  [
    'bicubic, smoothed',
    [1, 1, 9, 8],
    [4, 3],
    { size: [4, 3], mode: 'bicubic', antialias: true },
    smoothed((x) => keys(x, -0.5)),
  ],
  [
    'lanczos',
    [1, 1, 9, 8],
    [4, 11],
    { size: [4, 11], mode: 'lanczos', antialias: true },
    smoothed((x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0)),
  ],
  // sizes from which dimensions are not multiplied by matrices
  ['linear, long', [1, 2, 180], [230], { size: 230, mode: 'linear' }, linear(false)],
  ['bilinear, high', [1, 1, 120, 2], [150, 2], { size: [150, 2], mode: 'bilinear' }, linear(false)],
];

export const rows: Row[] = cases.flatMap(([note, shape, sizes, options, share]) => {
  const row: Row = {
    of: 'F.interpolate',
    note,
    inputs: [{ shape }],
    run: (x) => F.interpolate(x, options),
    want: resized(sizes, share),
  };
  const whole: Row = { ...row, note: `${note}, float32`, float: 'float32' };
  return note.startsWith('nearest') || note.startsWith('bilinear') ? [row, whole] : [row];
});
rows.push({
  of: 'F.interpolate',
  note: 'integers',
  inputs: [{ shape: [1, 1, 3], values: [1, 2, 3], dtype: 'int64' }],
  run: (x) => F.interpolate(x, { size: 5 }),
  want: resized([5], nearest),
  dtype: 'int64',
});
