/**
 * How the gradient of a convolution with respect to its input, which is the forward pass of transposed convolution, is written for
 * ORT. What else was measured: `docs/kernels.md`.
 */
import type { GraphBuilder } from '../onnx/builder.ts';
import { numel, type Shape } from '../tensor/shape.ts';
import { byPhases, excess, flipped, flips, hasPhases, type InputAttrs, type Operands } from './conv-flipped.ts';
import { onnxAttributes } from './conv-geometry.ts';

export type { InputAttrs } from './conv-flipped.ts';

/** The form that is fastest for these sizes: g [N, K, *], w [K, C/groups, *kernel] and a bias [C] or none to [N, C, *size]. */
export function lowerInput(b: GraphBuilder, inputs: Operands, attrs: InputAttrs, gs: Shape, ws: Shape): string {
  return lowerFor(b, inputs, attrs, gs, ws, b.isConstant(inputs[1]));
}

/** How it is written; `frozen`: the weights are constants. */
type Form = (b: GraphBuilder, inputs: Operands, attrs: InputAttrs, gs: Shape, ws: Shape, frozen: boolean) => string;

const lowerFor: Form = (b, inputs, attrs, gs, ws, frozen) => {
  if (ws.length === 5) {
    return (hasWindows(attrs, gs, ws, frozen) ? byWindows : bySlices)(b, inputs, attrs, gs, ws, frozen);
  }
  if (flips(attrs, ws, gs[0]!)) return flipped(b, inputs, attrs, gs, ws);
  if (ws.length === 3) return asPlane(b, inputs, attrs, gs, ws, frozen);
  return (frozen && hasPhases(attrs, gs, ws) ? byPhases : direct)(b, inputs, attrs, gs, ws);
};

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
const asPlane: Form = (b, [g, w, ...bias], attrs, gs, ws, frozen) => {
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
  return b.reshape(lowerFor(b, operands, wide, flat(gs), flat(ws), frozen), shape, flat(shape));
};

/**
 * Three dimensions: each slice of g transposed in two, for every tap in the depth at once, and these added up where they overlap.
 * ORT's 3-d transposed convolution is 4 to 6 times slower, a 3-d convolution with flipped weights 2 times.
 */
const bySlices: Form = (b, [g, w, bias], attrs, gs, ws, frozen) => {
  const { groups, size } = attrs;
  const [n, k, depth, ...area] = gs as [number, number, number, ...number[]];
  const c = ws[1]! * groups;
  const slices = b.reshape(slicesOf(b, g, gs), [n * depth, k, ...area]);
  const [weight, taps] = depthFirst(b, w, attrs, ws);
  const plane = withoutDepth(attrs);
  const shapes = [
    [n * depth, k, ...area],
    [k, taps * ws[1]!, ...ws.slice(3)],
  ] as const;
  const y = lowerFor(b, [slices, weight], plane, ...shapes, frozen);
  const pixels = numel(plane.size);
  const apart = b.reshape(y, [n, depth, groups, taps, ws[1]! * pixels]);
  const each = groups === 1 ? apart : b.transpose(apart, [0, 1, 3, 2, 4]);
  const summed = overlapped(b, each, [n, depth, taps, c * pixels], attrs);
  const z = b.reshape(slicesOf(b, summed, [n, size[0]!, c, pixels]), [n, c, ...size]);
  return bias === undefined ? z : b.node('Add', [z, b.reshape(bias, [c, 1, 1, 1])]);
};

/** x [N, C, D, *] as [N, D, C, pixels]. */
function slicesOf(b: GraphBuilder, x: string, [n, c, depth, ...area]: Shape): string {
  return b.transpose(b.reshape(x, [n!, c!, depth!, numel(area)]), [0, 2, 1, 3]);
}

function withoutDepth({ stride, padding, dilation, groups, size }: InputAttrs): InputAttrs {
  const rest = (list: readonly number[]) => list.slice(1);
  return { stride: rest(stride), padding: rest(padding), dilation: rest(dilation), groups, size: rest(size) };
}

/** Three dimensions whose planes are faster with more channels going in than coming out. */
function hasWindows(attrs: InputAttrs, gs: Shape, ws: Shape, frozen: boolean): boolean {
  const { stride, dilation, groups } = attrs;
  const [k, c, taps, ...kernel] = ws as [number, number, number, ...number[]];
  if (groups !== 1 || dilation[0] !== 1) return false;
  const inBlocks = frozen && (stride[0]! * c) % 16 === 0 && k % 16 === 0;
  return inBlocks || !flips(withoutDepth(attrs), [k, taps * c, ...kernel], gs[0]! * gs[2]!);
}

/**
 * Three dimensions: the slices of g that meet at a depth side by side as channels, and the `stride` depths that they give side by side
 * as channels too. Less is moved than in `bySlices`, since nothing is added up.
 */
const byWindows: Form = (b, [g, w, ...bias], attrs, gs, ws, frozen) => {
  const [n, k, depth, ...area] = gs as [number, number, number, ...number[]];
  const c = ws[1]!;
  const [step, before, out] = [attrs.stride[0]!, attrs.padding[0]!, attrs.size[0]!];
  const [weight, taps] = depthFirst(b, w, attrs, ws);
  const turns = taps / step;
  // depth q · step + f - padding is made of the slices q - j with tap j · step + f
  const first = Math.floor(before / step);
  const count = Math.floor((out - 1 + before) / step) - first + 1;
  const front = Math.max(0, turns - 1 - first);
  const behind = Math.max(0, first + count - depth);
  const padded = b.node('Pad', [slicesOf(b, g, gs), b.ints([0, front, 0, 0, 0, behind, 0, 0])]);
  const met = Array.from({ length: count * turns }, (_, i) => front + first + Math.floor(i / turns) - (i % turns));
  const planes = b.reshape(b.node('Gather', [padded, b.ints(met)], { axis: 1 }), [n * count, turns * k, ...area]);
  const kernel = numel(ws.slice(3));
  const byTurn = b.transpose(b.reshape(weight, [k, turns, step * c * kernel]), [1, 0, 2]);
  const inputs = [
    planes,
    b.reshape(byTurn, [turns * k, step * c, ...ws.slice(3)]),
    ...bias.map((each) => b.node('Concat', Array<string>(step).fill(each!), { axis: 0 })),
  ] as unknown as Operands;
  const shapes = [
    [n * count, turns * k, ...area],
    [turns * k, step * c, ...ws.slice(3)],
  ] as const;
  const plane = withoutDepth(attrs);
  const y = lowerFor(b, inputs, plane, ...shapes, frozen);
  const size = numel(plane.size);
  const start = before - first * step;
  const all = b.reshape(y, [n, count * step, c, size]);
  const cut = b.node('Slice', [all, b.ints([start]), b.ints([start + out]), b.ints([1])]);
  return b.reshape(slicesOf(b, cut, [n, out, c, size]), [n, c, ...attrs.size]);
};

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
