import { F } from 'torcharc';
import { at, type Input, type Nd, nd, type Row } from './check.ts';

/** A number that ORT's float32 attribute holds exactly. */
const eps = 0.125;

/** Normalise each set of elements that share a key, then scale and shift by what `by` says. */
function normalized(
  x: Nd,
  keyOf: (index: number[]) => string,
  {
    by = () => [1, 0],
    centred = true,
  }: { by?: (index: number[]) => readonly [w: number, b: number]; centred?: boolean } = {},
): Nd {
  const sets = new Map<string, number[]>();
  nd(x.shape, (i) => {
    const set = sets.get(keyOf(i)) ?? [];
    sets.set(keyOf(i), set);
    return set.push(at(x, i));
  });
  return nd(x.shape, (i) => {
    const set = sets.get(keyOf(i))!;
    const mean = centred ? set.reduce((a, b) => a + b, 0) / set.length : 0;
    const variance = set.reduce((a, v) => a + (v - mean) ** 2, 0) / set.length;
    const [w, b] = by(i);
    return ((at(x, i) - mean) / Math.sqrt(variance + eps)) * w + b;
  });
}

/** The first dimensions of an index, as a key. */
const leading = (n: number) => (i: number[]) => i.slice(0, n).join();
const f = (shape: number[]): Input => ({ shape });

const layerNorms: Row[] = [
  {
    of: 'F.layerNorm',
    inputs: [f([3, 4]), f([4]), f([4])],
    run: (x, weight, bias) => F.layerNorm(x, 4, { weight, bias, eps }),
    want: (x, w, b) => normalized(x, leading(1), { by: ([, j]) => [w.data[j!]!, b.data[j!]!] }),
  },
  {
    of: 'F.layerNorm',
    note: 'two dimensions, no bias',
    inputs: [f([2, 3, 2, 2]), f([2, 2])],
    run: (x, weight) => F.layerNorm(x, [2, 2], { weight, eps }),
    want: (x, w) => normalized(x, leading(2), { by: (i) => [at(w, i.slice(2)), 0] }),
  },
  {
    of: 'F.layerNorm',
    note: 'bare, all dimensions',
    inputs: [f([2, 3])],
    run: (x) => F.layerNorm(x, [2, 3], { eps }),
    want: (x) => normalized(x, leading(0)),
  },
  {
    of: 'F.layerNorm',
    note: 'empty',
    inputs: [f([0, 3]), f([3]), f([3])],
    run: (x, weight, bias) => F.layerNorm(x, 3, { weight, bias, eps }),
    want: (x) => x,
  },
];

/** ORT's own nodes know float32 only; float64 is computed in plain ones. */
const both = (rows: readonly Row[]) =>
  rows.flatMap((row): Row[] => [row, { ...row, note: `${row.note ?? 'plain'}, float32`, float: 'float32' }]);

const rmsNorms: Row[] = [
  {
    of: 'F.rmsNorm',
    inputs: [f([2, 3, 4]), f([3, 4])],
    run: (x, weight) => F.rmsNorm(x, [3, 4], { weight, eps }),
    want: (x, w) => normalized(x, leading(1), { by: (i) => [at(w, i.slice(1)), 0], centred: false }),
  },
  {
    of: 'F.rmsNorm',
    note: 'bare',
    inputs: [f([3, 4])],
    run: (x) => F.rmsNorm(x, 4, { eps }),
    want: (x) => normalized(x, leading(1), { centred: false }),
  },
];

/** Weight and bias by channel. */
const channels =
  (w?: Nd, b?: Nd) =>
  (i: number[]): readonly [number, number] => [w?.data[i[1]!] ?? 1, b?.data[i[1]!] ?? 0];
const groupNorms: Row[] = [
  {
    of: 'F.groupNorm',
    inputs: [f([2, 4, 3]), f([4]), f([4])],
    run: (x, weight, bias) => F.groupNorm(x, 2, { weight, bias, eps }),
    want: (x, w, b) => normalized(x, ([n, c]) => `${n} ${Math.floor(c! / 2)}`, { by: channels(w, b) }),
  },
  {
    of: 'F.groupNorm',
    note: 'a matrix, weight alone',
    inputs: [f([2, 6]), f([6])],
    run: (x, weight) => F.groupNorm(x, 2, { weight, eps }),
    want: (x, w) => normalized(x, ([n, c]) => `${n} ${Math.floor(c! / 3)}`, { by: channels(w) }),
  },
  {
    of: 'F.groupNorm',
    note: 'bare',
    inputs: [f([2, 2, 2, 2])],
    run: (x) => F.groupNorm(x, 2, { eps }),
    want: (x) => normalized(x, leading(2)),
  },
];
const instanceNorms: Row[] = [
  {
    of: 'F.instanceNorm',
    inputs: [f([2, 3, 4]), f([3]), f([3])],
    run: (x, weight, bias) => F.instanceNorm(x, { weight, bias, eps }),
    want: (x, w, b) => normalized(x, leading(2), { by: channels(w, b) }),
  },
  {
    of: 'F.instanceNorm',
    note: 'two dimensions, bare',
    inputs: [f([2, 2, 2, 3])],
    run: (x) => F.instanceNorm(x, { eps }),
    want: (x) => normalized(x, leading(2)),
  },
  {
    of: 'F.instanceNorm',
    note: 'running statistics',
    inputs: [f([2, 3, 4]), f([3]), { ...f([3]), range: [0.5, 2] }],
    run: (x, running_mean, running_var) =>
      F.instanceNorm(x, { running_mean, running_var, use_input_stats: false, eps }),
    want: (x, m, v) => nd(x.shape, (i) => (at(x, i) - m.data[i[1]!]!) / Math.sqrt(v.data[i[1]!]! + eps)),
  },
];
const batchNorms: Row[] = [
  {
    of: 'F.batchNorm',
    note: 'training',
    inputs: [f([3, 2, 2]), f([2]), f([2])],
    run: (x, weight, bias) => F.batchNorm(x, null, null, { weight, bias, training: true, eps }),
    want: (x, w, b) => normalized(x, (i) => String(i[1]), { by: channels(w, b) }),
  },
  {
    of: 'F.batchNorm',
    note: 'running statistics',
    inputs: [f([3, 2]), f([2]), { ...f([2]), range: [0.5, 2] }, f([2])],
    run: (x, mean, variance, weight) => F.batchNorm(x, mean, variance, { weight, eps }),
    want: (x, m, v, w) =>
      nd(x.shape, ([n, c]) => (w.data[c!]! * (at(x, [n!, c!]) - m.data[c!]!)) / Math.sqrt(v.data[c!]! + eps)),
  },
];

/** The sum over channels c - before to c + after. */
const around = (x: Nd, [n, c, ...rest]: number[], before: number, after: number, of: (v: number) => number) =>
  Array.from({ length: before + after + 1 }, (_, j) => of(at(x, [n!, c! - before + j, ...rest]))).reduce(
    (a, b) => a + b,
    0,
  );
const responseNorms = [
  { shape: [2, 5, 3], size: 3 },
  { shape: [1, 4, 2, 2], size: 4 },
  { shape: [2, 3, 2, 1, 2], size: 1 },
].map(
  ({ shape, size }): Row => ({
    of: 'F.localResponseNorm',
    note: `size ${size} of ${JSON.stringify(shape)}`,
    inputs: [f(shape)],
    run: (x) => F.localResponseNorm(x, size, { alpha: 0.5, beta: 0.75, k: 2 }),
    want: (x) =>
      nd(x.shape, (i) => {
        const sum = around(x, i, Math.floor(size / 2), Math.floor((size - 1) / 2), (v) => v * v);
        return at(x, i) / (2 + (0.5 * sum) / size) ** 0.75;
      }),
    float: 'float32',
  }),
);

export const rows: Row[] = [
  ...both([...layerNorms, ...rmsNorms, ...groupNorms]),
  ...instanceNorms,
  ...batchNorms,
  ...responseNorms,
];
