import { F, type Tensor, tensor } from 'torcharc';
import { largest, mean, placeOfLargest, shared } from '../spatial.ts';
import { at, type Nd, nd, type Row, size } from './check.ts';

const forms: [x: number[], counts: number[]][] = [
  [[2, 2, 7], [3]],
  [[1, 2, 8], [4]],
  [[2, 2, 4], [9]],
  [[2, 2, 6], [1]],
  [
    [1, 2, 5, 6],
    [3, 4],
  ],
  [
    [2, 1, 6, 4],
    [3, 2],
  ],
  [
    [1, 2, 5, 3],
    [1, 1],
  ],
  [
    [1, 1, 3, 4],
    [5, 4],
  ],
  [
    [1, 2, 4, 5, 3],
    [2, 3, 3],
  ],
  [
    [1, 2, 2, 2, 4],
    [1, 1, 1],
  ],
];
const avgPools = [F.adaptiveAvgPool1d, F.adaptiveAvgPool2d, F.adaptiveAvgPool3d];
const maxPools = [F.adaptiveMaxPool1d, F.adaptiveMaxPool2d, F.adaptiveMaxPool3d];
const withIndices = [F.adaptiveMaxPool1dWithIndices, F.adaptiveMaxPool2dWithIndices, F.adaptiveMaxPool3dWithIndices];
const floats = ['float32', 'float64'] as const;

const adaptive = forms.flatMap(([x, counts]) => {
  const rank = counts.length;
  const note = `${x} to ${counts}`;
  const options = { output_size: counts };
  return [
    ...floats.map((float): Row => {
      return {
        of: `F.adaptiveAvgPool${rank}d`,
        note: `${note} ${float}`,
        inputs: [{ shape: x }],
        run: (t) => avgPools[rank - 1]!(t, options),
        want: (t) => shared(x, counts, mean(t)),
        float,
      };
    }),
    {
      of: `F.adaptiveMaxPool${rank}d`,
      note,
      inputs: [{ shape: x, apart: true }],
      run: (t) => maxPools[rank - 1]!(t, options),
      want: (t) => shared(x, counts, largest(t)),
    },
    {
      of: `F.adaptiveMaxPool${rank}dWithIndices`,
      note,
      inputs: [{ shape: x, apart: true }],
      run: (t) => withIndices[rank - 1]!(t, options),
      want: (t) => [shared(x, counts, largest(t)), shared(x, counts, placeOfLargest(t))],
      dtype: ['float64', 'int64'],
    },
  ] as Row[];
});

/** Values put in their places of planes. */
const placed = (out: readonly number[]) => (x: Nd, index: Nd) => {
  const plane = size(out);
  const data = new Array<number>(x.shape[0]! * x.shape[1]! * plane).fill(0);
  nd(x.shape, (i) => {
    data[(i[0]! * x.shape[1]! + i[1]!) * plane + at(index, i)] = at(x, i);
    return 0;
  });
  return { shape: [...x.shape.slice(0, 2), ...out], data };
};
const unpools = [F.maxUnpool1d, F.maxUnpool2d, F.maxUnpool3d];
const unpool = (x: number[], out: number[], options: F.MaxUnpoolOptions, float: 'float32' | 'float64'): Row => {
  const plane = size(out);
  // 7 has no divisor in common with the planes: no place comes twice
  const index = Array.from({ length: size(x) }, (_, i) => (i * 7) % plane);
  return {
    of: `F.maxUnpool${out.length}d`,
    note: `${JSON.stringify(options)} ${float}`,
    inputs: [{ shape: x }, { shape: x, values: index, dtype: 'int64' }],
    run: (t, i) => unpools[out.length - 1]!(t, i, options),
    want: placed(out),
    float,
  };
};

/** python: F.fractional_max_pool2d((torch.arange(n) * 37 % 101).float().reshape(shape), ..., return_indices=True) */
const ramp = (shape: number[]) => Array.from({ length: size(shape) }, (_, i) => (i * 37) % 101);
const samples = {
  2: [0.1, 0.9, 0.5, 0.25, 0.75, 0, 0.375, 0.625],
  3: [0.1, 0.9, 0.4, 0.5, 0.25, 0.8],
};
interface Golden {
  readonly x: number[];
  readonly options: Omit<F.FractionalMaxPoolOptions, '_random_samples'>;
  readonly out: number[];
  readonly index: number[];
}
const goldens: Golden[] = [
  {
    x: [2, 2, 7, 6],
    options: { kernel_size: [2, 3], output_size: [4, 3] },
    out: [2, 2, 4, 3],
    // biome-ignore format: as printed
    index: [8, 8, 5, 19, 19, 16, 19, 19, 27, 30, 38, 35, 7, 4, 4, 18, 15, 15, 18, 26, 23, 37, 34, 34, 6, 3, 3, 6, 14, 11, 25, 25, 22, 36, 33, 33, 2, 2, 5, 13, 10, 10, 24, 21, 21, 32, 32, 35],
  },
  {
    x: [2, 2, 7, 6],
    options: { kernel_size: 2, output_ratio: [0.5, 0.7] },
    out: [2, 2, 3, 4],
    // biome-ignore format: as printed
    index: [7, 8, 8, 5, 19, 19, 21, 16, 30, 38, 38, 35, 7, 9, 4, 4, 18, 26, 28, 23, 37, 39, 34, 34, 6, 8, 3, 11, 19, 14, 14, 22, 36, 38, 33, 41, 7, 2, 10, 5, 24, 26, 21, 29, 37, 32, 40, 35],
  },
  {
    x: [1, 2, 6, 5, 7],
    options: { kernel_size: [2, 1, 3], output_size: [3, 4, 2] },
    out: [1, 2, 3, 4, 2],
    // biome-ignore format: as printed
    index: [35, 5, 8, 46, 49, 19, 30, 68, 106, 109, 79, 117, 120, 90, 98, 139, 177, 180, 147, 188, 191, 158, 169, 207, 0, 41, 8, 11, 22, 60, 30, 68, 71, 109, 112, 82, 128, 131, 98, 139, 142, 180, 183, 153, 161, 202, 169, 172],
  },
  {
    x: [1, 2, 6, 5, 7],
    options: { kernel_size: 2, output_ratio: 0.5 },
    out: [1, 2, 3, 2, 3],
    // biome-ignore format: as printed
    index: [8, 38, 5, 57, 30, 68, 106, 79, 117, 98, 128, 131, 147, 150, 180, 161, 199, 166, 0, 38, 41, 22, 30, 68, 112, 79, 82, 98, 101, 131, 183, 142, 153, 161, 199, 202],
  },
];
const fractional = goldens.flatMap(({ x, options, out, index }): Row[] => {
  const rank = (x.length - 2) as 2 | 3;
  const drawn = (t: Tensor) =>
    tensor(Float64Array.from(samples[rank]), { shape: [x[0]!, x[1]!, rank], dtype: t.dtype });
  const plane = size(x.slice(2));
  const taken = (t: Nd) => ({
    shape: out,
    data: index.map((p, i) => t.data[Math.floor((i * x[0]! * x[1]!) / index.length) * plane + p]!),
  });
  const inputs = [{ shape: x, values: ramp(x) }];
  const [plain, indexed] =
    rank === 2
      ? [F.fractionalMaxPool2d, F.fractionalMaxPool2dWithIndices]
      : [F.fractionalMaxPool3d, F.fractionalMaxPool3dWithIndices];
  const note = JSON.stringify(options);
  return [
    {
      of: `F.fractionalMaxPool${rank}d`,
      note,
      inputs,
      run: (t) => plain(t, { ...options, _random_samples: drawn(t) }),
      want: taken,
    },
    {
      of: `F.fractionalMaxPool${rank}dWithIndices`,
      note,
      inputs,
      run: (t) => indexed(t, { ...options, _random_samples: drawn(t) }),
      want: (t) => [taken(t), { shape: out, data: index }],
      dtype: ['float32', 'int64'],
      float: 'float32',
    },
  ];
});

export const rows: Row[] = [
  ...adaptive,
  {
    of: 'F.adaptiveAvgPool1d',
    note: 'long and uneven: windows side by side',
    inputs: [{ shape: [1, 1, 1201] }],
    run: (x) => F.adaptiveAvgPool1d(x, { output_size: 900 }),
    want: (x) => shared(x.shape, [900], mean(x)),
  },
  {
    of: 'F.adaptiveAvgPool2d',
    note: "unbatched, null for the input's size",
    inputs: [{ shape: [2, 5, 4] }],
    run: (x) => F.adaptiveAvgPool2d(x, { output_size: [3, null] }),
    want: (x) => {
      const y = shared([1, ...x.shape], [3, 4], mean({ shape: [1, ...x.shape], data: x.data }));
      return { shape: y.shape.slice(1), data: y.data };
    },
  },
  ...floats.flatMap((float) => [
    unpool([2, 2, 3], [6], { kernel_size: 2 }, float),
    unpool([1, 2, 4], [11], { kernel_size: 3, stride: 3, padding: 1, output_size: [11] }, float),
    unpool([2, 2, 2, 3], [5, 6], { kernel_size: [3, 2], stride: 2 }, float),
    unpool([1, 2, 2, 3], [3, 5], { kernel_size: 2, output_size: [1, 2, 3, 5] }, float),
    unpool([1, 2, 2, 2, 2], [4, 4, 5], { kernel_size: 2, output_size: [4, 4, 5] }, float),
    {
      ...unpool([1, 1, 4, 4], [2, 2], { kernel_size: 1, stride: 1, padding: 1 }, float),
      noGradient: "there are more values than places, and PyTorch's gradient reaches those written over as well",
    },
  ]),
  ...fractional,
];
