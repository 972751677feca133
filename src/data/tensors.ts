import type { TypedArray } from '../tensor/dtype.ts';
import { sameShape, showShape } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';
import { ArgError, ShapeError } from '../util/errors.ts';
import { show } from '../util/python.ts';
import { arrayField, type FieldArray } from './fields.ts';
import type { Field, Samples } from './samples.ts';

type Given = Tensor | Readonly<Record<string, Tensor>>;

/**
 * Samples out of tensors whose first dimension counts them, as `torch.utils.data.TensorDataset`: inputs and targets, by name
 * where there are several, in float32 or int64. Their values are computed when they are first asked for.
 */
export function tensorDataset(inputs: Given, targets: Given): Samples {
  const fields = { inputs: fieldsOf('inputs', inputs, 'input'), targets: fieldsOf('targets', targets, 'target') };
  const all = [...Object.values(fields.inputs), ...Object.values(fields.targets)];
  const size = all[0]!.size;
  const other = all.find((field) => field.size !== size);
  if (other) {
    throw new ShapeError(`tensorDataset: expected tensors of one number of samples, got ${size} and ${other.size}`);
  }
  return { size, ...fields };
}

function fieldsOf(what: string, given: Given, lone: string): Record<string, Field> {
  const named = given instanceof Tensor ? { [lone]: given } : given;
  const entries = Object.entries(named);
  if (entries.length === 0)
    throw new ArgError(`tensorDataset: ${what}: expected at least one tensor, got an empty record`);
  return Object.fromEntries(
    entries.map(([name, tensor]) => [name, fieldOf(`tensorDataset: ${what} '${name}'`, tensor)]),
  );
}

function fieldOf(who: string, tensor: unknown): Field {
  if (!(tensor instanceof Tensor)) throw new ArgError(`${who}: expected a tensor, got ${show(tensor)}`);
  const { shape, dtype } = tensor;
  if (dtype !== 'float32' && dtype !== 'int64') throw new ArgError(`${who}: expected float32 or int64, got ${dtype}`);
  if (sameShape(shape, []))
    throw new ShapeError(`${who}: expected a dimension that counts samples, got shape ${showShape(shape)}`);
  const sample = shape.slice(1);
  const field = (data: TypedArray) => arrayField(data as FieldArray, sample);
  if (tensor.node.data) return field(tensor.node.data.slice() as TypedArray);
  let computed: Promise<Field> | undefined;
  return {
    size: shape[0]!,
    shape: sample,
    dtype,
    take: (rows) => {
      computed ??= tensor.data().then(field);
      return computed.then((values) => values.take(rows));
    },
  };
}
