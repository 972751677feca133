/** Modules from their classes and options. */
import * as z from 'zod';
import { argIssues, type LayerClass } from '../nn/args.ts';
import { Identity } from '../nn/linear.ts';
import { type Module, typeName } from '../nn/module.ts';
import type { Shape } from '../tensor/shape.ts';
import { ArcError, type Issue, TorcharcError } from '../util/errors.ts';

/** A class that an arc may name; `inferred` are options that follow from the input in a DAG. */
export type ModuleClass = (new (
  options?: never,
) => Module) &
  Partial<LayerClass> & { readonly inferred?: Readonly<Record<string, (shape: Shape) => unknown>> };

/** The options of modules whose classes have no table to keep them by. */
const given = new WeakMap<Module, Readonly<Record<string, unknown>>>();

/** The options a module has by its table, or was built with; null where neither is known. */
export function optionsOf(module: Module): Readonly<Record<string, unknown>> | null {
  const { table } = module.constructor as unknown as ModuleClass;
  const entries = Object.entries(module.args).filter(([key]) => !table || Object.hasOwn(table, key));
  if (table || entries.length > 0) return Object.fromEntries(entries);
  const none = module.constructor.length === 0 || module instanceof Identity;
  return given.get(module) ?? (none ? {} : null);
}

/** Build a module, or say everything that is wrong with its options. */
export function construct(type: ModuleClass, options: Record<string, unknown>): Module | Issue[] {
  if (type.table) {
    const schema = z.strictObject(type.table);
    const { error } = schema.safeParse(options);
    if (error) return argIssues(schema, options, error);
  }
  try {
    const module = new type(options as never);
    if (!type.table) given.set(module, options);
    return module;
  } catch (error) {
    if (error instanceof ArcError) return [...error.issues];
    if (error instanceof TorcharcError) return [placed(typeName(type), error.message)];
    throw error;
  }
}

/** An error of the class's own, `Name.option: …`, at that option. */
function placed(name: string, message: string): Issue {
  const [, path, rest] = new RegExp(`^${name}\\.(\\w+): (.*)$`, 's').exec(message) ?? [];
  return path && rest ? { path, message: rest } : { path: '', message };
}
