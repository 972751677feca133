/** What would be published: every export resolves and loads, the bin can be run, no tests are in it; prints its size. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
const problems = [];
const expect = (condition, problem) => condition || problems.push(problem);

const packed = spawnSync('npm', ['pack', '--dry-run', '--json'], {
  cwd: root,
  encoding: 'utf8',
  shell: process.platform === 'win32',
});
const [{ size, unpackedSize, files }] = JSON.parse(packed.stdout);
const paths = new Set(files.map(({ path }) => `./${path}`));
for (const path of paths) expect(!/\.test\.|tsbuildinfo/.test(path), `${path} does not belong into the package`);
for (const path of ['./README.md', './LICENSE']) expect(paths.has(path), `${path} is missing from the package`);

const targets = (value) => (typeof value === 'string' ? [value] : Object.values(value).flatMap(targets));
for (const path of targets([manifest.exports, manifest.imports, manifest.bin])) {
  expect(
    path === './package.json' || paths.has(path),
    `${path} is named in package.json, but missing from the package`,
  );
}
// a bundler passes over an entry that only re-exports, and over what it imports for its effects
for (const { default: path } of Object.values(manifest.exports)) {
  expect(!path || manifest.sideEffects.includes(path), `${path} is missing from sideEffects`);
}
for (const path of manifest.sideEffects) {
  expect(path.includes('*') || paths.has(path), `${path} in sideEffects does not exist`);
}
for (const key of Object.keys(manifest.exports)) {
  if (key.endsWith('.json')) continue;
  const name = manifest.name + key.slice(1);
  await import(name).catch((error) => problems.push(`import '${name}': ${error.message}`));
}
for (const path of Object.values(manifest.bin)) {
  const executable = process.platform === 'win32' || (statSync(root + path).mode & 0o111) === 0o111;
  expect(executable, `${path} has no x bit`);
  expect(readFileSync(root + path, 'utf8').startsWith('#!/usr/bin/env node\n'), `${path} has no #! line`);
}
/** A declaration file that names another must find it. */
for (const path of paths) {
  if (!path.endsWith('.d.ts')) continue;
  for (const [, to] of readFileSync(root + path, 'utf8').matchAll(/from '(\.[^']+)'/g)) {
    const target = fileURLToPath(new URL(to.replace(/\.(ts|js)$/, '.d.ts'), `file://${root}${path}`));
    expect(existsSync(target), `${path}: imports ${to}, which does not exist`);
  }
}

for (const problem of problems) console.error(problem);
const kb = (bytes) => `${(bytes / 1024).toFixed(0)} kB`;
console.log(
  `${manifest.name}-${manifest.version}.tgz: ${files.length} files, ${kb(size)} packed, ${kb(unpackedSize)} unpacked`,
);
process.exitCode = problems.length > 0 ? 1 : 0;
