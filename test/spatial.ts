/** Convolution and pooling in plain numbers, slow and obvious: what the tests compare with. */
import { at, type Nd, nd, size } from './ops/check.ts';

/** Windows over the spatial dimensions of a shape [N, C, *]. */
export interface Windows {
  readonly x: readonly number[];
  readonly kernel: readonly number[];
  readonly stride?: readonly number[];
  readonly padding?: readonly number[];
  readonly dilation?: readonly number[];
  readonly ceil_mode?: boolean;
  readonly count_include_pad?: boolean;
  readonly divisor_override?: number | null;
}

/** The same with PyTorch's defaults. */
export function full(f: Windows) {
  const each = (v: number) => f.kernel.map(() => v);
  const { kernel, stride = kernel, padding = each(0), dilation = each(1), ceil_mode = false } = f;
  const { count_include_pad = true, divisor_override = null } = f;
  return { kernel, stride, padding, dilation, ceil_mode, count_include_pad, divisor_override };
}

/** How many windows along each dimension; none where the kernel does not fit. */
export function windowCounts(f: Windows): number[] {
  const { kernel, stride, padding, dilation, ceil_mode } = full(f);
  return kernel.map((k, i) => {
    const n = f.x[i + 2]!;
    const room = (n + 2 * padding[i]! - dilation[i]! * (k - 1) - 1) / stride[i]!;
    const count = (ceil_mode ? Math.ceil(room) : Math.floor(room)) + 1;
    return ceil_mode && (count - 1) * stride[i]! >= n + padding[i]! ? count - 1 : count;
  });
}

interface Window {
  /** The places in the input. */
  readonly places: number[][];
  /** How many places there are with those in the padding. */
  readonly padded: number;
}
type Fold = (window: Window, lead: [n: number, c: number]) => number;

/** The result, each place from the places of its window. */
export function pooled(f: Windows, fold: Fold): Nd {
  const { kernel, stride, padding, dilation } = full(f);
  return nd([...f.x.slice(0, 2), ...windowCounts(f)], ([n, c, ...o]) => {
    const places: number[][] = [];
    let padded = 0;
    nd(kernel, (tap) => {
      const place = tap.map((k, i) => o[i]! * stride[i]! - padding[i]! + k * dilation[i]!);
      if (place.every((p, i) => p < f.x[i + 2]! + padding[i]!)) padded++;
      if (place.every((p, i) => p >= 0 && p < f.x[i + 2]!)) places.push(place);
      return 0;
    });
    return fold({ places, padded }, [n!, c!]);
  });
}

/** The same for `counts` windows that share out each dimension. */
export function shared(x: readonly number[], counts: readonly number[], fold: Fold): Nd {
  return nd([...x.slice(0, 2), ...counts], ([n, c, ...o]) => {
    const spans = o.map((k, i) => {
      const [size, count] = [x[i + 2]!, counts[i]!];
      const start = Math.floor((k * size) / count);
      return { start, length: Math.ceil(((k + 1) * size) / count) - start };
    });
    const places: number[][] = [];
    nd(
      spans.map(({ length }) => length),
      (tap) => {
        places.push(tap.map((t, i) => spans[i]!.start + t));
        return 0;
      },
    );
    return fold({ places, padded: places.length }, [n!, c!]);
  });
}

/** The largest value; NaN if there is one. */
export const largest =
  (x: Nd): Fold =>
  ({ places }, lead) =>
    places.reduce((best, p) => Math.max(best, at(x, [...lead, ...p])), Number.NEGATIVE_INFINITY);

/** Its place in the plane: that of the first of equals, but of the last NaN. */
export const placeOfLargest =
  (x: Nd): Fold =>
  ({ places }, lead) => {
    const value = (place: number[]) => at(x, [...lead, ...place]);
    const best = places.reduce((a, b) => (value(b) > value(a) || Number.isNaN(value(b)) ? b : a));
    return best.reduce((n, p, i) => n * x.shape[i + 2]! + p, 0);
  };

export const sum =
  (x: Nd): Fold =>
  ({ places }, lead) =>
    places.reduce((s, p) => s + at(x, [...lead, ...p]), 0);

export const mean =
  (x: Nd, { count_include_pad = true, divisor_override = null }: Partial<Windows> = {}): Fold =>
  (window, lead) =>
    sum(x)(window, lead) / (divisor_override ?? (count_include_pad ? window.padded : window.places.length));

/** A layer [N, C, *] with a weight [K, C/groups, *]. */
export interface ConvForm {
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly stride?: readonly number[];
  readonly padding?: readonly number[];
  readonly dilation?: readonly number[];
  readonly groups?: number;
}

/** The same with PyTorch's defaults. */
export function fullConv(f: ConvForm) {
  const each = (value: number) => f.w.slice(2).map(() => value);
  const { stride = each(1), padding = each(0), dilation = each(1), groups = 1 } = f;
  return { stride, padding, dilation, groups };
}

/** Spatial size of a convolution's result. */
export function convCounts(f: ConvForm): number[] {
  const { stride, padding, dilation } = fullConv(f);
  return f.w
    .slice(2)
    .map((k, i) => Math.floor((f.x[i + 2]! + 2 * padding[i]! - dilation[i]! * (k - 1) - 1) / stride[i]!) + 1);
}

type Meeting = [x: number[], w: number[], y: number[]];
/** Every (place of x, place of w, place of y) that meets in a convolution whose result has the spatial size `counts`. */
export function meetings(f: ConvForm, counts = convCounts(f)): { y: number[]; found: Meeting[] } {
  const { stride, padding, dilation, groups } = fullConv(f);
  const y = [f.x[0]!, f.w[0]!, ...counts];
  const found: Meeting[] = [];
  nd(y, (out) => {
    const group = Math.floor(out[1]! / (f.w[0]! / groups));
    nd(f.w.slice(1), ([c, ...tap]) => {
      const place = tap.map((k, i) => out[i + 2]! * stride[i]! - padding[i]! + k * dilation[i]!);
      if (place.every((p, i) => p >= 0 && p < f.x[i + 2]!))
        found.push([[out[0]!, group * f.w[1]! + c!, ...place], [out[1]!, c!, ...tap], out]);
      return 0;
    });
    return 0;
  });
  return { y, found };
}

/** Sums of terms, each in its place. */
export function summed(shape: readonly number[], terms: Iterable<readonly [number[], number]>): Nd {
  const data = new Array<number>(size(shape)).fill(0);
  for (const [index, value] of terms) data[index.reduce((n, k, i) => n * shape[i]! + k, 0)]! += value;
  return { shape, data };
}

/** A bias for each channel added. */
export const biased = (y: Nd, bias?: Nd): Nd => (bias ? nd(y.shape, (k) => at(y, k) + bias.data[k[1]!]!) : y);

export function convolved(attrs: Omit<ConvForm, 'x' | 'w'>, x: Nd, w: Nd, bias?: Nd): Nd {
  const { y, found } = meetings({ ...attrs, x: x.shape, w: w.shape });
  const terms = found.map(([i, j, k]) => [k, at(x, i) * at(w, j)] as const);
  return biased(summed(y, terms), bias);
}

/** The transpose of the convolution that makes g [N, K, *] of something with the spatial size `size`. */
export function transposed(attrs: Omit<ConvForm, 'x' | 'w'>, size: readonly number[], g: Nd, w: Nd, bias?: Nd): Nd {
  const x = [g.shape[0]!, w.shape[1]! * (attrs.groups ?? 1), ...size];
  const { found } = meetings({ ...attrs, x, w: w.shape }, g.shape.slice(2));
  const terms = found.map(([i, j, k]) => [i, at(g, k) * at(w, j)] as const);
  return biased(summed(x, terms), bias);
}
