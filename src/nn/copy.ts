import { ArgError } from '../util/errors.ts';
import { Container, Dict } from './collection.ts';
import { Sequential } from './container.ts';
import { Buffer, Module, Parameter, typeName } from './module.ts';

/**
 * An independent module with the same state, as Python's `copy.deepcopy`: what is held twice is held twice by the copy too. No
 * constructor but a container's runs, so no random number is drawn; what a class keeps in `#private` fields is not copied.
 */
export function copyOf<M extends Module>(module: M): M {
  const copy = copied(module, new Map()) as M;
  const copies = copy.modules();
  // from the outside in, since a mode is set for all below
  for (const [i, original] of module.modules().entries()) copies[i]!.train(original.training);
  return copy;
}

/** Modules, their state and their options copied; anything else is shared. */
function copied(value: unknown, known: Map<object, object>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const before = known.get(value);
  if (before) return before;
  const keep = <T extends object>(made: T): T => {
    known.set(value, made);
    return made;
  };
  if (value instanceof Parameter) return keep(new Parameter(value, value.requiresGrad));
  if (value instanceof Buffer) return keep(new Buffer(value, value.persistent));
  if (!(value instanceof Module) && value.constructor !== Object) return value;
  const made: object = keep(value instanceof Module ? blank(value, known) : {});
  for (const [name, field] of Object.entries(value)) (made as Record<string, unknown>)[name] = copied(field, known);
  return made;
}

/** A module of the same class that has its entries, if it is a container, and no fields yet. */
function blank(module: Module, known: Map<object, object>): Module {
  const type = module.constructor as new (entries: unknown) => Module;
  if (module instanceof Container) {
    const held = [...module.entries()].map(([name, value]) => [name, copied(value, known)] as const);
    const named = module instanceof Dict || module instanceof Sequential;
    return new type(named ? held : held.map(([, value]) => value));
  }
  if ([...module.entries()].some(([name]) => !Object.hasOwn(module, name))) {
    throw new ArgError(`${typeName(type)}: expected its state in fields, to be copied`);
  }
  return Reflect.construct(Module, [], type) as Module;
}
