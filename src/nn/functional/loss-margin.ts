/** Losses of scores that ask for a margin: of signs, of one class, of several labels. */

import { where } from '../../ops/compare.ts';
import { softplus } from '../../ops/elementwise.ts';
import { cat } from '../../ops/movement.ts';
import { constant } from '../../tensor/constant.ts';
import { broadcast, sameShape, showShape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { ArgError, ShapeError } from '../../util/errors.ts';
import {
  asLabels,
  findKnown,
  indexable,
  isKnown,
  type LossOptions,
  needsFloat,
  range,
  reduced,
} from './loss-shared.ts';

interface WeightOptions extends LossOptions {
  readonly weight?: Tensor | null | undefined;
}

/** log(1 + e^(-t x)) of targets 1 and -1, without overflow, reduced. The target may broadcast to the input. */
export function softMarginLoss(input: Tensor, target: Tensor, { reduction = 'mean' }: LossOptions = {}): Tensor {
  const who = 'soft_margin_loss';
  const shape = broadcast(who, input.shape, target.shape);
  if (!sameShape(shape, input.shape)) {
    throw new ShapeError(
      `${who}: output with shape ${showShape(input.shape)} doesn't match the broadcast shape ${showShape(shape)}`,
    );
  }
  return reduced(softplus(target.neg().mul(input)), reduction, input);
}

/** Scores as rows [N, C]: of [N, C], [C] or []. */
function asRows(who: string, input: Tensor): Tensor {
  needsFloat(who, input);
  if (input.ndim <= 2 && input.shape.at(-1) !== 0) return input.ndim === 2 ? input : input.reshape([1, -1]);
  throw new ShapeError(
    `${who}: Expected non-empty vector or matrix with optional 0-dim batch size, but got: ${showShape(input.shape)}`,
  );
}

/**
 * Σ max(0, margin - x[t] + x[i])^p / C over the classes i other than the target t, times weight[t], reduced.
 * x [N, C] or [C]; t [N] or [].
 */
export function multiMarginLoss(
  input: Tensor,
  target: Tensor,
  {
    p = 1,
    margin = 1,
    weight,
    reduction = 'mean',
  }: WeightOptions & { readonly p?: number; readonly margin?: number } = {},
): Tensor {
  const who = 'multi_margin_loss';
  if (p !== 1 && p !== 2) throw new ArgError(`${who}: only p == 1 and p == 2 supported, got ${p}`);
  const x = asRows(who, input);
  const [rows, classes] = x.shape as [number, number];
  if (!sameShape(target.shape, input.shape.slice(0, -1))) {
    throw new ShapeError(
      `${who}: Expected target size ${showShape(input.shape.slice(0, -1))}, but got ${showShape(target.shape)}. Input has shape ${showShape(input.shape)}`,
    );
  }
  if (weight && !sameShape(weight.shape, [classes])) {
    throw new ShapeError(`${who}: inconsistent weight size, expected ${classes} but got ${showShape(weight.shape)}`);
  }
  inRange(who, target, 0, classes);
  const labels = indexable(asLabels(who, target).reshape([rows, 1]), classes, isKnown(target));
  const hinge = x.sub(x.gather(1, labels)).add(margin).relu();
  const powered = p === 1 ? hinge : hinge.square();
  const scaled = weight ? powered.mul(weight.indexSelect(0, labels.reshape([rows])).unsqueeze(1)) : powered;
  const others = where(labels.eq(range(classes)), 0, scaled);
  return reduced(others.sum({ dim: 1 }).div(classes).reshape(target.shape), reduction, input);
}

function inRange(who: string, target: Tensor, low: number, classes: number): void {
  const wrong = findKnown(target, (k) => k < low || k >= classes);
  if (wrong === undefined) return;
  throw new ArgError(`${who}: target out of range: expected ${low} to ${classes - 1}, got ${wrong}`);
}

/**
 * Σ max(0, 1 - x[j] + x[i]) / C over the classes j a row of the target lists, up to its first -1, and the classes i it does
 * not, reduced. x and the target [N, C] or [C].
 *
 * Works on [N, K, C] numbers, where K is the most classes listed (rounded up to a power of two), or C inside a compiled function.
 */
export function multilabelMarginLoss(input: Tensor, target: Tensor, { reduction = 'mean' }: LossOptions = {}): Tensor {
  const who = 'multilabel_margin_loss';
  const x = asRows(who, input);
  const [rows, classes] = x.shape as [number, number];
  if (!sameShape(target.shape, input.shape)) {
    throw new ShapeError(
      `${who}: inconsistent target size: ${showShape(target.shape)} for input of size: ${showShape(input.shape)}`,
    );
  }
  inRange(who, target, -1, classes);
  const width = mostListed(target, classes);
  const all = asLabels(who, target).reshape([rows, classes]);
  // the place of the first -1 in each row
  const end = constant(-1, { shape: [rows, 1], dtype: 'int64' });
  const count = cat([all, end], { dim: 1 }).lt(0).argmax({ dim: 1, keepdim: true });
  const listed = range(width).lt(count);
  const labels = where(listed, all.narrow(1, 0, width), 0);
  const marks = constant(0, x).scatterAdd(1, labels, listed.to(x.dtype));
  const hinge = x.unsqueeze(1).sub(x.gather(1, labels).unsqueeze(2)).add(1).relu();
  const counted = where(listed.unsqueeze(2).logicalAnd(marks.eq(0).unsqueeze(1)), hinge, 0);
  const loss = counted.sum({ dim: [1, 2] }).div(classes);
  return reduced(loss.reshape(input.shape.slice(0, -1)), reduction, input);
}

/** How many classes a row lists at most, rounded up to a power of two; all of them where that is not known. */
function mostListed(target: Tensor, classes: number): number {
  const { data } = target.node;
  if (!data || !isKnown(target)) return classes;
  let most = 1;
  for (let row = 0; row < data.length; row += classes) {
    let n = 0;
    while (n < classes && data[row + n]! >= 0) n++;
    most = Math.max(most, n);
  }
  return Math.min(classes, 2 ** Math.ceil(Math.log2(most)));
}

/**
 * The mean over the last dimension of -w (t log σ(x) + (1 - t) log(1 - σ(x))), reduced. x [*, C], targets of 0 and 1, which may
 * broadcast.
 */
export function multilabelSoftMarginLoss(
  input: Tensor,
  target: Tensor,
  { weight, reduction = 'mean' }: WeightOptions = {},
): Tensor {
  const who = 'multilabel_soft_margin_loss';
  if (input.ndim === 0) throw new ShapeError(`${who}: expected an input of at least one dimension`);
  const shape = broadcast(who, input.shape, target.shape);
  if (weight) broadcast(who, shape, weight.shape);
  const each = target.mul(softplus(input.neg())).add(target.neg().add(1).mul(softplus(input)));
  const loss = weight ? each.mul(weight) : each;
  return reduced(loss.sum({ dim: input.ndim - 1 }).div(input.shape.at(-1)!), reduction, input);
}
