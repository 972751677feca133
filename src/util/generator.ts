/**
 * PyTorch's CPU generator (mt19937) and its distributions. The same seed gives PyTorch's own numbers: uniform ones and integers
 * bit for bit (as PyTorch computes them on CPUs with fused multiply-add), normal ones to 1e-6.
 * https://pytorch.org/docs/stable/generated/torch.Generator.html
 */
import { ArgError } from './errors.ts';
import { generate, maskHalves, N, outputs } from './mt19937.ts';

/** `at` of a generator that was seeded and not used since; differs from N only in the bytes of `getState`. */
const FRESH = N + 1;
const STATE_BYTES = 5056;
/** What PyTorch seeds `torch.Generator()` with. */
const DEFAULT_SEED = 67280421310721n;
const TWO_PI = 2 * Math.PI;
const TWO_PI_F32 = Math.fround(TWO_PI);

const scratch = new Float32Array(1);
const scratchBits = new Int32Array(scratch.buffer);

type Floats = Float32Array | Float64Array;
type Integers = BigInt64Array | Int32Array | Uint8Array;

/** A stream of random numbers with PyTorch's state, seeding and distributions. */
export class Generator {
  /** mt19937's state, and the outputs made from it, all 624 at a time. */
  private readonly state = new Int32Array(N);
  private readonly words = new Int32Array(N);
  private at = FRESH;
  private seeded = DEFAULT_SEED;
  /** The second of a pair of normal numbers, for the next small fill. */
  private spare: number | null = null;

  constructor(seed: number | bigint = DEFAULT_SEED) {
    this.manualSeed(seed);
  }

  /** Start again from a seed: an integer from -2^63 to 2^64 - 1, of which mt19937 uses the low 32 bits, as PyTorch's does. */
  manualSeed(seed: number | bigint): this {
    this.seeded = asSeed(seed);
    const state = this.state;
    let last = Number(BigInt.asIntN(32, this.seeded));
    state[0] = last;
    for (let i = 1; i < N; i++) {
      last = (Math.imul(1812433253, last ^ (last >>> 30)) + i) | 0;
      state[i] = last;
    }
    this.at = FRESH;
    this.spare = null;
    return this;
  }

  /** Start from a seed nobody chose, and return it. */
  seed(): bigint {
    this.manualSeed(Math.floor(Math.random() * Number.MAX_SAFE_INTEGER));
    return this.seeded;
  }

  /** The seed this generator started from; a negative one counts from 2^64 down. */
  get initialSeed(): bigint {
    return this.seeded;
  }

  /** The next 32 bits. */
  random32(): number {
    if (this.at >= N) this.refill();
    return this.words[this.at++]! >>> 0;
  }

  /** The next 64 bits: the first draw is the high half. */
  random64(): bigint {
    const high = this.random32();
    return (BigInt(high) << 32n) | BigInt(this.random32());
  }

  /** The state as `torch.get_rng_state()` gives it: 5056 bytes, which PyTorch can read and which can come from PyTorch. */
  getState(): Uint8Array {
    const bytes = new Uint8Array(STATE_BYTES);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, this.seeded, true);
    view.setInt32(8, this.at >= N ? 1 : N + 1 - this.at, true);
    view.setInt32(12, 1, true);
    view.setBigUint64(16, BigInt(this.at === FRESH ? 0 : this.at), true);
    for (let i = 0; i < N; i++) view.setUint32(24 + 8 * i, this.state[i]!, true);
    if (this.spare !== null) {
      view.setFloat64(5024, this.spare, true);
      view.setInt32(5040, 1, true);
    }
    return bytes;
  }

  /** Continue from a state of `getState` or of `torch.get_rng_state()`. */
  setState(bytes: Uint8Array): this {
    if (!(bytes instanceof Uint8Array) || bytes.length !== STATE_BYTES) {
      const got = bytes instanceof Uint8Array ? `the input RNG state size to be ${bytes.length}` : typeof bytes;
      throw new ArgError(`setState: Expected a CPUGeneratorImplState of size ${STATE_BYTES} but found ${got}`);
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const left = view.getInt32(8, true);
    const next = Number(view.getBigUint64(16, true));
    if (view.getInt32(12, true) !== 1 || left < 1 || next > N || (left > 1 && left + next !== N + 1)) {
      throw new ArgError(`setState: Invalid mt19937 state: ${left} numbers left and ${next} used of ${N}`);
    }
    this.seeded = view.getBigUint64(0, true);
    this.at = left > 1 ? next : next === 0 ? FRESH : N;
    for (let i = 0; i < N; i++) this.state[i] = view.getUint32(24 + 8 * i, true);
    outputs(this.state, this.words);
    this.spare = view.getInt32(5040, true) ? view.getFloat64(5024, true) : null;
    return this;
  }

  /** Uniform numbers in [low, high), as `tensor.uniform_(low, high)`: 24 random bits for a float32, 53 for a float64. */
  uniform<T extends Floats>(out: T, low = 0, high = 1): T {
    if (!(low <= high)) {
      throw new ArgError(`uniform_ expects to return a [from, to) range, but found from=${low} > to=${high}`);
    }
    if (out instanceof Float32Array) this.uniform32(out, Math.fround(low), Math.fround(high));
    else this.uniform64(out, low, high);
    return out;
  }

  private uniform32(out: Float32Array, low: number, high: number): void {
    const range = Math.fround(high - low);
    if (!Number.isFinite(range))
      throw new ArgError(`uniform_: expected a range that fits float32, got ${low} to ${high}`);
    const words = this.words;
    const scale = range * 2 ** -24;
    for (let i = 0; i < out.length; ) {
      if (this.at >= N) this.refill();
      const end = Math.min(out.length, i + N - this.at);
      let at = this.at;
      // the product is exact in a double, so one rounding to float32 is what a fused multiply-add gives
      for (; i < end; i++) out[i] = (words[at++]! & 0xffffff) * scale + low;
      this.at = at;
    }
    if (low === 0 && high === 1) return;
    for (let i = 0; i < out.length; i++) if (out[i] === high) out[i] = low;
  }

  private uniform64(out: Float64Array, low: number, high: number): void {
    const range = high - low;
    if (!Number.isFinite(range)) throw new ArgError(`uniform_: expected a finite range, got ${low} to ${high}`);
    const plain = low === 0;
    for (let i = 0; i < out.length; i++) {
      const x = this.next53();
      const value = plain ? x * range : fma(x, range, low);
      out[i] = value === high ? low : value;
    }
  }

  /**
   * Normal numbers, as `tensor.normal_(mean, std)` and `randn`. Below 16 elements each pair is computed in double precision and
   * its second number is kept for the next such call; from 16 on, blocks of eight pairs, the last block drawn again where
   * the length is not a multiple of 16. Float32 ones differ from PyTorch's by its vectorised log, sin and cos: up to 1e-6.
   */
  normal<T extends Floats>(out: T, mean = 0, std = 1): T {
    if (!(std >= 0)) throw new ArgError(`normal expects std >= 0.0, but found std ${std}`);
    if (out.length < 16) {
      for (let i = 0; i < out.length; i++) out[i] = this.nextNormal() * std + mean;
      return out;
    }
    this.uniform(out);
    const block = out instanceof Float32Array ? normalBlock32 : normalBlock64;
    for (let i = 0; i + 16 <= out.length; i += 16) block(out, i, mean, std);
    if (out.length % 16 !== 0) {
      this.uniform(out.subarray(out.length - 16));
      block(out, out.length - 16, mean, std);
    }
    return out;
  }

  private nextNormal(): number {
    if (this.spare !== null) {
      const value = this.spare;
      this.spare = null;
      return value;
    }
    const angle = TWO_PI * this.next53();
    const radius = Math.sqrt(-2 * Math.log1p(-this.next53()));
    this.spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /**
   * Normal numbers cut off at `low` and `high`, as `torch.nn.init.trunc_normal_` of PyTorch 2.13: numbers outside are drawn again;
   * where fewer than 30% would be inside, uniform ones are accepted by their density. PyTorch warns when the mean is far outside.
   */
  truncNormal<T extends Floats>(out: T, mean = 0, std = 1, low = -2, high = 2): T {
    if (!(std > 0)) throw new ArgError(`truncNormal_: expected std > 0, got ${std}`);
    const inside = (erf((high - mean) / (std * Math.SQRT2)) - erf((low - mean) / (std * Math.SQRT2))) / 2;
    if (inside > 0.3) this.redraw(out, mean, std, low, high);
    else this.reject(out, mean, std, low, high);
    return out;
  }

  private redraw(out: Floats, mean: number, std: number, low: number, high: number): void {
    const [lo, hi] = out instanceof Float32Array ? [Math.fround(low), Math.fround(high)] : [low, high];
    this.normal(out, mean, std);
    const outside = (x: number) => x < lo || x > hi;
    let again: Floats | null = null;
    while (out.some(outside)) {
      again = this.normal(again ?? out.slice(), mean, std);
      for (let i = 0; i < out.length; i++) if (outside(out[i]!)) out[i] = again[i]!;
    }
  }

  private reject(out: Floats, mean: number, std: number, low: number, high: number): void {
    const round = out instanceof Float32Array ? Math.fround : (x: number) => x;
    const [m, s] = [round(mean), round(std)];
    const peak = round(-0.5 * ((Math.max(low, Math.min(mean, high)) - mean) / std) ** 2);
    const candidates = out.slice();
    const chances = out.slice();
    const pending = new Uint8Array(out.length).fill(1);
    for (let left = out.length; left > 0; ) {
      this.uniform(candidates, low, high);
      this.uniform(chances);
      for (let i = 0; i < out.length; i++) {
        if (!pending[i]) continue;
        out[i] = candidates[i]!;
        const z = round(round(out[i]! - m) / s);
        const logDensity = round(round(-0.5 * round(z * z)) - peak);
        if (round(Math.log(chances[i]!)) > logDensity) continue;
        pending[i] = 0;
        left--;
      }
    }
  }

  /** Integers in [low, high), as `torch.randint`: `bits % (high - low) + low`, of 64 bits where the range is 2^28 or more. */
  randint<T extends Floats | Integers>(out: T, low: number | bigint, high: number | bigint): T {
    const [from, to] = [asInteger('low', low), asInteger('high', high)];
    if (from >= to) {
      throw new ArgError(`random_ expects 'from' to be less than 'to', but got from=${from} >= to=${to}`);
    }
    const [least, most] = limits(out);
    if (from < least) throw new ArgError(`randint: from is out of bounds: expected at least ${least}, got ${from}`);
    if (to - 1n > most)
      throw new ArgError(`randint: to - 1 is out of bounds: expected at most ${most}, got ${to - 1n}`);
    const range = to - from;
    if (range >= 1n << 28n) {
      for (let i = 0; i < out.length; i++) {
        const value = BigInt.asIntN(64, (this.random64() % range) + from);
        out[i] = out instanceof BigInt64Array ? value : Number(value);
      }
    } else if (out instanceof BigInt64Array) {
      if (from === BigInt.asIntN(32, from) && to === BigInt.asIntN(32, to))
        this.smallInts(out, Number(range), Number(from));
      else for (let i = 0; i < out.length; i++) out[i] = BigInt(this.random32() % Number(range)) + from;
    } else {
      const [r, base] = [Number(range), Number(from)];
      for (let i = 0; i < out.length; i++) out[i] = (this.random32() % r) + base;
    }
    return out;
  }

  /** Halves are written as int32, which is several times faster than making a bigint an element. */
  private smallInts(out: BigInt64Array, range: number, base: number): void {
    const halves = new Int32Array(out.buffer, out.byteOffset, 2 * out.length);
    for (let i = 0; i < halves.length; i += 2) {
      const value = (this.random32() % range) + base;
      halves[i] = value;
      halves[i + 1] = value >> 31;
    }
  }

  /** A permutation of 0 … n - 1, as `torch.randperm`. */
  randperm(n: number): BigInt64Array {
    if (!Number.isInteger(n) || n < 0) throw new ArgError(`randperm: n must be a non-negative integer, got ${n}`);
    // from here on PyTorch shuffles with 64-bit draws
    if (n >= 2 ** 32 / 20 - 1) throw new ArgError(`randperm: n must be below 2^32 / 20, got ${n}`);
    const out = new BigInt64Array(n);
    const halves = new Int32Array(out.buffer);
    for (let i = 0; i < n; i++) halves[2 * i] = i;
    for (let i = 0; i < n - 1; i++) {
      const j = i + (this.random32() % (n - i));
      const value = halves[2 * i]!;
      halves[2 * i] = halves[2 * j]!;
      halves[2 * j] = value;
    }
    return out;
  }

  /**
   * A dropout mask: 0 with probability p, otherwise 1 / (1 - p). The scheme is ours, not PyTorch's: each 32-bit draw decides
   * two elements by its halves, if p in 1/65536ths is near enough (1e-3 of the smaller of p and 1 - p), otherwise one.
   */
  dropoutMask(out: Float32Array, p: number): Float32Array {
    if (!(p >= 0 && p <= 1)) throw new ArgError(`dropout probability has to be between 0 and 1, but got ${p}`);
    if (p === 0 || p === 1) return out.fill(1 - p);
    const sixteen = Math.round(p * 65536);
    if (Math.abs(sixteen - p * 65536) <= 65.536 * Math.min(p, 1 - p)) this.mask16(out, sixteen, 1 / (1 - p));
    else this.mask32(out, Math.round(p * 2 ** 32), 1 / (1 - p));
    return out;
  }

  private mask16(out: Float32Array, threshold: number, scale: number): void {
    const bits = new Int32Array(out.buffer, out.byteOffset, out.length);
    scratch[0] = scale;
    const pairs = out.length & ~1;
    for (let i = 0; i < pairs; ) {
      if (this.at >= N) this.refill();
      const n = Math.min((pairs - i) >> 1, N - this.at);
      maskHalves(bits, i, this.words, this.at, n, threshold, scratchBits[0]!);
      this.at += n;
      i += 2 * n;
    }
    if (pairs < out.length) out[pairs] = (this.random32() & 0xffff) < threshold ? 0 : scale;
  }

  private mask32(out: Float32Array, threshold: number, scale: number): void {
    for (let i = 0; i < out.length; i++) out[i] = this.random32() < threshold ? 0 : scale;
  }

  /** 53 random bits as a number in [0, 1). */
  private next53(): number {
    const high = this.random32() & 0x1fffff;
    return (high * 2 ** 32 + this.random32()) * 2 ** -53;
  }

  private refill(): void {
    generate(this.state, this.words);
    this.at = 0;
  }
}

/** The generator everything draws from that is not given another; seeded by chance until `manualSeed`. */
export const defaultGenerator: Generator = new Generator();
defaultGenerator.seed();

/** Seed the default generator. https://pytorch.org/docs/stable/generated/torch.manual_seed.html */
export function manualSeed(seed: number | bigint): void {
  defaultGenerator.manualSeed(seed);
}

function asSeed(seed: number | bigint): bigint {
  const whole = typeof seed === 'bigint' || Number.isInteger(seed) ? BigInt(seed) : null;
  if (whole === null || whole < -(2n ** 63n) || whole >= 2n ** 64n) {
    throw new ArgError(`manualSeed: expected an integer from -2^63 to 2^64 - 1, got ${seed}`);
  }
  return BigInt.asUintN(64, whole);
}

function asInteger(name: string, value: number | bigint): bigint {
  if (typeof value === 'bigint' || Number.isInteger(value)) return BigInt(value);
  throw new ArgError(`randint: ${name} must be an integer, got ${value}`);
}

/** The least and the most integer an array holds; a float array, exactly. */
function limits(out: Floats | Integers): [bigint, bigint] {
  if (out instanceof Uint8Array) return [0n, 255n];
  if (out instanceof Int32Array) return [-(2n ** 31n), 2n ** 31n - 1n];
  if (out instanceof BigInt64Array) return [-(2n ** 63n), 2n ** 63n - 1n];
  return out instanceof Float32Array ? [-(2n ** 24n), 2n ** 24n] : [-(2n ** 53n), 2n ** 53n];
}

/** Eight pairs of uniform numbers, eight apart, made normal in float32 steps (Box–Muller). */
function normalBlock32(x: Floats, at: number, mean: number, std: number): void {
  const [m, s] = [Math.fround(mean), Math.fround(std)];
  for (let i = at; i < at + 8; i++) {
    const radius = Math.fround(Math.sqrt(Math.fround(-2 * Math.fround(Math.log(1 - x[i]!)))));
    const angle = Math.fround(TWO_PI_F32 * x[i + 8]!);
    x[i] = Math.fround(radius * Math.fround(Math.cos(angle))) * s + m;
    x[i + 8] = Math.fround(radius * Math.fround(Math.sin(angle))) * s + m;
  }
}

function normalBlock64(x: Floats, at: number, mean: number, std: number): void {
  for (let i = at; i < at + 8; i++) {
    const radius = Math.sqrt(-2 * Math.log(1 - x[i]!));
    const angle = TWO_PI * x[i + 8]!;
    x[i] = fma(radius * Math.cos(angle), std, mean);
    x[i + 8] = fma(radius * Math.sin(angle), std, mean);
  }
}

/** `a * b + c` rounded once, but for rare ties; Dekker's product and Knuth's sum keep the roundings' errors. */
function fma(a: number, b: number, c: number): number {
  const product = a * b;
  const [ah, bh] = [highHalf(a), highHalf(b)];
  const [al, bl] = [a - ah, b - bh];
  const lost = al * bl - (product - ah * bh - al * bh - ah * bl);
  const sum = product + c;
  const part = sum - product;
  return sum + (product - (sum - part) + (c - part) + lost);
}

function highHalf(x: number): number {
  const big = 134217729 * x;
  return big - (big - x);
}

/** The error function, by its series without cancellation: `2/√π e^(-x²) Σ 2ⁿ x²ⁿ⁺¹ / (2n+1)!!`. */
function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > Math.abs(sum) * 1e-17; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}
