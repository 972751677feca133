/** Scores of a model on the samples of an epoch, added up batch by batch on the host. */
import type { TypedArray } from '../tensor/dtype.ts';

export interface Scores {
  /** Mean loss of a sample. */
  readonly loss: number;
  /** Classification: the fraction of samples whose class was found. */
  readonly accuracy?: number;
  /** Regression: mean absolute error, and root of the mean squared one. */
  readonly mae?: number;
  readonly rmse?: number;
}

/** How an output is read: `classes` scores a sample, a value above a `threshold` for the second of two, or a value. */
export type Reading = { readonly classes: number } | { readonly threshold: number } | 'value';

export class Tally {
  private readonly reading: Reading;
  private size = 0;
  private loss = 0;
  private correct = 0;
  private absolute = 0;
  private squares = 0;

  constructor(reading: Reading) {
    this.reading = reading;
  }

  /** Add a batch: the sum of its losses, its outputs and its targets, both row after row. */
  add(loss: number, outputs: TypedArray, targets: TypedArray): void {
    const { reading } = this;
    this.size += targets.length;
    this.loss += loss;
    for (let i = 0; i < targets.length; i++) {
      const target = Number(targets[i]);
      if (reading === 'value') {
        const error = Number(outputs[i]) - target;
        this.absolute += Math.abs(error);
        this.squares += error * error;
      } else if ('classes' in reading) {
        if (largest(outputs, i * reading.classes, reading.classes) === target) this.correct++;
      } else if (Number(outputs[i]) > reading.threshold === target > 0) this.correct++;
    }
  }

  scores(): Scores {
    const { size } = this;
    const loss = this.loss / size;
    if (this.reading !== 'value') return { loss, accuracy: this.correct / size };
    return { loss, mae: this.absolute / size, rmse: Math.sqrt(this.squares / size) };
  }
}

/** Which of the `count` values from `begin` on is the largest, the first of several. */
function largest(values: TypedArray, begin: number, count: number): number {
  let best = 0;
  for (let i = 1; i < count; i++) if (values[begin + i]! > values[begin + best]!) best = i;
  return best;
}

/** Whether `a` is better than `b`: by accuracy or RMSE, then by loss. */
export function better(a: Scores, b: Scores): boolean {
  const rank = ({ accuracy, rmse, loss }: Scores) =>
    [accuracy === undefined ? (rmse ?? loss) : -accuracy, loss] as const;
  const [first, second] = [rank(a), rank(b)];
  return first[0] < second[0] || (first[0] === second[0] && first[1] < second[1]);
}
