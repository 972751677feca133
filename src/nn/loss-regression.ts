import type { Tensor } from '../tensor/tensor.ts';
import { bool, float } from './args.ts';
import * as F from './functional/loss.ts';
import { lossLayer, reduction } from './loss-args.ts';

/** (x - t)². Sizes must be equal. https://pytorch.org/docs/stable/generated/torch.nn.MSELoss.html */
export class MSELoss extends lossLayer(reduction) {
  override forward(input: Tensor, target: Tensor): Tensor {
    return F.mseLoss(input, target, this.args);
  }
}

/** |x - t|. Sizes must be equal. https://pytorch.org/docs/stable/generated/torch.nn.L1Loss.html */
export class L1Loss extends lossLayer(reduction) {
  override forward(input: Tensor, target: Tensor): Tensor {
    return F.l1Loss(input, target, this.args);
  }
}

/**
 * (x - t)²/2 up to |x - t| = delta, from there on the tangent. Sizes must be equal.
 * https://pytorch.org/docs/stable/generated/torch.nn.HuberLoss.html
 */
export class HuberLoss extends lossLayer({ ...reduction, delta: float(1) }) {
  override forward(input: Tensor, target: Tensor): Tensor {
    return F.huberLoss(input, target, this.args);
  }
}

/**
 * (x - t)²/(2 beta) up to |x - t| = beta, from there on the tangent. Sizes must be equal.
 * https://pytorch.org/docs/stable/generated/torch.nn.SmoothL1Loss.html
 */
export class SmoothL1Loss extends lossLayer({ ...reduction, beta: float(1) }) {
  override forward(input: Tensor, target: Tensor): Tensor {
    return F.smoothL1Loss(input, target, this.args);
  }
}

/**
 * eˣ - t x of counts t, or with `log_input` false x - t log x; `full` adds log t!.
 * https://pytorch.org/docs/stable/generated/torch.nn.PoissonNLLLoss.html
 */
export class PoissonNLLLoss extends lossLayer({
  log_input: bool(true),
  full: bool(false),
  eps: float(1e-8),
  ...reduction,
}) {
  override forward(input: Tensor, target: Tensor): Tensor {
    return F.poissonNllLoss(input, target, this.args);
  }
}

/**
 * (log v + (x - t)²/v)/2 for a variance v, a tensor or a number; `full` adds log(2π)/2.
 * https://pytorch.org/docs/stable/generated/torch.nn.GaussianNLLLoss.html
 */
export class GaussianNLLLoss extends lossLayer({ full: bool(false), eps: float(1e-6), ...reduction }) {
  static readonly inputs = ['input', 'target', 'var'];
  /** The variance may be a number. */
  static readonly tensors = 2;

  override forward(input: Tensor, target: Tensor, variance: Tensor | number): Tensor {
    return F.gaussianNllLoss(input, target, variance, this.args);
  }
}
