/** Kinds of options, for the argument table of a layer. Each is a zod schema with a description, which errors and docs show. */
import * as z from 'zod';

/** A schema and what its values are, in the words of errors and documentation. */
function described<T extends z.ZodType>(schema: T, description: string, more: object = {}): T {
  return schema.meta({ description, ...more }) as T;
}

/** A non-negative integer (or at least `min`). */
export function int(fallback?: undefined, min?: number): z.ZodNumber;
export function int(fallback: number, min?: number): z.ZodDefault<z.ZodNumber>;
export function int(fallback?: number, min = 0): z.ZodNumber | z.ZodDefault<z.ZodNumber> {
  const text = min === 0 ? 'a non-negative integer' : min === 1 ? 'a positive integer' : 'an integer';
  const schema: z.ZodNumber = described(z.int().min(min), text);
  return fallback === undefined ? schema : described(schema.default(fallback), text);
}

/** More layers of one module would be a mistake. */
const MOST_LAYERS = 1000;

/** A number of layers that a module makes: of non-negative integers (or at least `min`), no more than 1000. */
export function count(fallback?: undefined, min?: number): z.ZodNumber;
export function count(fallback: number, min?: number): z.ZodDefault<z.ZodNumber>;
export function count(fallback?: number, min = 0): z.ZodNumber | z.ZodDefault<z.ZodNumber> {
  const text = `an integer from ${min} to ${MOST_LAYERS}`;
  const schema: z.ZodNumber = described(z.int().min(min).max(MOST_LAYERS), text);
  return fallback === undefined ? schema : described(schema.default(fallback), text);
}

/** A number that Python prints as a float: 1 as `1.0`. */
export function float(fallback: number, { min, max }: { min?: number; max?: number } = {}): z.ZodDefault<z.ZodNumber> {
  let schema = z.number();
  if (min !== undefined) schema = schema.min(min);
  if (max !== undefined) schema = schema.max(max);
  const range = min === undefined ? '' : max === undefined ? ` of at least ${min}` : ` between ${min} and ${max}`;
  return described(schema.default(fallback), `a number${range}`, { float: true });
}

type Real = z.ZodUnion<[z.ZodNumber, z.ZodLiteral<number>]>;

/** A number that may be infinite. */
export function real(fallback?: undefined): Real;
export function real(fallback: number): z.ZodDefault<Real>;
export function real(fallback?: number): Real | z.ZodDefault<Real> {
  const schema: Real = described(
    z.union([z.number(), z.literal([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])]),
    'a number',
  );
  return fallback === undefined ? schema : described(schema.default(fallback), 'a number');
}

/** True or false. */
export function bool(fallback: boolean): z.ZodDefault<z.ZodBoolean> {
  return described(z.boolean().default(fallback), 'true or false');
}

/** One of some words. */
export function choice<const T extends readonly [string, ...string[]]>(options: T, fallback: T[number]) {
  const text = `one of ${options.map((o) => `'${o}'`).join(', ')}`;
  return described((z.enum(options) as z.ZodType<T[number], T[number]>).default(fallback as never), text);
}

type Sizes = z.ZodUnion<[z.ZodNumber, z.ZodArray<z.ZodNumber>]>;

/** An integer, or one for each of `n` dimensions. */
export function size(n: number, fallback?: undefined, min?: number): Sizes;
export function size(n: number, fallback: number, min?: number): z.ZodDefault<Sizes>;
export function size(n: number, fallback?: number, min = 1): Sizes | z.ZodDefault<Sizes> {
  const kind = min === 1 ? 'a positive integer' : 'a non-negative integer';
  const text = `${kind} or ${n === 1 ? 'a list of one' : `a list of ${n}`}`;
  const schema: Sizes = described(z.union([z.int().min(min), z.array(z.int().min(min)).length(n)]), text);
  return fallback === undefined ? schema : described(schema.default(fallback), text);
}

/** A value, or null. */
export function optional<T extends z.ZodType>(schema: T, text?: string) {
  return described(schema.nullable().default(null), `${text ?? schema.description ?? 'a value'} or null`);
}
