/** ONNX Runtime where there is no Node: the WebAssembly build. */
import type { LoadedOrt, Ort } from './types.ts';

let loaded: Promise<LoadedOrt> | undefined;

export function loadOrt(): Promise<LoadedOrt> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<LoadedOrt> {
  const ort = await import('onnxruntime-web/wasm');
  const { wasm } = ort.env;
  // a thread loads the file that ONNX Runtime is in, and in a bundle that is the application: threads are for those who
  // say where its own files are (docs/runtimes.md)
  if (!wasm.numThreads && !wasm.wasmPaths) wasm.numThreads = 1;
  return { ort: ort as unknown as Ort, kind: 'wasm' };
}
