import { ArgError, TorcharcError } from '../../util/errors.ts';
import { show } from '../../util/python.ts';
import type { Optimizer, ParamGroup } from '../optimizer.ts';
import { bounded, checkOptions, flag, oneOf, orNull, perGroup, positive, positiveInt, REQUIRED } from '../options.ts';
import { setMomentum, startMomentum, usesBeta1 } from './momentum.ts';
import { EpochScheduler, expectOptimizer, lastEpoch, perGroupOf } from './scheduler.ts';

export interface OneCycleLROptions {
  readonly max_lr: number | readonly number[];
  readonly total_steps?: number | null;
  readonly epochs?: number | null;
  readonly steps_per_epoch?: number | null;
  readonly pct_start?: number;
  readonly anneal_strategy?: 'cos' | 'linear';
  readonly cycle_momentum?: boolean;
  readonly base_momentum?: number | readonly number[];
  readonly max_momentum?: number | readonly number[];
  readonly div_factor?: number;
  readonly final_div_factor?: number;
  readonly three_phase?: boolean;
  readonly last_epoch?: number;
}

const count = (name: string) =>
  orNull(positiveInt(null, (v) => `Expected positive integer ${name}, but got ${show(v)}`));
/** How rates go from one to another; also SWALR's. */
export const annealing = oneOf(
  ['cos', 'linear'],
  'cos',
  (v) => `anneal_strategy must be one of 'cos' or 'linear', instead got ${show(v)}`,
);
const rules = {
  max_lr: perGroup(REQUIRED),
  total_steps: count('total_steps'),
  epochs: count('epochs'),
  steps_per_epoch: count('steps_per_epoch'),
  pct_start: bounded('a number between 0 and 1', (v) => v >= 0 && v <= 1)(
    0.3,
    (v) => `Expected float between 0 and 1 pct_start, but got ${show(v)}`,
  ),
  anneal_strategy: annealing,
  cycle_momentum: flag(true),
  base_momentum: perGroup(0.85),
  max_momentum: perGroup(0.95),
  div_factor: positive(25),
  final_div_factor: positive(1e4),
  three_phase: flag(false),
  last_epoch: lastEpoch,
};

/** Until a step, between two of a group's rates and momenta. */
type Phase = { end_step: number; start_lr: string; end_lr: string; start_momentum: string; end_momentum: string };
type State = {
  total_steps: number;
  _schedule_phases: Phase[];
  _anneal_func_type: string;
  cycle_momentum: boolean;
  use_beta1?: boolean;
};

/**
 * Up from max_lr / div_factor to max_lr in the first pct_start of all steps, then down to far less than the start; momentum the other way
 * round. Stepped after each batch. https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.OneCycleLR.html
 */
export class OneCycleLR extends EpochScheduler<State & { use_beta1: boolean }> {
  constructor(optimizer: Optimizer, options: OneCycleLROptions) {
    const who = 'OneCycleLR';
    expectOptimizer(who, optimizer);
    const given = checkOptions(who, rules, options);
    const { epochs, steps_per_epoch, cycle_momentum, last_epoch } = given;
    const total_steps = given.total_steps ?? (epochs && steps_per_epoch && epochs * steps_per_epoch);
    if (!total_steps) throw new ArgError(`${who}: You must define either total_steps OR (epochs AND steps_per_epoch)`);
    const max_lrs = perGroupOf(who, 'max_lr', optimizer, given.max_lr);
    const own: State = {
      total_steps,
      _schedule_phases: phases(total_steps, given.pct_start, given.three_phase),
      _anneal_func_type: given.anneal_strategy,
      cycle_momentum,
      ...(cycle_momentum ? { use_beta1: usesBeta1(who, optimizer) } : {}),
    };
    if (last_epoch === -1) {
      optimizer.paramGroups.forEach((group, i) => {
        const initial = max_lrs[i]! / given.div_factor;
        Object.assign(group, { initial_lr: initial, max_lr: max_lrs[i], min_lr: initial / given.final_div_factor });
      });
    }
    if (cycle_momentum) startMomentum(who, optimizer, given);
    super(who, optimizer, own as State & { use_beta1: boolean }, last_epoch);
    this.begin();
  }

  protected override rates(): number[] {
    const { last_epoch: t, total_steps, _schedule_phases: all, cycle_momentum } = this.state;
    if (t > total_steps)
      throw new TorcharcError(
        `OneCycleLR: Tried to step ${t} times. The specified number of total steps is ${total_steps}`,
      );
    const at = all.findIndex(({ end_step }, i) => t <= end_step || i === all.length - 1);
    const phase = all[at]!;
    const start = at === 0 ? 0 : all[at - 1]!.end_step;
    const part = (t - start) / (phase.end_step - start);
    return this.groups.map((group) => {
      if (cycle_momentum) setMomentum(group, this.#between(group, phase.start_momentum, phase.end_momentum, part));
      return this.#between(group, phase.start_lr, phase.end_lr, part);
    });
  }

  #between(group: ParamGroup, from: string, to: string, part: number): number {
    const [start, end] = [group[from] as number, group[to] as number];
    if (this.state._anneal_func_type === 'linear') return (end - start) * part + start;
    return end + ((start - end) / 2) * (Math.cos(Math.PI * part) + 1);
  }
}

function phases(steps: number, pct: number, three: boolean): Phase[] {
  const up = {
    start_lr: 'initial_lr',
    end_lr: 'max_lr',
    start_momentum: 'max_momentum',
    end_momentum: 'base_momentum',
  };
  const down = { start_lr: 'max_lr', end_lr: 'min_lr', start_momentum: 'base_momentum', end_momentum: 'max_momentum' };
  const first = { end_step: pct * steps - 1, ...up };
  if (!three) return [first, { end_step: steps - 1, ...down }];
  const last = {
    start_lr: 'initial_lr',
    end_lr: 'min_lr',
    start_momentum: 'max_momentum',
    end_momentum: 'max_momentum',
  };
  return [first, { end_step: 2 * pct * steps - 2, ...down, end_lr: 'initial_lr' }, { end_step: steps - 1, ...last }];
}
