/** Max pooling at random places, and the partial inverse of max pooling. */

import * as ops from '../../ops/fractional.ts';
import { rand } from '../../ops/random.ts';
import { maxUnpool } from '../../ops/unpool.ts';
import { numel, sameShape, showShape } from '../../tensor/shape.ts';
import { expectTensor, type Tensor } from '../../tensor/tensor.ts';
import { ArgError, ShapeError } from '../../util/errors.ts';
import { show } from '../../util/python.ts';
import type { Size } from './shared.ts';
import { expectFloat, pooled, sizes } from './sizes.ts';

export interface MaxUnpoolOptions {
  readonly kernel_size: Size;
  readonly stride?: Size | null | undefined;
  readonly padding?: Size | undefined;
  /** Which of the sizes that pool to the input's is meant; batch and channels may stand before. */
  readonly output_size?: readonly number[] | null | undefined;
}

function unpoolSize(who: string, x: Tensor, rank: number, options: MaxUnpoolOptions): number[] {
  const kernel = sizes(who, 'kernel_size', options.kernel_size, rank, 1);
  const stride = sizes(who, 'stride', options.stride ?? kernel, rank, 1);
  const padding = sizes(who, 'padding', options.padding ?? 0, rank, 0);
  const usual = kernel.map((k, i) => (x.shape.at(i - rank)! - 1) * stride[i]! + k - 2 * padding[i]!);
  const given = options.output_size ?? null;
  if (given === null) return nonNegative(who, usual);
  if (!Array.isArray(given) || (given.length !== rank && given.length !== rank + 2)) {
    const length = Array.isArray(given) ? `it has a length of '${given.length}'` : `got ${show(given)}`;
    throw new ArgError(
      `${who}: output_size should be a sequence containing ${rank} or ${rank + 2} elements, but ${length}`,
    );
  }
  const size = given.slice(-rank) as number[];
  size.forEach((n, i) => {
    const [least, most] = [usual[i]! - stride[i]!, usual[i]! + stride[i]!];
    if (Number.isInteger(n) && n > least && n < most) return;
    throw new ArgError(
      `${who}: invalid output_size "${showShape(size)}" (dim ${i} must be between ${least} and ${most})`,
    );
  });
  return nonNegative(who, size);
}

function nonNegative(who: string, size: number[]): number[] {
  const dim = size.findIndex((n) => n < 0);
  if (dim < 0) return size;
  throw new ShapeError(
    `${who}: max_unpooling: output_size must contain non-negative spatial dimensions, but got output_size[${dim}]=${size[dim]}`,
  );
}

function unpool(rank: number, x: Tensor, indices: Tensor, options: MaxUnpoolOptions): Tensor {
  const who = `max_unpool${rank}d`;
  expectFloat(who, x);
  expectTensor(who, indices);
  if (indices.dtype !== 'int64') {
    throw new ArgError(`${who}: elements in indices should be type int64 but got: ${indices.dtype}`);
  }
  if (!sameShape(x.shape, indices.shape)) {
    throw new ShapeError(
      `${who}: Expected shape of indices to be same as that of the input tensor (${showShape(x.shape)}) but got indices tensor with shape: ${showShape(indices.shape)}`,
    );
  }
  const run = (t: Tensor) => {
    const size = unpoolSize(who, t, rank, options);
    expectInside(who, indices, size);
    return [maxUnpool(t, indices.reshape(t.shape), size)] as const;
  };
  return pooled(who, x, rank, run)[0];
}

/** What the user made is checked here; what is computed, as it runs. */
function expectInside(who: string, indices: Tensor, size: readonly number[]): void {
  const { op, data } = indices.node;
  if (op !== null || data === null) return;
  const volume = numel(size);
  const bad = (data as BigInt64Array).find((i) => i < 0 || i >= volume);
  if (bad === undefined) return;
  throw new ArgError(`${who}: Found an invalid max index: ${bad} (output volumes are of size ${size.join('x')})`);
}

/** Zeros with the values of x [N, C, L] or [C, L] where `indices` of max pooling say. https://pytorch.org/docs/stable/generated/torch.nn.functional.max_unpool1d.html */
export function maxUnpool1d(x: Tensor, indices: Tensor, options: MaxUnpoolOptions): Tensor {
  return unpool(1, x, indices, options);
}
/** Zeros with the values of x [N, C, H, W] or [C, H, W] where `indices` of max pooling say. https://pytorch.org/docs/stable/generated/torch.nn.functional.max_unpool2d.html */
export function maxUnpool2d(x: Tensor, indices: Tensor, options: MaxUnpoolOptions): Tensor {
  return unpool(2, x, indices, options);
}
/** Zeros with the values of x [N, C, D, H, W] or [C, D, H, W] where `indices` of max pooling say. https://pytorch.org/docs/stable/generated/torch.nn.functional.max_unpool3d.html */
export function maxUnpool3d(x: Tensor, indices: Tensor, options: MaxUnpoolOptions): Tensor {
  return unpool(3, x, indices, options);
}

export interface FractionalMaxPoolOptions {
  readonly kernel_size: Size;
  readonly output_size?: Size | null | undefined;
  /** Windows along each dimension per place of the input, in (0, 1). */
  readonly output_ratio?: Size | null | undefined;
  /** The random numbers [N, C, dimensions], if they are not to be drawn. */
  readonly _random_samples?: Tensor | null | undefined;
}

function windowCounts(who: string, x: Tensor, rank: number, options: FractionalMaxPoolOptions): number[] {
  const { output_size = null, output_ratio = null } = options;
  if (output_size !== null) return sizes(who, 'output_size', output_size, rank, 1);
  if (output_ratio === null) throw new ArgError(`${who}: requires specifying either an output_size or an output_ratio`);
  const ratios = typeof output_ratio === 'number' ? new Array<number>(rank).fill(output_ratio) : output_ratio;
  if (!Array.isArray(ratios) || ratios.length !== rank || !ratios.every((r) => r > 0 && r < 1)) {
    throw new ArgError(
      `${who}: expected an output_ratio between 0 and 1 or a list of ${rank}, got ${show(output_ratio)}`,
    );
  }
  return ratios.map((r, i) => Math.trunc(x.shape.at(i - rank)! * r));
}

function fractional(rank: 2 | 3, x: Tensor, options: FractionalMaxPoolOptions): [y: Tensor, index: Tensor] {
  const who = `fractional_max_pool${rank}d`;
  expectFloat(who, x);
  const kernel = sizes(who, 'kernel_size', options.kernel_size, rank, 1);
  return pooled(who, x, rank, (t) => {
    const counts = windowCounts(who, t, rank, options);
    counts.forEach((count, i) => {
      const name = ['time', 'height', 'width'].at(i - rank)!;
      const size = t.shape[i + 2]!;
      // in three dimensions PyTorch asks for one place more
      if (count >= 1 && count + kernel[i]! - 1 <= size - (rank - 2)) return;
      if (count < 1) throw new ShapeError(`${who}: output ${name} ${count} is too small`);
      throw new ShapeError(`${who}: pool ${name} ${kernel[i]} too large relative to input ${name} ${size}`);
    });
    const samples = samplesOf(who, t, rank, options._random_samples ?? null);
    // PyTorch's first sample is that of the last dimension in 2-d, and of the first in 3-d
    const each = kernel.map((_, i) => samples.select(2, rank === 2 ? 1 - i : i));
    return ops.fractionalMaxPool(t, each, { kernel, counts });
  });
}

function samplesOf(who: string, x: Tensor, rank: number, given: Tensor | null): Tensor {
  const [n, c] = x.shape as [number, number];
  if (given === null) return rand([n, c, rank], { dtype: x.dtype });
  expectTensor(who, given);
  if (given.dtype !== x.dtype) {
    throw new ArgError(
      `${who}: Expect _random_samples to have the same dtype as input, got ${given.dtype} and ${x.dtype}`,
    );
  }
  if (given.ndim !== 3 || given.shape[0]! < n || given.shape[1] !== c || given.shape[2] !== rank) {
    throw new ShapeError(
      `${who}: expected _random_samples of shape ${showShape([n, c, rank])}, got ${showShape(given.shape)}`,
    );
  }
  return given.narrow(0, 0, n);
}

/** The largest value of each of `output_size` windows at random places of [N, C, H, W] or [C, H, W]. https://pytorch.org/docs/stable/generated/torch.nn.FractionalMaxPool2d.html */
export function fractionalMaxPool2d(x: Tensor, options: FractionalMaxPoolOptions): Tensor {
  return fractional(2, x, options)[0];
}
/** The largest value of each of `output_size` windows at random places of [N, C, D, H, W] or [C, D, H, W]. https://pytorch.org/docs/stable/generated/torch.nn.FractionalMaxPool3d.html */
export function fractionalMaxPool3d(x: Tensor, options: FractionalMaxPoolOptions): Tensor {
  return fractional(3, x, options)[0];
}
/** The same with the index of each value within its H·W plane. */
export function fractionalMaxPool2dWithIndices(x: Tensor, options: FractionalMaxPoolOptions): [Tensor, Tensor] {
  return fractional(2, x, options);
}
/** The same with the index of each value within its D·H·W volume. */
export function fractionalMaxPool3dWithIndices(x: Tensor, options: FractionalMaxPoolOptions): [Tensor, Tensor] {
  return fractional(3, x, options);
}
