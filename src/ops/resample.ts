/**
 * Resizing one dimension: each way of doing it is a matrix [to, from] with few entries in a row, and the gradient is its
 * transpose. Attributes name the way; the matrix is made when the graph is written.
 */
import type { GraphBuilder } from '../onnx/builder.ts';
import { constantOf } from '../tensor/constant.ts';
import { allocate, type Dtype, store } from '../tensor/dtype.ts';
import type { Op } from '../tensor/op.ts';
import { numel, type Shape } from '../tensor/shape.ts';
import { type Aval, apply, type Tensor } from '../tensor/tensor.ts';
import { type Resampling, type Row, rowsOf } from './resample-rows.ts';

interface ResampleAttrs extends Resampling {
  readonly dim: number;
  readonly transposed: boolean;
}

const resampleOp: Op<ResampleAttrs> = {
  name: 'resample',
  infer: ([x], { dim, from, to, transposed }) => ({
    shape: x!.shape.with(dim, transposed ? from : to),
    dtype: x!.dtype,
  }),
  grad: (g, _y, _in, attrs) => [apply(resampleOp, [g], { ...attrs, transposed: !attrs.transposed })],
  lower: (b, [x], attrs, [out], [aval]) => {
    if (numel(out!.shape) === 0) return constantOf(b, 0, out!);
    const forward = rowsOf(attrs, out!.dtype === 'float64');
    const rows = attrs.transposed ? transposed(forward, attrs.from) : forward;
    const { dim } = attrs;
    const last = dim === aval!.shape.length - 1;
    if (isDense(rows, aval!.shape[dim]!, last)) return byMatrix(b, x!, aval!, dim, rows);
    if (!last) return byTaps(b, x!, aval!, dim, rows);
    // single elements are gathered slowly, whole rows fast
    const swap = aval!.shape.map((_, i) => (i === dim ? dim - 1 : i === dim - 1 ? dim : i));
    const turned = { shape: swap.map((d) => aval!.shape[d]!), dtype: aval!.dtype };
    return b.transpose(byTaps(b, b.transpose(x!, swap), turned, dim - 1, rows), swap);
  },
  macs: (_ins, { from, to }, out) => numel(out.shape) * Math.min(from, to, 64),
};

/** x with a dimension (not the first) resized. */
export function resample(x: Tensor, dim: number, how: Resampling): Tensor {
  return apply(resampleOp, [x], { ...how, dim, transposed: false });
}

function transposed(rows: readonly Row[], size: number): Row[] {
  const result: [number, number][][] = Array.from({ length: size }, () => []);
  rows.forEach((row, i) => {
    for (const [j, weight] of row) result[j]!.push([i, weight]);
  });
  return result;
}

const isCopy = (rows: readonly Row[]) => rows.every((row) => row.length === 1 && row[0]![1] === 1);

/** A product with the whole matrix does `size` cheap steps an element; each tap takes a pass over the result, worth about 50. */
function isDense(rows: readonly Row[], size: number, last: boolean): boolean {
  const taps = rows.reduce((n, row) => Math.max(n, row.length), 1);
  return !isCopy(rows) && size <= 50 * taps + (last ? 70 : 0);
}

function byMatrix(b: GraphBuilder, x: string, { shape, dtype }: Aval, dim: number, rows: readonly Row[]): string {
  const [from, to] = [shape[dim]!, rows.length];
  const out = shape.with(dim, to);
  const last = dim === shape.length - 1;
  const data = allocate(dtype, from * to);
  rows.forEach((row, i) => {
    for (const [j, weight] of row) store(data, dtype, last ? j * to + i : i * from + j, weight);
  });
  const matrix = b.constant(dtype, last ? [from, to] : [to, from], data);
  const lead = numel(shape.slice(0, dim));
  const product = last
    ? b.node('MatMul', [b.reshape(x, [lead, from]), matrix])
    : b.node('MatMul', [matrix, b.reshape(x, [lead, from, numel(shape.slice(dim + 1))])]);
  return b.reshape(product, out);
}

/** Σₖ weightₖ · (the slices of x that the k-th entries of the rows name). */
function byTaps(b: GraphBuilder, x: string, { shape, dtype }: Aval, dim: number, rows: readonly Row[]): string {
  const taps = rows.reduce((n, row) => Math.max(n, row.length), 1);
  const plain = isCopy(rows);
  const perSlice: Shape = [rows.length, ...shape.slice(dim + 1).map(() => 1)];
  const terms = Array.from({ length: taps }, (_, k) => {
    // a row without a k-th entry adds nothing, of its own first slice, so that a NaN stays where it is
    const entries = rows.map((row) => row[k] ?? ([row[0]?.[0] ?? 0, 0] as const));
    const slices = b.node('Gather', [x, b.ints(entries.map(([j]) => j))], { axis: dim });
    return plain ? slices : b.node('Mul', [slices, weightsOf(b, dtype, perSlice, entries)]);
  });
  return terms.reduce((sum, term) => b.node('Add', [sum, term]));
}

function weightsOf(
  b: GraphBuilder,
  dtype: Dtype,
  shape: Shape,
  entries: readonly (readonly [number, number])[],
): string {
  const data = allocate(dtype, entries.length);
  entries.forEach(([, weight], i) => {
    store(data, dtype, i, weight);
  });
  return b.constant(dtype, shape, data);
}

interface RepeatAttrs {
  /** For each dimension. */
  readonly factors: readonly number[];
}

/** Each element repeated along each dimension. ORT's Resize does it in one pass, for float32. */
const repeatOp: Op<RepeatAttrs> = {
  name: 'repeat_elements',
  infer: ([x], { factors }) => ({ shape: x!.shape.map((d, i) => d * factors[i]!), dtype: x!.dtype }),
  // from the front: sums over outer dimensions are the faster ones, and leave less for the others
  grad: (g, _y, _in, { factors }) => [
    factors.reduce((t, factor, dim) => {
      if (factor === 1) return t;
      const [lead, rest] = [t.shape.slice(0, dim), t.shape.slice(dim + 1)];
      const blocks = t.reshape([...lead, t.shape[dim]! / factor, factor, ...rest]);
      return blocks.sum({ dim: dim + 1 });
    }, g),
  ],
  lower: (b, [x], { factors }, [out], [aval]) => {
    if (aval!.dtype === 'float32') {
      return b.node('Resize', [x!, '', b.floats(factors)], {
        mode: 'nearest',
        coordinate_transformation_mode: 'asymmetric',
        nearest_mode: 'floor',
      });
    }
    const pairs = aval!.shape.flatMap((d, i) => [d, factors[i]!]);
    const apart = b.reshape(
      x!,
      aval!.shape.flatMap((d) => [d, 1]),
    );
    return b.reshape(b.node('Expand', [apart, b.ints(pairs)]), out!.shape);
  },
};
export function repeatElements(x: Tensor, factors: readonly number[]): Tensor {
  return factors.every((f) => f === 1) ? x : apply(repeatOp, [x], { factors });
}
