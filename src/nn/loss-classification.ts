import * as z from 'zod';
import { sameShape, showShape } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { ShapeError } from '../util/errors.ts';
import { bool, choice, float, int, layer, optional, showArgs } from './args.ts';
import * as F from './functional/loss.ts';
import { Linear } from './linear.ts';
import { buffer, lossLayer, reduction, weights } from './loss-args.ts';
import type { Buffer } from './module.ts';

const anyInteger = (fallback: number) => int(fallback, Number.MIN_SAFE_INTEGER);

/** -w x[target] of log-probabilities x. https://pytorch.org/docs/stable/generated/torch.nn.NLLLoss.html */
export class NLLLoss extends lossLayer({ weight: weights(), ignore_index: anyInteger(-100), ...reduction }) {
  readonly weight = buffer(this.args.weight);

  override forward(input: Tensor, target: Tensor): Tensor {
    return F.nllLoss(input, target, { ...this.args, weight: this.weight });
  }
}

/** -log softmax(x)[target]. https://pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html */
export class CrossEntropyLoss extends lossLayer({
  weight: weights(),
  ignore_index: anyInteger(-100),
  ...reduction,
  label_smoothing: float(0, { min: 0, max: 1 }),
}) {
  readonly weight = buffer(this.args.weight);

  override forward(input: Tensor, target: Tensor): Tensor {
    return F.crossEntropy(input, target, { ...this.args, weight: this.weight });
  }
}

/**
 * Cross entropy of the logits x Wᵀ + b, for x [N, in_features]; with `out_features`, of [N, num_classes, *out_features].
 *
 * PyTorch's `options` (batches in pieces, to save memory) must be null.
 * https://pytorch.org/docs/stable/generated/torch.nn.LinearCrossEntropyLoss.html
 */
export class LinearCrossEntropyLoss extends layer({
  in_features: int(),
  num_classes: int(),
  out_features: z.array(z.int().min(0)).default([]).meta({ description: 'a list of non-negative integers' }),
  bias: bool(false),
  ...reduction,
  weight: weights(),
  ignore_index: optional(z.int(), 'an integer'),
  label_smoothing: float(0, { min: 0, max: 1 }),
  options: z.null().default(null).meta({ description: 'null, since batches are not taken in pieces' }),
}) {
  readonly weight = this.perClass(buffer(this.args.weight));
  readonly linear = new Linear({
    in_features: this.args.in_features,
    out_features: this.args.out_features.reduce((n, d) => n * d, this.args.num_classes),
    bias: this.args.bias,
  });

  private perClass(weight: Buffer | null): Buffer | null {
    const { num_classes } = this.args;
    if (!weight || sameShape(weight.shape, [num_classes])) return weight;
    throw new ShapeError(
      `LinearCrossEntropyLoss: expected weight shape to be ${showShape([num_classes])}, got ${showShape(weight.shape)}`,
    );
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    const { in_features, num_classes, out_features, reduction, ignore_index, label_smoothing } = this.args;
    const { weight, bias } = this.linear;
    return F.linearCrossEntropy(input, weight.reshape([num_classes, ...out_features, in_features]), target, {
      linear_bias: bias?.reshape([num_classes, ...out_features]) ?? null,
      weight: this.weight,
      reduction,
      ignore_index,
      label_smoothing,
    });
  }

  override extraRepr(): string {
    const shown = Object.keys(LinearCrossEntropyLoss.table).filter((name) => name !== 'weight');
    return showArgs(this.args, shown, LinearCrossEntropyLoss.table);
  }
}

/**
 * -w (t log x + (1 - t) log(1 - x)) of probabilities x, with logarithms of at least -100.
 *
 * An x outside [0, 1] makes the loss NaN, and is an error where its value is known. https://pytorch.org/docs/stable/generated/torch.nn.BCELoss.html
 */
export class BCELoss extends lossLayer({ weight: weights(), ...reduction }) {
  readonly weight = buffer(this.args.weight);

  override forward(input: Tensor, target: Tensor): Tensor {
    return F.binaryCrossEntropy(input, target, { ...this.args, weight: this.weight });
  }
}

/** Binary cross entropy of logits. https://pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html */
export class BCEWithLogitsLoss extends lossLayer({ weight: weights(), ...reduction, pos_weight: weights() }) {
  readonly weight = buffer(this.args.weight);
  readonly pos_weight = buffer(this.args.pos_weight);

  override forward(input: Tensor, target: Tensor): Tensor {
    const { weight, pos_weight } = this;
    return F.binaryCrossEntropyWithLogits(input, target, { ...this.args, weight, pos_weight });
  }
}

/**
 * t (log t - x) of log-probabilities x and probabilities t, or with `log_target` their logarithms. `batchmean`, not `mean`, is the
 * divergence. https://pytorch.org/docs/stable/generated/torch.nn.KLDivLoss.html
 */
export class KLDivLoss extends lossLayer({
  reduction: choice(['none', 'mean', 'sum', 'batchmean'], 'mean'),
  log_target: bool(false),
}) {
  override forward(input: Tensor, target: Tensor): Tensor {
    return F.klDiv(input, target, this.args);
  }
}

/**
 * -log of the probability that log-probabilities [T, N, C] give to sequences of labels, over all their alignments.
 *
 * forward(log_probs, targets, input_lengths, target_lengths); lengths are tensors or arrays. The gradient cannot be
 * differentiated again. https://pytorch.org/docs/stable/generated/torch.nn.CTCLoss.html
 */
export class CTCLoss extends lossLayer({ blank: int(0), ...reduction, zero_infinity: bool(false) }) {
  static readonly inputs = ['log_probs', 'targets', 'input_lengths', 'target_lengths'];
  /** Lengths may be arrays. */
  static readonly tensors = 2;

  override forward(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor | readonly number[],
    target_lengths: Tensor | readonly number[],
  ): Tensor {
    return F.ctcLoss(log_probs, targets, input_lengths, target_lengths, this.args);
  }
}
