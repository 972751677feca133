/** Rows of equal length in a file, read by position. */
import { type FileHandle, open } from 'node:fs/promises';
import { TorcharcError } from '../util/errors.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** Files from here on are not held in memory. */
export const LARGE = 64 * 2 ** 20;

/** What is read at once, at least and at most. */
const PAGE_BYTES = 64 * 2 ** 10;
const READ_BYTES = 2 ** 20;
/** What is kept: the samples that are shuffled together, see loader.ts, and as much again. */
const KEPT_BYTES = 64 * 2 ** 20;

/** A file of rows, of which pages are kept while they are used. */
export class RowFile {
  /** Rows that are read best together. */
  readonly block: number;
  private readonly path: string;
  private readonly file: FileHandle;
  private readonly begin: number;
  private readonly rowBytes: number;
  private readonly rows: number;
  private readonly pageRows: number;
  private readonly most: number;
  /** By page; the last used last. */
  private readonly pages = new Map<number, Bytes | Promise<Bytes>>();

  /** Rows from byte `begin` of an open file on, which is closed with this. `path`: what errors call it. */
  constructor(path: string, file: FileHandle, begin: number, rowBytes: number, rows: number) {
    this.path = path;
    this.file = file;
    this.begin = begin;
    this.rowBytes = rowBytes;
    this.rows = rows;
    this.pageRows = Math.max(1, Math.floor(PAGE_BYTES / rowBytes));
    this.most = Math.max(2, Math.floor(KEPT_BYTES / (this.pageRows * rowBytes)));
    this.block = Math.max(1, Math.floor(READ_BYTES / rowBytes));
  }

  /** Rows from byte `begin` of a file on. */
  static async open(path: string, begin: number, rowBytes: number, rows: number): Promise<RowFile> {
    return new RowFile(path, await open(path, 'r'), begin, rowBytes, rows);
  }

  close(): Promise<void> {
    this.pages.clear();
    return this.file.close();
  }

  /** Bytes `offset` to `offset + length` of some rows, one after the other; at once if they are all kept. */
  gather(rows: Uint32Array, offset: number, length: number): Bytes | Promise<Bytes> {
    const found = new Map<number, Bytes>();
    const pending: Promise<unknown>[] = [];
    for (const page of this.touch(rows)) {
      const bytes = this.pages.get(page)!;
      if (bytes instanceof Promise) pending.push(bytes.then((read) => found.set(page, read)));
      else found.set(page, bytes);
    }
    this.forget();
    const copy = () => this.copy(found, rows, offset, length);
    return pending.length > 0 ? Promise.all(pending).then(copy) : copy();
  }

  /** The pages some rows are in, all of them kept or being read from now on. */
  private touch(rows: Uint32Array): Set<number> {
    const pages = new Set<number>();
    for (const row of rows) pages.add(Math.floor(row / this.pageRows));
    const missing: number[] = [];
    for (const page of pages) {
      const bytes = this.pages.get(page);
      if (!bytes) missing.push(page);
      else {
        this.pages.delete(page);
        this.pages.set(page, bytes);
      }
    }
    missing.sort((a, b) => a - b);
    const together = Math.max(1, Math.floor(READ_BYTES / (this.pageRows * this.rowBytes)));
    for (let i = 0; i < missing.length; ) {
      let n = 1;
      while (n < together && missing[i + n] === missing[i]! + n) n++;
      this.read(missing[i]!, n);
      i += n;
    }
    return pages;
  }

  /** Start to read some neighboring pages. */
  private read(first: number, count: number): void {
    const size = this.pageRows * this.rowBytes;
    const begin = first * size;
    const bytes = this.bytes(begin, Math.min(count * size, this.rows * this.rowBytes - begin));
    for (let i = 0; i < count; i++) {
      const page = bytes.then((all) => all.subarray(i * size, (i + 1) * size));
      this.pages.set(first + i, page);
      page.then(
        (read) => this.pages.get(first + i) === page && this.pages.set(first + i, read),
        () => this.pages.delete(first + i),
      );
    }
  }

  private async bytes(begin: number, length: number): Promise<Bytes> {
    const into = new Uint8Array(length);
    for (let at = 0; at < length; ) {
      const { bytesRead } = await this.file.read(into, at, length - at, this.begin + begin + at);
      if (bytesRead === 0) throw new TorcharcError(`cannot read ${this.path}: it was cut off while in use`);
      at += bytesRead;
    }
    return into;
  }

  private forget(): void {
    for (const page of this.pages.keys()) {
      if (this.pages.size <= this.most) return;
      this.pages.delete(page);
    }
  }

  private copy(pages: ReadonlyMap<number, Bytes>, rows: Uint32Array, offset: number, length: number): Bytes {
    const { pageRows, rowBytes } = this;
    const out = new Uint8Array(rows.length * length);
    for (let i = 0; i < rows.length; i++) {
      const page = Math.floor(rows[i]! / pageRows);
      const begin = (rows[i]! - page * pageRows) * rowBytes + offset;
      out.set(pages.get(page)!.subarray(begin, begin + length), i * length);
    }
    return out;
  }
}
