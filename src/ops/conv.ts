/**
 * Convolution and its two gradients, which between them close under differentiation: each one's gradients are the other two.
 *
 *     y = conv(x, w)    dx = convInput(dy, w)    dw = convWeight(x, dy)
 *
 * `convInput` is also the forward pass of transposed convolution. How each is written for ORT, and what else was measured:
 * `docs/kernels.md`.
 */
import { type GraphBuilder, MICROSOFT } from '../onnx/builder.ts';
import type { Op } from '../tensor/op.ts';
import { numel, type Shape, showShape } from '../tensor/shape.ts';
import { type Aval, apply, expectTensor, type Tensor } from '../tensor/tensor.ts';
import { ShapeError, TorcharcError } from '../util/errors.ts';

/** Per spatial dimension; the same padding on both sides. */
export interface ConvAttrs {
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
}

const onnxAttributes = ({ stride, padding, dilation, groups }: ConvAttrs, kernel: Shape) => ({
  kernel_shape: kernel,
  strides: stride,
  pads: [...padding, ...padding],
  dilations: dilation,
  group: groups,
});

/** Output size along each spatial dimension. */
function outputSize(spatial: Shape, kernel: Shape, { stride, padding, dilation }: ConvAttrs): number[] {
  return spatial.map(
    (n, i) => Math.floor((n + 2 * padding[i]! - dilation[i]! * (kernel[i]! - 1) - 1) / stride[i]!) + 1,
  );
}

const convOp: Op<ConvAttrs> = {
  name: 'conv',
  infer: ([x, w], attrs) => {
    const out = outputSize(x!.shape.slice(2), w!.shape.slice(2), attrs);
    if (out.some((d) => d < 1)) {
      const padded = x!.shape.slice(2).map((n, i) => n + 2 * attrs.padding[i]!);
      const kernel = w!.shape.slice(2).map((k, i) => attrs.dilation[i]! * (k - 1) + 1);
      throw new ShapeError(
        `conv${out.length}d: Calculated padded input size per channel: (${padded.join(' x ')}). Kernel size: (${kernel.join(' x ')}). Kernel size can't be greater than actual input size`,
      );
    }
    return { shape: [x!.shape[0]!, w!.shape[0]!, ...out], dtype: x!.dtype };
  },
  grad: (g, _y, [x, w, bias], attrs, needs) => [
    needs[0] ? convInput(g, w!, { ...attrs, size: x!.shape.slice(2) }) : null,
    needs[1] ? convWeight(x!, g, { ...attrs, kernel: w!.shape.slice(2) }) : null,
    ...(bias ? [needs[2] ? g.sum({ dim: [...g.shape.keys()].filter((i) => i !== 1) }) : null] : []),
  ],
  lower: (b, inputs, attrs, _out, [, w]) => b.node('Conv', inputs, onnxAttributes(attrs, w!.shape.slice(2))),
  macs: ([, w], _attrs, out) => numel(out.shape) * numel(w!.shape.slice(1)),
};

/** Convolution of x [N, C, *] with w [K, C/groups, *] and a bias [K] or null. */
export function conv(x: Tensor, weight: Tensor, bias: Tensor | null, attrs: ConvAttrs): Tensor {
  const rank = weight.ndim - 2;
  expectTensor(`conv${rank}d`, x);
  const [k, perGroup] = weight.shape as [number, number];
  if (x.dtype !== weight.dtype) {
    throw new TorcharcError(
      `conv${rank}d: Input type (${x.dtype}) and weight type (${weight.dtype}) should be the same`,
    );
  }
  if (x.ndim === rank + 1) return conv(x.unsqueeze(0), weight, bias, attrs).squeeze(0);
  if (x.ndim !== rank + 2) {
    throw new ShapeError(
      `conv${rank}d: Expected ${rank + 1}D (unbatched) or ${rank + 2}D (batched) input to conv${rank}d, but got input of size: ${showShape(x.shape)}`,
    );
  }
  if (x.shape[1] !== perGroup * attrs.groups) {
    throw new ShapeError(
      `conv${rank}d: Given groups=${attrs.groups}, weight of size ${showShape(weight.shape)}, expected input${showShape(x.shape)} to have ${perGroup * attrs.groups} channels, but got ${x.shape[1]} channels instead`,
    );
  }
  if (k % attrs.groups !== 0) {
    throw new ShapeError(`conv${rank}d: out_channels (${k}) must be divisible by groups (${attrs.groups})`);
  }
  return apply(convOp, bias ? [x, weight, bias] : [x, weight], attrs);
}

// ---- gradient with respect to the input

interface InputAttrs extends ConvAttrs {
  /** Spatial size of the result. */
  readonly size: readonly number[];
}
const inputOp: Op<InputAttrs> = {
  name: 'conv_input',
  infer: ([g, w], { groups, size }) => ({ shape: [g!.shape[0]!, w!.shape[1]! * groups, ...size], dtype: g!.dtype }),
  grad: (gg, _y, [g, w], { size: _size, ...attrs }, needs) => [
    needs[0] ? apply(convOp, [gg, w!], attrs) : null,
    needs[1] ? convWeight(gg, g!, { ...attrs, kernel: w!.shape.slice(2) }) : null,
  ],
  lower: (b, [g, w], attrs, [out], [ga, wa]) => {
    const kernel = wa!.shape.slice(2);
    if (flips(attrs, wa!.shape, out!)) return flippedConv(b, g!, w!, attrs, wa!.shape);
    const reach = (i: number) =>
      (ga!.shape[i + 2]! - 1) * attrs.stride[i]! - 2 * attrs.padding[i]! + attrs.dilation[i]! * (kernel[i]! - 1) + 1;
    return b.node('ConvTranspose', [g!, w!], {
      ...onnxAttributes(attrs, kernel),
      output_padding: attrs.size.map((n, i) => n - reach(i)),
    });
  },
  macs: ([g, w]) => numel(g!.shape) * numel(w!.shape.slice(1)),
};
/** Gradient of a convolution with respect to its input, g [N, K, *] and w [K, C/groups, *] to [N, C, *size]. */
export function convInput(g: Tensor, weight: Tensor, attrs: InputAttrs): Tensor {
  return apply(inputOp, [g, weight], attrs);
}

/** Stride 1 and many channels: a plain convolution with flipped weights beats ORT's ConvTranspose. */
function flips({ stride, padding, dilation, groups }: InputAttrs, w: Shape, out: Aval): boolean {
  if (stride.some((s) => s !== 1) || w.slice(2).some((k, i) => dilation[i]! * (k - 1) < padding[i]!)) return false;
  // 3-d transposed convolution is 15 times slower than anything else
  if (w.length === 5) return true;
  return groups > 1 || (w[1]! >= 16 && numel(out.shape) >= 1 << 18);
}

function flippedConv(b: GraphBuilder, g: string, w: string, attrs: InputAttrs, shape: Shape): string {
  const { groups, dilation, padding } = attrs;
  const [k, c, ...kernel] = shape as [number, number, ...number[]];
  const taps = numel(kernel);
  // [g, K/g, C/g, taps] -> [g, C/g, K/g, taps reversed]
  const grouped = b.transpose(b.reshape(w, [groups, k / groups, c, taps]), [0, 2, 1, 3]);
  const reversed = b.node('Gather', [grouped, b.ints([...Array(taps).keys()].reverse())], { axis: 3 });
  const pads = kernel.map((n, i) => (n - 1) * dilation[i]! - padding[i]!);
  return b.node('Conv', [g, b.reshape(reversed, [groups * c, k / groups, ...kernel])], {
    kernel_shape: kernel,
    strides: kernel.map(() => 1),
    pads: [...pads, ...pads],
    dilations: dilation,
    group: groups,
  });
}

// ---- gradient with respect to the weight

interface WeightAttrs extends ConvAttrs {
  readonly kernel: readonly number[];
}
const weightOp: Op<WeightAttrs> = {
  name: 'conv_weight',
  infer: ([x, g], { groups, kernel }) => ({
    shape: [g!.shape[1]!, x!.shape[1]! / groups, ...kernel],
    dtype: x!.dtype,
  }),
  grad: (gg, _y, [x, g], { kernel: _kernel, ...attrs }, needs) => [
    needs[0] ? convInput(g!, gg, { ...attrs, size: x!.shape.slice(2) }) : null,
    needs[1] ? apply(convOp, [x!, gg], attrs) : null,
  ],
  lower: (b, [x, g], attrs, _out, [xa, ga]) => {
    const { padding, dilation, groups, kernel } = attrs;
    if (groups === 1 && kernel.every((k) => k === 1) && padding.every((p) => p === 0)) {
      return pointwise(b, x!, g!, attrs, xa!.shape, ga!.shape);
    }
    if (
      groups === 1 &&
      kernel.length === 2 &&
      xa!.shape[1]! <= 4 &&
      numel(kernel) <= 9 &&
      numel(ga!.shape) >= 1 << 18
    ) {
      return fewChannels(b, x!, g!, attrs, xa!.shape, ga!.shape);
    }
    if (groups === 1 && dilation.every((d) => d === 1)) return merged(b, x!, g!, attrs, xa!.shape, ga!.shape);
    return swapped(b, x!, g!, attrs, xa!.shape, ga!.shape);
  },
  macs: ([, g], _attrs, out) => numel(g!.shape) * numel(out.shape.slice(1)),
};
/** Gradient of a convolution with respect to its weight, x [N, C, *] and g [N, K, *] to [K, C/groups, *kernel]. */
function convWeight(x: Tensor, g: Tensor, attrs: WeightAttrs): Tensor {
  return apply(weightOp, [x, g], attrs);
}

/** How far the kernel reaches past the input on the trailing side of each dimension; negative: input left over. */
function overhang(x: Shape, g: Shape, { stride, padding, dilation, kernel }: WeightAttrs): number[] {
  return kernel.map((k, i) => {
    const extent = (g[i + 2]! - 1) * stride[i]! + dilation[i]! * (k - 1) + 1;
    return extent - x[i + 2]! - padding[i]!;
  });
}

function crop(b: GraphBuilder, x: string, after: readonly number[]): string {
  return after.some((p) => p < 0) ? b.node('Pad', [x, b.ints([...after.map(() => 0), ...after])]) : x;
}

/** Kernel 1, no padding: one product per image, summed. */
function pointwise(b: GraphBuilder, x: string, g: string, { stride }: WeightAttrs, xs: Shape, gs: Shape): string {
  const [n, c, ...size] = xs as [number, number, ...number[]];
  const axes = size.map((_, i) => i + 2);
  const strided = stride.every((s) => s === 1)
    ? x
    : b.node('Slice', [x, b.ints(size.map(() => 0)), b.ints(size), b.ints(axes), b.ints(stride)]);
  const k = gs[1]!;
  const pixels = numel(gs.slice(2));
  const each = b.node(
    'FusedMatMul',
    [b.reshape(g, [n, k, pixels]), b.reshape(strided, [n, c, pixels])],
    { transB: 1 },
    MICROSOFT,
  );
  return b.reshape(b.node('ReduceSum', [each, b.ints([0])], { keepdims: 0 }), [k, c, ...stride.map(() => 1)]);
}

/** Few channels (a first layer): the taps as slices side by side, one product per image, summed. */
function fewChannels(b: GraphBuilder, x: string, g: string, attrs: WeightAttrs, xs: Shape, gs: Shape): string {
  const { stride, padding, dilation, kernel } = attrs;
  const [n, c] = xs as [number, number];
  const k = gs[1]!;
  const out = gs.slice(2);
  const after = overhang(xs, gs, attrs).map((p) => Math.max(0, p));
  const padded = [...padding, ...after].some((p) => p > 0)
    ? b.node('Pad', [x, b.ints([0, 0, ...padding, 0, 0, ...after])])
    : x;
  const taps: string[] = [];
  for (let i = 0; i < kernel[0]!; i++) {
    for (let j = 0; j < kernel[1]!; j++) {
      const start = [i * dilation[0]!, j * dilation[1]!];
      const end = start.map((s, d) => s + (out[d]! - 1) * stride[d]! + 1);
      taps.push(b.node('Slice', [padded, b.ints(start), b.ints(end), b.ints([2, 3]), b.ints(stride)]));
    }
  }
  const pixels = numel(out);
  const columns = b.reshape(b.node('Concat', taps, { axis: 1 }), [n, taps.length * c, pixels]);
  const each = b.node('FusedMatMul', [b.reshape(g, [n, k, pixels]), columns], { transB: 1 }, MICROSOFT);
  const summed = b.node('ReduceSum', [each, b.ints([0])], { keepdims: 0 });
  return b.transpose(b.reshape(summed, [k, ...kernel, c]), [0, 3, 1, 2]);
}

/**
 * The general case without dilation: one convolution of the input, channels last and merged into the last axis, with the
 * gradient as the filter; a dilation of stride·C in that axis steps over whole pixels.
 */
function merged(b: GraphBuilder, x: string, g: string, attrs: WeightAttrs, xs: Shape, gs: Shape): string {
  const { stride, padding, kernel } = attrs;
  const [n, c, ...size] = xs as [number, number, ...number[]];
  const rank = size.length;
  const spatial = [...Array(rank).keys()];
  const wide = (v: readonly number[]) => v.map((s, i) => (i === rank - 1 ? s * c : s));
  const last = b.reshape(b.transpose(x, [0, ...spatial.map((i) => i + 2), 1]), [1, n, ...wide(size)]);
  const after = wide(overhang(xs, gs, attrs));
  const image = crop(b, last, [0, 0, ...after.map((p) => Math.min(0, p))]);
  const filter = b.transpose(g, [1, 0, ...spatial.map((i) => i + 2)]);
  const y = b.node('Conv', [image, filter], {
    kernel_shape: gs.slice(2),
    dilations: wide(stride),
    strides: spatial.map(() => 1),
    pads: [...wide(padding), ...after.map((p) => Math.max(0, p))],
  });
  return b.transpose(b.reshape(y, [gs[1]!, ...kernel, c]), [0, rank + 1, ...spatial.map((i) => i + 1)]);
}

/** With groups or dilation: a convolution in which batch and channels change places, and stride and dilation too. */
function swapped(b: GraphBuilder, x: string, g: string, attrs: WeightAttrs, xs: Shape, gs: Shape): string {
  const { stride, padding, dilation, groups } = attrs;
  const [n, c, ...size] = xs as [number, number, ...number[]];
  const spatial = size.map((_, i) => i + 2);
  const perGroup = c / groups;
  const grouped = b.reshape(x, [n, groups, perGroup, numel(size)]);
  const turned = b.reshape(b.transpose(grouped, [2, 1, 0, 3]), [perGroup, groups * n, ...size]);
  const after = overhang(xs, gs, attrs);
  const image = crop(b, turned, [0, 0, ...after.map((p) => Math.min(0, p))]);
  const y = b.node('Conv', [image, b.transpose(g, [1, 0, ...spatial])], {
    kernel_shape: gs.slice(2),
    strides: dilation,
    dilations: stride,
    pads: [...padding, ...after.map((p) => Math.max(0, p))],
    group: groups,
  });
  return b.transpose(y, [1, 0, ...spatial]);
}
