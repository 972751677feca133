/**
 * Functions of each element from the mathematics books.
 *
 * ONNX Runtime has the inverse ones for float32 only; for float64 they are written out with what it has. Hyperbolic ones are
 * written out for both, which is 3–4 times faster than its own.
 */
import type { GraphBuilder } from '../onnx/builder.ts';
import type { Dtype } from '../tensor/dtype.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { truncated } from './arithmetic.ts';
import { unary, whole } from './elementwise.ts';
import { asFloat, scalar } from './operands.ts';

/** Nodes as a formula: operands are names or numbers. */
type Term = string | number;
export function formula(b: GraphBuilder, dtype: Dtype) {
  const name = (t: Term) => (typeof t === 'number' ? scalar(b, dtype, t) : t);
  const node = (op: string) => (x: Term, y?: Term) => b.node(op, y === undefined ? [name(x)] : [name(x), name(y)]);
  return {
    add: node('Add'),
    sub: node('Sub'),
    mul: node('Mul'),
    div: node('Div'),
    abs: node('Abs'),
    exp: node('Exp'),
    log: node('Log'),
    sqrt: node('Sqrt'),
    sin: node('Sin'),
    cos: node('Cos'),
    tanh: node('Tanh'),
    less: node('Less'),
    equal: node('Equal'),
    min: node('Min'),
    max: node('Max'),
    where: (c: string, x: Term, y: Term) => b.node('Where', [c, name(x), name(y)]),
  };
}
type Formula = ReturnType<typeof formula>;
type Written = (f: Formula, x: string, b: GraphBuilder) => string;
const written = (nodes: Written) => (b: GraphBuilder, x: string, dtype: Dtype) => nodes(formula(b, dtype), x, b);
/** ORT's operator, and for float64, which it lacks, the nodes. */
export const native = (onnx: string, nodes: Written) => (b: GraphBuilder, x: string, dtype: Dtype) =>
  dtype === 'float64' ? nodes(formula(b, dtype), x, b) : b.node(onnx, [x]);
/** In float32, as precise as that is. */
const rounded = (nodes: Written) => (b: GraphBuilder, x: string, dtype: Dtype) =>
  dtype === 'float32'
    ? nodes(formula(b, dtype), x, b)
    : b.cast(nodes(formula(b, 'float32'), b.cast(x, 'float32'), b), dtype);

// ---- exponentials and logarithms

/** eˣ - 1, precise near 0: tanh(x/2) (eˣ + 1). */
export const expm1 = unary(
  'expm1',
  written((f, x) => f.mul(f.tanh(f.mul(x, 0.5)), f.add(f.exp(x), 1))),
  (g, y) => g.mul(y.add(1)),
);
/** 2ˣ. */
export const exp2 = unary(
  'exp2',
  (b, x, dtype) => b.node('Pow', [scalar(b, dtype, 2), x]),
  (g, y) => g.mul(y).mul(Math.LN2),
);
/** log(1 + x), precise near 0: what rounding 1 + x loses is put back. */
export const log1p = unary('log1p', written(log1pOf), (g, _y, x) => g.div(x.add(1)));
export function log1pOf(f: Formula, x: string): string {
  const u = f.add(x, 1);
  const lost = f.div(f.sub(f.sub(u, 1), x), u);
  return f.sub(f.log(u), f.where(f.less(f.abs(x), 0.5), lost, 0));
}
const logarithm = (name: string, base: number) =>
  unary(
    name,
    written((f, x) => f.div(f.log(x), Math.log(base))),
    (g, _y, x) => g.div(x.mul(Math.log(base))),
  );
/** The logarithm to base 2. */
export const log2 = logarithm('log2', 2);
/** The logarithm to base 10. */
export const log10 = logarithm('log10', 10);
/** log(x / (1 - x)); with `eps` x is limited to [eps, 1 - eps] first. https://pytorch.org/docs/stable/generated/torch.logit.html */
export function logit(x: Tensor, { eps = null }: { eps?: number | null } = {}): Tensor {
  const real = asFloat(x);
  const p = eps === null ? real : real.clamp({ min: eps, max: 1 - eps });
  return p.div(p.neg().add(1)).log();
}

// ---- angles

export const tan = unary(
  'tan',
  written((f, x) => f.div(f.sin(x), f.cos(x))),
  (g, y) => g.mul(y.mul(y).add(1)),
);
export const asin = unary(
  'asin',
  native('Asin', (f, x, b) => arctangent(f, f.div(x, f.sqrt(f.mul(f.sub(1, x), f.add(1, x)))), b)),
  (g, _y, x) => g.mul(x.mul(x).neg().add(1).rsqrt()),
);
export const acos = unary(
  'acos',
  native('Acos', (f, x, b) => f.mul(2, arctangent(f, f.sqrt(f.div(f.sub(1, x), f.add(1, x))), b))),
  (g, _y, x) => g.mul(x.mul(x).neg().add(1).rsqrt()).neg(),
);
export const arctangentOf = native('Atan', arctangent);
/** In float64 from the float32 value y: atan x = y + atan((x cos y - sin y) / (cos y + x sin y)), whose argument is tiny. */
export function arctangent(f: Formula, x: string, b: GraphBuilder): string {
  const y = b.cast(b.node('Atan', [b.cast(x, 'float32')]), 'float64');
  const finite = f.max(f.min(x, 1e300), -1e300);
  const [sin, cos] = [f.sin(y), f.cos(y)];
  return f.add(y, f.div(f.sub(f.mul(finite, cos), sin), f.add(cos, f.mul(finite, sin))));
}
export const atan = unary('atan', arctangentOf, (g, _y, x) => g.div(x.mul(x).add(1)));
/** sin(πx) / (πx), 1 at 0. https://pytorch.org/docs/stable/generated/torch.sinc.html */
export function sinc(x: Tensor): Tensor {
  const angle = x.mul(Math.PI);
  const zero = angle.eq(0);
  const safe = angle.maskedFill(zero, 1);
  return safe.sin().div(safe).maskedFill(zero, 1);
}

// ---- hyperbolic functions

function coshOf(f: Formula, x: string): string {
  const e = f.exp(f.abs(x));
  return f.mul(f.add(e, f.div(1, e)), 0.5);
}
/** tanh(x/2) (1 + cosh x), precise near 0. */
export const sinh = unary(
  'sinh',
  written((f, x) => f.mul(f.tanh(f.mul(x, 0.5)), f.add(coshOf(f, x), 1))),
  (g, _y, x) => g.mul(x.cosh()),
);
export const cosh = unary('cosh', written(coshOf), (g, _y, x) => g.mul(x.sinh()));
/** For float64 log(1 + |x| + |x| r) with r = |x| / (1 + √(x² + 1)) and x's sign. */
export const asinh = unary(
  'asinh',
  native('Asinh', (f, x, b) => {
    const size = f.abs(x);
    // where its square would overflow r is 1
    const safe = f.min(size, 1e150);
    const r = f.div(safe, f.add(1, f.sqrt(f.add(f.mul(safe, safe), 1))));
    return f.mul(b.node('Sign', [x]), log1pOf(f, f.add(size, f.mul(size, r))));
  }),
  (g, _y, x) => g.mul(x.mul(x).add(1).rsqrt()),
);
export const acosh = unary(
  'acosh',
  native('Acosh', (f, x) => {
    const less = f.sub(x, 1);
    return log1pOf(f, f.add(less, f.sqrt(f.mul(less, f.add(x, 1)))));
  }),
  (g, _y, x) => g.mul(x.mul(x).sub(1).rsqrt()),
);
export const atanh = unary(
  'atanh',
  native('Atanh', (f, x) => f.mul(0.5, log1pOf(f, f.div(f.mul(x, 2), f.sub(1, x))))),
  (g, _y, x) => g.div(x.mul(x).neg().add(1)),
);

// ---- the error function's kin

/** Coefficients, constant first, of ln(erfc(x) eˣˣ / t) in t = 1 / (1 + x/2) for x >= 0; relative error of erfc 1e-7. */
const ERFC = [
  -1.26551276, 1.0000503, 0.373663706, 0.100038592, -0.199931285, 0.312804955, -1.18653697, 1.53484359, -0.845079774,
  0.17565972,
];
/** Of erfinv(x) / x in w - 2.5 where w = -ln(1 - x²) < 5, and in √w - 3 from there on; relative error 1e-8. */
const ERFINV = [
  1.50140936, 0.246640289, -0.00417738976, -0.00125274842, 0.000218346915, -4.95974349e-6, -3.46335617e-6, 4.6542873e-7,
  2.32858446e-8, -8.73983096e-9,
];
const ERFINV_TAIL = [
  2.83297681, 1.0016749, 0.00944461255, -0.00763623657, 0.00569232251, -0.00360288301, 0.00147162266, -4.48249051e-5,
  -0.000298938967, 0.000106422011,
];
const polynomial = (f: Formula, x: string, coefficients: readonly number[]): Term =>
  coefficients.slice(0, -1).reduceRight<Term>((sum, c) => f.add(f.mul(sum, x), c), coefficients.at(-1)!);

/** 1 - erf x, precise where that is tiny; float64 is rounded to float32. */
export const erfc = unary(
  'erfc',
  rounded((f, x) => {
    const size = f.abs(x);
    const t = f.div(1, f.add(f.mul(size, 0.5), 1));
    const exponent = f.sub(polynomial(f, t, ERFC), f.mul(size, size));
    const above = f.mul(t, f.exp(exponent));
    return f.where(f.less(x, 0), f.sub(2, above), above);
  }),
  (g, _y, x) => g.mul(x.mul(x).neg().exp()).mul(-2 / Math.sqrt(Math.PI)),
);
/** The number whose erf is x; float64 is rounded to float32. */
export const erfinv = unary(
  'erfinv',
  rounded((f, x) => {
    const w = f.sub(0, f.log(f.mul(f.sub(1, x), f.add(1, x))));
    const near = polynomial(f, f.sub(w, 2.5), ERFINV);
    const far = polynomial(f, f.sub(f.sqrt(w), 3), ERFINV_TAIL);
    return f.mul(x, f.where(f.less(w, 5), near, far));
  }),
  (g, y) => g.mul(y.mul(y).exp()).mul(Math.sqrt(Math.PI) / 2),
);

// ---- parts of a number

/** The whole part. */
export const trunc = whole('trunc', truncated);
/** What trunc cuts off. */
export const frac = (x: Tensor): Tensor => x.sub(trunc(x));
const roundWhole = whole('round', 'Round');
/** To the nearest whole number, or multiple of 10^-decimals; halves to even. https://pytorch.org/docs/stable/generated/torch.round.html */
export function round(x: Tensor, { decimals = 0 }: { decimals?: number } = {}): Tensor {
  if (decimals === 0) return roundWhole(x);
  const unit = 10 ** Math.abs(decimals);
  return decimals > 0 ? roundWhole(x.mul(unit)).div(unit) : roundWhole(x.div(unit)).mul(unit);
}
