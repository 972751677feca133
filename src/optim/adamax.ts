import type { Tensor } from '../tensor/tensor.ts';
import { InPlaceOptimizer, penalized, zeros } from './in-place.ts';
import type { Floats, ParamGroup, Params } from './optimizer.ts';
import { betas, epsilon, flag, implementation, learningRate, weightDecay } from './options.ts';

export interface AdamaxOptions {
  readonly lr?: number;
  readonly betas?: readonly number[];
  readonly eps?: number;
  readonly weight_decay?: number;
  readonly foreach?: boolean | null;
  readonly maximize?: boolean;
  readonly differentiable?: boolean;
  readonly capturable?: boolean;
}
type State = { step: number; exp_avg: Floats; exp_inf: Floats };

const rules = {
  lr: learningRate(2e-3),
  betas,
  eps: epsilon(1e-8),
  weight_decay: weightDecay(0),
  foreach: implementation,
  maximize: flag(false),
  differentiable: flag(false),
  capturable: flag(false),
};

/** Adam by the infinity norm: u = max(β₂u, |g| + eps), p -= lr m̂ / u. https://pytorch.org/docs/stable/generated/torch.optim.Adamax.html */
export class Adamax extends InPlaceOptimizer<AdamaxOptions, State> {
  constructor(params: Params, options: AdamaxOptions = {}) {
    super('Adamax', rules, params, options);
  }

  protected override init(p: Tensor): State {
    return { step: 0, exp_avg: zeros(p), exp_inf: zeros(p) };
  }

  protected override update(p: Floats, grad: Floats, state: State, group: ParamGroup & Required<AdamaxOptions>): void {
    const { lr, eps } = group;
    const [beta1, beta2] = group.betas as [number, number];
    const { exp_avg: m, exp_inf: u } = state;
    const g = penalized(p, grad, group);
    state.step += 1;
    const rate = lr / (1 - beta1 ** state.step);
    for (let i = 0; i < p.length; i++) {
      const gi = g[i]!;
      const mi = m[i]! + (1 - beta1) * (gi - m[i]!);
      const ui = Math.max(beta2 * u[i]!, Math.abs(gi) + eps);
      m[i] = mi;
      u[i] = ui;
      p[i]! -= (rate * mi) / ui;
    }
  }
}
