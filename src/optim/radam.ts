import type { Tensor } from '../tensor/tensor.ts';
import { KernelOptimizer } from './kernel-optimizer.ts';
import { adaptiveStep } from './kernels.ts';
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
export class RAdam extends KernelOptimizer<RAdamOptions, State> {
  constructor(params: Params, options: RAdamOptions = {}) {
    super('RAdam', rules, params, options);
  }

  protected override stateCount(): number {
    return 2;
  }

  protected override init(p: Tensor): State {
    const [exp_avg, exp_avg_sq] = this.stateOf(p) as [Floats, Floats];
    return { step: 0, exp_avg, exp_avg_sq };
  }

  protected override update(p: Floats, g: Floats, state: State, group: ParamGroup & Required<RAdamOptions>): void {
    const { lr, eps, weight_decay, decoupled_weight_decay: decoupled, maximize } = group;
    const [beta1, beta2] = group.betas as [number, number];
    state.step += 1;
    const rate = lr / (1 - beta1 ** state.step);
    const rectified = rectification(beta2, state.step);
    adaptiveStep(p, g, state.exp_avg, state.exp_avg_sq, null, {
      c1: 1 - beta1,
      b2: beta2,
      c2: 1 - beta2,
      rate: rate * (rectified ?? 1),
      gRate: 0,
      root: rectified === null ? 0 : 1,
      eps: rectified === null ? 1 : eps,
      sign: maximize ? -1 : 1,
      l2: decoupled ? 0 : weight_decay,
      keep: decoupled ? 1 - lr * weight_decay : 1,
    });
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
