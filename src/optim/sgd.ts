import type { Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';
import { KernelOptimizer } from './kernel-optimizer.ts';
import { sgdStep } from './kernels.ts';
import type { Floats, ParamGroup, Params } from './optimizer.ts';
import { anyNumber, flag, implementation, learningRate, nonNegative, weightDecay } from './options.ts';

export interface SGDOptions {
  readonly lr?: number;
  readonly momentum?: number;
  readonly dampening?: number;
  readonly weight_decay?: number;
  readonly nesterov?: boolean;
  readonly maximize?: boolean;
  readonly foreach?: boolean | null;
  readonly differentiable?: boolean;
  readonly fused?: boolean | null;
}
type State = { momentum_buffer?: Floats | null };

const rules = {
  lr: learningRate(1e-3),
  momentum: nonNegative(0, 'Invalid momentum value'),
  dampening: anyNumber(0),
  weight_decay: weightDecay(0),
  nesterov: flag(false),
  maximize: flag(false),
  foreach: implementation,
  differentiable: flag(false),
  fused: implementation,
};

/** b = μb + (1-τ)g, p -= lr b (Nesterov: lr (g + μb)). https://pytorch.org/docs/stable/generated/torch.optim.SGD.html */
export class SGD extends KernelOptimizer<SGDOptions, State> {
  /** Where a momentum is to lie once there is one. */
  readonly #homes = new WeakMap<State, Floats>();

  constructor(params: Params, options: SGDOptions = {}) {
    super('SGD', rules, params, options);
    const bad = this.paramGroups.some(
      ({ nesterov, momentum, dampening }) => nesterov && (momentum === 0 || dampening !== 0),
    );
    if (bad) throw new ArgError('SGD: Nesterov momentum requires a momentum and zero dampening');
  }

  protected override stateCount(): number {
    return this.paramGroups.some(({ momentum }) => momentum !== 0) ? 1 : 0;
  }

  protected override init(p: Tensor): State {
    const state = {};
    const [home] = this.stateOf(p);
    if (home) this.#homes.set(state, home);
    return state;
  }

  protected override update(p: Floats, g: Floats, state: State, group: ParamGroup & Required<SGDOptions>): void {
    const { lr, momentum, dampening, weight_decay, nesterov, maximize } = group;
    const known = state.momentum_buffer ?? null;
    const buffer = momentum === 0 ? null : (known ?? this.#homes.get(state) ?? (p.slice().fill(0) as Floats));
    if (buffer) state.momentum_buffer = buffer;
    sgdStep(p, g, buffer, {
      lr,
      momentum,
      dampening,
      weightDecay: weight_decay,
      nesterov,
      maximize,
      first: known === null,
    });
  }
}
