import { F } from 'torcharc';
import { at, meet, type Nd, nd, type Row } from './check.ts';

function norm(values: readonly number[], p: number): number {
  if (p === 0) return values.filter((v) => v !== 0).length;
  if (!Number.isFinite(p)) return Math[p > 0 ? 'max' : 'min'](...values.map(Math.abs));
  return values.reduce((sum, v) => sum + Math.abs(v) ** p, 0) ** (1 / p);
}
/** The vectors along a dimension, each made one number. */
const along =
  (dim: number, of: (values: readonly number[]) => number, keepdim = false) =>
  (x: Nd): Nd => {
    const kept = nd(x.shape.with(dim, 1), (index) =>
      of(Array.from({ length: x.shape[dim]! }, (_, j) => at(x, index.with(dim, j)))),
    );
    return { data: kept.data, shape: keepdim ? kept.shape : kept.shape.toSpliced(dim, 1) };
  };
const times = meet((a, b) => a * b);
const over = meet((a, b) => a / b);

const similar = (dim: number, eps: number) => (a: Nd, b: Nd) => {
  const whole = (x: Nd, y: Nd) => meet((v) => v)(x, y);
  const length = along(dim, (v) => Math.max(norm(v, 2), eps));
  const dot = along(dim, (v) => v.reduce((s, x) => s + x, 0))(times(a, b));
  return over(dot, times(length(whole(a, b)), length(whole(b, a))));
};

export const rows: Row[] = [
  {
    of: 'F.cosineSimilarity',
    note: 'rows',
    inputs: [{ shape: [3, 4] }, { shape: [3, 4] }],
    run: (a, b) => F.cosineSimilarity(a, b),
    want: similar(1, 1e-8),
  },
  {
    of: 'F.cosineSimilarity',
    note: 'broadcast, another dimension',
    inputs: [{ shape: [3, 1, 2] }, { shape: [3, 4, 1] }],
    run: (a, b) => F.cosineSimilarity(a, b, { dim: 0 }),
    want: similar(0, 1e-8),
  },
  {
    of: 'F.cosineSimilarity',
    note: 'the vectors themselves broadcast',
    inputs: [{ shape: [4, 3] }, { shape: [1, 3] }],
    run: (a, b) => F.cosineSimilarity(a, b, { dim: -2 }),
    want: similar(0, 1e-8),
  },
  {
    of: 'F.cosineSimilarity',
    note: 'shorter than eps',
    inputs: [{ shape: [2, 3] }, { shape: [2, 3] }],
    run: (a, b) => F.cosineSimilarity(a, b, { eps: 10 }),
    want: similar(1, 10),
    noGradient: "the limit is no part of PyTorch's derivative; see the CosineSimilarity fixtures",
  },
  {
    of: 'F.cosineSimilarity',
    note: 'integers with floats',
    inputs: [{ shape: [2, 2], values: [1, 2, 3, 4], dtype: 'int64' }, { shape: [2, 2] }],
    run: (a, b) => F.cosineSimilarity(a, b),
    want: similar(1, 1e-8),
  },
  ...[2, 1, 3, 1.5, 0.5, Number.POSITIVE_INFINITY, -2].map(
    (p): Row => ({
      of: 'F.pairwiseDistance',
      note: `p ${p}`,
      inputs: [
        { shape: [3, 4], apart: true },
        { shape: [3, 4], range: [-0.05, 0.05] },
      ],
      run: (a, b) => F.pairwiseDistance(a, b, { p }),
      want: (a, b) => along(1, (v) => norm(v, p))(meet((x, y) => x - y + 1e-6)(a, b)),
    }),
  ),
  {
    of: 'F.pairwiseDistance',
    note: 'of broadcast stacks, kept',
    inputs: [{ shape: [2, 3, 4] }, { shape: [4] }],
    run: (a, b) => F.pairwiseDistance(a, b, { eps: 0.1, keepdim: true }),
    want: (a, b) => along(2, (v) => norm(v, 2), true)(meet((x, y) => x - y + 0.1)(a, b)),
  },
  ...[2, 1, 0, 3, 1.5, Number.POSITIVE_INFINITY].map(
    (p): Row => ({
      of: 'F.pdist',
      note: `p ${p}`,
      // a quarter apart, several differences are the largest
      inputs: [{ shape: [4, 3], apart: Number.isFinite(p) }],
      run: (x) => F.pdist(x, { p }),
      want: (x) => {
        const pairs = [0, 1, 2, 3].flatMap((i) => [0, 1, 2, 3].filter((j) => j > i).map((j) => [i, j] as const));
        return nd([6], ([k]) => {
          const [i, j] = pairs[k!]!;
          return norm(
            [0, 1, 2].map((c) => at(x, [i, c]) - at(x, [j, c])),
            p,
          );
        });
      },
    }),
  ),
  {
    of: 'F.pdist',
    note: 'a single row',
    inputs: [{ shape: [1, 3] }],
    run: (x) => F.pdist(x),
    want: () => ({ shape: [0], data: [] }),
    noGradient: 'nothing to differentiate',
  },
  ...[
    [2, 1, 1e-12],
    [1, 0, 1e-12],
    [Number.POSITIVE_INFINITY, 1, 1e-12],
    [2, 1, 5],
  ].map(
    ([p, dim, eps]): Row => ({
      of: 'F.normalize',
      note: `p ${p}, dim ${dim}, eps ${eps}`,
      inputs: [{ shape: [3, 4], apart: true }],
      run: (x) => F.normalize(x, { p: p!, dim: dim!, eps: eps! }),
      want: (x) => over(x, along(dim!, (v) => Math.max(norm(v, p!), eps!), true)(x)),
    }),
  ),
];
