/** Convolutions and transposed convolutions. */

import { conv, convInput } from '../../ops/conv.ts';
import { type ConvAttrs, transposedSize } from '../../ops/conv-geometry.ts';
import { constantPad } from '../../ops/movement.ts';
import { isFloat } from '../../tensor/dtype.ts';
import { showShape } from '../../tensor/shape.ts';
import { expectTensor, type Tensor } from '../../tensor/tensor.ts';
import { ArgError, ShapeError, TorcharcError } from '../../util/errors.ts';
import { show } from '../../util/python.ts';
import type { Size } from './shared.ts';
import { sizes } from './sizes.ts';

export interface ConvOptions {
  readonly bias?: Tensor | null;
  readonly stride?: Size;
  readonly padding?: Size | string;
  readonly dilation?: Size;
  readonly groups?: number;
}
export interface ConvTransposeOptions extends ConvOptions {
  readonly padding?: Size;
  /** Added to the size on one side, which the stride leaves open. */
  readonly output_padding?: Size;
}

/** Everything about the operands but their sizes; `dim`: of the weight, where it has the channels that come out. */
function checkOperands(
  who: string,
  rank: number,
  x: Tensor,
  weight: Tensor,
  { bias = null, groups = 1 }: ConvOptions,
): void {
  expectTensor(who, x);
  expectTensor(who, weight);
  if (weight.ndim !== rank + 2) {
    throw new ShapeError(`${who}: expected a weight of ${rank + 2} dimensions, got ${showShape(weight.shape)}`);
  }
  for (const [name, t] of Object.entries({ weight, bias })) {
    if (t && x.dtype !== t.dtype) {
      throw new TorcharcError(`${who}: Input type (${x.dtype}) and ${name} type (${t.dtype}) should be the same`);
    }
  }
  if (!isFloat(x.dtype)) throw new ArgError(`${who}: expected floating point tensors, got ${x.dtype}`);
  if (x.ndim !== rank + 1 && x.ndim !== rank + 2) {
    throw new ShapeError(
      `${who}: Expected ${rank + 1}D (unbatched) or ${rank + 2}D (batched) input to ${who}, but got input of size: ${showShape(x.shape)}`,
    );
  }
  if (!Number.isInteger(groups) || groups < 1) {
    throw new ArgError(`${who}: non-positive groups is not supported, got ${show(groups)}`);
  }
  if (weight.shape.includes(0)) {
    throw new ShapeError(`${who}: non-empty weight tensor expected, but got: ${showShape(weight.shape)}`);
  }
}

function checkBias(who: string, weight: Tensor, bias: Tensor | null, channels: number): void {
  if (!bias || (bias.ndim === 1 && bias.shape[0] === channels)) return;
  throw new ShapeError(
    `${who}: Given weight of size ${showShape(weight.shape)}, expected bias to be 1-dimensional with ${channels} elements, but got bias of size ${showShape(bias.shape)} instead`,
  );
}

function windowAttrs(
  who: string,
  rank: number,
  { stride = 1, padding = 0, dilation = 1, groups = 1 }: ConvTransposeOptions,
): ConvAttrs {
  return {
    stride: sizes(who, 'stride', stride, rank, 1, 'non-positive stride is not supported'),
    padding: sizes(who, 'padding', padding, rank, 0, 'negative padding is not supported'),
    dilation: sizes(who, 'dilation', dilation, rank, 1),
    groups,
  };
}

function convNd(rank: number, x: Tensor, weight: Tensor, options: ConvOptions): Tensor {
  const who = `conv${rank}d`;
  checkOperands(who, rank, x, weight, options);
  if (x.ndim === rank + 1) return convNd(rank, x.unsqueeze(0), weight, options).squeeze(0);
  const { bias = null, padding = 0, groups = 1 } = options;
  const [k, perGroup] = weight.shape as [number, number];
  if (x.shape[1] !== perGroup * groups) {
    throw new ShapeError(
      `${who}: Given groups=${groups}, weight of size ${showShape(weight.shape)}, expected input${showShape(x.shape)} to have ${perGroup * groups} channels, but got ${x.shape[1]} channels instead`,
    );
  }
  if (k % groups !== 0) throw new ShapeError(`${who}: out_channels (${k}) must be divisible by groups (${groups})`);
  checkBias(who, weight, bias, k);
  if (typeof padding !== 'string') return conv(x, weight, bias, windowAttrs(who, rank, { ...options, padding }));
  const attrs = windowAttrs(who, rank, { ...options, padding: 0 });
  if (padding === 'valid') return conv(x, weight, bias, attrs);
  if (padding === 'same') return convSame(who, x, weight, bias, attrs);
  throw new ArgError(`${who}: Invalid padding string '${padding}', should be one of 'valid', 'same'`);
}

function convSame(who: string, x: Tensor, weight: Tensor, bias: Tensor | null, attrs: ConvAttrs): Tensor {
  if (attrs.stride.some((s) => s !== 1)) {
    throw new ArgError(`${who}: padding='same' is not supported for strided convolutions`);
  }
  const totals = attrs.dilation.map((d, i) => d * (weight.shape[i + 2]! - 1));
  // what does not divide by two goes after the input
  const none = x.shape.map(() => 0);
  const padded = constantPad(x, none, [0, 0, ...totals.map((t) => t % 2)]);
  return conv(padded, weight, bias, { ...attrs, padding: totals.map((t) => Math.floor(t / 2)) });
}

/** Cross-correlation: x [N, C, L], weight [K, C/groups, k]. https://pytorch.org/docs/stable/generated/torch.nn.functional.conv1d.html */
export function conv1d(x: Tensor, weight: Tensor, options: ConvOptions = {}): Tensor {
  return convNd(1, x, weight, options);
}
/** Cross-correlation: x [N, C, H, W], weight [K, C/groups, kh, kw]. https://pytorch.org/docs/stable/generated/torch.nn.functional.conv2d.html */
export function conv2d(x: Tensor, weight: Tensor, options: ConvOptions = {}): Tensor {
  return convNd(2, x, weight, options);
}
/** Cross-correlation: x [N, C, D, H, W], weight [K, C/groups, kd, kh, kw]. https://pytorch.org/docs/stable/generated/torch.nn.functional.conv3d.html */
export function conv3d(x: Tensor, weight: Tensor, options: ConvOptions = {}): Tensor {
  return convNd(3, x, weight, options);
}

function convTransposeNd(rank: number, x: Tensor, weight: Tensor, options: ConvTransposeOptions): Tensor {
  const who = `conv_transpose${rank}d`;
  checkOperands(who, rank, x, weight, options);
  if (x.ndim === rank + 1) return convTransposeNd(rank, x.unsqueeze(0), weight, options).squeeze(0);
  const { bias = null, groups = 1 } = options;
  const [c, perGroup, ...kernel] = weight.shape as [number, number, ...number[]];
  if (c % groups !== 0) {
    throw new ShapeError(
      `${who}: Given groups=${groups}, expected weight to be divisible by ${groups} at dimension 0, but got weight of size ${showShape(weight.shape)} instead`,
    );
  }
  if (x.shape[1] !== c) {
    throw new ShapeError(
      `${who}: Given transposed=1, weight of size ${showShape(weight.shape)}, expected input${showShape(x.shape)} to have ${c} channels, but got ${x.shape[1]} channels instead`,
    );
  }
  checkBias(who, weight, bias, perGroup * groups);
  if (x.shape.slice(2).includes(0)) {
    throw new ShapeError(`${who}: Only zero batch inputs are supported, but got input shape: ${showShape(x.shape)}`);
  }
  const attrs = windowAttrs(who, rank, options);
  const extra = outputPadding(who, rank, attrs, options.output_padding ?? 0);
  const size = transposedSize(x.shape.slice(2), kernel, attrs).map((n, i) => n + extra[i]!);
  return convInput(x, weight, bias, { ...attrs, size });
}

function outputPadding(who: string, rank: number, { stride, dilation }: ConvAttrs, given: Size): number[] {
  const extra = sizes(who, 'output_padding', given, rank, 0, 'negative output_padding is not supported');
  if (extra.every((n, i) => n < stride[i]! || n < dilation[i]!)) return extra;
  throw new ArgError(
    `${who}: output padding must be smaller than either stride or dilation, but got output_padding ${showShape(extra)}, stride ${showShape(stride)} and dilation ${showShape(dilation)}`,
  );
}

/** The transpose of `conv1d`: x [N, C, L], weight [C, K/groups, k]. https://pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose1d.html */
export function convTranspose1d(x: Tensor, weight: Tensor, options: ConvTransposeOptions = {}): Tensor {
  return convTransposeNd(1, x, weight, options);
}
/** The transpose of `conv2d`: x [N, C, H, W], weight [C, K/groups, kh, kw]. https://pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose2d.html */
export function convTranspose2d(x: Tensor, weight: Tensor, options: ConvTransposeOptions = {}): Tensor {
  return convTransposeNd(2, x, weight, options);
}
/** The transpose of `conv3d`: x [N, C, D, H, W], weight [C, K/groups, kd, kh, kw]. https://pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose3d.html */
export function convTranspose3d(x: Tensor, weight: Tensor, options: ConvTransposeOptions = {}): Tensor {
  return convTransposeNd(3, x, weight, options);
}
