/** Learning rate schedules, stepped once an epoch. */
import { ArgError } from '../util/errors.ts';
import { python } from '../util/python.ts';
import { didYouMean } from '../util/suggest.ts';
import type { Optimizer } from './optimizer.ts';

/** Sets each group's `lr` from the epoch and the rate it began with (`initial_lr`). */
export abstract class LRScheduler {
  lastEpoch = 0;
  protected readonly optimizer: Optimizer;

  constructor(optimizer: Optimizer) {
    this.optimizer = optimizer;
    for (const group of optimizer.paramGroups) group.initial_lr ??= group.lr;
  }

  /** Rates of the coming epoch, from those of the last. */
  protected abstract next(lr: number, initial: number): number;

  /** Go to the next epoch. */
  step(): void {
    this.lastEpoch++;
    for (const group of this.optimizer.paramGroups) group.lr = this.next(group.lr, group.initial_lr as number);
  }

  /** The groups' current rates. */
  getLastLr(): number[] {
    return this.optimizer.paramGroups.map(({ lr }) => lr);
  }
}

/** Options checked by name and kind. */
function checked<T extends object>(
  who: string,
  options: T,
  defaults: { readonly [K in keyof T]-?: number | null },
): Required<T> {
  const names = Object.keys(defaults);
  for (const [key, value] of Object.entries(options)) {
    if (!names.includes(key))
      throw new ArgError(`${who}.${key}: unknown option${didYouMean(key, names)}; its options are ${names.join(', ')}`);
    if (typeof value !== 'number' || !Number.isFinite(value))
      throw new ArgError(`${who}.${key}: expected a number, got ${python(value)}`);
  }
  const all = { ...defaults, ...options } as Required<T>;
  const missing = names.find((key) => all[key as keyof T] === null);
  if (missing) throw new ArgError(`${who}.${missing}: missing required argument (a number)`);
  return all;
}

/** lr · gamma every step_size epochs. https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.StepLR.html */
export class StepLR extends LRScheduler {
  readonly #options: { step_size: number; gamma: number };

  constructor(optimizer: Optimizer, options: { step_size: number; gamma?: number }) {
    super(optimizer);
    this.#options = checked('StepLR', options, { step_size: null, gamma: 0.1 });
  }

  protected override next(lr: number): number {
    const { step_size, gamma } = this.#options;
    return this.lastEpoch % step_size === 0 ? lr * gamma : lr;
  }
}

/**
 * Half a cosine from the initial rate to eta_min over T_max epochs, in PyTorch's recursive form.
 * https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CosineAnnealingLR.html
 */
export class CosineAnnealingLR extends LRScheduler {
  readonly #options: { T_max: number; eta_min: number };

  constructor(optimizer: Optimizer, options: { T_max: number; eta_min?: number }) {
    super(optimizer);
    this.#options = checked('CosineAnnealingLR', options, { T_max: null, eta_min: 0 });
  }

  protected override next(lr: number, initial: number): number {
    const { T_max, eta_min } = this.#options;
    const t = this.lastEpoch;
    if ((t - 1 - T_max) % (2 * T_max) === 0) return lr + ((initial - eta_min) * (1 - Math.cos(Math.PI / T_max))) / 2;
    return (
      ((1 + Math.cos((Math.PI * t) / T_max)) / (1 + Math.cos((Math.PI * (t - 1)) / T_max))) * (lr - eta_min) + eta_min
    );
  }
}
