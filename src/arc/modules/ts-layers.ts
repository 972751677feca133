/** The layers of a time series transformer; the sequence is the first dimension of all they take and give: [K, N, d_model]. */
import * as z from 'zod';
import { float, int, layer, optional } from '../../nn/args.ts';
import { Dropout } from '../../nn/dropout.ts';
import { Linear } from '../../nn/linear.ts';
import { nameType } from '../../nn/module.ts';
import { LayerNorm } from '../../nn/normalization.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { activationName, activationOf } from './functional-names.ts';
import { headOptions, MultiHeadAttention, MultiHeadAttentionChunk, MultiHeadAttentionWindow } from './ts-attention.ts';

const attentions = { chunk: MultiHeadAttentionChunk, window: MultiHeadAttentionWindow };

/** Options of the layers, besides those of their attention. */
export const layerOptions = {
  dropout: float(0.1, { min: 0, max: 1 }),
  dim_feedforward: int(2048, 1),
  activation: activationName('relu'),
  chunk_mode: optional(z.enum(['chunk', 'window']), "'chunk', 'window'"),
};
const table = { ...headOptions, ...layerOptions };

/** W₂ activation(W₁ x + b₁) + b₂. */
class PositionwiseFeedForward extends layer({
  d_model: int(),
  dim_feedforward: int(),
  activation: activationName('relu'),
}) {
  readonly _linear1 = new Linear({ in_features: this.args.d_model, out_features: this.args.dim_feedforward });
  readonly _linear2 = new Linear({ in_features: this.args.dim_feedforward, out_features: this.args.d_model });

  override forward(x: Tensor): Tensor {
    return this._linear2.forward(activationOf(this.args.activation)(this._linear1.forward(x)));
  }

  override extraRepr(): string {
    return '';
  }
}

export type LayerOptions = z.input<z.ZodObject<typeof table>>;

abstract class LayerBase extends layer(table) {
  protected attention(): MultiHeadAttention | MultiHeadAttentionChunk | MultiHeadAttentionWindow {
    const { dropout: _d, dim_feedforward: _f, activation: _a, chunk_mode, ...heads } = this.args;
    return new (chunk_mode === null ? MultiHeadAttention : attentions[chunk_mode])(heads);
  }

  protected feedForward(): PositionwiseFeedForward {
    const { d_model, dim_feedforward, activation } = this.args;
    return new PositionwiseFeedForward({ d_model, dim_feedforward, activation });
  }

  protected norm(): LayerNorm {
    return new LayerNorm({ normalized_shape: this.args.d_model });
  }

  override extraRepr(): string {
    return '';
  }
}

/** Self-attention, then two linear layers, each in dropout, added to its input and normalised: y = LN(x + dropout(f(x))). */
export class Encoder extends LayerBase {
  readonly _selfAttention = this.attention();
  readonly _feedForward = this.feedForward();
  readonly _layerNorm1 = this.norm();
  readonly _layerNorm2 = this.norm();
  readonly _dropout = new Dropout({ p: this.args.dropout });

  override forward(x: Tensor): Tensor {
    const y = this._layerNorm1.forward(this._dropout.forward(this._selfAttention.forward(x, x)).add(x));
    return this._layerNorm2.forward(this._dropout.forward(this._feedForward.forward(y)).add(y));
  }
}

/**
 * Self-attention that sees nothing ahead, attention to the encoders' output, then two linear layers, as in `Encoder`.
 *
 * As in Python `_selfAttention` does both; `_encoderDecoderAttention` is there, and is not used.
 */
export class Decoder extends LayerBase {
  readonly _selfAttention = this.attention();
  readonly _encoderDecoderAttention = this.attention();
  readonly _feedForward = this.feedForward();
  readonly _layerNorm1 = this.norm();
  readonly _layerNorm2 = this.norm();
  readonly _layerNorm3 = this.norm();
  readonly _dropout = new Dropout({ p: this.args.dropout });

  override forward(x: Tensor, memory: Tensor): Tensor {
    const own = this._selfAttention.forward(x, x, { future: true });
    const y = this._layerNorm1.forward(this._dropout.forward(own).add(x));
    const across = this._selfAttention.forward(y, memory);
    const z = this._layerNorm2.forward(this._dropout.forward(across).add(y));
    return this._layerNorm3.forward(this._dropout.forward(this._feedForward.forward(z)).add(z));
  }
}

for (const [name, type] of Object.entries({ Encoder, Decoder, PositionwiseFeedForward })) nameType(type, name);
