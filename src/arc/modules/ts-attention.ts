/** Attention of time series transformers: in the whole sequence, in pieces of it, and in windows that overlap. */
import { int, layer, optional } from '../../nn/args.ts';
import { Linear } from '../../nn/linear.ts';
import { nameType, Parameter } from '../../nn/module.ts';
import { attention } from '../../ops/attention.ts';
import { where } from '../../ops/compare.ts';
import { tensor } from '../../ops/create.ts';
import { cat } from '../../ops/movement.ts';
import { constant, literal } from '../../tensor/constant.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { ShapeError } from '../../util/errors.ts';

export const headOptions = {
  d_model: int(undefined, 1),
  q: int(undefined, 1),
  v: int(undefined, 1),
  nhead: int(undefined, 1),
  attention_size: optional(int()),
  chunk_size: int(168, 1),
  window_size: int(168, 1),
  padding: int(42),
};

/** How far behind a query, and ahead of it, the keys are that it attends to. */
interface Reach {
  readonly behind: number;
  readonly ahead: number;
}

export interface AttentionInputs {
  /** Queries attend to no later key. */
  readonly future?: boolean;
}

/** What is common to the three: [K, N, d_model] of queries and of keys to the same shape; rows of a sequence first. */
abstract class HeadsBase extends layer(headOptions) {
  readonly _W_q = this.projection(this.args.q);
  readonly _W_k = this.projection(this.args.q);
  readonly _W_v = this.projection(this.args.v);
  readonly _W_o = new Linear({ in_features: this.args.v * this.args.nhead, out_features: this.args.d_model });

  private projection(size: number): Linear {
    return new Linear({ in_features: this.args.d_model, out_features: size * this.args.nhead });
  }

  /** What queries, keys and values [K, N, nhead, size] give: [K, N, nhead, v]. */
  protected abstract context(q: Tensor, k: Tensor, v: Tensor, future: boolean): Tensor;

  override forward(x: Tensor, memory: Tensor, { future = false }: AttentionInputs = {}): Tensor {
    const { nhead, v } = this.args;
    const [length, n] = x.shape as [number, number];
    const heads = (t: Tensor) => t.unflatten(-1, [nhead, t.shape[2]! / nhead]);
    const queries = heads(this._W_q.forward(x));
    const [keys, values] = [heads(this._W_k.forward(memory)), heads(this._W_v.forward(memory))];
    const context = this.context(queries, keys, values, future);
    return this._W_o.forward(context.reshape([length, n, nhead * v]));
  }

  override extraRepr(): string {
    return '';
  }
}

/** Both reach as far, and where the future is hidden nothing ahead is seen. */
function reachOf(size: number | null, future: boolean): Reach {
  const far = size ?? Number.POSITIVE_INFINITY;
  return { behind: far, ahead: future ? 0 : far };
}

/** softmax(Q Kᵀ scale) V of queries [L, *, q], keys [S, *, q] and values [S, *, v], where query i stands at key i + `at`. */
function attend([q, k, v]: readonly [Tensor, Tensor, Tensor], scale: number, reach: Reach, at = 0): Tensor {
  const bias = blocking(q, k, reach, at);
  const alone = k.shape[0] === 1 || (reach.behind === 0 && reach.ahead === 0);
  return alone ? composed([q, k, v], scale, bias) : attention(q, k, v, { scale, first: true, bias })[0];
}

/**
 * The same by single operations. A query that sees one key gives it all its weight, whatever their product: no gradient flows, and here
 * none does, while the fused form leaves rounding noise, of which Adam would make whole steps.
 */
function composed([q, k, v]: readonly [Tensor, Tensor, Tensor], scale: number, bias: Tensor | null): Tensor {
  const [queries, keys, values] = [q, k, v].map((t) => t.permute([1, 2, 0, 3]));
  const scores = queries!.matmul(keys!.transpose(-2, -1)).mul(scale);
  const weights = (bias ? scores.add(bias) : scores).softmax(-1);
  return weights.matmul(values!).permute([2, 0, 1, 3]);
}

/** -∞ where a key is out of reach, else 0; null if none is. */
function blocking(q: Tensor, k: Tensor, { behind, ahead }: Reach, at: number): Tensor | null {
  const [queries, keys] = [q.shape[0]!, k.shape[0]!];
  const count = (n: number, shape: number[], from: number) =>
    literal(
      BigInt64Array.from({ length: n }, (_, i) => BigInt(i + from)),
      { shape, dtype: 'int64' },
    );
  const place = count(keys, [keys], 0).sub(count(queries, [queries, 1], at));
  const blocked = [...(ahead < keys ? [place.gt(ahead)] : []), ...(behind < queries + at ? [place.lt(-behind)] : [])];
  if (blocked.length === 0) return null;
  const any = blocked.reduce((a, b) => a.logicalOr(b));
  return where(any, constant(Number.NEGATIVE_INFINITY, { shape: [], dtype: q.dtype }), 0);
}

/**
 * Attention of `nhead` heads in the whole sequence: softmax(Qᵢ Kᵢᵀ / √K) Vᵢ for each, side by side, times `_W_o`; K is the length of the
 * sequence. `q` and `v` are the sizes of a head, which need not make up `d_model`.
 *
 * As in Python, with `attention_size` each place sees itself and that many places before it, none after; also in encoders and across.
 */
export class MultiHeadAttention extends HeadsBase {
  protected override context(q: Tensor, k: Tensor, v: Tensor, future: boolean): Tensor {
    const { attention_size } = this.args;
    const scale = 1 / Math.sqrt(k.shape[0]!);
    return attend([q, k, v], scale, reachOf(attention_size, future || attention_size !== null));
  }
}

/** A mask in Python's state: true where a query (row) does not see a key. */
function mask(size: number, { behind, ahead }: Reach): Parameter {
  const blocked = new Uint8Array(size * size).map((_, i) => {
    const place = (i % size) - Math.floor(i / size);
    return Number(place > ahead || place < -behind);
  });
  return new Parameter(tensor(blocked, { shape: [size, size], dtype: 'bool' }), false);
}

/** Those whose masks are state, of sequences of `size`. They say what the options say, so that nothing needs to read them. */
abstract class MaskedHeads extends HeadsBase {
  readonly _future_mask = mask(this.size(), reachOf(null, true));
  readonly _attention_mask =
    this.args.attention_size === null ? null : mask(this.size(), reachOf(this.args.attention_size, false));

  protected abstract size(): number;
}

/** The same length for each: a sequence as several that stand side by side, [n · c, N, *] as [c, n · N, *]. */
function sideBySide(t: Tensor, count: number): Tensor {
  if (count === 1) return t;
  const [rows, n, ...rest] = t.shape as [number, number, ...number[]];
  return t
    .reshape([count, rows / count, n, ...rest])
    .transpose(0, 1)
    .reshape([rows / count, count * n, ...rest]);
}

/** And back. */
function inARow(t: Tensor, count: number): Tensor {
  if (count === 1) return t;
  const [rows, n, ...rest] = t.shape as [number, number, ...number[]];
  return t
    .reshape([rows, count, n / count, ...rest])
    .transpose(0, 1)
    .reshape([count * rows, n / count, ...rest]);
}

/**
 * Attention within pieces of the sequence: ⌊K / chunk_size⌋ of them (at least one), each ⌈K / pieces⌉ places long but for the
 * last. Scores are divided by √chunk_size. A place sees `attention_size` places before it and after.
 *
 * Unlike Python's it takes sequences shorter than `chunk_size`, and masks in pieces of any length.
 */
export class MultiHeadAttentionChunk extends MaskedHeads {
  protected override size(): number {
    return this.args.chunk_size;
  }

  protected override context(q: Tensor, k: Tensor, v: Tensor, future: boolean): Tensor {
    const length = q.shape[0]!;
    if (k.shape[0] !== length) {
      throw new ShapeError(`MultiHeadAttentionChunk: expected as many keys as queries, ${length}, got ${k.shape[0]}`);
    }
    const { chunk_size } = this.args;
    const size = Math.ceil(length / Math.max(1, Math.floor(length / chunk_size)));
    const count = Math.floor(length / size);
    const scale = 1 / Math.sqrt(chunk_size);
    const reach = reachOf(this.args.attention_size, future);
    const part = (start: number, end: number, pieces: number) => {
      const [a, b, c] = [q, k, v].map((t) => sideBySide(t.narrow(0, start, end - start), pieces));
      return inARow(attend([a!, b!, c!], scale, reach), pieces);
    };
    const whole = size * count;
    return whole === length ? part(0, length, count) : cat([part(0, whole, count), part(whole, length, 1)]);
  }
}

/**
 * Attention within windows of `window_size` places, one every window_size - 2 padding: of each the places but the outer `padding`
 * are kept. Beyond its ends the sequence goes on with its first and last place. Scores are divided by √window_size.
 * A place sees `attention_size` places before it and after.
 *
 * Unlike Python's it takes sequences of any length.
 */
export class MultiHeadAttentionWindow extends MaskedHeads {
  protected override size(): number {
    return this.args.window_size;
  }

  protected override context(q: Tensor, k: Tensor, v: Tensor, future: boolean): Tensor {
    const length = q.shape[0]!;
    const { window_size: size, padding } = this.args;
    const step = size - 2 * padding;
    const count = Math.ceil(length / step);
    const queries = windows(q, { count, size: step, step, before: 0 });
    const [keys, values] = [k, v].map((t) => windows(t, { count, size, step, before: padding }));
    const reach = reachOf(this.args.attention_size, future);
    const context = attend([queries, keys!, values!], 1 / Math.sqrt(size), reach, padding);
    return inARow(context, count).narrow(0, 0, length);
  }
}

interface Windows {
  readonly count: number;
  readonly size: number;
  readonly step: number;
  /** How many places before the sequence the first begins. */
  readonly before: number;
}

/** Windows of [K, N, *] side by side, [size, count · N, *]; beyond the ends is the first and the last row. */
function windows(t: Tensor, { count, size, step, before }: Windows): Tensor {
  const [length, n, ...rest] = t.shape as [number, number, ...number[]];
  const rows = BigInt64Array.from({ length: size * count }, (_, i) => {
    const place = (i % count) * step + Math.floor(i / count) - before;
    return BigInt(Math.min(Math.max(place, 0), length - 1));
  });
  return t.indexSelect(0, rows).reshape([size, count * n, ...rest]);
}

for (const [name, type] of Object.entries({ MultiHeadAttention, MultiHeadAttentionChunk, MultiHeadAttentionWindow })) {
  nameType(type, name);
}
