import * as z from 'zod';
import type { Tensor } from '../tensor/tensor.ts';
import { bool, int, type LayerBase, layer, optional, python, size, tuple } from './args.ts';
import * as F from './functional/index.ts';

type Rank = 1 | 2 | 3;
interface Maximum {
  forward(x: Tensor): Tensor | [Tensor, Tensor];
}
interface OneInput {
  forward(x: Tensor): Tensor;
}

const maxTable = (n: Rank) => ({
  kernel_size: size(n),
  stride: optional(size(n)),
  padding: size(n, 0, 0),
  dilation: size(n, 1),
  return_indices: bool(false),
  ceil_mode: bool(false),
});

function maxPooling(n: Rank): LayerBase<ReturnType<typeof maxTable>, Maximum> {
  const pool = [F.maxPool1d, F.maxPool2d, F.maxPool3d][n - 1]!;
  const withIndices = [F.maxPool1dWithIndices, F.maxPool2dWithIndices, F.maxPool3dWithIndices][n - 1]!;
  abstract class MaxPooling extends layer(maxTable(n)) {
    override forward(x: Tensor): Tensor | [Tensor, Tensor] {
      return this.args.return_indices ? withIndices(x, this.args) : pool(x, this.args);
    }
    override extraRepr(): string {
      const { kernel_size, stride, padding, dilation, ceil_mode } = this.args;
      return `kernel_size=${python(kernel_size)}, stride=${python(stride ?? kernel_size)}, padding=${python(padding)}, dilation=${python(dilation)}, ceil_mode=${python(ceil_mode)}`;
    }
  }
  return MaxPooling;
}

/**
 * The largest value of each window of [N, C, L] or [C, L]; with `return_indices` also its place.
 * https://pytorch.org/docs/stable/generated/torch.nn.MaxPool1d.html
 */
export class MaxPool1d extends maxPooling(1) {}
/**
 * The largest value of each window of [N, C, H, W] or [C, H, W]; with `return_indices` also its place in its plane.
 * https://pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html
 */
export class MaxPool2d extends maxPooling(2) {}
/**
 * The largest value of each window of [N, C, D, H, W] or [C, D, H, W]; with `return_indices` also its place in its volume.
 * https://pytorch.org/docs/stable/generated/torch.nn.MaxPool3d.html
 */
export class MaxPool3d extends maxPooling(3) {}

const lineTable = {
  kernel_size: size(1),
  stride: optional(size(1)),
  padding: size(1, 0, 0),
  ceil_mode: bool(false),
  count_include_pad: bool(true),
};
const windowed = ({ kernel_size, stride, padding }: { kernel_size: unknown; stride: unknown; padding: unknown }) =>
  `kernel_size=${python(kernel_size)}, stride=${python(stride ?? kernel_size)}, padding=${python(padding)}`;

/** The average of each window of [N, C, L] or [C, L]. https://pytorch.org/docs/stable/generated/torch.nn.AvgPool1d.html */
export class AvgPool1d extends layer(lineTable) {
  override forward(x: Tensor): Tensor {
    return F.avgPool1d(x, this.args);
  }
  override extraRepr(): string {
    const { kernel_size, stride, padding } = this.args;
    const one = (v: number | number[]) => tuple(v, 1);
    return windowed({ kernel_size: one(kernel_size), stride: one(stride ?? kernel_size), padding: one(padding) });
  }
}

const avgTable = (n: Rank) => ({
  kernel_size: size(n),
  stride: optional(size(n)),
  padding: size(n, 0, 0),
  ceil_mode: bool(false),
  count_include_pad: bool(true),
  divisor_override: optional(int(undefined, Number.MIN_SAFE_INTEGER)),
});

function avgPooling(n: 2 | 3): LayerBase<ReturnType<typeof avgTable>, OneInput> {
  const pool = n === 2 ? F.avgPool2d : F.avgPool3d;
  abstract class AvgPooling extends layer(avgTable(n)) {
    override forward(x: Tensor): Tensor {
      return pool(x, this.args);
    }
    override extraRepr(): string {
      return windowed(this.args);
    }
  }
  return AvgPooling;
}

/** The average of each window of [N, C, H, W] or [C, H, W]. https://pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html */
export class AvgPool2d extends avgPooling(2) {}
/** The average of each window of [N, C, D, H, W] or [C, D, H, W]. https://pytorch.org/docs/stable/generated/torch.nn.AvgPool3d.html */
export class AvgPool3d extends avgPooling(3) {}

const lpTable = (n: Rank) => ({
  norm_type: z
    .union([z.number(), z.literal(Number.POSITIVE_INFINITY), z.literal(Number.NEGATIVE_INFINITY)])
    .meta({ description: 'a number' }),
  kernel_size: size(n),
  stride: optional(size(n)),
  ceil_mode: bool(false),
});

function lpPooling(n: Rank): LayerBase<ReturnType<typeof lpTable>, OneInput> {
  const pool = [F.lpPool1d, F.lpPool2d, F.lpPool3d][n - 1]!;
  abstract class LPPooling extends layer(lpTable(n)) {
    override forward(x: Tensor): Tensor {
      return pool(x, this.args);
    }
  }
  return LPPooling;
}

/** (Σ xᵖ)^(1/p) of each window of [N, C, L] or [C, L]. https://pytorch.org/docs/stable/generated/torch.nn.LPPool1d.html */
export class LPPool1d extends lpPooling(1) {}
/** (Σ xᵖ)^(1/p) of each window of [N, C, H, W] or [C, H, W]. https://pytorch.org/docs/stable/generated/torch.nn.LPPool2d.html */
export class LPPool2d extends lpPooling(2) {}
/** (Σ xᵖ)^(1/p) of each window of [N, C, D, H, W] or [C, D, H, W]. https://pytorch.org/docs/stable/generated/torch.nn.LPPool3d.html */
export class LPPool3d extends lpPooling(3) {}
