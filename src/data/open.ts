/** Datasets from the `data` of a config: files are read, and what is in them is split and scaled. For Node only. */
import { isAbsolute, join } from 'node:path';
import { ArgError, internal } from '../util/errors.ts';
import { issuesOf } from '../util/expected.ts';
import { assemble, everyRow, type Source, type Split, splitRows } from './assemble.ts';
import { type DataConfig, type DataSpec, dataSchema, type SeriesConfig } from './config.ts';
import { openIdx, openNpy, openNpz, openSafetensors } from './open-arrays.ts';
import { openImages } from './open-images.ts';
import { openSeries } from './open-series.ts';
import { openTable } from './open-table.ts';
import type { DataInfo, Dataset } from './samples.ts';
import { tableSpec } from './table.ts';

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
export async function openData(spec: DataSpec, options: OpenOptions): Promise<Dataset> {
  const config = checked(spec);
  const test = options.whole ? null : testConfig(config);
  if (!test) return openFile(config, options, options.whole ? 1 : null);
  const train = await openFile(config, options, 0);
  try {
    return joined(train, await openFile(test, { ...options, info: train.info }, 1));
  } catch (e) {
    await train.close?.();
    throw e;
  }
}

function checked(spec: DataSpec): DataConfig {
  const result = dataSchema.safeParse(spec);
  if (result.success) return result.data;
  const issues = issuesOf(result.error).map(({ path, message }) => (path ? `${path}: ${message}` : message));
  throw new ArgError(`openData: ${issues.join('; ')}`);
}

/** Data of one file or folder. `all`: whether all of it is for training (0) or testing (1); null to split it. */
async function openFile(config: DataConfig, options: OpenOptions, all: 0 | 1 | null): Promise<Dataset> {
  if ('series' in config) {
    const { split, series } = config;
    return openSeries(config, located(options, series.csv), all ?? ('test' in split ? split.test : 0), options.info);
  }
  const source = await openSource(config, options);
  try {
    const rows = everyRow(source.size);
    const parts =
      all === null
        ? splitRows(source, fractionOf(config))
        : all
          ? { train: NONE, test: rows }
          : { train: rows, test: NONE };
    return await assemble(source, parts, options.info);
  } catch (e) {
    await source.close?.();
    throw e;
  }
}

function fractionOf({ split }: DataConfig): Split {
  if (!('test' in split) || typeof split.test !== 'number') return internal('a split without a fraction');
  return 'by' in split
    ? { test: split.test, by: 'order' }
    : { test: split.test, seed: 'seed' in split ? split.seed : 0 };
}

function located({ folder }: OpenOptions, path: string): string {
  return isAbsolute(path) ? path : join(folder, path);
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

/** Data of the same kind from the files that a split names for testing; null if it names none. */
function testConfig(config: DataConfig): DataConfig | null {
  const { split } = config;
  if ('test' in split) {
    const { test } = split;
    if (typeof test === 'number') return null;
    if ('idx' in config && 'images' in test) return { ...config, idx: test };
    if ('npy' in config && 'input' in test) return { ...config, npy: test };
    return internal('a split names files of another kind');
  }
  const { file } = split;
  if ('csv' in config) return { ...config, csv: file };
  if ('npz' in config) return { ...config, npz: { ...config.npz, file } };
  if ('safetensors' in config) return { ...config, safetensors: { ...config.safetensors, file } };
  if ('images' in config) return { ...config, images: { ...config.images, folder: file } };
  if ('series' in config) return { ...config, series: { ...config.series, csv: file } };
  return internal('this data is not of one file');
}

function openSource(config: Exclude<DataConfig, SeriesConfig>, options: OpenOptions): Promise<Source> {
  const { cache, info } = options;
  const from = (path: string) => located(options, path);
  if ('csv' in config) {
    const { csv, stream } = config;
    return openTable(from(csv), (table) => tableSpec(config, table), { stream, cache, info });
  }
  if ('idx' in config) return openIdx(config, from, info);
  if ('npy' in config) return openNpy(config, from, info);
  if ('npz' in config) return openNpz(config, from, info);
  if ('safetensors' in config) return openSafetensors(config, from, info);
  return openImages(config, from(config.images.folder), info);
}
