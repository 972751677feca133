/** Pooling whose windows share out the input, whatever its size. */

import { constant, literal } from '../tensor/constant.ts';
import type { Op } from '../tensor/op.ts';
import { apply, type Tensor } from '../tensor/tensor.ts';
import { alongDim, numbers } from './along.ts';
import { meanPool } from './avgpool.ts';
import { expectRoom, unlessEmpty } from './limits.ts';
import { maxPool } from './maxpool.ts';
import { constantPad } from './movement.ts';
import { placeBefore } from './pool.ts';

/** Start and end of each of `count` windows that share out a dimension. */
function shares(size: number, count: number): [start: number, end: number][] {
  return Array.from({ length: count }, (_, o) => [Math.floor((o * size) / count), Math.ceil(((o + 1) * size) / count)]);
}

interface ShareAttrs {
  readonly dim: number;
  readonly size: number;
  readonly count: number;
  /** Whether it takes gradients back. */
  readonly back: boolean;
}
/** Averages over the windows that share out one dimension, or the transposed map. */
const shareOp: Op<ShareAttrs> = {
  name: 'adaptive_mean',
  infer: ([x], { dim, size, count, back }) => ({
    shape: x!.shape.map((n, d) => (d === dim ? (back ? size : count) : n)),
    dtype: x!.dtype,
  }),
  grad: (g, _y, _in, attrs) => [apply(shareOp, [g], { ...attrs, back: !attrs.back })],
  lower: unlessEmpty((b, [x], { dim, size, count, back }, [out], [aval]) => {
    const rows = shares(size, count).map(([from, to]) => [from, to, 1 / (to - from)] as const);
    return alongDim(b, x!, dim, aval!.shape, { rows, size, back, dtype: out!.dtype });
  }),
};

/** Each window is an entry of a list as the graph is made: there cannot be as many as an array has room for. */
const shapeOf = (who: string, x: Tensor, counts: readonly number[]) =>
  expectRoom(`${who}${counts.length}d`, [...x.shape.slice(0, 2), ...counts], 2 ** 25);

/** Averages over windows that share out each spatial dimension of x [N, C, *]; `counts`: how many. */
export function adaptiveAvgPool(x: Tensor, counts: readonly number[]): Tensor {
  const sizes = x.shape.slice(2);
  const shape = shapeOf('adaptive_avg_pool', x, counts);
  if (counts.includes(0)) return constant(0, { shape, dtype: x.dtype });
  if (counts.every((n) => n === 1)) return x.mean({ dim: counts.map((_, i) => i + 2), keepdim: true });
  if (sizes.every((n, i) => n % counts[i]! === 0)) {
    const kernel = sizes.map((n, i) => n / counts[i]!);
    return meanPool(x, kernel);
  }
  return counts.reduce((t, count, i) => sharedOut(t, i + 2, count), x);
}

/** The largest matrix that is part of a graph. */
const MATRIX = 2 ** 20;

function sharedOut(x: Tensor, dim: number, count: number): Tensor {
  const size = x.shape[dim]!;
  if (count === size) return x;
  if (count * size <= MATRIX) return apply(shareOp, [x], { dim, size, count, back: false });
  // windows side by side, the shorter ones with a zero at their end
  const windows = shares(size, count);
  const width = Math.max(...windows.map(([from, to]) => to - from));
  const places = windows.flatMap(([from, to]) =>
    Array.from({ length: width }, (_, k) => BigInt(from + k < to ? from + k : size)),
  );
  const none = x.shape.map(() => 0);
  const padded = constantPad(x, none, none.with(dim, 1));
  const taken = padded.indexSelect(dim, BigInt64Array.from(places));
  const shape = [...x.shape.slice(0, dim), count, width, ...x.shape.slice(dim + 1)];
  const divisors = literal(
    numbers(
      x.dtype,
      windows.map(([from, to]) => 1 / (to - from)),
    ),
    {
      shape: [count, ...x.shape.slice(dim + 1).map(() => 1)],
      dtype: x.dtype,
    },
  );
  return taken
    .reshape(shape)
    .sum({ dim: dim + 1 })
    .mul(divisors);
}

/** The largest value of windows that share out each spatial dimension of x [N, C, *], and its place in its plane. */
export function adaptiveMaxPool(x: Tensor, counts: readonly number[]): [y: Tensor, index: Tensor] {
  const sizes = x.shape.slice(2);
  const shape = shapeOf('adaptive_max_pool', x, counts);
  if (counts.includes(0)) {
    return [constant(0, { shape, dtype: x.dtype }), constant(0, { shape, dtype: 'int64' })];
  }
  // uneven windows are laid side by side, the shorter ones with their last place repeated
  const places = sizes.map((size, i) => sideBySide(size, counts[i]!));
  const wide = places.reduce((t, map, i) => (even(sizes[i]!, counts[i]!) ? t : t.indexSelect(i + 2, index64(map))), x);
  const kernel = places.map((map, i) => map.length / counts[i]!);
  const [none, one] = [kernel.map(() => 0), kernel.map(() => 1)];
  const [y, index] = maxPool(wide, { kernel, stride: kernel, padding: none, dilation: one, ceil_mode: false });
  return [y, wide === x ? index : placeBefore(index, wide.shape.slice(2), sizes, places)];
}

const even = (size: number, count: number) => size % count === 0;
const index64 = (places: readonly number[]) => BigInt64Array.from(places, BigInt);

function sideBySide(size: number, count: number): number[] {
  const windows = shares(size, count);
  const width = Math.max(...windows.map(([from, to]) => to - from));
  return windows.flatMap(([from, to]) => Array.from({ length: width }, (_, k) => Math.min(from + k, to - 1)));
}
