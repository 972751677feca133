import { F, grad, type Tensor } from 'torcharc';
import { convInput } from '../../src/ops/conv.ts';
import { type ConvForm, convolved, fullConv as full, meetings, summed, transposed } from '../spatial.ts';
import { at, type Input, nd, type Row } from './check.ts';

interface Form extends ConvForm {
  readonly note: string;
}

const forms: Form[] = [
  { note: '1-d', x: [2, 3, 8], w: [4, 3, 3] },
  { note: '1-d stride, padding, dilation', x: [2, 2, 9], w: [3, 2, 3], stride: [2], padding: [2], dilation: [2] },
  { note: '1-d groups', x: [1, 4, 6], w: [6, 2, 2], groups: 2 },
  { note: '1-d depthwise, stride leaves a rest', x: [1, 3, 8], w: [3, 1, 3], stride: [3], groups: 3 },
  { note: '2-d', x: [2, 3, 6, 5], w: [4, 3, 3, 2] },
  { note: '2-d padding', x: [2, 2, 5, 5], w: [3, 2, 3, 3], padding: [1, 1] },
  { note: '2-d stride leaves a rest', x: [1, 2, 7, 6], w: [3, 2, 2, 2], stride: [3, 4] },
  { note: '2-d stride and padding', x: [2, 2, 6, 7], w: [2, 2, 3, 3], stride: [2, 2], padding: [1, 1] },
  { note: '2-d dilation', x: [1, 2, 7, 7], w: [2, 2, 3, 2], dilation: [2, 3] },
  {
    note: '2-d everything',
    x: [2, 4, 8, 7],
    w: [4, 2, 3, 2],
    stride: [2, 1],
    padding: [2, 1],
    dilation: [1, 2],
    groups: 2,
  },
  { note: '2-d depthwise multiplier', x: [1, 2, 5, 5], w: [6, 1, 3, 3], stride: [2, 1], padding: [1, 0], groups: 2 },
  { note: '2-d pointwise', x: [2, 3, 4, 4], w: [5, 3, 1, 1] },
  { note: '2-d pointwise stride', x: [2, 3, 5, 4], w: [2, 3, 1, 1], stride: [2, 3] },
  { note: '2-d pointwise padding', x: [1, 2, 3, 3], w: [2, 2, 1, 1], padding: [1, 1] },
  { note: '2-d padding wider than the kernel', x: [1, 2, 4, 4], w: [2, 2, 2, 2], padding: [3, 2] },
  { note: '2-d kernel as large as the input', x: [2, 2, 3, 4], w: [3, 2, 3, 4] },
  { note: '3-d', x: [1, 2, 4, 5, 4], w: [3, 2, 2, 3, 2] },
  { note: '3-d stride and padding', x: [1, 2, 5, 4, 5], w: [2, 2, 3, 3, 2], stride: [2, 1, 3], padding: [1, 1, 0] },
  { note: '3-d dilation and groups', x: [1, 2, 5, 5, 4], w: [2, 1, 2, 2, 2], dilation: [2, 1, 2], groups: 2 },
  { note: '3-d padding wider than the kernel', x: [1, 1, 3, 3, 3], w: [2, 1, 2, 1, 2], padding: [2, 1, 2] },
];
const shape = (s: readonly number[]): Input => ({ shape: s });
const functions = [F.conv1d, F.conv2d, F.conv3d];
const names = ['F.conv1d', 'F.conv2d', 'F.conv3d'];
const run = (f: Form) => (x: Tensor, w: Tensor, bias?: Tensor) =>
  functions[f.w.length - 3]!(x, w, { ...full(f), bias: bias ?? null });
const same = (note: string, x: number[], w: number[], dilation: number): Row => {
  const total = w.slice(2).map((k) => dilation * (k - 1));
  const each = w.slice(2).map(() => dilation);
  const reach = total.map((t) => Math.ceil(t / 2));
  const attrs = { stride: each.map(() => 1), padding: reach, dilation: each, groups: 1 };
  return {
    of: names[w.length - 3]!,
    note,
    inputs: [shape(x), shape(w)],
    run: (x, w) => functions[w.ndim - 3]!(x, w, { padding: 'same', dilation }),
    // symmetric padding wide enough, less the first place where that is one too many
    want: (x, w) => {
      const y = convolved(attrs, x, w);
      return nd([x.shape[0]!, w.shape[0]!, ...x.shape.slice(2)], (i) =>
        at(
          y,
          i.map((k, d) => (d < 2 ? k : k + (total[d - 2]! % 2))),
        ),
      );
    },
    float: 'float32',
  };
};

interface TransposedForm extends Form {
  readonly output_padding?: readonly number[];
}
const transposedForms: TransposedForm[] = [
  { note: '1-d', x: [2, 3, 5], w: [3, 4, 3] },
  { note: '1-d stride, padding', x: [2, 2, 4], w: [2, 3, 4], stride: [2], padding: [1] },
  { note: '1-d output padding', x: [1, 2, 4], w: [2, 3, 3], stride: [3], padding: [1], output_padding: [2] },
  { note: '1-d groups', x: [1, 4, 5], w: [4, 3, 3], stride: [2], groups: 2 },
  { note: '1-d output padding as large as the stride', x: [1, 2, 4], w: [2, 2, 2], dilation: [3], output_padding: [2] },
  {
    note: '1-d pointwise, output padding as large as the stride',
    x: [1, 2, 3],
    w: [2, 2, 1],
    dilation: [3],
    output_padding: [2],
  },
  { note: '2-d', x: [2, 3, 3, 4], w: [3, 2, 3, 2] },
  { note: '2-d kernel 4, stride 2', x: [2, 3, 3, 4], w: [3, 2, 4, 4], stride: [2, 2], padding: [1, 1] },
  { note: '2-d kernel 2, stride 2', x: [2, 3, 3, 2], w: [3, 2, 2, 2], stride: [2, 2] },
  {
    note: '2-d everything',
    x: [1, 4, 3, 4],
    w: [4, 2, 3, 2],
    stride: [2, 3],
    padding: [2, 1],
    dilation: [2, 1],
    groups: 2,
    output_padding: [1, 2],
  },
  { note: '2-d depthwise, stride', x: [1, 3, 4, 3], w: [3, 1, 3, 3], stride: [2, 2], padding: [1, 1], groups: 3 },
  { note: '2-d pointwise, stride', x: [2, 3, 3, 2], w: [3, 2, 1, 1], stride: [2, 3] },
  { note: '2-d padding as wide as the kernel', x: [1, 2, 4, 5], w: [2, 2, 2, 3], padding: [2, 2] },
  { note: '3-d', x: [1, 2, 3, 2, 3], w: [2, 3, 2, 3, 2] },
  { note: '3-d kernel 4, stride 2', x: [1, 2, 2, 3, 2], w: [2, 2, 4, 4, 4], stride: [2, 2, 2], padding: [1, 1, 1] },
  {
    note: '3-d everything',
    x: [1, 4, 3, 2, 3],
    w: [4, 1, 2, 3, 2],
    stride: [1, 2, 3],
    padding: [1, 1, 0],
    dilation: [2, 1, 2],
    groups: 2,
    output_padding: [1, 1, 2],
  },
];
const transposedFunctions = [F.convTranspose1d, F.convTranspose2d, F.convTranspose3d];
const transposedSize = (f: TransposedForm) => {
  const { stride, padding, dilation } = full(f);
  const extra = f.output_padding ?? stride.map(() => 0);
  return f.w
    .slice(2)
    .map((k, i) => (f.x[i + 2]! - 1) * stride[i]! - 2 * padding[i]! + dilation[i]! * (k - 1) + extra[i]! + 1);
};

export const rows: Row[] = [
  ...transposedForms.flatMap((f) =>
    [false, true].map((bias): Row => {
      const rank = f.w.length - 2;
      const { output_padding = full(f).stride.map(() => 0) } = f;
      return {
        of: `F.convTranspose${rank}d`,
        note: bias ? `${f.note}, bias` : f.note,
        inputs: [shape(f.x), shape(f.w), ...(bias ? [shape([f.w[1]! * full(f).groups])] : [])],
        run: (x, w, b) => transposedFunctions[rank - 1]!(x, w, { ...full(f), output_padding, bias: b ?? null }),
        want: (x, w, b) => transposed(full(f), transposedSize(f), x, w, b),
        float: 'float32',
      };
    }),
  ),
  {
    of: 'F.convTranspose2d',
    note: 'unbatched',
    inputs: [shape([2, 3, 3]), shape([2, 3, 2, 2])],
    run: (x, w) => F.convTranspose2d(x, w, { stride: 2 }),
    want: (x, w) => {
      const y = transposed({ stride: [2, 2] }, [6, 6], { shape: [1, ...x.shape], data: x.data }, w);
      return { shape: y.shape.slice(1), data: y.data };
    },
    float: 'float32',
  },
  ...forms.flatMap((f): Row[] => {
    const { y, found } = meetings(f);
    const of = names[f.w.length - 3]!;
    const float = 'float32';
    return [
      {
        of,
        note: f.note,
        inputs: [shape(f.x), shape(f.w)],
        run: run(f),
        want: (x, w) => convolved(full(f), x, w),
        float,
      },
      {
        of,
        note: `${f.note}, bias`,
        inputs: [shape(f.x), shape(f.w), shape([f.w[0]!])],
        run: run(f),
        want: (x, w, b) => convolved(full(f), x, w, b),
        float,
      },
      {
        of: 'convInput',
        note: f.note,
        inputs: [shape(y), shape(f.w)],
        run: (g, w) => convInput(g, w, null, { ...full(f), size: f.x.slice(2) }),
        want: (g, w) => transposed(full(f), f.x.slice(2), g, w),
        float,
      },
      {
        of: 'convWeight',
        note: f.note,
        inputs: [shape(f.x), shape(f.w), shape(y)],
        run: (x, w, g) => {
          if (!w.requiresGrad) w.requiresGrad = true;
          return grad(run(f)(x, w), w, { grad_outputs: g })[0]!;
        },
        want: (x, w, g) =>
          summed(
            w.shape,
            found.map(([i, j, k]) => [j, at(x, i) * at(g, k)] as const),
          ),
        float,
      },
    ];
  }),
  {
    of: 'F.conv2d',
    note: 'unbatched',
    inputs: [shape([2, 4, 4]), shape([3, 2, 2, 2])],
    run: (x, w) => F.conv2d(x, w),
    want: (x, w) => {
      const y = convolved({}, { shape: [1, ...x.shape], data: x.data }, w);
      return { shape: y.shape.slice(1), data: y.data };
    },
    float: 'float32',
  },
  {
    of: 'F.conv1d',
    note: "padding 'valid'",
    inputs: [shape([1, 2, 5]), shape([2, 2, 3])],
    run: (x, w) => F.conv1d(x, w, { padding: 'valid' }),
    want: (x, w) => convolved({}, x, w),
    float: 'float32',
  },
  same("padding 'same'", [1, 2, 5], [2, 2, 3], 1),
  same("padding 'same', even kernel", [1, 2, 5, 6], [2, 2, 2, 4], 1),
  same("padding 'same', dilation", [1, 1, 4, 4, 5], [1, 1, 2, 3, 2], 2),
];
