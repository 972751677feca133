/** The largest and the smallest, and where they are. */
import { constant } from '../tensor/constant.ts';
import type { Op } from '../tensor/op.ts';
import { normalizeDim, numel } from '../tensor/shape.ts';
import { apply, type Tensor } from '../tensor/tensor.ts';
import { ShapeError } from '../util/errors.ts';
import { type Pair, pair } from './pair.ts';
import { attrsOf, onnxReduce, type ReduceAttrs, type ReduceOptions, reducedShape, reduction } from './reduce.ts';

/** One dimension to reduce. */
export interface DimOptions {
  readonly dim?: number | undefined;
  readonly keepdim?: boolean | undefined;
}

/** There must be something to choose from. */
export function needsElements(who: string, x: Tensor, dims: readonly number[] | null): void {
  if (dims === null && numel(x.shape) === 0) {
    throw new ShapeError(
      `${who}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument.`,
    );
  }
  const empty = dims?.find((d) => x.shape[d] === 0);
  if (empty !== undefined) throw new ShapeError(`${who}(): Expected reduction dim ${empty} to have non-zero size.`);
}

/** Several equal extremes share the gradient, as in PyTorch's amax and amin. */
function shared(g: Tensor, y: Tensor, x: Tensor, { dims }: ReduceAttrs): Tensor {
  const hits = x.eq(y).to(x.dtype);
  return hits.mul(g.div(hits.sum({ dim: dims, keepdim: true })));
}
function extreme(name: string, onnx: string) {
  const op = reduction(name, shared, (b, x, attrs) => onnxReduce(b, onnx, x, attrs));
  return (x: Tensor, options: ReduceOptions = {}): Tensor => {
    const attrs = attrsOf(name, x, options);
    needsElements(name, x, options.dim === undefined ? null : attrs.dims);
    return attrs.dims.length === 0 ? x : apply(op, [x], attrs);
  };
}
/** The largest value over the dimensions; equal ones share the gradient. */
export const amax = extreme('amax', 'ReduceMax');
/** The smallest value over the dimensions; equal ones share the gradient. */
export const amin = extreme('amin', 'ReduceMin');
/** [smallest, largest]. https://pytorch.org/docs/stable/generated/torch.aminmax.html */
export function aminmax(x: Tensor, options: DimOptions = {}): [min: Tensor, max: Tensor] {
  return [amin(x, options), amax(x, options)];
}

function arg(name: string, onnx: string) {
  const op: Op<{ dim: number; keepdim: boolean }> = {
    name,
    infer: ([x], { dim, keepdim }) => ({ shape: reducedShape(x!.shape, { dims: [dim], keepdim }), dtype: 'int64' }),
    grad: null,
    lower: (b, [x], { dim, keepdim }) => b.node(onnx, [x!], { axis: dim, keepdims: Number(keepdim) }),
  };
  return (x: Tensor, { dim, keepdim = false }: DimOptions = {}): Tensor => {
    const numeric = x.dtype === 'bool' ? x.to('uint8') : x;
    if (dim === undefined || x.ndim === 0) {
      if (dim !== undefined) normalizeDim(name, dim, 0);
      needsElements(name, x, null);
      const at = apply(op, [numeric.reshape([-1])], { dim: 0, keepdim: false });
      return keepdim ? at.reshape(x.shape.map(() => 1)) : at;
    }
    const d = normalizeDim(name, dim, x.ndim);
    needsElements(name, x, [d]);
    return apply(op, [numeric], { dim: d, keepdim });
  };
}
/** Index of the largest value (the first of equals), over all elements or along `dim`; int64. */
export const argmax = arg('argmax', 'ArgMax');
/** Index of the smallest value (the first of equals), over all elements or along `dim`; int64. */
export const argmin = arg('argmin', 'ArgMin');

/** `max()` is a tensor, `max({ dim })` a pair. */
export interface Extreme {
  (x: Tensor): Tensor;
  (x: Tensor, options: { readonly dim: number; readonly keepdim?: boolean }): Pair;
}
/** The extreme along a dimension and its index; the gradient goes to that index alone. */
function extremeAlong(name: string, onnx: string, whole: typeof amax, where: typeof argmax): Extreme {
  const op = reduction(
    name,
    (g, _y, x, { dims: [dim] }) => {
      const index = where(x, { dim: dim!, keepdim: true });
      return constant(0, x).scatterAdd(dim!, index, g);
    },
    (b, x, attrs) => onnxReduce(b, onnx, x, attrs),
  );
  return ((x: Tensor, options?: { readonly dim: number; readonly keepdim?: boolean }) => {
    if (options?.dim === undefined) {
      needsElements(name, x, null);
      return whole(x);
    }
    const attrs = attrsOf(name, x, options);
    needsElements(name, x, attrs.dims);
    const index = where(x, options);
    return pair(attrs.dims.length === 0 ? x : apply(op, [x], attrs), index);
  }) as Extreme;
}
/** The largest of all elements; with `dim` [values, indices]. https://pytorch.org/docs/stable/generated/torch.max.html */
export const max = extremeAlong('max', 'ReduceMax', amax, argmax);
/** The smallest of all elements; with `dim` [values, indices]. https://pytorch.org/docs/stable/generated/torch.min.html */
export const min = extremeAlong('min', 'ReduceMin', amin, argmin);
