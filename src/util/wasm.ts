/** What we use of WebAssembly; the core is compiled without the DOM's types. */
interface Wasm {
  validate(bytes: Uint8Array): boolean;
  Module: new (bytes: Uint8Array) => object;
  Memory: new (size: { initial: number }) => { readonly buffer: ArrayBuffer };
  Instance: new (module: object, imports: object) => { readonly exports: object };
}

const wasm = (globalThis as { WebAssembly?: unknown }).WebAssembly as Wasm | undefined;

/** A module from its bytes in hex; null without WebAssembly or its SIMD, or where a page's security policy forbids it. */
export function compileWasm(hex: string): object | null {
  const bytes = Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
  try {
    return wasm?.validate(bytes) ? new wasm.Module(bytes) : null;
  } catch {
    return null;
  }
}

/** A module's functions and the memory they work on, zeroed; null where there is not as much memory. */
export function loadWasm<F>(module: object, bytes: number): { readonly buffer: ArrayBuffer; readonly call: F } | null {
  try {
    const memory = new wasm!.Memory({ initial: Math.ceil(bytes / 65536) });
    return { buffer: memory.buffer, call: new wasm!.Instance(module, { host: { memory } }).exports as F };
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
