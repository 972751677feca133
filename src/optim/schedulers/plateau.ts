import { ArgError, TorcharcError } from '../../util/errors.ts';
import { show } from '../../util/python.ts';
import type { Optimizer } from '../optimizer.ts';
import { anyNumber, bounded, checkOptions, nonNegativeInt, oneOf, perGroup } from '../options.ts';
import { expectOptimizer, LRScheduler } from './scheduler.ts';

export interface ReduceLROnPlateauOptions {
  readonly mode?: 'min' | 'max';
  readonly factor?: number;
  readonly patience?: number;
  readonly threshold?: number;
  readonly threshold_mode?: 'rel' | 'abs';
  readonly cooldown?: number;
  readonly min_lr?: number | readonly number[];
  readonly eps?: number;
}
const rules = {
  mode: oneOf(['min', 'max'], 'min', (v) => `mode ${show(v)} is unknown!`),
  factor: bounded('a number below 1', (v) => v < 1)(0.1, () => 'Factor should be < 1.0.'),
  patience: nonNegativeInt(10),
  threshold: anyNumber(1e-4),
  threshold_mode: oneOf(['rel', 'abs'], 'rel', (v) => `threshold mode ${show(v)} is unknown!`),
  cooldown: nonNegativeInt(0),
  min_lr: perGroup(0),
  eps: anyNumber(1e-8),
};
type State = {
  factor: number;
  default_min_lr: number | null;
  min_lrs: number[];
  patience: number;
  cooldown: number;
  eps: number;
  last_epoch: number;
  _last_lr: number[];
  mode_worse: number;
  mode: string;
  threshold: number;
  threshold_mode: string;
  best: number;
  cooldown_counter: number;
  num_bad_epochs: number;
};

/**
 * lr · factor when the metric given to `step` has not got better for more than `patience` epochs.
 * https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html
 */
export class ReduceLROnPlateau extends LRScheduler<State> {
  constructor(optimizer: Optimizer, options: ReduceLROnPlateauOptions = {}) {
    const who = 'ReduceLROnPlateau';
    const { paramGroups } = expectOptimizer(who, optimizer);
    const { mode, threshold, threshold_mode, factor, min_lr, patience, cooldown, eps } = checkOptions(
      who,
      rules,
      options,
    );
    const each = Array.isArray(min_lr);
    if (each && min_lr.length !== paramGroups.length)
      throw new ArgError(`${who}.min_lr: expected ${paramGroups.length} min_lrs, got ${min_lr.length}`);
    const worst = mode === 'min' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    super(who, optimizer, {
      factor,
      default_min_lr: each ? null : (min_lr as number),
      min_lrs: each ? [...min_lr] : paramGroups.map(() => min_lr as number),
      patience,
      cooldown,
      eps,
      last_epoch: 0,
      _last_lr: paramGroups.map(({ lr }) => lr),
      mode_worse: worst,
      mode,
      threshold,
      threshold_mode,
      best: worst,
      cooldown_counter: 0,
      num_bad_epochs: 0,
    });
  }

  /** The epochs that were. */
  get lastEpoch(): number {
    return this.state.last_epoch;
  }

  /** End an epoch with the value of its metric. */
  step(metric?: number): void {
    if (typeof metric !== 'number')
      throw new ArgError(`ReduceLROnPlateau.step: expected the epoch's metric, a number, got ${show(metric)}`);
    const { state } = this;
    state.last_epoch++;
    if (this.#better(metric)) {
      state.best = metric;
      state.num_bad_epochs = 0;
    } else state.num_bad_epochs++;
    if (state.cooldown_counter > 0) {
      state.cooldown_counter--;
      state.num_bad_epochs = 0;
    }
    if (state.num_bad_epochs > state.patience) {
      this.#reduce();
      state.cooldown_counter = state.cooldown;
      state.num_bad_epochs = 0;
    }
    state._last_lr = this.lrs();
  }

  #better(metric: number): boolean {
    const { mode, threshold, threshold_mode, best } = this.state;
    if (mode === 'min') return metric < (threshold_mode === 'rel' ? best * (1 - threshold) : best - threshold);
    return metric > (threshold_mode === 'rel' ? best * (1 + threshold) : best + threshold);
  }

  #reduce(): void {
    const { state, groups } = this;
    if (groups.length !== state.min_lrs.length) {
      if (state.default_min_lr === null)
        throw new TorcharcError(
          `ReduceLROnPlateau: The number of param groups in the \`optimizer\` (${groups.length}) differs from when \`ReduceLROnPlateau\` was initialized (${state.min_lrs.length}), usually due to a new param group being added to the optimizer`,
        );
      state.min_lrs = groups.map(() => state.default_min_lr!);
    }
    groups.forEach((group, i) => {
      const lr = Math.max(group.lr * state.factor, state.min_lrs[i]!);
      if (group.lr - lr > state.eps) group.lr = lr;
    });
  }
}
