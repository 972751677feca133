/** What all losses share: the reduction, and what may be asked of a target. */

import { where } from '../../ops/compare.ts';
import { literal } from '../../tensor/constant.ts';
import { type Dtype, isFloat, numberAt } from '../../tensor/dtype.ts';
import { mode } from '../../tensor/mode.ts';
import { sameShape, showShape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { ArgError, ShapeError } from '../../util/errors.ts';

export type Reduction = 'none' | 'mean' | 'sum';
export interface LossOptions {
  readonly reduction?: Reduction | undefined;
}

export function checkReduction(reduction: string): void {
  if (reduction === 'none' || reduction === 'mean' || reduction === 'sum') return;
  throw new ArgError(`loss: '${reduction}' is not a valid value for reduction; expected none, mean or sum`);
}

/** Reduce a loss, and remember the predictions: an optimizer step that computes the loss returns them too. */
export function reduced(loss: Tensor, reduction: Reduction, ...predictions: readonly Tensor[]): Tensor {
  checkReduction(reduction);
  return remember(reduction === 'none' ? loss : reduction === 'sum' ? loss.sum() : loss.mean(), ...predictions);
}
export function remember(loss: Tensor, ...predictions: readonly Tensor[]): Tensor {
  const computed = predictions.map(({ node }) => node).filter(({ op }) => op !== null);
  if (loss.requiresGrad && computed.length > 0) loss.node.keep = computed;
  return loss;
}

export function sameSize(who: string, input: Tensor, target: Tensor): void {
  if (sameShape(input.shape, target.shape)) return;
  throw new ShapeError(
    `${who}: target size (${showShape(target.shape)}) must be the same as input size (${showShape(input.shape)})`,
  );
}

const isConstant = ({ node }: Tensor) => node.op?.name === 'constant';

/** Whether a graph may depend on a tensor's values: they are there, and stay. Each call of a compiled function may bring others. */
export function isKnown(t: Tensor): boolean {
  return isConstant(t) || (t.node.data !== null && !mode.inferring && !mode.trace);
}

/** The first value that is wrong, where values are there to be looked at. */
export function findKnown(t: Tensor, wrong: (value: number, place: number) => boolean): number | undefined {
  const { data, attrs } = t.node;
  if (mode.inferring || (!data && !isConstant(t))) return undefined;
  if (!data) return [(attrs as { value: number }).value].find(wrong);
  for (let i = 0; i < data.length; i++) {
    const value = numberAt(data, i, t.dtype);
    if (wrong(value, i)) return value;
  }
  return undefined;
}

/** A target of class indices as int64. */
export function asLabels(who: string, target: Tensor): Tensor {
  const kinds: readonly Dtype[] = ['int64', 'int32', 'uint8'];
  if (kinds.includes(target.dtype)) return target.to('int64');
  throw new ArgError(`${who}: expected target dtype to be int64, int32 or uint8, but got ${target.dtype}`);
}

/** Classes out of range, where they are known; otherwise ONNX Runtime checks them. */
export function checkClasses(who: string, target: Tensor, classes: number, ignored: number): void {
  const wrong = findKnown(target, (k) => (k < 0 || k >= classes) && k !== ignored);
  if (wrong !== undefined) throw new ArgError(`${who}: Target ${wrong} is out of bounds for ${classes} classes`);
}

/**
 * Labels to look up by. ONNX Runtime complains of those past the end, but counts negative ones from there: where those were not
 * `checked` they are put past the end.
 */
export function indexable(labels: Tensor, classes: number, checked: boolean): Tensor {
  return checked ? labels : where(labels.lt(0), classes, labels);
}

/** 0, 1, … n - 1, int64. */
export function range(n: number): Tensor {
  return literal(
    BigInt64Array.from({ length: n }, (_, i) => BigInt(i)),
    { shape: [n], dtype: 'int64' },
  );
}

export function needsFloat(who: string, input: Tensor): void {
  if (!isFloat(input.dtype)) {
    throw new ArgError(`${who}: expected an input of a floating point dtype, got ${input.dtype}`);
  }
}
