/**
 * Convolution and its two gradients, which between them close under differentiation: each one's gradients are the other two.
 *
 *     y = conv(x, w)    dx = convInput(dy, w)    dw = convWeight(x, dy)
 *
 * `convInput` is also the forward pass of transposed convolution. ORT convolves float32: float64 is rounded to it.
 */
import type { Op } from '../tensor/op.ts';
import { numel, type Shape } from '../tensor/shape.ts';
import { apply, type Tensor } from '../tensor/tensor.ts';
import { ShapeError } from '../util/errors.ts';
import { lowerForward } from './conv-forward.ts';
import { type ConvAttrs, convSize } from './conv-geometry.ts';
import { type InputAttrs, lowerInput } from './conv-input.ts';
import { lowerWeight, type WeightAttrs } from './conv-weight.ts';
import { expectRoom, unlessEmpty } from './limits.ts';

/** Nodes for float32, with float64 cast to it and back. */
function inFloat32<A>(lower: Op<A>['lower']): Op<A>['lower'] {
  return unlessEmpty((b, inputs, attrs, out, ins, used) => {
    const { dtype } = out[0]!;
    if (dtype !== 'float64') return lower(b, inputs, attrs, out, ins, used);
    const single = inputs.map((x) => b.cast(x, 'float32'));
    return b.cast(lower(b, single, attrs, out, ins, used) as string, dtype);
  });
}

/** Gradient of a bias: the sum over all but the channels. */
const perChannel = (g: Tensor) => g.sum({ dim: [...g.shape.keys()].filter((i) => i !== 1) });

const convOp: Op<ConvAttrs> = {
  name: 'conv',
  infer: ([x, w], attrs) => {
    const out = convSize(x!.shape.slice(2), w!.shape.slice(2), attrs);
    if (out.some((d) => d < 1)) {
      const padded = x!.shape.slice(2).map((n, i) => n + 2 * attrs.padding[i]!);
      const kernel = w!.shape.slice(2).map((k, i) => attrs.dilation[i]! * (k - 1) + 1);
      throw new ShapeError(
        `conv${out.length}d: Calculated padded input size per channel: (${padded.join(' x ')}). Kernel size: (${kernel.join(' x ')}). Kernel size can't be greater than actual input size`,
      );
    }
    return { shape: expectRoom(`conv${out.length}d`, [x!.shape[0]!, w!.shape[0]!, ...out]), dtype: x!.dtype };
  },
  grad: (g, _y, [x, w, bias], attrs, needs) => [
    needs[0] ? convInput(g, w!, null, { ...attrs, size: x!.shape.slice(2) }) : null,
    needs[1] ? convWeight(x!, g, { ...attrs, kernel: w!.shape.slice(2) }) : null,
    ...(bias ? [needs[2] ? perChannel(g) : null] : []),
  ],
  lower: inFloat32((b, inputs, attrs, [y], [x, w]) =>
    lowerForward(b, inputs as [string, string, string?], attrs, [x!.shape, w!.shape, y!.shape]),
  ),
  macs: ([, w], _attrs, out) => numel(out.shape) * numel(w!.shape.slice(1)),
};
/** Convolution of x [N, C, *] with weight [K, C/groups, *] and a bias [K] or null. */
export function conv(x: Tensor, weight: Tensor, bias: Tensor | null, attrs: ConvAttrs): Tensor {
  return apply(convOp, bias ? [x, weight, bias] : [x, weight], attrs);
}

/** The first places of a convolution; it has more where an output padding was as large as the stride. */
function convTo(x: Tensor, w: Tensor, attrs: ConvAttrs, shape: Shape): Tensor {
  const y = apply(convOp, [x, w], attrs);
  return shape.reduce((t, n, i) => (i < 2 ? t : t.slice({ dim: i, end: n })), y);
}

const inputOp: Op<InputAttrs> = {
  name: 'conv_input',
  infer: ([g, w], { groups, size }) => {
    if (size.some((n) => n < 1)) {
      throw new ShapeError(
        `conv_transpose${size.length}d: Given input size per channel: (${g!.shape.slice(2).join(' x ')}). Calculated output size per channel: (${size.join(' x ')}). Output size is too small`,
      );
    }
    const shape = [g!.shape[0]!, w!.shape[1]! * groups, ...size];
    return { shape: expectRoom(`conv_transpose${size.length}d`, shape), dtype: g!.dtype };
  },
  grad: (gg, _y, [g, w, bias], { size: _size, ...attrs }, needs) => [
    needs[0] ? convTo(gg, w!, attrs, g!.shape) : null,
    needs[1] ? convWeight(gg, g!, { ...attrs, kernel: w!.shape.slice(2) }) : null,
    ...(bias ? [needs[2] ? perChannel(gg) : null] : []),
  ],
  lower: inFloat32((b, inputs, attrs, _out, [g, w]) =>
    lowerInput(b, inputs as [string, string, string?], attrs, g!.shape, w!.shape),
  ),
  macs: ([g, w]) => numel(g!.shape) * numel(w!.shape.slice(1)),
};
/** Transposed convolution: g [N, K, *], weight [K, C/groups, *] and a bias [C] or null to [N, C, *size]. */
export function convInput(g: Tensor, weight: Tensor, bias: Tensor | null, attrs: InputAttrs): Tensor {
  return apply(inputOp, bias ? [g, weight, bias] : [g, weight], attrs);
}

const weightOp: Op<WeightAttrs> = {
  name: 'conv_weight',
  infer: ([x, g], { groups, kernel }) => ({
    shape: [g!.shape[1]!, x!.shape[1]! / groups, ...kernel],
    dtype: x!.dtype,
  }),
  grad: (gg, _y, [x, g], { kernel: _kernel, ...attrs }, needs) => [
    needs[0] ? convInput(g!, gg, null, { ...attrs, size: x!.shape.slice(2) }) : null,
    needs[1] ? convTo(x!, gg, attrs, g!.shape) : null,
  ],
  lower: inFloat32((b, [x, g], attrs, _out, [xa, ga]) => lowerWeight(b, x!, g!, attrs, xa!.shape, ga!.shape)),
  macs: ([, g], _attrs, out) => numel(g!.shape) * numel(out.shape.slice(1)),
};
/** Gradient of a convolution with respect to its weight, x [N, C, *] and g [N, K, *] to [K, C/groups, *kernel]. */
function convWeight(x: Tensor, g: Tensor, attrs: WeightAttrs): Tensor {
  return apply(weightOp, [x, g], attrs);
}
