/** Freshly built layers hold what PyTorch's do. */
import { readFileSync } from 'node:fs';
import { manualSeed, nn, randint } from 'torcharc';
import { describe, expect, test } from 'vitest';
import { build } from './parity.ts';

const fixture = (path: string) => JSON.parse(readFileSync(new URL(`fixtures/${path}`, import.meta.url), 'utf8'));
const noTensor = (path: string) => expect.fail(`no tensor ${path}`);

interface Fact {
  readonly kind: string;
  readonly low: number;
  readonly high: number;
  readonly mean: number;
  readonly std: number;
  readonly value: number;
}

describe('the default distributions', () => {
  interface Spec {
    readonly class: string;
    readonly args: readonly unknown[];
    readonly kwargs: Record<string, unknown>;
    readonly params: readonly { key: string; shape: number[]; fact: Fact }[];
  }
  const { modules } = fixture('init/defaults.json') as { modules: Spec[] };
  const names: Record<string, readonly string[]> = {
    Linear: ['in_features', 'out_features', 'bias'],
    ...Object.fromEntries(
      ['Conv1d', 'Conv2d', 'Conv3d'].map((name) => [name, ['in_channels', 'out_channels', 'kernel_size', 'stride']]),
    ),
    ...Object.fromEntries(['BatchNorm1d', 'BatchNorm2d', 'BatchNorm3d'].map((name) => [name, ['num_features', 'eps']])),
  };
  const ours = modules.filter((spec) => names[spec.class]);
  test('every layer with state has a row', () => {
    expect([...new Set(ours.map((spec) => spec.class))].sort()).toEqual(Object.keys(names).sort());
  });
  ours.forEach(({ class: name, args, kwargs, params }) => {
    test(`${name} ${JSON.stringify(args)} ${JSON.stringify(kwargs)}`, async () => {
      manualSeed(0);
      const options = { ...Object.fromEntries(args.map((value, i) => [names[name]![i], value])), ...kwargs };
      const make = () => build(name, options, noTensor).stateDict();
      const state = make();
      expect([...state.keys()]).toEqual(params.map(({ key }) => key));
      for (const { key, shape, fact } of params) {
        expect(state.get(key)!.shape, key).toEqual(shape);
        const x = Array.from((await state.get(key)!.data()) as ArrayLike<number | bigint>, Number);
        if (fact.kind === 'constant') {
          expect(new Set(x), key).toEqual(new Set([fact.value]));
          continue;
        }
        expect(fact.kind, key).toBe('uniform');
        while (x.length < 4000) x.push(...((await make().get(key)!.data()) as Float32Array));
        const slack = 1e-6 * fact.high;
        expect(
          x.every((v) => v >= fact.low - slack && v <= fact.high + slack),
          key,
        ).toBe(true);
        const mean = x.reduce((a, b) => a + b, 0) / x.length;
        const std = Math.sqrt(x.reduce((a, b) => a + (b - mean) ** 2, 0) / x.length);
        // six standard errors of the mean; the deviation's is smaller
        const margin = (6 * fact.std) / Math.sqrt(x.length);
        expect(Math.abs(mean - fact.mean), key).toBeLessThan(margin);
        expect(Math.abs(std - fact.std), key).toBeLessThan(margin);
      }
    });
  });
});

describe("the same seed gives PyTorch's weights, bit for bit (scripts/goldens/layers.py)", () => {
  interface Golden {
    readonly seed: string;
    readonly layers: readonly { class: string; options: Record<string, unknown>; state: Record<string, string> }[];
    readonly next: number;
  }
  const { cases } = fixture('init/layers.json') as { cases: Golden[] };
  cases.forEach(({ seed, layers, next }) => {
    test(`seed ${seed}: ${layers.map((l) => `${l.class} ${JSON.stringify(l.options)}`).join(', ')}`, async () => {
      manualSeed(BigInt(seed));
      for (const { class: name, options, state } of layers) {
        const own = build(name, options, noTensor).stateDict();
        const bits = await Promise.all(
          [...own].map(async ([key, t]) => {
            const { buffer, byteOffset, byteLength } = await t.data();
            return [key, Buffer.from(buffer, byteOffset, byteLength).toString('hex')];
          }),
        );
        expect(Object.fromEntries(bits), name).toEqual(state);
      }
      // and as much was taken from the generator
      expect(await randint(0, 2 ** 20, [1]).item()).toBe(next);
    });
  });
});

test('the seed decides the weights', async () => {
  const weights = async (seed: number) => {
    manualSeed(seed);
    return new nn.Linear({ in_features: 4, out_features: 4 }).weight.array();
  };
  expect(await weights(3)).toEqual(await weights(3));
  expect(await weights(3)).not.toEqual(await weights(4));
});
