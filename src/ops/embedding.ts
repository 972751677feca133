/** Rows of a table by index, and bags of them. */
import { constant, constantOf } from '../tensor/constant.ts';
import { allocate } from '../tensor/dtype.ts';
import type { Op } from '../tensor/op.ts';
import { apply, type Tensor } from '../tensor/tensor.ts';
import { where } from './elementwise.ts';
import { indexAdd } from './index.ts';

interface Lookup {
  /** The row that gets no gradient. */
  readonly padding: number | null;
  /** Divide each row's gradient by how often it was looked up. */
  readonly byFrequency: boolean;
}
const embeddingOp: Op<Lookup> = {
  name: 'embedding',
  infer: ([w, index]) => ({ shape: [...index!.shape, w!.shape[1]!], dtype: w!.dtype }),
  grad: (g, _y, [w, index], { padding, byFrequency }) => {
    let rows = padding === null ? g : where(index!.eq(padding).unsqueeze(-1), 0, g);
    if (byFrequency) {
      const ones = constant(1, { shape: index!.shape, dtype: g.dtype });
      const counts = indexAdd(constant(0, { shape: [w!.shape[0]!], dtype: g.dtype }), 0, index!, ones);
      rows = rows.div(counts.indexSelect(0, index!).unsqueeze(-1));
    }
    return [indexAdd(constant(0, w!), 0, index!, rows), null];
  },
  lower: (b, inputs) => b.node('Gather', inputs, { axis: 0 }),
};

/** Rows of `weight` [V, D] at the indices [*]: [*, D]. The indices are known to be in range, or are not known. */
export function embedding(weight: Tensor, index: Tensor, attrs: Lookup): Tensor {
  // ORT takes negative indices as counted from the end; made too large, they are an error as they should be
  const checked = index.node.data ? index : where(index.lt(0), weight.shape[0]!, index);
  return apply(embeddingOp, [weight, checked], attrs);
}

const segmentsOp: Op<{ n: number }> = {
  name: 'segments',
  infer: (_, { n }) => ({ shape: [n], dtype: 'int64' }),
  grad: null,
  lower: (b, [starts], { n }, _out, [aval]) => {
    const whole = (shape: number[], value: number) => constantOf(b, value, { shape, dtype: 'int64' });
    const at = b.node('Unsqueeze', [b.cast(starts!, 'int64'), b.ints([1])]);
    const begun = b.node('ScatterND', [whole([n + 1], 0), at, whole([aval!.shape[0]!], 1)], { reduction: 'add' });
    const counted = b.node('CumSum', [begun, b.constant('int64', [], BigInt64Array.of(0n))]);
    return b.node('Slice', [b.node('Sub', [counted, whole([], 1)]), b.ints([0]), b.ints([n])]);
  },
};
/** For each of n places the segment it is in; `starts` are where segments begin, in order. */
export function segments(starts: Tensor, n: number): Tensor {
  return apply(segmentsOp, [starts], { n });
}

const firstLargestOp: Op<{ count: number }> = {
  name: 'first_largest',
  infer: ([rows], { count }) => ({ shape: [count, rows!.shape[1]!], dtype: 'int64' }),
  grad: null,
  lower: (b, [rows, segment], { count }, _out, [aval]) => {
    const { shape, dtype } = aval!;
    const [n, size] = shape as [number, number];
    const at = b.node('Unsqueeze', [segment!, b.ints([1])]);
    const least = constantOf(b, Number.NEGATIVE_INFINITY, { shape: [count, size], dtype });
    const largest = b.node('ScatterND', [least, at, rows!], { reduction: 'max' });
    const places = allocate('int64', n);
    for (let i = 0; i < n; i++) places[i] = BigInt(i);
    const none = constantOf(b, n, { shape: [], dtype: 'int64' });
    const hit = b.node('Equal', [rows!, b.node('Gather', [largest, segment!], { axis: 0 })]);
    const found = b.node('Where', [hit, b.constant('int64', [n, 1], places), none]);
    const worst = constantOf(b, n, { shape: [count, size], dtype: 'int64' });
    return b.node('ScatterND', [worst, at, found], { reduction: 'min' });
  },
};
/** Which row [N, D] holds the largest value of each of `count` segments, in each column (the first of equals; N if none). */
export function firstLargest(rows: Tensor, segment: Tensor, count: number): Tensor {
  return apply(firstLargestOp, [rows, segment], { count });
}
