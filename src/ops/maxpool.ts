/** The largest value of each window, and the way back. */

import type { GraphBuilder } from '../onnx/builder.ts';
import { constantOf } from '../tensor/constant.ts';
import { isFloat } from '../tensor/dtype.ts';
import type { Op } from '../tensor/op.ts';
import { several } from '../tensor/outputs.ts';
import { numel, type Shape } from '../tensor/shape.ts';
import { type Aval, apply, type Tensor } from '../tensor/tensor.ts';
import { constantPad } from './movement.ts';
import { type PoolAttrs, placeBefore, placeInPlane, trailing, windows } from './pool.ts';

const maxOp: Op<PoolAttrs> = {
  name: 'max_pool',
  infer: ([x], attrs) => {
    const shape = [...x!.shape.slice(0, 2), ...windows(nameOf(attrs), x!.shape, attrs)];
    return [
      { shape, dtype: x!.dtype },
      { shape, dtype: 'int64' },
    ];
  },
  grad: {
    several: ([g], [, index], [x], attrs) => [g ? scattered(g, index!, x!.shape, attrs) : null],
  },
  lower: (b, [x], attrs, [out], [aval], used) => {
    const onnx = {
      kernel_shape: attrs.kernel,
      strides: attrs.stride,
      dilations: attrs.dilation,
      pads: [...attrs.padding, ...trailing(aval!.shape, out!.shape.slice(2), attrs)],
    };
    const [y, index] = b.nodes('MaxPool', [x!], [true, used[1] === true], onnx);
    return again(b, x!, aval!, y!, index!, onnx);
  },
};
const nameOf = ({ kernel }: PoolAttrs) => `max_pool${kernel.length}d`;

/**
 * ORT passes over NaN, and where all is -∞ it has neither that nor a place. Images whose sum is not finite are pooled again, as
 * codes in float64: those of NaN above all numbers and in the order of their places, since PyTorch takes the last NaN.
 * As a rule there are none, and the nodes do nothing; the sum is what this costs.
 */
function again(
  b: GraphBuilder,
  x: string,
  { shape, dtype }: Aval,
  y: string,
  index: string,
  onnx: Readonly<Record<string, readonly number[]>>,
): readonly string[] {
  const [, , ...plane] = shape;
  const image = b.constant('int64', [], BigInt64Array.of(BigInt(numel(shape.slice(1)))));
  const sum = b.node('ReduceSum', [x, b.ints(shape.slice(1).map((_, i) => i + 1))], { keepdims: 0 });
  const notFinite = b.node('IsNaN', [b.node('Sub', [sum, sum])]);
  const which = b.reshape(b.node('NonZero', [notFinite]), [-1, 1]);
  const codes = orderly(
    b,
    dtype === 'float64' ? b.node('GatherND', [x, which]) : b.cast(b.node('GatherND', [x, which]), 'float64'),
    plane,
  );
  const [, place] = b.nodes('MaxPool', [codes], [true, true], onnx);
  const start = b.reshape(b.node('Mul', [which, image]), [-1, 1, ...plane.map(() => 1)]);
  const flat = b.node('Add', [b.node('Mod', [place!, image]), start]);
  const values = b.node('Gather', [b.reshape(x, [-1]), flat]);
  const put = (into: string, what: string) => (into ? b.node('ScatterND', [into, which, what]) : '');
  return [put(y, values), put(index, flat)];
}

/** Finite numbers in the order in which PyTorch's pooling prefers what they stand for. */
function orderly(b: GraphBuilder, x: string, plane: Shape): string {
  const number = (value: number) => b.constant('float64', [], Float64Array.of(value));
  const [least, most] = [-1.7e308, 1.6e308];
  const nan = b.node('IsNaN', [x]);
  const finite = b.node('Clip', [b.node('Where', [nan, number(most), x]), number(least), number(most)]);
  const marked = b.cast(nan, 'float64');
  // 2^980: above the last digit of `most`, and small enough for 2^38 places
  return plane.reduce((codes, n, i) => {
    const step = numel(plane.slice(i + 1)) * 2 ** 980;
    const shape = plane.map((_, k) => (k === i ? n : 1));
    const along = b.constant(
      'float64',
      shape,
      Float64Array.from({ length: n }, (_, k) => k * step),
    );
    return b.node('Add', [codes, b.node('Mul', [marked, along])]);
  }, finite);
}

/** The largest value of each window of x [N, C, *], and its place in its plane. */
export function maxPool(x: Tensor, attrs: PoolAttrs): [y: Tensor, index: Tensor] {
  if (!isFloat(x.dtype)) {
    // exact below 2^53
    const [y, index] = maxPool(x.to('float64'), attrs);
    return [y.to(x.dtype), index];
  }
  const count = windows(nameOf(attrs), x.shape, attrs);
  const after = trailing(x.shape, count, attrs);
  if (after.some((p, i) => p >= attrs.kernel[i]!) || skips(x.shape, count, attrs))
    return paddedMaxPool(x, attrs, after);
  const [y, index] = several(maxOp, [x], attrs) as [Tensor, Tensor];
  return [y, placeInPlane(index, x.shape.slice(2))];
}

/** Whether the taps of some window are all outside the input, which a dilation can bring about. */
function skips(x: Shape, count: readonly number[], { kernel, stride, padding, dilation }: PoolAttrs): boolean {
  return kernel.some((k, i) => {
    const inside = (start: number) => {
      const first = start < 0 ? Math.ceil(-start / dilation[i]!) : 0;
      return first < k && start + first * dilation[i]! < x[i + 2]!;
    };
    return (
      dilation[i]! > 1 &&
      Array.from({ length: count[i]! }, (_, o) => o * stride[i]! - padding[i]!).some((s) => !inside(s))
    );
  });
}

/** ORT takes no padding as wide as the kernel, which dilation can ask for when rounding up: padded before. */
function paddedMaxPool(x: Tensor, attrs: PoolAttrs, after: readonly number[]): [y: Tensor, index: Tensor] {
  const { padding } = attrs;
  const padded = constantPad(x, [0, 0, ...padding], [0, 0, ...after], Number.NEGATIVE_INFINITY);
  const none = padding.map(() => 0);
  const [y, index] = several(maxOp, [padded], { ...attrs, padding: none, ceil_mode: false }) as [Tensor, Tensor];
  const [from, to] = [padded.shape.slice(2), x.shape.slice(2)];
  const moved = from.map((n, i) =>
    Array.from({ length: n }, (_, p) => Math.min(Math.max(p - padding[i]!, 0), to[i]! - 1)),
  );
  return [y, placeBefore(index, from, to, moved)];
}

interface ScatterAttrs {
  readonly shape: Shape;
  /** No place is named twice. */
  readonly distinct: boolean;
}
/** Values put where an index into the flattened result says; of equal places they add up. */
const scatterOp: Op<ScatterAttrs> = {
  name: 'max_pool_scatter',
  infer: ([g], { shape }) => ({ shape, dtype: g!.dtype }),
  grad: (gg, _y, [, index]) => [gg.reshape([-1]).indexSelect(0, index!), null],
  lower: (b, [g, index], { shape, distinct }, [out], [aval]) => {
    const [from, to] = [numel(aval!.shape), numel(shape)];
    const flat = [b.reshape(g!, [from]), b.reshape(index!, [from])] as const;
    if (distinct) return b.reshape(assigned(b, ...flat, out!, from), shape);
    const zeros = constantOf(b, 0, { shape: [to], dtype: out!.dtype });
    return b.reshape(b.node('ScatterElements', [zeros, flat[1], flat[0]], { reduction: 'add' }), shape);
  },
};
function scattered(g: Tensor, index: Tensor, shape: Shape, attrs: PoolAttrs): Tensor {
  const distinct = attrs.kernel.every((k, i) => attrs.stride[i]! >= attrs.dilation[i]! * (k - 1) + 1);
  return apply(scatterOp, [g, index], { shape, distinct });
}

/** Zeros with values put in the places of an index. Of ORT's ways MaxUnpool is 4 to 7 times faster than the others. */
function assigned(b: GraphBuilder, values: string, index: string, { shape, dtype }: Aval, from: number): string {
  const to = numel(shape);
  if (dtype !== 'float32' || to < from) {
    return b.node('ScatterElements', [constantOf(b, 0, { shape: [to], dtype }), index, values]);
  }
  const lines = [values, index].map((t) => b.reshape(t, [1, 1, from]));
  return b.node('MaxUnpool', [...lines, b.ints([1, 1, to])], { kernel_shape: [1], strides: [1] });
}

/** Zeros with the values of x [N, C, *] in the places of its planes that `index` says; of equal places the last one's. */
const unpoolOp: Op<{ size: Shape }> = {
  name: 'max_unpool',
  infer: ([x], { size }) => ({ shape: [...x!.shape.slice(0, 2), ...size], dtype: x!.dtype }),
  grad: (g, _y, [x, index]) => {
    const lines = (t: Tensor) => t.reshape([...t.shape.slice(0, 2), -1]);
    return [lines(g).gather(2, lines(index!)).reshape(x!.shape), null];
  },
  lower: (b, [x, index], { size }, [out], [aval]) => {
    const [n, c] = aval!.shape as [number, number];
    const [from, plane] = [numel(aval!.shape), numel(size)];
    const number = (value: number) => b.constant('int64', [], BigInt64Array.of(BigInt(value)));
    const lines = b.reshape(index!, [n * c, from / (n * c)]);
    const inside = b.node('And', [
      b.node('GreaterOrEqual', [lines, number(0)]),
      b.node('Less', [lines, number(plane)]),
    ]);
    const starts = b.reshape(b.node('Range', [number(0), number(n * c * plane), number(plane)]), [n * c, 1]);
    // a place outside its plane becomes one outside of all, which ORT refuses
    const flat = b.node('Where', [inside, b.node('Add', [lines, starts]), number(n * c * plane)]);
    return b.reshape(assigned(b, b.reshape(x!, [from]), b.reshape(flat, [from]), out!, from), out!.shape);
  },
};
export function maxUnpool(x: Tensor, index: Tensor, size: Shape): Tensor {
  return apply(unpoolOp, [x, index], { size });
}
