/** Attention by given query, key and value. */

import { attention } from '../../ops/attention.ts';
import { where } from '../../ops/elementwise.ts';
import { constant, literal } from '../../tensor/constant.ts';
import { type Dtype, isFloat } from '../../tensor/dtype.ts';
import { broadcast, normalizeDim, type Shape, sameShape, showShape } from '../../tensor/shape.ts';
import { expectTensor, type Tensor } from '../../tensor/tensor.ts';
import { ArgError, ShapeError } from '../../util/errors.ts';
import { dropout } from './dropout.ts';

export interface Attend {
  readonly scale: number;
  /** Query, key, value and context are [L, N, heads, E]. */
  readonly first?: boolean;
  /** Added to the scores. */
  readonly bias: Tensor | null;
  /** A query whose scores are all -∞ gets zeros, not NaN. */
  readonly safe: boolean;
  readonly dropout_p: number;
}

/** The context, and the weights it was made with; `shape` is that of the weights. */
export function attend(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  shape: Shape,
  { scale, first = false, bias, safe, dropout_p }: Attend,
): [context: Tensor, weights: Tensor] {
  const keep = safe && bias && shape.at(-1) !== 0 ? bias.amax({ dim: -1, keepdim: true }).ne(-Infinity) : null;
  // a factor of its own, so that the gradient knows the weights before and after
  const drop = dropout_p === 0 ? null : dropout(constant(1, { shape, dtype: query.dtype }), { p: dropout_p });
  const finite = bias && keep ? where(keep, bias, 0) : bias;
  const [context, weights] = attention(query, key, value, { scale, first, bias: finite, drop });
  return [
    keep ? where(first ? keep.permute([2, 0, 1, 3]) : keep, context, 0) : context,
    drop ? weights.mul(drop) : weights,
  ];
}

/** What keeps query i from the keys behind i. */
export function causalBias(queries: number, keys: number, dtype: Dtype): Tensor {
  const count = (n: number, shape: Shape) =>
    literal(
      BigInt64Array.from({ length: n }, (_, i) => BigInt(i)),
      { shape, dtype: 'int64' },
    );
  const ahead = count(keys, [keys]).gt(count(queries, [queries, 1]));
  return where(ahead, constant(-Infinity, { shape: [], dtype }), 0);
}

export function sameMaskDtype(who: string, mask: Tensor, query: Tensor): void {
  if (mask.dtype === 'bool' || mask.dtype === query.dtype) return;
  throw new ArgError(
    `${who}: Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: ${mask.dtype} and query.dtype: ${query.dtype} instead.`,
  );
}

export interface ScaledDotProductAttentionOptions {
  /** Which keys a query may attend to: true where it may, or numbers added to the scores; broadcasts to [*, L, S]. */
  readonly attn_mask?: Tensor | null | undefined;
  /** Applied whenever it is not 0: a layer passes 0 in evaluation mode. */
  readonly dropout_p?: number | undefined;
  /** Query i attends to keys 0 to i. */
  readonly is_causal?: boolean | undefined;
  /** 1/√E when left out. */
  readonly scale?: number | null | undefined;
  /** Each head of key and value serves several of the query's. */
  readonly enable_gqa?: boolean | undefined;
}

/**
 * softmax(scale Q Kᵀ + mask) V of query [*, L, E], key [*, S, E] and value [*, S, Ev]: [*, L, Ev]. A query that may attend to
 * nothing gets zeros. https://pytorch.org/docs/stable/generated/torch.nn.functional.scaled_dot_product_attention.html
 */
export function scaledDotProductAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  options: ScaledDotProductAttentionOptions = {},
): Tensor {
  const { attn_mask = null, dropout_p = 0, is_causal = false, scale = null, enable_gqa = false } = options;
  const who = 'scaled_dot_product_attention';
  checkOperands(who, query, key, value);
  if (attn_mask && is_causal) throw new ArgError(`${who}: Explicit attn_mask should not be set when is_causal=True`);
  const [k, v] = enable_gqa ? [headsOf(who, query, key), headsOf(who, query, value)] : [key, value];
  const lead = [k, v].reduce<Shape>((a, t) => broadcast(who, a, t.shape.slice(0, -2)), query.shape.slice(0, -2));
  const [l, s] = [query.shape.at(-2)!, k.shape.at(-2)!];
  const shape = [...lead, l, s];
  const mask = attn_mask && scoreBias(who, attn_mask, query, shape);
  const [context] = attend(query, k, v, shape, {
    scale: scale ?? 1 / Math.sqrt(query.shape.at(-1)! || 1),
    bias: is_causal ? causalBias(l, s, query.dtype) : mask,
    safe: !is_causal,
    dropout_p,
  });
  return context;
}

function checkOperands(who: string, query: Tensor, key: Tensor, value: Tensor): void {
  for (const t of [query, key, value]) expectTensor(who, t);
  if ([query, key, value].some((t) => t.ndim < 2)) {
    throw new ShapeError(
      `${who}: Expected query, key, and value to all be at least 2 dimensional, but got query.dim: ${query.ndim} key.dim: ${key.ndim} and value.dim: ${value.ndim} instead.`,
    );
  }
  if (key.dtype !== query.dtype || value.dtype !== query.dtype) {
    throw new ArgError(
      `${who}: Expected query, key, and value to have the same dtype, but got query.dtype: ${query.dtype} key.dtype: ${key.dtype} and value.dtype: ${value.dtype} instead.`,
    );
  }
  if (!isFloat(query.dtype)) {
    throw new ArgError(`${who}: expected query, key and value of a floating point dtype, got ${query.dtype}`);
  }
  const shapes = `query ${showShape(query.shape)}, key ${showShape(key.shape)} and value ${showShape(value.shape)}`;
  if (query.shape.at(-1) !== key.shape.at(-1)) {
    throw new ShapeError(`${who}: expected query and key with equal numbers of features, got ${shapes}`);
  }
  if (key.shape.at(-2) !== value.shape.at(-2)) {
    throw new ShapeError(`${who}: expected as many keys as values, got ${shapes}`);
  }
}

/** Key or value with each head repeated for the heads of the query it serves. */
function headsOf(who: string, query: Tensor, t: Tensor): Tensor {
  const heads = query.shape[normalizeDim(who, -3, query.ndim)]!;
  const own = t.shape[normalizeDim(who, -3, t.ndim)]!;
  if (own === heads) return t;
  if (heads % own !== 0) {
    throw new ShapeError(
      `${who}: Number of heads in key and value must divide the number of heads in query, got ${own} and ${heads}`,
    );
  }
  const [lead, matrix] = [t.shape.slice(0, -3), t.shape.slice(-2)];
  return t
    .unsqueeze(-3)
    .expand([...lead, own, heads / own, ...matrix])
    .reshape([...lead, heads, ...matrix]);
}

/** A mask as what is added to scores of a shape. */
function scoreBias(who: string, mask: Tensor, query: Tensor, shape: Shape): Tensor {
  expectTensor(who, mask);
  sameMaskDtype(who, mask, query);
  if (mask.ndim > shape.length || !sameShape(broadcast(who, mask.shape, shape), shape)) {
    throw new ShapeError(
      `${who}: expected an attn_mask that broadcasts to the weights' ${showShape(shape)}, got ${showShape(mask.shape)}`,
    );
  }
  if (mask.dtype !== 'bool') return mask;
  return where(mask, 0, constant(-Infinity, { shape: [], dtype: query.dtype }));
}
