/** docs/tensors.md names every operation there is, and none that there is not. */
import { readdirSync, readFileSync } from 'node:fs';
import * as torcharc from 'torcharc';
import { expect, test } from 'vitest';

const page = readFileSync(new URL('../docs/tensors.md', import.meta.url), 'utf8');
/** What stands in the second column of the tables that have three. */
const cells = page.split('\n').flatMap((line) => {
  const [, , here, , end] = line.split(/(?<!\\)\|/);
  return line.startsWith('| ') && end === '' ? [here!] : [];
});
const named = cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1]!));
const methods = new Set(named.flatMap((code) => /^x\.(\w+)/.exec(code)?.[1] ?? []));
const functions = new Set(named.flatMap((code) => /^(\w+)\(/.exec(code)?.[1] ?? []));

const own = ['constructor', 'shape', 'dtype', 'ndim', 'requiresGrad', 'grad', 'isLeaf', 'toString'];
const ours = Object.getOwnPropertyNames(torcharc.Tensor.prototype).filter((name) => !own.includes(name));

const folder = new URL('../src/ops/', import.meta.url);
const families = await Promise.all(readdirSync(folder).map((file) => import(new URL(file, folder).href)));
const operations = new Set(families.flatMap((family) => Object.values(family as object)));
const all = torcharc as unknown as Record<string, unknown>;
const exported = Object.keys(all).filter((name) => operations.has(all[name]) && typeof all[name] === 'function');

test('what the page names exists', () => {
  expect(cells.length).toBeGreaterThan(50);
  expect([...methods].filter((name) => !ours.includes(name))).toEqual([]);
  expect([...functions].filter((name) => typeof all[name] !== 'function')).toEqual([]);
});

test('what exists is named on the page', () => {
  expect(ours.filter((name) => !methods.has(name))).toEqual([]);
  expect(exported.length).toBeGreaterThan(50);
  expect(exported.filter((name) => !functions.has(name))).toEqual([]);
});
