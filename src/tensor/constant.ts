/** Tensors made from nothing: constants that live in the graph, and leaves that live on the host. */
import type { GraphBuilder } from '../onnx/builder.ts';
import { allocate, type Dtype, store, type TypedArray } from './dtype.ts';
import type { Op } from './op.ts';
import { numel, type Shape } from './shape.ts';
import { type Aval, apply, type Tensor } from './tensor.ts';

interface Splat {
  readonly value: number;
  readonly shape: Shape;
  readonly dtype: Dtype;
}

/** One number in every place. Consumers that broadcast get it as a scalar (see `engine/lower.ts`). */
export const constantOp: Op<Splat> = {
  name: 'constant',
  infer: (_, { shape, dtype }) => ({ shape, dtype }),
  grad: null,
  lower: (b, _inputs, { value, shape, dtype }) => constantOf(b, value, { shape, dtype }),
};

/** A constant of one value. */
export function constant(value: number, { shape, dtype }: Aval): Tensor {
  return apply(constantOp, [], { value, shape, dtype });
}

/** The same at lowering time: a scalar initializer, expanded when a shape is asked for. */
export function constantOf(b: GraphBuilder, value: number, { shape, dtype }: Aval): string {
  const data = allocate(dtype, 1);
  store(data, dtype, 0, value);
  const scalar = b.constant(dtype, [], data);
  if (shape.length === 0) return scalar;
  const n = numel(shape);
  if (n <= 64) {
    const all = allocate(dtype, n);
    all.fill(data[0] as never);
    return b.constant(dtype, shape, all);
  }
  return b.node('Expand', [scalar, b.ints(shape)]);
}

interface Literal {
  readonly data: TypedArray;
  readonly shape: Shape;
  readonly dtype: Dtype;
}

/** A small array that is part of the graph: an index, an averaging matrix. */
const literalOp: Op<Literal> = {
  name: 'literal',
  infer: (_, { shape, dtype }) => ({ shape, dtype }),
  grad: null,
  lower: (b, _inputs, { data, shape, dtype }) => b.constant(dtype, shape, data),
};

/** A constant array baked into the graph. */
export function literal(data: TypedArray, { shape, dtype }: Aval): Tensor {
  return apply(literalOp, [], { data, shape, dtype });
}
