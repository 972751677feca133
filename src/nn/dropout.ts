import { mode } from '../tensor/mode.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { bool, float, layer } from './args.ts';
import * as F from './functional/index.ts';

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
    return F.dropout(x, this.options());
  }
}

/** Whole channels of [N, C, L] zeroed. https://pytorch.org/docs/stable/generated/torch.nn.Dropout1d.html */
export class Dropout1d extends DropoutBase {
  override forward(x: Tensor): Tensor {
    return F.dropout1d(x, this.options());
  }
}

/** Whole channels of [N, C, H, W] zeroed. https://pytorch.org/docs/stable/generated/torch.nn.Dropout2d.html */
export class Dropout2d extends DropoutBase {
  override forward(x: Tensor): Tensor {
    return F.dropout2d(x, this.options());
  }
}

/** Whole channels of [N, C, D, H, W] zeroed. https://pytorch.org/docs/stable/generated/torch.nn.Dropout3d.html */
export class Dropout3d extends DropoutBase {
  override forward(x: Tensor): Tensor {
    return F.dropout3d(x, this.options());
  }
}

/**
 * Elements set to SELU's lower limit with probability p in training, mean and variance kept.
 * https://pytorch.org/docs/stable/generated/torch.nn.AlphaDropout.html
 */
export class AlphaDropout extends DropoutBase {
  override forward(x: Tensor): Tensor {
    return F.alphaDropout(x, this.options());
  }
}

/**
 * Whole channels of [N, C, *] set to SELU's lower limit.
 * https://pytorch.org/docs/stable/generated/torch.nn.FeatureAlphaDropout.html
 */
export class FeatureAlphaDropout extends DropoutBase {
  override forward(x: Tensor): Tensor {
    return F.featureAlphaDropout(x, this.options());
  }
}
