/** Writes arc.schema.json from the argument tables: npx jiti scripts/arc-schema.ts. A test checks that they agree. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import '../src/index.ts';
import { arcSchema } from '../src/arc/schema.ts';

/** A line for each definition, so that changes can be read. */
export function schemaText(): string {
  const { definitions, ...schema } = arcSchema();
  const lines = (record: unknown, indent: string, deeper: readonly string[] = []): string =>
    `{\n${Object.entries(record as object)
      .map(([key, value]) => {
        const text = deeper.includes(key) ? lines(value, `${indent}  `) : JSON.stringify(value);
        return `${indent}  ${JSON.stringify(key)}: ${text}`;
      })
      .join(',\n')}\n${indent}}`;
  return `${lines({ ...schema, definitions: 0 }, '').replace('"definitions": 0', () => `"definitions": ${lines(definitions, '  ', ['types'])}`)}\n`;
}

const page = new URL('../arc.schema.json', import.meta.url);
if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(page, schemaText());
