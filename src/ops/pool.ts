/** Windows over the spatial dimensions: how many there are, what they cover. */

import type { GraphBuilder } from '../onnx/builder.ts';
import type { Op } from '../tensor/op.ts';
import { numel, type Shape, strides } from '../tensor/shape.ts';
import { apply, type Tensor } from '../tensor/tensor.ts';
import { ArgError, ShapeError } from '../util/errors.ts';

/** Per spatial dimension. */
export interface PoolAttrs {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly ceil_mode: boolean;
}

/** Number of windows along each dimension; with ceil_mode a last window must start inside the input or its left padding. */
export function windows(who: string, x: Shape, attrs: PoolAttrs): number[] {
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
    if (size < 1 || last < 1) tooSmall(who, x, attrs);
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
export function trailing(x: Shape, count: readonly number[], attrs: PoolAttrs): number[] {
  const { kernel, stride, padding, dilation } = attrs;
  return kernel.map((k, i) =>
    Math.max(0, (count[i]! - 1) * stride[i]! + dilation[i]! * (k - 1) + 1 - x[i + 2]! - padding[i]!),
  );
}

interface PlaceAttrs {
  readonly from: Shape;
  readonly to: Shape;
  /** For each dimension, where its places in `from` are in `to`; null: the same. */
  readonly moved: Moves | null;
}
type Moves = readonly (readonly number[])[];
/** A place in the last dimensions of a tensor, flattened, as one in another shape. */
const placeOp: Op<PlaceAttrs> = {
  name: 'place',
  infer: ([index]) => index!,
  grad: null,
  lower: (b, [index], { from, to, moved }) => {
    const flat = b.node('Mod', [index!, int(b, numel(from))]);
    return moved === null ? flat : movedPlaces(b, flat, from, to, moved);
  },
};

/** A constant of type int64. */
export const int = (b: GraphBuilder, value: number) => b.constant('int64', [], BigInt64Array.of(BigInt(value)));

/** Where in the flattened tensor each plane begins. */
export function planeStarts(b: GraphBuilder, planes: number, size: number): string {
  return b.node('Range', [int(b, 0), int(b, planes * size), int(b, size)]);
}

/** Places in `from`, flattened, as places in `to`. */
export function movedPlaces(b: GraphBuilder, flat: string, from: Shape, to: Shape, moved: Moves): string {
  const [before, after] = [strides(from), strides(to)];
  const terms = moved.map((map, i) => {
    const rest = i === 0 ? flat : b.node('Mod', [flat, int(b, before[i - 1]!)]);
    const place = b.node('Gather', [b.ints(map), b.node('Div', [rest, int(b, before[i]!)])]);
    return b.node('Mul', [place, int(b, after[i]!)]);
  });
  return terms.reduce((sum, term) => b.node('Add', [sum, term]));
}

/** Indices into the whole flattened tensor as indices into its planes of shape `plane`. */
export function placeInPlane(index: Tensor, plane: Shape): Tensor {
  return apply(placeOp, [index], { from: plane, to: plane, moved: null });
}

/** Indices into the planes of one tensor as indices into those of another that it was gathered from. */
export function placeBefore(index: Tensor, from: Shape, to: Shape, moved: Moves): Tensor {
  return apply(placeOp, [index], { from, to, moved });
}
