/** Normalisation. */

import * as norm from '../../ops/norm.ts';
import type { Tensor } from '../../tensor/tensor.ts';

/** (x - mean) / √(var + eps) · weight + bias per channel, by given statistics; as evaluation-mode batch norm. */
export function normalizeBy(
  x: Tensor,
  mean: Tensor,
  variance: Tensor,
  weight: Tensor | null,
  bias: Tensor | null,
  eps: number,
): Tensor {
  const inv = variance.add(eps).rsqrt();
  const scale = weight ? weight.mul(inv) : inv;
  const shift = mean.mul(scale).neg();
  return norm.affine(x, scale, bias ? bias.add(shift) : shift);
}
