/** Losses of classes and probabilities. */

import { where } from '../../ops/compare.ts';
import { softplus } from '../../ops/elementwise.ts';
import { binaryCrossEntropy as crossEntropyOfProbabilities } from '../../ops/loss.ts';
import { linear } from '../../ops/matmul.ts';
import * as norm from '../../ops/norm.ts';
import { constant } from '../../tensor/constant.ts';
import { isFloat } from '../../tensor/dtype.ts';
import { broadcast, numel, sameShape, showShape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { ArgError, ShapeError } from '../../util/errors.ts';
import {
  asLabels,
  checkClasses,
  checkReduction,
  findKnown,
  indexable,
  isKnown,
  type LossOptions,
  needsFloat,
  type Reduction,
  reduced,
  remember,
  sameSize,
} from './loss-shared.ts';

interface ClassWeights extends LossOptions {
  readonly weight?: Tensor | null | undefined;
}
export interface NllOptions extends ClassWeights {
  readonly ignore_index?: number | undefined;
}
export interface CrossEntropyOptions extends NllOptions {
  readonly label_smoothing?: number | undefined;
}

/** Where the classes are: dimension 1, or 0 for a single sample. */
function classDim(who: string, input: Tensor): number {
  if (input.ndim === 0) throw new ShapeError(`${who}: expected an input of at least one dimension`);
  needsFloat(who, input);
  return input.ndim === 1 ? 0 : 1;
}

/** What a target of class indices makes of scores by class. */
function byTarget(who: string, input: Tensor, target: Tensor, { weight, ignore_index = -100 }: NllOptions) {
  const dim = classDim(who, input);
  const classes = input.shape[dim]!;
  const expected = input.shape.filter((_, i) => i !== dim);
  if (!sameShape(target.shape, expected)) {
    throw new ShapeError(
      `${who}: expected target of shape ${showShape(expected)} for input ${showShape(input.shape)}, got ${showShape(target.shape)}`,
    );
  }
  checkWeight(who, weight, classes);
  checkClasses(who, target, classes, ignore_index);
  const labels = asLabels(who, target);
  const ignored = labels.eq(ignore_index);
  const index = where(ignored, 0, indexable(labels, classes, isKnown(target)));
  const ones = constant(1, { shape: target.shape, dtype: input.dtype });
  const ofClass = weight ? weight.indexSelect(0, index.reshape([-1])).reshape(target.shape) : ones;
  // chosen, not multiplied by zero: nothing flows where the target is ignored, also when all are and the mean is 0 / 0
  const kept = (t: Tensor) => where(ignored, 0, t);
  const importance = kept(ofClass);
  return {
    kept,
    /** -w scores[target]. */
    nll: kept(input.gather(dim, index.unsqueeze(dim)).squeeze(dim).mul(ofClass)).neg(),
    /** The mean is over the weights of the targets. */
    total(loss: Tensor, reduction: Reduction): Tensor {
      checkReduction(reduction);
      return reduction === 'none' ? loss : reduction === 'sum' ? loss.sum() : loss.sum().div(importance.sum());
    },
  };
}

function checkWeight(who: string, weight: Tensor | null | undefined, classes: number): void {
  if (!weight || sameShape(weight.shape, [classes])) return;
  throw new ShapeError(
    `${who}: weight tensor should be defined either for all ${classes} classes or no classes but got weight tensor of shape: ${showShape(weight.shape)}`,
  );
}

/**
 * -w x[target] of log-probabilities x [N, C, *] or [C] and class indices [N, *] or []; `mean` is over the targets' weights.
 * Targets equal to `ignore_index` take no part.
 */
export function nllLoss(input: Tensor, target: Tensor, options: NllOptions = {}): Tensor {
  const { nll, total } = byTarget('nll_loss', input, target, options);
  return remember(total(nll, options.reduction ?? 'mean'), input);
}

/**
 * -log softmax(x)[target] over dimension 1 (0 for a single sample), reduced by `mean` (over the targets' weights), `sum` or
 * `none`. The target holds class indices [N, *] or, as floats of x's shape, probabilities.
 */
export function crossEntropy(input: Tensor, target: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const who = 'cross_entropy';
  const { weight, ignore_index = -100, label_smoothing = 0, reduction = 'mean' } = options;
  const dim = classDim(who, input);
  if (!(label_smoothing >= 0 && label_smoothing <= 1)) {
    throw new ArgError(`${who}: label_smoothing must be between 0.0 and 1.0. Got: ${label_smoothing}`);
  }
  const classes = input.shape[dim]!;
  checkWeight(who, weight, classes);
  const logP = norm.logSoftmax(input, dim);
  const spread = () => (weight ? logP.mul(alongClasses(weight, input, dim)) : logP);
  if (isFloat(target.dtype)) {
    sameSize(who, input, target);
    if (ignore_index >= 0) throw new ArgError(`${who}: ignore_index is not supported for floating point target`);
    const smooth = label_smoothing === 0 ? target : target.mul(1 - label_smoothing).add(label_smoothing / classes);
    // the mean is over samples (and positions), not over classes
    return reduced(spread().mul(smooth).sum({ dim }).neg(), reduction, input);
  }
  const { nll, kept, total } = byTarget(who, logP, target, options);
  if (label_smoothing === 0) return remember(total(nll, reduction), input);
  const even = kept(spread().sum({ dim })).neg();
  return remember(total(nll.mul(1 - label_smoothing).add(even.mul(label_smoothing / classes)), reduction), input);
}

/** A weight [C] as it broadcasts over the classes of x. */
function alongClasses(weight: Tensor, { shape }: Tensor, dim: number): Tensor {
  return weight.reshape(shape.map((d, i) => (i === dim ? d : 1)));
}

export interface LinearCrossEntropyOptions extends ClassWeights {
  readonly linear_bias?: Tensor | null | undefined;
  readonly ignore_index?: number | null | undefined;
  readonly label_smoothing?: number | undefined;
}

/**
 * Cross entropy of the logits x Wᵀ + b: x [N, F] or [F]; W [C, *, F]; b [C, *]; class indices [N, *] (or []) or probabilities
 * [N, C, *] (or [C]). PyTorch's `options` (batches in pieces, to save memory) are not there.
 */
export function linearCrossEntropy(
  input: Tensor,
  linear_weight: Tensor,
  target: Tensor,
  { linear_bias = null, ignore_index = null, ...rest }: LinearCrossEntropyOptions = {},
): Tensor {
  const who = 'linear_cross_entropy';
  const shape = logitsShape(who, input, linear_weight);
  if (linear_bias && !sameShape(linear_bias.shape, linear_weight.shape.slice(0, -1))) {
    throw new ShapeError(
      `${who}: expected linear_bias shape ${showShape(linear_weight.shape.slice(0, -1))}, got ${showShape(linear_bias.shape)}`,
    );
  }
  if (ignore_index !== null && sameShape(target.shape, shape)) {
    throw new ArgError(`${who}: ignore_index cannot be specified when target contains probabilities`);
  }
  const rows = numel(linear_weight.shape.slice(0, -1));
  const weight = linear_weight.reshape([rows, linear_weight.shape.at(-1)!]);
  const logits = linear(input, weight, linear_bias?.reshape([rows]) ?? null).reshape(shape);
  return crossEntropy(logits, target, { ...rest, ignore_index: ignore_index ?? -100 });
}

function logitsShape(who: string, input: Tensor, weight: Tensor): number[] {
  if (input.ndim < 1 || input.ndim > 2) {
    throw new ShapeError(`${who}: expected input with dimensionality 1 or 2, got ${input.ndim}`);
  }
  if (weight.ndim < 2) {
    throw new ShapeError(`${who}: expected linear_weight with dimensionality at least 2, got ${weight.ndim}`);
  }
  const [features, wanted] = [input, weight].map((t) => t.shape.at(-1)!) as [number, number];
  if (features !== wanted) {
    throw new ShapeError(
      `${who}: expected equal input and linear_weight last dimensions (in_features), got ${features} and ${wanted}, respectively`,
    );
  }
  if (weight.ndim > 2 && input.ndim < 2) {
    throw new ShapeError(
      `${who}: K-dimensional loss defined by linear_weight shape ${showShape(weight.shape)} requires batched input, (N, ${features}), got unbatched input with shape ${showShape(input.shape)}`,
    );
  }
  return [...input.shape.slice(0, -1), ...weight.shape.slice(0, -1)];
}

/**
 * -w (t log x + (1 - t) log(1 - x)) of probabilities x, reduced; the logarithms are at least -100.
 *
 * Inputs and targets outside [0, 1] are an error where their values are known; otherwise such an input makes the loss NaN.
 */
export function binaryCrossEntropy(
  input: Tensor,
  target: Tensor,
  { weight, reduction = 'mean' }: ClassWeights = {},
): Tensor {
  const who = 'binary_cross_entropy';
  needsFloat(who, input);
  sameSize(who, input, target);
  for (const [name, t] of [
    ['input', input],
    ['target', target],
  ] as const) {
    if (findKnown(t, (p) => !(p >= 0 && p <= 1)) !== undefined) {
      throw new ArgError(`${who}: all elements of ${name} should be between 0 and 1`);
    }
  }
  const loss = crossEntropyOfProbabilities(input, target.to(input.dtype));
  return reduced(scaledBy(who, loss, weight), reduction, input);
}

/** -w (pos_weight t log σ(x) + (1 - t) log(1 - σ(x))), computed from logits without overflow. */
export function binaryCrossEntropyWithLogits(
  input: Tensor,
  target: Tensor,
  { weight, pos_weight, reduction = 'mean' }: ClassWeights & { readonly pos_weight?: Tensor | null | undefined } = {},
): Tensor {
  const who = 'binary_cross_entropy_with_logits';
  sameSize(who, input, target);
  const rest = target.neg().add(1);
  const positive = softplus(input.neg());
  const scaled = pos_weight ? positive.mul(pos_weight.sub(1).mul(target).add(1)) : positive;
  return reduced(scaledBy(who, rest.mul(input).add(scaled), weight), reduction, input);
}

/** A loss times a weight that broadcasts to it. */
function scaledBy(who: string, loss: Tensor, weight: Tensor | null | undefined): Tensor {
  if (!weight) return loss;
  if (sameShape(broadcast(who, loss.shape, weight.shape), loss.shape)) return loss.mul(weight);
  throw new ShapeError(
    `${who}: expected a weight that broadcasts to ${showShape(loss.shape)}, got ${showShape(weight.shape)}`,
  );
}

export interface KlDivOptions {
  readonly reduction?: Reduction | 'batchmean' | undefined;
  readonly log_target?: boolean | undefined;
}

/**
 * t (log t - x) of log-probabilities x and probabilities t (with `log_target` their logarithms too: eᵗ (t - x)), reduced;
 * `batchmean`: the sum divided by x's first size. Shapes may broadcast.
 *
 * As in PyTorch `mean` divides by the number of elements; only `batchmean` is the divergence of a distribution.
 */
export function klDiv(
  input: Tensor,
  target: Tensor,
  { reduction = 'mean', log_target = false }: KlDivOptions = {},
): Tensor {
  needsFloat('kl_div', input);
  broadcast('kl_div', input.shape, target.shape);
  const entropy = () => where(target.eq(0), 0, target.mul(target.log()));
  const loss = log_target ? target.exp().mul(target.sub(input)) : entropy().sub(target.mul(input));
  if (reduction !== 'batchmean') return reduced(loss, reduction, input);
  return remember(input.ndim === 0 ? loss.sum() : loss.sum().div(input.shape[0]!), input);
}
