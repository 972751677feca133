/** ONNX Runtime in Node: the native build where it is installed, else the WebAssembly one. */
import type { LoadedOrt, Ort } from './types.ts';

let loaded: Promise<LoadedOrt> | undefined;

export function loadOrt(): Promise<LoadedOrt> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<LoadedOrt> {
  if (process.env.TORCHARC_RUNTIME !== 'wasm') {
    try {
      return { ort: (await import('onnxruntime-node')) as unknown as Ort, kind: 'native' };
    } catch (error) {
      process.emitWarning(
        `the native ONNX Runtime could not be loaded (${firstLine(error)}), so the slower WebAssembly build runs instead; to install it: ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node@1.30.0 (Windows: set ONNXRUNTIME_NODE_INSTALL=skip first)`,
        { type: 'TorcharcWarning' },
      );
    }
  }
  const web = await import('onnxruntime-web');
  // Worker threads of the wasm build keep a Node process alive.
  web.env.wasm.numThreads = 1;
  return { ort: web as unknown as Ort, kind: 'wasm' };
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split('\n')[0]!;
}
