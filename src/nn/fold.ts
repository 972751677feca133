import type { Tensor } from '../tensor/tensor.ts';
import { layer, size } from './args.ts';
import * as F from './functional/index.ts';

const windows = { dilation: size(2, 1), padding: size(2, 0, 0), stride: size(2, 1) };

/**
 * Columns [N, C·∏kernel_size, L] added up to [N, C, *output_size].
 * https://pytorch.org/docs/stable/generated/torch.nn.Fold.html
 */
export class Fold extends layer({ output_size: size(2), kernel_size: size(2), ...windows }) {
  override forward(x: Tensor): Tensor {
    return F.fold(x, this.args);
  }
}

/**
 * Windows of [N, C, H, W] as the columns of [N, C·∏kernel_size, L].
 * https://pytorch.org/docs/stable/generated/torch.nn.Unfold.html
 */
export class Unfold extends layer({ kernel_size: size(2), ...windows }) {
  override forward(x: Tensor): Tensor {
    return F.unfold(x, this.args);
  }
}
