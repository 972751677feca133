/** Arrays in .npy, .npz, .safetensors and IDX files, as far as their headers say. For Node only. */
import { open } from 'node:fs/promises';
import { constants, gunzipSync } from 'node:zlib';
import { unzipSync } from 'fflate';
import { explained, readBytes } from '../io/files.ts';
import { safetensorsHeader } from '../io/safetensors.ts';
import { type Dtype, itemSize } from '../tensor/dtype.ts';
import { showShape } from '../tensor/shape.ts';
import { TorcharcError } from '../util/errors.ts';
import { didYouMean } from '../util/suggest.ts';
import type { ArrayHeader, Elements } from './elements.ts';
import { IDX_HEAD, idxHeader } from './idx.ts';
import { NPY_HEAD, npyHeader } from './npy.ts';
import { LARGE } from './row-file.ts';
import { listed } from './text.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** An array of samples: its bytes, or null if they are to be read from the file. */
export interface RawArray {
  /** What errors call it. */
  readonly name: string;
  readonly path: string;
  readonly header: ArrayHeader;
  readonly bytes: Bytes | null;
}

/** Reads an array that a config names. */
export type ReadArray = (name: string) => Promise<RawArray>;

type HeaderOf = (head: Uint8Array, total: number | null, name: string) => ArrayHeader;

export function npyArray(path: string): Promise<RawArray> {
  return arrayFile(path, NPY_HEAD, (head, total) => npyHeader(head, total!, path));
}

export function idxArray(path: string): Promise<RawArray> {
  return path.endsWith('.gz') ? gzipped(path) : arrayFile(path, IDX_HEAD, idxHeader);
}

async function arrayFile(path: string, headBytes: number, headerOf: HeaderOf): Promise<RawArray> {
  const { head, total } = await readHead(path, headBytes);
  const header = headerOf(head, total, path);
  // the order of values in a Fortran array is not that of samples
  const bytes = total <= LARGE || header.fortran ? await content(path, header.begin, total) : null;
  return { name: path, path, header, bytes };
}

async function readHead(path: string, length: number): Promise<{ head: Bytes; total: number }> {
  return explained(`cannot read ${path}`, async () => {
    const file = await open(path, 'r');
    try {
      const { size: total } = await file.stat();
      const head = new Uint8Array(Math.min(length, total));
      const { bytesRead } = await file.read(head, 0, head.length, 0);
      return { head: head.subarray(0, bytesRead), total };
    } finally {
      await file.close();
    }
  });
}

/** A part of a file, in memory. */
async function content(path: string, begin: number, end: number): Promise<Bytes> {
  const bytes = new Uint8Array(await readBytes(path)).subarray(begin, end);
  if (bytes.length < end - begin) throw new TorcharcError(`cannot read ${path}: it was cut off while in use`);
  return bytes;
}

/** The bytes of a gzipped IDX file; its header, in the first of them, says how many there are to be. */
async function gzipped(path: string): Promise<RawArray> {
  const packed = await readBytes(path);
  const unpack = (bytes: Uint8Array, options: { finishFlush?: number; maxOutputLength?: number }) => {
    try {
      return new Uint8Array(gunzipSync(bytes, options));
    } catch (e) {
      const tooLong = (e as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE';
      const why = tooLong ? 'more is packed in it than its header says' : (e as Error).message;
      throw new TorcharcError(`cannot unpack ${path}: ${why}`, { cause: e });
    }
  };
  const head = unpack(packed.subarray(0, 2 ** 12), { finishFlush: constants.Z_SYNC_FLUSH });
  const { shape, elements, begin } = idxHeader(head, null, path);
  const length = shape.reduce((product, size) => product * size, elements.size);
  // deflate makes a byte of at most 1032
  if (length > 1032 * packed.length) throw new TorcharcError(`${path}: its header says more than can be packed in it`);
  const bytes = unpack(packed, { maxOutputLength: begin + length });
  return { name: path, path, header: idxHeader(bytes, bytes.length, path), bytes: bytes.subarray(begin) };
}

/** The arrays of an .npz file: .npy files in a zip archive. */
export async function npzArrays(path: string): Promise<ReadArray> {
  const archive = await readBytes(path);
  const names: string[] = [];
  unzipped(path, archive, ({ name }) => {
    if (name.endsWith('.npy')) names.push(name.slice(0, -4));
    return false;
  });
  return async (array) => {
    if (!names.includes(array)) absent(path, array, names);
    const file = `${array}.npy`;
    const { [file]: bytes } = unzipped(path, archive, ({ name, size, originalSize }) => {
      if (name !== file) return false;
      if (size <= archive.length && originalSize <= 1032 * size + 1032) return true;
      throw new TorcharcError(`${path}: '${array}' is said to be larger than can be packed in the file`);
    });
    const name = `${path}: '${array}'`;
    const header = npyHeader(bytes!.subarray(0, NPY_HEAD), bytes!.length, name);
    return { name, path, header, bytes: bytes!.subarray(header.begin) };
  };
}

type Filter = (file: { name: string; size: number; originalSize: number }) => boolean;

function unzipped(path: string, archive: Uint8Array, filter: Filter): Record<string, Bytes> {
  try {
    return unzipSync(archive, { filter });
  } catch (e) {
    if (e instanceof TorcharcError) throw e;
    throw new TorcharcError(`cannot unpack ${path}: ${(e as Error).message}`, { cause: e });
  }
}

export async function safetensorsArrays(path: string): Promise<ReadArray> {
  const { head, total } = await readHead(path, 8);
  const length = head.length === 8 ? Number(new DataView(head.buffer).getBigUint64(0, true)) : 0;
  const { head: whole } = await readHead(path, 8 + Math.min(length, 2 ** 27));
  const { specs, start } = named(path, () => safetensorsHeader(whole, total));
  return async (array) => {
    const spec = specs.find(({ name }) => name === array);
    if (!spec) {
      return absent(
        path,
        array,
        specs.map(({ name }) => name),
      );
    }
    const { dtype, shape, bfloat16 } = spec;
    const name = `${path}: '${array}'`;
    const [begin, end] = [start + spec.begin, start + spec.end];
    if (shape.length === 0 || begin === end)
      throw new TorcharcError(`${name}: expected samples, got an array of shape ${showShape(shape)}`);
    const elements = bfloat16 ? { kind: 'bfloat' as const, size: 2, littleEndian: true } : elementsOf(dtype);
    const bytes = total <= LARGE ? await content(path, begin, end) : null;
    return { name, path, header: { elements, shape, fortran: false, begin }, bytes };
  };
}

function elementsOf(dtype: Dtype): Elements {
  const kind = dtype.startsWith('float') ? 'float' : dtype.startsWith('int') ? 'int' : 'uint';
  return { kind, size: itemSize(dtype), littleEndian: true };
}

/** What `body` gives; its errors with the file's name. */
function named<T>(path: string, body: () => T): T {
  try {
    return body();
  } catch (e) {
    if (e instanceof TorcharcError) throw new TorcharcError(`${path}: ${e.message}`, { cause: e });
    throw e;
  }
}

function absent(path: string, array: string, names: readonly string[]): never {
  const near = didYouMean(array, names) || (names.length > 0 ? `; it has ${listed(names)}` : '');
  throw new TorcharcError(`${path}: there is no array '${array}'${near}`);
}
