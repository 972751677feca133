/// <reference types="vite/client" />
/** As page.ts, with ONNX Runtime on several threads, as docs/runtimes.md says. */

import mjs from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import { env } from 'onnxruntime-web/wasm';
import * as torcharc from 'torcharc';
import { scenario } from './scenario.ts';

env.wasm.wasmPaths = { mjs, wasm };
env.wasm.numThreads = 4;
Object.assign(window, { result: scenario(torcharc) });
