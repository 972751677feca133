/** Tensors made from the user's numbers or from one number. From a rule: `ranges.ts`; from the generator: `random.ts`. */
import { constant } from '../tensor/constant.ts';
import { allocate, asDtype, type Dtype, numberAt, store, type TypedArray } from '../tensor/dtype.ts';
import { asShape, numel, type Shape, showShape } from '../tensor/shape.ts';
import { leaf, Tensor } from '../tensor/tensor.ts';
import { ArgError, ShapeError } from '../util/errors.ts';
import { show } from '../util/python.ts';

export interface CreateOptions {
  readonly dtype?: Dtype;
  readonly requiresGrad?: boolean;
}
/** A number, a flag, or arrays of them nested by dimension. */
export type NestedData = number | bigint | boolean | readonly NestedData[];

export function withGrad(t: Tensor, requiresGrad = false): Tensor {
  if (requiresGrad) t.requiresGrad = true;
  return t;
}

/** The dtype a typed array holds; bool and float16 must be named. */
function dtypeOf(data: TypedArray): Dtype {
  if (data instanceof Float32Array) return 'float32';
  if (data instanceof Float64Array) return 'float64';
  if (data instanceof BigInt64Array) return 'int64';
  if (data instanceof Int32Array) return 'int32';
  if (data instanceof Uint8Array) return 'uint8';
  if (data instanceof Uint16Array) return 'float16';
  throw new ArgError(
    `tensor: expected numbers, nested arrays of them or a typed array of one of our dtypes, got ${(data as object).constructor.name}`,
  );
}

/**
 * A tensor holding a copy of the data: a number, nested arrays, or a typed array with its shape.
 *
 * float32 unless the data is a typed array of another dtype or bool, or `dtype` says otherwise. (PyTorch makes integers int64;
 * in JavaScript `1` and `1.0` are the same.)
 */
export function tensor(
  data: NestedData | TypedArray,
  { shape, dtype, requiresGrad = false }: CreateOptions & { readonly shape?: Shape } = {},
): Tensor {
  const to = dtype === undefined ? undefined : asDtype(dtype);
  const checked = shape === undefined ? undefined : asShape('tensor', shape);
  if (ArrayBuffer.isView(data)) {
    const from = dtypeOf(data);
    const full = checked ?? [data.length];
    fits(data.length, full);
    const same = to === undefined || to === from || (to === 'bool' && from === 'uint8');
    const copy = same ? (data.slice() as TypedArray) : convert(data, from, to);
    if (to === 'bool') for (let i = 0; i < copy.length; i++) copy[i] = (copy[i] ? 1 : 0) as never;
    return withGrad(new Tensor(leaf(copy, { shape: full, dtype: to ?? from })), requiresGrad);
  }
  const found: number[] = [];
  const flat: (number | bigint | boolean)[] = [];
  flatten(data, 0, found, flat);
  const type = to ?? (flat.length > 0 && flat.every((v) => typeof v === 'boolean') ? 'bool' : 'float32');
  const full = checked ?? found;
  fits(flat.length, full);
  const array = allocate(type, flat.length);
  for (let i = 0; i < flat.length; i++) store(array, type, i, flat[i]!);
  return withGrad(new Tensor(leaf(array, { shape: [...full], dtype: type })), requiresGrad);
}

function fits(length: number, shape: Shape): void {
  if (numel(shape) !== length)
    throw new ShapeError(`tensor: shape '${showShape(shape)}' is invalid for input of size ${length}`);
}

function convert(data: TypedArray, from: Dtype, to: Dtype): TypedArray {
  const copy = allocate(to, data.length);
  for (let i = 0; i < data.length; i++) store(copy, to, i, from === 'int64' ? data[i]! : numberAt(data, i, from));
  return copy;
}

function flatten(data: NestedData, depth: number, shape: number[], flat: (number | bigint | boolean)[]): void {
  if (Array.isArray(data)) {
    if (depth === shape.length && flat.length > 0) {
      throw new ShapeError(`tensor: expected a number at dim ${depth}, got a sequence of length ${data.length}`);
    }
    shape[depth] ??= data.length;
    if (shape[depth] !== data.length) {
      throw new ShapeError(`tensor: expected sequence of length ${shape[depth]} at dim ${depth} (got ${data.length})`);
    }
    for (const entry of data) flatten(entry, depth + 1, shape, flat);
    return;
  }
  if (depth < shape.length) throw new ShapeError(`tensor: expected a sequence at dim ${depth}, got ${String(data)}`);
  if (typeof data !== 'number' && typeof data !== 'bigint' && typeof data !== 'boolean') {
    throw new ArgError(`tensor: expected numbers, got ${data === null ? 'null' : typeof data}`);
  }
  flat.push(data);
}

/** One number everywhere. */
export function full(
  shape: Shape,
  value: number,
  { dtype = 'float32', requiresGrad = false }: CreateOptions = {},
): Tensor {
  const aval = { shape: asShape('full', shape), dtype: asDtype(dtype) };
  if (typeof value !== 'number' && typeof value !== 'boolean') {
    throw new ArgError(`full: expected a number, got ${show(value)}`);
  }
  if (!requiresGrad) return constant(Number(value), aval);
  const data = allocate(aval.dtype, numel(shape));
  for (let i = 0; i < data.length; i++) store(data, aval.dtype, i, value);
  return withGrad(new Tensor(leaf(data, aval)), true);
}
export const zeros = (shape: Shape, options: CreateOptions = {}): Tensor => full(shape, 0, options);
export const ones = (shape: Shape, options: CreateOptions = {}): Tensor => full(shape, 1, options);
/** Zeros: a lazy tensor has no memory to leave as it is. */
export const empty = zeros;

/** One number everywhere, in another's shape and dtype. */
export function fullLike(x: Tensor, value: number, options: CreateOptions = {}): Tensor {
  return full(x.shape, value, { dtype: x.dtype, ...options });
}
export const zerosLike = (x: Tensor, options: CreateOptions = {}): Tensor => fullLike(x, 0, options);
export const onesLike = (x: Tensor, options: CreateOptions = {}): Tensor => fullLike(x, 1, options);
/** Zeros in another's shape and dtype. */
export const emptyLike = zerosLike;
