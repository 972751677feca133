import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'torcharc';
import { readArc, readSafetensors } from 'torcharc/node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run, type Terminal } from '../src/cli/run.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'torcharc-cli-'));
  // two classes, told apart by x + y; three rows short of a multiple of the batch size
  const rows = Array.from({ length: 45 }, (_, i) => {
    const [x, y] = [(i * 7) % 10, (i * 3) % 11];
    return `${x},${y},${x + y > 9 ? 'high' : 'low'},${2 * x - y}`;
  });
  await write('points.csv', `x,y,class,value\n${rows.join('\n')}\n`);
  await write('arc.yaml', arc);
  await write('config.yaml', config);
});
afterAll(() => rm(folder, { recursive: true }));

const arc = `dag_in_shape: [2]
body: {type: Linear, layers: [8], batch_norm: true, activation: ReLU, dropout: 0.1}
head: {type: Linear, out_features: 2}
`;
const config = `arc: arc.yaml
criterion: {type: CrossEntropyLoss}
optimizer: {type: Adam, lr: 0.05}
data: {csv: points.csv, target: class, features: [x, y], task: classification, scale: standardize}
epochs: 3
batch_size: 7
`;

const write = (name: string, text: string) => writeFile(join(folder, name), text);
const read = (name: string) => readFile(join(folder, name), 'utf8');

/** Run a command in the folder; times are replaced by 0. */
async function torcharc(line: string, terminal: Partial<Terminal> = {}) {
  let [out, err] = ['', ''];
  const code = await run(line.split(' ').filter(Boolean), {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    cwd: folder,
    isTTY: false,
    ...terminal,
  });
  const clean = (text: string) =>
    text
      .replaceAll(`${folder}/`, '')
      .replaceAll(folder, '.')
      .replace(/\d+\.\d s\b/g, '0.0 s');
  return { code, out: clean(out), err: clean(err) };
}

describe('torcharc', () => {
  test('--help', async () => {
    const { code, out, err } = await torcharc('--help');
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatchInlineSnapshot();
  });

  test('train --help', async () => {
    const { code, out } = await torcharc('train --help');
    expect(code).toBe(0);
    expect(out).toMatchInlineSnapshot();
  });

  test('summary --help', async () => {
    const { code, out } = await torcharc('summary --help');
    expect(code).toBe(0);
    expect(out).toMatchInlineSnapshot();
  });

  test('--version', async () => {
    const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
    expect(await torcharc('--version')).toEqual({ code: 0, out: `${version}\n`, err: '' });
  });

  test.each([
    ['', 'error: expected a command: train or summary; see torcharc --help\n'],
    ['trian config.yaml', "error: unknown command 'trian' (Did you mean train?)\n"],
    ['train', "error: missing required argument 'config.yaml'\n"],
    ['train config.yaml more', ''],
    ['train config.yaml --epoch 3', "error: unknown option '--epoch' (Did you mean --epochs?)\n"],
    ['train config.yaml --epochs', "error: option '--epochs <n>' argument missing\n"],
    ['train config.yaml --epochs 0', ''],
    ['train config.yaml --seed x', ''],
    ['train none.yaml', 'error: cannot read none.yaml: no such file or folder\n'],
    ['train .', ''],
    ['summary none.yaml', 'error: cannot read none.yaml: no such file or folder\n'],
  ])('torcharc %s', async (line, message) => {
    expect(await torcharc(line)).toEqual({ code: 2, out: '', err: message });
  });

  test('--debug shows the stack', async () => {
    const { code, err } = await torcharc('train none.yaml --debug');
    expect(code).toBe(2);
    expect(err).toMatch(/^error: cannot read none.yaml: no such file or folder\nTorcharcError: .*\n {4}at /);
    expect(err).toMatch(/\ncaused by Error: ENOENT/);
  });
});

describe('torcharc train', () => {
  test('plain lines, a table, and the score last of all', async () => {
    const { code, out, err } = await torcharc('train config.yaml');
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatchInlineSnapshot();
  });

  test('writes the config, the arc, metrics and weights; the config can be trained again to the same numbers', async () => {
    expect((await readdir(join(folder, 'out'))).sort()).toEqual([
      'arc.json',
      'best.safetensors',
      'config.yaml',
      'last.safetensors',
      'metrics.jsonl',
    ]);
    expect(await read('out/config.yaml')).toMatchInlineSnapshot();
    const metrics = await read('out/metrics.jsonl');
    const lines = metrics
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
    expect(Object.keys(lines[0])).toEqual(['epoch', 'lr', 'train_loss', 'test_loss', 'test_accuracy']);
    const weights = await readFile(join(folder, 'out/last.safetensors'));
    build(await readArc(join(folder, 'out/arc.json'))).loadStateDict(
      await readSafetensors(join(folder, 'out/last.safetensors')),
    );
    const again = await torcharc('train out/config.yaml');
    expect([again.code, again.err]).toEqual([0, '']);
    expect(await read('out/metrics.jsonl')).toBe(metrics);
    expect((await readFile(join(folder, 'out/last.safetensors'))).equals(weights)).toBe(true);
  });

  test('--seed, --epochs and --out; another seed gives other numbers', async () => {
    const { code, out } = await torcharc('train config.yaml --seed 5 --epochs 1 --out deep/er');
    expect(code).toBe(0);
    expect(out).toContain('seed 5\n');
    const first = (await read('out/metrics.jsonl')).split('\n')[0];
    const [line, ...rest] = (await read('deep/er/metrics.jsonl')).split('\n');
    expect([line === first, rest]).toEqual([false, ['']]);
    expect(await read('deep/er/config.yaml')).toContain('seed: 5\n');
    expect(await read('deep/er/config.yaml')).toContain('csv: ../../points.csv\n');
  });

  test('regression, with an arc inside the config and an out that is the config’s own folder', async () => {
    await mkdir(join(folder, 'own'));
    const text = `# mine
arc: {type: Linear, in_features: 2, out_features: 1}
criterion: {type: MSELoss}
optimizer: {type: SGD, lr: 0.1}
data: {csv: ../points.csv, target: value, features: [x, y], task: regression, scale: standardize}
epochs: 2
batch_size: 16
out: .
`;
    await write('own/config.yaml', text);
    const { code, out, err } = await torcharc('train own/config.yaml');
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatchInlineSnapshot();
    expect(await read('own/config.yaml')).toBe(text);
  });

  test('two classes with binary cross entropy', async () => {
    const bce = config.replace('CrossEntropyLoss', 'BCEWithLogitsLoss').replace('arc.yaml', 'one.yaml');
    await write('one.yaml', arc.replace('out_features: 2', 'out_features: 1'));
    await write('bce.yaml', bce);
    const { code, out } = await torcharc('train bce.yaml --out bce --epochs 12');
    expect(code).toBe(0);
    expect(Number(/test accuracy (.*) %\n$/.exec(out)?.[1])).toBeGreaterThan(70);
  });

  test('on a terminal: a live line that is written over, without color if NO_COLOR is set', async () => {
    const { out } = await torcharc('train config.yaml', { isTTY: true, columns: 100, env: { NO_COLOR: '1' } });
    const live = out.split('\r\x1b[2K').filter((part) => part.includes('samples/s'));
    expect(live[0]?.replace(/[\d.]+ samples/, '0 samples')).toMatch(
      /^epoch 1\/3 {2}━+╸? * {2}loss [\d.]+ {2}0 samples\/s {2}0:\d\d left$/,
    );
    expect(out.replaceAll('\x1b[2K', '')).not.toContain('\x1b[');
    expect(out.endsWith(' %\n')).toBe(true);
  });

  test('stopped: the weights of the last complete epoch stay, exit code 130', async () => {
    const stop = new AbortController();
    let epochs = 0;
    const stdout = {
      write: (text: string) => {
        epochs += Number(text.startsWith('epoch'));
        if (epochs === 2) stop.abort();
      },
    };
    const { code, err } = await torcharc('train config.yaml --epochs 50 --out stopped', {
      stdout,
      signal: stop.signal,
    });
    expect(code).toBe(130);
    expect(err).toBe('error: stopped: stopped/last.safetensors holds the weights after epoch 2\n');
    expect((await read('stopped/metrics.jsonl')).trimEnd().split('\n')).toHaveLength(2);
    expect((await readSafetensors(join(folder, 'stopped/last.safetensors'))).size).toBeGreaterThan(0);
  });

  test('a run that cannot go on: exit code 1', async () => {
    await write('diverge.yaml', config.replace('lr: 0.05', 'lr: 1e30').replace('type: Adam', 'type: SGD'));
    const { code, err } = await torcharc('train diverge.yaml --out diverge');
    expect(code).toBe(1);
    expect(err).toMatchInlineSnapshot();
  });
});

describe('bad input: exit code 2 and a line each', () => {
  const bad = async (name: string, line: string, files: Record<string, string>) => {
    await mkdir(join(folder, name), { recursive: true });
    await Promise.all(Object.entries(files).map(([file, text]) => write(`${name}/${file}`, text)));
    const { code, out, err } = await torcharc(line);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    return err;
  };
  const points = 'x,y,class\n1,2,a\n2,3,b\n3,4,a\n4,5,b\n5,6,a\n';
  const train = (name: string, files: Record<string, string>) =>
    bad(name, `train ${name}/config.yaml`, {
      'config.yaml': config,
      'arc.yaml': arc,
      'points.csv': points,
      ...files,
    });

  test('a malformed config', async () => {
    expect(await train('b1', { 'config.yaml': `${config}epochs: 4\n` })).toMatchInlineSnapshot();
    expect(await train('b1', { 'config.yaml': 'arc: [\n' })).toMatchInlineSnapshot();
  });

  test('every issue of a config at once', async () => {
    const text = config.replace('epochs: 3', 'epoch: 3').replace('class,', '[class],').replace('standardize', 'std');
    expect(await train('b2', { 'config.yaml': text })).toMatchInlineSnapshot();
  });

  test('an unknown layer type, in the arc’s file and inside the config', async () => {
    const misspelt = arc.replace('type: Linear, out', 'type: Linaer, out');
    expect(await train('b3', { 'arc.yaml': misspelt })).toMatchInlineSnapshot();
    const inline = config.replace('arc.yaml', `\n  ${misspelt.trim().replaceAll('\n', '\n  ')}`);
    expect(await train('b3', { 'config.yaml': inline })).toMatchInlineSnapshot();
  });

  test('a missing and a mistyped option', async () => {
    const text = arc.replace(', out_features: 2', '').replace('dropout: 0.1', 'dropout: [x]');
    expect(await train('b4', { 'arc.yaml': text })).toMatchInlineSnapshot();
  });

  test('criterion, optimizer and scheduler', async () => {
    const text = (from: string, to: string) => ({ 'config.yaml': config.replace(from, to) });
    expect(await train('b5', text('CrossEntropyLoss', 'CrossEntropyLos'))).toMatchInlineSnapshot();
    expect(await train('b5', text('lr: 0.05', 'lr: -1'))).toMatchInlineSnapshot();
    expect(await train('b5', text('lr: 0.05', 'learning_rate: 1'))).toMatchInlineSnapshot();
    expect(await train('b5', text('epochs', 'scheduler: {type: StepLR}\nepochs'))).toMatchInlineSnapshot();
  });

  test('shapes that cannot work', async () => {
    expect(await train('b6', { 'arc.yaml': arc.replace('[2]', '[3]') })).toMatchInlineSnapshot();
    expect(
      await train('b6', { 'arc.yaml': arc.replace('out_features: 2', 'out_features: 1') }),
    ).toMatchInlineSnapshot();
    expect(
      await train('b6', { 'config.yaml': config.replace('features: [x, y]', 'features: [x, y], shape: [3]') }),
    ).toMatchInlineSnapshot();
    const conv = 'dag_in_shape: [1, 2, 1]\nconv: {type: Conv2d, layers: [[4, 5]]}\n';
    expect(await train('b6', { 'arc.yaml': conv })).toMatchInlineSnapshot();
    const two = 'dag_in_shape: {a: [2], b: [2]}\nhead: {type: Linear, out_features: 2, in_names: [a]}\n';
    expect(await train('b6', { 'arc.yaml': two })).toMatchInlineSnapshot();
  });

  test('CSV files', async () => {
    const text = (csv: string) => ({ 'points.csv': csv });
    expect(await train('b7', text(points.replace('class', 'klass')))).toMatchInlineSnapshot();
    expect(await train('b7', text(points.replace('3,4', '3,four')))).toMatchInlineSnapshot();
    expect(await train('b7', text('x,y,class\n'))).toMatchInlineSnapshot();
    expect(await train('b7', text(points.replace('3,4,a', '3,4')))).toMatchInlineSnapshot();
    expect(await train('b7', { 'config.yaml': config.replace('points', 'none') })).toMatchInlineSnapshot();
  });

  test('an output folder that cannot be written', async () => {
    expect(await train('b8', { 'config.yaml': `${config}out: arc.yaml/runs\n` })).toMatchInlineSnapshot();
    expect(await train('b8', { 'config.yaml': `${config}out: points.csv\n` })).toMatchInlineSnapshot();
  });

  test('summary', async () => {
    const summary = (text: string, options = '') => bad('b9', `summary b9/arc.yaml ${options}`, { 'arc.yaml': text });
    expect(await summary('a: 1\na: 2\n')).toMatchInlineSnapshot();
    expect(await summary(arc.replace('Linear, out', 'Linaer, out'))).toMatchInlineSnapshot();
    expect(await summary('type: Flatten\n')).toMatchInlineSnapshot();
    expect(await summary('type: Flatten\n', '--input 3x4')).toMatchInlineSnapshot();
    expect(await summary(arc, '--input image=2')).toMatchInlineSnapshot();
    expect(await summary(arc, '--input 3')).toMatchInlineSnapshot();
  });
});

describe('torcharc summary', () => {
  test('modules with output shapes, parameters and multiply-adds, totals below', async () => {
    const { code, out, err } = await torcharc('summary arc.yaml --batch 4');
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatchInlineSnapshot();
  });

  test('the example', async () => {
    const path = new URL('../examples/digits/arc.yaml', import.meta.url).pathname;
    expect((await torcharc(`summary ${path}`)).out).toMatchInlineSnapshot();
  });
});
