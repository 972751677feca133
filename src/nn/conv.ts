import * as z from 'zod';
import { transposedSize } from '../ops/conv-geometry.ts';
import { showShape } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';
import { type ArgsOf, bool, choice, int, type LayerBase, layer, python, size, tuple } from './args.ts';
import * as F from './functional/index.ts';
import { type Optional, optionalInputs } from './inputs.ts';
import { defaultBias, defaultWeight } from './linear.ts';
import type { Parameter } from './module.ts';

const paddingModes = ['zeros', 'reflect', 'replicate', 'circular'] as const;
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
  padding_mode: choice(paddingModes, 'zeros'),
});

interface Own {
  readonly weight: Parameter;
  readonly bias: Parameter | null;
  forward(x: Tensor): Tensor;
}

function checkGroups(who: string, inputs: number, outputs: number, groups: number): void {
  if (inputs % groups !== 0)
    throw new ArgError(`${who}: in_channels must be divisible by groups, got ${inputs} and ${groups}`);
  if (outputs % groups !== 0)
    throw new ArgError(`${who}: out_channels must be divisible by groups, got ${outputs} and ${groups}`);
}

type Shown = ArgsOf<ReturnType<typeof table>> & { readonly output_padding?: number | readonly number[] };
function shown(args: Shown, n: number): string {
  const { in_channels, out_channels, groups, padding, padding_mode, output_padding = 0 } = args;
  const parts = [String(in_channels), String(out_channels)];
  const sizes = { kernel_size: args.kernel_size, stride: args.stride };
  for (const [name, value] of Object.entries(sizes)) parts.push(`${name}=${python(tuple(value, n))}`);
  const pads = typeof padding === 'string' ? padding : tuple(padding, n);
  if (typeof pads === 'string' || pads.some((p) => p !== 0)) parts.push(`padding=${python(pads)}`);
  const steps = tuple(args.dilation, n);
  if (steps.some((d) => d !== 1)) parts.push(`dilation=${python(steps)}`);
  const extra = tuple(output_padding, n);
  if (extra.some((p) => p !== 0)) parts.push(`output_padding=${python(extra)}`);
  if (groups !== 1) parts.push(`groups=${groups}`);
  if (!args.bias) parts.push('bias=False');
  if (padding_mode !== 'zeros') parts.push(`padding_mode=${padding_mode}`);
  return parts.join(', ');
}

function convolution(n: 1 | 2 | 3): LayerBase<ReturnType<typeof table>, Own> {
  const conv = [F.conv1d, F.conv2d, F.conv3d][n - 1]!;
  abstract class Convolution extends layer(table(n)) {
    readonly weight = defaultWeight([
      this.args.out_channels,
      this.perGroup(this.args.in_channels),
      ...tuple(this.args.kernel_size, n),
    ]);
    readonly bias = this.args.bias ? defaultBias(this.weight, this.args.out_channels) : null;

    private perGroup(channels: number): number {
      const { groups, out_channels, padding, stride } = this.args;
      checkGroups(`Conv${n}d`, channels, out_channels, groups);
      if (padding === 'same' && tuple(stride, n).some((s) => s !== 1)) {
        throw new ArgError(`Conv${n}d: padding='same' is not supported for strided convolutions`);
      }
      return channels / groups;
    }

    override forward(x: Tensor): Tensor {
      const { stride, padding, dilation, groups, padding_mode } = this.args;
      const options = { bias: this.bias, stride, dilation, groups };
      if (padding_mode === 'zeros') return conv(x, this.weight, { ...options, padding });
      return conv(F.pad(x, this.sides(), { mode: padding_mode }), this.weight, options);
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
      return shown(this.args, n);
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

const transposedTable = (n: 1 | 2 | 3) => ({
  in_channels: int(),
  out_channels: int(undefined, 1),
  kernel_size: size(n),
  stride: size(n, 1),
  padding: size(n, 0, 0),
  output_padding: size(n, 0, 0),
  groups: int(1, 1),
  bias: bool(true),
  dilation: size(n, 1),
  padding_mode: choice(paddingModes, 'zeros'),
});

/** Which of the sizes that convolve to the input's is meant; batch and channels may stand before. */
type OutputSize = { readonly output_size?: readonly number[] | null | undefined };
interface OwnTransposed {
  readonly weight: Parameter;
  readonly bias: Parameter | null;
  forward(x: Tensor, ...optional: Optional<OutputSize, ['output_size']>): Tensor;
}

function transposed(n: 1 | 2 | 3): LayerBase<ReturnType<typeof transposedTable>, OwnTransposed> {
  const conv = [F.convTranspose1d, F.convTranspose2d, F.convTranspose3d][n - 1]!;
  abstract class Transposed extends layer(transposedTable(n)) {
    static readonly inputs = ['input', 'output_size'];
    readonly weight = defaultWeight([
      this.args.in_channels,
      this.perGroup(this.args.out_channels),
      ...tuple(this.args.kernel_size, n),
    ]);
    readonly bias = this.args.bias ? defaultBias(this.weight, this.args.out_channels) : null;

    private perGroup(channels: number): number {
      const { in_channels, groups, padding_mode } = this.args;
      if (padding_mode !== 'zeros') {
        throw new ArgError(
          `ConvTranspose${n}d: Only "zeros" padding mode is supported for ConvTranspose${n}d, got '${padding_mode}'`,
        );
      }
      checkGroups(`ConvTranspose${n}d`, in_channels, channels, groups);
      return channels / groups;
    }

    override forward(x: Tensor, ...optional: Optional<OutputSize, ['output_size']>): Tensor {
      const { output_size = null } = optionalInputs<OutputSize>(this, 1, optional);
      const { stride, padding, groups, dilation } = this.args;
      const output_padding = output_size === null ? this.args.output_padding : this.padTo(x, output_size);
      return conv(x, this.weight, { bias: this.bias, stride, padding, output_padding, groups, dilation });
    }

    private padTo(x: Tensor, wanted: readonly number[]): number[] {
      const who = `ConvTranspose${n}D`;
      const lead = x.ndim === n + 2 ? 2 : 1;
      const size = wanted.length === lead + n ? wanted.slice(lead) : wanted;
      if (size.length !== n) {
        throw new ArgError(
          `${who}: for ${x.ndim}D input, output_size must have ${n} or ${lead + n} elements (got ${size.length})`,
        );
      }
      const { kernel_size, stride, padding, dilation } = this.args;
      const [kernel, steps, pads, gaps] = [kernel_size, stride, padding, dilation].map((v) => tuple(v, n));
      const attrs = { stride: steps!, padding: pads!, dilation: gaps!, groups: 1 };
      const spatial = x.shape.slice(lead);
      const least = transposedSize(spatial, kernel!, attrs);
      const most = least.map((m, i) => m + steps![i]! - 1);
      if (size.some((m, i) => !Number.isInteger(m) || m < least[i]! || m > most[i]!)) {
        throw new ArgError(
          `${who}: requested an output size of ${showShape(size)}, but valid sizes range from ${showShape(least)} to ${showShape(most)} (for an input of ${showShape(spatial)})`,
        );
      }
      return size.map((m, i) => m - least[i]!);
    }

    override extraRepr(): string {
      return shown(this.args, n);
    }
  }
  return Transposed;
}

/** The transpose of a convolution: [N, C, L] to a longer line. https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose1d.html */
export class ConvTranspose1d extends transposed(1) {}
/** The transpose of a convolution: [N, C, H, W] to a larger plane. https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html */
export class ConvTranspose2d extends transposed(2) {}
/** The transpose of a convolution: [N, C, D, H, W] to a larger volume. https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose3d.html */
export class ConvTranspose3d extends transposed(3) {}
