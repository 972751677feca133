import { internal } from '../util/errors.ts';
import { isFloat } from './dtype.ts';
import type { Op } from './op.ts';
import { apply, Node, Tensor } from './tensor.ts';

/** Result `index` of an operation with several. The backward walk and the lowering know it; it computes nothing. */
export const pickOp: Op<{ index: number }> = {
  name: 'pick',
  infer: () => internal('pick is made by several()'),
  grad: null,
  lower: () => internal('pick is resolved by the lowering'),
};

/** The results of a node with several, as tensors. */
export function picks(base: Node): Tensor[] {
  return base.outs!.map(
    (out, index) =>
      new Tensor(new Node(pickOp as Op, { index }, [base], out, null, base.requiresGrad && isFloat(out.dtype))),
  );
}

/** Apply an operation with several results. */
export function several<A>(op: Op<A>, inputs: readonly Tensor[], attrs: A): Tensor[] {
  return picks(apply(op, inputs, attrs).node);
}
