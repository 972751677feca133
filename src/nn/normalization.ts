import * as z from 'zod';
import { showShape } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { ArgError, ShapeError } from '../util/errors.ts';
import { bool, float, int, type LayerBase, layer, optional, python, pythonFloat } from './args.ts';
import { type NormState, type NormTable, normBase } from './batchnorm.ts';
import { groupNorm, instanceNorm, layerNorm, localResponseNorm, rmsNorm } from './functional/index.ts';
import { crossMapLrn2d } from './functional/response.ts';
import { fresh, Parameter, typeName } from './module.ts';

/** The shape of what is normalised together, or the size of the last dimension. */
const shape = () =>
  z.union([z.int().min(0), z.array(z.int().min(0))]).meta({ description: 'a non-negative integer or a list of them' });

const ones = (shape: readonly number[]) => new Parameter(fresh(shape, 1));
const asList = (shape: number | readonly number[]) => (typeof shape === 'number' ? [shape] : shape);

/**
 * Normalisation over the last dimensions: y = (x - mean) / √(var + eps) · weight + bias.
 * https://pytorch.org/docs/stable/generated/torch.nn.LayerNorm.html
 */
export class LayerNorm extends layer({
  normalized_shape: shape(),
  eps: float(1e-5),
  elementwise_affine: bool(true),
  bias: bool(true),
}) {
  readonly weight = this.args.elementwise_affine ? ones(asList(this.args.normalized_shape)) : null;
  readonly bias = this.weight && this.args.bias ? Parameter.empty(this.weight.shape) : null;

  override forward(x: Tensor): Tensor {
    const { normalized_shape, eps } = this.args;
    return layerNorm(x, normalized_shape, { weight: this.weight, bias: this.bias, eps });
  }

  override extraRepr(): string {
    const { normalized_shape, eps, elementwise_affine } = this.args;
    return `${python(asList(normalized_shape))}, eps=${pythonFloat(eps)}, elementwise_affine=${python(elementwise_affine)}, bias=${python(this.bias !== null)}`;
  }
}

/**
 * Division by the root mean square of the last dimensions: y = x / √(mean(x²) + eps) · weight; eps null is the dtype's machine
 * epsilon. https://pytorch.org/docs/stable/generated/torch.nn.RMSNorm.html
 */
export class RMSNorm extends layer({
  normalized_shape: shape(),
  eps: optional(z.number(), 'a number'),
  elementwise_affine: bool(true),
}) {
  readonly weight = this.args.elementwise_affine ? ones(asList(this.args.normalized_shape)) : null;

  override forward(x: Tensor): Tensor {
    const { normalized_shape, eps } = this.args;
    return rmsNorm(x, normalized_shape, { weight: this.weight, eps });
  }

  override extraRepr(): string {
    const { normalized_shape, eps, elementwise_affine } = this.args;
    return `${python(asList(normalized_shape))}, eps=${python(eps, true)}, elementwise_affine=${python(elementwise_affine)}`;
  }
}

/**
 * Normalisation of each of num_groups groups of channels of each sample of [N, C, *].
 * https://pytorch.org/docs/stable/generated/torch.nn.GroupNorm.html
 */
export class GroupNorm extends layer({
  num_groups: int(undefined, 1),
  num_channels: int(),
  eps: float(1e-5),
  affine: bool(true),
  bias: bool(true),
}) {
  readonly weight = this.args.affine ? ones([this.channels()]) : null;
  readonly bias = this.weight && this.args.bias ? Parameter.empty(this.weight.shape) : null;

  private channels(): number {
    const { num_groups, num_channels } = this.args;
    if (num_channels % num_groups === 0) return num_channels;
    throw new ArgError(`GroupNorm: num_channels (${num_channels}) must be divisible by num_groups (${num_groups})`);
  }

  override forward(x: Tensor): Tensor {
    const { num_groups, eps } = this.args;
    return groupNorm(x, num_groups, { weight: this.weight, bias: this.bias, eps });
  }

  override extraRepr(): string {
    const { num_groups, num_channels, eps, affine } = this.args;
    return `${num_groups}, ${num_channels}, eps=${pythonFloat(eps)}, affine=${python(affine)}, bias=${python(this.bias !== null)}`;
  }
}

function instanceNormOf(rank: number): LayerBase<NormTable, NormState> {
  abstract class InstanceNorm extends normBase(false) {
    override forward(x: Tensor): Tensor {
      const who = typeName(this.constructor);
      if (x.ndim !== rank + 1 && x.ndim !== rank + 2) {
        throw new ShapeError(`${who}: expected ${rank + 1}D or ${rank + 2}D input (got ${x.ndim}D input)`);
      }
      const { num_features } = this.args;
      const at = x.ndim - rank - 1;
      if (x.shape[at] !== num_features && (this.weight || this.running_mean)) {
        throw new ShapeError(
          `${who}: expected input's size at dim=${at} to match num_features (${num_features}), but got: ${x.shape[at]}, of ${showShape(x.shape)}`,
        );
      }
      return at === 0 ? this.normalize(x.unsqueeze(0)).squeeze(0) : this.normalize(x);
    }

    private normalize(x: Tensor): Tensor {
      const { running_mean, running_var, weight, bias } = this;
      const { momentum, eps } = this.args;
      const use_input_stats = this.training || !running_mean;
      return instanceNorm(x, {
        running_mean,
        running_var,
        weight,
        bias,
        use_input_stats,
        momentum: momentum ?? 0,
        eps,
      });
    }
  }
  return InstanceNorm;
}

/** Normalisation of each channel of each sample of [N, C, L] or [C, L]. https://pytorch.org/docs/stable/generated/torch.nn.InstanceNorm1d.html */
export class InstanceNorm1d extends instanceNormOf(1) {}
/** Normalisation of each channel of each sample of [N, C, H, W] or [C, H, W]. https://pytorch.org/docs/stable/generated/torch.nn.InstanceNorm2d.html */
export class InstanceNorm2d extends instanceNormOf(2) {}
/** Normalisation of each channel of each sample of [N, C, D, H, W] or [C, D, H, W]. https://pytorch.org/docs/stable/generated/torch.nn.InstanceNorm3d.html */
export class InstanceNorm3d extends instanceNormOf(3) {}

const response = (k: ReturnType<typeof float>) => ({
  size: int(undefined, 1),
  alpha: float(1e-4),
  beta: float(0.75),
  k,
});

/**
 * Division by the neighbouring channels: x / (k + alpha mean(x²))^beta over `size` channels of [N, C, *].
 * https://pytorch.org/docs/stable/generated/torch.nn.LocalResponseNorm.html
 */
export class LocalResponseNorm extends layer(response(float(1))) {
  override forward(x: Tensor): Tensor {
    return localResponseNorm(x, this.args.size, this.args);
  }

  override extraRepr(): string {
    const { size, alpha, beta, k } = this.args;
    return `${size}, alpha=${pythonFloat(alpha)}, beta=${pythonFloat(beta)}, k=${pythonFloat(k)}`;
  }
}

/**
 * Division by the neighbouring channels of [N, C, H, W], to the number as PyTorch's, which differs from LocalResponseNorm where more
 * than half of `size` lies before a channel. https://pytorch.org/docs/stable/generated/torch.nn.CrossMapLRN2d.html
 */
export class CrossMapLRN2d extends layer(response(z.number().default(1).meta({ description: 'a number' }))) {
  override forward(x: Tensor): Tensor {
    return crossMapLrn2d(x, this.args.size, this.args);
  }

  override extraRepr(): string {
    const { size, alpha, beta, k } = this.args;
    return `${size}, alpha=${pythonFloat(alpha)}, beta=${pythonFloat(beta)}, k=${python(k)}`;
  }
}
