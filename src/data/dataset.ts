/** Tables made ready for training: features and targets as arrays, scaled, and split into a training and a test part. */
import { numel, type Shape, showShape } from '../tensor/shape.ts';
import { ArgError } from '../util/errors.ts';
import { Generator } from '../util/generator.ts';
import { labels, numbers, type Table } from './csv.ts';

export type Task = 'classification' | 'regression';

/** What is done to each feature column; `standardize` and `minmax` are fitted on the training part only. */
export type Scale = 'none' | 'standardize' | 'minmax' | { readonly divide: number };

export interface DataOptions {
  readonly task: Task;
  /** The column to predict. */
  readonly target: string;
  /** The columns to predict it from; all others if left out. */
  readonly features?: readonly string[] | undefined;
  /** Shape of one sample, such as `[1, 8, 8]` for an image; a vector of all features if left out. */
  readonly shape?: Shape | undefined;
  readonly scale: Scale;
  /** `test`: the fraction of rows held out. */
  readonly split: { readonly test: number; readonly seed: number };
}

/** Some of the rows: features `[size, ...shape]`, targets `[size]` class indices or `[size, 1]` values. */
export interface Part {
  readonly size: number;
  readonly shape: Shape;
  readonly features: Float32Array<ArrayBuffer>;
  readonly targets: Float32Array<ArrayBuffer> | BigInt64Array<ArrayBuffer>;
}

export interface Dataset {
  readonly task: Task;
  /** Names of the classes, in the order of their indices; none for regression. */
  readonly classes: readonly string[];
  readonly train: Part;
  readonly test: Part;
}

/**
 * A dataset from a table. The split is that of `torch.utils.data.random_split(rows, [1 - test, test])` with a generator
 * of the given seed.
 */
export function makeDataset(table: Table, options: DataOptions): Dataset {
  const { task, target, split } = options;
  const columns = options.features ?? table.columns.filter((column) => column !== target);
  if (columns.includes(target))
    throw new ArgError(`${table.name}: column '${target}' is the target and cannot be a feature too`);
  const shape = options.shape ?? [columns.length];
  if (numel(shape) !== columns.length) {
    throw new ArgError(
      `${table.name}: a sample of shape ${showShape(shape)} takes ${numel(shape)} feature columns, got ${columns.length}`,
    );
  }
  // the target first: a mistyped target would otherwise be looked for among the features
  const { classes, values } = readTargets(table, target, task);
  const features = numbers(table, columns);
  const rows = table.rows.length;
  const held = Math.floor(rows * split.test);
  if (held === 0 || held === rows) {
    throw new ArgError(
      `${table.name}: ${rows} rows with a test fraction of ${split.test} leave ${rows - held} for training and ${held} for testing; expected at least 1 each`,
    );
  }
  const order = Array.from(new Generator(split.seed).randperm(rows), Number);
  const take = (indices: readonly number[]): Part => ({
    size: indices.length,
    shape,
    features: gather(features, columns.length, indices),
    targets: gather(values, 1, indices),
  });
  const dataset = { task, classes, train: take(order.slice(0, rows - held)), test: take(order.slice(rows - held)) };
  scale(options.scale, columns.length, dataset.train.features, dataset.test.features);
  return dataset;
}

function readTargets(
  table: Table,
  target: string,
  task: Task,
): { classes: readonly string[]; values: Part['targets'] } {
  if (task === 'regression') return { classes: [], values: numbers(table, [target]) };
  const { classes, indices } = labels(table, target);
  return { classes, values: indices };
}

/** Copies of some rows of `width` elements each. */
export function gather<T extends Float32Array | BigInt64Array>(from: T, width: number, rows: readonly number[]): T {
  const out = from.slice(0, rows.length * width) as T;
  rows.forEach((row, i) => {
    out.set(from.subarray(row * width, (row + 1) * width) as never, i * width);
  });
  return out;
}

/** Scale both parts in place, with what the training part says. */
function scale(how: Scale, width: number, train: Float32Array, test: Float32Array): void {
  if (how === 'none') return;
  for (let column = 0; column < width; column++) {
    const { shift, factor } =
      typeof how === 'object' ? { shift: 0, factor: how.divide } : fitted(how, train, column, width);
    for (const values of [train, test]) {
      for (let i = column; i < values.length; i += width) values[i] = (values[i]! - shift) / factor;
    }
  }
}

/** Mean and standard deviation, or minimum and range, of a column; a constant column is only shifted. */
function fitted(how: 'standardize' | 'minmax', train: Float32Array, column: number, width: number) {
  let sum = 0;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (let i = column; i < train.length; i += width) {
    const value = train[i]!;
    sum += value;
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  if (how === 'minmax') return { shift: min, factor: max - min || 1 };
  const rows = train.length / width;
  const mean = sum / rows;
  let squares = 0;
  for (let i = column; i < train.length; i += width) squares += (train[i]! - mean) ** 2;
  return { shift: mean, factor: max > min ? Math.sqrt(squares / rows) : 1 };
}
