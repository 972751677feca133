/** Linear and bilinear maps; classes as vectors. */
import { oneHot as oneHotOf } from '../../ops/index.ts';
import * as matmul from '../../ops/matmul.ts';
import { mode } from '../../tensor/mode.ts';
import { broadcast, numel, sameShape, showShape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { ArgError, ShapeError } from '../../util/errors.ts';

/**
 * x Wᵀ + b over the last dimension: x [*, in], W [out, in] or [in], b [out] or what broadcasts to the result.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.linear.html
 */
export function linear(x: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor {
  if (weight.ndim === 1) {
    const y = matmul.linear(x, weight.unsqueeze(0)).squeeze(-1);
    return bias ? biased(y, bias) : y;
  }
  if (weight.ndim !== 2) {
    throw new ShapeError(`linear: expected a weight of 1 or 2 dimensions, got ${showShape(weight.shape)}`);
  }
  const whole = bias === null || (bias.ndim === 1 && bias.shape[0] === weight.shape[0]);
  return whole ? matmul.linear(x, weight, bias) : biased(matmul.linear(x, weight), bias);
}

function biased(y: Tensor, bias: Tensor): Tensor {
  if (sameShape(broadcast('linear', y.shape, bias.shape), y.shape)) return y.add(bias);
  throw new ShapeError(`linear: a bias of shape ${showShape(bias.shape)} does not broadcast to ${showShape(y.shape)}`);
}

/**
 * Σᵢⱼ x1ᵢ Wₖᵢⱼ x2ⱼ + bₖ over the last dimensions: x1 [*, in1], x2 [*, in2], W [out, in1, in2], b [out].
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.bilinear.html
 */
export function bilinear(x1: Tensor, x2: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor {
  const fail = (message: string) => {
    throw new ShapeError(`bilinear: ${message}`);
  };
  if (weight.ndim !== 3) fail(`expected a weight of 3 dimensions, got ${showShape(weight.shape)}`);
  if (x1.ndim !== x2.ndim || x1.ndim === 0) fail(`input dimensions do not match: got ${x1.ndim} and ${x2.ndim}`);
  const lead = x1.shape.slice(0, -1);
  lead.forEach((n, i) => {
    if (n !== x2.shape[i]) fail(`input batch dimensions do not match at dim ${i}: got ${n} and ${x2.shape[i]}`);
  });
  const [out, in1, in2] = weight.shape as [number, number, number];
  if (x1.shape.at(-1) !== in1) {
    fail(`input1 size does not match weight size: got ${x1.shape.at(-1)} but expected ${in1}`);
  }
  if (x2.shape.at(-1) !== in2) {
    fail(`input2 size does not match weight size: got ${x2.shape.at(-1)} but expected ${in2}`);
  }
  if (bias && (bias.ndim !== 1 || bias.shape[0] !== out)) {
    fail(`bias size does not match weight size: got ${showShape(bias.shape)} but expected [${out}]`);
  }
  const rows = numel(lead);
  const products = x1
    .reshape([rows, in1, 1])
    .mul(x2.reshape([rows, 1, in2]))
    .reshape([rows, in1 * in2]);
  return matmul.linear(products, weight.reshape([out, in1 * in2]), bias).reshape([...lead, out]);
}

/**
 * Class indices as vectors, 1 where the class is: [*] to [*, num_classes], int64. Without a number of classes the indices must be
 * there to be looked at. https://pytorch.org/docs/stable/generated/torch.nn.functional.one_hot.html
 */
export function oneHot(index: Tensor, classes: number | { readonly num_classes?: number } = {}): Tensor {
  const given = typeof classes === 'number' ? classes : (classes.num_classes ?? -1);
  if (!Number.isInteger(given) || given < -1) {
    throw new ArgError(`one_hot: expected num_classes to be an integer of at least -1, got ${given}`);
  }
  const data = mode.inferring ? null : index.node.data;
  let largest = -1;
  for (const value of data ?? []) {
    if (Number(value) < 0) throw new ArgError(`one_hot: Class values must be non-negative, got ${value}`);
    largest = Math.max(largest, Number(value));
  }
  if (given >= 0 && largest >= given) {
    throw new ArgError(`one_hot: Class values must be smaller than num_classes, got ${largest} and ${given}`);
  }
  if (given >= 0) return oneHotOf(index, given);
  if (!data) throw new ArgError('one_hot: expected num_classes, since the values of the index are not there yet');
  if (data.length === 0) throw new ArgError('one_hot: Can not infer total number of classes from empty tensor');
  return oneHotOf(index, largest + 1);
}
