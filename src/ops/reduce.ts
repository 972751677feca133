/** Operations that fold dimensions into one value: sums, products, norms. Largest and smallest: `extremes.ts`. */
import type { GraphBuilder } from '../onnx/builder.ts';
import { constant, constantOf } from '../tensor/constant.ts';
import { type Dtype, isFloat } from '../tensor/dtype.ts';
import type { Op } from '../tensor/op.ts';
import { normalizeDim, numel, type Shape } from '../tensor/shape.ts';
import { type Aval, apply, type Tensor } from '../tensor/tensor.ts';
import { ArgError, ShapeError } from '../util/errors.ts';
import { show } from '../util/python.ts';
import { isnan } from './compare.ts';
import { cat } from './join.ts';
import { asDims } from './movement.ts';
import { asFloat } from './operands.ts';

/** Dimensions to reduce: all when `dim` is left out. */
export interface ReduceOptions {
  readonly dim?: number | readonly number[] | undefined;
  readonly keepdim?: boolean | undefined;
}
/** The same for sums: `dtype` is converted to first. */
export interface SumOptions extends ReduceOptions {
  readonly dtype?: Dtype | undefined;
}
export interface ReduceAttrs {
  readonly dims: readonly number[];
  readonly keepdim: boolean;
}

export function attrsOf(who: string, x: Tensor, { dim, keepdim = false }: ReduceOptions): ReduceAttrs {
  const all = dim === undefined || (Array.isArray(dim) && dim.length === 0);
  const dims = all ? x.shape.map((_, i) => i) : asDims(who, dim!, x.ndim);
  // a 0-d tensor may be reduced over its "last" dimension
  return { dims: x.ndim === 0 ? [] : dims.sort((a, b) => a - b), keepdim };
}

export function reducedShape(shape: Shape, { dims, keepdim }: ReduceAttrs): Shape {
  return keepdim ? shape.map((d, i) => (dims.includes(i) ? 1 : d)) : shape.filter((_, i) => !dims.includes(i));
}

/** A reduced tensor with its reduced dimensions back as ones, so that it broadcasts against what it came from. */
function keep(t: Tensor, like: Shape, { dims, keepdim }: ReduceAttrs): Tensor {
  return keepdim ? t : t.reshape(like.map((d, i) => (dims.includes(i) ? 1 : d)));
}

export function reduction<A extends ReduceAttrs = ReduceAttrs>(
  name: string,
  grad: ((g: Tensor, y: Tensor, x: Tensor, attrs: A) => Tensor) | null,
  lower: (b: GraphBuilder, x: string, attrs: A, x_: Aval) => string,
): Op<A> {
  return {
    name,
    infer: ([x], attrs) => ({ shape: reducedShape(x!.shape, attrs), dtype: x!.dtype }),
    grad: grad && ((g, y, [x], attrs) => [grad(keep(g, x!.shape, attrs), keep(y, x!.shape, attrs), x!, attrs)]),
    lower: (b, [x], attrs, _out, [aval]) => lower(b, x!, attrs, aval!),
  };
}

export function onnxReduce(b: GraphBuilder, op: string, x: string, { dims, keepdim }: ReduceAttrs): string {
  return b.node(op, [x, b.ints(dims)], { keepdims: Number(keepdim), noop_with_empty_axes: 1 });
}

// ---- sums and averages

const sumOp = reduction(
  'sum',
  (g, _y, x) => g.expand(x.shape),
  (b, x, attrs, { shape, dtype }) => {
    // over the rows of a matrix, a product with ones is up to 3 times faster
    const rows = shape.length === 2 && attrs.dims.length === 1 && attrs.dims[0] === 0 && isFloat(dtype);
    if (!rows) return onnxReduce(b, 'ReduceSum', x, attrs);
    const ones = constantOf(b, 1, { shape: attrs.keepdim ? [1, shape[0]!] : [shape[0]!], dtype });
    return b.node('MatMul', [ones, x]);
  },
);
/** The dtype that sums and products are made in: a wanted one, or int64 for integers and bool. */
export function accumulated(x: Tensor, dtype: Dtype | undefined): Tensor {
  return x.to(dtype ?? (isFloat(x.dtype) ? x.dtype : 'int64'));
}
/** Σ over the dimensions; integers and bool are summed as int64. */
export function sum(x: Tensor, { dtype, ...options }: SumOptions = {}): Tensor {
  const attrs = attrsOf('sum', x, options);
  const summed = accumulated(x, dtype);
  return attrs.dims.length === 0 ? summed : apply(sumOp, [summed], attrs);
}
/** Σ of what is not NaN. https://pytorch.org/docs/stable/generated/torch.nansum.html */
export function nansum(x: Tensor, options: SumOptions = {}): Tensor {
  return sum(isFloat(x.dtype) ? x.maskedFill(isnan(x), 0) : x, options);
}

const meanOp = reduction(
  'mean',
  (g, y, x) => g.mul(numel(y.shape) / numel(x.shape)).expand(x.shape),
  (b, x, attrs) => onnxReduce(b, 'ReduceMean', x, attrs),
);
/** The average over the dimensions, of floating point tensors. */
export function mean(x: Tensor, { dtype, ...options }: SumOptions = {}): Tensor {
  const averaged = dtype === undefined ? x : x.to(dtype);
  needsFloat('mean', averaged);
  const attrs = attrsOf('mean', x, options);
  // ORT's average of nothing is 0, PyTorch's NaN
  if (numel(x.shape) === 0) return averaged.sum(options).mul(Number.NaN);
  return attrs.dims.length === 0 ? averaged : apply(meanOp, [averaged], attrs);
}
function needsFloat(who: string, x: Tensor): void {
  if (isFloat(x.dtype)) return;
  throw new ShapeError(
    `${who}(): could not infer output dtype. Input dtype must be a floating point dtype. Got: ${x.dtype}`,
  );
}
/** The average of what is not NaN. https://pytorch.org/docs/stable/generated/torch.nanmean.html */
export function nanmean(x: Tensor, options: SumOptions = {}): Tensor {
  needsFloat('nanmean', x);
  return nansum(x, options).div(isnan(x).logicalNot().sum(options).to(x.dtype));
}

/** Variance over the dimensions, divided by n - correction. */
export function variance(x: Tensor, options: ReduceOptions & { readonly correction?: number } = {}): Tensor {
  const { correction = 1, dim, keepdim = false } = options;
  if (!isFloat(x.dtype)) {
    throw new ShapeError(`var: std and var only support floating point dtypes, got ${x.dtype}`);
  }
  const attrs = attrsOf('var', x, { dim, keepdim });
  const centred = x.sub(x.mean({ dim: attrs.dims, keepdim: true }));
  const n = attrs.dims.reduce((size, d) => size * x.shape[d]!, 1);
  return centred
    .mul(centred)
    .sum({ dim: attrs.dims, keepdim })
    .div(Math.max(0, n - correction));
}

// ---- products

const prodOp = reduction(
  'prod',
  (g, _y, x, { dims: [dim] }) => prodGrad(g, x, dim!),
  (b, x, attrs) => onnxReduce(b, 'ReduceProd', x, attrs),
);
/** The gradient by products of halves, halves of halves, …: right where elements are 0, too, and when differentiated again. */
function prodGrad(g: Tensor, x: Tensor, dim: number): Tensor {
  const n = x.shape[dim]!;
  if (n === 0) return constant(0, x);
  if (n === 1) return g;
  // i meets i + half; of an odd number the middle one stays alone
  const half = Math.ceil(n / 2);
  const pairs = n - half;
  const [left, middle, right] = x.split([pairs, half - pairs, pairs], { dim }) as [Tensor, Tensor, Tensor];
  const halves = prodGrad(g, cat([left.mul(right), middle], { dim }), dim);
  const [gPairs, gMiddle] = halves.split([pairs, half - pairs], { dim }) as [Tensor, Tensor];
  return cat([gPairs.mul(right), gMiddle, gPairs.mul(left)], { dim });
}
/** Π over all elements or one dimension; integers and bool as int64. https://pytorch.org/docs/stable/generated/torch.prod.html */
export function prod(
  x: Tensor,
  { dim, keepdim = false, dtype }: { dim?: number; keepdim?: boolean; dtype?: Dtype } = {},
): Tensor {
  const factors = accumulated(x, dtype);
  if (dim === undefined) return prod(factors.reshape([-1]), { dim: 0 });
  const d = normalizeDim('prod', dim, x.ndim);
  return x.ndim === 0 ? factors : apply(prodOp, [factors], { dims: [d], keepdim });
}

// ---- counting

function quantifier(name: string, onnx: string, ofNothing: number) {
  const op = reduction(name, null, (b, x, attrs) => onnxReduce(b, onnx, x, attrs));
  return (x: Tensor, options: ReduceOptions = {}): Tensor => {
    const attrs = attrsOf(name, x, options);
    const flags = x.to('bool');
    if (numel(x.shape) === 0) return constant(ofNothing, { shape: reducedShape(x.shape, attrs), dtype: 'bool' });
    const found = attrs.dims.length === 0 ? flags : apply(op, [flags], attrs);
    return x.dtype === 'uint8' ? found.to('uint8') : found;
  };
}
/** Whether any element is not 0. https://pytorch.org/docs/stable/generated/torch.any.html */
export const any = quantifier('any', 'ReduceMax', 0);
/** Whether all elements are not 0. https://pytorch.org/docs/stable/generated/torch.all.html */
export const all = quantifier('all', 'ReduceMin', 1);
/** How many elements are not 0. https://pytorch.org/docs/stable/generated/torch.count_nonzero.html */
export function countNonzero(x: Tensor, { dim }: Pick<ReduceOptions, 'dim'> = {}): Tensor {
  return sum(x.to('bool'), { dim });
}

// ---- norms

interface NormAttrs extends ReduceAttrs {
  readonly p: number;
}
/** (Σ |x|^p)^(1/p); dx = g sign(x) (|x| / y)^(p - 1), 0 where y is 0. */
const normOp = reduction<NormAttrs>(
  'norm',
  (g, y, x, { p }) => {
    const zero = y.eq(0);
    const safe = y.maskedFill(zero, 1);
    if (p === 2) return g.mul(x.div(safe)).maskedFill(zero, 0);
    const slope = x
      .abs()
      .div(safe)
      .pow(p - 1)
      .mul(x.sign());
    return g.mul(slope.maskedFill(p < 1 ? x.eq(0) : zero, 0));
  },
  (b, x, { p, ...attrs }, { dtype }) => {
    const power = (t: string, e: number) => b.node('Pow', [t, constantOf(b, e, { shape: [], dtype })]);
    if (p === 2) return b.node('Sqrt', [onnxReduce(b, 'ReduceSum', b.node('Mul', [x, x]), attrs)]);
    return power(onnxReduce(b, 'ReduceSum', power(b.node('Abs', [x]), p), attrs), 1 / p);
  },
);
/** (Σ |x|^p)^(1/p) over the dimensions, as `torch.linalg.vector_norm`. https://pytorch.org/docs/stable/generated/torch.norm.html */
export function norm(x: Tensor, { p = 2, ...options }: ReduceOptions & { readonly p?: number | 'fro' } = {}): Tensor {
  if (p !== 'fro' && typeof p !== 'number')
    throw new ArgError(`norm: expected p to be a number or 'fro', got ${show(p)}`);
  if (!isFloat(x.dtype)) throw new ArgError(`norm: Expected a floating point tensor as input. Got ${x.dtype}`);
  const attrs = attrsOf('norm', x, options);
  const order = p === 'fro' ? 2 : p;
  if (order === 0) return countEach(x, attrs);
  if (order === 1 || attrs.dims.length === 0) return x.abs().sum({ dim: attrs.dims, keepdim: attrs.keepdim });
  if (order === Number.POSITIVE_INFINITY) return x.abs().amax({ dim: attrs.dims, keepdim: attrs.keepdim });
  if (order === Number.NEGATIVE_INFINITY) return x.abs().amin({ dim: attrs.dims, keepdim: attrs.keepdim });
  return apply(normOp, [x], { ...attrs, p: order });
}
function countEach(x: Tensor, { dims, keepdim }: ReduceAttrs): Tensor {
  return x.ne(0).sum({ dim: dims, keepdim }).to(x.dtype);
}
/** The norm of x - other. https://pytorch.org/docs/stable/generated/torch.dist.html */
export function dist(x: Tensor, other: Tensor, { p = 2 }: { p?: number } = {}): Tensor {
  return norm(x.sub(other), { p });
}

/** log Σ eˣ over the dimensions, without overflow. https://pytorch.org/docs/stable/generated/torch.logsumexp.html */
export function logsumexp(
  x: Tensor,
  dim: number | readonly number[],
  { keepdim = false }: { keepdim?: boolean } = {},
): Tensor {
  const real = asFloat(x);
  const { dims } = attrsOf('logsumexp', real, { dim });
  if (numel(x.shape) === 0) return real.exp().sum({ dim: dims, keepdim }).log();
  const top = real.detach().amax({ dim: dims, keepdim: true });
  // an infinity would be subtracted from itself
  const shift = top.maskedFill(top.isfinite().logicalNot(), 0);
  const total = real.sub(shift).exp().sum({ dim: dims, keepdim }).log();
  return total.add(keepdim ? shift : shift.reshape(total.shape));
}
