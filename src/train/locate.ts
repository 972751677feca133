import { type Module, typeName } from '../nn/module.ts';
import { watching } from '../nn/watch.ts';
import { ShapeError } from '../util/errors.ts';

/** Run `body`; a shape error thrown in a module's `forward` meanwhile says which module, the innermost. */
export function locating<T>(model: Module, body: () => T): T {
  const names = new Map(model.namedModules().map(([name, module]) => [module, name]));
  names.delete(model);
  return watching(
    [...names.keys()],
    (forward, module) =>
      (...inputs) => {
        try {
          return forward(...inputs);
        } catch (e) {
          if (!(e instanceof ShapeError) || located.has(e)) throw e;
          const told = new ShapeError(`${names.get(module)} (${typeName(module.constructor)}): ${e.message}`, {
            cause: e,
          });
          located.add(told);
          throw told;
        }
      },
    body,
  );
}

const located = new WeakSet<Error>();
