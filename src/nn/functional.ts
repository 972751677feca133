/** `torch.nn.functional`: the arithmetic of the layers. Tensors first, in PyTorch's order, the rest in one record. */

import { conv } from '../ops/conv.ts';
import * as e from '../ops/elementwise.ts';
import { drawn } from '../ops/host.ts';
import { oneHot } from '../ops/index.ts';
import { linear } from '../ops/matmul.ts';
import { constantPad } from '../ops/movement.ts';
import * as norm from '../ops/norm.ts';
import * as pool from '../ops/pool.ts';
import { constant, literal } from '../tensor/constant.ts';
import { isFloat } from '../tensor/dtype.ts';
import { mode } from '../tensor/mode.ts';
import { type Shape, sameShape, showShape } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { ArgError, ShapeError } from '../util/errors.ts';
import { defaultGenerator } from '../util/generator.ts';
import { tuple } from './args.ts';

export * from './functional-activation.ts';
export { linear, oneHot };
export const { relu, tanh, sigmoid, silu } = e;

export function leakyRelu(x: Tensor, { negative_slope = 0.01 }: { negative_slope?: number } = {}): Tensor {
  return e.leakyRelu(x, { negative_slope });
}

export function elu(x: Tensor, { alpha = 1 }: { alpha?: number } = {}): Tensor {
  return e.elu(x, { alpha, scale: 1 });
}

/** scale (max(0, x) + min(0, alpha (eˣ - 1))) with the constants of Klambauer et al., 2017. */
export function selu(x: Tensor): Tensor {
  return e.elu(x, { alpha: 1.6732632423543772, scale: 1.0507009873554805 });
}

export function gelu(x: Tensor, { approximate = 'none' }: { approximate?: string } = {}): Tensor {
  if (approximate !== 'none' && approximate !== 'tanh') {
    throw new ArgError(`gelu: approximate argument must be either none or tanh, got '${approximate}'`);
  }
  return approximate === 'tanh' ? e.geluTanh(x) : e.gelu(x);
}

/** PyTorch's deprecated choice when no dim is given. */
function impliedDim(x: Tensor): number {
  return x.ndim === 0 || x.ndim === 1 || x.ndim === 3 ? 0 : 1;
}
export function softmax(x: Tensor, { dim }: { dim?: number | null | undefined } = {}): Tensor {
  return norm.softmax(x, dim ?? impliedDim(x));
}
export function logSoftmax(x: Tensor, { dim }: { dim?: number | null | undefined } = {}): Tensor {
  return norm.logSoftmax(x, dim ?? impliedDim(x));
}

// ---- convolution

type Size = number | readonly number[];
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

/** Which element each place of a padded dimension shows. */
const paddingRules: Record<string, (i: number, n: number) => number> = {
  reflect: (i, n) => (i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i),
  replicate: (i, n) => Math.min(Math.max(i, 0), n - 1),
  circular: (i, n) => ((i % n) + n) % n,
};
export type PadMode = 'constant' | 'reflect' | 'replicate' | 'circular';

/** Padding from the last dimension backwards: `[left, right, top, bottom, …]`; negative numbers crop (constant mode). */
export function pad(
  x: Tensor,
  padding: readonly number[],
  { mode: how = 'constant', value = 0 }: { mode?: PadMode; value?: number } = {},
): Tensor {
  if (padding.length % 2 !== 0 || padding.length > 2 * x.ndim) {
    throw new ArgError(`pad: expected an even number of at most ${2 * x.ndim} paddings, got ${showShape(padding)}`);
  }
  const side = (after: number) => x.shape.map((_, i) => padding[2 * (x.ndim - 1 - i) + after] ?? 0);
  const [before, after] = [side(0), side(1)];
  if (how === 'constant') return constantPad(x, before, after, value);
  const rule = paddingRules[how];
  if (!rule) throw new ArgError(`pad: expected mode constant, reflect, replicate or circular, got '${how}'`);
  return x.shape.reduce((t, n, dim) => {
    const [b, a] = [before[dim]!, after[dim]!];
    if (b === 0 && a === 0) return t;
    const limit = how === 'reflect' ? n - 1 : how === 'circular' ? n : Number.POSITIVE_INFINITY;
    if (b > limit || a > limit || n === 0) {
      throw new ShapeError(
        `pad: Padding size should be less than the corresponding input dimension, but got: padding (${b}, ${a}) at dimension ${dim} of input ${showShape(x.shape)}`,
      );
    }
    const from = BigInt64Array.from({ length: n + b + a }, (_, i) => BigInt(rule(i - b, n)));
    return t.indexSelect(dim, from);
  }, x);
}

// ---- dropout

/** Each element zeroed with probability p, the others divided by 1 - p. */
export function dropout(x: Tensor, { p = 0.5, training = true }: { p?: number; training?: boolean } = {}): Tensor {
  return masked(x, x.shape, p, training);
}
/** Whole channels (x [N, C, *], or [C, L] for 1-d) zeroed with probability p. */
export function featureDropout(
  x: Tensor,
  rank: number,
  { p = 0.5, training = true }: { p?: number; training?: boolean } = {},
): Tensor {
  // PyTorch reads [C, *] as unbatched in 1-d and 3-d, and [N, C, L] as a batch in 2-d
  if (x.ndim === rank + 1 && rank !== 2) return featureDropout(x.unsqueeze(0), rank, { p, training }).squeeze(0);
  if (x.ndim < 2)
    throw new ShapeError(
      `dropout${rank}d: expected an input of ${rank + 1} or ${rank + 2} dimensions, got ${showShape(x.shape)}`,
    );
  const mask = x.shape.map((d, i) => (i < 2 ? d : 1));
  return masked(x, mask, p, training);
}

function masked(x: Tensor, shape: Shape, p: number, training: boolean): Tensor {
  if (!(p >= 0 && p <= 1)) throw new ArgError(`dropout: dropout probability has to be between 0 and 1, but got ${p}`);
  if (!training || p === 0) return x;
  const mask = drawn({ shape, dtype: 'float32' }, (data) => defaultGenerator.dropoutMask(data as Float32Array, p));
  return x.mul(mask.to(x.dtype));
}

// ---- batch normalisation

/** (x - mean) / √(var + eps) · weight + bias per channel, by given statistics; as evaluation-mode batch norm. */
export function normalizeBy(
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

// ---- pooling

export interface MaxPoolOptions {
  readonly kernel_size: Size;
  readonly stride?: Size | null | undefined;
  readonly padding?: Size | undefined;
  readonly dilation?: Size | undefined;
  readonly ceil_mode?: boolean | undefined;
}

function poolAttrs(
  rank: number,
  { kernel_size, stride, padding = 0, dilation = 1, ceil_mode = false }: MaxPoolOptions,
): pool.PoolAttrs {
  return {
    kernel: tuple(kernel_size, rank),
    stride: tuple(stride ?? kernel_size, rank),
    padding: tuple(padding, rank),
    dilation: tuple(dilation, rank),
    ceil_mode,
  };
}

/** Apply a pooling of batches to [C, *] too. */
function batched(who: string, x: Tensor, rank: number, fn: (x: Tensor) => Tensor): Tensor {
  if (x.ndim === rank + 2) return fn(x);
  if (x.ndim === rank + 1) return fn(x.unsqueeze(0)).squeeze(0);
  throw new ShapeError(
    `${who}: Expected ${rank + 1}D or ${rank + 2}D (batch mode) tensor, but got: ${showShape(x.shape)}`,
  );
}

/** The largest value of each window of [N, C, H, W]. */
export function maxPool2d(x: Tensor, options: MaxPoolOptions): Tensor {
  return batched('max_pool2d', x, 2, (t) => pool.maxPool(t, poolAttrs(2, options))[0]);
}

/** The same with the index of each value within its H·W plane. */
export function maxPool2dWithIndices(x: Tensor, options: MaxPoolOptions): [Tensor, Tensor] {
  if (x.ndim === 3) return maxPool2dWithIndices(x.unsqueeze(0), options).map((t) => t.squeeze(0)) as [Tensor, Tensor];
  const [y, index] = pool.maxPool(x, poolAttrs(2, options));
  const [n, c, ...plane] = x.shape as [number, number, ...number[]];
  const size = plane.reduce((a, b) => a * b, 1);
  const starts = BigInt64Array.from({ length: n * c }, (_, i) => BigInt(i * size));
  return [y, index.sub(literal(starts, { shape: [n, c, 1, 1], dtype: 'int64' }))];
}

export interface AvgPoolOptions extends MaxPoolOptions {
  readonly count_include_pad?: boolean | undefined;
  readonly divisor_override?: number | null | undefined;
}
/** The average of each window of [N, C, H, W]. */
export function avgPool2d(x: Tensor, options: AvgPoolOptions): Tensor {
  const { count_include_pad = true, divisor_override = null } = options;
  if (divisor_override === 0) throw new ArgError('avg_pool2d: divisor must be not zero');
  const attrs = { ...poolAttrs(2, options), count_include_pad, divisor_override };
  return batched('avg_pool2d', x, 2, (t) => pool.avgPool(t, attrs));
}

// ---- losses

export type Reduction = 'none' | 'mean' | 'sum';
interface LossOptions {
  readonly reduction?: Reduction | undefined;
}

/** Reduce a loss, and remember the prediction: an optimizer step that computes the loss returns it too. */
function reduced(loss: Tensor, reduction: Reduction, prediction: Tensor): Tensor {
  if (reduction !== 'none' && reduction !== 'mean' && reduction !== 'sum') {
    throw new ArgError(`loss: '${reduction}' is not a valid value for reduction; expected none, mean or sum`);
  }
  return remember(reduction === 'none' ? loss : reduction === 'sum' ? loss.sum() : loss.mean(), prediction);
}
function remember(loss: Tensor, { node }: Tensor): Tensor {
  if (loss.requiresGrad && node.op !== null) loss.node.keep = [node];
  return loss;
}

function sameSize(who: string, input: Tensor, target: Tensor): void {
  if (sameShape(input.shape, target.shape)) return;
  throw new ShapeError(
    `${who}: target size (${showShape(target.shape)}) must be the same as input size (${showShape(input.shape)})`,
  );
}

/** (x - t)², reduced. Unlike PyTorch, which warns and broadcasts, shapes must be equal. */
export function mseLoss(input: Tensor, target: Tensor, { reduction = 'mean' }: LossOptions = {}): Tensor {
  sameSize('mse_loss', input, target);
  return reduced(input.sub(target).square(), reduction, input);
}

/** |x - t|, reduced. Unlike PyTorch, which warns and broadcasts, shapes must be equal. */
export function l1Loss(input: Tensor, target: Tensor, { reduction = 'mean' }: LossOptions = {}): Tensor {
  sameSize('l1_loss', input, target);
  return reduced(input.sub(target).abs(), reduction, input);
}

/** -(w) [pos_weight t log σ(x) + (1 - t) log(1 - σ(x))], computed from logits without overflow. */
export function binaryCrossEntropyWithLogits(
  input: Tensor,
  target: Tensor,
  { weight, pos_weight, reduction = 'mean' }: LossOptions & { weight?: Tensor | null; pos_weight?: Tensor | null } = {},
): Tensor {
  sameSize('binary_cross_entropy_with_logits', input, target);
  const rest = target.neg().add(1);
  const positive = e.softplus(input.neg());
  const scaled = pos_weight ? positive.mul(pos_weight.sub(1).mul(target).add(1)) : positive;
  const loss = rest.mul(input).add(scaled);
  return reduced(weight ? loss.mul(weight) : loss, reduction, input);
}

export interface CrossEntropyOptions extends LossOptions {
  readonly weight?: Tensor | null | undefined;
  readonly ignore_index?: number | undefined;
  readonly label_smoothing?: number | undefined;
}

/**
 * -log softmax(x)[target] over dimension 1 (0 for a single sample), reduced by `mean` (over the targets' weights), `sum` or
 * `none`. The target holds class indices [N, *] or, as floats of x's shape, probabilities.
 */
export function crossEntropy(input: Tensor, target: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { weight = null, ignore_index = -100, label_smoothing = 0, reduction = 'mean' } = options;
  if (input.ndim === 0) throw new ShapeError('cross_entropy: expected an input of at least one dimension');
  if (label_smoothing < 0 || label_smoothing > 1) {
    throw new ArgError(`cross_entropy: label_smoothing must be between 0.0 and 1.0. Got: ${label_smoothing}`);
  }
  const dim = input.ndim === 1 ? 0 : 1;
  const classes = input.shape[dim]!;
  const logP = norm.logSoftmax(input, dim);
  const perClass = weight?.reshape(input.shape.map((_, i) => (i === dim ? classes : 1))) ?? null;
  const weighted = perClass ? logP.mul(perClass) : logP;

  if (isFloat(target.dtype)) {
    sameSize('cross_entropy', input, target);
    const smooth = label_smoothing === 0 ? target : target.mul(1 - label_smoothing).add(label_smoothing / classes);
    const each = weighted.mul(smooth).sum({ dim }).neg();
    // the mean is over samples (and positions), not over classes
    return reduced(each, reduction, input);
  }

  const expected = input.shape.filter((_, i) => i !== dim);
  if (!sameShape(target.shape, expected)) {
    throw new ShapeError(
      `cross_entropy: expected target of shape ${showShape(expected)} for input ${showShape(input.shape)}, got ${showShape(target.shape)}`,
    );
  }
  checkClasses(target, classes, ignore_index);
  const ignored = target.eq(ignore_index);
  const index = e.where(ignored, 0, target.to('int64'));
  const at = (t: Tensor) => t.gather(dim, index.unsqueeze(dim)).squeeze(dim);
  const ones = constant(1, { shape: target.shape, dtype: input.dtype });
  const ofClass = weight ? weight.indexSelect(0, index.reshape([-1])).reshape(target.shape) : ones;
  // chosen, not multiplied by zero: nothing flows where the target is ignored, also when all are and the mean is 0 / 0
  const kept = (t: Tensor) => e.where(ignored, 0, t);
  const importance = kept(ofClass);
  const nll = kept(at(logP).mul(ofClass)).neg();
  const total = (t: Tensor) =>
    reduction === 'none' ? t : reduction === 'sum' ? t.sum() : t.sum().div(importance.sum());
  if (label_smoothing === 0) return remember(total(nll), input);
  const spread = kept(weighted.sum({ dim })).neg();
  return remember(total(nll.mul(1 - label_smoothing).add(spread.mul(label_smoothing / classes))), input);
}

/** Classes out of range, where the target's values are there to be looked at; inside a compiled function ORT checks them. */
function checkClasses({ node }: Tensor, classes: number, ignored: number): void {
  if (!node.data || mode.inferring) return;
  for (const value of node.data) {
    const k = Number(value);
    if ((k < 0 || k >= classes) && k !== ignored) {
      throw new ArgError(`cross_entropy: Target ${k} is out of bounds for ${classes} classes`);
    }
  }
}
