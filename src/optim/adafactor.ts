import { allocate } from '../tensor/dtype.ts';
import { numel, type Shape } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { show } from '../util/python.ts';
import { InPlaceOptimizer, penalized, scale, zeros } from './in-place.ts';
import type { Floats, ParamGroup, Params } from './optimizer.ts';
import { bounded, flag, implementation, nonNegative, type OptionRule } from './options.ts';

export interface AdafactorOptions {
  readonly lr?: number;
  readonly beta2_decay?: number;
  readonly eps?: readonly (number | null)[];
  readonly d?: number;
  readonly weight_decay?: number;
  readonly foreach?: boolean | null;
  readonly maximize?: boolean;
}
type Group = ParamGroup & Required<AdafactorOptions>;
type State = { step: number; row_var?: Floats; col_var?: Floats; variance?: Floats };

const isEpsilon = (v: unknown) => typeof v === 'number' && v >= 0;
const eps: OptionRule = {
  default: [null, 1e-3],
  expected: 'two numbers of at least 0, of which the first may be null',
  ok: (v) => Array.isArray(v) && v.length === 2 && (v[0] === null || isEpsilon(v[0])) && isEpsilon(v[1]),
  refused: (v) => {
    if (!Array.isArray(v) || v.length !== 2) return null;
    const at = v[0] === null || isEpsilon(v[0]) ? 1 : 0;
    return `epsilon${at + 1} should be >= 0 but is: ${show(v[at])}`;
  },
};
const rules = {
  lr: nonNegative(1e-2, 'Learning rate should be >= 0 but is'),
  beta2_decay: bounded('a number of at most 0', (v) => v <= 0)(-0.8, 'beta2_decay should be <= 0 but is'),
  eps,
  d: bounded('a number of at least 1', (v) => v >= 1)(1, 'Clipping threshold d should be >= 1 but is'),
  weight_decay: nonNegative(0, 'weight_decay should be >= 0 but is'),
  foreach: implementation,
  maximize: flag(false),
};

/**
 * Adam's second moment of matrices kept as a row and a column, updates clipped to a root mean square of `d` and scaled by the
 * parameters' own: p -= max(eps₂, rms(p)) min(lr, 1/√t) u / max(1, rms(u)/d), u = g / √v.
 * https://pytorch.org/docs/stable/generated/torch.optim.Adafactor.html
 */
export class Adafactor extends InPlaceOptimizer<AdafactorOptions, State> {
  constructor(params: Params, options: AdafactorOptions = {}) {
    super('Adafactor', rules, params, options);
  }

  protected override init(p: Tensor): State {
    if (p.ndim < 2) return { step: 0, variance: zeros(p) };
    const [rows, columns] = p.shape.slice(-2) as [number, number];
    const matrices = numel(p.shape.slice(0, -2));
    const make = (n: number) => allocate(p.dtype, matrices * n) as Floats;
    return { step: 0, row_var: make(rows), col_var: make(columns) };
  }

  protected override update(p: Floats, grad: Floats, state: State, group: Group, shape: Shape): void {
    const { lr, beta2_decay, d, weight_decay, maximize } = group;
    const eps1 = group.eps[0] ?? (p instanceof Float32Array ? 2 ** -23 : 2 ** -52);
    const g = penalized(p, grad, { maximize });
    state.step += 1;
    const keep = 1 - state.step ** beta2_decay;
    const rate = Math.max(group.eps[1]!, rms(p)) * Math.min(lr, 1 / Math.sqrt(state.step));
    scale(p, 1 - lr * weight_decay);
    const { row_var, col_var, variance } = state;
    const u = variance ? byElement(g, variance, keep, eps1) : byFactors(g, row_var!, col_var!, keep, eps1, shape);
    const size = rate / Math.max(1, rms(u) / d);
    for (let i = 0; i < p.length; i++) p[i]! -= size * u[i]!;
  }
}

function rms(x: Floats): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i]! * x[i]!;
  return Math.sqrt(sum / x.length);
}

/** g / √max(v, eps²) by an estimate v of each element's variance. */
function byElement(g: Floats, variance: Floats, keep: number, eps: number): Floats {
  const u = g.slice() as Floats;
  for (let i = 0; i < g.length; i++) {
    const square = g[i]! * g[i]!;
    const v = square + keep * (variance[i]! - square);
    variance[i] = v;
    u[i]! /= Math.max(Math.sqrt(v), eps);
  }
  return u;
}

/**
 * The same by estimates row · column / mean(rows) from the means of the squares along each dimension of a matrix. One root a row and
 * one a column take the place of one an element.
 */
function byFactors(g: Floats, row: Floats, col: Floats, keep: number, eps: number, shape: Shape): Floats {
  const [rows, columns] = shape.slice(-2) as [number, number];
  const out = g.slice() as Floats;
  const most = 1 / eps;
  const sums = new Float64Array(columns);
  const scales = new Float64Array(columns);
  for (let at = 0, r = 0, c = 0; at < g.length; at += rows * columns, r += rows, c += columns) {
    sums.fill(0);
    let mean = 0;
    for (let i = 0, from = at; i < rows; i++, from += columns) {
      let sum = 0;
      for (let j = 0; j < columns; j++) {
        const square = g[from + j]! * g[from + j]!;
        sum += square;
        sums[j]! += square;
      }
      row[r + i] = sum / columns + keep * (row[r + i]! - sum / columns);
      mean += row[r + i]! / rows;
    }
    for (let j = 0; j < columns; j++) {
      const average = sums[j]! / rows;
      col[c + j] = average + keep * (col[c + j]! - average);
      scales[j] = 1 / Math.sqrt(col[c + j]!);
    }
    for (let i = 0, from = at; i < rows; i++, from += columns) {
      const scale = 1 / Math.sqrt(row[r + i]! / Math.max(mean, eps));
      for (let j = 0; j < columns; j++) {
        const both = scale * scales[j]!;
        out[from + j]! *= both > most ? most : both;
      }
    }
  }
  return out;
}
