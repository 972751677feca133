import * as z from 'zod';
import { sameShape, showShape } from '../tensor/shape.ts';
import { overwrite, Tensor } from '../tensor/tensor.ts';
import { ArgError, ShapeError } from '../util/errors.ts';
import { bool, choice, int, layer, optional, python, real } from './args.ts';
import { type EmbeddingBagOptions, embedding, embeddingBag, noSparse, paddingRow } from './functional/embedding.ts';
import { normal_ } from './init.ts';
import { type Optional, optionalInputs } from './inputs.ts';
import { Parameter } from './module.ts';

const number = () => optional(z.number(), 'a number');
const given = () => optional(z.instanceof(Tensor), 'a tensor');
const row = () => optional(z.int(), 'an integer');

interface Table {
  readonly num_embeddings: number;
  readonly embedding_dim: number;
  readonly padding_idx: number | null;
  readonly sparse: boolean;
  _weight: Tensor | null;
}

/** A table of standard normal numbers, of which the padding row is zero; or a copy of the given one. */
function tableOf(who: string, args: Table, freeze = false): Parameter {
  const { num_embeddings, embedding_dim, _weight } = args;
  noSparse(who, args.sparse);
  const shape = [num_embeddings, embedding_dim];
  const padding = paddingRow(who, args.padding_idx, num_embeddings);
  if (_weight) {
    if (!sameShape(_weight.shape, shape)) {
      throw new ShapeError(
        `${who}: Shape of weight does not match num_embeddings and embedding_dim: expected ${showShape(shape)}, got ${showShape(_weight.shape)}`,
      );
    }
    // one copy is enough to hold
    args._weight = null;
    return new Parameter(_weight, !freeze);
  }
  const weight = Parameter.empty(shape);
  normal_(weight);
  if (padding !== null) {
    const [from, to] = [padding * embedding_dim, (padding + 1) * embedding_dim];
    overwrite(weight, (data) => void data.fill(0 as never, from, to));
  }
  weight.requiresGrad = !freeze;
  return weight;
}

/** Rows and columns of a pretrained table. */
function sizesOf(who: string, weight: Tensor): { num_embeddings: number; embedding_dim: number; _weight: Tensor } {
  if (!(weight instanceof Tensor) || weight.ndim !== 2) {
    throw new ArgError(`${who}: Embeddings parameter is expected to be 2-dimensional, got ${String(weight)}`);
  }
  const [num_embeddings, embedding_dim] = weight.shape as [number, number];
  return { num_embeddings, embedding_dim, _weight: weight };
}

/** `name=value` for the arguments that are not what they are anyway. */
function unusual(args: object, usual: Readonly<Record<string, unknown>>): string {
  const values = args as Readonly<Record<string, unknown>>;
  return Object.keys(usual)
    .filter((name) => values[name] !== usual[name])
    .map((name) => `, ${name}=${python(values[name], name === 'max_norm' || name === 'norm_type')}`)
    .join('');
}

/**
 * A table of vectors that are looked up by index: [*] to [*, embedding_dim]. Unlike PyTorch's it has no sparse gradients.
 * https://pytorch.org/docs/stable/generated/torch.nn.Embedding.html
 */
export class Embedding extends layer({
  num_embeddings: int(),
  embedding_dim: int(),
  padding_idx: row(),
  max_norm: number(),
  norm_type: real(2),
  scale_grad_by_freq: bool(false),
  sparse: bool(false),
  _weight: given(),
  _freeze: bool(false),
}) {
  readonly weight = tableOf('Embedding', this.args, this.args._freeze);

  /** A table of given vectors, which is not learned unless `freeze` is false. */
  static fromPretrained(
    embeddings: Tensor,
    {
      freeze = true,
      ...options
    }: Partial<Omit<Embedding['args'], keyof ReturnType<typeof sizesOf>>> & { freeze?: boolean } = {},
  ): Embedding {
    return new Embedding({ ...options, ...sizesOf('Embedding', embeddings), _freeze: freeze });
  }

  override forward(input: Tensor): Tensor {
    return embedding(input, this.weight, this.args);
  }

  override extraRepr(): string {
    const { num_embeddings, embedding_dim } = this.args;
    const padding_idx = paddingRow('Embedding', this.args.padding_idx, num_embeddings);
    const usual = { padding_idx: null, max_norm: null, norm_type: 2, scale_grad_by_freq: false, sparse: false };
    return `${num_embeddings}, ${embedding_dim}${unusual({ ...this.args, padding_idx }, usual)}`;
  }
}

type BagInputs = Pick<EmbeddingBagOptions, 'offsets' | 'per_sample_weights'>;

/**
 * Sums, means or maxima of the vectors of bags of indices: [B, N], or [N] with `offsets` where bags begin, to [B, embedding_dim].
 * https://pytorch.org/docs/stable/generated/torch.nn.EmbeddingBag.html
 */
export class EmbeddingBag extends layer({
  num_embeddings: int(),
  embedding_dim: int(),
  max_norm: number(),
  norm_type: real(2),
  scale_grad_by_freq: bool(false),
  mode: choice(['sum', 'mean', 'max'], 'mean'),
  sparse: bool(false),
  _weight: given(),
  include_last_offset: bool(false),
  padding_idx: row(),
}) {
  static readonly inputs = ['input', 'offsets', 'per_sample_weights'];
  readonly weight = tableOf('EmbeddingBag', this.args);

  /** A table of given vectors, which is not learned unless `freeze` is false. */
  static fromPretrained(
    embeddings: Tensor,
    {
      freeze = true,
      ...options
    }: Partial<Omit<EmbeddingBag['args'], keyof ReturnType<typeof sizesOf>>> & { freeze?: boolean } = {},
  ): EmbeddingBag {
    const made = new EmbeddingBag({ ...options, ...sizesOf('EmbeddingBag', embeddings) });
    made.weight.requiresGrad = !freeze;
    return made;
  }

  override forward(input: Tensor, ...optional: Optional<BagInputs, ['offsets', 'per_sample_weights']>): Tensor {
    const given = optionalInputs<BagInputs>(this, 1, optional);
    return embeddingBag(input, this.weight, { ...this.args, ...given });
  }

  override extraRepr(): string {
    const { num_embeddings, embedding_dim, mode } = this.args;
    const padding_idx = paddingRow('EmbeddingBag', this.args.padding_idx, num_embeddings);
    const usual = { max_norm: null, norm_type: 2, scale_grad_by_freq: false };
    return `${num_embeddings}, ${embedding_dim}${unusual(this.args, usual)}, mode='${mode}'${unusual({ padding_idx }, { padding_idx: null })}`;
  }
}
