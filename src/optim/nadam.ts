import type { Tensor } from '../tensor/tensor.ts';
import { InPlaceOptimizer, penalized, scale, zeros } from './in-place.ts';
import type { Floats, ParamGroup, Params } from './optimizer.ts';
import { betas, epsilon, flag, implementation, learningRate, nonNegative, weightDecay } from './options.ts';

export interface NAdamOptions {
  readonly lr?: number;
  readonly betas?: readonly number[];
  readonly eps?: number;
  readonly weight_decay?: number;
  readonly momentum_decay?: number;
  readonly decoupled_weight_decay?: boolean;
  readonly maximize?: boolean;
  readonly foreach?: boolean | null;
  readonly capturable?: boolean;
  readonly differentiable?: boolean;
}
type State = { step: number; mu_product: number; exp_avg: Floats; exp_avg_sq: Floats };

const rules = {
  lr: learningRate(2e-3),
  betas,
  eps: epsilon(1e-8),
  weight_decay: weightDecay(0),
  momentum_decay: nonNegative(4e-3, 'Invalid momentum_decay value'),
  decoupled_weight_decay: flag(false),
  maximize: flag(false),
  foreach: implementation,
  capturable: flag(false),
  differentiable: flag(false),
};

/**
 * Adam with Nesterov momentum: μₜ = β₁(1 - ½ 0.96^(t·momentum_decay)),
 * p -= lr ((1-μₜ)g / (1-Πμ) + μₜ₊₁m / (1-μₜ₊₁Πμ)) / (√v̂ + eps). https://pytorch.org/docs/stable/generated/torch.optim.NAdam.html
 */
export class NAdam extends InPlaceOptimizer<NAdamOptions, State> {
  constructor(params: Params, options: NAdamOptions = {}) {
    super('NAdam', rules, params, options);
  }

  protected override init(p: Tensor): State {
    return { step: 0, mu_product: 1, exp_avg: zeros(p), exp_avg_sq: zeros(p) };
  }

  protected override update(p: Floats, grad: Floats, state: State, group: ParamGroup & Required<NAdamOptions>): void {
    const { lr, eps, weight_decay, momentum_decay, decoupled_weight_decay: decoupled, maximize } = group;
    const [beta1, beta2] = group.betas as [number, number];
    const { exp_avg: m, exp_avg_sq: v } = state;
    state.step += 1;
    if (decoupled) scale(p, 1 - lr * weight_decay);
    const g = penalized(p, grad, { maximize, weight_decay: decoupled ? 0 : weight_decay });
    const momentum = (step: number) => beta1 * (1 - 0.5 * 0.96 ** (step * momentum_decay));
    const [mu, next] = [momentum(state.step), momentum(state.step + 1)];
    // PyTorch keeps it as a float32 tensor
    state.mu_product = Math.fround(state.mu_product * mu);
    const gRate = (lr * (1 - mu)) / (1 - state.mu_product);
    const mRate = (lr * next) / (1 - state.mu_product * next);
    const correction = 1 - beta2 ** state.step;
    for (let i = 0; i < p.length; i++) {
      const gi = g[i]!;
      const mi = m[i]! + (1 - beta1) * (gi - m[i]!);
      const vi = beta2 * v[i]! + (1 - beta2) * gi * gi;
      m[i] = mi;
      v[i] = vi;
      p[i]! -= (gRate * gi + mRate * mi) / (Math.sqrt(vi / correction) + eps);
    }
  }
}
