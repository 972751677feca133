/** Windows of images as columns, and back. */
import { blocks, fold as foldOp, unfold as unfoldOp, type Windows } from '../../ops/fold.ts';
import { isFloat } from '../../tensor/dtype.ts';
import { numel, showShape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { ArgError, ShapeError } from '../../util/errors.ts';
import { python } from '../../util/python.ts';
import { tuple } from '../args.ts';
import type { Size } from './shared.ts';

export interface UnfoldOptions {
  readonly kernel_size: Size;
  readonly dilation?: Size | undefined;
  readonly padding?: Size | undefined;
  readonly stride?: Size | undefined;
}
export interface FoldOptions extends UnfoldOptions {
  readonly output_size: Size;
}
type Pair = [number, number];

function pair(who: string, name: string, value: Size, least: number): Pair {
  const both = tuple(value, 2);
  if (both.length !== 2) throw new ArgError(`${who}: It is expected ${name} equals to 2, but got size ${both.length}`);
  if (!both.every((v) => Number.isInteger(v) && v >= least)) {
    const wanted = least === 0 ? 'non-negative' : 'greater than zero';
    throw new ArgError(`${who}: ${name} should be ${wanted}, but got height: ${both[0]} width: ${both[1]}`);
  }
  return both as Pair;
}

function windowsOf(who: string, image: Pair, options: UnfoldOptions): Windows {
  const { kernel_size, dilation = 1, padding = 0, stride = 1 } = options;
  return {
    image,
    kernel: pair(who, 'kernel_size', kernel_size, 1),
    dilation: pair(who, 'dilation', dilation, 1),
    padding: pair(who, 'padding', padding, 0),
    stride: pair(who, 'stride', stride, 1),
  };
}

function settings({ kernel, dilation, padding }: Windows): string {
  return `kernel_size=${python(kernel)}, dilation=${python(dilation)}, padding=${python(padding)}`;
}

function checkInput(who: string, x: Tensor, ranks: readonly [number, number]): void {
  if (!isFloat(x.dtype)) throw new ArgError(`${who}: expected a floating point input, got ${x.dtype}`);
  const [unbatched, batched] = ranks;
  const inner = x.shape.slice(x.ndim === batched ? 1 : 0);
  if ((x.ndim === unbatched || x.ndim === batched) && !inner.includes(0)) return;
  throw new ShapeError(
    `${who}: Expected ${unbatched}D or ${batched}D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, but got: ${showShape(x.shape)}`,
  );
}

/**
 * Windows of x [N, C, H, W] (or [C, H, W]) as the columns of [N, C·∏kernel_size, L].
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.unfold.html
 */
export function unfold(x: Tensor, options: UnfoldOptions): Tensor {
  checkInput('unfold', x, [3, 4]);
  if (x.ndim === 3) return unfold(x.unsqueeze(0), options).squeeze(0);
  const attrs = windowsOf('unfold', x.shape.slice(2) as Pair, options);
  const counts = blocks(attrs);
  if (counts.some((n) => n < 1)) {
    throw new ShapeError(
      `unfold: Given input with spatial size ${python(attrs.image)}, ${settings(attrs)}, calculated shape of the array of sliding blocks as ${python(counts)}, but its components must be at least one.`,
    );
  }
  return unfoldOp(x, attrs);
}

/**
 * Columns [N, C·∏kernel_size, L] (or without N) added up to [N, C, *output_size]; what `unfold` is transposed.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.fold.html
 */
export function fold(x: Tensor, options: FoldOptions): Tensor {
  checkInput('fold', x, [2, 3]);
  if (x.ndim === 2) return fold(x.unsqueeze(0), options).squeeze(0);
  const attrs = windowsOf('fold', pair('fold', 'output_size', options.output_size, 1), options);
  const [, channels, length] = x.shape as [number, number, number];
  if (channels % numel(attrs.kernel) !== 0) {
    throw new ShapeError(
      `fold: Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got input.size(1)=${channels} and kernel_size=${python(attrs.kernel)}.`,
    );
  }
  const [rows, columns] = blocks(attrs);
  if (rows < 1 || columns < 1 || rows * columns !== length) {
    throw new ShapeError(
      `fold: Given output_size=${python(attrs.image)}, ${settings(attrs)}, stride=${python(attrs.stride)}, expected size of input's dimension 2 to match the calculated number of sliding blocks ${rows} * ${columns} = ${rows * columns}, but got input.size(2)=${length}.`,
    );
  }
  return foldOp(x, attrs);
}
