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
