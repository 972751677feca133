/** `torch.nn.utils`: clipping of gradients, between `backward()` and `optimizer.step()`. Lazy, and part of compiled functions. */

import { zeros } from '../ops/create.ts';
import { stack } from '../ops/join.ts';
import { noGrad } from '../tensor/mode.ts';
import { Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';
import { show } from '../util/python.ts';

export interface ClipGradNormOptions {
  /** Infinity: the largest magnitude. */
  readonly norm_type?: number;
  readonly error_if_nonfinite?: boolean;
}

/**
 * Scale the gradients of all parameters by min(1, max_norm / (norm + 1e-6)), norm that of all of them as one vector, and return it.
 * https://pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html
 *
 * The norm is computed with the step. So, unlike in PyTorch, `error_if_nonfinite` is refused: look at the norm after the step.
 */
export function clipGradNorm_(
  parameters: Tensor | Iterable<Tensor>,
  max_norm: number,
  { norm_type = 2, error_if_nonfinite = false }: ClipGradNormOptions = {},
): Tensor {
  expectNumber('clipGradNorm_', 'max_norm', max_norm);
  expectNumber('clipGradNorm_', 'norm_type', norm_type);
  if (error_if_nonfinite)
    throw new ArgError(
      'clipGradNorm_.error_if_nonfinite: the norm is not known before the step is computed; look at the norm it returns after the step',
    );
  const params = withGradient('clipGradNorm_', parameters);
  if (params.length === 0) return zeros([]);
  return noGrad(() => {
    const total = stack(params.map((p) => p.grad!.norm({ p: norm_type }))).norm({ p: norm_type });
    const factor = total.add(1e-6).reciprocal().mul(max_norm).clampMax(1);
    // a step computes the norm as well, which could not be had after it
    const walk = { roots: [total.node], leaves: [] };
    for (const p of params) {
      p.grad = p.grad!.mul(factor.to(p.dtype));
      p.walks ??= new Set();
      p.walks.add(walk);
    }
    return total;
  });
}

/** Bring every element of the gradients into [-clip_value, clip_value]. https://pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_value_.html */
export function clipGradValue_(parameters: Tensor | Iterable<Tensor>, clip_value: number): void {
  expectNumber('clipGradValue_', 'clip_value', clip_value);
  const params = withGradient('clipGradValue_', parameters);
  noGrad(() => {
    for (const p of params) p.grad = p.grad!.clamp({ min: -clip_value, max: clip_value });
  });
}

function withGradient(who: string, parameters: Tensor | Iterable<Tensor>): Tensor[] {
  const list = parameters instanceof Tensor ? [parameters] : [...parameters];
  const bad = list.find((p) => !(p instanceof Tensor));
  if (bad !== undefined) throw new ArgError(`${who}: expected parameters, got ${show(bad)}`);
  return list.filter((p) => p.grad);
}

function expectNumber(who: string, name: string, value: unknown): void {
  if (typeof value !== 'number' || Number.isNaN(value))
    throw new ArgError(`${who}.${name}: expected a number, got ${show(value)}`);
}
