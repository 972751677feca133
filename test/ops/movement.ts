import { cat, F, stack, type Tensor } from 'torcharc';
import { at, type Input, type Nd, nd, type Row } from './check.ts';

const cube: Input = { shape: [3, 4, 2] };
const as =
  (shape: readonly number[]) =>
  (x: Nd): Nd => ({ shape, data: x.data });
/** The array of a shape whose element at an index is x's at another. */
const from = (shape: readonly number[], where: (index: number[]) => number[]) => (x: Nd) =>
  nd(shape, (i) => at(x, where(i)));

type Simple = [of: string, note: string, run: (x: Tensor) => Tensor, want: (x: Nd) => Nd, input?: Input];
const simple: Simple[] = [
  ['reshape', 'whole', (x) => x.reshape([2, 12]), as([2, 12])],
  ['reshape', 'one size left open', (x) => x.reshape([4, -1, 3]), as([4, 2, 3])],
  ['reshape', 'to 0-d', (x) => x.reshape([]), as([]), { shape: [1, 1] }],
  ['reshape', 'there and back', (x) => x.reshape([24]).reshape([3, 4, 2]), as([3, 4, 2])],
  ['reshape', 'empty', (x) => x.reshape([3, 0]), as([3, 0]), { shape: [0, 3] }],
  ['view', 'whole', (x) => x.view([6, 4]), as([6, 4])],
  ['flatten', 'all', (x) => x.flatten(), as([24])],
  ['flatten', 'from 1', (x) => x.flatten({ start_dim: 1 }), as([3, 8])],
  ['flatten', 'up to 1', (x) => x.flatten({ end_dim: 1 }), as([12, 2])],
  ['flatten', 'negative', (x) => x.flatten({ start_dim: -2, end_dim: -1 }), as([3, 8])],
  ['flatten', '0-d', (x) => x.flatten(), as([1]), { shape: [] }],
  ['permute', 'all', (x) => x.permute([2, 0, 1]), from([2, 3, 4], ([i, j, k]) => [j!, k!, i!])],
  ['permute', 'negative', (x) => x.permute([-1, 1, 0]), from([2, 4, 3], ([i, j, k]) => [k!, j!, i!])],
  ['transpose', 'two', (x) => x.transpose(0, -1), from([2, 4, 3], ([i, j, k]) => [k!, j!, i!])],
  ['t', 'matrix', (x) => x.t(), from([4, 3], ([i, j]) => [j!, i!]), { shape: [3, 4] }],
  ['t', 'vector', (x) => x.t(), as([3]), { shape: [3] }],
  ['expand', 'size one', (x) => x.expand([3, 4]), from([3, 4], ([i]) => [i!, 0]), { shape: [3, 1] }],
  ['expand', 'new dimensions', (x) => x.expand([2, -1, 3]), from([2, 4, 3], ([, j, k]) => [j!, k!]), { shape: [4, 3] }],
  [
    'expand',
    'into a sum',
    (x) => x.expand([3, 4]).add(x),
    from([3, 4], ([i]) => [i!, 0]),
    { shape: [3, 1], values: [0, 0, 0] },
  ],
  ['squeeze', 'all', (x) => x.squeeze(), as([3, 2]), { shape: [1, 3, 1, 2] }],
  ['squeeze', 'one', (x) => x.squeeze(0), as([3, 1, 2]), { shape: [1, 3, 1, 2] }],
  ['squeeze', 'some, one too long', (x) => x.squeeze([1, -2]), as([1, 3, 2]), { shape: [1, 3, 1, 2] }],
  ['unsqueeze', 'front', (x) => x.unsqueeze(0), as([1, 3, 4, 2])],
  ['unsqueeze', 'end', (x) => x.unsqueeze(-1), as([3, 4, 2, 1])],
  ['slice', 'middle', (x) => x.slice({ dim: 1, start: 1, end: 3 }), from([3, 2, 2], ([i, j, k]) => [i!, j! + 1, k!])],
  [
    'slice',
    'negative ends',
    (x) => x.slice({ dim: -2, start: -3, end: -1 }),
    from([3, 2, 2], ([i, j, k]) => [i!, j! + 1, k!]),
  ],
  ['slice', 'step', (x) => x.slice({ dim: 0, step: 2 }), from([4], ([i]) => [2 * i!]), { shape: [7] }],
  [
    'slice',
    'step, inside',
    (x) => x.slice({ dim: 0, start: 1, end: 6, step: 3 }),
    from([2], ([i]) => [3 * i! + 1]),
    { shape: [7] },
  ],
  [
    'slice',
    'past the end',
    (x) => x.slice({ dim: 0, start: 1, end: 99 }),
    from([2, 4, 2], ([i, j, k]) => [i! + 1, j!, k!]),
  ],
  ['slice', 'nothing', (x) => x.slice({ dim: 0, start: 2, end: 1 }), () => nd([0, 4, 2], () => 0)],
  ['narrow', 'middle', (x) => x.narrow(1, 1, 2), from([3, 2, 2], ([i, j, k]) => [i!, j! + 1, k!])],
  ['narrow', 'from the end', (x) => x.narrow(1, -2, 2), from([3, 2, 2], ([i, j, k]) => [i!, j! + 2, k!])],
  ['select', 'front', (x) => x.select(0, 1), from([4, 2], ([j, k]) => [1, j!, k!])],
  ['select', 'last', (x) => x.select(-1, -1), from([3, 4], ([i, j]) => [i!, j!, 1])],
  ['flip', 'one', (x) => x.flip(1), from([3, 4, 2], ([i, j, k]) => [i!, 3 - j!, k!])],
  ['flip', 'two', (x) => x.flip([0, -1]), from([3, 4, 2], ([i, j, k]) => [2 - i!, j!, 1 - k!])],
];

const joined =
  (dim: number) =>
  (...xs: Nd[]): Nd => {
    const shape = xs[0]!.shape.map((d, i) => (i === dim ? xs.reduce((n, x) => n + x.shape[dim]!, 0) : d));
    return nd(shape, (index) => {
      const place = [...index];
      for (const x of xs) {
        if (place[dim]! < x.shape[dim]!) return at(x, place);
        place[dim]! -= x.shape[dim]!;
      }
      return Number.NaN;
    });
  };
const between = (dim: number, start: number, end: number) => (x: Nd) =>
  nd(
    x.shape.map((d, i) => (i === dim ? end - start : d)),
    (index) =>
      at(
        x,
        index.map((k, i) => (i === dim ? k + start : k)),
      ),
  );

/** Padding of the last two dimensions of a matrix by 1, 2 (columns) and 2, 1 (rows). */
const padded = (rule: (i: number, n: number) => number) => (x: Nd) => {
  const [h, w] = x.shape as [number, number];
  return nd([h + 3, w + 3], ([i, j]) => at(x, [rule(i! - 2, h), rule(j! - 1, w)]));
};
const inside = (i: number, n: number) => (i < 0 || i >= n ? -1 : i);

export const rows: Row[] = [
  ...simple.map(([of, note, run, want, input = cube]): Row => ({ of, note, inputs: [input], run, want })),
  {
    of: 'split',
    note: 'equal',
    inputs: [cube],
    run: (x) => x.split(2, { dim: 1 }),
    want: (x) => [0, 2].map((i) => between(1, i, i + 2)(x)),
  },
  {
    of: 'split',
    note: 'last smaller',
    inputs: [cube],
    run: (x) => x.split(2),
    want: (x) => [between(0, 0, 2)(x), between(0, 2, 3)(x)],
  },
  {
    of: 'split',
    note: 'sizes',
    inputs: [cube],
    run: (x) => x.split([1, 3], { dim: -2 }),
    want: (x) => [between(1, 0, 1)(x), between(1, 1, 4)(x)],
  },
  {
    of: 'chunk',
    note: 'last smaller',
    inputs: [cube],
    run: (x) => x.chunk(2),
    want: (x) => [between(0, 0, 2)(x), between(0, 2, 3)(x)],
  },
  {
    of: 'chunk',
    note: 'more than there is',
    inputs: [{ shape: [2] }],
    run: (x) => x.chunk(5),
    want: (x) => [between(0, 0, 1)(x), between(0, 1, 2)(x)],
  },
  {
    of: 'cat',
    note: 'first',
    inputs: [{ shape: [2, 3] }, { shape: [1, 3] }, { shape: [3, 3] }],
    run: (...xs) => cat(xs),
    want: joined(0),
  },
  {
    of: 'cat',
    note: 'last',
    inputs: [{ shape: [2, 3] }, { shape: [2, 1] }],
    run: (...xs) => cat(xs, { dim: -1 }),
    want: joined(1),
  },
  {
    of: 'cat',
    note: 'twice the same',
    inputs: [{ shape: [2] }],
    run: (x) => cat([x, x]),
    want: (x) => joined(0)(x, x),
  },
  {
    of: 'cat',
    note: 'promotes',
    inputs: [{ shape: [2], values: [1, 2], dtype: 'int64' }, { shape: [1] }],
    run: (...xs) => cat(xs),
    want: joined(0),
  },
  ...[0, 1, -1].map(
    (dim): Row => ({
      of: 'stack',
      note: String(dim),
      inputs: [{ shape: [2, 3] }, { shape: [2, 3] }],
      run: (...xs) => stack(xs, { dim }),
      want: (x, y) =>
        nd(
          [
            [2, 2, 3],
            [2, 2, 3],
            [2, 3, 2],
          ].at(dim)!,
          (index) => {
            const d = dim < 0 ? 2 : dim;
            return at(
              index[d] === 0 ? x : y,
              index.filter((_, i) => i !== d),
            );
          },
        ),
    }),
  ),
  {
    of: 'F.pad',
    note: 'constant',
    inputs: [{ shape: [2, 3] }],
    run: (x) => F.pad(x, [1, 2, 2, 1]),
    want: padded(inside),
  },
  {
    of: 'F.pad',
    note: 'a value',
    inputs: [{ shape: [2] }],
    run: (x) => F.pad(x, [1, 0], { value: 7 }),
    want: (x) => ({ shape: [3], data: [7, ...x.data] }),
  },
  {
    of: 'F.pad',
    note: 'cropping',
    inputs: [{ shape: [2, 4] }],
    run: (x) => F.pad(x, [-1, 1]),
    want: from([2, 4], ([i, j]) => [i!, j! + 1]),
  },
  {
    of: 'F.pad',
    note: 'reflect',
    inputs: [{ shape: [3, 3] }],
    run: (x) => F.pad(x, [1, 2, 2, 1], { mode: 'reflect' }),
    want: padded((i, n) => (i < 0 ? -i : i >= n ? 2 * n - 2 - i : i)),
  },
  {
    of: 'F.pad',
    note: 'replicate',
    inputs: [{ shape: [2, 3] }],
    run: (x) => F.pad(x, [1, 2, 2, 1], { mode: 'replicate' }),
    want: padded((i, n) => Math.min(n - 1, Math.max(0, i))),
  },
  {
    of: 'F.pad',
    note: 'circular',
    inputs: [{ shape: [2, 3] }],
    run: (x) => F.pad(x, [1, 2, 2, 1], { mode: 'circular' }),
    want: padded((i, n) => (i + n) % n),
  },
];
