/** Parts of a model that are specs themselves. */
import { show } from '../../nn/args.ts';
import type { Module } from '../../nn/module.ts';
import type { Issue } from '../../util/errors.ts';
import { didYouMean } from '../../util/suggest.ts';
import { construct, type ModuleClass } from '../construct.ts';

/**
 * A part from its spec `{type, ...options}`, of the given types; `sizes` are options that follow from the rest of the model. Reports what
 * is wrong, with paths below `path`, and returns null then.
 */
export function part<M extends Module>(
  issues: Issue[],
  path: string,
  spec: unknown,
  types: Readonly<Record<string, new (options: never) => M>>,
  sizes: Readonly<Record<string, unknown>>,
): M | null {
  const names = Object.keys(types);
  const expected = `one of ${names.join(', ')}`;
  if (typeof spec !== 'object' || spec === null || Array.isArray(spec)) {
    const got = spec === undefined ? 'nothing' : show(spec);
    issues.push({ path, message: `expected a record with 'type', ${expected}, got ${got}` });
    return null;
  }
  const { type: name, ...options } = spec as Record<string, unknown>;
  if (typeof name !== 'string' || !Object.hasOwn(types, name)) {
    const near = typeof name === 'string' ? didYouMean(name, names) : '';
    issues.push({ path: `${path}.type`, message: `expected ${expected}, got ${show(name)}${near}` });
    return null;
  }
  for (const key of Object.keys(sizes).filter((size) => Object.hasOwn(options, size))) {
    issues.push({ path: `${path}.${key}`, message: 'follows from the rest of the model; leave it out' });
  }
  const made = construct(types[name] as unknown as ModuleClass, { ...options, ...sizes });
  if (!Array.isArray(made)) return made as M;
  for (const { path: inner, message } of made) issues.push({ path: inner ? `${path}.${inner}` : path, message });
  return null;
}
