import { F, grad, type Tensor } from 'torcharc';
import { type ConvAttrs, convInput } from '../../src/ops/conv.ts';
import { at, type Input, type Nd, nd, type Row, size } from './check.ts';

interface Form {
  readonly note: string;
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly stride?: readonly number[];
  readonly padding?: readonly number[];
  readonly dilation?: readonly number[];
  readonly groups?: number;
}

/** All sizes per dimension. */
function full(f: Form): ConvAttrs {
  const each = (value: number) => f.w.slice(2).map(() => value);
  const { stride = each(1), padding = each(0), dilation = each(1), groups = 1 } = f;
  return { stride, padding, dilation, groups };
}

/** Every (place of x, place of w, place of y) that meets in a convolution. */
function meetings(x: readonly number[], w: readonly number[], attrs: ConvAttrs) {
  const { stride, padding, dilation, groups } = attrs;
  const spatial = w
    .slice(2)
    .map((k, i) => Math.floor((x[i + 2]! + 2 * padding[i]! - dilation[i]! * (k - 1) - 1) / stride[i]!) + 1);
  const y = [x[0]!, w[0]!, ...spatial];
  const found: [x: number[], w: number[], y: number[]][] = [];
  nd(y, (out) => {
    const group = Math.floor(out[1]! / (w[0]! / groups));
    nd(w.slice(1), ([c, ...tap]) => {
      const place = tap.map((k, i) => out[i + 2]! * stride[i]! - padding[i]! + k * dilation[i]!);
      if (place.every((p, i) => p >= 0 && p < x[i + 2]!))
        found.push([[out[0]!, group * w[1]! + c!, ...place], [out[1]!, c!, ...tap], out]);
      return 0;
    });
    return 0;
  });
  return { y, found };
}
/** Σ of products of two of the three, in the place of the third. */
function summed(shape: readonly number[], terms: Iterable<readonly [number[], number]>): Nd {
  const data = new Array<number>(size(shape)).fill(0);
  for (const [index, value] of terms) data[index.reduce((n, k, i) => n * shape[i]! + k, 0)]! += value;
  return { shape, data };
}
export const convolved =
  (attrs: ConvAttrs) =>
  (x: Nd, w: Nd, b?: Nd): Nd => {
    const { y, found } = meetings(x.shape, w.shape, attrs);
    const out = summed(
      y,
      found.map(([i, j, k]) => [k, at(x, i) * at(w, j)] as const),
    );
    return b ? nd(y, (k) => at(out, k) + b.data[k[1]!]!) : out;
  };

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
  const attrs: ConvAttrs = { stride: each.map(() => 1), padding: reach, dilation: each, groups: 1 };
  return {
    of: names[w.length - 3]!,
    note,
    inputs: [shape(x), shape(w)],
    run: (x, w) => functions[w.ndim - 3]!(x, w, { padding: 'same', dilation }),
    // symmetric padding wide enough, less the first place where that is one too many
    want: (x, w) => {
      const y = convolved(attrs)(x, w);
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

export const rows: Row[] = [
  ...forms.flatMap((f): Row[] => {
    const { y, found } = meetings(f.x, f.w, full(f));
    const of = names[f.w.length - 3]!;
    const float = 'float32';
    return [
      { of, note: f.note, inputs: [shape(f.x), shape(f.w)], run: run(f), want: convolved(full(f)), float },
      {
        of,
        note: `${f.note}, bias`,
        inputs: [shape(f.x), shape(f.w), shape([f.w[0]!])],
        run: run(f),
        want: convolved(full(f)),
        float,
      },
      {
        of: 'convInput',
        note: f.note,
        inputs: [shape(y), shape(f.w)],
        run: (g, w) => convInput(g, w, { ...full(f), size: f.x.slice(2) }),
        want: (g, w) =>
          summed(
            f.x,
            found.map(([i, j, k]) => [i, at(g, k) * at(w, j)] as const),
          ),
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
      const y = convolved(full({ note: '', x: [], w: w.shape }))({ shape: [1, ...x.shape], data: x.data }, w);
      return { shape: y.shape.slice(1), data: y.data };
    },
    float: 'float32',
  },
  {
    of: 'F.conv1d',
    note: "padding 'valid'",
    inputs: [shape([1, 2, 5]), shape([2, 2, 3])],
    run: (x, w) => F.conv1d(x, w, { padding: 'valid' }),
    want: convolved(full(forms[0]!)),
    float: 'float32',
  },
  same("padding 'same'", [1, 2, 5], [2, 2, 3], 1),
  same("padding 'same', even kernel", [1, 2, 5, 6], [2, 2, 2, 4], 1),
  same("padding 'same', dilation", [1, 1, 4, 4, 5], [1, 1, 2, 3, 2], 2),
];
