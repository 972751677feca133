import { ArgError } from '../util/errors.ts';
import { didYouMean } from '../util/suggest.ts';

/** Element types, in PyTorch's spelling. */
export const dtypes = ['float32', 'float64', 'float16', 'int64', 'int32', 'uint8', 'bool'] as const;
export type Dtype = (typeof dtypes)[number];

/** How values of each dtype are held on the host; float16 as raw bits, bool as 0 and 1. */
export interface TypedArrays {
  float32: Float32Array;
  float64: Float64Array;
  float16: Uint16Array;
  int64: BigInt64Array;
  int32: Int32Array;
  uint8: Uint8Array;
  bool: Uint8Array;
}
export type TypedArray = TypedArrays[Dtype];

const constructors = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int64: BigInt64Array,
  int32: Int32Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const;

const sizes: Record<Dtype, number> = { float32: 4, float64: 8, float16: 2, int64: 8, int32: 4, uint8: 1, bool: 1 };

/** Zeros of a dtype. */
export function allocate<D extends Dtype>(dtype: D, length: number): TypedArrays[D] {
  return new constructors[dtype](length) as TypedArrays[D];
}

/** A result's values as we hold them: halves as bits also where JavaScript has an array of halves. */
export function valuesIn({ type, data }: { readonly type: string; readonly data: unknown }): TypedArray {
  if (type !== 'float16' || data instanceof Uint16Array) return data as TypedArray;
  const { buffer, byteOffset, length } = data as Uint16Array<ArrayBuffer>;
  return new Uint16Array(buffer, byteOffset, length);
}

/** `length` values from byte `at` of a buffer. */
export function arrayOver(dtype: Dtype, buffer: ArrayBuffer, at: number, length: number): TypedArray {
  return new constructors[dtype](buffer, at, length);
}

/** Bytes an element takes. */
export function itemSize(dtype: Dtype): number {
  return sizes[dtype];
}

export function isFloat(dtype: Dtype): boolean {
  return dtype === 'float32' || dtype === 'float64' || dtype === 'float16';
}

/** A dtype from a string of the user's. */
export function asDtype(name: unknown): Dtype {
  if (dtypes.includes(name as Dtype)) return name as Dtype;
  throw new ArgError(
    `dtype: expected one of ${dtypes.join(', ')}, got ${JSON.stringify(name)}${didYouMean(String(name), dtypes)}`,
  );
}

const rank: Record<Dtype, number> = { bool: 0, uint8: 1, int32: 2, int64: 3, float16: 4, float32: 5, float64: 6 };

/** The dtype two tensors meet in, as `torch.promote_types` (over the dtypes we have). */
export function promote(a: Dtype, b: Dtype): Dtype {
  return rank[a] >= rank[b] ? a : b;
}

const f32 = new Float32Array(1);
const u32 = new Uint32Array(f32.buffer);

/** The bits of the float16 nearest to a number, ties to even. */
export function toHalf(value: number): number {
  f32[0] = value;
  const bits = u32[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x47800000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // subnormal: the unit is 2^-24
    const units = Math.abs(f32[0]!) * 2 ** 24;
    const floor = Math.floor(units);
    const rest = units - floor;
    return sign | (rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor);
  }
  const rounded = magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1);
  return sign | Math.min(rounded >>> 13, 0x7c00);
}

/** The number a float16's bits stand for. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Element `i` as a plain number. */
export function numberAt(data: TypedArray, i: number, dtype: Dtype): number {
  const value = data[i]!;
  return dtype === 'float16' ? fromHalf(Number(value)) : Number(value);
}

/** Write numbers into an array of a dtype, converting as PyTorch's `to` does (truncation for integers, `!= 0` for bool). */
export function store(into: TypedArray, dtype: Dtype, i: number, value: number | bigint | boolean): void {
  switch (dtype) {
    case 'int64':
      into[i] = typeof value === 'bigint' ? value : BigInt(Math.trunc(Number(value)));
      break;
    case 'bool':
      into[i] = Number(value) !== 0 ? 1 : 0;
      break;
    case 'float16':
      into[i] = toHalf(Number(value));
      break;
    default:
      into[i] = Number(value);
  }
}
