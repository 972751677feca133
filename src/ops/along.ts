/** Products with matrices along one dimension, as graphs are lowered. */

import type { GraphBuilder } from '../onnx/builder.ts';
import { allocate, type Dtype, store, type TypedArray } from '../tensor/dtype.ts';
import { numel, type Shape } from '../tensor/shape.ts';

/** A matrix that is zero outside one stretch of each row. */
interface Matrix {
  /** Where in each row it is not zero, and what it is there. */
  readonly rows: readonly (readonly [from: number, to: number, value: number])[];
  /** Length of a row. */
  readonly size: number;
  /** Whether its transpose is meant. */
  readonly back: boolean;
  readonly dtype: Dtype;
}

/** Each vector along `dim` of x multiplied by a matrix. */
export function alongDim(
  b: GraphBuilder,
  x: string,
  dim: number,
  shape: Shape,
  { rows, size, back, dtype }: Matrix,
): string {
  const last = dim === shape.length - 1;
  const [out, inner] = back ? [size, rows.length] : [rows.length, size];
  const data = allocate(dtype, out * inner);
  rows.forEach(([from, to, value], r) => {
    for (let c = from; c < to; c++) {
      const [o, i] = back ? [c, r] : [r, c];
      store(data, dtype, last ? i * out + o : o * inner + i, value);
    }
  });
  if (last) return b.node('MatMul', [x, b.constant(dtype, [inner, out], data)]);
  const columns = b.reshape(x, [...shape.slice(0, dim + 1), numel(shape.slice(dim + 1))]);
  const product = b.node('MatMul', [b.constant(dtype, [out, inner], data), columns]);
  return b.reshape(product, [...shape.slice(0, dim), out, ...shape.slice(dim + 1)]);
}

/** An array of a dtype. */
export function numbers(dtype: Dtype, values: readonly number[]): TypedArray {
  const data = allocate(dtype, values.length);
  values.forEach((value, i) => {
    store(data, dtype, i, value);
  });
  return data;
}
