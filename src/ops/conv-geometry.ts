/** What the convolutions share. */

import type { Shape } from '../tensor/shape.ts';

/** Per spatial dimension; the same padding on both sides. */
export interface ConvAttrs {
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
}

/** The attributes of ORT's Conv and ConvTranspose. */
export const onnxAttributes = ({ stride, padding, dilation, groups }: ConvAttrs, kernel: Shape) => ({
  kernel_shape: kernel,
  strides: stride,
  pads: [...padding, ...padding],
  dilations: dilation,
  group: groups,
});

/** Size along each spatial dimension of what a convolution makes. */
export function convSize(spatial: Shape, kernel: Shape, { stride, padding, dilation }: ConvAttrs): number[] {
  return spatial.map(
    (n, i) => Math.floor((n + 2 * padding[i]! - dilation[i]! * (kernel[i]! - 1) - 1) / stride[i]!) + 1,
  );
}

/** The least size along each spatial dimension of what makes `spatial` when convolved. */
export function transposedSize(spatial: Shape, kernel: Shape, { stride, padding, dilation }: ConvAttrs): number[] {
  return spatial.map((n, i) => (n - 1) * stride[i]! - 2 * padding[i]! + dilation[i]! * (kernel[i]! - 1) + 1);
}
