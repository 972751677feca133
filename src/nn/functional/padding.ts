/** Padding by a number, by mirroring, by repeating, around. */

import { type Border, borderPad } from '../../ops/border.ts';
import { constantPad } from '../../ops/movement.ts';
import { showShape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { ArgError, ShapeError } from '../../util/errors.ts';

export type PadMode = 'constant' | Border;
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
  const sides: Sides = [side(0), side(1)];
  if (how !== 'constant') {
    if (value !== 0) throw new ArgError(`pad: Padding mode "${how}" doesn't take in value argument`);
    return withBorder(x, sides, how);
  }
  const [cutBefore, cutAfter] = cropping(sides);
  if (x.shape.some((n, i) => n + cutBefore[i]! + cutAfter[i]! < 0)) {
    const [before, after] = sides.map(showShape) as [string, string];
    throw new ShapeError(`pad: padding ${before}, ${after} of ${showShape(x.shape)} leaves a negative size`);
  }
  return constantPad(x, ...sides, value);
}

/** Per dimension: before it, after it. */
type Sides = [before: number[], after: number[]];
const growing = (sides: Sides) => sides.map((side) => side.map((p) => Math.max(p, 0))) as Sides;
const cropping = (sides: Sides) => sides.map((side) => side.map((p) => Math.min(p, 0))) as Sides;

function withBorder(x: Tensor, sides: Sides, how: Border): Tensor {
  const crop = (t: Tensor) => constantPad(t, ...cropping(sides));
  // what comes around is what is left after cropping; mirrors and edges are those of the whole
  const inner = how === 'circular' ? crop(x) : x;
  const [before, after] = growing(sides);
  inner.shape.forEach((n, dim) => {
    const most = Math.max(before[dim]!, after[dim]!);
    const limit = how === 'reflect' ? n - 1 : how === 'circular' || n === 0 ? n : Number.POSITIVE_INFINITY;
    if (most > 0 && most > limit) {
      throw new ShapeError(
        `pad: Padding size should be less than the corresponding input dimension, but got: padding (${sides[0][dim]}, ${sides[1][dim]}) at dimension ${dim} of input ${showShape(x.shape)}`,
      );
    }
  });
  const padded = borderPad(inner, { before, after, how });
  return how === 'circular' ? padded : crop(padded);
}
