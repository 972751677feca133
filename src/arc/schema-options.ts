/** JSON Schemas of single options, from their zod schemas. */
import * as z from 'zod';

export type JsonSchema = Readonly<Record<string, unknown>>;

/** What a file can say of an option. */
export function optionSchema(option: z.core.$ZodType): JsonSchema {
  const { $schema: _, ...schema } = z.toJSONSchema(option, { target: 'draft-7', io: 'input', unrepresentable: 'any' });
  return tidy(schema);
}

/** Whether an option must be given. */
export function isRequired(option: z.core.$ZodType): boolean {
  return !z.safeParse(option, undefined).success;
}

/** Without what says nothing to an editor, and without what no file can hold: tensors, functions. */
function tidy(schema: JsonSchema): JsonSchema {
  const { float: _, anyOf, ...rest } = schema;
  const plain = Object.fromEntries(
    Object.entries(rest)
      .filter(
        ([key, value]) => !(/^(minimum|maximum)$/.test(key) && Math.abs(value as number) === Number.MAX_SAFE_INTEGER),
      )
      .map(([key, value]) => [
        key,
        ['items', 'additionalProperties'].includes(key) && isSchema(value) ? tidy(value) : value,
      ]),
  );
  if (!Array.isArray(anyOf)) return plain;
  const branches = (anyOf as readonly JsonSchema[]).map(tidy).filter(sayable);
  if (branches.length === 1) return { ...branches[0], ...plain };
  return branches.length === 0 ? plain : { ...plain, anyOf: branches };
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Not an infinity, which `type: number` has already, nor an instance of a class, of which nothing is known. */
function sayable(schema: JsonSchema): boolean {
  const values = (schema.enum ?? [schema.const]) as readonly unknown[];
  const finite = values.every((value) => typeof value !== 'number' || Number.isFinite(value));
  return finite && Object.keys(schema).length > 0;
}
