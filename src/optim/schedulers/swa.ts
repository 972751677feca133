import { show } from '../../util/python.ts';
import type { Optimizer } from '../optimizer.ts';
import { checkOptions, nonNegativeInt, perGroup, REQUIRED } from '../options.ts';
import { annealing } from './one-cycle.ts';
import { EpochScheduler, expectOptimizer, lastEpoch, perGroupOf } from './scheduler.ts';

export interface SWALROptions {
  readonly swa_lr: number | readonly number[];
  readonly anneal_epochs?: number;
  readonly anneal_strategy?: 'cos' | 'linear';
  readonly last_epoch?: number;
}
const rules = {
  swa_lr: perGroup(REQUIRED),
  anneal_epochs: nonNegativeInt(10, (v) => `anneal_epochs must be equal or greater than 0, got ${show(v)}`),
  anneal_strategy: annealing,
  last_epoch: lastEpoch,
};

/**
 * From whatever the rate is to swa_lr within anneal_epochs, for stochastic weight averaging.
 * https://pytorch.org/docs/stable/generated/torch.optim.swa_utils.SWALR.html
 */
export class SWALR extends EpochScheduler<{ _anneal_strategy: string; anneal_epochs: number }> {
  constructor(optimizer: Optimizer, options: SWALROptions) {
    const { paramGroups } = expectOptimizer('SWALR', optimizer);
    const { swa_lr, anneal_epochs, anneal_strategy, last_epoch } = checkOptions('SWALR', rules, options);
    const rates = perGroupOf('SWALR', 'swa_lr', optimizer, swa_lr);
    paramGroups.forEach((group, i) => {
      group.swa_lr = rates[i];
    });
    super('SWALR', optimizer, { _anneal_strategy: anneal_strategy, anneal_epochs }, last_epoch);
    this.begin();
  }

  protected override rates(): number[] {
    const { _step_count, anneal_epochs } = this.state;
    const step = anneal_epochs === 0 ? Math.max(1, _step_count - 1) : _step_count - 1;
    const [before, now] = [this.#part(step - 1), this.#part(step)];
    return this.groups.map(({ lr, swa_lr }) => {
      const target = swa_lr as number;
      const start = before === 1 ? target : (lr - before * target) / (1 - before);
      return target * now + start * (1 - now);
    });
  }

  /** How much of the way is done. */
  #part(step: number): number {
    const { _anneal_strategy, anneal_epochs } = this.state;
    const t = Math.max(0, Math.min(1, step / Math.max(1, anneal_epochs)));
    return _anneal_strategy === 'cos' ? (1 - Math.cos(Math.PI * t)) / 2 : t;
  }
}
