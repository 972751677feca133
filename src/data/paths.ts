import type { DataConfig } from './config.ts';

/** The files or the folder that a data config is about, those of its test part aside. */
export function filesOf(data: DataConfig): string[] {
  const files: string[] = [];
  withPaths({ ...data, split: { test: 0.5, seed: 0 } } as DataConfig, (path) => {
    files.push(path);
    return path;
  });
  return [...new Set(files)];
}

/** A data config with each path in it changed. */
export function withPaths(data: DataConfig, change: (path: string) => string): DataConfig {
  const all = <T extends object>(record: T): T =>
    Object.fromEntries(Object.entries(record).map(([key, value]) => [key, entry(value)])) as T;
  const entry = (value: unknown): unknown => {
    if (typeof value === 'string') return change(value);
    const { array } = value as { array?: unknown };
    return typeof array === 'string' ? { ...(value as object), array: change(array) } : all(value as object);
  };
  const fileOf = <T extends { readonly file: string }>(given: T): T => ({ ...given, file: change(given.file) });

  const split = 'file' in data.split ? fileOf(data.split) : testFiles(data.split, all);
  const moved = { ...data, split } as DataConfig;
  if ('csv' in moved) return { ...moved, csv: change(moved.csv) };
  if ('idx' in moved) return { ...moved, idx: all(moved.idx) };
  if ('npy' in moved) return { ...moved, npy: all(moved.npy) };
  if ('npz' in moved) return { ...moved, npz: fileOf(moved.npz) };
  if ('safetensors' in moved) return { ...moved, safetensors: fileOf(moved.safetensors) };
  if ('images' in moved) return { ...moved, images: { ...moved.images, folder: change(moved.images.folder) } };
  return { ...moved, series: { ...moved.series, csv: change(moved.series.csv) } };
}

function testFiles<S extends object>(split: S, all: <T extends object>(record: T) => T): S {
  const { test } = split as { test?: unknown };
  return typeof test === 'object' && test !== null ? { ...split, test: all(test) } : split;
}
