/** New samples for a trained model, and what its outputs say. */
import { describe, expect, test } from 'vitest';
import { type Csv, readCsv } from '../src/data/csv-rows.ts';
import { decoder, recordReader, rowReader } from '../src/data/rows.ts';
import type { DataInfo, InputInfo } from '../src/data/samples.ts';
import { message } from './data.ts';

const input = (columns: string[], more: Partial<InputInfo> = {}): InputInfo => ({
  shape: [columns.length],
  dtype: 'float32',
  columns,
  scale: null,
  ...more,
});

const info: DataInfo = {
  name: 'train.csv',
  inputs: {
    image: input(['p0', 'p1', 'p2', 'p3'], { shape: [1, 2, 2], scale: { shift: [1], factor: [2], inner: 1 } }),
    token: input(['t'], { dtype: 'int64' }),
  },
  targets: {
    word: { task: 'classification', shape: [], columns: ['word'], classes: ['high', 'low'], scale: null },
    v: {
      task: 'regression',
      shape: [2],
      columns: ['v', 'w'],
      classes: [],
      scale: { shift: [1, 2], factor: [10, 100], inner: 1 },
    },
  },
};

async function* pieces(...texts: string[]): AsyncGenerator<string> {
  yield* texts;
}

async function all({ rows }: Csv) {
  const list = [];
  for await (const some of rows) list.push(...some);
  return list;
}

describe('readCsv', () => {
  const text = '\uFEFFa;"b ""c"""\r\n1;2\r\n\r\n 3 ;"x;\r\ny"\r\n;\r\n5;6';
  test.each([1, 2, 3, 7, 100])('rows of text in pieces of %i', async (size) => {
    const cut = Array.from({ length: Math.ceil(text.length / size) }, (_, i) => text.slice(i * size, (i + 1) * size));
    const csv = await readCsv(pieces(...cut), 'a.csv');
    expect(csv.columns).toEqual(['a', 'b "c"']);
    expect(await all(csv)).toEqual([
      { number: 2, cells: ['1', '2'] },
      { number: 4, cells: [' 3 ', 'x;\r\ny'] },
      { number: 6, cells: ['5', '6'] },
    ]);
  });

  test.each([
    ['', 'expected a header row and data, got an empty file'],
    ['\n\n', 'expected a header row and data, got an empty file'],
    ['a,b\n', 'expected rows of data after the header, got none'],
    ['a,b', 'expected rows of data after the header, got none'],
    ['a,b,a\n1,2,3', "the header names column 'a' twice"],
    ['a,b\n1,2\n1,2,3', 'row 3: expected 2 fields as in the header, got 3'],
    ['a,b\n1,2\n\n1', 'row 4: expected 2 fields as in the header, got 1'],
    ['a,b\n1,"2', 'row 2: a quotation mark is not closed, or stands inside a field that is not quoted'],
    [`a,b\n1,"${'\n'.repeat(2 ** 24)}`, 'row 2 is longer than 16777216 characters; is a quotation mark not closed?'],
    ['x'.repeat(2 ** 24 + 1), 'row 1 is longer than 16777216 characters; is a quotation mark not closed?'],
  ])('refuses %#', async (text, problem) => {
    const cut = Array.from({ length: Math.ceil(text.length / 2 ** 18) }, (_, i) =>
      text.slice(i * 2 ** 18, (i + 1) * 2 ** 18),
    );
    const read = async () => all(await readCsv(pieces(...cut), 'a.csv'));
    await expect(read()).rejects.toThrow(message(`a.csv: ${problem}`));
  });
});

describe('rowReader', () => {
  const read = async (text: string) => {
    const csv = await readCsv(pieces(text), 'new.csv');
    return rowReader(info, csv.columns, csv.name).read(await all(csv)).inputs;
  };

  test('columns in any order; others and targets are passed over', async () => {
    expect(await read('word,t,p3,p2,p1,p0,note\n?,5,9,7,5,3,hi\n,-6,1,1,1,1,\n')).toEqual({
      image: Float32Array.of(1, 2, 3, 4, 0, 0, 0, 0),
      token: BigInt64Array.of(5n, -6n),
    });
  });

  test.each([
    ['p0,p1,p3,t\n1,2,3,4', "there is no column 'p2' (did you mean 'p0', 'p1' or 'p3'?)"],
    ['p0,p1,p2,p3,t\n1,2,3,4,5\n1,2,3,4,5.5', "row 3, column 't': expected a whole number, got '5.5'"],
    ['p0,p1,p2,p3,t\n1,2,3,,5', "row 2, column 'p3': expected a number, got an empty field"],
  ])('refuses %j', async (text, problem) => {
    await expect(read(text)).rejects.toThrow(message(`new.csv: ${problem}`));
  });

  test('windows take their length in rows; arrays are not columns', () => {
    const series: DataInfo = { ...info, inputs: { input: input(['x', 'y'], { shape: [3, 2] }) } };
    const reader = rowReader(series, ['y', 'x'], 'new.csv');
    const rows = [1, 2, 3].map((i) => ({ number: i, cells: [`${10 * i}`, `${i}`] }));
    expect([reader.rowsPerSample, reader.read(rows).inputs]).toEqual([
      3,
      { input: Float32Array.of(1, 10, 2, 20, 3, 30) },
    ]);
    const arrays: DataInfo = { ...info, inputs: { input: input([], { shape: [3, 2] }) } };
    expect(() => rowReader(arrays, ['x'], 'new.csv')).toThrow(
      message("new.csv: input 'input' is not made of columns; expected JSON records with an array for it"),
    );
  });
});

describe('recordReader', () => {
  const read = (value: unknown) => recordReader(info, 'a.jsonl')([{ line: 3, value }]).inputs;
  const columns = { p0: 3, p1: 5, p2: 7, p3: 9 };

  test('arrays by input, or numbers by column', () => {
    const expected = { image: Float32Array.of(1, 2, 3, 4), token: BigInt64Array.of(8n) };
    expect(
      read({
        image: [
          [
            [3, 5],
            [7, 9],
          ],
        ],
        token: [8],
      }),
    ).toEqual(expected);
    expect(read({ ...columns, t: 8, word: 'low' })).toEqual(expected);
    const lone = { ...info, inputs: { input: input(['a', 'b']) } };
    const values = [[1, 2], { a: 3, b: 4 }, { input: [5, 6] }];
    const records = values.map((value, i) => ({ line: i + 1, value }));
    expect(recordReader(lone, 'a.jsonl')(records).inputs).toEqual({ input: Float32Array.of(1, 2, 3, 4, 5, 6) });
  });

  test.each([
    [5, 'expected a record such as {"image": …}, got 5'],
    [null, 'expected a record such as {"image": …}, got null'],
    [{ token: [1] }, "expected 'image', or p0, p1, p2, p3, got neither"],
    [{ p0: 1, p1: 2, p3: 3 }, 'expected p2 too, got none'],
    [{ ...columns, p1: '5', t: 1 }, '\'p1\': expected a number, got "5"'],
    [{ ...columns, t: 1.5 }, "'token': expected whole numbers, got 1.5"],
    [{ ...columns, p0: 1e39, t: 1 }, "'image': expected numbers that fit float32, got 1e+39"],
    [{ image: [1, 2, 3, 4] }, "'image': expected an array of shape [1, 2, 2], with 1 items, got 4 items"],
    [
      { image: [[[1, 2], [3]]] },
      "'image': expected an array of shape [1, 2, 2], with 2 items in dimension 2, got 1 items",
    ],
    [
      {
        image: [
          [
            [1, 2],
            [3, '4'],
          ],
        ],
      },
      '\'image\': expected an array of shape [1, 2, 2], with a number in dimension 3, got "4"',
    ],
  ])('refuses %j', (value, problem) => {
    expect(() => read(value)).toThrow(message(`a.jsonl: line 3: ${problem}`));
  });
});

test('decoder: classes with scores, values in their units', () => {
  const decode = decoder(info);
  expect(decode({ word: Float32Array.of(0.25, 0.75, 0.5, 0.5), v: Float32Array.of(0, 0, 1, 2) }, 2)).toEqual([
    { word: { class: 'low', scores: [0.25, 0.75] }, v: { values: [1, 2] } },
    { word: { class: 'high', scores: [0.5, 0.5] }, v: { values: [11, 202] } },
  ]);
  // one score for two classes
  expect(decode({ word: Float32Array.of(0.75), v: Float32Array.of(0, 0) }, 1)[0]!.word).toEqual({
    class: 'low',
    scores: [0.25, 0.75],
  });
  expect(() => decode({ v: Float32Array.of(0) }, 1)).toThrow(
    message("decoder: expected outputs of 1 samples for 'word', got none"),
  );
});
