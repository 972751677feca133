/** Places of images read, the same ones in every channel, and added to; each is the other's gradient. */
import { constantOf } from '../tensor/constant.ts';
import type { Op } from '../tensor/op.ts';
import { apply, type Tensor } from '../tensor/tensor.ts';

type None = Record<string, never>;

/** From this many channels on they are gathered together, as the rows of a matrix; fewer are gathered one by one. */
const ROWS = 16;

const gatherOp: Op<None> = {
  name: 'gather_places',
  infer: ([x, index]) => ({ shape: [...x!.shape.slice(0, 2), index!.shape[1]!], dtype: x!.dtype }),
  grad: (g, _y, [x, index]) => [scatterPlaces(g, index!, x!.shape[2]!), null],
  lower: (b, [x, index], _attrs, [out], [aval]) => {
    const [n, c, places] = out!.shape as [number, number, number];
    if (c < ROWS) {
      const each = b.node('Expand', [b.reshape(index!, [n, 1, places]), b.ints([n, c, places])]);
      return b.node('GatherElements', [x!, each], { axis: 2 });
    }
    const size = aval!.shape[2]!;
    const rows = b.reshape(b.transpose(x!, [0, 2, 1]), [n * size, c]);
    const starts = b.constant(
      'int64',
      [n, 1],
      BigInt64Array.from({ length: n }, (_, i) => BigInt(i * size)),
    );
    return b.transpose(b.node('Gather', [rows, b.node('Add', [index!, starts])], { axis: 0 }), [0, 2, 1]);
  },
};
/** x [N, C, S] at index [N, P]: [N, C, P]. */
export function gatherPlaces(x: Tensor, index: Tensor): Tensor {
  return apply(gatherOp, [x, index], {});
}

const scatterOp: Op<{ size: number }> = {
  name: 'scatter_places',
  infer: ([x], { size }) => ({ shape: [...x!.shape.slice(0, 2), size], dtype: x!.dtype }),
  grad: (g, _y, [, index]) => [gatherPlaces(g, index!), null],
  // always by rows: ScatterElements is several times slower
  lower: (b, [x, index], { size }, [out], [aval]) => {
    const [n, c, places] = aval!.shape as [number, number, number];
    const starts = b.constant(
      'int64',
      [n, 1],
      BigInt64Array.from({ length: n }, (_, i) => BigInt(i * size)),
    );
    const rows = b.reshape(b.node('Add', [index!, starts]), [n * places, 1]);
    const updates = b.reshape(b.transpose(x!, [0, 2, 1]), [n * places, c]);
    const zeros = constantOf(b, 0, { shape: [n * size, c], dtype: out!.dtype });
    const sums = b.node('ScatterND', [zeros, rows, updates], { reduction: 'add' });
    return b.transpose(b.reshape(sums, [n, size, c]), [0, 2, 1]);
  },
};
/** [N, C, P] added up at index [N, P] of [N, C, size]. */
function scatterPlaces(x: Tensor, index: Tensor, size: number): Tensor {
  return apply(scatterOp, [x, index], { size });
}
