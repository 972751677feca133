/** TensorBoard's event file of a run, for Node only. */
import { type FileHandle, open } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { explained, makeFolder } from '../io/files.ts';
import { TorcharcError } from '../util/errors.ts';
import { eventBytes, scalarsOf } from './tensorboard.ts';

/** A file that scalars are added to. Whatever ends the process, the records before the last one stay whole. */
export class EventFile {
  readonly path: string;
  readonly #file: FileHandle;
  #size: number;

  private constructor(path: string, file: FileHandle, size: number) {
    this.path = path;
    this.#file = file;
    this.#size = size;
  }

  /** A new file in a folder, which is made if missing; TensorBoard shows the folder as a run. */
  static async create(folder: string): Promise<EventFile> {
    const now = Date.now() / 1000;
    const host = hostname().replace(/[^\w.-]/g, '-');
    const path = join(folder, `events.out.tfevents.${Math.floor(now)}.${host}.${process.pid}.${files++}`);
    await makeFolder(folder);
    const file = new EventFile(path, await explained(`cannot write ${path}`, () => open(path, 'wx')), 0);
    try {
      await file.#append(eventBytes({ wallTime: now, fileVersion: 'brain.Event:2' }));
    } catch (e) {
      await file.close();
      throw e;
    }
    return file;
  }

  /** Go on with a file as it was when it had `size` bytes: what came later, also half a record, is dropped. */
  static async resume(path: string, size: number): Promise<EventFile> {
    const file = await explained(`cannot write ${path}`, () => open(path, 'r+'));
    try {
      const { size: found } = await file.stat();
      if (found < size)
        throw new TorcharcError(`cannot go on with ${path}: expected ${size} bytes or more, got ${found}`);
      await explained(`cannot write ${path}`, () => file.truncate(size));
    } catch (e) {
      await file.close();
      throw e;
    }
    return new EventFile(path, file, size);
  }

  /** The bytes of whole records so far: what `resume` takes. */
  get size(): number {
    return this.#size;
  }

  /**
   * Add a line of `metrics.jsonl`: its numbers become scalars of `step`, and `train_loss` is tagged `train/loss`. Wait for
   * it before adding another.
   */
  async add(step: number, wallTime: number, record: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#append(eventBytes({ wallTime, step, scalars: scalarsOf(record) }));
  }

  /** Flush to disk, so that a `size` kept elsewhere stays true after a power failure. */
  async sync(): Promise<void> {
    await explained(`cannot write ${this.path}`, () => this.#file.sync());
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /** Written at the end of the whole records, so that the next try overwrites what a failed one left. */
  async #append(bytes: Uint8Array): Promise<void> {
    await explained(`cannot write ${this.path}`, async () => {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, this.#size + done);
        done += bytesWritten;
      }
    });
    this.#size += bytes.length;
  }
}

let files = 0;
