import { F } from 'torcharc';
import { at, type Nd, nd, type Row } from './check.ts';

type Mode = 'constant' | 'reflect' | 'replicate' | 'circular';

/** One dimension after another; an index outside is moved inside by the mode's rule. */
const padded = (padding: readonly number[], mode: Mode, value: number) => (x: Nd) =>
  x.shape.reduce((t, size, dim) => {
    const [before, after] = [0, 1].map((k) => padding[2 * (x.shape.length - 1 - dim) + k] ?? 0) as [number, number];
    // a ring is closed after cropping
    const [start, n] =
      mode === 'circular' ? [Math.max(-before, 0), size + Math.min(before, 0) + Math.min(after, 0)] : [0, size];
    const rule = (i: number) => {
      if (mode === 'reflect') return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i;
      if (mode === 'replicate') return Math.min(Math.max(i, 0), n - 1);
      return mode === 'circular' ? ((i % n) + n) % n : i;
    };
    const offset = mode === 'circular' ? Math.max(before, 0) : before;
    return nd(
      t.shape.map((d, i) => (i === dim ? d + before + after : d)),
      (index) => {
        const from = rule(index[dim]! - offset);
        const inside = mode !== 'constant' || (from >= 0 && from < n);
        return inside ? at(t, index.with(dim, start + from)) : value;
      },
    );
  }, x);

const cases: [mode: Mode, note: string, shape: number[], padding: number[]][] = [
  ['reflect', 'as far as it goes', [2, 4], [3, 3]],
  ['reflect', 'three dimensions', [2, 3, 4], [1, 2, 2, 0, 0, 1]],
  ['reflect', 'cropped, mirrored at what was there', [2, 5], [-3, 3]],
  ['reflect', 'one side', [4, 3], [0, 0, 2, 0]],
  ['replicate', 'far outside', [2, 2], [5, 3]],
  ['replicate', 'three dimensions', [2, 3, 2], [1, 2, 2, 0, 0, 1]],
  ['replicate', 'cropped beyond the end', [1, 5], [-6, 8]],
  ['circular', 'once around on both sides', [2, 3], [3, 3]],
  ['circular', 'three dimensions', [2, 3, 2], [1, 2, 2, 0, 0, 1]],
  ['circular', 'around what is left', [2, 5], [-1, 2]],
  ['constant', 'cropping and padding', [2, 3, 4], [-1, 2, 1, -2, 0, 1]],
];

export const rows: Row[] = [
  ...cases.map(
    ([mode, note, shape, padding]): Row => ({
      of: 'F.pad',
      note: `${mode}: ${note}`,
      inputs: [{ shape }],
      run: (x) => F.pad(x, padding, { mode }),
      want: padded(padding, mode, 0),
    }),
  ),
  ...(['reflect', 'replicate', 'circular'] as const).map(
    (mode): Row => ({
      of: 'F.pad',
      note: `${mode}: integers`,
      inputs: [{ shape: [2, 3], values: [1, 2, 3, 4, 5, 6], dtype: 'int64' }],
      run: (x) => F.pad(x, [1, 2], { mode }),
      want: padded([1, 2], mode, 0),
      dtype: 'int64',
    }),
  ),
  ...(['reflect', 'replicate', 'circular'] as const).map(
    (mode): Row => ({
      of: 'F.pad',
      note: `${mode}: float32`,
      inputs: [{ shape: [2, 4, 3] }],
      run: (x) => F.pad(x, [2, 1, 1, 3], { mode }),
      want: padded([2, 1, 1, 3], mode, 0),
      float: 'float32',
    }),
  ),
  {
    of: 'F.pad',
    note: 'constant: infinity',
    inputs: [{ shape: [2] }],
    run: (x) => F.pad(x, [1, 0], { value: Number.NEGATIVE_INFINITY }),
    want: padded([1, 0], 'constant', Number.NEGATIVE_INFINITY),
    noGradient: 'differences of infinities',
  },
];
