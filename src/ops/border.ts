/** Padding with what is inside: mirrored, repeated, or taken from the other end. */
import type { Op } from '../tensor/op.ts';
import { numel } from '../tensor/shape.ts';
import { apply, type Tensor } from '../tensor/tensor.ts';
import { constantPad } from './movement.ts';

export type Border = 'reflect' | 'replicate' | 'circular';

interface BorderAttrs {
  /** Per dimension, none negative; at most the dimension's size, and one less for `reflect`. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly how: Border;
}

const onnxModes = { reflect: 'reflect', replicate: 'edge', circular: 'wrap' };

const borderOp: Op<BorderAttrs> = {
  name: 'border_pad',
  infer: ([x], { before, after }) => ({
    shape: x!.shape.map((d, i) => d + before[i]! + after[i]!),
    dtype: x!.dtype,
  }),
  grad: (g, _y, [x], { before, after, how }) => [
    x!.shape.reduce((t, n, dim) => addedBack(t, { dim, n, before: before[dim]!, after: after[dim]!, how }), g),
  ],
  // ORT cannot wrap what is empty
  lower: (b, [x], { before, after, how }, [out]) =>
    b.node('Pad', [x!, b.ints([...before, ...after])], {
      mode: numel(out!.shape) === 0 ? 'constant' : onnxModes[how],
    }),
};
export function borderPad(x: Tensor, attrs: BorderAttrs): Tensor {
  return [...attrs.before, ...attrs.after].every((p) => p === 0) ? x : apply(borderOp, [x], attrs);
}

interface Side {
  readonly dim: number;
  /** Size of the dimension before padding. */
  readonly n: number;
  readonly before: number;
  readonly after: number;
  readonly how: Border;
}

/** The padding of one dimension added to the places it was read from. Slices and sums: ORT scatters many times slower. */
function addedBack(g: Tensor, { dim, n, before, after, how }: Side): Tensor {
  const core = g.narrow(dim, before, n);
  /** One end's padding: where it was read, and what of it belongs there. */
  const back = (start: number, length: number, first: number): Tensor | null => {
    if (length === 0) return null;
    const edge = g.narrow(dim, start, length);
    const sum = how === 'reflect' ? edge.flip(dim) : how === 'replicate' ? edge.sum({ dim, keepdim: true }) : edge;
    const at = (size: number) => g.shape.map((_, i) => (i === dim ? size : 0));
    return constantPad(sum, at(first), at(n - first - sum.shape[dim]!));
  };
  const first = { reflect: 1, replicate: 0, circular: n - before }[how];
  const last = { reflect: n - 1 - after, replicate: n - 1, circular: 0 }[how];
  return [back(0, before, first), back(before + n, after, last)].reduce<Tensor>((t, b) => (b ? t.add(b) : t), core);
}
