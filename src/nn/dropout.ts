import { mode } from '../tensor/mode.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { bool, float, layer } from './args.ts';
import { dropout, featureDropout } from './functional/index.ts';

const table = { p: float(0.5, { min: 0, max: 1 }), inplace: bool(false) };

abstract class DropoutBase extends layer(table) {
  /** The probability now: `args.p` may be changed between calls. */
  protected options(): { p: number; training: boolean } {
    mode.trace?.guard(() => this.args.p);
    return { p: this.args.p, training: this.training };
  }
}

/** Each element zeroed with probability p in training. https://pytorch.org/docs/stable/generated/torch.nn.Dropout.html */
export class Dropout extends DropoutBase {
  override forward(x: Tensor): Tensor {
    return dropout(x, this.options());
  }
}

/** Whole channels of [N, C, L] zeroed. https://pytorch.org/docs/stable/generated/torch.nn.Dropout1d.html */
export class Dropout1d extends DropoutBase {
  override forward(x: Tensor): Tensor {
    return featureDropout(x, 1, this.options());
  }
}

/** Whole channels of [N, C, H, W] zeroed. https://pytorch.org/docs/stable/generated/torch.nn.Dropout2d.html */
export class Dropout2d extends DropoutBase {
  override forward(x: Tensor): Tensor {
    return featureDropout(x, 2, this.options());
  }
}

/** Whole channels of [N, C, D, H, W] zeroed. https://pytorch.org/docs/stable/generated/torch.nn.Dropout3d.html */
export class Dropout3d extends DropoutBase {
  override forward(x: Tensor): Tensor {
    return featureDropout(x, 3, this.options());
  }
}
