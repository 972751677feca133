/** Modules of the graph format that take tensors apart, put them together, or apply one function. */
import * as z from 'zod';
import { layer, show } from '../nn/args.ts';
import { Linear } from '../nn/linear.ts';
import { Buffer, Module, typeName } from '../nn/module.ts';
import { bool, int } from '../nn/options.ts';
import { tensor } from '../ops/create.ts';
import { cat, stack } from '../ops/join.ts';
import { Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';
import { expectFew, functionOf, reductions } from './functions.ts';

/** A dimension; negative ones count from the end. */
function dimension(): z.ZodNumber;
function dimension(fallback: number): z.ZodDefault<z.ZodNumber>;
function dimension(fallback?: number): z.ZodNumber | z.ZodDefault<z.ZodNumber> {
  return fallback === undefined ? int(undefined, Number.MIN_SAFE_INTEGER) : int(fallback, Number.MIN_SAFE_INTEGER);
}
const key = z.union([z.int(), z.string()]).meta({ description: 'a position or a name' });
const sizes = z
  .union([z.int().min(1), z.array(z.int().min(0)).min(1)])
  .meta({ description: 'a positive integer or a list of sizes' });

/** One of several results, by its position or its name. */
export class Get extends layer({ key }, []) {
  override forward(xs: readonly unknown[] | Readonly<Record<string, unknown>>): unknown {
    const { key } = this.args;
    if (typeof xs !== 'object' || xs === null || xs instanceof Tensor) {
      throw new ArgError(`Get: expected several results to take ${show(key)} of, got ${show(xs)}`);
    }
    const values = Object.values(xs);
    const found =
      typeof key === 'number'
        ? values.at(key)
        : Object.hasOwn(xs, key)
          ? (xs as Record<string, unknown>)[key]
          : undefined;
    if (found !== undefined) return found;
    throw new ArgError(`Get: there is no ${show(key)} among ${Object.keys(xs).join(', ') || 'no results'}`);
  }
}

/** x cut into a number of pieces. https://pytorch.org/docs/stable/generated/torch.chunk.html */
export class ForkChunk extends layer({ chunks: int(undefined, 1), dim: dimension(1) }, []) {
  override forward(x: Tensor): Tensor[] {
    const { chunks, dim } = this.args;
    return expectFew('ForkChunk', x, dim, { count: chunks }).chunk(chunks, { dim });
  }
}

/** x cut into pieces of a size, or of given sizes. https://pytorch.org/docs/stable/generated/torch.split.html */
export class ForkSplit extends layer({ split_size_or_sections: sizes, dim: dimension(1) }, []) {
  override forward(x: Tensor): Tensor[] {
    const { split_size_or_sections: size, dim } = this.args;
    return (typeof size === 'number' ? expectFew('ForkSplit', x, dim, { size }) : x).split(size, { dim });
  }
}

/** Slices of x at indices. https://pytorch.org/docs/stable/generated/torch.index_select.html */
export class IndexSelect extends layer(
  { dim: dimension(), index: z.array(z.int().min(0)).min(1).meta({ description: 'a list of non-negative integers' }) },
  [],
) {
  readonly index = new Buffer(tensor(this.args.index, { dtype: 'int64' }));

  override forward(x: Tensor): Tensor {
    return x.indexSelect(this.args.dim, this.index);
  }
}

/** Part of a dimension of x. https://pytorch.org/docs/stable/generated/torch.narrow.html */
export class Narrow extends layer({ dim: dimension(), start: dimension(), length: int() }, []) {
  override forward(x: Tensor): Tensor {
    return x.narrow(this.args.dim, this.args.start, this.args.length);
  }
}

function listed(who: string, xs: unknown): readonly Tensor[] {
  if (Array.isArray(xs) && xs.length > 0 && xs.every((x) => x instanceof Tensor)) return xs;
  throw new ArgError(
    `${who}: expected a list of tensors, got ${xs instanceof Tensor ? 'a tensor' : show(xs)}; in the graph, [[a, b]] gives it one`,
  );
}

/** The inputs joined along a dimension. https://pytorch.org/docs/stable/generated/torch.cat.html */
export class MergeConcat extends layer({ dim: dimension(1) }, []) {
  override forward(xs: readonly Tensor[]): Tensor {
    return cat(listed('MergeConcat', xs), { dim: this.args.dim });
  }
}

/** The inputs side by side along a new dimension. https://pytorch.org/docs/stable/generated/torch.stack.html */
export class MergeStack extends layer({ dim: dimension(1) }, []) {
  override forward(xs: readonly Tensor[]): Tensor {
    return stack(listed('MergeStack', xs), { dim: this.args.dim });
  }
}

/** The inputs stacked along `dim`, which is then reduced: element by element. */
abstract class ElementMerge extends layer({ dim: dimension(1) }, []) {
  protected abstract reduce(x: Tensor, dim: number): Tensor;

  override forward(xs: readonly Tensor[]): Tensor {
    const { dim } = this.args;
    return this.reduce(stack(listed(typeName(this.constructor), xs), { dim }), dim);
  }
}
/** The sum of the inputs. */
export class MergeSum extends ElementMerge {
  protected override reduce(x: Tensor, dim: number): Tensor {
    return x.sum({ dim });
  }
}
/** The product of the inputs. */
export class MergeProd extends ElementMerge {
  protected override reduce(x: Tensor, dim: number): Tensor {
    return x.prod({ dim });
  }
}
/** The mean of the inputs. */
export class MergeMean extends ElementMerge {
  protected override reduce(x: Tensor, dim: number): Tensor {
    return x.mean({ dim });
  }
}

/** The inner products of two inputs along the last dimension: [*, n] and [*, n] to [*]. */
export class MergeDot extends layer({}) {
  static readonly inputs = ['x', 'y'];
  override forward(x: Tensor, y: Tensor): Tensor {
    return x.mul(y).sum({ dim: -1 });
  }
}

/** The matrix products of two batches. https://pytorch.org/docs/stable/generated/torch.bmm.html */
export class MergeBMM extends layer({}) {
  static readonly inputs = ['x', 'y'];
  override forward(x: Tensor, y: Tensor): Tensor {
    return x.bmm(y);
  }
}

/**
 * Feature-wise linear modulation: feature · γ(conditioner) + β(conditioner), along dimension 1 of the feature, or along the
 * last where both have as many dimensions. https://arxiv.org/abs/1709.07871
 */
export class MergeFiLM extends layer({ feature_dim: int(undefined, 1), conditioner_dim: int(undefined, 1) }, []) {
  static readonly inputs = ['feature', 'conditioner'];
  readonly gamma = new Linear({ in_features: this.args.conditioner_dim, out_features: this.args.feature_dim });
  readonly beta = new Linear({ in_features: this.args.conditioner_dim, out_features: this.args.feature_dim });

  override forward(feature: Tensor, conditioner: Tensor): Tensor {
    const trailing = new Array<number>(Math.max(0, feature.ndim - conditioner.ndim)).fill(1);
    const spread = (t: Tensor) => t.reshape([...t.shape, ...trailing]);
    return feature.mul(spread(this.gamma.forward(conditioner))).add(spread(this.beta.forward(conditioner)));
  }
}

const dims = z
  .union([z.int(), z.array(z.int()).min(1)])
  .nullable()
  .default(null)
  .meta({ description: 'a dimension, a list of dimensions or null' });

const reduction = z
  .enum(reductions as [string, ...string[]])
  .meta({ description: `one of ${reductions.map((name) => `'${name}'`).join(', ')}` });

/** A reduction of torch by its name: `{ name: mean, dim: 1 }`. */
export class Reduce extends layer({ name: reduction, dim: dims, keepdim: bool(false) }, []) {
  readonly #call = functionOf('Reduce', this.args.name, reduceOptions(this.args));

  override forward(x: Tensor): unknown {
    return this.#call(x);
  }
}

function reduceOptions({ dim, keepdim }: { dim: number | number[] | null; keepdim: boolean }): Record<string, unknown> {
  return { ...(dim === null ? {} : { dim }), ...(keepdim ? { keepdim } : {}) };
}

/** A function of torch by its name, with its options: `{ name: topk, k: 3 }`. */
export class TorchFn extends Module {
  override readonly args: Readonly<Record<string, unknown>>;
  readonly #call: (x: Tensor) => unknown;

  constructor({ name, ...options }: Readonly<Record<string, unknown>>) {
    super();
    this.args = { name, ...options };
    this.#call = functionOf('TorchFn', name, options);
  }

  override forward(x: Tensor): unknown {
    return this.#call(x);
  }
}
