/** Losses. */

import * as e from '../../ops/elementwise.ts';
import * as norm from '../../ops/norm.ts';
import { constant } from '../../tensor/constant.ts';
import { isFloat } from '../../tensor/dtype.ts';
import { mode } from '../../tensor/mode.ts';
import { sameShape, showShape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { ArgError, ShapeError } from '../../util/errors.ts';

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
