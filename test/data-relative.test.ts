/** Series told by their distance from the last row that is seen, and forecasts as levels again. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openData } from 'torcharc/node';
import { afterAll, expect, test } from 'vitest';
import { decoder, recordReader, rowReader } from '../src/data/rows.ts';

const folder = mkdtempSync(join(tmpdir(), 'torcharc-relative-'));
afterAll(() => rmSync(folder, { recursive: true }));

const rows = Array.from({ length: 40 }, (_, i) => [i, 100 + i * i, 7 * i] as const);
writeFileSync(join(folder, 's.csv'), `t,a,b\n${rows.map((row) => row.join(',')).join('\n')}\n`);
const series = { csv: 's.csv', columns: ['a', 'b'], length: 3, horizon: 2, relative: true };
const at = (row: number) => rows[row]!.slice(1) as [number, number];

test('windows and targets are distances from the last row seen, scaled', async () => {
  const { train, info } = await openData(
    { series: { ...series, targets: ['b', 'a'] }, scale: { divide: 2 } },
    { folder },
  );
  const window = Uint32Array.of(4);
  const [a, b] = at(6);
  expect([...(await train.inputs.input!.take(window))]).toEqual(
    [4, 5, 6].flatMap((row) => [(at(row)[0] - a) / 2, (at(row)[1] - b) / 2]),
  );
  expect([...(await train.targets.target!.take(window))]).toEqual(
    [7, 8].flatMap((row) => [(at(row)[1] - b) / 2, (at(row)[0] - a) / 2]),
  );
  expect(info.inputs.input!.relative).toBe(true);
  expect(info.targets.target!.relative).toEqual([1, 0]);
});

test.each(['standardize', 'minmax', 'none'] as const)(
  'new rows, %s: what was learned by heart comes out as levels',
  async (scale) => {
    const { train, info } = await openData({ series: { ...series, targets: ['b'] }, scale }, { folder });
    const [last, truth] = [9, [10, 11].map((row) => at(row)[1])];
    const window = Uint32Array.of(last - 2);
    const output = (await train.targets.target!.take(window)) as Float32Array;
    const seen = (await train.inputs.input!.take(window)) as Float32Array;
    const cells = rows.slice(last - 2, last + 1).map((row, i) => ({ number: i + 2, cells: row.map(String) }));
    const records = [{ line: 1, value: { input: rows.slice(last - 2, last + 1).map((row) => row.slice(1)) } }];
    const reads = [rowReader(info, ['t', 'a', 'b'], 's.csv').read(cells), recordReader(info, 's.jsonl')(records)];
    for (const { inputs, bases } of reads) {
      const near = (got: Iterable<number>, wanted: Iterable<number>) => {
        for (const [i, value] of [...got].entries()) expect(value).toBeCloseTo([...wanted][i]!, 3);
      };
      near(inputs.input as Float32Array, seen);
      const [said] = decoder(info)({ target: output }, 1, bases);
      near((said!.target as { values: number[] }).values, truth);
    }
  },
);

test('a column that is not seen has no last value', async () => {
  const unseen = { ...series, columns: ['a'], targets: ['b'] };
  await expect(openData({ series: unseen }, { folder })).rejects.toThrow(
    "s.csv: column 'b' is to be forecast relative to its last value, so it must be among the columns that are seen",
  );
});
