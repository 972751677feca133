/** Puts the operations on `Tensor`, under PyTorch's names in camelCase. One line each: the name, the type, the function. */
import { asDtype, type Dtype } from '../tensor/dtype.ts';
import type { Shape } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';
import * as e from './elementwise.ts';
import * as i from './index.ts';
import { matmul } from './matmul.ts';
import * as m from './movement.ts';
import { logSoftmax, softmax } from './norm.ts';
import * as r from './reduce.ts';

type Operand = e.Operand;
type Reduce = r.ReduceOptions;

declare module '../tensor/tensor.ts' {
  interface Tensor {
    neg(): Tensor;
    abs(): Tensor;
    sign(): Tensor;
    exp(): Tensor;
    log(): Tensor;
    sqrt(): Tensor;
    rsqrt(): Tensor;
    reciprocal(): Tensor;
    sin(): Tensor;
    cos(): Tensor;
    tanh(): Tensor;
    sigmoid(): Tensor;
    erf(): Tensor;
    relu(): Tensor;
    floor(): Tensor;
    ceil(): Tensor;
    round(): Tensor;
    square(): Tensor;
    add(other: Operand): Tensor;
    sub(other: Operand): Tensor;
    mul(other: Operand): Tensor;
    div(other: Operand): Tensor;
    pow(exponent: Operand): Tensor;
    maximum(other: Operand): Tensor;
    minimum(other: Operand): Tensor;
    clamp(options: { min?: number; max?: number }): Tensor;
    eq(other: Operand): Tensor;
    ne(other: Operand): Tensor;
    gt(other: Operand): Tensor;
    ge(other: Operand): Tensor;
    lt(other: Operand): Tensor;
    le(other: Operand): Tensor;
    logicalNot(): Tensor;
    logicalAnd(other: Tensor): Tensor;
    logicalOr(other: Tensor): Tensor;
    logicalXor(other: Tensor): Tensor;
    sum(options?: Reduce): Tensor;
    mean(options?: Reduce): Tensor;
    amax(options?: Reduce): Tensor;
    amin(options?: Reduce): Tensor;
    argmax(options?: { dim?: number; keepdim?: boolean }): Tensor;
    argmin(options?: { dim?: number; keepdim?: boolean }): Tensor;
    var(options?: Reduce & { correction?: number }): Tensor;
    std(options?: Reduce & { correction?: number }): Tensor;
    matmul(other: Tensor): Tensor;
    softmax(dim: number): Tensor;
    logSoftmax(dim: number): Tensor;
    reshape(shape: Shape): Tensor;
    view(shape: Shape): Tensor;
    flatten(options?: { start_dim?: number; end_dim?: number }): Tensor;
    permute(dims: readonly number[]): Tensor;
    transpose(dim0: number, dim1: number): Tensor;
    t(): Tensor;
    expand(shape: Shape): Tensor;
    squeeze(dim?: number | readonly number[]): Tensor;
    unsqueeze(dim: number): Tensor;
    slice(options: { dim: number; start?: number; end?: number; step?: number }): Tensor;
    narrow(dim: number, start: number, length: number): Tensor;
    select(dim: number, index: number): Tensor;
    split(size: number | readonly number[], options?: { dim?: number }): Tensor[];
    chunk(chunks: number, options?: { dim?: number }): Tensor[];
    flip(dims: number | readonly number[]): Tensor;
    indexSelect(dim: number, index: Tensor | BigInt64Array): Tensor;
    indexAdd(dim: number, index: Tensor, source: Tensor): Tensor;
    gather(dim: number, index: Tensor): Tensor;
    scatterAdd(dim: number, index: Tensor, source: Tensor): Tensor;
    /** The same values in another dtype. */
    to(dtype: Dtype): Tensor;
    detach(): Tensor;
  }
}

/** Each method calls the function of its name with the tensor first. */
const methods: Record<string, (x: Tensor, ...rest: never[]) => unknown> = {
  ...pick(e, 'neg abs square sign exp log sqrt rsqrt reciprocal sin cos tanh sigmoid erf relu floor ceil round'),
  ...pick(e, 'add sub mul div pow maximum minimum eq ne gt ge lt le detach'),
  ...pick(e, 'logicalNot logicalAnd logicalOr logicalXor'),
  ...pick(r, 'sum mean amax amin argmax argmin'),
  ...pick(m, 'reshape flatten permute transpose expand squeeze unsqueeze slice narrow select split chunk flip'),
  ...pick(i, 'indexSelect indexAdd gather scatterAdd'),
  matmul,
  softmax,
  logSoftmax,
  view: m.reshape,
  t: m.t,
  var: r.variance,
  std: (x, options?: Reduce & { correction?: number }) => r.variance(x, options).sqrt(),
  clamp: (x, { min = null, max = null }: { min?: number | null; max?: number | null }) => e.clamp(x, { min, max }),
  to: (x, dtype: Dtype) => e.cast(x, asDtype(dtype)),
};

function pick(from: object, names: string): typeof methods {
  const all = from as Record<string, (x: Tensor, ...rest: never[]) => unknown>;
  return Object.fromEntries(names.split(' ').map((name) => [name, all[name]!]));
}

for (const [name, fn] of Object.entries(methods)) {
  Object.defineProperty(Tensor.prototype, name, {
    value(this: Tensor, ...rest: never[]) {
      const result = fn(this, ...rest);
      return result instanceof Tensor && result.node.owner === result ? e.alias(result) : result;
    },
    writable: true,
    configurable: true,
  });
}
