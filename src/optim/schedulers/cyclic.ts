import type { Optimizer } from '../optimizer.ts';
import {
  anyNumber,
  checkOptions,
  flag,
  type OptionRule,
  oneOf,
  orNull,
  perGroup,
  positive,
  REQUIRED,
} from '../options.ts';
import { setMomentum, startMomentum, usesBeta1 } from './momentum.ts';
import { EpochScheduler, expectOptimizer, lastEpoch, perGroupOf, type SchedulerState } from './scheduler.ts';

export interface CyclicLROptions {
  readonly base_lr: number | readonly number[];
  readonly max_lr: number | readonly number[];
  readonly step_size_up?: number;
  readonly step_size_down?: number | null;
  readonly mode?: 'triangular' | 'triangular2' | 'exp_range';
  readonly gamma?: number;
  /** In place of `mode`: how high a cycle (or, by `scale_mode`, an iteration) goes, from 0 to 1. */
  readonly scale_fn?: ((x: number) => number) | null;
  readonly scale_mode?: 'cycle' | 'iterations';
  readonly cycle_momentum?: boolean;
  readonly base_momentum?: number | readonly number[];
  readonly max_momentum?: number | readonly number[];
  readonly last_epoch?: number;
}

const scale_fn: OptionRule = {
  default: null,
  expected: 'a function or null; it can only be given in code',
  ok: (v) => v === null || typeof v === 'function',
};
const rules = {
  base_lr: perGroup(REQUIRED),
  max_lr: perGroup(REQUIRED),
  step_size_up: positive(2000),
  step_size_down: orNull(positive(null)),
  mode: oneOf(['triangular', 'triangular2', 'exp_range'], 'triangular', () => 'mode is invalid and scale_fn is None'),
  gamma: anyNumber(1),
  scale_fn,
  scale_mode: oneOf(['cycle', 'iterations'], 'cycle'),
  cycle_momentum: flag(true),
  base_momentum: perGroup(0.8),
  max_momentum: perGroup(0.9),
  last_epoch: lastEpoch,
};

type State = {
  max_lrs: number[];
  total_size: number;
  step_ratio: number;
  mode: string;
  gamma: number;
  scale_mode: string;
  cycle_momentum: boolean;
} & ({ use_beta1: boolean; base_momentums: number[]; max_momentums: number[] } | Record<never, never>);

/**
 * Back and forth between base_lr and max_lr, and momentum the other way round; stepped after each batch. Cycles are as high as the first
 * ('triangular'), half as high as the last ('triangular2'), or as gamma^iteration ('exp_range').
 * https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CyclicLR.html
 */
export class CyclicLR extends EpochScheduler<State> {
  readonly #scale: ((x: number) => number) | null;

  constructor(optimizer: Optimizer, options: CyclicLROptions) {
    const who = 'CyclicLR';
    expectOptimizer(who, optimizer);
    const given = checkOptions(who, rules, options);
    const { step_size_up, mode, gamma, scale_fn, cycle_momentum, last_epoch } = given;
    const base_lrs = perGroupOf(who, 'base_lr', optimizer, given.base_lr);
    const max_lrs = perGroupOf(who, 'max_lr', optimizer, given.max_lr);
    const use_beta1 = cycle_momentum && usesBeta1(who, optimizer);
    if (last_epoch === -1)
      optimizer.paramGroups.forEach((group, i) => {
        group.lr = base_lrs[i]!;
      });
    const total_size = step_size_up + (given.step_size_down ?? step_size_up);
    const own = {
      max_lrs,
      total_size,
      step_ratio: step_size_up / total_size,
      mode,
      gamma,
      scale_mode: scale_fn ? given.scale_mode : mode === 'exp_range' ? 'iterations' : 'cycle',
      cycle_momentum,
      ...(cycle_momentum ? { use_beta1, ...startMomentum(who, optimizer, given) } : {}),
    };
    super(who, optimizer, own, last_epoch);
    this.#scale = scale_fn;
    this.begin();
    this.state.base_lrs = base_lrs;
  }

  protected override rates(): number[] {
    const { last_epoch, total_size, step_ratio, scale_mode, max_lrs } = this.state;
    const cycle = Math.floor(1 + last_epoch / total_size);
    const x = 1 + last_epoch / total_size - cycle;
    const part = x <= step_ratio ? x / step_ratio : (x - 1) / (step_ratio - 1);
    const height = this.#height(scale_mode === 'cycle' ? cycle : last_epoch);
    if ('base_momentums' in this.state) {
      const { base_momentums, max_momentums } = this.state;
      this.groups.forEach((group, i) => {
        const [low, high] = [base_momentums[i]!, max_momentums[i]!];
        setMomentum(group, high - (high - low) * part * height);
      });
    }
    return this.state.base_lrs.map((low, i) => low + (max_lrs[i]! - low) * part * height);
  }

  #height(x: number): number {
    const { mode, gamma } = this.state;
    if (this.#scale) return this.#scale(x);
    return mode === 'triangular' ? 1 : mode === 'triangular2' ? 1 / 2 ** (x - 1) : gamma ** x;
  }

  override stateDict(): SchedulerState {
    return { ...super.stateDict(), _scale_fn_custom: null };
  }

  protected override kept({ _scale_fn_custom: _, ...state }: SchedulerState): SchedulerState {
    return state;
  }
}
