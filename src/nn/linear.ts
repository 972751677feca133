import * as z from 'zod';
import type { Tensor } from '../tensor/tensor.ts';
import { bool, int, layer } from './args.ts';
import { bilinear, linear } from './functional/index.ts';
import { calculateFanInAndFanOut, kaimingUniform_, uniform_ } from './init.ts';
import { Module, Parameter } from './module.ts';

/** A weight with PyTorch's default for linear and convolution layers: U(±1/√fan_in). */
export function defaultWeight(shape: readonly number[]): Parameter {
  const weight = Parameter.empty(shape);
  kaimingUniform_(weight, { a: Math.sqrt(5) });
  return weight;
}

/** The bias that goes with a weight: U(±1/√fan_in) of that weight. */
export function defaultBias(weight: Parameter, size: number): Parameter {
  const bias = Parameter.empty([size]);
  const [fanIn] = calculateFanInAndFanOut(weight);
  const bound = 1 / Math.sqrt(fanIn);
  if (fanIn > 0) uniform_(bias, { a: -bound, b: bound });
  return bias;
}

/**
 * y = x Wᵀ + b over the last dimension: [*, in_features] to [*, out_features].
 * https://pytorch.org/docs/stable/generated/torch.nn.Linear.html
 */
export class Linear extends layer({ in_features: int(), out_features: int(), bias: bool(true) }) {
  readonly weight = defaultWeight([this.args.out_features, this.args.in_features]);
  readonly bias = this.args.bias ? defaultBias(this.weight, this.args.out_features) : null;

  override forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias);
  }
}

/**
 * yₖ = x1 Wₖ x2 + bₖ: [*, in1_features] and [*, in2_features] to [*, out_features].
 * https://pytorch.org/docs/stable/generated/torch.nn.Bilinear.html
 */
export class Bilinear extends layer({
  in1_features: int(undefined, 1),
  in2_features: int(),
  out_features: int(),
  bias: bool(true),
}) {
  static readonly inputs = ['input1', 'input2'];
  readonly weight = this.uniform([this.args.out_features, this.args.in1_features, this.args.in2_features]);
  readonly bias = this.args.bias ? this.uniform([this.args.out_features]) : null;

  private uniform(shape: readonly number[]): Parameter {
    const bound = 1 / Math.sqrt(this.args.in1_features);
    const parameter = Parameter.empty(shape);
    uniform_(parameter, { a: -bound, b: bound });
    return parameter;
  }

  override forward(x1: Tensor, x2: Tensor): Tensor {
    return bilinear(x1, x2, this.weight, this.bias);
  }
}

/** Passes its input on; takes any options. https://pytorch.org/docs/stable/generated/torch.nn.Identity.html */
export class Identity extends Module {
  constructor(_options?: object) {
    super();
  }

  override forward<T>(x: T): T {
    return x;
  }
}

/**
 * Dimensions start_dim to end_dim made one: [N, *] to [N, numel].
 * https://pytorch.org/docs/stable/generated/torch.nn.Flatten.html
 */
export class Flatten extends layer({
  start_dim: int(1, Number.MIN_SAFE_INTEGER),
  end_dim: int(-1, Number.MIN_SAFE_INTEGER),
}) {
  override forward(x: Tensor): Tensor {
    return x.flatten(this.args);
  }
}

const sizes = z.array(z.int()).min(1).meta({ description: 'a list of integers, one of which may be -1' });

/**
 * One dimension made several: [*, S, *] to [*, unflattened_size, *].
 * https://pytorch.org/docs/stable/generated/torch.nn.Unflatten.html
 */
export class Unflatten extends layer({ dim: int(undefined, Number.MIN_SAFE_INTEGER), unflattened_size: sizes }) {
  override forward(x: Tensor): Tensor {
    return x.unflatten(this.args.dim, this.args.unflattened_size);
  }
}
