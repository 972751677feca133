/** Tensors that are a module's state. */
import { allocate, store, type TypedArray } from '../tensor/dtype.ts';
import { numel, showShape } from '../tensor/shape.ts';
import { hostData, leaf, Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';

/** A tensor that a module learns. https://pytorch.org/docs/stable/generated/torch.nn.parameter.Parameter.html */
export class Parameter extends Tensor {
  /** Copies the tensor's values, which must be there. */
  constructor(tensor: Tensor, requiresGrad = true) {
    super(leaf(copyOf(tensor), tensor.node));
    this.node.owner = this;
    if (requiresGrad) this.requiresGrad = true;
  }

  /** A parameter of zeros, to be initialised. */
  static empty(shape: readonly number[]): Parameter {
    return new Parameter(fresh(shape, 0));
  }
}

/** State that is not learned: running statistics. https://pytorch.org/docs/stable/generated/torch.nn.parameter.Buffer.html */
export class Buffer extends Tensor {
  readonly persistent: boolean;

  /** Copies the tensor's values; `persistent`: part of the state dict. */
  constructor(tensor: Tensor, persistent = true) {
    super(leaf(copyOf(tensor), tensor.node));
    this.node.owner = this;
    this.persistent = persistent;
  }
}

/** Elements of the largest array ONNX Runtime takes: 2 GiB of float32. */
const MOST = 2 ** 29;

/** A float32 leaf holding one number everywhere. */
export function fresh(shape: readonly number[], value: number): Tensor {
  if (numel(shape) > MOST)
    throw new ArgError(`a parameter of shape ${showShape(shape)} is larger than an array can be`);
  const data = allocate('float32', numel(shape));
  if (value !== 0) data.fill(value);
  return new Tensor(leaf(data, { shape, dtype: 'float32' }));
}

function copyOf(tensor: Tensor): TypedArray {
  const { op, attrs } = tensor.node;
  if (op?.name === 'constant' && !tensor.node.data) {
    const data = allocate(tensor.dtype, numel(tensor.shape));
    for (let i = 0; i < data.length; i++) store(data, tensor.dtype, i, (attrs as { value: number }).value);
    return data;
  }
  return hostData(tensor, 'Parameter').slice() as TypedArray;
}
