/** Pooling over windows of one size. */

import * as ops from '../../ops/avgpool.ts';
import * as max from '../../ops/maxpool.ts';
import type { PoolAttrs } from '../../ops/pool.ts';
import { numel } from '../../tensor/shape.ts';
import { expectTensor, type Tensor } from '../../tensor/tensor.ts';
import { ArgError } from '../../util/errors.ts';
import type { Size } from './shared.ts';
import { expectFloat, pooled, sizes } from './sizes.ts';

export interface MaxPoolOptions {
  readonly kernel_size: Size;
  readonly stride?: Size | null | undefined;
  readonly padding?: Size | undefined;
  readonly dilation?: Size | undefined;
  readonly ceil_mode?: boolean | undefined;
}

function poolAttrs(
  who: string,
  rank: number,
  { kernel_size, stride, padding = 0, dilation = 1, ceil_mode = false }: MaxPoolOptions,
): PoolAttrs {
  return {
    kernel: sizes(who, 'kernel_size', kernel_size, rank, 1),
    stride: sizes(who, 'stride', stride ?? kernel_size, rank, 1),
    padding: sizes(who, 'padding', padding, rank, 0),
    dilation: sizes(who, 'dilation', dilation, rank, 1),
    ceil_mode,
  };
}

function maxPool(rank: number, x: Tensor, options: MaxPoolOptions): [y: Tensor, index: Tensor] {
  const who = `max_pool${rank}d`;
  expectTensor(who, x);
  if (x.dtype === 'bool') throw new ArgError(`${who}: not implemented for bool`);
  return pooled(who, x, rank, (t) => max.maxPool(t, poolAttrs(who, rank, options)));
}

/** The largest value of each window: [N, C, L] or [C, L]. https://pytorch.org/docs/stable/generated/torch.nn.functional.max_pool1d.html */
export function maxPool1d(x: Tensor, options: MaxPoolOptions): Tensor {
  return maxPool(1, x, options)[0];
}
/** The largest value of each window: [N, C, H, W] or [C, H, W]. https://pytorch.org/docs/stable/generated/torch.nn.functional.max_pool2d.html */
export function maxPool2d(x: Tensor, options: MaxPoolOptions): Tensor {
  return maxPool(2, x, options)[0];
}
/** The largest value of each window: [N, C, D, H, W] or [C, D, H, W]. https://pytorch.org/docs/stable/generated/torch.nn.functional.max_pool3d.html */
export function maxPool3d(x: Tensor, options: MaxPoolOptions): Tensor {
  return maxPool(3, x, options)[0];
}
/** The same with the index of each value within its line. */
export function maxPool1dWithIndices(x: Tensor, options: MaxPoolOptions): [Tensor, Tensor] {
  return maxPool(1, x, options);
}
/** The same with the index of each value within its H·W plane. */
export function maxPool2dWithIndices(x: Tensor, options: MaxPoolOptions): [Tensor, Tensor] {
  return maxPool(2, x, options);
}
/** The same with the index of each value within its D·H·W volume. */
export function maxPool3dWithIndices(x: Tensor, options: MaxPoolOptions): [Tensor, Tensor] {
  return maxPool(3, x, options);
}

export interface AvgPoolOptions extends Omit<MaxPoolOptions, 'dilation'> {
  readonly count_include_pad?: boolean | undefined;
  readonly divisor_override?: number | null | undefined;
}

function avgPool(rank: number, x: Tensor, options: AvgPoolOptions): Tensor {
  const who = `avg_pool${rank}d`;
  expectFloat(who, x);
  const { count_include_pad = true, divisor_override = null } = options;
  if (divisor_override === 0) throw new ArgError(`${who}: divisor must be not zero`);
  const attrs = { ...poolAttrs(who, rank, options), count_include_pad, divisor_override };
  const pool = (t: Tensor) => [ops.avgPool(t, attrs)] as const;
  return pooled(who, x, rank, pool)[0];
}

/** The average of each window: [N, C, L] or [C, L]. https://pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool1d.html */
export function avgPool1d(x: Tensor, options: Omit<AvgPoolOptions, 'divisor_override'>): Tensor {
  return avgPool(1, x, options);
}
/** The average of each window: [N, C, H, W] or [C, H, W]. https://pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool2d.html */
export function avgPool2d(x: Tensor, options: AvgPoolOptions): Tensor {
  return avgPool(2, x, options);
}
/** The average of each window: [N, C, D, H, W] or [C, D, H, W]. https://pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool3d.html */
export function avgPool3d(x: Tensor, options: AvgPoolOptions): Tensor {
  return avgPool(3, x, options);
}

export interface LPPoolOptions {
  readonly norm_type: number;
  readonly kernel_size: Size;
  readonly stride?: Size | null | undefined;
  readonly ceil_mode?: boolean | undefined;
}

/** As PyTorch computes it: a window that `ceil_mode` cuts short counts as a whole one, and sums below zero keep their sign. */
function lpPool(
  rank: number,
  x: Tensor,
  { norm_type, kernel_size, stride = null, ceil_mode = false }: LPPoolOptions,
): Tensor {
  const who = `lp_pool${rank}d`;
  expectFloat(who, x);
  if (typeof norm_type !== 'number' || Number.isNaN(norm_type) || norm_type === 0) {
    throw new ArgError(`${who}: norm_type must be a number other than zero, got ${norm_type}`);
  }
  const kernel = sizes(who, 'kernel_size', kernel_size, rank, 1);
  const options = { kernel_size: kernel, stride, ceil_mode };
  return pooled(who, x, rank, (t) => [norms(t, norm_type, options)] as const)[0];
}

function norms(
  x: Tensor,
  p: number,
  options: { kernel_size: number[]; stride: Size | null; ceil_mode: boolean },
): Tensor {
  const { kernel_size } = options;
  const rank = kernel_size.length;
  if (p === Number.POSITIVE_INFINITY) return maxPool(rank, x.abs(), options)[0];
  if (p === Number.NEGATIVE_INFINITY) return maxPool(rank, x.abs().neg(), options)[0].neg();
  const mean = avgPool(rank, x.pow(p), options);
  const magnitude = mean.abs().relu().mul(numel(kernel_size));
  return mean
    .sign()
    .mul(magnitude)
    .pow(1 / p);
}

/** (Σ xᵖ)^(1/p) of each window: [N, C, L] or [C, L]. https://pytorch.org/docs/stable/generated/torch.nn.functional.lp_pool1d.html */
export function lpPool1d(x: Tensor, options: LPPoolOptions): Tensor {
  return lpPool(1, x, options);
}
/** (Σ xᵖ)^(1/p) of each window: [N, C, H, W] or [C, H, W]. https://pytorch.org/docs/stable/generated/torch.nn.functional.lp_pool2d.html */
export function lpPool2d(x: Tensor, options: LPPoolOptions): Tensor {
  return lpPool(2, x, options);
}
/** (Σ xᵖ)^(1/p) of each window: [N, C, D, H, W] or [C, D, H, W]. https://pytorch.org/docs/stable/generated/torch.nn.functional.lp_pool3d.html */
export function lpPool3d(x: Tensor, options: LPPoolOptions): Tensor {
  return lpPool(3, x, options);
}
