/**
 * Writes docs/modules.md from the argument tables and the comments above the classes: npx jiti scripts/module-docs.ts. A test
 * checks that they agree.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { show } from '../src/nn/args.ts';
import * as nn from '../src/nn/index.ts';
import { Module } from '../src/nn/module.ts';

const root = new URL('../', import.meta.url);
const page = new URL('docs/modules.md', root);

/** The order of the page, and what each file of src/nn/ holds. */
const families: Record<string, string> = {
  linear: 'Linear and shape',
  conv: 'Convolution',
  pooling: 'Pooling',
  padding: 'Padding',
  activation: 'Activation',
  batchnorm: 'Batch normalisation',
  normalization: 'Other normalisation',
  dropout: 'Dropout',
  embedding: 'Embedding',
  recurrent: 'Recurrent',
  attention: 'Attention',
  transformer: 'Transformer',
  vision: 'Images',
  fold: 'Windows as columns',
  distance: 'Distance',
  loss: 'Losses',
  'adaptive-softmax': 'Adaptive softmax',
  container: 'Containers',
  lazy: 'Lazy modules',
};

interface Documented {
  readonly name: string;
  readonly text: string;
  readonly link: string | null;
}

/** Classes of a file in order, with the comment above each. */
function classesOf(source: string): Documented[] {
  const found = source.matchAll(/(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)?export (?:class|const) ([A-Z]\w*)/g);
  return [...found]
    .map(([, comment = '', name = '']) => {
      const plain = comment
        .replace(/^\s*\*? ?/gm, ' ')
        .replace(/\s+/g, ' ')
        .trim();
      const link = /https:\/\/\S+\.html/.exec(plain)?.[0] ?? null;
      return { name, link, text: plain.replace(/\s*https:\/\/\S+\.html/, '').trim() };
    })
    .filter(({ name }) => isModule((nn as Record<string, unknown>)[name]));
}

function isModule(value: unknown): value is { table?: z.ZodRawShape } {
  return typeof value === 'function' && value.prototype instanceof Module;
}

function optionRow(name: string, schema: z.core.$ZodType): string {
  const given = schema instanceof z.ZodDefault ? show((schema as z.ZodDefault).def.defaultValue) : '';
  const what = (schema as z.ZodType).description ?? '';
  return `| \`${name}\` | ${given === '' ? 'required' : `\`${given}\``} | ${what.replaceAll('|', '\\|')} |`;
}

function section({ name, text, link }: Documented): string {
  const { table } = (nn as unknown as Record<string, { table?: z.ZodRawShape }>)[name]!;
  const rows = Object.entries(table ?? {}).map(([option, schema]) => optionRow(option, schema));
  const options = rows.length > 0 ? `\n| option | default | value |\n|---|---|---|\n${rows.join('\n')}\n` : '';
  return `### ${name}\n\n${[text, link ? `[PyTorch](${link})` : ''].filter(Boolean).join(' ')}\n${options}`;
}

/** The page. */
export function moduleDocs(): string {
  const folder = new URL('src/nn/', root);
  const files = readdirSync(folder).filter((file) => file.endsWith('.ts'));
  const known = Object.keys(families);
  const holding = files
    .map((file) => ({
      file: file.slice(0, -'.ts'.length),
      found: classesOf(readFileSync(new URL(file, folder), 'utf8')),
    }))
    .filter(({ file, found }) => found.length > 0 && file !== 'module');
  const strange = holding.filter(({ file }) => !known.includes(file)).map(({ file }) => file);
  if (strange.length > 0) throw new Error(`scripts/module-docs.ts: give the files ${strange.join(', ')} a title`);
  holding.sort((a, b) => known.indexOf(a.file) - known.indexOf(b.file));
  const count = holding.reduce((n, { found }) => n + found.length, 0);
  const sections = holding.map(({ file, found }) => `## ${families[file]}\n\n${found.map(section).join('\n')}`);
  return `# Modules

The ${count} modules and losses of \`nn\`, under PyTorch's names, with PyTorch's options and defaults. An arc names them as it
names any type: \`{ type: Conv2d, in_channels: 3, out_channels: 8, kernel_size: 3 }\`.

<!-- written by scripts/module-docs.ts from the argument tables; edit those -->

${sections.join('\n')}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(page, moduleDocs());
