import type { Tensor } from '../tensor/tensor.ts';
import { bool, float, int, layer, real } from './args.ts';
import * as F from './functional/index.ts';

/**
 * x1 · x2 / (‖x1‖ ‖x2‖) along `dim`, each norm at least eps.
 * https://pytorch.org/docs/stable/generated/torch.nn.CosineSimilarity.html
 */
export class CosineSimilarity extends layer({ dim: int(1, Number.MIN_SAFE_INTEGER), eps: float(1e-8) }, []) {
  static readonly inputs = ['x1', 'x2'];

  override forward(x1: Tensor, x2: Tensor): Tensor {
    return F.cosineSimilarity(x1, x2, this.args);
  }
}

/**
 * ‖x1 - x2 + eps‖ₚ along the last dimension: [N, D] and [N, D] to [N].
 * https://pytorch.org/docs/stable/generated/torch.nn.PairwiseDistance.html
 */
export class PairwiseDistance extends layer({ p: real(2), eps: float(1e-6), keepdim: bool(false) }, []) {
  static readonly inputs = ['x1', 'x2'];

  override forward(x1: Tensor, x2: Tensor): Tensor {
    return F.pairwiseDistance(x1, x2, this.args);
  }
}
