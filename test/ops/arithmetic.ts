import {
  add,
  atan2,
  type Dtype,
  div,
  floorDivide,
  fmod,
  lerp,
  maximum,
  mul,
  pow,
  remainder,
  sub,
  type Tensor,
} from 'torcharc';
import { each, type Input, meet, type Row } from './check.ts';

const grid: Input = { shape: [3, 4] };
const apart: Input = { shape: [3, 4], apart: true };
const positive: Input = { shape: [3, 4], range: [0.5, 2] };
/** Pairs whose quotients are away from whole numbers, of all signs. */
const dividend: Input = { shape: [4], values: [7.3, -7.3, 7.3, -7.3] };
const divisor: Input = { shape: [4], values: [3, 3, -3, -3] };
const list = (values: number[], dtype?: Dtype): Input => ({ shape: [values.length], values, ...(dtype && { dtype }) });

/** As Python's %. */
const mod = (x: number, y: number) => x - y * Math.floor(x / y);
const rem = (x: number, y: number) => (x % y) + 0;
const logaddexp = (x: number, y: number) => Math.max(x, y) + Math.log1p(Math.exp(-Math.abs(x - y)));
const clamp = (x: number, low: number, high: number) => Math.min(Math.max(x, low), high);

type Binary = [
  of: string,
  run: (x: Tensor, y: Tensor) => Tensor,
  want: (x: number, y: number) => number,
  left?: Input,
  right?: Input,
  more?: Partial<Row>,
];
const binary: Binary[] = [
  ['remainder', (x, y) => x.remainder(y), mod, dividend, divisor],
  ['fmod', (x, y) => x.fmod(y), rem, dividend, divisor],
  ['floorDivide', (x, y) => x.floorDivide(y), (x, y) => Math.floor(x / y), dividend, divisor],
  [
    'div',
    (x, y) => x.div(y, { rounding_mode: 'floor' }),
    (x, y) => Math.floor(x / y),
    dividend,
    divisor,
    { note: 'rounded down' },
  ],
  [
    'div',
    (x, y) => x.div(y, { rounding_mode: 'trunc' }),
    (x, y) => Math.trunc(x / y) + 0,
    dividend,
    divisor,
    { note: 'cut off' },
  ],
  ['atan2', (y, x) => y.atan2(x), Math.atan2, list([1, -1, 1, -1, 0.5]), list([2, 2, -2, -2, 0.25])],
  ['hypot', (x, y) => x.hypot(y), Math.hypot, positive, positive],
  ['logaddexp', (x, y) => x.logaddexp(y), logaddexp],
  ['xlogy', (x, y) => x.xlogy(y), (x, y) => x * Math.log(y), grid, positive],
  [
    'xlogy',
    (x, y) => x.xlogy(y),
    (x, y) => (x === 0 ? 0 : x * Math.log(y)),
    list([0, 0, 2]),
    list([0, Infinity, 1]),
    { note: 'of zeros', noGradient: 'log 0' },
  ],
  [
    'heaviside',
    (x, y) => x.heaviside(y),
    (x, y) => (x === 0 ? y : Number(x > 0)),
    list([-1, 0, 2]),
    list([0.3, 0.4, 0.5]),
    { noGradient: 'none, on purpose' },
  ],
  ['lerp', (x, y) => x.lerp(y, 0.3), (x, y) => x + 0.3 * (y - x)],
  ['lerp', (x, y) => lerp(x, y, 0.8), (x, y) => x + 0.8 * (y - x), grid, grid, { note: 'from the end' }],
  ['addcmul', (x, y) => x.addcmul(x, y, { value: 0.5 }), (x, y) => x + 0.5 * x * y],
  ['addcdiv', (x, y) => x.addcdiv(x, y, { value: 2 }), (x, y) => x + (2 * x) / y, grid, positive],
  ['clamp', (x, y) => x.clamp({ min: y }), Math.max, apart, grid, { note: 'from a tensor' }],
  [
    'clamp',
    (x, y) => x.clamp({ min: -1, max: y }),
    (x, y) => clamp(x, -1, y),
    apart,
    positive,
    { note: 'up to a tensor' },
  ],
  ['clampMin', (x) => x.clampMin(0.2), (x) => Math.max(x, 0.2), apart],
  ['clampMax', (x, y) => x.clampMax(y), Math.min, apart, grid],
];

/** Operations in integers: they stay integers, division rounds down. */
const ints: Binary[] = [
  ['remainder', (x, y) => x.remainder(y), mod],
  ['fmod', (x, y) => x.fmod(y), rem],
  ['floorDivide', (x, y) => x.floorDivide(y), (x, y) => Math.floor(x / y)],
  ['div', (x, y) => x.div(y, { rounding_mode: 'trunc' }), (x, y) => Math.trunc(x / y) + 0],
  ['maximum', (x, y) => x.maximum(y), Math.max],
  ['minimum', (x, y) => x.minimum(y), Math.min],
  ['clamp', (x) => x.clamp({ min: 2, max: 5 }), (x) => clamp(x, 2, 5)],
  ['bitwiseAnd', (x, y) => x.bitwiseAnd(y), (x, y) => x & y],
  ['bitwiseOr', (x, y) => x.bitwiseOr(y), (x, y) => x | y],
  ['bitwiseXor', (x, y) => x.bitwiseXor(y), (x, y) => x ^ y],
];
const signed = [list([7, -7, 7, -7, 0]), list([3, 3, -3, -3, 5])] as const;
const unsigned = [list([250, 7, 9, 1]), list([3, 200, 3, 5])] as const;
const flags = [list([1, 1, 0, 0], 'bool'), list([1, 0, 1, 0], 'bool')] as const;
const bits: [of: string, run: (x: Tensor, y: Tensor) => Tensor, want: (x: number, y: number) => number][] = [
  ['bitwiseAnd', (x, y) => x.bitwiseAnd(y), (x, y) => x & y],
  ['bitwiseOr', (x, y) => x.bitwiseOr(y), (x, y) => x | y],
  ['bitwiseXor', (x, y) => x.bitwiseXor(y), (x, y) => x ^ y],
];

/** Functions whose first operand is a number. */
const numberFirst: [of: string, run: (x: Tensor) => Tensor, want: (x: number) => number][] = [
  ['add', (x) => add(2, x), (x) => 2 + x],
  ['sub', (x) => sub(2, x), (x) => 2 - x],
  ['mul', (x) => mul(2, x), (x) => 2 * x],
  ['div', (x) => div(2, x), (x) => 2 / x],
  ['pow', (x) => pow(2, x), (x) => 2 ** x],
  ['maximum', (x) => maximum(1.1, x), (x) => Math.max(1.1, x)],
  ['remainder', (x) => remainder(7.7, x), (x) => mod(7.7, x)],
  ['fmod', (x) => fmod(-7.7, x), (x) => rem(-7.7, x)],
  ['floorDivide', (x) => floorDivide(7.7, x), (x) => Math.floor(7.7 / x)],
];

const nan = Number.NaN;
const odd: Input = list([-Infinity, -1, nan, 2, Infinity]);
const kinds: [of: string, run: (x: Tensor) => Tensor, want: (x: number) => boolean][] = [
  ['isnan', (x) => x.isnan(), Number.isNaN],
  ['isinf', (x) => x.isinf(), (x) => Math.abs(x) === Infinity],
  ['isfinite', (x) => x.isfinite(), Number.isFinite],
];

export const rows: Row[] = [
  ...binary.map(
    ([of, run, want, left = grid, right = grid, more]): Row => ({
      of,
      inputs: [left, right],
      run,
      want: meet(want),
      ...more,
    }),
  ),
  ...ints.flatMap(([of, run, want]) =>
    (['int64', 'int32', 'uint8'] as const).map((dtype): Row => {
      const [left, right] = dtype === 'uint8' ? unsigned : signed;
      return {
        of,
        note: dtype,
        inputs: [
          { ...left, dtype },
          { ...right, dtype },
        ],
        run,
        want: meet(want),
        dtype,
      };
    }),
  ),
  ...bits.map(([of, run, want]): Row => ({ of, note: 'bool', inputs: flags, run, want: meet(want), dtype: 'bool' })),
  ...(['int64', 'uint8', 'bool'] as const).map(
    (dtype): Row => ({
      of: 'bitwiseNot',
      note: dtype,
      inputs: [list([0, 1, dtype === 'bool' ? 1 : 77], dtype)],
      run: (x) => x.bitwiseNot(),
      want: each((x) => ({ int64: ~x, uint8: ~x & 255, bool: 1 - x })[dtype]),
      dtype,
    }),
  ),
  ...numberFirst.map(
    ([of, run, want]): Row => ({
      of,
      note: 'a number first',
      inputs: [list([1.3, 1.7, 2.3])],
      run,
      want: each(want),
    }),
  ),
  ...kinds.flatMap(([of, run, want]) =>
    (['float32', 'float64', 'int64'] as const).map(
      (dtype): Row => ({
        of,
        note: dtype,
        inputs: [{ ...(dtype === 'int64' ? list([-1, 0, 3]) : odd), dtype }],
        run,
        want: each((x) => Number(want(x))),
        dtype: 'bool',
      }),
    ),
  ),
  {
    of: 'clamp',
    note: 'int64 to a fraction',
    inputs: [list([-7, 3], 'int64')],
    run: (x) => x.clamp({ max: 1.5 }),
    want: each((x) => Math.min(x, 1.5)),
    dtype: 'float32',
  },
  {
    of: 'floorDivide',
    note: 'where the quotient is rounded up to a whole number, and by 0',
    inputs: [list([1, 1, -1], 'float32'), list([Math.fround(0.1), 0, 0], 'float32')],
    run: (x, y) => x.floorDivide(y),
    want: () => ({ shape: [3], data: [9, Infinity, -Infinity] }),
    dtype: 'float32',
  },
  {
    of: 'remainder',
    note: 'of an infinite divisor',
    inputs: [list([5, -5], 'float64')],
    run: (x) => x.remainder(Infinity),
    want: () => ({ shape: [2], data: [5, Infinity] }),
    dtype: 'float64',
  },
  {
    of: 'atan2',
    note: 'on the axes',
    inputs: [list([0, 0, 0, 1, -1], 'float64'), list([0, 1, -1, 0, 0], 'float64')],
    run: atan2,
    want: meet(Math.atan2),
    dtype: 'float64',
  },
  {
    of: 'logaddexp',
    note: 'of infinities',
    inputs: [list([-Infinity, Infinity, -Infinity], 'float64'), list([-Infinity, Infinity, 2], 'float64')],
    run: (x, y) => x.logaddexp(y),
    want: () => ({ shape: [3], data: [-Infinity, Infinity, 2] }),
    dtype: 'float64',
  },
  {
    of: 'nanToNum',
    inputs: [odd],
    run: (x) => x.nanToNum({ nan: 3, neginf: -9 }),
    want: () => ({ shape: [5], data: [-9, -1, 3, 2, Number.MAX_VALUE] }),
    noGradient: 'infinite values',
  },
  {
    of: 'nanToNum',
    note: 'nothing to do',
    inputs: [grid],
    run: (x) => x.nanToNum(),
    want: (x) => x,
  },
  {
    of: 'maskedFill',
    inputs: [{ shape: [2, 3] }, { shape: [3], values: [1, 0, 1], dtype: 'bool' }],
    run: (x, m) => x.maskedFill(m, 1.5),
    want: meet((x, m) => (m ? 1.5 : x)),
  },
  {
    of: 'maskedFill',
    note: 'a 0-d tensor',
    inputs: [{ shape: [2, 3] }, { shape: [3], values: [1, 0, 1], dtype: 'bool' }, { shape: [] }],
    run: (x, m, v) => x.maskedFill(m, v),
    want: meet((x, m, v) => (m ? v : x)),
  },
  {
    of: 'maskedFill',
    note: 'integers stay',
    inputs: [list([1, 2], 'int64'), list([1, 0], 'bool')],
    run: (x, m) => x.maskedFill(m, 1.7),
    want: meet((x, m) => (m ? 1 : x)),
    dtype: 'int64',
  },
  ...[false, true].map(
    (equal_nan): Row => ({
      of: 'isclose',
      note: equal_nan ? 'NaN too' : 'plain',
      inputs: [
        list([1, 1, Infinity, -Infinity, nan, 0], 'float64'),
        list([1 + 9e-6, 1 + 2e-5, Infinity, Infinity, nan, 1e-8], 'float64'),
      ],
      run: (x, y) => x.isclose(y, { equal_nan }),
      want: () => ({ shape: [6], data: [1, 0, 1, 0, Number(equal_nan), 1] }),
      dtype: 'bool',
    }),
  ),
  {
    of: 'isclose',
    note: 'uint8',
    inputs: [list([3, 5], 'uint8'), list([5, 5], 'uint8')],
    run: (x, y) => x.isclose(y, { atol: 1 }),
    want: () => ({ shape: [2], data: [0, 1] }),
    dtype: 'bool',
  },
];
