/** Dropout. */

import { drawn } from '../../ops/host.ts';
import { type Shape, showShape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { ArgError, ShapeError } from '../../util/errors.ts';
import { defaultGenerator } from '../../util/generator.ts';

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
