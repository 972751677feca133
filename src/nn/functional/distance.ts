/** Distances and angles between vectors, and vectors of length one. */

import { constant } from '../../tensor/constant.ts';
import { isFloat, promote } from '../../tensor/dtype.ts';
import { broadcast } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { ArgError, ShapeError } from '../../util/errors.ts';

/**
 * x1 · x2 / (max(‖x1‖, eps) max(‖x2‖, eps)) along `dim` of what the two broadcast to.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.cosine_similarity.html
 */
export function cosineSimilarity(
  x1: Tensor,
  x2: Tensor,
  { dim = 1, eps = 1e-8 }: { dim?: number; eps?: number } = {},
): Tensor {
  const dtype = promote(x1.dtype, x2.dtype);
  if (!isFloat(dtype)) {
    throw new ArgError(`cosine_similarity: expected common dtype to be floating point, yet common dtype is ${dtype}`);
  }
  const shape = broadcast('cosine_similarity', x1.shape, x2.shape);
  const unit = (x: Tensor) => {
    const whole = x.to(dtype).expand(shape);
    const norm = whole.norm({ dim, keepdim: true });
    // as in PyTorch the limit is no part of the derivative
    return whole.div(norm.add(norm.clamp({ min: eps }).sub(norm).detach()));
  };
  return unit(x1).mul(unit(x2)).sum({ dim });
}

/**
 * ‖x1 - x2 + eps‖ₚ along the last dimension.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.pairwise_distance.html
 */
export function pairwiseDistance(
  x1: Tensor,
  x2: Tensor,
  { p = 2, eps = 1e-6, keepdim = false }: { p?: number; eps?: number; keepdim?: boolean } = {},
): Tensor {
  return x1.sub(x2).add(eps).norm({ p, dim: -1, keepdim });
}

/**
 * The distances ‖xᵢ - xⱼ‖ₚ of the rows i < j of x [N, M]: [N (N - 1) / 2].
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.pdist.html
 */
export function pdist(x: Tensor, { p = 2 }: { p?: number } = {}): Tensor {
  if (x.ndim !== 2) throw new ShapeError(`pdist: pdist only supports 2D tensors, got: ${x.ndim}D`);
  if (!isFloat(x.dtype)) throw new ArgError(`pdist: pdist only supports floating-point dtypes, got ${x.dtype}`);
  if (!(p >= 0)) throw new ArgError(`pdist: pdist only supports non-negative p values, got ${p}`);
  const [n, m] = x.shape as [number, number];
  const pairs = (n * (n - 1)) / 2;
  if (pairs === 0 || m === 0) return constant(0, { shape: [pairs], dtype: x.dtype });
  const [first, second] = [new BigInt64Array(pairs), new BigInt64Array(pairs)];
  for (let i = 0, k = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++, k++) {
      first[k] = BigInt(i);
      second[k] = BigInt(j);
    }
  }
  return x.indexSelect(0, first).sub(x.indexSelect(0, second)).norm({ p, dim: 1 });
}

/**
 * x / max(‖x‖ₚ, eps) along `dim`. https://pytorch.org/docs/stable/generated/torch.nn.functional.normalize.html
 */
export function normalize(
  x: Tensor,
  { p = 2, dim = 1, eps = 1e-12 }: { p?: number; dim?: number | readonly number[]; eps?: number } = {},
): Tensor {
  return x.div(x.norm({ p, dim, keepdim: true }).clamp({ min: eps }));
}
