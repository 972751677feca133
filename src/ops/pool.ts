/** Pooling over windows of the spatial dimensions. */

import { constant, literal } from '../tensor/constant.ts';
import { allocate, type TypedArray } from '../tensor/dtype.ts';
import type { Op } from '../tensor/op.ts';
import { several } from '../tensor/outputs.ts';
import { numel, type Shape, strides } from '../tensor/shape.ts';
import { type Aval, apply, type Tensor } from '../tensor/tensor.ts';
import { ArgError, ShapeError } from '../util/errors.ts';
import { constantPad } from './movement.ts';

/** Per spatial dimension. */
export interface PoolAttrs {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly ceil_mode: boolean;
}

/** Number of windows along each dimension; with ceil_mode a last window must start inside the input or its left padding. */
function windows(who: string, x: Shape, attrs: PoolAttrs): number[] {
  const { kernel, stride, padding, dilation, ceil_mode } = attrs;
  return kernel.map((k, i) => {
    if (padding[i]! * 2 > k) {
      throw new ArgError(
        `${who}: pad should be at most half of effective kernel size, but got pad=${padding[i]}, kernel_size=${k} and dilation=${dilation[i]}`,
      );
    }
    const size = x[i + 2]!;
    const room = size + 2 * padding[i]! - dilation[i]! * (k - 1) - 1;
    const n = (ceil_mode ? Math.ceil(room / stride[i]!) : Math.floor(room / stride[i]!)) + 1;
    const last = ceil_mode && (n - 1) * stride[i]! >= size + padding[i]! ? n - 1 : n;
    if (room < 0 || last < 1) tooSmall(who, x, attrs);
    return last;
  });
}

function tooSmall(who: string, x: Shape, { kernel, stride, padding, dilation }: PoolAttrs): never {
  const out = kernel.map((k, i) =>
    Math.max(0, Math.floor((x[i + 2]! + 2 * padding[i]! - dilation[i]! * (k - 1) - 1) / stride[i]!) + 1),
  );
  throw new ShapeError(
    `${who}: Given input size: (${x.slice(1).join('x')}). Calculated output size: (${[x[1], ...out].join('x')}). Output size is too small`,
  );
}

/** Padding after the input so that ORT, which rounds down, makes exactly `count` windows. */
function trailing(x: Shape, count: readonly number[], { kernel, stride, padding, dilation }: PoolAttrs): number[] {
  return kernel.map((k, i) =>
    Math.max(0, (count[i]! - 1) * stride[i]! + dilation[i]! * (k - 1) + 1 - x[i + 2]! - padding[i]!),
  );
}

const maxOp: Op<PoolAttrs> = {
  name: 'max_pool',
  infer: ([x], attrs) => {
    const shape = [...x!.shape.slice(0, 2), ...windows(`max_pool${attrs.kernel.length}d`, x!.shape, attrs)];
    return [
      { shape, dtype: x!.dtype },
      { shape, dtype: 'int64' },
    ];
  },
  grad: {
    several: ([g], [, index], [x]) => [g ? unpool(g, index!, x!.shape) : null],
  },
  lower: (b, [x], attrs, [out], [aval], used) =>
    b.nodes('MaxPool', [x!], [true, used[1] === true], {
      kernel_shape: attrs.kernel,
      strides: attrs.stride,
      dilations: attrs.dilation,
      pads: [...attrs.padding, ...trailing(aval!.shape, out!.shape.slice(2), attrs)],
    }),
};
/** The largest value of each window, and its place in the whole flattened x (not, as PyTorch, in its own plane). */
export function maxPool(x: Tensor, attrs: PoolAttrs): [y: Tensor, index: Tensor] {
  const after = trailing(x.shape, windows(`max_pool${attrs.kernel.length}d`, x.shape, attrs), attrs);
  if (after.some((p, i) => p >= attrs.kernel[i]!)) return paddedMaxPool(x, attrs, after);
  return several(maxOp, [x], attrs) as [Tensor, Tensor];
}

/** ORT takes no padding as wide as the kernel, which dilation can ask for when rounding up: padded before. */
function paddedMaxPool(x: Tensor, attrs: PoolAttrs, after: readonly number[]): [y: Tensor, index: Tensor] {
  const none = attrs.padding.map(() => 0);
  const before = [0, 0, ...attrs.padding];
  const padded = constantPad(x, before, [0, 0, ...after], Number.NEGATIVE_INFINITY);
  const [y, index] = several(maxOp, [padded], { ...attrs, padding: none, ceil_mode: false }) as [Tensor, Tensor];
  // where each place of the padded input was
  const [from, to] = [strides(padded.shape), strides(x.shape)];
  const places = BigInt64Array.from({ length: numel(padded.shape) }, (_, flat) => {
    const at = from.map((step, i) => (Math.floor(flat / step) % padded.shape[i]!) - before[i]!);
    return BigInt(at.some((k, i) => k < 0 || k >= x.shape[i]!) ? 0 : at.reduce((n, k, i) => n + k * to[i]!, 0));
  });
  return [y, literal(places, { shape: [places.length], dtype: 'int64' }).indexSelect(0, index)];
}

/** Values put back where they were taken from in the flattened result; places taken more than once add up. */
function unpool(g: Tensor, index: Tensor, shape: Shape): Tensor {
  const flat = constant(0, { shape: [numel(shape)], dtype: g.dtype });
  return flat.indexAdd(0, index.reshape([-1]), g.reshape([-1])).reshape(shape);
}

export interface AvgPoolAttrs extends PoolAttrs {
  readonly count_include_pad: boolean;
  readonly divisor_override: number | null;
}

const avgOp: Op<AvgPoolAttrs> = {
  name: 'avg_pool',
  infer: ([x], attrs) => ({
    shape: [...x!.shape.slice(0, 2), ...windows(`avg_pool${attrs.kernel.length}d`, x!.shape, attrs)],
    dtype: x!.dtype,
  }),
  // a linear map along each dimension: its transpose takes the gradient back
  grad: (g, _y, [x], attrs) => [
    averagingMatrices(x!, attrs, g.shape).reduce((t, matrix, i) => alongDim(t, i + 2, matrix.transpose(0, 1)), g),
  ],
  lower: (b, [x], attrs) =>
    b.node('AveragePool', [x!], {
      kernel_shape: attrs.kernel,
      strides: attrs.stride,
      pads: [...attrs.padding, ...attrs.padding],
      count_include_pad: Number(attrs.count_include_pad),
    }),
};

/** The average of each window. */
export function avgPool(x: Tensor, attrs: AvgPoolAttrs): Tensor {
  // rounding up and other divisors are where ORT and PyTorch part: there the windows are matrices
  if (attrs.ceil_mode || attrs.divisor_override !== null) {
    const count = windows(`avg_pool${attrs.kernel.length}d`, x.shape, attrs);
    return averagingMatrices(x, attrs, [...x.shape.slice(0, 2), ...count]).reduce(
      (t, matrix, i) => alongDim(t, i + 2, matrix),
      x,
    );
  }
  return apply(avgOp, [x], attrs);
}

/** t with each vector along `dim` multiplied by `matrix` [out, in]. */
function alongDim(t: Tensor, dim: number, matrix: Tensor): Tensor {
  return dim === t.ndim - 1
    ? t.matmul(matrix.transpose(0, 1))
    : matrix
        .matmul(t.reshape([...t.shape.slice(0, dim + 1), -1]))
        .reshape([...t.shape.slice(0, dim), matrix.shape[0]!, ...t.shape.slice(dim + 1)]);
}

/** For each spatial dimension the [windows, size] matrix of weights; their product is the divisor PyTorch uses. */
function averagingMatrices(x: Tensor, attrs: AvgPoolAttrs, out: Shape): Tensor[] {
  const { kernel, stride, padding, count_include_pad, divisor_override } = attrs;
  return kernel.map((k, i) => {
    const [rows, size] = [out[i + 2]!, x.shape[i + 2]!];
    const aval: Aval = { shape: [rows, size], dtype: x.dtype };
    const data: TypedArray = allocate(x.dtype, rows * size);
    for (let o = 0; o < rows; o++) {
      const start = o * stride[i]! - padding[i]!;
      const end = Math.min(start + k, size + padding[i]!);
      const [from, to] = [Math.max(0, start), Math.min(end, size)];
      const whole = count_include_pad ? end - start : to - from;
      const divisor = divisor_override === null ? whole : i === 0 ? divisor_override : 1;
      for (let j = from; j < to; j++) data[o * size + j] = (1 / divisor) as never;
    }
    return literal(data, aval);
  });
}
