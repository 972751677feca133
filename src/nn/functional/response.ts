/** Normalisation by the neighbouring channels. */

import { constantPad } from '../../ops/movement.ts';
import { numel, showShape } from '../../tensor/shape.ts';
import { expectTensor, type Tensor } from '../../tensor/tensor.ts';
import { ArgError, ShapeError } from '../../util/errors.ts';
import { avgPool2d } from './pooling.ts';

/** For each channel of [N, C, *] the sum from `before` channels before it to `after` channels behind it, times `scale`. */
function channelSums(x: Tensor, before: number, after: number, scale: number): Tensor {
  const [n, channels] = x.shape as [number, number];
  const size = before + after + 1;
  const planes = constantPad(x.reshape([n, 1, channels, -1]), [0, 0, before, 0], [0, 0, after, 0]);
  return avgPool2d(planes, { kernel_size: [size, 1], stride: 1 })
    .reshape(x.shape)
    .mul(size * scale);
}

/** Constants of local response normalisation. */
export interface LocalResponseNormOptions {
  readonly alpha?: number | undefined;
  readonly beta?: number | undefined;
  readonly k?: number | undefined;
}

function checkSize(who: string, size: number): void {
  if (Number.isInteger(size) && size > 0) return;
  throw new ArgError(`${who}: kernel size should be greater than zero, but got ${size}`);
}

/**
 * x / (k + alpha mean(x²))^beta, with the mean over `size` neighbouring channels of [N, C, *].
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.local_response_norm.html
 */
export function localResponseNorm(
  x: Tensor,
  size: number,
  { alpha = 1e-4, beta = 0.75, k = 1 }: LocalResponseNormOptions = {},
): Tensor {
  const who = 'local_response_norm';
  expectTensor(who, x);
  if (x.ndim < 3) throw new ShapeError(`${who}: Expected 3D or higher dimensionality input (got ${x.ndim} dimensions)`);
  checkSize(who, size);
  if (numel(x.shape) === 0) return x;
  const around = channelSums(x.square(), Math.floor(size / 2), Math.floor((size - 1) / 2), alpha / size);
  return x.div(around.add(k).pow(beta));
}

/**
 * PyTorch's CrossMapLRN2d on [N, C, H, W]: x / (k + alpha/size Σ x²)^beta, with two slips of it kept. Going from channel to
 * channel it never takes the first one out of its sum again; and the gradient adds over other channels than the value does.
 */
export function crossMapLrn2d(
  x: Tensor,
  size: number,
  { alpha = 1e-4, beta = 0.75, k = 1 }: LocalResponseNormOptions = {},
): Tensor {
  const who = 'CrossMapLRN2d';
  expectTensor(who, x);
  if (x.ndim !== 4) throw new ShapeError(`${who}: Expected input to be 4D, got ${showShape(x.shape)} instead.`);
  checkSize(who, size);
  if (numel(x.shape) === 0) return x;
  const reach = Math.floor((size + 1) / 2);
  const channels = x.shape[1]!;
  const scale = alpha / size;
  const square = x.square();
  const first = square.narrow(1, 0, 1).mul(scale);
  const late = first.expand([x.shape[0]!, Math.max(0, channels - reach), ...x.shape.slice(2)]);
  const value = channelSums(square, reach - 1, reach - 1, scale).add(
    constantPad(late, [0, Math.min(reach, channels), 0, 0], [0, 0, 0, 0]),
  );
  const slope = channelSums(square, size - 1 - reach, reach, scale);
  // the value of one, the gradient of the other
  const around = slope.add(value.sub(slope).detach());
  return x.mul(around.add(k).pow(-beta));
}
