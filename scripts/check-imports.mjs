/**
 * Who may import whom in src/: imports go down in rank or stay in the folder, there are no cycles, and what a browser loads
 * has no Node in it. Type imports count for the direction, but not for cycles.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));

const ranks = [
  ['util'],
  ['onnx', 'runtime'],
  ['tensor'],
  ['ops', 'autograd', 'engine'],
  ['nn', 'optim', 'io'],
  ['arc', 'data'],
  ['picture', 'report'],
  ['train'],
  ['cli', 'studio'],
];
/** tensor/ holds ops, and an op is lowered onto a graph builder: it knows that type and no more of onnx/. */
const typeOnly = new Set(['tensor onnx']);
/** Upward or sideways imports that we live with: 'from file, to file', and why. */
const exceptions = new Map([]);
/** The entries a browser loads, and those that stand above all folders. */
const portable = ['src/index.ts', 'src/runtime/web.ts'];
const entries = ['src/index.ts', 'src/node.ts'];

const rankOf = (folder) => ranks.findIndex((folders) => folders.includes(folder));
const folderOf = (file) => file.split('/')[1];

/** Imports of a file: `{ from, type }`. */
function importsOf(file) {
  const text = readFileSync(root + file, 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  const found = text.matchAll(
    /^\s*(?:import|export)\s+(type\s)?[^'";]*?from\s*'([^']+)'|^\s*import\s+'([^']+)'|\bimport\('([^']+)'\)/gm,
  );
  return [...found].map(([, type, named, bare, called]) => ({ type: Boolean(type), from: named ?? bare ?? called }));
}

const files = readdirSync(`${root}src`, { recursive: true })
  .map((name) => `src/${name.replaceAll('\\', '/')}`)
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'));
const imports = new Map(
  files.map((file) => {
    const local = ({ from }) => (from === '#ort' ? 'src/runtime/web.ts' : posix.join(posix.dirname(file), from));
    const all = importsOf(file).map((i) => (/^[.#]/.test(i.from) ? { ...i, to: local(i) } : i));
    return [file, all];
  }),
);

const problems = [];
const used = new Set();

for (const [file, list] of imports) {
  const folder = folderOf(file);
  if (!entries.includes(file) && rankOf(folder) < 0) problems.push(`${file}: the folder ${folder}/ has no rank`);
  for (const { to, type } of list) {
    if (!to) continue;
    if (!existsSync(root + to)) problems.push(`${file}: imports ${to}, which does not exist`);
    if (entries.includes(file) || folderOf(to) === folder) continue;
    if (entries.includes(to)) problems.push(`${file}: imports ${to}, which stands above all folders`);
    const pair = `${folder} ${folderOf(to)}`;
    if (rankOf(folderOf(to)) < rankOf(folder) && (type || !typeOnly.has(pair))) continue;
    if (exceptions.has(`${file}, ${to}`)) used.add(`${file}, ${to}`);
    else problems.push(`${file}: must not import ${typeOnly.has(pair) ? 'more than types from ' : ''}${to}`);
  }
}
for (const key of exceptions.keys()) if (!used.has(key)) problems.push(`the exception '${key}' is not needed any more`);

/** Depth-first: a file met again while it is still open closes a cycle. */
const state = new Map();
function visit(file, path) {
  if (state.get(file) === 'done') return;
  if (state.get(file) === 'open') {
    problems.push(`import cycle: ${[...path.slice(path.indexOf(file)), file].join(' → ')}`);
    return;
  }
  state.set(file, 'open');
  for (const { to, type } of imports.get(file) ?? []) if (to && !type) visit(to, [...path, file]);
  state.set(file, 'done');
}
for (const file of files) visit(file, []);

const reached = new Set(portable);
for (const file of reached) {
  for (const { to, from, type } of imports.get(file) ?? []) {
    if (to && !type) reached.add(to);
    if (from.startsWith('node:') || builtinModules.includes(from))
      problems.push(`${file}: runs in browsers, but imports ${from}`);
  }
}

for (const problem of problems) console.error(problem);
console.log(problems.length > 0 ? `${problems.length} problems` : `${files.length} files import downwards only`);
process.exitCode = problems.length > 0 ? 1 : 0;
