import * as z from 'zod';
import { tensor } from '../ops/create.ts';
import { type Dtype, isFloat } from '../tensor/dtype.ts';
import { asShape, showShape } from '../tensor/shape.ts';
import { expectTensor, type Tensor } from '../tensor/tensor.ts';
import { ArgError, ShapeError } from '../util/errors.ts';
import { bool, count, int, layer, optional, show } from './args.ts';
import { ModuleList } from './container.ts';
import { copyOf } from './copy.ts';
import { xavierUniform_ } from './init.ts';
import { type Optional, optionalInputs } from './inputs.ts';
import { Module } from './module.ts';
import { LayerNorm } from './normalization.ts';
import {
  common,
  type DecoderInputs,
  last,
  TransformerDecoderLayer,
  type TransformerDecoderOptions,
  TransformerEncoderLayer,
} from './transformer-layer.ts';

export type { TransformerDecoderOptions, TransformerEncoderLayerOptions } from './transformer-layer.ts';
export { TransformerDecoderLayer, TransformerEncoderLayer };

type Mask = Tensor | null | undefined;

/** A module of the user's. */
const module = (text: string) =>
  z
    .custom<Module>((value) => value instanceof Module, {
      error: ({ input }) => `expected ${text}, got ${show(input)}`,
    })
    .meta({ description: text });

function copies(layer: Module, count: number): ModuleList {
  return new ModuleList(Array.from({ length: count }, () => copyOf(layer)));
}

export interface TransformerEncoderOptions {
  /** The layers' `src_mask`. */
  readonly mask?: Mask;
  readonly src_key_padding_mask?: Mask;
  readonly is_causal?: boolean | null | undefined;
}

/**
 * A stack of copies of an encoder layer, then `norm` if given. The copies start from equal weights.
 *
 * `enable_nested_tensor` and `mask_check` change nothing: padding is always computed, and its places never filled with zeros, as
 * PyTorch does only without gradients. https://pytorch.org/docs/stable/generated/torch.nn.TransformerEncoder.html
 */
export class TransformerEncoder extends layer(
  {
    encoder_layer: module('a TransformerEncoderLayer'),
    num_layers: count(),
    norm: optional(module('a module')),
    enable_nested_tensor: bool(true),
    mask_check: bool(true),
  },
  [],
) {
  static readonly inputs = ['src', 'mask', 'src_key_padding_mask', 'is_causal'];
  readonly layers = copies(this.args.encoder_layer, this.args.num_layers);
  readonly norm = this.args.norm;

  override forward(
    src: Tensor,
    ...optional: Optional<TransformerEncoderOptions, ['mask', 'src_key_padding_mask', 'is_causal']>
  ): Tensor {
    const options = optionalInputs<TransformerEncoderOptions>(this, 1, optional);
    const { mask, src_key_padding_mask, is_causal } = options;
    const masks = { src_mask: mask, src_key_padding_mask, is_causal: is_causal ?? false };
    const y = this.layers.values().reduce((x, each) => call(each, [x], masks), src);
    return this.norm ? call(this.norm, [y]) : y;
  }
}

/** A module's result, which is known to be a tensor. */
function call(module: Module, inputs: readonly Tensor[], ...options: object[]): Tensor {
  const forward = module.forward as (this: Module, ...all: object[]) => unknown;
  return forward.call(module, ...inputs, ...options) as Tensor;
}

/**
 * A stack of copies of a decoder layer, then `norm` if given. The copies start from equal weights.
 * https://pytorch.org/docs/stable/generated/torch.nn.TransformerDecoder.html
 */
export class TransformerDecoder extends layer(
  {
    decoder_layer: module('a TransformerDecoderLayer'),
    num_layers: count(),
    norm: optional(module('a module')),
  },
  [],
) {
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
  readonly layers = copies(this.args.decoder_layer, this.args.num_layers);
  readonly norm = this.args.norm;

  override forward(
    tgt: Tensor,
    memory: Tensor,
    ...optional: Optional<TransformerDecoderOptions, DecoderInputs>
  ): Tensor {
    const options = optionalInputs<TransformerDecoderOptions>(this, 2, optional);
    const y = this.layers.values().reduce((x, each) => call(each, [x, memory], options), tgt);
    return this.norm ? call(this.norm, [y]) : y;
  }
}

export interface TransformerOptions extends TransformerDecoderOptions {
  readonly src_mask?: Mask;
  readonly src_key_padding_mask?: Mask;
  readonly src_is_causal?: boolean | null | undefined;
}

const Base = layer(
  {
    d_model: int(512, 1),
    nhead: int(8, 1),
    num_encoder_layers: count(6),
    num_decoder_layers: count(6),
    ...common,
    custom_encoder: optional(module('a module')),
    custom_decoder: optional(module('a module')),
    ...last,
  },
  [],
);

/**
 * An encoder and a decoder: src [S, N, d_model] and tgt [T, N, d_model] (N first with `batch_first`, or none) to the shape of tgt.
 * All matrices start from Xavier's distribution. https://pytorch.org/docs/stable/generated/torch.nn.Transformer.html
 */
export class Transformer extends Base {
  static readonly inputs = [
    'src',
    'tgt',
    'src_mask',
    'tgt_mask',
    'memory_mask',
    'src_key_padding_mask',
    'tgt_key_padding_mask',
    'memory_key_padding_mask',
    'src_is_causal',
    'tgt_is_causal',
    'memory_is_causal',
  ];
  readonly encoder: Module;
  readonly decoder: Module;

  constructor(...options: ConstructorParameters<typeof Base>) {
    super(...options);
    const { custom_encoder, custom_decoder, num_encoder_layers, num_decoder_layers, ...rest } = this.args;
    const { d_model, layer_norm_eps: eps, bias } = rest;
    const norm = () => new LayerNorm({ normalized_shape: d_model, eps, bias });
    this.encoder =
      custom_encoder ??
      new TransformerEncoder({
        encoder_layer: new TransformerEncoderLayer(rest),
        num_layers: num_encoder_layers,
        norm: norm(),
      });
    this.decoder =
      custom_decoder ??
      new TransformerDecoder({
        decoder_layer: new TransformerDecoderLayer(rest),
        num_layers: num_decoder_layers,
        norm: norm(),
      });
    for (const p of this.parameters()) if (p.ndim > 1) xavierUniform_(p);
  }

  override forward(
    src: Tensor,
    tgt: Tensor,
    ...optional: Optional<
      TransformerOptions,
      [
        'src_mask',
        'tgt_mask',
        'memory_mask',
        'src_key_padding_mask',
        'tgt_key_padding_mask',
        'memory_key_padding_mask',
        'src_is_causal',
        'tgt_is_causal',
        'memory_is_causal',
      ]
    >
  ): Tensor {
    const options = optionalInputs<TransformerOptions>(this, 2, optional);
    const { src_mask, src_key_padding_mask, src_is_causal, ...rest } = options;
    for (const t of [src, tgt]) expectTensor('Transformer', t);
    const { batch_first, d_model } = this.args;
    const shapes = `got ${showShape(src.shape)} and ${showShape(tgt.shape)}`;
    const batch = batch_first ? 0 : 1;
    if (src.ndim === 3 && src.shape[batch] !== tgt.shape[batch]) {
      throw new ShapeError(`Transformer: the batch number of src and tgt must be equal, ${shapes}`);
    }
    if (src.shape.at(-1) !== d_model || tgt.shape.at(-1) !== d_model) {
      throw new ShapeError(`Transformer: the feature number of src and tgt must be equal to d_model, ${shapes}`);
    }
    const masks = { mask: src_mask, src_key_padding_mask, is_causal: src_is_causal };
    const memory = call(this.encoder, [src], masks);
    return call(this.decoder, [tgt, memory], rest);
  }

  /** The causal mask of a sequence: -Infinity where a place would attend to a later one, 0 elsewhere; [sz, sz]. */
  static generateSquareSubsequentMask(sz: number, { dtype = 'float32' }: { dtype?: Dtype } = {}): Tensor {
    asShape('generateSquareSubsequentMask', [sz, sz]);
    if (!isFloat(dtype)) {
      throw new ArgError(`generateSquareSubsequentMask: expected a floating point dtype, got ${show(dtype)}`);
    }
    const data = new Float64Array(sz * sz).map((_, i) => (i % sz > Math.floor(i / sz) ? -Infinity : 0));
    return tensor(data, { shape: [sz, sz], dtype });
  }
}
