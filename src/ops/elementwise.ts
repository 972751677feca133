/** Functions of each element that networks are made of, and the makers of such functions. More of them: `math.ts`. */
import { float, type GraphBuilder } from '../onnx/builder.ts';
import { constant } from '../tensor/constant.ts';
import { type Dtype, isFloat } from '../tensor/dtype.ts';
import type { Op } from '../tensor/op.ts';
import { apply, type Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';
import { where } from './compare.ts';
import { asFloat, cast, type None, none, scalar, viaInt32 } from './operands.ts';

export { where };

type Lower = string | ((b: GraphBuilder, x: string, dtype: Dtype) => string);
type UnaryGrad = (g: Tensor, y: Tensor, x: Tensor) => Tensor;

function unaryOp(name: string, lower: Lower, grad: UnaryGrad | null): Op<None> {
  return {
    name,
    infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
    grad: grad && ((g, y, [x]) => [grad(g, y, x!)]),
    lower: (b, [x], _attrs, [out]) => (typeof lower === 'string' ? b.node(lower, [x!]) : lower(b, x!, out!.dtype)),
  };
}

/** A function of each element. `lower` is an ONNX operator's name or the nodes; integers are computed as float32. */
export function unary(name: string, lower: Lower, grad: UnaryGrad | null): (x: Tensor) => Tensor {
  const op = unaryOp(name, lower, grad);
  return (x) => apply(op, [asFloat(x)], none);
}

/** A function that integers have, too: of their own dtype. */
function arithmetic(name: string, lower: Lower, grad: UnaryGrad): (x: Tensor) => Tensor {
  const nodes = (b: GraphBuilder, x: string, dtype: Dtype): string => {
    if (viaInt32.has(dtype)) return b.cast(nodes(b, b.cast(x, 'int32'), 'int32'), dtype);
    return typeof lower === 'string' ? b.node(lower, [x]) : lower(b, x, dtype);
  };
  const op = unaryOp(name, nodes, grad);
  return (x) => {
    if (x.dtype === 'bool') throw new ArgError(`${name}: expected numbers, got a tensor of dtype bool`);
    return apply(op, [x], none);
  };
}

/** A function to whole numbers, which integers are already. */
export function whole(name: string, lower: Lower): (x: Tensor) => Tensor {
  // piecewise constant: nothing flows, as in PyTorch (which returns zeros)
  const op = unaryOp(name, lower, zeros);
  return (x) => (isFloat(x.dtype) ? apply(op, [x], none) : x);
}

export const neg = arithmetic('neg', 'Neg', (g) => g.neg());
export const abs = arithmetic('abs', 'Abs', (g, _y, x) => g.mul(x.sign()));
export const exp = unary('exp', 'Exp', (g, y) => g.mul(y));
const squareOf = arithmetic(
  'square',
  (b, x) => b.node('Mul', [x, x]),
  (g, _y, x) => g.mul(2).mul(x),
);
export const square = (x: Tensor): Tensor => squareOf(x.dtype === 'bool' ? cast(x, 'int64') : x);
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
export const relu = arithmetic(
  'relu',
  (b, x, dtype) => (dtype === 'int64' ? b.node('Max', [x, scalar(b, dtype, 0)]) : b.node('Relu', [x])),
  (g, y) => g.mul(step(y)),
);
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
const signOf = arithmetic('sign', 'Sign', zeros);
export const sign = (x: Tensor): Tensor => (x.dtype === 'bool' ? x : signOf(x));
export const floor = whole('floor', 'Floor');
export const ceil = whole('ceil', 'Ceil');
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
export function parametric<A>(
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
  return (x, attrs) => apply(op, [asFloat(x)], attrs);
}

export const leakyRelu = parametric<{ negative_slope: number }>(
  'leaky_relu',
  (b, x, { negative_slope }, dtype) => {
    if (dtype === 'float32') return b.node('LeakyRelu', [x], { alpha: float(negative_slope) });
    const below = b.node('Mul', [x, scalar(b, dtype, negative_slope)]);
    return b.node('Where', [b.node('Greater', [x, scalar(b, dtype, 0)]), x, below]);
  },
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
