import type { Tensor } from '../tensor/tensor.ts';
import { KernelOptimizer } from './kernel-optimizer.ts';
import { adaptiveStep } from './kernels.ts';
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
export class NAdam extends KernelOptimizer<NAdamOptions, State> {
  constructor(params: Params, options: NAdamOptions = {}) {
    super('NAdam', rules, params, options);
  }

  protected override stateCount(): number {
    return 2;
  }

  protected override init(p: Tensor): State {
    const [exp_avg, exp_avg_sq] = this.stateOf(p) as [Floats, Floats];
    return { step: 0, mu_product: 1, exp_avg, exp_avg_sq };
  }

  protected override update(p: Floats, g: Floats, state: State, group: ParamGroup & Required<NAdamOptions>): void {
    const { lr, eps, weight_decay, momentum_decay, decoupled_weight_decay: decoupled, maximize } = group;
    const [beta1, beta2] = group.betas as [number, number];
    state.step += 1;
    const momentum = (step: number) => beta1 * (1 - 0.5 * 0.96 ** (step * momentum_decay));
    const [mu, next] = [momentum(state.step), momentum(state.step + 1)];
    // PyTorch keeps it as a float32 tensor
    state.mu_product = Math.fround(state.mu_product * mu);
    adaptiveStep(p, g, state.exp_avg, state.exp_avg_sq, null, {
      c1: 1 - beta1,
      b2: beta2,
      c2: 1 - beta2,
      rate: (lr * next) / (1 - state.mu_product * next),
      gRate: (lr * (1 - mu)) / (1 - state.mu_product),
      root: 1 / Math.sqrt(1 - beta2 ** state.step),
      eps,
      sign: maximize ? -1 : 1,
      l2: decoupled ? 0 : weight_decay,
      keep: decoupled ? 1 - lr * weight_decay : 1,
    });
  }
}
