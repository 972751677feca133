/** The module types an arc may name. */
import { show } from '../nn/args.ts';
import * as nn from '../nn/index.ts';
import { Module, nameType } from '../nn/module.ts';
import { ArgError, type Issue } from '../util/errors.ts';
import { didYouMean } from '../util/suggest.ts';
import type { ModuleClass } from './construct.ts';
import { ConcatMerge, FiLMMerge, ReuseFork, SplitFork } from './fork-merge.ts';
import * as graphModules from './graph-modules.ts';
import { Perceiver } from './modules/perceiver.ts';
import { PTTSTransformer, TSTransformer } from './modules/ts-transformer.ts';

export { construct, type ModuleClass } from './construct.ts';

/** Those that hold modules, which a type name and options cannot say. */
const holders = new Set(['Sequential', 'ModuleList', 'ModuleDict', 'ParameterList', 'ParameterDict']);

const types = new Map<string, ModuleClass>();
for (const [name, type] of Object.entries(nn)) {
  const isModule = typeof type === 'function' && type.prototype instanceof Module;
  if (isModule && !holders.has(name)) types.set(name, type as unknown as ModuleClass);
}
const own = {
  ...graphModules,
  ConcatMerge,
  FiLMMerge,
  Perceiver,
  PTTSTransformer,
  ReuseFork,
  SplitFork,
  TSTransformer,
};
for (const [name, type] of Object.entries(own)) {
  nameType(type, name);
  types.set(name, type as unknown as ModuleClass);
}

/** Classes of which only their authors know how many inputs they take. */
const registered = new Set<unknown>();

/** Whether a module is of a class that `registerModule` was given. */
export function isRegistered(module: Module): boolean {
  return registered.has(module.constructor);
}

/** Make a module class of your own nameable in arcs; its constructor gets the options of the spec as one record. */
export function registerModule(name: string, type: new (options: never) => Module): void {
  if (!/^[A-Za-z_]\w*$/.test(name))
    throw new ArgError(`registerModule: expected a name of letters, digits and _, got ${show(name)}`);
  if (typeof type !== 'function' || !(type.prototype instanceof Module)) {
    throw new ArgError(`registerModule: expected a class that extends Module for '${name}', got ${show(type)}`);
  }
  const known = types.get(name);
  if (known && known !== (type as unknown)) throw new ArgError(`registerModule: the type '${name}' exists already`);
  nameType(type, name);
  types.set(name, type as unknown as ModuleClass);
  registered.add(type);
}

/** Every type an arc may name. */
export function moduleTypes(): ReadonlyMap<string, ModuleClass> {
  return types;
}

/** The class of a type name, or what is wrong with it. */
export function moduleType(name: unknown): ModuleClass | Issue {
  if (typeof name !== 'string')
    return { path: 'type', message: `expected the name of a module type, got ${show(name)}` };
  if (holders.has(name)) return { path: 'type', message: `${name} holds modules and cannot be named in an arc` };
  return (
    types.get(name) ?? { path: 'type', message: `unknown module type ${show(name)}${didYouMean(name, types.keys())}` }
  );
}
