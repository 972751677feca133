/** Elements repeated, turned round, and seen through windows. */
import type { Op } from '../tensor/op.ts';
import { normalizeDim, type Shape, showShape } from '../tensor/shape.ts';
import { apply, type Tensor } from '../tensor/tensor.ts';
import { ArgError, ShapeError } from '../util/errors.ts';
import { range } from './index.ts';
import { cat } from './join.ts';
import { asDims, movedim } from './movement.ts';
import { constantPad } from './slice.ts';

const flipOp: Op<{ dims: readonly number[] }> = {
  name: 'flip',
  infer: ([x]) => x!,
  grad: (g, _y, _in, { dims }) => [flip(g, dims)],
  lower: (b, [x], { dims }) => {
    const all = (value: number) => b.ints(dims.map(() => value));
    // from the last element down past the first
    return b.node('Slice', [x!, all(-1), all(-(2 ** 31)), b.ints(dims), all(-1)]);
  },
};
/** Order reversed along dimensions. */
export function flip(x: Tensor, dims: number | readonly number[]): Tensor {
  const turned = asDims('flip', dims, x.ndim).filter((d) => (x.shape[d] ?? 1) > 1);
  return turned.length === 0 ? x : apply(flipOp, [x], { dims: turned });
}
/** Columns in reverse order. */
export function fliplr(x: Tensor): Tensor {
  if (x.ndim < 2) throw new ShapeError(`fliplr: Input must be >= 2-d, got ${x.ndim}-d`);
  return flip(x, 1);
}
/** Rows in reverse order. */
export function flipud(x: Tensor): Tensor {
  if (x.ndim < 1) throw new ShapeError('flipud: Input must be >= 1-d, got 0-d');
  return flip(x, 0);
}

/** The whole so many times along each dimension; more sizes than dimensions make leading ones. https://pytorch.org/docs/stable/generated/torch.Tensor.repeat.html */
export function repeat(x: Tensor, sizes: Shape): Tensor {
  if (sizes.length < x.ndim) {
    throw new ShapeError(
      `repeat: Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor, got ${showShape(sizes)} for ${showShape(x.shape)}`,
    );
  }
  if (!sizes.every((n) => Number.isInteger(n) && n >= 0)) {
    throw new ArgError(`repeat: expected non-negative integers, got ${showShape(sizes)}`);
  }
  const full = [...sizes.slice(x.ndim).map(() => 1), ...x.shape];
  const apart = full.flatMap((d) => [1, d]);
  const repeated = full.flatMap((d, i) => [sizes[i]!, d]);
  return x
    .reshape(apart)
    .expand(repeated)
    .reshape(full.map((d, i) => d * sizes[i]!));
}
/** `repeat`, fewer sizes counting from the last dimension. https://pytorch.org/docs/stable/generated/torch.tile.html */
export function tile(x: Tensor, sizes: Shape): Tensor {
  const missing = Math.max(0, x.ndim - sizes.length);
  return repeat(x, [...new Array<number>(missing).fill(1), ...sizes]);
}
/** Each element so many times (or each as often as its number says). https://pytorch.org/docs/stable/generated/torch.repeat_interleave.html */
export function repeatInterleave(
  x: Tensor,
  repeats: number | readonly number[],
  { dim }: { dim?: number } = {},
): Tensor {
  if (dim === undefined) return repeatInterleave(x.flatten(), repeats, { dim: 0 });
  const d = normalizeDim('repeatInterleave', dim, x.ndim);
  const counts = typeof repeats === 'number' ? [repeats] : repeats;
  if (!counts.every((n) => Number.isInteger(n) && n >= 0)) {
    throw new ArgError(`repeatInterleave: repeats can not be negative, got ${showShape(counts)}`);
  }
  if (typeof repeats === 'number') {
    const shape = x.unsqueeze(d + 1).shape.with(d + 1, repeats);
    return x
      .unsqueeze(d + 1)
      .expand(shape)
      .flatten({ start_dim: d, end_dim: d + 1 });
  }
  if (repeats.length !== x.shape[d]) {
    throw new ShapeError(
      `repeatInterleave: repeats must have the same size as input along dim, but got ${repeats.length} and ${x.shape[d]}`,
    );
  }
  const index = repeats.flatMap((n, i) => new Array<bigint>(n).fill(BigInt(i)));
  return x.indexSelect(d, BigInt64Array.from(index));
}

/** Elements moved along dimensions, those that leave at one end entering at the other; without `dims` as if flat. https://pytorch.org/docs/stable/generated/torch.roll.html */
export function roll(
  x: Tensor,
  shifts: number | readonly number[],
  { dims }: { dims?: number | readonly number[] } = {},
): Tensor {
  const by = [shifts].flat() as number[];
  if (dims === undefined && by.length === 1) return roll(x.flatten(), by, { dims: 0 }).reshape(x.shape);
  const along = [dims ?? []].flat() as number[];
  if (along.length !== by.length) {
    throw new ArgError(`roll: shifts and dimensions must align. shifts: ${by.length}, dims:${along.length}`);
  }
  return by.reduce((t, shift, i) => {
    const d = normalizeDim('roll', along[i]!, t.ndim);
    const n = t.shape[d] ?? 1;
    if (n < 2 || shift % n === 0) return t;
    const cut = (((-shift % n) + n) % n) as number;
    return cat([t.narrow(d, cut, n - cut), t.narrow(d, 0, cut)], { dim: d });
  }, x);
}

/** Turned by k right angles from the first of two dimensions toward the second. https://pytorch.org/docs/stable/generated/torch.rot90.html */
export function rot90(x: Tensor, { k = 1, dims = [0, 1] }: { k?: number; dims?: readonly number[] } = {}): Tensor {
  if (dims.length !== 2) {
    throw new ArgError(`rot90: expected total rotation dims == 2, but got dims = ${dims.length}`);
  }
  const [a, b] = dims.map((d) => normalizeDim('rot90', d, x.ndim)) as [number, number];
  if (a === b) {
    throw new ArgError(
      `rot90: expected rotation dims to be different, but got dim0 = ${dims[0]} and dim1 = ${dims[1]}`,
    );
  }
  const turns = ((k % 4) + 4) % 4;
  if (turns === 1) return flip(x, b).transpose(a, b);
  if (turns === 2) return flip(x, [a, b]);
  return turns === 3 ? flip(x, a).transpose(a, b) : x;
}

/** Windows of `size` along a dimension, every `step`; their elements are a new last dimension. https://pytorch.org/docs/stable/generated/torch.Tensor.unfold.html */
export function unfold(x: Tensor, dim: number, size: number, step: number): Tensor {
  const d = normalizeDim('unfold', dim, x.ndim);
  const n = x.shape[d] ?? 1;
  if (!Number.isInteger(size) || size < 0) throw new ArgError(`unfold: size is ${size} but must be >= 0`);
  if (!Number.isInteger(step) || step < 1) throw new ArgError(`unfold: step is ${step} but must be > 0`);
  if (size > n) throw new ShapeError(`unfold: maximum size for tensor at dimension ${d} is ${n} but size is ${size}`);
  if (x.ndim === 0) return x.reshape([1]).narrow(0, 0, size);
  return movedim(windowsOf(x, d, size, step, Math.floor((n - size) / step) + 1), d + 1, -1);
}
/** Window i is the `step`-sized blocks from i on, side by side; where those would be many, elements chosen one by one. */
function windowsOf(x: Tensor, dim: number, size: number, step: number, windows: number): Tensor {
  const n = x.shape[dim]!;
  const blocks = Math.ceil(size / step);
  if (blocks === 0) return x.narrow(dim, 0, 0).unflatten(dim, [windows, 0]);
  if (blocks > 8) return x.indexSelect(dim, range(windows, step).unsqueeze(1).add(range(size)));
  const count = windows + blocks - 1;
  const only = (value: number) => x.shape.map((_, i) => (i === dim ? value : 0));
  const whole = constantPad(x, only(0), only(count * step - n)).unflatten(dim, [count, step]);
  const parts = Array.from({ length: blocks }, (_, i) => whole.narrow(dim, i, windows));
  return cat(parts, { dim: dim + 1 }).narrow(dim + 1, 0, size);
}
