/** The layers of a Perceiver; the sequence is the first dimension of all they take and give: [L, N, C]. */
import { GELU } from '../../nn/activation.ts';
import { float, int, layer } from '../../nn/args.ts';
import { Sequential } from '../../nn/container.ts';
import { Dropout } from '../../nn/dropout.ts';
import { Linear } from '../../nn/linear.ts';
import { Module, nameType } from '../../nn/module.ts';
import { LayerNorm } from '../../nn/normalization.ts';
import { attention } from '../../ops/attention.ts';
import type { Tensor } from '../../tensor/tensor.ts';

/** The sizes and the number of heads. */
export const heads = { head_dim: int(undefined, 1), v_head_dim: int(undefined, 1), num_heads: int(undefined, 1) };
/** Of being dropped, for each residual branch. */
export const probability = float(0, { min: 0, max: 1 });

/**
 * softmax(Qᵢ Kᵢᵀ / √head_dim) Vᵢ of each head, side by side, times `to_z`: queries [L, N, embed_dim] and a context
 * [M, N, context_dim] to [L, N, embed_dim]. Queries may be the same for all, [L, 1, embed_dim].
 */
class Attention extends layer({ embed_dim: int(undefined, 1), context_dim: int(undefined, 1), ...heads }) {
  readonly to_flat_q = this.projection(this.args.embed_dim, this.args.head_dim);
  readonly to_flat_k = this.projection(this.args.context_dim, this.args.head_dim);
  readonly to_flat_v = this.projection(this.args.context_dim, this.args.v_head_dim);
  readonly to_z = new Linear({
    in_features: this.args.v_head_dim * this.args.num_heads,
    out_features: this.args.embed_dim,
  });

  private projection(in_features: number, size: number): Linear {
    return new Linear({ in_features, out_features: size * this.args.num_heads });
  }

  override forward(x: Tensor, context: Tensor): Tensor {
    const { head_dim, v_head_dim, num_heads } = this.args;
    const split = (t: Tensor) => t.unflatten(-1, [num_heads, t.shape[2]! / num_heads]);
    const [k, v] = [split(this.to_flat_k.forward(context)), split(this.to_flat_v.forward(context))];
    const [length, n] = [x.shape[0]!, context.shape[1]!];
    const q = split(this.to_flat_q.forward(x)).expand([length, n, num_heads, head_dim]);
    const [y] = attention(q, k, v, { scale: 1 / Math.sqrt(head_dim), first: true });
    return this.to_z.forward(y.reshape([length, n, num_heads * v_head_dim]));
  }

  override extraRepr(): string {
    return '';
  }
}

/** Attention of x, normalised, to itself. */
export class SelfAttention extends layer({ embed_dim: int(undefined, 1), ...heads }) {
  readonly attn = new Attention({ ...this.args, context_dim: this.args.embed_dim });
  readonly layer_norm = new LayerNorm({ normalized_shape: this.args.embed_dim });

  override forward(x: Tensor): Tensor {
    const y = this.layer_norm.forward(x);
    return this.attn.forward(y, y);
  }

  override extraRepr(): string {
    return '';
  }
}

/** Attention of x to a context, both normalised. */
export class CrossAttention extends layer({
  embed_dim: int(undefined, 1),
  context_dim: int(undefined, 1),
  ...heads,
}) {
  readonly attn = new Attention(this.args);
  readonly embed_layer_norm = new LayerNorm({ normalized_shape: this.args.embed_dim });
  readonly context_layer_norm = new LayerNorm({ normalized_shape: this.args.context_dim });

  override forward(x: Tensor, context: Tensor): Tensor {
    return this.attn.forward(this.embed_layer_norm.forward(x), this.context_layer_norm.forward(context));
  }

  override extraRepr(): string {
    return '';
  }
}

/** W₂ gelu(W₁ LN(x) + b₁) + b₂, with `widening_factor` times as many features between. */
export class TransformerMLP extends layer({ embed_dim: int(undefined, 1), widening_factor: int(1, 1) }) {
  readonly module = this.layers();

  private layers(): Sequential {
    const { embed_dim, widening_factor } = this.args;
    const wide = embed_dim * widening_factor;
    return new Sequential(
      new LayerNorm({ normalized_shape: embed_dim }),
      new Linear({ in_features: embed_dim, out_features: wide }),
      new GELU(),
      new Linear({ in_features: wide, out_features: embed_dim }),
    );
  }

  override forward(x: Tensor): Tensor {
    return this.module.forward(x);
  }

  override extraRepr(): string {
    return '';
  }
}

/** x + dropout(f(x, …)). */
export class Residual extends Module {
  readonly module: Module;
  readonly dropout: Dropout;

  constructor(module: Module, p: number) {
    super();
    this.module = module;
    this.dropout = new Dropout({ p });
  }

  override forward(x: Tensor, ...others: readonly Tensor[]): Tensor {
    const inner = this.module as { forward(...inputs: readonly Tensor[]): Tensor };
    return x.add(this.dropout.forward(inner.forward(x, ...others)));
  }
}

/** Modules one after the other, of which the first takes several inputs. */
export class SpreadSequential extends Sequential {
  override forward(...inputs: readonly Tensor[]): Tensor {
    const [first, ...others] = this.values() as { forward(...inputs: readonly unknown[]): unknown }[];
    return others.reduce<unknown>((value, module) => module.forward(value), first!.forward(...inputs)) as Tensor;
  }
}

for (const [name, type] of Object.entries({
  Attention,
  SelfAttention,
  CrossAttention,
  TransformerMLP,
  Residual,
  SpreadSequential,
})) {
  nameType(type, name);
}
