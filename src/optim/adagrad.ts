import type { Tensor } from '../tensor/tensor.ts';
import { InPlaceOptimizer, zeros } from './in-place.ts';
import { adaptiveStep } from './kernels.ts';
import type { Floats, ParamGroup, Params } from './optimizer.ts';
import { epsilon, flag, implementation, learningRate, nonNegative, weightDecay } from './options.ts';

export interface AdagradOptions {
  readonly lr?: number;
  readonly lr_decay?: number;
  readonly eps?: number;
  readonly weight_decay?: number;
  readonly initial_accumulator_value?: number;
  readonly foreach?: boolean | null;
  readonly maximize?: boolean;
  readonly differentiable?: boolean;
  readonly fused?: boolean | null;
}
type State = { step: number; sum: Floats };

const rules = {
  lr: learningRate(1e-2),
  lr_decay: nonNegative(0, 'Invalid lr_decay value'),
  eps: epsilon(1e-10),
  weight_decay: weightDecay(0),
  initial_accumulator_value: nonNegative(0, 'Invalid initial_accumulator_value value'),
  foreach: implementation,
  maximize: flag(false),
  differentiable: flag(false),
  fused: implementation,
};

/**
 * s = s + g², p -= lr / (1 + (t-1) lr_decay) · g / (√s + eps). Its state is there from construction on.
 * https://pytorch.org/docs/stable/generated/torch.optim.Adagrad.html
 */
export class Adagrad extends InPlaceOptimizer<AdagradOptions, State> {
  constructor(params: Params, options: AdagradOptions = {}) {
    super('Adagrad', rules, params, options);
    this.initAll();
  }

  /** Every group's sums start from the optimizer's own value, as in PyTorch. */
  protected override init(p: Tensor): State {
    return { step: 0, sum: zeros(p).fill(this.defaults.initial_accumulator_value as number) };
  }

  protected override update(p: Floats, g: Floats, state: State, group: ParamGroup & Required<AdagradOptions>): void {
    const { lr, lr_decay, eps, weight_decay, maximize } = group;
    const rate = lr / (1 + state.step * lr_decay);
    state.step += 1;
    adaptiveStep(p, g, null, state.sum, null, {
      c1: 0,
      b2: 1,
      c2: 1,
      rate: 0,
      gRate: rate,
      root: 1,
      eps,
      sign: maximize ? -1 : 1,
      l2: weight_decay,
      keep: 1,
    });
  }
}
