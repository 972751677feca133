/** What tests of data share. */
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { dataSchema } from '../src/data/config.ts';
import { type OpenOptions, openData } from '../src/data/open.ts';
import type { Dataset, Field } from '../src/data/samples.ts';

export const fixture = fileURLToPath(new URL('./fixtures/data', import.meta.url));

/** Open data as a config in a folder says. */
export async function open(folder: string, config: unknown, options: Partial<OpenOptions> = {}): Promise<Dataset> {
  return openData(dataSchema.parse(config), { folder, ...options });
}

/** The values of each sample of a field. */
export async function rowsOf(field: Field): Promise<number[][]> {
  const all = await field.take(Uint32Array.from({ length: field.size }, (_, i) => i));
  const width = all.length / field.size;
  return Array.from({ length: field.size }, (_, i) => Array.from(all.subarray(i * width, (i + 1) * width), Number));
}

/** An error of ours with exactly this message. */
export const message = (text: string) =>
  expect.objectContaining({ name: expect.stringMatching(/Error$/), message: text });
