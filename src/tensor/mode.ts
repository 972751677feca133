import { ArgError } from '../util/errors.ts';
import type { TypedArray } from './dtype.ts';
import type { Node, Tensor } from './tensor.ts';

/** What a running trace (`compile`) wants to hear about. */
export interface Trace {
  /** A state handle is about to get another node. */
  assigned(handle: Tensor): void;
  /** A handle's gradient is about to be read or replaced. */
  touchedGrad(handle: Tensor, before: Tensor | null): void;
  /** A leaf whose values the host draws on each replay. */
  drawn(node: Node, draw: () => TypedArray): void;
  /** Something the host does on each replay. */
  did(action: () => void): void;
  /** A value the traced code branched on; when it changes, the trace is made anew. */
  guard(read: () => unknown): void;
  /** An in-place update, to be carried out after each replay. */
  updated(update: HostUpdate): void;
}

/** An update of parameters on the host from values that a graph computes. */
export interface HostUpdate {
  /** The gradients, one per parameter. */
  readonly reads: readonly Node[];
  readonly writes: readonly Tensor[];
  /** Fix what the update depends on (learning rates), now; returns what changes the parameters' arrays in place, later. It may put another array in a parameter's place, and returns a promise only if it takes a run of its own. */
  begin(): (values: readonly TypedArray[], arrays: TypedArray[]) => void | Promise<void>;
}

/** Switches of the code that is running now. All of it is synchronous, so nothing can interleave. */
export const mode: {
  /** Record what gradients need. */
  grad: boolean;
  /** Only shapes are wanted: no random number is drawn, no state changes. */
  inferring: boolean;
  /** State is a snapshot (`freeze`): it is read, and never changed. */
  frozen: boolean;
  trace: Trace | null;
} = { grad: true, inferring: false, frozen: false, trace: null };

function within<T>(who: string, set: () => () => void, body: () => T): T {
  const restore = set();
  try {
    const result = body();
    if (result instanceof Promise) {
      // what it meets after its first await is of no interest to anybody
      result.catch(() => {});
      throw new ArgError(
        `${who}: expected a synchronous function, got one that returns a promise; await its results outside`,
      );
    }
    return result;
  } finally {
    restore();
  }
}

/** Run `body` without recording gradients; what it returns has `requiresGrad` false. As `torch.no_grad()`. */
export function noGrad<T>(body: () => T): T {
  return withGrad('noGrad', false, body);
}

/** Run `body` with gradients recorded, also inside `noGrad`. As `torch.enable_grad()`. */
export function enableGrad<T>(body: () => T): T {
  return withGrad('enableGrad', true, body);
}

function withGrad<T>(who: string, flag: boolean, body: () => T): T {
  return within(
    who,
    () => {
      const before = mode.grad;
      mode.grad = flag;
      return () => {
        mode.grad = before;
      };
    },
    body,
  );
}

/** Run `body` for the shapes of its results alone. */
export function inferring<T>(body: () => T): T {
  return within(
    'inferring',
    () => {
      const before = { ...mode };
      Object.assign(mode, { inferring: true, grad: false, trace: null });
      return () => {
        Object.assign(mode, before);
      };
    },
    body,
  );
}

/** Run `body` on a snapshot of state, without gradients. */
export function onSnapshot<T>(body: () => T): T {
  return within(
    'freeze',
    () => {
      const { grad, frozen } = mode;
      Object.assign(mode, { grad: false, frozen: true });
      return () => {
        Object.assign(mode, { grad, frozen });
      };
    },
    body,
  );
}

/** Run `body` under a trace. */
export function tracing<T>(trace: Trace | null, body: () => T): T {
  return within(
    'compile',
    () => {
      const before = mode.trace;
      mode.trace = trace;
      return () => {
        mode.trace = before;
      };
    },
    body,
  );
}
