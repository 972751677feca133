/** Several optimizers as one: each has parameters of its own, as Muon the matrices and AdamW the others. */
import { ArgError } from '../util/errors.ts';
import { afterClosure } from './in-place.ts';
import { LBFGS } from './lbfgs.ts';
import { type GroupOptions, Optimizer, type OptimizerState, type ParamGroup, type ParamState } from './optimizer.ts';

/** Steps them all; groups, and so learning rates, are theirs, one after the other, and so is the state. */
export class Combined extends Optimizer {
  override readonly paramGroups: ParamGroup[];
  override readonly defaults: GroupOptions;
  readonly #parts: readonly Optimizer[];

  constructor(parts: readonly Optimizer[]) {
    super('Combined', {}, null, {});
    if (parts.some((part) => part instanceof LBFGS))
      throw new ArgError(
        'LBFGS: evaluates the loss several times a step, so it cannot be combined with other optimizers',
      );
    this.#parts = parts;
    this.paramGroups = parts.flatMap(({ paramGroups }) => paramGroups);
    this.defaults = Object.assign({}, ...parts.map(({ defaults }) => defaults));
    for (const part of parts) {
      part.hooks.push({
        before: (params, arrays) => {
          for (const hook of this.hooks) hook.before(params, arrays);
        },
        after: (params, arrays) => {
          for (const hook of this.hooks) hook.after(params, arrays);
        },
      });
    }
  }

  override addParamGroup(): void {
    throw new ArgError('Combined.addParamGroup: add it to one of the optimizers before they are combined');
  }

  step<T>(closure?: () => T | Promise<T>): Promise<T> {
    return afterClosure(closure, (loss) => Promise.all(this.#parts.map((part) => part.step())).then(() => loss));
  }

  override stateDict(): OptimizerState {
    const state: Record<number, ParamState> = {};
    const param_groups: GroupOptions[] = [];
    let first = 0;
    for (const part of this.#parts) {
      const own = part.stateDict();
      for (const [i, values] of Object.entries(own.state)) state[first + Number(i)] = values;
      for (const { params, ...options } of own.param_groups)
        param_groups.push({ ...options, params: (params as number[]).map((i) => first + i) });
      first += size(part);
    }
    return { state, param_groups };
  }

  override loadStateDict({ state, param_groups }: OptimizerState): void {
    const before = this.#parts.map((part) => part.stateDict());
    const load = (states: readonly OptimizerState[]) => {
      this.#parts.forEach((part, i) => {
        part.loadStateDict(states[i]!);
      });
    };
    let [first, group] = [0, 0];
    const loaded = this.#parts.map((part, i) => {
      const last = i === this.#parts.length - 1;
      const [from, end] = [first, last ? Infinity : first + size(part)];
      const groups = param_groups.slice(group, last ? undefined : group + part.paramGroups.length);
      first += size(part);
      group += part.paramGroups.length;
      const entries = Object.entries(state).flatMap(([key, values]): [number, ParamState][] =>
        from <= Number(key) && Number(key) < end ? [[Number(key) - from, values]] : [],
      );
      return { state: Object.fromEntries(entries), param_groups: groups };
    });
    try {
      load(loaded);
    } catch (error) {
      load(before);
      throw error;
    }
  }

  override toString(): string {
    return this.#parts.join('\n');
  }
}

function size({ paramGroups }: Optimizer): number {
  return paramGroups.reduce((sum, { params }) => sum + params.length, 0);
}
