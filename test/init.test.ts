import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import * as init from '../src/nn/init.ts';
import { allocate, type Dtype, fromHalf } from '../src/tensor/dtype.ts';
import { numel } from '../src/tensor/shape.ts';
import { hostData, leaf, Tensor } from '../src/tensor/tensor.ts';
import { ArgError, ShapeError } from '../src/util/errors.ts';
import { manualSeed } from '../src/util/generator.ts';

const fixture = (path: string) => JSON.parse(readFileSync(new URL(`fixtures/${path}`, import.meta.url), 'utf8'));

function blank(shape: number[], dtype: Dtype = 'float32'): Tensor {
  const data = allocate(dtype, numel(shape));
  if (dtype !== 'int64' && dtype !== 'bool') (data as Float32Array).fill(9);
  return new Tensor(leaf(data, { shape, dtype }));
}

function values(t: Tensor): number[] {
  return Array.from(hostData(t, 'test') as ArrayLike<number | bigint>, (x) =>
    t.dtype === 'float16' ? fromHalf(Number(x)) : Number(x),
  );
}

function moments(x: number[]): { mean: number; std: number } {
  const mean = x.reduce((a, b) => a + b, 0) / x.length;
  return { mean, std: Math.sqrt(x.reduce((a, b) => a + (b - mean) ** 2, 0) / x.length) };
}

interface Fact {
  kind: string;
  low: number;
  high: number;
  mean: number;
  std: number;
  value: number;
  ones_at: number[][];
  matrix: [number, number];
  gram: 'WtW' | 'WWt';
  gram_diagonal: number;
  zeros_per_column: number;
  nonzero: Fact;
}

/** Six standard errors of the mean; the same is generous for the standard deviation. */
function checkMoments(x: number[], { kind, mean, std, low, high }: Fact): void {
  const got = moments(x);
  const margin = (6 * std) / Math.sqrt(x.length) + 1e-7;
  expect(Math.abs(got.mean - mean)).toBeLessThan(margin);
  expect(Math.abs(got.std - std)).toBeLessThan(margin);
  if (kind === 'normal') return;
  const slack = 1e-6 * Math.max(Math.abs(low), Math.abs(high));
  expect(x.every((v) => v >= low - slack && v <= high + slack)).toBe(true);
}

function checkFact(draw: () => number[], shape: number[], fact: Fact): void {
  const x = draw();
  if (fact.kind === 'constant') {
    expect(x.every((v) => v === fact.value)).toBe(true);
  } else if (fact.kind === 'exact') {
    const expected = new Array(x.length).fill(0);
    for (const at of fact.ones_at) expected[at.reduce((i, k, axis) => i * shape[axis]! + k, 0)] = 1;
    expect(x).toEqual(expected);
  } else if (fact.kind === 'orthogonal') {
    const [rows, cols] = fact.matrix;
    const w = (i: number, k: number) => (fact.gram === 'WtW' ? x[k * cols + i]! : x[i * cols + k]!);
    const [n, inner] = fact.gram === 'WtW' ? [cols, rows] : [rows, cols];
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        let dot = 0;
        for (let k = 0; k < inner; k++) dot += w(i, k) * w(j, k);
        expect(Math.abs(dot - (i === j ? fact.gram_diagonal : 0))).toBeLessThan(1e-6 * fact.gram_diagonal);
      }
    }
  } else {
    const all = [...x];
    while (all.length < 20_000) all.push(...draw());
    if (fact.kind === 'sparse') {
      const [rows, cols] = shape as [number, number];
      for (let col = 0; col < cols; col++) {
        const zeros = Array.from({ length: rows }, (_, row) => x[row * cols + col]).filter((v) => v === 0);
        expect(zeros.length).toBe(fact.zeros_per_column);
      }
      checkMoments(
        all.filter((v) => v !== 0),
        fact.nonzero,
      );
    } else checkMoments(all, fact);
  }
}

describe('the distribution PyTorch documents', () => {
  manualSeed(0);
  for (const { fn, shape, kwargs, fact } of fixture('init/functions.json').functions) {
    test(`${fn} ${JSON.stringify(shape)} ${JSON.stringify(kwargs)}`, () => {
      checkFact(() => values(init.inits[fn]!.fn(blank(shape), kwargs)), shape, fact);
    });
  }
});

describe('the weights of PyTorch, from the same seed', () => {
  const golden = fixture('generator.json');
  for (const { fn, options, shape, dtype, bits } of golden.inits) {
    test(`${fn} ${JSON.stringify(options)} ${JSON.stringify(shape)} ${dtype}`, () => {
      manualSeed(golden.seed);
      const got = values(init.inits[fn]!.fn(blank(shape, dtype), options));
      const bytes = Uint8Array.from(bits.match(/../g), (byte: string) => Number.parseInt(byte, 16));
      const data = allocate(dtype, got.length);
      new Uint8Array(data.buffer).set(bytes);
      const expected = values(new Tensor(leaf(data, { shape, dtype })));
      if (fn.includes('uniform')) {
        expect(got).toEqual(expected);
        return;
      }
      const scale = Math.max(...expected.map(Math.abs));
      // float32: PyTorch's vectorised log and sin, and for orthogonal_ its QR in float32; float16: one unit in the last place
      const tolerance = { float64: 1e-13, float16: 1e-3, float32: fn === 'orthogonal_' ? 1e-5 : 1e-6 }[
        dtype as 'float64'
      ];
      got.forEach((x, i) => {
        expect(Math.abs(x - expected[i]!), `element ${i}: ${x} for ${expected[i]}`).toBeLessThanOrEqual(
          tolerance * Math.max(1, scale),
        );
      });
    });
  }
});

describe('calculateGain', () => {
  const { gains, errors } = fixture('init/gain.json');
  for (const { nonlinearity, param, gain } of gains) {
    test(`${nonlinearity} ${param}`, () => {
      expect(init.calculateGain(nonlinearity, param)).toBeCloseTo(gain, 15);
    });
  }
  for (const { nonlinearity, param, error } of errors) {
    test(`${nonlinearity} ${param} is refused`, () => {
      expect(() => init.calculateGain(nonlinearity, param)).toThrow(error.replace('True', 'true'));
    });
  }
});

describe('calculateFanInAndFanOut', () => {
  const { shapes, layers, error_below_2d } = fixture('init/fans.json');
  for (const { shape, weight_shape, fan_in, fan_out } of [...shapes, ...layers]) {
    test(JSON.stringify(shape ?? weight_shape), () => {
      expect(init.calculateFanInAndFanOut({ shape: shape ?? weight_shape })).toEqual([fan_in, fan_out]);
    });
  }
  test('fewer than two axes', () => {
    for (const fn of ['xavier_uniform_', 'xavier_normal_', 'kaiming_uniform_', 'kaiming_normal_']) {
      expect(() => init.inits[fn]!.fn(blank([3]), {})).toThrow(error_below_2d);
    }
    expect(() => init.calculateFanInAndFanOut({ shape: [] })).toThrow(ShapeError);
  });
});

test('every function is in the table, with the options it takes', () => {
  const functions = Object.keys(init).filter((name) => name.endsWith('_'));
  const camel = (name: string) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  expect(Object.keys(init.inits).map(camel).sort()).toEqual(functions.sort());
  for (const [name, { fn, options }] of Object.entries(init.inits)) {
    const t = blank(name === 'dirac_' ? [4, 4, 3] : [4, 4]);
    const given = { a: 0, b: 1, mean: 0, std: 1, val: 1, groups: 1, gain: 1, sparsity: 0.5 };
    const some = { ...given, mode: 'fan_in', nonlinearity: 'relu' };
    expect(fn(t, Object.fromEntries(Object.entries(some).filter(([key]) => options.includes(key))))).toBe(t);
    expect(() => fn(t, { ...some, colour: 'red' })).toThrow(ArgError);
  }
});

test('other dtypes', () => {
  expect(values(init.ones_(blank([3], 'int64')))).toEqual([1, 1, 1]);
  expect(values(init.constant_(blank([2], 'bool'), 3))).toEqual([1, 1]);
  expect(values(init.constant_(blank([2], 'float16'), 0.1))).toEqual([0.0999755859375, 0.0999755859375]);
  expect(values(init.eye_(blank([2, 2], 'float16')))).toEqual([1, 0, 0, 1]);
  expect(values(init.zeros_(blank([2], 'float64')))).toEqual([0, 0]);
});

test('tensors without elements', () => {
  for (const [name, { fn }] of Object.entries(init.inits)) {
    const t = blank(name === 'dirac_' ? [0, 3, 2] : [0, 3]);
    expect(fn(t, { constant_: { val: 1 }, sparse_: { sparsity: 0.5 } }[name] ?? {})).toBe(t);
  }
});

test('what is pending keeps the old values', () => {
  const t = blank([2]);
  const before = t.node;
  init.zeros_(t);
  expect([...(before.data as Float32Array)]).toEqual([9, 9]);
  expect(values(t)).toEqual([0, 0]);
});

test('errors', () => {
  const w = blank([3, 4]);
  const calls: (() => unknown)[] = [
    () => init.kaimingUniform_(w, { mod: 'fan_out' } as never),
    () => init.xavierNormal_(w, { speed: 3 } as never),
    () => init.ones_(w, { val: 3 } as never),
    () => init.kaimingNormal_(w, { mode: 'fan_inn' as never }),
    () => init.kaimingNormal_(w, { nonlinearity: 'leaky_rely' }),
    () => init.normal_(w, { std: -1 }),
    () => init.normal_(w, { std: '1' as never }),
    () => init.uniform_(w, { a: 1, b: 0 }),
    () => init.constant_(w, {} as never),
    () => init.constant_(blank([2], 'int64'), Number.NaN),
    () => init.sparse_(w, {} as never),
    () => init.sparse_(w, { sparsity: 1.5 }),
    () => init.sparse_(blank([3]), { sparsity: 0.5 }),
    () => init.eye_(blank([3])),
    () => init.dirac_(w),
    () => init.dirac_(blank([3, 4, 2]), { groups: 2 }),
    () => init.orthogonal_(blank([3])),
    () => init.xavierUniform_(blank([3])),
    () => init.normal_(blank([3], 'int64')),
  ];
  const messages = calls.map((call) => {
    try {
      return call();
    } catch (error) {
      return String(error);
    }
  });
  expect(messages).toMatchInlineSnapshot(`
    [
      "ArgError: kaimingUniform_: unknown option 'mod' (did you mean 'mode'?)",
      "ArgError: xavierNormal_: unknown option 'speed'; expected gain",
      "ArgError: ones_: unknown option 'val'; it takes none",
      "ArgError: kaimingNormal_: Mode fan_inn not supported, please use one of ['fan_in', 'fan_out'] (did you mean 'fan_in'?)",
      "ArgError: kaimingNormal_: Unsupported nonlinearity leaky_rely (did you mean 'leaky_relu'?); expected one of linear, conv1d, conv2d, conv3d, conv_transpose1d, conv_transpose2d, conv_transpose3d, sigmoid, tanh, relu, leaky_relu, selu",
      "ArgError: normal expects std >= 0.0, but found std -1",
      "ArgError: normal_: std must be a number, got "1"",
      "ArgError: uniform_ expects to return a [from, to) range, but found from=1 > to=0",
      "ArgError: constant_: missing option 'val', a number",
      "ArgError: constant_: expected a finite value for a tensor of int64, got NaN",
      "ArgError: sparse_: missing option 'sparsity', a number",
      "ArgError: sparse_: sparsity must be between 0 and 1, got 1.5",
      "ShapeError: sparse_: Only tensors with 2 dimensions are supported, got a tensor of shape [3]",
      "ShapeError: eye_: Only tensors with 2 dimensions are supported, got a tensor of shape [3]",
      "ShapeError: dirac_: Only tensors with 3, 4, or 5 dimensions are supported, got a tensor of shape [3, 4]",
      "ArgError: dirac_: dim 0 must be divisible by groups, got 3 and 2",
      "ShapeError: orthogonal_: Only tensors with 2 or more dimensions are supported, got a tensor of shape [3]",
      "ShapeError: xavierUniform_: Fan in and fan out can not be computed for tensor with fewer than 2 dimensions, got a tensor of shape [3]",
      "ArgError: normal_: expected a floating point tensor, got int64",
    ]
  `);
});
