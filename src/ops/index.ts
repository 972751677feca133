/** Slices chosen by an index. One index for each element: `scatter.ts`; Python's brackets: `at.ts`. */

import type { GraphBuilder } from '../onnx/builder.ts';
import { constant, literal } from '../tensor/constant.ts';
import type { Dtype } from '../tensor/dtype.ts';
import { mode } from '../tensor/mode.ts';
import type { Op } from '../tensor/op.ts';
import { normalizeDim, numel, type Shape, sameShape, showShape } from '../tensor/shape.ts';
import { apply, type Tensor } from '../tensor/tensor.ts';
import { ArgError, ShapeError } from '../util/errors.ts';
import { fillValue } from './compare.ts';
import type { Operand } from './operands.ts';

const selectOp: Op<{ dim: number }> = {
  name: 'index_select',
  infer: ([x, index], { dim }) => ({
    shape: [...x!.shape.slice(0, dim), ...index!.shape, ...x!.shape.slice(dim + 1)],
    dtype: x!.dtype,
  }),
  grad: (g, _y, [x, index], { dim }) => [apply(addOp, [constant(0, x!), index!, g], { dim }), null],
  lower: (b, inputs, { dim }) => b.node('Gather', inputs, { axis: dim }),
};
/** Slices of x along `dim` at the indices; an index of several dimensions takes the place of `dim` with all of them. */
export function indexSelect(x: Tensor, dim: number, index: Tensor | BigInt64Array): Tensor {
  const d = normalizeDim('indexSelect', dim, x.ndim);
  const at = index instanceof BigInt64Array ? literal(index, { shape: [index.length], dtype: 'int64' }) : index;
  asIndex('indexSelect', at);
  inRange('indexSelect', at, d, x.shape[d] ?? 1);
  return slicesAt(x, d, at);
}

/** The same for indices that may count from the end. */
export function slicesAt(x: Tensor, dim: number, index: Tensor): Tensor {
  if (x.ndim === 0) return slicesAt(x.reshape([1]), 0, index).reshape([]);
  return apply(selectOp, [x, index], { dim });
}

function dimOf(who: string, dim: number, x: Tensor): number {
  if (x.ndim > 0) return normalizeDim(who, dim, x.ndim);
  throw new ShapeError(`${who}: expected a tensor of at least 1 dimension, got 0`);
}

export function asIndex(who: string, index: Tensor): void {
  if (index.dtype !== 'int64' && index.dtype !== 'int32') {
    throw new ArgError(`${who}: expected an index of dtype int64 or int32, got ${index.dtype}`);
  }
}

/** Throws for an index outside 0 to size - 1 where its values are known (`low`: the least that is allowed). */
export function inRange(who: string, index: Tensor, dim: number, size: number, low = 0): void {
  const { data } = index.node;
  if (!data || mode.inferring) return;
  for (const k of data) {
    if (k >= low && k < size) continue;
    throw new ArgError(`${who}: index ${k} is out of bounds for dimension ${dim} with size ${size}`);
  }
}

/** A scattering that computes. Of halves ORT has none: it is done in float32. */
export function scattered(
  b: GraphBuilder,
  node: 'ScatterND' | 'ScatterElements',
  [x, index, source]: readonly string[],
  attributes: { readonly axis?: number; readonly reduction: string },
  dtype: Dtype,
): string {
  const wide = (name: string) => (dtype === 'float16' ? b.cast(name, 'float32') : name);
  const y = b.node(node, [wide(x!), index!, wide(source!)], attributes);
  return dtype === 'float16' ? b.cast(y, dtype) : y;
}

/** x with `source` added to its slices along `dim` at the indices (equal indices add up). ScatterND, ORT's fastest by far. */
const addOp: Op<{ dim: number }> = {
  name: 'index_add',
  infer: ([x]) => x!,
  grad: (g, _y, [, index], { dim }) => [g, null, slicesAt(g, dim, index!)],
  lower: (b, [x, index, source], { dim }, _out, [xa, ia, sa]) => {
    // indices first: the leading axis of ScatterND's data
    const front = (n: number, from: number, count: number) => {
      const moved = Array.from({ length: count }, (_, i) => from + i);
      return [...moved, ...[...Array(n).keys()].filter((i) => !moved.includes(i))];
    };
    const perm = front(xa!.shape.length, dim, 1);
    const rows = b.node('Unsqueeze', [b.cast(index!, 'int64'), b.ints([-1])]);
    const updates = b.transpose(source!, front(sa!.shape.length, dim, ia!.shape.length));
    const y = scattered(b, 'ScatterND', [b.transpose(x!, perm), rows, updates], { reduction: 'add' }, xa!.dtype);
    return b.transpose(
      y,
      perm.map((_, i) => perm.indexOf(i)),
    );
  },
};
export function indexAdd(x: Tensor, dim: number, index: Tensor, source: Tensor): Tensor {
  asIndex('indexAdd', index);
  const d = dimOf('indexAdd', dim, x);
  const expected = [...x.shape.slice(0, d), ...index.shape, ...x.shape.slice(d + 1)];
  if (!sameShape(source.shape, expected)) {
    throw new ShapeError(
      `indexAdd: expected a source of shape ${showShape(expected)} for an index of shape ${showShape(index.shape)} along dimension ${d} of ${showShape(x.shape)}, got ${showShape(source.shape)}`,
    );
  }
  sameDtype('indexAdd', x, source);
  inRange('indexAdd', index, d, x.shape[d]!);
  return apply(addOp, [x, index, source], { dim: d });
}

export function sameDtype(who: string, x: Tensor, source: Tensor): void {
  if (x.dtype !== source.dtype) {
    throw new ArgError(
      `${who}: self and source expected to have the same dtype, but got ${x.dtype} and ${source.dtype}`,
    );
  }
}

/** x with `source` in place of its slices along `dim` at the indices. https://pytorch.org/docs/stable/generated/torch.Tensor.index_copy.html */
export function indexCopy(x: Tensor, dim: number, index: Tensor, source: Tensor): Tensor {
  const d = dimOf('indexCopy', dim, x);
  const [n] = vector('indexCopy', index).shape as [number];
  inRange('indexCopy', index, d, x.shape[d]!);
  if (source.shape[d] !== n) {
    throw new ShapeError(
      `indexCopy: Number of indices (${n}) should be equal to source.size(dim) (${source.shape[d]})`,
    );
  }
  if (!sameShape(source.shape, x.shape.with(d, n))) {
    throw new ShapeError(
      `indexCopy: Source/destination tensor must have same slice shapes. Expected a source of shape ${showShape(x.shape.with(d, n))}, got ${showShape(source.shape)}`,
    );
  }
  return x.scatter(d, spread(vector('indexCopy', index), d, source.shape), source);
}

/** x with one value in its slices along `dim` at the indices. https://pytorch.org/docs/stable/generated/torch.Tensor.index_fill.html */
export function indexFill(x: Tensor, dim: number, index: Tensor, value: Operand): Tensor {
  const d = dimOf('indexFill', dim, x);
  if (typeof value !== 'number' && value.ndim > 0) {
    throw new ArgError(
      `indexFill: index_fill only supports a 0-dimensional value tensor, but got tensor with ${value.ndim} dimension(s)`,
    );
  }
  const list = vector('indexFill', index);
  inRange('indexFill', list, d, x.shape[d]!, -x.shape[d]!);
  const shape = x.shape.with(d, list.shape[0]!);
  return x.scatter(d, spread(list, d, shape), fillValue(value, x.dtype).expand(shape));
}

function vector(who: string, index: Tensor): Tensor {
  asIndex(who, index);
  if (index.ndim > 1) throw new ShapeError(`${who}: Index has to be a vector/scalar, got ${showShape(index.shape)}`);
  return index.ndim === 0 ? index.reshape([1]) : index;
}
/** One index for each slice, as one for each element. */
function spread(index: Tensor, dim: number, shape: Shape): Tensor {
  return index.reshape(shape.map((_, i) => (i === dim ? -1 : 1))).expand(shape);
}

/** Elements of x as if it were flat. https://pytorch.org/docs/stable/generated/torch.take.html */
export function take(x: Tensor, index: Tensor): Tensor {
  asIndex('take', index);
  inRange('take', index, 0, numel(x.shape), -numel(x.shape));
  return slicesAt(x.reshape([-1]), 0, index);
}

const rangeOp: Op<{ n: number; step: number }> = {
  name: 'range',
  infer: (_, { n }) => ({ shape: [n], dtype: 'int64' }),
  grad: null,
  lower: (b, _inputs, { n, step }) => {
    const int = (v: number) => b.constant('int64', [], BigInt64Array.of(BigInt(v)));
    return b.node('Range', [int(0), int(n * step), int(step)]);
  },
};
/** 0, step, 2 step, …: an index made in the graph. */
export function range(n: number, step = 1): Tensor {
  return apply(rangeOp, [], { n, step });
}

/** 1 where the class is, along a new last dimension; int64, as torch.nn.functional.one_hot. */
export function oneHot(index: Tensor, classes: number): Tensor {
  asIndex('oneHot', index);
  return index.unsqueeze(-1).eq(range(classes)).to('int64');
}
