/** Rows of a table by index: embeddings and bags of them. */

import { where } from '../../ops/elementwise.ts';
import * as ops from '../../ops/embedding.ts';
import { constant } from '../../tensor/constant.ts';
import { isFloat } from '../../tensor/dtype.ts';
import { mode } from '../../tensor/mode.ts';
import { numel, sameShape, showShape } from '../../tensor/shape.ts';
import { expectTensor, hostData, overwrite, type Tensor } from '../../tensor/tensor.ts';
import { ArgError, ShapeError } from '../../util/errors.ts';
import { bagsOf } from './bags.ts';

/** What embeddings and bags of them take. */
export interface EmbeddingOptions {
  /** The row that is not learned; negative ones count from the end. */
  readonly padding_idx?: number | null | undefined;
  /** Rows looked up that are longer are shortened to this, in place, as PyTorch does. Their indices must be on the host. */
  readonly max_norm?: number | null | undefined;
  readonly norm_type?: number | undefined;
  /** Divide each row's gradient by how often it is looked up (in bags by what PyTorch takes for that). */
  readonly scale_grad_by_freq?: boolean | undefined;
  /** There are no sparse gradients here: only false is accepted. */
  readonly sparse?: boolean | undefined;
}

/** Indices into a table [V, D], in range where their values are there to be looked at. */
function checkLookup(who: string, index: Tensor, weight: Tensor): void {
  expectTensor(who, index);
  expectTensor(who, weight);
  if (weight.ndim !== 2) throw new ShapeError(`${who}: 'weight' must be 2-D, got ${showShape(weight.shape)}`);
  if (!isFloat(weight.dtype))
    throw new ArgError(`${who}: expected a weight of a floating point dtype, got ${weight.dtype}`);
  // an arc's input has a shape, not a dtype, while shapes are inferred
  if (!isPlaceholder(index)) checkInteger(who, 'indices', index);
  if (!index.node.data || mode.inferring) return;
  const rows = weight.shape[0]!;
  for (const value of index.node.data) {
    if (value < 0 || value >= rows) throw ops.outOfRange(who, value, rows);
  }
}

function isPlaceholder({ node }: Tensor): boolean {
  return mode.inferring && node.op === null && node.data === null;
}

function checkInteger(who: string, name: string, t: Tensor): void {
  if (t.dtype === 'int64' || t.dtype === 'int32') return;
  throw new ArgError(
    `${who}: Expected tensor for argument '${name}' to have one of the following scalar types: int64, int32; but got ${t.dtype} instead; tensor(data, { dtype: 'int64' }) makes one`,
  );
}

/** padding_idx as a row, which must be one. */
export function paddingRow(who: string, padding_idx: number | null, rows: number): number | null {
  if (padding_idx === null) return null;
  if (Number.isInteger(padding_idx) && padding_idx >= -rows && padding_idx < rows) {
    return padding_idx < 0 ? padding_idx + rows : padding_idx;
  }
  throw new ArgError(`${who}: Padding_idx must be within num_embeddings, got ${padding_idx} for ${rows}`);
}

/** Sparse gradients are refused. */
export function noSparse(who: string, sparse: boolean): void {
  if (!sparse) return;
  throw new ArgError(`${who}: sparse gradients are not supported; leave sparse out, and the gradient is dense`);
}

/** Shorten the rows looked up to max_norm, in place; a frozen table is looked up in as if it had been. */
function renormalized(who: string, weight: Tensor, index: Tensor, max_norm: number, p: number): Tensor {
  if (mode.inferring) return weight;
  if (mode.frozen) {
    const lengths = weight.norm({ p, dim: 1, keepdim: true });
    const shorter = weight.mul(constant(max_norm, { shape: [], dtype: weight.dtype }).div(lengths.add(1e-7)));
    return where(lengths.gt(max_norm), shorter, weight);
  }
  if (mode.trace) throw new ArgError(`${who}: max_norm is not supported inside a function being compiled`);
  const rows = new Set([...hostData(index, `${who}: max_norm`)].map(Number));
  const size = weight.shape[1]!;
  overwrite(weight, (data) => {
    const values = data as Float32Array;
    for (const row of rows) {
      const part = values.subarray(row * size, (row + 1) * size);
      const norm = lengthOf(part, p);
      if (norm > max_norm) for (let i = 0; i < size; i++) part[i]! *= max_norm / (norm + 1e-7);
    }
  });
  return weight;
}

function lengthOf(x: Float32Array, p: number): number {
  if (p === Number.POSITIVE_INFINITY) return x.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  return x.reduce((sum, v) => sum + Math.abs(v) ** p, 0) ** (1 / p);
}

/**
 * Rows of `weight` [V, D] at the indices [*]: [*, D].
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.embedding.html
 */
export function embedding(input: Tensor, weight: Tensor, options: EmbeddingOptions = {}): Tensor {
  const { padding_idx = null, max_norm = null, norm_type = 2, scale_grad_by_freq = false, sparse = false } = options;
  checkLookup('embedding', input, weight);
  noSparse('embedding', sparse);
  const padding = paddingRow('embedding', padding_idx, weight.shape[0]!);
  const table = max_norm === null ? weight : renormalized('embedding', weight, input, max_norm, norm_type);
  return ops.embedding(table, input, { padding, frequency: scale_grad_by_freq ? 'rows' : 'no' });
}

export interface EmbeddingBagOptions extends EmbeddingOptions {
  /** Where each bag begins among indices [N]; none with indices [B, N], each row of which is a bag. */
  readonly offsets?: Tensor | null | undefined;
  readonly mode?: 'sum' | 'mean' | 'max' | undefined;
  /** Factors of the rows, of the indices' shape; for mode 'sum'. */
  readonly per_sample_weights?: Tensor | null | undefined;
  /** Whether the last offset is where the last bag ends. */
  readonly include_last_offset?: boolean | undefined;
}

/**
 * Sums, means or maxima of the rows of `weight` [V, D] in each bag of indices: [B, D]; zeros for empty bags. Rows of padding_idx
 * do not count. https://pytorch.org/docs/stable/generated/torch.nn.functional.embedding_bag.html
 */
export function embeddingBag(input: Tensor, weight: Tensor, options: EmbeddingBagOptions = {}): Tensor {
  const who = 'embedding_bag';
  const { padding_idx = null, max_norm = null, norm_type = 2, scale_grad_by_freq = false, sparse = false } = options;
  const { mode: how = 'mean', per_sample_weights: factors = null, include_last_offset = false } = options;
  checkLookup(who, input, weight);
  noSparse(who, sparse);
  const padding = paddingRow(who, padding_idx, weight.shape[0]!);
  checkMode(how, scale_grad_by_freq);
  if (factors) checkFactors(input, weight, factors, how);
  const { offsets = null } = options;
  if (offsets) checkInteger(who, 'offsets', offsets);
  const bags = bagsOf(input, offsets, include_last_offset);
  const table = max_norm === null ? weight : renormalized(who, weight, input, max_norm, norm_type);

  const index = input.reshape([numel(input.shape)]);
  const kept = padding === null ? null : index.ne(padding).unsqueeze(1);
  const members = kept ? kept.to(weight.dtype) : constant(1, { shape: [numel(input.shape), 1], dtype: weight.dtype });
  const counts = bags.sum(members);
  if (how === 'max' && numel(input.shape) > 0) {
    // the gradient goes to the row that was chosen
    const rows = ops.embedding(table.detach(), index, { padding: null, frequency: 'no' });
    const chosen = bags.largest(index, kept ? where(kept, rows, Number.NEGATIVE_INFINITY) : rows);
    return where(counts.gt(0), table.gather(0, chosen), 0);
  }
  const looked = ops.embedding(table, index, { padding, frequency: scale_grad_by_freq ? 'bags' : 'no' });
  const rows = factors ? looked.mul(factors.reshape([-1, 1])) : looked;
  const sums = bags.sum(kept ? where(kept, rows, 0) : rows);
  return how === 'mean' ? sums.div(counts.clamp({ min: 1 })) : sums;
}

function checkMode(how: string, scale_grad_by_freq: boolean): void {
  if (how !== 'sum' && how !== 'mean' && how !== 'max') {
    throw new ArgError(`embedding_bag: mode has to be one of sum, mean or max, got '${String(how)}'`);
  }
  if (how === 'max' && scale_grad_by_freq) {
    throw new ArgError('embedding_bag: max mode does not support scaling the gradient by the frequency');
  }
}

function checkFactors(input: Tensor, weight: Tensor, factors: Tensor, how: string): void {
  const who = 'embedding_bag';
  expectTensor(who, factors);
  if (how !== 'sum') {
    throw new ArgError(
      `${who}: per_sample_weights was not None. per_sample_weights is only supported for mode='sum' (got mode='${how}')`,
    );
  }
  if (!sameShape(factors.shape, input.shape)) {
    throw new ShapeError(
      `${who}: If per_sample_weights (${showShape(factors.shape)}) is not None, then it must have the same shape as the input (${showShape(input.shape)})`,
    );
  }
  if (factors.dtype !== weight.dtype) {
    throw new ArgError(
      `${who}: Expected weight to have the same dtype as per_sample_weights; but ${weight.dtype} does not equal ${factors.dtype}`,
    );
  }
}
