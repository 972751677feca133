import type { Module } from '../nn/module.ts';
import { typeName } from '../nn/module.ts';
import { ShapeError } from '../util/errors.ts';

/** Run `body`; a shape error thrown in a module's `forward` meanwhile says which module, the innermost. */
export function locating<T>(model: Module, body: () => T): T {
  const modules = model.namedModules().filter(([name]) => name !== '');
  const own = modules.map(([, module]) => Object.getOwnPropertyDescriptor(module, 'forward'));
  for (const [name, module] of modules) {
    const forward = module.forward as (...inputs: unknown[]) => unknown;
    const value = (...inputs: unknown[]): unknown => {
      try {
        return forward.apply(module, inputs);
      } catch (e) {
        if (!(e instanceof ShapeError) || located.has(e)) throw e;
        const told = new ShapeError(`${name} (${typeName(module.constructor)}): ${e.message}`, { cause: e });
        located.add(told);
        throw told;
      }
    };
    Object.defineProperty(module, 'forward', { configurable: true, value });
  }
  try {
    return body();
  } finally {
    modules.forEach(([, module], i) => {
      const before = own[i];
      if (before) Object.defineProperty(module, 'forward', before);
      else delete (module as { forward?: unknown }).forward;
    });
  }
}

const located = new WeakSet<Error>();
