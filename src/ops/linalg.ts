/** Linear algebra beyond `matmul`: its named forms, products of other kinds, powers and inverses. */
import { MICROSOFT } from '../onnx/builder.ts';
import { constant } from '../tensor/constant.ts';
import { isFloat } from '../tensor/dtype.ts';
import type { Op } from '../tensor/op.ts';
import { normalizeDim, type Shape, sameShape, showShape } from '../tensor/shape.ts';
import { apply, type Tensor } from '../tensor/tensor.ts';
import { ArgError, ShapeError } from '../util/errors.ts';
import { diagEmbed } from './diagonal.ts';
import { matmul } from './matmul.ts';
import { roll } from './repeat.ts';

function ranks(who: string, tensors: readonly Tensor[], wanted: readonly number[]): void {
  if (tensors.every((x, i) => x.ndim === wanted[i])) return;
  const list = (all: readonly number[]) => all.map((n) => `${n}D`).join(' and ');
  throw new ShapeError(`${who}: ${list(wanted)} tensors expected, but got ${list(tensors.map((x) => x.ndim))} tensors`);
}

/** Σ x · other of two vectors. https://pytorch.org/docs/stable/generated/torch.dot.html */
export function dot(x: Tensor, other: Tensor): Tensor {
  ranks('dot', [x, other], [1, 1]);
  if (x.shape[0] !== other.shape[0]) {
    throw new ShapeError(
      `dot: inconsistent tensor size, expected tensor ${showShape(x.shape)} and src ${showShape(other.shape)} to have the same number of elements, but got ${x.shape[0]} and ${other.shape[0]} elements respectively`,
    );
  }
  return matmul(x, other);
}
/** A matrix times a vector. https://pytorch.org/docs/stable/generated/torch.mv.html */
export function mv(x: Tensor, vec: Tensor): Tensor {
  ranks('mv', [x, vec], [2, 1]);
  if (x.shape[1] !== vec.shape[0]) {
    throw new ShapeError(`mv: size mismatch, got mat (${x.shape.join('x')}), vec (${vec.shape[0]})`);
  }
  return matmul(x, vec);
}
/** A matrix times a matrix. https://pytorch.org/docs/stable/generated/torch.mm.html */
export function mm(x: Tensor, other: Tensor): Tensor {
  ranks('mm', [x, other], [2, 2]);
  return matmul(x, other);
}
/** Stacks [B, N, M] and [B, M, P] of matrices. https://pytorch.org/docs/stable/generated/torch.bmm.html */
export function bmm(x: Tensor, other: Tensor): Tensor {
  ranks('bmm', [x, other], [3, 3]);
  const expected = [x.shape[0]!, x.shape[2]!];
  if (!sameShape(other.shape.slice(0, 2), expected)) {
    throw new ShapeError(
      `bmm: Expected size for first two dimensions of batch2 tensor to be: ${showShape(expected)} but got: ${showShape(other.shape.slice(0, 2))}.`,
    );
  }
  return matmul(x, other);
}

export interface Factors {
  readonly beta?: number;
  readonly alpha?: number;
}
const plus = (product: typeof mm) =>
  function fused(x: Tensor, a: Tensor, b: Tensor, { beta = 1, alpha = 1 }: Factors = {}): Tensor {
    const y = product(a, b).mul(alpha);
    // beta 0 ignores even NaN
    return beta === 0 ? y : x.mul(beta).expand(y.shape).add(y);
  };
/** beta x + alpha (a @ b) of matrices. https://pytorch.org/docs/stable/generated/torch.addmm.html */
export const addmm = plus(mm);
/** beta x + alpha (a @ b) of a matrix and a vector. https://pytorch.org/docs/stable/generated/torch.addmv.html */
export const addmv = plus(mv);
/** beta x + alpha (a @ b) of stacks of matrices. https://pytorch.org/docs/stable/generated/torch.baddbmm.html */
export const baddbmm = plus(bmm);

/** The products of each element with each of another vector. https://pytorch.org/docs/stable/generated/torch.outer.html */
export function outer(x: Tensor, other: Tensor): Tensor {
  ranks('outer', [x, other], [1, 1]);
  return x.unsqueeze(1).mul(other);
}

/** Sums of products over dimensions of both: the last and first `dims`, or two lists. https://pytorch.org/docs/stable/generated/torch.tensordot.html */
export function tensordot(
  a: Tensor,
  b: Tensor,
  { dims = 2 }: { dims?: number | readonly [readonly number[], readonly number[]] } = {},
): Tensor {
  if (typeof dims === 'number' && !(Number.isInteger(dims) && dims >= 0 && dims <= Math.min(a.ndim, b.ndim))) {
    throw new ArgError(`tensordot: expects 0 <= dims <= ${Math.min(a.ndim, b.ndim)}, but got dims=${dims}`);
  }
  const count = typeof dims === 'number' ? [...new Array(dims).keys()] : [];
  const [of, at] = typeof dims === 'number' ? [count.map((i) => a.ndim - dims + i), count] : dims;
  const [left, right] = [
    of.map((d) => normalizeDim('tensordot', d, a.ndim)),
    at.map((d) => normalizeDim('tensordot', d, b.ndim)),
  ];
  if (left.length !== right.length) throw new ArgError('tensordot: both dimension lists should have same length');
  left.forEach((d, i) => {
    if (a.shape[d] === b.shape[right[i]!]) return;
    throw new ShapeError(
      `tensordot: contracted dimensions need to match, but first has size ${a.shape[d]} in dim ${d} and second has size ${b.shape[right[i]!]} in dim ${right[i]}`,
    );
  });
  const [freeA, freeB] = [rest(a.ndim, left), rest(b.ndim, right)];
  const sizes = (x: Tensor, list: readonly number[]) => list.map((d) => x.shape[d]!);
  const k = sizes(a, left).reduce((n, d) => n * d, 1);
  const rows = a.permute([...freeA, ...left]).reshape([product(sizes(a, freeA)), k]);
  const columns = b.permute([...right, ...freeB]).reshape([k, product(sizes(b, freeB))]);
  return mm(rows, columns).reshape([...sizes(a, freeA), ...sizes(b, freeB)]);
}
const product = (shape: Shape) => shape.reduce((n, d) => n * d, 1);
const rest = (rank: number, taken: readonly number[]) => [...new Array(rank).keys()].filter((d) => !taken.includes(d));

/** Each element of x times the whole of another. https://pytorch.org/docs/stable/generated/torch.kron.html */
export function kron(x: Tensor, other: Tensor): Tensor {
  const rank = Math.max(x.ndim, other.ndim);
  const full = (t: Tensor) => [...new Array<number>(rank - t.ndim).fill(1), ...t.shape];
  const [a, b] = [full(x), full(other)];
  const left = x.reshape(a.flatMap((d) => [d, 1]));
  const right = other.reshape(b.flatMap((d) => [1, d]));
  return left.mul(right).reshape(a.map((d, i) => d * b[i]!));
}

/** The cross product along a dimension of size 3. https://pytorch.org/docs/stable/generated/torch.linalg.cross.html */
export function cross(x: Tensor, other: Tensor, { dim = -1 }: { dim?: number } = {}): Tensor {
  const d = normalizeDim('cross', dim, x.ndim);
  if (x.ndim !== other.ndim) {
    throw new ShapeError(`cross: inputs must have the same number of dimensions, got ${x.ndim} and ${other.ndim}`);
  }
  if (x.shape[d] !== 3 || other.shape[d] !== 3) {
    throw new ShapeError(`cross: inputs dimension ${dim} must have length 3. Got ${x.shape[d]} and ${other.shape[d]}`);
  }
  const turned = (t: Tensor, by: number) => roll(t, -by, { dims: d });
  return turned(x, 1)
    .mul(turned(other, 2))
    .sub(turned(x, 2).mul(turned(other, 1)));
}

/** Distances of each row of x [*, P, M] to each of another [*, R, M]: [*, P, R]. https://pytorch.org/docs/stable/generated/torch.cdist.html */
export function cdist(x: Tensor, other: Tensor, { p = 2 }: { p?: number } = {}): Tensor {
  [x, other].forEach((t, i) => {
    if (t.ndim < 2) throw new ShapeError(`cdist: cdist only supports at least 2D tensors, X${i + 1} got: ${t.ndim}D`);
  });
  const [m, n] = [x.shape.at(-1)!, other.shape.at(-1)!];
  if (m !== n) throw new ShapeError(`cdist: X1 and X2 must have the same number of columns. X1: ${m} X2: ${n}`);
  if (!(p >= 0)) throw new ArgError(`cdist: cdist only supports non-negative p values, got ${p}`);
  // many rows: by the product, which needs no [P, R, M]
  if (p === 2 && Math.max(x.shape.at(-2)!, other.shape.at(-2)!) > 25) return euclidean(x, other);
  return x.unsqueeze(-2).sub(other.unsqueeze(-3)).norm({ p, dim: -1 });
}
/** √(|a|² + |b|² - 2 a·b). */
function euclidean(a: Tensor, b: Tensor): Tensor {
  const length = (t: Tensor) => t.mul(t).sum({ dim: -1, keepdim: true });
  const square = length(a).add(length(b).mT).sub(matmul(a, b.mT).mul(2));
  // the root's slope at 0 is infinite; PyTorch's gradient there is 0
  const zero = square.le(0);
  return square.maskedFill(zero, 1).sqrt().maskedFill(zero, 0);
}

// ---- square matrices

function needsSquare(who: string, x: Tensor): number {
  const [n, m] = x.shape.slice(-2);
  if (n !== undefined && n === m) return n;
  if (x.ndim < 2) throw new ShapeError(`${who}: The input tensor A must have at least 2 dimensions, got ${x.ndim}`);
  throw new ShapeError(`${who}: A must be batches of square matrices, but they are ${n} by ${m} matrices`);
}

/** Powers of square matrices; negative ones of the inverse. https://pytorch.org/docs/stable/generated/torch.linalg.matrix_power.html */
export function matrixPower(x: Tensor, n: number): Tensor {
  const size = needsSquare('matrixPower', x);
  if (!Number.isInteger(n)) throw new ArgError(`matrixPower: expected an integer, got ${n}`);
  if (n < 0) return matrixPower(inverse(x), -n);
  if (n === 0) return diagEmbed(constant(1, { shape: x.shape.slice(0, -2).concat(size), dtype: x.dtype }));
  const half = n > 1 ? matrixPower(x, Math.floor(n / 2)) : null;
  const square = half && matmul(half, half);
  return square === null ? x : n % 2 === 1 ? matmul(square, x) : square;
}

const inverseOp: Op<Record<string, never>> = {
  name: 'inverse',
  infer: ([x]) => x!,
  grad: (g, y) => [matmul(matmul(y.mT, g), y.mT).neg()],
  lower: (b, inputs) => b.node('Inverse', inputs, {}, MICROSOFT),
};
/** Inverses of square matrices. Singular ones give infinities; PyTorch throws. https://pytorch.org/docs/stable/generated/torch.linalg.inv.html */
export function inverse(x: Tensor): Tensor {
  needsSquare('inverse', x);
  if (!isFloat(x.dtype)) throw new ArgError(`inverse: Expected a floating point tensor as input. Got ${x.dtype}`);
  return product(x.shape) === 0 ? x : apply(inverseOp, [x], {});
}

const detOp: Op<Record<string, never>> = {
  name: 'det',
  infer: ([x]) => ({ shape: x!.shape.slice(0, -2), dtype: x!.dtype }),
  grad: (g, y, [x]) => [g.mul(y).unsqueeze(-1).unsqueeze(-1).mul(inverse(x!).mT)],
  lower: (b, [x], _attrs, [out]) =>
    // ORT has it for float32 only: float64 is rounded to it
    out!.dtype === 'float32' ? b.node('Det', [x!]) : b.cast(b.node('Det', [b.cast(x!, 'float32')]), out!.dtype),
};
/** Determinants of square matrices; no gradient of singular ones. https://pytorch.org/docs/stable/generated/torch.linalg.det.html */
export function det(x: Tensor): Tensor {
  const n = needsSquare('det', x);
  if (!isFloat(x.dtype)) throw new ArgError(`det: Expected a floating point tensor as input. Got ${x.dtype}`);
  return n === 0 ? constant(1, { shape: x.shape.slice(0, -2), dtype: x.dtype }) : apply(detOp, [x], {});
}
