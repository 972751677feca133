/** Values drawn on the host: a leaf now, and drawn again on each replay of a compiled function. */
import { allocate, type TypedArray } from '../tensor/dtype.ts';
import { mode } from '../tensor/mode.ts';
import { numel } from '../tensor/shape.ts';
import { type Aval, leaf, Tensor } from '../tensor/tensor.ts';

/** A tensor whose values `fill` writes. No number is drawn while only shapes are inferred. */
export function drawn(aval: Aval, fill: (data: TypedArray) => void): Tensor {
  if (mode.inferring) return new Tensor(leaf(null, aval));
  const draw = () => {
    const data = allocate(aval.dtype, numel(aval.shape));
    fill(data);
    return data;
  };
  if (!mode.trace) return new Tensor(leaf(draw(), aval));
  const node = leaf(null, aval);
  mode.trace.drawn(node, draw);
  return new Tensor(node);
}

/** Something done to host state by a forward pass: now, or on each replay of the function being compiled. */
export function onHost(action: () => void): void {
  if (mode.inferring) return;
  if (mode.trace) mode.trace.did(action);
  else action();
}
