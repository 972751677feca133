/** Attention of several heads. */

import { pieces } from '../../ops/attention.ts';
import { where } from '../../ops/elementwise.ts';
import { linear } from '../../ops/matmul.ts';
import { cat, constantPad } from '../../ops/movement.ts';
import { constant } from '../../tensor/constant.ts';
import { isFloat } from '../../tensor/dtype.ts';
import { type Shape, sameShape, showShape } from '../../tensor/shape.ts';
import { expectTensor, type Tensor } from '../../tensor/tensor.ts';
import { ArgError, ShapeError } from '../../util/errors.ts';
import { attend, causalBias, sameMaskDtype } from './attention.ts';

export interface MultiHeadAttentionForwardOptions {
  readonly embed_dim_to_check: number;
  readonly num_heads: number;
  /** The projections of query, key and value below one another. */
  readonly in_proj_weight: Tensor | null;
  readonly in_proj_bias: Tensor | null;
  /** One more key and value for all. */
  readonly bias_k?: Tensor | null | undefined;
  readonly bias_v?: Tensor | null | undefined;
  /** One more key and value of zeros. */
  readonly add_zero_attn?: boolean | undefined;
  readonly dropout_p?: number | undefined;
  readonly out_proj_weight: Tensor;
  readonly out_proj_bias: Tensor | null;
  readonly training?: boolean | undefined;
  readonly key_padding_mask?: Tensor | null | undefined;
  readonly need_weights?: boolean | undefined;
  readonly attn_mask?: Tensor | null | undefined;
  readonly use_separate_proj_weight?: boolean | undefined;
  readonly q_proj_weight?: Tensor | null | undefined;
  readonly k_proj_weight?: Tensor | null | undefined;
  readonly v_proj_weight?: Tensor | null | undefined;
  /** Keys and values that are projected already, [N · heads, S, head]. */
  readonly static_k?: Tensor | null | undefined;
  readonly static_v?: Tensor | null | undefined;
  readonly average_attn_weights?: boolean | undefined;
  readonly is_causal?: boolean | undefined;
}
type Options = MultiHeadAttentionForwardOptions;
type Triple = readonly [query: Tensor, key: Tensor, value: Tensor];
const MHA = 'multi_head_attention_forward';

/**
 * Attention of several heads, projected before and after: `[output, weights]` of query [L, N, E], key [S, N, Ek] and value
 * [S, N, Ev], or all without N. Output [L, N, E]; weights [N, L, S], for each head [N, heads, L, S], or null if not asked for.
 *
 * All but query, key and value are options, by PyTorch's names. As in PyTorch, a query that may attend to nothing gives NaN if weights are
 * asked for and zeros before the last projection if not.
 * https://pytorch.org/docs/stable/generated/torch.nn.MultiheadAttention.html
 */
export function multiHeadAttentionForward(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  options: Options,
): [output: Tensor, weights: Tensor | null] {
  const { num_heads: heads, need_weights = true, average_attn_weights = true, training = true } = options;
  const batched = checkRanks([query, key, value], options);
  const triple = batched ? ([query, key, value] as const) : eachOnce([query, key, value], (t) => t.unsqueeze(1));
  const [l, n, size] = triple[0].shape as [number, number, number];
  checkSizes(triple, options);
  const [q, k, v] = moreKeys(projected(triple, options), options);
  const split = (t: Tensor) => t.reshape([t.shape[0]!, n, heads, size / heads]);
  const s = k.shape[0]!;
  // by itself the hint stands for the mask
  const causal = Boolean(options.is_causal) && !need_weights && !options.key_padding_mask;
  const [context, weights] = attend(split(q), split(k), split(v), [n, heads, l, s], {
    scale: 1 / Math.sqrt(size / heads),
    first: true,
    bias: causal ? causalBias(l, s, query.dtype) : maskBias(triple, s, options),
    safe: !need_weights && !causal,
    dropout_p: training ? (options.dropout_p ?? 0) : 0,
  });
  const output = linear(context.reshape([l, n, size]), options.out_proj_weight, options.out_proj_bias);
  const shown = !need_weights ? null : average_attn_weights ? weights.mean({ dim: 1 }) : weights;
  return batched ? [output, shown] : [output.squeeze(1), shown?.squeeze(0) ?? null];
}

/** A function of three tensors that may be the same: computed once for those that are. */
export function eachOnce([query, key, value]: Triple, fn: (t: Tensor) => Tensor): Triple {
  const k = fn(key);
  const v = value.node === key.node ? k : fn(value);
  return [query.node === key.node ? k : query.node === value.node ? v : fn(query), k, v];
}

/** Whether there is a batch. */
function checkRanks([query, key, value]: Triple, { key_padding_mask, attn_mask, num_heads }: Options): boolean {
  for (const t of [query, key, value]) expectTensor(MHA, t);
  if (query.ndim !== 2 && query.ndim !== 3) {
    throw new ShapeError(
      `${MHA}: query should be unbatched 2D or batched 3D tensor but received ${query.ndim}-D query tensor`,
    );
  }
  const batched = query.ndim === 3;
  const given = batched ? 'batched (3-D)' : 'unbatched (2-D)';
  if (key.ndim !== query.ndim || value.ndim !== query.ndim) {
    throw new ShapeError(
      `${MHA}: For ${given} \`query\`, expected \`key\` and \`value\` to be ${query.ndim}-D but found ${key.ndim}-D and ${value.ndim}-D tensors respectively`,
    );
  }
  for (const [name, mask, ranks] of [
    ['key_padding_mask', key_padding_mask, [query.ndim - 1]],
    ['attn_mask', attn_mask, [2, 3]],
  ] as const) {
    if (!mask) continue;
    expectTensor(`${MHA}: ${name}`, mask);
    if ((ranks as readonly number[]).includes(mask.ndim)) continue;
    const wanted = name === 'attn_mask' ? '`None`, 2-D or 3-D' : `\`None\` or ${ranks[0]}-D`;
    throw new ShapeError(
      `${MHA}: For ${given} \`query\`, expected \`${name}\` to be ${wanted} but found ${mask.ndim}-D tensor instead`,
    );
  }
  const [l, s] = [query.shape[0]!, key.shape[0]!];
  if (!batched && attn_mask?.ndim === 3 && !sameShape(attn_mask.shape, [num_heads, l, s])) {
    throw new ShapeError(
      `${MHA}: Expected \`attn_mask\` shape to be ${showShape([num_heads, l, s])} but got ${showShape(attn_mask.shape)}`,
    );
  }
  return batched;
}

function checkSizes([query, key, value]: Triple, options: Options): void {
  const { embed_dim_to_check: expected, num_heads, attn_mask, is_causal, use_separate_proj_weight } = options;
  const [, n, size] = query.shape as [number, number, number];
  if (is_causal && !attn_mask) {
    throw new ArgError(
      `${MHA}: Need attn_mask if specifying the is_causal hint. You may use the Transformer module method \`generateSquareSubsequentMask\` to create this mask.`,
    );
  }
  if (size !== expected) {
    throw new ShapeError(`${MHA}: was expecting embedding dimension of ${expected}, but got ${size}`);
  }
  if (size % num_heads !== 0) {
    throw new ArgError(`${MHA}: embed_dim ${size} not divisible by num_heads ${num_heads}`);
  }
  const [ks, vs] = [key.shape, value.shape];
  if (use_separate_proj_weight && !sameShape(ks.slice(0, 2), vs.slice(0, 2))) {
    throw new ShapeError(
      `${MHA}: key's sequence and batch dims ${showShape(ks.slice(0, 2))} do not match value's ${showShape(vs.slice(0, 2))}`,
    );
  }
  if (!use_separate_proj_weight && !sameShape(ks, vs)) {
    throw new ShapeError(`${MHA}: key shape ${showShape(ks)} does not match value shape ${showShape(vs)}`);
  }
  if (ks[1] !== n) {
    throw new ShapeError(
      `${MHA}: the batch number of query and key must be equal, got ${showShape(query.shape)} and ${showShape(ks)}`,
    );
  }
}

/** Query, key and value by the layer's weights, [length, N, E] each; one product for those that are one tensor. */
function projected([query, key, value]: Triple, options: Options): Triple {
  const { use_separate_proj_weight: separate, in_proj_weight: packed, in_proj_bias: bias } = options;
  const size = query.shape[2]!;
  checkShape('in_proj_bias', bias, [3 * size]);
  if (!separate) checkShape('in_proj_weight', packed ?? null, [3 * size, size], true);
  const together = !separate && key.node === value.node;
  const groups: [input: Tensor, count: number][] =
    together && query.node === key.node
      ? [[query, 3]]
      : together
        ? [
            [query, 1],
            [key, 2],
          ]
        : [query, key, value].map((t) => [t, 1]);
  const rows = groups.map(([, count]) => count * size);
  const parts = (t: Tensor) => (rows.length === 1 ? [t] : pieces(t, rows, 0));
  const weights = separate ? separateWeights([query, key, value], options) : parts(packed!);
  const biases = bias ? parts(bias) : [];
  return groups.flatMap(([input, count], i) => {
    const y = linear(input, weights[i]!, biases[i] ?? null);
    return count === 1 ? [y] : pieces(y, new Array<number>(count).fill(size), 2);
  }) as unknown as Triple;
}

function separateWeights(triple: Triple, options: Options): Tensor[] {
  const { q_proj_weight, k_proj_weight, v_proj_weight } = options;
  return [q_proj_weight, k_proj_weight, v_proj_weight].map((weight, i) => {
    const name = 'qkv'[i];
    if (!weight) throw new ArgError(`${MHA}: use_separate_proj_weight is True but ${name}_proj_weight is None`);
    checkShape(`${name}_proj_weight`, weight, [triple[0].shape[2]!, triple[i]!.shape[2]!]);
    return weight;
  });
}

function checkShape(name: string, t: Tensor | null, shape: Shape, required = false): void {
  if (t ? sameShape(t.shape, shape) : !required) return;
  throw new ShapeError(`${MHA}: expected ${name} of shape ${showShape(shape)}, got ${t ? showShape(t.shape) : 'null'}`);
}

/** Keys and values with those that do not come from the sequence: given ones instead, a learned one and zeros behind. */
function moreKeys([q, k, v]: Triple, options: Options): Triple {
  const { bias_k = null, bias_v = null, add_zero_attn, static_k = null, static_v = null, num_heads } = options;
  const [, n, size] = q.shape as [number, number, number];
  if ((bias_k === null) !== (bias_v === null)) {
    throw new ArgError(`${MHA}: bias_${bias_k ? 'k' : 'v'} is set but bias_${bias_k ? 'v' : 'k'} is None`);
  }
  const longer = (name: 'key' | 'value', own: Tensor, bias: Tensor | null, given: Tensor | null) => {
    if (bias && given) throw new ArgError(`${MHA}: bias cannot be added to static ${name}.`);
    checkShape(`bias_${name[0]}`, bias, [1, 1, size]);
    if (given) checkShape(`static_${name[0]}`, given, [n * num_heads, given.shape[1] ?? 0, size / num_heads]);
    const rows = [given ? given.permute([1, 0, 2]).reshape([-1, n, size]) : own];
    if (bias) rows.push(bias.expand([1, n, size]));
    if (add_zero_attn) rows.push(constant(0, { shape: [1, n, size], dtype: own.dtype }));
    return cat(rows);
  };
  const [keys, values] = [longer('key', k, bias_k, static_k), longer('value', v, bias_v, static_v)];
  if (keys.shape[0] !== values.shape[0]) {
    throw new ShapeError(`${MHA}: expected as many keys as values, got ${keys.shape[0]} and ${values.shape[0]}`);
  }
  return [q, keys, values];
}

/** What the masks add to the scores [N, heads, L, S]; the keys behind the `given` ones of the sequence are open to all. */
function maskBias([query, key]: Triple, keys: number, options: Options): Tensor | null {
  const { num_heads, attn_mask, key_padding_mask, add_zero_attn, bias_k } = options;
  const [l, n] = query.shape as [number, number, number];
  const extra = Number(Boolean(bias_k)) + Number(Boolean(add_zero_attn));
  const given = options.static_k ? keys - extra : key.shape[0]!;
  const four = (t: Tensor, shape: Shape) => constantPad(t.reshape(shape), [0, 0, 0, 0], [0, 0, 0, extra]);
  const biases: Tensor[] = [];
  if (attn_mask) {
    const wanted = attn_mask.ndim === 2 ? [l, given] : [n * num_heads, l, given];
    if (!sameShape(attn_mask.shape, wanted)) {
      throw new ShapeError(
        `${MHA}: The shape of the ${attn_mask.ndim}D attn_mask is ${showShape(attn_mask.shape)}, but should be ${showShape(wanted)}.`,
      );
    }
    const bias = additive('attn_mask', attn_mask, query);
    biases.push(four(bias, attn_mask.ndim === 2 ? [1, 1, l, given] : [n, num_heads, l, given]));
  }
  if (key_padding_mask) {
    const mask = key_padding_mask.ndim === 1 ? key_padding_mask.unsqueeze(0) : key_padding_mask;
    [n, given].forEach((size, dim) => {
      if (mask.shape[dim] === size) return;
      throw new ShapeError(`${MHA}: Expected key_padded_mask.shape[${dim}] to be ${size}, but got ${mask.shape[dim]}`);
    });
    biases.push(four(additive('key_padding_mask', mask, query), [n, 1, 1, given]));
  }
  return biases.length === 0 ? null : biases.reduce((a, b) => a.add(b));
}

/** A mask as numbers to add: -∞ where it is true. */
function additive(name: string, mask: Tensor, query: Tensor): Tensor {
  if (mask.dtype === 'bool') return where(mask, constant(-Infinity, { shape: [], dtype: query.dtype }), 0);
  if (!isFloat(mask.dtype)) throw new ArgError(`${MHA}: only bool and floating types of ${name} are supported`);
  sameMaskDtype(MHA, mask, query);
  return mask;
}
