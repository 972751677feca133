/** Elements chosen by an index for each: reading, writing, adding. */
import { constant } from '../tensor/constant.ts';
import { isFloat } from '../tensor/dtype.ts';
import type { Op } from '../tensor/op.ts';
import { broadcast, normalizeDim, type Shape, showShape } from '../tensor/shape.ts';
import { apply, type Tensor } from '../tensor/tensor.ts';
import { ArgError, ShapeError } from '../util/errors.ts';
import { show } from '../util/python.ts';
import { fillValue, where } from './compare.ts';
import { asIndex, inRange, sameDtype, scattered } from './index.ts';
import type { Operand } from './operands.ts';

const gatherOp: Op<{ dim: number }> = {
  name: 'gather',
  infer: ([x, index]) => ({ shape: index!.shape, dtype: x!.dtype }),
  grad: (g, _y, [x, index], { dim }) => [scatterAdd(constant(0, x!), dim, index!, g), null],
  lower: (b, inputs, { dim }) => b.node('GatherElements', inputs, { axis: dim }),
};
/** out[i][j] = x[index[i][j]][j] for dim 0, and so on: one element per element of `index`. */
export function gather(x: Tensor, dim: number, index: Tensor): Tensor {
  const d = normalizeDim('gather', dim, x.ndim);
  asIndex('gather', index);
  checkIndexShape('gather', x.shape, index.shape, d);
  inRange('gather', index, d, x.shape[d] ?? 1);
  if (x.ndim === 0) return x;
  return apply(gatherOp, [x, index], { dim: d });
}

/** One value for each element of `index`, written where `gather` would read. */
function scattering(name: string, grad: Op<{ dim: number }>['grad'], reduction: 'none' | 'add') {
  const op: Op<{ dim: number }> = {
    name,
    infer: ([x]) => x!,
    grad,
    lower: (b, inputs, { dim }, [out]) =>
      reduction === 'add'
        ? scattered(b, 'ScatterElements', inputs, { axis: dim, reduction }, out!.dtype)
        : b.node('ScatterElements', inputs, { axis: dim }),
  };
  return (x: Tensor, dim: number, index: Tensor, source: Tensor): Tensor => apply(op, [x, index, source], { dim });
}

/** Dimension and source of a scattering, checked; of a larger source the part that has an index. */
function prepared(who: string, x: Tensor, dim: number, index: Tensor, source: Tensor): [dim: number, source: Tensor] {
  const d = normalizeDim(who, dim, x.ndim);
  asIndex(who, index);
  checkIndexShape(who, x.shape, index.shape, d);
  if (source.ndim !== index.ndim || source.shape.some((n, i) => n < index.shape[i]!)) {
    throw new ShapeError(
      `${who}: Expected index ${showShape(index.shape)} to be no larger size than src ${showShape(source.shape)}`,
    );
  }
  sameDtype(who, x, source);
  inRange(who, index, d, x.shape[d] ?? 1);
  return [d, index.shape.reduce((t, n, i) => t.slice({ dim: i, end: n }), source)];
}

const adding = scattering('scatter_add', (g, _y, [, index], { dim }) => [g, null, gather(g, dim, index!)], 'add');
/** x with `source` added at the places `gather` would read. */
export function scatterAdd(x: Tensor, dim: number, index: Tensor, source: Tensor): Tensor {
  const [d, part] = prepared('scatterAdd', x, dim, index, source);
  return x.ndim === 0 ? x.add(part) : adding(x, d, index, part);
}

const writing = scattering(
  'scatter',
  (g, _y, [, index], { dim }) => [scatter(g, dim, index!, 0), null, gather(g, dim, index!)],
  'none',
);
/** x with `src` written at the places `gather` would read: a tensor, or one value. https://pytorch.org/docs/stable/generated/torch.Tensor.scatter.html */
export function scatter(x: Tensor, dim: number, index: Tensor, src: Operand): Tensor {
  const source = typeof src === 'number' ? fillValue(src, x.dtype).expand(index.shape) : src;
  const [d, part] = prepared('scatter', x, dim, index, source);
  return x.ndim === 0 ? part : writing(x, d, index, part);
}

function checkIndexShape(who: string, shape: Shape, index: Shape, dim: number): void {
  if (index.length !== shape.length || index.some((d, i) => i !== dim && d > shape[i]!)) {
    throw new ShapeError(
      `${who}: expected an index of ${shape.length} dimensions no larger than ${showShape(shape)} apart from dimension ${dim}, got ${showShape(index)}`,
    );
  }
}

/** `gather` with x and index broadcast to each other apart from `dim`; without it as if flat. https://pytorch.org/docs/stable/generated/torch.take_along_dim.html */
export function takeAlongDim(x: Tensor, index: Tensor, { dim }: { dim?: number } = {}): Tensor {
  if (dim === undefined) return gather(x.reshape([-1]), 0, index.reshape([-1]));
  const d = normalizeDim('takeAlongDim', dim, x.ndim);
  if (x.ndim !== index.ndim) {
    throw new ShapeError(
      `takeAlongDim: input and indices should have the same number of dimensions, but got ${x.ndim} dimensions for input, and ${index.ndim} dimensions for indices`,
    );
  }
  const other = (t: Tensor) => t.shape.with(d, 1);
  const shape = broadcast('takeAlongDim', other(x), other(index));
  return gather(x.expand(shape.with(d, x.shape[d]!)), d, index.expand(shape.with(d, index.shape[d]!)));
}

// ---- several values for one place

interface ExtremeAttrs {
  readonly dim: number;
  readonly reduction: 'max' | 'min';
  readonly includeSelf: boolean;
}
/** The extreme of what meets in a place; equal ones share the gradient. */
const extremeOp: Op<ExtremeAttrs> = {
  name: 'scatter_extreme',
  infer: ([x]) => x!,
  grad: (g, y, [x, index, source], { dim, includeSelf }) => {
    const zeros = constant(0, x!);
    const sourceHits = source!.eq(gather(y, dim, index!)).to(g.dtype);
    // what is not in the running keeps its place only where nothing came
    const stays = includeSelf ? x!.eq(y) : scatter(constant(1, x!), dim, index!, 0).ne(0);
    const hits = stays.to(g.dtype);
    const share = g.div(scatterAdd(zeros, dim, index!, sourceHits).add(hits).clamp({ min: 1 }));
    return [share.mul(hits), null, gather(share, dim, index!).mul(sourceHits)];
  },
  lower: (b, [x, index, source], { dim, reduction, includeSelf }) => {
    const place = (into: string, how: string) =>
      b.node('ScatterElements', [into, index!, source!], { axis: dim, reduction: how });
    return place(includeSelf ? x! : place(x!, 'none'), reduction);
  },
};

/** The product of what meets in a place; each factor's gradient is the product of the others. */
const productOp: Op<{ dim: number }> = {
  name: 'scatter_product',
  infer: ([x]) => x!,
  grad: (g, _y, [x, index, source], { dim }) => {
    const safe = (t: Tensor) => t.maskedFill(t.eq(0), 1);
    const zero = (t: Tensor) => t.eq(0).to(t.dtype);
    const product = g.mul(apply(productOp, [safe(x!), index!, safe(source!)], { dim }));
    const count = scatterAdd(zero(x!), dim, index!, zero(source!));
    const others = (t: Tensor, all: Tensor, zeros: Tensor) => where(zeros.eq(zero(t)), all.div(safe(t)), 0);
    return [
      others(x!, product, count),
      null,
      others(source!, gather(product, dim, index!), gather(count, dim, index!)),
    ];
  },
  lower: (b, inputs, { dim }, [out]) =>
    scattered(b, 'ScatterElements', inputs, { axis: dim, reduction: 'mul' }, out!.dtype),
};

const reductions = ['sum', 'prod', 'mean', 'amax', 'amin'] as const;
/** What meets in a place folded into one value, with x's own unless `include_self` is false. https://pytorch.org/docs/stable/generated/torch.Tensor.scatter_reduce.html */
export function scatterReduce(
  x: Tensor,
  dim: number,
  index: Tensor,
  src: Tensor,
  reduce: (typeof reductions)[number],
  { include_self = true }: { include_self?: boolean } = {},
): Tensor {
  if (!reductions.includes(reduce)) {
    throw new ArgError(
      `scatterReduce: reduce argument must be either sum, prod, mean, amax or amin, got ${show(reduce)}`,
    );
  }
  if (x.ndim === 0) {
    return scatterReduce(x.reshape([1]), dim, index.reshape([1]), src.reshape([1]), reduce, { include_self }).reshape(
      [],
    );
  }
  if (x.dtype === 'bool') {
    return scatterReduce(x.to('uint8'), dim, index, src.to('uint8'), reduce, { include_self }).to('bool');
  }
  const [d, source] = prepared('scatterReduce', x, dim, index, src);
  const from = (neutral: number) => (include_self ? x : scatter(x, d, index, neutral));
  if (reduce === 'sum') return scatterAdd(from(0), d, index, source);
  if (reduce === 'prod') return apply(productOp, [from(1), index, source], { dim: d });
  if (reduce !== 'mean') {
    return apply(extremeOp, [x, index, source], {
      dim: d,
      reduction: reduce === 'amax' ? 'max' : 'min',
      includeSelf: include_self,
    });
  }
  const ones = constant(1, x);
  const count = scatterAdd(include_self ? ones : scatter(ones, d, index, 0), d, index, constant(1, source));
  const total = scatterAdd(from(0), d, index, source);
  return total.div(count.clamp({ min: 1 }), { rounding_mode: isFloat(x.dtype) ? null : 'floor' });
}
