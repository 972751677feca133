import type { Tensor } from 'torcharc';
import { at, type Input, type Nd, nd, type Row, size } from './check.ts';

type Dims = { dim?: number | number[]; keepdim?: boolean };
type Fold = (values: number[]) => number;

/** The values that meet in each place of the result, folded. */
export const folded =
  (fold: Fold, { dim, keepdim = false }: Dims = {}) =>
  (x: Nd): Nd => {
    const rank = x.shape.length;
    const all = dim === undefined || (Array.isArray(dim) && dim.length === 0);
    const dims = all ? [...x.shape.keys()] : [dim!].flat().map((d) => (d < 0 ? d + rank : d));
    const kept = x.shape.map((d, i) => (dims.includes(i) ? 1 : d));
    const inner = x.shape.map((d, i) => (dims.includes(i) ? d : 1));
    const result = nd(kept, (index) =>
      fold(
        nd(inner, (offset) =>
          at(
            x,
            index.map((k, i) => k + offset[i]!),
          ),
        ).data as number[],
      ),
    );
    return keepdim ? result : { ...result, shape: x.shape.filter((_, i) => !dims.includes(i)) };
  };

const sum: Fold = (v) => v.reduce((a, b) => a + b, 0);
const mean: Fold = (v) => sum(v) / v.length;
const variance =
  (correction: number): Fold =>
  (v) =>
    sum(v.map((x) => (x - mean(v)) ** 2)) / (v.length - correction);
const first =
  (pick: Fold): Fold =>
  (v) =>
    v.indexOf(pick(v));
const max: Fold = (v) => Math.max(...v);
const min: Fold = (v) => Math.min(...v);

const cube: Input = { shape: [3, 4, 2] };
const apart: Input = { shape: [3, 4, 2], apart: true };
const forms: Dims[] = [
  {},
  { keepdim: true },
  { dim: 0 },
  { dim: -1 },
  { dim: 1, keepdim: true },
  { dim: [0, 2] },
  { dim: [-1, 0], keepdim: true },
  { dim: [] },
];
const methods: [of: string, run: (x: Tensor, o: Dims) => Tensor, fold: Fold, input: Input][] = [
  ['sum', (x, o) => x.sum(o), sum, cube],
  ['mean', (x, o) => x.mean(o), mean, cube],
  ['amax', (x, o) => x.amax(o), max, apart],
  ['amin', (x, o) => x.amin(o), min, apart],
  ['var', (x, o) => x.var(o), variance(1), cube],
  ['std', (x, o) => x.std(o), (v) => Math.sqrt(variance(1)(v)), cube],
];
const integers: Input = { shape: [2, 3], values: [3, -1, 4, 1, -5, 9], dtype: 'int64' };
const flags: Input = { shape: [2, 3], values: [1, 0, 1, 1, 0, 0], dtype: 'bool' };

export const rows: Row[] = [
  ...methods.flatMap(([of, run, fold, input]) =>
    forms.map(
      (o): Row => ({ of, note: JSON.stringify(o), inputs: [input], run: (x) => run(x, o), want: folded(fold, o) }),
    ),
  ),
  ...methods.slice(0, 4).map(
    ([of, run, fold]): Row => ({
      of,
      note: '0-d',
      inputs: [{ shape: [] }],
      run: (x) => run(x, { dim: -1 }),
      want: (x) => ({ shape: [], data: [fold([...x.data])] }),
    }),
  ),
  // rows of a matrix are summed as a product with ones
  ...[false, true].map(
    (keepdim): Row => ({
      of: 'sum',
      note: `rows of a matrix${keepdim ? ', kept' : ''}`,
      inputs: [{ shape: [5, 3] }],
      run: (x) => x.sum({ dim: 0, keepdim }),
      want: folded(sum, { dim: 0, keepdim }),
    }),
  ),
  {
    of: 'sum',
    note: 'nothing',
    inputs: [{ shape: [0, 3] }],
    run: (x) => x.sum({ dim: 0 }),
    want: folded(sum, { dim: 0 }),
  },
  {
    of: 'sum',
    note: 'int64',
    inputs: [integers],
    run: (x) => x.sum({ dim: 0 }),
    want: folded(sum, { dim: 0 }),
    dtype: 'int64',
  },
  { of: 'sum', note: 'bool counts', inputs: [flags], run: (x) => x.sum(), want: folded(sum), dtype: 'int64' },
  {
    of: 'amax',
    note: 'int64',
    inputs: [integers],
    run: (x) => x.amax({ dim: 1 }),
    want: folded(max, { dim: 1 }),
    dtype: 'int64',
  },
  {
    of: 'var',
    note: 'correction 0',
    inputs: [cube],
    run: (x) => x.var({ dim: 1, correction: 0 }),
    want: folded(variance(0), { dim: 1 }),
  },
  {
    of: 'std',
    note: 'correction 0',
    inputs: [cube],
    run: (x) => x.std({ correction: 0 }),
    want: folded((v) => Math.sqrt(variance(0)(v))),
  },
  ...(['argmax', 'argmin'] as const).flatMap((of): Row[] => {
    const fold = first(of === 'argmax' ? max : min);
    const row = (note: string, input: Input, o: { dim?: number; keepdim?: boolean }): Row => ({
      of,
      note,
      inputs: [input],
      run: (x) => x[of](o),
      want: folded(fold, o),
      dtype: 'int64',
    });
    return [
      row('all', apart, {}),
      row('dim 1', apart, { dim: 1 }),
      row('dim -1, kept', apart, { dim: -1, keepdim: true }),
      row('int64', integers, { dim: 0 }),
      row('bool, the first of equals', flags, { dim: 1 }),
      row('0-d', { shape: [] }, { dim: 0 }),
    ];
  }),
];

export const total = (x: Nd): number => x.data.reduce((a, b) => a + b, 0);
export const count = (x: Nd): number => size(x.shape);
