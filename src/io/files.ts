/** Files, for Node only: reading with clear errors, and writing that never leaves half a file. */
import { createReadStream, rmSync } from 'node:fs';
import {
  appendFile,
  copyFile,
  link,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
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
  ENOTEMPTY: 'it is there already',
  ENAMETOOLONG: 'the name is too long',
};

/** What `body` gives; an error of the file system says what could not be done, and why, in a sentence. */
export async function explained<T>(what: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (e) {
    if (e instanceof TorcharcError) throw e;
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
/** What is half written. */
const temporaries = new Set<string>();

/** Remove what is half written, at once; for a process that ends. */
export function abandonWrites(): void {
  for (const path of temporaries) rmSync(path, { recursive: true, force: true });
}

/**
 * Make a file or folder so that at any moment, also after a crash, the path holds the old content or the new, never a part:
 * under another name beside it, which then becomes its name.
 */
async function whole(path: string, make: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${path}.${process.pid}-${writes++}.tmp`;
  temporaries.add(temporary);
  await explained(`cannot write ${path}`, async () => {
    try {
      await make(temporary);
      await rename(temporary, path);
    } catch (e) {
      await rm(temporary, { recursive: true, force: true }).catch(() => {});
      throw e;
    } finally {
      temporaries.delete(temporary);
    }
    await syncFolder(dirname(path));
  });
}

/** Write a new file piece by piece, and flush it to disk. */
async function writeNew(path: string, pieces: Iterable<Uint8Array | string> | AsyncIterable<string>): Promise<void> {
  const file = await open(path, 'wx');
  try {
    for await (const piece of pieces) await file.writeFile(piece);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Write a file, whole or not at all. */
export async function writeAtomic(path: string, content: Uint8Array | string): Promise<void> {
  await whole(path, (temporary) => writeNew(temporary, [content]));
}

/** Write a file that comes in pieces; it is there when all of it is. */
export async function writePieces(path: string, pieces: AsyncIterable<string>): Promise<void> {
  await whole(path, (temporary) => writeNew(temporary, pieces));
}

/** Write a folder of files, all of them or none. */
export async function writeFolder(path: string, files: Readonly<Record<string, Uint8Array | string>>): Promise<void> {
  await whole(path, async (temporary) => {
    await mkdir(temporary, { recursive: true });
    for (const [name, content] of Object.entries(files)) await writeNew(join(temporary, name), [content]);
    await syncFolder(temporary);
  });
}

/** Let `path` hold what `from` holds, of which it is another name where the file system has such. */
export async function shareFile(from: string, path: string): Promise<void> {
  await whole(path, (temporary) => link(from, temporary).catch(() => copyFile(from, temporary)));
}

/** Remove what writes that a crash cut short have left in a folder. */
export async function removeTorn(folder: string): Promise<void> {
  for (const name of await namesIn(folder)) if (/\.\d+-\d+\.tmp$/.test(name)) await remove(join(folder, name));
}

/** The names in a folder; none if there is no such folder. */
export async function namesIn(path: string): Promise<string[]> {
  return explained(`cannot read ${path}`, () =>
    readdir(path).catch((e: NodeJS.ErrnoException) => {
      if (e.code === 'ENOENT') return [];
      throw e;
    }),
  );
}

/** Remove a file or a folder with all that is in it, if it is there. */
export async function remove(path: string): Promise<void> {
  await explained(`cannot remove ${path}`, () => rm(path, { recursive: true, force: true }));
}

/** Give a file or folder another name. */
export async function moveTo(from: string, path: string): Promise<void> {
  await explained(`cannot write ${path}`, () => rename(from, path));
}

/** Whether there is a file or folder. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Bytes of a file; 0 if it is not there. */
export async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch(() => null);
  return found?.size ?? 0;
}

/** Cut a file back to its first bytes. */
export async function cutFile(path: string, bytes: number): Promise<void> {
  await explained(`cannot write ${path}`, () => truncate(path, bytes));
}

/** Flush a file to disk. */
export async function syncFile(path: string): Promise<void> {
  await explained(`cannot write ${path}`, async () => {
    const file = await open(path, 'r+');
    await file.sync().finally(() => file.close());
  });
}

/** Make the new name itself last, where the file system lets a folder be flushed (Windows does not, and needs not). */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => null);
  await folder?.sync().catch(() => {});
  await folder?.close();
}
