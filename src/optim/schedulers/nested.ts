/** Schedules made of others. */
import { ArgError } from '../../util/errors.ts';
import { show } from '../../util/python.ts';
import type { Optimizer } from '../optimizer.ts';
import { checkOptions, type OptionRule, REQUIRED } from '../options.ts';
import { ReduceLROnPlateau } from './plateau.ts';
import { EpochScheduler, LRScheduler, lastEpoch, type SchedulerState } from './scheduler.ts';

const schedulers: OptionRule = {
  default: REQUIRED,
  expected: 'a list of schedulers',
  ok: (v) => Array.isArray(v) && v.every((s) => s instanceof LRScheduler),
};

/** A schedule that steps others. */
abstract class NestedScheduler<State extends SchedulerState> extends LRScheduler<State> {
  protected readonly schedulers: readonly LRScheduler[];

  constructor(name: string, optimizer: Optimizer, schedulers: readonly LRScheduler[], state: State) {
    super(name, optimizer, state);
    schedulers.forEach((scheduler, i) => {
      const fail = (message: string) => {
        throw new ArgError(`${name}.schedulers[${i}]: ${message}`);
      };
      if (scheduler instanceof ReduceLROnPlateau)
        fail(
          `${name} does not support \`ReduceLROnPlateau\` scheduler as it requires additional kwargs to be specified when calling \`step\``,
        );
      if (scheduler.optimizer !== optimizer) fail(`${name} expects all schedulers to belong to the same optimizer`);
    });
    this.schedulers = schedulers;
  }

  override stateDict(): SchedulerState {
    return { ...super.stateDict(), _schedulers: this.schedulers.map((s) => s.stateDict()) };
  }

  override loadStateDict(state: SchedulerState): void {
    const inner = state._schedulers;
    if (!Array.isArray(inner) || inner.length !== this.schedulers.length)
      throw new ArgError(
        `${this.name}: expected a state dict with ${this.schedulers.length} _schedulers, got ${show(inner)}`,
      );
    super.loadStateDict(state);
    this.schedulers.forEach((s, i) => {
      s.loadStateDict(inner[i] as SchedulerState);
    });
  }

  protected override kept({ _schedulers: _, ...state }: SchedulerState): SchedulerState {
    return state;
  }

  override undo(): void {
    for (const scheduler of this.schedulers) scheduler.undo();
  }
}

export interface SequentialLROptions {
  readonly schedulers: readonly LRScheduler[];
  readonly milestones: readonly number[];
  readonly last_epoch?: number;
}
const milestones: OptionRule = {
  default: REQUIRED,
  expected: 'a list of integers',
  ok: (v) => Array.isArray(v) && v.every(Number.isInteger),
};

/**
 * One schedule after another, the next one at each milestone. A schedule of schedules can only be the first.
 * https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.SequentialLR.html
 */
export class SequentialLR extends NestedScheduler<{ _milestones: number[]; last_epoch: number; _last_lr: number[] }> {
  constructor(optimizer: Optimizer, options: SequentialLROptions) {
    const who = 'SequentialLR';
    const given = checkOptions(who, { schedulers, milestones, last_epoch: lastEpoch }, options);
    const count = given.schedulers.length;
    if (count < 1)
      throw new ArgError(`${who}.schedulers: ${who} expects at least one scheduler, but got no scheduler.`);
    if (given.milestones.length !== count - 1)
      throw new ArgError(
        `${who}.milestones: Sequential Schedulers expects number of schedulers provided to be one more than the number of milestone points, but got number of schedulers ${count} and the number of milestones to be equal to ${given.milestones.length}`,
      );
    const state = { _milestones: [...given.milestones], last_epoch: given.last_epoch + 1, _last_lr: [] as number[] };
    super(who, optimizer, given.schedulers, state);
    const late = this.schedulers.findIndex((s, i) => i > 0 && !(s instanceof EpochScheduler));
    if (late > 0) throw new ArgError(`${who}.schedulers[${late}]: a schedule of schedules can only be the first`);
    for (const group of this.groups) group.lr = group.initial_lr as number;
    this.undo();
    const first = this.#at(0);
    first.begin();
    state._last_lr = first.getLastLr();
  }

  /** The epoch the rates are for. */
  get lastEpoch(): number {
    return this.state.last_epoch;
  }

  /** Whose turn it is. */
  #index(epoch: number): number {
    return this.state._milestones.filter((at) => at <= epoch).length;
  }

  #at(epoch: number): LRScheduler {
    return this.schedulers[this.#index(epoch)]!;
  }

  step(): void {
    const { state } = this;
    state.last_epoch++;
    const scheduler = this.#at(state.last_epoch);
    const starts = state._milestones[this.#index(state.last_epoch) - 1] === state.last_epoch;
    if (starts && scheduler instanceof EpochScheduler) scheduler.update(0);
    else scheduler.step();
    state._last_lr = scheduler.getLastLr();
  }
}

export interface ChainedSchedulerOptions {
  readonly schedulers: readonly LRScheduler[];
}

/** All of some schedules at every step, one upon the other. https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ChainedScheduler.html */
export class ChainedScheduler extends NestedScheduler<{ _last_lr: number[] }> {
  constructor(optimizer: Optimizer, options: ChainedSchedulerOptions) {
    const who = 'ChainedScheduler';
    const given = checkOptions(who, { schedulers }, options);
    if (given.schedulers.length < 1)
      throw new ArgError(
        `${who}.schedulers: ${who} expects at least one scheduler to be chained, but got no scheduler.`,
      );
    super(who, optimizer, given.schedulers, { _last_lr: [] });
    this.state._last_lr = this.lrs();
  }

  step(): void {
    for (const scheduler of this.schedulers) scheduler.step();
    this.state._last_lr = this.lrs();
  }
}
