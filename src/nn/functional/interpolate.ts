/** Resizing of images, signals and volumes. */
import { expectRoom } from '../../ops/limits.ts';
import { repeatElements, resample } from '../../ops/resample.ts';
import { type Kind, type Resampling, rowsOf } from '../../ops/resample-rows.ts';
import { isFloat } from '../../tensor/dtype.ts';
import { showShape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { ArgError, ShapeError } from '../../util/errors.ts';
import { show } from '../../util/python.ts';
import type { Size } from './shared.ts';

/** For each mode: how a dimension is resampled, and the number of spatial dimensions it is for (0: any). */
const modes = {
  nearest: { kind: 'nearest', rank: 0 },
  'nearest-exact': { kind: 'nearest-exact', rank: 0 },
  area: { kind: 'area', rank: 0 },
  linear: { kind: 'linear', rank: 1 },
  bilinear: { kind: 'linear', rank: 2 },
  trilinear: { kind: 'linear', rank: 3 },
  bicubic: { kind: 'cubic', rank: 2 },
  lanczos: { kind: 'lanczos', rank: 2 },
} as const;
export type InterpolateMode = keyof typeof modes;
export const interpolateModes = Object.keys(modes) as [InterpolateMode, ...InterpolateMode[]];

export interface InterpolateOptions {
  /** The spatial sizes wanted; or `scale_factor`. */
  readonly size?: Size | null | undefined;
  readonly scale_factor?: Size | null | undefined;
  readonly mode?: InterpolateMode | undefined;
  readonly align_corners?: boolean | null | undefined;
  readonly recompute_scale_factor?: boolean | null | undefined;
  readonly antialias?: boolean | undefined;
}

/**
 * x [N, C, *] with its one to three spatial dimensions resized, to `size` or by `scale_factor`. Modes nearest, nearest-exact, linear,
 * bilinear, trilinear, bicubic, lanczos, area. https://pytorch.org/docs/stable/generated/torch.nn.functional.interpolate.html
 */
export function interpolate(x: Tensor, options: InterpolateOptions = {}): Tensor {
  const { mode = 'nearest', align_corners, antialias = false } = options;
  checkOptions(options);
  const { sizes, scales } = sizesOf(x, options);
  const kind = kindFor(x, mode, antialias, align_corners ?? false);
  if (sizes.some((n) => n < 1) || x.shape.slice(1).some((n) => n < 1)) {
    throw new ShapeError(
      `interpolate: Input and output sizes should be greater than 0, but got input ${showShape(x.shape.slice(2))} output ${showShape(sizes)}`,
    );
  }
  expectRoom('interpolate', [...x.shape.slice(0, 2), ...sizes]);
  const dims = sizes.map((to, i): Resampling => {
    const from = x.shape[i + 2]!;
    return { kind, from, to, align_corners: align_corners ?? false, scale: scales?.[i] ?? null };
  });
  const factors = wholeFactors(dims, x.dtype === 'float64');
  if (factors) return repeatElements(x, [1, 1, ...factors]);
  // what shrinks goes first, what grows last, and the last dimension, the slowest, while there is least of it
  const order = [...dims.keys()].filter((i) => dims[i]!.to <= dims[i]!.from);
  order.push(...[...dims.keys()].filter((i) => dims[i]!.to > dims[i]!.from).reverse());
  return order.reduce((t, i) => {
    const how = dims[i]!;
    return how.from === how.to && how.scale === null ? t : resample(t, i + 2, how);
  }, x);
}

function checkOptions({ size, scale_factor, mode = 'nearest', align_corners, ...rest }: InterpolateOptions): void {
  const fail = (message: string) => {
    throw new ArgError(`interpolate: ${message}`);
  };
  if (!Object.hasOwn(modes, mode)) fail(`expected mode ${interpolateModes.join(' | ')}, got ${show(mode)}`);
  if (modes[mode].rank === 0 && (align_corners ?? null) !== null) {
    fail('align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | trilinear');
  }
  const [hasSize, hasScale] = [(size ?? null) !== null, (scale_factor ?? null) !== null];
  if (hasSize && hasScale) fail('only one of size or scale_factor should be defined');
  if (!hasSize && !hasScale) fail('either size or scale_factor should be defined');
  if (hasSize && rest.recompute_scale_factor) fail('recompute_scale_factor is not meaningful with an explicit size');
  const numbers = [size ?? scale_factor].flat() as number[];
  if (hasSize && !numbers.every(Number.isInteger)) fail(`expected size to be one or more integers, got ${show(size)}`);
  if (hasScale && !numbers.every((s) => s > 0 && Number.isFinite(s))) {
    fail(`expected scale_factor to be one or more positive numbers, got ${show(scale_factor)}`);
  }
}

/** The spatial sizes of the result, and the factors where those are what is computed with. */
function sizesOf(x: Tensor, { size, scale_factor, mode, recompute_scale_factor }: InterpolateOptions) {
  if (x.ndim < 3 || x.ndim > 5) {
    throw new ShapeError(
      `interpolate: Input Error: Only 3D, 4D and 5D input Tensors supported (got ${x.ndim}D) for the modes: ${interpolateModes.join(' | ')}`,
    );
  }
  const spatial = x.shape.slice(2);
  const given = size ?? scale_factor!;
  if (typeof given !== 'number' && given.length !== spatial.length) {
    throw new ShapeError(
      `interpolate: Input and ${size ? 'output' : 'scale_factor'} must have the same number of spatial dimensions, but got input with spatial dimensions of ${showShape(spatial)} and ${size ? 'output size of' : 'scale_factor of'} ${show(given)}`,
    );
  }
  const each = spatial.map((_, i) => (typeof given === 'number' ? given : given[i]!));
  if ((size ?? null) !== null) return { sizes: each, scales: null };
  const recomputed = recompute_scale_factor || mode === 'area';
  // PyTorch rounds the product to float32, but not where it computes the factor anew
  const sizes = each.map((s, i) => Math.trunc(recomputed ? spatial[i]! * s : Math.fround(spatial[i]! * s)));
  return { sizes, scales: recomputed ? null : each };
}

function kindFor(x: Tensor, mode: InterpolateMode, antialias: boolean, align_corners: boolean): Kind {
  const { kind, rank } = modes[mode];
  if (antialias && !(['bilinear', 'bicubic', 'lanczos'].includes(mode) && x.ndim === 4)) {
    throw new ArgError(
      'interpolate: Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires a 4-D tensor as input',
    );
  }
  if (rank !== 0 && rank !== x.ndim - 2) {
    throw new ShapeError(`interpolate: Got ${x.ndim}D input, but ${mode} mode needs ${rank + 2}D input`);
  }
  if (!mode.startsWith('nearest') && !isFloat(x.dtype)) {
    throw new ArgError(`interpolate: expected a floating point input for mode ${mode}, got ${x.dtype}`);
  }
  if (kind === 'lanczos') {
    if (align_corners) throw new ArgError('interpolate: Lanczos mode does not support align_corners=True');
    if (!antialias) throw new ArgError('interpolate: Lanczos mode requires antialias=True');
    return 'lanczos-aa';
  }
  return antialias ? (`${kind}-aa` as Kind) : kind;
}

/** The factors, if every dimension only repeats its elements. */
function wholeFactors(dims: readonly Resampling[], double: boolean): number[] | null {
  const repeats = dims.every((how) => {
    const factor = how.to / how.from;
    if (!how.kind.startsWith('nearest') || !Number.isInteger(factor)) return false;
    return rowsOf(how, double).every(([entry], i) => entry![0] === Math.floor(i / factor));
  });
  return repeats ? dims.map(({ from, to }) => to / from) : null;
}
