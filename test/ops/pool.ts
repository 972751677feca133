import { F, type Tensor } from 'torcharc';
import { full, largest, mean, placeOfLargest, pooled, type Windows } from '../spatial.ts';
import { type Nd, nd, type Row } from './check.ts';

const maxForms: Windows[] = [
  { x: [2, 2, 6, 5], kernel: [2, 2] },
  { x: [2, 3, 6, 4], kernel: [2, 2] },
  { x: [1, 2, 7, 6], kernel: [3, 2], stride: [2, 1] },
  { x: [1, 2, 5, 6], kernel: [3, 3], stride: [1, 2], padding: [1, 1] },
  { x: [1, 1, 8, 7], kernel: [2, 3], stride: [2, 2], dilation: [3, 2] },
  { x: [1, 1, 7, 8], kernel: [3, 3], stride: [2, 3], padding: [1, 0], ceil_mode: true },
  { x: [1, 1, 5, 5], kernel: [2, 2], stride: [2, 2], ceil_mode: true },
  { x: [1, 1, 6, 6], kernel: [2, 2], stride: [3, 3], padding: [1, 1], ceil_mode: true },
  { x: [1, 1, 8, 8], kernel: [2, 2], stride: [3, 3], dilation: [3, 3], ceil_mode: true },
  { x: [2, 2, 9], kernel: [3], stride: [2], padding: [1] },
  { x: [1, 2, 8], kernel: [3], stride: [2], ceil_mode: true },
  { x: [1, 2, 4, 5, 4], kernel: [2, 3, 2], stride: [2, 1, 2] },
  { x: [1, 1, 5, 5, 5], kernel: [2, 2, 2], stride: [2, 2, 2], padding: [1, 0, 1], ceil_mode: true },
];
const avgForms: Windows[] = [
  { x: [2, 2, 6, 5], kernel: [2, 2] },
  { x: [1, 2, 7, 6], kernel: [3, 2], stride: [2, 1] },
  { x: [1, 2, 5, 6], kernel: [3, 3], stride: [1, 2], padding: [1, 1] },
  { x: [1, 2, 5, 6], kernel: [3, 3], stride: [1, 2], padding: [1, 1], count_include_pad: false },
  { x: [1, 2, 5, 6], kernel: [3, 3], stride: [2, 2], padding: [1, 0], divisor_override: 5 },
  { x: [1, 1, 7, 8], kernel: [3, 3], stride: [2, 3], padding: [1, 0], ceil_mode: true },
  { x: [1, 1, 7, 8], kernel: [3, 3], stride: [2, 3], padding: [1, 0], ceil_mode: true, count_include_pad: false },
  { x: [1, 1, 5, 5], kernel: [2, 2], ceil_mode: true, divisor_override: 3 },
  { x: [2, 2, 9], kernel: [3], stride: [2], padding: [1] },
  { x: [1, 2, 4, 5, 4], kernel: [2, 3, 2], stride: [2, 1, 2], padding: [1, 1, 0] },
];
const options = (f: Windows) => {
  const { kernel, ...rest } = full(f);
  return { kernel_size: kernel, ...rest };
};
const rank = (f: Windows) => f.kernel.length;
type Pool<O> = (x: Tensor, options: O) => Tensor;
const maxPools: Pool<F.MaxPoolOptions>[] = [F.maxPool1d, F.maxPool2d, F.maxPool3d];
const withIndices = [F.maxPool1dWithIndices, F.maxPool2dWithIndices, F.maxPool3dWithIndices];
const avgPools: Pool<F.AvgPoolOptions>[] = [F.avgPool1d, F.avgPool2d, F.avgPool3d];
const lpPools: Pool<F.LPPoolOptions>[] = [F.lpPool1d, F.lpPool2d, F.lpPool3d];
/** Both: graphs are written in other ways. */
const floats = ['float32', 'float64'] as const;

/** The row for a tensor without a batch. */
const unbatched = (row: Row): Row => ({
  ...row,
  note: `unbatched ${row.note}`,
  inputs: row.inputs.map((input) => ({ ...input, shape: input.shape.slice(1) })),
  want: (...xs) => {
    const found = row.want(...xs.map((x) => ({ shape: [1, ...x.shape], data: x.data })));
    const without = ({ shape, data }: Nd) => ({ shape: shape.slice(1), data });
    return Array.isArray(found) ? (found as Nd[]).map(without) : without(found as Nd);
  },
});

const maxRows = maxForms.flatMap((f) =>
  floats.map((float): Row => {
    return {
      of: `F.maxPool${rank(f)}dWithIndices`,
      note: `${JSON.stringify(f)} ${float}`,
      inputs: [{ shape: f.x, apart: true }],
      run: (x) => withIndices[rank(f) - 1]!(x, options(f)),
      want: (x) => [pooled(f, largest(x)), pooled(f, placeOfLargest(x))],
      dtype: [float, 'int64'],
      float,
    };
  }),
);
const plainMaxRows = maxForms.map((f): Row => {
  return {
    of: `F.maxPool${rank(f)}d`,
    note: JSON.stringify(f),
    inputs: [{ shape: f.x, apart: true }],
    run: (x) => maxPools[rank(f) - 1]!(x, options(f)),
    want: (x) => pooled(f, largest(x)),
    float: 'float32',
  };
});
const avgRows = avgForms.flatMap((f) =>
  floats.map((float): Row => {
    return {
      of: `F.avgPool${rank(f)}d`,
      note: `${JSON.stringify(f)} ${float}`,
      inputs: [{ shape: f.x }],
      run: (x) => avgPools[rank(f) - 1]!(x, options(f)),
      want: (x) => pooled(f, mean(x, f)),
      float,
    };
  }),
);

/** A window cut short counts as a whole one. */
const lp = (f: Windows, p: number) => (x: Nd) => {
  const power = { shape: x.shape, data: x.data.map((v) => v ** p) };
  const taps = f.kernel.reduce((a, b) => a * b, 1);
  return pooled(f, (window, lead) => (mean(power)(window, lead) * taps) ** (1 / p));
};
const lpForms: [p: number, f: Windows][] = [
  [2, { x: [2, 2, 7], kernel: [3], stride: [2] }],
  [3, { x: [1, 2, 8], kernel: [3], stride: [3], ceil_mode: true }],
  [1, { x: [1, 2, 6, 5], kernel: [2, 2] }],
  [1.5, { x: [1, 2, 6, 5], kernel: [3, 2], stride: [1, 2] }],
  [2.5, { x: [1, 1, 5, 5], kernel: [2, 2], ceil_mode: true }],
  [2, { x: [1, 2, 4, 5, 4], kernel: [2, 2, 3], stride: [1, 2, 2] }],
];

const specialForm: Windows = { x: [5, 2, 4, 6], kernel: [2, 3], stride: [1, 2], padding: [1, 1] };
const special = [Number.NaN, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, 3, -1];
// the third image is finite
const specialValues = nd(specialForm.x, ([n, c, h, w]) => {
  return n === 2 ? (h! * w!) % 4 : special[(h! * 3 + w! * w! + c! + n!) % 5]!;
}).data;
export const rows: Row[] = [
  ...maxRows,
  ...plainMaxRows,
  ...avgRows,
  // of the forms whose batch is one
  ...[maxRows[4]!, plainMaxRows[2]!, avgRows[2]!, avgRows.at(-1)!].map(unbatched),
  ...lpForms.map(([p, f]): Row => {
    return {
      of: `F.lpPool${rank(f)}d`,
      note: `${p} ${JSON.stringify(f)}`,
      inputs: [{ shape: f.x, range: [0.5, 1.5] }],
      run: (x) => lpPools[rank(f) - 1]!(x, { norm_type: p, ...options(f) }),
      want: lp(f, p),
    };
  }),
  {
    of: 'F.lpPool2d',
    note: 'the largest magnitude',
    inputs: [{ shape: [1, 2, 4, 4], apart: true }],
    run: (x) => F.lpPool2d(x, { norm_type: Number.POSITIVE_INFINITY, kernel_size: 2 }),
    want: (x) => pooled({ x: x.shape, kernel: [2, 2] }, largest({ ...x, data: x.data.map(Math.abs) })),
  },
  {
    of: 'F.lpPool1d',
    note: 'the smallest magnitude',
    inputs: [{ shape: [1, 2, 6], apart: true }],
    run: (x) => F.lpPool1d(x, { norm_type: Number.NEGATIVE_INFINITY, kernel_size: 3 }),
    want: (x) => {
      const y = pooled({ x: x.shape, kernel: [3] }, largest({ ...x, data: x.data.map((v) => -Math.abs(v)) }));
      return { ...y, data: y.data.map((v) => -v) };
    },
  },
  ...[specialForm, { x: specialForm.x, kernel: [2, 2] }].flatMap((f) =>
    floats.map((float): Row => {
      return {
        of: 'F.maxPool2dWithIndices',
        note: `NaN and infinities, equal values ${JSON.stringify(f.kernel)} ${float}`,
        inputs: [{ shape: f.x, values: specialValues }],
        run: (x) => F.maxPool2dWithIndices(x, options(f)),
        want: (x) => [pooled(f, largest(x)), pooled(f, placeOfLargest(x))],
        dtype: [float, 'int64'],
        float,
        noGradient: 'of values that are not finite there are no differences',
      };
    }),
  ),
  {
    of: 'F.maxPool2dWithIndices',
    note: 'integers',
    inputs: [{ shape: [1, 2, 4, 4], values: [...Array(32).keys()].map((i) => (i * 7) % 23), dtype: 'int64' }],
    run: (x) => F.maxPool2dWithIndices(x, { kernel_size: 2 }),
    want: (x) => {
      const f = { x: x.shape, kernel: [2, 2] };
      return [pooled(f, largest(x)), pooled(f, placeOfLargest(x))];
    },
    dtype: 'int64',
  },
  {
    of: 'F.maxPool1d',
    note: 'windows that a dilation leaves nothing in',
    inputs: [{ shape: [1, 1, 2], values: [1, 2] }],
    run: (x) => F.maxPool1d(x, { kernel_size: 2, dilation: 3, padding: 1 }),
    want: (x) => pooled({ x: x.shape, kernel: [2], dilation: [3], padding: [1] }, largest(x)),
    noGradient: 'of an infinite value there are no differences',
  },
  {
    of: 'F.avgPool1d',
    note: 'long: the gradient is a convolution',
    inputs: [{ shape: [1, 2, 200] }],
    run: (x) => F.avgPool1d(x, { kernel_size: 4, stride: 3, padding: 1 }),
    want: (x) => pooled({ x: x.shape, kernel: [4], stride: [3], padding: [1] }, mean(x)),
    float: 'float32',
  },
  {
    of: 'F.avgPool2d',
    note: 'wide: the gradient is a convolution',
    inputs: [{ shape: [1, 1, 3, 150] }],
    run: (x) => F.avgPool2d(x, { kernel_size: [2, 3], stride: [1, 2], ceil_mode: true }),
    want: (x) => pooled({ x: x.shape, kernel: [2, 3], stride: [1, 2], ceil_mode: true }, mean(x)),
    float: 'float32',
  },
  {
    of: 'F.avgPool3d',
    note: 'wide: the gradient is two convolutions',
    inputs: [{ shape: [1, 2, 4, 2, 140] }],
    run: (x) => F.avgPool3d(x, { kernel_size: [3, 2, 4], stride: [1, 1, 3], padding: [1, 0, 2], ceil_mode: true }),
    want: (x) => {
      const f = { x: x.shape, kernel: [3, 2, 4], stride: [1, 1, 3], padding: [1, 0, 2], ceil_mode: true };
      return pooled(f, mean(x));
    },
    float: 'float32',
  },
];
