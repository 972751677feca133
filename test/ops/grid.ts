import { F } from 'torcharc';
import { at, type Nd, nd, type Row } from './check.ts';

type Options = Parameters<typeof F.gridSample>[2] & object;

const clip = (c: number, n: number) => Math.min(Math.max(c, 0), n - 1);
/** A pixel coordinate brought inside, by turning around at the edges again and again. */
function inside(c: number, n: number, { padding_mode, align_corners }: Options): number {
  if (padding_mode === 'border') return clip(c, n);
  if (padding_mode !== 'reflection') return c;
  const [low, high] = align_corners ? [0, n - 1] : [-0.5, n - 0.5];
  let turned = c;
  while (turned < low || turned > high) turned = turned < low ? 2 * low - turned : 2 * high - turned;
  return clip(turned, n);
}
const keys = (x: number) => {
  const t = Math.abs(x);
  if (t >= 2) return 0;
  return t <= 1 ? 1.25 * t ** 3 - 2.25 * t ** 2 + 1 : -0.75 * (t ** 3 - 5 * t ** 2 + 8 * t - 4);
};
/** How much of element j of n a sample at g takes. */
function share(g: number, j: number, n: number, options: Options): number {
  const pixel = options.align_corners ? ((g + 1) / 2) * (n - 1) : ((g + 1) * n - 1) / 2;
  if (options.mode === 'bicubic') {
    const first = Math.floor(pixel) - 1;
    const taken = (k: number) => (inside(first + k, n, options) === j ? keys(pixel - first - k) : 0);
    return [0, 1, 2, 3].reduce((sum, k) => sum + taken(k), 0);
  }
  const c = inside(pixel, n, options);
  return options.mode === 'nearest' ? (Math.round(c) === j ? 1 : 0) : Math.max(0, 1 - Math.abs(c - j));
}

const sampled =
  (options: Options) =>
  (x: Nd, grid: Nd): Nd => {
    const [n, c, ...sizes] = x.shape as [number, number, ...number[]];
    return nd([n, c, ...grid.shape.slice(1, -1)], ([b, channel, ...place]) => {
      const shares = sizes.map((size, d) => {
        const g = at(grid, [b!, ...place, sizes.length - 1 - d]);
        return Array.from({ length: size }, (_, j) => share(g, j, size, options));
      });
      return nd(sizes, (index) => {
        const weight = index.reduce((w, j, d) => w * shares[d]![j]!, 1);
        return weight * at(x, [b!, channel!, ...index]);
      }).data.reduce((a, v) => a + v, 0);
    });
  };

/** Coordinates of pixels from -1.7 to 1.7 beyond the image, none near a whole or a half: there the slopes change. */
function away(shape: readonly number[], sizes: readonly number[], align_corners = false): Nd {
  return nd(shape, (index) => {
    const n = sizes.at(-1 - index.at(-1)!)!;
    const k = index.reduce((sum, v, d) => sum + v * [5, 3, 7, 2, 4][d]!, 0) % (2 * n + 4);
    const pixel = k / 2 - 2 + 0.3 - 0.1 * (k % 2);
    return align_corners ? (2 * pixel) / Math.max(n - 1, 1) - 1 : (2 * pixel + 1) / n - 1;
  });
}

const sampling = (options: Options, volume = false): Row => {
  const [x, grid] = volume
    ? [
        [1, 2, 3, 2, 4],
        [1, 2, 1, 3, 3],
      ]
    : [
        [2, 2, 4, 5],
        [2, 2, 3, 2],
      ];
  const { data } = away(grid!, x!.slice(2), options.align_corners ?? false);
  return {
    of: 'F.gridSample',
    note: `${volume ? 'volume ' : ''}${Object.values(options).join(' ')}`,
    inputs: [{ shape: x! }, { shape: grid!, values: data }],
    run: (x, grid) => F.gridSample(x, grid, options),
    want: sampled(options),
  };
};

const mapped =
  (sizes: readonly number[], align_corners: boolean) =>
  (theta: Nd): Nd => {
    const [n, rank] = theta.shape as [number, number];
    return nd([n, ...sizes, rank], (index) => {
      const [b, k] = [index[0]!, index.at(-1)!];
      const point = sizes.map((size, d) => {
        const i = index[1 + d]!;
        if (size === 1) return 0;
        return align_corners ? -1 + (2 * i) / (size - 1) : (2 * i + 1) / size - 1;
      });
      return [...point.reverse(), 1].reduce((sum, v, c) => sum + v * at(theta, [b, k, c]), 0);
    });
  };

export const rows: Row[] = [
  ...(['bilinear', 'nearest', 'bicubic'] as const).flatMap((mode, i) =>
    (['zeros', 'border', 'reflection'] as const).map((padding_mode, k) =>
      sampling({ mode, padding_mode, align_corners: (i + k) % 2 === 0 }),
    ),
  ),
  sampling({ padding_mode: 'reflection' }, true),
  sampling({ mode: 'nearest', padding_mode: 'border', align_corners: true }, true),
  ...[true, false].flatMap((align_corners): Row[] => [
    {
      of: 'F.affineGrid',
      note: `plane, align_corners ${align_corners}`,
      inputs: [{ shape: [2, 2, 3] }],
      run: (theta) => F.affineGrid(theta, { size: [2, 7, 3, 4], align_corners }),
      want: mapped([3, 4], align_corners),
    },
    {
      of: 'F.affineGrid',
      note: `space, align_corners ${align_corners}`,
      inputs: [{ shape: [2, 3, 4] }],
      run: (theta) => F.affineGrid(theta, { size: [2, 1, 2, 1, 3], align_corners }),
      want: mapped([2, 1, 3], align_corners),
    },
  ]),
];
