/**
 * What training takes, whatever it was read from: samples by position, their arrays by name, and what is needed to read
 * new ones the same way.
 *
 * A source (table, array file, image folder, series) gives `Field`s; `Samples` are fields of one size; a `Dataset` is a
 * training part and a test part with their `DataInfo`, which is plain JSON and goes into checkpoints.
 */
import type { TypedArray } from '../tensor/dtype.ts';
import type { Shape } from '../tensor/shape.ts';

/** One array of a dataset, sample after sample. */
export interface Field {
  /** How many samples. */
  readonly size: number;
  /** Shape of one sample. */
  readonly shape: Shape;
  readonly dtype: 'float32' | 'int64';
  /** Values of the samples at some positions, one after the other; a promise where they are read or decoded for it. */
  take(rows: Uint32Array): TypedArray | Promise<TypedArray>;
  /** How many neighbors are read at once: shuffling keeps such blocks together. Left out where any order costs the same. */
  readonly block?: number | undefined;
}

/** Fields of one size, by name. */
export interface Samples {
  readonly size: number;
  readonly inputs: Readonly<Record<string, Field>>;
  readonly targets: Readonly<Record<string, Field>>;
}

/**
 * `(x - shift) / factor`, fitted on the training part. The lists hold one number for each column (or channel), which are
 * `inner` values each within a sample: value `i` belongs to column `floor(i / inner) % shift.length`.
 */
export interface Scaling {
  readonly shift: readonly number[];
  readonly factor: readonly number[];
  readonly inner: number;
}

export interface InputInfo {
  readonly shape: Shape;
  readonly dtype: 'float32' | 'int64';
  /** The columns of a table it is made of, in order; empty for what is not from a table. */
  readonly columns: readonly string[];
  readonly scale: Scaling | null;
  /** The values of a window are told by their distance from its last row. */
  readonly relative?: boolean;
}

export interface TargetInfo {
  readonly task: 'classification' | 'regression';
  readonly shape: Shape;
  readonly columns: readonly string[];
  /** Names of the classes, in the order of their indices; none for regression. */
  readonly classes: readonly string[];
  /** Of a regression's values: metrics and predictions are in the unscaled unit. */
  readonly scale: Scaling | null;
  /** The values are told by their distance from these columns of the last row of the input. */
  readonly relative?: readonly number[];
}

/** How samples are made from what was read. JSON. */
export interface DataInfo {
  /** What the data is called in messages: a file or folder. */
  readonly name: string;
  readonly inputs: Readonly<Record<string, InputInfo>>;
  readonly targets: Readonly<Record<string, TargetInfo>>;
}

export interface Dataset {
  readonly info: DataInfo;
  readonly train: Samples;
  readonly test: Samples;
  /** Let go of open files. */
  close?(): Promise<void>;
}
