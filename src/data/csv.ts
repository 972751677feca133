/** Tables from CSV text, with checks that name file, row and column. */
import Papa from 'papaparse';
import { TorcharcError } from '../util/errors.ts';
import { didYouMean } from '../util/suggest.ts';

export interface Table {
  /** What errors call it: the file's name. */
  readonly name: string;
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}

export interface Row {
  /** As a spreadsheet counts: the header is row 1. */
  readonly number: number;
  readonly cells: readonly string[];
}

/** Parse CSV text with a header row. The separator (comma, semicolon, tab or bar) is found out; blank rows are passed over. */
export function readTable(text: string, name: string): Table {
  const body = text.replace(/^\uFEFF/, '');
  const { data, errors } = Papa.parse<string[]>(body, { delimiter: separatorOf(body) });
  const quotes = errors.find(({ type }) => type === 'Quotes');
  if (quotes)
    fail(
      name,
      `row ${(quotes.row ?? 0) + 1}: a quotation mark is not closed, or stands inside a field that is not quoted`,
    );
  const all = data
    .map((cells, i) => ({ number: i + 1, cells: cells.map((cell) => cell.trim()) }))
    .filter(({ cells }) => cells.some((cell) => cell !== ''));
  const [header, ...rows] = all;
  if (!header) fail(name, 'expected a header row and data, got an empty file');
  if (rows.length === 0) fail(name, 'expected rows of data after the header, got none');
  const columns = header.cells;
  const seen = new Set<string>();
  for (const column of columns) {
    if (seen.has(column)) fail(name, `the header names column '${column}' twice`);
    seen.add(column);
  }
  for (const { number, cells } of rows) {
    if (cells.length === columns.length) continue;
    fail(name, `row ${number}: expected ${columns.length} fields as in the header, got ${cells.length}`);
  }
  return { name, columns, rows };
}

/** The separator that stands most often in the header, quoted parts left out. */
function separatorOf(text: string): string {
  const header = (/\S.*/.exec(text)?.[0] ?? '').replace(/"[^"]*"/g, '');
  const count = (separator: string) => header.split(separator).length;
  return [',', ';', '\t', '|'].reduce((best, next) => (count(next) > count(best) ? next : best));
}

function fail(name: string, message: string): never {
  throw new TorcharcError(`${name}: ${message}`);
}

function columnIndex({ name, columns }: Table, column: string): number {
  const index = columns.indexOf(column);
  if (index >= 0) return index;
  const near = didYouMean(column, columns);
  fail(name, `there is no column '${column}'${near || `; the columns are ${listed(columns)}`}`);
}

function listed(words: readonly string[]): string {
  return words.length > 12 ? `${words.slice(0, 10).join(', ')}, … (${words.length} in all)` : words.join(', ');
}

/** The numbers of some columns, row after row. */
export function numbers(table: Table, columns: readonly string[]): Float32Array<ArrayBuffer> {
  const at = columns.map((column) => columnIndex(table, column));
  const out = new Float32Array(table.rows.length * columns.length);
  let i = 0;
  for (const { number, cells } of table.rows) {
    for (let j = 0; j < at.length; j++) {
      const cell = cells[at[j]!]!;
      const value = cell === '' ? Number.NaN : Number(cell);
      if (!Number.isFinite(value)) {
        const got = cell === '' ? 'an empty field' : `'${cell}'`;
        fail(table.name, `row ${number}, column '${columns[j]}': expected a number, got ${got}`);
      }
      out[i++] = value;
    }
  }
  return out;
}

export interface Labels {
  /** The distinct values; in the order of their numbers if all are numbers, else in that of their characters. */
  readonly classes: readonly string[];
  /** Per row, which of them. */
  readonly indices: BigInt64Array<ArrayBuffer>;
}

/** A column as classes. */
export function labels(table: Table, column: string): Labels {
  const at = columnIndex(table, column);
  const found = new Set<string>();
  for (const { number, cells } of table.rows) {
    if (cells[at] === '') fail(table.name, `row ${number}, column '${column}': expected a class, got an empty field`);
    found.add(cells[at]!);
  }
  const numeric = [...found].every((value) => Number.isFinite(Number(value)));
  const classes = [...found].sort(numeric ? (a, b) => Number(a) - Number(b) : (a, b) => (a < b ? -1 : 1));
  const index = new Map(classes.map((value, i) => [value, BigInt(i)]));
  return { classes, indices: BigInt64Array.from(table.rows, ({ cells }) => index.get(cells[at]!)!) };
}
