/**
 * How an operation is tested: a row names it, gives inputs and an obvious reference. The check compares shape, dtype and
 * values, then the gradient and the gradient of the gradient with finite differences, each along one random direction.
 */
import { type Dtype, grad, realize, type Tensor, tensor } from 'torcharc';
import { expect } from 'vitest';

/** An array of the reference: plain numbers in row-major order. */
export interface Nd {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

export interface Input {
  readonly shape: readonly number[];
  /** Uniform random numbers in this range; -1 to 1 by default. */
  readonly range?: readonly [low: number, high: number];
  /** Distinct numbers a quarter apart in random order, for operations with kinks where two are equal. */
  readonly apart?: boolean;
  readonly values?: readonly number[];
  /** Other than the row's float type; never differentiated. */
  readonly dtype?: Dtype;
}

export interface Row {
  /** A method of Tensor, `F.name`, or another function. */
  readonly of: string;
  readonly note?: string;
  readonly inputs: readonly Input[];
  readonly run: (...xs: Tensor[]) => Tensor | readonly Tensor[];
  readonly want: (...xs: Nd[]) => Nd | readonly Nd[];
  /** Of the result: the row's float type unless given. */
  readonly dtype?: Dtype | readonly Dtype[];
  /** float64 unless ONNX Runtime has no such kernel. */
  readonly float?: 'float32' | 'float64';
  /** Why the gradient is not compared with differences. */
  readonly noGradient?: string;
}

/** Numbers in [0, 1), the same in every run. */
export function numbers(seed: number): () => number {
  let s = seed >>> 0;
  return () => {
    s = (Math.imul(s ^ (s >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    const t = Math.imul(s ^ (s >>> 12), 0x297a2d39) >>> 0;
    return ((t ^ (t >>> 15)) >>> 0) / 2 ** 32;
  };
}

export const size = (shape: readonly number[]) => shape.reduce((n, d) => n * d, 1);

/** An array from a function of the index. */
export function nd(shape: readonly number[], at: (index: number[]) => number): Nd {
  const data = Array.from({ length: size(shape) }, (_, flat) => at(unravel(flat, shape)));
  return { shape, data };
}

function unravel(flat: number, shape: readonly number[]): number[] {
  const index = new Array<number>(shape.length);
  for (let i = shape.length - 1, rest = flat; i >= 0; i--) {
    index[i] = rest % shape[i]!;
    rest = Math.floor(rest / shape[i]!);
  }
  return index;
}

/** The element at an index; 0 outside. */
export function at({ shape, data }: Nd, index: readonly number[]): number {
  let flat = 0;
  for (let i = 0; i < shape.length; i++) {
    if (index[i]! < 0 || index[i]! >= shape[i]!) return 0;
    flat = flat * shape[i]! + index[i]!;
  }
  return data[flat]!;
}

/** A function of each element. */
export const each =
  (fn: (x: number) => number) =>
  (x: Nd): Nd => ({ shape: x.shape, data: x.data.map(fn) });

/** A function of elements that meet by broadcasting. */
export const meet =
  (fn: (...xs: number[]) => number) =>
  (...xs: Nd[]): Nd => {
    const rank = Math.max(...xs.map((x) => x.shape.length));
    const dims = (x: Nd) => [...new Array<number>(rank - x.shape.length).fill(1), ...x.shape];
    const shape = Array.from({ length: rank }, (_, i) =>
      xs.map((x) => dims(x)[i]!).reduce((a, b) => (a === 1 ? b : a)),
    );
    const pick = (x: Nd, index: number[]) =>
      at(
        x,
        x.shape.map((d, i) => (d === 1 ? 0 : index[i + rank - x.shape.length]!)),
      );
    return nd(shape, (index) => fn(...xs.map((x) => pick(x, index))));
  };

/** Per float type: how near values must be; the step of the differences, and how near those must be (both relative). */
const precision = {
  // the differences lose half the digits
  float64: { value: 1e-11, step: 1e-3, slope: 1e-6 },
  // sums of a few hundred products; a quarter-thousandth of the digits is left to differences of values near 1
  float32: { value: 2e-5, step: 2 ** -4, slope: 4e-3 },
};

const isFloat = (t: Tensor) => t.dtype.startsWith('float');
const list = <T>(x: T | readonly T[]): readonly T[] => (Array.isArray(x) ? (x as readonly T[]) : [x as T]);

export async function check(row: Row): Promise<void> {
  const float = row.float ?? 'float64';
  const random = numbers(row.of.length * 7919 + (row.note?.length ?? 0));
  const uniform = (n: number, low = -1, high = 1) =>
    Array.from({ length: n }, () => Math.fround(low + (high - low) * random()));
  const arrays = row.inputs.map((input): Nd => {
    const n = size(input.shape);
    if (input.values) return { shape: input.shape, data: input.values };
    if (!input.apart) return { shape: input.shape, data: uniform(n, ...(input.range ?? [-1, 1])) };
    const order = [...Array(n).keys()].map((i) => [random(), i] as const).sort((a, b) => a[0] - b[0]);
    return { shape: input.shape, data: order.map(([, i]) => (i - n / 2) / 4 + 0.1) };
  });
  const make = ({ shape, data }: Nd, dtype: Dtype = float, requiresGrad = false) =>
    tensor(dtype === 'int64' ? BigInt64Array.from(data, BigInt) : Float64Array.from(data), {
      shape,
      dtype,
      requiresGrad,
    });
  const place = (moved: readonly Nd[], requiresGrad = false) =>
    moved.map((a, i) => make(a, row.inputs[i]!.dtype, requiresGrad && !row.inputs[i]!.dtype));

  // shape and dtype before anything is computed, then the values
  const xs = place(arrays);
  const ys = list(row.run(...xs));
  const wants = list(row.want(...arrays));
  const dtypes = list(row.dtype ?? float);
  expect(ys.map((y) => y.shape)).toEqual(wants.map((w) => w.shape));
  expect(ys.map((y) => y.dtype)).toEqual(ys.map((_, i) => dtypes[i] ?? dtypes[0]));
  await realize(...ys);
  const { value, step, slope } = precision[float];
  for (const [i, y] of ys.entries()) {
    const data = Array.from((await y.data()) as ArrayLike<number | bigint>, Number);
    const want = wants[i]!.data;
    expect(data).toHaveLength(want.length);
    const scale = want.reduce((m, v) => (Number.isFinite(v) ? Math.max(m, Math.abs(v)) : m), 1);
    data.forEach((got, k) => {
      const near = Object.is(got, want[k]) || got === want[k] || Math.abs(got - want[k]!) <= value * scale;
      if (!near) expect.fail(`result ${i}, element ${k}: got ${got}, expected ${want[k]}`);
    });
  }

  const floats = row.inputs.flatMap((input, i) => (input.dtype ? [] : [i]));
  if (row.noGradient || floats.length === 0 || !ys.some(isFloat)) {
    const tracked = list(row.run(...place(arrays, true)));
    if (!tracked.some(isFloat)) expect(tracked.some((y) => y.requiresGrad)).toBe(false);
    return;
  }
  const weights = wants.map((w) => ({ shape: w.shape, data: uniform(size(w.shape)) }));
  const directions = arrays.map((a) => ({ shape: a.shape, data: uniform(a.data.length) }));
  const second = [...arrays, ...weights].map((a) => ({ shape: a.shape, data: uniform(a.data.length) }));
  const along = (base: readonly Nd[], by: readonly Nd[], t: number) =>
    base.map((a, i) => ({ shape: a.shape, data: a.data.map((v, k) => v + t * by[i]!.data[k]!) }));
  const dot = (gradients: readonly (Tensor | null)[], by: readonly Nd[]) =>
    gradients
      .flatMap((g, i) => (g ? [g.mul(make(by[i]!)).sum()] : []))
      .reduce((a, b) => a.add(b), tensor(0, { dtype: float }));
  /** Σ w · y, the number that is differentiated. */
  const total = (inputs: readonly Tensor[], ws: readonly Tensor[]) =>
    list(row.run(...inputs))
      .flatMap((y, i) => (isFloat(y) ? [y.mul(ws[i]!).sum()] : []))
      .reduce((a, b) => a.add(b));
  /** Its derivative along `directions`, by our gradient. */
  const slopeAt = (points: readonly Nd[], ws: readonly Nd[]) => {
    const inputs = place(points, true);
    const factors = ws.map((w) => make(w, float, true));
    const wanted = floats.map((i) => inputs[i]!);
    const s = total(inputs, factors);
    const first = s.requiresGrad ? grad(s, wanted) : wanted.map(() => null);
    for (const [i, g] of first.entries()) if (g) expect([g.shape, g.dtype]).toEqual([wanted[i]!.shape, float]);
    const along = dot(
      first,
      floats.map((i) => directions[i]!),
    );
    return { along, wanted: [...wanted, ...factors] };
  };
  /** Four values at ±step and ±step/2; combined, an error of the fourth order. */
  const probe = (f: (t: number) => Tensor) => [step, -step, step / 2, -step / 2].map(f);
  const difference = async (values: readonly Tensor[]) => {
    const [a, b, c, d] = (await Promise.all(values.map((v) => v.item()))) as [number, number, number, number];
    return { slope: (4 * ((c - d) / step) - (a - b) / (2 * step)) / 3, size: Math.max(...[a, b, c, d].map(Math.abs)) };
  };
  const held = (moved: readonly Nd[], i: number) => (row.inputs[i]?.dtype ? arrays[i]! : moved[i]!);
  const still = (moved: readonly Nd[]) => arrays.map((_, i) => held(moved, i));

  const ws = weights.map((w) => make(w));
  const probes = probe((t) => total(place(still(along(arrays, directions, t))), ws));
  const ours = slopeAt(arrays, weights);
  const twice = ours.along.requiresGrad ? grad(ours.along, ours.wanted) : [];
  const ours2 = dot(twice, [...floats.map((i) => second[i]!), ...second.slice(arrays.length)]);
  const probes2 = probe((t) => {
    const moved = along([...arrays, ...weights], second, t);
    return slopeAt(still(moved), moved.slice(arrays.length)).along;
  });
  await realize(...probes, ...probes2, ours.along, ours2);
  for (const [what, got, values] of [
    ['gradient', ours.along, probes],
    ['gradient of the gradient', ours2, probes2],
  ] as const) {
    const want = await difference(values);
    const scale = Math.max(1, want.size, Math.abs(want.slope));
    const off = Math.abs((await got.item()) - want.slope);
    const text = `${what}: got ${await got.item()}, differences say ${want.slope} (scale ${scale})`;
    expect(off, text).toBeLessThanOrEqual(slope * scale);
  }
}
