/** Functions called before and after a module's forward pass. */
import type { Module } from './module.ts';

/** Called before a forward pass; inputs it returns, an array or a lone one, take the place of those given. */
export type ForwardPreHook = (module: Module, inputs: readonly unknown[]) => unknown;
/** Called after a forward pass; what it returns, unless nothing, takes the place of the output. */
export type ForwardHook = (module: Module, inputs: readonly unknown[], output: unknown) => unknown;

/** How a hook is taken off again. */
export interface HookHandle {
  remove(): void;
}

interface Hooks {
  readonly before: Map<object, ForwardPreHook>;
  readonly after: Map<object, ForwardHook>;
}
const known = new WeakMap<Module, Hooks>();

type Forward = (this: Module, ...inputs: readonly unknown[]) => unknown;

/** Its hooks. The first time they are asked for, its `forward` is made to call them. */
function hooksOf(module: Module): Hooks {
  const before = known.get(module);
  if (before) return before;
  const hooks: Hooks = { before: new Map(), after: new Map() };
  known.set(module, hooks);
  const own = Object.getOwnPropertyDescriptor(module, 'forward')?.value as Forward | undefined;
  const forward = (...given: unknown[]) => {
    const inputs = [...hooks.before.values()].reduce<readonly unknown[]>((xs, hook) => {
      const result = hook(module, xs);
      return result === undefined ? xs : Array.isArray(result) ? result : [result];
    }, given);
    // looked up at each call: a lazy module changes its class
    const plain = own ?? ((Object.getPrototypeOf(module) as Module).forward as Forward);
    return [...hooks.after.values()].reduce<unknown>(
      (output, hook) => {
        const result = hook(module, inputs, output);
        return result === undefined ? output : result;
      },
      plain.call(module, ...inputs),
    );
  };
  // not enumerable: it is no state
  Object.defineProperty(module, 'forward', { configurable: true, writable: true, value: forward });
  return hooks;
}

function add<H>(hooks: Map<object, H>, hook: H): HookHandle {
  const handle = { remove: () => void hooks.delete(handle) };
  hooks.set(handle, hook);
  return handle;
}

export const addPreHook = (module: Module, hook: ForwardPreHook): HookHandle => add(hooksOf(module).before, hook);
export const addHook = (module: Module, hook: ForwardHook): HookHandle => add(hooksOf(module).after, hook);
