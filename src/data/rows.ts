/** New samples for a trained model, read as those it was trained on were; and what its outputs say, in words and units. */
import { numel, type Shape, showShape } from '../tensor/shape.ts';
import { TorcharcError } from '../util/errors.ts';
import { type Csv, fail, type Row } from './csv-rows.ts';
import { type FieldArray, mapped, scaleInPlace, unscaled } from './fields.ts';
import type { DataInfo, InputInfo, TargetInfo } from './samples.ts';
import { RowEncoder } from './table.ts';
import { listed, shortened } from './text.ts';
import { shiftRows } from './windows.ts';

/** Values of each input, sample after sample. */
export type InputArrays = Record<string, FieldArray>;

/** What is read of some samples. */
export interface Read {
  readonly inputs: InputArrays;
  /** What the values of targets are relative to, by target. */
  readonly bases: Readonly<Record<string, Float32Array>>;
}

/** Inputs as they stand in a file, made ready as those of the training were. */
function ready(info: DataInfo, inputs: InputArrays): Read {
  const bases: Record<string, Float32Array> = {};
  for (const [name, input] of Object.entries(info.inputs)) {
    const values = inputs[name]!;
    const [width, window] = [input.columns.length, numel(input.shape)];
    const last = (sample: number) => (sample + 1) * window - width;
    for (const [target, { relative: from }] of Object.entries(input.relative ? info.targets : {})) {
      if (!from) continue;
      const base = (_: unknown, i: number) =>
        Number(values[last(Math.floor(i / from.length)) + from[i % from.length]!]!);
      bases[target] = Float32Array.from({ length: (values.length / window) * from.length }, base);
    }
    if (input.scale) scaleInPlace(values, input.scale);
    if (!input.relative || !(values instanceof Float32Array)) continue;
    for (let sample = 0; sample < values.length / window; sample++) {
      const row = values.slice(last(sample), last(sample) + width);
      shiftRows(values.subarray(sample * window, (sample + 1) * window), row);
    }
  }
  return { inputs, bases };
}

export interface RowReader {
  /** Rows that make a sample: 1, or the length of a window of a series. */
  readonly rowsPerSample: number;
  /** The inputs of some samples. */
  read(rows: readonly Row[]): Read;
}

/**
 * Reads samples from rows of cells whose `columns` may stand in any order; others than those of the inputs are passed over.
 * Throws for a column that is missing, and for a cell that is no number with its row and column. `name`: of the file.
 */
export function rowReader(info: DataInfo, columns: readonly string[], name: string): RowReader {
  const csv: Pick<Csv, 'name' | 'columns'> = { name, columns };
  const [rowsPerSample = 1, ...others] = Object.entries(info.inputs).map(([key, { columns, shape }]) => {
    if (columns.length > 0) return numel(shape) / columns.length;
    return fail(name, `input '${key}' is not made of columns; expected JSON records with an array for it`);
  });
  if (others.some((rows) => rows !== rowsPerSample)) fail(name, 'expected inputs of one number of rows each');
  const encoder = new RowEncoder({ inputs: info.inputs, targets: {} }, csv);
  return {
    rowsPerSample,
    read(rows) {
      const words = encoder.encode(rows);
      const inputs = mapped(info.inputs, (_, key) => {
        const { begin, words: count, kind } = encoder.inputs[key]!;
        const own = new Uint32Array(rows.length * count);
        for (let i = 0; i < rows.length; i++) {
          const at = i * encoder.width + begin;
          own.set(words.subarray(at, at + count), i * count);
        }
        return kind === 'number' ? new Float32Array(own.buffer) : new BigInt64Array(own.buffer);
      });
      return ready(info, inputs);
    },
  };
}

/** One line of JSON. */
export interface JsonRecord {
  readonly line: number;
  readonly value: unknown;
}

/**
 * Reads samples from JSON records: an array for each input by its name, of the input's shape; or a number for each column by its
 * name; for a lone input also the array itself. What else a record has is passed over. Throws with line and key for what is
 * missing or no number. `name`: of the file.
 */
export function recordReader(info: DataInfo, name: string): (records: readonly JsonRecord[]) => Read {
  const entries = Object.entries(info.inputs);
  return (records) => {
    const inputs = mapped(info.inputs, (input, key) => {
      const { dtype, shape } = input;
      const width = numel(shape);
      const values =
        dtype === 'int64' ? new BigInt64Array(records.length * width) : new Float32Array(records.length * width);
      for (const [i, { line, value }] of records.entries()) {
        const where = `${name}: line ${line}`;
        const found = entries.length === 1 && Array.isArray(value) ? value : partOf(where, value, key, input);
        let at = i * width;
        for (const number of flat(where, found, shape, key)) put(values, at++, number, where, key);
      }
      return values;
    });
    return ready(info, inputs);
  };
}

function put(values: FieldArray, at: number, number: number, where: string, key: string): void {
  if (values instanceof BigInt64Array) {
    if (!Number.isSafeInteger(number))
      throw new TorcharcError(`${where}: '${key}': expected whole numbers, got ${number}`);
    values[at] = BigInt(number);
    return;
  }
  values[at] = number;
  if (!Number.isFinite(values[at]))
    throw new TorcharcError(`${where}: '${key}': expected numbers that fit float32, got ${number}`);
}

/** What a record has for an input, as an array of its shape. */
function partOf(where: string, value: unknown, key: string, { columns, shape }: InputInfo): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TorcharcError(`${where}: expected a record such as {"${key}": …}, got ${showJson(value)}`);
  const record = value as Readonly<Record<string, unknown>>;
  if (Object.hasOwn(record, key)) return record[key];
  const byColumn = columns.length === numel(shape);
  const missing = columns.filter((column) => !Object.hasOwn(record, column));
  if (!byColumn || missing.length === columns.length)
    throw new TorcharcError(`${where}: expected '${key}'${byColumn ? `, or ${listed(columns)}` : ''}, got neither`);
  if (missing.length > 0) throw new TorcharcError(`${where}: expected ${listed(missing)} too, got none`);
  const cells = columns.map((column) => {
    const cell = record[column];
    if (typeof cell !== 'number')
      throw new TorcharcError(`${where}: '${column}': expected a number, got ${showJson(cell)}`);
    return cell;
  });
  return nested(cells, shape);
}

function nested(cells: readonly number[], shape: Shape): unknown {
  if (shape.length === 0) return cells[0];
  if (shape.length === 1) return cells;
  const step = cells.length / shape[0]!;
  return Array.from({ length: shape[0]! }, (_, i) => nested(cells.slice(i * step, (i + 1) * step), shape.slice(1)));
}

/** The numbers of a nested array, which must have a shape. */
function flat(where: string, value: unknown, shape: Shape, key: string): number[] {
  const numbers: number[] = [];
  const walk = (part: unknown, dim: number) => {
    if (dim === shape.length && typeof part === 'number') numbers.push(part);
    else if (dim < shape.length && Array.isArray(part) && part.length === shape[dim])
      for (const inner of part) walk(inner, dim + 1);
    else {
      const wanted = dim === shape.length ? 'a number' : `${shape[dim]} items`;
      const got = Array.isArray(part) ? `${part.length} items` : showJson(part);
      const at = dim === 0 ? '' : ` in dimension ${dim}`;
      throw new TorcharcError(
        `${where}: '${key}': expected an array of shape ${showShape(shape)}, with ${wanted}${at}, got ${got}`,
      );
    }
  };
  walk(value, 0);
  return numbers;
}

function showJson(value: unknown): string {
  return shortened(JSON.stringify(value) ?? String(value));
}

/** What a model says of a sample. */
export type Decoded =
  | { readonly class: string; readonly scores: readonly number[] }
  | { readonly values: readonly number[] };

/**
 * Turns outputs, by target, into words and units: the class of the highest score with the scores of all classes; of a lone score
 * with two classes, it is that of the second, of 1 in all; unscaled values.
 */
export function decoder(
  info: DataInfo,
): (outputs: Readonly<Record<string, Float32Array>>, size: number, bases?: Read['bases']) => Record<string, Decoded>[] {
  return (outputs, size, bases = {}) => {
    const columns = Object.entries(info.targets).map(([name, target]) => {
      const values = outputs[name];
      if (!values || values.length % size !== 0)
        throw new TorcharcError(
          `decoder: expected outputs of ${size} samples for '${name}', got ${values?.length ?? 'none'}`,
        );
      const decoded =
        target.task === 'classification' ? classes(target, values, size) : units(target, values, size, bases[name]);
      return [name, decoded] as const;
    });
    return Array.from({ length: size }, (_, i) =>
      Object.fromEntries(columns.map(([name, decoded]) => [name, decoded[i]!])),
    );
  };
}

function classes(target: TargetInfo, values: Float32Array, size: number): Decoded[] {
  const width = values.length / size;
  return Array.from({ length: size }, (_, i) => {
    const own = [...values.subarray(i * width, (i + 1) * width)];
    const scores =
      width === 1 && target.classes.length === 2 ? [1 - own[0]!, own[0]!] : own.slice(0, target.classes.length);
    const best = scores.reduce((at, score, j) => (score > scores[at]! ? j : at), 0);
    return { class: target.classes[best]!, scores };
  });
}

function units(target: TargetInfo, values: Float32Array, size: number, base?: Float32Array): Decoded[] {
  const all = base ? above(base, target, values, size) : unscaled(values, target.scale);
  const width = values.length / size;
  return Array.from({ length: size }, (_, i) => ({ values: [...all.subarray(i * width, (i + 1) * width)] }));
}

/** Distances from a row, in order of rows and columns, as values. */
function above(base: Float32Array, { scale, relative }: TargetInfo, values: Float32Array, size: number): Float32Array {
  const [columns, each] = [relative!.length, values.length / size];
  return values.map((value, i) => {
    const column = i % columns;
    return (
      value * (scale ? scale.factor[column % scale.factor.length]! : 1) + base[Math.floor(i / each) * columns + column]!
    );
  });
}
