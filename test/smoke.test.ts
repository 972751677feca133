import { compile, F, manualSeed, nn, optim, rand, realize, tensor } from 'torcharc';
import { expect, test } from 'vitest';

test('mlp', async () => {
  const run = async (how: string) => {
    manualSeed(0);
    const m = new nn.Sequential([
      new nn.Linear({ in_features: 8, out_features: 64 }),
      new nn.BatchNorm1d({ num_features: 64 }),
      new nn.ReLU(),
      new nn.Dropout({ p: 0.2 }),
      new nn.Linear({ in_features: 64, out_features: 32 }),
      new nn.BatchNorm1d({ num_features: 32 }),
      new nn.ReLU(),
      new nn.Dropout({ p: 0.2 }),
    ]);
    const o = new optim.Adam(m.parameters(), { lr: 1e-3 });
    const x = rand([16, 8]);
    const losses: number[] = [];
    const c = compile((t: typeof x) => {
      o.zeroGrad();
      const l = m.forward(t).square().mean();
      l.backward();
      void o.step();
      return l;
    });
    for (let i = 0; i < 5; i++) {
      if (how === 'compiled') losses.push(await (await c(x)).item());
      else {
        o.zeroGrad();
        const y = m.forward(x);
        if (how === 'step') await y.data();
        const l = y.square().mean();
        if (how === 'step') await l.item();
        l.backward();
        await o.step();
        losses.push(await l.item());
      }
    }
    const sd = m.stateDict();
    return {
      losses,
      mean: Array.from((await sd.get('1.running_mean')!.data()) as Float32Array).slice(0, 4),
      w: Array.from((await sd.get('0.weight')!.data()) as Float32Array).slice(0, 4),
      n: await sd.get('1.num_batches_tracked')!.item(),
      s: String(m) + String(o),
    };
  };
  const a = await run('traced'),
    b = await run('compiled'),
    d = await run('step');
  console.log(a);
  expect(b).toEqual(a);
  expect(d).toEqual(a);
});
test('conv', async () => {
  manualSeed(0);
  const m = new nn.Sequential([
    new nn.Conv2d({ in_channels: 3, out_channels: 16, kernel_size: 4, stride: 2 }),
    new nn.BatchNorm2d({ num_features: 16 }),
    new nn.ReLU(),
    new nn.MaxPool2d({ kernel_size: 2 }),
    new nn.Conv2d({ in_channels: 16, out_channels: 16, kernel_size: 4 }),
    new nn.Flatten(),
    new nn.Linear({ in_features: 16, out_features: 10 }),
  ]);
  const x = rand([4, 3, 20, 20]);
  const y = m.forward(x);
  const l = F.crossEntropy(y, tensor([1, 2, 3, 4], { dtype: 'int64' }));
  l.backward();
  const gs = m.parameters().map((p) => p.grad!);
  await realize(l, ...gs);
  console.log(
    await l.item(),
    gs.map((g) => g.shape),
  );
});
