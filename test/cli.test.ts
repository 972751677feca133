import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'torcharc';
import { readArc, readSafetensors } from 'torcharc/node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Terminal } from '../src/cli/run.ts';
import { command } from './command.ts';

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
// no batch norm after a biased layer: that bias has no gradient but rounding, and the printed numbers must not hang on it

const arc = `dag_in_shape: [2]
body: {type: Linear, layers: [8], activation: ReLU, dropout: 0.1}
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
  const { code, out, err } = await command(folder, line.split(' ').filter(Boolean), terminal);
  const clean = (text: string) => text.replace(/\d+\.\d s\b/g, '0.0 s');
  return { code, out: clean(out), err: clean(err) };
}

describe('torcharc', () => {
  test('--help', async () => {
    const { code, out, err } = await torcharc('--help');
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatchInlineSnapshot(`
      "Usage: torcharc [options] [command]

      Neural networks from architecture specs (arcs): train them, look at them.

      Options:
        -V, --version                       print the version
        --debug                             print where in the code an error came up
        -h, --help                          print this help

      Commands:
        train [options] <config.yaml>       Train a model on data, as a config says.
        eval [options] <run>                Print the scores of a trained model on the
                                            test part of its data, or on other data.
        predict [options] <run> <input...>  Print what a trained model says of records
                                            or images, a line each.
        summary [options] <arc.yaml>        Print the modules of an arc with output
                                            shapes, parameters, multiply-adds and
                                            bytes.
        graph [options] <arc.yaml>          Draw the modules of an arc and what flows
                                            between them.
        validate [options] <arc.yaml...>    Say all that is wrong with arcs, as
                                            file:line:column: path: message.

      Exit codes: 0 done, 1 the run failed, 2 bad input, 130 stopped with Ctrl-C.
      See torcharc <command> --help for the options of a command.
      "
    `);
  });

  test('train --help', async () => {
    const { code, out } = await torcharc('train --help');
    expect(code).toBe(0);
    expect(out).toMatchInlineSnapshot(`
      "Usage: torcharc train [options] <config.yaml>

      Train a model on data, as a config says.

      Arguments:
        config.yaml     what to train on what, see below

      Options:
        --epochs <n>    instead of the epochs of the config
        --seed <n>      instead of the seed of the config
        --out <folder>  instead of the out of the config; relative to the working
                        directory
        --resume        go on from the newest checkpoint of the output folder
        --tensorboard   write an event file for TensorBoard
        --debug         print where in the code an error came up
        -h, --help      print this help

      The config (paths in it are relative to it; * can be left out):
        arc: arc.yaml             an arc, or the path of one
        criterion: {type: CrossEntropyLoss}
        losses:                 * a criterion for each output instead: {mean: {type: MSELoss}, std: {type: L1Loss}}
        loss_weights:           * {mean: 1, std: 0.5}
        optimizer: {type: Adam, lr: 0.001}
        scheduler:              * {type: CosineAnnealingLR, T_max: 20}, stepped after each epoch
        schedule:               * {every: update}; {metric: mae} is what ReduceLROnPlateau watches, else the loss
        data:
          csv: digits.csv         with a header row; or idx, npy, npz, safetensors, images, series (docs/data.md)
          target: digit           the column to predict
          task: classification    or regression
          features:             * columns to predict it from; all others
          shape: [1, 8, 8]      * of one sample; a vector of all features
          scale: {divide: 16}   * or standardize, minmax (fitted on the training part), none
          inputs, targets:      * several of either, by name (docs/data.md)
          split:                * {test: 0.2, seed: 0}, the fraction held out and its own seed; {file: test.csv}
        metrics:                * [accuracy, top3, confusion] or [mae, mse, rmse, r2]; {mean: [mae]} by output
        epochs: 20
        batch_size: 32          * a last batch of one sample joins the one before
        accumulate: 4           * batches for one update
        clip: {norm: 1}         * or {value: 0.5}: limits of gradients
        evaluate_every: 500     * updates; there is an evaluation after each epoch in any case
        best: accuracy          * the score by which the best evaluation is told
        early_stopping:         * {patience: 5, metric: loss, min_delta: 0}: evaluations without a better score
        checkpoint:             * {every: 100, keep: 2}: updates; there is one after each evaluation in any case
        tensorboard: true       * as --tensorboard
        seed: 0                 * of weights, dropout and the order of samples
        out: out                * the folder to write to

      What is written to the out folder: config.yaml (complete, and can be trained again), arc.json,
      metrics.jsonl (a line per evaluation), checkpoints (all that --resume needs; torcharc eval and predict
      work from them), last.safetensors (weights of the newest), best.safetensors (weights of the evaluation with
      the best test score), report.html (curves).
      "
    `);
  });

  test('summary --help', async () => {
    const { code, out } = await torcharc('summary --help');
    expect(code).toBe(0);
    expect(out).toMatchInlineSnapshot(`
      "Usage: torcharc summary [options] <arc.yaml>

      Print the modules of an arc with output shapes, parameters, multiply-adds and
      bytes.

      Arguments:
        arc.yaml         the arc, YAML or JSON

      Options:
        --input <shape>  shape of an input without the batch, if the arc does not say:
                         3,20,20 or image=3,20,20 or tokens=32:int64; may be repeated
        --batch <n>      size of the batch (default: 1)
        --debug          print where in the code an error came up
        -h, --help       print this help

      Multiply-adds are those of one forward pass: matrix products, convolutions and recurrent layers; biases,
      norms, activations and pooling count nothing. Bytes are those of what comes out of a module, in all its calls.

      Examples:
        torcharc summary arc.yaml
        torcharc summary mlp.yaml --input x=64 --batch 16
      "
    `);
  });

  test('--version', async () => {
    const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
    expect(await torcharc('--version')).toEqual({ code: 0, out: `${version}\n`, err: '' });
  });

  test.each([
    ['', 'error: expected a command: train, eval, predict, summary, graph or validate; see torcharc --help\n'],
    ['trian config.yaml', "error: unknown command 'trian' (Did you mean train?)\n"],
    ['train', "error: missing required argument 'config.yaml'\n"],
    ['train config.yaml more', "error: too many arguments for 'train'. Expected 1 argument but got 2.\n"],
    ['train config.yaml --epoch 3', "error: unknown option '--epoch' (Did you mean --epochs?)\n"],
    ['train config.yaml --epochs', "error: option '--epochs <n>' argument missing\n"],
    [
      'train config.yaml --epochs 0',
      "error: option '--epochs <n>' argument '0' is invalid. Expected a whole number from 1 on.\n",
    ],
    [
      'train config.yaml --seed x',
      "error: option '--seed <n>' argument 'x' is invalid. Expected a whole number from 0 on.\n",
    ],
    ['train none.yaml', 'error: cannot read none.yaml: no such file or folder\n'],
    ['train .', 'error: cannot read .: it is a folder\n'],
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
    expect(out).toMatchInlineSnapshot(`
      "points.csv: 36 rows to train on, 9 to test on, 2 classes
      model: 42 parameters; seed 0
      epoch 1/3  train loss 0.5756  test loss 0.3560  test accuracy 100.0 %  0.0 s  best
      epoch 2/3  train loss 0.3518  test loss 0.2130  test accuracy 100.0 %  0.0 s  best
      epoch 3/3  train loss 0.2500  test loss 0.1502  test accuracy 100.0 %  0.0 s  best

      weights  epoch  train loss  test loss  test accuracy
      best         3      0.2500     0.1502        100.0 %
      last         3      0.2500     0.1502        100.0 %

      trained 3 epochs in 0.0 s; weights and metrics are in out
      test accuracy 100.0 %
      "
    `);
  });

  test('writes the config, the arc, metrics and weights; the config can be trained again to the same numbers', async () => {
    expect((await readdir(join(folder, 'out'))).sort()).toEqual([
      'arc.json',
      'best.safetensors',
      'checkpoints',
      'config.yaml',
      'last.safetensors',
      'metrics.jsonl',
      'report.html',
    ]);
    expect(await read('out/config.yaml')).toMatchInlineSnapshot(`
      "arc: arc.json
      criterion:
        type: CrossEntropyLoss
      optimizer:
        type: Adam
        lr: 0.05
      data:
        csv: ../points.csv
        target: class
        task: classification
        features:
          - x
          - y
        scale: standardize
        split:
          test: 0.2
          seed: 0
      epochs: 3
      batch_size: 7
      checkpoint:
        keep: 2
      seed: 0
      out: .
      "
    `);
    const metrics = await read('out/metrics.jsonl');
    const lines = metrics
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
    expect(Object.keys(lines[0])).toEqual(['epoch', 'step', 'lr', 'train_loss', 'test_loss', 'test_accuracy']);
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
    expect(out).toMatchInlineSnapshot(`
      "points.csv: 36 rows to train on, 9 to test on
      model: 3 parameters; seed 0
      epoch 1/2  train loss 58.77  test loss 14.99  test MAE 3.365  test RMSE 3.872  0.0 s  best
      epoch 2/2  train loss 14.07  test loss 3.533  test MAE 1.636  test RMSE 1.880  0.0 s  best

      weights  epoch  train loss  test loss  test MAE  test RMSE
      best         2       14.07      3.533     1.636      1.880
      last         2       14.07      3.533     1.636      1.880

      trained 2 epochs in 0.0 s; weights and metrics are in own
      test RMSE 1.880
      "
    `);
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

  test('the example reaches 98 % on digits it was not trained on', async () => {
    const path = new URL('../examples/digits/config.yaml', import.meta.url).pathname;
    const { code, out, err } = await torcharc(`train ${path} --out digits`);
    expect([code, err]).toEqual([0, '']);
    expect(Number(/\ntest accuracy (\S+) %\n$/.exec(out)?.[1])).toBeGreaterThanOrEqual(98);
  }, 120_000);

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
    expect(err).toBe(
      'stopped: stopped/last.safetensors holds the weights after epoch 2; --resume goes on from there\n',
    );
    expect((await read('stopped/metrics.jsonl')).trimEnd().split('\n')).toHaveLength(2);
    expect((await readSafetensors(join(folder, 'stopped/last.safetensors'))).size).toBeGreaterThan(0);
  });

  test('a run that cannot go on: exit code 1', async () => {
    await write('diverge.yaml', config.replace('lr: 0.05', 'lr: 1e30').replace('type: Adam', 'type: SGD'));
    const { code, err } = await torcharc('train diverge.yaml --out diverge');
    expect(code).toBe(1);
    expect(err).toMatchInlineSnapshot(`
      "error: the run failed: epoch 1, batch 2 (step 2): the loss is NaN; the first output that is not finite is Infinity out of module_dict.head (Linear); a lower learning rate, scaled features or clipped gradients may help
      "
    `);
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
    expect(await train('b1', { 'config.yaml': `${config}epochs: 4\n` })).toMatchInlineSnapshot(`
      "error: b1/config.yaml:7:1: the key epochs is already there in this mapping
      "
    `);
    expect(await train('b1', { 'config.yaml': 'arc: [\n' })).toMatchInlineSnapshot(`
      "error: b1/config.yaml:2:1: what was opened with [ or { is not closed, or goes on in a line that is not indented
      "
    `);
  });

  test('every issue of a config at once', async () => {
    const text = config.replace('epochs: 3', 'epoch: 3').replace('class,', '[class],').replace('standardize', 'std');
    expect(await train('b2', { 'config.yaml': text })).toMatchInlineSnapshot(`
      "error: b2/config.yaml:1:1: epochs: missing; expected a positive whole number
      error: b2/config.yaml:4:25: data.target: expected the name of the column to predict, got ["class"]
      error: b2/config.yaml:4:82: data.scale: expected none, standardize, minmax or {divide: a number}, got "std"
      error: b2/config.yaml:5:1: epoch: unknown key (did you mean 'epochs'?)
      "
    `);
  });

  test('an unknown layer type, in the arc’s file and inside the config', async () => {
    const misspelt = arc.replace('type: Linear, out', 'type: Linaer, out');
    expect(await train('b3', { 'arc.yaml': misspelt })).toMatchInlineSnapshot(`
      "error: b3/arc.yaml:3:8: head.type: unknown module type 'Linaer' (did you mean 'Linear'?)
      "
    `);
    const inline = config.replace('arc.yaml', `\n  ${misspelt.trim().replaceAll('\n', '\n  ')}`);
    expect(await train('b3', { 'config.yaml': inline })).toMatchInlineSnapshot(`
      "error: b3/config.yaml:4:10: arc.head.type: unknown module type 'Linaer' (did you mean 'Linear'?)
      "
    `);
  });

  test('a missing and a mistyped option', async () => {
    const text = arc.replace(', out_features: 2', '').replace('dropout: 0.1', 'dropout: [x]');
    expect(await train('b4', { 'arc.yaml': text })).toMatchInlineSnapshot(`
      "error: b4/arc.yaml:2:53: body.dropout: Dropout.p: expected a number between 0 and 1, got ["x"]
      error: b4/arc.yaml:3:1: head.out_features: missing required argument (a non-negative integer)
      "
    `);
  });

  test('criterion, optimizer and scheduler', async () => {
    const text = (from: string, to: string) => ({ 'config.yaml': config.replace(from, to) });
    expect(await train('b5', text('CrossEntropyLoss', 'CrossEntropyLos'))).toMatch(
      /^error: b5\/config.yaml:2:13: criterion.type: unknown criterion 'CrossEntropyLos' \(did you mean 'CrossEntropyLoss'\?\).*\n$/,
    );
    expect(await train('b5', text('lr: 0.05', 'lr: -1'))).toMatchInlineSnapshot(`
      "error: b5/config.yaml:3:25: optimizer.lr: Invalid learning rate: -1 (expected a number of at least 0)
      "
    `);
    expect(await train('b5', text('lr: 0.05', 'learning_rate: 1'))).toMatch(
      /^error: b5\/config.yaml:3:25: optimizer.learning_rate: unknown option; its options are lr, .*\n$/,
    );
    for (const [clip, sentence] of [
      ['{norm: 1, value: 1}', '5:1: clip: expected {norm: a number} or {value: a number}, got {"norm":1,"value":1}'],
      ['{norm: 1, nrm_type: 1}', '5:17: clip.nrm_type: unknown key; expected one of norm'],
      ['{value: x}', '5:8: clip.value: expected a number above 0, got "x"'],
    ]) {
      expect(await train('b5', text('epochs', `clip: ${clip}\nepochs`))).toBe(`error: b5/config.yaml:${sentence}\n`);
    }
    expect(await train('b5', text('epochs', 'scheduler: {type: StepLR}\nepochs'))).toMatchInlineSnapshot(`
      "error: b5/config.yaml:5:1: scheduler.step_size: missing required argument (a positive integer)
      "
    `);
  });

  test('shapes that cannot work', async () => {
    expect(await train('b6', { 'arc.yaml': arc.replace('[2]', '[3]') })).toMatchInlineSnapshot(`
      "error: b6/arc.yaml:1:1: dag_in_shape: expected [2], the shape of a sample of b6/points.csv, got [3]
      "
    `);
    expect(await train('b6', { 'arc.yaml': arc.replace('out_features: 2', 'out_features: 1') })).toMatchInlineSnapshot(`
      "error: b6/arc.yaml: model: expected a score for each of 2 classes, shape [4, 2], got an output of shape [4, 1]
      "
    `);
    expect(
      await train('b6', { 'config.yaml': config.replace('features: [x, y]', 'features: [x, y], shape: [3]') }),
    ).toMatchInlineSnapshot(`
      "error: b6/points.csv: a sample of shape [3] takes 3 feature columns, got 2
      "
    `);
    const conv = 'dag_in_shape: [1, 2, 1]\nconv: {type: Conv2d, layers: [[4, 5]]}\n';
    expect(await train('b6', { 'arc.yaml': conv })).toMatchInlineSnapshot(`
      "error: b6/arc.yaml:2:1: conv: conv2d: Calculated padded input size per channel: (2 x 1). Kernel size: (5 x 5). Kernel size can't be greater than actual input size (input of shape [batch, 1, 2, 1])
      "
    `);
    const two = 'dag_in_shape: {a: [2], b: [2]}\nhead: {type: Linear, out_features: 2, in_names: [a]}\n';
    expect(await train('b6', { 'arc.yaml': two })).toMatchInlineSnapshot(`
      "error: b6/arc.yaml: expected one input, which the data can feed, got 2: a, b; name what feeds each in data.inputs
      "
    `);
  });

  test('arc, criterion, optimizer and scheduler are checked before the data are read', async () => {
    const without = config.replace('points', 'none');
    const ofArc = { 'config.yaml': without, 'arc.yaml': arc.replace('type: Linear, out', 'type: Linaer, out') };
    expect(await train('b8', ofArc)).toMatch(/^error: b8\/arc.yaml:3:8: head.type: unknown module type 'Linaer'/);
    for (const [part, [right, wrong]] of Object.entries({
      criterion: ['CrossEntropyLoss', 'CrossEntropyLos'],
      optimizer: ['lr: 0.05', 'lr: -1'],
      scheduler: ['epochs', 'scheduler: {type: StepLR}\nepochs'],
    })) {
      const given = { 'config.yaml': without.replace(right!, wrong!), 'arc.yaml': arc };
      expect(await train('b8', given)).toMatch(new RegExp(`^error: b8/config.yaml:\\d+:\\d+: ${part}\\.`));
    }
  });

  test('CSV files', async () => {
    const text = (csv: string) => ({ 'points.csv': csv });
    expect(await train('b7', text(points.replace('class', 'klass')))).toMatchInlineSnapshot(`
      "error: b7/points.csv: there is no column 'class' (did you mean 'klass'?)
      "
    `);
    expect(await train('b7', text(points.replace('3,4', '3,four')))).toMatchInlineSnapshot(`
      "error: b7/points.csv: row 4, column 'y': expected a number, got 'four'
      "
    `);
    expect(await train('b7', text(points.replace('3,4', '3,1e300')))).toBe(
      "error: b7/points.csv: row 4, column 'y': expected a number that fits float32, got '1e300'\n",
    );
    expect(await train('b7', text('x,y,class\n'))).toMatchInlineSnapshot(`
      "error: b7/points.csv: expected rows of data after the header, got none
      "
    `);
    expect(await train('b7', text(points.replace('3,4,a', '3,4')))).toMatchInlineSnapshot(`
      "error: b7/points.csv: row 4: expected 3 fields as in the header, got 2
      "
    `);
    expect(await train('b7', { 'config.yaml': config.replace('points', 'none') })).toMatchInlineSnapshot(`
      "error: cannot read b7/none.csv: no such file or folder
      "
    `);
  });

  test('an output folder that cannot be written', async () => {
    expect(await train('b8', { 'config.yaml': `${config}out: arc.yaml/runs\n` })).toMatchInlineSnapshot(`
      "error: cannot write to b8/arc.yaml/runs: a part of the path is a file, not a folder
      "
    `);
    expect(await train('b8', { 'config.yaml': `${config}out: points.csv\n` })).toMatchInlineSnapshot(`
      "error: cannot write to b8/points.csv: it is a file, not a folder
      "
    `);
  });

  test('summary', async () => {
    const summary = (text: string, options = '') => bad('b9', `summary b9/arc.yaml ${options}`, { 'arc.yaml': text });
    expect(await summary('a: 1\na: 2\n')).toMatchInlineSnapshot(`
      "error: b9/arc.yaml:2:1: the key a is already there in this mapping
      "
    `);
    expect(await summary(arc.replace('Linear, out', 'Linaer, out'))).toMatchInlineSnapshot(`
      "error: b9/arc.yaml:3:8: head.type: unknown module type 'Linaer' (did you mean 'Linear'?)
      "
    `);
    expect(await summary('type: Flatten\n')).toMatchInlineSnapshot(`
      "error: b9/arc.yaml: the arc does not say the shape of its input; give it without the batch, such as --input 3,20,20
      "
    `);
    expect(await summary('type: Flatten\n', '--input 3x4')).toMatchInlineSnapshot(`
      "error: --input: expected a shape such as 3,20,20 or image=3,20,20, got '3x4'
      "
    `);
    expect(await summary(arc, '--input image=2')).toMatchInlineSnapshot(`
      "error: b9/arc.yaml: --input: the model has no input 'image'; its input has no name
      "
    `);
    expect(await summary(arc, '--input 3')).toMatchInlineSnapshot(`
      "error: b9/arc.yaml: module_dict.body.0 (Linear): linear: mat1 and mat2 shapes cannot be multiplied (1x3 and 2x8)
      "
    `);
  });
});

describe('torcharc summary', () => {
  test('modules with output shapes, parameters and multiply-adds, totals below', async () => {
    const { code, out, err } = await torcharc('summary arc.yaml --batch 4');
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatchInlineSnapshot(`
      "module         type        output  parameters  multiply-adds  bytes
      (model)        DAGNet      [4, 2]          42            128     32
        module_dict  ModuleDict                  42              0      0
          body       Sequential  [4, 8]          24             64    128
            0        Linear      [4, 8]          24             64    128
            1        ReLU        [4, 8]           0              0    128
            2        Dropout     [4, 8]           0              0    128
          head       Linear      [4, 2]          18             64     32

      parameters     42 (168 bytes)
      multiply-adds  128
      outputs        416 bytes
      "
    `);
  });

  test('the example', async () => {
    const path = new URL('../examples/digits/arc.yaml', import.meta.url).pathname;
    const { code, out, err } = await torcharc(`summary ${path}`);
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatchInlineSnapshot(`
      "module         type         output         parameters  multiply-adds  bytes
      (model)        DAGNet       [1, 10]            63,186        869,120     40
        module_dict  ModuleDict                      63,186              0      0
          fine       Sequential   [1, 24, 8, 8]       5,544        345,600  6,144
            0        Conv2d       [1, 24, 8, 8]         240         13,824  6,144
            1        BatchNorm2d  [1, 24, 8, 8]          48              0  6,144
            2        ReLU         [1, 24, 8, 8]           0              0  6,144
            3        Dropout2d    [1, 24, 8, 8]           0              0  6,144
            4        Conv2d       [1, 24, 8, 8]       5,208        331,776  6,144
            5        BatchNorm2d  [1, 24, 8, 8]          48              0  6,144
            6        ReLU         [1, 24, 8, 8]           0              0  6,144
            7        Dropout2d    [1, 24, 8, 8]           0              0  6,144
          halve      MaxPool2d    [1, 24, 4, 4]           0              0  1,536
          coarse     Sequential   [1, 48, 4, 4]      31,392        497,664  3,072
            0        Conv2d       [1, 48, 4, 4]      10,416        165,888  3,072
            1        BatchNorm2d  [1, 48, 4, 4]          96              0  3,072
            2        ReLU         [1, 48, 4, 4]           0              0  3,072
            3        Dropout2d    [1, 48, 4, 4]           0              0  3,072
            4        Conv2d       [1, 48, 4, 4]      20,784        331,776  3,072
            5        BatchNorm2d  [1, 48, 4, 4]          96              0  3,072
            6        ReLU         [1, 48, 4, 4]           0              0  3,072
            7        Dropout2d    [1, 48, 4, 4]           0              0  3,072
          quarter    MaxPool2d    [1, 48, 2, 2]           0              0    768
          flatten    Flatten      [1, 192]                0              0    768
          hidden     Sequential   [1, 128]           24,960         24,576    512
            0        Linear       [1, 128]           24,704         24,576    512
            1        BatchNorm1d  [1, 128]              256              0    512
            2        ReLU         [1, 128]                0              0    512
            3        Dropout      [1, 128]                0              0    512
          digit      Linear       [1, 10]             1,290          1,280     40

      parameters     63,186 (252,744 bytes)
      multiply-adds  869,120
      outputs        78,888 bytes
      "
    `);
  });
});
