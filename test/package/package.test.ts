/** The packed package, installed with npm in an empty folder and used from plain JavaScript, TypeScript and the shell. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readSafetensors } from 'torcharc/node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
let folder: string;
const at = (...path: string[]) => join(folder, ...path);
const write = (name: string, text: string) => writeFile(at(name), text);

interface Done {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Run a program in the folder. */
function run(command: string, args: readonly string[], env: Record<string, string> = {}, cwd = folder): Done {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip', NODE_OPTIONS: '', ...env },
    encoding: 'utf8',
  });
  if (error) throw error;
  return { code: status, out: stdout, err: stderr };
}
const node = (...args: string[]) => run(process.execPath, args);
const bin = () => at('node_modules', '.bin', 'torcharc');
const torcharc = (...args: string[]) => run(bin(), args);

function npm(args: readonly string[], cwd = folder): Done {
  const cli = process.env.npm_execpath;
  const done = cli?.endsWith('.js') ? run(process.execPath, [cli, ...args], {}, cwd) : run('npm', args, {}, cwd);
  if (done.code !== 0) throw new Error(`npm ${args.join(' ')}: ${done.err}`);
  return done;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'torcharc-package-'));
  const [{ filename }] = JSON.parse(npm(['pack', '--json', '--pack-destination', folder], root).out);
  await write('package.json', '{"private": true, "type": "module"}');
  npm(['install', '--prefer-offline', '--no-audit', '--no-fund', `./${filename}`]);
  await write('main.js', script);
  await write('arc.yaml', arc);
  await write('config.yaml', config);
  const rows = Array.from({ length: 400 }, (_, i) => {
    const [x, y] = [(i * 7) % 10, (i * 3) % 11];
    return `${x},${y},${x + y > 9 ? 'high' : 'low'}`;
  });
  await write('points.csv', `x,y,class\n${rows.join('\n')}\n`);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const arc = `dag_in_shape: [2]
body: {type: Linear, layers: [16], batch_norm: true, activation: ReLU, dropout: 0.1, init: kaiming_uniform_}
head: {type: Linear, out_features: 2}
`;
const config = `arc: arc.yaml
criterion: {type: CrossEntropyLoss}
optimizer: {type: Adam, lr: 0.01}
data: {csv: points.csv, target: class, task: classification, scale: standardize}
epochs: 3
batch_size: 16
`;

const script = `import assert from 'node:assert/strict';
import { build, buildCriterion, buildOptimizer, compile, manualSeed, rand, randint } from 'torcharc';
import { readArc, readSafetensors, writeSafetensors } from 'torcharc/node';

manualSeed(0);
const arc = await readArc('arc.yaml');
const model = build(arc);
const criterion = buildCriterion({ type: 'CrossEntropyLoss' });
const optimizer = buildOptimizer({ type: 'Adam', lr: 0.01, eps: 1e-3 }, model);
const x = rand([16, 2]);
const target = randint(0, 2, [16]);
const step = compile((x, t) => {
  optimizer.zeroGrad();
  const loss = criterion.forward(model.forward(x), t);
  loss.backward();
  optimizer.step();
  return loss;
});
const losses = [];
for (let i = 0; i < 10; i++) losses.push(await (await step(x, target)).item());
assert(losses.at(-1) < losses[0]);

await writeSafetensors('weights.safetensors', model.stateDict());
const fresh = build(arc);
fresh.loadStateDict(await readSafetensors('weights.safetensors'));
const before = await model.eval().forward(x).array();
assert.deepEqual(await fresh.eval().forward(x).array(), before);
console.log(JSON.stringify({ losses, before: before.flat() }));
`;

describe('from JavaScript', () => {
  let native: number[];
  const numbers = ({ code, out, err }: Done): number[] => {
    if (code !== 0) throw new Error(err);
    const { losses, before } = JSON.parse(out);
    return [...losses, ...before];
  };

  test('arc, training, safetensors and back, with nothing on stderr', () => {
    const done = node('main.js');
    native = numbers(done);
    expect(done.err).toBe('');
  });

  test.each(['.', './node', './package.json'])('the export %s resolves', (name) => {
    const specifier = `torcharc${name.slice(1)}`;
    const { code, out } = node('-e', `console.log(import.meta.resolve('${specifier}'))`, '--input-type=module');
    expect(code).toBe(0);
    expect(existsSync(fileURLToPath(out.trim()))).toBe(true);
  });

  test('nothing else resolves', () => {
    expect(node('-e', `import 'torcharc/dist/index.js'`, '--input-type=module').err).toContain(
      'ERR_PACKAGE_PATH_NOT_EXPORTED',
    );
  });

  test('without onnxruntime-node: one warning, the same numbers', async () => {
    const there = at('node_modules', 'onnxruntime-node');
    await cp(there, at('kept'), { recursive: true });
    await rm(there, { recursive: true });
    try {
      const done = node('main.js');
      const wasm = numbers(done);
      expect(wasm).toHaveLength(native.length);
      for (const [i, value] of native.entries()) expect(Math.abs(wasm[i]! - value)).toBeLessThan(1e-5);
      expect(done.err.match(/TorcharcWarning: .*/g)).toEqual([
        expect.stringMatching(
          /the native ONNX Runtime could not be loaded .*ONNXRUNTIME_NODE_INSTALL=skip npm install/,
        ),
      ]);
    } finally {
      await cp(at('kept'), there, { recursive: true });
      await rm(at('kept'), { recursive: true });
    }
  });
});

describe('from TypeScript', () => {
  const source = `import { build, compile, type Tensor, rand } from 'torcharc';
import { readArc, writeSafetensors } from 'torcharc/node';

const model = build({ type: 'Linear', in_features: 2, layers: [4] });
const y: Tensor = model.forward(rand([3, 2]));
const step: (x: Tensor) => Promise<Tensor> = compile((x: Tensor) => model.forward(x).square().mean());
const shape: readonly number[] = y.add(1).shape;
const arc: Record<string, unknown> = await readArc('arc.yaml');
// @ts-expect-error: options are by name
y.sum(1);
await writeSafetensors('w.safetensors', model.stateDict(), { note: 'x' });
console.log(shape, arc, await (await step(rand([3, 2]))).item());
`;

  test.each([
    ['nodenext', 'nodenext'],
    ['bundler', 'esnext'],
  ])('strict types with moduleResolution %s', async (moduleResolution, module) => {
    await mkdir(at(moduleResolution), { recursive: true });
    await write(`${moduleResolution}/main.ts`, source);
    const compilerOptions = { strict: true, noEmit: true, skipLibCheck: false, target: 'es2022', types: [] };
    const options = { ...compilerOptions, module, moduleResolution };
    await write(
      `${moduleResolution}/tsconfig.json`,
      JSON.stringify({ compilerOptions: options, include: ['main.ts'] }),
    );
    const { out } = node(join(root, 'node_modules/typescript/bin/tsc'), '-p', moduleResolution);
    expect(out).toBe('');
  });
});

describe('torcharc', () => {
  test('--help', () => {
    const { code, out, err } = torcharc('--help');
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^Usage: torcharc /);
  });

  test('summary', () => {
    const { code, out, err } = torcharc('summary', 'arc.yaml');
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain('BatchNorm1d');
  });

  test('train', () => {
    const { code, out, err } = torcharc('train', 'config.yaml');
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/test accuracy \d+\.\d %\n$/);
    expect(readdirSync(at('out')).sort()).toEqual([
      'arc.json',
      'best.safetensors',
      'checkpoints',
      'config.yaml',
      'last.safetensors',
      'metrics.jsonl',
      'report.html',
    ]);
  });

  test.each([
    [['train', 'none.yaml'], 'error: cannot read none.yaml: no such file or folder\n'],
    [['trian', 'config.yaml'], "error: unknown command 'trian' (Did you mean train?)\n"],
    [['summary', 'bad.yaml'], 'error: bad.yaml:2:'],
  ])('bad input: %j', async (args, message) => {
    await write('bad.yaml', 'dag_in_shape: [2]\nbody: {type: Linaer, layers: [16]}\n');
    const { code, out, err } = torcharc(...args);
    expect([code, out]).toEqual([2, '']);
    expect(err.startsWith(message)).toBe(true);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
  });

  test('a failed run', async () => {
    await write('fails.yaml', config.replace('lr: 0.01', 'lr: .inf').replace('out: out\n', ''));
    const { code, err } = torcharc('train', 'fails.yaml', '--out', 'fails');
    expect(err).not.toContain('    at ');
    expect(err.trimEnd().split('\n')).toHaveLength(1);
    expect(code).toBe(1);
  });
});

describe.skipIf(process.platform === 'win32')('a run that is stopped', () => {
  /** Train for very long; resolves when the given epoch is done. */
  async function training(out: string, epoch: number): Promise<{ child: ChildProcess; ended: Promise<number | null> }> {
    const args = ['train', 'config.yaml', '--epochs', '100000', '--out', out];
    const child = spawn(bin(), args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    const ended = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)));
    let text = '';
    await new Promise<void>((resolve, reject) => {
      child.stdout!.on('data', (data) => {
        text += data;
        if (new RegExp(`^epoch +${epoch}/`, 'm').test(text)) resolve();
      });
      void ended.then((code) => reject(new Error(`ended with ${code}: ${text}`)));
    });
    return { child, ended };
  }

  test('SIGINT: exit code 130, and the weights after the last update', async () => {
    const { child, ended } = await training('interrupted', 3);
    let err = '';
    child.stderr!.on('data', (data) => {
      err += data;
    });
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    const [, after, step, within] =
      /^stopped: interrupted\/last\.safetensors holds the weights after (?:epoch (\d+)|step (\d+), in epoch (\d+)); --resume goes on from there\n$/.exec(
        err,
      )!;
    const epochs = readFileSync(at('interrupted', 'metrics.jsonl'), 'utf8').trimEnd().split('\n');
    expect(JSON.parse(epochs.at(-1)!).epoch).toBe(Number(after ?? Number(within) - 1));
    const newest = readdirSync(at('interrupted', 'checkpoints')).map((name) => Number(name.replace('step-', '')));
    if (step) expect(Math.max(...newest)).toBe(Number(step));
    expect((await readSafetensors(at('interrupted', 'last.safetensors'))).size).toBe(9);
  });

  test('SIGKILL at any moment: complete files', async () => {
    for (let i = 0; i < 5; i++) {
      const { child, ended } = await training('killed', 2 + 3 * i);
      child.kill('SIGKILL');
      await ended;
      for (const name of ['last', 'best']) {
        expect((await readSafetensors(at('killed', `${name}.safetensors`))).size).toBe(9);
      }
    }
  });
});
