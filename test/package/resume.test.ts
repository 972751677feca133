/** Runs of the built command line that are killed, or whose disk is full. */
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const main = join(root, 'dist/cli/main.js');
const folder = mkdtempSync(join(tmpdir(), 'torcharc-resume-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Two outputs, dropout, accumulation, a schedule: all that a run's state is made of. */
const config = `arc:
  dag_in_shape: [1, 8, 8]
  image: {type: Conv2d, layers: [[8, 3, 2, 1]], batch_norm: true, activation: ReLU, dropout: 0.2}
  flatten: {type: Flatten}
  body: {type: Linear, layers: [32], activation: ReLU, dropout: 0.2}
  heads: {type: ReuseFork, names: [digit, ink]}
  digit: {type: Linear, in_names: [digit], out_features: 10}
  ink: {type: Linear, in_names: [ink], out_features: 1}
losses: {digit: {type: CrossEntropyLoss}, ink: {type: HuberLoss}}
loss_weights: {ink: 0.3}
optimizer: {type: AdamW, lr: 0.005, amsgrad: true}
scheduler: {type: OneCycleLR, max_lr: 0.01, total_steps: 160}
schedule: {every: update}
data:
  csv: digits.csv
  inputs: {input: {columns: [p*], shape: [1, 8, 8], scale: standardize}}
  targets: {digit: {column: digit, task: classification}, ink: {columns: [ink], task: regression, scale: standardize}}
metrics: {digit: [accuracy, confusion], ink: [mae, r2]}
accumulate: 2
clip: {norm: 1}
evaluate_every: 7
checkpoint: {every: 3, keep: 2}
epochs: 4
batch_size: 24
tensorboard: true
`;

function prepare(): void {
  const [header, ...rows] = readFileSync(join(root, 'examples/digits/digits.csv'), 'utf8').split('\n').slice(0, 600);
  const inked = rows.map((row) => {
    const ink = row.split(',').slice(0, -1).map(Number);
    return `${row},${ink.reduce((a, b) => a + b)}`;
  });
  writeFileSync(join(folder, 'digits.csv'), `${[`${header},ink`, ...inked].join('\n')}\n`);
  writeFileSync(join(folder, 'config.yaml'), config);
}

function train(...args: string[]) {
  const begun = performance.now();
  const { status, stderr, stdout } = spawnSync(process.execPath, [main, 'train', 'config.yaml', ...args], {
    cwd: folder,
    encoding: 'utf8',
  });
  return { code: status, err: stderr, out: stdout, ms: performance.now() - begun };
}

/** Start a run, and kill it after a while; resolves to whether it was still running. */
function killed(ms: number, ...args: string[]): Promise<boolean> {
  const child = spawn(process.execPath, [main, 'train', 'config.yaml', ...args], { cwd: folder, stdio: 'ignore' });
  const timer = setTimeout(() => child.kill('SIGKILL'), ms);
  return new Promise((resolve) => {
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve(code === null);
    });
  });
}

/** Everything a run ends with that is to be the same. */
function endOf(out: string): Record<string, string> {
  const at = (...path: string[]) => readFileSync(join(folder, out, ...path)).toString('base64');
  const steps = readdirSync(join(folder, out, 'checkpoints')).sort();
  const checkpoints = steps.flatMap((step) =>
    ['model.safetensors', 'training.safetensors'].map((name) => [`${step}/${name}`, at('checkpoints', step, name)]),
  );
  const files = ['best.safetensors', 'last.safetensors', 'metrics.jsonl'].map((name) => [name, at(name)]);
  return Object.fromEntries([...files, ...checkpoints]);
}

describe('torcharc train --resume', () => {
  test('after 20 kills at random moments: the end of a run that was not killed, bit for bit', async () => {
    prepare();
    const { code, err, ms } = train('--out', 'whole');
    expect([code, err]).toEqual([0, '']);
    const whole = endOf('whole');
    const moments = fc.sample(fc.double({ min: 0.02, max: 0.98, noNaN: true }), { seed: 7, numRuns: 400 });
    let kills = 0;
    let ends = 0;
    while (kills < 20) {
      // from the beginning again once a run has ended
      const out = `killed-${ends}`;
      if (await killed(moments.shift()! * ms, '--out', out, '--resume')) kills++;
      else {
        expect(endOf(out)).toEqual(whole);
        ends++;
      }
    }
    expect(train('--out', `killed-${ends}`, '--resume')).toMatchObject({ code: 0, err: '' });
    // as if killed right after the last checkpoint was there
    const left = join(folder, `killed-${ends}`);
    // a link to the checkpoint's own
    rmSync(join(left, 'last.safetensors'));
    writeFileSync(join(left, 'last.safetensors'), 'older');
    cpSync(join(left, 'checkpoints/step-39'), join(left, 'checkpoints/step-36'), { recursive: true });
    expect(train('--out', `killed-${ends}`, '--resume')).toMatchObject({ code: 0, err: '' });
    expect(endOf(`killed-${ends}`)).toEqual(whole);
    expect(readdirSync(join(folder, `killed-${ends}`, 'checkpoints')).filter((name) => name.endsWith('.tmp'))).toEqual(
      [],
    );
    // one event file, with nothing twice
    const events = readdirSync(join(folder, `killed-${ends}`)).filter((name) => name.includes('tfevents'));
    const sizes = (out: string, names: string[]) => names.map((name) => readFileSync(join(folder, out, name)).length);
    const wanted = readdirSync(join(folder, 'whole')).filter((name) => name.includes('tfevents'));
    expect(sizes(`killed-${ends}`, events)).toEqual(sizes('whole', wanted));
  });

  test('goes on for more epochs, but not with other settings, other data, or a damaged checkpoint', () => {
    prepare();
    expect(train('--out', 'more', '--epochs', '2')).toMatchObject({ code: 0 });
    const { code, out } = train('--out', 'more', '--resume', '--epochs', '3');
    expect(code).toBe(0);
    expect(out).toMatch(/^going on in epoch 3, after step 20$/m);
    expect(train('--out', 'more', '--resume', '--epochs', '3').out).toMatch(
      /^the run has ended already, after epoch 3 of 3$/m,
    );

    writeFileSync(join(folder, 'config.yaml'), config.replace('batch_size: 24', 'batch_size: 32'));
    expect(train('--out', 'more', '--resume', '--epochs', '5')).toMatchObject({
      code: 2,
      err: 'error: more: cannot go on with other settings: batch_size was 24 and is 32; begin anew without --resume\n',
    });
    prepare();
    const rows = readFileSync(join(folder, 'digits.csv'), 'utf8').split('\n');
    writeFileSync(join(folder, 'digits.csv'), rows.filter((_, i) => i !== 5).join('\n'));
    expect(train('--out', 'more', '--resume', '--epochs', '5')).toMatchObject({
      code: 2,
      err: 'error: more: cannot go on with other data: digits.csv has changed since; begin anew without --resume\n',
    });
    prepare();
    const newest = join(folder, 'more', 'checkpoints', 'step-30');
    const weights = readFileSync(join(newest, 'model.safetensors'));
    weights[weights.length - 100]! ^= 1;
    writeFileSync(join(newest, 'model.safetensors'), weights);
    const damaged = train('--out', 'more', '--resume', '--epochs', '5');
    expect(damaged.err).toBe(
      'error: more/checkpoints/step-30/model.safetensors is damaged; remove more/checkpoints/step-30, and the checkpoint before it is used\n',
    );
    expect(damaged.code).toBe(2);
    rmSync(newest, { recursive: true });
    expect(train('--out', 'more', '--resume', '--epochs', '3').out).toMatch(/^going on in epoch 3, after step \d+$/m);
  });

  test('without --resume, checkpoints of a run that had not ended are put aside', async () => {
    prepare();
    for (let i = 0; i < 20 && !existsSync(join(folder, 'aside', 'checkpoints')); i++)
      await killed(1500, '--out', 'aside', '--epochs', '400');
    const { code, out } = train('--out', 'aside', '--epochs', '1');
    expect(code).toBe(0);
    expect(out).toContain(
      'an earlier run had not ended (--resume goes on with one); its checkpoints are in aside/checkpoints-before',
    );
    expect(readdirSync(join(folder, 'aside/checkpoints-before')).length).toBeGreaterThan(0);
  });
});

test.skipIf(process.platform === 'win32')(
  'Ctrl-C ends a prediction that waits for input, and leaves no part of a file',
  async () => {
    prepare();
    expect(train('--out', 'stopped', '--epochs', '1')).toMatchObject({ code: 0 });
    const child = spawn(process.execPath, [main, 'predict', 'stopped', '-', '-o', 'said.csv'], { cwd: folder });
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    for (let i = 0; i < 200 && !readdirSync(folder).some((name) => name.startsWith('said.csv.')); i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    expect(readdirSync(folder).filter((name) => name.startsWith('said.csv'))).toEqual([]);
  },
);

/** A file system of a few hundred kilobytes; null where mounting is not allowed. */
function smallDisk(): string | null {
  const at = join(folder, 'disk');
  mkdirSync(at, { recursive: true });
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=600k', 'tmpfs', at]);
  return status === 0 ? at : null;
}
const disk = process.platform === 'linux' ? smallDisk() : null;
afterAll(() => disk && spawnSync('umount', [disk]));
if (!disk) {
  const message = 'no file system can be mounted here: what happens on a full disk is NOT tested';
  if (process.env.CI && process.platform === 'linux') throw new Error(message);
  console.warn(message);
}

test.skipIf(!disk)('a full disk: a clear error, and the checkpoint before is whole', () => {
  prepare();
  // one checkpoint fits, the next does not
  writeFileSync(join(folder, 'config.yaml'), config.replace('keep: 2', 'keep: 1'));
  const filler = join(disk!, 'filler');
  expect(train('--out', 'disk/out', '--epochs', '1')).toMatchObject({ code: 0 });
  const before = readdirSync(join(disk!, 'out', 'checkpoints'));
  for (let size = 400_000; size > 1000; size = Math.floor(size / 2)) {
    try {
      writeFileSync(filler, Buffer.alloc(size), { flag: 'a' });
    } catch {
      // fuller than that it does not get
    }
  }
  const { code, err } = train('--out', 'disk/out', '--epochs', '4', '--resume');
  expect(err).toMatch(/^error: (the run failed: )?cannot write disk\/out\/[\w./-]+: no space left\n$/);
  expect([1, 2]).toContain(code);
  expect(readdirSync(join(disk!, 'out', 'checkpoints'))).toEqual(before);
  rmSync(filler);
  const again = train('--out', 'disk/out', '--epochs', '4', '--resume');
  expect([again.code, again.err]).toEqual([0, '']);
  cpSync(join(disk!, 'out'), join(folder, 'from-disk'), { recursive: true });
  prepare();
  const whole = train('--out', 'never-full', '--epochs', '4');
  expect(whole.code).toBe(0);
  expect(endOf('from-disk')['last.safetensors']).toBe(endOf('never-full')['last.safetensors']);
});
