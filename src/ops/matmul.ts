/** Matrix products. */
import { type GraphBuilder, MICROSOFT } from '../onnx/builder.ts';
import type { Op } from '../tensor/op.ts';
import { broadcast, numel, type Shape, showShape } from '../tensor/shape.ts';
import { apply, expectTensor, type Tensor } from '../tensor/tensor.ts';
import { ShapeError, TorcharcError } from '../util/errors.ts';

interface Transposes {
  readonly transA: boolean;
  readonly transB: boolean;
}
const plain: Transposes = { transA: false, transB: false };

/** A' B' (+ C) of matrices: ORT's Gemm. C broadcasts to the result. */
const gemmOp: Op<Transposes> = {
  name: 'gemm',
  infer: ([a, b], { transA, transB }) => ({
    shape: [a!.shape[transA ? 1 : 0]!, b!.shape[transB ? 0 : 1]!],
    dtype: a!.dtype,
  }),
  grad: (g, _y, [a, b, c], { transA, transB }) => [
    transA ? gemm(b!, g, { transA: transB, transB: true }) : gemm(g, b!, { transA: false, transB: !transB }),
    transB ? gemm(g, a!, { transA: true, transB: transA }) : gemm(a!, g, { transA: !transA, transB: false }),
    ...(c ? [g] : []),
  ],
  lower: (b, inputs, { transA, transB }) =>
    inputs.length === 2 && !transA && !transB
      ? b.node('MatMul', inputs)
      : b.node('Gemm', inputs, { transA: Number(transA), transB: Number(transB) }),
  macs: ([a], { transA }, out) => numel(out.shape) * a!.shape[transA ? 0 : 1]!,
};
function gemm(a: Tensor, b: Tensor, transposes: Transposes): Tensor {
  return apply(gemmOp, [a, b], transposes);
}

/** Products of stacks of matrices whose leading dimensions broadcast. */
const batchedOp: Op<Transposes> = {
  name: 'matmul',
  infer: ([a, b], { transA, transB }) => ({
    shape: [
      ...broadcast('matmul', a!.shape.slice(0, -2), b!.shape.slice(0, -2)),
      a!.shape.at(transA ? -1 : -2)!,
      b!.shape.at(transB ? -2 : -1)!,
    ],
    dtype: a!.dtype,
  }),
  grad: (g, _y, [a, b], { transA, transB }) => [
    transA ? batched(b!, g, { transA: transB, transB: true }) : batched(g, b!, { transA: false, transB: !transB }),
    transB ? batched(g, a!, { transA: true, transB: transA }) : batched(a!, g, { transA: !transA, transB: false }),
  ],
  lower: (b, [x, y], { transA, transB }, _out, [a, c]) => {
    if (!transA && !transB) return b.node('MatMul', [x!, y!]);
    if (a!.dtype === 'float32') {
      return b.node('FusedMatMul', [x!, y!], { transA: Number(transA), transB: Number(transB) }, MICROSOFT);
    }
    return b.node('MatMul', [turned(b, x!, a!.shape, transA), turned(b, y!, c!.shape, transB)]);
  },
  macs: ([a], { transA }, out) => numel(out.shape) * a!.shape.at(transA ? -2 : -1)!,
};
function turned(b: GraphBuilder, x: string, shape: Shape, transposed: boolean): string {
  const n = shape.length;
  return transposed ? b.transpose(x, [...shape.keys()].slice(0, n - 2).concat([n - 1, n - 2])) : x;
}
function batched(a: Tensor, b: Tensor, transposes: Transposes): Tensor {
  return apply(batchedOp, [a, b], transposes);
}

/** The product of floating point matrices, or of stacks of equal leading sizes, either of them transposed. */
export function transposedMatmul(a: Tensor, b: Tensor, transposes: Transposes): Tensor {
  return a.ndim === 2 ? gemm(a, b, transposes) : batched(a, b, transposes);
}

/** The matrix product of `torch.matmul`: vectors are rows or columns, leading dimensions are stacks. */
export function matmul(a: Tensor, b: Tensor): Tensor {
  sameDtype('matmul', a, b);
  if (a.dtype === 'bool') throw new TorcharcError('matmul: expected numbers, got tensors of dtype bool');
  // of bytes ORT has none
  if (a.dtype === 'uint8') return matmul(a.to('int32'), b.to('int32')).to('uint8');
  if (a.ndim === 0 || b.ndim === 0) {
    throw new ShapeError(
      `matmul: both arguments to matmul need to be at least 1D, but they are ${a.ndim}D and ${b.ndim}D`,
    );
  }
  const [x, y] = [a.ndim === 1 ? a.unsqueeze(0) : a, b.ndim === 1 ? b.unsqueeze(1) : b];
  if (x.shape.at(-1) !== y.shape.at(-2)) {
    if (x.ndim === 2 && y.ndim === 2) {
      throw new ShapeError(
        `matmul: mat1 and mat2 shapes cannot be multiplied (${x.shape.join('x')} and ${y.shape.join('x')})`,
      );
    }
    throw new ShapeError(
      `matmul: the last dimension of ${showShape(a.shape)} must equal the second to last of ${showShape(b.shape)}`,
    );
  }
  const matrix = y.ndim === 2;
  // a stack times one matrix is one tall matrix times it
  const product = !matrix
    ? batched(x, y, plain)
    : x.ndim === 2
      ? gemm(x, y, plain)
      : gemm(x.reshape([-1, x.shape.at(-1)!]), y, plain).reshape([...x.shape.slice(0, -1), y.shape[1]!]);
  const shape = product.shape.slice();
  if (b.ndim === 1) shape.splice(-1, 1);
  if (a.ndim === 1) shape.splice(b.ndim === 1 ? -1 : -2, 1);
  return product.reshape(shape);
}

/** y = x Wᵀ + b over the last dimension; x [*, in], W [out, in], b [out]. */
export function linear(x: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor {
  sameDtype('linear', x, weight);
  const [out, inner] = weight.shape as [number, number];
  if (x.ndim === 0) {
    throw new ShapeError(
      `linear: both arguments to linear need to be at least 1D, but they are 0D and ${weight.ndim}D`,
    );
  }
  if (x.shape.at(-1) !== inner) {
    const rows = numel(x.shape.slice(0, -1));
    throw new ShapeError(
      `linear: mat1 and mat2 shapes cannot be multiplied (${rows}x${x.shape.at(-1)} and ${inner}x${out})`,
    );
  }
  const flat = x.ndim === 2 ? x : x.reshape([numel(x.shape.slice(0, -1)), inner]);
  const y = apply(gemmOp, bias ? [flat, weight, bias] : [flat, weight], { transA: false, transB: true });
  return x.ndim === 2 ? y : y.reshape([...x.shape.slice(0, -1), out]);
}

function sameDtype(who: string, a: Tensor, b: Tensor): void {
  expectTensor(who, a);
  expectTensor(who, b);
  if (a.dtype !== b.dtype) {
    throw new TorcharcError(`${who}: expected both tensors to have the same dtype, but got ${a.dtype} and ${b.dtype}`);
  }
}
