import { describe, expect, test, vi } from 'vitest';
import { assemble } from '../../scripts/wasm.ts';
import {
  type AdamArgs,
  type AdaptiveArgs,
  adamStep,
  adaptiveStep,
  code,
  type Floats,
  type SgdArgs,
  sgdStep,
  stateArrays,
} from './kernels.ts';

const lengths = [1, 3, 5, 15, 16, 17, 100, 1023, 16383, 16384, 16385, 24577];

function values(n: number, seed: number): Float32Array {
  return Float32Array.from({ length: n }, (_, i) => Math.sin(1.7 * i + seed) * (1 + (i % 7)));
}

const zeros = (n: number) => new Float32Array(n);

/** Every combination of the given alternatives. */
function combinations<T extends object>(alternatives: { [K in keyof T]: readonly T[K][] }): T[] {
  let all: Partial<T>[] = [{}];
  for (const key of Object.keys(alternatives) as (keyof T)[]) {
    all = all.flatMap((one) => alternatives[key].map((value) => ({ ...one, [key]: value })));
  }
  return all as T[];
}

const adams = combinations<Omit<AdamArgs, 'step'>>({
  lr: [0.01],
  beta1: [0.9, 0],
  beta2: [0.99],
  eps: [1e-8, 0.1],
  weightDecay: [0, 0.3],
  decoupled: [false, true],
  maximize: [false, true],
  amsgrad: [false, true],
});
// RMSprop, Adagrad, NAdam, RAdam before and after its average is long enough
const alone = { c1: [0], rate: [0], gRate: [0.01], root: [1] };
const both = { c1: [0.1], b2: [0.99], c2: [0.01], rate: [0.02] };
const any = { sign: [1, -1], l2: [0, 0.3], keep: [1, 0.97] };
const adaptives = [
  ...combinations<AdaptiveArgs>({ ...any, ...alone, b2: [0.99], c2: [0.01], eps: [1e-8, 0.1] }),
  ...combinations<AdaptiveArgs>({ ...any, ...alone, b2: [1], c2: [1], eps: [1e-10] }),
  ...combinations<AdaptiveArgs>({ ...any, ...both, gRate: [0.003], root: [1.3], eps: [1e-8, 0.1] }),
  ...combinations<AdaptiveArgs>({ ...any, ...both, gRate: [0], root: [0], eps: [1] }),
  ...combinations<AdaptiveArgs>({ ...any, ...both, gRate: [0], root: [1], eps: [1e-8] }),
];
const sgds = combinations<Omit<SgdArgs, 'first'>>({
  lr: [0.1],
  momentum: [0, 0.9],
  dampening: [0, 0.2],
  weightDecay: [0, 0.3],
  nesterov: [false, true],
  maximize: [false, true],
});

/** PyTorch's `_single_tensor_adam`, in double precision. */
function adamReference(p: number[], g: number[], m: number[], v: number[], x: number[], a: AdamArgs): void {
  p.forEach((_, i) => {
    let grad = a.maximize ? -g[i]! : g[i]!;
    if (a.decoupled) p[i]! *= 1 - a.lr * a.weightDecay;
    else grad += a.weightDecay * p[i]!;
    m[i] = a.beta1 * m[i]! + (1 - a.beta1) * grad;
    v[i] = a.beta2 * v[i]! + (1 - a.beta2) * grad * grad;
    x[i] = Math.max(x[i]!, v[i]!);
    const second = Math.sqrt(a.amsgrad ? x[i]! : v[i]!);
    p[i]! -= (a.lr / (1 - a.beta1 ** a.step)) * (m[i]! / (second / Math.sqrt(1 - a.beta2 ** a.step) + a.eps));
  });
}

/** The formula that `AdaptiveArgs` tells; `m` null where there is none. */
function adaptiveReference(p: number[], g: number[], m: number[] | null, v: number[], a: AdaptiveArgs): void {
  p.forEach((before, i) => {
    const grad = a.sign * g[i]! + a.l2 * before;
    if (m) m[i]! += a.c1 * (grad - m[i]!);
    v[i] = a.b2 * v[i]! + a.c2 * grad ** 2;
    p[i] = a.keep * before - ((m ? a.rate * m[i]! : 0) + a.gRate * grad) / (a.root * Math.sqrt(v[i]!) + a.eps);
  });
}

/** PyTorch's `_single_tensor_sgd`. */
function sgdReference(p: number[], g: number[], b: number[], a: SgdArgs): void {
  p.forEach((_, i) => {
    let grad = a.maximize ? -g[i]! : g[i]!;
    grad += a.weightDecay * p[i]!;
    if (a.momentum !== 0) {
      b[i] = a.first ? grad : a.momentum * b[i]! + (1 - a.dampening) * grad;
      grad = a.nesterov ? grad + a.momentum * b[i]! : b[i]!;
    }
    p[i]! -= a.lr * grad;
  });
}

function near(got: Floats, expected: number[], relative: number): void {
  const scale = Math.max(1, ...expected.slice(0, 100).map(Math.abs));
  let worst = 0;
  for (let i = 0; i < got.length; i++) worst = Math.max(worst, Math.abs(got[i]! - expected[i]!));
  expect(worst).toBeLessThanOrEqual(relative * scale);
}

type Make = (lengths: number[]) => Floats[];
const homes: [name: string, make: Make, relative: number][] = [
  ['float32 on the heap', (n) => n.map(zeros), 3e-6],
  ['float32 state in the kernel', (n) => stateArrays(n), 3e-6],
  ['float64', (n) => n.map((k) => new Float64Array(k)), 1e-14],
];

function checkAdam(
  run: typeof adamStep,
  n: number,
  options: Omit<AdamArgs, 'step'>,
  make: Make,
  relative: number,
): void {
  const start = values(n, 1);
  const [m, v, x] = make([n, n, n]) as [Floats, Floats, Floats];
  const p = m instanceof Float64Array ? Float64Array.from(start) : start.slice();
  const [rp, rm, rv, rx] = [[...start], [...zeros(n)], [...zeros(n)], [...zeros(n)]];
  for (let step = 1; step <= 3; step++) {
    const g32 = values(n, 10 * step);
    const g = m instanceof Float64Array ? Float64Array.from(g32) : g32;
    run<Floats>(p, g, m, v, options.amsgrad ? x : null, { ...options, step });
    adamReference(rp, [...g], rm, rv, rx, { ...options, step });
    expect(g.every((value, i) => value === g32[i])).toBe(true);
  }
  near(p, rp, relative);
  near(m, rm, relative);
  near(v, rv, relative);
  near(x, options.amsgrad ? rx : [...zeros(n)], relative);
}

function checkAdaptive(run: typeof adaptiveStep, n: number, args: AdaptiveArgs, make: Make, relative: number): void {
  const start = values(n, 1);
  const [m, v] = make([n, n]) as [Floats, Floats];
  // not from 0, where a gradient near 0 has a direction that is all rounding
  m.fill(0.5);
  v.fill(0.25);
  const p = m instanceof Float64Array ? Float64Array.from(start) : start.slice();
  const [rp, rm, rv] = [[...start], [...m], [...v]];
  const withM = args.c1 !== 0;
  for (let step = 1; step <= 3; step++) {
    const g32 = values(n, 10 * step);
    const g = m instanceof Float64Array ? Float64Array.from(g32) : g32;
    run<Floats>(p, g, withM ? m : null, v, null, args);
    adaptiveReference(rp, [...g], withM ? rm : null, rv, args);
  }
  near(p, rp, relative);
  near(m, rm, relative);
  near(v, rv, relative);
}

function checkSgd(run: typeof sgdStep, n: number, options: Omit<SgdArgs, 'first'>, make: Make, relative: number): void {
  const start = values(n, 1);
  const [b] = make([n]) as [Floats];
  b.fill(Number.NaN);
  const p = b instanceof Float64Array ? Float64Array.from(start) : start.slice();
  const [rp, rb] = [[...start], [...zeros(n)]];
  for (let step = 1; step <= 3; step++) {
    const g = b instanceof Float64Array ? Float64Array.from(values(n, 10 * step)) : values(n, 10 * step);
    run<Floats>(p, g, options.momentum === 0 ? null : b, { ...options, first: step === 1 });
    sgdReference(rp, [...g], rb, { ...options, first: step === 1 });
  }
  near(p, rp, relative);
  if (options.momentum !== 0) near(b, rb, relative);
}

describe.each(homes)('%s', (_, make, relative) => {
  for (const n of lengths) {
    test(`adam, ${n} elements, all options`, () => {
      for (const options of n < 1000 ? adams : adams.slice(-4)) checkAdam(adamStep, n, options, make, relative);
    });
    test(`adaptive, ${n} elements, all options`, () => {
      const some = n < 1000 ? adaptives : adaptives.filter(({ sign, l2, keep }) => sign < 0 && l2 > 0 && keep < 1);
      for (const args of some) checkAdaptive(adaptiveStep, n, args, make, relative);
    });
    test(`sgd, ${n} elements, all options`, () => {
      for (const options of n < 1000 ? sgds : sgds.slice(-4)) checkSgd(sgdStep, n, options, make, relative);
    });
  }
});

test('without WebAssembly', async () => {
  vi.resetModules();
  vi.stubGlobal('WebAssembly', undefined);
  const plain = await import('./kernels.ts');
  vi.unstubAllGlobals();
  const make: Make = (n) => plain.stateArrays(n);
  for (const options of adams) checkAdam(plain.adamStep, 101, options, make, 3e-6);
  for (const args of adaptives) checkAdaptive(plain.adaptiveStep, 101, args, make, 3e-6);
  for (const options of sgds) checkSgd(plain.sgdStep, 101, options, make, 3e-6);
});

test('parts of larger arrays, and everything in the kernel: neighbours keep their values', () => {
  const args = { ...adams[0]!, step: 1 };
  const n = 60;
  const whole = [values(n, 1), values(n, 2), zeros(n), zeros(n)] as const;
  adamStep(...whole, null, args);
  const inKernel = stateArrays([n, n, n, n]);
  for (const arrays of [
    [zeros(n), zeros(n), zeros(n), zeros(n)],
    inKernel,
    [zeros(n), zeros(n), ...inKernel.slice(2)],
  ]) {
    const [p, g, m, v] = arrays as [Float32Array, Float32Array, Float32Array, Float32Array];
    p.set(values(n, 1));
    g.set(values(n, 2));
    m.fill(0);
    v.fill(0);
    for (const [from, to] of [
      [0, 17],
      [17, 36],
      [36, 60],
    ] as const) {
      const [a, b, c, d] = [p, g, m, v].map((x) => x.subarray(from, to)) as [
        Float32Array,
        Float32Array,
        Float32Array,
        Float32Array,
      ];
      const after = p[to];
      adamStep(a, b, c, d, null, args);
      expect(p[to]).toBe(after);
    }
    near(p, [...whole[0]], 1e-6);
    near(v, [...whole[3]], 1e-6);
  }
});

test('state arrays are zero, apart from each other, and of the lengths asked for', () => {
  const arrays = stateArrays([3, 0, 5, 100_000]);
  expect(arrays.map((a) => a.length)).toEqual([3, 0, 5, 100_000]);
  expect(arrays.every((a) => a.every((x) => x === 0))).toBe(true);
  arrays.forEach((a, i) => {
    a.fill(i + 1);
  });
  expect(arrays.map((a) => a.every((x, _, all) => x === all[0]))).toEqual([true, true, true, true]);
});

test('infinite parameters do not spoil the state', () => {
  const [p, g, m, v] = [values(20, 1).fill(Infinity), values(20, 2), zeros(20), zeros(20)];
  adamStep(p, g, m, v, null, { ...adams[0]!, step: 1 });
  expect([p, m, v].map((a) => a.some(Number.isNaN))).toEqual([false, false, false]);
});

test('kernels.ts holds what kernels.wat says', async () => {
  expect(code).toBe(await assemble('optim/kernels'));
});
