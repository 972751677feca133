import { type Shape, showShape } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';
import { show } from '../util/python.ts';
import { InPlaceOptimizer, zeros } from './in-place.ts';
import type { Floats, GroupSpec, ParamGroup, Params } from './optimizer.ts';
import { bounded, flag, nonNegative, numbers, oneOf } from './options.ts';

export interface MuonOptions {
  readonly lr?: number;
  readonly weight_decay?: number;
  readonly momentum?: number;
  readonly nesterov?: boolean;
  readonly ns_coefficients?: readonly number[];
  readonly eps?: number;
  readonly ns_steps?: number;
  readonly adjust_lr_fn?: 'original' | 'match_rms_adamw' | null;
}
type State = { momentum_buffer: Floats };

const rules = {
  lr: nonNegative(1e-3, 'Learning rate should be >= 0 but is'),
  weight_decay: nonNegative(0.1, 'weight decay should be >= 0 but is'),
  momentum: nonNegative(0.95, 'momentum should be >= 0 but is'),
  nesterov: flag(true),
  ns_coefficients: numbers(3, 'three numbers')([3.4445, -4.775, 2.0315], (v) =>
    Array.isArray(v) && v.length !== 3 ? 'Coefficients must be a tuple of exactly 3 values' : null,
  ),
  eps: nonNegative(1e-7),
  ns_steps: bounded('an integer from 0 to 99', (v) => Number.isInteger(v) && v >= 0 && v < 100)(5, (v) =>
    Number(v) >= 100 ? 'Number of steps must be less than 100 for computational efficiency' : null,
  ),
  adjust_lr_fn: oneOf(
    ['original', 'match_rms_adamw'],
    null,
    (v) => `Adjust learning rate function ${show(v)} is not supported`,
  ),
};

/**
 * Momentum whose update is orthogonalised, for the matrices between hidden layers: p -= lr' NS(g̃), where NS iterates
 * X = aX + (bA + cA²)X, A = XXᵀ, in bfloat16 as PyTorch does. https://pytorch.org/docs/stable/generated/torch.optim.Muon.html
 *
 * Parameters must be matrices; another optimizer takes the others.
 */
export class Muon extends InPlaceOptimizer<MuonOptions, State> {
  constructor(params: Params, options: MuonOptions = {}) {
    super('Muon', rules, params, options);
  }

  override addParamGroup(group: GroupSpec): void {
    super.addParamGroup(group);
    const bad = this.paramGroups.at(-1)!.params.find(({ ndim }) => ndim !== 2);
    if (bad)
      throw new ArgError(
        `Muon: Muon only supports 2D parameters whereas we found a parameter with size: ${showShape(bad.shape)}`,
      );
  }

  protected override init(p: Tensor): State {
    return { momentum_buffer: zeros(p) };
  }

  protected override update(
    p: Floats,
    g: Floats,
    { momentum_buffer: b }: State,
    group: ParamGroup & Required<MuonOptions>,
    shape: Shape,
  ): void {
    const { lr, weight_decay, momentum, nesterov } = group;
    const u = new Float64Array(p.length);
    for (let i = 0; i < p.length; i++) {
      b[i] = momentum * b[i]! + (1 - momentum) * g[i]!;
      u[i] = nesterov ? (1 - momentum) * g[i]! + momentum * b[i]! : b[i]!;
    }
    const [rows, columns] = shape as [number, number];
    const o = orthogonalised(u, rows, columns, group);
    const rate = lr * sizeFactor(rows, columns, group.adjust_lr_fn);
    for (let i = 0; i < p.length; i++) p[i] = (1 - lr * weight_decay) * p[i]! - rate * o[i]!;
  }
}

function sizeFactor(rows: number, columns: number, by: MuonOptions['adjust_lr_fn']): number {
  return by === 'match_rms_adamw' ? 0.2 * Math.sqrt(Math.max(rows, columns)) : Math.sqrt(Math.max(1, rows / columns));
}

const bits = new Uint32Array(1);
const float = new Float32Array(bits.buffer);

/** The nearest bfloat16, ties to even. */
function bfloat16(value: number): number {
  float[0] = value;
  if (Number.isFinite(value)) bits[0] = (bits[0]! + 0x7fff + ((bits[0]! >>> 16) & 1)) & 0xffff0000;
  return float[0]!;
}

/** The Newton–Schulz iteration on a matrix; wide ones are iterated as they are, tall ones transposed. */
function orthogonalised(
  u: Float64Array,
  rows: number,
  columns: number,
  { ns_coefficients, ns_steps, eps }: Required<MuonOptions>,
): Float64Array {
  const [a, b, c] = ns_coefficients as [number, number, number];
  const tall = rows > columns;
  const [m, n] = tall ? [columns, rows] : [rows, columns];
  let x: Float64Array = (tall ? transposed(u, rows, columns) : u).map(bfloat16);
  const norm = Math.max(bfloat16(Math.sqrt(x.reduce((sum, v) => sum + v * v, 0))), eps);
  x = x.map((v) => bfloat16(v / norm));
  for (let step = 0; step < ns_steps; step++) {
    const gram = rowProducts(x, m, n, bfloat16);
    // symmetric, so its products of rows are its square
    const update = rowProducts(gram, m, m, (v, i) => bfloat16(b * gram[i]! + c * v));
    x = plusProduct(x, a, update, m, n);
  }
  return tall ? transposed(x, m, n) : x;
}

function transposed(x: Float64Array, rows: number, columns: number): Float64Array {
  const out = new Float64Array(x.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = x[i * columns + j]!;
  return out;
}

/** X Xᵀ, each element through `finish`. */
function rowProducts(
  x: Float64Array,
  rows: number,
  columns: number,
  finish: (value: number, i: number) => number,
): Float64Array {
  const out = new Float64Array(rows * rows);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = 0, at = i * columns, to = j * columns; k < columns; k++) sum += x[at + k]! * x[to + k]!;
      out[i * rows + j] = finish(sum, i * rows + j);
      out[j * rows + i] = out[i * rows + j]!;
    }
  }
  return out;
}

/** aX + BX. */
function plusProduct(x: Float64Array, a: number, b: Float64Array, rows: number, columns: number): Float64Array {
  const out = new Float64Array(x.length);
  const sums = new Float64Array(columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) sums[j] = a * x[i * columns + j]!;
    for (let k = 0; k < rows; k++) {
      const factor = b[i * rows + k]!;
      for (let j = 0; j < columns; j++) sums[j]! += factor * x[k * columns + j]!;
    }
    for (let j = 0; j < columns; j++) out[i * columns + j] = bfloat16(sums[j]!);
  }
  return out;
}
