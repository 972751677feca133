/** Normalisation. */

import * as norm from '../../ops/norm.ts';
import { constant } from '../../tensor/constant.ts';
import { numel, type Shape, showShape } from '../../tensor/shape.ts';
import type { Aval, Tensor } from '../../tensor/tensor.ts';
import { ArgError, ShapeError } from '../../util/errors.ts';
import { checkBatch, checkChannels, checkDtypes, lastDims, track } from './statistics.ts';

/** Weight, bias and eps of a normalisation. */
export interface NormOptions {
  readonly weight?: Tensor | null | undefined;
  readonly bias?: Tensor | null | undefined;
  readonly eps?: number | undefined;
}

/**
 * (x - mean) / √(var + eps) · weight + bias over the last dimensions, whose sizes are `normalized_shape`.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.layer_norm.html
 */
export function layerNorm(
  x: Tensor,
  normalized_shape: number | Shape,
  { weight = null, bias = null, eps = 1e-5 }: NormOptions = {},
): Tensor {
  checkDtypes('layer_norm', x, { weight, bias });
  return norm.layerNorm(x, lastDims('layer_norm', x, normalized_shape, { weight, bias }), weight, bias, eps);
}

/**
 * x / √(mean(x²) + eps) · weight over the last dimensions; eps null is the dtype's machine epsilon.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.rms_norm.html
 */
export function rmsNorm(
  x: Tensor,
  normalized_shape: number | Shape,
  { weight = null, eps = null }: { readonly weight?: Tensor | null; readonly eps?: number | null } = {},
): Tensor {
  checkDtypes('rms_norm', x, { weight });
  const shape = lastDims('rms_norm', x, normalized_shape, { weight });
  return norm.rmsNorm(x, shape, weight, eps ?? (x.dtype === 'float64' ? Number.EPSILON : 2 ** -23));
}

/** Dimension 1 scaled by weight and shifted by bias, where there are any. */
function scaled(x: Tensor, weight: Tensor | null, bias: Tensor | null): Tensor {
  if (!weight && !bias) return x;
  const channel: Aval = { shape: [x.shape[1]!], dtype: x.dtype };
  return norm.affine(x, weight ?? constant(1, channel), bias ?? constant(0, channel));
}

/**
 * (x - mean) / √(var + eps) · weight + bias, with mean and variance of each of `num_groups` groups of channels of each sample of
 * [N, C, *]. https://pytorch.org/docs/stable/generated/torch.nn.functional.group_norm.html
 */
export function groupNorm(
  x: Tensor,
  num_groups: number,
  { weight = null, bias = null, eps = 1e-5 }: NormOptions = {},
): Tensor {
  const who = 'group_norm';
  checkDtypes(who, x, { weight, bias });
  if (x.ndim < 2) {
    throw new ShapeError(`${who}: Expected at least 2 dimensions for input tensor but received ${x.ndim}`);
  }
  const [n, channels, ...rest] = x.shape as [number, number, ...number[]];
  if (!Number.isInteger(num_groups) || num_groups < 1) {
    throw new ArgError(`${who}: Expected num groups to be greater than 0, got ${num_groups}`);
  }
  if (channels % num_groups !== 0) {
    throw new ShapeError(
      `${who}: Expected number of channels in input to be divisible by num_groups, but got input of shape ${showShape(x.shape)} and num_groups=${num_groups}`,
    );
  }
  for (const [name, t] of Object.entries({ weight, bias })) {
    if (t && (t.ndim !== 1 || t.shape[0] !== channels)) {
      throw new ShapeError(
        `${who}: Expected ${name} to be a vector of size equal to the number of channels in input, but got ${name} of shape ${showShape(t.shape)} and input of shape ${showShape(x.shape)}`,
      );
    }
  }
  checkBatch(who, [(n * channels) / num_groups, num_groups, ...rest]);
  const size = (channels / num_groups) * numel(rest);
  const unit = norm.layerNorm(x.reshape([n * num_groups, size]), [size], null, null, eps);
  return scaled(unit.reshape(x.shape), weight, bias);
}

export interface BatchNormOptions extends NormOptions {
  /** Whether to use the batch's own statistics, and move the running ones toward them. */
  readonly training?: boolean | undefined;
  /** How far the running statistics move toward the batch's: a number, or a tensor of one element. */
  readonly momentum?: number | Tensor | undefined;
}

/**
 * (x - mean) / √(var + eps) · weight + bias per channel of [N, C, *]: by the batch's own mean and biased variance in training,
 * else by the running ones. https://pytorch.org/docs/stable/generated/torch.nn.functional.batch_norm.html
 */
export function batchNorm(
  x: Tensor,
  running_mean: Tensor | null,
  running_var: Tensor | null,
  { weight = null, bias = null, training = false, momentum = 0.1, eps = 1e-5 }: BatchNormOptions = {},
): Tensor {
  const state = { running_mean, running_var, weight, bias };
  checkDtypes('batch_norm', x, state);
  checkChannels('batch_norm', x, state);
  if (!training) {
    if (running_mean && running_var) return normalizeBy(x, running_mean, running_var, weight, bias, eps);
    throw new ArgError(
      `batch_norm: ${running_mean ? 'running_var' : 'running_mean'} must be defined in evaluation mode`,
    );
  }
  checkBatch('batch_norm', x.shape);
  // nothing to learn from
  if (numel(x.shape) === 0) return scaled(x, weight, bias);
  const [y, mean, variance] = norm.batchNormStats(x, weight, bias, eps);
  const samples = numel(x.shape) / x.shape[1]!;
  track(y, momentum, [
    [running_mean, mean, 1],
    [running_var, variance, samples / (samples - 1)],
  ]);
  return y;
}

export interface InstanceNormOptions extends NormOptions {
  readonly running_mean?: Tensor | null | undefined;
  readonly running_var?: Tensor | null | undefined;
  /** Whether to use the samples' own statistics, and move the running ones toward their average. */
  readonly use_input_stats?: boolean | undefined;
  readonly momentum?: number | undefined;
}

/**
 * (x - mean) / √(var + eps) · weight + bias, with mean and variance of each channel of each sample of [N, C, *].
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.instance_norm.html
 */
export function instanceNorm(x: Tensor, options: InstanceNormOptions = {}): Tensor {
  const { running_mean = null, running_var = null, weight = null, bias = null } = options;
  const { use_input_stats = true, momentum = 0.1, eps = 1e-5 } = options;
  const state = { running_mean, running_var, weight, bias };
  const who = 'instance_norm';
  checkDtypes(who, x, state);
  checkChannels(who, x, state);
  if (!use_input_stats) {
    if (running_mean && running_var) return normalizeBy(x, running_mean, running_var, weight, bias, eps);
    throw new ArgError(`${who}: Expected running_mean and running_var to be defined when use_input_stats is false`);
  }
  const [n, channels, ...rest] = x.shape as [number, number, ...number[]];
  const size = numel(rest);
  if (size === 1) {
    throw new ShapeError(
      `${who}: Expected more than 1 spatial element when training, got input size ${showShape(x.shape)}`,
    );
  }
  if (numel(x.shape) === 0) return scaled(x, weight, bias);
  // batch normalisation of one sample with a channel for each of the channels of each
  const each = (t: Tensor | null) => t?.expand([n, channels]).reshape([n * channels]) ?? null;
  const rows = x.reshape([1, n * channels, size]);
  const [y, mean, variance] = norm.batchNormStats(rows, each(weight), each(bias), eps);
  const average = (t: Tensor) => t.reshape([n, channels]).mean({ dim: 0 });
  track(y, momentum, [
    [running_mean, average(mean), 1],
    [running_var, average(variance), size / (size - 1)],
  ]);
  return y.reshape(x.shape);
}

/** (x - mean) / √(var + eps) · weight + bias per channel, by given statistics; as evaluation-mode batch norm. */
function normalizeBy(
  x: Tensor,
  mean: Tensor,
  variance: Tensor,
  weight: Tensor | null,
  bias: Tensor | null,
  eps: number,
): Tensor {
  const inv = variance.add(eps).rsqrt();
  const scale = weight ? weight.mul(inv) : inv;
  const shift = mean.mul(scale).neg();
  return norm.affine(x, scale, bias ? bias.add(shift) : shift);
}
