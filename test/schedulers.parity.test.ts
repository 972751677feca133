/** Thirty steps of every schedule against PyTorch 2.13: rates, momenta, state dict. */
import { readFileSync } from 'node:fs';
import { nn, optim, tensor } from 'torcharc';
import { describe, expect, test } from 'vitest';
import { optimizers } from './optimizers.ts';

interface Case {
  readonly optimizer: { class: string; kwargs: Record<string, unknown>; group_lrs: number[] };
  readonly kwargs: Record<string, unknown>;
  readonly metrics: readonly number[] | null;
  readonly epochs: readonly number[] | null;
  readonly lrs: readonly number[][];
  readonly momenta: readonly number[][] | null;
  readonly last_lr: readonly number[];
  readonly state_dict: Record<string, unknown>;
}

type Class = new (optimizer: optim.Optimizer, options: object) => optim.lrScheduler.LRScheduler;
const { LRScheduler, ...schedulers } = optim.lrScheduler;
const classes = schedulers as unknown as Record<string, Class>;

/** The value an encoded one stands for; nested schedules are made on the same optimizer. */
function decode(value: unknown, optimizer: optim.Optimizer): unknown {
  if (Array.isArray(value)) return value.map((entry) => decode(entry, optimizer));
  if (typeof value !== 'object' || value === null) return value;
  const record = value as Record<string, unknown>;
  if ('$float' in record) return record.$float === 'inf' ? Infinity : -Infinity;
  if ('$fn' in record) {
    const { arg, body } = record.$fn as { arg: string; body: string };
    return new Function(arg, `return ${body}`);
  }
  if ('$scheduler' in record) {
    const { class: name, kwargs } = record.$scheduler as { class: string; kwargs: Record<string, unknown> };
    return new classes[name]!(optimizer, decode(kwargs, optimizer) as object);
  }
  return Object.fromEntries(Object.entries(record).map(([key, entry]) => [key, decode(entry, optimizer)]));
}

function start({ optimizer: { class: name, kwargs, group_lrs } }: Case): optim.Optimizer {
  const groups = group_lrs.map((lr) => ({ params: [new nn.Parameter(tensor([1]))], lr }));
  return optimizers[name]!(groups, kwargs);
}

const make = (name: string, spec: Case, optimizer: optim.Optimizer) =>
  new classes[name]!(optimizer, decode(spec.kwargs, optimizer) as object);

const momenta = (o: optim.Optimizer) =>
  o.paramGroups.map(({ betas, momentum }) => (betas ? (betas as number[])[0] : momentum) as number);

/** Equal within the rounding of float64 arithmetic done in another order. */
function expectNear(what: string, got: unknown, want: unknown): void {
  if (typeof want === 'number' && Number.isFinite(want)) {
    expect(typeof got, what).toBe('number');
    expect(Math.abs((got as number) - want), `${what}: ${got}, PyTorch has ${want}`).toBeLessThanOrEqual(
      1e-12 * Math.abs(want) + 1e-17,
    );
  } else if (typeof want === 'object' && want !== null) {
    expect(Object.keys(got as object), what).toEqual(Object.keys(want));
    for (const [key, value] of Object.entries(want))
      expectNear(`${what}.${key}`, (got as Record<string, unknown>)[key], value);
  } else expect(got, what).toBe(want);
}

const fixture = (name: string): Case[] =>
  JSON.parse(readFileSync(new URL(`fixtures/nn/schedulers/${name}.json`, import.meta.url), 'utf8')).cases;

for (const name of Object.keys(classes)) {
  describe(name, () => {
    fixture(name).forEach((spec, i) => {
      const title = `${i} ${JSON.stringify(spec.kwargs)}`;
      const stepped = (scheduler: optim.lrScheduler.LRScheduler, k: number) => {
        if (spec.metrics) scheduler.step(spec.metrics[k]!);
        else if (spec.epochs) scheduler.step(spec.epochs[k]!);
        else scheduler.step();
      };
      test(title, () => {
        const optimizer = start(spec);
        const scheduler = make(name, spec, optimizer);
        for (let k = 0; k <= 30; k++) {
          if (k > 0) stepped(scheduler, k - 1);
          expectNear(
            `lr after ${k}`,
            optimizer.paramGroups.map(({ lr }) => lr),
            spec.lrs[k],
          );
          if (spec.momenta) expectNear(`momentum after ${k}`, momenta(optimizer), spec.momenta[k]);
        }
        expectNear('last_lr', scheduler.getLastLr(), spec.last_lr);
        expectNear('state_dict', scheduler.stateDict(), decode(spec.state_dict, optimizer));
      });

      test(`${title} goes on from a state dict`, () => {
        for (const at of [0, 1, 7, 15]) {
          const optimizer = start(spec);
          const scheduler = make(name, spec, optimizer);
          for (let k = 0; k < at; k++) stepped(scheduler, k);
          const other = start(spec);
          const resumed = make(name, spec, other);
          const saved = scheduler.stateDict();
          other.loadStateDict(optimizer.stateDict());
          resumed.loadStateDict(saved);
          expect(saved).toEqual(scheduler.stateDict());
          for (let k = at; k < 30; k++) {
            stepped(scheduler, k);
            stepped(resumed, k);
            expect(other.stateDict().param_groups).toEqual(optimizer.stateDict().param_groups);
          }
          expect(resumed.stateDict()).toEqual(scheduler.stateDict());
          expect(resumed.getLastLr()).toEqual(scheduler.getLastLr());
        }
      });
    });
  });
}

// optimizer = torch.optim.SGD([p], lr=0.5, momentum=0.9); scheduler = S(optimizer, **kwargs)
// for epoch in (7, 3, 8): scheduler.step(epoch); lrs.append(optimizer.param_groups[0]['lr'])
// scheduler.step(); lrs.append(optimizer.param_groups[0]['lr'])
test.each<[string, object, number[]]>([
  ['StepLR', { step_size: 3 }, [0.005000000000000001, 0.05, 0.005000000000000001, 0.0005000000000000001]],
  ['MultiStepLR', { milestones: [2, 5, 9], gamma: 0.3 }, [0.045, 0.15, 0.045, 0.0135]],
  ['ConstantLR', { factor: 0.5, total_iters: 4 }, [0.5, 0.25, 0.5, 0.5]],
  [
    'LinearLR',
    { start_factor: 0.2, total_iters: 10 },
    [0.38, 0.22000000000000003, 0.42000000000000004, 0.4600000000000001],
  ],
  [
    'ExponentialLR',
    { gamma: 0.9 },
    [0.23914845000000004, 0.36450000000000005, 0.21523360500000005, 0.19371024450000005],
  ],
  [
    'PolynomialLR',
    { total_iters: 9, power: 2.0 },
    [0.024691358024691357, 0.22222222222222227, 0.006172839506172845, 0.0],
  ],
  [
    'CosineAnnealingLR',
    { T_max: 10, eta_min: 0.01 },
    [0.11099261318834411, 0.39900738681165593, 0.0567908363781379, 0.021991153507687385],
  ],
  [
    'OneCycleLR',
    { max_lr: 1.0, total_steps: 20 },
    [0.9504846320134737, 0.6683281572999747, 0.89091617757105, 0.8117456539497631],
  ],
  ['CyclicLR', { base_lr: 0.1, max_lr: 1.0, step_size_up: 4 }, [0.325, 0.775, 0.1, 0.325]],
  [
    'CosineAnnealingWarmRestarts',
    { T_0: 2, T_mult: 2 },
    [0.4809698831278217, 0.42677669529663687, 0.42677669529663687, 0.34567085809127246],
  ],
  ['SWALR', { swa_lr: 0.1 }, [0.49021130325903073, 0.4618033988749895, 0.4175570504584946, 0.36180339887498947]],
])('%s goes to an epoch that it is given', (name, kwargs, lrs) => {
  const optimizer = new optim.SGD([new nn.Parameter(tensor([0]))], { lr: 0.5, momentum: 0.9 });
  const scheduler = new classes[name]!(optimizer, kwargs);
  const got = [7, 3, 8, undefined].map((epoch) => {
    scheduler.step(epoch);
    return optimizer.paramGroups[0]!.lr;
  });
  expectNear('lr', got, lrs);
});

test('functions of the user are kept, and not saved', () => {
  const optimizer = new optim.SGD([new nn.Parameter(tensor([0]))], { lr: 0.5, momentum: 0.9 });
  const options = { base_lr: 0, max_lr: 1, step_size_up: 2, scale_fn: (x: number) => 1 / x } as const;
  const scheduler = new optim.lrScheduler.CyclicLR(optimizer, options);
  const rates = () =>
    [1, 2, 3, 4, 5, 6].map(() => {
      scheduler.step();
      return optimizer.paramGroups[0]!.lr;
    });
  expect(rates()).toEqual([0.5, 1, 0.5, 0, 0.25, 0.5]);
  expect(scheduler.stateDict()._scale_fn_custom).toBe(null);
  scheduler.loadStateDict({ ...scheduler.stateDict(), last_epoch: 0 });
  expect(rates()).toEqual([0.5, 1, 0.5, 0, 0.25, 0.5]);
});
