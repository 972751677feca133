/** The largest value of each window. */

import type { GraphBuilder } from '../onnx/builder.ts';
import { literal } from '../tensor/constant.ts';
import { allocate, type Dtype, isFloat } from '../tensor/dtype.ts';
import type { Op } from '../tensor/op.ts';
import { several } from '../tensor/outputs.ts';
import { numel, type Shape } from '../tensor/shape.ts';
import type { Aval, Tensor } from '../tensor/tensor.ts';
import { numbers } from './along.ts';
import { expectRoom, unlessEmpty } from './limits.ts';
import { int, movedPlaces, type PoolAttrs, placeInPlane, planeStarts, trailing, windows } from './pool.ts';
import { scattered } from './unpool.ts';

const maxOp: Op<PoolAttrs> = {
  name: 'max_pool',
  infer: ([x], attrs) => {
    const count = windows(nameOf(attrs), x!.shape, attrs);
    if (isOdd(x!.shape, count, attrs)) expectRoom(nameOf(attrs), paddedShape(x!.shape, count, attrs));
    const shape = [...x!.shape.slice(0, 2), ...count];
    return [
      { shape, dtype: x!.dtype },
      { shape, dtype: 'int64' },
    ];
  },
  grad: {
    several: ([g], [y, index], [x], attrs) => {
      if (!g) return [null];
      const filled = fillings(x!.shape, y!.shape.slice(2), attrs);
      return [scattered(filled ? g.mul(productOf(filled, g.dtype)) : g, index!, x!.shape, attrs)];
    },
  },
  lower: unlessEmpty((b, [x], attrs, [out], [aval], used) => {
    const count = out!.shape.slice(2);
    if (isOdd(aval!.shape, count, attrs)) return byCodes(b, x!, aval!, out!, attrs);
    const { kernel, stride, dilation, padding } = attrs;
    const after = trailing(aval!.shape, count, attrs);
    const onnx = { kernel_shape: kernel, strides: stride, dilations: dilation, pads: [...padding, ...after] };
    // with one output, not two of which one is left out: only then ORT takes its fast kernel
    const alone = !used[1] || isHalving(aval!, attrs);
    const [y, given = ''] = b.nodes('MaxPool', [x!], alone ? [true] : [true, true], onnx);
    const index = used[1] && alone ? search(b, x!, aval!, y!, onnx) : given;
    return again(b, x!, aval!, out!.shape, [y!, index], onnx);
  }),
  small: ([x], attrs) => {
    if (!isHalving(x!, attrs)) return null;
    const width = x!.shape.at(-1)!;
    return ({ halve }, [from], to) => halve(from!, numel(x!.shape) / (2 * width), width, to);
  },
};
const nameOf = ({ kernel }: PoolAttrs) => `max_pool${kernel.length}d`;

type OnnxAttributes = Readonly<Record<string, readonly number[]>>;

/** The commonest pooling: 2×2 side by side in planes of even sizes. */
function isHalving({ shape, dtype }: Aval, { kernel, stride, padding, dilation }: PoolAttrs): boolean {
  const plain = kernel.length === 2 && [...kernel, ...stride].every((k) => k === 2) && dilation.every((d) => d === 1);
  const even = shape.slice(2).every((n) => n % 2 === 0) && numel(shape.slice(2)) < 2 ** 24;
  return plain && even && padding.every((p) => p === 0) && dtype === 'float32';
}

/**
 * The places of the largest values y: pooling once more, of each place's number from the end where x is y's and 0 elsewhere. 1.5 to 2
 * times faster than the indices ORT's MaxPool returns. Wrong where a value is not finite, which `again` puts right.
 */
function search(b: GraphBuilder, x: string, { shape }: Aval, y: string, onnx: OnnxAttributes): string {
  const [n, c, h, w] = shape as [number, number, number, number];
  const plane = h * w;
  const repeated = b.node('Resize', [y, '', b.floats([1, 1, 2, 2])], {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  });
  const fromEnd = b.constant(
    'float32',
    [h, w],
    Float32Array.from({ length: plane }, (_, i) => plane - i),
  );
  const marked = b.node('Mul', [b.cast(b.node('Equal', [x, repeated]), 'float32'), fromEnd]);
  const first = b.node('Sub', [b.floats([plane], []), b.node('MaxPool', [marked], onnx)]);
  return b.node('Add', [b.cast(first, 'int64'), b.reshape(planeStarts(b, n * c, plane), [n, c, 1, 1])]);
}

/**
 * ORT passes over NaN, and where all is -∞ it has neither that nor a place. Images whose sum is not finite are pooled again, as
 * codes. As a rule there are none; the sums are what this costs.
 */
function again(
  b: GraphBuilder,
  x: string,
  aval: Aval,
  out: Shape,
  [y, index]: readonly [string, string],
  onnx: OnnxAttributes,
): string[] {
  const [, ...image] = aval.shape;
  const sums = b.node('ReduceSum', [x, b.ints(image.map((_, i) => i + 1))], { keepdims: 0 });
  const isOdd = (inner: GraphBuilder, sum: string) => inner.node('IsNaN', [inner.node('Sub', [sum, sum])]);
  const redone = (inner: GraphBuilder) => {
    const which = inner.reshape(inner.node('NonZero', [isOdd(inner, sums)]), [-1, 1]);
    const codes = codesOf(inner, inner.node('GatherND', [x, which]), aval);
    const [, place] = inner.nodes('MaxPool', [codes], [true, true], onnx);
    const start = inner.reshape(inner.node('Mul', [which, int(inner, numel(image))]), [-1, ...image.map(() => 1)]);
    const flat = inner.node('Add', [inner.node('Mod', [place!, int(inner, numel(image))]), start]);
    return [which, inner.node('Gather', [inner.reshape(x, [-1]), flat]), flat];
  };
  const nothing = (inner: GraphBuilder) => [
    inner.constant('int64', [0, 1], new BigInt64Array(0)),
    inner.constant(aval.dtype, [0, ...out.slice(1)], allocate(aval.dtype, 0)),
    inner.constant('int64', [0, ...out.slice(1)], new BigInt64Array(0)),
  ];
  const total = b.node('ReduceSum', [sums], { keepdims: 0 });
  const [which, values, flat] = b.branch(isOdd(b, total), redone, nothing) as [string, string, string];
  const put = (into: string, what: string) => (into ? b.node('ScatterND', [into, which, what]) : '');
  return [put(y, values), put(index, flat)];
}

/**
 * Finite float64 numbers in the order in which PyTorch's pooling prefers what they stand for: NaN above all numbers, and of several the
 * last one.
 */
function codesOf(b: GraphBuilder, given: string, { shape, dtype }: Aval): string {
  const number = (value: number) => b.constant('float64', [], Float64Array.of(value));
  const [least, most] = [-1.7e308, 1.6e308];
  const x = dtype === 'float64' ? given : b.cast(given, 'float64');
  const nan = b.node('IsNaN', [x]);
  const finite = b.node('Clip', [b.node('Where', [nan, number(most), x]), number(least), number(most)]);
  const marked = b.cast(nan, 'float64');
  const plane = shape.slice(2);
  // 2^980: above the last digit of `most`, and small enough for 2^38 places
  return plane.reduce((codes, n, i) => {
    const step = numel(plane.slice(i + 1)) * 2 ** 980;
    const line = plane.map((_, k) => (k === i ? n : 1));
    const along = b.constant(
      'float64',
      line,
      Float64Array.from({ length: n }, (_, k) => k * step),
    );
    return b.node('Add', [codes, b.node('Mul', [marked, along])]);
  }, finite);
}

/** What a dilation can bring about: padding as wide as the kernel, which ORT does not take, and windows with nothing in them. */
function isOdd(x: Shape, count: Shape, attrs: PoolAttrs): boolean {
  return trailing(x, count, attrs).some((p, i) => p >= attrs.kernel[i]!) || fillings(x, count, attrs) !== null;
}

function paddedShape(x: Shape, count: Shape, attrs: PoolAttrs): Shape {
  const after = trailing(x, count, attrs);
  return x.map((n, i) => (i < 2 ? n : n + attrs.padding[i - 2]! + after[i - 2]!));
}

/** For each dimension and each window whether there is anything in it (1 or 0); null if there always is. */
function fillings(x: Shape, count: Shape, { kernel, stride, padding, dilation }: PoolAttrs): number[][] | null {
  if (dilation.every((d) => d === 1)) return null;
  const found = kernel.map((k, i) =>
    Array.from({ length: count[i]! }, (_, o) => {
      const start = o * stride[i]! - padding[i]!;
      const first = start < 0 ? Math.ceil(-start / dilation[i]!) : 0;
      return Number(first < k && start + first * dilation[i]! < x[i + 2]!);
    }),
  );
  return found.some((line) => line.includes(0)) ? found : null;
}

const lineShape = (lines: readonly number[][], dim: number) => lines.map((line, i) => (i === dim ? line.length : 1));

function productOf(lines: readonly number[][], dtype: Dtype): Tensor {
  return lines
    .map((line, i) => literal(numbers(dtype, line), { shape: lineShape(lines, i), dtype }))
    .reduce((a, b) => a.mul(b));
}

/** The same as codes of all images, padded beforehand with something below all codes. */
function byCodes(b: GraphBuilder, x: string, aval: Aval, out: Aval, attrs: PoolAttrs): string[] {
  const [n, c, ...plane] = aval.shape as [number, number, ...number[]];
  const { kernel, stride, dilation, padding } = attrs;
  const after = trailing(aval.shape, out.shape.slice(2), attrs);
  const lowest = b.constant('float64', [], Float64Array.of(-Number.MAX_VALUE));
  const codes = b.node('Pad', [codesOf(b, x, aval), b.ints([0, 0, ...padding, 0, 0, ...after]), lowest]);
  const onnx = { kernel_shape: kernel, strides: stride, dilations: dilation };
  const [, place] = b.nodes('MaxPool', [codes], [true, true], onnx);
  const padded = paddedShape(aval.shape, out.shape.slice(2), attrs).slice(2);
  const inside = plane.map((size, i) =>
    Array.from({ length: padded[i]! }, (_, p) => Math.min(Math.max(p - padding[i]!, 0), size - 1)),
  );
  const local = movedPlaces(b, b.node('Mod', [place!, int(b, numel(padded))]), padded, plane, inside);
  const flat = b.node('Add', [local, b.reshape(planeStarts(b, n * c, numel(plane)), [n, c, ...plane.map(() => 1)])]);
  const values = b.node('Gather', [b.reshape(x, [-1]), flat]);
  const filled = fillings(aval.shape, out.shape.slice(2), attrs);
  if (!filled) return [values, flat];
  const masks = filled.map((line, i) => b.constant('bool', lineShape(filled, i), Uint8Array.from(line)));
  const nothing = b.constant(out.dtype, [], numbers(out.dtype, [Number.NEGATIVE_INFINITY]));
  return [b.node('Where', [masks.reduce((p, q) => b.node('And', [p, q])), values, nothing]), flat];
}

/** The largest value of each window of x [N, C, *], and its place in its plane. */
export function maxPool(x: Tensor, attrs: PoolAttrs): [y: Tensor, index: Tensor] {
  if (!isFloat(x.dtype)) {
    // exact below 2^53
    const [y, index] = maxPool(x.to('float64'), attrs);
    return [y.to(x.dtype), index];
  }
  const [y, index] = several(maxOp, [x], attrs) as [Tensor, Tensor];
  return [y, placeInPlane(index, x.shape.slice(2))];
}
