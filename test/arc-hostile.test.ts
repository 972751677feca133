import { mkdtemp, open, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ArcError, build, TorcharcError, validate } from 'torcharc';
import { readArc } from 'torcharc/node';
import { describe, expect, test } from 'vitest';
import { parseYaml } from '../src/io/yaml.ts';

/** The message an arc is refused with, quickly and in few words. */
function refused(make: () => unknown): string {
  const before = performance.now();
  try {
    build(make());
  } catch (error) {
    expect(error).toBeInstanceOf(TorcharcError);
    // tenths of a second, on a machine that does nothing else
    expect(performance.now() - before, 'milliseconds').toBeLessThan(3000);
    const { message } = error as Error;
    const issues = error instanceof ArcError ? error.issues : [{ message }];
    for (const issue of issues) expect(issue.message.length, issue.message.slice(0, 200)).toBeLessThan(1200);
    expect(message).not.toContain('internal');
    return message;
  }
  return 'it builds';
}

/** Records from JSON have `__proto__` as a key of their own. */
const json = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;
const dag = (modules: object, shape: unknown = [4]) => ({ dag_in_shape: shape, ...modules });
const graph = (modules: object, calls: object, more: object = {}) => ({
  modules,
  graph: { input: 'x', modules: calls, output: 'x', ...more },
});

describe('names', () => {
  for (const name of ['__proto__', 'constructor', 'prototype', 'state_dict', '', 'a.b', 'a[0]', '.']) {
    test(JSON.stringify(name), () => {
      const key = JSON.stringify(name);
      const about = /cannot be the name|cannot be empty|can't contain/;
      const relu = '{"ReLU": {}}';
      expect(refused(() => json(`{"dag_in_shape": [4], ${key}: {"type": "ReLU"}}`))).toMatch(about);
      expect(refused(() => json(`{"dag_in_shape": {${key}: [4]}, "a": {"type": "ReLU"}}`))).toMatch(about);
      expect(
        refused(() =>
          json(`{"modules": {${key}: ${relu}}, "graph": {"input": "x", "modules": {${key}: ["x"]}, "output": ${key}}}`),
        ),
      ).toMatch(about);
      for (const input of [key, `[${key}]`, `{${key}: [4]}`]) {
        expect(
          refused(() =>
            json(
              `{"modules": {"a": ${relu}}, "graph": {"input": ${input}, "modules": {"a": [${key}]}, "output": "a"}}`,
            ),
          ),
        ).toMatch(about);
      }
    });
  }

  const inherited = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf'];
  for (const name of inherited) {
    test(`${name} where a name is looked up`, () => {
      const key = JSON.stringify(name);
      expect(refused(() => ({ type: name }))).toMatch(/unknown module type/);
      expect(refused(() => ({ type: 'Linear', layers: [4], in_features: 2, activation: name }))).toMatch(
        /unknown module type/,
      );
      expect(refused(() => ({ type: 'Linear', in_features: 2, out_features: 2, init: name }))).toMatch(/unknown init/);
      expect(refused(() => json(`{"type": "Linear", "in_features": 2, "out_features": 2, ${key}: 1}`))).toMatch(
        /unknown option/,
      );
      expect(refused(() => dag({ a: { type: 'ReLU', in_names: [name] } }, { x: [4] }))).toMatch(/there is no/);
      expect(
        refused(() =>
          json(`{"modules": {"a": {${key}: {}}}, "graph": {"input": "x", "modules": {"a": ["x"]}, "output": "a"}}`),
        ),
      ).toMatch(/unknown module type/);
      expect(refused(() => graph({ a: { ReLU: {} } }, { a: [name] }))).toMatch(/there is no/);
      expect(refused(() => graph({ a: { ReLU: {} } }, { a: ['x'] }, { output: name }))).toMatch(/there is no/);
      expect(refused(() => graph({ a: { ReLU: {} } }, { [`${name}~2`]: ['x'] }))).toMatch(/there is no module/);
      expect(refused(() => graph({ a: { TorchFn: { name } } }, { a: ['x'] }))).toMatch(/there is no function/);
    });
  }

  test('nothing of the prototype of all objects is changed, whatever a fork calls its outputs', () => {
    const arc = json(
      '{"dag_in_shape": [4], "fork": {"type": "ReuseFork", "names": ["__proto__", "b"]}, "a": {"type": "ReLU", "in_names": ["b"]}}',
    );
    refused(() => arc);
    expect(({} as Record<string, unknown>).node).toBeUndefined();
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  });
});

describe('sizes', () => {
  for (const size of [1e12, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, -1, 2.5, '4', null, [], [[4]], true, {}]) {
    test(Array.isArray(size) || typeof size === 'object' ? JSON.stringify(size) : String(size), () => {
      const about = /expected|larger than|too large|missing|more than|invalid|too many|at most/i;
      expect(refused(() => ({ type: 'Linear', in_features: size, out_features: 3 }))).toMatch(about);
      expect(refused(() => ({ type: 'Linear', in_features: 3, layers: [size] }))).toMatch(about);
      expect(refused(() => ({ type: 'Conv2d', in_shape: [size, 8, 8], layers: [[4, 3]] }))).toMatch(about);
      expect(refused(() => dag({ a: { type: 'Linear', out_features: 2 } }, [size]))).toMatch(about);
      expect(refused(() => dag({ a: { type: 'Linear', out_features: size } }))).toMatch(about);
      expect(refused(() => graph({ a: { Linear: { in_features: 4, out_features: size } } }, { a: ['x'] }))).toMatch(
        about,
      );
      expect(refused(() => graph({ a: { ReLU: {} } }, { a: ['x'] }, { input: { x: [size] } }))).toMatch(about);
      expect(refused(() => graph({ a: { LSTM: { input_size: 3, hidden_size: size } } }, { a: ['x'] }))).toMatch(about);
      expect(
        refused(() => graph({ a: { TransformerEncoderLayer: { d_model: size, nhead: 1 } } }, { a: ['x'] })),
      ).toMatch(about);
      const compact = { layer: { type: 'Linear', keys: ['in_features', 'out_features'], args: [[size, size]] } };
      expect(refused(() => graph({ a: { compact } }, { a: ['x'] }))).toMatch(about);
    });
  }

  const many: [string, () => unknown][] = [
    ['layers of an LSTM', () => ({ type: 'LSTM', input_size: 1, hidden_size: 1, num_layers: 1e12 })],
    ['layers of a transformer', () => ({ type: 'Transformer', d_model: 8, nhead: 1, num_encoder_layers: 1e9 })],
    [
      'layers of a time series transformer',
      () => ({ type: 'TSTransformer', in_channels: 1, out_channels: 1, num_encoder_layers: 1e9 }),
    ],
    [
      'pieces',
      () =>
        graph(
          { a: { ForkChunk: { chunks: 1e12 } }, b: { Get: { key: 0 } } },
          { a: ['x'], b: ['a'] },
          { input: { x: [4] }, output: 'b' },
        ),
    ],
    ['repetitions', () => dag({ a: { type: 'Upsample', scale_factor: 1e6 } }, [1, 1000, 1000])],
    ['padding', () => dag({ a: { type: 'ZeroPad2d', padding: 1e9 } }, [1, 4, 4])],
    ['classes', () => ({ type: 'AdaptiveLogSoftmaxWithLoss', in_features: 4, n_classes: 1e12, cutoffs: [2] })],
    ['vectors', () => ({ type: 'Embedding', num_embeddings: 1e12, embedding_dim: 8 })],
  ];
  for (const [name, make] of many) {
    test(name, () => {
      const message = refused(make);
      expect(message.split('\n').length).toBeLessThan(5);
    });
  }
});

describe('depth', () => {
  const nested = (depth: number, of: unknown): unknown => (depth === 0 ? of : { Sequential: [nested(depth - 1, of)] });

  test('100 levels of Sequential', () => {
    expect(refused(() => graph({ a: nested(100, { ReLU: {} }) }, { a: ['x'] }))).toContain(
      'nested more than 64 levels deep',
    );
    expect(refused(() => nested(100, { ReLU: {} }))).toContain('nested more than 64 levels deep');
    expect(refused(() => nested(60, { ReLU: {} }))).toBe('it builds');
  });

  test('100 levels of compact', () => {
    let inner: unknown = { ReLU: {} };
    for (let i = 0; i < 100; i++) {
      inner = { compact: { layer: { type: 'ReLU', keys: [], args: [[]] }, postlayer: [inner] } };
    }
    expect(refused(() => graph({ a: inner }, { a: ['x'] }))).toContain('nested more than 64 levels deep');
  });

  test('lists within lists, as options, shapes, names', () => {
    const deep = (depth: number) => json(`{"list": ${'['.repeat(depth)}${']'.repeat(depth)}}`).list;
    for (const list of [deep(100), deep(5000)]) {
      expect(refused(() => ({ type: 'Linear', in_features: list, out_features: 1 }))).toMatch(/expected/);
      expect(refused(() => dag({ a: { type: 'ReLU' } }, list))).toMatch(/expected/);
      expect(refused(() => dag({ a: list }))).toMatch(/expected/);
      expect(refused(() => dag({ a: { type: 'ReLU', in_names: list } }, { x: [4] }))).toMatch(/expected/);
      expect(refused(() => ({ Sequential: list }))).toMatch(/expected/);
    }
    expect(refused(() => graph({ a: { MergeSum: {} } }, { a: [deep(5000)] }))).toMatch(/nested|expected/);
  });
});

describe('length', () => {
  const each = <T>(count: number, of: (i: number) => T) => Array.from({ length: count }, (_, i) => of(i));
  const count = 2000;

  test('thousands of mistakes', () => {
    const modules = Object.fromEntries(each(count, (i) => [`m${i}`, { Linaer: {} }]));
    const calls = Object.fromEntries(each(count, (i) => [`n${i}`, [`mm${i}`]]));
    expect(refused(() => graph(modules, calls))).toContain('and 1988 more');
    expect(validate(graph(modules, calls))).toHaveLength(3 * count);
    const wrong = Object.fromEntries(each(count, (i) => [`m${i}`, { type: 'Linaer', in_names: [`n${i}`] }]));
    expect(refused(() => dag(wrong, { x: [4] }))).toContain("did you mean 'Linear'?");
  });

  test('long lists and texts', () => {
    const text = 'x'.repeat(1e6);
    const list = each(1e5, (i) => i);
    expect(refused(() => ({ type: text }))).toMatch(/unknown module type/);
    expect(refused(() => dag({ a: { type: 'ReLU' } }, list))).toMatch(/expected a shape/);
    expect(refused(() => ({ type: 'Linear', in_features: list, out_features: text }))).toMatch(/expected/);
    expect(refused(() => ({ type: 'Conv2d', in_channels: 1, out_channels: 1, kernel_size: list }))).toMatch(/expected/);
    expect(refused(() => dag({ a: { type: 'ReLU', in_names: each(count, (i) => `n${i}`) } }, { x: [4] }))).toMatch(
      /there is no/,
    );
    expect(refused(() => graph({ a: { [text]: {} } }, { a: [text] }))).toMatch(/unknown module type/);
    expect(refused(() => graph({ a: { ReLU: {} } }, { a: list }))).toMatch(/expected the name/);
  });
});

describe('YAML', () => {
  /** Nine lists of nine of the one before. */
  const bomb = [
    'a: &a [x]',
    ...'bcdefghijk'.split('').map((name, i) => `${name}: &${name} [${`*${'abcdefghijk'[i]!}, `.repeat(9)}]`),
  ].join('\n');
  const shared = `a: &a [${'1, '.repeat(10_000)}]\nb: [${'*a, '.repeat(200)}]`;
  const rows: [string, string, RegExp][] = [
    ['an alias bomb', bomb, /aliases expand to too much/],
    ['one that shares a long list', shared, /aliases expand to too much/],
    [
      'a merge bomb',
      [
        'a: &a {x: 1}',
        ...'bcdefghijk'.split('').map((name, i) => `${name}: &${name} {<<: [${`*${'abcdefghijk'[i]!}, `.repeat(9)}]}`),
      ].join('\n'),
      /expand to too much/,
    ],
    ['what holds itself', 'a: &a [*a]', /stands inside what it names/],
    ['depth', `a: ${'['.repeat(5000)}`, /nested too deeply|not closed/],
    ['tags', 'a: !!python/object:os.system x', /tag/],
  ];
  for (const [name, text, message] of rows) {
    test(name, () => {
      expect(refused(() => parseYaml(text, 'arc.yaml').value)).toMatch(message);
    });
  }
});

describe('files', () => {
  test('no more than 64 MB is read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'torcharc-'));
    const path = join(folder, 'arc.yaml');
    const file = await open(path, 'w');
    // without a byte on the disk
    await file.truncate(2 ** 30);
    await file.close();
    const before = performance.now();
    await expect(readArc(path)).rejects.toThrow(`cannot read ${path}: expected at most 64 MB of text, got more`);
    // tenths of a second, on a machine that does nothing else
    expect(performance.now() - before, 'milliseconds').toBeLessThan(3000);
    await writeFile(path, 'type: ReLU');
    expect(await readArc(path)).toEqual({ type: 'ReLU' });
  });

  test('issues of ArcErrors have paths', () => {
    try {
      build(graph({ a: { Linear: { in_features: -1 } } }, { a: ['x'] }));
    } catch (error) {
      expect((error as ArcError).issues.map(({ path }) => path)).toEqual([
        'modules.a.Linear.in_features',
        'modules.a.Linear.out_features',
      ]);
    }
    expect.assertions(1);
  });
});
