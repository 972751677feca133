/** Scores of a model on a part of the data, added up batch by batch on the host. */
import type { Scaling } from '../data/samples.ts';
import type { TypedArray } from '../tensor/dtype.ts';
import { ArgError } from '../util/errors.ts';
import { didYouMean } from '../util/suggest.ts';
import { OptionError } from './option-error.ts';

/** A number, or a confusion matrix: rows are the true classes, columns the predicted ones. */
export type Score = number | readonly (readonly number[])[];

/** The mean loss of a sample and what was asked for, such as `accuracy`; with several outputs also `mean_loss`, `mean_mae`. */
export interface Scores {
  readonly loss: number;
  readonly [name: string]: Score;
}

/** How an output is read beside its target. */
export type Reading =
  /** Scores of `classes` classes, `inner` of them side by side, against class indices; targets of `ignore` do not count. */
  | { readonly kind: 'classes'; readonly classes: number; readonly inner: number; readonly ignore: number }
  /** One score, above `threshold` for the second of two classes. */
  | { readonly kind: 'binary'; readonly threshold: number }
  /** Values in `width` columns a sample. */
  | { readonly kind: 'values'; readonly width: number; readonly scale: Scaling | null };

/** What adds up one metric. */
interface Counter {
  add(outputs: TypedArray, targets: TypedArray): void;
  score(): Score;
}

interface Metric {
  readonly of: 'classes' | 'values';
  /** Whether more is better; null for what is no number. */
  readonly higher: boolean | null;
  /** Classes there must be. */
  readonly least?: number;
  readonly make: (reading: Reading) => Counter;
}

/** A mean over all values of `error`. */
function mean(error: (difference: number) => number, finish: (mean: number) => number = (m) => m): Metric['make'] {
  return (reading) => {
    const factor = factors(reading);
    let sum = 0;
    let size = 0;
    return {
      add(outputs, targets) {
        for (let i = 0; i < targets.length; i++) {
          sum += error((Number(outputs[i]) - Number(targets[i])) * factor[i % factor.length]!);
        }
        size += targets.length;
      },
      score: () => finish(sum / size),
    };
  };
}

/** What differences are multiplied by to be in the data's own unit, value by value of a sample. */
function factors(reading: Reading): readonly number[] {
  const scale = reading.kind === 'values' ? reading.scale : null;
  return scale ? scale.factor.flatMap((factor) => new Array<number>(scale.inner).fill(factor)) : [1];
}

/** Whether the class is among the `k` highest scores; of equal scores the first counts as the highest. */
function top(k: number): Metric['make'] {
  return (reading) => {
    let correct = 0;
    let size = 0;
    return {
      add(outputs, targets) {
        size += eachClass(reading, outputs, targets, (target, score) => {
          const own = score(target);
          let before = 0;
          for (let c = 0; c < classesOf(reading); c++) {
            const other = score(c);
            if (other > own || (other === own && c < target)) before++;
          }
          if (before < k) correct++;
        });
      },
      score: () => correct / size,
    };
  };
}

function confusion(reading: Reading): Counter {
  const classes = classesOf(reading);
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  return {
    add(outputs, targets) {
      eachClass(reading, outputs, targets, (target, score) => {
        let best = 0;
        for (let c = 1; c < classes; c++) if (score(c) > score(best)) best = c;
        matrix[target]![best]!++;
      });
    },
    score: () => matrix,
  };
}

function classesOf(reading: Reading): number {
  return reading.kind === 'classes' ? reading.classes : 2;
}

/** Visit each target that counts, with the scores of its classes; returns how many there were. */
function eachClass(
  reading: Reading,
  outputs: TypedArray,
  targets: TypedArray,
  visit: (target: number, score: (c: number) => number) => void,
): number {
  if (reading.kind === 'values') return 0;
  if (reading.kind === 'binary') {
    for (let i = 0; i < targets.length; i++) {
      const margin = Number(outputs[i]) - reading.threshold;
      visit(Number(targets[i]) > 0.5 ? 1 : 0, (c) => (c === 0 ? 0 : margin));
    }
    return targets.length;
  }
  const { classes, inner, ignore } = reading;
  let size = 0;
  for (let i = 0; i < targets.length; i++) {
    const target = Number(targets[i]);
    if (target === ignore) continue;
    size++;
    const from = Math.floor(i / inner) * classes * inner + (i % inner);
    visit(target, (c) => Number(outputs[from + c * inner]));
  }
  return size;
}

/** 1 - Σ(y - t)² / Σ(t - mean t)², the mean over columns; a constant column that is met exactly counts 1, else 0. */
function r2(reading: Reading): Counter {
  const width = reading.kind === 'values' ? reading.width : 1;
  const columns = Array.from({ length: width }, () => ({ size: 0, mean: 0, spread: 0, residual: 0 }));
  return {
    add(outputs, targets) {
      for (let i = 0; i < targets.length; i++) {
        const column = columns[i % width]!;
        const target = Number(targets[i]);
        const off = target - column.mean;
        column.mean += off / ++column.size;
        column.spread += off * (target - column.mean);
        column.residual += (Number(outputs[i]) - target) ** 2;
      }
    },
    score() {
      const each = columns.map(({ spread, residual }) =>
        spread === 0 ? Number(residual === 0) : 1 - residual / spread,
      );
      return each.reduce((a, b) => a + b, 0) / width;
    },
  };
}

const metrics: Readonly<Record<string, Metric>> = {
  accuracy: { of: 'classes', higher: true, make: top(1) },
  confusion: { of: 'classes', higher: null, make: confusion },
  mae: { of: 'values', higher: false, make: mean(Math.abs) },
  mse: { of: 'values', higher: false, make: mean((e) => e * e) },
  rmse: { of: 'values', higher: false, make: mean((e) => e * e, Math.sqrt) },
  r2: { of: 'values', higher: true, make: r2 },
};

/** The metrics there are, as they are called; `top3` stands for any k. */
export const metricNames: readonly string[] = [...Object.keys(metrics), 'top3'];

/** A metric by its name; null if there is none. */
export function metricOf(name: string): Metric | null {
  const k = /^top([1-9]\d{0,5})$/.exec(name)?.[1];
  if (k) return { of: 'classes', higher: true, least: Number(k), make: top(Number(k)) };
  return Object.hasOwn(metrics, name) ? metrics[name]! : null;
}

export function unknownMetric(name: string): string {
  return `unknown metric '${name}'${didYouMean(name, metricNames) || `; there are ${metricNames.join(', ')}`}`;
}

/** What is measured where nothing is asked for. */
export function usualMetrics(reading: Reading): readonly string[] {
  return reading.kind === 'values' ? ['mae', 'rmse'] : ['accuracy'];
}

/** The metrics of one output. */
export class Tally {
  readonly #counters: readonly (readonly [string, Counter])[];

  constructor(who: string, reading: Reading, names: readonly string[]) {
    this.#counters = names.map((name) => {
      const metric = metricOf(name);
      if (!metric) throw new OptionError('metrics', unknownMetric(name));
      if ((metric.of === 'values') !== (reading.kind === 'values')) {
        const [what, got] =
          metric.of === 'values' ? ['values to predict', 'classes'] : ['classes to predict', 'values'];
        throw new OptionError('metrics', `${name} is for ${what}, but ${who} has ${got}`);
      }
      if ((metric.least ?? 0) > classesOf(reading)) {
        throw new OptionError('metrics', `${name}: ${who} has no more than ${classesOf(reading)} classes`);
      }
      return [name, metric.make(reading)] as const;
    });
  }

  /** Add a batch: outputs and targets, both row after row. */
  add(outputs: TypedArray, targets: TypedArray): void {
    for (const [, counter] of this.#counters) counter.add(outputs, targets);
  }

  scores(): Record<string, Score> {
    return Object.fromEntries(this.#counters.map(([name, counter]) => [name, counter.score()]));
  }
}

/** Whether a score of this name is better when it is higher; null for what cannot be compared. */
export function higherIsBetter(name: string): boolean | null {
  const metric = metricOf(name.slice(name.lastIndexOf('_') + 1));
  return metric ? metric.higher : false;
}

/** A score as a number that is lower for the better; NaN is worse than any. */
function cost(scores: Scores, name: string): number {
  const score = scores[name];
  if (typeof score !== 'number') throw new ArgError(`${name}: expected a score that is a number`);
  if (Number.isNaN(score)) return Number.POSITIVE_INFINITY;
  return higherIsBetter(name) ? -score : score;
}

/** The score that epochs are compared by: accuracy or RMSE where there is one output, else the loss. */
export function leadingScore(scores: Scores): string {
  return ['accuracy', 'rmse'].find((name) => Object.hasOwn(scores, name)) ?? 'loss';
}

/** Whether `a` is better than `b` by a score, the lower loss deciding between equals. */
export function better(a: Scores, b: Scores, name: string = leadingScore(a)): boolean {
  const [first, second] = [cost(a, name), cost(b, name)];
  return first < second || (first === second && cost(a, 'loss') < cost(b, 'loss'));
}

/** Whether `a` is better than `b` by more than `delta`; any number is better than NaN. */
export function improved(a: number, b: number, name: string, delta: number): boolean {
  if (Number.isNaN(b)) return !Number.isNaN(a);
  return higherIsBetter(name) ? a > b + delta : a < b - delta;
}
