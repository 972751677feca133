/** Softmax, batch and layer normalisation: nodes of ORT's own, because their kernels and numerics matter. */
import { float, type GraphBuilder } from '../onnx/builder.ts';
import { constant, constantOf } from '../tensor/constant.ts';
import { type Dtype, isFloat } from '../tensor/dtype.ts';
import type { Op } from '../tensor/op.ts';
import { several } from '../tensor/outputs.ts';
import { normalizeDim, numel, type Shape } from '../tensor/shape.ts';
import { type Aval, apply, type Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';

const softmaxOp: Op<{ dim: number }> = {
  name: 'softmax',
  infer: ([x]) => x!,
  grad: (g, y, _in, { dim }) => {
    const t = y.mul(g);
    return [t.sub(y.mul(t.sum({ dim, keepdim: true })))];
  },
  lower: (b, [x], { dim }) => b.node('Softmax', [x!], { axis: dim }),
};
/** eˣ / Σ eˣ along `dim`. */
export function softmax(x: Tensor, dim: number): Tensor {
  const d = normalizeDim('softmax', dim, x.ndim);
  needsFloat('softmax', x);
  return x.ndim === 0 ? softmax(x.reshape([1]), 0).reshape([]) : apply(softmaxOp, [x], { dim: d });
}

function needsFloat(who: string, x: Tensor): void {
  if (!isFloat(x.dtype)) throw new ArgError(`${who}: expected a tensor of a floating point dtype, got ${x.dtype}`);
}

const logSoftmaxOp: Op<{ dim: number }> = {
  name: 'log_softmax',
  infer: ([x]) => x!,
  grad: (g, y, _in, { dim }) => [g.sub(y.exp().mul(g.sum({ dim, keepdim: true })))],
  lower: (b, [x], { dim }) => b.node('LogSoftmax', [x!], { axis: dim }),
};
/** x - log Σ eˣ along `dim`. */
export function logSoftmax(x: Tensor, dim: number): Tensor {
  const d = normalizeDim('logSoftmax', dim, x.ndim);
  needsFloat('logSoftmax', x);
  return x.ndim === 0 ? logSoftmax(x.reshape([1]), 0).reshape([]) : apply(logSoftmaxOp, [x], { dim: d });
}

/** How x [N, C, *] splits into channels: the shape that broadcasts a [C] over x, the other dimensions, their size. */
function channelsOf(shape: Shape) {
  const others = [...shape.keys()].filter((i) => i !== 1);
  return {
    row: shape.length === 2 ? [shape[1]!] : shape.slice(1).map((d, i) => (i === 0 ? d : 1)),
    others,
    count: others.reduce((n, d) => n * shape[d]!, 1),
  };
}

/**
 * Normalisation of each channel by the batch: y = (x - mean) / √(var + eps) · w + b, with the batch's mean and biased variance.
 *
 * With s = Σ g and dw = Σ g (x - mean) inv per channel, dx = w inv (g - s/M - (x - mean) inv dw/M). ORT's training-mode node
 * from three dimensions on; plain nodes for matrices, where that node is 2–4 times slower.
 */
const batchNormOp: Op<{ eps: number }> = {
  name: 'batch_norm',
  infer: ([x]) => {
    const channel: Aval = { shape: [x!.shape[1]!], dtype: x!.dtype };
    return [x!, channel, channel];
  },
  grad: {
    several: ([g, gMean, gVariance], [, mean, variance], [x, w], { eps }) => {
      const { row, others, count } = channelsOf(x!.shape);
      const spread = (t: Tensor) => t.reshape(row);
      const dx: Tensor[] = [];
      let dw: Tensor | null = null;
      let db: Tensor | null = null;
      if (g) {
        const inv = variance!.add(eps).rsqrt();
        const a = w!.mul(inv);
        db = g.sum({ dim: others });
        const dbMean = db.mul(-1 / count);
        if (x!.ndim === 2) {
          const centred = x!.sub(mean!);
          dw = g.mul(centred).sum({ dim: others }).mul(inv);
          const c = inv.mul(dw).mul(-1 / count);
          dx.push(g.add(centred.mul(c)).add(dbMean).mul(a));
        } else {
          dw = inv.mul(g.mul(x!).sum({ dim: others }).sub(mean!.mul(db)));
          const c = a
            .mul(inv)
            .mul(dw)
            .mul(-1 / count);
          dx.push(g.mul(spread(a)).add(affine(x!, c, a.mul(dbMean).sub(c.mul(mean!)))));
        }
      }
      // the statistics' own gradients: there when someone differentiates twice
      if (gMean) dx.push(spread(gMean.mul(1 / count)).expand(x!.shape));
      if (gVariance) dx.push(x!.sub(spread(mean!)).mul(spread(gVariance.mul(2 / count))));
      return [dx.length > 0 ? dx.reduce((p, q) => p.add(q)) : null, dw, db];
    },
  },
  lower: (b, [x, w, bias], { eps }, [out], _ins, used) => {
    const { shape, dtype } = out!;
    if (shape.length === 2) return normalizeMatrix(b, x!, w!, bias!, eps, shape, dtype);
    // ORT writes results 1 and 2 in place over operands 3 and 4: they must belong to this node and be made anew each run.
    const own = [3, 5].map((k) => b.node('Mul', [w!, constantOf(b, k, { shape: [], dtype })]));
    const attributes = { epsilon: float(eps), momentum: float(0), training_mode: 1 };
    return b.nodes('BatchNormalization', [x!, w!, bias!, ...own], [true, true, used.length > 0], attributes);
  },
};

function normalizeMatrix(b: GraphBuilder, x: string, w: string, bias: string, eps: number, shape: Shape, dtype: Dtype) {
  const average = constantOf(b, 1 / shape[0]!, { shape: [shape[0]!], dtype });
  const mean = b.node('MatMul', [average, x]);
  const centred = b.node('Sub', [x, mean]);
  const variance = b.node('MatMul', [average, b.node('Mul', [centred, centred])]);
  const deviation = b.node('Sqrt', [b.node('Add', [variance, constantOf(b, eps, { shape: [], dtype })])]);
  const scale = b.node('Mul', [w, b.node('Reciprocal', [deviation])]);
  return [b.node('Add', [b.node('Mul', [centred, scale]), bias]), mean, variance];
}

/** Batch normalisation by the batch's own statistics: [y, mean, biased variance]. x [N, C, *]; weight and bias [C]. */
export function batchNormStats(
  x: Tensor,
  weight: Tensor | null,
  bias: Tensor | null,
  eps: number,
): [y: Tensor, mean: Tensor, variance: Tensor] {
  const channel: Aval = { shape: [x.shape[1]!], dtype: x.dtype };
  const operands = [x, weight ?? constant(1, channel), bias ?? constant(0, channel)];
  return several(batchNormOp, operands, { eps }) as [Tensor, Tensor, Tensor];
}

/** x · scale + shift per channel, in one pass: ORT's inference-mode batch normalisation. */
const affineOp: Op<Record<string, never>> = {
  name: 'affine',
  infer: ([x]) => x!,
  grad: (g, _y, [x, scale]) => {
    const { row, others } = channelsOf(x!.shape);
    return [g.mul(scale!.reshape(row)), g.mul(x!).sum({ dim: others }), g.sum({ dim: others })];
  },
  lower: (b, [x, scale, shift], _attrs, [out]) => {
    const channel: Aval = { shape: [out!.shape[1]!], dtype: out!.dtype };
    const unit = [constantOf(b, 0, channel), constantOf(b, 1, channel)];
    return b.node('BatchNormalization', [x!, scale!, shift!, ...unit], { epsilon: float(0) });
  },
  small: (_ins, _attrs, { shape: [batch, channels, ...others], dtype }) => {
    if (dtype !== 'float32') return null;
    return (kernels, [x, scale, shift], y) => {
      kernels.affine(x!, scale!, shift!, batch!, channels!, numel(others), y);
    };
  },
};
/** x · scale + shift with scale and shift [C] along dimension 1 of x [N, C, *]. */
export function affine(x: Tensor, scale: Tensor, shift: Tensor): Tensor {
  // ORT's node is slower for matrices, and refuses what is empty
  if (x.ndim === 2 || numel(x.shape) === 0) {
    const { row } = channelsOf(x.shape);
    return x.mul(scale.reshape(row)).add(shift.reshape(row));
  }
  return apply(affineOp, [x, scale, shift], {});
}

interface RowNorm {
  readonly eps: number;
  /** Layer norm; else RMS norm, which leaves the mean where it is. */
  readonly centred: boolean;
}
/**
 * Normalisation of the rows of x [R, D]: y = (x - mean) inv · w + b with inv = 1/√(var + eps) of each row, or the same with 0 for
 * the mean. w and b are [D], and may be left out.
 *
 * With X = (x - mean) inv and h = g w, dx = inv (h - mean(h) - X mean(h X)), the middle term only if the mean is taken off.
 */
const rowNormOp: Op<RowNorm> = {
  name: 'row_norm',
  infer: ([x], { centred }) => {
    const row: Aval = { shape: [x!.shape[0]!, 1], dtype: x!.dtype };
    return centred ? [x!, row, row] : [x!, row];
  },
  grad: {
    several: ([g, gInv, gMean], [y, inv, mean], [x, w, bias], { centred }) => {
      const size = x!.shape[1]!;
      const unit = w ? (centred ? x!.sub(mean!) : x!).mul(inv!) : y!;
      const dx: Tensor[] = [];
      if (g) dx.push(towardRows(w ? g.mul(w) : g, unit, inv!, centred));
      // the statistics' own gradients: there when someone differentiates twice
      if (gMean) dx.push(gMean.mul(1 / size).expand(x!.shape));
      const perRow = gInv?.mul(inv!.square()).mul(-1 / size);
      if (perRow) dx.push(unit.mul(perRow));
      const rows = { dim: 0 };
      return [
        dx.length > 0 ? dx.reduce((p, q) => p.add(q)) : null,
        w && g ? g.mul(unit).sum(rows) : null,
        bias && g ? g.sum(rows) : null,
      ];
    },
  },
  lower: (b, [x, w, bias], { eps, centred }, [out], _ins, used) => {
    const { shape, dtype } = out!;
    // ORT's nodes return float32 statistics of float64
    if (dtype === 'float64') return normalizeEachRow(b, x!, w, bias, { eps, centred });
    const operands = [x!, w ?? constantOf(b, 1, { shape: shape.slice(1), dtype }), ...(bias ? [bias] : [])];
    const stats = used.length > 0;
    if (!centred) return b.nodes('SimplifiedLayerNormalization', operands, [true, stats], { epsilon: float(eps) });
    const [y, mean, inv] = b.nodes('LayerNormalization', operands, [true, stats, stats], { epsilon: float(eps) });
    return [y!, inv!, mean!];
  },
  small: (_ins, { eps, centred }, { shape: [count, size], dtype }) => {
    // it goes over each row three times: ORT's node is as fast from there on
    if (dtype !== 'float32' || size! % 4 !== 0 || count! * size! > 2 ** 16) return null;
    return ({ normalize }, [x, w = 0, b = 0], y) => normalize(x!, w, b, count!, size!, eps, centred, y);
  },
};

/** The gradient of x in few passes: h inv + (c X + e), where the second term is one node. */
function towardRows(h: Tensor, unit: Tensor, inv: Tensor, centred: boolean): Tensor {
  const [rows, size] = h.shape as [number, number];
  const average = (t: Tensor) => t.mean({ dim: 1, keepdim: true }).mul(inv).neg();
  const c = average(h.mul(unit));
  if (!centred) return h.mul(inv).add(unit.mul(c));
  const [scale, shift] = [c, average(h)].map((t) => t.reshape([rows])) as [Tensor, Tensor];
  return h.mul(inv).add(affine(unit.reshape([1, rows, size]), scale, shift).reshape([rows, size]));
}

function normalizeEachRow(
  b: GraphBuilder,
  x: string,
  w: string | undefined,
  bias: string | undefined,
  { eps, centred }: RowNorm,
) {
  const meanOf = (t: string) => b.node('ReduceMean', [t, b.ints([1])], { keepdims: 1 });
  const mean = centred ? meanOf(x) : x;
  const from = centred ? b.node('Sub', [x, mean]) : x;
  const small = constantOf(b, eps, { shape: [], dtype: 'float64' });
  const square = b.node('Add', [meanOf(b.node('Mul', [from, from])), small]);
  const inv = b.node('Reciprocal', [b.node('Sqrt', [square])]);
  const unit = b.node('Mul', [from, inv]);
  const scaled = w ? b.node('Mul', [unit, w]) : unit;
  const y = bias ? b.node('Add', [scaled, bias]) : scaled;
  return centred ? [y, inv, mean] : [y, inv];
}

/** The last dimensions of x, as many as `normalized` has, as one; the others as rows. */
function normalizeRows(x: Tensor, normalized: Shape, state: readonly (Tensor | null)[], attrs: RowNorm): Tensor {
  const size = numel(normalized);
  const rows = x.reshape([numel(x.shape.slice(0, x.ndim - normalized.length)), size]);
  const [w, bias] = state.map((t) => t?.reshape([size]));
  // ORT's nodes refuse what is empty
  if (numel(x.shape) === 0) {
    const scaled = w ? rows.mul(w) : rows;
    return (bias ? scaled.add(bias) : scaled).reshape(x.shape);
  }
  const given = bias ? [w ?? constant(1, bias), bias] : w ? [w] : [];
  return several(rowNormOp, [rows, ...given], attrs)[0]!.reshape(x.shape);
}

/** Layer normalisation over the last dimensions. */
export function layerNorm(
  x: Tensor,
  normalized: Shape,
  weight: Tensor | null,
  bias: Tensor | null,
  eps: number,
): Tensor {
  return normalizeRows(x, normalized, [weight, bias], { eps, centred: true });
}

/** RMS normalisation over the last dimensions. */
export function rmsNorm(x: Tensor, normalized: Shape, weight: Tensor | null, eps: number): Tensor {
  return normalizeRows(x, normalized, [weight], { eps, centred: false });
}
