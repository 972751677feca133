/** Operations on each element: arithmetic, functions, comparisons, selection, conversion. */
import { float, type GraphBuilder } from '../onnx/builder.ts';
import { constant, constantOf } from '../tensor/constant.ts';
import { type Dtype, isFloat, promote } from '../tensor/dtype.ts';
import type { Grad, Op } from '../tensor/op.ts';
import { broadcast } from '../tensor/shape.ts';
import { type Aval, apply, expectTensor, Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';
import { show } from '../util/python.ts';

/** What an operand may be: a tensor, or a number that takes the other operand's dtype. */
export type Operand = Tensor | number;
type None = Record<string, never>;
const none: None = {};

/** ORT has no arithmetic for bytes; it is done in int32. */
const viaInt32 = new Set<Dtype>(['uint8', 'bool']);

function scalar(b: GraphBuilder, dtype: Dtype, value: number): string {
  return constantOf(b, value, { shape: [], dtype });
}

// ---- functions of one tensor

interface UnaryRule {
  (g: Tensor, y: Tensor, x: Tensor): Tensor;
}

/** A function of each element. `lower` is an ONNX operator's name or the nodes; integers are computed as float32 if `float`. */
function unary(
  name: string,
  lower: string | ((b: GraphBuilder, x: string, dtype: Dtype) => string),
  grad: UnaryRule | null,
): (x: Tensor) => Tensor {
  const op: Op<None> = {
    name,
    infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
    grad: grad && ((g, y, [x]) => [grad(g, y, x!)]),
    lower: (b, [x], _attrs, [out]) => (typeof lower === 'string' ? b.node(lower, [x!]) : lower(b, x!, out!.dtype)),
  };
  return (x) => apply(op, [isFloat(x.dtype) || integral.has(name) ? x : cast(x, 'float32')], none);
}
const integral = new Set(['square', 'neg', 'abs', 'sign', 'relu']);

export const neg = unary('neg', 'Neg', (g) => g.neg());
export const abs = unary('abs', 'Abs', (g, _y, x) => g.mul(x.sign()));
export const exp = unary('exp', 'Exp', (g, y) => g.mul(y));
export const square = unary(
  'square',
  (b, x) => b.node('Mul', [x, x]),
  (g, _y, x) => g.mul(2).mul(x),
);
export const log = unary('log', 'Log', (g, _y, x) => g.div(x));
export const sqrt = unary('sqrt', 'Sqrt', (g, y) => g.mul(0.5).div(y));
export const rsqrt = unary(
  'rsqrt',
  (b, x) => b.node('Reciprocal', [b.node('Sqrt', [x])]),
  (g, y) => g.mul(-0.5).mul(y.mul(y).mul(y)),
);
export const reciprocal = unary('reciprocal', 'Reciprocal', (g, y) => g.mul(y).mul(y).neg());
export const sin = unary('sin', 'Sin', (g, _y, x) => g.mul(x.cos()));
export const cos = unary('cos', 'Cos', (g, _y, x) => g.mul(x.sin()).neg());
export const tanh = unary('tanh', 'Tanh', (g, y) => g.mul(y.mul(y).neg().add(1)));
export const sigmoid = unary('sigmoid', 'Sigmoid', (g, y) => g.mul(y).mul(y.neg().add(1)));
export const erf = unary('erf', erfOf, (g, _y, x) => g.mul(x.mul(x).neg().exp()).mul(2 / Math.sqrt(Math.PI)));
export const relu = unary('relu', 'Relu', (g, y) => g.mul(step(y)));
/** log(1 + eˣ), without overflow: relu(x) + log(1 + e^-|x|). */
export const softplus = unary(
  'softplus',
  (b, x, dtype) => {
    const small = b.node('Exp', [b.node('Neg', [b.node('Abs', [x])])]);
    return b.node('Add', [b.node('Relu', [x]), b.node('Log', [b.node('Add', [small, scalar(b, dtype, 1)])])]);
  },
  (g, _y, x) => g.mul(x.sigmoid()),
);
/** x σ(x); dx = g (s + y - s y). */
export const silu = unary(
  'silu',
  (b, x) => b.node('Mul', [x, b.node('Sigmoid', [x])]),
  (g, y, x) => {
    const s = x.sigmoid();
    return g.mul(s.add(y).sub(s.mul(y)));
  },
);
/** x Φ(x), exactly; dx = g (Φ + x φ). */
export const gelu = unary(
  'gelu',
  (b, x, dtype) => b.node('Mul', [x, normalCdf(b, x, dtype)]),
  (g, _y, x) => {
    const cdf = x.mul(Math.SQRT1_2).erf().add(1).mul(0.5);
    return g.mul(cdf.add(x.mul(x.mul(x).mul(-0.5).exp()).mul(1 / Math.sqrt(2 * Math.PI))));
  },
);
/** ORT has it for float32 only: float64 is rounded to it. */
function erfOf(b: GraphBuilder, x: string, dtype: Dtype): string {
  return dtype === 'float32' ? b.node('Erf', [x]) : b.cast(b.node('Erf', [b.cast(x, 'float32')]), dtype);
}
function normalCdf(b: GraphBuilder, x: string, dtype: Dtype): string {
  const erf = erfOf(b, b.node('Mul', [x, scalar(b, dtype, Math.SQRT1_2)]), dtype);
  return b.node('Mul', [b.node('Add', [erf, scalar(b, dtype, 1)]), scalar(b, dtype, 0.5)]);
}
// Piecewise constant: nothing flows, as in PyTorch (which returns zeros).
export const sign = unary('sign', 'Sign', zeros);
export const floor = unary('floor', 'Floor', zeros);
export const ceil = unary('ceil', 'Ceil', zeros);
export const round = unary('round', 'Round', zeros);
function zeros(g: Tensor): Tensor {
  return constant(0, g);
}
/** 1 where x > 0, else 0. HardSigmoid with a huge slope: 2–3 times faster than a comparison and a cast. */
const step = unary(
  'step',
  (b, x, dtype) =>
    dtype === 'float32'
      ? b.node('HardSigmoid', [x], { alpha: float(3e38), beta: float(0) })
      : b.cast(b.node('Greater', [x, scalar(b, dtype, 0)]), dtype),
  zeros,
);

/** A function of each element with parameters. */
function parametric<A>(
  name: string,
  lower: (b: GraphBuilder, x: string, attrs: A, dtype: Dtype) => string,
  grad: (g: Tensor, y: Tensor, x: Tensor, attrs: A) => Tensor,
): (x: Tensor, attrs: A) => Tensor {
  const op: Op<A> = {
    name,
    infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
    grad: (g, y, [x], attrs) => [grad(g, y, x!, attrs)],
    lower: (b, [x], attrs, [out]) => lower(b, x!, attrs, out!.dtype),
  };
  return (x, attrs) => apply(op, [isFloat(x.dtype) ? x : cast(x, 'float32')], attrs);
}

export const leakyRelu = parametric<{ negative_slope: number }>(
  'leaky_relu',
  (b, x, { negative_slope }) => b.node('LeakyRelu', [x], { alpha: float(negative_slope) }),
  (g, _y, x, { negative_slope }) => where(x.gt(0), g, g.mul(negative_slope)),
);

/** ELU and its kin: scale·x where x > 0, else scale·alpha·(eˣ - 1). ORT's own Elu is half as fast. */
export const elu = parametric<{ alpha: number; scale: number }>(
  'elu',
  (b, x, { alpha, scale }, dtype) => {
    const below = b.node('Sub', [b.node('Exp', [b.node('Min', [x, scalar(b, dtype, 0)])]), scalar(b, dtype, 1)]);
    return b.node('Add', [
      b.node('Mul', [b.node('Relu', [x]), scalar(b, dtype, scale)]),
      b.node('Mul', [below, scalar(b, dtype, alpha * scale)]),
    ]);
  },
  (g, _y, x, { alpha, scale }) => where(x.gt(0), g.mul(scale), g.mul(x.exp()).mul(alpha * scale)),
);

/** GELU by tanh: x/2 (1 + tanh(√(2/π) (x + 0.044715 x³))). */
export function geluTanh(x: Tensor): Tensor {
  const inner = x
    .mul(x)
    .mul(0.044715)
    .add(1)
    .mul(x)
    .mul(Math.sqrt(2 / Math.PI));
  return inner.tanh().add(1).mul(x).mul(0.5);
}

/** Values limited to [min, max]; the gradient passes where min <= x <= max. */
export const clamp = parametric<{ min: number | null; max: number | null }>(
  'clamp',
  (b, x, { min, max }, dtype) => {
    const low = min === null ? x : b.node('Max', [x, scalar(b, dtype, min)]);
    return max === null ? low : b.node('Min', [low, scalar(b, dtype, max)]);
  },
  (g, _y, x, { min, max }) => {
    const above = min === null ? g : where(x.ge(min), g, 0);
    return max === null ? above : where(x.le(max), above, 0);
  },
);

// ---- functions of two tensors

/** The operands as tensors of one dtype, as PyTorch promotes: a number follows the tensor, a 0-d tensor its kind. */
function meet(x: Operand, y: Operand): [Tensor, Tensor] {
  for (const operand of [x, y]) {
    if (typeof operand === 'number' || operand instanceof Tensor) continue;
    throw new ArgError(`expected a tensor or a number as operand, got ${show(operand)}`);
  }
  if (typeof x === 'number') {
    const b = y as Tensor;
    const dtype = scalarDtype(x, b.dtype);
    return [constant(x, { shape: [], dtype }), cast(b, dtype)];
  }
  if (typeof y === 'number') {
    const dtype = scalarDtype(y, x.dtype);
    return [cast(x, dtype), constant(y, { shape: [], dtype })];
  }
  if (x.dtype === y.dtype) return [x, y];
  const dtype = promoteTensors(x, y);
  return [cast(x, dtype), cast(y, dtype)];
}

function scalarDtype(value: number, dtype: Dtype): Dtype {
  if (isFloat(dtype)) return dtype;
  return Number.isInteger(value) ? (dtype === 'bool' ? 'int64' : dtype) : 'float32';
}

function promoteTensors(x: Tensor, y: Tensor): Dtype {
  const sameKind = isFloat(x.dtype) === isFloat(y.dtype);
  if (sameKind && x.ndim === 0 && y.ndim > 0) return y.dtype;
  if (sameKind && y.ndim === 0 && x.ndim > 0) return x.dtype;
  return promote(x.dtype, y.dtype);
}

function inferBinary(name: string, dtype?: Dtype): Op<None>['infer'] {
  return ([a, b]) => ({ shape: broadcast(name, a!.shape, b!.shape), dtype: dtype ?? a!.dtype });
}

function binary(name: string, onnx: string, grad: Grad<None>, shortcut?: (a: Tensor, b: Tensor) => Tensor | null) {
  const op: Op<None> = {
    name,
    infer: inferBinary(name),
    grad,
    broadcasts: true,
    lower: (b, inputs, _attrs, [out]) => {
      if (!viaInt32.has(out!.dtype)) return b.node(onnx, inputs);
      return b.cast(
        b.node(
          onnx,
          inputs.map((x) => b.cast(x, 'int32')),
        ),
        out!.dtype,
      );
    },
  };
  return (x: Operand, y: Operand): Tensor => {
    const [a, b] = meet(x, y);
    return shortcut?.(a, b) ?? apply(op, [a, b], none);
  };
}

/** The number a splat constant holds, else undefined. */
const splat = (t: Tensor): number | undefined =>
  t.node.op?.name === 'constant' ? (t.node.attrs as { value: number }).value : undefined;

/** Fold constants; drop a neutral element. What gradient rules leave behind (times one, plus zero) costs nothing then. */
function fold(compute: (a: number, b: number) => number, left: number | null, right: number | null) {
  return (a: Tensor, b: Tensor): Tensor | null => {
    const [x, y] = [splat(a), splat(b)];
    if (x === undefined && y === undefined) return null;
    const shape = broadcast('fold', a.shape, b.shape);
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
/** True division: integers are divided as float32. */
export function div(x: Operand, y: Operand): Tensor {
  const real = (t: Operand) => (t instanceof Tensor && !isFloat(t.dtype) ? cast(t, 'float32') : t);
  // ORT multiplies faster than it divides; the same bits for powers of two only, so left to those.
  return trueDiv(real(x), real(y));
}
const half = (g: Tensor, a: Tensor, b: Tensor) => where(a.eq(b), g.mul(0.5), g);
export const maximum = binary('maximum', 'Max', (g, _y, [a, b]) => [
  where(a!.ge(b!), half(g, a!, b!), 0),
  where(b!.ge(a!), half(g, a!, b!), 0),
]);
export const minimum = binary('minimum', 'Min', (g, _y, [a, b]) => [
  where(a!.le(b!), half(g, a!, b!), 0),
  where(b!.le(a!), half(g, a!, b!), 0),
]);
const powOp = binary('pow', 'Pow', (g, y, [a, b]) => [
  where(b!.eq(0), 0, g.mul(b!).mul(a!.pow(b!.sub(1)))),
  g.mul(where(a!.eq(0), 0, y.mul(where(a!.gt(0), a!, 1).log()))),
]);
/** xʸ; small whole and half exponents are written as products and roots, which ORT runs faster. */
export function pow(x: Operand, y: Operand): Tensor {
  if (typeof y === 'number' && typeof x !== 'number' && isFloat(x.dtype)) {
    if (y === 1) return x;
    if (y === 2) return x.square();
    if (y === 3) return x.mul(x).mul(x);
    if (y === 0.5) return x.sqrt();
    if (y === -1) return x.reciprocal();
    if (y === -0.5) return x.rsqrt();
    if (y === 0 && !x.requiresGrad) return constant(1, x);
    return powNumber(x, { exponent: y });
  }
  return powOp(x, y);
}
const powNumber = parametric<{ exponent: number }>(
  'pow_number',
  (b, x, { exponent }, dtype) => b.node('Pow', [x, scalar(b, dtype, exponent)]),
  (g, _y, x, { exponent }) => (exponent === 0 ? constant(0, g) : g.mul(x.pow(exponent - 1)).mul(exponent)),
);

function compare(name: string, onnx: string) {
  const op: Op<None> = {
    name,
    infer: inferBinary(name, 'bool'),
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
/** `x` where `condition` holds, else `y`. */
export function where(condition: Tensor, x: Operand, y: Operand): Tensor {
  const [a, b] =
    typeof x === 'number' && typeof y === 'number'
      ? ([x, y].map((v) => constant(v, { shape: [], dtype: 'float32' })) as [Tensor, Tensor])
      : meet(x, y);
  return apply(whereOp, [cast(condition, 'bool'), a, b], none);
}

// ---- conversion

const castOp: Op<{ to: Dtype }> = {
  name: 'cast',
  infer: ([x], { to }) => ({ shape: x!.shape, dtype: to }),
  grad: (g, _y, [x]) => [isFloat(x!.dtype) ? cast(g, x!.dtype) : null],
  lower: (b, [x], { to }) => b.cast(x!, to),
};
export function cast(x: Tensor, to: Dtype): Tensor {
  expectTensor('to', x);
  if (x.dtype === to) return x;
  const value = splat(x);
  if (value !== undefined && isFloat(to)) return constant(value, { shape: x.shape, dtype: to });
  return apply(castOp, [x], { to });
}

const aliasOp: Op<None> = {
  name: 'alias',
  infer: ([x]) => x as Aval,
  grad: (g) => [g],
  lower: (_b, [x]) => x!,
};
/** The values a parameter or buffer has now, for results that would be the parameter itself (times one). */
export function alias(x: Tensor): Tensor {
  return apply(aliasOp, [x], none);
}

const detachOp: Op<None> = {
  name: 'detach',
  infer: ([x]) => x as Aval,
  grad: null,
  lower: (_b, [x]) => x!,
};
/** The same values, from which no gradient flows back. */
export function detach(x: Tensor): Tensor {
  return x.requiresGrad ? apply(detachOp, [x], none) : new Tensor(x.node);
}
