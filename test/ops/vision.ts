import { F } from 'torcharc';
import { at, type Nd, nd, type Row } from './check.ts';

const shuffled =
  (r: number) =>
  (x: Nd): Nd => {
    const [c, h, w] = x.shape.slice(-3) as [number, number, number];
    return nd([...x.shape.slice(0, -3), c / r ** 2, h * r, w * r], (index) => {
      const [k, i, j] = index.slice(-3) as [number, number, number];
      const channel = k * r ** 2 + (i % r) * r + (j % r);
      return at(x, [...index.slice(0, -3), channel, Math.floor(i / r), Math.floor(j / r)]);
    });
  };
const unshuffled =
  (r: number) =>
  (x: Nd): Nd => {
    const [c, h, w] = x.shape.slice(-3) as [number, number, number];
    return nd([...x.shape.slice(0, -3), c * r ** 2, h / r, w / r], (index) => {
      const [k, i, j] = index.slice(-3) as [number, number, number];
      const [row, column] = [Math.floor(k / r) % r, k % r];
      return at(x, [...index.slice(0, -3), Math.floor(k / r ** 2), i * r + row, j * r + column]);
    });
  };
/** Channel k of the result: from group k mod g its next. */
const dealt =
  (g: number) =>
  (x: Nd): Nd =>
    nd(x.shape, (index) => {
      const k = index[1]!;
      return at(x, index.with(1, (k % g) * (x.shape[1]! / g) + Math.floor(k / g)));
    });

type Case = [of: string, shape: readonly number[], factor: number];
const cases: Case[] = [
  ['pixelShuffle', [2, 8, 3, 2], 2],
  ['pixelShuffle', [9, 1, 2], 3],
  ['pixelShuffle', [2, 1, 3, 2, 2], 1],
  ['pixelUnshuffle', [2, 2, 4, 6], 2],
  ['pixelUnshuffle', [1, 6, 3], 3],
  ['channelShuffle', [2, 6, 2, 2], 3],
  ['channelShuffle', [1, 4, 3], 2],
];

export const rows: Row[] = cases.map(([of, shape, factor]): Row => {
  const run: Row['run'] = (x) => {
    if (of === 'pixelShuffle') return F.pixelShuffle(x, { upscale_factor: factor });
    if (of === 'pixelUnshuffle') return F.pixelUnshuffle(x, { downscale_factor: factor });
    return F.channelShuffle(x, { groups: factor });
  };
  const want = of === 'pixelShuffle' ? shuffled : of === 'pixelUnshuffle' ? unshuffled : dealt;
  return { of: `F.${of}`, note: `[${shape}] by ${factor}`, inputs: [{ shape }], run, want: want(factor) };
});
