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

/** The order of the page: titles, and the files of src/nn/ under each. */
const families: Record<string, readonly string[]> = {
  'Linear and shape': ['linear'],
  Convolution: ['conv'],
  Pooling: ['pooling', 'pooling-adaptive'],
  Padding: ['padding'],
  Activation: ['activation'],
  Normalisation: ['batchnorm', 'normalization'],
  Dropout: ['dropout'],
  Embedding: ['embedding'],
  Recurrent: ['recurrent', 'recurrent-cell'],
  'Attention and transformers': ['attention', 'transformer-layer', 'transformer'],
  'Images and windows': ['vision', 'fold'],
  Distance: ['distance'],
  Losses: ['loss-regression', 'loss-classification', 'loss-margin', 'loss-embedding', 'adaptive-softmax'],
  Containers: ['container'],
  Lazy: ['lazy'],
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
  const read = (name: string) => classesOf(readFileSync(new URL(`${name}.ts`, folder), 'utf8'));
  const listed = Object.values(families).flat();
  const strange = readdirSync(folder)
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.slice(0, -'.ts'.length))
    .filter((name) => !listed.includes(name) && !['collection', 'module'].includes(name) && read(name).length > 0);
  if (strange.length > 0) throw new Error(`scripts/module-docs.ts: put the files ${strange.join(', ')} under a title`);
  const parts = Object.entries(families).map(([title, files]) => ({ title, found: files.flatMap(read) }));
  const count = parts.reduce((n, { found }) => n + found.length, 0);
  const contents = parts.map(({ title, found }) => {
    const links = found.map(({ name }) => `[${name}](#${name.toLowerCase()})`);
    return `- ${title}: ${links.join(', ')}`;
  });
  return `# Modules

The ${count} modules and losses of \`nn\`, under PyTorch's names, with PyTorch's options and defaults. An arc names them as it
names any type: \`{ type: Conv2d, in_channels: 3, out_channels: 8, kernel_size: 3 }\`. The functional form of each is in \`F\`,
under the name of torch.nn.functional in camelCase.

${contents.join('\n')}

<!-- written by scripts/module-docs.ts from the argument tables; edit those -->

${parts.map(({ title, found }) => `## ${title}\n\n${found.map(section).join('\n')}`).join('\n')}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(page, moduleDocs());
