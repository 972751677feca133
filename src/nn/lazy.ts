import * as z from 'zod';
import { tracing } from '../tensor/mode.ts';
import { sameShape, showShape } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { ArgError, ShapeError } from '../util/errors.ts';
import { defaultGenerator } from '../util/generator.ts';
import { type LayerClass, parseArgs } from './args.ts';
import { BatchNorm1d, BatchNorm2d, BatchNorm3d } from './batchnorm.ts';
import { Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d } from './conv.ts';
import { Linear } from './linear.ts';
import { Buffer, type Module, Parameter, typeName } from './module.ts';
import { InstanceNorm1d, InstanceNorm2d, InstanceNorm3d } from './normalization.ts';
import { isUninitialized, materialize, uninitialize } from './uninitialized.ts';

type Given<O> = Record<string, never> extends O ? [options?: O] : [options: O];
type Plain<O, M> = LayerClass & (new (options: O) => M);
type SizeOf = (x: Tensor, who: string) => number;

/**
 * The class of those that are to be `Type`s, but for the option `key`, which `sizeOf` reads from the first input they are given.
 * Until then they have parameters without values. `table` is of the options if they have other defaults than Type's.
 */
function lazy<O extends object, K extends keyof O & string, M extends Module>(
  Type: Plain<O, M>,
  key: K,
  sizeOf: SizeOf,
  table: z.ZodRawShape = Type.table,
): LayerClass & (new (...given: Given<Omit<O, K>>) => M) {
  const own = Object.fromEntries(Object.entries(table).filter(([name]) => name !== key));
  const schema = z.strictObject(own);
  const Base = Type as unknown as new (options: object) => Module;
  const forward = Type.prototype.forward as (this: Module, ...inputs: readonly unknown[]) => unknown;
  class Lazy extends Base {
    static readonly table = own;

    constructor(options: object = {}) {
      const args = parseArgs(typeName(new.target), schema, options);
      // nothing is drawn before there is something to initialise
      const drawn = defaultGenerator.getState();
      super({ ...args, [key]: 0 });
      defaultGenerator.setState(drawn);
      for (const [, t] of stateOf(this)) if (t.ndim > 0) uninitialize(t);
    }

    override forward(...inputs: readonly unknown[]): unknown {
      become(this, Base, { ...this.args, [key]: sizeOf(inputs[0] as Tensor, typeName(this.constructor)) });
      return forward.apply(this, inputs as unknown[]);
    }
  }
  return Lazy as unknown as ReturnType<typeof lazy<O, K, M>>;
}

function stateOf(module: Module): [string, Parameter | Buffer][] {
  return [...module.entries()].filter(
    (entry): entry is [string, Parameter | Buffer] => entry[1] instanceof Parameter || entry[1] instanceof Buffer,
  );
}

/** Make a lazy module one of its plain class; parameters that were loaded keep their values. */
function become(module: Module, Type: new (options: object) => Module, args: object): void {
  const state = stateOf(module);
  const loaded = !state.some(([, t]) => isUninitialized(t));
  const before = defaultGenerator.getState();
  // also inside a function being compiled this happens once, now
  const values = new Map(stateOf(tracing(null, () => new Type(args))));
  if (loaded) defaultGenerator.setState(before);
  for (const [name, t] of state) {
    const { shape } = values.get(name)!;
    if (isUninitialized(t) || sameShape(t.shape, shape)) continue;
    throw new ArgError(
      `${typeName(module.constructor)}: the input wants a ${name} of shape ${showShape(shape)}, but one of ${showShape(t.shape)} was loaded`,
    );
  }
  for (const [name, t] of state) if (isUninitialized(t)) materialize(t, values.get(name)!.node);
  Object.assign(module, { args });
  Object.setPrototypeOf(module, Type.prototype as object);
}

const features: SizeOf = (x, who) => {
  if (x.ndim > 0) return x.shape.at(-1)!;
  throw new ShapeError(`${who}: expected at least 1D input (got 0D input)`);
};

/** Channels of [C, *] or [N, C, *] with `rank` dimensions behind. */
const channels =
  (rank: number): SizeOf =>
  (x, who) => {
    if (x.ndim === rank + 1 || x.ndim === rank + 2) return x.shape[x.ndim - rank - 1]!;
    throw new ShapeError(
      `${who}: Expected ${rank + 1}D (unbatched) or ${rank + 2}D (batched) input to ${who}, but got input of size: ${showShape(x.shape)}`,
    );
  };

const batchChannels: SizeOf = (x, who) => {
  if (x.ndim > 1) return x.shape[1]!;
  throw new ShapeError(`${who}: expected at least 2D input (got ${x.ndim}D input)`);
};

/** Linear whose in_features the first input tells. https://pytorch.org/docs/stable/generated/torch.nn.LazyLinear.html */
export class LazyLinear extends lazy(Linear, 'in_features', features) {}

/** Conv1d whose in_channels the first input tells. https://pytorch.org/docs/stable/generated/torch.nn.LazyConv1d.html */
export class LazyConv1d extends lazy(Conv1d, 'in_channels', channels(1)) {}
/** Conv2d whose in_channels the first input tells. https://pytorch.org/docs/stable/generated/torch.nn.LazyConv2d.html */
export class LazyConv2d extends lazy(Conv2d, 'in_channels', channels(2)) {}
/** Conv3d whose in_channels the first input tells. https://pytorch.org/docs/stable/generated/torch.nn.LazyConv3d.html */
export class LazyConv3d extends lazy(Conv3d, 'in_channels', channels(3)) {}

/** ConvTranspose1d whose in_channels the first input tells. https://pytorch.org/docs/stable/generated/torch.nn.LazyConvTranspose1d.html */
export class LazyConvTranspose1d extends lazy(ConvTranspose1d, 'in_channels', channels(1)) {}
/** ConvTranspose2d whose in_channels the first input tells. https://pytorch.org/docs/stable/generated/torch.nn.LazyConvTranspose2d.html */
export class LazyConvTranspose2d extends lazy(ConvTranspose2d, 'in_channels', channels(2)) {}
/** ConvTranspose3d whose in_channels the first input tells. https://pytorch.org/docs/stable/generated/torch.nn.LazyConvTranspose3d.html */
export class LazyConvTranspose3d extends lazy(ConvTranspose3d, 'in_channels', channels(3)) {}

/** BatchNorm1d whose num_features the first input tells. https://pytorch.org/docs/stable/generated/torch.nn.LazyBatchNorm1d.html */
export class LazyBatchNorm1d extends lazy(BatchNorm1d, 'num_features', batchChannels) {}
/** BatchNorm2d whose num_features the first input tells. https://pytorch.org/docs/stable/generated/torch.nn.LazyBatchNorm2d.html */
export class LazyBatchNorm2d extends lazy(BatchNorm2d, 'num_features', batchChannels) {}
/** BatchNorm3d whose num_features the first input tells. https://pytorch.org/docs/stable/generated/torch.nn.LazyBatchNorm3d.html */
export class LazyBatchNorm3d extends lazy(BatchNorm3d, 'num_features', batchChannels) {}

// as in PyTorch, with parameters and statistics unless told otherwise
const { table } = BatchNorm1d;
/** InstanceNorm1d whose num_features the first input tells; affine and tracking by default. https://pytorch.org/docs/stable/generated/torch.nn.LazyInstanceNorm1d.html */
export class LazyInstanceNorm1d extends lazy(InstanceNorm1d, 'num_features', channels(1), table) {}
/** InstanceNorm2d whose num_features the first input tells; affine and tracking by default. https://pytorch.org/docs/stable/generated/torch.nn.LazyInstanceNorm2d.html */
export class LazyInstanceNorm2d extends lazy(InstanceNorm2d, 'num_features', channels(2), table) {}
/** InstanceNorm3d whose num_features the first input tells; affine and tracking by default. https://pytorch.org/docs/stable/generated/torch.nn.LazyInstanceNorm3d.html */
export class LazyInstanceNorm3d extends lazy(InstanceNorm3d, 'num_features', channels(3), table) {}
