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

type Operands = readonly [g: string, w: string, bias?: string];

/** The form that is fastest for these sizes: g [N, K, *], w [K, C/groups, *kernel] and a bias [C] or none to [N, C, *size]. */
export function lowerInput(b: GraphBuilder, inputs: Operands, attrs: InputAttrs, gs: Shape, ws: Shape): string {
  if (ws.length === 5) return bySlices(b, inputs, attrs, gs, ws);
  if (flips(attrs, ws, gs[0]!)) return flipped(b, inputs, attrs, gs, ws);
  return ws.length === 3 ? asPlane(b, inputs, attrs, gs, ws) : direct(b, inputs, attrs, gs, ws);
}

/** How much larger the result is than the least size that the convolution makes `g` of. */
function excess(attrs: InputAttrs, gs: Shape, ws: Shape): number[] {
  const least = transposedSize(gs.slice(2), ws.slice(2), attrs);
  return attrs.size.map((n, i) => n - least[i]!);
}

function direct(b: GraphBuilder, [g, ...rest]: Operands, attrs: InputAttrs, gs: Shape, ws: Shape): string {
  const extra = excess(attrs, gs, ws);
  // ORT takes no output padding as large as the stride: zeros behind g make room for the rest
  const more = extra.map((n, i) => Math.floor(n / attrs.stride[i]!));
  const roomy = more.some((n) => n > 0) ? b.node('Pad', [g, b.ints([0, 0, ...more.map(() => 0), 0, 0, ...more])]) : g;
  return b.node('ConvTranspose', [roomy, ...(rest as string[])], {
    ...onnxAttributes(attrs, ws.slice(2)),
    output_padding: extra.map((n, i) => n % attrs.stride[i]!),
  });
}

/** One dimension as a plane one row high: ORT's transposed convolution of planes is 3 times faster than that of lines. */
function asPlane(b: GraphBuilder, [g, w, ...bias]: Operands, attrs: InputAttrs, gs: Shape, ws: Shape): string {
  const flat = ([n, c, l]: Shape) => [n!, c!, 1, l!];
  const wide = {
    stride: [1, ...attrs.stride],
    padding: [0, ...attrs.padding],
    dilation: [1, ...attrs.dilation],
    groups: attrs.groups,
    size: [1, ...attrs.size],
  };
  const operands = [b.reshape(g, flat(gs)), b.reshape(w, flat(ws)), ...bias] as unknown as Operands;
  const shape = [gs[0]!, ws[1]! * attrs.groups, ...attrs.size];
  return b.reshape(direct(b, operands, wide, flat(gs), flat(ws)), shape, flat(shape));
}

/** Stride 1 and many channels: a plain convolution with flipped weights beats ORT's ConvTranspose. */
function flips({ stride, padding, dilation, groups, size }: InputAttrs, ws: Shape, batch: number): boolean {
  if (stride.some((s) => s !== 1) || ws.slice(2).some((k, i) => dilation[i]! * (k - 1) < padding[i]!)) return false;
  return groups > 1 || (ws[1]! >= 16 && batch * ws[1]! * numel(size) >= 1 << 18);
}

function flipped(b: GraphBuilder, [g, w, ...bias]: Operands, attrs: InputAttrs, gs: Shape, ws: Shape): string {
  const { groups, dilation, padding } = attrs;
  const [k, c, ...kernel] = ws as [number, number, ...number[]];
  const taps = numel(kernel);
  // [g, K/g, C/g, taps] -> [g, C/g, K/g, taps reversed]
  const grouped = b.transpose(b.reshape(w, [groups, k / groups, c, taps]), [0, 2, 1, 3]);
  const reversed = b.node('Gather', [grouped, b.ints([...Array(taps).keys()].reverse())], { axis: 3 });
  const pads = kernel.map((n, i) => (n - 1) * dilation[i]! - padding[i]!);
  const extra = excess(attrs, gs, ws);
  return b.node('Conv', [g, b.reshape(reversed, [groups * c, k / groups, ...kernel]), ...(bias as string[])], {
    kernel_shape: kernel,
    strides: kernel.map(() => 1),
    pads: [...pads, ...pads.map((p, i) => p + extra[i]!)],
    dilations: dilation,
    group: groups,
  });
}

/**
 * Three dimensions: each slice of g transposed in two, for every tap in the depth at once, and these added up where they overlap.
 * ORT's 3-d transposed convolution is 4 to 6 times slower, a 3-d convolution with flipped weights 2 times.
 */
function bySlices(b: GraphBuilder, [g, w, bias]: Operands, attrs: InputAttrs, gs: Shape, ws: Shape): string {
  const { groups, size } = attrs;
  const [n, k, depth, ...area] = gs as [number, number, number, ...number[]];
  const c = ws[1]! * groups;
  const slices = b.reshape(b.transpose(b.reshape(g, [n, k, depth, numel(area)]), [0, 2, 1, 3]), [
    n * depth,
    k,
    ...area,
  ]);
  const [weight, taps] = depthFirst(b, w, attrs, ws);
  const rest = (list: readonly number[]) => list.slice(1);
  const plane = {
    stride: rest(attrs.stride),
    padding: rest(attrs.padding),
    dilation: rest(attrs.dilation),
    groups,
    size: rest(size),
  };
  const y = lowerInput(b, [slices, weight], plane, [n * depth, k, ...area], [k, taps * ws[1]!, ...ws.slice(3)]);
  const pixels = numel(plane.size);
  const apart = b.reshape(y, [n, depth, groups, taps, ws[1]! * pixels]);
  const each = groups === 1 ? apart : b.transpose(apart, [0, 1, 3, 2, 4]);
  const summed = overlapped(b, each, [n, depth, taps, c * pixels], attrs);
  const z = b.reshape(b.transpose(b.reshape(summed, [n, size[0]!, c, pixels]), [0, 2, 1, 3]), [n, c, ...size]);
  return bias === undefined ? z : b.node('Add', [z, b.reshape(bias, [c, 1, 1, 1])]);
}

/** Weights [K, C/g, kd, kh, kw] as [K, taps · C/g, kh, kw]; with the zeros of a dilation, taps a multiple of the stride. */
function depthFirst(
  b: GraphBuilder,
  w: string,
  { stride, dilation }: InputAttrs,
  ws: Shape,
): [w: string, taps: number] {
  const [k, c, depth, ...area] = ws as [number, number, number, ...number[]];
  const rest = c * numel(area);
  const [step, gap] = [stride[0]!, dilation[0]!];
  const taps = Math.ceil((gap * (depth - 1) + 1) / step) * step;
  const turned = b.transpose(b.reshape(w, [k, c, depth, numel(area)]), [0, 2, 1, 3]);
  let spread = b.reshape(turned, [k, depth, rest]);
  if (gap > 1) {
    const gaps = b.node('Pad', [b.reshape(turned, [k, depth, 1, rest]), b.ints([0, 0, 0, 0, 0, 0, gap - 1, 0])]);
    spread = b.reshape(gaps, [k, depth * gap, rest]);
  }
  const more = taps - depth * gap;
  const exact = more === 0 ? spread : b.node('Pad', [spread, b.ints([0, 0, 0, 0, more, 0])]);
  return [b.reshape(exact, [k, taps * c, ...area]), taps];
}

/** y [N, D, taps, P], of which tap t of slice d belongs at depth d · stride + t - padding: added up, [N, size, P]. */
function overlapped(b: GraphBuilder, y: string, shape: Shape, { stride, padding, size }: InputAttrs): string {
  const [n, depth, taps, rest] = shape as [number, number, number, number];
  const [step, before, out] = [stride[0]!, padding[0]!, size[0]!];
  const turns = taps / step;
  const slices = depth + turns - 1;
  const rows = b.reshape(y, [n, depth, turns, step * rest]);
  const padded = turns === 1 ? rows : b.node('Pad', [rows, b.ints([0, turns - 1, 0, 0, 0, turns - 1, 0, 0])]);
  const terms = Array.from({ length: turns }, (_, t) =>
    turns === 1
      ? padded
      : b.node('Slice', [padded, b.ints([turns - 1 - t, t]), b.ints([turns - 1 - t + slices, t + 1]), b.ints([1, 2])]),
  );
  const summed = b.reshape(
    terms.reduce((a, term) => b.node('Add', [a, term])),
    [n, slices * step, rest],
  );
  const after = before + out - slices * step;
  return before === 0 && after === 0 ? summed : b.node('Pad', [summed, b.ints([0, -before, 0, 0, after, 0])]);
}
