import type { Tensor } from '../tensor/tensor.ts';
import { zeros } from './in-place.ts';
import { KernelOptimizer } from './kernel-optimizer.ts';
import { adamStep } from './kernels.ts';
import type { Floats, ParamGroup, Params } from './optimizer.ts';
import { betas, epsilon, flag, implementation, learningRate, type OptionRules, weightDecay } from './options.ts';

export interface AdamOptions {
  readonly lr?: number;
  readonly betas?: readonly [number, number] | readonly number[];
  readonly eps?: number;
  readonly weight_decay?: number;
  readonly amsgrad?: boolean;
  readonly maximize?: boolean;
  readonly foreach?: boolean | null;
  readonly capturable?: boolean;
  readonly differentiable?: boolean;
  readonly fused?: boolean | null;
}

interface Options extends AdamOptions {
  readonly decoupled_weight_decay?: boolean;
}
export type AdamState = { step: number; exp_avg: Floats; exp_avg_sq: Floats; max_exp_avg_sq?: Floats };

const rules = (weight_decay: number, decoupled: boolean): OptionRules => ({
  lr: learningRate(1e-3),
  betas,
  eps: epsilon(1e-8),
  weight_decay: weightDecay(weight_decay),
  amsgrad: flag(false),
  maximize: flag(false),
  foreach: implementation,
  capturable: flag(false),
  differentiable: flag(false),
  fused: implementation,
  decoupled_weight_decay: flag(decoupled),
});

/**
 * m = β₁m + (1-β₁)g, v = β₂v + (1-β₂)g², p -= lr m̂ / (√v̂ + eps). https://pytorch.org/docs/stable/generated/torch.optim.Adam.html
 */
export class Adam extends KernelOptimizer<Options, AdamState> {
  constructor(
    params: Params,
    options: Options = {},
    /** What its kin have otherwise. @internal */
    {
      name = 'Adam',
      weight_decay = 0,
      decoupled = false,
    }: { name?: string; weight_decay?: number; decoupled?: boolean } = {},
  ) {
    super(name, rules(weight_decay, decoupled), params, options);
  }

  protected override stateCount(): number {
    return 2;
  }

  protected override init(p: Tensor, { amsgrad }: ParamGroup & Required<Options>): AdamState {
    const [exp_avg, exp_avg_sq] = this.stateOf(p) as [Floats, Floats];
    return { step: 0, exp_avg, exp_avg_sq, ...(amsgrad ? { max_exp_avg_sq: zeros(p) } : {}) };
  }

  protected override update(p: Floats, g: Floats, state: AdamState, group: ParamGroup & Required<Options>): void {
    const { lr, eps, weight_decay, amsgrad, maximize, decoupled_weight_decay } = group;
    const [beta1, beta2] = group.betas as [number, number];
    state.step += 1;
    if (amsgrad) state.max_exp_avg_sq ??= p.slice().fill(0) as Floats;
    adamStep(p, g, state.exp_avg, state.exp_avg_sq, state.max_exp_avg_sq ?? null, {
      lr,
      beta1,
      beta2,
      eps,
      weightDecay: weight_decay,
      decoupled: decoupled_weight_decay,
      maximize,
      amsgrad,
      step: state.step,
    });
  }
}

/** Adam that shrinks parameters by lr · weight_decay instead of adding the decay to the gradient. https://pytorch.org/docs/stable/generated/torch.optim.AdamW.html */
export class AdamW extends Adam {
  constructor(params: Params, options: AdamOptions = {}) {
    super(params, options, { name: 'AdamW', weight_decay: 0.01, decoupled: true });
  }
}
