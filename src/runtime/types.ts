import type { InferenceSession, Tensor, TypedTensor } from 'onnxruntime-common';

/** What we use of an ONNX Runtime build; `onnxruntime-node` and `onnxruntime-web` both have it. */
export interface Ort {
  readonly InferenceSession: {
    create(bytes: Uint8Array, options: InferenceSession.SessionOptions): Promise<InferenceSession>;
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
