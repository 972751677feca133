/** Schedules along half a cosine. */
import { ArgError } from '../../util/errors.ts';
import { show } from '../../util/python.ts';
import type { Optimizer } from '../optimizer.ts';
import { anyNumber, checkOptions, positive, positiveInt, REQUIRED } from '../options.ts';
import { EpochScheduler, lastEpoch } from './scheduler.ts';

export interface CosineAnnealingLROptions {
  readonly T_max: number;
  readonly eta_min?: number;
  readonly last_epoch?: number;
}
const annealing = { T_max: positive(REQUIRED), eta_min: anyNumber(0), last_epoch: lastEpoch };

/**
 * Half a cosine from the initial rate to eta_min over T_max epochs, in PyTorch's recursive form, and back.
 * https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CosineAnnealingLR.html
 */
export class CosineAnnealingLR extends EpochScheduler<{ T_max: number; eta_min: number }> {
  constructor(optimizer: Optimizer, options: CosineAnnealingLROptions) {
    const { last_epoch, ...own } = checkOptions('CosineAnnealingLR', annealing, options);
    super('CosineAnnealingLR', optimizer, own, last_epoch);
    this.begin();
  }

  protected override rates(): number[] {
    const { T_max, eta_min, base_lrs, last_epoch: t, _is_initial, _step_count } = this.state;
    if (_is_initial) return this.lrs();
    if (_step_count === 1 && t > 0) return this.closedForm();
    if ((t - 1 - T_max) % (2 * T_max) === 0)
      return this.lrs().map((lr, i) => lr + ((base_lrs[i]! - eta_min) * (1 - Math.cos(Math.PI / T_max))) / 2);
    const ratio = (1 + Math.cos((Math.PI * t) / T_max)) / (1 + Math.cos((Math.PI * (t - 1)) / T_max));
    return this.lrs().map((lr) => ratio * (lr - eta_min) + eta_min);
  }

  protected override closedForm(): number[] {
    const { T_max, eta_min, base_lrs, last_epoch } = this.state;
    return base_lrs.map((lr) => eta_min + ((lr - eta_min) * (1 + Math.cos((Math.PI * last_epoch) / T_max))) / 2);
  }
}

export interface CosineAnnealingWarmRestartsOptions {
  readonly T_0: number;
  readonly T_mult?: number;
  readonly eta_min?: number;
  readonly last_epoch?: number;
}
const restarts = {
  T_0: positiveInt(REQUIRED, (v) => `Expected positive integer T_0, but got ${show(v)}`),
  T_mult: positiveInt(1, (v) => `Expected integer T_mult >= 1, but got ${show(v)}`),
  eta_min: anyNumber(0, (v) => `Expected float or int eta_min, but got ${show(v)}`),
  last_epoch: lastEpoch,
};

/**
 * Half a cosine from the initial rate to eta_min over T_0 epochs, then again over T_mult times as many, and so on. `step` may be given
 * a fraction of an epoch. https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CosineAnnealingWarmRestarts.html
 */
export class CosineAnnealingWarmRestarts extends EpochScheduler<{
  T_0: number;
  T_i: number;
  T_mult: number;
  eta_min: number;
  T_cur: number;
}> {
  constructor(optimizer: Optimizer, options: CosineAnnealingWarmRestartsOptions) {
    const { T_0, T_mult, eta_min, last_epoch } = checkOptions('CosineAnnealingWarmRestarts', restarts, options);
    const own = { T_0, T_i: T_0, T_mult, eta_min, T_cur: last_epoch };
    super('CosineAnnealingWarmRestarts', optimizer, own, last_epoch);
    this.begin();
  }

  protected override rates(): number[] {
    const { T_i, T_cur, eta_min, base_lrs } = this.state;
    return base_lrs.map((lr) => eta_min + ((lr - eta_min) * (1 + Math.cos((Math.PI * T_cur) / T_i))) / 2);
  }

  override step(epoch?: number): void {
    const { state } = this;
    const at = epoch ?? (state.last_epoch < 0 ? 0 : undefined);
    if (at === undefined) {
      state.T_cur++;
      if (state.T_cur >= state.T_i) {
        state.T_cur %= state.T_i;
        state.T_i *= state.T_mult;
      }
    } else this.#goTo(at);
    state.last_epoch = at === undefined ? state.last_epoch + 1 : Math.floor(at);
    this.set(this.rates());
  }

  #goTo(epoch: number): void {
    const { state } = this;
    const { T_0, T_mult } = state;
    if (!(epoch >= 0))
      throw new ArgError(`CosineAnnealingWarmRestarts: Expected non-negative epoch, but got ${show(epoch)}`);
    if (epoch < T_0) {
      state.T_i = T_0;
      state.T_cur = epoch;
    } else if (T_mult === 1) {
      state.T_cur = epoch % T_0;
    } else {
      const n = Math.trunc(Math.log((epoch / T_0) * (T_mult - 1) + 1) / Math.log(T_mult));
      state.T_cur = epoch - (T_0 * (T_mult ** n - 1)) / (T_mult - 1);
      state.T_i = T_0 * T_mult ** n;
    }
  }
}
