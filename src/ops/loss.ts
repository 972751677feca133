/** Losses whose gradient PyTorch computes by a formula of its own. */
import { constantOf } from '../tensor/constant.ts';
import type { Op } from '../tensor/op.ts';
import { apply, type Tensor } from '../tensor/tensor.ts';

/**
 * -(t log x + (1 - t) log(1 - x)), both logarithms at least -100; dx = g (x - t) / max(x (1 - x), 1e-12), which has a value
 * also where a logarithm was limited.
 */
const binaryCrossEntropyOp: Op<Record<string, never>> = {
  name: 'binary_cross_entropy',
  infer: ([x]) => x!,
  grad: (g, _y, [x, t]) => {
    const rest = x!.neg().add(1);
    const slope = x!.sub(t!).div(x!.mul(rest).clamp({ min: 1e-12 }));
    return [g.mul(slope), g.mul(rest.log().sub(x!.log()))];
  },
  lower: (b, [x, t], _attrs, [out]) => {
    const [one, least] = [1, -100].map((value) => constantOf(b, value, { shape: [], dtype: out!.dtype })) as [
      string,
      string,
    ];
    const log = (p: string) => b.node('Max', [b.node('Log', [p]), least]);
    const rest = (p: string) => b.node('Sub', [one, p]);
    const hit = b.node('Mul', [t!, log(x!)]);
    return b.node('Neg', [b.node('Add', [hit, b.node('Mul', [rest(t!), log(rest(x!))])])]);
  },
};

/** Binary cross entropy of probabilities x and targets t of one shape and dtype. */
export function binaryCrossEntropy(x: Tensor, t: Tensor): Tensor {
  return apply(binaryCrossEntropyOp, [x, t], {});
}
