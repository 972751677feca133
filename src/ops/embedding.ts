/** Rows of a table by index, and bags of them. */
import { constant, constantOf } from '../tensor/constant.ts';
import { allocate, itemSize } from '../tensor/dtype.ts';
import type { Op } from '../tensor/op.ts';
import { numel } from '../tensor/shape.ts';
import { apply, type Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';
import { where } from './elementwise.ts';
import { indexAdd } from './index.ts';

interface Lookup {
  /** The row that gets no gradient. */
  readonly padding: number | null;
  /** Whether each row's gradient is divided by how often it was looked up, and how PyTorch counts: right, or as it does in bags. */
  readonly frequency: 'no' | 'rows' | 'bags';
}
const embeddingOp: Op<Lookup> = {
  name: 'embedding',
  infer: ([w, index]) => ({ shape: [...index!.shape, w!.shape[1]!], dtype: w!.dtype }),
  grad: (g, _y, [w, index], { padding, frequency }) => {
    const kept = padding === null ? g : where(index!.eq(padding).unsqueeze(-1), 0, g);
    const counted = frequency !== 'no' && numel(index!.shape) > 0;
    const rows = counted ? kept.div(counts(index!, w!.shape[0]!, frequency).unsqueeze(-1)) : kept;
    return [indexAdd(constant(0, w!), 0, index!, rows), null];
  },
  lower: (b, inputs) => b.node('Gather', inputs, { axis: 0 }),
  small: ([w, index], _attrs, { shape }) => {
    const [count, rows, size] = [numel(index!.shape), w!.shape[0]!, shape.at(-1)!];
    if (index!.dtype !== 'int64') return null;
    const bytes = size * itemSize(w!.dtype);
    return ({ gather }, [table, places], y, [, indices]) => {
      const good = gather(table!, bytes, rows, places!, count, y);
      if (good < count) throw outOfRange('embedding', indices![good]!, rows);
    };
  },
  // a second thread would wait for the same memory
  serial: true,
};

const withoutSignOp: Op = {
  name: 'without_sign',
  infer: ([index]) => index!,
  grad: null,
  lower: (b, [index]) => b.node('BitwiseAnd', [index!, b.constant('int64', [], BigInt64Array.of(2n ** 63n - 1n))]),
  // our kernel looks at signs itself
  small: 'same',
};

export function outOfRange(who: string, index: bigint | number, rows: number): ArgError {
  return new ArgError(`${who}: index out of range in self: ${index} is not in the valid range [0, ${rows})`);
}

/** For each index how often it is there, among `rows` possible ones. */
function counts(index: Tensor, rows: number, frequency: 'rows' | 'bags'): Tensor {
  const one = constant(1, { shape: index.shape, dtype: 'int64' });
  const each = indexAdd(constant(0, { shape: [rows], dtype: 'int64' }), 0, index, one);
  if (frequency === 'rows') return each.indexSelect(0, index);
  // against its documentation, PyTorch takes for the k-th of the different indices the count of the k-th smallest of all
  const rank = each.gt(0).to('int64').cumsum(0).sub(1).indexSelect(0, index);
  return each.indexSelect(0, index.sort()[0].indexSelect(0, rank));
}

/** Rows of `weight` [V, D] at the indices [*]: [*, D]. The indices are known to be in range, or are not known. */
export function embedding(weight: Tensor, index: Tensor, attrs: Lookup): Tensor {
  // ORT takes negative indices as counted from the end; made too large, they are an error as they should be
  const checked = index.node.data ? index : apply(withoutSignOp, [index.to('int64')], {});
  return apply(embeddingOp, [weight, checked], attrs);
}

/** For each of n places the segment it is in; `starts` are where segments begin, in order. */
export function segments(starts: Tensor, n: number): Tensor {
  const [count] = starts.shape as [number];
  const one = constant(1, { shape: [count], dtype: 'int64' });
  const begins = indexAdd(constant(0, { shape: [n + 1], dtype: 'int64' }), 0, starts, one);
  const segment = begins.cumsum(0).sub(1).narrow(0, 0, n);
  // what lies before the first start is in none: made too large, it is an error
  return where(segment.lt(0), count, segment);
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
