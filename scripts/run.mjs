#!/usr/bin/env node
/**
 * What the npm scripts run. Each task first installs and builds what is missing, so any of them can be the first command in a
 * bare clone; therefore nothing but Node is imported here.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const at = (...path) => join(root, ...path);
const json = (...path) => JSON.parse(readFileSync(at(...path), 'utf8'));

/** Run a program with our terminal; returns whether it succeeded. */
function ran(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (error) console.error(error.message);
  return status === 0;
}
const node = (...args) => ran(process.execPath, args);

/** A program of a development dependency. */
function tool(name, ...args) {
  const owner = { tsc: 'typescript', biome: '@biomejs/biome' }[name] ?? name;
  const { bin } = json('node_modules', owner, 'package.json');
  return node(at('node_modules', owner, typeof bin === 'string' ? bin : bin[name]), ...args);
}

function npm(...args) {
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' };
  const cli = process.env.npm_execpath;
  if (cli?.endsWith('.js')) return ran(process.execPath, [cli, ...args], { env });
  return ran('npm', args, { env, shell: process.platform === 'win32' });
}

/** Whether node_modules has what the lockfile says; packages for other systems may be missing. */
function installed() {
  if (!existsSync(at('node_modules', '.package-lock.json'))) return false;
  const { packages } = json('node_modules', '.package-lock.json');
  return Object.entries(json('package-lock.json').packages).every(
    ([path, { version, optional }]) => path === '' || optional || packages[path]?.version === version,
  );
}

function install() {
  return installed() || npm('ci', '--no-audit', '--no-fund');
}

/** When anything below a path was last changed. */
function changed(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => changed(join(path, name))));
}

function built() {
  const sources = ['src', 'package.json', 'tsconfig.base.json', 'tsconfig.core.json', 'tsconfig.node.json'];
  const stamp = at('dist', 'cli', 'main.js');
  return existsSync(stamp) && sources.every((name) => changed(at(name)) < statSync(stamp).mtimeMs);
}

function build() {
  rmSync(at('dist'), { recursive: true, force: true });
  const done = tool('tsc', '-p', 'tsconfig.core.json') && tool('tsc', '-p', 'tsconfig.node.json');
  if (done) chmodSync(at('dist', 'cli', 'main.js'), 0o755);
  else rmSync(at('dist'), { recursive: true, force: true });
  return done;
}

/** Run vitest, counting its tests in `count`. */
function vitest(count, ...args) {
  const report = at('node_modules', '.cache', 'torcharc', 'vitest.json');
  mkdirSync(dirname(report), { recursive: true });
  rmSync(report, { force: true });
  const done = tool('vitest', 'run', ...args, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`);
  const { numPassedTests = 0, numFailedTests = 0 } = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : {};
  count.passed += numPassedTests;
  // a file that cannot be loaded has no tests
  count.failed += done ? 0 : Math.max(numFailedTests, 1);
  return done;
}

/** Everything `npm test` does, in order. A check that is not vitest's counts as one test. */
const slow = ['--config', 'vitest.slow.config.ts'];
const checks = [
  ['format and lint', () => tool('biome', 'check')],
  ['types', () => tool('tsc', '-p', 'tsconfig.json')],
  ['types of the portable part', () => tool('tsc', '-p', 'tsconfig.core.json', '--noEmit')],
  ['types of the Node part', () => tool('tsc', '-p', 'tsconfig.node.json', '--noEmit')],
  ['import directions', () => node('scripts/check-imports.mjs')],
  ['unit tests', (count) => vitest(count)],
  ['build', build],
  ['publint', () => tool('publint', 'run', '--strict')],
  ['package', () => node('scripts/check-package.mjs')],
  ['the packed package, used from outside', (count) => vitest(count, ...slow, 'test/package')],
  ['in a browser', (count) => vitest(count, ...slow, 'test/browser')],
];

function test() {
  const count = { passed: 0, failed: 0 };
  for (const [name, check] of checks) {
    console.log(`\n── ${name}`);
    const before = count.passed + count.failed;
    const done = check(count);
    if (count.passed + count.failed === before) count[done ? 'passed' : 'failed']++;
    if (!done) break;
  }
  console.log(`\n${count.passed} passed, ${count.failed} failed`);
  return count.failed === 0;
}

const train = () => node('dist/cli/main.js', 'train', 'examples/digits/config.yaml');
const whenBuilt = (task) => () => (built() || say('building', build)) && task(...process.argv.slice(3));
const tasks = {
  build,
  demo: whenBuilt(() => say('torcharc train examples/digits/config.yaml', train)),
  test,
  'test:unit': () => tool('vitest', 'run', ...process.argv.slice(3)),
  bench: whenBuilt((...args) => node('bench/run.mjs', ...args)),
};

function say(line, task) {
  console.log(`── ${line}`);
  return task();
}

const task = tasks[process.argv[2]];
if (!task) console.error(`expected one of ${Object.keys(tasks).join(', ')}`);
process.exitCode = task && (installed() || say('npm ci', install)) && task() ? 0 : 1;
