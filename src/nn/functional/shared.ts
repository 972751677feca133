/** What several families need. */

import { showShape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { ShapeError } from '../../util/errors.ts';

/** One number for all spatial dimensions, or one for each. */
export type Size = number | readonly number[];

/** Apply a function of batches [N, C, *] to [C, *] too. */
export function batched(who: string, x: Tensor, rank: number, fn: (x: Tensor) => Tensor): Tensor {
  if (x.ndim === rank + 2) return fn(x);
  if (x.ndim === rank + 1) return fn(x.unsqueeze(0)).squeeze(0);
  throw new ShapeError(
    `${who}: Expected ${rank + 1}D or ${rank + 2}D (batch mode) tensor, but got: ${showShape(x.shape)}`,
  );
}
