/**
 * How the columns of a table become fields. Each row is a few 32-bit words: a float32 for a number, two words for an int64 or a
 * class, field after field; so rows can be held in memory or in a file alike.
 */
import { numel, type Shape, showShape } from '../tensor/shape.ts';
import { MOST_CLASSES, sortedClasses } from './classes.ts';
import type { Scale, TableConfig } from './config.ts';
import { type Csv, columnIndex, fail, type Row } from './csv-rows.ts';
import { listed, shortened } from './text.ts';

export interface TableInput {
  readonly columns: readonly string[];
  readonly shape: Shape;
  readonly dtype: 'float32' | 'int64';
  readonly scale: Scale;
}

export interface TableTarget {
  readonly columns: readonly string[];
  readonly task: 'classification' | 'regression';
  readonly scale: Scale;
}

export interface TableSpec {
  readonly inputs: Readonly<Record<string, TableInput>>;
  readonly targets: Readonly<Record<string, TableTarget>>;
}

/** What a config says of a table, with the names of its columns in place of patterns and what is left out. */
export function tableSpec(config: TableConfig, csv: Csv): TableSpec {
  const { inputs, targets } = 'target' in config ? named(config) : config;
  const found = mapEntries(targets, (target) => {
    const columns = 'column' in target ? [target.column] : target.columns;
    for (const column of columns) columnIndex(csv, column);
    return { columns, task: target.task, scale: target.scale };
  });
  const predicted = new Set(Object.values(found).flatMap(({ columns }) => columns));
  return {
    targets: found,
    inputs: mapEntries(inputs, (input) => {
      const { dtype = 'float32', scale } = input;
      const columns = input.columns.flatMap((pattern) => expand(pattern, csv, predicted));
      const shape = input.shape ?? [columns.length];
      if (numel(shape) !== columns.length) {
        const takes = `a sample of shape ${showShape(shape)} takes ${numel(shape)} feature columns`;
        fail(csv.name, `${takes}, got ${columns.length}`);
      }
      return { columns, shape, dtype, scale };
    }),
  };
}

type OneTable = Extract<TableConfig, { target: string }>;
type NamedTable = Exclude<TableConfig, OneTable>;

/** The short form is that of one `input` and one `target`. */
function named(config: OneTable): Pick<NamedTable, 'inputs' | 'targets'> {
  const { target, task, features, shape, dtype, scale, target_scale } = config;
  return {
    inputs: { input: { columns: features ?? ['*'], shape, dtype, scale } },
    targets: { target: { column: target, task, scale: target_scale ?? 'none' } },
  };
}

function mapEntries<T, U>(record: Readonly<Record<string, T>>, body: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, body(value)]));
}

/** The columns a name or a pattern stands for: `*` is any characters. Patterns pass over targets. */
export function expand(pattern: string, csv: Csv, targets: ReadonlySet<string> = new Set()): string[] {
  if (!pattern.includes('*') || csv.columns.includes(pattern)) {
    if (targets.has(pattern)) fail(csv.name, `column '${pattern}' is the target and cannot be a feature too`);
    columnIndex(csv, pattern);
    return [pattern];
  }
  const parts = pattern.split('*');
  const columns = csv.columns.filter((column) => !targets.has(column) && matches(column, parts));
  if (columns.length === 0) fail(csv.name, `no column matches '${pattern}'; the columns are ${listed(csv.columns)}`);
  return columns;
}

/** Whether a text is the parts in order, with anything between them. */
function matches(text: string, parts: readonly string[]): boolean {
  const [first, last] = [parts[0]!, parts.at(-1)!];
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  const end = text.length - last.length;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}

type Kind = 'number' | 'integer' | 'class';
const wordsOf: Record<Kind, number> = { number: 1, integer: 2, class: 2 };

/** Where a field lies in a row of words. */
export interface Place {
  readonly kind: Kind;
  readonly columns: readonly string[];
  /** Where its columns stand in a row of cells. */
  readonly at: readonly number[];
  readonly begin: number;
  readonly words: number;
  /** Of a `class`: number by name, as far as met; `fixed` if no others may come. */
  readonly ids: Map<string, number>;
  readonly fixed: boolean;
}

/** Classes of an earlier run, of targets by name. */
export type Known = Readonly<Record<string, readonly string[]>>;

/** The part of a `TableSpec` that says where fields lie. */
interface Fields {
  readonly inputs: Readonly<Record<string, Pick<TableInput, 'columns' | 'dtype'>>>;
  readonly targets: Readonly<Record<string, Pick<TableTarget, 'columns' | 'task'>>>;
}

/** Writes rows of cells as rows of words. */
export class RowEncoder {
  readonly width: number;
  readonly inputs: Readonly<Record<string, Place>>;
  readonly targets: Readonly<Record<string, Place>>;
  private readonly name: string;
  private readonly places: readonly Place[];

  /** `classes`: those of an earlier run, for targets by name; others are then refused. */
  constructor(spec: Fields, csv: Pick<Csv, 'name' | 'columns'>, classes: Known = {}) {
    let begin = 0;
    const place = (kind: Kind, columns: readonly string[], known?: readonly string[]): Place => {
      const words = wordsOf[kind] * columns.length;
      const at = columns.map((column) => columnIndex(csv, column));
      const ids = new Map(known?.map((value, i) => [value, i]));
      begin += words;
      return { kind, columns, at, begin: begin - words, words, ids, fixed: known !== undefined };
    };
    this.name = csv.name;
    this.inputs = mapEntries(spec.inputs, ({ columns, dtype }) =>
      place(dtype === 'int64' ? 'integer' : 'number', columns),
    );
    this.targets = Object.fromEntries(
      Object.entries(spec.targets).map(([name, { columns, task }]) => [
        name,
        task === 'classification' ? place('class', columns, classes[name]) : place('number', columns),
      ]),
    );
    this.places = [...Object.values(this.inputs), ...Object.values(this.targets)];
    this.width = begin;
  }

  /** The words of some rows. */
  encode(rows: readonly Row[]): Uint32Array<ArrayBuffer> {
    const words = new Uint32Array(rows.length * this.width);
    const floats = new Float32Array(words.buffer);
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      for (const place of this.places) {
        const begin = i * this.width + place.begin;
        if (place.kind === 'number') this.numbers(row, place, floats, begin);
        else if (place.kind === 'integer') this.integers(row, place, words, begin);
        else words[begin] = this.classId(row, place);
      }
    }
    return words;
  }

  private numbers({ number, cells }: Row, { at, columns }: Place, into: Float32Array, begin: number): void {
    for (let j = 0; j < at.length; j++) {
      const cell = cells[at[j]!]!;
      const value = Number(cell);
      into[begin + j] = value;
      // an empty cell counts as 0, and what is not finite as a float32 as no number
      if ((value === 0 && isEmpty(cell)) || !Number.isFinite(into[begin + j]!)) {
        const isLarge = Number.isFinite(value) && value !== 0;
        this.refuse(number, columns[j]!, isLarge ? 'a number that fits float32' : 'a number', cell);
      }
    }
  }

  private integers({ number, cells }: Row, { at, columns }: Place, into: Uint32Array, begin: number): void {
    for (let j = 0; j < at.length; j++) {
      const cell = cells[at[j]!]!;
      const value = Number(cell);
      if (isEmpty(cell) || !Number.isSafeInteger(value)) this.refuse(number, columns[j]!, 'a whole number', cell);
      into[begin + 2 * j] = value;
      into[begin + 2 * j + 1] = Math.floor(value / 2 ** 32);
    }
  }

  private classId({ number, cells }: Row, { at, columns, ids, fixed }: Place): number {
    const cell = cells[at[0]!]!.trim();
    const id = ids.get(cell);
    if (id !== undefined) return id;
    if (cell === '') this.refuse(number, columns[0]!, 'a class', cell);
    if (fixed) this.refuse(number, columns[0]!, `one of the classes ${listed([...ids.keys()])}`, cell);
    if (ids.size === MOST_CLASSES)
      fail(this.name, `column '${columns[0]}': expected at most ${MOST_CLASSES} classes; is its task regression?`);
    ids.set(cell, ids.size);
    return ids.size - 1;
  }

  private refuse(row: number, column: string, what: string, cell: string): never {
    const got = isEmpty(cell) ? 'an empty field' : `'${shortened(cell.trim())}'`;
    fail(this.name, `row ${row}, column '${column}': expected ${what}, got ${got}`);
  }
}

function isEmpty(cell: string): boolean {
  return cell.trim() === '';
}

/** The classes of a target that was read, and what their numbers in its words become. */
export function classesOf({ ids, fixed }: Place): { classes: string[]; index: BigInt64Array } {
  const met = [...ids.keys()];
  const classes = fixed ? met : sortedClasses(met);
  const at = new Map(classes.map((value, i) => [value, BigInt(i)]));
  return { classes, index: BigInt64Array.from(met, (value) => at.get(value)!) };
}
