import * as z from 'zod';
import type { Tensor } from '../tensor/tensor.ts';
import { bool, float, real } from './args.ts';
import { PairwiseDistance } from './distance.ts';
import * as F from './functional/loss.ts';
import { lossLayer, reduction } from './loss-args.ts';
import { Module } from './module.ts';

/**
 * x where t = 1, max(0, margin - x) where t = -1: x is a distance.
 * https://pytorch.org/docs/stable/generated/torch.nn.HingeEmbeddingLoss.html
 */
export class HingeEmbeddingLoss extends lossLayer({ margin: float(1), ...reduction }) {
  override forward(input: Tensor, target: Tensor): Tensor {
    return F.hingeEmbeddingLoss(input, target, this.args);
  }
}

/** max(0, margin - t (x1 - x2)). https://pytorch.org/docs/stable/generated/torch.nn.MarginRankingLoss.html */
export class MarginRankingLoss extends lossLayer({ margin: float(0), ...reduction }) {
  static readonly inputs = ['input1', 'input2', 'target'];

  override forward(input1: Tensor, input2: Tensor, target: Tensor): Tensor {
    return F.marginRankingLoss(input1, input2, target, this.args);
  }
}

/**
 * 1 - cos(x1, x2) where t = 1, max(0, cos(x1, x2) - margin) where t = -1.
 * https://pytorch.org/docs/stable/generated/torch.nn.CosineEmbeddingLoss.html
 */
export class CosineEmbeddingLoss extends lossLayer({ margin: float(0), ...reduction }) {
  static readonly inputs = ['input1', 'input2', 'target'];

  override forward(input1: Tensor, input2: Tensor, target: Tensor): Tensor {
    return F.cosineEmbeddingLoss(input1, input2, target, this.args);
  }
}

/** A margin that must be above 0. */
const positive = () => z.number().gt(0).default(1).meta({ description: 'a number greater than 0' });

/**
 * max(0, d(a, p) - d(a, n) + margin) for the p-norm d of differences over the last dimension; with `swap` d(p, n) counts where
 * it is smaller than d(a, n). https://pytorch.org/docs/stable/generated/torch.nn.TripletMarginLoss.html
 */
export class TripletMarginLoss extends lossLayer({
  margin: positive(),
  p: real(2),
  eps: float(1e-6),
  swap: bool(false),
  ...reduction,
}) {
  static readonly inputs = ['anchor', 'positive', 'negative'];

  override forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    return F.tripletMarginLoss(anchor, positive, negative, this.args);
  }
}

const distance = z
  .union([
    z.custom<Module>((value) => value instanceof Module),
    z.custom<F.Distance>((value) => typeof value === 'function'),
  ])
  .nullable()
  .default(null)
  .meta({ description: 'a module, a function of two tensors or null' });

/**
 * The same for a distance of one's own: a module or a function of two tensors, by default `PairwiseDistance`.
 * https://pytorch.org/docs/stable/generated/torch.nn.TripletMarginWithDistanceLoss.html
 */
export class TripletMarginWithDistanceLoss extends lossLayer({
  distance_function: distance,
  margin: positive(),
  swap: bool(false),
  ...reduction,
}) {
  static readonly inputs = ['anchor', 'positive', 'negative'];

  readonly distance_function = this.args.distance_function ?? new PairwiseDistance();

  override forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    const { distance_function: given } = this;
    const distance_function: F.Distance =
      given instanceof Module ? (a, b) => (given as PairwiseDistance).forward(a, b) : given;
    return F.tripletMarginWithDistanceLoss(anchor, positive, negative, { ...this.args, distance_function });
  }
}
