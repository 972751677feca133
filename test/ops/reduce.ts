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
const power =
  (p: number): Fold =>
  (v) =>
    sum(v.map((x) => Math.abs(x) ** p)) ** (1 / p);
const logsumexp: Fold = (v) => Math.log(sum(v.map(Math.exp)));
const anyOf = (dims: Dims) => dims.dim ?? [0, 1, 2];
const methods: [of: string, run: (x: Tensor, o: Dims) => Tensor, fold: Fold, input: Input][] = [
  ['sum', (x, o) => x.sum(o), sum, cube],
  ['mean', (x, o) => x.mean(o), mean, cube],
  ['amax', (x, o) => x.amax(o), max, apart],
  ['amin', (x, o) => x.amin(o), min, apart],
  ['var', (x, o) => x.var(o), variance(1), cube],
  ['std', (x, o) => x.std(o), (v) => Math.sqrt(variance(1)(v)), cube],
  ['norm', (x, o) => x.norm(o), power(2), cube],
  ['logsumexp', (x, o) => x.logsumexp(anyOf(o), o.keepdim ? { keepdim: true } : {}), logsumexp, cube],
];
/** Norms of other orders, away from 0 where their slopes are infinite. */
const norms: [p: number, fold: Fold][] = [
  [1, power(1)],
  [3, power(3)],
  [1.5, power(1.5)],
  [0.5, power(0.5)],
  [Number.POSITIVE_INFINITY, (v) => Math.max(...v.map(Math.abs))],
  [Number.NEGATIVE_INFINITY, (v) => Math.min(...v.map(Math.abs))],
];
/** Products with no zero, one, and several. */
const factors: [note: string, Input][] = [
  ['', { shape: [3, 5], range: [0.5, 1.5] }],
  ['one zero', { shape: [2, 5], values: [0.7, -1.1, 0, 1.3, 0.9, 1.2, -0.8, 1.1, -0.6, 1.4] }],
  ['two zeros', { shape: [2, 3], values: [0, 1.3, 0, 0.9, 0, 1.4] }],
];
const product: Fold = (v) => v.reduce((a, b) => a * b, 1);
const gaps: Input = { shape: [2, 3], values: [3, Number.NaN, 4, 1, -5, Number.NaN], dtype: 'float64' };
const present =
  (fold: Fold): Fold =>
  (v) =>
    fold(v.filter((x) => !Number.isNaN(x)));
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
  ...norms.flatMap(([p, fold]) =>
    [{}, { dim: 1 }, { dim: [0, -1], keepdim: true }].map(
      (o): Row => ({
        of: 'norm',
        note: `p ${p} ${JSON.stringify(o)}`,
        inputs: [{ ...apart, shape: [2, 3, 2] }],
        run: (x) => x.norm({ p, ...o }),
        want: folded(fold, o),
      }),
    ),
  ),
  {
    of: 'norm',
    note: 'p 0 counts',
    inputs: [{ shape: [4], values: [0, 2, -1, 0] }],
    run: (x) => x.norm({ p: 0 }),
    want: () => ({ shape: [], data: [2] }),
    noGradient: 'a count',
  },
  {
    of: 'logsumexp',
    note: 'large numbers, and none',
    inputs: [{ shape: [2, 2], values: [1000, 1000, -Infinity, -Infinity], dtype: 'float64' }],
    run: (x) => x.logsumexp(1),
    want: () => ({ shape: [2], data: [1000 + Math.LN2, -Infinity] }),
    dtype: 'float64',
  },
  {
    of: 'dist',
    inputs: [cube, cube],
    run: (x, y) => x.dist(y, { p: 3 }),
    want: (x, y) => folded(power(3))({ shape: x.shape, data: x.data.map((v, i) => v - y.data[i]!) }),
  },
  ...factors.flatMap(([note, input]) =>
    [{}, { dim: 1 }, { dim: -2, keepdim: true }].map(
      (o): Row => ({
        of: 'prod',
        note: `${note || 'no zero'} ${JSON.stringify(o)}`,
        inputs: [input],
        run: (x) => x.prod(o),
        want: folded(product, o),
      }),
    ),
  ),
  {
    of: 'prod',
    note: 'int32',
    inputs: [{ ...integers, dtype: 'int32' }],
    run: (x) => x.prod({ dim: 1 }),
    want: folded(product, { dim: 1 }),
    dtype: 'int64',
  },
  { of: 'prod', note: '0-d', inputs: [{ shape: [] }], run: (x) => x.prod({ dim: 0 }), want: (x) => x },
  {
    of: 'prod',
    note: 'of nothing',
    inputs: [{ shape: [0, 2] }],
    run: (x) => x.prod({ dim: 0 }),
    want: folded(product, { dim: 0 }),
  },
  ...(['nansum', 'nanmean'] as const).map(
    (of): Row => ({
      of,
      inputs: [gaps],
      run: (x) => x[of]({ dim: 1 }),
      want: folded(present(of === 'nansum' ? sum : mean), { dim: 1 }),
      dtype: 'float64',
    }),
  ),
  {
    of: 'nansum',
    note: 'nothing missing',
    inputs: [cube],
    run: (x) => x.nansum({ dim: 0 }),
    want: folded(sum, { dim: 0 }),
  },
  { of: 'nanmean', note: 'nothing missing', inputs: [cube], run: (x) => x.nanmean(), want: folded(mean) },
  {
    of: 'sum',
    note: 'as float64',
    inputs: [integers],
    run: (x) => x.sum({ dtype: 'float64' }),
    want: folded(sum),
    dtype: 'float64',
  },
  {
    of: 'mean',
    note: 'of integers as float32',
    inputs: [integers],
    run: (x) => x.mean({ dim: 0, dtype: 'float32' }),
    want: folded(mean, { dim: 0 }),
    dtype: 'float32',
  },
  ...(['any', 'all'] as const).flatMap((of) => {
    const fold: Fold = (v) => Number(of === 'any' ? v.some(Boolean) : v.every(Boolean));
    const inputs: [note: string, Input, Dims][] = [
      ['all of bool', flags, {}],
      ['along 1', flags, { dim: 1 }],
      ['of float32, kept', { shape: [2, 2], values: [0, 0.3, 0, 0], dtype: 'float32' }, { dim: 0, keepdim: true }],
      ['two dimensions', { shape: [2, 1, 2], values: [1, 1, 1, 0], dtype: 'int64' }, { dim: [1, 2] }],
      ['of nothing', { shape: [0, 2], dtype: 'bool' }, { dim: 0 }],
      ['0-d', { shape: [], values: [1], dtype: 'bool' }, {}],
      ['uint8 stays', { shape: [3], values: [0, 2, 3], dtype: 'uint8' }, {}],
    ];
    return inputs.map(
      ([note, input, o]): Row => ({
        of,
        note,
        inputs: [input],
        run: (x) => x[of](o),
        want: folded(fold, o),
        dtype: input.dtype === 'uint8' ? 'uint8' : 'bool',
      }),
    );
  }),
  {
    of: 'countNonzero',
    inputs: [integers],
    run: (x) => x.sub(1).countNonzero({ dim: 0 }),
    want: folded((v) => v.filter((x) => x !== 1).length, { dim: 0 }),
    dtype: 'int64',
  },
  {
    of: 'aminmax',
    inputs: [apart],
    run: (x) => x.aminmax({ dim: 1 }),
    want: (x) => [folded(min, { dim: 1 })(x), folded(max, { dim: 1 })(x)],
  },
  ...(['max', 'min'] as const).flatMap((of): Row[] => {
    const fold = of === 'max' ? max : min;
    const along = (note: string, input: Input, o: { dim: number; keepdim?: boolean }): Row => ({
      of,
      note,
      inputs: [input],
      run: (x) => x[of](o),
      want: (x) => [folded(fold, o)(x), folded(first(fold), o)(x)],
      dtype: [input.dtype ?? 'float64', 'int64'],
    });
    return [
      { of, note: 'all', inputs: [apart], run: (x) => x[of](), want: folded(fold) },
      along('along 1', apart, { dim: 1 }),
      along('along -1, kept', apart, { dim: -1, keepdim: true }),
      along('int64, the first of equals', integers, { dim: 0 }),
      along('bool', flags, { dim: 1 }),
      along('0-d', { shape: [] }, { dim: 0 }),
    ];
  }),
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
      row('all, kept', apart, { keepdim: true }),
      row('large int64', { shape: [2], values: [2 ** 40, 2 ** 41], dtype: 'int64' }, {}),
    ];
  }),
];

export const total = (x: Nd): number => x.data.reduce((a, b) => a + b, 0);
export const count = (x: Nd): number => size(x.shape);
