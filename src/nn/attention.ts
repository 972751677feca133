import { mode } from '../tensor/mode.ts';
import { expectTensor, type Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';
import { bool, float, int, layer, optional } from './args.ts';
import { multiHeadAttentionForward } from './functional/index.ts';
import { eachOnce } from './functional/multihead-attention.ts';
import { xavierNormal_, xavierUniform_, zeros_ } from './init.ts';
import { type Optional, optionalInputs } from './inputs.ts';
import { Linear } from './linear.ts';
import { nameType, Parameter } from './module.ts';

/** A linear layer by another name, which PyTorch prints. */
class NonDynamicallyQuantizableLinear extends Linear {}
nameType(NonDynamicallyQuantizableLinear, 'NonDynamicallyQuantizableLinear');

function xavier(rows: number, columns: number): Parameter {
  return xavierUniform_(Parameter.empty([rows, columns])) as Parameter;
}

export interface MultiheadAttentionOptions {
  /** [N, S], or [S] without a batch: true for keys to ignore, or numbers added to their scores. */
  readonly key_padding_mask?: Tensor | null | undefined;
  /** Whether to return the attention weights. */
  readonly need_weights?: boolean | undefined;
  /** [L, S] or [N · num_heads, L, S]: true where a query may not attend to a key, or numbers added to the scores. */
  readonly attn_mask?: Tensor | null | undefined;
  /** The weights' average over the heads, or those of each head. */
  readonly average_attn_weights?: boolean | undefined;
  /** A hint that `attn_mask` is the causal mask; taken at its word where no weights are asked for and no key is padding. */
  readonly is_causal?: boolean | undefined;
}

/**
 * Attention of several heads: `[output, weights]` with output = concat(headᵢ) Woᵀ and headᵢ = softmax(Qᵢ Kᵢᵀ / √d) Vᵢ of the projected
 * query [L, N, E], key [S, N, kdim] and value [S, N, vdim]; N first with `batch_first`, or no N. Output as query; weights [N, L, S], or
 * null if not needed. Without weights, a query that may attend to nothing gets zeros, otherwise NaN, as in PyTorch's training mode.
 * https://pytorch.org/docs/stable/generated/torch.nn.MultiheadAttention.html
 */
export class MultiheadAttention extends layer(
  {
    embed_dim: int(undefined, Number.MIN_SAFE_INTEGER),
    num_heads: int(undefined, Number.MIN_SAFE_INTEGER),
    dropout: float(0, { min: 0, max: 1 }),
    bias: bool(true),
    add_bias_kv: bool(false),
    add_zero_attn: bool(false),
    kdim: optional(int()),
    vdim: optional(int()),
    batch_first: bool(false),
  },
  [],
) {
  static readonly inputs = [
    'query',
    'key',
    'value',
    'key_padding_mask',
    'need_weights',
    'attn_mask',
    'average_attn_weights',
    'is_causal',
  ];
  // PyTorch draws its numbers first
  readonly out_proj = this.outProjection();
  readonly in_proj_weight = this.separate() ? null : xavier(3 * this.args.embed_dim, this.args.embed_dim);
  readonly q_proj_weight = this.separate() ? xavier(this.args.embed_dim, this.args.embed_dim) : null;
  readonly k_proj_weight = this.separate() ? xavier(this.args.embed_dim, this.size('kdim')) : null;
  readonly v_proj_weight = this.separate() ? xavier(this.args.embed_dim, this.size('vdim')) : null;
  readonly in_proj_bias = this.args.bias ? Parameter.empty([3 * this.args.embed_dim]) : null;
  readonly bias_k = this.extra();
  readonly bias_v = this.extra();

  private size(name: 'kdim' | 'vdim'): number {
    return this.args[name] ?? this.args.embed_dim;
  }

  /** Whether key or value differ from the query in size, and so have weights of their own. */
  private separate(): boolean {
    const { embed_dim } = this.args;
    return this.size('kdim') !== embed_dim || this.size('vdim') !== embed_dim;
  }

  private outProjection(): Linear {
    const { embed_dim, num_heads, bias } = this.args;
    if (embed_dim <= 0 || num_heads <= 0) {
      throw new ArgError(
        `MultiheadAttention: embed_dim and num_heads must be greater than 0, got embed_dim=${embed_dim} and num_heads=${num_heads} instead`,
      );
    }
    if (embed_dim % num_heads !== 0) {
      throw new ArgError(
        `MultiheadAttention: embed_dim must be divisible by num_heads, got ${embed_dim} and ${num_heads}`,
      );
    }
    const linear = new NonDynamicallyQuantizableLinear({ in_features: embed_dim, out_features: embed_dim, bias });
    if (linear.bias) zeros_(linear.bias);
    return linear;
  }

  private extra(): Parameter | null {
    const { add_bias_kv, embed_dim } = this.args;
    return add_bias_kv ? (xavierNormal_(Parameter.empty([1, 1, embed_dim])) as Parameter) : null;
  }

  override forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    ...optional: Optional<
      MultiheadAttentionOptions,
      ['key_padding_mask', 'need_weights', 'attn_mask', 'average_attn_weights', 'is_causal']
    >
  ): [output: Tensor, weights: Tensor | null] {
    const options = optionalInputs<MultiheadAttentionOptions>(this, 3, optional);
    const { embed_dim, num_heads, dropout, add_zero_attn, batch_first } = this.args;
    for (const t of [query, key, value]) expectTensor('MultiheadAttention', t);
    mode.trace?.guard(() => this.args.dropout);
    const { in_proj_weight, in_proj_bias, bias_k, bias_v, q_proj_weight, k_proj_weight, v_proj_weight } = this;
    const turn = (t: Tensor) => (batch_first && t.ndim === 3 ? t.transpose(0, 1) : t);
    const [output, weights] = multiHeadAttentionForward(...eachOnce([query, key, value], turn), {
      embed_dim_to_check: embed_dim,
      num_heads,
      in_proj_weight,
      in_proj_bias,
      bias_k,
      bias_v,
      add_zero_attn,
      dropout_p: dropout,
      out_proj_weight: this.out_proj.weight,
      out_proj_bias: this.out_proj.bias,
      training: this.training,
      use_separate_proj_weight: this.separate(),
      q_proj_weight,
      k_proj_weight,
      v_proj_weight,
      ...options,
    });
    return [turn(output), weights];
  }
}
