/** Activations. */

import * as e from '../../ops/elementwise.ts';
import * as norm from '../../ops/norm.ts';
import { constant } from '../../tensor/constant.ts';
import { normalizeDim, showShape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { ArgError, ShapeError } from '../../util/errors.ts';

export const { relu, tanh, sigmoid, silu } = e;

export function leakyRelu(x: Tensor, { negative_slope = 0.01 }: { negative_slope?: number } = {}): Tensor {
  return e.leakyRelu(x, { negative_slope });
}

export function elu(x: Tensor, { alpha = 1 }: { alpha?: number } = {}): Tensor {
  return e.elu(x, { alpha, scale: 1 });
}

/** scale (max(0, x) + min(0, alpha (eˣ - 1))) with the constants of Klambauer et al., 2017. */
export function selu(x: Tensor): Tensor {
  return e.elu(x, { alpha: 1.6732632423543772, scale: 1.0507009873554805 });
}

export function gelu(x: Tensor, { approximate = 'none' }: { approximate?: string } = {}): Tensor {
  if (approximate !== 'none' && approximate !== 'tanh') {
    throw new ArgError(`gelu: approximate argument must be either none or tanh, got '${approximate}'`);
  }
  return approximate === 'tanh' ? e.geluTanh(x) : e.gelu(x);
}

/** PyTorch's deprecated choice when no dim is given. */
function impliedDim(x: Tensor): number {
  return x.ndim === 0 || x.ndim === 1 || x.ndim === 3 ? 0 : 1;
}
export function softmax(x: Tensor, { dim }: { dim?: number | null | undefined } = {}): Tensor {
  return norm.softmax(x, dim ?? impliedDim(x));
}
export function logSoftmax(x: Tensor, { dim }: { dim?: number | null | undefined } = {}): Tensor {
  return norm.logSoftmax(x, dim ?? impliedDim(x));
}

/** max(0, x) + min(0, alpha (e^(x/alpha) - 1)). */
export function celu(x: Tensor, { alpha = 1 }: { alpha?: number } = {}): Tensor {
  if (alpha === 0) throw new ArgError('celu: ZeroDivisionError: alpha cannot be 0 for CELU');
  const positive = x.gt(0);
  // the branch not taken must not overflow, or its gradient is NaN
  const below = e.where(positive, 0, x).div(alpha).exp().sub(1).mul(alpha);
  return e.where(positive, x, below);
}

/** x limited to [min_val, max_val]; the gradient passes strictly between, unlike clamp's. */
export function hardtanh(
  x: Tensor,
  { min_val = -1, max_val = 1 }: { min_val?: number; max_val?: number } = {},
): Tensor {
  if (min_val > max_val)
    throw new ArgError(`hardtanh: min_val cannot be greater than max_val, got ${min_val} and ${max_val}`);
  return e.where(x.le(min_val), min_val, e.where(x.ge(max_val), max_val, x));
}

/** min(max(0, x), 6). */
export function relu6(x: Tensor): Tensor {
  return hardtanh(x, { min_val: 0, max_val: 6 });
}

/** min(max(0, x + 3), 6) / 6. */
export function hardsigmoid(x: Tensor): Tensor {
  return relu6(x.add(3)).div(6);
}

/** x hardsigmoid(x). */
export function hardswish(x: Tensor): Tensor {
  return e.where(x.le(-3), 0, e.where(x.ge(3), x, x.mul(x.add(3)).div(6)));
}

/** x where |x| > lambd, else 0. */
export function hardshrink(x: Tensor, { lambd = 0.5 }: { lambd?: number } = {}): Tensor {
  return e.where(x.abs().gt(lambd), x, 0);
}

/** x drawn toward 0 by lambd. */
export function softshrink(x: Tensor, { lambd = 0.5 }: { lambd?: number } = {}): Tensor {
  if (lambd < 0) throw new ArgError(`softshrink: lambda must be greater or equal to 0, but found to be ${lambd}`);
  return e.where(x.gt(lambd), x.sub(lambd), e.where(x.lt(-lambd), x.add(lambd), 0));
}

/** log(1 / (1 + e⁻ˣ)). */
export function logsigmoid(x: Tensor): Tensor {
  return e.softplus(x.neg()).neg();
}

/** log(1 + e^(beta x)) / beta; x itself where beta x > threshold. */
export function softplus(x: Tensor, { beta = 1, threshold = 20 }: { beta?: number; threshold?: number } = {}): Tensor {
  const scaled = x.mul(beta);
  return e.where(scaled.gt(threshold), x, e.softplus(scaled).div(beta));
}

/** x tanh(softplus(x)). */
export function mish(x: Tensor): Tensor {
  return x.mul(e.softplus(x).tanh());
}

/** x / (1 + |x|). */
export function softsign(x: Tensor): Tensor {
  return x.div(x.abs().add(1));
}

/** x - tanh x. */
export function tanhshrink(x: Tensor): Tensor {
  return x.sub(x.tanh());
}

/** norm.softmax(-x) along `dim`. */
export function softmin(x: Tensor, { dim }: { dim: number }): Tensor {
  return norm.softmax(x.neg(), dim);
}

/** x where x > threshold, else value. */
export function threshold(x: Tensor, { threshold: limit, value }: { threshold: number; value: number }): Tensor {
  return e.where(x.gt(limit), x, constant(value, { shape: [], dtype: x.dtype }));
}

/** x where positive, else weight · x; one weight for all, or one per channel (dimension 1). */
export function prelu(x: Tensor, weight: Tensor): Tensor {
  const [n] = weight.shape;
  const channels = x.ndim > 1 ? x.shape[1] : 1;
  if (weight.ndim > 1 || (n !== undefined && n !== 1 && n !== channels)) {
    throw new ShapeError(
      `prelu: Mismatch of parameter numbers and input channel size. Found parameter numbers = ${showShape(weight.shape)} and channel size = ${channels}`,
    );
  }
  const single = n === undefined || n === 1;
  const spread = weight.reshape(single ? [] : [n, ...x.shape.slice(2).map(() => 1)]);
  return e.where(x.gt(0), x, x.mul(spread));
}

/** a σ(b) for the two halves a, b of x along `dim`. */
export function glu(x: Tensor, { dim = -1 }: { dim?: number } = {}): Tensor {
  if (x.ndim === 0) throw new ShapeError('glu: glu does not support 0-dimensional tensors');
  const d = normalizeDim('glu', dim, x.ndim);
  const size = x.shape[d]!;
  if (size % 2 !== 0) {
    throw new ShapeError(`glu: Halving dimension must be even, but dimension ${d} is size ${size}`);
  }
  return x.narrow(d, 0, size / 2).mul(x.narrow(d, size / 2, size / 2).sigmoid());
}
