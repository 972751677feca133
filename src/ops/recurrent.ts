/**
 * What the recurrent operations share.
 *
 * Their sequences are [L, H, N], features before the batch: a step is then `R h`, with the weights as the left factor, which ONNX
 * Runtime multiplies as it is fed, while a right factor would be repacked at every step.
 *
 * Each kind of network is three operations, and any of them is differentiated by the other two: the network itself; the
 * recurrence of its gradient, which is linear and runs the other way; and that of its tangent, linear and running its own way,
 * which is the gradient's gradient.
 */
import { constant } from '../tensor/constant.ts';
import type { Op } from '../tensor/op.ts';
import { numel } from '../tensor/shape.ts';
import { type Aval, apply, type Tensor } from '../tensor/tensor.ts';
import { linear } from './matmul.ts';
import { cat } from './movement.ts';

/** `reverse`: from the last step to the first. */
export interface Direction {
  readonly reverse: boolean;
}

/** W x + b at every step: weight [K, I], x [L, I, N], bias [K]. */
const projectOp: Op<Record<string, never>> = {
  name: 'project',
  infer: ([w, x]) => ({ shape: [x!.shape[0]!, w!.shape[0]!, x!.shape[2]!], dtype: x!.dtype }),
  grad: (g, _y, [w, x, bias]) => {
    const dw = linear(columns(g), columns(x!));
    return [dw, project(w!.t(), g), ...(bias ? [columns(g).sum({ dim: 1 })] : [])];
  },
  lower: (b, [w, x, bias], _attrs, [out]) => {
    const y = b.node('MatMul', [w!, x!]);
    return bias ? b.node('Add', [y, b.reshape(bias, [out!.shape[1]!, 1])]) : y;
  },
  macs: ([w], _attrs, out) => numel(out.shape) * w!.shape[1]!,
};
/** W x (+ b) at every step of x [L, I, N]; weight [K, I], bias [K]. */
export function project(weight: Tensor, x: Tensor, bias: Tensor | null = null): Tensor {
  return apply(projectOp, bias ? [weight, x, bias] : [weight, x], {});
}

/** [L, K, N] as the matrix [K, L · N]. */
export function columns(x: Tensor): Tensor {
  const [l, k, n] = x.shape as [number, number, number];
  return x.permute([1, 0, 2]).reshape([k, l * n]);
}

/** At each step what was there at the step before, `first` at the one that is walked first. */
export function before(x: Tensor, first: Tensor, { reverse }: Direction): Tensor {
  const rest = x.shape[0]! - 1;
  const start = first.unsqueeze(0);
  if (rest === 0) return start;
  return reverse ? cat([x.narrow(0, 1, rest), start]) : cat([start, x.narrow(0, 0, rest)]);
}

/** The other way round: at each step what is there at the next, and what fell out at the front. */
export function after(x: Tensor, { reverse }: Direction): { steps: Tensor; first: Tensor } {
  const rest = x.shape[0]! - 1;
  const first = x.select(0, reverse ? rest : 0);
  const none = constant(0, first).unsqueeze(0);
  if (rest === 0) return { steps: none, first };
  return { steps: reverse ? cat([none, x.narrow(0, 0, rest)]) : cat([x.narrow(0, 1, rest), none]), first };
}

/** 1 - y², the slope of tanh. */
export const tanhSlope = (y: Tensor): Tensor => y.mul(y).neg().add(1);
/** y (1 - y), the slope of the sigmoid. */
export const sigmoidSlope = (y: Tensor): Tensor => y.sub(y.mul(y));

/** Multiply-adds of R h at all steps: operand 0 has the gates of all steps [L, K, N], operand 1 is R [K, H]. */
export const macs = ([gates, r]: readonly Aval[]): number => numel(gates!.shape) * r!.shape[1]!;
