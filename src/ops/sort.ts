/** Order: sorting, the k largest, what stands in the middle. NaN counts as the largest. */
import { constant } from '../tensor/constant.ts';
import { isFloat } from '../tensor/dtype.ts';
import type { Op } from '../tensor/op.ts';
import { normalizeDim, numel, type Shape, sameShape, showShape } from '../tensor/shape.ts';
import { apply, type Tensor } from '../tensor/tensor.ts';
import { ArgError, ShapeError } from '../util/errors.ts';
import { isnan } from './compare.ts';
import { type DimOptions, needsElements } from './extremes.ts';
import { stack } from './join.ts';
import { type Pair, pair } from './pair.ts';

interface TopAttrs {
  readonly k: number;
  readonly dim: number;
  readonly largest: boolean;
}
/** Where the first k in order are; of equals the earlier first. */
const topOp: Op<TopAttrs> = {
  name: 'topk',
  infer: ([x], { k, dim }) => ({ shape: x!.shape.with(dim, k), dtype: 'int64' }),
  grad: null,
  lower: (b, [x], { k, dim, largest }) => {
    const attributes = { axis: dim, largest: Number(largest), sorted: 1 };
    return b.nodes('TopK', [x!, b.ints([k])], [true, true], attributes)[1]!;
  },
};
function topIndices(x: Tensor, attrs: TopAttrs): Tensor {
  const shape = x.shape.with(attrs.dim, attrs.k);
  // ORT dies of empty ones
  if (numel(x.shape) === 0) return constant(0, { shape, dtype: 'int64' });
  // and its order is none when there is NaN
  const keys = isFloat(x.dtype) ? x.maskedFill(isnan(x), Number.POSITIVE_INFINITY) : x;
  return apply(topOp, [keys.dtype === 'bool' ? keys.to('uint8') : keys], attrs);
}

/** `fn` of a tensor of at least one dimension. */
function atLeast1d(x: Tensor, fn: (x: Tensor) => Pair): Pair {
  if (x.ndim > 0) return fn(x);
  const [values, indices] = fn(x.reshape([1]));
  return pair(values.reshape([]), indices.reshape([]));
}

export interface SortOptions {
  readonly dim?: number;
  readonly descending?: boolean;
  /** Always so; taken for PyTorch's sake. */
  readonly stable?: boolean;
}
/** [sorted values, their indices], equals in their order. https://pytorch.org/docs/stable/generated/torch.sort.html */
export function sort(x: Tensor, { dim = -1, descending = false }: SortOptions = {}): Pair {
  const d = normalizeDim('sort', dim, x.ndim);
  return atLeast1d(x, (t) => {
    const indices = topIndices(t, { k: t.shape[d]!, dim: d, largest: descending });
    return pair(t.gather(d, indices), indices);
  });
}
/** The indices that sort. https://pytorch.org/docs/stable/generated/torch.argsort.html */
export function argsort(x: Tensor, options: SortOptions = {}): Tensor {
  return sort(x, options)[1];
}

/** [the k largest or smallest, their indices], in order. https://pytorch.org/docs/stable/generated/torch.topk.html */
export function topk(
  x: Tensor,
  k: number,
  { dim = -1, largest = true }: { dim?: number; largest?: boolean; sorted?: boolean } = {},
): Pair {
  const d = normalizeDim('topk', dim, x.ndim);
  return atLeast1d(x, (t) => {
    if (!Number.isInteger(k) || k < 0 || k > t.shape[d]!) {
      throw new ArgError(`topk: selected index k out of range: expected 0 to ${t.shape[d]}, got ${k}`);
    }
    const indices = topIndices(t, { k, dim: d, largest });
    return pair(t.gather(d, indices), indices);
  });
}

/** [the k-th smallest, its index]; k counts from 1. https://pytorch.org/docs/stable/generated/torch.kthvalue.html */
export function kthvalue(x: Tensor, k: number, { dim = -1, keepdim = false }: DimOptions = {}): Pair {
  const d = normalizeDim('kthvalue', dim, x.ndim);
  needsElements('kthvalue', x, x.ndim === 0 ? [] : [d]);
  return atLeast1d(x, (t) => {
    if (!Number.isInteger(k) || k < 1 || k > t.shape[d]!) {
      throw new ArgError(`kthvalue(): selected number k out of range for dimension ${d}: got ${k}`);
    }
    const index = topIndices(t, { k, dim: d, largest: false }).narrow(d, k - 1, 1);
    const values = t.gather(d, index);
    return keepdim || x.ndim === 0 ? pair(values, index) : pair(values.squeeze(d), index.squeeze(d));
  });
}

/** `median()` is a tensor, `median({ dim })` a pair. */
export interface Median {
  (x: Tensor): Tensor;
  (x: Tensor, options: { readonly dim: number; readonly keepdim?: boolean }): Pair;
}
const middle = (n: number) => Math.floor((n + 1) / 2);
/** The lower of the middle values: of all, or [values, indices] along `dim`. https://pytorch.org/docs/stable/generated/torch.median.html */
export const median = ((x: Tensor, options?: { readonly dim: number; readonly keepdim?: boolean }) => {
  if (options?.dim !== undefined) {
    const n = x.shape[normalizeDim('median', options.dim, x.ndim)] ?? 1;
    needsElements('median', x, x.ndim === 0 ? [] : [normalizeDim('median', options.dim, x.ndim)]);
    return kthvalue(x, middle(n), options);
  }
  const n = numel(x.shape);
  if (n === 0) return constant(Number.NaN, { shape: [], dtype: x.dtype });
  const [value] = kthvalue(x.detach().flatten(), middle(n));
  if (!x.requiresGrad) return value;
  // equal ones share the gradient: their distance to the value, 0, is added
  const hits = x.eq(value);
  return value.add(x.sub(value).maskedFill(hits.logicalNot(), 0).sum().div(hits.sum()));
}) as Median;

/** What a share q of the values is below, between two neighbours on the line. https://pytorch.org/docs/stable/generated/torch.quantile.html */
export function quantile(x: Tensor, q: number | readonly number[], { dim, keepdim = false }: DimOptions = {}): Tensor {
  if (!isFloat(x.dtype))
    throw new ArgError(`quantile() input tensor must be either float or double dtype, got ${x.dtype}`);
  if (numel(x.shape) === 0) throw new ShapeError('quantile() input tensor must be non-empty');
  if (dim === undefined || x.ndim === 0) {
    const all = quantile(x.reshape([-1]), q, { dim: 0 });
    return keepdim ? all.reshape([...all.shape, ...x.shape.map(() => 1)]) : all;
  }
  const d = normalizeDim('quantile', dim, x.ndim);
  const sorted = sort(x, { dim: d })[0];
  const at = (share: number): Tensor => {
    if (!(share >= 0 && share <= 1)) throw new ArgError(`quantile() q must be in the range [0, 1] but got ${share}`);
    const place = share * (x.shape[d]! - 1);
    const below = Math.floor(place);
    const low = sorted.narrow(d, below, 1);
    const value = below === place ? low : low.lerp(sorted.narrow(d, below + 1, 1), place - below);
    return keepdim ? value : value.squeeze(d);
  };
  if (typeof q === 'number') return at(q);
  if (q.length === 0) throw new ArgError('quantile(): expected at least one q, got []');
  return stack(q.map(at));
}

/** How many of a sorted sequence are below each value (`right`: not above): where it would be put in. https://pytorch.org/docs/stable/generated/torch.searchsorted.html */
export function searchsorted(sequence: Tensor, values: Tensor, { right = false }: { right?: boolean } = {}): Tensor {
  const lead = (shape: Shape) => shape.slice(0, -1);
  if (sequence.ndim !== 1 && !sameShape(lead(sequence.shape), lead(values.shape))) {
    throw new ShapeError(
      `searchsorted: boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries tensor and input value tensor must match, but we got boundaries tensor ${showShape(sequence.shape)} and input value tensor ${showShape(values.shape)}`,
    );
  }
  const boundaries = sequence.ndim === 1 ? sequence : sequence.unsqueeze(-2);
  const each = values.unsqueeze(-1);
  return (right ? boundaries.le(each) : boundaries.lt(each)).sum({ dim: -1 });
}
/** The bucket of each value between boundaries. https://pytorch.org/docs/stable/generated/torch.bucketize.html */
export function bucketize(x: Tensor, boundaries: Tensor, { right = false }: { right?: boolean } = {}): Tensor {
  if (boundaries.ndim !== 1) {
    throw new ShapeError(`bucketize: boundaries tensor must be 1 dimension, but got dim(${boundaries.ndim})`);
  }
  return searchsorted(boundaries, x, { right });
}
