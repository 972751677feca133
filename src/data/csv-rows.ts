/** The rows of CSV text that comes in pieces, with checks that name file and row. */
import Papa from 'papaparse';
import { TorcharcError } from '../util/errors.ts';
import { didYouMean } from '../util/suggest.ts';
import { listed } from './text.ts';

export interface Row {
  /** As a spreadsheet counts: the header is row 1. */
  readonly number: number;
  /** As many as the header has; blanks around them are not cut off. */
  readonly cells: readonly string[];
}

export interface Csv {
  /** What errors call it: the file's name. */
  readonly name: string;
  readonly columns: readonly string[];
  /** The rows after the header, many at a time; blank ones are passed over. */
  readonly rows: AsyncIterable<readonly Row[]>;
}

/** Characters of a row. A quotation mark that is never closed would make the rest of the file one. */
const LONGEST_ROW = 2 ** 24;

/** Read CSV text with a header row. The separator (comma, semicolon, tab or bar) and line breaks are found out by the header. */
export async function readCsv(pieces: AsyncIterable<string>, name: string): Promise<Csv> {
  const all = parsed(pieces, name);
  const first = await all.next();
  if (first.done) fail(name, 'expected a header row and data, got an empty file');
  const [header, ...rows] = first.value;
  const columns = header!.cells.map((cell) => cell.trim());
  const seen = new Set<string>();
  for (const column of columns) {
    if (seen.has(column)) fail(name, `the header names column '${column}' twice`);
    seen.add(column);
  }
  return { name, columns, rows: checked(rows, all, columns.length, name) };
}

export function fail(name: string, message: string): never {
  throw new TorcharcError(`${name}: ${message}`);
}

async function* checked(
  first: readonly Row[],
  others: AsyncIterable<readonly Row[]>,
  width: number,
  name: string,
): AsyncGenerator<readonly Row[]> {
  let any = false;
  const check = (rows: readonly Row[]) => {
    for (const { number, cells } of rows) {
      if (cells.length === width) continue;
      fail(name, `row ${number}: expected ${width} fields as in the header, got ${cells.length}`);
    }
    any ||= rows.length > 0;
    return rows;
  };
  yield check(first);
  for await (const rows of others) yield check(rows);
  if (!any) fail(name, 'expected rows of data after the header, got none');
}

/** All rows that are not blank, the header among them, as far as each piece completes them. */
async function* parsed(pieces: AsyncIterable<string>, name: string): AsyncGenerator<Row[]> {
  let rest = '';
  let before = 0;
  let parser: Papa.Parser | null = null;
  const rowsIn = (text: string, last: boolean): Row[] => {
    parser ??= new Papa.Parser(dialect(text));
    const { data, errors, meta } = parser.parse(text, 0, !last) as Papa.ParseResult<string[]>;
    // the last row of a piece may only look wrong
    const quotes = errors.find(({ type, row }) => type === 'Quotes' && (last || (row ?? 0) < data.length));
    if (quotes) {
      const number = before + (quotes.row ?? 0) + 1;
      fail(name, `row ${number}: a quotation mark is not closed, or stands inside a field that is not quoted`);
    }
    rest = text.slice(meta.cursor);
    const rows = data.map((cells, i) => ({ number: before + i + 1, cells }));
    before += data.length;
    return rows.filter(({ cells }) => !isBlank(cells));
  };
  for await (const piece of pieces) {
    const text = before === 0 && rest === '' ? piece.replace(/^\uFEFF/, '') : rest + piece;
    rest = text;
    // the header tells separator and line breaks
    const rows = parser || hasLine(text) ? rowsIn(text, false) : [];
    if (rows.length > 0) yield rows;
    if (rest.length > LONGEST_ROW)
      fail(name, `row ${before + 1} is longer than ${LONGEST_ROW} characters; is a quotation mark not closed?`);
  }
  const rows = rest === '' ? [] : rowsIn(rest, true);
  if (rows.length > 0) yield rows;
}

/** Whether there is more than a line, so that its end is known to be `\r\n` or `\r`. */
function hasLine(text: string): boolean {
  const line = text.trimStart();
  const end = line.search(/[\r\n]/);
  return end >= 0 && end + 2 < line.length;
}

function isBlank(cells: readonly string[]): boolean {
  return cells[0]!.trim() === '' && cells.every((cell) => cell.trim() === '');
}

/** The separator that stands most often in the header, quoted parts left out, and what ends its line. */
function dialect(text: string): { delimiter: string; newline: '\r\n' | '\n' | '\r' } {
  const plain = text
    .slice(0, LONGEST_ROW)
    .replace(/"[^"]*"/g, '')
    .trimStart();
  const [, header = '', newline = '\n'] = /^(.*?)(\r\n|\n|\r|$)/.exec(plain)!;
  const count = (separator: string) => header.split(separator).length;
  const delimiter = [',', ';', '\t', '|'].reduce((best, next) => (count(next) > count(best) ? next : best));
  return { delimiter, newline: (newline || '\n') as '\n' };
}

/** Where a column stands. */
export function columnIndex({ name, columns }: Pick<Csv, 'name' | 'columns'>, column: string): number {
  const index = columns.indexOf(column);
  if (index >= 0) return index;
  const near = didYouMean(column, columns);
  fail(name, `there is no column '${column}'${near || `; the columns are ${listed(columns)}`}`);
}
