import { F, type Tensor, tensor, where } from 'torcharc';
import * as e from '../../src/ops/arithmetic.ts';
import { each, type Input, meet, type Row } from './check.ts';

const grid: Input = { shape: [3, 4] };
const positive: Input = { shape: [3, 4], range: [0.3, 3] };
/** Away from 0 by more than the differences reach. */
const sided: Input = { shape: [2, 4], values: [-2, -1.3, -0.4, -0.2, 0.2, 0.35, 1.1, 2.5] };
/** Away from whole numbers. */
const between: Input = { shape: [4], values: [-1.7, -0.3, 0.4, 2.6] };
const flags: Input = { shape: [2, 3], values: [1, 0, 0, 1, 1, 0], dtype: 'bool' };
const others: Input = { shape: [3], values: [1, 1, 0], dtype: 'bool' };
const noKink = 'its slope is 0 nearly everywhere, which the differences cannot see';

export function erf(x: number): number {
  let [term, sum] = [x, x];
  for (let n = 1; n < 60; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}
export const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
/** To the nearest, ties to even. */
const roundEven = (x: number) => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));
const gelu = (x: number) => 0.5 * x * (1 + erf(x * Math.SQRT1_2));
const geluTanh = (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
const elu = (alpha: number, scale: number) => (x: number) => scale * (x > 0 ? x : alpha * Math.expm1(x));

type Unary = [of: string, run: (x: Tensor) => Tensor, want: (x: number) => number, input?: Input, more?: Partial<Row>];
const f32 = { float: 'float32' } as const;
const unary: Unary[] = [
  ['neg', (x) => x.neg(), (x) => -x],
  ['abs', (x) => x.abs(), Math.abs, sided],
  ['sign', (x) => x.sign(), Math.sign, sided],
  ['exp', (x) => x.exp(), Math.exp],
  ['log', (x) => x.log(), Math.log, positive],
  ['sqrt', (x) => x.sqrt(), Math.sqrt, positive],
  ['rsqrt', (x) => x.rsqrt(), (x) => 1 / Math.sqrt(x), positive],
  ['reciprocal', (x) => x.reciprocal(), (x) => 1 / x, positive],
  ['sin', (x) => x.sin(), Math.sin],
  ['cos', (x) => x.cos(), Math.cos],
  ['tanh', (x) => x.tanh(), Math.tanh],
  ['sigmoid', (x) => x.sigmoid(), sigmoid],
  ['erf', (x) => x.erf(), erf, grid, f32],
  ['relu', (x) => x.relu(), (x) => Math.max(0, x), sided],
  ['relu', (x) => x.relu(), (x) => Math.max(0, x), sided, f32],
  ['floor', (x) => x.floor(), Math.floor, between],
  ['ceil', (x) => x.ceil(), (x) => Math.ceil(x) + 0, between],
  [
    'round',
    (x) => x.round(),
    (x) => roundEven(x) + 0,
    { shape: [6], values: [-2.5, -1.5, -0.3, 0.7, 1.5, 2.5] },
    { noGradient: noKink },
  ],
  ['square', (x) => x.square(), (x) => x * x],
  ['clamp', (x) => x.clamp({ min: -1, max: 1 }), (x) => Math.min(1, Math.max(-1, x)), sided],
  ['clamp', (x) => x.clamp({ min: 0.3 }), (x) => Math.max(0.3, x), sided, { note: 'below only' }],
  ['clamp', (x) => x.clamp({ max: 0.3 }), (x) => Math.min(0.3, x), sided, { note: 'above only' }],
  ['F.relu', F.relu, (x) => Math.max(0, x), sided],
  ['F.tanh', F.tanh, Math.tanh],
  ['F.sigmoid', F.sigmoid, sigmoid],
  ['F.silu', F.silu, (x) => x * sigmoid(x)],
  ['F.softplus', (x) => F.softplus(x), (x) => Math.log1p(Math.exp(x)), sided],
  ['F.gelu', (x) => F.gelu(x), gelu, grid, f32],
  ['F.gelu', (x) => F.gelu(x, { approximate: 'tanh' }), geluTanh, grid, { note: 'tanh' }],
  ['F.leakyRelu', (x) => F.leakyRelu(x), (x) => (x > 0 ? x : 0.01 * x), sided, f32],
  [
    'F.leakyRelu',
    (x) => F.leakyRelu(x, { negative_slope: 0.3 }),
    (x) => (x > 0 ? x : 0.3 * x),
    sided,
    { note: 'slope' },
  ],
  ['F.elu', (x) => F.elu(x), elu(1, 1), sided],
  ['F.elu', (x) => F.elu(x, { alpha: 0.4 }), elu(0.4, 1), sided, { note: 'alpha' }],
  [
    'F.softplus',
    (x) => F.softplus(x, { beta: 2, threshold: 1 }),
    (x) => (2 * x > 1 ? x : Math.log1p(Math.exp(2 * x)) / 2),
    sided,
    { note: 'beta' },
  ],
  ['F.celu', (x) => F.celu(x, { alpha: 0.6 }), (x) => (x > 0 ? x : 0.6 * Math.expm1(x / 0.6)), sided],
  ['F.hardtanh', (x) => F.hardtanh(x, { min_val: -0.7, max_val: 0.9 }), (x) => Math.min(Math.max(x, -0.7), 0.9), sided],
  ['F.relu6', F.relu6, (x) => Math.min(Math.max(x, 0), 6), sided],
  ['F.hardsigmoid', F.hardsigmoid, (x) => Math.min(Math.max(x + 3, 0), 6) / 6, sided],
  ['F.hardswish', F.hardswish, (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6, sided],
  ['F.hardshrink', (x) => F.hardshrink(x), (x) => (Math.abs(x) > 0.5 ? x : 0), sided],
  ['F.softshrink', (x) => F.softshrink(x), (x) => Math.sign(x) * Math.max(Math.abs(x) - 0.5, 0), sided],
  ['F.logsigmoid', F.logsigmoid, (x) => -Math.log1p(Math.exp(-x))],
  ['F.mish', F.mish, (x) => x * Math.tanh(Math.log1p(Math.exp(x))), sided],
  ['F.softsign', F.softsign, (x) => x / (1 + Math.abs(x)), sided],
  ['F.tanhshrink', F.tanhshrink, (x) => x - Math.tanh(x)],
  ['F.threshold', (x) => F.threshold(x, { threshold: 0.27, value: -3 }), (x) => (x > 0.27 ? x : -3), sided],
  ['F.prelu', (x) => F.prelu(x, tensor([0.3], { dtype: x.dtype })), (x) => (x > 0 ? x : 0.3 * x), sided],
  ['F.selu', F.selu, elu(1.6732632423543772, 1.0507009873554805), sided],
  ['pow', (x) => x.pow(2), (x) => x ** 2, grid, { note: '2' }],
  ['pow', (x) => x.pow(3), (x) => x ** 3, grid, { note: '3' }],
  ['pow', (x) => x.pow(1), (x) => x, grid, { note: '1' }],
  ['pow', (x) => x.pow(0), () => 1, grid, { note: '0' }],
  ['pow', (x) => x.pow(0.5), Math.sqrt, positive, { note: 'half' }],
  ['pow', (x) => x.pow(-0.5), (x) => x ** -0.5, positive, { note: 'minus half' }],
  ['pow', (x) => x.pow(-1), (x) => 1 / x, positive, { note: 'minus 1' }],
  ['pow', (x) => x.pow(2.5), (x) => x ** 2.5, positive, { note: '2.5' }],
  ['pow', (x) => x.pow(4), (x) => x ** 4, grid, { note: '4, of negative numbers too' }],
  ['pow', (x) => e.pow(2, x), (x) => 2 ** x, grid, { note: 'a number to it' }],
  ['add', (x) => x.add(2), (x) => x + 2, grid, { note: 'a number' }],
  ['sub', (x) => x.sub(2), (x) => x - 2, grid, { note: 'a number' }],
  ['sub', (x) => e.sub(2, x), (x) => 2 - x, grid, { note: 'from a number' }],
  ['mul', (x) => x.mul(-3), (x) => x * -3, grid, { note: 'a number' }],
  ['div', (x) => x.div(3), (x) => x / 3, grid, { note: 'by a number' }],
  ['div', (x) => e.div(3, x), (x) => 3 / x, positive, { note: 'a number by it' }],
  ['maximum', (x) => x.maximum(0.3), (x) => Math.max(x, 0.3), sided, { note: 'a number' }],
  ['detach', (x) => x.detach(), (x) => x, grid, { noGradient: 'nothing flows, on purpose' }],
  [
    'to',
    (x) => x.to('float32').to('float64'),
    Math.fround,
    grid,
    { noGradient: 'differences do not pass through float32' },
  ],
  ['to', (x) => x.to('float64'), (x) => x, grid, { float: 'float32', dtype: 'float64', note: 'wider' }],
];

const ints: Input = { shape: [4], values: [-7, 3, 0, 5], dtype: 'int64' };
const bytes: Input = { shape: [3], values: [250, 3, 0], dtype: 'uint8' };
const int32: Input = { shape: [4], values: [-7, 3, 0, 5], dtype: 'int32' };

const binary: [
  of: string,
  run: (x: Tensor, y: Tensor) => Tensor,
  want: (x: number, y: number) => number,
  left?: Input,
  right?: Input,
][] = [
  ['add', (x, y) => x.add(y), (x, y) => x + y],
  ['sub', (x, y) => x.sub(y), (x, y) => x - y],
  ['mul', (x, y) => x.mul(y), (x, y) => x * y],
  ['div', (x, y) => x.div(y), (x, y) => x / y, grid, positive],
  ['pow', (x, y) => x.pow(y), (x, y) => x ** y, positive, grid],
  ['maximum', (x, y) => x.maximum(y), Math.max, { shape: [3, 4], apart: true }],
  ['minimum', (x, y) => x.minimum(y), Math.min, { shape: [3, 4], apart: true }],
];
/** Each pair of shapes that meet in another way. */
const pairs: [number[], number[]][] = [
  [[3, 4], [4]],
  [
    [3, 1],
    [1, 4],
  ],
  [[], [2, 3]],
  [
    [2, 1, 3],
    [4, 1],
  ],
];

const comparisons: [of: string, run: (x: Tensor, y: Tensor) => Tensor, want: (x: number, y: number) => boolean][] = [
  ['eq', (x, y) => x.eq(y), (x, y) => x === y],
  ['ne', (x, y) => x.ne(y), (x, y) => x !== y],
  ['gt', (x, y) => x.gt(y), (x, y) => x > y],
  ['ge', (x, y) => x.ge(y), (x, y) => x >= y],
  ['lt', (x, y) => x.lt(y), (x, y) => x < y],
  ['le', (x, y) => x.le(y), (x, y) => x <= y],
];

export const rows: Row[] = [
  ...unary.map(
    ([of, run, want, input = grid, more = {}]): Row => ({ of, inputs: [input], run, want: each(want), ...more }),
  ),
  ...binary.map(
    ([of, run, want, left = grid, right = grid]): Row => ({ of, inputs: [left, right], run, want: meet(want) }),
  ),
  ...binary.slice(0, 4).flatMap(([of, run, want]) =>
    pairs.map(
      ([a, b]): Row => ({
        of,
        note: `${JSON.stringify(a)} and ${JSON.stringify(b)}`,
        inputs: [{ shape: a }, { shape: b, range: [0.5, 2] }],
        run,
        want: meet(want),
      }),
    ),
  ),
  ...comparisons.flatMap(([of, run, want]) =>
    (['float64', 'float32', 'int64', 'int32', 'uint8', 'bool'] as const).map(
      (dtype): Row => ({
        of,
        note: dtype,
        inputs: [
          { shape: [2, 3], values: dtype === 'bool' ? [0, 1, 1, 0, 1, 0] : [0, 1, 2, 3, 4, 5], dtype },
          { shape: [3], values: dtype === 'bool' ? [0, 1, 0] : [3, 1, 2], dtype },
        ],
        run,
        want: meet((x, y) => Number(want(x, y))),
        dtype: 'bool',
      }),
    ),
  ),
  ...comparisons.map(
    ([of, run, want]): Row => ({
      of,
      note: 'a number, and NaN',
      inputs: [{ shape: [4], values: [-1, 0.5, Number.NaN, 2], dtype: 'float32' }],
      run: (x) => run(x, 0.5 as unknown as Tensor),
      want: each((x) => Number(want(x, 0.5))),
      dtype: 'bool',
    }),
  ),
  { of: 'logicalNot', inputs: [flags], run: (x) => x.logicalNot(), want: each((x) => Number(!x)), dtype: 'bool' },
  {
    of: 'logicalAnd',
    inputs: [flags, others],
    run: (x, y) => x.logicalAnd(y),
    want: meet((x, y) => x & y),
    dtype: 'bool',
  },
  {
    of: 'logicalOr',
    inputs: [flags, others],
    run: (x, y) => x.logicalOr(y),
    want: meet((x, y) => x | y),
    dtype: 'bool',
  },
  {
    of: 'logicalXor',
    inputs: [flags, others],
    run: (x, y) => x.logicalXor(y),
    want: meet((x, y) => x ^ y),
    dtype: 'bool',
  },
  { of: 'where', inputs: [flags, { shape: [2, 3] }, { shape: [3] }], run: where, want: meet((c, x, y) => (c ? x : y)) },
  {
    of: 'where',
    note: 'numbers',
    inputs: [flags],
    run: (c) => where(c, 2, -1),
    want: each((c) => (c ? 2 : -1)),
    dtype: 'float32',
  },
  {
    of: 'where',
    note: 'a number',
    inputs: [flags, { shape: [2, 3] }],
    run: (c, x) => where(c, x, 0),
    want: meet((c, x) => (c ? x : 0)),
  },
  {
    of: 'where',
    note: 'of bool',
    inputs: [flags, flags, others],
    run: where,
    want: meet((c, x, y) => (c ? x : y)),
    dtype: 'bool',
  },
  {
    of: 'add',
    note: 'int64',
    inputs: [ints, ints],
    run: (x, y) => x.add(y),
    want: meet((x, y) => x + y),
    dtype: 'int64',
  },
  {
    of: 'mul',
    note: 'int32',
    inputs: [int32, int32],
    run: (x, y) => x.mul(y),
    want: meet((x, y) => x * y),
    dtype: 'int32',
  },
  {
    of: 'add',
    note: 'uint8 wraps',
    inputs: [bytes, bytes],
    run: (x, y) => x.add(y),
    want: meet((x, y) => (x + y) % 256),
    dtype: 'uint8',
  },
  {
    of: 'div',
    note: 'int64 by int64',
    inputs: [ints, { ...ints, values: [2, 2, 2, 2] }],
    run: (x, y) => x.div(y),
    want: meet((x, y) => x / y),
    dtype: 'float32',
  },
  {
    of: 'add',
    note: 'int64 and float32',
    inputs: [ints, { shape: [4], values: [0.5, 1, 2, 3], dtype: 'float32' }],
    run: (x, y) => x.add(y),
    want: meet((x, y) => x + y),
    dtype: 'float32',
  },
  {
    of: 'add',
    note: 'int64 and a fraction',
    inputs: [ints],
    run: (x) => x.add(0.5),
    want: each((x) => x + 0.5),
    dtype: 'float32',
  },
  {
    of: 'add',
    note: 'bool and a whole number',
    inputs: [flags],
    run: (x) => x.add(2),
    want: each((x) => x + 2),
    dtype: 'int64',
  },
  {
    of: 'add',
    note: 'a 0-d float64 follows float32',
    inputs: [
      { shape: [2], values: [1, 2], dtype: 'float32' },
      { shape: [], values: [0.5], dtype: 'float64' },
    ],
    run: (x, y) => x.add(y),
    want: meet((x, y) => x + y),
    dtype: 'float32',
  },
  {
    of: 'exp',
    note: 'of int64',
    inputs: [{ shape: [3], values: [0, 0, 0], dtype: 'int64' }],
    run: (x) => x.exp(),
    want: each(() => 1),
    dtype: 'float32',
  },
  {
    of: 'to',
    note: 'int64 cuts off',
    inputs: [{ shape: [4], values: [-1.7, 1.7, 0.2, 3], dtype: 'float32' }],
    run: (x) => x.to('int64'),
    want: each((x) => Math.trunc(x) + 0),
    dtype: 'int64',
  },
  {
    of: 'to',
    note: 'bool',
    inputs: [{ shape: [3], values: [-0.2, 0, 3], dtype: 'float32' }],
    run: (x) => x.to('bool'),
    want: each((x) => Number(x !== 0)),
    dtype: 'bool',
  },
];
