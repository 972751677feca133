/** Tensors joined. */
import { constant } from '../tensor/constant.ts';
import { promote } from '../tensor/dtype.ts';
import type { Op } from '../tensor/op.ts';
import { normalizeDim, sameShape, showShape } from '../tensor/shape.ts';
import { apply, type Tensor } from '../tensor/tensor.ts';
import { ArgError, ShapeError } from '../util/errors.ts';
import { own } from './operands.ts';

const catOp: Op<{ dim: number }> = {
  name: 'cat',
  infer: (ins, { dim }) => {
    const first = ins[0]!;
    const sizes = ins.map((x) => {
      if (x.shape.length !== first.shape.length || x.shape.some((d, i) => i !== dim && d !== first.shape[i])) {
        throw new ShapeError(
          `cat: Sizes of tensors must match except in dimension ${dim}. Expected shape ${showShape(first.shape)} but got ${showShape(x.shape)}`,
        );
      }
      return x.shape[dim]!;
    });
    return { shape: first.shape.map((d, i) => (i === dim ? sizes.reduce((a, b) => a + b, 0) : d)), dtype: first.dtype };
  },
  grad: (g, _y, inputs, { dim }) =>
    g.split(
      inputs.map((x) => x.shape[dim]!),
      { dim },
    ),
  lower: (b, inputs, { dim }) => b.node('Concat', inputs, { axis: dim }),
};
/** Tensors joined along an existing dimension. */
export function cat(tensors: readonly Tensor[], { dim = 0 }: { dim?: number } = {}): Tensor {
  const first = tensors[0];
  if (!first) throw new ArgError('cat: expected a non-empty list of tensors');
  const d = normalizeDim('cat', dim, first.ndim);
  if (tensors.length === 1) return own(first);
  const dtype = tensors.map((t) => t.dtype).reduce(promote);
  return apply(
    catOp,
    tensors.map((t) => t.to(dtype)),
    { dim: d },
  );
}

/** Tensors of one shape joined along a new dimension. */
export function stack(tensors: readonly Tensor[], { dim = 0 }: { dim?: number } = {}): Tensor {
  const first = tensors[0];
  if (!first) throw new ArgError('stack: expected a non-empty list of tensors');
  const odd = tensors.find((t) => !sameShape(t.shape, first.shape));
  if (odd) {
    throw new ShapeError(
      `stack: stack expects each tensor to be equal size, but got ${showShape(first.shape)} at entry 0 and ${showShape(odd.shape)} at entry ${tensors.indexOf(odd)}`,
    );
  }
  return cat(
    tensors.map((t) => t.unsqueeze(dim)),
    { dim: normalizeDim('stack', dim, first.ndim + 1) },
  );
}

/** Joined along the second dimension; vectors along their only one. https://pytorch.org/docs/stable/generated/torch.hstack.html */
export function hstack(tensors: readonly Tensor[]): Tensor {
  const full = tensors.map((x) => (x.ndim === 0 ? x.reshape([1]) : x));
  return cat(full, { dim: full[0]?.ndim === 1 ? 0 : 1 });
}
/** Joined along the first dimension; vectors are rows. https://pytorch.org/docs/stable/generated/torch.vstack.html */
export function vstack(tensors: readonly Tensor[]): Tensor {
  return cat(tensors.map((x) => (x.ndim < 2 ? x.reshape([1, -1]) : x)));
}
/** Joined along the third dimension; matrices are [H, W, 1], vectors [1, N, 1]. https://pytorch.org/docs/stable/generated/torch.dstack.html */
export function dstack(tensors: readonly Tensor[]): Tensor {
  const full = (x: Tensor) => (x.ndim < 2 ? x.reshape([1, -1, 1]) : x.ndim === 2 ? x.unsqueeze(-1) : x);
  return cat(tensors.map(full), { dim: 2 });
}
/** A matrix with the given ones along its diagonal. https://pytorch.org/docs/stable/generated/torch.block_diag.html */
export function blockDiag(...tensors: Tensor[]): Tensor {
  const blocks = tensors.map((x) => {
    if (x.ndim > 2) throw new ShapeError(`blockDiag: Input tensors must have 2 or fewer dimensions. Got ${x.ndim}`);
    return x.ndim === 2 ? x : x.reshape([1, -1]);
  });
  const width = blocks.reduce((n, x) => n + x.shape[1]!, 0);
  let left = 0;
  const rows = blocks.map((x) => {
    const [h, w] = x.shape as [number, number];
    left += w;
    const zeros = (n: number) => constant(0, { shape: [h, n], dtype: x.dtype });
    return cat([zeros(left - w), x, zeros(width - left)], { dim: 1 });
  });
  return cat(rows);
}
