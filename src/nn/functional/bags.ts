/** How indices fall into bags: the rows of a matrix of them, or what lies between offsets. */

import { firstLargest, segments } from '../../ops/embedding.ts';
import { constant } from '../../tensor/constant.ts';
import { mode } from '../../tensor/mode.ts';
import { showShape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { ArgError, ShapeError } from '../../util/errors.ts';

export interface Bags {
  /** Rows [N, *] of all the indices added up in each bag: [B, *]. */
  sum(rows: Tensor): Tensor;
  /** The index [N] whose row [N, D] is the largest of each bag, the first of equals, in each column: [B, D]; any for an empty bag. */
  largest(index: Tensor, rows: Tensor): Tensor;
}

const who = 'embedding_bag';

/** The bags of indices [B, N], or of [N] with offsets. */
export function bagsOf(input: Tensor, offsets: Tensor | null, include_last_offset: boolean): Bags {
  if (input.ndim === 2) {
    if (!offsets) return rowsOf(input.shape as [number, number]);
    throw new ArgError(
      `${who}: if input is 2D, then offsets has to be None, as input is treated as a mini-batch of fixed length sequences; got offsets of shape ${showShape(offsets.shape)}`,
    );
  }
  if (input.ndim !== 1) {
    throw new ShapeError(`${who}: input has to be 1D or 2D Tensor, but got Tensor of dimension ${input.ndim}`);
  }
  if (!offsets) throw new ArgError(`${who}: offsets has to be a 1D Tensor but got None`);
  if (offsets.ndim !== 1)
    throw new ShapeError(`${who}: offsets has to be a 1D Tensor, got ${showShape(offsets.shape)}`);
  if (include_last_offset && offsets.shape[0] === 0) {
    throw new ArgError(`${who}: include_last_offset: number of offset should be at least 1`);
  }
  checkOffsets(offsets, input.shape[0]!);
  return between(offsets, input.shape[0]!, include_last_offset);
}

function rowsOf([count, length]: readonly [number, number]): Bags {
  const split = (t: Tensor) => t.reshape([count, length, ...t.shape.slice(1)]);
  return {
    sum: (rows) => split(rows).sum({ dim: 1 }),
    largest: (index, rows) =>
      split(index)
        .gather(1, split(rows).argmax({ dim: 1 }))
        .to('int64'),
  };
}

function between(offsets: Tensor, n: number, include_last_offset: boolean): Bags {
  const segment = segments(offsets, n);
  const starts = offsets.shape[0]!;
  // the last one is what lies behind the last offset
  const bags = (t: Tensor) => (include_last_offset ? t.narrow(0, 0, starts - 1) : t);
  return {
    sum: (rows) => {
      const none = constant(0, { shape: [starts, ...rows.shape.slice(1)], dtype: rows.dtype });
      return bags(none.indexAdd(0, segment, rows));
    },
    largest: (index, rows) => {
      const first = bags(firstLargest(rows, segment, starts)).minimum(n - 1);
      return index.to('int64').indexSelect(0, first);
    },
  };
}

/** Offsets in order from 0, where their values are there to be looked at. */
function checkOffsets({ node }: Tensor, n: number): void {
  if (!node.data || mode.inferring) return;
  let last = 0;
  for (const [i, value] of Array.from(node.data, Number).entries()) {
    if (i === 0 && value !== 0) {
      throw new ArgError(
        `${who}: offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. However, got ${value}`,
      );
    }
    if (value < last) throw new ArgError(`${who}: offsets have to grow, but offsets[${i}] is ${value}, after ${last}`);
    if (value > n) {
      throw new ArgError(
        `${who}: offsets[-1] can not be greater than input's length ${n} but got offsets[${i}] of ${value}`,
      );
    }
    last = value;
  }
}
