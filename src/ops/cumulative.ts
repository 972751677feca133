/** Each element together with all before it along a dimension. */
import type { GraphBuilder } from '../onnx/builder.ts';
import type { Dtype } from '../tensor/dtype.ts';
import type { Op } from '../tensor/op.ts';
import { normalizeDim } from '../tensor/shape.ts';
import { apply, type Tensor } from '../tensor/tensor.ts';
import { ShapeError } from '../util/errors.ts';
import { where } from './compare.ts';
import { range } from './index.ts';
import { cat } from './join.ts';
import { asFloat } from './operands.ts';
import { type Pair, pair } from './pair.ts';
import { accumulated } from './reduce.ts';

const sumOp: Op<{ dim: number; reverse: boolean }> = {
  name: 'cumsum',
  infer: ([x]) => x!,
  grad: (g, _y, _in, { dim, reverse }) => [apply(sumOp, [g], { dim, reverse: !reverse })],
  lower: (b, [x], { dim, reverse }) => b.node('CumSum', [x!, axis(b, dim)], { reverse: Number(reverse) }),
};
const axis = (b: GraphBuilder, dim: number) => b.constant('int64', [], BigInt64Array.of(BigInt(dim)));

/** Sums of each element and those before it; integers as int64. https://pytorch.org/docs/stable/generated/torch.cumsum.html */
export function cumsum(x: Tensor, dim: number, { dtype }: { dtype?: Dtype } = {}): Tensor {
  const d = normalizeDim('cumsum', dim, x.ndim);
  const terms = accumulated(x, dtype);
  return x.ndim === 0 ? terms : apply(sumOp, [terms], { dim: d, reverse: false });
}

/** `combine` over each element and those before it, by steps of 1, 2, 4, …: log₂ n passes instead of n nodes. */
function scan(
  xs: readonly Tensor[],
  dim: number,
  combine: (earlier: readonly Tensor[], later: readonly Tensor[]) => readonly Tensor[],
): readonly Tensor[] {
  const n = xs[0]!.shape[dim]!;
  let sofar = xs;
  for (let step = 1; step < n; step *= 2) {
    const part = (from: number, size: number) => sofar.map((x) => x.narrow(dim, from, size));
    const combined = combine(part(0, n - step), part(step, n - step));
    const first = part(0, step);
    sofar = combined.map((x, i) => cat([first[i]!, x], { dim }));
  }
  return sofar;
}

/** Products of each element and those before it; integers as int64. https://pytorch.org/docs/stable/generated/torch.cumprod.html */
export function cumprod(x: Tensor, dim: number, { dtype }: { dtype?: Dtype } = {}): Tensor {
  const d = normalizeDim('cumprod', dim, x.ndim);
  const factors = accumulated(x, dtype);
  return x.ndim === 0 ? factors : scan([factors], d, ([a], [b]) => [a!.mul(b!)])[0]!;
}

/** log Σ eˣ of each element and those before it. https://pytorch.org/docs/stable/generated/torch.logcumsumexp.html */
export function logcumsumexp(x: Tensor, dim: number): Tensor {
  const d = normalizeDim('logcumsumexp', dim, x.ndim);
  const real = asFloat(x);
  return x.ndim === 0 ? real : scan([real], d, ([a], [b]) => [a!.logaddexp(b!)])[0]!;
}

function extremes(who: string, wins: (later: Tensor, earlier: Tensor) => Tensor) {
  return (x: Tensor, dim: number): Pair => {
    const d = normalizeDim(who, dim, x.ndim);
    const n = x.shape[d] ?? 1;
    const places = range(n)
      .reshape(x.shape.map((_, i) => (i === d ? n : 1)))
      .expand(x.shape);
    if (x.ndim === 0) return pair(x, places);
    const [, indices] = scan([x.detach(), places], d, ([a, i], [b, j]) => {
      // as in PyTorch the latest of equals, and NaN wins
      const later = wins(b!, a!).logicalOr(b!.isnan());
      return [where(later, b!, a!), where(later, j!, i!)];
    });
    return pair(x.gather(d, indices!), indices!);
  };
}
/** [largest so far, index] along `dim`. https://pytorch.org/docs/stable/generated/torch.cummax.html */
export const cummax = extremes('cummax', (b, a) => b.ge(a));
/** [smallest so far, index] along `dim`. https://pytorch.org/docs/stable/generated/torch.cummin.html */
export const cummin = extremes('cummin', (b, a) => b.le(a));

/** Differences of neighbours along `dim`, n times over. https://pytorch.org/docs/stable/generated/torch.diff.html */
export function diff(x: Tensor, { n = 1, dim = -1 }: { n?: number; dim?: number } = {}): Tensor {
  if (x.ndim === 0) throw new ShapeError('diff: diff expects input to be at least one-dimensional');
  const d = normalizeDim('diff', dim, x.ndim);
  let rest = x;
  for (let i = 0; i < n && rest.shape[d]! > 0; i++) {
    const size = rest.shape[d]! - 1;
    const [later, earlier] = [rest.narrow(d, 1, size), rest.narrow(d, 0, size)];
    rest = x.dtype === 'bool' ? later.logicalXor(earlier) : later.sub(earlier);
  }
  return rest;
}
