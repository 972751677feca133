import { readFileSync } from 'node:fs';
import { manualSeed, nn, optim } from 'torcharc';
import { test } from 'vitest';
import { readTable } from '../src/data/csv.ts';
import { makeDataset } from '../src/data/dataset.ts';
import { fit } from '../src/train/fit.ts';

test('digits', async () => {
  const data = makeDataset(readTable(readFileSync('examples/digits/digits.csv', 'utf8'), 'd'), {
    task: 'classification',
    target: 'digit',
    shape: [1, 8, 8],
    scale: { divide: 16 },
    split: { test: 0.2, seed: 0 },
  });
  for (const seed of [0, 1, 2, 0]) {
    manualSeed(seed);
    const block = (i: number, o: number) => [
      new nn.Conv2d({ in_channels: i, out_channels: o, kernel_size: 3, padding: 1 }),
      new nn.BatchNorm2d({ num_features: o }),
      new nn.ReLU(),
      new nn.Dropout2d({ p: 0.1 }),
    ];
    const model = new nn.Sequential([
      ...block(1, 32),
      ...block(32, 32),
      new nn.MaxPool2d({ kernel_size: 2 }),
      ...block(32, 64),
      ...block(64, 64),
      new nn.MaxPool2d({ kernel_size: 2 }),
      new nn.Flatten(),
      new nn.Linear({ in_features: 256, out_features: 128 }),
      new nn.BatchNorm1d({ num_features: 128 }),
      new nn.ReLU(),
      new nn.Dropout({ p: 0.3 }),
      new nn.Linear({ in_features: 128, out_features: 10 }),
    ]);
    for (const m of model.modules())
      if (m instanceof nn.Conv2d || (m instanceof nn.Linear && m.args.out_features === 128))
        nn.init.kaimingUniform_(m.weight as never);
    const optimizer = new optim.Adam(model.parameters(), { lr: 2e-3 });
    const E = 20;
    let e = 0;
    const t = performance.now();
    const r = await fit({
      model,
      criterion: new nn.CrossEntropyLoss({ label_smoothing: 0.1 }),
      optimizer,
      data,
      epochs: E,
      batchSize: 32,
      seed,
      scheduler: {
        step() {
          e++;
          optimizer.paramGroups[0]!.lr = (2e-3 * (1 + Math.cos((Math.PI * e) / E))) / 2;
        },
      },
    });
    console.log(
      seed,
      (performance.now() - t) / 1000,
      r.epochs.at(-1),
      r.best?.test,
      r.epochs.slice(-5).map((x) => x.test.accuracy),
    );
  }
}, 200000);
