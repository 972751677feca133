/** Max pooling over windows at random places (https://arxiv.org/abs/1412.6071). */

import { literal } from '../tensor/constant.ts';
import { numel, strides } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { numbers } from './along.ts';
import { maxPool } from './maxpool.ts';

export interface FractionalAttrs {
  readonly kernel: readonly number[];
  /** How many windows along each dimension. */
  readonly counts: readonly number[];
}

/**
 * The largest value of each window of x [N, C, *], and its place in its plane. `samples[i]` [N, C]: the numbers in [0, 1) that
 * decide where the windows along dimension i begin.
 */
export function fractionalMaxPool(
  x: Tensor,
  samples: readonly Tensor[],
  { kernel, counts }: FractionalAttrs,
): [y: Tensor, index: Tensor] {
  const [n, c, ...plane] = x.shape as [number, number, ...number[]];
  const steps = strides(plane);
  // the place of each tap of each window: windows in the first half of the dimensions, taps in the second
  const places = plane
    .map((size, i) => {
      const [count, k] = [counts[i]!, kernel[i]!];
      const along = starts(samples[i]!, size, count, k)
        .unsqueeze(-1)
        .add(row(k, (tap) => tap, x))
        .mul(steps[i]!);
      const spread = plane.map((_, d) => (d === i ? count : 1));
      return along.reshape([n, c, ...spread, ...plane.map((_, d) => (d === i ? k : 1))]);
    })
    .reduce((a, b) => a.add(b))
    .to('int64')
    .reshape([n, c, numel(counts) * numel(kernel)]);
  const taps = x.reshape([n, c, numel(plane)]).gather(2, places);
  const window = [numel(kernel)];
  const side = { kernel: window, stride: window, padding: [0], dilation: [1], ceil_mode: false };
  const [y, index] = maxPool(taps, side);
  const shape = [n, c, ...counts];
  return [y.reshape(shape), places.gather(2, index).reshape(shape)];
}

/** ⌊(i + s) α⌋ - ⌊s α⌋ with α = (size - kernel) / (count - 1), and the last window at the very end. */
function starts(samples: Tensor, size: number, count: number, kernel: number): Tensor {
  const s = samples.unsqueeze(-1);
  const alpha = count === 1 ? 0 : (size - kernel) / (count - 1);
  const each = row(count, (i) => i, s)
    .add(s)
    .mul(alpha)
    .floor()
    .sub(s.mul(alpha).floor());
  const isLast = row(count, (i) => Number(i === count - 1), s);
  return each.mul(isLast.neg().add(1)).add(isLast.mul(size - kernel));
}

function row(n: number, at: (i: number) => number, { dtype }: Tensor): Tensor {
  return literal(
    numbers(
      dtype,
      Array.from({ length: n }, (_, i) => at(i)),
    ),
    { shape: [n], dtype },
  );
}
