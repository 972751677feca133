/** Muon on matrices of a useful size, and in a group of its own beside another optimizer. */
import {
  ArcError,
  build,
  buildOptimizer,
  buildScheduler,
  compile,
  F,
  manualSeed,
  nn,
  optim,
  Parameter,
  rand,
  realize,
  type Tensor,
  tensor,
} from 'torcharc';
import { describe, expect, test } from 'vitest';
import { tensorDataset } from '../src/data/tensors.ts';
import { type FitOptions, fit } from '../src/train/fit.ts';
import type { Snapshot } from '../src/train/snapshot.ts';

const matrix = ([rows, columns]: readonly [number, number], seed: number) =>
  Float32Array.from(
    { length: rows * columns },
    (_, i) => ((i * i * 31 + i * 7919 + seed * 104729) % 10007) / 10007 - 0.5,
  );
const picked = [0, 1234, 54321, 77777, 123456, 150001, 199999, 209999];

// def value(shape, seed):
//     i = torch.arange(shape[0] * shape[1])
//     return ((i*i*31 + i*7919 + seed*104729) % 10007).double().div(10007).sub(.5).float().view(shape)
// p = torch.nn.Parameter(value(shape, 0)); o = torch.optim.Muon([p], lr=0.1, weight_decay=0)
// for s in (1, 2): p.grad = value(shape, s); o.step()
// d = (p.detach() - value(shape, 0)).double(); d.pow(2).mean().sqrt(), (d * value(shape, 7)).sum(), d.flatten()[picked]
const large: { shape: [number, number]; rms: number; projection: number; values: number[] }[] = [
  {
    shape: [512, 512],
    rms: 0.005835587014159312,
    projection: 90.34409111706387,
    values: [-0.0016724, 0.002478, -0.00063479, 0.009668, -0.008313, 0.0041535, -0.0036163, 0.0024902],
  },
  {
    shape: [300, 700],
    rms: 0.005080300508391061,
    projection: 67.15910564722468,
    values: [-0.0050232, 0.0039673, 0.0019898, 0.0049377, -0.00054017, 0.00026855, -0.0053925, 0.0027374],
  },
  {
    shape: [700, 300],
    rms: 0.007627833529041376,
    projection: 98.43919637093245,
    values: [-0.0097207, 0.0033004, -0.003241, 0.0088618, 0.0011118, -0.00021443, -0.0050975, 0.0093046],
  },
];

describe.each(['float32', 'float64'] as const)('%s', (dtype) => {
  test.each(large)('two steps of $shape as PyTorch', async ({ shape, rms, projection, values }) => {
    const at = (seed: number) => tensor(matrix(shape, seed), { shape, dtype });
    const p = new Parameter(at(0));
    const o = new optim.Muon([p], { lr: 0.1, weight_decay: 0 });
    for (const seed of [1, 2]) {
      p.grad = at(seed);
      await o.step();
    }
    const change = p.detach().sub(at(0));
    const got = Number(await change.square().mean().sqrt().item());
    expect(Math.abs(got / rms - 1)).toBeLessThan(1e-3);
    const along = await change.mul(at(7)).sum().item();
    expect(Math.abs(along / projection - 1)).toBeLessThan(1e-3);
    const data = await change.data();
    // PyTorch, in bfloat16, is up to this far from the same steps in float64
    picked.forEach((i, k) => {
      expect(Math.abs(Number(data[i]) - values[k]!)).toBeLessThan(3.3e-4);
    });
  });
});

test('what is asked for while a step is under way has the new parameters', async () => {
  const shape = [96, 64] as const;
  const make = () => {
    const p = new Parameter(tensor(matrix([...shape], 0), { shape }));
    return { p, o: new optim.Muon([p], { lr: 0.1 }), loss: () => p.square().sum() };
  };
  const one = make();
  const two = make();
  const losses: number[] = [];
  for (let i = 0; i < 3; i++) {
    one.o.zeroGrad();
    one.loss().backward();
    await one.o.step();
    losses.push(await one.loss().item());
  }
  const asked: Promise<number>[] = [];
  for (let i = 0; i < 3; i++) {
    two.o.zeroGrad();
    two.loss().backward();
    void two.o.step();
    asked.push(two.loss().item());
  }
  expect(await Promise.all(asked)).toEqual(losses);
  const three = make();
  const step = compile(() => {
    three.o.zeroGrad();
    three.loss().backward();
    void three.o.step();
  });
  const compiled: Promise<number>[] = [];
  for (let i = 0; i < 3; i++) {
    void step();
    compiled.push(three.loss().item());
  }
  expect(await Promise.all(compiled)).toEqual(losses);
});

const net = () => {
  manualSeed(1);
  return build({
    dag_in_shape: [6],
    body: { type: 'Linear', layers: [10, 8], activation: 'Tanh' },
    head: { type: 'Linear', out_features: 1 },
  });
};
const spec = {
  type: 'AdamW',
  lr: 0.01,
  groups: [
    { params: '*.body.*.weight', type: 'Muon', lr: 0.05, nesterov: false },
    { params: '*.head.bias', lr: 0.1 },
    { params: '*.head.*', type: 'SGD', lr: 0.2, momentum: 0.5 },
  ],
};
const namesOf = (o: optim.Optimizer, model: nn.Module) => {
  const names = new Map<Tensor, string>(model.namedParameters().map(([name, p]) => [p, name]));
  return o.paramGroups.map(({ params }) => params.map((p) => names.get(p)!.replace(/^.*?\.(body|head)/, '$1')));
};

describe('groups with a type', () => {
  test('have an optimizer of their own', () => {
    const model = net();
    const before = structuredClone(spec);
    const o = buildOptimizer(spec, model);
    expect(spec).toEqual(before);
    expect(namesOf(o, model)).toMatchInlineSnapshot(`
      [
        [
          "body.0.bias",
          "body.2.bias",
        ],
        [
          "head.bias",
        ],
        [
          "body.0.weight",
          "body.2.weight",
        ],
        [
          "head.weight",
        ],
      ]
    `);
    expect(o.paramGroups.map(({ lr, weight_decay }) => [lr, weight_decay])).toEqual([
      [0.01, 0.01],
      [0.1, 0.01],
      [0.05, 0.1],
      [0.2, 0],
    ]);
    expect(String(o).match(/^\w+ \(/gm)).toEqual(['AdamW (', 'Muon (', 'SGD (']);
    expect(() => o.addParamGroup({ params: [] })).toThrow(
      'Combined.addParamGroup: add it to one of the optimizers before they are combined',
    );
  });

  test('step as those optimizers do, plain and compiled', async () => {
    const [x, y] = [rand([7, 6]), rand([7, 1])];
    await realize(x, y);
    const run = async (form: 'plain' | 'compiled' | 'apart') => {
      const model = net();
      const o = buildOptimizer(spec, model);
      const params = o.paramGroups.map((group) => group.params);
      const apart = [
        new optim.AdamW([{ params: params[0]! }, { params: params[1]!, lr: 0.1 }], { lr: 0.01 }),
        new optim.Muon(params[2]!, { lr: 0.05, nesterov: false }),
        new optim.SGD(params[3]!, { lr: 0.2, momentum: 0.5 }),
      ];
      const loss = () => {
        o.zeroGrad();
        const value = F.mseLoss(model.forward(x), y);
        value.backward();
        return value;
      };
      const step = compile(() => {
        const value = loss();
        void o.step();
        return value;
      });
      const losses: number[] = [];
      for (let i = 0; i < 4; i++) {
        if (form === 'plain') losses.push(await (await o.step(i % 2 === 0 ? loss : async () => loss())).item());
        if (form === 'compiled') losses.push(await (await step()).item());
        if (form !== 'apart') continue;
        const value = loss();
        await Promise.all(apart.map((one) => one.step()));
        losses.push(await value.item());
      }
      const state = [...model.stateDict()].map(([name, t]) => [name, t.node.data]);
      return { losses, state };
    };
    const plain = await run('plain');
    expect(plain.losses[3]).toBeLessThan(plain.losses[0]!);
    expect(await run('compiled')).toEqual(plain);
    expect(await run('apart')).toEqual(plain);
  });

  test.each([spec, { type: 'Lookahead', optimizer: spec, k: 2 }])('resume bit for bit: $type', async (which) => {
    manualSeed(0);
    const [x, y] = [rand([24, 6]), rand([24, 1])];
    await realize(x, y);
    const train = tensorDataset(x, y);
    const make = (more: Partial<FitOptions> = {}): FitOptions => {
      const model = net();
      const optimizer = buildOptimizer(which, model);
      const scheduler = buildScheduler({ type: 'CyclicLR', base_lr: 0.01, max_lr: 0.05, step_size_up: 3 }, optimizer);
      const all = {
        model,
        optimizer,
        scheduler,
        schedule: { every: 'update' },
        train,
        epochs: 3,
        batchSize: 8,
      } as const;
      return { ...all, criterion: new nn.MSELoss(), clip: { norm: 1 }, snapshotEvery: 1, ...more };
    };
    const stateOf = ({ model, optimizer }: FitOptions) => ({
      model: [...model.stateDict()].map(([name, t]) => [name, t.node.data]),
      optimizer: optimizer.stateDict(),
    });
    const snapshots: Snapshot[] = [];
    const options = make({ onSnapshot: (snapshot) => void snapshots.push(snapshot) });
    await fit(options);
    expect(snapshots).toHaveLength(9);
    for (const resume of snapshots) {
      const other = make({ resume });
      await fit(other);
      expect(stateOf(other)).toEqual(stateOf(options));
    }
  });

  test('state that does not fit changes nothing', async () => {
    const model = net();
    const o = buildOptimizer(spec, model);
    model
      .forward(rand([2, 6]))
      .sum()
      .backward();
    await o.step();
    const before = o.stateDict();
    const { state, param_groups } = before;
    const load = (change: object, groups = param_groups) => {
      try {
        o.loadStateDict({ state: { ...state, ...change }, param_groups: groups });
        return 'fits';
      } catch (error) {
        return String(error);
      }
    };
    // of the first, and of the last
    const first = { ...state[0], step: 9 };
    expect([
      load({ 0: first, 5: { momentum_buffer: new Float32Array(3) } }),
      load({ 0: first, 9: {} }),
      load({ 0: first }, param_groups.slice(1)),
      load({ 0: first }, [...param_groups, param_groups[0]!]),
    ]).toMatchInlineSnapshot(`
      [
        "TorcharcError: SGD: loaded state dict has 3 elements of momentum_buffer, expected 8, for parameter 0",
        "TorcharcError: SGD: loaded state dict has state for parameter 4, which does not exist",
        "TorcharcError: AdamW: loaded state dict contains a parameter group that doesn't match the size of optimizer's group",
        "TorcharcError: SGD: loaded state dict has a different number of parameter groups",
      ]
    `);
    expect(o.stateDict()).toEqual(before);
    expect(load({ 0: first })).toBe('fits');
    expect(o.stateDict().state[0]!.step).toBe(9);
  });

  test('what is wrong with them', () => {
    const issues = (groups: unknown[], type = 'AdamW') => {
      try {
        return String(buildOptimizer({ type, groups }, net()));
      } catch (error) {
        if (error instanceof ArcError) return error.issues;
        throw error;
      }
    };
    expect([
      issues([{ params: '*.bias', type: 'Mun' }]),
      issues([{ params: '*.bias', type: 3 }]),
      issues([{ params: '*.bias', type: 'SGD', lr: -1 }, { params: '*' }]),
      issues([
        { params: '*.bias', type: 'SGD' },
        { params: '*', lr: -1 },
      ]),
      issues([{ params: '*', type: 'Adam' }], 'Muon'),
      issues([{ params: '*.bias', type: 'Muon' }]),
      issues([{ params: '*.bias', type: 'Lookahead' }]),
      issues([{ params: '*.bias', type: 'Adam' }], 'LBFGS'),
      issues([{ params: '*.bias', type: 'LBFGS' }]),
    ]).toMatchInlineSnapshot(`
      [
        [
          {
            "message": "unknown optimizer 'Mun' (did you mean 'Muon'?); there are Adadelta, Adafactor, Adagrad, Adam, AdamW, Adamax, ASGD, GlobalAdam, GlobalRMSprop, LBFGS, Muon, NAdam, RAdam, RMSprop, Rprop, SGD",
            "path": "groups[0].type",
          },
        ],
        [
          {
            "message": "expected the name of an optimizer, got 3",
            "path": "groups[0].type",
          },
        ],
        [
          {
            "message": "Invalid learning rate: -1 (expected a number of at least 0)",
            "path": "groups[0].lr",
          },
        ],
        [
          {
            "message": "Invalid learning rate: -1 (expected a number of at least 0)",
            "path": "groups[1].lr",
          },
        ],
        [
          {
            "message": "no parameter is left for Muon: every group has a type",
            "path": "groups",
          },
        ],
        [
          {
            "message": "Muon: Muon only supports 2D parameters whereas we found a parameter with size: [10]",
            "path": "groups[0]",
          },
        ],
        [
          {
            "message": "unknown optimizer 'Lookahead'; there are Adadelta, Adafactor, Adagrad, Adam, AdamW, Adamax, ASGD, GlobalAdam, GlobalRMSprop, LBFGS, Muon, NAdam, RAdam, RMSprop, Rprop, SGD",
            "path": "groups[0].type",
          },
        ],
        [
          {
            "message": "LBFGS: evaluates the loss several times a step, so it cannot be combined with other optimizers",
            "path": "",
          },
        ],
        [
          {
            "message": "LBFGS: evaluates the loss several times a step, so it cannot be combined with other optimizers",
            "path": "",
          },
        ],
      ]
    `);
  });
});
