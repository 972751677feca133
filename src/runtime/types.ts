import type { InferenceSession, Tensor, TypedTensor } from 'onnxruntime-common';

type Outputs = Readonly<Record<string, unknown>>;

/** A model that is loaded. */
export interface OrtSession {
  run(feeds: Record<string, Tensor>, fetches: Record<string, Tensor | null>): Promise<Outputs> | Outputs;
  release(): Promise<void>;
}

/** What we use of an ONNX Runtime build; `onnxruntime-node` and `onnxruntime-web` both have it. */
export interface Ort {
  readonly InferenceSession: {
    create(bytes: Uint8Array, options: InferenceSession.SessionOptions): Promise<OrtSession>;
  };
  readonly Tensor: {
    new (type: Tensor.Type, data: Tensor.DataType, dims: readonly number[]): TypedTensor<Tensor.Type>;
  };
}

export interface LoadedOrt {
  readonly ort: Ort;
  /** `native`: onnxruntime-node; `wasm`: onnxruntime-web. */
  readonly kind: 'native' | 'wasm';
}
