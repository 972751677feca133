import { expect, test } from 'vitest';
import { dataSchema } from '../src/data/config.ts';
import { openData } from '../src/data/open.ts';
import { issuesOf, mapping } from '../src/util/expected.ts';
import { message } from './data.ts';

const config = mapping({ data: dataSchema }, 'a config');

/** What a config with some data says is wrong, path by path. */
function complaints(data?: unknown): string[] {
  const result = config.safeParse(data === undefined ? {} : { data });
  return result.success ? [] : issuesOf(result.error).map(({ path, message }) => `${path}: ${message}`);
}

test.each([
  [undefined, ['data: missing; expected a mapping with csv, target and task']],
  [
    { cvs: 'x', target: ['a'], task: 'foo', scale: { dividee: 3 }, split: { tst: 1, seed: -1 } },
    [
      'data.csv: missing; expected the path of a CSV file',
      'data.target: expected the name of the column to predict, got ["a"]',
      'data.task: expected classification or regression, got "foo"',
      'data.scale: expected none, standardize, minmax or {divide: a number}, got {"dividee":3}',
      'data.split.seed: expected a whole number from 0 on, got -1',
      "data.split.tst: unknown key (did you mean 'test'?)",
      "data.cvs: unknown key (did you mean 'csv'?)",
    ],
  ],
  [
    { csv: 'x', inputs: { a: { colums: [] } }, targets: {} },
    [
      'data.inputs.a.columns: missing; expected a list of column names',
      "data.inputs.a.colums: unknown key (did you mean 'columns'?)",
      'data.targets: expected a mapping of names to {column: …, task: …}, got {}',
    ],
  ],
  [
    { csv: 'x', inputs: { a: { columns: ['a'] } }, targets: { b: { columns: ['b', 'c'], task: 'classification' } } },
    ['data.targets.b.task: expected regression, since there are several columns, got "classification"'],
  ],
  [
    { npy: { input: { a: { aray: 'x' } }, target: 'y' } },
    [
      'data.npy.input.a.array: missing; expected the path of an .npy file',
      "data.npy.input.a.aray: unknown key (did you mean 'array'?)",
    ],
  ],
  [
    { idx: { images: 'a', labels: 'b' }, split: { test: { images: 'x' } } },
    ['data.split.test.labels: missing; expected the path of an IDX file'],
  ],
  [
    { images: { folder: 'a', size: [3], channels: 2 } },
    [
      'data.images.size: expected height and width, such as [32, 32], got [3]',
      'data.images.channels: expected 1 (gray) or 3 (red, green, blue), got 2',
    ],
  ],
  [
    { series: { csv: 'x', columns: ['a'], length: 3 } },
    ['data.series.horizon: missing; expected a positive whole number'],
  ],
  [{ csv: 'x', target: 'y', task: 'regression', split: { by: 'time' } }, ['data.split.by: expected order, got "time"']],
  [
    { csv: 'x', target: 'y', task: 'regression', split: { file: 'z', test: 0.2 } },
    ['data.split.test: unknown key; expected one of file'],
  ],
])('%j', (data, problems) => {
  expect(complaints(data)).toEqual(problems);
});

test('defaults are filled in, and what comes out can go in', () => {
  const specs = [
    { csv: 'x', target: 0, task: 'regression' },
    { npy: { input: 'x', target: { a: 'b', c: { array: 'd', task: 'regression' } } }, task: 'classification' },
    { images: { folder: 'x' }, split: { file: 'y' } },
    { series: { csv: 'x', columns: ['a'], length: 3, horizon: 1 }, scale: { divide: 2 } },
  ];
  const parsed = specs.map((spec) => dataSchema.parse(spec));
  expect(parsed).toMatchObject([
    { csv: 'x', target: '0', scale: 'none', split: { test: 0.2, seed: 0 } },
    { scale: 'none', split: { test: 0.2, seed: 0 } },
    { scale: 'none', split: { file: 'y' } },
    { series: { stride: 1 }, scale: { divide: 2 }, split: { test: 0.2 } },
  ]);
  expect(parsed.map((spec) => dataSchema.parse(JSON.parse(JSON.stringify(spec))))).toEqual(parsed);
});

test('openData says what is wrong with what it is given', async () => {
  // @ts-expect-error no target
  const spec: Parameters<typeof openData>[0] = { csv: 'x', task: 'regression', shape: [0] };
  await expect(openData(spec, { folder: '.' })).rejects.toThrow(
    message(
      'openData: target: missing; expected the name of the column to predict; shape[0]: expected a positive whole number, got 0',
    ),
  );
});
