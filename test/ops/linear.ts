import { F } from 'torcharc';
import { at, nd, type Row } from './check.ts';

const range = (n: number) => [...Array(n).keys()];

export const rows: Row[] = [
  ...[true, false].map(
    (withBias): Row => ({
      of: 'F.bilinear',
      note: withBias ? 'with bias' : 'stacks, no bias',
      inputs: [
        { shape: withBias ? [5, 2] : [2, 2, 2] },
        { shape: withBias ? [5, 3] : [2, 2, 3] },
        { shape: [4, 2, 3] },
        ...(withBias ? [{ shape: [4] }] : []),
      ],
      run: (a, b, w, bias) => F.bilinear(a, b, w, bias ?? null),
      want: (a, b, w, bias) =>
        nd([...a.shape.slice(0, -1), 4], (index) => {
          const [lead, k] = [index.slice(0, -1), index.at(-1)!];
          const terms = range(2).flatMap((i) =>
            range(3).map((j) => at(a, [...lead, i]) * at(w, [k, i, j]) * at(b, [...lead, j])),
          );
          return terms.reduce((s, v) => s + v, bias ? bias.data[k]! : 0);
        }),
    }),
  ),
  {
    of: 'F.linear',
    note: 'a vector as weight',
    inputs: [{ shape: [2, 4, 3] }, { shape: [3] }, { shape: [] }],
    run: (x, w, b) => F.linear(x, w, b),
    want: (x, w, b) =>
      nd([2, 4], ([i, j]) => range(3).reduce((s, k) => s + at(x, [i!, j!, k]) * w.data[k]!, b.data[0]!)),
  },
  {
    of: 'F.linear',
    note: 'one bias for all',
    inputs: [{ shape: [2, 3] }, { shape: [4, 3] }, { shape: [1] }],
    run: (x, w, b) => F.linear(x, w, b),
    want: (x, w, b) =>
      nd([2, 4], ([i, j]) => range(3).reduce((s, k) => s + at(x, [i!, k]) * at(w, [j!, k]), b.data[0]!)),
  },
  {
    of: 'F.oneHot',
    note: 'as many classes as there are',
    inputs: [{ shape: [3], values: [2, 0, 1], dtype: 'int64' }],
    run: (i) => F.oneHot(i),
    want: (i) => nd([3, 3], ([n, k]) => Number(i.data[n!] === k)),
    dtype: 'int64',
  },
];
