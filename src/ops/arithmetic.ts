/** Arithmetic of two tensors, element by element; either may be a number. */
import type { GraphBuilder } from '../onnx/builder.ts';
import { constant } from '../tensor/constant.ts';
import { type Dtype, isFloat } from '../tensor/dtype.ts';
import type { Grad, Op } from '../tensor/op.ts';
import { broadcast } from '../tensor/shape.ts';
import { apply, Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';
import { show } from '../util/python.ts';
import { where } from './compare.ts';
import { parametric } from './elementwise.ts';
import {
  asFloat,
  cast,
  meet,
  type None,
  none,
  type Operand,
  scalar,
  scalarDtype,
  splat,
  viaInt32,
} from './operands.ts';

type Lower = string | ((b: GraphBuilder, x: string, y: string, dtype: Dtype) => string);

/** A function of two elements. `lower` is an ONNX operator's name or the nodes. */
export function binary(
  name: string,
  lower: Lower,
  grad: Grad<None>,
  shortcut?: (a: Tensor, b: Tensor, name: string) => Tensor | null,
): (x: Operand, y: Operand) => Tensor {
  const nodes = (b: GraphBuilder, x: string, y: string, dtype: Dtype): string => {
    if (viaInt32.has(dtype)) return b.cast(nodes(b, b.cast(x, 'int32'), b.cast(y, 'int32'), 'int32'), dtype);
    return typeof lower === 'string' ? b.node(lower, [x, y]) : lower(b, x, y, dtype);
  };
  const op: Op<None> = {
    name,
    infer: ([a, b]) => ({ shape: broadcast(name, a!.shape, b!.shape), dtype: a!.dtype }),
    grad,
    broadcasts: true,
    lower: (b, [x, y], _attrs, [out]) => nodes(b, x!, y!, out!.dtype),
  };
  return (x, y) => {
    const [a, b] = meet(x, y);
    return shortcut?.(a, b, name) ?? apply(op, [a, b], none);
  };
}

/** Fold constants; drop a neutral element. What gradient rules leave behind (times one, plus zero) costs nothing then. */
function fold(compute: (a: number, b: number) => number, left: number | null, right: number | null) {
  return (a: Tensor, b: Tensor, name: string): Tensor | null => {
    const [x, y] = [splat(a), splat(b)];
    if (x === undefined && y === undefined) return null;
    const shape = broadcast(name, a.shape, b.shape);
    if (x !== undefined && y !== undefined && isFloat(a.dtype))
      return constant(compute(x, y), { shape, dtype: a.dtype });
    if (y === right && y !== undefined && shape.length === a.ndim && shape.every((d, i) => d === a.shape[i])) return a;
    if (x === left && x !== undefined && shape.length === b.ndim && shape.every((d, i) => d === b.shape[i])) return b;
    return null;
  };
}

export const add = binary(
  'add',
  'Add',
  (g) => [g, g],
  fold((a, b) => a + b, 0, 0),
);
export const sub = binary(
  'sub',
  'Sub',
  (g) => [g, g.neg()],
  fold((a, b) => a - b, null, 0),
);
export const mul = binary(
  'mul',
  'Mul',
  (g, _y, [a, b]) => [g.mul(b!), g.mul(a!)],
  fold((a, b) => a * b, 1, 1),
);
const trueDiv = binary(
  'div',
  'Div',
  (g, y, [, b]) => [g.div(b!), g.div(b!).mul(y).neg()],
  fold((a, b) => a / b, null, 1),
);
const real = (t: Operand) => (t instanceof Tensor ? asFloat(t) : t);
/** x / y, integers as float32; or rounded down, or toward zero. https://pytorch.org/docs/stable/generated/torch.div.html */
export function div(
  x: Operand,
  y: Operand,
  { rounding_mode = null }: { rounding_mode?: 'floor' | 'trunc' | null } = {},
): Tensor {
  if (rounding_mode === 'floor') return floorDivide(x, y);
  if (rounding_mode === 'trunc') return truncDivide(x, y);
  if (rounding_mode !== null) {
    throw new ArgError(
      `div: expected rounding_mode to be one of null, 'trunc', or 'floor' but found ${show(rounding_mode)}`,
    );
  }
  // ORT multiplies faster than it divides; the same bits for powers of two only, so left to those.
  return trueDiv(real(x), real(y));
}

// ---- division with remainder

const isNegative = (b: GraphBuilder, x: string, dtype: Dtype) => b.node('Less', [x, scalar(b, dtype, 0)]);

/** What is left of x / y rounded toward zero: x's sign. https://pytorch.org/docs/stable/generated/torch.fmod.html */
export const fmod = binary(
  'fmod',
  (b, x, y) => b.node('Mod', [x, y], { fmod: 1 }),
  (g, _y, [a, b]) => [g, g.neg().mul(truncDivide(a!, b!))],
);
/** What is left of x / y rounded down: y's sign. https://pytorch.org/docs/stable/generated/torch.remainder.html */
export const remainder = binary('remainder', remainderOf, (g, _y, [a, b]) => [g, g.neg().mul(floorDivide(a!, b!))]);
function remainderOf(b: GraphBuilder, x: string, y: string, dtype: Dtype): string {
  if (!isFloat(dtype)) return b.node('Mod', [x, y]);
  const rest = b.node('Mod', [x, y], { fmod: 1 });
  const odd = b.node('Xor', [isNegative(b, rest, dtype), isNegative(b, y, dtype)]);
  const off = b.node('And', [odd, b.node('Not', [b.node('Equal', [rest, scalar(b, dtype, 0)])])]);
  return b.node('Where', [off, b.node('Add', [rest, y]), rest]);
}

const nothing: Grad<None> = (g) => [constant(0, g), constant(0, g)];
/** x / y rounded down; integers stay integers. https://pytorch.org/docs/stable/generated/torch.floor_divide.html */
export const floorDivide = binary(
  'floor_divide',
  (b, x, y, dtype) => {
    const down = b.node('Div', [b.node('Sub', [x, remainderOf(b, x, y, dtype)]), y]);
    if (!isFloat(dtype)) return down;
    const byZero = b.node('Equal', [y, scalar(b, dtype, 0)]);
    return b.node('Where', [byZero, b.node('Div', [x, y]), b.node('Round', [down])]);
  },
  nothing,
);
const truncDivide = binary(
  'trunc_divide',
  (b, x, y, dtype) => {
    const quotient = b.node('Div', [x, y]);
    return isFloat(dtype) ? truncated(b, quotient, dtype) : quotient;
  },
  nothing,
);

/** Without its fraction. */
export function truncated(b: GraphBuilder, x: string, dtype: Dtype): string {
  const zero = scalar(b, dtype, 0);
  return b.node('Add', [b.node('Floor', [b.node('Max', [x, zero])]), b.node('Ceil', [b.node('Min', [x, zero])])]);
}

// ---- the larger, the smaller, the nearest

const half = (g: Tensor, a: Tensor, b: Tensor) => where(a.eq(b), g.mul(0.5), g);
export const maximum = binary('maximum', 'Max', (g, _y, [a, b]) => [
  where(a!.lt(b!), 0, half(g, a!, b!)),
  where(b!.lt(a!), 0, half(g, a!, b!)),
]);
export const minimum = binary('minimum', 'Min', (g, _y, [a, b]) => [
  where(a!.gt(b!), 0, half(g, a!, b!)),
  where(b!.gt(a!), 0, half(g, a!, b!)),
]);

interface Limits {
  readonly min: number | null;
  readonly max: number | null;
}
const clampOp: Op<Limits> = {
  name: 'clamp',
  infer: ([x]) => x!,
  grad: (g, _y, [x], { min, max }) => {
    const above = min === null ? g : where(x!.ge(min), g, 0);
    return [max === null ? above : where(x!.le(max), above, 0)];
  },
  lower: (b, [x], { min, max }, [out]) => {
    const low = min === null ? x! : b.node('Max', [x!, scalar(b, out!.dtype, min)]);
    return max === null ? low : b.node('Min', [low, scalar(b, out!.dtype, max)]);
  },
};
/** Values limited to [min, max]; the gradient passes where min <= x <= max. https://pytorch.org/docs/stable/generated/torch.clamp.html */
export function clamp(
  x: Tensor,
  { min = null, max = null }: { min?: Operand | null; max?: Operand | null } = {},
): Tensor {
  if (min === null && max === null) {
    throw new ArgError("clamp: At least one of 'min' or 'max' must not be None");
  }
  if (min instanceof Tensor || max instanceof Tensor) return clampBy(x, min, max);
  const dtype = [min, max].reduce<Dtype>((d, limit) => (limit === null ? d : scalarDtype(limit, d)), x.dtype);
  return apply(clampOp, [cast(x, dtype)], { min, max });
}

/** Each limit takes the gradient where it takes x's place. */
function clampBy(x: Tensor, min: Operand | null, max: Operand | null): Tensor {
  const above = min === null ? x : where(x.lt(min), min, x);
  return max === null ? above : where(above.gt(max), max, above);
}
/** Values of at least `min`. */
export const clampMin = (x: Tensor, min: Operand): Tensor => clamp(x, { min });
/** Values of at most `max`. */
export const clampMax = (x: Tensor, max: Operand): Tensor => clamp(x, { max });

// ---- powers

const powOp = binary('pow', 'Pow', (g, y, [a, b]) => [
  where(b!.eq(0), 0, g.mul(b!).mul(a!.pow(b!.sub(1)))),
  g.mul(where(a!.eq(0), 0, y.mul(where(a!.gt(0), a!, 1).log()))),
]);
/** xʸ; small whole and half exponents are written as products and roots, which ORT runs faster. */
export function pow(x: Operand, y: Operand): Tensor {
  if (typeof y === 'number' && typeof x !== 'number') {
    if (isFloat(x.dtype)) return floatPow(x, y);
    if (Number.isInteger(y) && y < 0) {
      throw new ArgError('pow: Integers to negative integer powers are not allowed.');
    }
  }
  return powOp(x, y);
}
function floatPow(x: Tensor, y: number): Tensor {
  if (y === 1) return x;
  if (y === 2) return x.square();
  if (y === 3) return x.mul(x).mul(x);
  if (y === 0.5) return x.sqrt();
  if (y === -1) return x.reciprocal();
  if (y === -0.5) return x.rsqrt();
  if (y === 0 && !x.requiresGrad) return constant(1, x);
  return powNumber(x, { exponent: y });
}
const powNumber = parametric<{ exponent: number }>(
  'pow_number',
  (b, x, { exponent }, dtype) => b.node('Pow', [x, scalar(b, dtype, exponent)]),
  (g, _y, x, { exponent }) => (exponent === 0 ? constant(0, g) : g.mul(x.pow(exponent - 1)).mul(exponent)),
);

// ---- of three tensors

/** start + weight (end - start). https://pytorch.org/docs/stable/generated/torch.lerp.html */
export function lerp(start: Tensor, end: Tensor, weight: Operand): Tensor {
  const way = end.sub(start);
  const near = start.add(way.mul(weight));
  // from the end where that is nearer, so that weight 1 gives the end itself
  const far = end.sub(way.mul(typeof weight === 'number' ? 1 - weight : sub(1, weight)));
  if (typeof weight !== 'number') return where(weight.abs().lt(0.5), near, far);
  return Math.abs(weight) < 0.5 ? near : far;
}
/** x + value · a · b. https://pytorch.org/docs/stable/generated/torch.addcmul.html */
export function addcmul(x: Tensor, a: Tensor, b: Tensor, { value = 1 }: { value?: number } = {}): Tensor {
  return x.add(a.mul(b).mul(value));
}
/** x + value · a / b. https://pytorch.org/docs/stable/generated/torch.addcdiv.html */
export function addcdiv(x: Tensor, a: Tensor, b: Tensor, { value = 1 }: { value?: number } = {}): Tensor {
  return x.add(a.div(b).mul(value));
}
