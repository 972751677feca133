/** buildOptimizer and buildScheduler: what specs make, and what is said of wrong ones. */
import { readFileSync } from 'node:fs';
import { ArcError, build, buildOptimizer, buildScheduler, nn, optim } from 'torcharc';
import { expect, test } from 'vitest';
import { optimizers } from './optimizers.ts';

const model = () =>
  build({
    dag_in_shape: [4],
    body: { type: 'Linear', layers: [8, 6], batch_norm: true },
    head: { type: 'Linear', out_features: 2 },
  });
const net = model();

function issues(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    if (error instanceof ArcError) return error.issues;
    throw error;
  }
}
const wrong = (spec: unknown) => issues(() => String(buildOptimizer(spec, net)));
const names = (o: optim.Optimizer, of: nn.Module = net) => {
  const all = new Map(of.namedParameters().map(([name, p]) => [p as unknown, name]));
  return o.paramGroups.map(({ params }) => params.map((p) => all.get(p)));
};

test('every optimizer by name', () => {
  const matrices = new nn.Linear({ in_features: 2, out_features: 3, bias: false });
  for (const name of Object.keys(optimizers)) {
    const spec =
      name === 'Lookahead' ? { type: name, optimizer: { type: 'SGD', lr: 0.5 }, k: 3 } : { type: name, lr: 0.5 };
    const o = buildOptimizer(spec, matrices);
    expect(o.constructor.name).toBe(name);
    expect(o.paramGroups[0]!.lr).toBe(0.5);
  }
});

test('docs/optimizers.md names every optimizer and schedule', () => {
  const page = readFileSync(new URL('../docs/optimizers.md', import.meta.url), 'utf8');
  const { LRScheduler: _, ...schedules } = optim.lrScheduler;
  const missing = [...Object.keys(optimizers), ...Object.keys(schedules)].filter(
    (name) => !page.includes(`\`${name}\``),
  );
  expect(missing).toEqual([]);
});

test('groups by name', () => {
  const all = net.namedParameters().map(([name]) => name);
  const biases = all.filter((name) => name.endsWith('.bias'));
  const o = buildOptimizer({ type: 'AdamW', lr: 1e-3, groups: [{ params: '*.bias', weight_decay: 0 }] }, net);
  expect(names(o)).toEqual([all.filter((name) => !biases.includes(name)), biases]);
  expect(o.paramGroups.map(({ lr, weight_decay }) => [lr, weight_decay])).toEqual([
    [1e-3, 0.01],
    [1e-3, 0],
  ]);
  // the first that matches; no group for the rest when there is none
  const two = buildOptimizer(
    {
      type: 'SGD',
      groups: [
        { params: ['*bias', '*0.we?ght'], lr: 0.1 },
        { params: '*', lr: 0.2 },
      ],
    },
    net,
  );
  expect(names(two).map((list) => list.length)).toEqual([biases.length + 1, all.length - biases.length - 1]);
  expect(two.paramGroups.map(({ lr }) => lr)).toEqual([0.1, 0.2]);
});

test('what is wrong with groups', () => {
  expect([
    wrong({ type: 'Adam', groups: [{ params: 'haed.*' }, { params: 'nothing' }] }),
    wrong({ type: 'Adam', groups: [{ params: '*' }, { params: '*.bias' }] }),
    wrong({ type: 'Adam', groups: [{ params: '*.bias', wieght_decay: 0 }] }),
    wrong({ type: 'Adam', groups: [{ params: '*', lr: -1 }] }),
    wrong({ type: 'Adam', groups: [{ lr: 1 }, 3] }),
    wrong({ type: 'Adam', groups: [] }),
    wrong({ type: 'Adam', groups: { params: '*' } }),
    wrong({ type: 'LBFGS', groups: [{ params: '*.bias' }] }),
  ]).toMatchInlineSnapshot(`
    [
      [
        {
          "message": "no parameter's name matches 'haed.*' (did you mean '*.head.*'?)",
          "path": "groups[0].params",
        },
        {
          "message": "no parameter's name matches 'nothing'",
          "path": "groups[1].params",
        },
      ],
      [
        {
          "message": "every parameter that matches is in an earlier group",
          "path": "groups[1].params",
        },
      ],
      [
        {
          "message": "unknown option (did you mean 'weight_decay'?); its options are lr, betas, eps, weight_decay, amsgrad, maximize, foreach, capturable, differentiable, fused, decoupled_weight_decay",
          "path": "groups[0].wieght_decay",
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
          "message": "expected a pattern of parameter names or a list of them, got undefined",
          "path": "groups[0].params",
        },
        {
          "message": "expected a group, a record with 'params', got 3",
          "path": "groups[1]",
        },
      ],
      [
        {
          "message": "expected a list of groups, got []",
          "path": "groups",
        },
      ],
      [
        {
          "message": "expected a list of groups, got {"params":"*"}",
          "path": "groups",
        },
      ],
      [
        {
          "message": "LBFGS: LBFGS doesn't support per-parameter options (parameter groups)",
          "path": "",
        },
      ],
    ]
  `);
});

test('what is wrong with optimizers', () => {
  expect([
    wrong({ type: 'Adm' }),
    wrong({ type: 'Adam', lr: -1 }),
    wrong({ type: 'Adam', beta: 1 }),
    wrong({ type: 'Muon' }),
    wrong({ type: 'Lookahead' }),
    wrong({ type: 'Lookahead', optimizer: { type: 'Adam', lr: 'x' } }),
    wrong({ type: 'Lookahead', optimizer: { type: 'Adam', groups: [{ params: 'x.*' }] } }),
    wrong({ type: 'Lookahead', optimizer: { type: 'Adam' }, k: 0 }),
    wrong({ type: 'Lookahead', optimizer: { type: 'Adam' }, kk: 1 }),
  ]).toMatchInlineSnapshot(`
    [
      [
        {
          "message": "unknown optimizer 'Adm' (did you mean 'Adam'?); there are Adadelta, Adafactor, Adagrad, Adam, AdamW, Adamax, ASGD, GlobalAdam, GlobalRMSprop, LBFGS, Muon, NAdam, RAdam, RMSprop, Rprop, SGD, Lookahead",
          "path": "type",
        },
      ],
      [
        {
          "message": "Invalid learning rate: -1 (expected a number of at least 0)",
          "path": "lr",
        },
      ],
      [
        {
          "message": "unknown option (did you mean 'betas'?); its options are lr, betas, eps, weight_decay, amsgrad, maximize, foreach, capturable, differentiable, fused, decoupled_weight_decay",
          "path": "beta",
        },
      ],
      [
        {
          "message": "Muon: Muon only supports 2D parameters whereas we found a parameter with size: [8]",
          "path": "",
        },
      ],
      [
        {
          "message": "expected an optimizer, a record with 'type', got undefined",
          "path": "optimizer",
        },
      ],
      [
        {
          "message": "Invalid learning rate: 'x' (expected a number of at least 0)",
          "path": "optimizer.lr",
        },
      ],
      [
        {
          "message": "no parameter's name matches 'x.*'",
          "path": "optimizer.groups[0].params",
        },
      ],
      [
        {
          "message": "expected a positive integer, got 0",
          "path": "k",
        },
      ],
      [
        {
          "message": "unknown option (did you mean 'k'?); its options are k, step_size",
          "path": "kk",
        },
      ],
    ]
  `);
});

test('a spec is not changed', () => {
  const spec = { type: 'Lookahead', optimizer: { type: 'SGD', lr: 1, groups: [{ params: ['*.bias'], lr: 2 }] }, k: 2 };
  const copy = structuredClone(spec);
  buildOptimizer(spec, net);
  expect(spec).toEqual(copy);
  const schedule = { type: 'ChainedScheduler', schedulers: [{ type: 'StepLR', step_size: 1 }] };
  const before = structuredClone(schedule);
  buildScheduler(schedule, buildOptimizer({ type: 'SGD' }, net));
  expect(schedule).toEqual(before);
});

test('nested schedules', () => {
  const o = buildOptimizer({ type: 'SGD', lr: 1 }, net);
  const schedule = buildScheduler(
    {
      type: 'SequentialLR',
      milestones: [2],
      schedulers: [
        {
          type: 'ChainedScheduler',
          schedulers: [
            { type: 'ConstantLR', factor: 0.5, total_iters: 9 },
            { type: 'ExponentialLR', gamma: 0.5 },
          ],
        },
        { type: 'ExponentialLR', gamma: 0.1 },
      ],
    },
    o,
  );
  expect(schedule).toBeInstanceOf(optim.lrScheduler.SequentialLR);
  schedule.step();
  schedule.step();
  expect(o.paramGroups[0]!.lr).toBe(1);
  schedule.step();
  expect(o.paramGroups[0]!.lr).toBe(0.1);
});

const bad = (spec: unknown, optimizer: object = { type: 'SGD', lr: 1 }) =>
  issues(() => buildScheduler(spec, buildOptimizer(optimizer, net)).stateDict());

test('what is wrong with schedules', () => {
  const step = { type: 'StepLR', step_size: 1 };
  expect([
    bad(3),
    bad({ type: 'SteplR' }),
    bad({ type: 'StepLR' }),
    bad({ ...step, gama: 1 }),
    bad({ type: 'StepLR', step_size: 0 }),
    bad({ type: 'LambdaLR', lr_lambda: '0.9 ** epoch' }),
    bad({ type: 'MultiplicativeLR', lr_lambda: [3] }),
    bad({ type: 'MultiStepLR', milestones: [1.5] }),
    bad({ type: 'ConstantLR', factor: 2 }),
    bad({ type: 'LinearLR', start_factor: 0 }),
    bad({ type: 'LinearLR', end_factor: 2 }),
    bad({ type: 'CosineAnnealingWarmRestarts', T_0: 0 }),
    bad({ type: 'CosineAnnealingWarmRestarts', T_0: 1, T_mult: 0.5 }),
    bad({ type: 'CyclicLR', base_lr: [1, 2], max_lr: 1 }),
    bad({ type: 'CyclicLR', base_lr: 1, max_lr: 1, mode: 'square' }),
    bad({ type: 'CyclicLR', base_lr: 1, max_lr: 1 }, { type: 'Adagrad' }),
    bad({ type: 'OneCycleLR', max_lr: 1 }),
    bad({ type: 'OneCycleLR', max_lr: 1, total_steps: -1 }),
    bad({ type: 'OneCycleLR', max_lr: 1, total_steps: 3, pct_start: 2 }),
    bad({ type: 'OneCycleLR', max_lr: 1, total_steps: 3, anneal_strategy: 'sin' }),
    bad({ type: 'ReduceLROnPlateau', factor: 1 }),
    bad({ type: 'ReduceLROnPlateau', mode: 'least' }),
    bad({ type: 'ReduceLROnPlateau', min_lr: [1, 2] }),
    bad({ type: 'SWALR', swa_lr: 1, anneal_epochs: -1 }),
    bad({ ...step, last_epoch: 3 }),
    bad({ type: 'SequentialLR', schedulers: [], milestones: [] }),
    bad({ type: 'SequentialLR', schedulers: [step, step], milestones: [] }),
    bad({ type: 'SequentialLR', schedulers: [step, { type: 'ReduceLROnPlateau' }], milestones: [1] }),
    bad({
      type: 'SequentialLR',
      schedulers: [step, { type: 'ChainedScheduler', schedulers: [step] }],
      milestones: [1],
    }),
    bad({ type: 'SequentialLR', schedulers: [step, { type: 'StepLR', gamma: 'x', step_size: 1 }], milestones: [1] }),
    bad({ type: 'ChainedScheduler', schedulers: [] }),
    bad({ type: 'ChainedScheduler', schedulers: 'StepLR' }),
  ]).toMatchInlineSnapshot(`
    [
      [
        {
          "message": "expected a scheduler, a record with 'type', got 3",
          "path": "",
        },
      ],
      [
        {
          "message": "unknown scheduler 'SteplR' (did you mean 'StepLR'?); there are CosineAnnealingLR, CosineAnnealingWarmRestarts, CyclicLR, ConstantLR, ExponentialLR, LinearLR, MultiStepLR, PolynomialLR, StepLR, LambdaLR, MultiplicativeLR, ChainedScheduler, SequentialLR, OneCycleLR, ReduceLROnPlateau, SWALR",
          "path": "type",
        },
      ],
      [
        {
          "message": "missing required argument (a positive integer)",
          "path": "step_size",
        },
      ],
      [
        {
          "message": "unknown option (did you mean 'gamma'?); its options are step_size, gamma, last_epoch",
          "path": "gama",
        },
      ],
      [
        {
          "message": "expected a positive integer, got 0",
          "path": "step_size",
        },
      ],
      [
        {
          "message": "lr_lambda should be a function, but got '0.9 ** epoch' (expected a function of the epoch, or a list of them; it can only be given in code)",
          "path": "lr_lambda",
        },
      ],
      [
        {
          "message": "lr_lambda should be a function, but got 3 (expected a function of the epoch, or a list of them; it can only be given in code)",
          "path": "lr_lambda",
        },
      ],
      [
        {
          "message": "expected a list of integers, got [1.5]",
          "path": "milestones",
        },
      ],
      [
        {
          "message": "Constant multiplicative factor expected to be between 0 and 1. (expected a number between 0 and 1)",
          "path": "factor",
        },
      ],
      [
        {
          "message": "Starting multiplicative factor expected to be greater than 0 and less or equal to 1. (expected a number above 0 and at most 1)",
          "path": "start_factor",
        },
      ],
      [
        {
          "message": "Ending multiplicative factor expected to be between 0 and 1. (expected a number between 0 and 1)",
          "path": "end_factor",
        },
      ],
      [
        {
          "message": "Expected positive integer T_0, but got 0 (expected a positive integer)",
          "path": "T_0",
        },
      ],
      [
        {
          "message": "Expected integer T_mult >= 1, but got 0.5 (expected a positive integer)",
          "path": "T_mult",
        },
      ],
      [
        {
          "message": "base_lr must have the same length as optimizer.param_groups. base_lr has 2 values, param_groups has 1.",
          "path": "base_lr",
        },
      ],
      [
        {
          "message": "mode is invalid and scale_fn is None (expected one of 'triangular', 'triangular2', 'exp_range')",
          "path": "mode",
        },
      ],
      [
        {
          "message": "optimizer must support momentum or beta1 with \`cycle_momentum\` option enabled",
          "path": "cycle_momentum",
        },
      ],
      [
        {
          "message": "OneCycleLR: You must define either total_steps OR (epochs AND steps_per_epoch)",
          "path": "",
        },
      ],
      [
        {
          "message": "Expected positive integer total_steps, but got -1 (expected a positive integer or null)",
          "path": "total_steps",
        },
      ],
      [
        {
          "message": "Expected float between 0 and 1 pct_start, but got 2 (expected a number between 0 and 1)",
          "path": "pct_start",
        },
      ],
      [
        {
          "message": "anneal_strategy must be one of 'cos' or 'linear', instead got 'sin' (expected one of 'cos', 'linear')",
          "path": "anneal_strategy",
        },
      ],
      [
        {
          "message": "Factor should be < 1.0. (expected a number below 1)",
          "path": "factor",
        },
      ],
      [
        {
          "message": "mode 'least' is unknown! (expected one of 'min', 'max')",
          "path": "mode",
        },
      ],
      [
        {
          "message": "expected 1 min_lrs, got 2",
          "path": "min_lr",
        },
      ],
      [
        {
          "message": "anneal_epochs must be equal or greater than 0, got -1 (expected a non-negative integer)",
          "path": "anneal_epochs",
        },
      ],
      [
        {
          "message": "param 'initial_lr' is not specified in param_groups[0] when resuming scheduler with last_epoch >= 0",
          "path": "last_epoch",
        },
      ],
      [
        {
          "message": "SequentialLR expects at least one scheduler, but got no scheduler.",
          "path": "schedulers",
        },
      ],
      [
        {
          "message": "Sequential Schedulers expects number of schedulers provided to be one more than the number of milestone points, but got number of schedulers 2 and the number of milestones to be equal to 0",
          "path": "milestones",
        },
      ],
      [
        {
          "message": "SequentialLR does not support \`ReduceLROnPlateau\` scheduler as it requires additional kwargs to be specified when calling \`step\`",
          "path": "schedulers[1]",
        },
      ],
      [
        {
          "message": "a schedule of schedules can only be the first",
          "path": "schedulers[1]",
        },
      ],
      [
        {
          "message": "expected a number, got 'x'",
          "path": "schedulers[1].gamma",
        },
      ],
      [
        {
          "message": "ChainedScheduler expects at least one scheduler to be chained, but got no scheduler.",
          "path": "schedulers",
        },
      ],
      [
        {
          "message": "expected a list of schedulers, got 'StepLR'",
          "path": "schedulers",
        },
      ],
    ]
  `);
});

test('what is wrong while schedules run', () => {
  const text = (call: () => unknown) => {
    try {
      return call();
    } catch (error) {
      return String(error);
    }
  };
  const o = () => buildOptimizer({ type: 'SGD', lr: 1 }, net);
  const { lrScheduler: s } = optim;
  const plateau = new s.ReduceLROnPlateau(o());
  const cycle = new s.OneCycleLR(o(), { max_lr: 1, total_steps: 2 });
  const restarts = new s.CosineAnnealingWarmRestarts(o(), { T_0: 2 });
  const one = new s.StepLR(o(), { step_size: 2 });
  const { gamma: _, ...without } = one.stateDict();
  for (let i = 0; i < 2; i++) cycle.step();
  expect([
    text(() => plateau.step()),
    text(() => cycle.step()),
    text(() => restarts.step(-1)),
    text(() => one.loadStateDict(without)),
    text(() => one.loadStateDict({ ...one.stateDict(), T_max: 3 })),
    text(() => new s.ChainedScheduler(o(), { schedulers: [one] })),
    text(() =>
      new s.ChainedScheduler(one.optimizer, { schedulers: [one] }).loadStateDict({ _last_lr: [], _schedulers: [] }),
    ),
    text(() => new s.StepLR(net as never, { step_size: 1 })),
  ]).toMatchInlineSnapshot(`
    [
      "ArgError: ReduceLROnPlateau.step: expected the epoch's metric, a number, got undefined",
      "TorcharcError: OneCycleLR: Tried to step 3 times. The specified number of total steps is 2",
      "ArgError: CosineAnnealingWarmRestarts: Expected non-negative epoch, but got -1",
      "TorcharcError: StepLR: loaded state dict has no gamma",
      "TorcharcError: StepLR: loaded state dict has T_max, which this scheduler has not",
      "ArgError: ChainedScheduler.schedulers[0]: ChainedScheduler expects all schedulers to belong to the same optimizer",
      "ArgError: ChainedScheduler: expected a state dict with 1 _schedulers, got []",
      "ArgError: StepLR: a DAGNet is not an Optimizer",
    ]
  `);
});
