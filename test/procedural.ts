/** Fixtures too large to hold their numbers: parameters made by a formula, results as digests. */
import { type Parameter, type Tensor, tensor } from 'torcharc';
import { expect } from 'vitest';

/** A parameter's name, the middle of its numbers, and how far they go from it; null for those that keep theirs. */
type Row = readonly [key: string, centre: number, bound: number] | null;

export interface Procedural {
  readonly params: readonly Row[];
  readonly digests: Readonly<Record<string, Digest>>;
}

interface Digest {
  readonly shape: readonly number[];
  readonly l1: number;
  readonly l2: number;
  readonly absmax: number;
  readonly samples: readonly number[];
}

/** The numbers that a fixture's parameters have, by name. */
export function proceduralState({ params }: Procedural, parameters: ReadonlyMap<string, Parameter>) {
  return new Map(
    params.flatMap((row, index) => {
      if (!row) return [];
      const [key, centre, bound] = row;
      const { shape } = parameters.get(key)!;
      const size = shape.reduce((a, b) => a * b, 1);
      const data = Float32Array.from({ length: size }, (_, i) => centre + (2 * (hash(i, index) / 2 ** 24) - 1) * bound);
      return [[key, tensor(data, { shape })] as const];
    }),
  );
}

function hash(i: number, index: number): number {
  let h = (Math.imul(i, 0x9e3779b1) + Math.imul(index, 0x85ebca6b) + 1) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  h ^= h >>> 16;
  return h >>> 8;
}

/** A result that has a digest, each of whose elements may be off by `tolerance`. */
export async function expectDigest(what: string, got: Tensor, want: Digest, tolerance: number): Promise<void> {
  expect(got.shape, what).toEqual(want.shape);
  const data = (await got.data()) as Float32Array;
  const n = data.length;
  const places = n < 16 ? [...data.keys()] : want.samples.map((_, j) => Math.floor((j * (n - 1)) / 15));
  const compare = (name: string, a: number, b: number, limit: number) =>
    expect(Math.abs(a - b), `${what}: ${name}`).toBeLessThanOrEqual(limit);
  for (const [j, place] of places.entries()) compare(`element ${place}`, data[place]!, want.samples[j]!, tolerance);
  compare(
    'sum of absolutes',
    data.reduce((a, x) => a + Math.abs(x), 0),
    want.l1,
    n * tolerance,
  );
  compare('norm', Math.hypot(...sums(data)), want.l2, Math.sqrt(n) * tolerance);
  compare(
    'largest',
    data.reduce((a, x) => Math.max(a, Math.abs(x)), 0),
    want.absmax,
    tolerance,
  );
}

/** Norms of parts, as many as a function takes arguments. */
function sums(data: Float32Array): number[] {
  return Array.from({ length: Math.ceil(data.length / 1024) }, (_, i) =>
    Math.sqrt(data.subarray(i * 1024, (i + 1) * 1024).reduce((a, x) => a + x * x, 0)),
  );
}
