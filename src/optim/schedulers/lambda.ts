/** Schedules by a function of the user's. */
import { ArgError } from '../../util/errors.ts';
import { show } from '../../util/python.ts';
import type { Optimizer } from '../optimizer.ts';
import { checkOptions, type OptionRule, REQUIRED } from '../options.ts';
import { EpochScheduler, lastEpoch, type SchedulerState } from './scheduler.ts';

export interface LambdaLROptions {
  /** Of the epoch; one for all groups, or a list of one for each. */
  readonly lr_lambda: Factor | readonly Factor[];
  readonly last_epoch?: number;
}
type Factor = (epoch: number) => number;

const isFactor = (v: unknown) => typeof v === 'function';
const lr_lambda: OptionRule = {
  default: REQUIRED,
  expected: 'a function of the epoch, or a list of them; it can only be given in code',
  ok: (v) => isFactor(v) || (Array.isArray(v) && v.every(isFactor)),
  refused: (v) => {
    const bad: unknown = Array.isArray(v) ? v.find((f) => !isFactor(f)) : v;
    return `lr_lambda should be a function, but got ${show(bad)}`;
  },
};
const rules = { lr_lambda, last_epoch: lastEpoch };

abstract class FactorScheduler extends EpochScheduler {
  readonly #factors: readonly Factor[];

  constructor(name: string, optimizer: Optimizer, options: LambdaLROptions) {
    const { lr_lambda, last_epoch } = checkOptions(name, rules, options);
    super(name, optimizer, {}, last_epoch);
    const { length } = this.groups;
    this.#factors = typeof lr_lambda === 'function' ? new Array<Factor>(length).fill(lr_lambda) : lr_lambda;
    if (this.#factors.length !== length)
      throw new ArgError(`${name}.lr_lambda: Expected ${length} lr_lambdas, but got ${this.#factors.length}`);
    this.begin();
  }

  /** Rates times the groups' factors. */
  protected scaled(rates: readonly number[]): number[] {
    return rates.map((lr, i) => lr * this.#factors[i]!(this.state.last_epoch));
  }

  override stateDict(): SchedulerState {
    return { ...super.stateDict(), lr_lambdas: this.#factors.map(() => null) };
  }

  protected override kept({ lr_lambdas: _, ...state }: SchedulerState): SchedulerState {
    return state;
  }
}

/** initial · lr_lambda(epoch). https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LambdaLR.html */
export class LambdaLR extends FactorScheduler {
  constructor(optimizer: Optimizer, options: LambdaLROptions) {
    super('LambdaLR', optimizer, options);
  }

  protected override rates(): number[] {
    return this.scaled(this.state.base_lrs);
  }
}

/** lr · lr_lambda(epoch). https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.MultiplicativeLR.html */
export class MultiplicativeLR extends FactorScheduler {
  constructor(optimizer: Optimizer, options: LambdaLROptions) {
    super('MultiplicativeLR', optimizer, options);
  }

  protected override rates(): number[] {
    return this.state._is_initial ? this.lrs() : this.scaled(this.lrs());
  }
}
