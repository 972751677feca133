/** Padding by a number, by mirroring, by repeating, around. */

import { borderPad } from '../../ops/border.ts';
import { constantPad } from '../../ops/movement.ts';
import { showShape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { ArgError, ShapeError } from '../../util/errors.ts';

export type PadMode = 'constant' | 'reflect' | 'replicate' | 'circular';
const modes: readonly string[] = ['constant', 'reflect', 'replicate', 'circular'];

/**
 * Padding from the last dimension backwards: `[left, right, top, bottom, …]`; negative numbers crop. Unlike in PyTorch every mode
 * pads any dimensions. https://pytorch.org/docs/stable/generated/torch.nn.functional.pad.html
 */
export function pad(
  x: Tensor,
  padding: readonly number[],
  { mode: how = 'constant', value = 0 }: { mode?: PadMode; value?: number } = {},
): Tensor {
  if (padding.length % 2 !== 0 || padding.length > 2 * x.ndim) {
    throw new ArgError(`pad: expected an even number of at most ${2 * x.ndim} paddings, got ${showShape(padding)}`);
  }
  if (!padding.every(Number.isInteger)) throw new ArgError(`pad: expected whole paddings, got ${showShape(padding)}`);
  if (!modes.includes(how)) {
    throw new ArgError(`pad: expected mode constant, reflect, replicate or circular, got '${how}'`);
  }
  const side = (after: number) => x.shape.map((_, i) => padding[2 * (x.ndim - 1 - i) + after] ?? 0);
  const [before, after] = [side(0), side(1)];
  if (how === 'constant') return constantPad(x, before, after, value);
  if (value !== 0) throw new ArgError(`pad: Padding mode "${how}" doesn't take in value argument`);

  const [growBefore, growAfter] = [before, after].map((side) => side.map((p) => Math.max(p, 0))) as [
    number[],
    number[],
  ];
  const crop = (t: Tensor) =>
    constantPad(
      t,
      before.map((p) => Math.min(p, 0)),
      after.map((p) => Math.min(p, 0)),
    );
  // what comes around is what is left after cropping; mirrors and edges are those of the whole
  const inner = how === 'circular' ? crop(x) : x;
  inner.shape.forEach((n, dim) => {
    const [b, a] = [growBefore[dim]!, growAfter[dim]!];
    const limit = how === 'reflect' ? n - 1 : how === 'circular' ? n : Number.POSITIVE_INFINITY;
    if ((b > 0 || a > 0) && (b > limit || a > limit || n === 0)) {
      throw new ShapeError(
        `pad: Padding size should be less than the corresponding input dimension, but got: padding (${before[dim]}, ${after[dim]}) at dimension ${dim} of input ${showShape(x.shape)}`,
      );
    }
  });
  const options = { before: growBefore, after: growAfter, how };
  const padded = borderPad(inner, options);
  return how === 'circular' ? padded : crop(padded);
}
