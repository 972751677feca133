/** How the gradient of a convolution with respect to its weight is written for ORT. What else was measured: `docs/kernels.md`. */

import { type GraphBuilder, MICROSOFT } from '../onnx/builder.ts';
import { numel, type Shape } from '../tensor/shape.ts';
import type { ConvAttrs } from './conv-geometry.ts';

export interface WeightAttrs extends ConvAttrs {
  readonly kernel: readonly number[];
}

/** The form that is fastest for these sizes: x [N, C, *] and g [N, K, *] to [K, C/groups, *kernel]. */
export function lowerWeight(b: GraphBuilder, x: string, g: string, attrs: WeightAttrs, xs: Shape, gs: Shape): string {
  const { stride, padding, dilation, groups, kernel } = attrs;
  if (groups === 1 && kernel.every((k) => k === 1) && padding.every((p) => p === 0)) {
    return pointwise(b, x, g, attrs, xs, gs);
  }
  if (groups === 1 && kernel.length === 2 && xs[1]! <= 4 && numel(kernel) <= 9 && numel(gs) >= 1 << 18) {
    return fewChannels(b, x, g, attrs, xs, gs);
  }
  if (groups === 1 && dilation.every((d) => d === 1)) return merged(b, x, g, attrs, xs, gs);
  // ORT convolves in up to three dimensions
  if (groups === 1 && kernel.length < 3) return channelsLast(b, x, g, attrs, xs, gs);
  const large = stride.every((s) => s === 1) && numel(kernel) <= 64 && numel(xs) >= 1 << 18;
  return (large ? perTap : swapped)(b, x, g, attrs, xs, gs);
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
  const ends = stride.map((s, i) => (gs[i + 2]! - 1) * s + 1);
  const strided = stride.every((s, i) => s === 1 && ends[i] === size[i])
    ? x
    : b.node('Slice', [x, b.ints(size.map(() => 0)), b.ints(ends), b.ints(axes), b.ints(stride)]);
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

/** For each tap the part of the input that it meets the gradient's places in. */
function tapSlices(b: GraphBuilder, x: string, attrs: WeightAttrs, xs: Shape, gs: Shape): string[] {
  const { stride, padding, dilation, kernel } = attrs;
  const out = gs.slice(2);
  const after = overhang(xs, gs, attrs).map((p) => Math.max(0, p));
  const padded = [...padding, ...after].some((p) => p > 0)
    ? b.node('Pad', [x, b.ints([0, 0, ...padding, 0, 0, ...after])])
    : x;
  const axes = b.ints(kernel.map((_, i) => i + 2));
  const places = kernel.reduce<number[][]>(
    (found, k) => found.flatMap((tap) => Array.from({ length: k }, (_, i) => [...tap, i])),
    [[]],
  );
  return places.map((tap) => {
    const start = tap.map((k, i) => k * dilation[i]!);
    const end = start.map((s, i) => s + (out[i]! - 1) * stride[i]! + 1);
    return b.node('Slice', [padded, b.ints(start), b.ints(end), axes, b.ints(stride)]);
  });
}

/** Few channels (a first layer): the taps as slices side by side, one product per image, summed. */
function fewChannels(b: GraphBuilder, x: string, g: string, attrs: WeightAttrs, xs: Shape, gs: Shape): string {
  const [n, c] = xs as [number, number];
  const k = gs[1]!;
  const taps = tapSlices(b, x, attrs, xs, gs);
  const pixels = numel(gs.slice(2));
  const columns = b.reshape(b.node('Concat', taps, { axis: 1 }), [n, taps.length * c, pixels]);
  const each = b.node('FusedMatMul', [b.reshape(g, [n, k, pixels]), columns], { transB: 1 }, MICROSOFT);
  const summed = b.node('ReduceSum', [each, b.ints([0])], { keepdims: 0 });
  return b.transpose(b.reshape(summed, [k, ...attrs.kernel, c]), [0, 3, 1, 2]);
}

/** Many places, groups or dilation: for each tap one product per image and group, summed. */
function perTap(b: GraphBuilder, x: string, g: string, attrs: WeightAttrs, xs: Shape, gs: Shape): string {
  const { groups, kernel } = attrs;
  const [n, c] = xs as [number, number];
  const [k, pixels] = [gs[1]!, numel(gs.slice(2))];
  const grouped = b.reshape(g, [n * groups, k / groups, pixels]);
  const parts = tapSlices(b, x, attrs, xs, gs).map((tap) => {
    const columns = b.reshape(tap, [n * groups, c / groups, pixels]);
    const each = b.node('FusedMatMul', [grouped, columns], { transB: 1 }, MICROSOFT);
    const rows = b.reshape(each, [n, (k * c) / groups]);
    return b.reshape(b.node('ReduceSum', [rows, b.ints([0])], { keepdims: 0 }), [k, c / groups, 1]);
  });
  return b.reshape(b.node('Concat', parts, { axis: 2 }), [k, c / groups, ...kernel]);
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

/** With dilation: the same with the channels as a further dimension, which stands still. */
function channelsLast(b: GraphBuilder, x: string, g: string, attrs: WeightAttrs, xs: Shape, gs: Shape): string {
  const { stride, padding, dilation, kernel } = attrs;
  const [n, c, ...size] = xs as [number, number, ...number[]];
  const spatial = size.map((_, i) => i + 2);
  const last = b.reshape(b.transpose(x, [0, ...spatial, 1]), [1, n, ...size, c]);
  const after = overhang(xs, gs, attrs);
  const image = crop(b, last, [0, 0, ...after.map((p) => Math.min(0, p)), 0]);
  const filter = b.reshape(b.transpose(g, [1, 0, ...spatial]), [gs[1]!, n, ...gs.slice(2), 1]);
  const y = b.node('Conv', [image, filter], {
    kernel_shape: [...gs.slice(2), 1],
    strides: [...dilation, 1],
    dilations: [...stride, 1],
    pads: [...padding, 0, ...after.map((p) => Math.max(0, p)), 0],
  });
  return b.transpose(b.reshape(y, [gs[1]!, ...kernel, c]), [0, size.length + 1, ...size.map((_, i) => i + 1)]);
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
