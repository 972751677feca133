/** ONNX Runtime in Node: the native build where it is installed, else the WebAssembly one. */
import type { InferenceSession, Tensor } from 'onnxruntime-common';
import { inTurn } from '../util/turn.ts';
import type { Feeds, Fetches, Results } from './session.ts';
import type { LoadedOrt, Ort, OrtSession, OrtTensor } from './types.ts';

type SessionOptions = InferenceSession.SessionOptions;

let loaded: Promise<LoadedOrt> | undefined;

export function loadOrt(): Promise<LoadedOrt> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<LoadedOrt> {
  if (process.env.TORCHARC_RUNTIME !== 'wasm') {
    try {
      const ort = (await import('onnxruntime-node')) as unknown as Ort;
      return { ort: (await nativeOrt()) ?? ort, kind: 'native' };
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

/**
 * Sessions without onnxruntime-node's detour: its `run` waits for the next turn of the event loop, which takes half as long as all the
 * rest of a small run, and then blocks all the same. The loop gets its turn every few milliseconds. What this needs is not
 * documented: where it is missing, what is documented serves.
 */
async function nativeOrt(): Promise<Ort | null> {
  const native = await import('onnxruntime-node/dist/binding.js').catch(() => null);
  if (typeof native?.initOrt !== 'function' || typeof native.binding?.InferenceSession !== 'function') {
    return null;
  }
  const { binding, initOrt } = native;
  const create = async (bytes: Uint8Array, options: SessionOptions): Promise<OrtSession> => {
    initOrt();
    // it asks for less than its types say: see NativeTensor
    const session = new binding.InferenceSession() as unknown as Loaded;
    session.loadModel(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength, options);
    return {
      run: (feeds, fetches) => inTurn(() => traceless(() => session.run(feeds, fetches))),
      release: async () => session.dispose(),
    };
  };
  return { InferenceSession: { create }, Tensor: NativeTensor };
}

/** `f` without stack traces, which take a third of a small run that ends with an error (`engine/direct.ts`). */
function traceless<T>(f: () => T): T {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return f();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

interface Loaded {
  loadModel(buffer: ArrayBuffer, byteOffset: number, byteLength: number, options: SessionOptions): void;
  run(feeds: Feeds, fetches: Fetches): Results;
  dispose(): void;
}

/** What the native code reads of a tensor: half the work of making and reading a documented one. */
class NativeTensor implements OrtTensor {
  readonly location = 'cpu';
  readonly type: Tensor.Type;
  readonly data: Tensor.DataType;
  readonly dims: readonly number[];

  constructor(type: Tensor.Type, data: Tensor.DataType, dims: readonly number[]) {
    this.type = type;
    this.data = data;
    this.dims = dims;
  }
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split('\n')[0]!;
}
