import * as z from 'zod';
import type { Tensor } from '../tensor/tensor.ts';
import { bool, float, int, layer, show } from './args.ts';
import { MultiheadAttention } from './attention.ts';
import { Dropout } from './dropout.ts';
import { gelu, relu } from './functional/index.ts';
import { type Optional, optionalInputs } from './inputs.ts';
import { Linear } from './linear.ts';
import { Module } from './module.ts';
import { LayerNorm } from './normalization.ts';

type Activation = 'relu' | 'gelu' | ((x: Tensor) => Tensor) | Module;
type Mask = Tensor | null | undefined;

function isActivation(value: unknown): boolean {
  return value === 'relu' || value === 'gelu' || typeof value === 'function' || value instanceof Module;
}

/** What the layers, and the model made of them, have in common, before and after what they have not. */
export const common = {
  dim_feedforward: int(2048, 1),
  dropout: float(0.1, { min: 0, max: 1 }),
  activation: z
    .custom<Activation>(isActivation, { error: ({ input }) => `activation should be relu/gelu, not ${show(input)}` })
    .default('relu')
    .meta({ description: "'relu', 'gelu', a function or a module" }),
};
export const last = {
  layer_norm_eps: float(1e-5),
  batch_first: bool(false),
  norm_first: bool(false),
  bias: bool(true),
};
const table = { d_model: int(undefined, 1), nhead: int(undefined, 1), ...common, ...last };
type Args = z.infer<z.ZodObject<typeof table>>;

function attentionOf({ d_model, nhead, dropout, bias, batch_first }: Args): MultiheadAttention {
  return new MultiheadAttention({ embed_dim: d_model, num_heads: nhead, dropout, bias, batch_first });
}

function linearOf(in_features: number, out_features: number, { bias }: Args): Linear {
  return new Linear({ in_features, out_features, bias });
}

function normOf({ d_model, layer_norm_eps, bias }: Args): LayerNorm {
  return new LayerNorm({ normalized_shape: d_model, eps: layer_norm_eps, bias });
}

function activationOf({ activation }: Args): Module | ((x: Tensor) => Tensor) {
  return activation === 'relu' ? relu : activation === 'gelu' ? gelu : activation;
}

interface FeedForward {
  readonly linear1: Linear;
  readonly activation: Module | ((x: Tensor) => Tensor);
  readonly dropout: Dropout;
  readonly linear2: Linear;
}

function feedForward({ linear1, activation, dropout, linear2 }: FeedForward, x: Tensor): Tensor {
  const y = linear1.forward(x);
  const active = activation instanceof Module ? (activation.forward(y as never) as Tensor) : activation(y);
  return linear2.forward(dropout.forward(active));
}

interface AttentionMasks {
  readonly attn_mask?: Mask;
  readonly key_padding_mask?: Mask;
  readonly is_causal?: boolean | undefined;
}

function attend(attention: MultiheadAttention, x: Tensor, memory: Tensor, masks: AttentionMasks): Tensor {
  return attention.forward(x, memory, memory, { ...masks, need_weights: false })[0];
}

/** x + f(x), normalised before or after. */
function residual(x: Tensor, norm: LayerNorm, first: boolean, f: (x: Tensor) => Tensor): Tensor {
  return first ? x.add(f(norm.forward(x))) : norm.forward(x.add(f(x)));
}

export interface TransformerEncoderLayerOptions {
  /** [S, S] or [N · nhead, S, S]: true where attention is not allowed, or numbers added to the scores. */
  readonly src_mask?: Mask;
  /** [N, S] or [S]: true for padding. */
  readonly src_key_padding_mask?: Mask;
  /** A hint that `src_mask` is the causal mask. */
  readonly is_causal?: boolean | undefined;
}

/**
 * Self-attention, then two linear layers with an activation between, each with dropout, a sum with its input, and a layer norm (before
 * with `norm_first`): src [S, N, d_model], or [N, S, d_model] with `batch_first`, or without N, to the same shape.
 * https://pytorch.org/docs/stable/generated/torch.nn.TransformerEncoderLayer.html
 */
export class TransformerEncoderLayer extends layer(table, []) {
  static readonly inputs = ['src', 'src_mask', 'src_key_padding_mask', 'is_causal'];
  readonly self_attn = attentionOf(this.args);
  readonly linear1 = linearOf(this.args.d_model, this.args.dim_feedforward, this.args);
  readonly dropout = new Dropout({ p: this.args.dropout });
  readonly linear2 = linearOf(this.args.dim_feedforward, this.args.d_model, this.args);
  readonly norm1 = normOf(this.args);
  readonly norm2 = normOf(this.args);
  readonly dropout1 = new Dropout({ p: this.args.dropout });
  readonly dropout2 = new Dropout({ p: this.args.dropout });
  readonly activation = activationOf(this.args);

  override forward(
    src: Tensor,
    ...optional: Optional<TransformerEncoderLayerOptions, ['src_mask', 'src_key_padding_mask', 'is_causal']>
  ): Tensor {
    const options = optionalInputs<TransformerEncoderLayerOptions>(this, 1, optional);
    const { src_mask, src_key_padding_mask, is_causal } = options;
    const { norm_first } = this.args;
    const masks = { attn_mask: src_mask, key_padding_mask: src_key_padding_mask, is_causal };
    const x = residual(src, this.norm1, norm_first, (t) => this.dropout1.forward(attend(this.self_attn, t, t, masks)));
    return residual(x, this.norm2, norm_first, (t) => this.dropout2.forward(feedForward(this, t)));
  }
}

export interface TransformerDecoderOptions {
  /** [T, T] or [N · nhead, T, T]: true where attention is not allowed, or numbers added to the scores. */
  readonly tgt_mask?: Mask;
  /** [T, S] or [N · nhead, T, S], in the same way. */
  readonly memory_mask?: Mask;
  /** [N, T] or [T]: true for padding. */
  readonly tgt_key_padding_mask?: Mask;
  /** [N, S] or [S]: true for padding. */
  readonly memory_key_padding_mask?: Mask;
  /** Hints that a mask is the causal one. */
  readonly tgt_is_causal?: boolean | null | undefined;
  readonly memory_is_causal?: boolean | undefined;
}

/** The order in which they may also be given. */
export type DecoderInputs = [
  'tgt_mask',
  'memory_mask',
  'tgt_key_padding_mask',
  'memory_key_padding_mask',
  'tgt_is_causal',
  'memory_is_causal',
];

/**
 * Self-attention, attention to the encoder's output `memory`, then two linear layers, as in `TransformerEncoderLayer`: tgt
 * [T, N, d_model] and memory [S, N, d_model] to the shape of tgt.
 * https://pytorch.org/docs/stable/generated/torch.nn.TransformerDecoderLayer.html
 */
export class TransformerDecoderLayer extends layer(table, []) {
  static readonly inputs = [
    'tgt',
    'memory',
    'tgt_mask',
    'memory_mask',
    'tgt_key_padding_mask',
    'memory_key_padding_mask',
    'tgt_is_causal',
    'memory_is_causal',
  ];
  readonly self_attn = attentionOf(this.args);
  readonly multihead_attn = attentionOf(this.args);
  readonly linear1 = linearOf(this.args.d_model, this.args.dim_feedforward, this.args);
  readonly dropout = new Dropout({ p: this.args.dropout });
  readonly linear2 = linearOf(this.args.dim_feedforward, this.args.d_model, this.args);
  readonly norm1 = normOf(this.args);
  readonly norm2 = normOf(this.args);
  readonly norm3 = normOf(this.args);
  readonly dropout1 = new Dropout({ p: this.args.dropout });
  readonly dropout2 = new Dropout({ p: this.args.dropout });
  readonly dropout3 = new Dropout({ p: this.args.dropout });
  readonly activation = activationOf(this.args);

  override forward(
    tgt: Tensor,
    memory: Tensor,
    ...optional: Optional<TransformerDecoderOptions, DecoderInputs>
  ): Tensor {
    const options = optionalInputs<TransformerDecoderOptions>(this, 2, optional);
    const { norm_first } = this.args;
    const own = {
      attn_mask: options.tgt_mask,
      key_padding_mask: options.tgt_key_padding_mask,
      is_causal: options.tgt_is_causal ?? false,
    };
    const others = {
      attn_mask: options.memory_mask,
      key_padding_mask: options.memory_key_padding_mask,
      is_causal: options.memory_is_causal,
    };
    const x = residual(tgt, this.norm1, norm_first, (t) => this.dropout1.forward(attend(this.self_attn, t, t, own)));
    const y = residual(x, this.norm2, norm_first, (t) =>
      this.dropout2.forward(attend(this.multihead_attn, t, memory, others)),
    );
    return residual(y, this.norm3, norm_first, (t) => this.dropout3.forward(feedForward(this, t)));
  }
}
