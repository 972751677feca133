import { describe, expect, test } from 'vitest';
import { batches, batchSizes } from '../src/data/batches.ts';
import { labels, numbers, readTable } from '../src/data/csv.ts';
import { type DataOptions, makeDataset } from '../src/data/dataset.ts';
import { hostData } from '../src/tensor/tensor.ts';
import { Generator } from '../src/util/generator.ts';

const table = (text: string) => readTable(text, 'a.csv');

describe('readTable', () => {
  test('columns, rows with their numbers, blank rows and blanks passed over', () => {
    expect(table('\uFEFFa, b\n1,2\n\n 3 ,4\n')).toEqual({
      name: 'a.csv',
      columns: ['a', 'b'],
      rows: [
        { number: 2, cells: ['1', '2'] },
        { number: 4, cells: ['3', '4'] },
      ],
    });
  });

  test.each([
    ['semicolons', 'a;b\n1;2', ['1', '2']],
    ['tabs and CRLF', 'a\tb\r\n1\t2\r\n', ['1', '2']],
    ['quotes', 'a,b\n"1,5","say ""hi"""', ['1,5', 'say "hi"']],
  ])('%s', (_name, text, cells) => {
    expect(table(text).rows[0]?.cells).toEqual(cells);
  });

  test.each([
    ['', 'a.csv: expected a header row and data, got an empty file'],
    ['\n\n', 'a.csv: expected a header row and data, got an empty file'],
    ['a,b\n', 'a.csv: expected rows of data after the header, got none'],
    ['a,b,a\n1,2,3', "a.csv: the header names column 'a' twice"],
    ['a,b\n1,2\n1,2,3', 'a.csv: row 3: expected 2 fields as in the header, got 3'],
    ['a,b\n1,2\n\n1', 'a.csv: row 4: expected 2 fields as in the header, got 1'],
    ['a,b\n1,"2', 'a.csv: row 2: a quotation mark is not closed, or stands inside a field that is not quoted'],
  ])('refuses %j', (text, message) => {
    expect(() => table(text)).toThrow(expect.objectContaining({ message }));
  });
});

describe('columns', () => {
  test('numbers of some columns, row after row', () => {
    expect(numbers(table('a,b,c\n1,2,3\n-4,5e-1,6'), ['c', 'b'])).toEqual(new Float32Array([3, 2, 6, 0.5]));
  });

  test.each([
    ['a,b\n1,2\n1,x', ['a', 'b'], "a.csv: row 3, column 'b': expected a number, got 'x'"],
    ['a,b\n1,\n', ['a', 'b'], "a.csv: row 2, column 'b': expected a number, got an empty field"],
    ['a,b\n1,inf\n', ['a', 'b'], "a.csv: row 2, column 'b': expected a number, got 'inf'"],
    ['width,height\n1,2', ['widht'], "a.csv: there is no column 'widht' (did you mean 'width'?)"],
    ['a,b\n1,2', ['zzz'], "a.csv: there is no column 'zzz'; the columns are a, b"],
    [
      'p0,p1,p2,p3,p4,p5,p6,p7,p8,p9,p10,p11,p12\n0,1,2,3,4,5,6,7,8,9,10,11,12',
      ['label'],
      "a.csv: there is no column 'label'; the columns are p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, … (13 in all)",
    ],
  ])('refuses %j', (text, columns, message) => {
    expect(() => numbers(table(text), columns)).toThrow(expect.objectContaining({ message }));
  });

  test('classes: numbers in their order, words in theirs', () => {
    expect(labels(table('y\n10\n9\n10\n2'), 'y')).toEqual({
      classes: ['2', '9', '10'],
      indices: new BigInt64Array([2n, 1n, 2n, 0n]),
    });
    expect(labels(table('y,x\ndog,1\ncat,2'), 'y').classes).toEqual(['cat', 'dog']);
    expect(() => labels(table('y,x\na,1\n,2'), 'y')).toThrow(
      expect.objectContaining({ message: "a.csv: row 3, column 'y': expected a class, got an empty field" }),
    );
  });
});

describe('makeDataset', () => {
  const rows = Array.from({ length: 10 }, (_, i) => `${i},${10 * i},7,${i % 2 ? 'odd' : 'even'}`);
  const ten = table(`a,b,c,y\n${rows.join('\n')}`);
  const options: DataOptions = { task: 'classification', target: 'y', scale: 'none', split: { test: 0.25, seed: 0 } };

  test('splits as random_split does in PyTorch', () => {
    // [list(p) for p in torch.utils.data.random_split(range(10), [.75, .25], torch.Generator().manual_seed(0))]
    const { train, test, classes } = makeDataset(ten, { ...options, features: ['a'] });
    expect([...train.features]).toEqual([4, 1, 7, 5, 3, 9, 0, 8]);
    expect([...test.features]).toEqual([6, 2]);
    expect(classes).toEqual(['even', 'odd']);
    expect(train.targets).toEqual(new BigInt64Array([0n, 1n, 1n, 1n, 1n, 1n, 0n, 0n]));
  });

  test('features are all other columns, targets numbers for regression', () => {
    const { train } = makeDataset(ten, {
      ...options,
      task: 'regression',
      target: 'b',
      features: ['a', 'c'],
      shape: [1, 2],
    });
    expect(train.shape).toEqual([1, 2]);
    expect([...train.features.slice(0, 4)]).toEqual([4, 7, 1, 7]);
    expect([...train.targets.slice(0, 2)]).toEqual([40, 10]);
    expect(makeDataset(ten, options).train.shape).toEqual([3]);
  });

  test('scaling is fitted on the training part', () => {
    const scaled = (scale: DataOptions['scale']) => {
      const { train, test } = makeDataset(ten, { ...options, scale, features: ['a', 'c'] });
      return [...train.features.slice(0, 2), ...test.features.slice(0, 2)].map((v) => Number(v.toFixed(4)));
    };
    expect(scaled('none')).toEqual([4, 7, 6, 7]);
    expect(scaled({ divide: 2 })).toEqual([2, 3.5, 3, 3.5]);
    // of 4 1 7 5 3 9 0 8: minimum 0, range 9, mean 4.625, deviation 3.0388
    expect(scaled('minmax')).toEqual([0.4444, 0, 0.6667, 0]);
    expect(scaled('standardize')).toEqual([-0.2057, 0, 0.4525, 0]);
  });

  test.each([
    [{ features: ['a', 'y'] }, "a.csv: column 'y' is the target and cannot be a feature too"],
    [{ target: 'z' }, "a.csv: there is no column 'z'; the columns are a, b, c, y"],
    [{ shape: [2, 2] }, 'a.csv: a sample of shape [2, 2] takes 4 feature columns, got 3'],
    [{ task: 'regression' as const }, "a.csv: row 2, column 'y': expected a number, got 'even'"],
    [
      { split: { test: 0.05, seed: 0 } },
      'a.csv: 10 rows with a test fraction of 0.05 leave 10 for training and 0 for testing; expected at least 1 each',
    ],
  ])('refuses %j', (change, message) => {
    expect(() => makeDataset(ten, { ...options, ...change })).toThrow(expect.objectContaining({ message }));
  });

  test('batches: tensors of the rows, in order or shuffled', () => {
    const { train } = makeDataset(ten, { ...options, features: ['a'], shape: [1, 1, 1] });
    const [first, second] = [...batches(train, 5, null)];
    expect([first?.x.shape, first?.x.dtype, first?.target.shape, first?.target.dtype]).toEqual([
      [5, 1, 1, 1],
      'float32',
      [5],
      'int64',
    ]);
    expect(second?.size).toBe(3);
    expect([...hostData(second!.x, 'test')]).toEqual([9, 0, 8]);
    const shuffled = [...batches(train, 8, new Generator(1))][0]!;
    const order = [...new Generator(1).randperm(8)].map((i) => train.features[Number(i)]);
    expect([...hostData(shuffled.x, 'test')]).toEqual(order);
    const values = makeDataset(ten, { ...options, task: 'regression', target: 'b', features: ['a'] });
    expect([...batches(values.train, 8, null)][0]?.target.shape).toEqual([8, 1]);
  });
});

test.each([
  [10, 4, [4, 4, 2]],
  [8, 4, [4, 4]],
  [9, 4, [4, 5]],
  [3, 4, [3]],
  [1, 4, [1]],
  [3, 1, [1, 1, 1]],
])('batchSizes(%i, %i): a single sample joins the batch before', (rows, size, sizes) => {
  expect(batchSizes(rows, size)).toEqual(sizes);
});
