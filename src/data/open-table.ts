/** Tables from CSV files: held in memory, or where they are large, as numbers in a temporary file. For Node only. */
import { createReadStream } from 'node:fs';
import { open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TextDecoder } from 'node:util';
import { explained, makeFolder } from '../io/files.ts';
import type { Shape } from '../tensor/shape.ts';
import { TorcharcError } from '../util/errors.ts';
import type { Source } from './assemble.ts';
import { type Csv, readCsv } from './csv-rows.ts';
import { ArrayField, type FieldArray } from './fields.ts';
import { LARGE, RowFile } from './row-file.ts';
import type { DataInfo, Field } from './samples.ts';
import { classesOf, type Place, RowEncoder, type TableSpec } from './table.ts';

/** The text of a UTF-8 file, piece by piece. */
export async function* textOf(path: string): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const decode = (bytes?: Uint8Array) => {
    try {
      return bytes ? decoder.decode(bytes, { stream: true }) : decoder.decode();
    } catch (e) {
      throw new TorcharcError(`cannot read ${path}: it is not UTF-8 text`, { cause: e });
    }
  };
  const pieces = createReadStream(path, { highWaterMark: 2 ** 18 })[Symbol.asyncIterator]();
  while (true) {
    const { done, value } = await explained(`cannot read ${path}`, () => pieces.next());
    if (done) break;
    yield decode(value as Uint8Array);
  }
  yield decode();
}

/** Where the words of rows go. */
interface Store {
  add(words: Uint32Array): Promise<void>;
  /** The fields of places, once all rows are there. */
  done(rows: number, width: number): Promise<{ field(place: Place, shape: Shape): Field; close?(): Promise<void> }>;
  /** After an error. */
  abandon(): Promise<void>;
}

export interface TableOptions {
  /** Whether to hold the numbers in a file rather than in memory; those of large files if left out. */
  readonly stream?: boolean | undefined;
  /** The folder for that file. */
  readonly cache?: string | undefined;
  readonly info?: DataInfo | undefined;
}

/** All samples of a CSV file. */
export async function openTable(
  path: string,
  specOf: (csv: Csv) => TableSpec,
  { stream, cache = tmpdir(), info }: TableOptions,
): Promise<Source> {
  const { size: bytes } = await explained(`cannot read ${path}`, () => stat(path));
  const csv = await readCsv(textOf(path), path);
  const spec = specOf(csv);
  const known = Object.entries(info?.targets ?? {}).map(([name, { classes }]) => [name, classes] as const);
  const encoder = new RowEncoder(spec, csv, Object.fromEntries(known.filter(([, classes]) => classes.length > 0)));
  const store = (stream ?? bytes > LARGE) ? await inFile(path, cache) : inMemory();
  try {
    const size = await fill(store, csv, encoder);
    const { field, close } = await store.done(size, encoder.width);
    return {
      name: path,
      unit: 'rows',
      size,
      inputs: Object.fromEntries(
        Object.entries(spec.inputs).map(([name, { columns, shape, scale }]) => [
          name,
          { field: field(encoder.inputs[name]!, shape), columns, scale, scaled: { count: columns.length, inner: 1 } },
        ]),
      ),
      targets: Object.fromEntries(
        Object.entries(spec.targets).map(([name, { columns, task, scale }]) => {
          const place = encoder.targets[name]!;
          const shape = task === 'classification' ? [] : [columns.length];
          const { classes } = classesOf(place);
          const scaled = { count: columns.length, inner: 1 };
          return [name, { field: field(place, shape), columns, task, classes, scale, scaled }];
        }),
      ),
      ...(close ? { close } : {}),
    };
  } catch (e) {
    await store.abandon();
    throw e;
  }
}

async function fill(store: Store, csv: Csv, encoder: RowEncoder): Promise<number> {
  let size = 0;
  for await (const rows of csv.rows) {
    await store.add(encoder.encode(rows));
    size += rows.length;
  }
  return size;
}

/** The values of a field from its words, in an array of their own. */
function valuesOf(words: Uint32Array<ArrayBuffer>, { kind }: Place, index: BigInt64Array | null): FieldArray {
  if (kind === 'number') return new Float32Array(words.buffer);
  const values = new BigInt64Array(words.buffer);
  if (index) for (let i = 0; i < values.length; i++) values[i] = index[words[2 * i]!]!;
  return values;
}

function indexOf(place: Place): BigInt64Array | null {
  return place.kind === 'class' ? classesOf(place).index : null;
}

function inMemory(): Store {
  const parts: Uint32Array[] = [];
  return {
    async add(words) {
      parts.push(words);
    },
    async done(rows, width) {
      const field = (place: Place, shape: Shape) => {
        const words = new Uint32Array(rows * place.words);
        let row = 0;
        for (const part of parts) {
          for (let begin = place.begin; begin < part.length; begin += width)
            words.set(part.subarray(begin, begin + place.words), row++ * place.words);
        }
        return new ArrayField(valuesOf(words, place, indexOf(place)), shape, rows);
      };
      return { field };
    },
    async abandon() {},
  };
}

let files = 0;

/** Numbers in a file that has no name from the beginning on, so that nothing is left of it, however the process ends. */
async function inFile(csv: string, folder: string): Promise<Store> {
  const path = join(folder, `torcharc-${process.pid}-${files++}.rows`);
  const what = `cannot write the numbers of ${csv} to ${path}`;
  await makeFolder(folder);
  const file = await explained(what, () => open(path, 'wx+', 0o600));
  // where an open file cannot be removed, it is once it is closed
  const remove = () => rm(path, { force: true }).catch(() => {});
  await remove();
  const close = async () => {
    await file.close();
    await remove();
  };
  return {
    add: (words) => explained(what, () => file.writeFile(new Uint8Array(words.buffer))),
    async done(size, width) {
      const rows = new RowFile(path, file, 0, 4 * width, size);
      const field = (place: Place, shape: Shape): Field => {
        const index = indexOf(place);
        const values = (bytes: Uint8Array<ArrayBuffer>) => valuesOf(new Uint32Array(bytes.buffer), place, index);
        return {
          size,
          shape,
          dtype: place.kind === 'number' ? 'float32' : 'int64',
          block: rows.block,
          take(at) {
            const bytes = rows.gather(at, 4 * place.begin, 4 * place.words);
            return bytes instanceof Promise ? bytes.then(values) : values(bytes);
          },
        };
      };
      return { field, close };
    },
    abandon: close,
  };
}
