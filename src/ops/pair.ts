import type { Tensor } from '../tensor/tensor.ts';

/** PyTorch's named tuple of values and where they are: by position or by name. */
export type Pair = [values: Tensor, indices: Tensor] & { readonly values: Tensor; readonly indices: Tensor };

export function pair(values: Tensor, indices: Tensor): Pair {
  const both = [values, indices];
  return Object.defineProperties(both, { values: { get: () => both[0] }, indices: { get: () => both[1] } }) as Pair;
}
