/**
 * How the gradient of a convolution with respect to its input, which is the forward pass of transposed convolution, is written for
 * ORT. What else was measured: `docs/kernels.md`.
 */
import type { GraphBuilder } from '../onnx/builder.ts';
import { numel, type Shape } from '../tensor/shape.ts';
import { type ConvAttrs, onnxAttributes, transposedSize } from './conv-geometry.ts';

export interface InputAttrs extends ConvAttrs {
  /** Spatial size of the result. */
  readonly size: readonly number[];
}

/** The form that is fastest for these sizes: g [N, K, *], w [K, C/groups, *kernel] and a bias [C] or none to [N, C, *size]. */
export function lowerInput(
  b: GraphBuilder,
  inputs: readonly [g: string, w: string, bias?: string],
  attrs: InputAttrs,
  gs: Shape,
  ws: Shape,
): string {
  if (flips(attrs, ws, gs[0]!)) return flippedConv(b, inputs, attrs, ws);
  const kernel = ws.slice(2);
  const least = transposedSize(gs.slice(2), kernel, attrs);
  return b.node('ConvTranspose', inputs as readonly string[], {
    ...onnxAttributes(attrs, kernel),
    output_padding: attrs.size.map((n, i) => n - least[i]!),
  });
}

/** Stride 1 and many channels: a plain convolution with flipped weights beats ORT's ConvTranspose. */
function flips({ stride, padding, dilation, groups, size }: InputAttrs, ws: Shape, batch: number): boolean {
  if (stride.some((s) => s !== 1) || ws.slice(2).some((k, i) => dilation[i]! * (k - 1) < padding[i]!)) return false;
  // 3-d transposed convolution is 15 times slower than anything else
  if (ws.length === 5) return true;
  return groups > 1 || (ws[1]! >= 16 && batch * ws[1]! * numel(size) >= 1 << 18);
}

function flippedConv(
  b: GraphBuilder,
  [g, w, ...bias]: readonly [g: string, w: string, bias?: string],
  attrs: InputAttrs,
  ws: Shape,
): string {
  const { groups, dilation, padding } = attrs;
  const [k, c, ...kernel] = ws as [number, number, ...number[]];
  const taps = numel(kernel);
  // [g, K/g, C/g, taps] -> [g, C/g, K/g, taps reversed]
  const grouped = b.transpose(b.reshape(w, [groups, k / groups, c, taps]), [0, 2, 1, 3]);
  const reversed = b.node('Gather', [grouped, b.ints([...Array(taps).keys()].reverse())], { axis: 3 });
  const pads = kernel.map((n, i) => (n - 1) * dilation[i]! - padding[i]!);
  return b.node('Conv', [g, b.reshape(reversed, [groups * c, k / groups, ...kernel]), ...(bias as string[])], {
    kernel_shape: kernel,
    strides: kernel.map(() => 1),
    pads: [...pads, ...pads],
    dilations: dilation,
    group: groups,
  });
}
