/** Pooling to a given size. */

import * as ops from '../../ops/adaptive.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { ArgError } from '../../util/errors.ts';
import { show } from '../../util/python.ts';
import { expectFloat, pooled } from './sizes.ts';

/** One number for all dimensions, or one for each; null: as large as the input. */
export type OutputSize = number | readonly (number | null)[];
export interface AdaptiveOptions {
  readonly output_size: OutputSize;
}

function counts(who: string, x: Tensor, rank: number, size: OutputSize): number[] {
  const list: readonly unknown[] = Array.isArray(size) ? size : new Array<unknown>(rank).fill(size);
  const full = list.map((n, i) => (n === null && Array.isArray(size) ? x.shape.at(i - rank)! : n));
  if (full.length !== rank || !full.every(Number.isInteger)) {
    const entries = rank === 1 ? 'one' : rank;
    throw new ArgError(`${who}: output_size must be an integer or a list of ${entries}, got ${show(size)}`);
  }
  const numbers = full as number[];
  if (numbers.some((n) => n < 0)) {
    throw new ArgError(
      `${who}: elements of output_size must be greater than or equal to 0 but received {${numbers.join(', ')}}`,
    );
  }
  return numbers;
}

function adaptiveAvgPool(rank: number, x: Tensor, { output_size }: AdaptiveOptions): Tensor {
  const who = `adaptive_avg_pool${rank}d`;
  expectFloat(who, x);
  return pooled(who, x, rank, (t) => [ops.adaptiveAvgPool(t, counts(who, t, rank, output_size))] as const)[0];
}

/** The average of each of `output_size` windows that share out [N, C, L] or [C, L]. https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_avg_pool1d.html */
export function adaptiveAvgPool1d(x: Tensor, options: AdaptiveOptions): Tensor {
  return adaptiveAvgPool(1, x, options);
}
/** The average of each of `output_size` windows that share out [N, C, H, W] or [C, H, W]. https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_avg_pool2d.html */
export function adaptiveAvgPool2d(x: Tensor, options: AdaptiveOptions): Tensor {
  return adaptiveAvgPool(2, x, options);
}
/** The average of each of `output_size` windows that share out [N, C, D, H, W] or [C, D, H, W]. https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_avg_pool3d.html */
export function adaptiveAvgPool3d(x: Tensor, options: AdaptiveOptions): Tensor {
  return adaptiveAvgPool(3, x, options);
}

function adaptiveMaxPool(rank: number, x: Tensor, { output_size }: AdaptiveOptions): [y: Tensor, index: Tensor] {
  const who = `adaptive_max_pool${rank}d`;
  expectFloat(who, x);
  return pooled(who, x, rank, (t) => ops.adaptiveMaxPool(t, counts(who, t, rank, output_size)));
}

/** The largest value of each of `output_size` windows that share out [N, C, L] or [C, L]. https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_max_pool1d.html */
export function adaptiveMaxPool1d(x: Tensor, options: AdaptiveOptions): Tensor {
  return adaptiveMaxPool(1, x, options)[0];
}
/** The largest value of each of `output_size` windows that share out [N, C, H, W] or [C, H, W]. https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_max_pool2d.html */
export function adaptiveMaxPool2d(x: Tensor, options: AdaptiveOptions): Tensor {
  return adaptiveMaxPool(2, x, options)[0];
}
/** The largest value of each of `output_size` windows that share out [N, C, D, H, W] or [C, D, H, W]. https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_max_pool3d.html */
export function adaptiveMaxPool3d(x: Tensor, options: AdaptiveOptions): Tensor {
  return adaptiveMaxPool(3, x, options)[0];
}
/** The same with the index of each value within its line. */
export function adaptiveMaxPool1dWithIndices(x: Tensor, options: AdaptiveOptions): [Tensor, Tensor] {
  return adaptiveMaxPool(1, x, options);
}
/** The same with the index of each value within its H·W plane. */
export function adaptiveMaxPool2dWithIndices(x: Tensor, options: AdaptiveOptions): [Tensor, Tensor] {
  return adaptiveMaxPool(2, x, options);
}
/** The same with the index of each value within its D·H·W volume. */
export function adaptiveMaxPool3dWithIndices(x: Tensor, options: AdaptiveOptions): [Tensor, Tensor] {
  return adaptiveMaxPool(3, x, options);
}
