/** Activations. */

import { where } from '../../ops/compare.ts';
import * as e from '../../ops/elementwise.ts';
import { drawn } from '../../ops/host.ts';
import * as norm from '../../ops/norm.ts';
import { constant, literal } from '../../tensor/constant.ts';
import { type Dtype, isFloat, type TypedArray } from '../../tensor/dtype.ts';
import { normalizeDim, showShape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { ArgError, ShapeError } from '../../util/errors.ts';
import { defaultGenerator } from '../../util/generator.ts';

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
export interface SoftmaxOptions {
  /** The dimension that sums to 1; left out, PyTorch's deprecated choice. */
  readonly dim?: number | null | undefined;
  /** What to compute in. */
  readonly dtype?: Dtype | null | undefined;
}
/** eˣ / Σ eˣ along `dim`. https://pytorch.org/docs/stable/generated/torch.nn.functional.softmax.html */
export function softmax(x: Tensor, { dim, dtype }: SoftmaxOptions = {}): Tensor {
  return norm.softmax(dtype ? x.to(dtype) : x, dim ?? impliedDim(x));
}
/** log softmax along `dim`. https://pytorch.org/docs/stable/generated/torch.nn.functional.log_softmax.html */
export function logSoftmax(x: Tensor, { dim, dtype }: SoftmaxOptions = {}): Tensor {
  return norm.logSoftmax(dtype ? x.to(dtype) : x, dim ?? impliedDim(x));
}
/** softmax(-x) along `dim`. https://pytorch.org/docs/stable/generated/torch.nn.functional.softmin.html */
export function softmin(x: Tensor, options: SoftmaxOptions = {}): Tensor {
  return softmax(x.neg(), options);
}

/** max(0, x) + min(0, alpha (e^(x/alpha) - 1)). */
export function celu(x: Tensor, { alpha = 1 }: { alpha?: number } = {}): Tensor {
  if (alpha === 0) throw new ArgError('celu: ZeroDivisionError: alpha cannot be 0 for CELU');
  const positive = x.gt(0);
  // the branch not taken must not overflow, or its gradient is NaN
  const below = where(positive, 0, x).div(alpha).exp().sub(1).mul(alpha);
  return where(positive, x, below);
}

/** x limited to [min_val, max_val]; the gradient passes strictly between, unlike clamp's. */
export function hardtanh(
  x: Tensor,
  { min_val = -1, max_val = 1 }: { min_val?: number; max_val?: number } = {},
): Tensor {
  if (min_val > max_val)
    throw new ArgError(`hardtanh: min_val cannot be greater than max_val, got ${min_val} and ${max_val}`);
  return where(x.le(min_val), min_val, where(x.ge(max_val), max_val, x));
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
  return where(x.le(-3), 0, where(x.ge(3), x, x.mul(x.add(3)).div(6)));
}

/** x where |x| > lambd, else 0. */
export function hardshrink(x: Tensor, { lambd = 0.5 }: { lambd?: number } = {}): Tensor {
  return where(x.abs().gt(lambd), x, 0);
}

/** x drawn toward 0 by lambd. */
export function softshrink(x: Tensor, { lambd = 0.5 }: { lambd?: number } = {}): Tensor {
  if (lambd < 0) throw new ArgError(`softshrink: lambda must be greater or equal to 0, but found to be ${lambd}`);
  return where(x.gt(lambd), x.sub(lambd), where(x.lt(-lambd), x.add(lambd), 0));
}

/** log(1 / (1 + e⁻ˣ)). */
export function logsigmoid(x: Tensor): Tensor {
  return e.softplus(x.neg()).neg();
}

/** log(1 + e^(beta x)) / beta; x itself where beta x > threshold. */
export function softplus(x: Tensor, { beta = 1, threshold = 20 }: { beta?: number; threshold?: number } = {}): Tensor {
  const scaled = x.mul(beta);
  return where(scaled.gt(threshold), x, e.softplus(scaled).div(beta));
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

/** x where x > threshold, else value. */
export function threshold(x: Tensor, { threshold: limit, value }: { threshold: number; value: number }): Tensor {
  return where(x.gt(limit), x, constant(value, { shape: [], dtype: x.dtype }));
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
  return where(x.gt(0), x, x.mul(spread));
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

/**
 * x where positive, else a · x, with a drawn for each element from [lower, upper) in training, in the middle otherwise. PyTorch draws
 * only where x is not positive: its slopes for a seed are others.
 * https://pytorch.org/docs/stable/generated/torch.nn.RReLU.html
 */
export function rrelu(
  x: Tensor,
  { lower = 1 / 8, upper = 1 / 3, training = false }: { lower?: number; upper?: number; training?: boolean } = {},
): Tensor {
  if (!(lower <= upper)) {
    throw new ArgError(
      `rrelu: Lower bound should be less than or equal to the upper bound, got lower=${lower}, upper=${upper}`,
    );
  }
  if (!Number.isFinite(lower)) throw new ArgError(`rrelu: lower bound must be finite, got ${lower}`);
  if (!Number.isFinite(upper)) throw new ArgError(`rrelu: upper bound must be finite, got ${upper}`);
  if (!training) return leakyRelu(x, { negative_slope: (lower + upper) / 2 });
  const slopes = drawn({ shape: x.shape, dtype: 'float32' }, (data) =>
    defaultGenerator.uniform(data as Float32Array, lower, upper),
  );
  return where(x.gt(0), x, x.mul(slopes.to(x.dtype)));
}

/**
 * A sample of the Gumbel-softmax distribution: softmax((logits + g) / tau) along `dim`, g from the Gumbel distribution. With `hard`
 * the largest becomes 1, the others 0, with the gradient of the soft ones.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.gumbel_softmax.html
 */
export function gumbelSoftmax(
  logits: Tensor,
  { tau = 1, hard = false, dim = -1 }: { tau?: number; hard?: boolean; dim?: number } = {},
): Tensor {
  if (!isFloat(logits.dtype)) throw new ArgError(`gumbel_softmax: expected floating point logits, got ${logits.dtype}`);
  const gumbels = drawn({ shape: logits.shape, dtype: 'float32' }, gumbel).to(logits.dtype);
  const soft = norm.softmax(logits.add(gumbels).div(tau), dim);
  if (!hard) return soft;
  const d = normalizeDim('gumbel_softmax', dim, logits.ndim);
  const size = logits.shape[d] ?? 1;
  const range = literal(
    BigInt64Array.from({ length: size }, (_, i) => BigInt(i)),
    {
      shape: logits.shape.map((_, i) => (i === d ? size : 1)),
      dtype: 'int64',
    },
  );
  const chosen = soft.argmax({ dim, keepdim: true }).eq(range).to(logits.dtype);
  return chosen.sub(soft.detach()).add(soft);
}

/** -log of numbers from the exponential distribution, as PyTorch draws those: 53 random bits each. */
function gumbel(data: TypedArray): void {
  const uniform = defaultGenerator.uniform(new Float64Array(data.length));
  uniform.forEach((u, i) => {
    data[i] = -Math.log(Math.fround(-Math.log1p(-u)));
  });
}
