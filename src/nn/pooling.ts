import type { Tensor } from '../tensor/tensor.ts';
import { bool, int, layer, optional, python, size } from './args.ts';
import * as F from './functional/index.ts';

/** The largest value of each window of [N, C, H, W]. https://pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html */
export class MaxPool2d extends layer({
  kernel_size: size(2),
  stride: optional(size(2)),
  padding: size(2, 0, 0),
  dilation: size(2, 1),
  return_indices: bool(false),
  ceil_mode: bool(false),
}) {
  override forward(x: Tensor): Tensor | [Tensor, Tensor] {
    return this.args.return_indices ? F.maxPool2dWithIndices(x, this.args) : F.maxPool2d(x, this.args);
  }
  override extraRepr(): string {
    const { kernel_size, stride, padding, dilation, ceil_mode } = this.args;
    return `kernel_size=${python(kernel_size)}, stride=${python(stride ?? kernel_size)}, padding=${python(padding)}, dilation=${python(dilation)}, ceil_mode=${python(ceil_mode)}`;
  }
}

/** The average of each window of [N, C, H, W]. https://pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html */
export class AvgPool2d extends layer({
  kernel_size: size(2),
  stride: optional(size(2)),
  padding: size(2, 0, 0),
  ceil_mode: bool(false),
  count_include_pad: bool(true),
  divisor_override: optional(int(undefined, Number.MIN_SAFE_INTEGER)),
}) {
  override forward(x: Tensor): Tensor {
    return F.avgPool2d(x, this.args);
  }
  override extraRepr(): string {
    const { kernel_size, stride, padding } = this.args;
    return `kernel_size=${python(kernel_size)}, stride=${python(stride ?? kernel_size)}, padding=${python(padding)}`;
  }
}
