/** Losses of embeddings and rankings: of distances, of pairs, of triplets. Targets are 1 and -1. */

import { where } from '../../ops/compare.ts';
import { broadcast, showShape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { ArgError, ShapeError } from '../../util/errors.ts';
import { pairwiseDistance } from './distance.ts';
import { checkReduction, type LossOptions, reduced } from './loss-shared.ts';

interface MarginOptions extends LossOptions {
  readonly margin?: number | undefined;
}

/** x where t = 1, max(0, margin - x) where t = -1, reduced: x is a distance. Shapes may broadcast. */
export function hingeEmbeddingLoss(
  input: Tensor,
  target: Tensor,
  { margin = 1, reduction = 'mean' }: MarginOptions = {},
): Tensor {
  broadcast('hinge_embedding_loss', input.shape, target.shape);
  const apart = input.neg().add(margin).clamp({ min: 0 });
  return reduced(where(target.ne(1), apart, 0).add(where(target.ne(-1), input, 0)), reduction, input);
}

/** max(0, margin - t (x1 - x2)), reduced. Shapes of as many dimensions may broadcast. */
export function marginRankingLoss(
  input1: Tensor,
  input2: Tensor,
  target: Tensor,
  { margin = 0, reduction = 'mean' }: MarginOptions = {},
): Tensor {
  const who = 'margin_ranking_loss';
  const shapes = [input1.shape, input2.shape, target.shape];
  if (new Set(shapes.map((s) => s.length)).size > 1) {
    throw new ShapeError(
      `${who}: All input tensors should have same dimension but got sizes: input1: ${showShape(shapes[0]!)}, input2: ${showShape(shapes[1]!)}, target: ${showShape(shapes[2]!)}`,
    );
  }
  shapes.reduce((a, b) => broadcast(who, a, b));
  const loss = target.neg().mul(input1.sub(input2)).add(margin).clamp({ min: 0 });
  return reduced(loss, reduction, input1, input2);
}

/** Keeps a quotient of lengths finite. */
const TINY = 1e-12;

/** 1 - cos(x1, x2) where t = 1, max(0, cos(x1, x2) - margin) where t = -1, reduced. x1, x2 [N, D] or [D]; t [N] or []. */
export function cosineEmbeddingLoss(
  input1: Tensor,
  input2: Tensor,
  target: Tensor,
  { margin = 0, reduction = 'mean' }: MarginOptions = {},
): Tensor {
  const who = 'cosine_embedding_loss';
  const dim = target.ndim;
  if (dim > 1) throw new ShapeError(`${who}: 0D or 1D target tensor expected, multi-target not supported`);
  if (input1.ndim !== dim + 1 || input2.ndim !== dim + 1) {
    throw new ShapeError(
      `${who}: ${dim}D target tensor expects ${dim + 1}D input tensors, but found inputs with sizes ${showShape(input1.shape)} and ${showShape(input2.shape)}`,
    );
  }
  broadcast(who, broadcast(who, input1.shape, input2.shape).slice(0, dim), target.shape);
  const inner = (a: Tensor, b: Tensor) => a.mul(b).sum({ dim });
  const size = inner(input1, input1).add(TINY).mul(inner(input2, input2).add(TINY)).sqrt();
  const cosine = inner(input1, input2).div(size);
  const alike = where(target.eq(1), cosine.neg().add(1), 0);
  const unlike = where(target.eq(-1), cosine.sub(margin).clamp({ min: 0 }), 0);
  return reduced(alike.add(unlike), reduction, input1, input2);
}

export interface TripletOptions extends MarginOptions {
  readonly swap?: boolean | undefined;
}

/**
 * max(0, d(anchor, positive) - d(anchor, negative) + margin), reduced; d is the p-norm of the difference + eps over the last
 * dimension. With `swap` the smaller of d(anchor, negative) and d(positive, negative) counts. Shapes may broadcast.
 */
export function tripletMarginLoss(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  { p = 2, eps = 1e-6, ...rest }: TripletOptions & { readonly p?: number; readonly eps?: number } = {},
): Tensor {
  const distance = (a: Tensor, b: Tensor) => {
    broadcast('triplet_margin_loss', a.shape, b.shape);
    return pairwiseDistance(a, b, { p, eps });
  };
  return triplet('triplet_margin_loss', [anchor, positive, negative], distance, rest);
}

export type Distance = (a: Tensor, b: Tensor) => Tensor;

/** The same by a distance of one's own: a function of two tensors; by default the 2-norm of the difference. */
export function tripletMarginWithDistanceLoss(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  { distance_function, ...rest }: TripletOptions & { readonly distance_function?: Distance | null } = {},
): Tensor {
  const distance = distance_function ?? ((a: Tensor, b: Tensor) => pairwiseDistance(a, b));
  return triplet('triplet_margin_with_distance_loss', [anchor, positive, negative], distance, rest);
}

function triplet(
  who: string,
  inputs: readonly [Tensor, Tensor, Tensor],
  distance: Distance,
  { margin = 1, swap = false, reduction = 'mean' }: TripletOptions,
): Tensor {
  checkReduction(reduction);
  if (!(margin > 0)) throw new ArgError(`${who}: margin must be greater than 0, got ${margin}`);
  const [anchor, positive, negative] = inputs;
  if (inputs.some((t) => t.ndim !== anchor.ndim)) {
    throw new ShapeError(
      `${who}: The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: anchor ${anchor.ndim}D, positive ${positive.ndim}D, and negative ${negative.ndim}D inputs`,
    );
  }
  const near = distance(anchor, positive);
  const far = distance(anchor, negative);
  const counted = swap ? far.minimum(distance(positive, negative)) : far;
  return reduced(near.sub(counted).add(margin).clamp({ min: 0 }), reduction, ...inputs);
}
