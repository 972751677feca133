/** Freshly built layers hold what PyTorch's do. */
import { readFileSync } from 'node:fs';
import { manualSeed, nn, randint, type Tensor, tensor } from 'torcharc';
import { describe, expect, test } from 'vitest';
import type { LayerClass } from '../src/nn/args.ts';
import { build } from './parity.ts';

const fixture = (path: string) => JSON.parse(readFileSync(new URL(`fixtures/${path}`, import.meta.url), 'utf8'));
const noTensor = (path: string) => expect.fail(`no tensor ${path}`);
const numbers = async (t: Tensor) => Array.from((await t.data()) as ArrayLike<number | bigint>, Number);

interface Fact {
  readonly kind: 'constant' | 'uniform' | 'normal';
  readonly low: number;
  readonly high: number;
  readonly mean: number;
  readonly std: number;
  readonly value: number;
  /** A row that is 0: an embedding's padding. */
  readonly zero_row?: number;
}

/** The numbers follow the distribution; `more` draws as many again. */
async function expectFact(key: string, x: number[], fact: Fact, more: () => Promise<number[]>): Promise<void> {
  if (fact.kind === 'constant') {
    expect(new Set(x), key).toEqual(new Set([fact.value]));
    return;
  }
  while (x.length < 4000) x.push(...(await more()));
  if (fact.kind === 'uniform') {
    const slack = 1e-6 * fact.high;
    const inside = x.every((v) => v >= fact.low - slack && v <= fact.high + slack);
    expect(inside, key).toBe(true);
  }
  const mean = x.reduce((a, b) => a + b, 0) / x.length;
  const std = Math.sqrt(x.reduce((a, b) => a + (b - mean) ** 2, 0) / x.length);
  // six standard errors of the mean; the deviation's is smaller
  const margin = (6 * fact.std) / Math.sqrt(x.length);
  expect(Math.abs(mean - fact.mean), key).toBeLessThan(margin);
  expect(Math.abs(std - fact.std), key).toBeLessThan(margin);
}

describe('the default distributions', () => {
  interface Spec {
    readonly class: string;
    readonly args: readonly unknown[];
    readonly kwargs: Record<string, unknown>;
    readonly params: readonly { key: string; shape: number[]; fact: Fact }[];
  }
  const { modules } = fixture('init/defaults.json') as { modules: Spec[] };
  const classes = nn as unknown as Record<string, LayerClass>;
  modules.forEach(({ class: name, args, kwargs, params }) => {
    test(`${name} ${JSON.stringify(args)} ${JSON.stringify(kwargs)}`, async () => {
      manualSeed(0);
      const names = Object.keys(classes[name]!.table);
      const options = { ...Object.fromEntries(args.map((value, i) => [names[i], value])), ...kwargs };
      const make = () => build(name, options, noTensor).stateDict();
      const state = make();
      expect([...state.keys()]).toEqual(params.map(({ key }) => key));
      for (const { key, shape, fact } of params) {
        expect(state.get(key)!.shape, key).toEqual(shape);
        const x = await numbers(state.get(key)!);
        if (fact.zero_row !== undefined) {
          const row = x.splice(fact.zero_row * shape[1]!, shape[1]);
          expect(new Set(row), key).toEqual(new Set([0]));
        }
        await expectFact(key, x, fact, () => numbers(make().get(key)!));
      }
    });
  });
});

describe.each(['layers', 'recurrent', 'transformer'])(
  "the same seed gives PyTorch's weights (scripts/goldens/%s.py)",
  (file) => {
    interface Golden {
      readonly seed: string;
      readonly layers: readonly { class: string; options: Record<string, unknown>; state: Record<string, string> }[];
      readonly next: number;
    }
    /** Drawn from a normal distribution, whose logarithms and cosines differ in the last bits between machines. */
    const normal = /^Embedding|\.bias_[kv]$|^MultiheadAttention bias_[kv]$/;
    const floats = (hex: string) => {
      const bytes = Uint8Array.from(Buffer.from(hex, 'hex'));
      return Array.from(new Float32Array(bytes.buffer));
    };

    const { cases } = fixture(`init/${file}.json`) as { cases: Golden[] };
    cases.forEach(({ seed, layers, next }) => {
      test(`seed ${seed}: ${layers.map((l) => `${l.class} ${JSON.stringify(l.options)}`).join(', ')}`, async () => {
        manualSeed(BigInt(seed));
        for (const { class: name, options, state } of layers) {
          const own = build(name, options, noTensor).stateDict();
          expect([...own.keys()], name).toEqual(Object.keys(state));
          for (const [key, t] of own) {
            if (normal.test(`${name} ${key}`)) {
              const want = floats(state[key]!);
              for (const [i, v] of (await numbers(t)).entries()) expect(Math.abs(v - want[i]!), key).toBeLessThan(1e-6);
              continue;
            }
            const { buffer, byteOffset, byteLength } = await t.data();
            expect(Buffer.from(buffer, byteOffset, byteLength).toString('hex'), `${name} ${key}`).toBe(state[key]);
          }
        }
        // and as much was taken from the generator
        expect(await randint(0, 2 ** 20, [1]).item()).toBe(next);
      });
    });
  },
);

test('the seed decides the weights', async () => {
  const weights = async (seed: number) => {
    manualSeed(seed);
    return new nn.Linear({ in_features: 4, out_features: 4 }).weight.array();
  };
  expect(await weights(3)).toEqual(await weights(3));
  expect(await weights(3)).not.toEqual(await weights(4));
});

// torch.nn.Hardtanh(float('-inf'), 2.)(torch.tensor([-5., 1., 3.]))
test('Hardtanh has bounds that may be infinite', async () => {
  const one = new nn.Hardtanh({ min_val: -Infinity, max_val: 2 });
  expect(String(one)).toBe('Hardtanh(min_val=-inf, max_val=2.0)');
  expect(await numbers(one.forward(tensor([-5, 1, 3])))).toEqual([-5, 1, 2]);
});
