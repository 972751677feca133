import * as z from 'zod';
import type { Tensor } from '../tensor/tensor.ts';
import { ShapeError } from '../util/errors.ts';
import { type LayerBase, layer, python, real, tuple } from './args.ts';
import { pad } from './functional/index.ts';
import { typeName } from './module.ts';

type Rank = 1 | 2 | 3;
type Forward = { forward(x: Tensor): Tensor };

/** One integer for all sides, or a pair for each dimension from the last backwards; negative ones crop. */
const padding = (rank: Rank) => ({
  padding: z
    .union([z.int(), z.array(z.int()).length(2 * rank)])
    .meta({ description: `an integer or a list of ${2 * rank}` }),
});
const table = (rank: Rank) => ({
  ...padding(rank),
  value: real(),
});

function constantPadding(rank: Rank): LayerBase<ReturnType<typeof table>, Forward> {
  abstract class ConstantPad extends layer(table(rank)) {
    override forward(x: Tensor): Tensor {
      return pad(x, tuple(this.args.padding, 2 * rank), { value: this.args.value });
    }
    override extraRepr(): string {
      return `padding=${python(tuple(this.args.padding, 2 * rank))}, value=${python(this.args.value)}`;
    }
  }
  return ConstantPad;
}

function zeroPadding(rank: Rank): LayerBase<ReturnType<typeof padding>, Forward> {
  abstract class ZeroPad extends layer(padding(rank)) {
    override forward(x: Tensor): Tensor {
      return pad(x, tuple(this.args.padding, 2 * rank));
    }
    override extraRepr(): string {
      return python(tuple(this.args.padding, 2 * rank));
    }
  }
  return ZeroPad;
}

function borderPadding(
  rank: Rank,
  mode: 'reflect' | 'replicate' | 'circular',
): LayerBase<ReturnType<typeof padding>, Forward> {
  abstract class BorderPad extends layer(padding(rank)) {
    override forward(x: Tensor): Tensor {
      if (x.ndim !== rank + 1 && x.ndim !== rank + 2) {
        throw new ShapeError(
          `${typeName(this.constructor)}: expected ${rank + 1}D or ${rank + 2}D input (got ${x.ndim}D input)`,
        );
      }
      return pad(x, tuple(this.args.padding, 2 * rank), { mode });
    }
    override extraRepr(): string {
      return python(tuple(this.args.padding, 2 * rank));
    }
  }
  return BorderPad;
}

/** [*, L] with zeros around it. https://pytorch.org/docs/stable/generated/torch.nn.ZeroPad1d.html */
export class ZeroPad1d extends zeroPadding(1) {}
/** [*, H, W] with zeros around it. https://pytorch.org/docs/stable/generated/torch.nn.ZeroPad2d.html */
export class ZeroPad2d extends zeroPadding(2) {}
/** [*, D, H, W] with zeros around it. https://pytorch.org/docs/stable/generated/torch.nn.ZeroPad3d.html */
export class ZeroPad3d extends zeroPadding(3) {}

/** [*, L] with one value around it. https://pytorch.org/docs/stable/generated/torch.nn.ConstantPad1d.html */
export class ConstantPad1d extends constantPadding(1) {}
/** [*, H, W] with one value around it. https://pytorch.org/docs/stable/generated/torch.nn.ConstantPad2d.html */
export class ConstantPad2d extends constantPadding(2) {}
/** [*, D, H, W] with one value around it. https://pytorch.org/docs/stable/generated/torch.nn.ConstantPad3d.html */
export class ConstantPad3d extends constantPadding(3) {}

/** [N, C, L] mirrored at its ends. https://pytorch.org/docs/stable/generated/torch.nn.ReflectionPad1d.html */
export class ReflectionPad1d extends borderPadding(1, 'reflect') {}
/** [N, C, H, W] mirrored at its edges. https://pytorch.org/docs/stable/generated/torch.nn.ReflectionPad2d.html */
export class ReflectionPad2d extends borderPadding(2, 'reflect') {}
/** [N, C, D, H, W] mirrored at its faces. https://pytorch.org/docs/stable/generated/torch.nn.ReflectionPad3d.html */
export class ReflectionPad3d extends borderPadding(3, 'reflect') {}

/** [N, C, L] with its ends repeated. https://pytorch.org/docs/stable/generated/torch.nn.ReplicationPad1d.html */
export class ReplicationPad1d extends borderPadding(1, 'replicate') {}
/** [N, C, H, W] with its edges repeated. https://pytorch.org/docs/stable/generated/torch.nn.ReplicationPad2d.html */
export class ReplicationPad2d extends borderPadding(2, 'replicate') {}
/** [N, C, D, H, W] with its faces repeated. https://pytorch.org/docs/stable/generated/torch.nn.ReplicationPad3d.html */
export class ReplicationPad3d extends borderPadding(3, 'replicate') {}

/** [N, C, L] as a ring. https://pytorch.org/docs/stable/generated/torch.nn.CircularPad1d.html */
export class CircularPad1d extends borderPadding(1, 'circular') {}
/** [N, C, H, W] as a torus. https://pytorch.org/docs/stable/generated/torch.nn.CircularPad2d.html */
export class CircularPad2d extends borderPadding(2, 'circular') {}
/** [N, C, D, H, W] as a torus. https://pytorch.org/docs/stable/generated/torch.nn.CircularPad3d.html */
export class CircularPad3d extends borderPadding(3, 'circular') {}
