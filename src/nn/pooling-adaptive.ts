import * as z from 'zod';
import { Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';
import { bool, type LayerBase, layer, optional, python, size, tuple } from './args.ts';
import * as F from './functional/index.ts';
import { type Optional, optionalInputs } from './inputs.ts';
import { Buffer } from './module.ts';

type Rank = 1 | 2 | 3;
interface OneInput {
  forward(x: Tensor): Tensor;
}
interface Maximum {
  forward(x: Tensor): Tensor | [Tensor, Tensor];
}

const target = (n: Rank) => {
  const one = z.int().min(0);
  const many = z.array(n === 1 ? one : one.nullable()).length(n);
  const text = n === 1 ? 'a list of one' : `a list of ${n}, null for the input's size`;
  return z.union([one, many]).meta({ description: `a non-negative integer or ${text}` });
};
const avgTable = (n: Rank) => ({ output_size: target(n) });
const maxTable = (n: Rank) => ({ output_size: target(n), return_indices: bool(false) });

function adaptiveAvgPooling(n: Rank): LayerBase<ReturnType<typeof avgTable>, OneInput> {
  const pool = [F.adaptiveAvgPool1d, F.adaptiveAvgPool2d, F.adaptiveAvgPool3d][n - 1]!;
  abstract class AdaptiveAvgPooling extends layer(avgTable(n)) {
    override forward(x: Tensor): Tensor {
      return pool(x, this.args);
    }
  }
  return AdaptiveAvgPooling;
}

/**
 * The average of each of `output_size` windows that share out [N, C, L] or [C, L].
 * https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool1d.html
 */
export class AdaptiveAvgPool1d extends adaptiveAvgPooling(1) {}
/**
 * The average of each of `output_size` windows that share out [N, C, H, W] or [C, H, W].
 * https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html
 */
export class AdaptiveAvgPool2d extends adaptiveAvgPooling(2) {}
/**
 * The average of each of `output_size` windows that share out [N, C, D, H, W] or [C, D, H, W].
 * https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool3d.html
 */
export class AdaptiveAvgPool3d extends adaptiveAvgPooling(3) {}

function adaptiveMaxPooling(n: Rank): LayerBase<ReturnType<typeof maxTable>, Maximum> {
  const pool = [F.adaptiveMaxPool1dWithIndices, F.adaptiveMaxPool2dWithIndices, F.adaptiveMaxPool3dWithIndices][n - 1]!;
  abstract class AdaptiveMaxPooling extends layer(maxTable(n)) {
    override forward(x: Tensor): Tensor | [Tensor, Tensor] {
      const [y, index] = pool(x, this.args);
      return this.args.return_indices ? [y, index] : y;
    }
    override extraRepr(): string {
      return `output_size=${python(this.args.output_size)}`;
    }
  }
  return AdaptiveMaxPooling;
}

/**
 * The largest value of each of `output_size` windows that share out [N, C, L] or [C, L].
 * https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool1d.html
 */
export class AdaptiveMaxPool1d extends adaptiveMaxPooling(1) {}
/**
 * The largest value of each of `output_size` windows that share out [N, C, H, W] or [C, H, W].
 * https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool2d.html
 */
export class AdaptiveMaxPool2d extends adaptiveMaxPooling(2) {}
/**
 * The largest value of each of `output_size` windows that share out [N, C, D, H, W] or [C, D, H, W].
 * https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool3d.html
 */
export class AdaptiveMaxPool3d extends adaptiveMaxPooling(3) {}

const unpoolTable = (n: Rank) => ({ kernel_size: size(n), stride: optional(size(n)), padding: size(n, 0, 0) });
type OutputSize = Pick<F.MaxUnpoolOptions, 'output_size'>;
interface Unpooling {
  forward(x: Tensor, indices: Tensor, ...optional: Optional<OutputSize, ['output_size']>): Tensor;
}

function maxUnpooling(n: Rank): LayerBase<ReturnType<typeof unpoolTable>, Unpooling> {
  const unpool = [F.maxUnpool1d, F.maxUnpool2d, F.maxUnpool3d][n - 1]!;
  abstract class MaxUnpooling extends layer(unpoolTable(n)) {
    static readonly inputs = ['input', 'indices', 'output_size'];
    override forward(x: Tensor, indices: Tensor, ...optional: Optional<OutputSize, ['output_size']>): Tensor {
      const { output_size = null } = optionalInputs<OutputSize>(this, 2, optional);
      return unpool(x, indices, { ...this.args, output_size });
    }
    override extraRepr(): string {
      const { kernel_size, stride, padding } = this.args;
      const each = (v: number | number[]) => python(tuple(v, n));
      return `kernel_size=${each(kernel_size)}, stride=${each(stride ?? kernel_size)}, padding=${each(padding)}`;
    }
  }
  return MaxUnpooling;
}

/**
 * Zeros with the values of [N, C, L] or [C, L] where the indices of max pooling say.
 * https://pytorch.org/docs/stable/generated/torch.nn.MaxUnpool1d.html
 */
export class MaxUnpool1d extends maxUnpooling(1) {}
/**
 * Zeros with the values of [N, C, H, W] or [C, H, W] where the indices of max pooling say.
 * https://pytorch.org/docs/stable/generated/torch.nn.MaxUnpool2d.html
 */
export class MaxUnpool2d extends maxUnpooling(2) {}
/**
 * Zeros with the values of [N, C, D, H, W] or [C, D, H, W] where the indices of max pooling say.
 * https://pytorch.org/docs/stable/generated/torch.nn.MaxUnpool3d.html
 */
export class MaxUnpool3d extends maxUnpooling(3) {}

const ratios = (n: 2 | 3) => {
  const one = z.number().gt(0).lt(1);
  return z.union([one, z.array(one).length(n)]).meta({ description: `a number between 0 and 1 or a list of ${n}` });
};
const fractionalTable = (n: 2 | 3) => ({
  kernel_size: size(n),
  output_size: optional(size(n)),
  output_ratio: optional(ratios(n)),
  return_indices: bool(false),
  _random_samples: optional(z.instanceof(Tensor), 'a tensor'),
});

function fractionalMaxPooling(n: 2 | 3): LayerBase<ReturnType<typeof fractionalTable>, Maximum> {
  const pool = n === 2 ? F.fractionalMaxPool2dWithIndices : F.fractionalMaxPool3dWithIndices;
  abstract class FractionalMaxPooling extends layer(fractionalTable(n)) {
    readonly _random_samples = this.samples();

    private samples(): Buffer | null {
      const { output_size, output_ratio, _random_samples } = this.args;
      if (output_size === null && output_ratio === null)
        throw new ArgError(`FractionalMaxPool${n}d: requires specifying either an output size, or a pooling ratio`);
      if (output_size !== null && output_ratio !== null)
        throw new ArgError(
          `FractionalMaxPool${n}d: only one of output_size and output_ratio may be specified, got both`,
        );
      return _random_samples && new Buffer(_random_samples);
    }

    override forward(x: Tensor): Tensor | [Tensor, Tensor] {
      const [y, index] = pool(x, { ...this.args, _random_samples: this._random_samples });
      return this.args.return_indices ? [y, index] : y;
    }
    override extraRepr(): string {
      return '';
    }
  }
  return FractionalMaxPooling;
}

/**
 * The largest value of each of `output_size` windows at random places of [N, C, H, W] or [C, H, W].
 * https://pytorch.org/docs/stable/generated/torch.nn.FractionalMaxPool2d.html
 */
export class FractionalMaxPool2d extends fractionalMaxPooling(2) {}
/**
 * The largest value of each of `output_size` windows at random places of [N, C, D, H, W] or [C, D, H, W].
 * https://pytorch.org/docs/stable/generated/torch.nn.FractionalMaxPool3d.html
 */
export class FractionalMaxPool3d extends fractionalMaxPooling(3) {}
