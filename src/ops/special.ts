/** Functions of two floating point tensors, and of bits. */
import type { GraphBuilder } from '../onnx/builder.ts';
import { type Dtype, isFloat } from '../tensor/dtype.ts';
import type { Grad } from '../tensor/op.ts';
import { Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';
import { binary } from './arithmetic.ts';
import { isnan, where } from './compare.ts';
import { arctangentOf, formula, log1pOf } from './math.ts';
import { asFloat, cast, meet, type None, type Operand } from './operands.ts';

const real = (x: Operand) => (x instanceof Tensor ? asFloat(x) : x);
/** A function of two elements; integers are computed as float32. */
function ofReals(
  name: string,
  lower: (b: GraphBuilder, x: string, y: string, dtype: Dtype) => string,
  grad: Grad<None>,
): (x: Tensor, y: Operand) => Tensor {
  const fn = binary(name, lower, grad);
  return (x, y) => fn(asFloat(x), real(y));
}

/** The angle of the point (other, x). https://pytorch.org/docs/stable/generated/torch.atan2.html */
export const atan2 = ofReals(
  'atan2',
  (b, y, x, dtype) => {
    const f = formula(b, dtype);
    // at the origin the quotient is NaN, the angle 0 or π
    const slope = f.where(f.equal(y, 0), 0, f.div(y, x));
    const turn = f.where(f.less(x, 0), f.where(f.less(y, 0), -Math.PI, Math.PI), 0);
    return f.add(arctangentOf(b, slope, dtype), turn);
  },
  (g, _angle, [y, x]) => {
    const square = y!.mul(y!).add(x!.mul(x!));
    const scaled = g.div(square).maskedFill(square.eq(0), 0);
    return [scaled.mul(x!), scaled.mul(y!).neg()];
  },
);

/** √(x² + other²). https://pytorch.org/docs/stable/generated/torch.hypot.html */
export const hypot = ofReals(
  'hypot',
  (b, x, y, dtype) => {
    const f = formula(b, dtype);
    return f.sqrt(f.add(f.mul(x, x), f.mul(y, y)));
  },
  (g, z, [x, y]) => [g.mul(x!.div(z)), g.mul(y!.div(z))],
);

/** Infinite ones of one sign count as equal. */
const difference = (x: Tensor, y: Tensor) => x.sub(y).maskedFill(x.eq(y), 0);
/** log(eˣ + e^other), without overflow. https://pytorch.org/docs/stable/generated/torch.logaddexp.html */
export const logaddexp = ofReals(
  'logaddexp',
  (b, x, y, dtype) => {
    const f = formula(b, dtype);
    const gap = f.where(f.equal(x, y), 0, f.sub(0, f.abs(f.sub(x, y))));
    return f.add(f.max(x, y), log1pOf(f, f.exp(gap)));
  },
  (g, _z, [x, y]) => {
    const share = difference(x!, y!).sigmoid();
    return [g.mul(share), g.mul(share.neg().add(1))];
  },
);

/** x log(other), 0 where x is 0. https://pytorch.org/docs/stable/generated/torch.xlogy.html */
export function xlogy(x: Tensor, y: Operand): Tensor {
  const [a, b] = meet(asFloat(x), real(y));
  const idle = a.eq(0).logicalAnd(b.gt(0).logicalAnd(b.lt(Number.POSITIVE_INFINITY)).logicalOr(isnan(b)).logicalNot());
  return a.mul(where(idle, 1, b).log());
}

/** 0 where x < 0, 1 where x > 0, `values` where x is 0. https://pytorch.org/docs/stable/generated/torch.heaviside.html */
export function heaviside(x: Tensor, values: Tensor): Tensor {
  if (x.dtype !== values.dtype) {
    throw new ArgError('heaviside: heaviside is not yet implemented for tensors with different dtypes.');
  }
  return where(x.eq(0), values, cast(x.gt(0), x.dtype)).detach();
}

const largest: Partial<Record<Dtype, number>> = {
  float16: 65504,
  float32: (2 - 2 ** -23) * 2 ** 127,
  float64: Number.MAX_VALUE,
};
/** NaN and the infinities replaced: by 0 and the largest numbers there are. https://pytorch.org/docs/stable/generated/torch.nan_to_num.html */
export function nanToNum(
  x: Tensor,
  { nan = 0, posinf, neginf }: { nan?: number; posinf?: number | undefined; neginf?: number | undefined } = {},
): Tensor {
  if (!isFloat(x.dtype)) return x;
  const most = largest[x.dtype]!;
  return x
    .maskedFill(isnan(x), nan)
    .maskedFill(x.eq(Number.POSITIVE_INFINITY), posinf ?? most)
    .maskedFill(x.eq(Number.NEGATIVE_INFINITY), neginf ?? -most);
}

// ---- bits

/** A function of the bits of integers; of bool the logical one. */
function bitwise(name: string, onnx: string, logical: (x: Tensor, y: Tensor) => Tensor) {
  const fn = binary(name, onnx, () => [null, null]);
  return (x: Tensor, other: Operand): Tensor => {
    const [a, b] = meet(x, other);
    if (isFloat(a.dtype)) throw new ArgError(`${name}: expected integers or bool, got ${a.dtype}`);
    return a.dtype === 'bool' ? logical(a, b) : fn(a, b);
  };
}
export const bitwiseAnd = bitwise('bitwiseAnd', 'BitwiseAnd', (x, y) => x.logicalAnd(y));
export const bitwiseOr = bitwise('bitwiseOr', 'BitwiseOr', (x, y) => x.logicalOr(y));
export const bitwiseXor = bitwise('bitwiseXor', 'BitwiseXor', (x, y) => x.logicalXor(y));
/** Each bit inverted: -1 - x for signed integers. */
export function bitwiseNot(x: Tensor): Tensor {
  if (x.dtype === 'bool') return x.logicalNot();
  return x.dtype === 'uint8' ? bitwiseXor(x, 255) : bitwiseXor(x, -1);
}
