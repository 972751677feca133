/** What brings inputs of a Perceiver to one form: [N, M, channels]. */
import * as z from 'zod';
import { bool, int, layer, optional } from '../../nn/args.ts';
import { ModuleDict, ParameterDict } from '../../nn/container.ts';
import { Embedding } from '../../nn/embedding.ts';
import { normal_ } from '../../nn/init.ts';
import { type Module, nameType, Parameter } from '../../nn/module.ts';
import { tensor } from '../../ops/create.ts';
import { cat } from '../../ops/movement.ts';
import { linspace } from '../../ops/ranges.ts';
import { mode } from '../../tensor/mode.ts';
import { numel, type Shape, sameShape, showShape } from '../../tensor/shape.ts';
import { expectTensor, hostData, Tensor } from '../../tensor/tensor.ts';
import { ArcError, ArgError, type Issue, ShapeError } from '../../util/errors.ts';
import { part } from './part.ts';

/** A preprocessor; `channels` is the last size of what it gives. */
export interface Preprocessor extends Module {
  readonly channels: number;
  forward(x: never): Tensor;
}

/** A shape without the batch. */
export const shape = () =>
  z.array(z.int().min(1)).min(1).meta({ description: 'a shape without the batch, a list of positive integers' });
/** Shapes by name. */
export const shapes = () => z.record(z.string(), shape()).meta({ description: 'a record of names and shapes' });
/** Specs of parts by name. */
export const specs = () => z.record(z.string(), z.unknown()).meta({ description: 'a record of specs by name' });

/** Vectors that are learned and start small. */
export function learned(shape: Shape): Parameter {
  return normal_(Parameter.empty(shape), { std: 0.02 }) as Parameter;
}

/** The input as it is: [N, M, channels], with channels the last of `in_shape`. */
class Identity extends layer({ in_shape: shape() }) implements Preprocessor {
  get channels(): number {
    return this.args.in_shape.at(-1)!;
  }

  override forward(x: Tensor): Tensor {
    expectTensor('Identity', x);
    if (x.ndim === 3 && x.shape[2] === this.channels) return x;
    throw new ShapeError(`Identity: expected an input [batch, length, ${this.channels}], got ${showShape(x.shape)}`);
  }

  override extraRepr(): string {
    return '';
  }
}

/**
 * A grid of values with Fourier features of their places: [N, s₀, s₁, …, C] to [N, s₀ s₁ …, C + P].
 *
 * With p the place along a dimension, from -1 to 1, and f one of `num_freq_bands` frequencies from 1 to max_reso / 2: p (if `cat_pos`) and
 * sin(π f p) of every dimension, then the cosines. They start there and are learned.
 *
 * As in Python the grid lies across: row r belongs to place r of [s₁, s₀, …], though the values are in the order of [s₀, s₁, …]; and
 * `max_reso` is that shape if it is not given. https://arxiv.org/abs/2107.14795
 */
class FourierPreprocessor
  extends layer({
    in_shape: shape(),
    num_freq_bands: int(undefined, 1),
    max_reso: optional(z.array(z.number().min(0)), 'a list of numbers, one for each dimension'),
    cat_pos: bool(true),
  })
  implements Preprocessor
{
  readonly pos_encoding = new Parameter(this.encodings());

  get channels(): number {
    return this.args.in_shape.at(-1)! + this.pos_encoding.shape[1]!;
  }

  private encodings(): Tensor {
    const { in_shape, num_freq_bands: bands, cat_pos } = this.args;
    const sizes = in_shape.slice(0, -1);
    if (sizes.length === 0) {
      throw new ArgError(`FourierPreprocessor.in_shape: expected a grid and channels, got ${showShape(in_shape)}`);
    }
    const across = [...sizes.slice(0, 2).reverse(), ...sizes.slice(2)];
    const max_reso = this.args.max_reso ?? across;
    if (max_reso.length !== sizes.length) {
      throw new ArgError(
        `FourierPreprocessor.max_reso: max_reso len(shape) must match pos len(shape), but got ${max_reso.length} instead of ${sizes.length}`,
      );
    }
    const features = sizes.map((size, d) => featuresOf(size, bands, max_reso[d]!));
    return crossed(features, sizes, cat_pos ? ['place', 'sin', 'cos'] : ['sin', 'cos']);
  }

  override forward(x: Tensor): Tensor {
    expectTensor('FourierPreprocessor', x);
    const { in_shape } = this.args;
    if (!sameShape(x.shape.slice(1), in_shape)) {
      throw new ShapeError(
        `FourierPreprocessor: input shape ${showShape(x.shape.slice(1))} != expected ${showShape(in_shape)}`,
      );
    }
    return withVectors(x.reshape([x.shape[0]!, -1, in_shape.at(-1)!]), this.pos_encoding);
  }

  override extraRepr(): string {
    return '';
  }
}

type Features = Readonly<Record<'place' | 'sin' | 'cos', readonly Float32Array[]>>;

/** What each place of a dimension adds to its row, in float32 throughout. */
function featuresOf(size: number, bands: number, reso: number): Features {
  const numbers = (from: number, to: number, n: number) =>
    hostData(linspace(from, to, n), 'FourierPreprocessor') as Float32Array;
  const frequencies = numbers(1, reso / 2, bands);
  const places = [...numbers(-1, 1, size)];
  const pi = Math.fround(Math.PI);
  const waves = (wave: (angle: number) => number) =>
    places.map((p) => frequencies.map((f) => wave(Math.fround(Math.fround(p * f) * pi))));
  return { place: places.map((p) => Float32Array.of(p)), sin: waves(Math.sin), cos: waves(Math.cos) };
}

/** The rows of a grid [s₁, s₀, s₂, …]: each kind of feature of every dimension, in the order of [s₀, s₁, s₂, …]. */
function crossed(features: readonly Features[], sizes: Shape, kinds: readonly (keyof Features)[]): Tensor {
  const order = sizes.map((_, d) => (d < 2 && sizes.length > 1 ? 1 - d : d));
  const across = order.map((d) => sizes[d]!);
  const strides = sizes.map((_, d) => numel(across.slice(order[d]! + 1)));
  const rows = numel(sizes);
  const width = kinds.reduce((n, kind) => features.reduce((m, feature) => m + feature[kind][0]!.length, n), 0);
  const data = new Float32Array(rows * width);
  let to = 0;
  for (let row = 0; row < rows; row++) {
    for (const kind of kinds) {
      for (const [d, feature] of features.entries()) {
        const values = feature[kind][Math.floor(row / strides[d]!) % sizes[d]!]!;
        data.set(values, to);
        to += values.length;
      }
    }
  }
  return tensor(data, { shape: [rows, width] });
}

/** Channels behind those of x [N, M, C]: the same for every sample, [M, P] or [1, P]. */
function withVectors(x: Tensor, vectors: Tensor): Tensor {
  const [n, m] = x.shape as [number, number];
  if (vectors.shape[1] === 0) return x;
  return cat([x, vectors.expand([n, m, vectors.shape[1]!])], { dim: -1 });
}

/**
 * √embed_dim times the vector of an index plus the vector of its place, both learned: [N, T] to [N, T, embed_dim], T up to `max_seq_len`.
 */
class TextPreprocessor
  extends layer({
    in_shape: optional(shape()),
    vocab_size: int(undefined, 1),
    embed_dim: int(undefined, 1),
    max_seq_len: int(undefined, 1),
  })
  implements Preprocessor
{
  readonly pos_encoding = learned([this.args.max_seq_len, this.args.embed_dim]);
  readonly embedding = new Embedding({ num_embeddings: this.args.vocab_size, embedding_dim: this.args.embed_dim });

  get channels(): number {
    return this.args.embed_dim;
  }

  override forward(x: Tensor): Tensor {
    expectTensor('TextPreprocessor', x);
    const { max_seq_len, embed_dim } = this.args;
    if (x.ndim !== 2 || x.shape[1]! > max_seq_len) {
      throw new ShapeError(
        `TextPreprocessor: expected indices [batch, length] of at most max_seq_len=${max_seq_len}, got ${showShape(x.shape)}`,
      );
    }
    // a DAG is built without knowing what of its inputs are indices
    const indices = mode.inferring ? x.to('int64') : x;
    const words = this.embedding.forward(indices).mul(Math.sqrt(embed_dim));
    return words.add(this.pos_encoding.narrow(0, 0, x.shape[1]!));
  }

  override extraRepr(): string {
    return '';
  }
}

const Multimodal = layer({ in_shapes: shapes(), arc: specs(), pad_channels: int(0) });

/**
 * Several inputs by name, each with a preprocessor of its own (`arc`), one after the other: [N, M₁ + M₂ + …, channels]. To have as many
 * channels, at least `pad_channels` more than any has of itself, each is filled up with a vector that is learned.
 */
class MultimodalPreprocessor extends Multimodal implements Preprocessor {
  readonly preprocessors: ModuleDict<Preprocessor>;
  readonly pos_encodings: ParameterDict;
  readonly channels: number;

  constructor(options: ConstructorParameters<typeof Multimodal>[0]) {
    super(options);
    const { in_shapes, arc, pad_channels } = this.args;
    const issues: Issue[] = [];
    const made = Object.entries(arc).flatMap(([name, spec]) => {
      const given = Object.hasOwn(in_shapes, name) ? { in_shape: in_shapes[name] } : {};
      const module = part<Preprocessor>(issues, `arc.${name}`, spec, preprocessors, given);
      return module ? [[name, module] as const] : [];
    });
    for (const name of Object.keys(in_shapes)) {
      if (!Object.hasOwn(arc, name)) issues.push({ path: 'arc', message: `there is no preprocessor for '${name}'` });
    }
    if (issues.length > 0) throw new ArcError(issues);
    if (made.length === 0)
      throw new ArgError('MultimodalPreprocessor.arc: expected at least one preprocessor, got none');
    this.channels = Math.max(...made.map(([, module]) => module.channels)) + pad_channels;
    this.preprocessors = new ModuleDict(made);
    const vectors = made.map(([name, module]) => [name, learned([1, this.channels - module.channels])] as const);
    this.pos_encodings = new ParameterDict(Object.fromEntries(vectors));
  }

  override forward(xs: Readonly<Record<string, Tensor>>): Tensor {
    const names = this.preprocessors.keys();
    const given = xs instanceof Tensor ? [] : Object.keys(xs);
    if (given.length !== names.length || !names.every((name) => given.includes(name))) {
      const got = given.join(', ') || (xs instanceof Tensor ? 'one tensor' : 'none');
      throw new ArgError(`MultimodalPreprocessor: expected the inputs ${names.join(', ')}, got ${got}`);
    }
    const parts = given.map((name) => {
      const y = this.preprocessors.get(name).forward(xs[name] as never);
      return withVectors(y, this.pos_encodings.get(name));
    });
    return cat(parts, { dim: 1 });
  }

  override extraRepr(): string {
    return '';
  }
}

/** Preprocessors by the names they have in arcs. */
export const preprocessors = { Identity, FourierPreprocessor, TextPreprocessor, MultimodalPreprocessor };
for (const [name, type] of Object.entries(preprocessors)) nameType(type, name);
