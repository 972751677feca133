/** What learning rate schedules share. Their state has PyTorch's names, so that state dicts go over. */
import { ArgError, TorcharcError } from '../../util/errors.ts';
import { show } from '../../util/python.ts';
import { Optimizer, type ParamGroup } from '../optimizer.ts';
import { integer } from '../options.ts';

/** What a state dict is made of. */
export type Plain = number | string | boolean | null | Plain[] | { [key: string]: Plain };
export type SchedulerState = { [key: string]: Plain };

/** Changes the learning rates of an optimizer's groups, each time it is stepped. */
export abstract class LRScheduler<State extends SchedulerState = SchedulerState> {
  readonly optimizer: Optimizer;
  protected readonly name: string;
  protected readonly state: State;

  constructor(name: string, optimizer: Optimizer, state: State) {
    this.name = name;
    this.optimizer = expectOptimizer(name, optimizer);
    this.state = state;
  }

  /** Go to the next epoch (or step, for schedules that count those). */
  abstract step(value?: number): void;

  /** The rates that were set last, one a group. */
  getLastLr(): number[] {
    return [...(this.state._last_lr as number[])];
  }

  /** Numbers, strings, booleans and null in lists and records, as PyTorch's `state_dict()` has them; functions are null. */
  stateDict(): SchedulerState {
    return copy(this.state);
  }

  /** Take over what `stateDict` of a schedule with the same options gave. The rates themselves are the optimizer's state. */
  loadStateDict(state: SchedulerState): void {
    const own = Object.keys(this.stateDict());
    const missing = own.find((key) => !Object.hasOwn(state, key));
    if (missing) throw new TorcharcError(`${this.name}: loaded state dict has no ${missing}`);
    const stray = Object.keys(state).find((key) => !own.includes(key));
    if (stray) throw new TorcharcError(`${this.name}: loaded state dict has ${stray}, which this scheduler has not`);
    Object.assign(this.state, copy(this.kept(state)));
  }

  /** The part of a state dict that is `state`'s. */
  protected kept(state: SchedulerState): SchedulerState {
    return state;
  }

  protected get groups(): ParamGroup[] {
    return this.optimizer.paramGroups;
  }

  protected lrs(): number[] {
    return this.groups.map(({ lr }) => lr);
  }

  /** The first step, or the first again when a `SequentialLR` takes over. @internal */
  begin(): void {
    this.step();
  }

  /** Take the first step back, of the count alone. @internal */
  undo(): void {}
}

function copy<T extends Plain>(value: T): T {
  const of = (v: Plain): Plain => {
    if (Array.isArray(v)) return v.map(of);
    if (typeof v !== 'object' || v === null) return v;
    return Object.fromEntries(Object.entries(v).map(([key, entry]) => [key, of(entry)]));
  };
  return of(value) as T;
}

/** A value for each group: a list of as many, or one for all. */
export function perGroupOf(
  who: string,
  name: string,
  optimizer: Optimizer,
  value: number | readonly number[],
): number[] {
  const { length } = optimizer.paramGroups;
  if (typeof value === 'number') return new Array<number>(length).fill(value);
  if (value.length !== length) {
    throw new ArgError(
      `${who}.${name}: ${name} must have the same length as optimizer.param_groups. ${name} has ${value.length} values, param_groups has ${length}.`,
    );
  }
  return [...value];
}

export function expectOptimizer(who: string, optimizer: unknown): Optimizer {
  if (!(optimizer instanceof Optimizer)) throw new ArgError(`${who}: ${show(optimizer)} is not an Optimizer`);
  return optimizer;
}

/** The epoch that was last, when a schedule goes on; PyTorch's option of all schedules. */
export const lastEpoch = integer(-1);

type Counted = {
  base_lrs: number[];
  last_epoch: number;
  _step_count: number;
  _is_initial: boolean;
  _get_lr_called_within_step: boolean;
  _last_lr: number[];
};

/** A schedule whose rates follow from the epoch, or from the rates before. Constructors end with `begin`. */
export abstract class EpochScheduler<Own extends SchedulerState = SchedulerState> extends LRScheduler<Own & Counted> {
  constructor(name: string, optimizer: Optimizer, own: Own, last_epoch: number) {
    for (const [i, group] of expectOptimizer(name, optimizer).paramGroups.entries()) {
      if (last_epoch === -1) group.initial_lr ??= group.lr;
      else if (group.initial_lr === undefined)
        throw new ArgError(
          `${name}.last_epoch: param 'initial_lr' is not specified in param_groups[${i}] when resuming scheduler with last_epoch >= 0`,
        );
    }
    super(name, optimizer, {
      ...own,
      base_lrs: optimizer.paramGroups.map((group) => group.initial_lr as number),
      last_epoch,
      _step_count: 0,
      _is_initial: false,
      // PyTorch's own, for a warning
      _get_lr_called_within_step: false,
      _last_lr: [],
    });
  }

  /** The epoch the rates are for. */
  get lastEpoch(): number {
    return this.state.last_epoch;
  }

  /** The groups' rates for `last_epoch`, which may follow from those they have. */
  protected abstract rates(): number[];

  /** The rates for `last_epoch` without regard to those before; null where there is no such form. */
  protected closedForm(): number[] | null {
    return null;
  }

  /** Go to the next epoch, or to a given one. */
  step(epoch?: number): void {
    this.state._step_count++;
    this.update(epoch);
  }

  /** @internal */
  update(epoch?: number): void {
    const { state } = this;
    state.last_epoch = epoch ?? state.last_epoch + 1;
    this.set(epoch === undefined ? this.rates() : (this.closedForm() ?? this.rates()));
  }

  protected set(rates: readonly number[]): void {
    this.groups.forEach((group, i) => {
      group.lr = rates[i]!;
    });
    this.state._last_lr = this.lrs();
  }

  override begin(): void {
    this.state._step_count = 0;
    this.state._is_initial = true;
    this.step();
    this.state._is_initial = false;
  }

  override undo(): void {
    this.state.last_epoch--;
  }
}
