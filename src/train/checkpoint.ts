/**
 * Checkpoints: a folder for each, written whole or not at all.
 *
 * `arc.json`, `model.safetensors` (weights and buffers under PyTorch's names), `training.safetensors` (arrays of optimizer,
 * scheduler and generators) and `state.json`: all the rest, with the size and SHA-256 of the others and of itself.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import * as z from 'zod';
import { cutFile, namesIn, readBytes, readText, remove, sizeOf, syncFile, writeFolder } from '../io/files.ts';
import { decodeSafetensors, encodeSafetensors } from '../io/safetensors.ts';
import { packState, unpackState } from '../io/state.ts';
import { TorcharcError } from '../util/errors.ts';
import type { Progress, Snapshot } from './snapshot.ts';

/** A snapshot and what its run was about. */
export interface Checkpoint {
  readonly snapshot: Snapshot;
  readonly arc: unknown;
  /** Anything that is JSON. */
  readonly about: unknown;
}

const MODEL = 'model.safetensors';
const TRAINING = 'training.safetensors';
const ARC = 'arc.json';
export const STATE = 'state.json';

/** Write a checkpoint to a folder that is not there yet. */
export async function writeCheckpoint(path: string, { snapshot, arc, about }: Checkpoint): Promise<void> {
  const { model, progress, ...training } = snapshot;
  const packed = packState(training);
  const files = {
    [MODEL]: await encodeSafetensors(model, { format: 'pt', epoch: String(finishedEpochs(progress)) }),
    [TRAINING]: await encodeSafetensors(packed.arrays),
    [ARC]: `${JSON.stringify(arc, null, 2)}\n`,
  };
  const sums = Object.fromEntries(Object.entries(files).map(([name, content]) => [name, sumOf(content)]));
  const state = { progress: packState(progress).json, training: packed.json, about, files: sums };
  const { sha256 } = sumOf(JSON.stringify(state));
  await writeFolder(path, { ...files, [STATE]: `${JSON.stringify({ format: FORMAT, sha256, state })}\n` });
}

function finishedEpochs({ epoch }: Readonly<Progress>): number {
  return epoch - 1;
}

function sumOf(content: Uint8Array | string): { bytes: number; sha256: string } {
  return { bytes: Buffer.byteLength(content), sha256: createHash('sha256').update(content).digest('hex') };
}

const FORMAT = 1;

const record = z.record(z.string(), z.unknown());
const counts = z.int().nonnegative();
const sealSchema = z.object({ format: z.int(), sha256: z.string(), state: record });
const stateSchema = z.object({
  progress: z.object({
    epoch: z.int().positive(),
    batch: counts,
    samples: counts,
    step: counts,
    sums: record,
    summed: counts,
    best: z.looseObject({ epoch: counts, step: counts, test: record.nullable() }).nullable(),
    leading: z.object({ name: z.string(), value: z.unknown() }).nullable(),
    waited: counts,
  }),
  training: z.object({
    optimizer: z.object({ state: record, param_groups: z.array(z.looseObject({ params: z.array(counts) })) }),
    scheduler: record.nullable(),
    generator: record,
    order: record,
  }),
  about: z.unknown(),
  files: z.record(z.string(), z.object({ bytes: counts, sha256: z.string() })),
});

/** Read a checkpoint; one that is damaged, or none, throws. */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  const text = await readText(join(path, STATE), Number.POSITIVE_INFINITY);
  const state = checked(path, STATE, () => opened(path, text));
  const content = async (name: string) => {
    const bytes = await readBytes(join(path, name));
    const { bytes: size, sha256 } = sumOf(bytes);
    const wanted = state.files[name];
    if (wanted?.bytes !== size || wanted.sha256 !== sha256) damaged(path, name);
    return bytes;
  };
  const decoded = async <T>(name: string, decode: (bytes: Uint8Array) => T) => {
    const bytes = await content(name);
    return checked(path, name, () => decode(bytes));
  };
  const model = await decoded(MODEL, decodeSafetensors);
  const arrays = await decoded(TRAINING, decodeSafetensors);
  const arc = await decoded(ARC, (bytes): unknown => JSON.parse(new TextDecoder().decode(bytes)));
  return checked(path, STATE, () => {
    const training = unpackState({ json: state.training, arrays }) as Omit<Snapshot, 'model' | 'progress'>;
    const progress = unpackState({ json: state.progress, arrays }) as Progress;
    return { snapshot: { ...training, model, progress }, arc, about: state.about };
  });
}

/** The state in the text of a `state.json`, if it is what was written. */
function opened(path: string, text: string): z.output<typeof stateSchema> {
  const { format, sha256, state } = sealSchema.parse(JSON.parse(text));
  if (format !== FORMAT) throw new OtherFormat(`${join(path, STATE)}: expected format ${FORMAT}, got ${format}`);
  if (sumOf(JSON.stringify(state)).sha256 !== sha256) damaged(path, STATE);
  return stateSchema.parse(state);
}

/** Not damaged: another version wrote it. */
class OtherFormat extends TorcharcError {}

function checked<T>(path: string, name: string, body: () => T): T {
  try {
    return body();
  } catch (e) {
    if (e instanceof OtherFormat) throw e;
    damaged(path, name, e);
  }
}

function damaged(path: string, name: string, cause?: unknown): never {
  throw new TorcharcError(`${join(path, name)} is damaged; remove ${path}, and the checkpoint before it is used`, {
    cause,
  });
}

/** The folder of a run that holds its checkpoints. */
export const CHECKPOINTS = 'checkpoints';

/** Steps at which there are checkpoints in a folder, ascending. */
export async function checkpointSteps(folder: string): Promise<number[]> {
  const names = await namesIn(folder);
  return names
    .flatMap((name) => /^step-(\d+)$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

export function checkpointPath(folder: string, step: number): string {
  return join(folder, `step-${step}`);
}

/** Remove all but the newest `keep` and the one at step `best`. */
export async function prune(folder: string, keep: number, best: number | null): Promise<void> {
  const steps = await checkpointSteps(folder);
  const old = keep > 0 ? steps.slice(0, -keep) : steps;
  for (const step of old) if (step !== best) await remove(checkpointPath(folder, step));
}

/** Files that grow with a run, such as metrics, and how long they are. */
export type Logs = Readonly<Record<string, number>>;

/** How long logs are, once they are on disk. */
export async function logLengths(folder: string, names: readonly string[]): Promise<Logs> {
  const lengths: Record<string, number> = {};
  for (const name of names) {
    await syncFile(join(folder, name));
    lengths[name] = await sizeOf(join(folder, name));
  }
  return lengths;
}

/** Cut logs back to what they were at a checkpoint. */
export async function cutLogs(folder: string, logs: Logs): Promise<void> {
  for (const [name, bytes] of Object.entries(logs)) {
    const path = join(folder, name);
    const size = await sizeOf(path);
    if (size < bytes)
      throw new TorcharcError(`${path}: expected at least ${bytes} bytes, as at the checkpoint, got ${size}`);
    await cutFile(path, bytes);
  }
}
