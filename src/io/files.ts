/** Files, for Node only: reading with clear errors, and writing that never leaves half a file. */
import { createReadStream } from 'node:fs';
import { appendFile, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { TorcharcError } from '../util/errors.ts';
import { decodeUtf8 } from './utf8.ts';

const reasons: Record<string, string> = {
  ENOENT: 'no such file or folder',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EISDIR: 'it is a folder',
  EEXIST: 'it is a file, not a folder',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left',
  ENAMETOOLONG: 'the name is too long',
};

async function explained<T>(what: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (e) {
    const { code, message } = e as NodeJS.ErrnoException;
    throw new TorcharcError(`${what}: ${reasons[code ?? ''] ?? message}`, { cause: e });
  }
}

export function readBytes(path: string): Promise<Uint8Array> {
  return explained(`cannot read ${path}`, () => readFile(path));
}

/** Bytes of an arc or a config: the largest are a hundredth of it. */
const LARGEST_TEXT = 64 * 2 ** 20;

/** The text of a file of at most `most` bytes, 64 MB unless said. No more is read, whatever the path is of. */
export async function readText(path: string, most = LARGEST_TEXT): Promise<string> {
  const bytes = await explained(`cannot read ${path}`, () => readUpTo(path, most + 1));
  if (bytes.length > most)
    throw new TorcharcError(`cannot read ${path}: expected at most ${most / 2 ** 20} MB of text, got more`);
  return decodeUtf8(bytes) ?? notText(path);
}

async function readUpTo(path: string, most: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of createReadStream(path, { end: most - 1, highWaterMark: 2 ** 20 }))
    chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

function notText(path: string): never {
  throw new TorcharcError(`cannot read ${path}: it is not UTF-8 text`);
}

/** Make a folder and those above it, where missing. */
export async function makeFolder(path: string): Promise<void> {
  await explained(`cannot write to ${path}`, () => mkdir(path, { recursive: true }));
}

/** Add a line to the end of a file. */
export async function appendLine(path: string, line: string): Promise<void> {
  await explained(`cannot write ${path}`, () => appendFile(path, `${line}\n`));
}

let writes = 0;

/**
 * Write a file so that at any moment, also after a crash, the path holds the old content or the new, never a part: into
 * another file beside it, flushed to disk, which then takes its name.
 */
export async function writeAtomic(path: string, content: Uint8Array | string): Promise<void> {
  const temporary = `${path}.${process.pid}-${writes++}.tmp`;
  await explained(`cannot write ${path}`, async () => {
    try {
      const file = await open(temporary, 'w');
      try {
        await file.writeFile(content);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
    } catch (e) {
      await rm(temporary, { force: true }).catch(() => {});
      throw e;
    }
    await syncFolder(dirname(path));
  });
}

/** Make the new name itself last, where the file system lets a folder be flushed (Windows does not, and needs not). */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => null);
  await folder?.sync().catch(() => {});
  await folder?.close();
}
