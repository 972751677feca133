/** Tensors made by a rule: steps, identities, grids, indices of triangles. */
import { allocate, type Dtype, isFloat, store } from '../tensor/dtype.ts';
import { asShape, showShape } from '../tensor/shape.ts';
import { leaf, Tensor } from '../tensor/tensor.ts';
import { ArgError, ShapeError } from '../util/errors.ts';
import { show } from '../util/python.ts';
import { type CreateOptions, withGrad } from './create.ts';
import { cat } from './join.ts';

/** A tensor whose elements follow from their places. */
function ruled(
  shape: number[],
  dtype: Dtype,
  requiresGrad: boolean | undefined,
  value: (...place: [number, number]) => number,
): Tensor {
  const [rows, columns = 1] = shape as [number, number?];
  const data = allocate(dtype, rows * columns);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) store(data, dtype, i * columns + j, value(i, j));
  return withGrad(new Tensor(leaf(data, { shape, dtype })), requiresGrad);
}

/** start, start + step, … up to but not including end; int64 if all are whole, as in PyTorch, else float32. */
export function arange(
  start: number,
  end?: number,
  step = 1,
  { dtype, requiresGrad = false }: CreateOptions = {},
): Tensor {
  const [from, to] = end === undefined ? [0, start] : [start, end];
  if (step === 0 || (to - from) / step < 0) {
    throw new ArgError(`arange: upper bound and lower bound inconsistent with step sign: ${from}, ${to}, ${step}`);
  }
  const type = dtype ?? ([from, to, step].every(Number.isInteger) ? 'int64' : 'float32');
  const n = Math.ceil((to - from) / step);
  const data = allocate(type, n);
  for (let i = 0; i < n; i++) store(data, type, i, from + i * step);
  return withGrad(new Tensor(leaf(data, { shape: [n], dtype: type })), requiresGrad);
}

/** `steps` numbers at equal distances, both ends included. https://pytorch.org/docs/stable/generated/torch.linspace.html */
export function linspace(
  start: number,
  end: number,
  steps: number,
  { dtype = 'float32', requiresGrad = false }: CreateOptions = {},
): Tensor {
  return ruled([count('linspace', steps)], dtype, requiresGrad, spaced(start, end, steps, dtype));
}
/** Powers of the base whose exponents are `linspace(start, end, steps)`. https://pytorch.org/docs/stable/generated/torch.logspace.html */
export function logspace(
  start: number,
  end: number,
  steps: number,
  { base = 10, dtype = 'float32', requiresGrad = false }: CreateOptions & { readonly base?: number } = {},
): Tensor {
  const exponent = spaced(start, end, steps, 'float64');
  return ruled([count('logspace', steps)], dtype, requiresGrad, (i) => base ** exponent(i));
}
function count(who: string, steps: number): number {
  if (Number.isInteger(steps) && steps >= 0) return steps;
  throw new ArgError(`${who}: number of steps must be non-negative, got ${steps}`);
}
/** From the nearer end, with the step in the dtype's precision, as in PyTorch. */
function spaced(start: number, end: number, steps: number, dtype: Dtype): (i: number) => number {
  const round = dtype === 'float64' || !isFloat(dtype) ? (v: number) => v : Math.fround;
  const [from, to] = [round(start), round(end)];
  const step = round(round(to - from) / (steps - 1));
  if (steps === 1) return () => from;
  return (i) => (i < steps >> 1 ? from + step * i : to - step * (steps - 1 - i));
}

/** A matrix of n rows (and m columns) with ones on its diagonal. https://pytorch.org/docs/stable/generated/torch.eye.html */
export function eye(n: number, m: number | CreateOptions = n, options: CreateOptions = {}): Tensor {
  const [columns, { dtype = 'float32', requiresGrad = false }] = typeof m === 'number' ? [m, options] : [n, m];
  return ruled(asShape('eye', [n, columns]), dtype, requiresGrad, (i, j) => Number(i === j));
}

/** Rows and columns [2, N] of the places in a triangle of a matrix. */
function triangle(who: string, inside: (below: number, offset: number) => boolean) {
  return (row: number, col: number, offset = 0): Tensor => {
    const [rows, columns] = asShape(who, [row, col]) as [number, number];
    const places: [number, number][] = [];
    for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) if (inside(j - i, offset)) places.push([i, j]);
    return ruled([2, places.length], 'int64', false, (which, k) => places[k]![which]!);
  };
}
/** Rows and columns [2, N] of the places not above a diagonal. https://pytorch.org/docs/stable/generated/torch.tril_indices.html */
export const trilIndices = triangle('trilIndices', (right, offset) => right <= offset);
/** Rows and columns [2, N] of the places not below a diagonal. https://pytorch.org/docs/stable/generated/torch.triu_indices.html */
export const triuIndices = triangle('triuIndices', (right, offset) => right >= offset);

/** Vectors as the axes of a grid: each repeated to the grid's shape. https://pytorch.org/docs/stable/generated/torch.meshgrid.html */
export function meshgrid(tensors: readonly Tensor[], { indexing = 'ij' }: { indexing?: 'ij' | 'xy' } = {}): Tensor[] {
  if (indexing !== 'ij' && indexing !== 'xy') {
    throw new ArgError(`meshgrid: indexing must be one of "xy" or "ij", but received: ${show(indexing)}`);
  }
  const [first] = tensors;
  if (!first) throw new ArgError('meshgrid: meshgrid expects a non-empty TensorList');
  for (const x of tensors) {
    if (x.ndim > 1) {
      throw new ShapeError(`meshgrid: Expected 0D or 1D tensor in the tensor list but got: ${showShape(x.shape)}`);
    }
    if (x.dtype !== first.dtype) throw new ArgError('meshgrid: meshgrid expects all tensors to have the same dtype');
  }
  const sizes = tensors.map((x) => x.shape[0] ?? 1);
  const grids = tensors.map((x, k) => x.reshape(sizes.map((n, i) => (i === k ? n : 1))).expand(sizes));
  return indexing === 'xy' && grids.length > 1 ? grids.map((grid) => grid.transpose(0, 1)) : grids;
}

/** All combinations of one element of each vector, as rows. https://pytorch.org/docs/stable/generated/torch.cartesian_prod.html */
export function cartesianProd(...tensors: Tensor[]): Tensor {
  const grids = meshgrid(tensors).map((grid) => grid.reshape([-1, 1]));
  const [first] = tensors;
  return grids.length === 1 ? first! : cat(grids, { dim: 1 });
}
