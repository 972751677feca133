/** Numbers as array files hold them, and what they are taken as. */
import { fromHalf } from '../tensor/dtype.ts';
import { numel, type Shape, strides } from '../tensor/shape.ts';
import { TorcharcError } from '../util/errors.ts';
import type { FieldArray } from './fields.ts';

export type ElementKind = 'float' | 'bfloat' | 'int' | 'uint';

export interface Elements {
  readonly kind: ElementKind;
  /** Bytes each. */
  readonly size: number;
  readonly littleEndian: boolean;
}

type Get = (view: DataView, at: number, little: boolean) => number | bigint;

const scratch = new DataView(new ArrayBuffer(4));
const getters: Readonly<Record<string, Get>> = {
  float2: (view, at, little) => fromHalf(view.getUint16(at, little)),
  float4: (view, at, little) => view.getFloat32(at, little),
  float8: (view, at, little) => view.getFloat64(at, little),
  // the upper half of a float32
  bfloat2: (view, at, little) => {
    scratch.setUint16(0, view.getUint16(at, little));
    return scratch.getFloat32(0);
  },
  int1: (view, at) => view.getInt8(at),
  int2: (view, at, little) => view.getInt16(at, little),
  int4: (view, at, little) => view.getInt32(at, little),
  int8: (view, at, little) => view.getBigInt64(at, little),
  uint1: (view, at) => view.getUint8(at),
  uint2: (view, at, little) => view.getUint16(at, little),
  uint4: (view, at, little) => view.getUint32(at, little),
  uint8: (view, at, little) => view.getBigUint64(at, little),
};

export function isSupported({ kind, size }: Elements): boolean {
  return kind + size in getters;
}

/** Numbers as float32 or int64. Throws for what is not finite, and for what is not whole where it should be. */
export function convert(
  bytes: Uint8Array<ArrayBuffer>,
  elements: Elements,
  dtype: 'float32' | 'int64',
  place: (i: number) => string,
): FieldArray {
  const { kind, size, littleEndian } = elements;
  const count = bytes.length / size;
  const get = getters[kind + size]!;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const refuse = (i: number, what: string, got: number | bigint): never => {
    throw new TorcharcError(`${place(i)}: expected ${what}, got ${got}`);
  };
  if (dtype === 'float32') {
    const floats = new Float32Array(count);
    for (let i = 0; i < count; i++) {
      const value = Number(get(view, i * size, littleEndian));
      floats[i] = value;
      if (!Number.isFinite(floats[i]!)) refuse(i, 'a number that fits float32', value);
    }
    return floats;
  }
  const integers = new BigInt64Array(count);
  for (let i = 0; i < count; i++) {
    const value = get(view, i * size, littleEndian);
    if (typeof value === 'number' && !Number.isSafeInteger(value)) refuse(i, 'a whole number', value);
    integers[i] = BigInt(value);
    if (integers[i] !== BigInt(value)) refuse(i, 'a number that fits int64', value);
  }
  return integers;
}

/** An array whose first index runs fastest, with its last one doing so. */
export function fromFortran<T extends FieldArray>(values: T, shape: Shape): T {
  const out = values.slice() as T;
  const last = strides(shape);
  const first = shape.map((_, dim) => numel(shape.slice(0, dim)));
  for (let i = 0; i < out.length; i++) {
    let from = 0;
    for (let dim = 0; dim < shape.length; dim++) from += (Math.floor(i / last[dim]!) % shape[dim]!) * first[dim]!;
    out[i] = values[from]!;
  }
  return out;
}

/** An array in a file: what its header says. */
export interface ArrayHeader {
  readonly elements: Elements;
  readonly shape: Shape;
  readonly fortran: boolean;
  /** Where its bytes begin. */
  readonly begin: number;
}

/** Check that an array is as long as a file says, before anything is made for it. `available`: the bytes that follow. */
export function checkLength(name: string, shape: Shape, elements: Elements, available: number): void {
  const wanted = numel(shape) * elements.size;
  const shown = shape.length > 8 ? `${shape.slice(0, 8).join(', ')}, …` : shape.join(', ');
  if (shape.length === 0 || shape.length > 32 || wanted === 0)
    throw new TorcharcError(`${name}: expected samples, got an array of shape [${shown}]`);
  if (wanted === available) return;
  const fault = wanted > available ? 'it is cut off' : 'more follows';
  throw new TorcharcError(
    `${name}: an array of shape [${shown}] and ${elements.size} bytes an element takes ${wanted} bytes, got ${available}; ${fault}`,
  );
}
