/** Comparisons, logic, and the choice between two tensors. */
import { constant } from '../tensor/constant.ts';
import { type Dtype, isFloat } from '../tensor/dtype.ts';
import type { Op } from '../tensor/op.ts';
import { broadcast, sameShape } from '../tensor/shape.ts';
import { apply, type Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';
import { asFloat, cast, meet, type None, none, type Operand, viaInt32 } from './operands.ts';

function compare(name: string, onnx: string) {
  const op: Op<None> = {
    name,
    infer: ([a, b]) => ({ shape: broadcast(name, a!.shape, b!.shape), dtype: 'bool' }),
    grad: null,
    broadcasts: true,
    lower: (b, inputs, _attrs, _out, ins) => {
      const bytes = viaInt32.has(ins[0]!.dtype);
      return b.node(onnx, bytes ? inputs.map((x) => b.cast(x, 'int32')) : inputs);
    },
  };
  return (x: Operand, y: Operand): Tensor => apply(op, meet(x, y), none);
}
export const eq = compare('eq', 'Equal');
export const gt = compare('gt', 'Greater');
export const ge = compare('ge', 'GreaterOrEqual');
export const lt = compare('lt', 'Less');
export const le = compare('le', 'LessOrEqual');

function logical(name: string, onnx: string) {
  const op: Op<None> = {
    name,
    infer: (ins) => ({ shape: ins.map((x) => x.shape).reduce((a, b) => broadcast(name, a, b)), dtype: 'bool' }),
    grad: null,
    broadcasts: true,
    lower: (b, inputs) => b.node(onnx, inputs),
  };
  return (...xs: Tensor[]): Tensor =>
    apply(
      op,
      xs.map((x) => cast(x, 'bool')),
      none,
    );
}
export const logicalNot = logical('logical_not', 'Not') as (x: Tensor) => Tensor;
export const logicalAnd = logical('logical_and', 'And') as (x: Tensor, y: Tensor) => Tensor;
export const logicalOr = logical('logical_or', 'Or') as (x: Tensor, y: Tensor) => Tensor;
export const logicalXor = logical('logical_xor', 'Xor') as (x: Tensor, y: Tensor) => Tensor;
export const ne = (x: Operand, y: Operand): Tensor => logicalNot(eq(x, y));

const whereOp: Op<None> = {
  name: 'where',
  infer: ([c, a, b]) => ({
    shape: broadcast('where', c!.shape, broadcast('where', a!.shape, b!.shape)),
    dtype: a!.dtype,
  }),
  grad: (g, _y, [c]) => [null, where(c!, g, 0), where(c!, 0, g)],
  broadcasts: true,
  lower: (b, inputs, _attrs, [out]) =>
    // ORT's Where knows no bool; bytes it does
    out!.dtype === 'bool'
      ? b.cast(b.node('Where', [inputs[0]!, b.cast(inputs[1]!, 'uint8'), b.cast(inputs[2]!, 'uint8')]), 'bool')
      : b.node('Where', inputs),
};
/** `x` where `condition` holds, else `y`. https://pytorch.org/docs/stable/generated/torch.where.html */
export function where(condition: Tensor, x: Operand, y: Operand): Tensor {
  const [a, b] =
    typeof x === 'number' && typeof y === 'number'
      ? ([x, y].map((v) => constant(v, { shape: [], dtype: 'float32' })) as [Tensor, Tensor])
      : meet(x, y);
  return apply(whereOp, [cast(condition, 'bool'), a, b], none);
}

/** `value` where the mask holds, else x, in x's dtype. https://pytorch.org/docs/stable/generated/torch.Tensor.masked_fill.html */
export function maskedFill(x: Tensor, mask: Tensor, value: Operand): Tensor {
  if (mask.dtype !== 'bool') {
    throw new ArgError(`maskedFill: masked_fill only supports boolean masks, but got mask with dtype ${mask.dtype}`);
  }
  if (typeof value !== 'number' && value.ndim > 0) {
    throw new ArgError(
      `maskedFill: masked_fill only supports a 0-dimensional value tensor, but got tensor with ${value.ndim} dimension(s)`,
    );
  }
  return where(mask, fillValue(value, x.dtype), x);
}

/** A value that is written into a tensor: in the tensor's dtype, cut off if that is integer. */
export function fillValue(value: Operand, dtype: Dtype): Tensor {
  return typeof value === 'number' ? constant(value, { shape: [], dtype }) : cast(value, dtype);
}

// ---- kinds of floating point numbers

function kind(name: string, onnx: string) {
  const op: Op<None> = {
    name,
    infer: ([x]) => ({ shape: x!.shape, dtype: 'bool' }),
    grad: null,
    lower: (b, [x]) => b.node(onnx, [x!]),
  };
  return (x: Tensor): Tensor =>
    isFloat(x.dtype) ? apply(op, [x], none) : constant(0, { shape: x.shape, dtype: 'bool' });
}
/** Where x is NaN. */
export const isnan = kind('isnan', 'IsNaN');
/** Where x is infinite, with either sign. */
export const isinf = kind('isinf', 'IsInf');
/** Where x is neither infinite nor NaN. */
export function isfinite(x: Tensor): Tensor {
  if (!isFloat(x.dtype)) return constant(1, { shape: x.shape, dtype: 'bool' });
  return lt(x.abs(), Number.POSITIVE_INFINITY);
}

/** How near two numbers must be: |x - y| <= atol + rtol |y|. */
export interface Closeness {
  readonly rtol?: number;
  readonly atol?: number;
  readonly equal_nan?: boolean;
}
/** Where |x - y| <= atol + rtol |y|. https://pytorch.org/docs/stable/generated/torch.isclose.html */
export function isclose(x: Tensor, y: Tensor, { rtol = 1e-5, atol = 1e-8, equal_nan = false }: Closeness = {}): Tensor {
  if (x.dtype !== y.dtype) throw new ArgError(`isclose: ${x.dtype} did not match ${y.dtype}`);
  for (const [name, value] of Object.entries({ rtol, atol })) {
    if (!(value >= 0)) throw new ArgError(`isclose: ${name} must be greater than or equal to zero, but got ${value}`);
  }
  const [a, b] = [asFloat(x), asFloat(y)];
  const distance = a.sub(b).abs();
  const near = logicalAnd(isfinite(distance), le(distance, b.abs().mul(rtol).add(atol)));
  const close = logicalOr(eq(x, y), near);
  return equal_nan ? logicalOr(close, logicalAnd(isnan(x), isnan(y))) : close;
}

/** Whether all elements are close. https://pytorch.org/docs/stable/generated/torch.allclose.html */
export async function allclose(x: Tensor, y: Tensor, options: Closeness = {}): Promise<boolean> {
  return (await isclose(x, y, options).all().item()) !== 0;
}

/** Whether both have the same shape and elements. https://pytorch.org/docs/stable/generated/torch.equal.html */
export async function equal(x: Tensor, y: Tensor): Promise<boolean> {
  if (!sameShape(x.shape, y.shape)) return false;
  return (await eq(x, y).all().item()) !== 0;
}
