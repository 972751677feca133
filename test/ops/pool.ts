import { F } from 'torcharc';
import { avgPool, maxPool } from '../../src/ops/pool.ts';
import { at, type Nd, nd, type Row } from './check.ts';

interface Form {
  readonly x: readonly number[];
  readonly kernel: readonly number[];
  readonly stride?: readonly number[];
  readonly padding?: readonly number[];
  readonly dilation?: readonly number[];
  readonly ceil_mode?: boolean;
  readonly count_include_pad?: boolean;
  readonly divisor_override?: number | null;
}
function full(f: Form) {
  const each = (v: number) => f.kernel.map(() => v);
  const { kernel, stride = kernel, padding = each(0), dilation = each(1), ceil_mode = false } = f;
  const { count_include_pad = true, divisor_override = null } = f;
  return { kernel, stride, padding, dilation, ceil_mode, count_include_pad, divisor_override };
}
/** The result, each place from the places of its window. */
function pooled(f: Form, fold: (window: { places: number[][]; padded: number }, lead: number[]) => number): Nd {
  const { kernel, stride, padding, dilation, ceil_mode } = full(f);
  const out = kernel.map((k, i) => {
    const n = f.x[i + 2]!;
    const room = (n + 2 * padding[i]! - dilation[i]! * (k - 1) - 1) / stride[i]!;
    const count = (ceil_mode ? Math.ceil(room) : Math.floor(room)) + 1;
    return ceil_mode && (count - 1) * stride[i]! >= n + padding[i]! ? count - 1 : count;
  });
  return nd([...f.x.slice(0, 2), ...out], ([n, c, ...o]) => {
    const places: number[][] = [];
    let padded = 0;
    nd(kernel, (tap) => {
      const place = tap.map((k, i) => o[i]! * stride[i]! - padding[i]! + k * dilation[i]!);
      if (place.every((p, i) => p < f.x[i + 2]! + padding[i]!)) padded++;
      if (place.every((p, i) => p >= 0 && p < f.x[i + 2]!)) places.push(place);
      return 0;
    });
    return fold({ places, padded }, [n!, c!]);
  });
}
const largest = (f: Form) => (x: Nd) =>
  pooled(f, ({ places }, lead) => Math.max(...places.map((p) => at(x, [...lead, ...p]))));
/** Its place in the plane. */
const placeOfLargest = (f: Form) => (x: Nd) =>
  pooled(f, ({ places }, lead) => {
    const value = (place: number[]) => at(x, [...lead, ...place]);
    const best = places.reduce((a, b) => (value(b) > value(a) ? b : a));
    return best.reduce((n, p, i) => n * f.x[i + 2]! + p, 0);
  });
const average = (f: Form) => (x: Nd) =>
  pooled(f, ({ places, padded }, lead) => {
    const sum = places.reduce((s, p) => s + at(x, [...lead, ...p]), 0);
    const { count_include_pad, divisor_override } = full(f);
    return sum / (divisor_override ?? (count_include_pad ? padded : places.length));
  });

const maxForms: Form[] = [
  { x: [2, 2, 6, 5], kernel: [2, 2] },
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
const avgForms: Form[] = [
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
const options = (f: Form) => {
  const { kernel, ...rest } = full(f);
  return { kernel_size: kernel, ...rest };
};
const float = 'float32';

export const rows: Row[] = [
  ...maxForms.flatMap((f): Row[] => {
    const note = JSON.stringify(f);
    const inputs = [{ shape: f.x, apart: true }];
    const rows: Row[] = [{ of: 'maxPool', note, inputs, run: (x) => maxPool(x, full(f))[0], want: largest(f), float }];
    if (f.kernel.length !== 2) return rows;
    return [
      ...rows,
      { of: 'F.maxPool2d', note, inputs, run: (x) => F.maxPool2d(x, options(f)), want: largest(f), float },
      {
        of: 'F.maxPool2dWithIndices',
        note,
        inputs,
        run: (x) => F.maxPool2dWithIndices(x, options(f)),
        want: (x) => [largest(f)(x), placeOfLargest(f)(x)],
        dtype: [float, 'int64'],
        float,
      },
    ];
  }),
  ...avgForms.flatMap((f): Row[] => {
    const note = JSON.stringify(f);
    const rows: Row[] = [
      { of: 'avgPool', note, inputs: [{ shape: f.x }], run: (x) => avgPool(x, full(f)), want: average(f), float },
    ];
    if (f.kernel.length !== 2) return rows;
    return [
      ...rows,
      {
        of: 'F.avgPool2d',
        note,
        inputs: [{ shape: f.x }],
        run: (x) => F.avgPool2d(x, options(f)),
        want: average(f),
        float,
      },
    ];
  }),
  {
    of: 'F.maxPool2d',
    note: 'unbatched, a number',
    inputs: [{ shape: [2, 4, 4], apart: true }],
    run: (x) => F.maxPool2d(x, { kernel_size: 2 }),
    want: (x) => {
      const y = largest({ x: [1, ...x.shape], kernel: [2, 2] })({ shape: [1, ...x.shape], data: x.data });
      return { shape: y.shape.slice(1), data: y.data };
    },
    float,
  },
  {
    of: 'F.maxPool2dWithIndices',
    note: 'unbatched',
    inputs: [{ shape: [2, 4, 4], apart: true }],
    run: (x) => F.maxPool2dWithIndices(x, { kernel_size: 2 }),
    want: (x) =>
      [largest, placeOfLargest].map((rule) => {
        const y = rule({ x: [1, ...x.shape], kernel: [2, 2] })({ shape: [1, ...x.shape], data: x.data });
        return { shape: y.shape.slice(1), data: y.data };
      }),
    dtype: [float, 'int64'],
    float,
  },
];
