import * as z from 'zod';
import type { Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';
import { bool, choice, int, type LayerBase, layer, python, size, tuple } from './args.ts';
import { conv1d, conv2d, conv3d, pad } from './functional/index.ts';
import { defaultBias, defaultWeight } from './linear.ts';
import type { Parameter } from './module.ts';

/** The table of the three convolutions. */
const table = (n: 1 | 2 | 3) => ({
  in_channels: int(),
  out_channels: int(undefined, 1),
  kernel_size: size(n),
  stride: size(n, 1),
  padding: z
    .union([z.int().min(0), z.array(z.int().min(0)).length(n), z.enum(['same', 'valid'])])
    .default(0)
    .meta({ description: `a non-negative integer, a list of ${n}, 'same' or 'valid'` }),
  dilation: size(n, 1),
  groups: int(1, 1),
  bias: bool(true),
  padding_mode: choice(['zeros', 'reflect', 'replicate', 'circular'], 'zeros'),
});

interface Own {
  readonly weight: Parameter;
  readonly bias: Parameter | null;
  forward(x: Tensor): Tensor;
}

function convolution(n: 1 | 2 | 3): LayerBase<ReturnType<typeof table>, Own> {
  const conv = [conv1d, conv2d, conv3d][n - 1]!;
  abstract class Convolution extends layer(table(n)) {
    readonly weight = defaultWeight([
      this.args.out_channels,
      this.perGroup(this.args.in_channels),
      ...tuple(this.args.kernel_size, n),
    ]);
    readonly bias = this.args.bias ? defaultBias(this.weight, this.args.out_channels) : null;

    private perGroup(channels: number): number {
      const { groups, out_channels, padding, stride } = this.args;
      if (channels % groups !== 0)
        throw new ArgError(`Conv${n}d: in_channels must be divisible by groups, got ${channels} and ${groups}`);
      if (out_channels % groups !== 0)
        throw new ArgError(`Conv${n}d: out_channels must be divisible by groups, got ${out_channels} and ${groups}`);
      if (padding === 'same' && tuple(stride, n).some((s) => s !== 1)) {
        throw new ArgError(`Conv${n}d: padding='same' is not supported for strided convolutions`);
      }
      return channels / groups;
    }

    override forward(x: Tensor): Tensor {
      const { stride, padding, dilation, groups, padding_mode } = this.args;
      const options = { bias: this.bias, stride, dilation, groups };
      if (padding_mode === 'zeros') return conv(x, this.weight, { ...options, padding });
      return conv(pad(x, this.sides(), { mode: padding_mode }), this.weight, options);
    }

    /** Padding as `pad` takes it: from the last dimension backwards. */
    private sides(): number[] {
      const { padding, dilation } = this.args;
      const kernel = tuple(this.args.kernel_size, n);
      const step = tuple(dilation, n);
      const each = kernel.map((k, i) => {
        const total = step[i]! * (k - 1);
        if (padding === 'same') return [Math.floor(total / 2), total - Math.floor(total / 2)];
        const p = typeof padding === 'string' ? 0 : tuple(padding, n)[i]!;
        return [p, p];
      });
      return each.reverse().flat();
    }

    override extraRepr(): string {
      const { in_channels, out_channels, groups, padding, padding_mode } = this.args;
      const sizes = { kernel_size: this.args.kernel_size, stride: this.args.stride };
      const parts = [String(in_channels), String(out_channels)];
      for (const [name, value] of Object.entries(sizes)) parts.push(`${name}=${python(tuple(value, n))}`);
      const pads = typeof padding === 'string' ? padding : tuple(padding, n);
      if (typeof pads === 'string' || pads.some((p) => p !== 0)) parts.push(`padding=${python(pads)}`);
      const steps = tuple(this.args.dilation, n);
      if (steps.some((d) => d !== 1)) parts.push(`dilation=${python(steps)}`);
      if (groups !== 1) parts.push(`groups=${groups}`);
      if (!this.args.bias) parts.push('bias=False');
      if (padding_mode !== 'zeros') parts.push(`padding_mode=${padding_mode}`);
      return parts.join(', ');
    }
  }
  return Convolution;
}

/** Cross-correlation of [N, C, L]. https://pytorch.org/docs/stable/generated/torch.nn.Conv1d.html */
export class Conv1d extends convolution(1) {}
/** Cross-correlation of [N, C, H, W]. https://pytorch.org/docs/stable/generated/torch.nn.Conv2d.html */
export class Conv2d extends convolution(2) {}
/** Cross-correlation of [N, C, D, H, W]. https://pytorch.org/docs/stable/generated/torch.nn.Conv3d.html */
export class Conv3d extends convolution(3) {}
