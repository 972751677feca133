/** The module types an arc may name. */
import * as z from 'zod';
import { argIssues, type LayerClass, show } from '../nn/args.ts';
import * as nn from '../nn/index.ts';
import { Module, nameType } from '../nn/module.ts';
import { ArgError, type Issue, TorcharcError } from '../util/errors.ts';
import { didYouMean } from '../util/suggest.ts';
import { ConcatMerge, FiLMMerge, ReuseFork, SplitFork } from './fork-merge.ts';

export type ModuleClass = (new (options?: never) => Module) & Partial<LayerClass>;

/** Those that hold modules, which a type name and options cannot say. */
const holders = new Set<string>(['Sequential', 'ModuleDict']);

const types = new Map<string, ModuleClass>();
for (const [name, type] of Object.entries(nn)) {
  const isModule = typeof type === 'function' && type.prototype instanceof Module;
  if (isModule && !holders.has(name)) types.set(name, type as unknown as ModuleClass);
}
for (const [name, type] of Object.entries({ ConcatMerge, FiLMMerge, ReuseFork, SplitFork })) {
  nameType(type, name);
  types.set(name, type as unknown as ModuleClass);
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
}

/** The class of a type name, or what is wrong with it. */
export function moduleType(name: unknown): ModuleClass | Issue {
  if (typeof name !== 'string')
    return { path: 'type', message: `expected the name of a module type, got ${show(name)}` };
  if (holders.has(name)) return { path: 'type', message: `${name} holds modules and cannot be named in an arc` };
  return types.get(name) ?? { path: 'type', message: `unknown module type '${name}'${didYouMean(name, types.keys())}` };
}

/** Build a module, or say everything that is wrong with its options. */
export function construct(type: ModuleClass, options: Record<string, unknown>): Module | Issue[] {
  if (type.table) {
    const schema = z.strictObject(type.table);
    const { error } = schema.safeParse(options);
    if (error) return argIssues(schema, options, error);
  }
  try {
    return new type(options as never);
  } catch (error) {
    if (error instanceof TorcharcError) return [{ path: '', message: error.message }];
    throw error;
  }
}
