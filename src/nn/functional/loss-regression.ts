/** Losses of numbers: how far a prediction is from a value, or how unlikely it makes a count or a measurement. */

import { where } from '../../ops/compare.ts';
import { constant } from '../../tensor/constant.ts';
import { broadcast, sameShape, showShape } from '../../tensor/shape.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { ArgError, ShapeError } from '../../util/errors.ts';
import { findKnown, isKnown, type LossOptions, reduced, remember, sameSize } from './loss-shared.ts';

/**
 * Where sizes differ PyTorch warns and broadcasts; we have nobody to warn. It is nearly always [N, 1] against [N], and N² errors
 * that nobody wanted.
 */
function sameSizeOrHint(who: string, input: Tensor, target: Tensor): void {
  const [a, b] = [input.shape, target.shape];
  const meet = (d: number, e: number) => d === e || d === 1 || e === 1;
  if (!sameShape(a, b) && a.every((d, i) => meet(d, b.at(i - a.length) ?? 1))) {
    throw new ShapeError(
      `${who}: target size (${showShape(b)}) must be the same as input size (${showShape(a)}); reshape one of them, or expand both to ${showShape(broadcast(who, a, b))} if that is meant`,
    );
  }
  sameSize(who, input, target);
}

/** A weight for each element, of the input's size. */
interface Weighted extends LossOptions {
  readonly weight?: Tensor | null | undefined;
}

function weigh(who: string, loss: Tensor, weight: Tensor | null | undefined, input: Tensor): Tensor {
  if (!weight) return loss;
  if (sameShape(weight.shape, input.shape)) return loss.mul(weight);
  throw new ShapeError(
    `${who}: Weights and input must have the same size, got ${showShape(weight.shape)} and ${showShape(input.shape)}`,
  );
}

/** The reduction of weighted errors, whose mean is over the weights. */
function weightedMean(who: string, loss: Tensor, { weight, reduction = 'mean' }: Weighted, input: Tensor): Tensor {
  const each = weigh(who, loss, weight, input);
  if (!weight || reduction !== 'mean') return reduced(each, reduction, input);
  return remember(each.sum().div(weight.sum()), input);
}

/**
 * (x - t)², reduced; with `weight`, times it, and `mean` divides by its sum. Unlike PyTorch, which warns and broadcasts, shapes
 * must be equal.
 */
export function mseLoss(input: Tensor, target: Tensor, options: Weighted = {}): Tensor {
  sameSizeOrHint('mse_loss', input, target);
  return weightedMean('mse_loss', input.sub(target).square(), options, input);
}

/**
 * |x - t|, reduced; with `weight`, times it, and `mean` divides by its sum. Unlike PyTorch, which warns and broadcasts, shapes
 * must be equal.
 */
export function l1Loss(input: Tensor, target: Tensor, options: Weighted = {}): Tensor {
  sameSizeOrHint('l1_loss', input, target);
  return weightedMean('l1_loss', input.sub(target).abs(), options, input);
}

/** d²/2 up to |d| = limit, from there on the tangent: c (d - c/2) with c = d limited to ±limit. */
function huber(d: Tensor, limit: number): Tensor {
  const c = d.clamp({ min: -limit, max: limit });
  return c.mul(d.sub(c.mul(0.5)));
}

/**
 * d²/2 where |d| = |x - t| is at most delta, else delta (|d| - delta/2), reduced; with `weight`, times it (`mean` divides by the
 * number of elements). Unlike PyTorch, which warns and broadcasts, shapes must be equal.
 */
export function huberLoss(
  input: Tensor,
  target: Tensor,
  { reduction = 'mean', delta = 1, weight }: Weighted & { readonly delta?: number } = {},
): Tensor {
  if (!(delta > 0)) {
    throw new ArgError(`huber_loss: does not support non-positive values for delta, got ${delta}`);
  }
  sameSizeOrHint('huber_loss', input, target);
  return reduced(weigh('huber_loss', huber(input.sub(target), delta), weight, input), reduction, input);
}

/**
 * d²/(2 beta) where |d| = |x - t| is below beta, else |d| - beta/2, reduced. Unlike PyTorch, which warns and broadcasts, shapes
 * must be equal.
 */
export function smoothL1Loss(
  input: Tensor,
  target: Tensor,
  { reduction = 'mean', beta = 1 }: LossOptions & { readonly beta?: number } = {},
): Tensor {
  if (!(beta >= 0)) {
    throw new ArgError(`smooth_l1_loss: does not support negative values for beta, got ${beta}`);
  }
  sameSizeOrHint('smooth_l1_loss', input, target);
  const d = input.sub(target);
  return reduced(beta === 0 ? d.abs() : huber(d, beta).div(beta), reduction, input);
}

export interface PoissonNllOptions extends LossOptions {
  readonly log_input?: boolean | undefined;
  readonly full?: boolean | undefined;
  readonly eps?: number | undefined;
}

/**
 * How unlikely counts t are at the rate eˣ: eˣ - t x, reduced; without `log_input` the rate is x: x - t log(x + eps).
 *
 * `full` adds Stirling's t log t - t + log(2πt)/2 for log t! where t > 1. Shapes may broadcast.
 */
export function poissonNllLoss(input: Tensor, target: Tensor, options: PoissonNllOptions = {}): Tensor {
  const { log_input = true, full = false, eps = 1e-8, reduction = 'mean' } = options;
  broadcast('poisson_nll_loss', input.shape, target.shape);
  const counts = target.to(input.dtype);
  const loss = log_input ? input.exp().sub(counts.mul(input)) : input.sub(counts.mul(input.add(eps).log()));
  return reduced(full ? loss.add(logFactorial(counts)) : loss, reduction, input);
}

/** Stirling's approximation of log t! where t > 1, else 0. */
function logFactorial(t: Tensor): Tensor {
  const several = t.gt(1);
  // 1 where it is not used, lest the logarithm of 0 spoil the gradient
  const n = where(several, t, 1);
  const approximate = n
    .mul(n.log())
    .sub(n)
    .add(
      n
        .mul(2 * Math.PI)
        .log()
        .mul(0.5),
    );
  return where(several, approximate, 0);
}

/**
 * (log v + (x - t)²/v)/2, reduced, for the variance v: a number, or a tensor of x's shape, which may have a 1 or lack its last
 * dimension. v is at least eps, which its gradient does not see; `full` adds log(2π)/2.
 *
 * A negative variance is an error where its value is known, and makes the loss NaN where it is not.
 */
export function gaussianNllLoss(
  input: Tensor,
  target: Tensor,
  variance: Tensor | number,
  {
    full = false,
    eps = 1e-6,
    reduction = 'mean',
  }: LossOptions & { readonly full?: boolean; readonly eps?: number } = {},
): Tensor {
  const who = 'gaussian_nll_loss';
  broadcast(who, input.shape, target.shape);
  const given = variance instanceof Tensor ? variance : constant(variance, input);
  if (findKnown(given, (value) => value < 0) !== undefined)
    throw new ArgError(`${who}: var has negative entry/entries`);
  const fitted = fitVariance(who, given, input);
  const checked = isKnown(given) ? fitted : where(fitted.ge(0), fitted, Number.NaN);
  // eps in value, but with the gradient of the variance itself
  const v = where(checked.ge(eps), checked, checked.sub(checked.detach()).add(eps));
  const loss = v.log().add(input.sub(target).square().div(v)).mul(0.5);
  return reduced(full ? loss.add(0.5 * Math.log(2 * Math.PI)) : loss, reduction, input);
}

function fitVariance(who: string, variance: Tensor, { shape }: Tensor): Tensor {
  if (sameShape(variance.shape, shape)) return variance;
  if (sameShape(variance.shape, shape.slice(0, -1))) return variance.unsqueeze(-1);
  const other = variance.shape.filter((d, i) => d !== shape[i]);
  if (variance.ndim === shape.length && other.length === 1 && other[0] === 1) return variance;
  throw new ShapeError(
    `${who}: var is of incorrect size: expected ${showShape(shape)}, its like with a 1, or without the last dimension, got ${showShape(variance.shape)}`,
  );
}
