/** What tells a time series transformer where in the sequence a value stands. */
import { float, int, layer } from '../../nn/args.ts';
import { Dropout } from '../../nn/dropout.ts';
import { Embedding } from '../../nn/embedding.ts';
import { Buffer, type Module, nameType } from '../../nn/module.ts';
import { LayerNorm } from '../../nn/normalization.ts';
import { tensor } from '../../ops/create.ts';
import { expectRoom } from '../../ops/limits.ts';
import { noGrad } from '../../tensor/mode.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { ArgError } from '../../util/errors.ts';

const table = { d_model: int(undefined, 1), max_seq_len: int(128, 1), dropout: float(0.1, { min: 0, max: 1 }) };

/** An encoding of [N, K, d_model]. */
export interface PositionEncoding extends Module {
  forward(x: Tensor): Tensor;
}

/** Adds fixed numbers, and lets no gradient through. */
abstract class FixedPE extends layer(table) {
  readonly pe = new Buffer(this.encodings(this.args.max_seq_len));
  readonly dropout = new Dropout({ p: this.args.dropout });

  /** What is added in one place, in float32. */
  protected abstract row(position: number): Float32Array;

  private encodings(count: number): Tensor {
    const { d_model } = this.args;
    expectRoom('pe', [1, count, d_model]);
    const data = new Float32Array(count * d_model);
    for (let position = 0; position < count; position++) data.set(this.row(position), position * d_model);
    return tensor(data, { shape: [1, count, d_model] });
  }

  override forward(x: Tensor): Tensor {
    const length = x.shape[1]!;
    // the table is state, whose shape does not depend on the input; what goes beyond it is computed
    const encodings = length <= this.args.max_seq_len ? this.pe.narrow(1, 0, length) : this.encodings(length);
    return noGrad(() => this.dropout.forward(x.add(encodings)));
  }

  override extraRepr(): string {
    return '';
  }
}

/**
 * x + PE in dropout, with PE[p, 2i] = sin(p / 10000^(2i / d_model)) and PE[p, 2i + 1] the cosine: [N, K, d_model] to the same shape.
 *
 * As in Python all of it is without gradients: what stands before it learns nothing. Sequences longer than `max_seq_len` go on
 * in the same way (Python's fail). https://arxiv.org/abs/1706.03762
 */
export class SinusoidPE extends FixedPE {
  protected override row(position: number): Float32Array {
    const { d_model } = this.args;
    if (d_model % 2 !== 0) {
      throw new ArgError(`SinusoidPE.d_model: expected an even number for sines and cosines, got ${d_model}`);
    }
    const step = Math.fround(-Math.log(10000) / d_model);
    return Float32Array.from({ length: d_model }, (_, i) => {
      const angle = Math.fround(position * Math.fround(Math.exp(Math.fround((i - (i % 2)) * step))));
      return i % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
    });
  }
}

/** A day of hours. */
const PERIOD = 24;

/**
 * x + sin(2π p / 24) in dropout: [N, K, d_model] to the same shape, every 24 places the same. Without gradients, and for any length,
 * as `SinusoidPE`.
 */
export class PeriodicPE extends FixedPE {
  protected override row(position: number): Float32Array {
    return new Float32Array(this.args.d_model).fill(Math.sin((2 * Math.PI * position) / PERIOD));
  }
}

/**
 * LayerNorm(x + e) in dropout, with a learned vector e for each of the first `max_seq_len` places: [N, K, d_model] to the same
 * shape. Gradients flow.
 */
export class LearnedPE extends layer(table) {
  /** The places, which Python looks up; here they are known. */
  readonly idxs = new Buffer(
    tensor(
      BigInt64Array.from({ length: this.args.max_seq_len }, (_, i) => BigInt(i)),
      { shape: [1, this.args.max_seq_len] },
    ),
  );
  readonly pos_embedding = new Embedding({
    num_embeddings: this.args.max_seq_len,
    embedding_dim: this.args.d_model,
  });
  readonly layer_norm = new LayerNorm({ normalized_shape: this.args.d_model, eps: 1e-12 });
  readonly dropout = new Dropout({ p: this.args.dropout });

  override forward(x: Tensor): Tensor {
    const length = x.shape[1]!;
    const { max_seq_len } = this.args;
    if (length > max_seq_len) {
      throw new ArgError(
        `LearnedPE: expected at most ${max_seq_len} places, which have been given vectors to learn, got ${length}; max_seq_len says how many`,
      );
    }
    const encodings = this.pos_embedding.weight.narrow(0, 0, length);
    return this.dropout.forward(this.layer_norm.forward(x.add(encodings)));
  }

  override extraRepr(): string {
    return '';
  }
}

/** Encodings by the names they have in arcs. */
export const encodings = { sinusoid: SinusoidPE, periodic: PeriodicPE, learned: LearnedPE };
for (const [name, type] of Object.entries({ SinusoidPE, PeriodicPE, LearnedPE })) nameType(type, name);
