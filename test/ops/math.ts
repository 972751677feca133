import type { Tensor } from 'torcharc';
import { each, type Input, type Row } from './check.ts';
import { erf } from './elementwise.ts';

const grid: Input = { shape: [3, 4] };
const positive: Input = { shape: [3, 4], range: [0.3, 3] };
/** Inside (-1, 1), away from its ends. */
const inner: Input = { shape: [3, 4], range: [-0.7, 0.7] };
const above: Input = { shape: [3, 4], range: [1.5, 3] };
const share: Input = { shape: [3, 4], range: [0.2, 0.8] };
/** Away from whole numbers. */
const between: Input = { shape: [4], values: [-1.7, -0.3, 0.4, 2.6] };
const flat = 'its slope is 0 nearly everywhere, which the differences cannot see';

/** The number whose erf is y, by halving. */
function erfinv(y: number): number {
  let [low, high] = [-4, 4];
  for (let i = 0; i < 60; i++) {
    const x = (low + high) / 2;
    if (erf(x) < y) low = x;
    else high = x;
  }
  return low;
}
const sinc = (x: number) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

type Unary = [of: string, run: (x: Tensor) => Tensor, want: (x: number) => number, input?: Input, more?: Partial<Row>];
const f32 = { float: 'float32' } as const;
/** In both float types. */
const both: Unary[] = [
  ['exp2', (x) => x.exp2(), (x) => 2 ** x],
  ['expm1', (x) => x.expm1(), Math.expm1],
  ['log1p', (x) => x.log1p(), Math.log1p, inner],
  ['log2', (x) => x.log2(), Math.log2, positive],
  ['log10', (x) => x.log10(), Math.log10, positive],
  ['logit', (x) => x.logit(), (x) => Math.log(x / (1 - x)), share],
  ['tan', (x) => x.tan(), Math.tan],
  ['asin', (x) => x.asin(), Math.asin, inner],
  ['acos', (x) => x.acos(), Math.acos, inner],
  ['atan', (x) => x.atan(), Math.atan],
  ['sinc', (x) => x.sinc(), sinc],
  ['sinh', (x) => x.sinh(), Math.sinh],
  ['cosh', (x) => x.cosh(), Math.cosh],
  ['asinh', (x) => x.asinh(), Math.asinh],
  ['acosh', (x) => x.acosh(), Math.acosh, above],
  ['atanh', (x) => x.atanh(), Math.atanh, { ...inner, range: [-0.5, 0.5] }],
];
const unary: Unary[] = [
  ...both,
  ...both.map(([of, run, want, input]): Unary => [of, run, want, input ?? grid, { ...f32, note: 'float32' }]),
  [
    'logit',
    (x) => x.logit({ eps: 0.3 }),
    (x) => Math.log(1 / (1 / Math.min(Math.max(x, 0.3), 0.7) - 1)),
    {
      shape: [4],
      values: [0.1, 0.4, 0.5, 0.95],
    },
    { note: 'limited' },
  ],
  ['erfc', (x) => x.erfc(), (x) => 1 - erf(x), grid, f32],
  ['erfinv', (x) => x.erfinv(), erfinv, inner, f32],
  ['trunc', (x) => x.trunc(), (x) => Math.trunc(x) + 0, between],
  ['frac', (x) => x.frac(), (x) => x - Math.trunc(x), between],
  [
    'round',
    (x) => x.round({ decimals: 1 }),
    (x) => Math.round(x * 10) / 10,
    { shape: [3], values: [0.26, -1.43, 2.71] },
    { noGradient: flat, note: 'decimals' },
  ],
  [
    'round',
    (x) => x.round({ decimals: -1 }),
    (x) => Math.round(x / 10) * 10,
    { shape: [3], values: [26, -143.2, 71] },
    { noGradient: flat, note: 'tens' },
  ],
];

/** Where a formula would lose its digits, overflow or meet an infinity. */
const far: [of: string, run: (x: Tensor) => Tensor, want: (x: number) => number, values: number[]][] = [
  ['expm1', (x) => x.expm1(), Math.expm1, [-100, -1e-10, 0, 1e-10, 80, -Infinity, Infinity]],
  ['log1p', (x) => x.log1p(), Math.log1p, [-1, -1e-10, 0, 1e-10, 1e20, Infinity]],
  ['sinh', (x) => x.sinh(), Math.sinh, [-20, -1e-10, 0, 1e-10, 20]],
  ['cosh', (x) => x.cosh(), Math.cosh, [-20, 0, 20]],
  ['asin', (x) => x.asin(), Math.asin, [-1, 0, 1]],
  ['acos', (x) => x.acos(), Math.acos, [-1, 0, 1]],
  ['atan', (x) => x.atan(), Math.atan, [-Infinity, -1e20, 0, 1e-10, 1e20, Infinity]],
  ['asinh', (x) => x.asinh(), Math.asinh, [-1e10, -1e-10, 0, 1e-10, 1e10]],
  ['acosh', (x) => x.acosh(), Math.acosh, [1, 1 + 1e-7, 1e10]],
  ['atanh', (x) => x.atanh(), Math.atanh, [-1, -1e-10, 0, 1e-10, 1]],
  ['exp2', (x) => x.exp2(), (x) => 2 ** x, [-3, 0, 10]],
  ['sinc', (x) => x.sinc(), sinc, [0, 1]],
];
/** Functions that are nearly x itself near 0, where digits are easily lost. */
const tiny: typeof far = [
  ['expm1', (x) => x.expm1(), Math.expm1, []],
  ['log1p', (x) => x.log1p(), Math.log1p, []],
  ['sinh', (x) => x.sinh(), Math.sinh, []],
  ['asinh', (x) => x.asinh(), Math.asinh, []],
  ['atanh', (x) => x.atanh(), Math.atanh, []],
  ['tan', (x) => x.tan(), Math.tan, []],
  ['asin', (x) => x.asin(), Math.asin, []],
  ['atan', (x) => x.atan(), Math.atan, []],
];

export const rows: Row[] = [
  ...tiny.flatMap(([of, run, want]) =>
    (['float32', 'float64'] as const).map(
      (float): Row => ({
        of,
        note: `over x near 0, ${float}`,
        inputs: [{ shape: [4], values: [1e-4, -1e-5, 2 ** -20, 1e-7].map(Math.fround), dtype: float }],
        run: (x) => run(x).div(x),
        want: each((x) => want(x) / x),
        float,
      }),
    ),
  ),
  ...unary.map(
    ([of, run, want, input = grid, more = {}]): Row => ({ of, inputs: [input], run, want: each(want), ...more }),
  ),
  ...far.map(
    ([of, run, want, values]): Row => ({
      of,
      note: 'far out',
      inputs: [{ shape: [values.length], values, dtype: 'float64' }],
      run,
      want: each((x) => want(x) + 0),
    }),
  ),
  ...(['floor', 'ceil', 'round', 'trunc'] as const).map(
    (of): Row => ({
      of,
      note: 'integers stay',
      inputs: [{ shape: [3], values: [-2, 0, 7], dtype: 'int64' }],
      run: (x) => x[of](),
      want: (x) => x,
      dtype: 'int64',
    }),
  ),
  ...(['neg', 'abs', 'sign', 'square', 'relu'] as const).flatMap((of) =>
    (['int64', 'int32', 'uint8'] as const).map(
      (dtype): Row => ({
        of,
        note: dtype,
        inputs: [{ shape: [3], values: dtype === 'uint8' ? [2, 0, 7] : [-2, 0, 7], dtype }],
        run: (x) => x[of](),
        want: each((x) => {
          const y = { neg: -x, abs: Math.abs(x), sign: Math.sign(x), square: x * x, relu: Math.max(x, 0) }[of];
          return dtype === 'uint8' ? (y + 256) % 256 : y + 0;
        }),
        dtype,
      }),
    ),
  ),
];
