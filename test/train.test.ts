import { build, buildOptimizer, F, manualSeed, nn, optim, rand, realize, type Tensor, tensor } from 'torcharc';
import { describe, expect, test } from 'vitest';
import type { Scaling } from '../src/data/samples.ts';
import { tensorDataset } from '../src/data/tensors.ts';
import type { Optimizer } from '../src/optim/optimizer.ts';
import { parseConfig } from '../src/train/config.ts';
import { checkFit, type Evaluation, type FitOptions, fit } from '../src/train/fit.ts';
import { better, improved, type Reading, Tally } from '../src/train/metrics.ts';
import type { Snapshot } from '../src/train/snapshot.ts';

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
      checkpoint: { keep: 2 },
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
  const classes = (count: number, inner = 1) => ({ kind: 'classes', classes: count, inner, ignore: -100 }) as const;
  const values = (width: number, scale: Scaling | null = null) => ({ kind: 'values', width, scale }) as const;
  const scores = (reading: Reading, names: readonly string[], ...given: [number[], number[]][]) => {
    const tally = new Tally('the output', reading, names);
    for (const [outputs, targets] of given) tally.add(new Float32Array(outputs), new Float32Array(targets));
    return tally.scores();
  };

  test('accuracy: the first of the largest scores', () => {
    expect(
      scores(
        classes(3),
        ['accuracy'],
        [
          [0, 1, 0, 5, 5, 0],
          [1, 1],
        ],
        [[0, 0, 9], [2]],
      ),
    ).toEqual({ accuracy: 2 / 3 });
  });

  test('top k, the confusion matrix, and targets that do not count', () => {
    const outputs = [3, 2, 1, 1, 2, 3, 2, 3, 1, 9, 0, 0];
    expect(scores(classes(3), ['top1', 'top2', 'top3', 'confusion'], [outputs, [1, 2, 0, -100]])).toEqual({
      top1: 1 / 3,
      top2: 1,
      top3: 1,
      confusion: [
        [0, 1, 0],
        [1, 0, 0],
        [0, 0, 1],
      ],
    });
  });

  test('classes of several positions of a sample', () => {
    // two samples of two positions: scores [sample, class, position]
    const outputs = [1, 0, 0, 1, 1, 1, 0, 0];
    expect(scores(classes(2, 2), ['accuracy', 'confusion'], [outputs, [0, 1, 1, 0]])).toEqual({
      accuracy: 3 / 4,
      confusion: [
        [2, 0],
        [1, 1],
      ],
    });
  });

  test('accuracy with a threshold', () => {
    const reading = { kind: 'binary', threshold: 0.5 } as const;
    expect(
      scores(
        reading,
        ['accuracy', 'confusion'],
        [
          [0.2, 0.7, 0.9],
          [0, 1, 0],
        ],
      ),
    ).toEqual({
      accuracy: 2 / 3,
      confusion: [
        [1, 1],
        [0, 1],
      ],
    });
  });

  // sklearn.metrics.r2_score([[1, 10], [2, 30], [4, 20]], [[1.5, 12], [2, 24], [3, 21]]) = 0.7619642857142857
  test('regression', () => {
    expect(
      scores(
        values(1),
        ['mae', 'mse', 'rmse'],
        [
          [1, 2],
          [4, -2],
        ],
      ),
    ).toEqual({ mae: 3.5, mse: 12.5, rmse: Math.sqrt(12.5) });
    const { r2 } = scores(
      values(2),
      ['r2'],
      [
        [1.5, 12],
        [1, 10],
      ],
      [
        [2, 24, 3, 21],
        [2, 30, 4, 20],
      ],
    );
    expect(r2).toBeCloseTo((1 - 1.25 / (14 / 3) + 1 - 41 / 200) / 2, 12);
    expect(
      scores(
        values(1),
        ['r2'],
        [
          [3, 3],
          [3, 3],
        ],
      ),
    ).toEqual({ r2: 1 });
    expect(
      scores(
        values(1),
        ['r2'],
        [
          [3, 4],
          [3, 3],
        ],
      ),
    ).toEqual({ r2: 0 });
  });

  test('errors are in the unit of the data', () => {
    const scale = { shift: [5, 6], factor: [10, 2], inner: 1 };
    expect(
      scores(
        values(2, scale),
        ['mae', 'mse'],
        [
          [1, 1],
          [0, 2],
        ],
      ),
    ).toEqual({ mae: 6, mse: 52 });
  });

  test('better: by accuracy or RMSE, then by loss, or by what is asked for', () => {
    expect(better({ loss: 2, accuracy: 0.9 }, { loss: 1, accuracy: 0.8 })).toBe(true);
    expect(better({ loss: 1, accuracy: 0.9 }, { loss: 2, accuracy: 0.9 })).toBe(true);
    expect(better({ loss: 1, accuracy: 0.9 }, { loss: 1, accuracy: 0.9 })).toBe(false);
    expect(better({ loss: 1, mae: 1, rmse: 2 }, { loss: 1, mae: 1, rmse: 3 })).toBe(true);
    expect(better({ loss: 1, a_r2: 0.5 }, { loss: 1, a_r2: 0.4 }, 'a_r2')).toBe(true);
    expect(better({ loss: 1, a_mse: 0.5 }, { loss: 1, a_mse: 0.4 }, 'a_mse')).toBe(false);
  });

  test('NaN is worse than any number', () => {
    expect(better({ loss: 5 }, { loss: Number.NaN })).toBe(true);
    expect(better({ loss: Number.NaN }, { loss: 5 })).toBe(false);
    expect(better({ loss: 5, r2: -3 }, { loss: 5, r2: Number.NaN }, 'r2')).toBe(true);
    expect([improved(5, Number.NaN, 'loss', 0), improved(Number.NaN, 5, 'loss', 0)]).toEqual([true, false]);
    expect(improved(Number.NaN, Number.NaN, 'r2', 0)).toBe(false);
  });

  test('a metric that there is not, or that does not go with the output', () => {
    expect(() => scores(values(1), ['acuracy'])).toThrow(
      "fit: metrics: unknown metric 'acuracy' (did you mean 'accuracy'?)",
    );
    expect(() => scores(values(1), ['top5'])).toThrow(
      'fit: metrics: top5 is for classes to predict, but the output has values',
    );
    expect(() => scores(classes(2), ['r2'])).toThrow(
      'fit: metrics: r2 is for values to predict, but the output has classes',
    );
  });
});

/** `y = (2a - b)²` of 33 points, and whether 2a > b; 8 of them to test on. */
function points() {
  const rows = Array.from(
    { length: 33 },
    (_, i) => [Math.fround((i % 5) / 5), Math.fround(((3 * i) % 7) / 7)] as const,
  );
  const x = rows.map(([a, b]) => [a, b]);
  const y = rows.map(([a, b]) => [(2 * a - b) ** 2]);
  const c = rows.map(([a, b]) => (2 * a > b ? 1 : 0));
  const part = (from: number, to: number) => ({
    x: tensor(x.slice(from, to)),
    y: tensor(y.slice(from, to)),
    c: tensor(c.slice(from, to), { dtype: 'int64' }),
  });
  return { train: part(0, 25), test: part(25, 33) };
}
const mlp = { type: 'Linear', in_features: 2, layers: [16], activation: 'ReLU' };

/** Values to predict, with a model of two layers. */
function regression(more: Partial<FitOptions> = {}, dropout = 0) {
  manualSeed(0);
  const model = new nn.Sequential([
    new nn.Linear({ in_features: 2, out_features: 16 }),
    new nn.ReLU(),
    ...(dropout > 0 ? [new nn.Dropout({ p: dropout })] : []),
    new nn.Linear({ in_features: 16, out_features: 1 }),
  ]);
  const { train, test } = points();
  return {
    model,
    criterion: new nn.MSELoss(),
    optimizer: new optim.Adam(model.parameters(), { lr: 0.05 }),
    train: tensorDataset(train.x, train.y),
    test: tensorDataset(test.x, test.y),
    epochs: 4,
    batchSize: 6,
    ...more,
  } satisfies FitOptions;
}

/** All that a run changes, as text. */
async function stateOf({ model }: FitOptions): Promise<string> {
  const values: unknown[] = [];
  for (const [name, t] of model.stateDict()) values.push([name, await t.array()]);
  return JSON.stringify(values);
}

describe('fit', () => {
  // torch.manual_seed(0); m = Sequential(Linear(2, 16), ReLU(), Linear(16, 1)); opt = Adam(m.parameters(), lr=0.05)
  // sch = StepLR(opt, 2, 0.5); g = torch.Generator().manual_seed(0); each epoch: perm = randperm(25, generator=g), batches of
  // perm[0:6], [6:12], [12:18], [18:25]: mse_loss, backward, clip_grad_norm_(0.5), step; sch.step(); then the test part
  const torch = [
    [0.5391939333081246, 0.2907646894454956, 0.4705556035041809, 0.0925474762916565],
    [0.3734177732467651, 0.24224711954593658, 0.4593890905380249, 0.24396681785583496],
    [0.2924626559019089, 0.24312034249305725, 0.45688703656196594, 0.24124151468276978],
    [0.2566557347774506, 0.28530076146125793, 0.4420294165611267, 0.10959994792938232],
  ];
  test("PyTorch's numbers: order of samples, clipping, schedule, scores", async () => {
    const options = regression({ clip: { norm: 0.5 }, metrics: ['mae', 'r2'] });
    const scheduler = new optim.lrScheduler.StepLR(options.optimizer, { step_size: 2, gamma: 0.5 });
    const { evaluations } = await fit({ ...options, scheduler });
    expect(evaluations.map(({ epoch, step, lr }) => [epoch, step, lr])).toEqual([
      [1, 4, 0.05],
      [2, 8, 0.05],
      [3, 12, 0.025],
      [4, 16, 0.025],
    ]);
    evaluations.forEach(({ trainLoss, test }, i) => {
      const got = [trainLoss, test!.loss, test!.mae, test!.r2] as number[];
      got.forEach((value, k) => {
        expect(value).toBeCloseTo(torch[i]![k]!, 5);
      });
    });
  });

  test('the loss is a mean over samples for every reduction', async () => {
    const first = async (reduction: 'sum' | 'mean') => {
      const losses: number[] = [];
      const onBatch = ({ loss }: { loss: number }) => void losses.push(loss);
      await fit(regression({ criterion: new nn.MSELoss({ reduction }), epochs: 1, batchSize: 25, onBatch }));
      return losses[0]!;
    };
    expect(await first('sum')).toBeCloseTo(await first('mean'), 4);
  });

  test('separates classes, tells of every batch and evaluation, and leaves the model in training mode', async () => {
    manualSeed(0);
    const model = build({ ...mlp, layers: [16, 2], batch_norm: true });
    const { train, test } = points();
    const seen: string[] = [];
    const told: Evaluation[] = [];
    const { evaluations } = await fit({
      model,
      criterion: new nn.CrossEntropyLoss(),
      optimizer: buildOptimizer({ type: 'Adam', lr: 0.05 }, model),
      train: tensorDataset(train.x, train.c),
      test: tensorDataset(test.x, test.c),
      epochs: 30,
      batchSize: 6,
      onBatch: ({ epoch, batch, batches, samples }) => void seen.push(`${epoch}: ${batch}/${batches} ${samples}`),
      onEvaluation: (evaluation) => void told.push(evaluation),
    });
    expect(seen.slice(0, 5)).toEqual(['1: 1/4 6', '1: 2/4 12', '1: 3/4 18', '1: 4/4 25', '2: 1/4 6']);
    expect(told).toEqual(evaluations);
    expect(evaluations.at(-1)!.test!.accuracy).toBeGreaterThanOrEqual(0.75);
    expect(model.training).toBe(true);
  });

  test('several batches for an update are as good as one', async () => {
    const run = async (more: Partial<FitOptions>) => {
      const options = regression(more);
      const { step } = await fit(options);
      return { step, state: JSON.parse(await stateOf(options)) as [string, number[] | number[][]][] };
    };
    const one = await run({ batchSize: 15, epochs: 3 });
    // the last batch of 7 has 1 more than its neighbors: each sample counts the same
    const three = await run({ batchSize: 6, accumulate: 3, epochs: 1 });
    expect([one.step, three.step]).toEqual([6, 2]);
    const [big, small] = [
      await run({ batchSize: 25, epochs: 2 }),
      await run({ batchSize: 6, accumulate: 9, epochs: 2 }),
    ];
    expect(small.step).toBe(2);
    small.state.forEach(([, values], i) => {
      [values].flat(2).forEach((value, k) => {
        expect(value).toBeCloseTo([big.state[i]![1]].flat(2)[k] as number, 5);
      });
    });
  });

  test('a scheduler is stepped after each epoch or update; ReduceLROnPlateau is told a score', async () => {
    const halves = (optimizer: Optimizer) => ({
      step() {
        optimizer.paramGroups[0]!.lr /= 2;
      },
    });
    const rates = async (more: Partial<FitOptions>) => {
      const options = regression({ epochs: 3, ...more });
      const { evaluations } = await fit({ scheduler: halves(options.optimizer), ...options });
      return evaluations.map(({ lr }) => lr);
    };
    expect(await rates({})).toEqual([0.05, 0.025, 0.0125]);
    expect(await rates({ schedule: { every: 'update' } })).toEqual([0.05 / 2 ** 4, 0.05 / 2 ** 8, 0.05 / 2 ** 12]);
    const told: unknown[] = [];
    const watching = { step: (metric?: number) => void told.push(metric) };
    const { evaluations } = await fit(regression({ scheduler: watching, schedule: { metric: 'mae' } }));
    expect(told).toEqual(evaluations.map(({ test }) => test!.mae));
    const plateau = (more: Partial<FitOptions>) => {
      const options = regression(more);
      const scheduler = new optim.lrScheduler.ReduceLROnPlateau(options.optimizer, {
        patience: 0,
        threshold: 1,
        threshold_mode: 'abs',
      });
      return { ...options, scheduler };
    };
    // nothing is ever better by 1, so that each epoch after the first divides the rate by 10
    const { evaluations: slower } = await fit(plateau({ epochs: 3 }));
    expect(slower.map(({ lr }) => lr)).toEqual([0.05, 0.05, expect.closeTo(0.005, 9)]);
    await expect(fit(plateau({ schedule: { every: 'update' } }))).rejects.toThrow(
      'fit: schedule.every: ReduceLROnPlateau watches a score, of which there is one after each epoch',
    );
    const options = regression({ schedule: { metric: 'mae' } });
    const scheduler = new optim.lrScheduler.StepLR(options.optimizer, { step_size: 2 });
    await expect(fit({ ...options, scheduler })).rejects.toThrow(
      'fit: schedule.metric: the scheduler watches no score, as ReduceLROnPlateau does',
    );
  });

  test('several outputs: a criterion each, with weights; a loss function says the same', async () => {
    const setup = () => {
      manualSeed(1);
      const model = build({
        dag_in_shape: [2],
        body: { type: 'Linear', layers: [16], activation: 'Tanh' },
        heads: { type: 'ReuseFork', names: ['side', 'value'] },
        side: { type: 'Linear', in_names: ['side'], out_features: 2 },
        value: { type: 'Linear', in_names: ['value'], out_features: 1 },
      });
      const { train, test } = points();
      return {
        model,
        optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
        train: tensorDataset(train.x, { side: train.c, value: train.y }),
        test: tensorDataset(test.x, { side: test.c, value: test.y }),
        epochs: 3,
        batchSize: 6,
      };
    };
    const losses = { side: new nn.CrossEntropyLoss(), value: new nn.L1Loss() };
    const named = await fit({ ...setup(), losses, lossWeights: { value: 0.5 } });
    const own = await fit({
      ...setup(),
      loss: (y: { side: Tensor; value: Tensor }, t: { side: Tensor; value: Tensor }) => ({
        side: F.crossEntropy(y.side, t.side),
        value: F.l1Loss(y.value, t.value),
      }),
      lossWeights: { value: 0.5 },
      metrics: { side: ['accuracy', 'confusion'], value: ['mae'] },
    });
    const { trainLoss, trainParts, test } = named.evaluations[2]!;
    expect(trainLoss).toBeCloseTo(trainParts.side_loss! + 0.5 * trainParts.value_loss!, 6);
    expect(Object.keys(test!)).toEqual(['loss', 'side_loss', 'value_loss', 'side_accuracy', 'value_mae', 'value_rmse']);
    expect(test!.value_mae).toBeCloseTo(test!.value_loss as number, 6);
    const other = own.evaluations[2]!;
    expect(other.trainParts).toEqual(trainParts);
    expect([other.test!.loss, other.test!.side_accuracy]).toEqual([test!.loss, test!.side_accuracy]);
    expect((other.test!.side_confusion as number[][]).flat().reduce((a, b) => a + b)).toBe(8);
  });

  test('batches from iterables of any kind', async () => {
    const { train } = points();
    const rows = [0, 5, 10, 15, 20].map((from) => [from, from + 5] as const);
    const batches = rows.map(([from, to]) => ({
      inputs: train.x.narrow(0, from, to - from),
      targets: { target: train.y.narrow(0, from, to - from) },
    }));
    async function* stream() {
      yield* batches;
    }
    const states: string[] = [];
    for (const source of [batches, stream, () => batches, { [Symbol.asyncIterator]: stream }]) {
      const options = regression({ train: source, epochs: 2 });
      const seen: (number | null)[] = [];
      const { step } = await fit({ ...options, onBatch: ({ batches }) => void seen.push(batches) });
      expect([step, new Set(seen)]).toEqual([10, new Set([null])]);
      states.push(await stateOf(options));
    }
    expect(new Set(states).size).toBe(1);
    await expect(fit(regression({ train: stream(), epochs: 2 }))).rejects.toThrow(
      'train: the batches of epoch 2 are none; one that can be used once only is given as a function of the epoch',
    );
    await expect(fit(regression({ train: [] }))).rejects.toThrow('train: the batches of epoch 1 are none');
    const ragged = [{ inputs: train.x, targets: train.y.narrow(0, 0, 3) }];
    await expect(fit(regression({ train: ragged }))).rejects.toThrow(
      "train: batch 1 of epoch 1: expected tensors of one number of samples, 25, got 3 in 'target'",
    );
  });

  test('LBFGS', async () => {
    const options = regression({ epochs: 3, batchSize: 25 });
    const optimizer = new optim.LBFGS(options.model.parameters(), { lr: 0.5, max_iter: 10 });
    const { evaluations } = await fit({ ...options, optimizer });
    expect(evaluations[2]!.trainLoss).toBeLessThan(0.05);
    expect(evaluations[2]!.trainLoss).toBeLessThan(evaluations[0]!.trainLoss);
    await expect(fit({ ...options, optimizer, accumulate: 2 })).rejects.toThrow(
      'fit: accumulate: LBFGS takes one batch a step, expected 1',
    );
    await expect(fit({ ...options, optimizer, clip: { norm: 1 } })).rejects.toThrow(
      'fit: clip: LBFGS searches along gradients as they are, expected none',
    );
  });

  test('evaluates every n updates, and after each epoch once', async () => {
    const { evaluations } = await fit(regression({ epochs: 3, evaluateEvery: 3 }));
    expect(evaluations.map(({ epoch, step }) => [epoch, step])).toEqual([
      [1, 3],
      [1, 4],
      [2, 6],
      [2, 8],
      [3, 9],
      [3, 12],
    ]);
  });

  test('stops early, and stays so', async () => {
    const snapshots: Snapshot[] = [];
    const earlyStopping = { metric: 'mae', patience: 3, minDelta: 10 };
    const options = () =>
      regression({ epochs: 20, earlyStopping, onSnapshot: (snapshot) => void snapshots.push(snapshot) });
    const { ended, evaluations, epoch } = await fit(options());
    // the first is the best, since no other is better by 10
    expect([ended, evaluations.length, epoch]).toEqual(['early stopping', 4, 5]);
    const again = await fit({ ...options(), resume: snapshots.at(-1) });
    expect([again.ended, again.evaluations.length]).toEqual(['early stopping', 0]);
    // another score has not been waited for
    const other = { ...options(), earlyStopping: { metric: 'loss', patience: 2, minDelta: 10 } };
    const more = await fit({ ...other, resume: snapshots.at(-1) });
    expect([more.ended, more.evaluations.length]).toEqual(['early stopping', 3]);
  });

  test('stops where it is told to', async () => {
    const signal = { aborted: false };
    const onBatch = ({ epoch, batch }: { epoch: number; batch: number }) => {
      signal.aborted = epoch === 2 && batch === 2;
    };
    const result = await fit(regression({ signal, onBatch }));
    expect([result.evaluations.length, result.ended, result.epoch, result.step]).toEqual([1, 'signal', 2, 6]);
    const controller = new AbortController();
    controller.abort();
    expect((await fit(regression({ signal: controller.signal }))).step).toBe(1);
  });

  test('told to stop in the last update of an epoch: after its evaluation, with one snapshot at a step', async () => {
    const signal = { aborted: false };
    const steps: number[] = [];
    const result = await fit(
      regression({
        signal,
        snapshotEvery: 4,
        onBatch: ({ epoch, batch }) => {
          signal.aborted = epoch === 2 && batch === 4;
        },
        onSnapshot: ({ progress }) => void steps.push(progress.step),
      }),
    );
    expect([result.ended, result.epoch, result.batch, result.evaluations.length]).toEqual(['signal', 3, 0, 2]);
    expect(steps).toEqual([4, 8]);
  });

  test('from any snapshot on, the numbers are those of not having stopped', async () => {
    const make = (more: Partial<FitOptions> = {}) => {
      const options = regression({ epochs: 3, evaluateEvery: 3, snapshotEvery: 1, clip: { value: 0.1 }, ...more }, 0.3);
      const scheduler = new optim.lrScheduler.CosineAnnealingLR(options.optimizer, { T_max: 3 });
      return { ...options, scheduler };
    };
    const snapshots: Snapshot[] = [];
    const options = make({ onSnapshot: (snapshot) => void snapshots.push(snapshot) });
    const { evaluations } = await fit(options);
    const wanted = await stateOf(options);
    expect(snapshots.map(({ progress }) => progress.step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    for (const resume of snapshots) {
      const { step } = resume.progress;
      const other = make({ resume });
      // what happened before must not matter
      rand([1 + step]);
      const result = await fit(other);
      expect(await stateOf(other), `from step ${step}`).toBe(wanted);
      expect(result.evaluations).toEqual(evaluations.filter((evaluation) => evaluation.step > step));
      expect(result.best).toEqual(evaluations.reduce((a, b) => (better(b.test!, a.test!) ? b : a)));
    }
  });

  test('a snapshot without what it needs is refused', async () => {
    const snapshots: Snapshot[] = [];
    await fit(regression({ epochs: 1, onSnapshot: (snapshot) => void snapshots.push(snapshot) }));
    const scheduler = { step: () => {} };
    await expect(fit(regression({ resume: snapshots.at(-1), scheduler }))).rejects.toThrow(
      'fit: resume: expected a scheduler with stateDict and loadStateDict',
    );
  });

  test('the same seed gives the same numbers, another seed others', async () => {
    const numbers = async (seed: number) => JSON.stringify(await fit(regression({ seed, epochs: 2 })));
    expect(await numbers(0)).toBe(await numbers(0));
    expect(await numbers(1)).not.toBe(await numbers(0));
  });

  test('a loss that is not finite: where it comes from, and parameters as they were', async () => {
    const { train } = points();
    const broken = train.x.mul(1);
    await realize(broken);
    const at = async (more: Partial<FitOptions>, spoil?: (options: FitOptions) => void) => {
      const options = regression({ epochs: 1, ...more });
      spoil?.(options);
      const before = await stateOf(options);
      const message = await fit(options).then(String, (error: Error) => error.message);
      expect(await stateOf(options)).toBe(before);
      return message;
    };
    const values = Float32Array.from((await broken.data()) as Float32Array);
    values[2 * 7 + 1] = Number.NaN;
    const spoiled = tensor(values, { shape: [25, 2] });
    expect(await at({ train: [{ inputs: spoiled, targets: train.y }] })).toMatchInlineSnapshot(
      `"epoch 1, batch 1 (step 1): the loss is NaN; input 'input' holds NaN in sample 7 of the batch"`,
    );
    expect(await at({ train: [{ inputs: train.x, targets: train.y.div(0) }] })).toMatchInlineSnapshot(
      `"epoch 1, batch 1 (step 1): the loss is NaN; target 'target' holds NaN in sample 0 of the batch"`,
    );
    const filled = (name: string, value: number) => (options: FitOptions) => {
      const state = new Map(options.model.stateDict());
      const { shape } = state.get(name)!;
      state.set(name, tensor(new Float32Array(shape.reduce((a, b) => a * b)).fill(value), { shape }));
      options.model.loadStateDict(state);
    };
    expect(await at({ batchSize: 25 }, filled('2.weight', 3e38))).toMatchInlineSnapshot(
      `"epoch 1, batch 1 (step 1): the loss is Infinity; the first output that is not finite is Infinity out of 2 (Linear); a lower learning rate, scaled features or clipped gradients may help"`,
    );
    expect(await at({ batchSize: 25 }, filled('2.bias', Number.NaN))).toMatchInlineSnapshot(
      `"epoch 1, batch 1 (step 1): the loss is NaN; parameter '2.bias' holds NaN"`,
    );
    const lbfgs = (options: FitOptions) =>
      Object.assign(options, { optimizer: new optim.LBFGS(options.model.parameters()) });
    expect(await at({ train: [{ inputs: spoiled, targets: train.y }] }, lbfgs)).toMatch(
      /the loss is NaN; input 'input' holds NaN in sample 7 of the batch$/,
    );
    const loss = (y: Tensor) => y.mean().mul(Number.POSITIVE_INFINITY);
    expect(await at({ criterion: undefined, loss, batchSize: 25 })).toMatchInlineSnapshot(
      `"epoch 1, batch 1 (step 1): the loss is Infinity; every module's output is finite, so it is the loss itself"`,
    );
  });

  test('an index out of range: where it is, and which', async () => {
    const { train, test } = points();
    const model = build({ type: 'Linear', in_features: 2, out_features: 2 });
    const run = (targets: Tensor, tested = targets) =>
      fit({
        model,
        criterion: new nn.CrossEntropyLoss(),
        optimizer: buildOptimizer({ type: 'SGD' }, model),
        train: tensorDataset(train.x, targets),
        test: tensorDataset(train.x, tested),
        epochs: 1,
        batchSize: 5,
      });
    const three = tensor(
      Array.from({ length: test.x.shape[0]! + 17 }, (_, i) => (i === 12 ? 2 : 0)),
      { dtype: 'int64' },
    );
    await expect(run(train.c.mul(-1))).rejects.toThrow(
      /^epoch 1, batch 1 \(step 1\): cross_entropy: Target -1 is out of bounds for 2 classes$/,
    );
    await expect(run(train.c, three)).rejects.toThrow(
      'test part, samples 11 to 15: cross_entropy: Target 2 is out of bounds for 2 classes',
    );
  });

  test('what does not go together', async () => {
    const { train, test } = points();
    const complaint = async (arc: object, more: Partial<FitOptions>) => {
      const model = build(arc);
      const base = {
        criterion: new nn.MSELoss(),
        optimizer: buildOptimizer({ type: 'Adam' }, model),
        train: tensorDataset(train.x, train.y),
        test: tensorDataset(test.x, test.y),
        epochs: 1,
        batchSize: 6,
      };
      return checkFit({ model, ...base, ...more }).then(String, (error: Error) => error.message);
    };
    const line = { type: 'Linear', in_features: 2, out_features: 1 };
    const classes = { train: tensorDataset(train.x, train.c), criterion: new nn.CrossEntropyLoss() };
    expect(await complaint({ ...line, out_features: 3 }, {})).toMatchInlineSnapshot(
      `"model: expected one value for each of the 6 samples of a batch, got an output of shape [6, 3]"`,
    );
    expect(await complaint(line, { ...classes, criterion: new nn.BCEWithLogitsLoss() })).toBe('[object Object]');
    expect(
      await complaint({ ...line, out_features: 3 }, { ...classes, criterion: new nn.BCELoss() }),
    ).toMatchInlineSnapshot(
      `"model: expected one score for each of the 6 samples of a batch, got an output of shape [6, 3]"`,
    );
    expect(
      await complaint(line, {
        train: tensorDataset(train.x, train.c),
        criterion: new nn.CrossEntropyLoss({ reduction: 'none' }),
      }),
    ).toMatchInlineSnapshot(`"criterion: expected one loss for a batch, got shape [6]; use reduction mean or sum"`);
    expect(await complaint({ ...line, in_features: 3 }, {})).toMatchInlineSnapshot(
      `"linear: mat1 and mat2 shapes cannot be multiplied (6x2 and 3x1)"`,
    );
    expect(await complaint(line, { metrics: ['accuracy'] })).toMatchInlineSnapshot(
      `"fit: metrics: accuracy is for classes to predict, but the output has values"`,
    );
    expect(await complaint(line, { metrics: { out: ['mae'] } })).toMatchInlineSnapshot(
      `"fit: metrics.out: the model has no such output; it has output"`,
    );
    expect(await complaint(line, { best: 'acuracy' })).toMatchInlineSnapshot(
      `"fit: best: there is no score 'acuracy'; there are loss, train_loss, mae, rmse"`,
    );
    expect(await complaint(line, { earlyStopping: { patience: 0 } })).toMatchInlineSnapshot(
      `"fit: earlyStopping.patience: expected a positive whole number, got 0"`,
    );
    expect(await complaint(line, { earlyStopping: { patience: 1, metric: 'f1' } })).toMatchInlineSnapshot(
      `"fit: earlyStopping.metric: there is no score 'f1'; there are loss, train_loss, mae, rmse"`,
    );
    // what no compiler saw
    for (const [more, sentence] of [
      [{ batch_size: 3 }, "fit: batch_size: unknown option (did you mean 'batchSize'?)"],
      [{ earlyStopping: { patiance: 1 } }, "fit: earlyStopping.patiance: unknown option (did you mean 'patience'?)"],
      [{ earlyStopping: {} }, 'fit: earlyStopping.patience: expected a positive whole number, got undefined'],
      [{ earlyStopping: 3 }, 'fit: earlyStopping: expected a record, got 3'],
      [{ schedule: { every: 'batch' } }, "fit: schedule.every: expected epoch or update, got 'batch'"],
      [{ schedule: { every: 'update' } }, 'fit: schedule: there is no scheduler to be stepped'],
      [{ clip: { norm: 1, value: 2 } }, 'fit: clip: expected either norm or value, got norm and value'],
      [{ clip: {} }, 'fit: clip: expected either norm or value, got neither'],
      [{ optimizer: undefined }, 'fit: optimizer: missing required option'],
    ] as const) {
      expect(await complaint(line, more as Partial<FitOptions>)).toBe(sentence);
    }
    for (const [result, got] of [
      [undefined, 'undefined'],
      [3, '3'],
      [{}, '{}'],
      [Promise.resolve(1), 'a promise; it must not be async'],
    ] as const) {
      const loss = (() => result) as unknown as NonNullable<FitOptions['loss']>;
      expect(await complaint(line, { criterion: undefined, loss })).toBe(
        `loss: expected the function to return a tensor or a record of tensors, got ${got}`,
      );
    }
    expect(await complaint(line, { criterion: new nn.CrossEntropyLoss() })).toMatchInlineSnapshot(
      `"model: CrossEntropyLoss compares the scores of classes, got an output of shape [6, 1], one for each sample, which always has loss 0; use MSELoss for values"`,
    );
    expect(await complaint({ ...line, out_features: 3 }, { ...classes, metrics: ['top4'] })).toBe(
      'fit: metrics: top4: the output has no more than 3 classes',
    );
    expect(await complaint({ ...line, out_features: 3 }, { ...classes, metrics: ['top3'] })).toBe('[object Object]');
    expect(await complaint(line, { clip: { norm: -1 } })).toMatchInlineSnapshot(
      `"fit: clip: expected a number above 0, got -1"`,
    );
    expect(await complaint(line, { epochs: 1.5 })).toMatchInlineSnapshot(
      `"fit: epochs: expected a positive whole number, got 1.5"`,
    );
    expect(await complaint(line, { losses: { output: new nn.MSELoss() } })).toMatchInlineSnapshot(
      `"fit: expected one of criterion, losses and loss, got criterion and losses"`,
    );
    expect(await complaint(line, { criterion: undefined })).toMatchInlineSnapshot(
      `"fit: expected one of criterion, losses and loss, got none"`,
    );
    expect(await complaint(line, { criterion: undefined, losses: { value: new nn.MSELoss() } })).toMatchInlineSnapshot(
      `"fit: losses: output 'output' has none; there are losses for value"`,
    );
    expect(await complaint(line, { lossWeights: { value: 2 } })).toMatchInlineSnapshot(
      `"fit: lossWeights.value: there is no such loss; the only one has no name"`,
    );
    expect(await complaint(line, { train: tensorDataset(train.x, { a: train.y, b: train.y }) })).toMatchInlineSnapshot(
      `"target 'a': the model has no output of that name; it has output"`,
    );
    expect(() => tensorDataset(train.x, test.y)).toThrow(
      'tensorDataset: expected tensors of one number of samples, got 25 and 8',
    );
    expect(() => tensorDataset(train.x.to('float64'), train.y)).toThrow(
      "inputs 'input': expected float32 or int64, got float64",
    );
  });
});
