import type { Tensor } from '../tensor/tensor.ts';
import { InPlaceOptimizer, penalized, scale, zeros } from './in-place.ts';
import type { Floats, ParamGroup, Params } from './optimizer.ts';
import { betas, epsilon, flag, implementation, learningRate, weightDecay } from './options.ts';

export interface RAdamOptions {
  readonly lr?: number;
  readonly betas?: readonly number[];
  readonly eps?: number;
  readonly weight_decay?: number;
  readonly maximize?: boolean;
  readonly foreach?: boolean | null;
  readonly capturable?: boolean;
  readonly decoupled_weight_decay?: boolean;
  readonly differentiable?: boolean;
}
type State = { step: number; exp_avg: Floats; exp_avg_sq: Floats };

const rules = {
  lr: learningRate(1e-3),
  betas,
  eps: epsilon(1e-8),
  weight_decay: weightDecay(0),
  maximize: flag(false),
  foreach: implementation,
  capturable: flag(false),
  decoupled_weight_decay: flag(false),
  differentiable: flag(false),
};

/**
 * Adam whose adaptive rate r √(1-β₂ᵗ) / (√v + eps) is used only once the average is long enough (ρₜ > 5) for v to be
 * trusted; before, p -= lr m̂. https://pytorch.org/docs/stable/generated/torch.optim.RAdam.html
 */
export class RAdam extends InPlaceOptimizer<RAdamOptions, State> {
  constructor(params: Params, options: RAdamOptions = {}) {
    super('RAdam', rules, params, options);
  }

  protected override init(p: Tensor): State {
    return { step: 0, exp_avg: zeros(p), exp_avg_sq: zeros(p) };
  }

  protected override update(p: Floats, grad: Floats, state: State, group: ParamGroup & Required<RAdamOptions>): void {
    const { lr, eps, weight_decay, decoupled_weight_decay: decoupled, maximize } = group;
    const [beta1, beta2] = group.betas as [number, number];
    const { exp_avg: m, exp_avg_sq: v } = state;
    state.step += 1;
    if (decoupled) scale(p, 1 - lr * weight_decay);
    const g = penalized(p, grad, { maximize, weight_decay: decoupled ? 0 : weight_decay });
    const rate = lr / (1 - beta1 ** state.step);
    const rectified = rectification(beta2, state.step);
    for (let i = 0; i < p.length; i++) {
      const gi = g[i]!;
      const mi = m[i]! + (1 - beta1) * (gi - m[i]!);
      const vi = beta2 * v[i]! + (1 - beta2) * gi * gi;
      m[i] = mi;
      v[i] = vi;
      p[i]! -= rectified === null ? rate * mi : (rate * rectified * mi) / (Math.sqrt(vi) + eps);
    }
  }
}

/** r √(1-β₂ᵗ), or null while ρₜ ≤ 5. */
function rectification(beta2: number, step: number): number | null {
  const correction = 1 - beta2 ** step;
  const most = 2 / (1 - beta2) - 1;
  const rho = most - (2 * step * beta2 ** step) / correction;
  if (rho <= 5) return null;
  return Math.sqrt((((rho - 4) * (rho - 2) * most) / ((most - 4) * (most - 2) * rho)) * correction);
}
