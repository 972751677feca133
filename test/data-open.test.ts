import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DataConfig, dataSchema } from '../src/data/config.ts';
import { readTable } from '../src/data/csv.ts';
import { makeDataset } from '../src/data/dataset.ts';
import { type OpenOptions, openData } from '../src/data/open.ts';
import type { Dataset, Field, Samples } from '../src/data/samples.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'torcharc-data-'));
});
afterAll(() => rm(folder, { recursive: true }));

const write = (name: string, content: string | Uint8Array) => writeFile(join(folder, name), content);
const config = (value: unknown): DataConfig => dataSchema.parse(value);

/** Open data as a config in the folder says. */
const opened = (value: unknown, options: Partial<OpenOptions> = {}) => openData(config(value), { folder, ...options });

/** All values of a field. */
async function valuesOf(field: Field): Promise<number[]> {
  return [...(await field.take(Uint32Array.from({ length: field.size }, (_, i) => i)))].map(Number);
}
const message = (text: string) => expect.objectContaining({ name: expect.stringMatching(/Error$/), message: text });

test('digits are what makeDataset made of them', async () => {
  const csv = 'examples/digits/digits.csv';
  for (const scale of ['standardize', 'minmax', { divide: 16 }] as const) {
    const split = { test: 0.2, seed: 3 };
    const options = { target: 'digit', task: 'classification', shape: [1, 8, 8], scale, split } as const;
    const old = makeDataset(readTable(await readFile(csv, 'utf8'), csv), options);
    for (const stream of [false, true]) {
      const now = await openData(config({ csv, ...options, stream }), { folder: '.' });
      if (!stream) {
        expect(await now.train.inputs.input!.take(Uint32Array.from({ length: 1438 }, (_, i) => i))).toEqual(
          old.train.features,
        );
        expect(await now.test.inputs.input!.take(Uint32Array.from({ length: 359 }, (_, i) => i))).toEqual(
          old.test.features,
        );
        expect(await valuesOf(now.train.targets.target!)).toEqual([...old.train.targets].map(Number));
      }
      await now.close?.();
    }
  }
});
void ({} as Dataset & Samples);
void describe;
void write;
void message;
void readdir;
