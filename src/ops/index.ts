/** Reading and adding by index. */

import { constant, literal } from '../tensor/constant.ts';
import { allocate } from '../tensor/dtype.ts';
import type { Op } from '../tensor/op.ts';
import { normalizeDim, type Shape, sameShape, showShape } from '../tensor/shape.ts';
import { apply, type Tensor } from '../tensor/tensor.ts';
import { ArgError, ShapeError } from '../util/errors.ts';

const selectOp: Op<{ dim: number }> = {
  name: 'index_select',
  infer: ([x, index], { dim }) => ({
    shape: [...x!.shape.slice(0, dim), ...index!.shape, ...x!.shape.slice(dim + 1)],
    dtype: x!.dtype,
  }),
  grad: (g, _y, [x, index], { dim }) => [indexAdd(constant(0, x!), dim, index!, g), null],
  lower: (b, inputs, { dim }) => b.node('Gather', inputs, { axis: dim }),
};
/** Slices of x along `dim` at the indices; an index of several dimensions takes the place of `dim` with all of them. */
export function indexSelect(x: Tensor, dim: number, index: Tensor | BigInt64Array): Tensor {
  const d = normalizeDim('indexSelect', dim, x.ndim);
  const at = index instanceof BigInt64Array ? literal(index, { shape: [index.length], dtype: 'int64' }) : index;
  asIndex('indexSelect', at);
  return apply(selectOp, [x, at], { dim: d });
}

function asIndex(who: string, index: Tensor): void {
  if (index.dtype !== 'int64' && index.dtype !== 'int32') {
    throw new ArgError(`${who}: expected an index of dtype int64 or int32, got ${index.dtype}`);
  }
}

/** x with `source` added to its slices along `dim` at the indices (equal indices add up). ScatterND, ORT's fastest by far. */
const addOp: Op<{ dim: number }> = {
  name: 'index_add',
  infer: ([x]) => x!,
  grad: (g, _y, [, index], { dim }) => [g, null, indexSelect(g, dim, index!)],
  lower: (b, [x, index, source], { dim }, _out, [xa, ia, sa]) => {
    // indices first: the leading axis of ScatterND's data
    const front = (n: number, from: number, count: number) => {
      const moved = Array.from({ length: count }, (_, i) => from + i);
      return [...moved, ...[...Array(n).keys()].filter((i) => !moved.includes(i))];
    };
    const perm = front(xa!.shape.length, dim, 1);
    const rows = b.node('Unsqueeze', [b.cast(index!, 'int64'), b.ints([-1])]);
    const updates = b.transpose(source!, front(sa!.shape.length, dim, ia!.shape.length));
    const y = b.node('ScatterND', [b.transpose(x!, perm), rows, updates], { reduction: 'add' });
    return b.transpose(
      y,
      perm.map((_, i) => perm.indexOf(i)),
    );
  },
};
export function indexAdd(x: Tensor, dim: number, index: Tensor, source: Tensor): Tensor {
  asIndex('indexAdd', index);
  const d = normalizeDim('indexAdd', dim, x.ndim);
  const expected = [...x.shape.slice(0, d), ...index.shape, ...x.shape.slice(d + 1)];
  if (!sameShape(source.shape, expected)) {
    throw new ShapeError(
      `indexAdd: expected a source of shape ${showShape(expected)} for an index of shape ${showShape(index.shape)} along dimension ${d} of ${showShape(x.shape)}, got ${showShape(source.shape)}`,
    );
  }
  sameDtype('indexAdd', x, source);
  return apply(addOp, [x, index, source], { dim: d });
}

const gatherOp: Op<{ dim: number }> = {
  name: 'gather',
  infer: ([x, index]) => ({ shape: index!.shape, dtype: x!.dtype }),
  grad: (g, _y, [x, index], { dim }) => [scatterAdd(constant(0, x!), dim, index!, g), null],
  lower: (b, inputs, { dim }) => b.node('GatherElements', inputs, { axis: dim }),
};
/** out[i][j] = x[index[i][j]][j] for dim 0, and so on: one element per element of `index`. */
export function gather(x: Tensor, dim: number, index: Tensor): Tensor {
  const d = normalizeDim('gather', dim, x.ndim);
  asIndex('gather', index);
  checkIndexShape('gather', x.shape, index.shape, d);
  return apply(gatherOp, [x, index], { dim: d });
}

const scatterOp: Op<{ dim: number }> = {
  name: 'scatter_add',
  infer: ([x]) => x!,
  grad: (g, _y, [, index], { dim }) => [g, null, gather(g, dim, index!)],
  lower: (b, inputs, { dim }) => b.node('ScatterElements', inputs, { axis: dim, reduction: 'add' }),
};
/** x with `source` added at the places `gather` would read. */
export function scatterAdd(x: Tensor, dim: number, index: Tensor, source: Tensor): Tensor {
  const d = normalizeDim('scatterAdd', dim, x.ndim);
  asIndex('scatterAdd', index);
  checkIndexShape('scatterAdd', x.shape, index.shape, d);
  if (source.ndim !== index.ndim || source.shape.some((n, i) => n < index.shape[i]!)) {
    throw new ShapeError(
      `scatterAdd: Expected index ${showShape(index.shape)} to be no larger size than src ${showShape(source.shape)}`,
    );
  }
  sameDtype('scatterAdd', x, source);
  // of a larger source the part that has an index
  const part = index.shape.reduce((t, n, i) => t.slice({ dim: i, end: n }), source);
  return apply(scatterOp, [x, index, part], { dim: d });
}

function sameDtype(who: string, x: Tensor, source: Tensor): void {
  if (x.dtype !== source.dtype) {
    throw new ArgError(
      `${who}: self and source expected to have the same dtype, but got ${x.dtype} and ${source.dtype}`,
    );
  }
}

function checkIndexShape(who: string, shape: Shape, index: Shape, dim: number): void {
  if (index.length !== shape.length || index.some((d, i) => i !== dim && d > shape[i]!)) {
    throw new ShapeError(
      `${who}: expected an index of ${shape.length} dimensions no larger than ${showShape(shape)} apart from dimension ${dim}, got ${showShape(index)}`,
    );
  }
}

/** 1 where the class is, along a new last dimension; int64, as torch.nn.functional.one_hot. */
export function oneHot(index: Tensor, classes: number): Tensor {
  asIndex('oneHot', index);
  const range = allocate('int64', classes);
  for (let i = 0; i < classes; i++) range[i] = BigInt(i);
  return index
    .unsqueeze(-1)
    .eq(literal(range, { shape: [classes], dtype: 'int64' }))
    .to('int64');
}
