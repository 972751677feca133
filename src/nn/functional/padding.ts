/** Padding by a number, by mirroring, by repeating, around. */

import { constantPad } from '../../ops/movement.ts';
import { showShape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { ArgError, ShapeError } from '../../util/errors.ts';

/** Which element each place of a padded dimension shows. */
const paddingRules: Record<string, (i: number, n: number) => number> = {
  reflect: (i, n) => (i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i),
  replicate: (i, n) => Math.min(Math.max(i, 0), n - 1),
  circular: (i, n) => ((i % n) + n) % n,
};
export type PadMode = 'constant' | 'reflect' | 'replicate' | 'circular';

/** Padding from the last dimension backwards: `[left, right, top, bottom, …]`; negative numbers crop (constant mode). */
export function pad(
  x: Tensor,
  padding: readonly number[],
  { mode: how = 'constant', value = 0 }: { mode?: PadMode; value?: number } = {},
): Tensor {
  if (padding.length % 2 !== 0 || padding.length > 2 * x.ndim) {
    throw new ArgError(`pad: expected an even number of at most ${2 * x.ndim} paddings, got ${showShape(padding)}`);
  }
  const side = (after: number) => x.shape.map((_, i) => padding[2 * (x.ndim - 1 - i) + after] ?? 0);
  const [before, after] = [side(0), side(1)];
  if (how === 'constant') return constantPad(x, before, after, value);
  const rule = paddingRules[how];
  if (!rule) throw new ArgError(`pad: expected mode constant, reflect, replicate or circular, got '${how}'`);
  return x.shape.reduce((t, n, dim) => {
    const [b, a] = [before[dim]!, after[dim]!];
    if (b === 0 && a === 0) return t;
    const limit = how === 'reflect' ? n - 1 : how === 'circular' ? n : Number.POSITIVE_INFINITY;
    if (b > limit || a > limit || n === 0) {
      throw new ShapeError(
        `pad: Padding size should be less than the corresponding input dimension, but got: padding (${b}, ${a}) at dimension ${dim} of input ${showShape(x.shape)}`,
      );
    }
    const from = BigInt64Array.from({ length: n + b + a }, (_, i) => BigInt(rule(i - b, n)));
    return t.indexSelect(dim, from);
  }, x);
}
