import { F, Generator, manualSeed, type Tensor } from 'torcharc';
import { each, type Nd, type Row } from './check.ts';

type Options = { p: number; training?: boolean };

/** Which of n are kept with this seed. */
const kept = (n: number, p: number) => Array.from(new Generator(5).dropoutMask(new Float32Array(n), p), (v) => v !== 0);

/** The mask's index: an element's own, or that of its channel. */
const masked =
  (p: number, channels: (shape: readonly number[]) => number, value: (x: number, keep: boolean) => number) =>
  (x: Nd): Nd => {
    const n = channels(x.shape);
    const keep = kept(n, p);
    return { shape: x.shape, data: x.data.map((v, i) => value(v, keep[Math.floor((i * n) / x.data.length)]!)) };
  };
const zeroed = (p: number) => (x: number, keep: boolean) => (keep ? x / (1 - p) : 0);
/** Klambauer et al., 2017: dropped to α' = -λα, then a x + b. */
const selfNormal = (p: number) => (x: number, keep: boolean) => {
  const low = -1.0507009873554805 * 1.6732632423543772;
  const a = ((1 - p) * (1 + p * low ** 2)) ** -0.5;
  return a * (keep ? x : low) - a * p * low;
};

type Function = (x: Tensor, options: Options) => Tensor;
const functions: [name: string, run: Function, shape: number[], channels: number, value: typeof zeroed][] = [
  ['dropout1d', F.dropout1d, [3, 4, 5], 12, zeroed],
  ['dropout1d', F.dropout1d, [4, 5], 4, zeroed],
  ['dropout2d', F.dropout2d, [2, 3, 2, 2], 6, zeroed],
  ['dropout2d', F.dropout2d, [3, 4, 2], 12, zeroed],
  ['dropout3d', F.dropout3d, [2, 3, 2, 1, 2], 6, zeroed],
  ['dropout3d', F.dropout3d, [5, 2, 1, 2], 5, zeroed],
  ['alphaDropout', F.alphaDropout, [3, 4], 12, selfNormal],
  ['featureAlphaDropout', F.featureAlphaDropout, [3, 4, 2], 12, selfNormal],
];

export const rows: Row[] = functions.flatMap(([name, run, shape, channels, value]): Row[] => {
  const row = (note: string, options: Options, want: Row['want']): Row => ({
    of: `F.${name}`,
    note: `[${shape}] ${note}`,
    inputs: [{ shape }],
    run: (x) => {
      manualSeed(5);
      return run(x, options);
    },
    want,
  });
  return [
    row(
      'training',
      { p: 0.5, training: true },
      masked(0.5, () => channels, value(0.5)),
    ),
    row('evaluation', { p: 0.5, training: false }, (x) => x),
    row(
      'everything',
      { p: 1, training: true },
      each((v) => 0 * v),
    ),
  ];
});
