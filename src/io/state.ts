/** State as JSON with arrays beside it: what optimizers, schedulers and generators are made of, in files. */
import type { Dtype, TypedArray } from '../tensor/dtype.ts';
import { leaf, Tensor } from '../tensor/tensor.ts';
import { internal, TorcharcError } from '../util/errors.ts';

export interface Packed {
  /** Arrays stand as `{"$array": name}`, numbers that JSON has not as `{"$number": "NaN"}`. */
  readonly json: unknown;
  readonly arrays: ReadonlyMap<string, Tensor>;
}

const dtypes: readonly [new (length: number) => TypedArray, Dtype][] = [
  [Float32Array, 'float32'],
  [Float64Array, 'float64'],
  [BigInt64Array, 'int64'],
  [Int32Array, 'int32'],
  [Uint8Array, 'uint8'],
];

/** Take state apart: records, lists, numbers, texts, booleans, null and typed arrays. */
export function packState(state: unknown): Packed {
  const arrays = new Map<string, Tensor>();
  const visit = (value: unknown, path: string): unknown => {
    if (ArrayBuffer.isView(value)) {
      const [, dtype] =
        dtypes.find(([type]) => value instanceof type) ?? internal(`packState: ${path}: an array of another type`);
      const data = value as TypedArray;
      arrays.set(path, new Tensor(leaf(data, { dtype, shape: [data.length] })));
      return { $array: path };
    }
    if (typeof value === 'number') return Number.isFinite(value) ? value : { $number: String(value) };
    if (Array.isArray(value)) return value.map((entry, i) => visit(entry, `${path}.${i}`));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, entry]) => [key, visit(entry, path ? `${path}.${key}` : key)]),
    );
  };
  return { json: visit(state, ''), arrays };
}

/** Put state together again. */
export function unpackState({ json, arrays }: Packed): unknown {
  const visit = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(visit);
    if (typeof value !== 'object' || value === null) return value;
    const { $array: name, $number: number } = value as { $array?: unknown; $number?: unknown };
    if (typeof number === 'string') return Number(number);
    if (typeof name !== 'string')
      return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, visit(entry)]));
    const data = arrays.get(name)?.node.data;
    if (!data) throw new TorcharcError(`there is no array '${name}'`);
    return data;
  };
  return visit(json);
}
