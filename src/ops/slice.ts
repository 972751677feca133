/** Parts of a tensor, and padding, which undoes taking them. */
import { allocate, store } from '../tensor/dtype.ts';
import type { Op } from '../tensor/op.ts';
import { normalizeDim, sameShape, showShape } from '../tensor/shape.ts';
import { apply, type Tensor } from '../tensor/tensor.ts';
import { ArgError, ShapeError } from '../util/errors.ts';
import { cat } from './join.ts';

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
  grad: (g, _y, [x], { dim, start, step }) => {
    // each element with the step - 1 that were left out behind it, then what was left out at both ends
    const n = g.shape[dim]!;
    const spread =
      step === 1 ? g : padDim(g.unsqueeze(dim + 1), dim + 1, 0, step - 1).reshape(g.shape.with(dim, n * step));
    return [padDim(spread, dim, start, x!.shape[dim]! - start - n * step)];
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
  if (x.ndim === 0) throw new ShapeError('slice: slice() cannot be applied to a 0-dim tensor.');
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
  if (x.ndim === 0) throw new ShapeError('narrow: narrow() cannot be applied to a 0-dim tensor.');
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
  if (x.ndim === 0) throw new ShapeError('select: select() cannot be applied to a 0-dim tensor.');
  const d = normalizeDim('select', dim, x.ndim);
  const size = x.shape[d]!;
  if (index < -size || index >= size) {
    throw new ShapeError(`select: index ${index} is out of bounds for dimension ${d} with size ${size}`);
  }
  return narrow(x, d, index < 0 ? index + size : index, 1).reshape(x.shape.filter((_, i) => i !== d));
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

/** Its slices along a dimension, which disappears. https://pytorch.org/docs/stable/generated/torch.unbind.html */
export function unbind(x: Tensor, { dim = 0 }: { dim?: number } = {}): Tensor[] {
  if (x.ndim === 0) throw new ShapeError('unbind: Dimension specified as 0 but tensor has no dimensions');
  const d = normalizeDim('unbind', dim, x.ndim);
  return Array.from({ length: x.shape[d]! }, (_, i) => select(x, d, i));
}

/** So many parts of nearly equal size, or parts that end at the indices. https://pytorch.org/docs/stable/generated/torch.tensor_split.html */
export function tensorSplit(
  x: Tensor,
  sections: number | readonly number[],
  { dim = 0 }: { dim?: number } = {},
): Tensor[] {
  if (x.ndim === 0) {
    throw new ShapeError('tensorSplit: expected at least a 1-dimensional tensor, but got a tensor with 0 dims');
  }
  const d = normalizeDim('tensorSplit', dim, x.ndim);
  if (typeof sections !== 'number') {
    return [...sections, x.shape[d]!].map((end, i) => slice(x, { dim: d, start: sections[i - 1] ?? 0, end }));
  }
  if (!Number.isInteger(sections) || sections < 1) {
    throw new ArgError(`tensorSplit: number of sections must be larger than 0, got ${sections}`);
  }
  const [size, longer] = [Math.floor(x.shape[d]! / sections), x.shape[d]! % sections];
  return split(
    x,
    Array.from({ length: sections }, (_, i) => size + Number(i < longer)),
    { dim: d },
  );
}

/** x with `src` in place of the slice start:end along a dimension. https://pytorch.org/docs/stable/generated/torch.slice_scatter.html */
export function sliceScatter(
  x: Tensor,
  src: Tensor,
  { dim = 0, start = 0, end, step = 1 }: { dim?: number; start?: number; end?: number; step?: number } = {},
): Tensor {
  const d = normalizeDim('sliceScatter', dim, x.ndim);
  const taken = slice(x, { dim: d, start, step, ...(end === undefined ? {} : { end }) });
  if (!sameShape(taken.shape, src.shape)) {
    throw new ShapeError(
      `sliceScatter: expected src to have a size equal to the slice of self. src size = ${showShape(src.shape)}, slice size = ${showShape(taken.shape)}`,
    );
  }
  const [size, n] = [x.shape[d]!, taken.shape[d]!];
  const from = Math.min(Math.max(start < 0 ? start + size : start, 0), size);
  const source = src.to(x.dtype);
  if (n === 0) return x;
  const to = from + (n - 1) * step + 1;
  return cat([narrow(x, d, 0, from), ...interleaved(x, source, d, from, step), narrow(x, d, to, size - to)], {
    dim: d,
  });
}
/** The rows of a source with the step - 1 of x between each two of them. */
function interleaved(x: Tensor, source: Tensor, dim: number, from: number, step: number): Tensor[] {
  const n = source.shape[dim]!;
  if (step === 1 || n === 1) return [source];
  const rows = x.narrow(dim, from, (n - 1) * step).unflatten(dim, [n - 1, step]);
  const between = rows.narrow(dim + 1, 1, step - 1);
  const merged = cat([source.narrow(dim, 0, n - 1).unsqueeze(dim + 1), between], { dim: dim + 1 });
  return [merged.flatten({ start_dim: dim, end_dim: dim + 1 }), source.narrow(dim, n - 1, 1)];
}

/** x with `src` in place of one slice along a dimension. https://pytorch.org/docs/stable/generated/torch.select_scatter.html */
export function selectScatter(x: Tensor, src: Tensor, dim: number, index: number): Tensor {
  const d = normalizeDim('selectScatter', dim, x.ndim);
  const taken = select(x, d, index);
  if (!sameShape(taken.shape, src.shape)) {
    throw new ShapeError(
      `selectScatter: expected src to have a size equal to the slice of self. src size = ${showShape(src.shape)}, slice size = ${showShape(taken.shape)}`,
    );
  }
  const at = index < 0 ? index + x.shape[d]! : index;
  return sliceScatter(x, src.unsqueeze(d), { dim: d, start: at, end: at + 1 });
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
      store(data, out!.dtype, 0, value);
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
