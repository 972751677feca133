import { F } from 'torcharc';
import { at, type Nd, nd, type Row } from './check.ts';

interface Windows {
  readonly kernel_size: readonly [number, number];
  readonly dilation?: readonly [number, number];
  readonly padding?: readonly [number, number];
  readonly stride?: readonly [number, number];
}

/** For each column of blocks of an image: its channel, and where in the image it is (perhaps outside). */
function places(image: readonly [number, number], { kernel_size: [kh, kw], ...o }: Windows) {
  const [dilation, padding, stride] = [o.dilation ?? [1, 1], o.padding ?? [0, 0], o.stride ?? [1, 1]];
  const [rows, columns] = [kh, kw].map(
    (k, d) => Math.floor((image[d]! + 2 * padding[d]! - dilation[d]! * (k - 1) - 1) / stride[d]!) + 1,
  ) as [number, number];
  const place = (entry: number, block: number) => {
    const [c, i, j] = [Math.floor(entry / (kh * kw)), Math.floor(entry / kw) % kh, entry % kw];
    const y = Math.floor(block / columns) * stride[0]! + i * dilation[0]! - padding[0]!;
    return [c, y, (block % columns) * stride[1]! + j * dilation[1]! - padding[1]!] as const;
  };
  return { entries: kh * kw, blocks: rows * columns, place };
}

const unfolded =
  (options: Windows) =>
  (x: Nd): Nd => {
    const [n, c, ...image] = x.shape as [number, number, number, number];
    const { entries, blocks, place } = places(image, options);
    return nd([n, c * entries, blocks], ([b, e, l]) => at(x, [b!, ...place(e!, l!)]));
  };
const folded =
  (image: readonly [number, number], options: Windows) =>
  (x: Nd): Nd => {
    const { entries, blocks, place } = places(image, options);
    const [n, rows] = x.shape as [number, number];
    return nd([n, rows / entries, ...image], ([b, c, y, w]) => {
      let sum = 0;
      for (let e = 0; e < rows; e++) {
        for (let l = 0; l < blocks; l++) if (String(place(e, l)) === String([c, y, w])) sum += at(x, [b!, e, l]);
      }
      return sum;
    });
  };

type Case = [note: string, image: [number, number], channels: number, options: Windows];
const cases: Case[] = [
  ['overlapping', [5, 4], 2, { kernel_size: [3, 2] }],
  ['apart', [4, 6], 2, { kernel_size: [2, 3], stride: [2, 3] }],
  ['gaps', [6, 5], 1, { kernel_size: [1, 2], stride: [3, 4] }],
  ['padded', [4, 5], 1, { kernel_size: [3, 3], padding: [1, 2], stride: [2, 1] }],
  ['dilated', [6, 7], 1, { kernel_size: [2, 3], dilation: [2, 3], padding: [1, 0] }],
];

export const rows: Row[] = cases.flatMap(([note, image, c, options]) =>
  (['float64', 'float32'] as const).flatMap((float): Row[] => {
    const { entries, blocks } = places(image, options);
    return [
      {
        of: 'F.unfold',
        note: `${note}, ${float}`,
        inputs: [{ shape: [2, c, ...image] }],
        run: (x) => F.unfold(x, options),
        want: unfolded(options),
        float,
      },
      {
        of: 'F.fold',
        note: `${note}, ${float}`,
        inputs: [{ shape: [2, c * entries, blocks] }],
        run: (x) => F.fold(x, { ...options, output_size: image }),
        want: folded(image, options),
        float,
      },
    ];
  }),
);
