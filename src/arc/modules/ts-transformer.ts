/** Transformers of time series: [N, K, in_channels] to [N, K, out_channels]. */
import * as z from 'zod';
import { bool, choice, count, int, layer, optional } from '../../nn/args.ts';
import { ModuleList, Sequential } from '../../nn/container.ts';
import { Conv1d } from '../../nn/conv.ts';
import { Linear } from '../../nn/linear.ts';
import { Module, nameType, typeName } from '../../nn/module.ts';
import {
  TransformerDecoder,
  TransformerDecoderLayer,
  TransformerEncoder,
  TransformerEncoderLayer,
} from '../../nn/transformer.ts';
import { type Shape, showShape } from '../../tensor/shape.ts';
import { expectTensor, type Tensor } from '../../tensor/tensor.ts';
import { ArgError, ShapeError } from '../../util/errors.ts';
import { activationOf } from './functional-names.ts';
import { encodings, type PositionEncoding } from './position-encoding.ts';
import { headOptions } from './ts-attention.ts';
import { Decoder, Encoder, type LayerOptions, layerOptions } from './ts-layers.ts';

const { dropout, dim_feedforward, activation, chunk_mode } = layerOptions;
const { attention_size, chunk_size, window_size, padding } = headOptions;
/** Python's table of places. */
const PLACES = 128;

const table = {
  d_model: int(512, 1),
  nhead: int(8, 1),
  num_encoder_layers: count(6),
  num_decoder_layers: count(6),
  dropout,
  dim_feedforward,
  activation,
  in_embedding: choice(['Linear', 'Conv1d'], 'Linear'),
  pe: optional(z.enum(['sinusoid', 'periodic', 'learned']), "'sinusoid', 'periodic', 'learned'"),
  attention_size,
  in_channels: int(undefined, 1),
  out_channels: int(undefined, 1),
  q: optional(int(undefined, 1)),
  v: optional(int(undefined, 1)),
  chunk_mode,
  scalar_output: bool(false),
  max_seq_len: optional(int(undefined, 1)),
  chunk_size,
  window_size,
  padding,
};

/** Dimensions 1 and 2 of [N, K, C] exchanged. */
class Transpose extends Module {
  override forward(x: Tensor): Tensor {
    return x.transpose(1, 2);
  }
}

/** What both have: embedding and encoding before, a linear layer behind. */
abstract class SeriesBase extends layer(table) {
  /** What follows from the input in a DAG. */
  static readonly inferred = {
    in_channels: (shape: Shape) => shape.at(-1),
    max_seq_len: (shape: Shape) => Math.max(PLACES, shape.at(-2) ?? 0),
  };

  readonly in_embedding = this.embedding();
  readonly pe = this.encoding();

  private embedding(): Linear | Sequential {
    const { in_channels, d_model, in_embedding } = this.args;
    if (in_embedding === 'Linear') return new Linear({ in_features: in_channels, out_features: d_model });
    const conv = new Conv1d({ in_channels, out_channels: d_model, kernel_size: 1, bias: false });
    return new Sequential(new Transpose(), conv, new Transpose());
  }

  private encoding(): PositionEncoding | null {
    const { pe, d_model, max_seq_len } = this.args;
    if (pe === null) return null;
    if (pe === 'sinusoid' && d_model % 2 !== 0) {
      throw new ArgError(`${typeName(this.constructor)}.d_model: pe: sinusoid needs an even number, got ${d_model}`);
    }
    return new encodings[pe]({ d_model, max_seq_len: max_seq_len ?? PLACES });
  }

  protected head(): Linear {
    return new Linear({ in_features: this.args.d_model, out_features: this.args.out_channels });
  }

  protected abstract readonly out_linear: Linear;

  /** Encoders and decoders: embedded values, the sequence first, [K, N, d_model], to the same shape. */
  protected abstract transformed(rows: Tensor): Tensor;

  /** What the decoders start from: the encoders' output with places, once more. */
  protected placed(rows: Tensor): Tensor {
    return this.pe ? this.pe.forward(rows.transpose(0, 1)).transpose(0, 1) : rows;
  }

  override forward(x: Tensor): Tensor {
    const who = typeName(this.constructor);
    expectTensor(who, x);
    const { in_channels, scalar_output } = this.args;
    if (x.ndim !== 3 || x.shape[2] !== in_channels || x.shape[1] === 0) {
      throw new ShapeError(
        `${who}: expected an input [batch, length, ${in_channels}] of at least one place, got ${showShape(x.shape)}`,
      );
    }
    const embedded = this.in_embedding.forward(x);
    const rows = this.transformed((this.pe?.forward(embedded) ?? embedded).transpose(0, 1));
    return this.out_linear.forward(scalar_output ? rows.select(0, 0) : rows.transpose(0, 1));
  }

  override extraRepr(): string {
    return '';
  }
}

/**
 * A transformer of time series: embedding and places, encoders, decoders, a linear layer. [N, K, in_channels] to [N, K, out_channels],
 * with `scalar_output` the first place's alone, [N, out_channels].
 *
 *     x = PE(E(input)); m = encoders(x); y = PE(m); y = decoder(y, m) for each; output = W y + b
 *
 * Encoders and decoders are post-norm (`Encoder`, `Decoder`), their scores divided by √K (`MultiHeadAttention`), or by the root of
 * a piece's or window's length with `chunk_mode`. Without decoders the output is that of the encoders. The encoding drops with
 * probability 0.1, whatever `dropout` is; with pe sinusoid or periodic no gradient gets through it.
 *
 * Unlike in Python, `pe: null` is no encoding, chunks and windows work at any length, `q` and `v` may be left out (d_model / nhead),
 * and there are `max_seq_len` (learned places, by default 128 or what a DAG's input needs), `chunk_size`, `window_size` and `padding`.
 */
export class TSTransformer extends SeriesBase {
  readonly encoders = new Sequential(this.layers(Encoder, this.args.num_encoder_layers));
  readonly decoders = new ModuleList(this.layers(Decoder, this.args.num_decoder_layers));
  readonly out_linear = this.head();

  private layers<L>(type: new (options: LayerOptions) => L, count: number): L[] {
    const { d_model, nhead, q, v, window_size, padding, chunk_mode } = this.args;
    if (chunk_mode === 'window' && window_size <= 2 * padding) {
      throw new ArgError(
        `TSTransformer.padding: expected less than half of the window_size ${window_size}, got ${padding}`,
      );
    }
    const share = Math.max(1, Math.floor(d_model / nhead));
    const { dropout, dim_feedforward, activation, attention_size, chunk_size } = this.args;
    const same = { d_model, nhead, dropout, dim_feedforward, activation, attention_size, chunk_mode };
    const options = { ...same, q: q ?? share, v: v ?? share, chunk_size, window_size, padding };
    return Array.from({ length: count }, () => new type(options));
  }

  protected override transformed(rows: Tensor): Tensor {
    const memory = this.encoders.forward(rows);
    if (this.decoders.length === 0) return memory;
    return this.decoders.values().reduce((y, decoder) => decoder.forward(y, memory), this.placed(memory));
  }
}

/**
 * The same of PyTorch's layers, `nn.TransformerEncoder` and `nn.TransformerDecoder`, which know no masks: `attention_size`, `chunk_mode`,
 * `q` and `v` change nothing. The layers of a stack start from equal weights.
 *
 * Unlike Python's it is batch first without decoders too.
 */
export class PTTSTransformer extends SeriesBase {
  readonly encoders = new TransformerEncoder({
    encoder_layer: new TransformerEncoderLayer(this.layer()),
    num_layers: this.args.num_encoder_layers,
  });
  readonly decoders = new TransformerDecoder({
    decoder_layer: new TransformerDecoderLayer(this.layer()),
    num_layers: this.args.num_decoder_layers,
  });
  readonly out_linear = this.head();

  private layer() {
    const { d_model, nhead, dim_feedforward, dropout, activation } = this.args;
    if (d_model % nhead !== 0) {
      throw new ArgError(
        `PTTSTransformer.nhead: embed_dim must be divisible by num_heads, got ${d_model} and ${nhead}`,
      );
    }
    return { d_model, nhead, dim_feedforward, dropout, activation: activationOf(activation) };
  }

  protected override transformed(rows: Tensor): Tensor {
    const memory = this.encoders.forward(rows);
    return this.args.num_decoder_layers === 0 ? memory : this.decoders.forward(this.placed(memory), memory);
  }
}

for (const [name, type] of Object.entries({ TSTransformer, PTTSTransformer, Transpose })) nameType(type, name);
