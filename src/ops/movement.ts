/** Operations that move elements without computing: shape, order, slicing, joining, padding. */

import { constant } from '../tensor/constant.ts';
import { allocate, type Dtype, isFloat } from '../tensor/dtype.ts';
import type { Op } from '../tensor/op.ts';
import { normalizeDim, numel, type Shape, sameShape, showShape } from '../tensor/shape.ts';
import { apply, Tensor } from '../tensor/tensor.ts';
import { ArgError, ShapeError } from '../util/errors.ts';

const reshapeOp: Op<{ shape: Shape }> = {
  name: 'reshape',
  infer: ([x], { shape }) => ({ shape, dtype: x!.dtype }),
  grad: (g, _y, [x]) => [reshape(g, x!.shape)],
  lower: (b, [x], { shape }) => b.reshape(x!, shape),
};
/** The same elements in another shape; one size may be -1. */
export function reshape(x: Tensor, shape: Shape): Tensor {
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

interface SliceAttrs {
  readonly dim: number;
  readonly start: number;
  readonly end: number;
  readonly step: number;
}
const sliceOp: Op<SliceAttrs> = {
  name: 'slice',
  infer: ([x], { dim, start, end, step }) => ({
    shape: x!.shape.map((d, i) => (i === dim ? Math.max(0, Math.ceil((end - start) / step)) : d)),
    dtype: x!.dtype,
  }),
  grad: (g, _y, [x], { dim, start, end, step }) => {
    const size = x!.shape[dim]!;
    if (step === 1) return [padDim(g, dim, start, size - end)];
    // element i of the result went to start + step·i: a zero is appended, and every other place reads it
    const n = g.shape[dim]!;
    const back = BigInt64Array.from({ length: size }, (_, i) => {
      const from = (i - start) / step;
      return BigInt(Number.isInteger(from) && from >= 0 && from < n ? from : n);
    });
    return [padDim(g, dim, 0, 1).indexSelect(dim, back)];
  },
  lower: (b, [x], { dim, start, end, step }) =>
    b.node('Slice', [x!, b.ints([start]), b.ints([end]), b.ints([dim]), ...(step === 1 ? [] : [b.ints([step])])]),
};
/** Elements start (included) to end (excluded) along one dimension, as Python's x[start:end:step]. */
export function slice(
  x: Tensor,
  { dim, start = 0, end, step = 1 }: { dim: number; start?: number; end?: number; step?: number },
): Tensor {
  if (!Number.isInteger(step) || step < 1) throw new ArgError(`slice: step must be a positive integer, got ${step}`);
  const d = normalizeDim('slice', dim, x.ndim);
  const size = x.shape[d]!;
  const clip = (i: number) => Math.min(Math.max(i < 0 ? i + size : i, 0), size);
  const from = clip(start);
  const to = Math.max(from, clip(end ?? size));
  if (from === 0 && to === size && step === 1) return x;
  return apply(sliceOp, [x], { dim: d, start: from, end: to, step });
}

/** `length` elements from `start` along a dimension. */
export function narrow(x: Tensor, dim: number, start: number, length: number): Tensor {
  const d = normalizeDim('narrow', dim, x.ndim);
  const from = start < 0 ? start + x.shape[d]! : start;
  if (from < 0 || length < 0 || from + length > x.shape[d]!) {
    throw new ShapeError(
      `narrow: start (${start}) + length (${length}) exceeds dimension size (${x.shape[d]}) of dimension ${d}`,
    );
  }
  return slice(x, { dim: d, start: from, end: from + length });
}

/** One element along a dimension, which disappears. */
export function select(x: Tensor, dim: number, index: number): Tensor {
  const d = normalizeDim('select', dim, x.ndim);
  const size = x.shape[d]!;
  if (index < -size || index >= size) {
    throw new ShapeError(`select: index ${index} is out of bounds for dimension ${d} with size ${size}`);
  }
  return reshape(
    narrow(x, d, index < 0 ? index + size : index, 1),
    x.shape.filter((_, i) => i !== d),
  );
}

/** Pieces of the given sizes along a dimension. */
export function split(x: Tensor, size: number | readonly number[], { dim = 0 }: { dim?: number } = {}): Tensor[] {
  const d = normalizeDim('split', dim, x.ndim);
  const total = x.shape[d]!;
  if (typeof size === 'number' && !(Number.isInteger(size) && size > 0)) {
    throw new ArgError(`split: expected a positive size, got ${size}`);
  }
  const sizes =
    typeof size === 'number'
      ? Array.from({ length: Math.max(1, Math.ceil(total / size)) }, (_, i) => Math.min(size, total - i * size))
      : size;
  if (sizes.some((n) => n < 0)) {
    throw new ArgError(
      `split: split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes=${showShape(sizes)}`,
    );
  }
  if (sizes.reduce((a, b) => a + b, 0) !== total) {
    throw new ShapeError(
      `split: split_with_sizes expects split_sizes to sum exactly to ${total} (input tensor's size at dimension ${d}), but got split_sizes=${showShape(sizes)}`,
    );
  }
  let start = 0;
  return sizes.map((n) => {
    start += n;
    return narrow(x, d, start - n, n);
  });
}

/** `chunks` pieces of equal size, the last smaller. */
export function chunk(x: Tensor, chunks: number, { dim = 0 }: { dim?: number } = {}): Tensor[] {
  if (!(Number.isInteger(chunks) && chunks > 0)) {
    throw new ArgError(`chunk: chunk expects \`chunks\` to be greater than 0, got: ${chunks}`);
  }
  return split(x, Math.max(1, Math.ceil(x.shape[normalizeDim('chunk', dim, x.ndim)]! / chunks)), { dim });
}

const catOp: Op<{ dim: number }> = {
  name: 'cat',
  infer: (ins, { dim }) => {
    const first = ins[0]!;
    const sizes = ins.map((x) => {
      if (x.shape.length !== first.shape.length || x.shape.some((d, i) => i !== dim && d !== first.shape[i])) {
        throw new ShapeError(
          `cat: Sizes of tensors must match except in dimension ${dim}. Expected shape ${showShape(first.shape)} but got ${showShape(x.shape)}`,
        );
      }
      return x.shape[dim]!;
    });
    return { shape: first.shape.map((d, i) => (i === dim ? sizes.reduce((a, b) => a + b, 0) : d)), dtype: first.dtype };
  },
  grad: (g, _y, inputs, { dim }) =>
    split(
      g,
      inputs.map((x) => x.shape[dim]!),
      { dim },
    ),
  lower: (b, inputs, { dim }) => b.node('Concat', inputs, { axis: dim }),
};
/** Tensors joined along an existing dimension. */
export function cat(tensors: readonly Tensor[], { dim = 0 }: { dim?: number } = {}): Tensor {
  const first = tensors[0];
  if (!first) throw new ArgError('cat: expected a non-empty list of tensors');
  const d = normalizeDim('cat', dim, first.ndim);
  if (tensors.length === 1) return first;
  const dtype = tensors.map((t) => t.dtype).reduce(widest);
  return apply(
    catOp,
    tensors.map((t) => t.to(dtype)),
    { dim: d },
  );
}
const order: Dtype[] = ['bool', 'uint8', 'int32', 'int64', 'float16', 'float32', 'float64'];
const widest = (a: Dtype, b: Dtype) => (order.indexOf(a) >= order.indexOf(b) ? a : b);

/** Tensors of one shape joined along a new dimension. */
export function stack(tensors: readonly Tensor[], { dim = 0 }: { dim?: number } = {}): Tensor {
  const first = tensors[0];
  if (!first) throw new ArgError('stack: expected a non-empty list of tensors');
  const odd = tensors.find((t) => !sameShape(t.shape, first.shape));
  if (odd) {
    throw new ShapeError(
      `stack: stack expects each tensor to be equal size, but got ${showShape(first.shape)} at entry 0 and ${showShape(odd.shape)} at entry ${tensors.indexOf(odd)}`,
    );
  }
  return cat(
    tensors.map((t) => unsqueeze(t, dim)),
    { dim: normalizeDim('stack', dim, first.ndim + 1) },
  );
}

interface PadAttrs {
  /** All leading pads, then all trailing ones; negative ones crop. */
  readonly pads: readonly number[];
  readonly value: number;
}
const padOp: Op<PadAttrs> = {
  name: 'pad',
  infer: ([x], { pads }) => ({
    shape: x!.shape.map((d, i) => d + pads[i]! + pads[i + x!.shape.length]!),
    dtype: x!.dtype,
  }),
  grad: (g, _y, _in, { pads }) => [
    padOpOf(g, {
      pads: pads.map((p) => -p),
      value: 0,
    }),
  ],
  lower: (b, [x], { pads, value }, [out]) => {
    const inputs = [x!, b.ints(pads)];
    if (value !== 0) {
      const data = allocate(out!.dtype, 1);
      data[0] = (isFloat(out!.dtype) ? value : BigInt(value)) as never;
      inputs.push(b.constant(out!.dtype, [], data));
    }
    return b.node('Pad', inputs);
  },
};
function padOpOf(x: Tensor, attrs: PadAttrs): Tensor {
  return attrs.pads.every((p) => p === 0) ? x : apply(padOp, [x], attrs);
}

/** Constant padding of every dimension: `before` and `after` per dimension; negative numbers crop. */
export function constantPad(x: Tensor, before: readonly number[], after: readonly number[], value = 0): Tensor {
  const out = x.shape.map((d, i) => d + before[i]! + after[i]!);
  if (out.some((d) => d < 0)) {
    throw new ShapeError(
      `pad: padding ${showShape(before)}, ${showShape(after)} of ${showShape(x.shape)} leaves a negative size`,
    );
  }
  return padOpOf(x, { pads: [...before, ...after], value });
}

function padDim(x: Tensor, dim: number, before: number, after: number): Tensor {
  const at = (n: number) => x.shape.map((_, i) => (i === dim ? n : 0));
  return constantPad(x, at(before), at(after));
}

/** Order reversed along dimensions. */
export function flip(x: Tensor, dims: number | readonly number[]): Tensor {
  return asDims('flip', dims, x.ndim).reduce((t, d) => {
    const n = t.shape[d]!;
    return t.indexSelect(
      d,
      BigInt64Array.from({ length: n }, (_, i) => BigInt(n - 1 - i)),
    );
  }, x);
}
