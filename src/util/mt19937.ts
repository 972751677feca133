/**
 * The Mersenne Twister itself: 624 words at a time, and dropout masks of them, by a WASM SIMD kernel (mt19937.wat) where there is
 * one, else by a plain loop.
 */
import { compileWasm, loadWasm } from './wasm.ts';

/** Words of the state. */
export const N = 624;

/** mt19937.wat, by `scripts/wasm.ts`. */
export const code: string =
  '0061736d0100000001090260000060027f7f0002100104686f7374066d656d6f7279020001030302000107110206726566696c6c000004' +
  '6d61736b00010ae30202900202027f027b41b40c210103402000fd00040421032001fd0004002000fd000400fd0c000000800000008000' +
  '00008000000080fd4e2003fd0cffffff7fffffff7fffffff7fffffff7ffd4efd504101fdad012003411ffdab01411ffdac01fd0cdfb008' +
  '99dfb00899dfb00899dfb00899fd4efd51fd51210220002002fd0b040041c013410028020036020020022002410bfdad01fd5121022002' +
  '20024107fdab01fd0c80562c9d80562c9d80562c9d80562c9dfd4efd51210220022002410ffdab01fd0c0000c6ef0000c6ef0000c6ef00' +
  '00c6effd4efd5121022000200220024112fdad01fd51fd0b048020200041106a2100200141106a21012000419007460440410421010b20' +
  '0041c013490d000b0b4f02017f017b03402002fd000480202000fd10fd36210320024101742001fd112003fda701fd4efd0b0480402002' +
  '4101742001fd112003fda801fd4efd0b049040200241106a220241c013490d000b0b';

const kernel = loadKernel();

/** The next 624 words of the state, and their outputs. */
export function generate(state: Int32Array, words: Int32Array): void {
  if (kernel) {
    kernel.state.set(state);
    kernel.refill();
    state.set(kernel.state);
    words.set(kernel.words);
    kernel.holds = words;
    return;
  }
  let u = state[0]!;
  for (let i = 0; i < 227; i++) {
    const v = state[i + 1]!;
    const next = state[i + 397]! ^ twist(u, v);
    state[i] = next;
    words[i] = temper(next);
    u = v;
  }
  for (let i = 227; i < 623; i++) {
    const v = state[i + 1]!;
    const next = state[i - 227]! ^ twist(u, v);
    state[i] = next;
    words[i] = temper(next);
    u = v;
  }
  const next = state[396]! ^ twist(u, state[0]!);
  state[623] = next;
  words[623] = temper(next);
}

/** The outputs of a state that was put there from outside. */
export function outputs(state: Int32Array, words: Int32Array): void {
  for (let i = 0; i < N; i++) words[i] = temper(state[i]!);
  if (kernel?.holds === words) kernel.holds = null;
}

// int32 literals: anything above 2^31, or a module's constant, costs V8 a third more
function twist(u: number, v: number): number {
  return (((u & -0x80000000) | (v & 0x7fffffff)) >>> 1) ^ (((v << 31) >> 31) & -0x66f74f21);
}

function temper(word: number): number {
  let y = word ^ (word >>> 11);
  y ^= (y << 7) & -0x62d3a980;
  y ^= (y << 15) & -0x103a0000;
  return y ^ (y >>> 18);
}

/** Two mask elements each from `n` words; `one` are the bits of a kept element. */
export function maskHalves(
  bits: Int32Array,
  i: number,
  words: Int32Array,
  at: number,
  n: number,
  least: number,
  one: number,
) {
  if (kernel && n >= 64) {
    if (kernel.holds !== words) kernel.words.set(words);
    kernel.holds = words;
    kernel.mask(least, one);
    bits.set(kernel.bits.subarray(2 * at, 2 * (at + n)), i);
    return;
  }
  for (let k = at; k < at + n; k++) {
    const word = words[k]!;
    // negative for a number from `least` on, so all ones after the shift: no branch to mispredict
    bits[i] = ((least - 1 - (word & 0xffff)) >> 31) & one;
    bits[i + 1] = ((least - 1 - (word >>> 16)) >> 31) & one;
    i += 2;
  }
}

interface Kernel {
  readonly state: Int32Array;
  readonly words: Int32Array;
  readonly bits: Int32Array;
  /** Whose outputs `words` are. */
  holds: Int32Array | null;
  readonly refill: () => void;
  readonly mask: (least: number, one: number) => void;
}

function loadKernel(): Kernel | null {
  const module = compileWasm(code);
  const loaded = module ? loadWasm<Pick<Kernel, 'refill' | 'mask'>>(module, 65536) : null;
  if (!loaded) return null;
  const { buffer, call } = loaded;
  return {
    state: new Int32Array(buffer, 0, N),
    words: new Int32Array(buffer, 4096, N),
    bits: new Int32Array(buffer, 8192, 2 * N),
    holds: null,
    refill: call.refill,
    mask: call.mask,
  };
}
