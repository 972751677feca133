import type { InferenceSession, Tensor } from 'onnxruntime-common';

/** What goes into a model and comes out. */
export interface OrtTensor {
  readonly type: Tensor.Type;
  readonly data: Tensor.DataType;
  readonly dims: readonly number[];
}

type Outputs = Readonly<Record<string, OrtTensor>>;

/** A model that is loaded. */
export interface OrtSession {
  run(feeds: Record<string, OrtTensor>, fetches: Record<string, OrtTensor | null>): Promise<Outputs> | Outputs;
  release(): Promise<void>;
}

/** What we use of an ONNX Runtime build; `onnxruntime-node` and `onnxruntime-web` both have it. */
export interface Ort {
  readonly InferenceSession: {
    create(bytes: Uint8Array, options: InferenceSession.SessionOptions): Promise<OrtSession>;
  };
  readonly Tensor: {
    new (type: Tensor.Type, data: Tensor.DataType, dims: readonly number[]): OrtTensor;
  };
}

export interface LoadedOrt {
  readonly ort: Ort;
  /** `native`: onnxruntime-node; `wasm`: onnxruntime-web. */
  readonly kind: 'native' | 'wasm';
}
