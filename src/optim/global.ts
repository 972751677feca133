/** Optimizers whose state threads share, for Hogwild training: Recht et al., https://arxiv.org/abs/1106.5730 */
import { sharedCopy } from '../tensor/shared.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';
import { Adam, type AdamOptions } from './adam.ts';
import type { Floats, ParamState, Params } from './optimizer.ts';
import { RMSprop, type RMSpropOptions } from './rmsprop.ts';

/** State in shared memory: for each parameter the arrays by name, of one element where the state is a number. Can be posted to a thread. */
export type SharedState = readonly Readonly<Record<string, Floats>>[];

/**
 * Adam whose state is there from construction on, so that threads can share it: `shareMemory()` in one, `attach` in the others.
 * Threads do not wait for one another: an update may be lost to another's.
 */
export class GlobalAdam extends Adam {
  constructor(params: Params, options: AdamOptions = {}) {
    super(params, options, { name: 'GlobalAdam' });
    this.initAll();
  }

  /** Put the state into memory that threads share; what it returns can be posted to them. */
  shareMemory(): SharedState {
    return share(this.params(), this.state);
  }

  /** Use the state that the optimizer of another thread shares. */
  attach(shared: SharedState): void {
    attach('GlobalAdam', this.params(), this.state, shared);
  }
}

/** RMSprop whose state is there from construction on, shared as that of `GlobalAdam`. */
export class GlobalRMSprop extends RMSprop {
  constructor(params: Params, options: RMSpropOptions = {}) {
    super(params, options, 'GlobalRMSprop');
    this.initAll();
  }

  /** Put the state into memory that threads share; what it returns can be posted to them. */
  shareMemory(): SharedState {
    return share(this.params(), this.state);
  }

  /** Use the state that the optimizer of another thread shares. */
  attach(shared: SharedState): void {
    attach('GlobalRMSprop', this.params(), this.state, shared);
  }
}

function share(params: readonly Tensor[], states: ReadonlyMap<Tensor, ParamState>): SharedState {
  return params.map((p) => {
    const state = states.get(p)!;
    const arrays = Object.entries(state).map(([key, value]) => {
      const array = sharedCopy(typeof value === 'number' ? Float64Array.of(value) : (value as Floats));
      place(state, key, array);
      return [key, array] as const;
    });
    return Object.fromEntries(arrays);
  });
}

function attach(
  who: string,
  params: readonly Tensor[],
  states: ReadonlyMap<Tensor, ParamState>,
  shared: SharedState,
): void {
  const sizes = (state: Readonly<Record<string, unknown>>) =>
    Object.entries(state)
      .map(([key, value]) => `${key}[${typeof value === 'number' ? 1 : (value as Floats).length}]`)
      .join(', ');
  const own = params.map((p) => sizes(states.get(p)!));
  const given = shared.map(sizes);
  const at = own.findIndex((text, i) => text !== given[i]);
  if (at >= 0 || given.length !== own.length)
    throw new ArgError(
      `${who}.attach: expected the state of ${own.length} parameters as this one's, got ${given.length}${at >= 0 ? `; of parameter ${at} ${own[at]}, got ${given[at] ?? 'nothing'}` : ''}`,
    );
  params.forEach((p, i) => {
    for (const [key, array] of Object.entries(shared[i]!)) place(states.get(p)!, key, array);
  });
}

/** Make an array, or the number that it holds, part of a parameter's state. */
function place(state: ParamState, key: string, array: Floats): void {
  if (typeof state[key] !== 'number') {
    state[key] = array;
    return;
  }
  Object.defineProperty(state, key, {
    enumerable: true,
    configurable: true,
    get: () => array[0],
    set: (value: number) => {
      array[0] = value;
    },
  });
}
