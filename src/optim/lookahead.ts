import type { TypedArray } from '../tensor/dtype.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { ArgError, TorcharcError } from '../util/errors.ts';
import { show } from '../util/python.ts';
import {
  type Floats,
  type GroupOptions,
  type GroupSpec,
  Optimizer,
  type OptimizerState,
  type ParamGroup,
  type ParamState,
} from './optimizer.ts';
import { bounded, checkOptions, positiveInt } from './options.ts';

export interface LookaheadOptions {
  readonly k?: number;
  readonly step_size?: number;
}
const rules = {
  k: positiveInt(5),
  step_size: bounded('a number between 0 and 1', (v) => v >= 0 && v <= 1)(0.5),
};
type Slow = { slow_param: Floats; slow_step: number };

/**
 * Another optimizer takes k steps θ forward, then slow weights φ follow, φ = φ + step_size (θ - φ), and θ = φ.
 * Zhang et al., Lookahead Optimizer: k steps forward, 1 step back, https://arxiv.org/abs/1907.08610
 *
 * Slow weights start from what the parameters are at the first step. Groups, learning rates and so schedules are the other
 * optimizer's; its state dict has `slow_param` and `slow_step` besides that one's state.
 */
export class Lookahead extends Optimizer {
  readonly optimizer: Optimizer;
  override readonly paramGroups: ParamGroup[];
  override readonly defaults: GroupOptions;
  readonly #slow = new Map<Tensor, Slow>();
  readonly #options: Required<LookaheadOptions>;

  constructor(optimizer: Optimizer, options: LookaheadOptions = {}) {
    if (!(optimizer instanceof Optimizer))
      throw new ArgError(`Lookahead.optimizer: ${show(optimizer)} is not an Optimizer`);
    super('Lookahead', rules, null, options);
    this.#options = checkOptions('Lookahead', rules, options);
    this.optimizer = optimizer;
    this.paramGroups = optimizer.paramGroups;
    this.defaults = optimizer.defaults;
    optimizer.hooks.push({
      before: (params, arrays) => this.#start(params, arrays),
      after: (params, arrays) => this.#follow(params, arrays),
    });
  }

  override addParamGroup(group: GroupSpec): void {
    this.optimizer.addParamGroup(group);
  }

  step<T extends Tensor | undefined = undefined>(closure?: () => T | Promise<T>): Promise<T> {
    return this.optimizer.step(closure);
  }

  #start(params: readonly Tensor[], arrays: readonly TypedArray[]): void {
    params.forEach((p, i) => {
      if (!this.#slow.has(p)) this.#slow.set(p, { slow_param: arrays[i]!.slice() as Floats, slow_step: 0 });
    });
  }

  #follow(params: readonly Tensor[], arrays: readonly TypedArray[]): void {
    const { k, step_size } = this.#options;
    params.forEach((p, i) => {
      const slow = this.#slow.get(p)!;
      slow.slow_step++;
      if (slow.slow_step % k !== 0) return;
      const [fast, phi] = [arrays[i] as Floats, slow.slow_param];
      for (let j = 0; j < phi.length; j++) phi[j]! += step_size * (fast[j]! - phi[j]!);
      fast.set(phi);
    });
  }

  override stateDict(): OptimizerState {
    const { state, param_groups } = this.optimizer.stateDict();
    const all: Record<number, ParamState> = { ...state };
    this.params().forEach((p, i) => {
      const slow = this.#slow.get(p);
      if (slow) all[i] = { ...state[i], slow_param: slow.slow_param.slice() as Floats, slow_step: slow.slow_step };
    });
    return { state: all, param_groups };
  }

  override loadStateDict({ state, param_groups }: OptimizerState): void {
    const inner: Record<number, ParamState> = {};
    const slow = new Map<Tensor, Slow>();
    const params = this.params();
    for (const [i, { slow_param, slow_step, ...rest }] of Object.entries(state)) {
      const p = params[Number(i)];
      if (Object.keys(rest).length > 0 || !p) inner[Number(i)] = rest;
      if (!p) continue;
      if (!slow_param || typeof slow_step !== 'number')
        throw new TorcharcError(`Lookahead: loaded state dict has no slow_param for parameter ${i}`);
      const array = slow_param as Floats;
      if (array.length !== this.stateSize(p))
        throw new TorcharcError(
          `Lookahead: loaded state dict has ${array.length} elements of slow_param for parameter ${i}, expected ${this.stateSize(p)}`,
        );
      slow.set(p, { slow_param: array.slice() as Floats, slow_step });
    }
    this.optimizer.loadStateDict({ state: inner, param_groups });
    this.#slow.clear();
    for (const [p, own] of slow) this.#slow.set(p, own);
  }

  override toString(): string {
    const { k, step_size } = this.#options;
    return `Lookahead (\n    k: ${k}\n    step_size: ${step_size}\n) of ${this.optimizer}`;
  }
}
