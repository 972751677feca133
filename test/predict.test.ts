/** `torcharc eval` and `torcharc predict`: what a trained model says, from a run's folder alone. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { evaluate, openTrained } from 'torcharc/node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { command } from './command.ts';

const folder = mkdtempSync(join(tmpdir(), 'torcharc-predict-'));
afterAll(() => rmSync(folder, { recursive: true }));

const write = (name: string, text: string | Uint8Array) => writeFileSync(join(folder, name), text);
const read = (name: string) => readFileSync(join(folder, name), 'utf8');
const lines = (text: string) => text.trimEnd().split('\n');

async function torcharc(...args: string[]): Promise<string> {
  const { code, out, err } = await command(folder, args);
  expect([code, err]).toEqual([0, '']);
  return out;
}
async function refused(...args: string[]): Promise<string> {
  const { code, out, err } = await command(folder, args);
  expect([code, out]).toEqual([2, '']);
  return err;
}

const rows = Array.from({ length: 60 }, (_, i) => {
  const [x, y] = [(i * 7) % 10, (i * 3) % 11];
  return { x, y, class: x + y > 9 ? 'high' : 'low', sum: 100 * (x + y) };
});
const table = (some: readonly object[]) =>
  `x,y,class,sum\n${some.map((row) => Object.values(row).join(',')).join('\n')}\n`;

const heads = `heads: {type: ReuseFork, names: [class, sum]}
class: {type: Linear, in_names: [class], out_features: 2}
sum: {type: Linear, in_names: [sum], out_features: 1}
`;
const arc = (rest: string) => `dag_in_shape: [2]\nbody: {type: Linear, layers: [16], activation: ReLU}\n${rest}`;
const common = `optimizer: {type: Adam, lr: 0.02}\nepochs: 8\nbatch_size: 8\n`;

beforeAll(async () => {
  write('points.csv', table(rows));
  write('two.yaml', arc(heads));
  write('one.yaml', arc('out: {type: Linear, out_features: 1}\n'));
  const two = `losses: {class: {type: CrossEntropyLoss}, sum: {type: MSELoss}}
data:
  csv: points.csv
  inputs: {points: {columns: [x, y], scale: standardize}}
  targets: {class: {column: class, task: classification}, sum: {columns: [sum], task: regression, scale: standardize}}
metrics: {class: [accuracy, confusion], sum: [mae, r2]}
`;
  write('two-config.yaml', `arc: two.yaml\n${two}${common}out: two\n`);
  const binary = `criterion: {type: BCEWithLogitsLoss}
data: {csv: points.csv, target: class, features: [x, y], task: classification, scale: minmax}
`;
  write('binary-config.yaml', `arc: one.yaml\n${binary}${common}out: binary\n`);
  await torcharc('train', 'two-config.yaml');
  await torcharc('train', 'binary-config.yaml');
});

describe('torcharc eval', () => {
  test('the scores of the last weights are those of the last line of metrics.jsonl', async () => {
    const last = JSON.parse(lines(read('two/metrics.jsonl')).at(-1)!);
    const said = JSON.parse(await torcharc('eval', 'two', '--weights', 'last', '--json'));
    expect(said).toMatchObject({ data: 'points.csv', samples: 12, epoch: 8, step: 48 });
    const test = Object.entries(last).filter(([name]) => name.startsWith('test_'));
    expect(test.length).toBe(7);
    for (const [name, value] of test) expect([name, said[name.slice(5)]]).toEqual([name, value]);
  });

  test('the best weights, in a table', async () => {
    const all = lines(read('two/metrics.jsonl')).map((line) => JSON.parse(line));
    const best = all.reduce((a, b) => (b.test_loss < a.test_loss ? b : a));
    const out = await torcharc('eval', 'two');
    expect(lines(out)[0]).toBe(`points.csv: 12 samples; best weights, after epoch ${best.epoch} (step ${best.step})`);
    expect(
      lines(out)
        .slice(3)
        .map((line) => line.split(/ {2,}/)[0]),
    ).toEqual(['loss', 'class accuracy', 'sum MAE', 'sum R²']);
  });

  test('other data, all of it, scaled and with the classes of the training', async () => {
    write('three.csv', table(rows.slice(0, 3).filter((row) => row.class === 'low')));
    const { samples, class_confusion } = JSON.parse(await torcharc('eval', 'two', '--data', 'three.csv', '--json'));
    expect(samples).toBe(class_confusion.flat().reduce((a: number, b: number) => a + b));
    expect(class_confusion[0]).toEqual([0, 0]);
    write('new.csv', table([{ ...rows[0], class: 'middle' }]));
    expect(await refused('eval', 'two', '--data', 'new.csv')).toMatch(/^error: new\.csv: .*'middle'.*\n$/);
  });

  test('a run that was moved, and a checkpoint of it alone', async () => {
    mkdirSync(join(folder, 'elsewhere'));
    cpSync(join(folder, 'two'), join(folder, 'elsewhere/run'), { recursive: true });
    cpSync(join(folder, 'points.csv'), join(folder, 'elsewhere/points.csv'));
    const [here, there] = [await openTrained(join(folder, 'two')), await openTrained(join(folder, 'elsewhere/run'))];
    expect((await evaluate(there)).scores).toEqual((await evaluate(here)).scores);
    renameSync(join(folder, 'elsewhere/run/checkpoints/step-48'), join(folder, 'alone'));
    expect(await torcharc('predict', 'alone', 'points.csv')).toBe(
      await torcharc('predict', 'two', 'points.csv', '--weights', 'last'),
    );
    expect(await refused('eval', 'elsewhere')).toBe(
      'error: elsewhere: expected a folder that torcharc train wrote, or a checkpoint, got one without checkpoints\n',
    );
  });
});

describe('torcharc predict', () => {
  test('a line for each row, in words and units; other columns are passed over', async () => {
    const out = lines(await torcharc('predict', 'two', 'points.csv', '--batch', '7'));
    expect(out[0]).toBe('class,class_score,sum');
    expect(out).toHaveLength(61);
    const said = out.slice(1).map((line) => line.split(','));
    expect(said.filter(([name], i) => name === rows[i]!.class).length).toBeGreaterThan(52);
    expect(said.every(([, score]) => Number(score) > 0.5 && Number(score) <= 1)).toBe(true);
    const errors = said.map(([, , sum], i) => Math.abs(Number(sum) - rows[i]!.sum));
    expect(errors.reduce((a, b) => a + b) / 60).toBeLessThan(150);
  });

  test('agrees with eval', async () => {
    const { class_accuracy, sum_mae } = JSON.parse(await torcharc('eval', 'two', '--data', 'points.csv', '--json'));
    const said = lines(await torcharc('predict', 'two', 'points.csv'))
      .slice(1)
      .map((line) => line.split(','));
    expect(said.filter(([name], i) => name === rows[i]!.class).length / 60).toBe(class_accuracy);
    const errors = said.map(([, , sum], i) => Math.abs(Number(sum) - rows[i]!.sum));
    expect(errors.reduce((a, b) => a + b) / 60).toBeCloseTo(sum_mae, 2);
  });

  test('JSON lines: columns or arrays, from standard input, all scores', async () => {
    const records = [rows[3]!, { points: [rows[3]!.x, rows[3]!.y] }, [rows[3]!.x, rows[3]!.y]];
    async function* stdin() {
      const text = records.map((record) => `${JSON.stringify(record)}\n`).join('\n');
      for (let i = 0; i < text.length; i += 5) yield text.slice(i, i + 5);
    }
    const { out, code } = await command(folder, ['predict', 'two', '-', '--scores'], { stdin: stdin() });
    expect(code).toBe(0);
    const said = lines(out).map((line) => JSON.parse(line));
    expect(new Set(lines(out)).size).toBe(1);
    expect(said).toHaveLength(3);
    expect(Object.keys(said[0])).toEqual(['class', 'class_scores', 'sum']);
    expect(said[0].class_scores.high + said[0].class_scores.low).toBeCloseTo(1, 5);
    const csv = lines(await torcharc('predict', 'two', 'points.csv', '--scores', '--format', 'csv'));
    expect(csv[0]).toBe('class,class_scores_high,class_scores_low,sum');
    expect(csv[4]).toBe([said[0].class, ...Object.values(said[0].class_scores), said[0].sum].join(','));
  });

  test('to a file, whose name says the format', async () => {
    expect(await torcharc('predict', 'two', 'points.csv', '-o', 'said.jsonl')).toBe('');
    expect(lines(read('said.jsonl'))).toHaveLength(60);
    expect(Object.keys(JSON.parse(lines(read('said.jsonl'))[0]!))).toEqual(['class', 'class_score', 'sum']);
    write('cut.csv', 'x,y\n1,2\n3\n');
    expect(await refused('predict', 'two', 'cut.csv', '-o', 'said.jsonl')).toBe(
      'error: cut.csv: row 3: expected 2 fields as in the header, got 1\n',
    );
    expect(lines(read('said.jsonl'))).toHaveLength(60);
  });

  test('one score for two classes', async () => {
    const said = lines(await torcharc('predict', 'binary', 'points.csv'))
      .slice(1)
      .map((line) => line.split(','));
    expect(said.filter(([name], i) => name === rows[i]!.class).length).toBeGreaterThan(50);
    expect(said.every(([, score]) => Number(score) >= 0.5)).toBe(true);
  });

  test('images', async () => {
    for (const [i, name] of ['dark', 'light'].entries()) {
      mkdirSync(join(folder, 'images', name), { recursive: true });
      for (let k = 0; k < 8; k++) {
        const data = new Uint8Array(36).fill(20 * k + 90 * i);
        write(`images/${name}/${k}.png`, encode({ width: 6, height: 6, channels: 1, data }));
      }
    }
    write('net.yaml', 'dag_in_shape: [1, 4, 4]\nflat: {type: Flatten}\nout: {type: Linear, out_features: 2}\n');
    const data =
      'data: {images: {folder: images, size: [4, 4], channels: 1}, scale: standardize, split: {test: 0.25, seed: 1}}\n';
    write('images.yaml', `arc: net.yaml\ncriterion: {type: CrossEntropyLoss}\n${data}${common}out: seen\n`);
    await torcharc('train', 'images.yaml');
    const out = lines(await torcharc('predict', 'seen', 'images/dark/0.png', 'images/light/7.png'));
    expect(out[0]).toBe('file,prediction,prediction_score');
    expect(out.slice(1).map((line) => line.split(',').slice(0, 2))).toEqual([
      ['images/dark/0.png', 'dark'],
      ['images/light/7.png', 'light'],
    ]);
    expect(await refused('predict', 'two', 'images/dark/0.png')).toMatch(/^error: predict: expected CSV or JSON lines/);
    expect(await refused('predict', 'seen', 'images/dark/0.png', 'points.csv')).toBe(
      'error: predict: expected one file of records, or images, got several files\n',
    );
  });

  test('other data of several files: a folder of them', async () => {
    const classes = rows.map(({ class: name }) => (name === 'high' ? 1 : 0));
    const idx = (type: number, shape: readonly number[], values: readonly number[]) =>
      Uint8Array.from([0, 0, type, shape.length, ...shape.flatMap((n) => [0, 0, 0, n]), ...values]);
    const files = (into: string, count: number) => {
      mkdirSync(join(folder, into), { recursive: true });
      const some = rows.slice(0, count);
      write(
        `${into}/points.idx`,
        idx(
          8,
          [count, 2],
          some.flatMap(({ x, y }) => [x, y]),
        ),
      );
      write(`${into}/classes.idx`, idx(8, [count], classes.slice(0, count)));
    };
    files('all', 60);
    files('few', 20);
    const data = 'data: {idx: {images: all/points.idx, labels: all/classes.idx}}\n';
    write(
      'idx.yaml',
      `arc: {type: Linear, in_features: 2, out_features: 2}\ncriterion: {type: CrossEntropyLoss}\n${data}${common}out: by-idx\n`,
    );
    await torcharc('train', 'idx.yaml');
    expect(await torcharc('eval', 'by-idx', '--data', 'few')).toMatch(/points.idx: 20 samples/);
    for (const wrong of ['all/points.idx', 'images', 'none']) {
      expect(await refused('eval', 'by-idx', '--data', wrong)).toBe(
        `error: ${wrong}: expected a folder with files of these names, which the data of the run consist of: points.idx, classes.idx\n`,
      );
    }
  });

  test('a series: what follows its end', async () => {
    const level = (i: number) => 50 + 2 * i;
    const weeks = (count: number) =>
      `week,level\n${Array.from({ length: count }, (_, i) => `${i},${level(i)}`).join('\n')}\n`;
    write('series.csv', weeks(80));
    write('line.yaml', 'dag_in_shape: [5, 1]\nflat: {type: Flatten}\nout: {type: Linear, out_features: 2}\n');
    const data =
      'data: {series: {csv: series.csv, columns: [level], length: 5, horizon: 2, relative: true}, scale: {divide: 10}}\n';
    const more = 'optimizer: {type: LBFGS, lr: 1, max_iter: 30}\nepochs: 3\nbatch_size: 200\n';
    write('series.yaml', `arc: line.yaml\ncriterion: {type: MSELoss}\n${data}${more}out: forecast\n`);
    await torcharc('train', 'series.yaml');
    write('now.csv', weeks(120));
    const [head, said] = lines(await torcharc('predict', 'forecast', 'now.csv'));
    expect(head).toBe('level_1,level_2');
    for (const [i, value] of said!.split(',').entries()) expect(Number(value)).toBeCloseTo(level(120 + i), 1);
    write('short.csv', weeks(4));
    expect(await refused('predict', 'forecast', 'short.csv')).toBe(
      'error: short.csv: expected at least 5 rows to forecast from, got 4\n',
    );
  });
});
