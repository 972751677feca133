/** The largest value of each window, and the way back. */

import type { GraphBuilder } from '../onnx/builder.ts';
import { constantOf, literal } from '../tensor/constant.ts';
import { type Dtype, isFloat } from '../tensor/dtype.ts';
import type { Op } from '../tensor/op.ts';
import { several } from '../tensor/outputs.ts';
import { numel, type Shape } from '../tensor/shape.ts';
import { type Aval, apply, type Tensor } from '../tensor/tensor.ts';
import { numbers } from './along.ts';
import { expectRoom, unlessEmpty } from './limits.ts';
import { int, movedPlaces, type PoolAttrs, placeInPlane, trailing, windows } from './pool.ts';

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
    // one output, not two of which one is left out: only then ORT takes its fast kernel
    const [y, index = ''] = b.nodes('MaxPool', [x!], used[1] ? [true, true] : [true], onnx);
    return again(b, x!, aval!, y!, index, onnx);
  }),
};
const nameOf = ({ kernel }: PoolAttrs) => `max_pool${kernel.length}d`;

type OnnxAttributes = Readonly<Record<string, readonly number[]>>;

/**
 * ORT passes over NaN, and where all is -∞ it has neither that nor a place. Images whose sum is not finite are pooled again, as
 * codes. As a rule there are none, and the nodes do nothing; the sum is what this costs.
 */
function again(b: GraphBuilder, x: string, aval: Aval, y: string, index: string, onnx: OnnxAttributes): string[] {
  const [, ...image] = aval.shape;
  const sum = b.node('ReduceSum', [x, b.ints(image.map((_, i) => i + 1))], { keepdims: 0 });
  const notFinite = b.node('IsNaN', [b.node('Sub', [sum, sum])]);
  const which = b.reshape(b.node('NonZero', [notFinite]), [-1, 1]);
  const codes = codesOf(b, b.node('GatherND', [x, which]), aval);
  const [, place] = b.nodes('MaxPool', [codes], [true, true], onnx);
  const start = b.reshape(b.node('Mul', [which, int(b, numel(image))]), [-1, ...image.map(() => 1)]);
  const flat = b.node('Add', [b.node('Mod', [place!, int(b, numel(image))]), start]);
  const values = b.node('Gather', [b.reshape(x, [-1]), flat]);
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

/** Where in the flattened tensor each plane begins. */
function planeStarts(b: GraphBuilder, planes: number, size: number): string {
  return b.node('Range', [int(b, 0), int(b, planes * size), int(b, size)]);
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
  lower: unlessEmpty((b, [g, index], { shape, distinct }, [out], [aval]) => {
    const [from, to] = [numel(aval!.shape), numel(shape)];
    const { dtype } = out!;
    const values = b.reshape(g!, [from]);
    const places = b.reshape(index!, [from]);
    if (distinct) return b.reshape(assigned(b, values, places, out!, from), shape);
    // ORT adds up no float16
    const wide = dtype === 'float16' ? 'float32' : dtype;
    const terms = wide === dtype ? values : b.cast(values, wide);
    const zeros = constantOf(b, 0, { shape: [to], dtype: wide });
    const summed = b.node('ScatterElements', [zeros, places, terms], { reduction: 'add' });
    return b.reshape(wide === dtype ? summed : b.cast(summed, dtype), shape);
  }),
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
  infer: ([x], { size }) => ({
    shape: expectRoom(`max_unpool${size.length}d`, [...x!.shape.slice(0, 2), ...size]),
    dtype: x!.dtype,
  }),
  grad: (g, _y, [x, index]) => {
    const lines = (t: Tensor) => t.reshape([...t.shape.slice(0, 2), numel(t.shape.slice(2))]);
    return [lines(g).gather(2, lines(index!)).reshape(x!.shape), null];
  },
  lower: unlessEmpty((b, [x, index], { size }, [out], [aval]) => {
    const [n, c] = aval!.shape as [number, number];
    const [from, plane] = [numel(aval!.shape), numel(size)];
    const lines = b.reshape(index!, [n * c, from / (n * c)]);
    const inside = b.node('And', [
      b.node('GreaterOrEqual', [lines, int(b, 0)]),
      b.node('Less', [lines, int(b, plane)]),
    ]);
    const starts = b.reshape(planeStarts(b, n * c, plane), [n * c, 1]);
    // a place outside its plane becomes one outside of all, which ORT refuses
    const flat = b.node('Where', [inside, b.node('Add', [lines, starts]), int(b, n * c * plane)]);
    return b.reshape(assigned(b, b.reshape(x!, [from]), b.reshape(flat, [from]), out!, from), out!.shape);
  }),
};
export function maxUnpool(x: Tensor, index: Tensor, size: Shape): Tensor {
  return apply(unpoolOp, [x, index], { size });
}
