/** Shape and order of dimensions. Parts: `slice.ts`; joining: `join.ts`; repeating and turning: `repeat.ts`. */

import { constant } from '../tensor/constant.ts';
import type { Op } from '../tensor/op.ts';
import { broadcast, normalizeDim, numel, type Shape, sameShape, showShape } from '../tensor/shape.ts';
import { apply, Tensor } from '../tensor/tensor.ts';
import { ArgError, ShapeError } from '../util/errors.ts';

export { cat, stack } from './join.ts';
export { constantPad, split } from './slice.ts';

const reshapeOp: Op<{ shape: Shape }> = {
  name: 'reshape',
  infer: ([x], { shape }) => ({ shape, dtype: x!.dtype }),
  grad: (g, _y, [x]) => [reshape(g, x!.shape)],
  lower: (b, [x], { shape }, _out, [from]) => b.reshape(x!, shape, from!.shape),
  small: 'same',
};
/** The same elements in another shape; one size may be -1. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  if (!Array.isArray(shape)) throw new ArgError(`reshape: expected a list of sizes, as in [2, -1], got ${shape}`);
  const full = fillIn(shape, x.shape);
  if (sameShape(full, x.shape)) return x;
  const from = x.node.op === (reshapeOp as Op) && !x.requiresGrad ? x.node.inputs[0] : undefined;
  const plain = constantLike(x, full);
  if (plain) return plain;
  if (from && sameShape(from.shape, full) && !x.node.data) return new Tensor(from);
  return apply(reshapeOp, [x], { shape: full });
}

function constantLike(x: Tensor, shape: Shape): Tensor | null {
  if (x.node.op?.name !== 'constant') return null;
  return constant((x.node.attrs as { value: number }).value, { shape, dtype: x.dtype });
}

function fillIn(shape: Shape, from: Shape): Shape {
  const n = numel(from);
  const holes = shape.filter((d) => d === -1).length;
  if (holes > 1) throw new ShapeError('reshape: only one dimension can be inferred');
  const known = numel(shape.filter((d) => d !== -1));
  const full = holes === 1 && known > 0 ? shape.map((d) => (d === -1 ? n / known : d)) : shape;
  if (numel(full) !== n || full.some((d) => !Number.isInteger(d) || d < 0)) {
    throw new ShapeError(
      `reshape: shape '${showShape(shape)}' is invalid for input of size ${n}, shape ${showShape(from)}`,
    );
  }
  return full;
}

const permuteOp: Op<{ perm: readonly number[] }> = {
  name: 'permute',
  infer: ([x], { perm }) => ({ shape: perm.map((d) => x!.shape[d]!), dtype: x!.dtype }),
  grad: (g, _y, _in, { perm }) => [permute(g, inverse(perm))],
  lower: (b, [x], { perm }) => b.transpose(x!, perm),
};
const inverse = (perm: readonly number[]) => perm.map((_, i) => perm.indexOf(i));
/** Dimensions in another order. */
export function permute(x: Tensor, dims: readonly number[]): Tensor {
  const perm = dims.map((d) => normalizeDim('permute', d, x.ndim));
  if (perm.length !== x.ndim || new Set(perm).size !== x.ndim) {
    throw new ShapeError(`permute: expected each of the ${x.ndim} dimensions once, got ${showShape(dims)}`);
  }
  if (perm.every((d, i) => d === i)) return x;
  return apply(permuteOp, [x], { perm });
}

/** Two dimensions exchanged. */
export function transpose(x: Tensor, dim0: number, dim1: number): Tensor {
  const [a, b] = [normalizeDim('transpose', dim0, x.ndim), normalizeDim('transpose', dim1, x.ndim)];
  return permute(
    x,
    x.shape.map((_, i) => (i === a ? b : i === b ? a : i)),
  );
}

/** A matrix with its dimensions exchanged; vectors as they are. */
export function t(x: Tensor): Tensor {
  if (x.ndim > 2) throw new ShapeError(`t: t() expects a tensor with <= 2 dimensions, but self is ${x.ndim}D`);
  return x.ndim < 2 ? x : transpose(x, 0, 1);
}

const expandOp: Op<{ shape: Shape }> = {
  name: 'expand',
  infer: ([x], { shape }) => ({ shape, dtype: x!.dtype }),
  grad: (g) => [g],
  repeats: true,
  lower: (b, [x], { shape }) => b.node('Expand', [x!, b.ints(shape)]),
};
/** Size-1 dimensions repeated, new leading ones added; -1 keeps a size. */
export function expand(x: Tensor, shape: Shape): Tensor {
  const lead = shape.length - x.ndim;
  const full = shape.map((d, i) => (d === -1 && i >= lead ? x.shape[i - lead]! : d));
  const fits = lead >= 0 && x.shape.every((d, i) => d === 1 || d === full[i + lead]);
  if (!fits || full.some((d) => d < 0)) {
    throw new ShapeError(`expand: the tensor of shape ${showShape(x.shape)} cannot be expanded to ${showShape(shape)}`);
  }
  if (sameShape(full, x.shape)) return x;
  return constantLike(x, full) ?? apply(expandOp, [x], { shape: full });
}

/** Size-1 dimensions removed: all, or the given ones. */
export function squeeze(x: Tensor, dim?: number | readonly number[]): Tensor {
  const dims = dim === undefined ? x.shape.map((_, i) => i) : asDims('squeeze', dim, x.ndim);
  return reshape(
    x,
    x.shape.filter((d, i) => d !== 1 || !dims.includes(i)),
  );
}

/** A size-1 dimension inserted at `dim` of the result. */
export function unsqueeze(x: Tensor, dim: number): Tensor {
  const at = normalizeDim('unsqueeze', dim, x.ndim + 1);
  return reshape(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)]);
}

/** Dimensions start_dim to end_dim made one. */
export function flatten(
  x: Tensor,
  { start_dim = 0, end_dim = -1 }: { start_dim?: number; end_dim?: number } = {},
): Tensor {
  const [from, to] = [normalizeDim('flatten', start_dim, x.ndim), normalizeDim('flatten', end_dim, x.ndim)];
  if (from > to) throw new ShapeError('flatten: flatten() has invalid args: start_dim cannot come after end_dim');
  if (x.ndim === 0) return reshape(x, [1]);
  return reshape(x, [...x.shape.slice(0, from), numel(x.shape.slice(from, to + 1)), ...x.shape.slice(to + 1)]);
}

/** Dimensions given by the user, as distinct indices from the front. */
export function asDims(who: string, dim: number | readonly number[], rank: number): number[] {
  const dims = (typeof dim === 'number' ? [dim] : dim).map((d) => normalizeDim(who, d, rank));
  if (new Set(dims).size !== dims.length) {
    throw new ShapeError(`${who}: dim appears multiple times in the list of dims ${showShape(dims)}`);
  }
  return dims;
}

/** One dimension made several; one size may be -1. https://pytorch.org/docs/stable/generated/torch.unflatten.html */
export function unflatten(x: Tensor, dim: number, sizes: Shape): Tensor {
  const d = normalizeDim('unflatten', dim, x.ndim);
  if (sizes.length === 0) throw new ShapeError('unflatten: sizes must be non-empty');
  const n = x.shape[d]!;
  const known = numel(sizes.filter((size) => size !== -1));
  const full = sizes.map((size) => (size === -1 ? n / known : size));
  if (sizes.filter((size) => size === -1).length > 1) {
    throw new ShapeError('unflatten: only one dimension can be inferred');
  }
  if (numel(full) !== n || !full.every((size) => Number.isInteger(size) && size >= 0)) {
    throw new ShapeError(
      `unflatten: Provided sizes ${showShape(sizes)} don't multiply up to the size of dim ${d} (${n}) in the input tensor`,
    );
  }
  return reshape(x, [...x.shape.slice(0, d), ...full, ...x.shape.slice(d + 1)]);
}

/** Dimensions moved to other places, the rest staying in order. https://pytorch.org/docs/stable/generated/torch.movedim.html */
export function movedim(
  x: Tensor,
  source: number | readonly number[],
  destination: number | readonly number[],
): Tensor {
  const [from, to] = [movedDims('source', source, x.ndim), movedDims('destination', destination, x.ndim)];
  if (from.length !== to.length) {
    throw new ShapeError(
      `movedim: Invalid source or destination dims: source (${showShape(from)} dims) should contain the same number of dims as destination (${showShape(to)} dims)`,
    );
  }
  const rest = [...x.shape.keys()].filter((d) => !from.includes(d));
  return permute(
    x,
    x.shape.map((_, d) => (to.includes(d) ? from[to.indexOf(d)]! : rest.shift()!)),
  );
}
function movedDims(what: string, dims: number | readonly number[], rank: number): number[] {
  const list = (typeof dims === 'number' ? [dims] : dims).map((d) => normalizeDim('movedim', d, rank));
  if (new Set(list).size === list.length) return list;
  throw new ShapeError(`movedim: repeated dim in \`${what}\` (${showShape(list)})`);
}

/** The dimensions in reverse order, as the property `T`. */
export const reversed = (x: Tensor): Tensor => permute(x, [...x.shape.keys()].reverse());
/** The last two dimensions exchanged, as the property `mT`. */
export function matrixTranspose(x: Tensor): Tensor {
  if (x.ndim >= 2) return transpose(x, -2, -1);
  throw new ShapeError(`mT: tensor.mT is only supported on matrices or batches of matrices. Got ${x.ndim}-D tensor.`);
}

/** Repeated to another's shape. */
export const expandAs = (x: Tensor, other: Tensor): Tensor => expand(x, other.shape);
/** The same elements in another's shape. */
export const viewAs = (x: Tensor, other: Tensor): Tensor => reshape(x, other.shape);
/** All elements in one dimension. */
export const ravel = (x: Tensor): Tensor => flatten(x);

/** Tensors repeated to the shape that all broadcast to. https://pytorch.org/docs/stable/generated/torch.broadcast_tensors.html */
export function broadcastTensors(...tensors: Tensor[]): Tensor[] {
  const shape = tensors.map((x) => x.shape).reduce((a, b) => broadcast('broadcastTensors', a, b), []);
  return tensors.map((x) => expand(x, shape));
}
