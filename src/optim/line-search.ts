/** The line search of LBFGS: a step length that satisfies the strong Wolfe conditions (Nocedal and Wright, ch. 3.5). */
import type { Floats } from './optimizer.ts';

/** The loss and gradient at a step along a direction, and the derivative along it. */
export interface Point {
  readonly step: number;
  readonly loss: number;
  readonly gradient: Floats;
  readonly slope: number;
}

const ARMIJO = 1e-4;
const CURVATURE = 0.9;
/** A bracket along which no element changes by more is not searched further. */
const TOLERANCE = 1e-9;

/**
 * A point along a direction, whose largest element is `size`, with loss ≤ f₀ + c₁ t f₀' and |slope| ≤ c₂|f₀'|, or the best
 * found with `most` more evaluations;
 * `first` is evaluated already.
 */
export async function strongWolfe(
  start: Point,
  first: Point,
  evaluate: (step: number) => Promise<Point>,
  { size, most }: { size: number; most: number },
): Promise<Point> {
  const tooHigh = ({ step, loss }: Point) => loss > start.loss + ARMIJO * step * start.slope;
  const flat = ({ slope }: Point) => Math.abs(slope) <= -CURVATURE * start.slope;

  let previous = start;
  let point = first;
  let made = 0;
  let bracket: [Point, Point] | null = null;
  while (made < most) {
    if (tooHigh(point) || (made > 1 && point.loss >= previous.loss)) bracket = [previous, point];
    else if (flat(point)) return point;
    else if (point.slope >= 0) bracket = [previous, point];
    if (bracket) break;
    const bounds = [point.step + 0.01 * (point.step - previous.step), point.step * 10] as const;
    const step = cubicMinimum(previous, point, bounds);
    previous = point;
    point = await evaluate(step);
    made++;
  }

  let [low, high] = sorted(bracket ?? [start, point]);
  let slow = false;
  while (made < most && Math.abs(high.step - low.step) * size >= TOLERANCE) {
    const [least, greatest] = low.step < high.step ? [low.step, high.step] : [high.step, low.step];
    let step = cubicMinimum(low, high, [least, greatest]);
    // a step close to the bracket's end may be taken once, not twice
    const margin = 0.1 * (greatest - least);
    if (Math.min(greatest - step, step - least) < margin) {
      if (slow || step >= greatest || step <= least) {
        step = Math.abs(step - greatest) < Math.abs(step - least) ? greatest - margin : least + margin;
        slow = false;
      } else slow = true;
    } else slow = false;
    const next = await evaluate(step);
    made++;
    if (tooHigh(next) || next.loss >= low.loss) {
      [low, high] = sorted([low, next]);
      continue;
    }
    if (flat(next)) return next;
    if (next.slope * (high.step - low.step) >= 0) high = low;
    low = next;
  }
  return low;
}

function sorted([a, b]: readonly [Point, Point]): [Point, Point] {
  return a.loss <= b.loss ? [a, b] : [b, a];
}

/** Where the cubic through two points, with their slopes, is least within bounds; their middle if there is no such place. */
function cubicMinimum(a: Point, b: Point, [least, greatest]: readonly [number, number]): number {
  const d1 = a.slope + b.slope - (3 * (a.loss - b.loss)) / (a.step - b.step);
  const square = d1 * d1 - a.slope * b.slope;
  if (!(square >= 0)) return (least + greatest) / 2;
  const d2 = Math.sqrt(square);
  const [near, far] = a.step <= b.step ? [a, b] : [b, a];
  const at = far.step - (far.step - near.step) * ((far.slope + d2 - d1) / (far.slope - near.slope + 2 * d2));
  return Math.min(Math.max(at, least), greatest);
}
