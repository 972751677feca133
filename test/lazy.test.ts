/** Lazy modules against PyTorch (scripts/goldens/lazy.py), and SyncBatchNorm. */
import { readFileSync } from 'node:fs';
import {
  build as buildArc,
  compile,
  type Module,
  manualSeed,
  nn,
  ones,
  optim,
  rand,
  randint,
  summarize,
  type Tensor,
  TorcharcError,
  tensor,
} from 'torcharc';
import { describe, expect, test } from 'vitest';
import { build } from './parity.ts';

const noTensor = (path: string) => expect.fail(`no tensor ${path}`);
const call = (module: Module, x: Tensor) => (module.forward as (x: Tensor) => Tensor)(x);
const message = (fn: () => unknown) => {
  try {
    return `returned ${String(fn())}`;
  } catch (error) {
    return error instanceof TorcharcError ? String(error) : `not ours: ${String(error)}`;
  }
};
async function bits(module: Module): Promise<Record<string, string>> {
  const entries = [...module.stateDict()].map(async ([key, t]) => {
    const { buffer, byteOffset, byteLength } = await t.data();
    return [key, Buffer.from(buffer, byteOffset, byteLength).toString('hex')] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

interface Lazy {
  readonly class: string;
  readonly options: Record<string, unknown>;
  readonly shape: number[];
  readonly before: string;
  readonly between: string;
  readonly state: Record<string, string>;
  readonly after: string;
  readonly bits: Record<string, string>;
}
const { cases, loaded } = JSON.parse(readFileSync(new URL('fixtures/init/lazy.json', import.meta.url), 'utf8')) as {
  cases: { seed: number; modules: Lazy[]; next: number }[];
  loaded: Lazy[];
};
/** Where nothing had to be initialised PyTorch does not note the size. */
const noted = ({ after, shape }: Lazy) => after.replace('(0,', `(${shape[1]},`);

test('every lazy class has a row', () => {
  const rows = new Set(cases.flatMap(({ modules }) => modules.map((m) => m.class)));
  const all = ['LazyLinear']
    .concat(['LazyConv1d', 'LazyConv2d', 'LazyConv3d'])
    .concat(['LazyConvTranspose1d', 'LazyConvTranspose2d', 'LazyConvTranspose3d'])
    .concat(['LazyBatchNorm1d', 'LazyBatchNorm2d', 'LazyBatchNorm3d'])
    .concat(['LazyInstanceNorm1d', 'LazyInstanceNorm2d', 'LazyInstanceNorm3d']);
  expect([...rows].sort()).toEqual(all.sort());
  expect(
    Object.keys(nn)
      .filter((name) => name.startsWith('Lazy'))
      .sort(),
  ).toEqual(all.sort());
});

describe("the first input makes it its plain class, with PyTorch's weights bit for bit", () => {
  cases.forEach(({ seed, modules, next }) => {
    test(modules.map((m) => `${m.class} ${JSON.stringify(m.options)}`).join(', '), async () => {
      manualSeed(seed);
      const made = modules.map((spec) => build(spec.class, spec.options, noTensor));
      for (const [i, spec] of modules.entries()) {
        const module = made[i]!;
        expect(String(module)).toBe(spec.before);
        const state = [...module.stateDict()];
        const shown = state.map(([key, t]) => [key, key === 'num_batches_tracked' ? 'tensor(0)' : String(t)]);
        expect(Object.fromEntries(shown)).toEqual(spec.state);
        await call(module, ones(spec.shape)).data();
        expect(String(module)).toBe(noted(spec));
        expect([...module.stateDict().values()]).toEqual(state.map(([, t]) => t));
        const plain = (nn as Record<string, unknown>)[spec.class.slice('Lazy'.length)];
        expect(module.constructor).toBe(plain);
        expect(await bits(module)).toEqual(spec.bits);
      }
      expect(await randint(0, 2 ** 20, [1]).item()).toBe(next);
    });
  });
});

describe('a state dict brings the shapes', () => {
  test.each(loaded)('$class', async (spec) => {
    const module = build(spec.class, spec.options, noTensor);
    const plain = {
      LazyLinear: new nn.Linear({ in_features: 5, out_features: 3 }),
      LazyBatchNorm1d: new nn.BatchNorm1d({ num_features: 3 }),
    };
    const from = plain[spec.class as 'LazyLinear'];
    manualSeed(3);
    module.loadStateDict(from.stateDict());
    expect(String(module)).toBe(spec.between);
    expect(await bits(module)).toEqual(await bits(from));
    module.eval();
    await call(module, ones(spec.shape)).data();
    expect(String(module)).toBe(noted(spec));
    expect(await bits(module)).toEqual(await bits(from));
    // nothing was drawn
    const next = await randint(0, 2 ** 20, [1]).item();
    manualSeed(3);
    expect(await randint(0, 2 ** 20, [1]).item()).toBe(next);
  });

  test('and is refused where it does not fit', () => {
    const state = new nn.Linear({ in_features: 5, out_features: 3 }).stateDict();
    const lazy = new nn.LazyLinear({ out_features: 3 });
    const { weight } = lazy;
    expect(message(() => lazy.loadStateDict({}))).toMatchInlineSnapshot(
      `"TorcharcError: Error(s) in loading state_dict for LazyLinear: Missing key(s) in state_dict: "weight", "bias""`,
    );
    lazy.loadStateDict(state);
    expect([lazy.weight, weight.shape, weight.requiresGrad]).toEqual([weight, [3, 5], true]);
    expect(message(() => lazy.forward(ones([2, 6])))).toMatchInlineSnapshot(
      `"ArgError: LazyLinear: the input wants a weight of shape [3, 6], but one of [3, 5] was loaded"`,
    );
    expect(String(lazy)).toBe('LazyLinear(in_features=0, out_features=3, bias=True)');
    const uninitialized = new nn.LazyLinear({ out_features: 3 });
    expect(new nn.LazyLinear({ out_features: 3 }).loadStateDict(uninitialized.stateDict()).missing_keys).toEqual([]);
    expect(message(() => lazy.loadStateDict(uninitialized.stateDict()))).toMatchInlineSnapshot(
      `"TorcharcError: Can't access the shape of an uninitialized parameter or buffer. This error usually happens in loadStateDict when trying to load an uninitialized parameter into an initialized one. Call forward to initialize the parameters before accessing their attributes."`,
    );
  });
});

test('before that, its parameters are of no use, and say so', async () => {
  const lazy = new nn.LazyLinear({ out_features: 3 });
  expect(
    [
      () => lazy.weight.add(1),
      () => lazy.weight.shape,
      () => nn.init.zeros_(lazy.weight),
      () => new nn.LazyLinear({ in_features: 2, out_features: 3 } as never),
      () => new nn.LazyConv2d({ out_channels: 3 } as never),
      () => lazy.forward(tensor(1)),
      () => new nn.LazyConv2d({ out_channels: 4, kernel_size: 3 }).forward(ones([3, 4])),
      () => new nn.LazyConv2d({ out_channels: 4, kernel_size: 3, groups: 2 }).forward(ones([3, 5, 5])),
      () => new nn.LazyBatchNorm1d().forward(ones([3])),
    ].map(message),
  ).toMatchInlineSnapshot(`
    [
      "TorcharcError: Attempted to use an uninitialized parameter. This error happens when you are using a lazy module: call its forward with a dummy batch to initialize the parameters before using them (UninitializedParameter)",
      "TorcharcError: Can't access the shape of an uninitialized parameter or buffer. This error usually happens in loadStateDict when trying to load an uninitialized parameter into an initialized one. Call forward to initialize the parameters before accessing their attributes.",
      "TorcharcError: Attempted to use an uninitialized parameter. This error happens when you are using a lazy module: call its forward with a dummy batch to initialize the parameters before using them (UninitializedParameter)",
      "ArgError: LazyLinear.in_features: unknown option (did you mean 'out_features'?); its options are out_features, bias",
      "ArgError: LazyConv2d.kernel_size: missing required argument (a positive integer or a list of 2)",
      "ShapeError: LazyLinear: expected at least 1D input (got 0D input)",
      "ShapeError: LazyConv2d: Expected 3D (unbatched) or 4D (batched) input to LazyConv2d, but got input of size: [3, 4]",
      "ArgError: Conv2d: in_channels must be divisible by groups, got 3 and 2",
      "ShapeError: LazyBatchNorm1d: expected at least 2D input (got 1D input)",
    ]
  `);
  await expect(lazy.weight.data()).rejects.toThrow('Attempted to use an uninitialized parameter');
  expect([lazy.weight.requiresGrad, lazy.weight.grad, lazy.parameters().length]).toEqual([true, null, 2]);
});

test('an optimizer made before is of the same parameters; freezing before holds', async () => {
  const lazy = new nn.LazyLinear({ out_features: 1 });
  const optimizer = new optim.SGD(lazy.parameters(), { lr: 0.5 });
  lazy.bias!.requiresGrad = false;
  lazy
    .forward(ones([1, 2]))
    .sum()
    .backward();
  const before = (await lazy.weight.data()) as Float32Array;
  await optimizer.step();
  const after = (await lazy.weight.data()) as Float32Array;
  expect(Array.from(after, (v, i) => v - before[i]!)).toEqual([-0.5, -0.5].map((v) => expect.closeTo(v, 6)));
  expect(lazy.bias!.grad).toBeNull();
});

test('in a Sequential, an arc, a summary and a compiled function', async () => {
  const model = new nn.Sequential(new nn.LazyConv1d({ out_channels: 2, kernel_size: 2 }), new nn.LazyBatchNorm1d());
  model.eval();
  const compiled = compile((x: Tensor) => model.forward(x));
  const x = rand([3, 4, 5]);
  expect(await (await compiled(x)).array()).toEqual(await model.forward(x).array());
  expect(model.getSubmodule('1')).toBeInstanceOf(nn.BatchNorm1d);
  expect(model.getSubmodule('1').training).toBe(false);
  const fresh = new nn.LazyLinear({ out_features: 3 });
  expect(summarize(fresh, ones([2, 7]))[0]!.parameters).toBe(24);
  const arc = buildArc({ dag_in_shape: [6], hidden: { type: 'LazyLinear', out_features: 2 } });
  expect(String(arc)).toContain('Linear(in_features=6, out_features=2, bias=True)');
});

describe('SyncBatchNorm', () => {
  test('is batch normalisation, of any rank', async () => {
    const [sync, plain] = [new nn.SyncBatchNorm({ num_features: 2 }), new nn.BatchNorm2d({ num_features: 2 })];
    expect(String(sync)).toBe(
      'SyncBatchNorm(2, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)',
    );
    const x = rand([3, 2, 2, 2]);
    expect(await sync.forward(x).array()).toEqual(await plain.forward(x).array());
    expect(await bits(sync)).toEqual(await bits(plain));
    expect(sync.forward(rand([3, 2])).shape).toEqual([3, 2]);
  });

  test('takes the place of the batch normalisations of a model', () => {
    const bn = new nn.BatchNorm1d({ num_features: 2, eps: 0.5 }).eval();
    const model = new nn.Sequential({
      fc: new nn.Linear({ in_features: 2, out_features: 2 }),
      inner: new nn.ModuleList([bn]),
    });
    const keys = [...model.stateDict().keys()];
    const state = [...model.stateDict().values()];
    expect(nn.SyncBatchNorm.convertSyncBatchnorm(model)).toBe(model);
    const sync = model.getSubmodule('inner.0') as nn.SyncBatchNorm;
    expect([sync.constructor, sync.args.eps, sync.training, sync.weight]).toEqual([
      nn.SyncBatchNorm,
      0.5,
      false,
      bn.weight,
    ]);
    expect([...model.stateDict().keys()]).toEqual(keys);
    expect([...model.stateDict().values()]).toEqual(state);
    expect(nn.SyncBatchNorm.convertSyncBatchnorm(bn)).toBeInstanceOf(nn.SyncBatchNorm);
  });
});
