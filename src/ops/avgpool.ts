/** Averages over windows, and their transposes: linear maps that are each other's gradients. */

import type { GraphBuilder } from '../onnx/builder.ts';
import { literal } from '../tensor/constant.ts';
import type { Dtype } from '../tensor/dtype.ts';
import type { Op } from '../tensor/op.ts';
import { numel, type Shape } from '../tensor/shape.ts';
import { type Aval, apply, type Tensor } from '../tensor/tensor.ts';
import { alongDim, numbers } from './along.ts';
import { unlessEmpty } from './limits.ts';
import { type PoolAttrs, trailing, windows } from './pool.ts';

/** Windows of equal size, all in the input or in its padding, which counts as zeros. */
interface MeanAttrs {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly before: readonly number[];
  readonly after: readonly number[];
}

const meanOp: Op<MeanAttrs> = {
  name: 'mean_pool',
  infer: ([x], { kernel, stride, before, after }) => ({
    shape: x!.shape.map((n, d) =>
      d < 2 ? n : Math.floor((n + before[d - 2]! + after[d - 2]! - kernel[d - 2]!) / stride[d - 2]!) + 1,
    ),
    dtype: x!.dtype,
  }),
  grad: (g, _y, [x], attrs) => [apply(spreadOp, [g], { ...attrs, size: x!.shape.slice(2) })],
  lower: unlessEmpty((b, [x], attrs, [out], [aval]) => {
    const { kernel, stride, before, after } = attrs;
    if (out!.dtype === 'float64') return byMatrices(b, x!, attrs, aval!, out!);
    return b.node('AveragePool', [x!], {
      kernel_shape: kernel,
      strides: stride,
      pads: [...before, ...after],
      count_include_pad: 1,
    });
  }),
};

type Spread = MeanAttrs & { readonly size: Shape };
/** The transpose of `meanOp`: each place's share of the windows it is in. */
const spreadOp: Op<Spread> = {
  name: 'mean_pool_transposed',
  infer: ([g], { size }) => ({ shape: [...g!.shape.slice(0, 2), ...size], dtype: g!.dtype }),
  grad: (gg, _y, _in, { size: _size, ...attrs }) => [apply(meanOp, [gg], attrs)],
  lower: unlessEmpty((b, [g], attrs, [out], [aval]) => {
    const { kernel, stride, before, size } = attrs;
    if (out!.dtype !== 'float64' && kernel.every((k, i) => k <= size[i]!)) {
      if (kernel.every((k, i) => k === stride[i] && before[i] === 0)) return repeated(b, g!, attrs, aval!);
      if (size.some((n) => n > 128)) return byConvolution(b, g!, attrs, aval!);
    }
    return byMatrices(b, g!, attrs, aval!, out!);
  }),
};

/** Windows side by side: each value repeated over its own. */
function repeated(b: GraphBuilder, g: string, { kernel, size }: Spread, { shape, dtype }: Aval): string {
  const share = b.node('Mul', [g, b.constant(dtype, [], numbers(dtype, [1 / numel(kernel)]))]);
  const y = b.node('Resize', [share, '', b.floats([1, 1, ...kernel])], {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  });
  const rest = size.map((n, i) => n - shape[i + 2]! * kernel[i]!);
  return rest.every((r) => r === 0) ? y : b.node('Pad', [y, b.ints([0, 0, ...rest.map(() => 0), 0, 0, ...rest])]);
}

/**
 * For long dimensions: a transposed convolution of each plane with equal weights. Three dimensions are done in two passes, the
 * depth by itself, since ORT's 3-d transposed convolution is slow.
 */
function byConvolution(b: GraphBuilder, g: string, attrs: Spread, { shape, dtype }: Aval): string {
  const planes = numel(shape.slice(0, 2));
  const [out, from] = [[...shape.slice(0, 2), ...attrs.size], shape.slice(2)];
  if (from.length < 3) return b.reshape(convolved(b, g, [planes, 1, ...from], attrs, dtype), out);
  const { kernel, stride, before, after, size } = attrs;
  const rest = (list: readonly number[]) => list.slice(1);
  const area = {
    kernel: rest(kernel),
    stride: rest(stride),
    before: rest(before),
    after: rest(after),
    size: rest(size),
  };
  const slices = convolved(b, g, [planes * from[0]!, 1, ...rest(from)], area, dtype);
  const first = (list: readonly number[], second: number) => [list[0]!, second];
  const depth = {
    kernel: first(kernel, 1),
    stride: first(stride, 1),
    before: first(before, 0),
    after: first(after, 0),
    size: first(size, numel(area.size)),
  };
  return b.reshape(convolved(b, slices, [planes, 1, from[0]!, numel(area.size)], depth, dtype), out);
}

/** g, as planes of the given shape, spread with equal shares. */
function convolved(b: GraphBuilder, g: string, shape: Shape, attrs: Spread, dtype: Dtype): string {
  const { kernel, stride, before, size } = attrs;
  const excess = size.map((n, i) => (shape[i + 2]! - 1) * stride[i]! + kernel[i]! - before[i]! - n);
  const share = numbers(dtype, new Array<number>(numel(kernel)).fill(1 / numel(kernel)));
  return b.node('ConvTranspose', [b.reshape(g, shape), b.constant(dtype, [1, 1, ...kernel], share)], {
    kernel_shape: kernel,
    strides: stride,
    pads: [...before, ...excess.map((e) => Math.max(0, e))],
    output_padding: excess.map((e) => Math.max(0, -e)),
  });
}

/** The map or its transpose as a product with a matrix along each dimension. */
function byMatrices(b: GraphBuilder, x: string, attrs: MeanAttrs, { shape }: Aval, out: Aval): string {
  const { kernel, stride, before } = attrs;
  const back = 'size' in attrs;
  return kernel.reduce((t, k, i) => {
    const [count, size] = back ? [shape[i + 2]!, out.shape[i + 2]!] : [out.shape[i + 2]!, shape[i + 2]!];
    const rows = Array.from({ length: count }, (_, o) => {
      const start = o * stride[i]! - before[i]!;
      return [Math.max(0, start), Math.min(size, start + k), 1 / k] as const;
    });
    const now = [...out.shape.slice(0, i + 2), ...shape.slice(i + 2)];
    return alongDim(b, t, i + 2, now, { rows, size, back, dtype: out.dtype });
  }, x);
}

/** Averages over windows side by side. */
export function meanPool(x: Tensor, kernel: readonly number[]): Tensor {
  const none = kernel.map(() => 0);
  return apply(meanOp, [x], { kernel, stride: kernel, before: none, after: none });
}

export interface AvgPoolAttrs extends PoolAttrs {
  readonly count_include_pad: boolean;
  readonly divisor_override: number | null;
}

/** The average of each window of x [N, C, *]. */
export function avgPool(x: Tensor, attrs: AvgPoolAttrs): Tensor {
  const { kernel, stride, padding } = attrs;
  const count = windows(`avg_pool${kernel.length}d`, x.shape, attrs);
  const after = trailing(x.shape, count, attrs);
  const y = apply(meanOp, [x], { kernel, stride, before: padding, after });
  // a mean over whole windows, times the size of a window over the divisor PyTorch uses
  const factors = count.flatMap((n, i) => {
    const scale = corrections(n, i, x.shape, attrs);
    const shape = count.map((_, k) => (k === i ? n : 1));
    return scale.some((f) => f !== 1) ? [literal(numbers(x.dtype, scale), { shape, dtype: x.dtype })] : [];
  });
  return factors.length === 0 ? y : y.mul(factors.reduce((a, b) => a.mul(b)));
}

/** Along dimension `i`: how many times smaller than the kernel each window's divisor is. */
function corrections(count: number, i: number, x: Shape, attrs: AvgPoolAttrs): number[] {
  const [k, step, pad, size] = [attrs.kernel[i]!, attrs.stride[i]!, attrs.padding[i]!, x[i + 2]!];
  const whole = i === 0 ? (attrs.divisor_override ?? 1) : 1;
  return Array.from({ length: count }, (_, o) => {
    const start = o * step - pad;
    const end = Math.min(start + k, size + pad);
    const counted = attrs.count_include_pad ? end - start : Math.min(end, size) - Math.max(0, start);
    return k / (attrs.divisor_override === null ? counted : whole);
  });
}
