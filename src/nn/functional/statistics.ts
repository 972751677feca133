/** What the normalisations share: the checks of their operands, and running statistics. */

import { isFloat } from '../../tensor/dtype.ts';
import { mode, noGrad } from '../../tensor/mode.ts';
import { numel, type Shape, sameShape, showShape } from '../../tensor/shape.ts';
import { expectTensor, setState, type Tensor } from '../../tensor/tensor.ts';
import { ArgError, ShapeError } from '../../util/errors.ts';

type State = Readonly<Record<string, Tensor | null>>;

/** The input is of a floating point dtype, and weight, bias and statistics are of the same. */
export function checkDtypes(who: string, x: Tensor, state: State): void {
  expectTensor(who, x);
  if (!isFloat(x.dtype)) throw new ArgError(`${who}: not implemented for ${x.dtype}; expected a floating point dtype`);
  for (const [name, t] of Object.entries(state)) {
    if (t && t.dtype !== x.dtype) {
      throw new ArgError(
        `${who}: mixed dtype: all inputs must share same datatype, got ${x.dtype} and a ${name} of ${t.dtype}`,
      );
    }
  }
}

/** The sizes of the last dimensions, which must be those of x and of weight and bias. */
export function lastDims(who: string, x: Tensor, normalized_shape: number | Shape, state: State): Shape {
  const shape = typeof normalized_shape === 'number' ? [normalized_shape] : normalized_shape;
  if (shape.length === 0) {
    throw new ShapeError(
      `${who}: Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got normalized_shape = []`,
    );
  }
  for (const [name, t] of Object.entries(state)) {
    if (t && !sameShape(t.shape, shape)) {
      throw new ShapeError(
        `${who}: Expected ${name} to be of same shape as normalized_shape, but got ${name} of shape ${showShape(t.shape)} and normalized_shape = ${showShape(shape)}`,
      );
    }
  }
  if (x.ndim < shape.length || !sameShape(x.shape.slice(-shape.length), shape)) {
    throw new ShapeError(
      `${who}: Given normalized_shape=${showShape(shape)}, expected input with shape [*, ${shape.join(', ')}], but got input of size${showShape(x.shape)}`,
    );
  }
  return shape;
}

/** Each has one value for each channel. */
export function checkChannels(who: string, x: Tensor, state: State): void {
  if (x.ndim < 2) throw new ShapeError(`${who}: expected at least 2D input (got ${x.ndim}D input)`);
  const channels = x.shape[1]!;
  for (const [name, t] of Object.entries(state)) {
    if (t && !sameShape(t.shape, [channels])) {
      throw new ShapeError(
        `${who}: ${name} should contain ${channels} elements not ${numel(t.shape)}, got shapes ${showShape(x.shape)} and ${showShape(t.shape)}`,
      );
    }
  }
}

/** A batch has more than one value for each channel: of one there is no variance. */
export function checkBatch(who: string, shape: Shape): void {
  if (numel(shape) !== shape[1] || shape[1] === 0) return;
  throw new ShapeError(
    `${who}: Expected more than 1 value per channel when training, got input size ${showShape(shape)}`,
  );
}

/** A running statistic, what the batch says, and the factor that makes that an unbiased estimate. */
export type Tracked = readonly [running: Tensor | null, batch: Tensor, unbiased: number];

/** running = (1 - momentum) running + momentum batch, taken by whatever run computes `y`, a result of the batch's own node. */
export function track(y: Tensor, momentum: number | Tensor, statistics: readonly Tracked[]): void {
  if (mode.inferring) return;
  noGrad(() => {
    const updates = statistics.flatMap(([running, batch, scale]) => {
      if (!running) return [];
      const moved =
        typeof momentum === 'number'
          ? running.mul(1 - momentum).add(batch.mul(momentum * scale))
          : running.add(batch.mul(scale).sub(running).mul(momentum));
      return [[running, moved.node] as const];
    });
    y.node.inputs[0]!.effects = updates.map(([, node]) => node);
    for (const [running, node] of updates) setState(running, node);
  });
}
