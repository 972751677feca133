import { readFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { assemble } from '../../scripts/wasm.ts';
import { ArgError } from './errors.ts';
import { defaultGenerator, Generator, manualSeed } from './generator.ts';
import { code } from './mt19937.ts';

interface Draw {
  fn: string;
  n: number;
  dtype: 'float32' | 'float64' | 'int64' | 'int32' | 'uint8';
  args: string[];
  bits?: string;
  values?: string[];
}
interface Golden {
  cases: { seed: string; draws: Draw[]; next: number }[];
  states: { draws: number | null; state: string; then: string }[];
}
const golden: Golden = JSON.parse(readFileSync(new URL('../../test/fixtures/generator.json', import.meta.url), 'utf8'));

const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  int64: BigInt64Array,
  int32: Int32Array,
  uint8: Uint8Array,
} as const;

function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}

function drawn(g: Generator, { fn, n, dtype, args }: Draw) {
  if (fn === 'randperm') return g.randperm(n);
  const out = new arrays[dtype](n);
  if (fn === 'randint') return g.randint(out, BigInt(args[0]!), BigInt(args[1]!));
  if (!(out instanceof Float32Array || out instanceof Float64Array)) throw new Error(`${fn} of ${dtype}`);
  const numbers = args.map(Number);
  if (fn === 'rand' || fn === 'uniform_') return g.uniform(out, ...numbers);
  if (fn === 'trunc_normal_') return g.truncNormal(out, ...numbers);
  return g.normal(out, ...numbers);
}

function check(out: ArrayLike<number | bigint>, draw: Draw): void {
  if (draw.values) {
    expect(Array.from(out, String)).toEqual(draw.values);
    return;
  }
  const expected = Array.from(new arrays[draw.dtype](fromHex(draw.bits!).buffer), Number);
  const got = Array.from(out, Number);
  const exact = !draw.fn.includes('normal') && draw.fn !== 'randn';
  const scale = Math.max(1, ...expected.map(Math.abs));
  const tolerance = exact ? 0 : (draw.dtype === 'float64' ? 1e-14 : 1e-6) * scale;
  expect(got.length).toBe(expected.length);
  got.forEach((x, i) => {
    expect(Math.abs(x - expected[i]!), `element ${i}: ${x} for ${expected[i]}`).toBeLessThanOrEqual(tolerance);
  });
}

describe('numbers of PyTorch', () => {
  for (const { seed, draws, next } of golden.cases) {
    const title = draws.map(({ fn, n, dtype, args }) => `${fn}(${[n, ...args].join(', ')}) ${dtype}`).join(', ');
    test(`seed ${seed}: ${title}`, () => {
      const g = new Generator(BigInt(seed));
      for (const draw of draws) check(drawn(g, draw), draw);
      expect(g.randint(new Int32Array(1), 0, 2 ** 20)[0]).toBe(next);
    });
  }
});

describe('state', () => {
  for (const { draws, state, then } of golden.states) {
    test(`bytes of torch.get_rng_state() after ${draws ?? 'one randn, a spare one left,'} draws`, () => {
      const g = new Generator(draws === null ? 42 : -42);
      if (draws === null) g.normal(new Float32Array(1));
      else g.uniform(new Float32Array(draws));
      expect(Buffer.from(g.getState()).toString('hex')).toBe(state);
      const other = new Generator().setState(fromHex(state));
      expect(other.initialSeed).toBe(g.initialSeed);
      expect(other.getState()).toEqual(g.getState());
      const numbers = other.normal(new Float32Array(5));
      check(numbers, { fn: 'randn', n: 5, dtype: 'float32', args: [], bits: then });
      expect(g.normal(new Float32Array(5))).toEqual(numbers);
    });
  }

  test('a state read back continues the same', () => {
    const g = new Generator(7);
    for (let i = 0; i < 1300; i += 13) {
      const copy = new Generator().setState(g.getState());
      expect(copy.random64()).toBe(g.random64());
      g.normal(new Float32Array((i % 5) + 1));
    }
  });

  test('seeds', () => {
    expect(new Generator().initialSeed).toBe(67280421310721n);
    expect(new Generator(-1).initialSeed).toBe(2n ** 64n - 1n);
    manualSeed(5);
    const a = defaultGenerator.random32();
    manualSeed(5n);
    expect(defaultGenerator.random32()).toBe(a);
    const chosen = new Generator();
    expect(chosen.seed()).toBe(chosen.initialSeed);
    expect(new Generator(chosen.initialSeed).random32()).toBe(chosen.random32());
  });
});

describe('dropoutMask', () => {
  const n = 200_001;
  for (const p of [0.1, 0.5, 0.25, 0.9, 0.001, 0.0111, 0.9999, 1e-9]) {
    test(`p = ${p}`, () => {
      const mask = new Generator(1).dropoutMask(new Float32Array(n), p);
      const kept = Math.fround(1 / (1 - p));
      expect(mask.every((x) => x === 0 || x === kept)).toBe(true);
      const dropped = mask.reduce((sum, x) => sum + (x === 0 ? 1 : 0), 0) / n;
      // five standard deviations, and the rounding of p that the mask allows itself
      expect(Math.abs(dropped - p)).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / n) + 1e-3 * Math.min(p, 1 - p) + 1e-15);
    });
  }

  test('p = 0 and p = 1 draw nothing', () => {
    const g = new Generator(3);
    expect([...g.dropoutMask(new Float32Array(3), 0)]).toEqual([1, 1, 1]);
    expect([...g.dropoutMask(new Float32Array(3), 1)]).toEqual([0, 0, 0]);
    expect(g.getState()).toEqual(new Generator(3).getState());
  });

  test('neighbours are independent, and a seed gives the same mask', () => {
    const mask = new Generator(2).dropoutMask(new Float32Array(100_000), 0.5);
    expect(new Generator(2).dropoutMask(new Float32Array(100_000), 0.5)).toEqual(mask);
    for (const lag of [1, 2, 624, 1248]) {
      let both = 0;
      for (let i = lag; i < mask.length; i++) if (mask[i] && mask[i - lag]) both++;
      expect(Math.abs(both / mask.length - 0.25)).toBeLessThan(0.01);
    }
  });

  test('fills a view in the middle of a buffer', () => {
    const all = new Float32Array(9);
    new Generator(0).dropoutMask(all.subarray(2, 7), 0.01);
    expect([...all.subarray(0, 2), ...all.subarray(7)]).toEqual([0, 0, 0, 0]);
    expect(Math.max(...all)).toBe(Math.fround(1 / 0.99));
  });
});

test('without WebAssembly the same comes', async () => {
  vi.resetModules();
  vi.stubGlobal('WebAssembly', undefined);
  const plain = await import('./generator.ts');
  vi.unstubAllGlobals();
  const [a, b] = [new Generator(9), new plain.Generator(9)];
  const other = new Generator(1);
  for (const n of [1, 63, 128, 129, 700, 1248, 5000, 3]) {
    for (const p of [0.1, 0.7, 0.001]) {
      expect(b.dropoutMask(new Float32Array(n), p)).toEqual(a.dropoutMask(new Float32Array(n), p));
      expect(b.uniform(new Float32Array(n))).toEqual(a.uniform(new Float32Array(n)));
      // another generator, whose numbers the kernel holds now
      other.dropoutMask(new Float32Array(n), p);
      if (n === 129) a.setState(other.getState());
      if (n === 129) b.setState(other.getState());
    }
  }
  expect(b.getState()).toEqual(a.getState());
});

test('mt19937.ts holds what mt19937.wat says', async () => {
  expect(code).toBe(await assemble('util/mt19937'));
});

test('errors', () => {
  const g = new Generator(0);
  const wrong = (draw: () => unknown) => {
    expect(draw).toThrow(ArgError);
    try {
      draw();
    } catch (error) {
      return (error as Error).message;
    }
    return '';
  };
  const x = new Float32Array(3);
  expect([
    wrong(() => manualSeed(1.5)),
    wrong(() => manualSeed(2n ** 64n)),
    wrong(() => g.uniform(x, 1, 0)),
    wrong(() => g.uniform(x, 0, Number.NaN)),
    wrong(() => g.uniform(x, 0, Infinity)),
    wrong(() => g.normal(x, 0, -1)),
    wrong(() => g.truncNormal(x, 0, 0)),
    wrong(() => g.truncNormal(x, 0, 1, 2, -2)),
    wrong(() => g.randint(new Int32Array(2), 5, 5)),
    wrong(() => g.randint(new Int32Array(2), 0, 1.5)),
    wrong(() => g.randint(new Uint8Array(2), 0, 300)),
    wrong(() => g.randint(new Uint8Array(2), -1, 3)),
    wrong(() => g.randperm(-1)),
    wrong(() => g.dropoutMask(x, 1.5)),
    wrong(() => g.setState(new Uint8Array(10))),
    wrong(() => g.setState(new Uint8Array(5056))),
  ]).toMatchInlineSnapshot(`
    [
      "manualSeed: expected an integer from -2^63 to 2^64 - 1, got 1.5",
      "manualSeed: expected an integer from -2^63 to 2^64 - 1, got 18446744073709551616",
      "uniform_ expects to return a [from, to) range, but found from=1 > to=0",
      "uniform_ expects to return a [from, to) range, but found from=0 > to=NaN",
      "uniform_: expected a range that fits float32, got 0 to Infinity",
      "normal expects std >= 0.0, but found std -1",
      "truncNormal_: expected std > 0, got 0",
      "uniform_ expects to return a [from, to) range, but found from=2 > to=-2",
      "random_ expects 'from' to be less than 'to', but got from=5 >= to=5",
      "randint: high must be an integer, got 1.5",
      "randint: to - 1 is out of bounds: expected at most 255, got 299",
      "randint: from is out of bounds: expected at least 0, got -1",
      "randperm: n must be a non-negative integer, got -1",
      "dropout probability has to be between 0 and 1, but got 1.5",
      "setState: Expected a CPUGeneratorImplState of size 5056 but found the input RNG state size to be 10",
      "setState: Invalid mt19937 state: 0 numbers left and 0 used of 624",
    ]
  `);
});
