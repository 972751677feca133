import { ArgError, ShapeError } from '../util/errors.ts';

export type Shape = readonly number[];

/** Number of elements. */
export function numel(shape: Shape): number {
  let n = 1;
  for (const d of shape) n *= d;
  return n;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function showShape(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}

/** The shape two shapes broadcast to, from the last axis backwards. */
export function broadcast(who: string, a: Shape, b: Shape): Shape {
  if (sameShape(a, b)) return a;
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let i = 1; i <= rank; i++) {
    const x = a[a.length - i] ?? 1;
    const y = b[b.length - i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw new ShapeError(
        `${who}: the size of tensor a (${x}) must match the size of tensor b (${y}) at dimension ${rank - i}; shapes ${showShape(a)} and ${showShape(b)} do not broadcast`,
      );
    }
    out[rank - i] = x === 1 ? y : x;
  }
  return out;
}

/** A dimension counted from either end, as an index from the front. */
export function normalizeDim(who: string, dim: number, rank: number): number {
  const limit = Math.max(rank, 1);
  if (!Number.isInteger(dim)) throw new ArgError(`${who}: dim must be an integer, got ${dim}`);
  if (dim < -limit || dim >= limit) {
    throw new ShapeError(
      `${who}: Dimension out of range (expected to be in range of [${-limit}, ${limit - 1}], but got ${dim})`,
    );
  }
  return dim < 0 ? dim + limit : dim;
}

/** Row-major strides, in elements. */
export function strides(shape: Shape): number[] {
  const out = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    out[i] = step;
    step *= shape[i]!;
  }
  return out;
}

/** A shape of the user's: non-negative integers whose product is a size an array can have. */
export function asShape(who: string, shape: unknown): number[] {
  if (!Array.isArray(shape) || !shape.every((d) => Number.isInteger(d) && d >= 0)) {
    throw new ArgError(`${who}: expected a shape of non-negative integers, got ${JSON.stringify(shape)}`);
  }
  if (numel(shape) > 2 ** 33) throw new ArgError(`${who}: shape ${showShape(shape)} has too many elements`);
  return shape;
}
