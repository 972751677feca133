/** Modules that make several tensors of one, and one of several. */
import * as z from 'zod';
import { layer } from '../nn/args.ts';
import { Linear } from '../nn/linear.ts';
import { cat, split } from '../ops/movement.ts';
import { showShape } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';
import { ArgError, ShapeError } from '../util/errors.ts';

export type TensorRecord = Readonly<Record<string, Tensor>>;

function several(who: string, xs: unknown): void {
  if (xs instanceof Tensor)
    throw new ArgError(`${who}: expected several inputs, got one tensor; name them with in_names`);
}

/** The input under several names. */
export class ReuseFork extends layer(
  {
    names: z.array(z.string()).min(1).meta({ description: 'a list of names' }),
  },
  [],
) {
  override forward(x: Tensor): Record<string, Tensor> {
    return Object.fromEntries(this.args.names.map((name) => [name, x]));
  }
}

const pieces = z.union([z.int().min(1), z.array(z.int().min(1)).min(1)]);

/** The input cut along dimension 1 into named pieces. */
export class SplitFork extends layer(
  {
    shapes: z.record(z.string(), pieces).meta({ description: 'a record of names and sizes' }),
  },
  [],
) {
  override forward(x: Tensor): Record<string, Tensor> {
    const { shapes } = this.args;
    // as in Python, all numbers are sizes, and pieces beyond the names are dropped
    const parts = split(x, Object.values(shapes).flat(), { dim: 1 });
    return Object.fromEntries(Object.keys(shapes).map((name, i) => [name, parts[i]!]));
  }
}

/** The inputs joined along dimension 1, in the order of `in_names`. */
export class ConcatMerge extends layer({}) {
  override forward(xs: TensorRecord): Tensor {
    several('ConcatMerge', xs);
    return cat(Object.values(xs), { dim: 1 });
  }
}

/**
 * Feature-wise linear modulation: feature · scale(conditioner) + shift(conditioner), per channel (dimension 1).
 * https://arxiv.org/abs/1709.07871
 */
export class FiLMMerge extends layer(
  {
    names: z
      .strictObject({ feature: z.string(), conditioner: z.string() })
      .meta({ description: 'a record with feature and conditioner' }),
    shapes: z
      .record(z.string(), z.array(z.int().min(1)).min(1))
      .meta({ description: 'the shapes of feature and conditioner by input name' }),
  },
  [],
) {
  readonly conditioner_scale = this.projection();
  readonly conditioner_shift = this.projection();

  private projection(): Linear {
    const { names, shapes } = this.args;
    const size = (name: string) => {
      const shape = Object.hasOwn(shapes, name) ? shapes[name] : undefined;
      if (!shape) throw new ArgError(`FiLMMerge: '${name}' is not among its inputs ${Object.keys(shapes).join(', ')}`);
      return shape[0]!;
    };
    return new Linear({ in_features: size(names.conditioner), out_features: size(names.feature) });
  }

  override forward(xs: TensorRecord): Tensor {
    several('FiLMMerge', xs);
    const { names } = this.args;
    const feature = xs[names.feature]!;
    const conditioner = xs[names.conditioner]!;
    if (conditioner.ndim !== 2) {
      throw new ShapeError(`FiLMMerge: expected a conditioner [batch, n], got ${showShape(conditioner.shape)}`);
    }
    const spread = (t: Tensor) => t.reshape([...t.shape, ...feature.shape.slice(2).map(() => 1)]);
    return feature
      .mul(spread(this.conditioner_scale.forward(conditioner)))
      .add(spread(this.conditioner_shift.forward(conditioner)));
  }
}
