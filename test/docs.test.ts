/**
 * Every code block of the README and docs/ is run. The word after its language says how:
 *
 * - ts, js: all of a page in order as one module, type-checked; with a path: an excerpt, whose lines stand in that file
 * - yaml: an arc that builds, written under the name in its first line; with a path there: the same as that file
 * - sh: commands, run where the files of the page are; `fails`: exit code 2
 * - text: what the commands before print, up to what differs from run to run
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { nn, validate } from 'torcharc';
import ts from 'typescript';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { moduleDocs } from '../scripts/module-docs.ts';
import { run } from '../src/cli/run.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const pages = ['README.md', ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)].filter((page) =>
  read(page).includes('```'),
);
const folder = mkdtempSync(join(tmpdir(), 'torcharc-docs-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Block {
  readonly language: string;
  readonly mark: string;
  readonly text: string;
  readonly line: number;
}

function blocksOf(page: string): Block[] {
  const text = read(page);
  return [...text.matchAll(/^```(\w*) ?(.*)\n([\s\S]*?)^```$/gm)].map((match) => ({
    language: match[1]!,
    mark: match[2]!,
    text: match[3]!,
    line: text.slice(0, match.index).split('\n').length,
  }));
}

/** Commands that the tests run in other ways: this run itself, and test/package. */
const known = [/^npm (run demo|run bench|test)\b/, /^ONNXRUNTIME_NODE_INSTALL=skip npm install torcharc$/];

/** Run the commands of a block; what they print. */
async function shell(block: Block, cwd: string): Promise<string> {
  let printed = '';
  for (const line of block.text.trim().split('\n')) {
    if (known.some((pattern) => pattern.test(line))) continue;
    const [npx, name, ...args] = line.split(' ');
    expect([npx, name]).toEqual(['npx', 'torcharc']);
    if (args[0] === 'train') args.push('--epochs', '1', '--out', 'runs');
    // examples are the repository's, and what is trained there goes here
    const given = args.map((arg) =>
      /^examples\/\w+\/runs$/.test(arg) ? 'runs' : arg.startsWith('examples/') ? join(root, arg) : arg,
    );
    const write = (text: string) => {
      printed += text.replaceAll(root, '').replaceAll(`${cwd}/`, '');
    };
    const code = await run(given, { stdout: { write }, stderr: { write }, cwd, isTTY: false });
    expect(code, printed).toBe(block.mark === 'fails' ? 2 : 0);
  }
  return printed;
}

const written: string[] = [];

/** Lines up to the first epoch, then how many lines there are to be. */
const steady = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .slice(0, text.search(/^epoch/m) < 0 ? undefined : 2);

describe.each(pages)('%s', (page) => {
  const blocks = blocksOf(page);
  const cwd = join(folder, page);
  mkdirSync(cwd, { recursive: true });
  const modules = blocks.filter(({ language, mark }) => /^[tj]s$/.test(language) && mark === '');
  const code = join(cwd, 'page.mts');

  let printed = '';
  for (const block of blocks) {
    const { language, mark, text, line } = block;
    const name = `line ${line}: ${language} ${mark}`;
    if (modules.includes(block)) continue;
    if (/^[tj]s$/.test(language)) {
      test(name, () => {
        const source = new Set(
          read(mark)
            .split('\n')
            .map((l) => l.trim()),
        );
        const missing = text.split('\n').filter((l) => !source.has(l.trim()) && l.trim() !== '');
        expect(missing).toEqual([]);
      });
    } else if (language === 'yaml') {
      test(name, () => {
        const [, file = ''] = /^# (\S+)/.exec(text)!;
        writeFileSync(join(cwd, file.replaceAll('/', '-')), text);
        if (existsSync(join(root, file))) expect(parse(text)).toEqual(parse(read(file)));
        else expect(validate(parse(text, { merge: true })).length > 0).toBe(mark === 'fails');
      });
    } else if (language === 'sh') {
      test(name, async () => {
        printed = await shell(block, cwd);
      });
    } else if (language === 'text') {
      const before = blocks[blocks.indexOf(block) - 1]?.language === 'sh';
      if (before) test(name, () => expect(steady(printed)).toEqual(steady(text)));
    } else {
      test(name, () => expect.unreachable(`a block of ${language} is not tested`));
    }
  }

  if (modules.length > 0) {
    writeFileSync(code, `${modules.map(({ text }) => text).join('\n')}\nexport {};\n`);
    written.push(code);
    test('its module', async () => {
      const log = vi.spyOn(console, 'log').mockImplementation(() => {});
      const home = process.cwd();
      process.chdir(cwd);
      try {
        await import(/* @vite-ignore */ pathToFileURL(code).href);
      } finally {
        process.chdir(home);
        log.mockRestore();
      }
    });
  }
});

/** As a user's project would have them, but against the source. */
test('the modules have no type errors', { timeout: 300_000 }, () => {
  const json = (name: string) => ts.readConfigFile(join(root, name), ts.sys.readFile).config.compilerOptions;
  const given = { ...json('tsconfig.base.json'), ...json('tsconfig.json'), declaration: false, noUnusedLocals: false };
  const { options } = ts.convertCompilerOptionsFromJson({ ...given, typeRoots: ['node_modules/@types'] }, root);
  const program = ts.createProgram(written, { ...options, pathsBasePath: root });
  const errors = ts.getPreEmitDiagnostics(program).filter(({ file }) => !file || written.includes(file.fileName));
  expect(errors.map((d) => `${d.file?.fileName} ${ts.flattenDiagnosticMessageText(d.messageText, '\n')}`)).toEqual([]);
});

test('docs/modules.md is what scripts/module-docs.ts writes, and has every class of nn', () => {
  const page = read('docs/modules.md');
  expect(page).toBe(moduleDocs());
  const classes = Object.entries(nn).filter(
    ([, value]) => typeof value === 'function' && value.prototype instanceof nn.Module,
  );
  expect(classes.map(([name]) => name).filter((name) => !page.includes(`\n### ${name}\n`))).toEqual([]);
});
