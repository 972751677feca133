/** `init` of an arc: an init function for every weight below a module. */
import { show } from '../nn/args.ts';
import { inits } from '../nn/init.ts';
import { type Module, Parameter } from '../nn/module.ts';
import { type Issue, TorcharcError } from '../util/errors.ts';
import { didYouMean } from '../util/suggest.ts';

const applied = new WeakMap<Module, unknown>();

/** The init that was applied to a module, if one was. */
export function initOf(module: Module): unknown {
  return applied.get(module);
}

/** Apply `init: name` or `init: {type: name, ...options}`; biases keep their default. Returns what is wrong. */
export function applyInit(module: Module, spec: unknown): Issue[] {
  const { type, ...options } = typeof spec === 'string' ? { type: spec } : ((spec ?? {}) as Record<string, unknown>);
  if (typeof spec !== 'string' && (typeof spec !== 'object' || spec === null || Array.isArray(spec))) {
    return [
      { path: '', message: `expected the name of an init function or a record with its type, got ${show(spec)}` },
    ];
  }
  if (typeof type !== 'string')
    return [{ path: 'type', message: 'missing required argument (the name of an init function)' }];
  const init = Object.hasOwn(inits, type) ? inits[type] : undefined;
  if (!init) {
    const words = Object.keys(inits);
    return [
      {
        path: typeof spec === 'string' ? '' : 'type',
        message: `unknown init ${show(type)}${didYouMean(type, words)}; there are ${words.join(', ')}`,
      },
    ];
  }
  const unknown = Object.keys(options).filter((key) => !init.options.includes(key));
  if (unknown.length > 0) {
    const known = init.options.length > 0 ? `its options are ${init.options.join(', ')}` : 'it has none';
    return unknown.map((key) => ({
      path: key,
      message: `unknown option of ${type}${didYouMean(key, init.options)}; ${known}`,
    }));
  }
  try {
    module.apply((m) => {
      const weight = (m as { weight?: unknown }).weight;
      if (!(weight instanceof Parameter)) return;
      // functions of matrices pass over gammas and slopes
      if (weight.ndim < 2 && init.leastDims >= 2) return;
      init.fn(weight, options);
    });
  } catch (error) {
    if (error instanceof TorcharcError) return [{ path: '', message: error.message }];
    throw error;
  }
  applied.set(module, spec);
  return [];
}
