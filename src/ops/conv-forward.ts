/** How a convolution's forward pass is written for ORT. What else was measured: `docs/kernels.md`. */
import type { GraphBuilder } from '../onnx/builder.ts';
import { numel, type Shape } from '../tensor/shape.ts';
import { type ConvAttrs, onnxAttributes } from './conv-geometry.ts';

type Operands = readonly [x: string, w: string, bias?: string];

/** x [N, C, *], w [K, C/groups, *kernel] and a bias [K] or none to [N, K, *]. */
export function lowerForward(
  b: GraphBuilder,
  inputs: Operands,
  attrs: ConvAttrs,
  [xs, ws, ys]: readonly [Shape, Shape, Shape],
): string {
  if (isDeep(attrs, ws) && b.isConstant(inputs[1])) return byDepth(b, inputs, attrs, xs, ws, ys);
  return b.node('Conv', inputs as readonly string[], onnxAttributes(attrs, ws.slice(2)));
}

/** Three dimensions, with more to do for each number than to lay it out. */
function isDeep({ groups }: ConvAttrs, [outs, channels, taps, ...area]: Shape): boolean {
  return area.length === 2 && groups === 1 && channels! >= 4 && taps! > 1 && outs! * numel(area) >= 64;
}

/**
 * Three dimensions as two: what the taps in the depth see of x, side by side as channels. ORT is up to twice as fast at planes, and
 * with constant weights and channels in sixteens it computes them in its blocked layout.
 */
function byDepth(b: GraphBuilder, inputs: Operands, attrs: ConvAttrs, xs: Shape, ws: Shape, ys: Shape): string {
  const [x, w, ...bias] = inputs;
  const [n, c, , ...area] = xs as [number, number, number, ...number[]];
  const [k, , taps, ...kernel] = ws as [number, number, number, ...number[]];
  const [, , depth, ...out] = ys as [number, number, number, ...number[]];
  const [stride, padding, dilation] = [attrs.stride[0]!, attrs.padding[0]!, attrs.dilation[0]!];
  const slices = b.transpose(x, [0, 2, 1, 3, 4]);
  const padded = padding === 0 ? slices : b.node('Pad', [slices, b.ints([0, padding, 0, 0, 0, 0, padding, 0, 0, 0])]);
  const seen = Array.from({ length: depth * taps }, (_, i) => Math.floor(i / taps) * stride + (i % taps) * dilation);
  const planes = b.reshape(b.node('Gather', [padded, b.ints(seen)], { axis: 1 }), [n * depth, taps * c, ...area]);
  const weight = b.reshape(b.transpose(w, [0, 2, 1, 3, 4]), [k, taps * c, ...kernel]);
  const rest = (list: readonly number[]) => list.slice(1);
  const plane = { stride: rest(attrs.stride), padding: rest(attrs.padding), dilation: rest(attrs.dilation), groups: 1 };
  const y = b.node('Conv', [planes, weight, ...(bias as string[])], onnxAttributes(plane, kernel));
  const apart = b.transpose(b.reshape(y, [n, depth, k, numel(out)]), [0, 2, 1, 3]);
  return b.reshape(apart, ys, [n, k, depth, numel(out)]);
}
