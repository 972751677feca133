import * as z from 'zod';
import type { Tensor } from '../tensor/tensor.ts';
import { bool, choice, int, layer, optional, pythonFloat } from './args.ts';
import * as F from './functional/index.ts';
import { interpolateModes } from './functional/interpolate.ts';
import type { Size } from './functional/shared.ts';

/**
 * Channels as finer pixels: [*, C r², H, W] to [*, C, H r, W r].
 * https://pytorch.org/docs/stable/generated/torch.nn.PixelShuffle.html
 */
export class PixelShuffle extends layer({ upscale_factor: int(undefined, 1) }) {
  override forward(x: Tensor): Tensor {
    return F.pixelShuffle(x, this.args);
  }
}

/**
 * Pixels as channels: [*, C, H r, W r] to [*, C r², H, W].
 * https://pytorch.org/docs/stable/generated/torch.nn.PixelUnshuffle.html
 */
export class PixelUnshuffle extends layer({ downscale_factor: int(undefined, 1) }) {
  override forward(x: Tensor): Tensor {
    return F.pixelUnshuffle(x, this.args);
  }
}

/** The channels of [N, C, *] dealt out by groups. https://pytorch.org/docs/stable/generated/torch.nn.ChannelShuffle.html */
export class ChannelShuffle extends layer({ groups: int(undefined, 1) }) {
  override forward(x: Tensor): Tensor {
    return F.channelShuffle(x, this.args);
  }
}

/** A number, or one for each of `least` to `most` spatial dimensions. */
const perDimension = (one: z.ZodNumber, kind: string, [least, most]: readonly [number, number]) =>
  optional(
    z.union([one, z.array(one).min(least).max(most)]),
    `a positive ${kind} or a list of ${least === most ? '' : `${least} to `}${most}`,
  );
const sizes = (least: number, most: number) => ({
  size: perDimension(z.int().min(1), 'integer', [least, most]),
  scale_factor: perDimension(z.number().positive(), 'number', [least, most]),
});

function shown({ size, scale_factor }: { size: Size | null; scale_factor: Size | null }, mode: string): string {
  const list = (values: Size, text: (x: number) => string) =>
    typeof values === 'number' ? text(values) : `(${values.map(text).join(', ')}${values.length === 1 ? ',' : ''})`;
  const by = scale_factor !== null ? `scale_factor=${list(scale_factor, pythonFloat)}` : '';
  return `${by || `size=${size === null ? 'None' : list(size, String)}`}, mode='${mode}'`;
}

/**
 * [N, C, *] resized to `size` or by `scale_factor`, one to three spatial dimensions.
 * https://pytorch.org/docs/stable/generated/torch.nn.Upsample.html
 */
export class Upsample extends layer({
  ...sizes(1, 3),
  mode: choice(interpolateModes, 'nearest'),
  align_corners: optional(bool(false), 'true, false'),
  recompute_scale_factor: optional(bool(false), 'true, false'),
}) {
  override forward(x: Tensor): Tensor {
    return F.interpolate(x, this.args);
  }
  override extraRepr(): string {
    return shown(this.args, this.args.mode);
  }
}

/** [N, C, H, W] resized, each pixel its nearest one. https://pytorch.org/docs/stable/generated/torch.nn.UpsamplingNearest2d.html */
export class UpsamplingNearest2d extends layer(sizes(2, 2)) {
  override forward(x: Tensor): Tensor {
    return F.interpolate(x, { ...this.args, mode: 'nearest' });
  }
  override extraRepr(): string {
    return shown(this.args, 'nearest');
  }
}

/**
 * [N, C, H, W] resized linearly, corners on corners.
 * https://pytorch.org/docs/stable/generated/torch.nn.UpsamplingBilinear2d.html
 */
export class UpsamplingBilinear2d extends layer(sizes(2, 2)) {
  override forward(x: Tensor): Tensor {
    return F.interpolate(x, { ...this.args, mode: 'bilinear', align_corners: true });
  }
  override extraRepr(): string {
    return shown(this.args, 'bilinear');
  }
}
