/** Fixtures of real PyTorch: reading them, building what they describe, comparing with what they hold. */
import { readFileSync } from 'node:fs';
import { decodeSafetensors, F, nn, Tensor, type TypedArray } from 'torcharc';
import { expect } from 'vitest';

/** A value as JSON has it: plain, or one of the `$…` forms. */
export type Encoded = unknown;

/** A class's file: its cases and, under `<case>/…`, their tensors. */
export function readFixture<Case>(path: string): { cases: Case[]; tensors: Map<string, Tensor> } {
  const at = (end: string) => new URL(`fixtures/${path}${end}`, import.meta.url);
  const { cases } = JSON.parse(readFileSync(at('.json'), 'utf8')) as { cases: Case[] };
  return { cases, tensors: decodeSafetensors(readFileSync(at('.safetensors'))) };
}

/** What a case asks for and we do not have (yet). */
export class Missing extends Error {}

type Build = (options: Record<string, unknown>) => nn.Module;
const classes = nn as unknown as Record<string, new (options?: unknown) => nn.Module>;

/** Containers take their modules as they are; `$args` are Python's positional ones. */
const containers: Record<string, Build> = {
  Identity: (options) => new nn.Identity(options),
  Sequential: ({ $args = [] }) => {
    const [first] = $args as unknown[];
    return new nn.Sequential(first instanceof Map ? Object.fromEntries(first) : ($args as nn.Module[]));
  },
  ModuleList: ({ modules }) => new nn.ModuleList(modules as nn.Module[] | undefined),
  ModuleDict: ({ modules }) => new nn.ModuleDict(modules as Map<string, nn.Module>),
  ParameterList: ({ values }) => new nn.ParameterList(values as Tensor[] | undefined),
  // a dict's names are sorted, which a record stands for
  ParameterDict: ({ parameters }) =>
    new nn.ParameterDict(Object.fromEntries((parameters as Map<string, Tensor>) ?? [])),
};

/** A module from its class and encoded options. */
export function build(name: string, options: Encoded, tensorAt: (path: string) => Tensor): nn.Module {
  if (!Object.hasOwn(classes, name)) throw new Missing(`nn.${name}`);
  const decoded = decode(options, tensorAt) as Record<string, unknown>;
  return containers[name]?.(decoded) ?? new classes[name]!(decoded);
}

/** The value an encoded one stands for. */
export function decode(value: Encoded, tensorAt: (path: string) => Tensor): unknown {
  if (Array.isArray(value)) return value.map((entry) => decode(entry, tensorAt));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value as Record<string, Encoded>);
  const [form, inner] = entries[0] ?? ['', null];
  switch (entries.length === 1 ? form : '') {
    case '$tensor':
      return tensorAt(inner as string);
    case '$float':
      return { inf: Infinity, '-inf': -Infinity, nan: Number.NaN }[inner as 'inf'];
    case '$parameter':
      return new nn.Parameter(decode(inner, tensorAt) as Tensor);
    case '$fn':
      return (F as unknown as Record<string, unknown>)[camel(inner as string)];
    case '$packed_sequence':
      throw new Missing('PackedSequence');
    case '$dict':
    case '$ordered_dict':
      return new Map((inner as [string, Encoded][]).map(([key, entry]) => [key, decode(entry, tensorAt)]));
    case '$module': {
      const { class: name, options } = inner as { class: string; options: Encoded };
      return build(name, options, tensorAt);
    }
  }
  const unknown = form.startsWith('$') && form !== '$args';
  if (unknown) throw new Missing(`the form ${form}`);
  return Object.fromEntries(entries.map(([key, entry]) => [key, decode(entry, tensorAt)]));
}

/** PyTorch's name of a function, as ours: `pairwise_distance` is `pairwiseDistance`. */
function camel(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** Fixtures round to float32; `deviation` is how far PyTorch itself was from the same run in float64. */
export function tolerance(expected: readonly number[], deviation: number): number {
  const largest = expected.reduce((m, v) => (Number.isFinite(v) ? Math.max(m, Math.abs(v)) : m), 0);
  return 1e-4 * largest + 10 * deviation + 1e-7;
}

/** Values equal within the fixtures' tolerance; infinities and NaN in the same places. */
export function expectClose(what: string, actual: TypedArray, expected: TypedArray, deviation = 0): void {
  const [a, b] = [actual, expected].map((data) => Array.from(data as ArrayLike<number | bigint>, Number)) as [
    number[],
    number[],
  ];
  expect(a.length, `${what}: number of elements`).toBe(b.length);
  const limit = tolerance(b, deviation);
  b.forEach((want, i) => {
    const got = a[i]!;
    const near = Object.is(got, want) || got === want || Math.abs(got - want) <= limit;
    if (!near) expect.fail(`${what}[${i}]: got ${got}, PyTorch has ${want}; at most ${limit} apart is allowed`);
  });
}

/** A tensor equal to a stored one: shape, dtype and values. */
export async function expectTensor(what: string, actual: Tensor, expected: Tensor, deviation = 0): Promise<void> {
  expect(actual.shape, `${what}: shape`).toEqual(expected.shape);
  expect(actual.dtype, `${what}: dtype`).toBe(expected.dtype);
  expectClose(what, await actual.data(), await expected.data(), deviation);
}

/** Tensors at the leaves of a result, by path: `0` for a lone one, positions below (of a named tuple's record too). */
export function leavesOf(value: unknown): [string, Tensor][] {
  if (value instanceof Tensor) return [['0', value]];
  if (value === null) return [];
  if (typeof value !== 'object') throw new Missing(`a result of type ${typeof value}`);
  return Object.values(value as object).flatMap((entry: unknown, i) =>
    entry instanceof Tensor
      ? [[String(i), entry] as [string, Tensor]]
      : leavesOf(entry).map(([path, t]) => [`${i}/${path}`, t] as [string, Tensor]),
  );
}
