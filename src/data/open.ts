/** Datasets from the `data` of a config: files are read, and what is in them is split and scaled. For Node only. */
import { isAbsolute, join } from 'node:path';
import { assemble, everyRow, type Source, type Split, splitRows } from './assemble.ts';
import type { DataConfig } from './config.ts';
import { openIdx, openNpy, openNpz, openSafetensors } from './open-arrays.ts';
import { openTable } from './open-table.ts';
import { internal } from '../util/errors.ts';
import type { DataInfo, Dataset } from './samples.ts';

export interface OpenOptions {
  /** What paths in the config are relative to. */
  readonly folder: string;
  /** Where temporary files may be put; the system's own place for them if left out. */
  readonly cache?: string | undefined;
  /** How samples were made in an earlier run: its scaling and classes are used, none are fitted. */
  readonly info?: DataInfo | undefined;
  /** All samples are for testing. */
  readonly whole?: boolean | undefined;
}

const NONE = new Uint32Array(0);

/** Read data as a config says. Throws one sentence with file, row and column for what is wrong with it. */
export async function openData(config: DataConfig, options: OpenOptions): Promise<Dataset> {
  const source = await openSource(config, options);
  try {
    return await parts(source, config, options);
  } catch (e) {
    await source.close?.();
    throw e;
  }
}

async function parts(source: Source, config: DataConfig, options: OpenOptions): Promise<Dataset> {
  const { info, whole } = options;
  const all = everyRow(source.size);
  if (whole) return assemble(source, { train: NONE, test: all }, info);
  if ('file' in config.split) {
    const train = await assemble(source, { train: all, test: NONE }, info);
    const test = await openData(elsewhere(config, config.split.file), { ...options, info: train.info, whole: true });
    return joined(train, test);
  }
  return assemble(source, splitRows(source, config.split as Split), info);
}

/** The training part of one dataset and the test part of another. */
function joined(train: Dataset, test: Dataset): Dataset {
  return {
    info: train.info,
    train: train.train,
    test: test.test,
    async close() {
      await train.close?.();
      await test.close?.();
    },
  };
}

/** The same kind of data from another file or folder. */
function elsewhere(config: DataConfig, file: string): DataConfig {
  if ('csv' in config) return { ...config, csv: file };
  if ('npz' in config) return { ...config, npz: { ...config.npz, file } };
  if ('safetensors' in config) return { ...config, safetensors: { ...config.safetensors, file } };
  return internal('this data has no file of its own for testing');
}

function openSource(config: DataConfig, { folder, cache, info }: OpenOptions): Promise<Source> {
  const from = (path: string) => (isAbsolute(path) ? path : join(folder, path));
  if ('csv' in config) return openTable(config, from(config.csv), cache, info);
  if ('idx' in config) return openIdx(config, from, info);
  if ('npy' in config) return openNpy(config, from, info);
  if ('npz' in config) return openNpz(config, from, info);
  if ('safetensors' in config) return openSafetensors(config, from, info);
  return internal('TODO');
}
