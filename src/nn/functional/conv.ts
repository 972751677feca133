/** Convolutions. */

import { conv } from '../../ops/conv.ts';
import { constantPad } from '../../ops/movement.ts';
import { showShape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { ArgError, ShapeError } from '../../util/errors.ts';
import { tuple } from '../args.ts';
import type { Size } from './shared.ts';

export interface ConvOptions {
  readonly bias?: Tensor | null;
  readonly stride?: Size;
  readonly padding?: Size | string;
  readonly dilation?: Size;
  readonly groups?: number;
}

function convNd(rank: number, x: Tensor, weight: Tensor, options: ConvOptions): Tensor {
  if (weight.ndim !== rank + 2) {
    throw new ShapeError(`conv${rank}d: expected a weight of ${rank + 2} dimensions, got ${showShape(weight.shape)}`);
  }
  const { bias = null, stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
  const attrs = { stride: tuple(stride, rank), dilation: tuple(dilation, rank), groups };
  if (typeof padding !== 'string') return conv(x, weight, bias, { ...attrs, padding: tuple(padding, rank) });
  if (padding === 'valid') return conv(x, weight, bias, { ...attrs, padding: tuple(0, rank) });
  if (padding !== 'same') {
    throw new ArgError(`conv${rank}d: Invalid padding string '${padding}', should be one of 'valid', 'same'`);
  }
  if (attrs.stride.some((s) => s !== 1))
    throw new ArgError(`conv${rank}d: padding='same' is not supported for strided convolutions`);
  const totals = attrs.dilation.map((d, i) => d * (weight.shape[i + 2]! - 1));
  const even = totals.map((t) => Math.floor(t / 2));
  // what does not divide by two goes after the input
  const lead = x.ndim - rank;
  const after = x.shape.map((_, i) => (i < lead ? 0 : totals[i - lead]! % 2));
  const padded = constantPad(
    x,
    after.map(() => 0),
    after,
  );
  return conv(padded, weight, bias, { ...attrs, padding: even });
}

/** Cross-correlation: x [N, C, L], weight [K, C/groups, k]. */
export function conv1d(x: Tensor, weight: Tensor, options: ConvOptions = {}): Tensor {
  return convNd(1, x, weight, options);
}
/** Cross-correlation: x [N, C, H, W], weight [K, C/groups, kh, kw]. */
export function conv2d(x: Tensor, weight: Tensor, options: ConvOptions = {}): Tensor {
  return convNd(2, x, weight, options);
}
/** Cross-correlation: x [N, C, D, H, W], weight [K, C/groups, kd, kh, kw]. */
export function conv3d(x: Tensor, weight: Tensor, options: ConvOptions = {}): Tensor {
  return convNd(3, x, weight, options);
}
