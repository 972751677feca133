/** Checkpoints, run folders and records to predict from that are damaged, foreign or made to harm. */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { openTrained, readCheckpoint } from 'torcharc/node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TorcharcError } from '../src/util/errors.ts';
import { command } from './command.ts';

const folder = mkdtempSync(join(tmpdir(), 'torcharc-hostile-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (...path: string[]) => join(folder, ...path);

const config = {
  arc: { type: 'Linear', in_features: 3, layers: [4, 2], activation: 'ReLU' },
  criterion: { type: 'CrossEntropyLoss' },
  optimizer: { type: 'Adam', lr: 0.01 },
  scheduler: { type: 'ReduceLROnPlateau', patience: 1 },
  data: {
    csv: 'data.csv',
    inputs: { x: { columns: ['a', 'b', 'c'], scale: 'standardize' } },
    targets: { kind: { column: 'kind', task: 'classification' } },
  },
  early_stopping: { patience: 9 },
  epochs: 2,
  batch_size: 16,
  out: 'run',
};
const more = ['train', 'config.yaml', '--resume', '--epochs', '3'];

beforeAll(async () => {
  const rows = Array.from({ length: 40 }, (_, i) => [i % 7, i % 5, i % 3, i % 2 ? 'odd' : 'even'].join(','));
  writeFileSync(at('data.csv'), `a,b,c,kind\n${rows.join('\n')}\n`);
  writeFileSync(at('config.yaml'), JSON.stringify(config));
  expect(await command(folder, ['train', 'config.yaml'])).toMatchObject({ code: 0, err: '' });
  cpSync(at('run'), at('whole'), { recursive: true });
  const wider = { ...config, arc: { ...config.arc, layers: [5, 2] }, out: 'wider' };
  writeFileSync(at('wider.yaml'), JSON.stringify(wider));
  expect(await command(folder, ['train', 'wider.yaml'])).toMatchObject({ code: 0, err: '' });
});

const newest = () =>
  at(
    'run/checkpoints',
    readdirSync(at('run/checkpoints')).reduce((a, b) => (Number(a.slice(5)) > Number(b.slice(5)) ? a : b)),
  );

/** The run's folder as it was written, and then changed. */
function changed(change: (checkpoint: string) => void): void {
  rmSync(at('run'), { recursive: true, force: true });
  cpSync(at('whole'), at('run'), { recursive: true });
  change(newest());
}

const oneSentence = (message: string, name: string) => {
  expect(message).toContain(name);
  expect(message).not.toMatch(/internal:|undefined|\n\s+at /);
};

/** All that reads a run must say, in a sentence with the name of a file, that it cannot. */
async function refused(name: string, { resume = true } = {}): Promise<void> {
  for (const read of [() => openTrained(at('run'), 'last'), () => openTrained(newest())]) {
    const error = await read().then(
      () => null,
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(TorcharcError);
    oneSentence((error as Error).message, name);
  }
  const commands = [
    ['eval', 'run', '--weights', 'last'],
    ['predict', 'run', 'data.csv', '--weights', 'last'],
    ...(resume ? [more] : []),
  ];
  for (const args of commands) {
    const { code, err } = await command(folder, args);
    expect([args[0], code, err]).toEqual([args[0], 2, expect.stringMatching(/^error: .*\n$/)]);
    oneSentence(err, name);
  }
}

const files = ['state.json', 'model.safetensors', 'training.safetensors', 'arc.json'];

describe('a checkpoint whose files are damaged', () => {
  const damages: Readonly<Record<string, (path: string) => void>> = {
    'is emptied': (path) => writeFileSync(path, ''),
    'is cut short': (path) => writeFileSync(path, readFileSync(path).subarray(0, -20)),
    'goes on': (path) => writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.from('{"more": 1}')])),
    'is of zeros': (path) => writeFileSync(path, Buffer.alloc(readFileSync(path).length)),
    'is gone': (path) => rmSync(path),
    'is a folder': (path) => {
      rmSync(path);
      mkdirSync(path);
    },
    'is that of another run': (path) => {
      const [name] = readdirSync(at('wider/checkpoints'));
      cpSync(at('wider/checkpoints', name!, path.split('/').at(-1)!), path);
    },
  };
  const rows = files.flatMap((name) => Object.keys(damages).map((what) => [name, what] as const));
  // another run's state.json says that the other files are not as they were
  test.each(rows)('%s %s', async (name, what) => {
    changed((checkpoint) => damages[what]!(join(checkpoint, name)));
    const foreign = what === 'is that of another run' && name === 'state.json';
    await refused(foreign ? 'model.safetensors' : name === 'state.json' && what === 'is gone' ? 'step-' : name);
  });

  test('any byte of any file', async () => {
    changed(() => {});
    const checkpoint = newest();
    const contents = Object.fromEntries(files.map((name) => [name, readFileSync(join(checkpoint, name))]));
    const before = await readCheckpoint(checkpoint);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.integer({ min: 1, max: 255 }),
        async (name, place, flip) => {
          const bytes = Buffer.from(contents[name]!);
          bytes[Math.floor(place * bytes.length)]! ^= flip;
          writeFileSync(join(checkpoint, name), bytes);
          const result = await readCheckpoint(checkpoint).catch((e: unknown) => e);
          writeFileSync(join(checkpoint, name), contents[name]!);
          if (result instanceof TorcharcError) oneSentence(result.message, name);
          // blanks between JSON tokens do not matter
          else expect(result).toEqual(before);
        },
      ),
      { seed: 3, numRuns: 300 },
    );
  });
});

// biome-ignore lint/suspicious/noExplicitAny: it is what JSON.parse gives
type Json = Record<string, any>;

/** Change a checkpoint's state, and seal it anew as `writeCheckpoint` does. */
function resealed(checkpoint: string, change: (state: Json) => unknown, names: readonly string[] = []): void {
  const path = join(checkpoint, 'state.json');
  const sum = (content: Uint8Array | string) => createHash('sha256').update(content).digest('hex');
  const { format, state } = JSON.parse(readFileSync(path, 'utf8'));
  const now = change(state) ?? state;
  for (const name of names) {
    const bytes = readFileSync(join(checkpoint, name));
    now.files[name] = { bytes: bytes.length, sha256: sum(bytes) };
  }
  writeFileSync(path, JSON.stringify({ format, sha256: sum(JSON.stringify(now)), state: now }));
}

describe('a checkpoint that another wrote, or that is made to harm', () => {
  const put =
    (keys: string, value: unknown) =>
    (state: Json): void => {
      const path = keys.split('/');
      const last = path.pop()!;
      const into = path.reduce((part, key) => part[key], state);
      // a key of its own, also where it is called __proto__
      Object.defineProperty(into, last, { value, enumerable: true, configurable: true, writable: true });
    };
  const states: Readonly<Record<string, (state: Json) => unknown>> = {
    'nothing about a run': put('about', 'a note'),
    'no config': put('about/config', undefined),
    'a config without an optimizer': put('about/config/optimizer', null),
    'a config whose keys nobody knows': put('about/config/__proto__', { polluted: true }),
    'a scale that is not finite': put('about/info/inputs/x/scale/shift', [null, 0, 0]),
    'a scale of too few numbers': put('about/info/inputs/x/scale/factor', []),
    'inputs of a shape that is none': put('about/info/inputs/x/shape', [-3]),
    'inputs of an immense shape': put('about/info/inputs/x/shape', [2 ** 40, 3]),
    'a scale of immense blocks': put('about/info/inputs/x/scale/inner', 2 ** 52),
    'no inputs': put('about/info/inputs', {}),
    'targets of no kind': put('about/info/targets/kind/task', 'fun'),
    'logs elsewhere': put('about/logs', { '../victim': 0 }),
    'logs by a long way': put('about/logs', { 'events.out.tfevents.1/../../../victim': 0 }),
    'logs of less than nothing': put('about/logs', { 'metrics.jsonl': -1 }),
    'an epoch that is a text': put('progress/epoch', '2'),
    'a huge step': put('progress/step', 1e300),
    'a step that is not a number': put('progress/step', { $number: 'NaN' }),
    'a best one elsewhere': put('progress/best/step', '../../..'),
    'no optimizer': put('training/optimizer', null),
    'groups that are none': put('training/optimizer/param_groups', { length: 2 ** 40 }),
    'an array that is not there': put('training/generator', { $array: 'nothing' }),
    'files of no size': put('files/model.safetensors/bytes', 'none'),
  };
  test.each(Object.keys(states))('%s', async (what) => {
    writeFileSync(at('victim'), 'mine');
    changed((checkpoint) => resealed(checkpoint, states[what]!));
    await refused('state.json');
    expect(readFileSync(at('victim'), 'utf8')).toBe('mine');
    expect(({} as Json).polluted).toBeUndefined();
  });

  test('another format', async () => {
    changed((checkpoint) => {
      const path = join(checkpoint, 'state.json');
      writeFileSync(path, readFileSync(path, 'utf8').replace('"format":1', '"format":2'));
    });
    await refused('step-4/state.json: expected format 1, got 2');
  });

  test('an arc that cannot be built, or whose weights are others', async () => {
    const arcs = [{ type: 'Linaer' }, [], null, { ...config.arc, layers: [5, 2] }, { ...config.arc, in_features: 4 }];
    for (const arc of arcs) {
      changed((checkpoint) => {
        writeFileSync(join(checkpoint, 'arc.json'), JSON.stringify(arc));
        resealed(checkpoint, () => {}, ['arc.json']);
      });
      await refused('run', { resume: false });
      expect(await command(folder, more)).toMatchObject({
        code: 2,
        err: expect.stringMatching(/^error: run: cannot go on with other settings: arc\S* was .* and is .*\n$/),
      });
    }
  });

  test('weights of another model', async () => {
    changed((checkpoint) => {
      const [name] = readdirSync(at('wider/checkpoints'));
      cpSync(at('wider/checkpoints', name!, 'model.safetensors'), join(checkpoint, 'model.safetensors'));
      resealed(checkpoint, () => {}, ['model.safetensors']);
    });
    await refused('step-4', { resume: false });
    expect((await command(folder, more)).err).toMatch(/^error: .*size mismatch.*\n$/);
  });

  test('any part of the state replaced by anything', async () => {
    changed(() => {});
    const path = join(newest(), 'state.json');
    const whole = readFileSync(path, 'utf8');
    const places: string[][] = [];
    const visit = (value: unknown, path: string[]) => {
      places.push(path);
      if (typeof value === 'object' && value !== null)
        for (const [key, entry] of Object.entries(value)) visit(entry, [...path, key]);
    };
    for (const [key, value] of Object.entries(JSON.parse(whole).state)) visit(value, [key]);
    const values = [null, 0, -1, 2 ** 52, 1.5, '', 'x', '../x', [], {}, [[]], { $array: 'x' }, { $number: 'x' }, true];
    for (const [keys, value] of fc.sample(fc.tuple(fc.constantFrom(...places), fc.constantFrom(...values)), {
      seed: 5,
      numRuns: 100,
    })) {
      changed((checkpoint) => resealed(checkpoint, put(keys.join('/'), value)));
      for (const args of [['eval', 'run', '--weights', 'last'], ['predict', 'run', 'data.csv'], more]) {
        const what = `${args[0]} with ${keys.join('.')} = ${JSON.stringify(value)}`;
        const { code, err } = await command(folder, args);
        expect([0, 1, 2], what).toContain(code);
        if (code !== 0) expect(err, what).toMatch(/^(error: .*\n)+$/);
        expect(err, what).not.toMatch(/internal|undefined/);
      }
    }
  }, 60_000);
});

describe('an out folder', () => {
  const fresh = () => rmSync(at('run'), { recursive: true, force: true });
  const train = () => command(folder, ['train', 'config.yaml']);

  test('that has checkpoints of others: they stay', async () => {
    fresh();
    mkdirSync(at('run/checkpoints'), { recursive: true });
    for (const name of ['checkpoints/theirs.pt', 'checkpoints/theirs.tmp', 'theirs.tmp'])
      writeFileSync(at('run', name), 'theirs');
    for (let i = 0; i < 2; i++) {
      expect(await train()).toMatchObject({ code: 0, err: '' });
      expect(readdirSync(at('run/checkpoints')).sort()).toEqual(
        expect.arrayContaining(['step-4', 'theirs.pt', 'theirs.tmp']),
      );
      expect(existsSync(at('run/theirs.tmp'))).toBe(true);
    }
  });

  test('whose newest checkpoint is damaged: all of them are put aside', async () => {
    changed((checkpoint) => writeFileSync(join(checkpoint, 'model.safetensors'), ''));
    expect((await train()).out).toContain('its checkpoints are in run/checkpoints-before\n');
    expect(readdirSync(at('run/checkpoints-before'))).toContain('step-4');
  });

  test('with what a killed run was writing: it is removed', async () => {
    changed((checkpoint) => {
      mkdirSync(`${checkpoint}0.123-4.tmp`);
      writeFileSync(at('run/last.safetensors.123-5.tmp'), 'torn');
    });
    expect(await command(folder, more)).toMatchObject({ code: 0, err: '' });
    expect([...readdirSync(at('run')), ...readdirSync(at('run/checkpoints'))].join()).not.toContain('.tmp');
  });

  test.each([
    ['a file', () => writeFileSync(at('run'), 'mine'), 'error: cannot write to run: it is a file, not a folder\n'],
    [
      'a folder whose checkpoints are a file',
      () => {
        mkdirSync(at('run'));
        writeFileSync(at('run/checkpoints'), 'mine');
      },
      'error: cannot read run/checkpoints: a part of the path is a file, not a folder\n',
    ],
  ])('that is %s', async (_what, make, err) => {
    fresh();
    make();
    expect(await command(folder, more)).toMatchObject({ code: 2, err });
  });

  test('a config says which of its keys is wrong', async () => {
    const complaint = async (change: object) => {
      writeFileSync(at('wrong.yaml'), JSON.stringify({ ...config, ...change }, null, 1));
      return (await command(folder, ['train', 'wrong.yaml'])).err;
    };
    expect(await complaint({ best: 'acuracy' })).toMatch(
      /^error: wrong.yaml:\d+:2: best: there is no score 'acuracy'; there are loss, train_loss, accuracy\n$/,
    );
    expect(await complaint({ early_stopping: { patience: 1, metric: 'f1' } })).toMatch(
      /^error: wrong.yaml:\d+:3: early_stopping.metric: there is no score 'f1'; .*\n$/,
    );
    expect(await complaint({ loss_weights: { kind: 2 } })).toMatch(
      /^error: wrong.yaml:\d+:3: loss_weights.kind: there is no such loss; .*\n$/,
    );
    expect(await complaint({ schedule: { every: 'update' } })).toMatch(
      /^error: wrong.yaml:\d+:3: schedule.every: ReduceLROnPlateau watches a score, .*\n$/,
    );
  });
});

describe('records to predict from', () => {
  const predict = async (content: string | Uint8Array, ...args: string[]) => {
    writeFileSync(at('records'), content);
    return command(folder, ['predict', 'whole', 'records', ...args]);
  };
  const noise = Uint8Array.from({ length: 5000 }, (_, i) => (i * i * 31 + i * 7) % 256);
  const long = 5e7;

  test.each<readonly [string, string | Uint8Array]>([
    ['nothing', ''],
    ['blanks', ' \n\r\n\t\n'],
    ['a header alone', 'a,b,c\n'],
    ['noise', noise],
    ['zeros', new Uint8Array(300)],
    ['UTF-16', Buffer.from('a,b,c\n1,2,3\n', 'utf16le')],
    ['other columns', 'a,b,d\n1,2,3\n'],
    ['a column twice', 'a,b,c,a\n1,2,3,4\n'],
    ['a cell that is no number', 'a,b,c\n1,x,3\n'],
    ['a cell that is empty', 'a,b,c\n1,,3\n'],
    ['a row that is too short', 'a,b,c\n1,2,3\n1,2\n'],
    ['a quotation mark that is not closed', 'a,b,c\n1,"2,3\n1,2,3\n'],
    ['a long line of CSV', 'a'.repeat(long)],
    ['a long cell', `a,b,c\n1,2,${'3'.repeat(long)}\n`],
    ['blank lines for long, and nothing', '\n'.repeat(long)],
    ['JSON that is cut off', '{"a": 1, "b": 2'],
    ['a list of records', '[{"a": 1, "b": 2, "c": 3}]'],
    ['too few values', '[1, 2]'],
    ['values nested', '{"x": [[1, 2, 3]]}'],
    ['values in texts', '{"a": "1", "b": "2", "c": "3"}'],
    ['null', '{"a": null, "b": 2, "c": 3}'],
    ['a number too large', '{"x": [1e39, 0, 0]}'],
    ['no record', '{"a": 1, "b": 2, "c": 3}\n17\n'],
    ['a prototype', '{"__proto__": {"a": 1, "b": 2, "c": 3}}'],
    ['JSON nested deeply', `{"x": ${'['.repeat(1e5)}${']'.repeat(1e5)}}`],
    ['a long line of JSON', `{"x": [${'1,'.repeat(long / 2)}1]}`],
    ['a long text of JSON', `{"x": "${'x'.repeat(long)}`],
  ])(
    '%s',
    async (_what, content) => {
      const { code, out, err } = await predict(content);
      expect([code, err]).toEqual([2, expect.stringMatching(/^error: .*records.*\n$/)]);
      expect(err.length).toBeLessThan(600);
      expect(err).not.toMatch(/internal/);
      // what came before may be told
      expect(out.split('\n').length).toBeLessThan(4);
    },
    20_000,
  );

  test('a batch beyond all bounds', async () => {
    expect(await predict('a,b,c\n1,2,3\n', '--batch', '9007199254740991')).toMatchObject({
      code: 2,
      err: 'error: predict: expected a batch of at most 268435456 numbers, got 9007199254740991 samples of 3 each\n',
    });
  });

  test('what is wrong leaves no file, and the old one as it was', async () => {
    writeFileSync(at('said.csv'), 'old');
    expect((await predict('a,b,c\n1,2,3\n1,x,3\n', '-o', 'said.csv')).code).toBe(2);
    expect(readFileSync(at('said.csv'), 'utf8')).toBe('old');
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});
