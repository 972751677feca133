/** docs/arcs.md names what only arcs have, with all options. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { stackable } from '../src/arc/layers.ts';
import { postprocessors } from '../src/arc/modules/perceiver-postprocessor.ts';
import { preprocessors } from '../src/arc/modules/perceiver-preprocessor.ts';
import { moduleTypes } from '../src/arc/registry.ts';
import * as nn from '../src/nn/index.ts';

const page = readFileSync(new URL('../docs/arcs.md', import.meta.url), 'utf8');
const names = (text: string) => new Set(text.match(/\w+/g));

/** Options that follow from what comes in or what is around. */
const inferred = ['in_shape', 'in_shapes', 'in_channels', 'shapes'];

/** The rows of tables whose first column has a word. */
const rows = (word: string) => page.split('\n').filter((line) => names(/^\|([^|]*)\|/.exec(line)?.[1] ?? '').has(word));

describe('docs/arcs.md', () => {
  const own = [...moduleTypes()].filter(([name, type]) => !(name in nn) && type.table);

  test.each(own.filter(([name]) => !/TSTransformer|Perceiver/.test(name)))('%s', (name, type) => {
    const row = names(rows(name).join('\n'));
    expect(row.has(name)).toBe(true);
    expect(Object.keys(type.table!).filter((key) => !row.has(key) && !inferred.includes(key))).toEqual([]);
  });

  test('transformers of time series and the Perceiver', () => {
    const series = moduleTypes().get('TSTransformer')!;
    expect(Object.keys(series.table!).filter((key) => rows(key).length === 0)).toEqual([]);
    expect(moduleTypes().get('PTTSTransformer')!.table).toBe(series.table);
    for (const [name, type] of Object.entries({ ...preprocessors, ...postprocessors })) {
      const row = names(rows(name).join('\n'));
      expect(row.has(name)).toBe(true);
      const table = (type as { table: object }).table;
      expect(Object.keys(table).filter((key) => !row.has(key) && !inferred.includes(key))).toEqual([]);
    }
  });

  test('what can be stacked', () => {
    for (const [type, { args }] of Object.entries(stackable)) {
      const [base, dims] = /^(\D+)(\d?)/.exec(type)!.slice(1) as [string, string];
      const row = rows(type)[0] ?? rows(`${base}1d`).find((line) => line.includes(`${dims}d`));
      expect(row).toContain(`\`${args.join(', ')}\``);
    }
  });
});
