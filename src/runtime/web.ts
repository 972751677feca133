/** ONNX Runtime where there is no Node: the WebAssembly build. */
import * as ort from 'onnxruntime-web/wasm';
import type { LoadedOrt, Ort } from './types.ts';

export function loadOrt(): Promise<LoadedOrt> {
  return Promise.resolve({ ort: ort as unknown as Ort, kind: 'wasm' });
}
