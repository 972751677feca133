import { readFileSync } from 'node:fs';
import { build, buildCriterion, buildOptimizer, manualSeed } from 'torcharc';
import { describe, expect, test } from 'vitest';
import { readTable } from '../src/data/csv.ts';
import { type DataOptions, makeDataset } from '../src/data/dataset.ts';
import { parseConfig } from '../src/train/config.ts';
import { checkFit, type Epoch, type FitOptions, fit } from '../src/train/fit.ts';
import { better, Tally } from '../src/train/metrics.ts';

describe('parseConfig', () => {
  const least = `arc: arc.yaml
criterion: {type: MSELoss}
optimizer: {type: Adam, lr: 1e-3}
epochs: 2
data: {csv: a.csv, target: 0, task: regression}
`;

  test('fills in defaults', () => {
    expect(parseConfig(least, 'config.yaml').config).toEqual({
      arc: 'arc.yaml',
      criterion: { type: 'MSELoss' },
      optimizer: { type: 'Adam', lr: 0.001 },
      data: { csv: 'a.csv', target: '0', task: 'regression', scale: 'none', split: { test: 0.2, seed: 0 } },
      epochs: 2,
      batch_size: 32,
      seed: 0,
      out: 'out',
    });
  });

  const complaints = (text: string) => {
    try {
      parseConfig(text, 'config.yaml');
    } catch (e) {
      return (e as Error).message;
    }
    throw new Error('expected complaints');
  };

  test('every issue, where it stands', () => {
    expect(
      complaints(`arc: 3
criterion: {typ: MSELoss}
optimizer: Adam
epochs: 1.5
batch_sise: 3
seed: -1
out: ""
data:
  csv: a.csv
  task: regresion
  features: []
  shape: [1, x]
  scale: {divide: 0}
  split: {test: 1, sed: 3}
`),
    ).toMatchInlineSnapshot(`
      "config.yaml:1:1: arc: expected an arc, or the path of one, got 3
      config.yaml:2:1: criterion.type: missing; expected the name of a type, such as CrossEntropyLoss
      config.yaml:3:1: optimizer: expected a mapping with a type, such as {type: Adam}, got "Adam"
      config.yaml:4:1: epochs: expected a positive whole number, got 1.5
      config.yaml:5:1: batch_sise: unknown key (did you mean 'batch_size'?)
      config.yaml:6:1: seed: expected a whole number from 0 on, got -1
      config.yaml:7:1: out: expected the path of a folder, got ""
      config.yaml:8:1: data.target: missing; expected the name of the column to predict
      config.yaml:10:3: data.task: expected classification or regression, got "regresion"
      config.yaml:11:3: data.features: expected a list of column names, got []
      config.yaml:12:14: data.shape[1]: expected a positive whole number, got "x"
      config.yaml:13:11: data.scale.divide: expected a number other than 0, got 0
      config.yaml:14:11: data.split.test: expected a fraction between 0 and 1, such as 0.2, got 1
      config.yaml:14:20: data.split.sed: unknown key (did you mean 'seed'?)"
    `);
    expect(complaints(least.replace('Adam, lr', 'Adam, lr: 1, lr'))).toMatchInlineSnapshot(
      `"config.yaml:3:32: the key lr is already there in this mapping"`,
    );
    expect(complaints('')).toMatchInlineSnapshot(
      `"config.yaml: missing; expected a mapping with arc, criterion, optimizer, data and epochs"`,
    );
    expect(complaints('- 1')).toMatchInlineSnapshot(
      `"config.yaml: expected a mapping with arc, criterion, optimizer, data and epochs, got [1]"`,
    );
  });
});

describe('Tally', () => {
  test('accuracy: the first of the largest scores', () => {
    const tally = new Tally({ classes: 3 });
    tally.add(2, new Float32Array([0, 1, 0, 5, 5, 0]), new BigInt64Array([1n, 1n]));
    tally.add(1, new Float32Array([0, 0, 9]), new BigInt64Array([2n]));
    expect(tally.scores()).toEqual({ loss: 1, accuracy: 2 / 3 });
  });

  test('accuracy with a threshold', () => {
    const tally = new Tally({ threshold: 0.5 });
    tally.add(1, new Float32Array([0.2, 0.7, 0.9]), new Float32Array([0, 1, 0]));
    expect(tally.scores().accuracy).toBe(2 / 3);
  });

  test('regression', () => {
    const tally = new Tally('value');
    tally.add(1, new Float32Array([1, 2]), new Float32Array([4, -2]));
    expect(tally.scores()).toEqual({ loss: 0.5, mae: 3.5, rmse: Math.sqrt(12.5) });
  });

  test('better: by accuracy or RMSE, then by loss', () => {
    expect(better({ loss: 2, accuracy: 0.9 }, { loss: 1, accuracy: 0.8 })).toBe(true);
    expect(better({ loss: 1, accuracy: 0.9 }, { loss: 2, accuracy: 0.9 })).toBe(true);
    expect(better({ loss: 1, accuracy: 0.9 }, { loss: 1, accuracy: 0.9 })).toBe(false);
    expect(better({ loss: 1, mae: 1, rmse: 2 }, { loss: 1, mae: 1, rmse: 3 })).toBe(true);
  });
});

describe('fit', () => {
  // y = 2a - b, and whether it is positive
  const rows = Array.from({ length: 33 }, (_, i) => [i % 5, (3 * i) % 7]);
  const text = rows.map(([a, b]) => `${a},${b},${2 * a! - b!},${2 * a! > b! ? 'yes' : 'no'}`).join('\n');
  const table = readTable(`a,b,y,class\n${text}`, 'a.csv');
  const data = (options: Partial<DataOptions>) =>
    makeDataset(table, {
      task: 'regression',
      target: 'y',
      features: ['a', 'b'],
      scale: 'standardize',
      split: { test: 0.25, seed: 0 },
      ...options,
    });

  const setup = (arc: object, criterion: object, options: Partial<DataOptions> = {}): FitOptions => {
    manualSeed(0);
    const model = build(arc);
    return {
      model,
      criterion: buildCriterion(criterion as never),
      optimizer: buildOptimizer({ type: 'Adam', lr: 0.05 }, model),
      data: data(options),
      epochs: 60,
      batchSize: 6,
      seed: 0,
    };
  };
  const line = { type: 'Linear', in_features: 2, out_features: 1 };
  const mlp = { type: 'Linear', in_features: 2, layers: [16, 2], batch_norm: true };

  test('finds a line, whatever the shape of the output; 25 rows in batches of 6 leave none alone', async () => {
    const { epochs, best, interrupted } = await fit(setup(line, { type: 'MSELoss' }));
    expect(epochs).toHaveLength(60);
    expect(interrupted).toBe(false);
    expect(epochs.at(-1)!.test.rmse).toBeLessThan(0.1);
    expect(best).toBe(epochs.reduce((a, b) => (better(b.test, a.test) ? b : a)));
  });

  test('the loss is a mean over samples for every reduction', async () => {
    const first = async (reduction: string) => {
      const options = setup(line, { type: 'MSELoss', reduction });
      const losses: number[] = [];
      await fit({ ...options, epochs: 1, batchSize: 25, onBatch: ({ loss }) => void losses.push(loss) });
      return losses[0]!;
    };
    expect(await first('sum')).toBeCloseTo(await first('mean'), 4);
  });

  test('separates classes, tells of every batch and epoch, and leaves the model in training mode', async () => {
    const options = setup(mlp, { type: 'CrossEntropyLoss' }, { task: 'classification', target: 'class' });
    const seen: string[] = [];
    const told: Epoch[] = [];
    const { epochs } = await fit({
      ...options,
      epochs: 30,
      onBatch: ({ epoch, batch, batches, samples }) => void seen.push(`${epoch}: ${batch}/${batches} ${samples}`),
      onEpoch: (epoch) => void told.push(epoch),
    });
    expect(seen.slice(0, 5)).toEqual(['1: 1/4 6', '1: 2/4 12', '1: 3/4 18', '1: 4/4 25', '2: 1/4 6']);
    expect(told).toEqual(epochs);
    expect(epochs.at(-1)!.test.accuracy).toBeGreaterThan(0.85);
    expect(options.model.training).toBe(true);
  });

  test('a scheduler is stepped after each epoch', async () => {
    const options = setup(line, { type: 'MSELoss' });
    const scheduler = {
      step() {
        options.optimizer.paramGroups[0]!.lr /= 2;
      },
    };
    const { epochs } = await fit({ ...options, epochs: 3, scheduler });
    expect(epochs.map(({ lr }) => lr)).toEqual([0.05, 0.025, 0.0125]);
  });

  test('stops where it is told to', async () => {
    const signal = { aborted: false };
    const onBatch = ({ epoch, batch }: { epoch: number; batch: number }) => {
      signal.aborted = epoch === 2 && batch === 2;
    };
    const result = await fit({ ...setup(line, { type: 'MSELoss' }), signal, onBatch });
    expect([result.epochs.length, result.interrupted]).toEqual([1, true]);
  });

  test('the same seed gives the same numbers, another seed others', async () => {
    const numbers = async (seed: number) => {
      const { epochs } = await fit({
        ...setup(mlp, { type: 'CrossEntropyLoss' }, { task: 'classification', target: 'class' }),
        seed,
        epochs: 2,
      });
      return JSON.stringify(epochs);
    };
    expect(await numbers(0)).toBe(await numbers(0));
    expect(await numbers(1)).not.toBe(await numbers(0));
  });

  test('what does not go together', () => {
    const check = (...args: Parameters<typeof setup>) => {
      try {
        checkFit(setup(...args));
      } catch (e) {
        return (e as Error).message;
      }
      throw new Error('expected an error');
    };
    const classes = { task: 'classification', target: 'class' } as const;
    expect(check({ ...line, out_features: 3 }, { type: 'MSELoss' })).toMatchInlineSnapshot(
      `"model: expected one value for each of the 6 samples of a batch, got an output of shape [6, 3]"`,
    );
    expect(check(line, { type: 'CrossEntropyLoss' }, classes)).toMatchInlineSnapshot(
      `"model: expected a score for each of 2 classes, shape [6, 2], got an output of shape [6, 1]"`,
    );
    expect(check(mlp, { type: 'CrossEntropyLoss', reduction: 'none' }, classes)).toMatchInlineSnapshot(
      `"criterion: expected one loss for a batch, got shape [6]; use reduction mean or sum"`,
    );
    expect(check({ ...line, in_features: 3 }, { type: 'MSELoss' })).toMatchInlineSnapshot(
      `"linear: mat1 and mat2 shapes cannot be multiplied (6x2 and 3x1)"`,
    );
  });

  test('digits.csv is what its config says', () => {
    const digits = readTable(
      readFileSync(new URL('../examples/digits/digits.csv', import.meta.url), 'utf8'),
      'digits.csv',
    );
    const { classes, train, test } = makeDataset(digits, {
      task: 'classification',
      target: 'digit',
      shape: [1, 8, 8],
      scale: { divide: 16 },
      split: { test: 0.2, seed: 0 },
    });
    expect([train.size, test.size, classes.length]).toEqual([1438, 359, 10]);
    expect([Math.min(...train.features), Math.max(...train.features)]).toEqual([0, 1]);
  });
});
