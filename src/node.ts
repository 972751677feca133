/** What touches files: `torcharc/node`. */
import './index.ts';

import { readBytes, readText, writeAtomic } from './io/files.ts';
import { decodeSafetensors, encodeSafetensors } from './io/safetensors.ts';
import { parseYaml } from './io/yaml.ts';
import type { Tensor } from './tensor/tensor.ts';
import type { FitResult } from './train/fit.ts';
import { type Overrides, prepare, type Run, type TrainHooks, train } from './train/run.ts';
import { TorcharcError } from './util/errors.ts';

export type { DataSpec } from './data/config.ts';
export { type OpenOptions, openData } from './data/open.ts';
export { type Checkpoint, readCheckpoint, writeCheckpoint } from './train/checkpoint.ts';
export type { Overrides, TrainHooks } from './train/run.ts';
export { evaluate, openTrained, type Trained, type Which } from './train/trained.ts';

/** An arc from a YAML or JSON file, for `build`. */
export async function readArc(path: string): Promise<Record<string, unknown>> {
  const { value } = parseYaml(await readText(path), path);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new TorcharcError(
    `${path}: expected an arc, a mapping, got ${value === null ? 'nothing' : JSON.stringify(value)}`,
  );
}

/** The tensors of a safetensors file, for `loadStateDict`. */
export async function readSafetensors(path: string): Promise<Map<string, Tensor>> {
  const bytes = await readBytes(path);
  try {
    return decodeSafetensors(bytes);
  } catch (e) {
    if (!(e instanceof TorcharcError)) throw e;
    throw new TorcharcError(`${path}: ${e.message}`, { cause: e });
  }
}

/** Write tensors, such as a `stateDict()`, to a safetensors file. A crash leaves the old file or the new one, never a part. */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>,
  metadata?: Readonly<Record<string, string>>,
): Promise<void> {
  await writeAtomic(path, await encodeSafetensors(tensors, metadata));
}

/** What `torcharc train` does, without printing: train as a config says and write weights and metrics to its `out` folder. */
export async function trainFromConfig(
  path: string,
  options: Overrides & TrainHooks = {},
): Promise<FitResult & Pick<Run, 'model' | 'out'>> {
  const run = await prepare(path, options);
  return { ...(await train(run, options)), model: run.model, out: run.out };
}
