import { F } from 'torcharc';
import { at, type Nd, nd, type Row } from './check.ts';

/** Σ over k of a[…, i, k] b[…, k, j], vectors being rows or columns, leading dimensions broadcasting. */
export function product(a: Nd, b: Nd): Nd {
  const x: Nd = a.shape.length === 1 ? { shape: [1, ...a.shape], data: a.data } : a;
  const y: Nd = b.shape.length === 1 ? { shape: [...b.shape, 1], data: b.data } : b;
  const [xs, ys] = [x.shape.slice(0, -2), y.shape.slice(0, -2)];
  const rank = Math.max(xs.length, ys.length);
  const size = (s: readonly number[], i: number) => s[i - rank + s.length] ?? 1;
  const lead = Array.from({ length: rank }, (_, i) => Math.max(size(xs, i), size(ys, i)));
  const inner = x.shape.at(-1)!;
  const pick = (t: Nd, s: readonly number[], index: number[], i: number, j: number) =>
    at(t, [...s.map((d, n) => (d === 1 ? 0 : index[n + rank - s.length]!)), i, j]);
  const full = nd([...lead, x.shape.at(-2)!, y.shape.at(-1)!], (index) => {
    const [i, j] = index.slice(-2) as [number, number];
    let sum = 0;
    for (let k = 0; k < inner; k++) sum += pick(x, xs, index, i, k) * pick(y, ys, index, k, j);
    return sum;
  });
  const shape = [...full.shape];
  if (b.shape.length === 1) shape.splice(-1, 1);
  if (a.shape.length === 1) shape.splice(b.shape.length === 1 ? -1 : -2, 1);
  return { shape, data: full.data };
}
const turned = (x: Nd): Nd => {
  const [m, n] = x.shape.slice(-2) as [number, number];
  return nd([...x.shape.slice(0, -2), n, m], (i) => at(x, [...i.slice(0, -2), i.at(-1)!, i.at(-2)!]));
};
const plus = (y: Nd, b: Nd): Nd => ({ shape: y.shape, data: y.data.map((v, i) => v + b.data[i % b.data.length]!) });

const shapes: [number[], number[]][] = [
  [[3], [3]],
  [[3], [3, 2]],
  [[4, 3], [3]],
  [
    [4, 3],
    [3, 2],
  ],
  [
    [2, 4, 3],
    [3, 2],
  ],
  [[2, 4, 3], [3]],
  [[3], [2, 3, 4]],
  [
    [2, 4, 3],
    [2, 3, 5],
  ],
  [
    [4, 3],
    [2, 3, 5],
  ],
  [
    [2, 1, 4, 3],
    [3, 3, 2],
  ],
  [
    [0, 3],
    [3, 2],
  ],
];
export const rows: Row[] = [
  ...(['float64', 'float32'] as const).flatMap((float) =>
    shapes.map(
      ([a, b]): Row => ({
        of: 'matmul',
        note: `${JSON.stringify(a)} and ${JSON.stringify(b)}, ${float}`,
        inputs: [{ shape: a }, { shape: b }],
        run: (x, y) => x.matmul(y),
        want: product,
        float,
      }),
    ),
  ),
  {
    of: 'matmul',
    note: 'of transposes',
    inputs: [{ shape: [3, 4] }, { shape: [2, 3] }],
    run: (x, y) => x.t().matmul(y.t()),
    want: (x, y) => product(turned(x), turned(y)),
  },
  {
    of: 'matmul',
    note: 'of stacked transposes',
    inputs: [{ shape: [2, 3, 4] }, { shape: [2, 5, 3] }],
    run: (x, y) => x.transpose(1, 2).matmul(y.transpose(-1, -2)),
    want: (x, y) => product(turned(x), turned(y)),
  },
  {
    of: 'matmul',
    note: 'with itself',
    inputs: [{ shape: [3, 3] }],
    run: (x) => x.matmul(x),
    want: (x) => product(x, x),
  },
  ...[[4, 3], [3], [2, 4, 3], [0, 3]].flatMap((shape): Row[] => [
    {
      of: 'F.linear',
      note: `${JSON.stringify(shape)}`,
      inputs: [{ shape }, { shape: [5, 3] }, { shape: [5] }],
      run: (x, w, b) => F.linear(x, w, b),
      want: (x, w, b) => plus(product(x, turned(w)), b),
    },
    {
      of: 'F.linear',
      note: `${JSON.stringify(shape)}, no bias`,
      inputs: [{ shape }, { shape: [5, 3] }],
      run: (x, w) => F.linear(x, w),
      want: (x, w) => product(x, turned(w)),
    },
  ]),
];
