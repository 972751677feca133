/** Tables and series from CSV files. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { unscaled } from '../src/data/fields.ts';
import { loader } from '../src/data/loader.ts';
import type { OpenOptions } from '../src/data/open.ts';
import type { Dataset } from '../src/data/samples.ts';
import { hostData } from '../src/tensor/tensor.ts';
import { Generator } from '../src/util/generator.ts';
import { message, open, rowsOf } from './data.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'torcharc-data-'));
  // pixels p0 to p3, a question, a word, values
  const rows = Array.from({ length: 20 }, (_, i) =>
    [i, i + 1, i * i, 7, i % 3, -i, ['low', 'high'][i % 2], 10 * i, 100 - i].join(','),
  );
  await write('a.csv', `p0,p1,p2,p3,ask_a,ask_b,word,v,w\n${rows.join('\n')}\n`);
  await write('series.csv', `day,x,y\n${Array.from({ length: 40 }, (_, i) => `d${i},${i},${100 + i}`).join('\n')}\n`);
});
afterAll(() => rm(folder, { recursive: true }));

const write = (name: string, content: string | Uint8Array) => writeFile(join(folder, name), content);
const opened = (config: unknown, options: Partial<OpenOptions> = {}): Promise<Dataset> => open(folder, config, options);
const at = (size: number) => Uint32Array.from({ length: size }, (_, i) => i);

describe('one table', () => {
  const ten = { csv: 'ten.csv', target: 'y', task: 'classification', split: { test: 0.25, seed: 0 } };
  beforeAll(() => {
    const rows = Array.from({ length: 10 }, (_, i) => `${i},${10 * i},7,${i % 2 ? 'odd' : 'even'}`);
    return write('ten.csv', `a,b,c,y\n${rows.join('\n')}\n`);
  });

  test('splits as random_split does in PyTorch', async () => {
    // [list(p) for p in torch.utils.data.random_split(range(10), [.75, .25], torch.Generator().manual_seed(0))]
    const { info, train, test } = await opened({ ...ten, features: ['a'] });
    expect((await rowsOf(train.inputs.input!)).flat()).toEqual([4, 1, 7, 5, 3, 9, 0, 8]);
    expect((await rowsOf(test.inputs.input!)).flat()).toEqual([6, 2]);
    expect(info.targets.target!.classes).toEqual(['even', 'odd']);
    expect((await rowsOf(train.targets.target!)).flat()).toEqual([0, 1, 1, 1, 1, 1, 0, 0]);
  });

  test('features are all other columns', async () => {
    const { train } = await opened({ ...ten, target: 'b', task: 'regression', features: ['a', 'c'], shape: [1, 2] });
    expect([train.inputs.input!.shape, train.targets.target!.shape]).toEqual([[1, 2], [1]]);
    expect((await rowsOf(train.inputs.input!))[0]).toEqual([4, 7]);
    expect((await rowsOf(train.targets.target!))[0]).toEqual([40]);
    expect((await opened(ten)).info.inputs.input!.columns).toEqual(['a', 'b', 'c']);
  });

  test('scaling is fitted on the training part', async () => {
    const scaled = async (scale: unknown) => {
      const { train, test } = await opened({ ...ten, scale, features: ['a', 'c'] });
      const rows = [(await rowsOf(train.inputs.input!))[0]!, (await rowsOf(test.inputs.input!))[0]!];
      return rows.flat().map((v) => Number(v.toFixed(4)));
    };
    expect(await scaled('none')).toEqual([4, 7, 6, 7]);
    expect(await scaled({ divide: 2 })).toEqual([2, 3.5, 3, 3.5]);
    // of 4 1 7 5 3 9 0 8: minimum 0, range 9, mean 4.625, deviation 3.0388
    expect(await scaled('minmax')).toEqual([0.4444, 0, 0.6667, 0]);
    expect(await scaled('standardize')).toEqual([-0.2057, 0, 0.4525, 0]);
  });

  test('classes: numbers in their order, words in theirs', async () => {
    await write('classes.csv', 'n,w,x\n10,dog,1\n9,cat,2\n10,dog,3\n2,cat,4\n');
    const of = async (target: string) => {
      const split = { test: 0.5, by: 'order' };
      const config = { csv: 'classes.csv', features: ['x'], target, task: 'classification', split };
      const { info, train } = await opened(config);
      return [info.targets.target!.classes, (await rowsOf(train.targets.target!)).flat()];
    };
    expect(await of('n')).toEqual([
      ['2', '9', '10'],
      [2, 1],
    ]);
    expect(await of('w')).toEqual([
      ['cat', 'dog'],
      [1, 0],
    ]);
  });

  test.each([
    [{ features: ['a', 'y'] }, "column 'y' is the target and cannot be a feature too"],
    [{ target: 'z' }, "there is no column 'z'; the columns are a, b, c, y"],
    [{ shape: [2, 2] }, 'a sample of shape [2, 2] takes 4 feature columns, got 3'],
    [{ task: 'regression' }, "row 2, column 'y': expected a number, got 'even'"],
    [
      { split: { test: 0.05, seed: 0 } },
      '10 rows with a test fraction of 0.05 leave 10 for training and 0 for testing; expected at least 1 each',
    ],
  ])('refuses %j', async (change, text) => {
    await expect(opened({ ...ten, ...change })).rejects.toThrow(message(`${join(folder, 'ten.csv')}: ${text}`));
  });

  test('description', async () => {
    const target = { csv: 'a.csv', target: 'v', task: 'regression', split: { test: 0.2, by: 'order' } };
    const { info } = await opened({
      ...target,
      features: ['p0', 'ask*'],
      scale: 'minmax',
      target_scale: { divide: 5 },
    });
    expect(info).toEqual({
      name: join(folder, 'a.csv'),
      inputs: {
        input: {
          shape: [3],
          dtype: 'float32',
          columns: ['p0', 'ask_a', 'ask_b'],
          scale: { shift: [0, 0, -15], factor: [15, 2, 15], inner: 1 },
        },
      },
      targets: {
        target: {
          task: 'regression',
          shape: [1],
          columns: ['v'],
          classes: [],
          scale: { shift: [0], factor: [5], inner: 1 },
        },
      },
    });
    expect(JSON.parse(JSON.stringify(info))).toEqual(info);
  });

  test('split by order', async () => {
    const split = { test: 0.3, by: 'order' };
    const { train, test } = await opened({ csv: 'a.csv', features: ['p0'], target: 'v', task: 'regression', split });
    expect((await rowsOf(train.inputs.input!)).flat()).toEqual([...at(14)]);
    expect((await rowsOf(test.inputs.input!)).flat()).toEqual([14, 15, 16, 17, 18, 19]);
  });

  test('a target that is scaled', async () => {
    const config = { csv: 'a.csv', features: ['p0'], target: 'v', task: 'regression', target_scale: 'standardize' };
    const { info, train } = await opened(config);
    const values = await train.targets.target!.take(at(train.size));
    const mean = [...(values as Float32Array)].reduce((sum, v) => sum + v, 0) / train.size;
    expect(mean).toBeCloseTo(0, 6);
    const seen = (await rowsOf(train.inputs.input!)).flat();
    expect([...unscaled(values as Float32Array, info.targets.target!.scale)].map(Math.round)).toEqual(
      seen.map((v) => 10 * v),
    );
  });
});

describe('several inputs and targets', () => {
  const config = {
    csv: 'a.csv',
    inputs: {
      image: { columns: ['p*'], shape: [1, 2, 2], scale: { divide: 2 } },
      question: { columns: ['ask_a'], dtype: 'int64' },
    },
    targets: {
      word: { column: 'word', task: 'classification' },
      values: { columns: ['v', 'w'], task: 'regression', scale: 'minmax' },
    },
    split: { test: 0.5, by: 'order' },
  };

  test.each([false, true])('stream: %s', async (stream) => {
    const data = await opened({ ...config, stream }, { cache: folder });
    const { info, train, test } = data;
    expect(Object.entries(train.inputs).map(([name, { shape, dtype }]) => [name, shape, dtype])).toEqual([
      ['image', [1, 2, 2], 'float32'],
      ['question', [1], 'int64'],
    ]);
    expect((await rowsOf(train.inputs.image!))[3]).toEqual([1.5, 2, 4.5, 3.5]);
    expect((await rowsOf(test.inputs.question!)).flat()).toEqual([1, 2, 0, 1, 2, 0, 1, 2, 0, 1]);
    expect((await rowsOf(train.targets.word!)).flat()).toEqual([1, 0, 1, 0, 1, 0, 1, 0, 1, 0]);
    expect(info.targets.word!.classes).toEqual(['high', 'low']);
    expect((await rowsOf(train.targets.values!))[9]).toEqual([1, 0]);
    expect(train.targets.values!.shape).toEqual([2]);
    await data.close?.();
  });

  test.each([
    [
      { inputs: { a: { columns: ['q*'] } } },
      "no column matches 'q*'; the columns are p0, p1, p2, p3, ask_a, ask_b, word, v, w",
    ],
    [{ inputs: { a: { columns: ['v'] } } }, "column 'v' is the target and cannot be a feature too"],
    [{ inputs: { a: { columns: ['p*'], shape: [3] } } }, 'a sample of shape [3] takes 3 feature columns, got 4'],
    [{ targets: { a: { column: 'wrd', task: 'classification' } } }, "there is no column 'wrd' (did you mean 'word'?)"],
    [
      { inputs: { a: { columns: ['word*'] } }, targets: { a: { column: 'v', task: 'regression' } } },
      "row 2, column 'word': expected a number, got 'low'",
    ],
    [
      { inputs: { a: { columns: ['p0'], dtype: 'int64', scale: 'minmax' } } },
      "input 'a': int64 values cannot be scaled",
    ],
    [
      { targets: { a: { column: 'word', task: 'classification', scale: 'minmax' } } },
      "target 'a': classes cannot be scaled",
    ],
  ])('refuses %j', async (change, text) => {
    await expect(opened({ ...config, ...change })).rejects.toThrow(message(`${join(folder, 'a.csv')}: ${text}`));
  });
});

describe('a file held outside memory', () => {
  const config = { csv: 'a.csv', features: ['p*'], target: 'word', task: 'classification', scale: 'standardize' };

  test('has the samples, the split and the scaling that it has in memory', async () => {
    const [held, streamed] = [await opened(config), await opened({ ...config, stream: true }, { cache: folder })];
    const { shift, factor } = streamed.info.inputs.input!.scale!;
    const other = held.info.inputs.input!.scale!;
    for (const [i, value] of shift.entries()) expect(value).toBeCloseTo(other.shift[i]!, 12);
    for (const [i, value] of factor.entries()) expect(value).toBeCloseTo(other.factor[i]!, 12);
    const byFirst = (rows: number[][]) => rows.toSorted((a, b) => a[0]! - b[0]!);
    for (const part of ['train', 'test'] as const) {
      const [a, b] = [await rowsOf(held[part].inputs.input!), await rowsOf(streamed[part].inputs.input!)];
      expect(byFirst(a).map((row) => row.map((v) => v.toFixed(6)))).toEqual(
        b.map((row) => row.map((v) => v.toFixed(6))),
      );
    }
    await streamed.close!();
  });

  test('leaves no file behind, however the process ends', async () => {
    const cache = join(folder, 'cache');
    await mkdir(cache);
    const data = await opened({ ...config, stream: true }, { cache });
    // in use, but without a name
    expect(await readdir(cache)).toEqual([]);
    expect((await rowsOf(data.test.inputs.input!)).length).toBe(4);
    await data.close!();
    // nor after an error, whether in the table, in the split or in the folder
    await write('bad.csv', 'p0,word\n1,a\nx,b\n');
    await expect(opened({ ...config, csv: 'bad.csv', stream: true }, { cache })).rejects.toThrow(
      message(`${join(folder, 'bad.csv')}: row 3, column 'p0': expected a number, got 'x'`),
    );
    await expect(opened({ ...config, stream: true, split: { test: 0.01 } }, { cache })).rejects.toThrow(/20 rows/);
    expect(await readdir(cache)).toEqual([]);
    await (await opened({ ...config, stream: true }, { cache: join(cache, 'new') })).close!();
    await expect(opened({ ...config, stream: true }, { cache: join(folder, 'a.csv') })).rejects.toThrow(
      message(`cannot write to ${join(folder, 'a.csv')}: it is a file, not a folder`),
    );
  });

  test('large: every row comes once an epoch, in another order each, the same for a seed', async () => {
    const rows = Array.from({ length: 30_000 }, (_, i) => `${i},${i % 7},${'c'.repeat(1 + (i % 3))}`);
    await write('large.csv', `x,y,c\n${rows.join('\r\n')}`);
    const data = await opened({ csv: 'large.csv', target: 'c', task: 'classification', stream: true });
    let wrong = 0;
    const epoch = async (shuffle: Generator) => {
      const seen: number[] = [];
      for await (const { inputs, targets } of loader(data.train, { batchSize: 100, shuffle })) {
        const [x, c] = [hostData(inputs.input!, 'test'), hostData(targets.target!, 'test')];
        for (let i = 0; i < c.length; i++) {
          seen.push(Number(x[2 * i]));
          if (Number(x[2 * i + 1]) !== Number(x[2 * i]) % 7 || Number(c[i]) !== Number(x[2 * i]) % 3) wrong++;
        }
      }
      return seen;
    };
    const generator = new Generator(5);
    const [first, second] = [await epoch(generator), await epoch(generator)];
    expect(new Set(first).size).toBe(24_000);
    expect(second).not.toEqual(first);
    expect(second.toSorted()).toEqual(first.toSorted());
    expect(await epoch(new Generator(5))).toEqual(first);
    expect(wrong).toBe(0);
    await data.close!();
  });
});

describe('data of an earlier run', () => {
  const config = { csv: 'a.csv', features: ['p0'], target: 'word', task: 'classification', scale: 'minmax' };

  test('its scaling and classes are used', async () => {
    const { info } = await opened(config);
    await write('other.csv', 'word,p0\nlow,190\nlow,0\n');
    const { train, test, info: now } = await opened({ ...config, csv: 'other.csv' }, { info, whole: true });
    expect([train.size, test.size]).toEqual([0, 2]);
    const { shift, factor } = info.inputs.input!.scale!;
    const scaled = [190, 0].map((v) => Math.fround((v - shift[0]!) / factor[0]!));
    expect((await rowsOf(test.inputs.input!)).flat()).toEqual(scaled);
    expect((await rowsOf(test.targets.target!)).flat()).toEqual([1, 1]);
    expect(now).toEqual({ ...info, name: join(folder, 'other.csv') });
  });

  test('other classes, inputs and shapes are refused', async () => {
    const { info } = await opened(config);
    await write('other.csv', 'word,p0,p1\nlow,190,1\nmiddle,0,1\n');
    const other = { ...config, csv: 'other.csv' };
    await expect(opened(other, { info, whole: true })).rejects.toThrow(
      message(
        `${join(folder, 'other.csv')}: row 3, column 'word': expected one of the classes high, low, got 'middle'`,
      ),
    );
    await expect(opened({ ...config, features: ['p0', 'p1'] }, { info })).rejects.toThrow(
      message(`${join(folder, 'a.csv')}: inputs 'input': expected shape [1] as in ${info.name}, got shape [2]`),
    );
  });

  test('a test file of its own', async () => {
    await write('test.csv', 'word,p0\nlow,190\n');
    const { train, test, info } = await opened({ ...config, split: { file: 'test.csv' } });
    expect([train.size, test.size]).toEqual([20, 1]);
    expect((await rowsOf(test.inputs.input!)).flat()).toEqual([10]);
    expect(info.name).toBe(join(folder, 'a.csv'));
  });
});

describe('series', () => {
  const series = { csv: 'series.csv', columns: ['x', 'y'], targets: ['y'], length: 5, horizon: 3 };

  test('windows, none of training reaching into the test part', async () => {
    const { info, train, test } = await opened({ series, split: { test: 0.25 } });
    expect([train.inputs.input!.shape, train.targets.target!.shape]).toEqual([[5, 2], [3]]);
    const seen = async (part: typeof train) => (await rowsOf(part.inputs.input!)).map((row) => row[0]);
    const forecast = async (part: typeof train) =>
      (await rowsOf(part.targets.target!)).map((row) => row.map((v) => v - 100));
    expect(await seen(train)).toEqual([...at(23)]);
    expect((await forecast(train)).at(-1)).toEqual([27, 28, 29]);
    expect((await forecast(test))[0]).toEqual([30, 31, 32]);
    expect(await seen(test)).toEqual([25, 26, 27, 28, 29, 30, 31, 32]);
    expect((await forecast(test)).at(-1)).toEqual([37, 38, 39]);
    expect((await rowsOf(test.inputs.input!))[0]).toEqual([25, 125, 26, 126, 27, 127, 28, 128, 29, 129]);
    expect(info.inputs.input!.columns).toEqual(['x', 'y']);
  });

  test('scaled by the rows before the cut, targets too', async () => {
    const { info, train, test } = await opened({ series, scale: 'minmax', split: { test: 0.25 } });
    expect(info.inputs.input!.scale).toEqual({ shift: [0, 100], factor: [29, 29], inner: 1 });
    expect(info.targets.target!.scale).toEqual({ shift: [100], factor: [29], inner: 1 });
    expect((await rowsOf(train.targets.target!)).at(-1)).toEqual([27, 28, 29].map((v) => Math.fround(v / 29)));
    const values = (await test.targets.target!.take(Uint32Array.of(0))) as Float32Array;
    expect([...unscaled(values, info.targets.target!.scale)].map(Math.round)).toEqual([130, 131, 132]);
  });

  test('several targets, a stride', async () => {
    const { info, train } = await opened({
      series: { ...series, targets: undefined, stride: 4 },
      scale: 'standardize',
      split: { test: 0.25 },
    });
    expect([train.size, train.targets.target!.shape]).toEqual([6, [6]]);
    const { target } = info.targets;
    const values = (await train.targets.target!.take(Uint32Array.of(1))) as Float32Array;
    expect([...unscaled(values, target!.scale)].map(Math.round)).toEqual([9, 109, 10, 110, 11, 111]);
  });

  test('another file, and that of an earlier run', async () => {
    await write('next.csv', `x,y\n${Array.from({ length: 9 }, (_, i) => `${i},${i}`).join('\n')}\n`);
    const { info, train, test } = await opened({ series, scale: 'minmax', split: { file: 'next.csv' } });
    expect([train.size, test.size]).toEqual([33, 2]);
    expect((await rowsOf(test.inputs.input!))[1]![0]).toBe(Math.fround(1 / 39));
    const again = await opened({ series: { ...series, csv: 'next.csv' }, scale: 'minmax' }, { info, whole: true });
    expect([again.train.size, await rowsOf(again.test.inputs.input!)]).toEqual([0, await rowsOf(test.inputs.input!)]);
  });

  test.each([
    [
      { ...series, length: 50 },
      '40 rows hold 0 windows of 50 and 3 rows for training and 0 for testing; expected at least 1 each',
    ],
    [
      { ...series, horizon: 9 },
      '40 rows hold 19 windows of 5 and 9 rows for training and 0 for testing; expected at least 1 each',
    ],
    [{ ...series, columns: ['day'] }, "row 2, column 'day': expected a number, got 'd0'"],
    [{ ...series, columns: ['z'] }, "there is no column 'z'; the columns are day, x, y"],
  ])('refuses %j', async (change, text) => {
    await expect(opened({ series: change })).rejects.toThrow(message(`${join(folder, 'series.csv')}: ${text}`));
  });
});
