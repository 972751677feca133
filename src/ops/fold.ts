/** Windows of an image as columns, and columns added up to an image; each is the other's gradient. */
import { constant, literal } from '../tensor/constant.ts';
import type { Op } from '../tensor/op.ts';
import { numel } from '../tensor/shape.ts';
import { apply, type Tensor } from '../tensor/tensor.ts';
import { constantPad } from './movement.ts';

/** All of two numbers, for height and width. */
export interface Windows {
  readonly image: readonly [number, number];
  readonly kernel: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly stride: readonly [number, number];
}

/** Number of windows along each dimension. */
export function blocks({ image, kernel, dilation, padding, stride }: Windows): [number, number] {
  const along = (i: 0 | 1) =>
    Math.floor((image[i] + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1) / stride[i]) + 1;
  return [along(0), along(1)];
}

/** Where the k-th element of each window lies in the padded image: [kernel, windows] numbers. */
function placesAlong(i: 0 | 1, attrs: Windows): number[] {
  const [count, { kernel, dilation, stride }] = [blocks(attrs)[i], attrs];
  return Array.from({ length: kernel[i] * count }, (_, n) => {
    const [k, window] = [Math.floor(n / count), n % count];
    return k * dilation[i] + window * stride[i];
  });
}

const unfoldOp: Op<Windows> = {
  name: 'unfold',
  infer: ([x], attrs) => ({
    shape: [x!.shape[0]!, x!.shape[1]! * numel(attrs.kernel), numel(blocks(attrs))],
    dtype: x!.dtype,
  }),
  grad: (g, _y, _in, attrs) => [fold(g, attrs)],
  // columns by slices, rows by gathering whole ones: ORT gathers single elements some five times slower
  lower: (b, [x], attrs, [out], [aval]) => {
    const [n, c] = aval!.shape as [number, number];
    const { kernel, dilation, padding, stride } = attrs;
    const [rows, columns] = blocks(attrs);
    const [top, left] = padding;
    const around = top === 0 && left === 0 ? x! : b.node('Pad', [x!, b.ints([0, 0, top, left, 0, 0, top, left])]);
    const slices = Array.from({ length: kernel[1] }, (_, k) => {
      const start = k * dilation[1];
      const range = [start, start + (columns - 1) * stride[1] + 1, 3, stride[1]].map((v) => b.ints([v]));
      return b.node('Unsqueeze', [b.node('Slice', [around, ...range]), b.ints([2])]);
    });
    const joined = slices.length === 1 ? slices[0]! : b.node('Concat', slices, { axis: 2 });
    const index = b.reshape(b.ints(placesAlong(0, attrs)), [kernel[0], rows]);
    const windows = b.node('Gather', [joined, index], { axis: 3 });
    return b.reshape(b.transpose(windows, [0, 1, 3, 2, 4, 5]), [n, c * numel(kernel), out!.shape[2]!]);
  },
};
/** x [N, C, H, W] to [N, C·kh·kw, L]: the windows as columns. */
export function unfold(x: Tensor, attrs: Windows): Tensor {
  return apply(unfoldOp, [x], attrs);
}

const foldOp: Op<Windows> = {
  name: 'fold',
  infer: ([x], { image, kernel }) => ({
    shape: [x!.shape[0]!, x!.shape[1]! / numel(kernel), ...image],
    dtype: x!.dtype,
  }),
  grad: (g, _y, _in, attrs) => [unfold(g, attrs)],
  lower: (b, [x], { image, kernel, dilation, padding, stride }) =>
    b.node('Col2Im', [x!, b.ints(image), b.ints(kernel)], {
      dilations: dilation,
      pads: [...padding, ...padding],
      strides: stride,
    }),
};
/** x [N, C·kh·kw, L] to [N, C, H, W]: the columns added where their windows are. */
export function fold(x: Tensor, attrs: Windows): Tensor {
  // ORT has it for float32 only
  return x.dtype === 'float32' ? apply(foldOp, [x], attrs) : foldByIndex(x, attrs);
}

function foldByIndex(x: Tensor, attrs: Windows): Tensor {
  const { image, kernel, padding } = attrs;
  const [n, c] = [x.shape[0]!, x.shape[1]! / numel(kernel)];
  const counts = blocks(attrs);
  const columns = x.reshape([n, c, ...kernel, ...counts]).permute([0, 1, 2, 4, 3, 5]);
  const along = (t: Tensor, i: 0 | 1, rest: readonly number[]) => {
    const index = literal(BigInt64Array.from(placesAlong(i, attrs), BigInt), {
      shape: [kernel[i], counts[i]],
      dtype: 'int64',
    });
    const size = image[i] + 2 * padding[i];
    const shape = [n, c, ...(i === 0 ? [size] : [image[0] + 2 * padding[0], size]), ...rest];
    return constant(0, { shape, dtype: x.dtype }).indexAdd(2 + i, index, t);
  };
  const padded = along(along(columns, 0, [kernel[1], counts[1]]), 1, []);
  const cut = [0, 0, ...padding.map((p) => -p)];
  return constantPad(padded, cut, cut);
}
