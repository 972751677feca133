/**
 * Optimizer updates on typed arrays, in place, by PyTorch's single-tensor formulas. Float32 arrays go through a WASM SIMD kernel
 * (kernels.wat), others, and platforms without it, through a plain loop.
 *
 * Arrays from `stateArrays` lie in the kernel's own memory and are updated where they are; all others are copied in and out
 * chunk by chunk. Adam on 3 M parameters, in ms: all four arrays there 2.5, the two moments there 4.4, none 6.5, plain
 * loop 24; so moments should come from `stateArrays`, and parameters and gradients may.
 */

import { compileWasm, loadWasm } from '../util/wasm.ts';

export type Floats = Float32Array | Float64Array;

export interface AdamArgs {
  readonly lr: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
  /** Shrink parameters (AdamW) instead of adding the decay to the gradient. */
  readonly decoupled: boolean;
  readonly maximize: boolean;
  readonly amsgrad: boolean;
  /** 1 at the first step. */
  readonly step: number;
}

export interface SgdArgs {
  readonly lr: number;
  readonly momentum: number;
  readonly dampening: number;
  readonly weightDecay: number;
  readonly nesterov: boolean;
  readonly maximize: boolean;
  /** The momentum buffer has no value yet, and becomes the gradient. */
  readonly first: boolean;
}

/**
 * What Adam and its kin have in common, with g' = sign g + l2 p: m += c1 (g' - m), v = b2 v + c2 g'²,
 * p = keep p - (rate m + gRate g') / (root √v + eps).
 */
export interface AdaptiveArgs {
  readonly c1: number;
  readonly b2: number;
  readonly c2: number;
  readonly rate: number;
  readonly gRate: number;
  readonly root: number;
  readonly eps: number;
  readonly sign: number;
  readonly l2: number;
  readonly keep: number;
}

/** One step. Without m the numerator is gRate g'; with x, x = max(x, v) takes v's place under the root. */
export function adaptiveStep<T extends Floats>(p: T, g: T, m: T | null, v: T, x: T | null, c: AdaptiveArgs): void {
  const done = adaptiveSimd(p, g, m, v, x, c);
  if (done < p.length) adaptiveLoop(p, g, m, v, x, c, done);
}

/** One Adam or AdamW step. https://pytorch.org/docs/stable/generated/torch.optim.Adam.html */
export function adamStep<T extends Floats>(p: T, g: T, m: T, v: T, vmax: T | null, args: AdamArgs): void {
  adaptiveStep(p, g, m, v, args.amsgrad ? vmax : null, adamConstants(args));
}

/** One SGD step; `buf` is the momentum buffer, null without momentum. https://pytorch.org/docs/stable/generated/torch.optim.SGD.html */
export function sgdStep<T extends Floats>(p: T, g: T, buf: T | null, args: SgdArgs): void {
  const c = sgdConstants(args);
  const b = args.momentum === 0 ? null : buf;
  if (args.first) b?.fill(0);
  const done = sgdSimd(p, g, b, c);
  if (done < p.length) sgdLoop(p, g, b, c, done);
}

/** Zeroed state arrays, of one optimizer, where the kernel updates them without copying. */
export function stateArrays(lengths: readonly number[]): Float32Array[] {
  // blocks start at multiples of 16 bytes
  const sizes = lengths.map((n) => 16 * Math.ceil(n / 4));
  const kernel = simd ? load(sizes.reduce((a, b) => a + b, 0)) : null;
  if (!kernel) return lengths.map((n) => new Float32Array(n));
  kernels.set(kernel.buffer, kernel);
  let at = SCRATCH_END;
  return lengths.map((n, i) => {
    const array = new Float32Array(kernel.buffer, at, n);
    at += sizes[i]!;
    return array;
  });
}

type SgdConstants = ReturnType<typeof sgdConstants>;

function adamConstants({ lr, beta1, beta2, eps, weightDecay, decoupled, maximize, step }: AdamArgs): AdaptiveArgs {
  return {
    c1: 1 - beta1,
    b2: beta2,
    c2: 1 - beta2,
    rate: lr / (1 - beta1 ** step),
    gRate: 0,
    root: 1 / Math.sqrt(1 - beta2 ** step),
    eps,
    sign: maximize ? -1 : 1,
    l2: decoupled ? 0 : weightDecay,
    keep: decoupled ? 1 - lr * weightDecay : 1,
  };
}

function sgdConstants({ lr, momentum, dampening, weightDecay, nesterov, maximize, first }: SgdArgs) {
  return {
    mu: momentum,
    c: first ? 1 : 1 - dampening,
    lr,
    sign: maximize ? -1 : 1,
    l2: weightDecay,
    nesterov: nesterov ? 1 : 0,
  };
}

function adaptiveLoop(
  p: Floats,
  g: Floats,
  m: Floats | null,
  v: Floats,
  x: Floats | null,
  c: AdaptiveArgs,
  from: number,
): void {
  const { c1, b2, c2, rate, gRate, root, eps, sign, l2, keep } = c;
  for (let i = from; i < p.length; i++) {
    const pi = p[i]!;
    const gi = l2 === 0 ? sign * g[i]! : sign * g[i]! + l2 * pi;
    let ui = gRate * gi;
    if (m) {
      const mi = m[i]! + c1 * (gi - m[i]!);
      m[i] = mi;
      ui = gRate === 0 ? rate * mi : ui + rate * mi;
    }
    let vi = b2 * v[i]! + c2 * gi * gi;
    v[i] = vi;
    if (x) {
      vi = Math.max(x[i]!, vi);
      x[i] = vi;
    }
    p[i] = keep * pi - ui / (Math.sqrt(vi) * root + eps);
  }
}

function sgdLoop(p: Floats, g: Floats, b: Floats | null, c: SgdConstants, from: number): void {
  const { mu, lr, sign, l2, nesterov } = c;
  for (let i = from; i < p.length; i++) {
    const pi = p[i]!;
    let gi = l2 === 0 ? sign * g[i]! : sign * g[i]! + l2 * pi;
    if (b) {
      const bi = mu * b[i]! + c.c * gi;
      b[i] = bi;
      gi = nesterov ? gi + mu * bi : bi;
    }
    p[i] = pi - lr * gi;
  }
}

/** Floats a chunk holds; with fewer than `LEAST` the loop is as fast. */
const CHUNK = 8192;
const LEAST = 16;
/**
 * Where the five chunks lie in a kernel's memory: half a page from where large heap arrays start, which is 16 bytes into a page. A
 * copy to an address whose low 12 bits are up to 31 above the source's is 20 times slower on some CPUs (Zen 3).
 */
const SCRATCH = [0, 1, 2, 3, 4].map((i) => 2048 + i * (4 * CHUNK + 128));
const SCRATCH_END = 5 * (4 * CHUNK + 128) + 2048;

interface Kernel {
  readonly buffer: ArrayBuffer;
  /** The chunks, for arrays that are not in `buffer`. */
  readonly chunks: readonly Float32Array[];
  readonly adaptive: (...args: number[]) => void;
  readonly sgd: (...args: number[]) => void;
}

/** Returns how many elements it did: all but the last few, or none. */
function adaptiveSimd(p: Floats, g: Floats, m: Floats | null, v: Floats, x: Floats | null, c: AdaptiveArgs): number {
  const kernel = kernelFor(p, v);
  if (!kernel) return 0;
  const end = p.length - (p.length % 4);
  const arrays = [p, g, m, v, x] as (Float32Array | null)[];
  const step = arrays.every((a) => a === null || a.buffer === kernel.buffer) ? end : CHUNK;
  for (let at = 0; at < end; at += step) {
    const n = Math.min(step, end - at);
    kernel.adaptive(
      enter(kernel, 0, arrays[0]!, at, n),
      enter(kernel, 1, arrays[1]!, at, n),
      arrays[2] ? enter(kernel, 2, arrays[2], at, n) : 0,
      enter(kernel, 3, arrays[3]!, at, n),
      arrays[4] ? enter(kernel, 4, arrays[4], at, n) : 0,
      4 * n,
      c.c1,
      c.b2,
      c.c2,
      c.rate,
      c.gRate,
      c.root,
      c.eps,
      c.sign,
      c.l2,
      c.keep,
    );
    leave(kernel, 0, arrays[0]!, at, n);
    if (arrays[2]) leave(kernel, 2, arrays[2], at, n);
    leave(kernel, 3, arrays[3]!, at, n);
    if (arrays[4]) leave(kernel, 4, arrays[4], at, n);
  }
  return end;
}

function sgdSimd(p: Floats, g: Floats, b: Floats | null, c: SgdConstants): number {
  const kernel = kernelFor(p, b ?? p);
  if (!kernel) return 0;
  const end = p.length - (p.length % 4);
  const arrays = (b ? [p, g, b] : [p, g]) as Float32Array[];
  const step = arrays.every((a) => a.buffer === kernel.buffer) ? end : CHUNK;
  for (let at = 0; at < end; at += step) {
    const n = Math.min(step, end - at);
    kernel.sgd(
      enter(kernel, 0, arrays[0]!, at, n),
      enter(kernel, 1, arrays[1]!, at, n),
      b ? enter(kernel, 2, arrays[2]!, at, n) : 0,
      4 * n,
      c.mu,
      c.c,
      c.lr,
      c.sign,
      c.l2,
      c.nesterov,
    );
    leave(kernel, 0, arrays[0]!, at, n);
    if (b) leave(kernel, 2, arrays[2]!, at, n);
  }
  return end;
}

/** The kernel in whose memory the state lies, or else the one everything is copied to. */
function kernelFor(p: Floats, state: Floats): Kernel | null {
  if (!simd || p.length < LEAST || !(p instanceof Float32Array)) return null;
  if (state.buffer === lastBuffer) return lastKernel;
  lastBuffer = state.buffer;
  lastKernel = kernels.get(state.buffer) ?? shared;
  return lastKernel;
}

/** Where elements `at` to `at + n` of an array are in the kernel's memory, copied there if they are not. */
function enter(kernel: Kernel, i: number, array: Float32Array, at: number, n: number): number {
  if (array.buffer === kernel.buffer) return array.byteOffset + 4 * at;
  const chunk = kernel.chunks[i]!;
  if (n === array.length) chunk.set(array);
  else chunk.set(array.subarray(at, at + n));
  return SCRATCH[i]!;
}

function leave(kernel: Kernel, i: number, array: Float32Array, at: number, n: number): void {
  if (array.buffer === kernel.buffer) return;
  const chunk = kernel.chunks[i]!;
  array.set(n === CHUNK ? chunk : chunk.subarray(0, n), at);
}

/** kernels.wat, by `scripts/wasm.ts`. */
export const code: string =
  '0061736d0100000001210260107f7f7f7f7f7f7d7d7d7d7d7d7d7d7d7d00600a7f7f7f7f7d7d7d7d7d7f0002100104686f7374066d656d' +
  '6f7279020001030302000107120208616461707469766500000373676400010a890402cc0202017f0e7b2006fd1321162007fd13211720' +
  '08fd1321182009fd132119200afd13211a200bfd13211b200cfd13211c200dfd13211d200ffd13211e0340200020106afd000400211120' +
  '0120106afd000400201dfde6012112200e43000000005c04402012200efd132011fde601fde40121120b20020440200220106afd000400' +
  '21132013201620122013fde501fde601fde4012113200220106a2013fd0b040020192013fde6012115200a43000000005c04402015201a' +
  '2012fde601fde40121150b05201a2012fde60121150b2017200320106afd000400fde601201820122012fde601fde601fde40121142003' +
  '20106a2014fd0b0400200404402014200420106afd000400fde9012114200420106a2014fd0b04000b200020106a201e2011fde6012015' +
  '2014fde301201bfde601201cfde401fde701fde501fd0b0400201041106a22102005490d000b0bb80102017f077b2004fd13210e2005fd' +
  '13210f2006fd1321102007fd13211103402000200a6afd000400210b2001200a6afd0004002011fde601210c200843000000005c044020' +
  '0c2008fd13200bfde601fde401210c0b20020440200e2002200a6afd000400fde601200f200cfde601fde401210d2002200a6a200dfd0b' +
  '04002009047b200c200e200dfde601fde40105200d0b210c0b2000200a6a200b2010200cfde601fde501fd0b0400200a41106a220a2003' +
  '490d000b0b';

const simd = compileWasm(code);

/** The kernel with a memory of its own: the chunks, and `bytes` more. */
function load(bytes: number): Kernel | null {
  const loaded = loadWasm<Pick<Kernel, 'adaptive' | 'sgd'>>(simd!, SCRATCH_END + bytes);
  if (!loaded) return null;
  const { buffer, call } = loaded;
  return {
    buffer,
    chunks: SCRATCH.map((at) => new Float32Array(buffer, at, CHUNK)),
    adaptive: call.adaptive,
    sgd: call.sgd,
  };
}

const shared = simd ? load(0) : null;
const kernels = new WeakMap<ArrayBufferLike, Kernel>();
let lastBuffer: ArrayBufferLike | null = null;
let lastKernel: Kernel | null = null;
