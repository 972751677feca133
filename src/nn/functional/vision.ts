/** Channels and pixels rearranged. */
import { numel, showShape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { ArgError, ShapeError } from '../../util/errors.ts';

type Image = { lead: readonly number[]; c: number; h: number; w: number };

/** The sizes of [*, C, H, W], for a rearrangement by a factor. */
function imageOf(who: string, x: Tensor, name: string, factor: number): Image {
  if (x.ndim < 3) {
    throw new ShapeError(
      `${who}: ${who} expects input to have at least 3 dimensions, but got input with ${x.ndim} dimension(s)`,
    );
  }
  if (!Number.isInteger(factor) || factor < 1) {
    throw new ArgError(`${who}: ${who} expects a positive ${name}, but got ${factor}`);
  }
  const [c, h, w] = x.shape.slice(-3) as [number, number, number];
  return { lead: x.shape.slice(0, -3), c, h, w };
}

/**
 * [*, C r², H, W] to [*, C, H r, W r]. https://pytorch.org/docs/stable/generated/torch.nn.functional.pixel_shuffle.html
 */
export function pixelShuffle(x: Tensor, { upscale_factor: r }: { upscale_factor: number }): Tensor {
  const { lead, c, h, w } = imageOf('pixel_shuffle', x, 'upscale_factor', r);
  if (c % r ** 2 !== 0) {
    throw new ShapeError(
      `pixel_shuffle: pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, but input.size(-3)=${c} is not divisible by ${r ** 2}`,
    );
  }
  const out = [...lead, c / r ** 2, h * r, w * r];
  // two transposes of few dimensions are three times faster than one of six
  const n = numel(out.slice(0, -2));
  const columns = x.reshape([n, r, r, h, w]).permute([0, 1, 3, 4, 2]);
  return columns
    .reshape([n, r, h, w * r])
    .permute([0, 2, 1, 3])
    .reshape(out);
}

/**
 * [*, C, H r, W r] to [*, C r², H, W].
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.pixel_unshuffle.html
 */
export function pixelUnshuffle(x: Tensor, { downscale_factor: r }: { downscale_factor: number }): Tensor {
  const { lead, c, h, w } = imageOf('pixel_unshuffle', x, 'downscale_factor', r);
  for (const [what, size, dim] of [
    ['height', h, -2],
    ['width', w, -1],
  ] as const) {
    if (size % r === 0) continue;
    throw new ShapeError(
      `pixel_unshuffle: pixel_unshuffle expects ${what} to be divisible by downscale_factor, but input.size(${dim})=${size} is not divisible by ${r}`,
    );
  }
  const n = numel(lead) * c;
  const rows = x.reshape([n, h / r, r, w]).permute([0, 2, 1, 3]);
  return rows
    .reshape([n, r, (h / r) * (w / r), r])
    .permute([0, 1, 3, 2])
    .reshape([...lead, c * r ** 2, h / r, w / r]);
}

/**
 * Channels [N, g · C/g, *] in the order [N, C/g · g, *].
 * https://pytorch.org/docs/stable/generated/torch.nn.ChannelShuffle.html
 */
export function channelShuffle(x: Tensor, { groups }: { groups: number }): Tensor {
  if (x.ndim < 3) {
    throw new ShapeError(
      `channel_shuffle: channel_shuffle expects input with > 2 dims, but got input with sizes ${showShape(x.shape)}`,
    );
  }
  if (!Number.isInteger(groups) || groups < 1) {
    throw new ArgError(
      `channel_shuffle: Number of groups to divide channels in must be positive. Value of groups:${groups}`,
    );
  }
  const [n, c, ...rest] = x.shape as [number, number, ...number[]];
  if (c % groups !== 0) {
    throw new ShapeError(
      `channel_shuffle: Number of channels must be divisible by groups. Got ${c} channels and ${groups} groups.`,
    );
  }
  return x
    .reshape([n, groups, c / groups, numel(rest)])
    .permute([0, 2, 1, 3])
    .reshape(x.shape);
}
