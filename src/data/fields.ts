/** Fields over arrays, and views of fields: some of the rows, or values scaled as they are taken. */
import type { TypedArray } from '../tensor/dtype.ts';
import { numel, type Shape, showShape } from '../tensor/shape.ts';
import { ArgError } from '../util/errors.ts';
import type { Field, Samples, Scaling } from './samples.ts';

export type FieldArray = Float32Array<ArrayBuffer> | BigInt64Array<ArrayBuffer>;

/** A field that holds its values. */
export class ArrayField implements Field {
  readonly size: number;
  readonly shape: Shape;
  readonly dtype: 'float32' | 'int64';
  readonly data: FieldArray;
  private readonly width: number;

  constructor(data: FieldArray, shape: Shape, size = data.length / numel(shape)) {
    if (!Number.isInteger(size) || size * numel(shape) !== data.length) {
      throw new ArgError(
        `arrayField: expected a multiple of ${numel(shape)} values, for samples of shape ${showShape(shape)}, got ${data.length}`,
      );
    }
    this.size = size;
    this.shape = shape;
    this.dtype = data instanceof Float32Array ? 'float32' : 'int64';
    this.data = data;
    this.width = numel(shape);
  }

  take(rows: Uint32Array): FieldArray {
    const { data, width } = this;
    return data instanceof Float32Array
      ? gather(data, new Float32Array(rows.length * width), width, rows)
      : gather(data, new BigInt64Array(rows.length * width), width, rows);
  }
}

/** Below this many values a loop is faster than a view and a copy. */
const FEW = 16;

function gather<T extends Float32Array | BigInt64Array>(from: T, out: T, width: number, rows: Uint32Array): T {
  for (let i = 0; i < rows.length; i++) {
    const begin = rows[i]! * width;
    if (width > FEW) out.set(from.subarray(begin, begin + width) as never, i * width);
    else for (let j = 0; j < width; j++) out[i * width + j] = from[begin + j]!;
  }
  return out;
}

/** A field over an array that holds its samples one after the other; the array is not copied. */
export function arrayField(data: FieldArray, shape: Shape): Field {
  return new ArrayField(data, shape);
}

/** Some of the samples, in the order of `rows`. Where fields have blocks, rows should ascend, so that neighbors stay so. */
export function subset(samples: Samples, rows: Uint32Array): Samples {
  const some = (fields: Samples['inputs']) => mapped(fields, (field) => rowsOf(field, rows));
  return { size: rows.length, inputs: some(samples.inputs), targets: some(samples.targets) };
}

function rowsOf(field: Field, rows: Uint32Array): Field {
  const { shape, dtype, size, block } = field;
  return {
    size: rows.length,
    shape,
    dtype,
    block: block && Math.max(1, Math.floor((block * rows.length) / size)),
    take: (at) => field.take(at.map((i) => rows[i]!)),
  };
}

export function mapped<T, U>(record: Readonly<Record<string, T>>, body: (value: T, name: string) => U) {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, body(value, name)]));
}

/** A field with its values scaled: at once where it holds them (it is changed), else as they are taken. */
export function scaled(field: Field, scaling: Scaling | null): Field {
  if (!scaling) return field;
  if (field instanceof ArrayField) {
    scaleInPlace(field.data, scaling);
    return field;
  }
  const done = (values: TypedArray) => {
    scaleInPlace(values, scaling);
    return values;
  };
  return {
    ...attributes(field),
    take(rows) {
      const values = field.take(rows);
      return values instanceof Promise ? values.then(done) : done(values);
    },
  };
}

/** All of a field but its values. */
export function attributes({ size, shape, dtype, block }: Field): Omit<Field, 'take'> {
  return { size, shape, dtype, block };
}

/** `(x - shift) / factor`, value by value; rounded once, to float32. */
export function scaleInPlace(values: TypedArray, { shift, factor, inner }: Scaling): void {
  const columns = shift.length;
  if (!(values instanceof Float32Array)) throw new ArgError('scale: expected float32 values, got integers');
  for (let i = 0, column = 0; i < values.length; column = column + 1 === columns ? 0 : column + 1) {
    const [from, by] = [shift[column]!, factor[column]!];
    for (const end = i + inner; i < end; i++) values[i] = (values[i]! - from) / by;
  }
}

/** `x · factor + shift`: the inverse of scaling, in a copy. */
export function unscaled(values: Float32Array, scaling: Scaling | null): Float32Array {
  if (!scaling) return values;
  const { shift, factor, inner } = scaling;
  return values.map((value, i) => {
    const column = Math.floor(i / inner) % shift.length;
    return value * factor[column]! + shift[column]!;
  });
}
