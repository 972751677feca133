/** Puts the operations on `Tensor`, under PyTorch's names in camelCase. One line each: the name, the type, the function. */
import { asDtype, type Dtype } from '../tensor/dtype.ts';
import { normalizeDim, numel, type Shape } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';
import * as a from './arithmetic.ts';
import { at, type Index, indexPut } from './at.ts';
import * as c from './compare.ts';
import * as u from './cumulative.ts';
import * as d from './diagonal.ts';
import * as e from './elementwise.ts';
import * as ex from './extremes.ts';
import * as i from './index.ts';
import * as l from './linalg.ts';
import * as f from './math.ts';
import { matmul } from './matmul.ts';
import * as m from './movement.ts';
import { logSoftmax, softmax } from './norm.ts';
import { alias, cast, detach, type Operand, own } from './operands.ts';
import type { Pair } from './pair.ts';
import { bernoulli, multinomial } from './random.ts';
import * as r from './reduce.ts';
import * as t from './repeat.ts';
import * as g from './scatter.ts';
import * as s from './slice.ts';
import * as o from './sort.ts';
import * as sp from './special.ts';

type Reduce = r.ReduceOptions;
type Dims = number | readonly number[];
interface Dim {
  dim?: number;
}

declare module '../tensor/tensor.ts' {
  interface Tensor {
    // arithmetic
    add(other: Operand): Tensor;
    sub(other: Operand): Tensor;
    mul(other: Operand): Tensor;
    div(other: Operand, options?: { rounding_mode?: 'floor' | 'trunc' | null }): Tensor;
    floorDivide(other: Operand): Tensor;
    remainder(other: Operand): Tensor;
    fmod(other: Operand): Tensor;
    pow(exponent: Operand): Tensor;
    maximum(other: Operand): Tensor;
    minimum(other: Operand): Tensor;
    clamp(options: { min?: Operand | null; max?: Operand | null }): Tensor;
    clampMin(min: Operand): Tensor;
    clampMax(max: Operand): Tensor;
    lerp(end: Tensor, weight: Operand): Tensor;
    addcmul(a: Tensor, b: Tensor, options?: { value?: number }): Tensor;
    addcdiv(a: Tensor, b: Tensor, options?: { value?: number }): Tensor;
    atan2(other: Operand): Tensor;
    hypot(other: Operand): Tensor;
    logaddexp(other: Operand): Tensor;
    xlogy(other: Operand): Tensor;
    heaviside(values: Tensor): Tensor;
    bitwiseAnd(other: Operand): Tensor;
    bitwiseOr(other: Operand): Tensor;
    bitwiseXor(other: Operand): Tensor;
    bitwiseNot(): Tensor;
    // functions of each element
    neg(): Tensor;
    abs(): Tensor;
    sign(): Tensor;
    exp(): Tensor;
    exp2(): Tensor;
    expm1(): Tensor;
    log(): Tensor;
    log2(): Tensor;
    log10(): Tensor;
    log1p(): Tensor;
    logit(options?: { eps?: number | null }): Tensor;
    sqrt(): Tensor;
    rsqrt(): Tensor;
    square(): Tensor;
    reciprocal(): Tensor;
    sin(): Tensor;
    cos(): Tensor;
    tan(): Tensor;
    asin(): Tensor;
    acos(): Tensor;
    atan(): Tensor;
    sinh(): Tensor;
    cosh(): Tensor;
    tanh(): Tensor;
    asinh(): Tensor;
    acosh(): Tensor;
    atanh(): Tensor;
    sinc(): Tensor;
    sigmoid(): Tensor;
    relu(): Tensor;
    erf(): Tensor;
    erfc(): Tensor;
    erfinv(): Tensor;
    floor(): Tensor;
    ceil(): Tensor;
    round(options?: { decimals?: number }): Tensor;
    trunc(): Tensor;
    frac(): Tensor;
    nanToNum(options?: { nan?: number; posinf?: number; neginf?: number }): Tensor;
    // comparisons and choice
    eq(other: Operand): Tensor;
    ne(other: Operand): Tensor;
    gt(other: Operand): Tensor;
    ge(other: Operand): Tensor;
    lt(other: Operand): Tensor;
    le(other: Operand): Tensor;
    isnan(): Tensor;
    isinf(): Tensor;
    isfinite(): Tensor;
    isclose(other: Tensor, options?: c.Closeness): Tensor;
    allclose(other: Tensor, options?: c.Closeness): Promise<boolean>;
    equal(other: Tensor): Promise<boolean>;
    logicalNot(): Tensor;
    logicalAnd(other: Tensor): Tensor;
    logicalOr(other: Tensor): Tensor;
    logicalXor(other: Tensor): Tensor;
    maskedFill(mask: Tensor, value: Operand): Tensor;
    // reductions
    sum(options?: r.SumOptions): Tensor;
    nansum(options?: r.SumOptions): Tensor;
    mean(options?: r.SumOptions): Tensor;
    nanmean(options?: r.SumOptions): Tensor;
    var(options?: Reduce & { correction?: number }): Tensor;
    std(options?: Reduce & { correction?: number }): Tensor;
    prod(options?: ex.DimOptions & { dtype?: Dtype }): Tensor;
    any(options?: Reduce): Tensor;
    all(options?: Reduce): Tensor;
    countNonzero(options?: { dim?: Dims }): Tensor;
    norm(options?: Reduce & { p?: number | 'fro' }): Tensor;
    dist(other: Tensor, options?: { p?: number }): Tensor;
    logsumexp(dim: Dims, options?: { keepdim?: boolean }): Tensor;
    amax(options?: Reduce): Tensor;
    amin(options?: Reduce): Tensor;
    aminmax(options?: ex.DimOptions): [min: Tensor, max: Tensor];
    max(): Tensor;
    max(options: { dim: number; keepdim?: boolean }): Pair;
    min(): Tensor;
    min(options: { dim: number; keepdim?: boolean }): Pair;
    argmax(options?: ex.DimOptions): Tensor;
    argmin(options?: ex.DimOptions): Tensor;
    softmax(dim: number): Tensor;
    logSoftmax(dim: number): Tensor;
    // in order
    cumsum(dim: number, options?: { dtype?: Dtype }): Tensor;
    cumprod(dim: number, options?: { dtype?: Dtype }): Tensor;
    logcumsumexp(dim: number): Tensor;
    cummax(dim: number): Pair;
    cummin(dim: number): Pair;
    diff(options?: { n?: number; dim?: number }): Tensor;
    sort(options?: o.SortOptions): Pair;
    argsort(options?: o.SortOptions): Tensor;
    topk(k: number, options?: { dim?: number; largest?: boolean; sorted?: boolean }): Pair;
    kthvalue(k: number, options?: ex.DimOptions): Pair;
    median(): Tensor;
    median(options: { dim: number; keepdim?: boolean }): Pair;
    quantile(q: Dims, options?: ex.DimOptions): Tensor;
    bucketize(boundaries: Tensor, options?: { right?: boolean }): Tensor;
    multinomial(samples: number, options?: { replacement?: boolean }): Tensor;
    bernoulli(): Tensor;
    // matrices
    matmul(other: Tensor): Tensor;
    mm(other: Tensor): Tensor;
    bmm(other: Tensor): Tensor;
    mv(vec: Tensor): Tensor;
    dot(other: Tensor): Tensor;
    outer(other: Tensor): Tensor;
    addmm(a: Tensor, b: Tensor, options?: l.Factors): Tensor;
    addmv(a: Tensor, vec: Tensor, options?: l.Factors): Tensor;
    baddbmm(a: Tensor, b: Tensor, options?: l.Factors): Tensor;
    kron(other: Tensor): Tensor;
    cross(other: Tensor, options?: Dim): Tensor;
    matrixPower(n: number): Tensor;
    inverse(): Tensor;
    det(): Tensor;
    trace(): Tensor;
    tril(diagonal?: number): Tensor;
    triu(diagonal?: number): Tensor;
    diag(offset?: number): Tensor;
    diagonal(options?: d.DiagonalOptions): Tensor;
    diagEmbed(options?: d.DiagonalOptions): Tensor;
    // shape and order
    reshape(shape: Shape): Tensor;
    view(shape: Shape): Tensor;
    viewAs(other: Tensor): Tensor;
    ravel(): Tensor;
    flatten(options?: { start_dim?: number; end_dim?: number }): Tensor;
    unflatten(dim: number, sizes: Shape): Tensor;
    squeeze(dim?: Dims): Tensor;
    unsqueeze(dim: number): Tensor;
    permute(dims: readonly number[]): Tensor;
    transpose(dim0: number, dim1: number): Tensor;
    swapaxes(dim0: number, dim1: number): Tensor;
    movedim(source: Dims, destination: Dims): Tensor;
    t(): Tensor;
    /** The dimensions in reverse order. */
    readonly T: Tensor;
    /** The last two dimensions exchanged. */
    readonly mT: Tensor;
    expand(shape: Shape): Tensor;
    expandAs(other: Tensor): Tensor;
    broadcastTo(shape: Shape): Tensor;
    // repeating and turning
    repeat(sizes: Shape): Tensor;
    tile(sizes: Shape): Tensor;
    repeatInterleave(repeats: Dims, options?: Dim): Tensor;
    flip(dims: Dims): Tensor;
    fliplr(): Tensor;
    flipud(): Tensor;
    roll(shifts: Dims, options?: { dims?: Dims }): Tensor;
    rot90(options?: { k?: number; dims?: readonly number[] }): Tensor;
    unfold(dim: number, size: number, step: number): Tensor;
    // parts
    slice(options: { dim: number; start?: number; end?: number; step?: number }): Tensor;
    narrow(dim: number, start: number, length: number): Tensor;
    select(dim: number, index: number): Tensor;
    split(size: Dims, options?: Dim): Tensor[];
    chunk(chunks: number, options?: Dim): Tensor[];
    tensorSplit(sections: Dims, options?: Dim): Tensor[];
    unbind(options?: Dim): Tensor[];
    sliceScatter(src: Tensor, options?: Dim & { start?: number; end?: number; step?: number }): Tensor;
    selectScatter(src: Tensor, dim: number, index: number): Tensor;
    /** As Python's brackets: `x.at('1:3, None', index)` is `x[1:3, None, index]`. */
    at(...index: Index[]): Tensor;
    take(index: Tensor): Tensor;
    takeAlongDim(index: Tensor, options?: Dim): Tensor;
    indexSelect(dim: number, index: Tensor | BigInt64Array): Tensor;
    indexAdd(dim: number, index: Tensor, source: Tensor): Tensor;
    indexCopy(dim: number, index: Tensor, source: Tensor): Tensor;
    indexFill(dim: number, index: Tensor, value: Operand): Tensor;
    indexPut(indices: readonly Tensor[], values: Tensor, options?: { accumulate?: boolean }): Tensor;
    gather(dim: number, index: Tensor): Tensor;
    scatter(dim: number, index: Tensor, src: Operand): Tensor;
    scatterAdd(dim: number, index: Tensor, source: Tensor): Tensor;
    scatterReduce(
      dim: number,
      index: Tensor,
      src: Tensor,
      reduce: 'sum' | 'prod' | 'mean' | 'amax' | 'amin',
      options?: { include_self?: boolean },
    ): Tensor;
    // conversion and size
    /** The same values in another dtype. */
    to(dtype: Dtype): Tensor;
    typeAs(other: Tensor): Tensor;
    float(): Tensor;
    double(): Tensor;
    half(): Tensor;
    long(): Tensor;
    int(): Tensor;
    byte(): Tensor;
    bool(): Tensor;
    detach(): Tensor;
    clone(): Tensor;
    /** The same: every tensor is. */
    contiguous(): Tensor;
    /** The number of elements. */
    numel(): number;
    /** The shape, or the size of one dimension. */
    size(): Shape;
    size(dim: number): number;
    /** The number of dimensions. */
    dim(): number;
  }
}

type Method = (x: Tensor, ...rest: never[]) => unknown;
/** Each method calls the function of its name with the tensor first. */
const methods: Record<string, Method> = {
  ...pick(a, 'add sub mul div floorDivide remainder fmod pow maximum minimum clamp clampMin clampMax'),
  ...pick(a, 'lerp addcmul addcdiv'),
  ...pick(sp, 'atan2 hypot logaddexp xlogy heaviside nanToNum bitwiseAnd bitwiseOr bitwiseXor bitwiseNot'),
  ...pick(e, 'neg abs square sign exp log sqrt rsqrt reciprocal sin cos tanh sigmoid erf relu floor ceil'),
  ...pick(f, 'exp2 expm1 log2 log10 log1p logit tan asin acos atan sinh cosh asinh acosh atanh sinc'),
  ...pick(f, 'erfc erfinv round trunc frac'),
  ...pick(c, 'eq ne gt ge lt le isnan isinf isfinite isclose allclose equal maskedFill'),
  ...pick(c, 'logicalNot logicalAnd logicalOr logicalXor'),
  ...pick(r, 'sum nansum mean nanmean prod any all countNonzero norm dist logsumexp'),
  ...pick(ex, 'amax amin aminmax max min argmax argmin'),
  ...pick(m, 'reshape viewAs ravel flatten unflatten squeeze unsqueeze permute transpose movedim t expand expandAs'),
  ...pick(t, 'repeat tile repeatInterleave flip fliplr flipud roll rot90 unfold'),
  ...pick(s, 'slice narrow select split chunk tensorSplit unbind sliceScatter selectScatter'),
  ...pick(u, 'cumsum cumprod logcumsumexp cummax cummin diff'),
  ...pick(o, 'sort argsort topk kthvalue median quantile bucketize'),
  ...pick(i, 'take indexSelect indexAdd indexCopy indexFill'),
  ...pick(g, 'gather takeAlongDim scatter scatterAdd scatterReduce'),
  ...pick(l, 'mm bmm mv dot outer addmm addmv baddbmm kron cross matrixPower inverse det'),
  ...pick(d, 'tril triu diag diagonal diagEmbed trace'),
  ...dtypeMethods({
    float: 'float32',
    double: 'float64',
    half: 'float16',
    long: 'int64',
    int: 'int32',
    byte: 'uint8',
    bool: 'bool',
  }),
  at,
  indexPut,
  bernoulli,
  multinomial,
  matmul,
  softmax,
  logSoftmax,
  detach,
  view: m.reshape,
  swapaxes: m.transpose,
  broadcastTo: m.expand,
  var: r.variance,
  std: (x, options?: Reduce & { correction?: number }) => r.variance(x, options).sqrt(),
  to: (x, dtype: Dtype) => cast(x, asDtype(dtype)),
  typeAs: (x, other: Tensor) => cast(x, other.dtype),
  clone: alias,
  contiguous: (x) => x,
  numel: (x) => numel(x.shape),
  size: (x, dim?: number) => (dim === undefined ? x.shape : x.shape[normalizeDim('size', dim, x.ndim)]),
  dim: (x) => x.ndim,
};

function pick(from: object, names: string): typeof methods {
  const all = from as Record<string, Method>;
  return Object.fromEntries(names.split(' ').map((name) => [name, all[name]!]));
}

function dtypeMethods(names: Readonly<Record<string, Dtype>>): typeof methods {
  return Object.fromEntries(Object.entries(names).map(([name, dtype]) => [name, (x) => cast(x, dtype)]));
}

/** Results of a parameter that are itself stand for its value now. */
function owned(result: unknown): unknown {
  if (!Array.isArray(result)) return result instanceof Tensor ? own(result) : result;
  // in place: the entries of a pair have names as well
  for (const [i, entry] of result.entries()) if (entry instanceof Tensor) result[i] = own(entry);
  return result;
}
for (const [name, fn] of Object.entries(methods)) {
  Object.defineProperty(Tensor.prototype, name, {
    value(this: Tensor, ...rest: never[]) {
      return owned(fn(this, ...rest));
    },
    writable: true,
    configurable: true,
  });
}
for (const [name, fn] of Object.entries({ T: m.reversed, mT: m.matrixTranspose })) {
  Object.defineProperty(Tensor.prototype, name, {
    get(this: Tensor) {
      return owned(fn(this));
    },
    configurable: true,
  });
}
