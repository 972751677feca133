import type { Tensor } from '../tensor/tensor.ts';
import { InPlaceOptimizer, penalized, zeros } from './in-place.ts';
import type { Floats, ParamGroup, Params } from './optimizer.ts';
import { anyNumber, flag, implementation, learningRate, weightDecay } from './options.ts';

export interface ASGDOptions {
  readonly lr?: number;
  readonly lambd?: number;
  readonly alpha?: number;
  readonly t0?: number;
  readonly weight_decay?: number;
  readonly foreach?: boolean | null;
  readonly maximize?: boolean;
  readonly differentiable?: boolean;
  readonly capturable?: boolean;
}
type Group = ParamGroup & Required<ASGDOptions>;
type State = { step: number; eta: number; mu: number; ax: Floats };

const rules = {
  lr: learningRate(1e-2),
  lambd: anyNumber(1e-4),
  alpha: anyNumber(0.75),
  t0: anyNumber(1e6),
  weight_decay: weightDecay(0),
  foreach: implementation,
  maximize: flag(false),
  differentiable: flag(false),
  capturable: flag(false),
};

/**
 * p = (1 - λη)p - ηg with η = lr / (1 + λ lr t)^α, and from step t0 on the average of the parameters in the state's `ax`.
 * https://pytorch.org/docs/stable/generated/torch.optim.ASGD.html
 */
export class ASGD extends InPlaceOptimizer<ASGDOptions, State> {
  constructor(params: Params, options: ASGDOptions = {}) {
    super('ASGD', rules, params, options);
  }

  protected override init(p: Tensor, { lr }: Group): State {
    // PyTorch keeps the numbers as float32 tensors
    return { step: 0, eta: Math.fround(lr), mu: 1, ax: zeros(p) };
  }

  protected override update(p: Floats, grad: Floats, state: State, group: Group): void {
    const { lr, lambd, alpha, t0 } = group;
    const { eta, mu, ax } = state;
    const g = penalized(p, grad, group);
    state.step += 1;
    const keep = 1 - lambd * eta;
    for (let i = 0; i < p.length; i++) p[i] = keep * p[i]! - eta * g[i]!;
    if (mu === 1) ax.set(p);
    else for (let i = 0; i < p.length; i++) ax[i]! += mu * (p[i]! - ax[i]!);
    state.eta = Math.fround(lr / (1 + lambd * lr * state.step) ** alpha);
    state.mu = Math.fround(1 / Math.max(1, state.step - t0));
  }
}
