/** Schedules that scale the rates by steps or along a line, a power or an exponential. */
import type { Optimizer } from '../optimizer.ts';
import {
  anyNumber,
  bounded,
  checkOptions,
  nonNegativeInt,
  type OptionRule,
  positiveInt,
  REQUIRED,
} from '../options.ts';
import { EpochScheduler, lastEpoch } from './scheduler.ts';

export interface StepLROptions {
  readonly step_size: number;
  readonly gamma?: number;
  readonly last_epoch?: number;
}
const step = { step_size: positiveInt(REQUIRED), gamma: anyNumber(0.1), last_epoch: lastEpoch };

/** lr · gamma every step_size epochs. https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.StepLR.html */
export class StepLR extends EpochScheduler<{ step_size: number; gamma: number }> {
  constructor(optimizer: Optimizer, options: StepLROptions) {
    const { last_epoch, ...own } = checkOptions('StepLR', step, options);
    super('StepLR', optimizer, own, last_epoch);
    this.begin();
  }

  protected override rates(): number[] {
    const { last_epoch, step_size, gamma } = this.state;
    const falls = last_epoch !== 0 && last_epoch % step_size === 0;
    return this.lrs().map((lr) => (falls ? lr * gamma : lr));
  }

  protected override closedForm(): number[] {
    const { base_lrs, last_epoch, step_size, gamma } = this.state;
    return base_lrs.map((lr) => lr * gamma ** Math.floor(last_epoch / step_size));
  }
}

export interface MultiStepLROptions {
  readonly milestones: readonly number[];
  readonly gamma?: number;
  readonly last_epoch?: number;
}
const milestones: OptionRule = {
  default: REQUIRED,
  expected: 'a list of integers',
  ok: (v) => Array.isArray(v) && v.every(Number.isInteger),
};
const multiStep = { milestones, gamma: anyNumber(0.1), last_epoch: lastEpoch };

/** lr · gamma at each milestone, an epoch. https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.MultiStepLR.html */
export class MultiStepLR extends EpochScheduler<{ milestones: Record<string, number>; gamma: number }> {
  constructor(optimizer: Optimizer, options: MultiStepLROptions) {
    const { milestones, gamma, last_epoch } = checkOptions('MultiStepLR', multiStep, options);
    // as often as they are named
    const counts: Record<string, number> = {};
    for (const epoch of milestones) counts[epoch] = (counts[epoch] ?? 0) + 1;
    super('MultiStepLR', optimizer, { milestones: counts, gamma }, last_epoch);
    this.begin();
  }

  protected override rates(): number[] {
    const { milestones, last_epoch, gamma } = this.state;
    const times = milestones[last_epoch];
    return this.lrs().map((lr) => (times === undefined ? lr : lr * gamma ** times));
  }

  protected override closedForm(): number[] {
    const { base_lrs, milestones, last_epoch, gamma } = this.state;
    const passed = Object.entries(milestones).filter(([epoch]) => Number(epoch) <= last_epoch);
    const times = passed.reduce((n, [, count]) => n + count, 0);
    return base_lrs.map((lr) => lr * gamma ** times);
  }
}

export interface ConstantLROptions {
  readonly factor?: number;
  readonly total_iters?: number;
  readonly last_epoch?: number;
}
const constant = {
  factor: bounded('a number between 0 and 1', (v) => v >= 0 && v <= 1)(
    1 / 3,
    () => 'Constant multiplicative factor expected to be between 0 and 1.',
  ),
  total_iters: nonNegativeInt(5),
  last_epoch: lastEpoch,
};

/**
 * lr · factor for the first total_iters epochs. A factor of 0 is undone, which fails in PyTorch.
 * https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ConstantLR.html
 */
export class ConstantLR extends EpochScheduler<{ factor: number; total_iters: number }> {
  constructor(optimizer: Optimizer, options: ConstantLROptions = {}) {
    const { last_epoch, ...own } = checkOptions('ConstantLR', constant, options);
    super('ConstantLR', optimizer, own, last_epoch);
    this.begin();
  }

  protected override rates(): number[] {
    const { factor, total_iters, last_epoch } = this.state;
    if (last_epoch === 0) return this.lrs().map((lr) => lr * factor);
    if (last_epoch !== total_iters) return this.lrs();
    return factor === 0 ? [...this.state.base_lrs] : this.lrs().map((lr) => lr * (1 / factor));
  }

  protected override closedForm(): number[] {
    const { base_lrs, factor, total_iters, last_epoch } = this.state;
    return base_lrs.map((lr) => lr * (factor + (last_epoch >= total_iters ? 1 - factor : 0)));
  }
}

export interface LinearLROptions {
  readonly start_factor?: number;
  readonly end_factor?: number;
  readonly total_iters?: number;
  readonly last_epoch?: number;
}
const linear = {
  start_factor: bounded('a number above 0 and at most 1', (v) => v > 0 && v <= 1)(
    1 / 3,
    () => 'Starting multiplicative factor expected to be greater than 0 and less or equal to 1.',
  ),
  end_factor: bounded('a number between 0 and 1', (v) => v >= 0 && v <= 1)(
    1,
    () => 'Ending multiplicative factor expected to be between 0 and 1.',
  ),
  total_iters: nonNegativeInt(5),
  last_epoch: lastEpoch,
};

/** lr · a factor that goes from start_factor to end_factor in total_iters epochs. https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LinearLR.html */
export class LinearLR extends EpochScheduler<{ start_factor: number; end_factor: number; total_iters: number }> {
  constructor(optimizer: Optimizer, options: LinearLROptions = {}) {
    const { last_epoch, ...own } = checkOptions('LinearLR', linear, options);
    super('LinearLR', optimizer, own, last_epoch);
    this.begin();
  }

  protected override rates(): number[] {
    const { start_factor, end_factor, total_iters, last_epoch, _is_initial } = this.state;
    if (last_epoch === 0) return this.lrs().map((lr) => lr * start_factor);
    if (_is_initial || last_epoch > total_iters) return this.lrs();
    const slope = end_factor - start_factor;
    const before = total_iters * start_factor + (last_epoch - 1) * slope;
    return this.lrs().map((lr) => lr * (1 + slope / before));
  }

  protected override closedForm(): number[] {
    const { base_lrs, start_factor, end_factor, total_iters, last_epoch } = this.state;
    const part = (end_factor - start_factor) * Math.min(total_iters, last_epoch);
    return base_lrs.map((lr) => lr * (start_factor + part / total_iters));
  }
}

export interface ExponentialLROptions {
  readonly gamma: number;
  readonly last_epoch?: number;
}
const exponential = { gamma: anyNumber(REQUIRED), last_epoch: lastEpoch };

/** lr · gamma every epoch. https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ExponentialLR.html */
export class ExponentialLR extends EpochScheduler<{ gamma: number }> {
  constructor(optimizer: Optimizer, options: ExponentialLROptions) {
    const { last_epoch, ...own } = checkOptions('ExponentialLR', exponential, options);
    super('ExponentialLR', optimizer, own, last_epoch);
    this.begin();
  }

  protected override rates(): number[] {
    const { _is_initial, gamma } = this.state;
    return this.lrs().map((lr) => (_is_initial ? lr : lr * gamma));
  }

  protected override closedForm(): number[] {
    const { base_lrs, gamma, last_epoch } = this.state;
    return base_lrs.map((lr) => lr * gamma ** last_epoch);
  }
}

export interface PolynomialLROptions {
  readonly total_iters?: number;
  readonly power?: number;
  readonly last_epoch?: number;
}
const polynomial = { total_iters: positiveInt(5), power: anyNumber(1), last_epoch: lastEpoch };

/** initial · (1 - epoch / total_iters)^power, then 0. https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.PolynomialLR.html */
export class PolynomialLR extends EpochScheduler<{ total_iters: number; power: number }> {
  constructor(optimizer: Optimizer, options: PolynomialLROptions = {}) {
    const { last_epoch, ...own } = checkOptions('PolynomialLR', polynomial, options);
    super('PolynomialLR', optimizer, own, last_epoch);
    this.begin();
  }

  protected override rates(): number[] {
    const { total_iters, power, last_epoch, _is_initial } = this.state;
    if (_is_initial || last_epoch > total_iters) return this.lrs();
    const factor = ((1 - last_epoch / total_iters) / (1 - (last_epoch - 1) / total_iters)) ** power;
    return this.lrs().map((lr) => lr * factor);
  }

  protected override closedForm(): number[] {
    const { base_lrs, total_iters, power, last_epoch } = this.state;
    return base_lrs.map((lr) => lr * (1 - Math.min(total_iters, last_epoch) / total_iters) ** power);
  }
}
