/** The argument table of a layer: one writing gives the constructor's type, the check, the defaults and the repr. */
import * as z from 'zod';
import { ArgError, type Issue } from '../util/errors.ts';
import { python, show } from '../util/python.ts';
import { didYouMean } from '../util/suggest.ts';
import { Module, typeName } from './module.ts';

export { python, pythonFloat, show } from '../util/python.ts';
export * from './options.ts';

/** The sizes of `n` dimensions from one number or a list. */
export function tuple(value: number | readonly number[], n: number): number[] {
  return typeof value === 'number' ? new Array<number>(n).fill(value) : [...value];
}

type Table = z.ZodRawShape;
export type ArgsOf<T extends Table> = z.infer<z.ZodObject<T>>;
type OptionsOf<T extends Table> = z.input<z.ZodObject<T>>;
type Given<T extends Table> =
  Record<string, never> extends OptionsOf<T> ? [options?: OptionsOf<T>] : [options: OptionsOf<T>];

/** What a class made by `layer` has besides: its table. */
export interface LayerClass {
  readonly table: Table;
  readonly name: string;
}

/**
 * What `layer` returns, and with `Own` what a family of layers adds. It is spelled out because a declaration file cannot show
 * the private members of a class without a name.
 */
export type LayerBase<T extends Table, Own = unknown> = LayerClass &
  (abstract new (
    ...given: Given<T>
  ) => Module & { readonly args: ArgsOf<T> } & Own);

/** Base class of a layer with the given arguments, in PyTorch's order; `shown`: those its repr shows, all unless given. */
export function layer<T extends Table>(table: T, shown: readonly string[] = Object.keys(table)): LayerBase<T> {
  const schema = z.strictObject(table);
  abstract class Layer extends Module {
    static readonly table: Table = table;
    override readonly args: ArgsOf<T>;

    constructor(...[options]: Given<T>) {
      super();
      this.args = parseArgs(typeName(new.target), schema, options ?? {}) as ArgsOf<T>;
    }

    override extraRepr(): string {
      return showArgs(this.args, shown, table);
    }
  }
  return Layer;
}

/** Check options against a table. Throws an ArgError that names the first thing wrong. */
export function parseArgs(who: string, schema: z.ZodObject, options: unknown): Record<string, unknown> {
  const result = schema.safeParse(options);
  if (result.success) return result.data;
  const issues = argIssues(schema, options, result.error) as [Issue, ...Issue[]];
  // a name misspelt is missing too, and the right one is named where the wrong one is
  const { path, message } = issues.find((issue) => issue.path && !(issue.path in schema.shape)) ?? issues[0];
  throw new ArgError(`${who}${path ? `.${path}` : ''}: ${message}`);
}

/** What is wrong with options, in our words. */
export function argIssues(schema: z.ZodObject, options: unknown, error: z.ZodError): Issue[] {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    return [{ path: '', message: `expected options by name, got ${show(options)}` }];
  }
  const names = Object.keys(schema.shape);
  const values = options as Record<string, unknown>;
  const found: Issue[] = [];
  for (const issue of error.issues) {
    if (issue.code === 'unrecognized_keys' && issue.path.length === 0) {
      for (const key of issue.keys) {
        const known = names.length > 0 ? `its options are ${names.join(', ')}` : 'it has no options';
        found.push({ path: key, message: `unknown option${didYouMean(key, names)}; ${known}` });
      }
      continue;
    }
    const key = String(issue.path[0]);
    const expected = (schema.shape[key] as z.ZodType | undefined)?.description ?? 'another value';
    const message = Object.hasOwn(values, key)
      ? issue.code === 'custom'
        ? issue.message
        : `expected ${expected}, got ${show(values[key])}`
      : `missing required argument (${expected})`;
    if (!found.some((f) => f.path === key)) found.push({ path: key, message });
  }
  return found;
}

/** `name=value` for the named arguments, as Python's repr. */
export function showArgs(args: object, names: readonly string[], table: Table = {}): string {
  const values = args as Record<string, unknown>;
  return names
    .map((name) => `${name}=${python(values[name], (table[name] as z.ZodType | undefined)?.meta()?.float === true)}`)
    .join(', ');
}
