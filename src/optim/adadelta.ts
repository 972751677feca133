import type { Tensor } from '../tensor/tensor.ts';
import { InPlaceOptimizer, penalized, zeros } from './in-place.ts';
import type { Floats, ParamGroup, Params } from './optimizer.ts';
import { bounded, epsilon, flag, implementation, learningRate, weightDecay } from './options.ts';

export interface AdadeltaOptions {
  readonly lr?: number;
  readonly rho?: number;
  readonly eps?: number;
  readonly weight_decay?: number;
  readonly maximize?: boolean;
  readonly capturable?: boolean;
  readonly foreach?: boolean | null;
  readonly differentiable?: boolean;
}
type State = { step: number; square_avg: Floats; acc_delta: Floats };

const rules = {
  lr: learningRate(1),
  rho: bounded('a number between 0 and 1', (v) => v >= 0 && v <= 1)(0.9, 'Invalid rho value'),
  eps: epsilon(1e-6),
  weight_decay: weightDecay(0),
  maximize: flag(false),
  capturable: flag(false),
  foreach: implementation,
  differentiable: flag(false),
};

/**
 * v = ρv + (1-ρ)g², Δ = √(u + eps) / √(v + eps) · g, u = ρu + (1-ρ)Δ², p -= lr Δ.
 * https://pytorch.org/docs/stable/generated/torch.optim.Adadelta.html
 */
export class Adadelta extends InPlaceOptimizer<AdadeltaOptions, State> {
  constructor(params: Params, options: AdadeltaOptions = {}) {
    super('Adadelta', rules, params, options);
  }

  protected override init(p: Tensor): State {
    return { step: 0, square_avg: zeros(p), acc_delta: zeros(p) };
  }

  protected override update(
    p: Floats,
    grad: Floats,
    state: State,
    group: ParamGroup & Required<AdadeltaOptions>,
  ): void {
    const { lr, rho, eps } = group;
    const { square_avg: v, acc_delta: u } = state;
    const g = penalized(p, grad, group);
    state.step += 1;
    for (let i = 0; i < p.length; i++) {
      const gi = g[i]!;
      const vi = rho * v[i]! + (1 - rho) * gi * gi;
      const delta = Math.sqrt((u[i]! + eps) / (vi + eps)) * gi;
      v[i] = vi;
      u[i] = rho * u[i]! + (1 - rho) * delta * delta;
      p[i]! -= lr * delta;
    }
  }
}
