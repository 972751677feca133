/** Scaling fitted on the training part: mean and deviation, or minimum and range, of each column or channel. */
import { itemSize, type TypedArray } from '../tensor/dtype.ts';
import { numel, type Shape } from '../tensor/shape.ts';
import type { Scale } from './config.ts';
import type { Field, Scaling } from './samples.ts';

/** Which values of a sample are scaled together: `count` columns of `inner` neighbors each. */
export interface Columns {
  readonly count: number;
  readonly inner: number;
}

/** Of arrays: channels, the first dimension, where there are three or more; else columns, the last one. */
export function channels(shape: Shape): Columns {
  if (shape.length >= 3) return { count: shape[0]!, inner: numel(shape.slice(1)) };
  return { count: shape.at(-1) ?? 1, inner: 1 };
}

export interface Fitted {
  readonly field: Field;
  readonly how: Scale;
  readonly columns: Columns;
}

/** Values that are looked at together. */
const CHUNK_BYTES = 16 * 2 ** 20;

/** The scalings of some fields over some rows, in one pass; null for `none`. */
export async function fitScalings(fields: readonly Fitted[], rows: Uint32Array): Promise<(Scaling | null)[]> {
  const statistics = fields.map(({ how, columns }) => (isFitted(how) ? new Statistics(columns) : null));
  const read = fields.filter(({ how }) => isFitted(how));
  const bytes = read.reduce((sum, { field: { shape, dtype } }) => sum + numel(shape) * itemSize(dtype), 1);
  const chunk = Math.max(1, Math.floor(CHUNK_BYTES / bytes));
  for (let begin = 0; read.length > 0 && begin < rows.length; begin += chunk) {
    const part = rows.subarray(begin, begin + chunk);
    // together: fields of one file share what is read of it
    const values = fields.map(({ field }, i) => (statistics[i] ? field.take(part) : null));
    for (const [i, taken] of values.entries()) if (taken) statistics[i]!.add(await taken);
  }
  return fields.map(({ how }, i) => {
    if (how === 'none') return null;
    return isFitted(how) ? statistics[i]!.scaling(how) : { shift: [0], factor: [how.divide], inner: 1 };
  });
}

function isFitted(how: Scale): how is 'standardize' | 'minmax' {
  return how === 'standardize' || how === 'minmax';
}

/**
 * Mean, sum of squared differences from it, minimum and maximum of each column, added up chunk by chunk: with what is known of
 * n values and a chunk of m, `mean += δ m / (n + m)` and `squares += squares' + δ² n m / (n + m)`, δ being the difference of
 * the means. https://doi.org/10.1007/978-3-642-51461-6_3
 */
class Statistics {
  private readonly columns: Columns;
  private size = 0;
  private readonly mean: Float64Array;
  private readonly squares: Float64Array;
  private readonly min: Float64Array;
  private readonly max: Float64Array;

  constructor(columns: Columns) {
    this.columns = columns;
    this.mean = new Float64Array(columns.count);
    this.squares = new Float64Array(columns.count);
    this.min = new Float64Array(columns.count).fill(Number.POSITIVE_INFINITY);
    this.max = new Float64Array(columns.count).fill(Number.NEGATIVE_INFINITY);
  }

  add(values: TypedArray): void {
    for (let column = 0; column < this.columns.count; column++) this.addColumn(values, column);
    this.size += values.length / this.columns.count;
  }

  private addColumn(values: TypedArray, column: number): void {
    const { count, inner } = this.columns;
    const n = this.size;
    const m = values.length / count;
    const step = count * inner;
    let sum = 0;
    let min = this.min[column]!;
    let max = this.max[column]!;
    for (let begin = column * inner; begin < values.length; begin += step) {
      for (let i = begin; i < begin + inner; i++) {
        const value = values[i] as number;
        sum += value;
        if (value < min) min = value;
        if (value > max) max = value;
      }
    }
    const mean = sum / m;
    let squares = 0;
    for (let begin = column * inner; begin < values.length; begin += step) {
      for (let i = begin; i < begin + inner; i++) squares += ((values[i] as number) - mean) ** 2;
    }
    const difference = mean - this.mean[column]!;
    this.mean[column]! += n === 0 ? mean : (difference * m) / (n + m);
    this.squares[column]! += squares + (difference * difference * n * m) / (n + m);
    this.min[column] = min;
    this.max[column] = max;
  }

  /** A column of one value is only shifted. */
  scaling(how: 'standardize' | 'minmax'): Scaling {
    const { count, inner } = this.columns;
    const of = (value: (column: number) => number) => Array.from({ length: count }, (_, column) => value(column));
    const range = (column: number) => this.max[column]! - this.min[column]!;
    if (how === 'minmax') return { shift: [...this.min], factor: of((column) => range(column) || 1), inner };
    const deviation = (column: number) => Math.sqrt(this.squares[column]! / this.size);
    return { shift: [...this.mean], factor: of((column) => (range(column) > 0 ? deviation(column) : 1)), inner };
  }
}
