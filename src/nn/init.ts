/**
 * `torch.nn.init`: fill a tensor in place, and return it. Options are PyTorch's, in one object. Random numbers come from the default
 * generator in PyTorch's order, so a seed gives PyTorch's weights: uniform ones bit for bit, normal ones to 1e-6, orthogonal
 * ones to 1e-5. https://pytorch.org/docs/stable/nn.init.html
 */
import { isFloat, store, toHalf } from '../tensor/dtype.ts';
import { numel, type Shape, showShape } from '../tensor/shape.ts';
import { overwrite, type Tensor } from '../tensor/tensor.ts';
import { ArgError, ShapeError } from '../util/errors.ts';
import { defaultGenerator } from '../util/generator.ts';
import { didYouMean } from '../util/suggest.ts';

type Floats = Float32Array | Float64Array;
type Options = Readonly<Record<string, unknown>>;

/** Uniform numbers in [a, b). */
export function uniform_(t: Tensor, options: { a?: number; b?: number } = {}): Tensor {
  const { a, b } = checked('uniform_', options, { a: 0, b: 1 });
  return fillUniform('uniform_', t, a, b);
}

/** Normal numbers. */
export function normal_(t: Tensor, options: { mean?: number; std?: number } = {}): Tensor {
  const { mean, std } = checked('normal_', options, { mean: 0, std: 1 });
  return fillNormal('normal_', t, mean, std);
}

/** Normal numbers; those outside [a, b] are drawn again. No warning, unlike PyTorch, when few would be inside. */
export function truncNormal_(t: Tensor, options: { mean?: number; std?: number; a?: number; b?: number } = {}): Tensor {
  const { mean, std, a, b } = checked('truncNormal_', options, { mean: 0, std: 1, a: -2, b: 2 });
  return fillFloats('truncNormal_', t, (x) => defaultGenerator.truncNormal(x, mean, std, a, b));
}

/** One value everywhere. */
export function constant_(t: Tensor, value: number | { val: number }): Tensor {
  const options = typeof value === 'number' ? { val: value } : value;
  return fillConstant('constant_', t, checked('constant_', options, { val: REQUIRED }).val);
}

export function ones_(t: Tensor, options: Record<string, never> = {}): Tensor {
  checked('ones_', options, {});
  return fillConstant('ones_', t, 1);
}

export function zeros_(t: Tensor, options: Record<string, never> = {}): Tensor {
  checked('zeros_', options, {});
  return fillConstant('zeros_', t, 0);
}

/** The identity matrix, cut or padded with zeros to the shape. */
export function eye_(t: Tensor, options: Record<string, never> = {}): Tensor {
  checked('eye_', options, {});
  const [rows, cols] = matrixShape('eye_', t);
  overwrite(t, (data) => {
    for (let i = 0; i < data.length; i++) store(data, t.dtype, i, 0);
    for (let i = 0; i < Math.min(rows, cols); i++) store(data, t.dtype, i * cols + i, 1);
  });
  return t;
}

/** A convolution weight that passes its input channels on, in each group as many as there are. */
export function dirac_(t: Tensor, options: { groups?: number } = {}): Tensor {
  const { groups } = checked('dirac_', options, { groups: 1 });
  const { shape } = t;
  if (shape.length < 3 || shape.length > 5) {
    throw new ShapeError(
      `dirac_: Only tensors with 3, 4, or 5 dimensions are supported, got a tensor of shape ${showShape(shape)}`,
    );
  }
  if (!Number.isInteger(groups) || groups < 1) {
    throw new ArgError(`dirac_: groups must be a positive integer, got ${groups}`);
  }
  const [out, inner, ...kernel] = shape as [number, number, ...number[]];
  if (out % groups !== 0) throw new ArgError(`dirac_: dim 0 must be divisible by groups, got ${out} and ${groups}`);
  const field = numel(kernel);
  const centre = kernel.reduce((at, size) => at * size + Math.floor(size / 2), 0);
  overwrite(t, (data) => {
    for (let i = 0; i < data.length; i++) store(data, t.dtype, i, 0);
    if (data.length === 0) return;
    for (let i = 0; i < out; i++) {
      const channel = i % (out / groups);
      if (channel < inner) store(data, t.dtype, (i * inner + channel) * field + centre, 1);
    }
  });
  return t;
}

/** Uniform in ±gain √(6 / (fan_in + fan_out)). Glorot & Bengio 2010. */
export function xavierUniform_(t: Tensor, options: { gain?: number } = {}): Tensor {
  const { gain } = checked('xavierUniform_', options, { gain: 1 });
  const bound = Math.sqrt(3) * xavierStd('xavierUniform_', t, gain);
  return fillUniform('xavierUniform_', t, -bound, bound);
}

/** Normal with standard deviation gain √(2 / (fan_in + fan_out)). Glorot & Bengio 2010. */
export function xavierNormal_(t: Tensor, options: { gain?: number } = {}): Tensor {
  const { gain } = checked('xavierNormal_', options, { gain: 1 });
  return fillNormal('xavierNormal_', t, 0, xavierStd('xavierNormal_', t, gain));
}

function xavierStd(who: string, t: Tensor, gain: number): number {
  const [fanIn, fanOut] = fans(who, t.shape);
  return t.shape.includes(0) ? 0 : gain * Math.sqrt(2 / (fanIn + fanOut));
}

export interface KaimingOptions {
  /** Negative slope of the rectifier behind the layer; only `leaky_relu` looks at it. */
  a?: number;
  mode?: 'fan_in' | 'fan_out';
  nonlinearity?: string;
}
const kaiming = { a: 0, mode: 'fan_in', nonlinearity: 'leaky_relu' };

/** Uniform in ±gain √(3 / fan). He et al. 2015. */
export function kaimingUniform_(t: Tensor, options: KaimingOptions = {}): Tensor {
  const bound = Math.sqrt(3) * kaimingStd('kaimingUniform_', t, options);
  return fillUniform('kaimingUniform_', t, -bound, bound);
}

/** Normal with standard deviation gain / √fan. He et al. 2015. */
export function kaimingNormal_(t: Tensor, options: KaimingOptions = {}): Tensor {
  return fillNormal('kaimingNormal_', t, 0, kaimingStd('kaimingNormal_', t, options));
}

function kaimingStd(who: string, t: Tensor, options: KaimingOptions): number {
  const { a, mode, nonlinearity } = checked(who, { ...options }, kaiming);
  const modes = ['fan_in', 'fan_out'];
  const which = modes.indexOf(mode.toLowerCase());
  if (which < 0) {
    throw new ArgError(
      `${who}: Mode ${mode} not supported, please use one of ['fan_in', 'fan_out']${didYouMean(mode, modes)}`,
    );
  }
  const gain = gainOf(who, nonlinearity, a);
  return t.shape.includes(0) ? 0 : gain / Math.sqrt(fans(who, t.shape)[which]!);
}

/** A (semi-)orthogonal matrix, axes behind the first flattened. Saxe et al. 2013. */
export function orthogonal_(t: Tensor, options: { gain?: number } = {}): Tensor {
  const { gain } = checked('orthogonal_', options, { gain: 1 });
  if (t.ndim < 2) {
    throw new ShapeError(
      `orthogonal_: Only tensors with 2 or more dimensions are supported, got a tensor of shape ${showShape(t.shape)}`,
    );
  }
  return fillFloats('orthogonal_', t, (x) => {
    if (x.length === 0) return;
    const q = orthonormal(defaultGenerator.normal(x), t.shape[0]!);
    for (let i = 0; i < x.length; i++) {
      x[i] = q[i]!;
      x[i]! *= gain;
    }
  });
}

/** Normal numbers, with a fraction `sparsity` of each column set to zero. Martens 2010. */
export function sparse_(t: Tensor, options: { sparsity: number; std?: number }): Tensor {
  const { sparsity, std } = checked('sparse_', options, { sparsity: REQUIRED, std: 0.01 });
  if (!(sparsity >= 0 && sparsity <= 1)) {
    throw new ArgError(`sparse_: sparsity must be between 0 and 1, got ${sparsity}`);
  }
  const [rows, cols] = matrixShape('sparse_', t);
  const zeros = Math.ceil(sparsity * rows);
  return fillFloats('sparse_', t, (x) => {
    normals(x, t, 0, std);
    for (let col = 0; col < cols; col++) {
      for (const row of defaultGenerator.randperm(rows).subarray(0, zeros)) x[Number(row) * cols + col] = 0;
    }
  });
}

/** The factor a nonlinearity asks of the weights before it. As `torch.nn.init.calculate_gain`. */
export function calculateGain(nonlinearity: string, param?: number | null): number {
  return gainOf('calculateGain', nonlinearity, param ?? 0.01);
}

const gains: Readonly<Record<string, (slope: number) => number>> = {
  linear: () => 1,
  conv1d: () => 1,
  conv2d: () => 1,
  conv3d: () => 1,
  conv_transpose1d: () => 1,
  conv_transpose2d: () => 1,
  conv_transpose3d: () => 1,
  sigmoid: () => 1,
  tanh: () => 5 / 3,
  relu: () => Math.SQRT2,
  leaky_relu: (slope) => Math.sqrt(2 / (1 + slope ** 2)),
  selu: () => 3 / 4,
};

function gainOf(who: string, nonlinearity: string, slope: unknown): number {
  if (!Object.hasOwn(gains, nonlinearity)) {
    const names = Object.keys(gains);
    throw new ArgError(
      `${who}: Unsupported nonlinearity ${nonlinearity}${didYouMean(String(nonlinearity), names)}; expected one of ${names.join(', ')}`,
    );
  }
  if (nonlinearity === 'leaky_relu' && typeof slope !== 'number') {
    throw new ArgError(`${who}: negative_slope ${slope} not a valid number`);
  }
  return gains[nonlinearity]!(Number(slope));
}

/** `[fan_in, fan_out]` of a weight. As `torch.nn.init._calculate_fan_in_and_fan_out`. */
export function calculateFanInAndFanOut(t: { readonly shape: Shape }): [fanIn: number, fanOut: number] {
  return fans('calculateFanInAndFanOut', t.shape);
}

function fans(who: string, shape: Shape): [fanIn: number, fanOut: number] {
  if (shape.length < 2) {
    throw new ShapeError(
      `${who}: Fan in and fan out can not be computed for tensor with fewer than 2 dimensions, got a tensor of shape ${showShape(shape)}`,
    );
  }
  const [out, inner, ...kernel] = shape as [number, number, ...number[]];
  return [inner * numel(kernel), out * numel(kernel)];
}

function matrixShape(who: string, t: Tensor): [number, number] {
  if (t.ndim === 2) return [t.shape[0]!, t.shape[1]!];
  throw new ShapeError(
    `${who}: Only tensors with 2 dimensions are supported, got a tensor of shape ${showShape(t.shape)}`,
  );
}

function fillConstant(who: string, t: Tensor, value: number): Tensor {
  if (!isFloat(t.dtype) && !Number.isFinite(value)) {
    throw new ArgError(`${who}: expected a finite value for a tensor of ${t.dtype}, got ${value}`);
  }
  overwrite(t, (data) => {
    if (data.length === 0) return;
    store(data, t.dtype, 0, value);
    (data as Float32Array).fill(data[0] as number);
  });
  return t;
}

function fillNormal(who: string, t: Tensor, mean: number, std: number): Tensor {
  return fillFloats(who, t, (x) => normals(x, t, mean, std));
}

/** PyTorch draws the last, partial block of sixteen float16 once, not twice. */
function normals(x: Floats, t: Tensor, mean: number, std: number): void {
  const whole = x.length - (x.length % 16);
  if (t.dtype !== 'float16' || whole === 0 || whole === x.length) defaultGenerator.normal(x, mean, std);
  else {
    defaultGenerator.normal(x.subarray(0, whole), mean, std);
    defaultGenerator.normal(x.subarray(x.length - 16), mean, std);
  }
}

function fillUniform(who: string, t: Tensor, low: number, high: number): Tensor {
  return fillFloats(who, t, (x) => {
    defaultGenerator.uniform(x, low, high);
    if (t.dtype !== 'float16') return;
    // rounding to float16 may reach `high`, which stands for `low`
    const top = toHalf(high);
    for (let i = 0; i < x.length; i++) if (toHalf(x[i]!) === top) x[i] = low;
  });
}

/** float16 is filled as float32 and rounded, as PyTorch does. */
function fillFloats(who: string, t: Tensor, fill: (x: Floats) => void): Tensor {
  if (!isFloat(t.dtype)) throw new ArgError(`${who}: expected a floating point tensor, got ${t.dtype}`);
  overwrite(t, (data) => {
    if (t.dtype !== 'float16') {
      fill(data as Floats);
      return;
    }
    const wide = new Float32Array(data.length);
    fill(wide);
    for (let i = 0; i < wide.length; i++) data[i] = toHalf(wide[i]!);
  });
  return t;
}

/** The default of an option that has none. */
const REQUIRED = Number.NaN;

/** Options over defaults; each must be known, and of its default's type. */
function checked<T extends Options>(who: string, options: Options, defaults: T): T {
  const names = Object.keys(defaults);
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue;
    const rest = names.length > 0 ? `; expected ${names.join(', ')}` : '; it takes none';
    throw new ArgError(`${who}: unknown option '${name}'${didYouMean(name, names) || rest}`);
  }
  const out: Record<string, unknown> = {};
  for (const [name, fallback] of Object.entries(defaults)) {
    const value = options[name] ?? fallback;
    const type = typeof fallback;
    if (Number.isNaN(fallback) && options[name] == null)
      throw new ArgError(`${who}: missing option '${name}', a ${type}`);
    if (typeof value !== type) throw new ArgError(`${who}: ${name} must be a ${type}, got ${JSON.stringify(value)}`);
    out[name] = value;
  }
  return out as T;
}

/**
 * The orthogonal factor of a matrix of `rows` rows, or for a wide matrix of its transpose, transposed back: orthonormal columns
 * or rows. Householder's QR with the diagonal of R made positive, which makes Q unique (arXiv:math-ph/0609050).
 */
function orthonormal(matrix: Floats, rows: number): Float64Array {
  const cols = matrix.length / rows;
  const wide = rows < cols;
  const [m, n] = wide ? [cols, rows] : [rows, cols];
  // columns one after the other: what a wide matrix's rows are
  const a = wide ? Float64Array.from(matrix) : transposed(Float64Array.from(matrix), rows);
  const columns = Array.from({ length: n }, (_, j) => a.subarray(j * m, (j + 1) * m));
  const signs = columns.map((x, j) => {
    const diagonal = householder(x, j);
    for (const y of columns.slice(j + 1)) reflect(x, y, j);
    return Math.sign(diagonal);
  });
  const q = new Float64Array(a.length);
  for (let j = n - 1; j >= 0; j--) {
    q[j * m + j] = 1;
    for (let k = j; k < n; k++) reflect(columns[j]!, q.subarray(k * m, (k + 1) * m), j);
  }
  for (let i = 0; i < q.length; i++) q[i]! *= signs[Math.floor(i / m)]!;
  return wide ? q : transposed(q, n);
}

/** Turn `x` from element j on into the vector of length √2 whose reflection maps it to `[r, 0, …]`; returns r. */
function householder(x: Float64Array, j: number): number {
  let norm = 0;
  for (let i = j; i < x.length; i++) norm += x[i]! ** 2;
  const r = x[j]! > 0 ? -Math.sqrt(norm) : Math.sqrt(norm);
  x[j]! -= r;
  // |x - r e|² = 2 r (r - x₀); zero only for a zero vector
  const scale = r === 0 ? 0 : 1 / Math.sqrt(Math.abs(r * x[j]!));
  for (let i = j; i < x.length; i++) x[i]! *= scale;
  return r;
}

/** `y -= v (v · y)` from element j on. */
function reflect(v: Float64Array, y: Float64Array, j: number): void {
  let dot = 0;
  for (let i = j; i < v.length; i++) dot += v[i]! * y[i]!;
  for (let i = j; i < v.length; i++) y[i]! -= dot * v[i]!;
}

function transposed(x: Float64Array, rows: number): Float64Array {
  const cols = x.length / rows;
  const out = new Float64Array(x.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) out[j * rows + i] = x[i * cols + j]!;
  return out;
}

export interface Init {
  readonly fn: (t: Tensor, options: Record<string, unknown>) => Tensor;
  readonly options: readonly string[];
  /** The fewest axes it works on. */
  readonly leastDims: number;
}

function init(fn: (t: Tensor, options: never) => Tensor, options: readonly string[], leastDims = 0): Init {
  return { fn: fn as Init['fn'], options, leastDims };
}

/** Every init by PyTorch's name. */
export const inits: Readonly<Record<string, Init>> = {
  uniform_: init(uniform_, ['a', 'b']),
  normal_: init(normal_, ['mean', 'std']),
  trunc_normal_: init(truncNormal_, ['mean', 'std', 'a', 'b']),
  constant_: init(constant_, ['val']),
  ones_: init(ones_, []),
  zeros_: init(zeros_, []),
  eye_: init(eye_, [], 2),
  dirac_: init(dirac_, ['groups'], 3),
  xavier_uniform_: init(xavierUniform_, ['gain'], 2),
  xavier_normal_: init(xavierNormal_, ['gain'], 2),
  kaiming_uniform_: init(kaimingUniform_, Object.keys(kaiming), 2),
  kaiming_normal_: init(kaimingNormal_, Object.keys(kaiming), 2),
  orthogonal_: init(orthogonal_, ['gain'], 2),
  sparse_: init(sparse_, ['sparsity', 'std'], 2),
};
