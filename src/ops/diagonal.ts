/** Diagonals and triangles of matrices. */
import type { Op } from '../tensor/op.ts';
import { normalizeDim } from '../tensor/shape.ts';
import { apply, type Tensor } from '../tensor/tensor.ts';
import { ArgError, ShapeError } from '../util/errors.ts';
import { movedim } from './movement.ts';
import { constantPad } from './slice.ts';

const triangleOp: Op<{ diagonal: number; upper: boolean }> = {
  name: 'triangle',
  infer: ([x]) => x!,
  grad: (g, _y, _in, attrs) => [apply(triangleOp, [g], attrs)],
  lower: (b, [x], { diagonal, upper }, [out]) => {
    const k = b.constant('int64', [], BigInt64Array.of(BigInt(diagonal)));
    // of bytes ORT has none
    const bytes = out!.dtype === 'uint8';
    const y = b.node('Trilu', [bytes ? b.cast(x!, 'int32') : x!, k], { upper: Number(upper) });
    return bytes ? b.cast(y, 'uint8') : y;
  },
};
function triangle(who: string, upper: boolean) {
  return (x: Tensor, diagonal = 0): Tensor => {
    if (x.ndim < 2) throw new ShapeError(`${who}: input tensor must have at least 2 dimensions, got ${x.ndim}`);
    return apply(triangleOp, [x], { diagonal: wholeNumber(who, diagonal), upper });
  };
}
function wholeNumber(who: string, value: number): number {
  if (Number.isInteger(value)) return value;
  throw new ArgError(`${who}: expected the diagonal as an integer, got ${value}`);
}
/** Matrices with 0 above the diagonal. https://pytorch.org/docs/stable/generated/torch.tril.html */
export const tril = triangle('tril', false);
/** Matrices with 0 below the diagonal. https://pytorch.org/docs/stable/generated/torch.triu.html */
export const triu = triangle('triu', true);

export interface DiagonalOptions {
  readonly offset?: number;
  readonly dim1?: number;
  readonly dim2?: number;
}
/** Two dimensions, from the front and distinct. */
function planeOf(who: string, dim1: number, dim2: number, rank: number): [number, number] {
  const [a, b] = [normalizeDim(who, dim1, rank), normalizeDim(who, dim2, rank)];
  if (a === b) throw new ShapeError(`${who}: diagonal dimensions cannot be identical ${dim1}, ${dim2}`);
  return [a, b];
}
/** x with `before` zeros before and `after` zeros after its last dimension. */
function padLast(x: Tensor, before: number, after: number): Tensor {
  const only = (n: number) => x.shape.map((_, i) => (i === x.ndim - 1 ? n : 0));
  return constantPad(x, only(before), only(after));
}

/** The diagonals of two dimensions, as a new last one. https://pytorch.org/docs/stable/generated/torch.diagonal.html */
export function diagonal(x: Tensor, { offset = 0, dim1 = 0, dim2 = 1 }: DiagonalOptions = {}): Tensor {
  const [a, b] = planeOf('diagonal', dim1, dim2, x.ndim);
  const planes = movedim(x, [a, b], [-2, -1]);
  const [h, w] = planes.shape.slice(-2) as [number, number];
  const lead = planes.shape.slice(0, -2);
  const n = Math.max(0, offset >= 0 ? Math.min(h, w - offset) : Math.min(h + offset, w));
  if (n === 0)
    return planes
      .narrow(-1, 0, 0)
      .narrow(-2, 0, 0)
      .reshape([...lead, 0]);
  // in a flat matrix the diagonal's elements are w + 1 apart: they are the first of so long rows
  const first = offset >= 0 ? offset : -offset * w;
  const rows = padLast(planes.reshape([...lead, h * w]), -first, first + n * (w + 1) - h * w);
  return rows.reshape([...lead, n, w + 1]).select(-1, 0);
}

/** Matrices with the last dimension's elements on a diagonal, else 0. https://pytorch.org/docs/stable/generated/torch.diag_embed.html */
export function diagEmbed(x: Tensor, { offset = 0, dim1 = -2, dim2 = -1 }: DiagonalOptions = {}): Tensor {
  if (x.ndim === 0) throw new ShapeError('diagEmbed: expected a tensor of at least 1 dimension, got 0');
  const [a, b] = planeOf('diagEmbed', dim1, dim2, x.ndim + 1);
  const lead = x.shape.slice(0, -1);
  const n = x.shape.at(-1)!;
  const size = n + Math.abs(offset);
  const first = offset >= 0 ? offset : -offset * size;
  const rows = padLast(x.unsqueeze(-1), 0, size).reshape([...lead, n * (size + 1)]);
  const flat = padLast(rows, first, size * size - first - n * (size + 1));
  return movedim(flat.reshape([...lead, size, size]), [-2, -1], [a, b]);
}

/** The diagonal of a matrix, or the matrix with a vector on its diagonal. https://pytorch.org/docs/stable/generated/torch.diag.html */
export function diag(x: Tensor, offset = 0): Tensor {
  if (x.ndim === 1) return diagEmbed(x, { offset });
  if (x.ndim === 2) return diagonal(x, { offset });
  throw new ShapeError(`diag(): Supports 1D or 2D tensors. Got ${x.ndim}D`);
}

/** The sum of a matrix's diagonal. https://pytorch.org/docs/stable/generated/torch.trace.html */
export function trace(x: Tensor): Tensor {
  if (x.ndim !== 2) throw new ShapeError(`trace: expected a matrix, but got tensor with dim ${x.ndim}`);
  return diagonal(x).sum();
}
