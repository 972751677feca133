/** Sizes at the ends: none at all, and more than there is room for. */

import { constantOf } from '../tensor/constant.ts';
import type { Op } from '../tensor/op.ts';
import { numel, type Shape, showShape } from '../tensor/shape.ts';
import { ShapeError } from '../util/errors.ts';

/** Elements of the largest array ONNX Runtime takes: 2 GiB of float32. */
const MOST = 2 ** 29;

/** Throws if a result would be larger than an array can be: a size given by mistake. */
export function expectRoom(who: string, shape: Shape, most = MOST): Shape {
  if (numel(shape.filter((n) => n > 0)) <= most) return shape;
  throw new ShapeError(`${who}: a result of shape ${showShape(shape)} is larger than an array can be`);
}

/** Zeros where an operand is empty (a batch of none), which not all of ORT's kernels take. */
export function unlessEmpty<A>(lower: Op<A>['lower']): Op<A>['lower'] {
  return (b, inputs, attrs, out, ins, used) => {
    if (ins.every(({ shape }) => numel(shape) > 0)) return lower(b, inputs, attrs, out, ins, used);
    const zeros = out.map((aval) => constantOf(b, 0, aval));
    return zeros.length === 1 ? zeros[0]! : zeros;
  };
}
