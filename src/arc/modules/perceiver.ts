/** Perceivers: attention from a few vectors that are learned to any number of inputs, and from any number of outputs to them. */
import * as z from 'zod';
import { count, int, layer, optional } from '../../nn/args.ts';
import { Sequential } from '../../nn/container.ts';
import { nameType } from '../../nn/module.ts';
import type { Shape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { ArcError, ArgError, type Issue, ShapeError } from '../../util/errors.ts';
import { part } from './part.ts';
import {
  CrossAttention,
  heads,
  probability,
  Residual,
  SelfAttention,
  SpreadSequential,
  TransformerMLP,
} from './perceiver-attention.ts';
import { type Postprocessor, postprocessors } from './perceiver-postprocessor.ts';
import { learned, type Preprocessor, preprocessors, shape, shapes, specs } from './perceiver-preprocessor.ts';

/** A number of vectors, and their size. */
const vectors = () => z.array(z.int().min(1)).length(2).meta({ description: 'a list of two positive integers' });

const attention = {
  head_dim: heads.head_dim,
  v_head_dim: optional(heads.v_head_dim),
  cross_attn_num_heads: int(1, 1),
  cross_attn_widening_factor: int(1, 1),
};

interface Cross {
  readonly head_dim: number;
  readonly v_head_dim: number | null;
  readonly cross_attn_num_heads: number;
  readonly cross_attn_widening_factor: number;
  readonly dropout_p: number;
}

/** Attention to a context, and two linear layers. */
function crossLayer(embed_dim: number, context_dim: number, options: Cross): SpreadSequential {
  const { head_dim, v_head_dim, cross_attn_num_heads: num_heads, cross_attn_widening_factor, dropout_p } = options;
  const sizes = { embed_dim, context_dim, head_dim, v_head_dim: v_head_dim ?? head_dim, num_heads };
  return new SpreadSequential(
    new Residual(new CrossAttention(sizes), dropout_p),
    new Residual(new TransformerMLP({ embed_dim, widening_factor: cross_attn_widening_factor }), dropout_p),
  );
}

/**
 * Latent vectors that attend to the input, then to themselves: [N, M, in_channels] to [N, *latent_shape]. The same block, of
 * `num_self_attn_per_block` layers, comes `num_self_attn_blocks` times.
 */
class PerceiverEncoder extends layer({
  in_channels: int(undefined, 1),
  latent_shape: vectors(),
  ...attention,
  num_self_attn_blocks: count(1),
  num_self_attn_per_block: count(1),
  self_attn_num_heads: int(1, 1),
  self_attn_widening_factor: int(1, 1),
  dropout_p: probability,
}) {
  readonly latent = learned(this.args.latent_shape);
  readonly encoder_processor = this.processor();

  private processor(): SpreadSequential {
    const { in_channels, latent_shape, num_self_attn_blocks, num_self_attn_per_block } = this.args;
    const cross = crossLayer(latent_shape[1]!, in_channels, this.args);
    const block = new Sequential(Array.from({ length: num_self_attn_per_block }, () => this.selfLayer()));
    return new SpreadSequential(cross, ...Array.from({ length: num_self_attn_blocks }, () => block));
  }

  private selfLayer(): Sequential {
    const { latent_shape, head_dim, v_head_dim, dropout_p } = this.args;
    const { self_attn_num_heads: num_heads, self_attn_widening_factor: widening_factor } = this.args;
    const embed_dim = latent_shape[1]!;
    const sizes = { embed_dim, head_dim, v_head_dim: v_head_dim ?? head_dim, num_heads };
    return new Sequential(
      new Residual(new SelfAttention(sizes), dropout_p),
      new Residual(new TransformerMLP({ embed_dim, widening_factor }), dropout_p),
    );
  }

  override forward(x: Tensor): Tensor {
    if (x.shape[1] === 0) throw new ShapeError('Perceiver: expected an input of at least one place, got none');
    return this.encoder_processor.forward(this.latent.unsqueeze(1), x.transpose(0, 1)).transpose(0, 1);
  }

  override extraRepr(): string {
    return '';
  }
}

/** Queries that are learned and attend to the latent vectors: [N, L, in_channels] to [N, *out_shape]. */
class PerceiverDecoder extends layer({
  in_channels: int(undefined, 1),
  out_shape: vectors(),
  ...attention,
  dropout_p: probability,
}) {
  readonly output_query = learned(this.args.out_shape);
  readonly decoder = crossLayer(this.args.out_shape[1]!, this.args.in_channels, this.args);

  override forward(x: Tensor): Tensor {
    return this.decoder.forward(this.output_query.unsqueeze(1), x.transpose(0, 1)).transpose(0, 1);
  }

  override extraRepr(): string {
    return '';
  }
}

const Base = layer({ in_shape: optional(shape()), in_shapes: optional(shapes()), arc: specs() });
type Input = Tensor | Readonly<Record<string, Tensor>>;

/**
 * A Perceiver IO: `arc` holds the specs of its preprocessor, encoder, decoder and postprocessor, `in_shape` (or by name `in_shapes`, of
 * several inputs) the shape of what comes in. [N, *in_shape] to what the postprocessor makes of [N, *out_shape] of the decoder.
 *
 *     x = preprocessor(input); z = latent + attention(latent, x); z = z + attention(z, z), again and again; y = query + attention(query, z)
 *
 * each attention with its operands normalised before, and followed by y + MLP(LN(y)). `dropout_p` drops of what is added. As in
 * Python every part has two names: `_encoder` and `module.1`, …. https://arxiv.org/abs/2107.14795
 */
export class Perceiver extends Base {
  /** What follows from the input in a DAG. */
  static readonly inferred = { in_shape: (shape: Shape) => shape.slice(1) };

  readonly _preprocessor: Preprocessor;
  readonly _encoder: PerceiverEncoder;
  readonly _decoder: PerceiverDecoder;
  readonly _postprocessor: Postprocessor;
  readonly module: SpreadSequential;

  constructor(options: ConstructorParameters<typeof Base>[0]) {
    super(options);
    const { in_shape, in_shapes, arc } = this.args;
    if ((in_shape === null) === (in_shapes === null)) {
      throw new ArgError('Perceiver.in_shape: expected either in_shape or, for several inputs, in_shapes');
    }
    const issues: Issue[] = [];
    for (const name of Object.keys(arc)) {
      if (!parts.includes(name))
        issues.push({ path: `arc.${name}`, message: `unknown part; they are ${parts.join(', ')}` });
    }
    const input = in_shapes ? { in_shapes } : { in_shape };
    const before = part<Preprocessor>(issues, 'arc.preprocessor', arc.preprocessor, preprocessors, input);
    // what is wrong with one part is no reason to say nothing of the next
    const in_channels = before?.channels ?? 1;
    const encoder = part(issues, 'arc.encoder', arc.encoder, { PerceiverEncoder }, { in_channels });
    const size = encoder?.args.latent_shape[1] ?? 1;
    const decoder = part(issues, 'arc.decoder', arc.decoder, { PerceiverDecoder }, { in_channels: size });
    const out = decoder?.args.out_shape ?? [1, 1];
    const after = part<Postprocessor>(issues, 'arc.postprocessor', arc.postprocessor, postprocessors, {
      in_shape: out,
    });
    if (!before || !encoder || !decoder || !after || issues.length > 0) throw new ArcError(issues);
    this._preprocessor = before;
    this._encoder = encoder;
    this._decoder = decoder;
    this._postprocessor = after;
    this.module = new SpreadSequential(before, encoder, decoder, after);
  }

  override forward(x: Input): Input {
    return this.module.forward(x as never);
  }

  override extraRepr(): string {
    return '';
  }
}

const parts = ['preprocessor', 'encoder', 'decoder', 'postprocessor'];
for (const [name, type] of Object.entries({ PerceiverEncoder, PerceiverDecoder, Perceiver })) nameType(type, name);
