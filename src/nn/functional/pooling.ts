/** Pooling. */

import * as pool from '../../ops/pool.ts';
import { literal } from '../../tensor/constant.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { ArgError } from '../../util/errors.ts';
import { tuple } from '../args.ts';
import { batched, type Size } from './shared.ts';

export interface MaxPoolOptions {
  readonly kernel_size: Size;
  readonly stride?: Size | null | undefined;
  readonly padding?: Size | undefined;
  readonly dilation?: Size | undefined;
  readonly ceil_mode?: boolean | undefined;
}

function poolAttrs(
  rank: number,
  { kernel_size, stride, padding = 0, dilation = 1, ceil_mode = false }: MaxPoolOptions,
): pool.PoolAttrs {
  return {
    kernel: tuple(kernel_size, rank),
    stride: tuple(stride ?? kernel_size, rank),
    padding: tuple(padding, rank),
    dilation: tuple(dilation, rank),
    ceil_mode,
  };
}

/** The largest value of each window of [N, C, H, W]. */
export function maxPool2d(x: Tensor, options: MaxPoolOptions): Tensor {
  return batched('max_pool2d', x, 2, (t) => pool.maxPool(t, poolAttrs(2, options))[0]);
}

/** The same with the index of each value within its H·W plane. */
export function maxPool2dWithIndices(x: Tensor, options: MaxPoolOptions): [Tensor, Tensor] {
  if (x.ndim === 3) return maxPool2dWithIndices(x.unsqueeze(0), options).map((t) => t.squeeze(0)) as [Tensor, Tensor];
  const [y, index] = pool.maxPool(x, poolAttrs(2, options));
  const [n, c, ...plane] = x.shape as [number, number, ...number[]];
  const size = plane.reduce((a, b) => a * b, 1);
  const starts = BigInt64Array.from({ length: n * c }, (_, i) => BigInt(i * size));
  return [y, index.sub(literal(starts, { shape: [n, c, 1, 1], dtype: 'int64' }))];
}

export interface AvgPoolOptions extends MaxPoolOptions {
  readonly count_include_pad?: boolean | undefined;
  readonly divisor_override?: number | null | undefined;
}
/** The average of each window of [N, C, H, W]. */
export function avgPool2d(x: Tensor, options: AvgPoolOptions): Tensor {
  const { count_include_pad = true, divisor_override = null } = options;
  if (divisor_override === 0) throw new ArgError('avg_pool2d: divisor must be not zero');
  const attrs = { ...poolAttrs(2, options), count_include_pad, divisor_override };
  return batched('avg_pool2d', x, 2, (t) => pool.avgPool(t, attrs));
}
