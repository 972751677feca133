import * as z from 'zod';
import type { Tensor } from '../tensor/tensor.ts';
import { ShapeError } from '../util/errors.ts';
import { float } from './args.ts';
import * as F from './functional/loss.ts';
import { buffer, lossLayer, reduction, weights } from './loss-args.ts';
import type { Buffer } from './module.ts';

/** log(1 + e^(-t x)) of targets 1 and -1. https://pytorch.org/docs/stable/generated/torch.nn.SoftMarginLoss.html */
export class SoftMarginLoss extends lossLayer(reduction) {
  override forward(input: Tensor, target: Tensor): Tensor {
    return F.softMarginLoss(input, target, this.args);
  }
}

/**
 * Σ max(0, margin - x[t] + x[i])^p / C over the classes i other than the target t, times weight[t].
 * https://pytorch.org/docs/stable/generated/torch.nn.MultiMarginLoss.html
 */
export class MultiMarginLoss extends lossLayer({
  p: z
    .union([z.literal(1), z.literal(2)])
    .default(1)
    .meta({ description: '1 or 2' }),
  margin: float(1),
  weight: weights(),
  ...reduction,
}) {
  readonly weight = this.vector(buffer(this.args.weight));

  private vector(weight: Buffer | null): Buffer | null {
    if (weight === null || weight.ndim === 1) return weight;
    throw new ShapeError(`MultiMarginLoss: expected weight to be null or 1D tensor, got ${weight.ndim}D instead`);
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    return F.multiMarginLoss(input, target, { ...this.args, weight: this.weight });
  }
}

/**
 * Σ max(0, 1 - x[j] + x[i]) / C over the classes j that a row of the target lists, up to its first -1, and the classes i it
 * does not. https://pytorch.org/docs/stable/generated/torch.nn.MultiLabelMarginLoss.html
 */
export class MultiLabelMarginLoss extends lossLayer(reduction) {
  override forward(input: Tensor, target: Tensor): Tensor {
    return F.multilabelMarginLoss(input, target, this.args);
  }
}

/**
 * Binary cross entropy of logits, the mean over the classes of each sample.
 * https://pytorch.org/docs/stable/generated/torch.nn.MultiLabelSoftMarginLoss.html
 */
export class MultiLabelSoftMarginLoss extends lossLayer({ weight: weights(), ...reduction }) {
  readonly weight = buffer(this.args.weight);

  override forward(input: Tensor, target: Tensor): Tensor {
    return F.multilabelSoftMarginLoss(input, target, { ...this.args, weight: this.weight });
  }
}
