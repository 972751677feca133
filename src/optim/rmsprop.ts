import type { Tensor } from '../tensor/tensor.ts';
import { InPlaceOptimizer, penalized, zeros } from './in-place.ts';
import type { Floats, ParamGroup, Params } from './optimizer.ts';
import { epsilon, flag, implementation, learningRate, nonNegative, weightDecay } from './options.ts';

export interface RMSpropOptions {
  readonly lr?: number;
  readonly momentum?: number;
  readonly alpha?: number;
  readonly eps?: number;
  readonly centered?: boolean;
  readonly weight_decay?: number;
  readonly capturable?: boolean;
  readonly foreach?: boolean | null;
  readonly maximize?: boolean;
  readonly differentiable?: boolean;
}
type Group = ParamGroup & Required<RMSpropOptions>;
export type RMSpropState = { step: number; square_avg: Floats; momentum_buffer?: Floats; grad_avg?: Floats };

const rules = {
  lr: learningRate(1e-2),
  momentum: nonNegative(0, 'Invalid momentum value'),
  alpha: nonNegative(0.99, 'Invalid alpha value'),
  eps: epsilon(1e-8),
  centered: flag(false),
  weight_decay: weightDecay(0),
  capturable: flag(false),
  foreach: implementation,
  maximize: flag(false),
  differentiable: flag(false),
};

/**
 * v = αv + (1-α)g², p -= lr g / (√v + eps); with momentum b = μb + g / (√v + eps), p -= lr b; centered, v - ḡ² takes the place of
 * v under the root, ḡ = αḡ + (1-α)g. https://pytorch.org/docs/stable/generated/torch.optim.RMSprop.html
 */
export class RMSprop extends InPlaceOptimizer<RMSpropOptions, RMSpropState> {
  constructor(
    params: Params,
    options: RMSpropOptions = {},
    /** Its kin's. @internal */
    name = 'RMSprop',
  ) {
    super(name, rules, params, options);
  }

  protected override init(p: Tensor, { momentum, centered }: Group): RMSpropState {
    return {
      step: 0,
      square_avg: zeros(p),
      ...(momentum > 0 ? { momentum_buffer: zeros(p) } : {}),
      ...(centered ? { grad_avg: zeros(p) } : {}),
    };
  }

  protected override update(p: Floats, grad: Floats, state: RMSpropState, group: Group): void {
    const { lr, momentum, alpha, eps, centered } = group;
    const g = penalized(p, grad, group);
    const v = state.square_avg;
    // a schedule may have raised the momentum from 0
    if (momentum > 0) state.momentum_buffer ??= p.slice().fill(0) as Floats;
    if (centered) state.grad_avg ??= p.slice().fill(0) as Floats;
    const b = momentum > 0 ? state.momentum_buffer : null;
    const mean = centered ? state.grad_avg : null;
    state.step += 1;
    for (let i = 0; i < p.length; i++) {
      const gi = g[i]!;
      const vi = alpha * v[i]! + (1 - alpha) * gi * gi;
      v[i] = vi;
      let variance = vi;
      if (mean) {
        const average = mean[i]! + (1 - alpha) * (gi - mean[i]!);
        mean[i] = average;
        variance -= average * average;
      }
      let step = gi / (Math.sqrt(variance) + eps);
      if (b) {
        step += momentum * b[i]!;
        b[i] = step;
      }
      p[i]! -= lr * step;
    }
  }
}
