/** Images sampled at the places of a grid. */
import { where } from '../../ops/compare.ts';
import { gatherPlaces } from '../../ops/places.ts';
import { literal } from '../../tensor/constant.ts';
import { allocate, isFloat, store } from '../../tensor/dtype.ts';
import { numel, type Shape, showShape, strides } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { ArgError, ShapeError } from '../../util/errors.ts';
import { show } from '../../util/python.ts';

export interface GridSampleOptions {
  readonly mode?: 'bilinear' | 'nearest' | 'bicubic' | undefined;
  readonly padding_mode?: 'zeros' | 'border' | 'reflection' | undefined;
  readonly align_corners?: boolean | null | undefined;
}

/** One element that a sample is made of, along one dimension: its offset in the image, and its share (0 outside). */
interface Tap {
  readonly offset: Tensor;
  readonly weight: Tensor;
}

/**
 * x [N, C, (D,) H, W] at the places of a grid [N, (D',) H', W', 2 or 3] of coordinates (x, y(, z)) from -1 to 1.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.grid_sample.html
 */
export function gridSample(x: Tensor, grid: Tensor, options: GridSampleOptions = {}): Tensor {
  const { mode = 'bilinear', padding_mode = 'zeros', align_corners } = options;
  checkGrid(x, grid, mode, padding_mode);
  const [n, c, ...sizes] = x.shape as [number, number, ...number[]];
  const [places, steps] = [numel(grid.shape.slice(1, -1)), strides(sizes)];
  const coordinates = grid.reshape([n, places, sizes.length]);
  const axes = sizes.map((size, d) => {
    const place = coordinates.select(2, sizes.length - 1 - d);
    const pixel = align_corners ? place.add(1).mul((size - 1) / 2) : place.add(1).mul(size).sub(1).div(2);
    const inside = (t: Tensor) => padded(t, size, padding_mode, align_corners ?? false);
    const taps =
      mode === 'nearest' ? nearest(inside(pixel)) : mode === 'bicubic' ? cubic(pixel, inside) : linear(inside(pixel));
    return taps.map(([at, weight]): Tap => {
      const exists = at.ge(0).logicalAnd(at.le(size - 1));
      const offset = where(exists, at, 0).to('int64').mul(steps[d]!);
      const known = exists.to(x.dtype);
      return { offset, weight: weight ? weight.mul(known) : known };
    });
  });
  const image = x.reshape([n, c, numel(sizes)]);
  const samples = combined(axes).map(({ offset, weight }) => gatherPlaces(image, offset).mul(weight.unsqueeze(1)));
  return samples.reduce((a, b) => a.add(b)).reshape([n, c, ...grid.shape.slice(1, -1)]);
}

/** Every choice of one tap from each dimension. */
function combined([first, ...rest]: readonly (readonly Tap[])[]): readonly Tap[] {
  return rest.reduce<readonly Tap[]>(
    (taps, axis) =>
      taps.flatMap((a) => axis.map((b) => ({ offset: a.offset.add(b.offset), weight: a.weight.mul(b.weight) }))),
    first!,
  );
}

/** Positions of the elements around a pixel coordinate, as floats, and their shares; null is all of it. */
type Taps = readonly (readonly [at: Tensor, weight: Tensor | null])[];

function nearest(pixel: Tensor): Taps {
  return [[pixel.detach().round(), null]];
}

function linear(pixel: Tensor): Taps {
  const first = pixel.detach().floor();
  const part = pixel.sub(first);
  return [
    [first, part.neg().add(1)],
    [first.add(1), part],
  ];
}

/** Keys' cubic convolution with a = -0.75; each of the four places is brought inside by itself. */
function cubic(pixel: Tensor, inside: (t: Tensor) => Tensor): Taps {
  const a = -0.75;
  const near = (t: Tensor) =>
    t
      .mul(a + 2)
      .sub(a + 3)
      .mul(t)
      .mul(t)
      .add(1);
  const far = (t: Tensor) =>
    t
      .mul(a)
      .sub(5 * a)
      .mul(t)
      .add(8 * a)
      .mul(t)
      .sub(4 * a);
  const first = pixel.detach().floor();
  const part = pixel.sub(first);
  const rest = part.neg().add(1);
  const weights = [far(part.add(1)), near(part), near(rest), far(rest.add(1))];
  return weights.map((weight, k) => [inside(first.add(k - 1)), weight]);
}

/** A coordinate brought inside. At the border and beyond the gradient is 0, as in PyTorch. */
function padded(pixel: Tensor, size: number, how: string, align_corners: boolean): Tensor {
  if (how === 'zeros') return pixel;
  const last = size - 1;
  const clipped = (t: Tensor) => where(t.gt(0), where(t.lt(last), t, last), 0);
  if (how === 'border') return clipped(pixel);
  const low = align_corners ? 0 : -0.5;
  const span = align_corners ? last : size;
  if (span === 0) return pixel.mul(0);
  const distance = pixel.sub(low).abs();
  const flips = distance.detach().div(span).floor();
  const rest = distance.sub(flips.mul(span));
  const odd = flips.sub(flips.div(2).floor().mul(2)).gt(0);
  return clipped(where(odd, rest.neg().add(span), rest).add(low));
}

function checkGrid(x: Tensor, grid: Tensor, mode: string, padding_mode: string): void {
  const sizes = `input with sizes ${showShape(x.shape)} and grid with sizes ${showShape(grid.shape)}`;
  const fail = (message: string) => {
    throw new ShapeError(`grid_sample: ${message}`);
  };
  if (!['bilinear', 'nearest', 'bicubic'].includes(mode)) {
    throw new ArgError(`grid_sample: expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: ${show(mode)}`);
  }
  if (!['zeros', 'border', 'reflection'].includes(padding_mode)) {
    throw new ArgError(
      `grid_sample: expected padding_mode to be 'zeros', 'border', or 'reflection', but got: ${show(padding_mode)}`,
    );
  }
  if (x.dtype !== grid.dtype || !isFloat(x.dtype)) {
    throw new ArgError(
      `grid_sample: expected input and grid to have the same floating point dtype, but got ${x.dtype} and ${grid.dtype}`,
    );
  }
  if ((x.ndim !== 4 && x.ndim !== 5) || grid.ndim !== x.ndim) {
    fail(`expected 4D or 5D input and grid with same number of dimensions, but got ${sizes}`);
  }
  if (x.shape[0] !== grid.shape[0]) fail(`expected grid and input to have same batch size, but got ${sizes}`);
  if (grid.shape.at(-1) !== x.ndim - 2) {
    fail(
      `expected grid to have size ${x.ndim - 2} in last dimension, but got grid with sizes ${showShape(grid.shape)}`,
    );
  }
  if (x.shape.slice(2).includes(0)) {
    fail(`expected input to have non-empty spatial dimensions, but input has sizes ${showShape(x.shape)}`);
  }
  if (mode === 'bicubic' && x.ndim === 5) fail('bicubic interpolation only supports 4D input');
}

/**
 * The grid [N, H, W, 2] or [N, D, H, W, 3] that affine maps theta [N, 2, 3] or [N, 3, 4] make of the places of a result of `size`
 * [N, C, (D,) H, W]. https://pytorch.org/docs/stable/generated/torch.nn.functional.affine_grid.html
 */
export function affineGrid(
  theta: Tensor,
  { size, align_corners }: { size: Shape; align_corners?: boolean | null | undefined },
): Tensor {
  const rank = size.length - 2;
  if (rank !== 2 && rank !== 3) {
    throw new ArgError(
      `affine_grid: affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. Got size ${showShape(size)}.`,
    );
  }
  if (!isFloat(theta.dtype)) {
    throw new ArgError(`affine_grid: Expected theta to have floating point type, but got ${theta.dtype}`);
  }
  if (theta.ndim !== 3 || theta.shape[0] !== size[0] || theta.shape[1] !== rank || theta.shape[2] !== rank + 1) {
    throw new ShapeError(
      `affine_grid: Expected a batch of ${rank}D affine matrices of shape Nx${rank}x${rank + 1} for size ${showShape(size)}. Got ${showShape(theta.shape)}.`,
    );
  }
  if (!size.every((d) => Number.isInteger(d) && d > 0)) {
    throw new ArgError(`affine_grid: Expected non-zero, positive output size. Got ${showShape(size)}`);
  }
  const ones = size.slice(2).map(() => 1);
  const column = (k: number) => theta.select(2, k).reshape([theta.shape[0]!, ...ones, rank]);
  const scaled = size.slice(2).map((n, d) => {
    const along = literal(places(theta, n, align_corners ?? false), {
      shape: [...ones.with(d, n), 1],
      dtype: theta.dtype,
    });
    return column(rank - 1 - d).mul(along);
  });
  // the last dimension first: sums stay small until the first one comes in
  return scaled.reduceRight((sum, term) => sum.add(term), column(rank));
}

/** The middles of n places between -1 and 1, or places from -1 to 1. */
function places({ dtype }: Tensor, n: number, align_corners: boolean) {
  const data = allocate(dtype, n);
  for (let i = 0; i < n; i++)
    store(data, dtype, i, n === 1 ? 0 : align_corners ? -1 + (2 * i) / (n - 1) : (2 * i + 1) / n - 1);
  return data;
}
