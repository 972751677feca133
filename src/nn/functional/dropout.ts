/** Dropout. */

import { drawn } from '../../ops/host.ts';
import { type Shape, showShape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { ArgError, ShapeError } from '../../util/errors.ts';
import { defaultGenerator } from '../../util/generator.ts';

export interface DropoutOptions {
  /** The probability of an element, or a channel, to be dropped. */
  readonly p?: number | undefined;
  readonly training?: boolean | undefined;
}

/** Each element zeroed with probability p, the others divided by 1 - p. */
export function dropout(x: Tensor, { p = 0.5, training = true }: DropoutOptions = {}): Tensor {
  return masked(x, x.shape, p, training);
}

/** Whole channels of [N, C, L] or [C, L] zeroed. https://pytorch.org/docs/stable/generated/torch.nn.functional.dropout1d.html */
export function dropout1d(x: Tensor, options: DropoutOptions = {}): Tensor {
  return featureDropout(x, 1, options);
}
/**
 * Whole channels of [N, C, H, W] zeroed; [C, H, W] is read as [N, C, L].
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.dropout2d.html
 */
export function dropout2d(x: Tensor, options: DropoutOptions = {}): Tensor {
  return featureDropout(x, 2, options);
}
/**
 * Whole channels of [N, C, D, H, W] or [C, D, H, W] zeroed.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.dropout3d.html
 */
export function dropout3d(x: Tensor, options: DropoutOptions = {}): Tensor {
  return featureDropout(x, 3, options);
}

/** Whole channels (x [N, C, *], or [C, L] for 1-d) zeroed with probability p. */
function featureDropout(x: Tensor, rank: number, { p = 0.5, training = true }: DropoutOptions = {}): Tensor {
  if (rank === 1 && x.ndim !== 2 && x.ndim !== 3) {
    throw new ShapeError(`dropout1d: Expected 2D or 3D input, but received a ${x.ndim}D input.`);
  }
  // PyTorch reads [C, *] as unbatched in 1-d and 3-d, and [N, C, L] as a batch in 2-d
  const unbatched = x.ndim > 0 && rank !== 2 && x.ndim !== rank + 2;
  if (unbatched) return masked(x.unsqueeze(0), channels(`dropout${rank}d`, [1, ...x.shape]), p, training).squeeze(0);
  if (x.ndim < 2)
    throw new ShapeError(
      `dropout${rank}d: expected an input of ${rank + 1} or ${rank + 2} dimensions, got ${showShape(x.shape)}`,
    );
  return masked(x, channels(`dropout${rank}d`, x.shape), p, training);
}

/** A mask's shape: one number for each channel of each sample. */
function channels(who: string, shape: Shape): Shape {
  if (shape.length < 2) {
    throw new ShapeError(
      `${who}: Feature dropout requires at least 2 dimensions in the input, got ${showShape(shape)}`,
    );
  }
  return shape.map((d, i) => (i < 2 ? d : 1));
}

function checkProbability(p: number): void {
  if (!(p >= 0 && p <= 1)) throw new ArgError(`dropout: dropout probability has to be between 0 and 1, but got ${p}`);
}

function masked(x: Tensor, shape: Shape, p: number, training: boolean): Tensor {
  checkProbability(p);
  if (!training || p === 0) return x;
  const mask = drawn({ shape, dtype: 'float32' }, (data) => defaultGenerator.dropoutMask(data as Float32Array, p));
  return x.mul(mask.to(x.dtype));
}

/**
 * Elements set to SELU's lower limit with probability p, then scaled and shifted so that mean 0 and variance 1 are kept. As in
 * PyTorch `training` is false unless given. https://pytorch.org/docs/stable/generated/torch.nn.AlphaDropout.html
 */
export function alphaDropout(x: Tensor, { p = 0.5, training = false }: DropoutOptions = {}): Tensor {
  return selfNormalising(x, x.shape, p, training);
}

/**
 * The same for whole channels of [N, C, *]. https://pytorch.org/docs/stable/generated/torch.nn.FeatureAlphaDropout.html
 */
export function featureAlphaDropout(x: Tensor, { p = 0.5, training = false }: DropoutOptions = {}): Tensor {
  const shape = training && p > 0 && p < 1 ? channels('feature_alpha_dropout', x.shape) : x.shape;
  return selfNormalising(x, shape, p, training);
}

/** PyTorch's constants: minus SELU's limit at minus infinity, and what makes the variance 1 again. */
function selfNormalising(x: Tensor, shape: Shape, p: number, training: boolean): Tensor {
  checkProbability(p);
  if (!training || p === 0) return x;
  if (p === 1) return x.mul(0);
  const alpha = 1.7580993408473766;
  const a = 1 / Math.sqrt((alpha * alpha * p + 1) * (1 - p));
  const kept = drawn({ shape, dtype: 'float32' }, (data) => {
    defaultGenerator.dropoutMask(data as Float32Array, p);
    for (let i = 0; i < data.length; i++) if (data[i] !== 0) data[i] = 1;
  }).to(x.dtype);
  const shift = kept
    .sub(1)
    .mul(alpha * a)
    .add(alpha * a * p);
  return x.mul(kept.mul(a)).add(shift);
}
