/** Values put back in the places that max pooling took them from. */

import type { GraphBuilder } from '../onnx/builder.ts';
import { constantOf } from '../tensor/constant.ts';
import type { Op } from '../tensor/op.ts';
import { numel, type Shape } from '../tensor/shape.ts';
import { type Aval, apply, type Tensor } from '../tensor/tensor.ts';
import { expectRoom, unlessEmpty } from './limits.ts';
import { int, type PoolAttrs, planeStarts } from './pool.ts';

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
export function scattered(g: Tensor, index: Tensor, shape: Shape, attrs: PoolAttrs): Tensor {
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
