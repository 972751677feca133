/**
 * Which elements make a place of a resized dimension, and how much of each: PyTorch's index arithmetic, in its precision, since a
 * rounding decides which neighbour is nearest.
 */

export type Kind = 'nearest' | 'nearest-exact' | 'linear' | 'cubic' | 'area' | 'linear-aa' | 'cubic-aa' | 'lanczos-aa';

/** Plain data: the graph is recognised by it. */
export interface Resampling {
  readonly kind: Kind;
  readonly from: number;
  readonly to: number;
  readonly align_corners: boolean;
  /** The factor the user gave, if it is to be used as it is rather than to / from. */
  readonly scale: number | null;
}

/** The elements a place is made of, and their weights. */
export type Row = readonly (readonly [index: number, weight: number])[];

type Rounding = (x: number) => number;

/** The rows of the matrix; in float32 steps unless `double`. */
export function rowsOf(how: Resampling, double: boolean): Row[] {
  const round: Rounding = double ? (x) => x : Math.fround;
  const rows = makers[how.kind](how, round);
  return Array.from({ length: how.to }, (_, i) => merged(rows(i)));
}

/** How far one step in the output goes in the input. */
function stepOf({ from, to, align_corners, scale }: Resampling, round: Rounding): number {
  if (align_corners) return to > 1 ? round((from - 1) / (to - 1)) : 0;
  return scale !== null && scale > 0 ? round(1 / scale) : round(from / to);
}

/** Where the middle of place i lies. A double holds the product exactly, so this rounds once, as a fused multiply-add. */
function middle(step: number, i: number, align_corners: boolean, round: Rounding): number {
  return align_corners ? round(step * i) : round(step * (i + 0.5) - 0.5);
}

const makers: Record<Kind, (how: Resampling, round: Rounding) => (i: number) => Row> = {
  nearest: (how, round) => {
    const step = stepOf(how, round);
    return (i) => [[Math.min(Math.floor(Math.fround(round(step * i))), how.from - 1), 1]];
  },
  'nearest-exact': (how, round) => {
    const step = stepOf(how, round);
    return (i) => {
      const at = Math.max(middle(step, i, false, round), 0);
      return [[Math.min(Math.floor(Math.fround(at + 0.5)), how.from - 1), 1]];
    };
  },
  linear: (how, round) => {
    const { from, to, align_corners } = how;
    const step = stepOf(how, round);
    return (i) => {
      if (from === to) return [[i, 1]];
      const [first, part] = split(Math.max(middle(step, i, align_corners, round), 0), from, round);
      return [
        [first, round(1 - part)],
        [Math.min(first + 1, from - 1), part],
      ];
    };
  },
  cubic: (how, round) => {
    const step = stepOf(how, round);
    return (i) => {
      const [first, part] = split(middle(step, i, how.align_corners, round), how.from, round);
      return cubicWeights(part).map((weight, k) => [Math.min(Math.max(first - 1 + k, 0), how.from - 1), weight]);
    };
  },
  area: ({ from, to }) => {
    return (i) => {
      const start = Math.floor((i * from) / to);
      const size = Math.ceil(((i + 1) * from) / to) - start;
      return Array.from({ length: size }, (_, k) => [start + k, 1 / size]);
    };
  },
  'linear-aa': (how, round) => filtered(how, round, 1, (x) => Math.max(1 - x, 0)),
  'cubic-aa': (how, round) => filtered(how, round, 2, (x) => (x < 1 ? near(x, -0.5) : x < 2 ? far(x, -0.5) : 0)),
  'lanczos-aa': (how, round) => filtered(how, round, 3, (x) => (x < 3 ? sinc(x) * sinc(x / 3) : 0)),
};

/** The element at or before a position, and how far the position is on the way to the next. */
function split(at: number, size: number, round: Rounding): [first: number, part: number] {
  const first = Math.min(Math.floor(at), size - 1);
  return [first, Math.min(Math.max(round(at - first), 0), 1)];
}

/** Keys' cubic convolution: its piece within 1 of the middle, and the one from 1 to 2. */
const near = (x: number, a: number) => ((a + 2) * x - (a + 3)) * x * x + 1;
const far = (x: number, a: number) => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
const sinc = (x: number) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

/** Weights of the four neighbours of a position `part` of the way from the second to the third. */
function cubicWeights(part: number): number[] {
  return [far(part + 1, -0.75), near(part, -0.75), near(1 - part, -0.75), far(2 - part, -0.75)];
}

/** A filter of |x| < `reach`, widened when shrinking so that no element is passed over; the weights sum to 1. */
function filtered(how: Resampling, round: Rounding, reach: number, filter: (x: number) => number) {
  const step = stepOf(how, round);
  const widening = Math.max(step, 1);
  const support = reach * widening;
  return (i: number): Row => {
    if (how.from === how.to) return [[i, 1]];
    const centre = step * (i + 0.5);
    const start = Math.max(Math.trunc(centre - support + 0.5), 0);
    const end = Math.min(Math.trunc(centre + support + 0.5), how.from);
    const weights = Array.from({ length: Math.max(end - start, 0) }, (_, k) =>
      filter(Math.abs((start + k - centre + 0.5) / widening)),
    );
    const total = weights.reduce((a, b) => a + b, 0);
    return weights.map((weight, k) => [start + k, weight / total]);
  };
}

/** Entries of one element added up, those of no weight left out. */
function merged(row: Row): Row {
  const sums = new Map<number, number>();
  for (const [index, weight] of row) sums.set(index, (sums.get(index) ?? 0) + weight);
  return [...sums].filter(([, weight]) => weight !== 0);
}
