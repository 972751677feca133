import type { Module } from './module.ts';

type Forward = (...inputs: unknown[]) => unknown;

/** Run `body` while the `forward` of each of the modules is what `around` makes of it. */
export function watching<T>(
  modules: readonly Module[],
  around: (forward: Forward, module: Module) => Forward,
  body: () => T,
): T {
  const own = modules.map((module) => Object.getOwnPropertyDescriptor(module, 'forward'));
  try {
    for (const module of modules) {
      const value = around((module.forward as Forward).bind(module), module);
      Object.defineProperty(module, 'forward', { configurable: true, value });
    }
    return body();
  } finally {
    modules.forEach((module, i) => {
      const before = own[i];
      if (before) Object.defineProperty(module, 'forward', before);
      else delete (module as { forward?: unknown }).forward;
    });
  }
}
