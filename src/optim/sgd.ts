import type { Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';
import { type Floats, sgdStep } from './kernels.ts';
import {
  anyNumber,
  flag,
  type GroupSpec,
  implementation,
  nonNegative,
  Optimizer,
  type ParamGroup,
  type ParamState,
} from './optimizer.ts';

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

/** b = μb + (1-τ)g, p -= lr b (Nesterov: lr (g + μb)). https://pytorch.org/docs/stable/generated/torch.optim.SGD.html */
export class SGD extends Optimizer {
  constructor(params: Iterable<Tensor> | Iterable<GroupSpec>, options: SGDOptions = {}) {
    super(
      'SGD',
      {
        lr: nonNegative(1e-3),
        momentum: nonNegative(0),
        dampening: anyNumber(0),
        weight_decay: nonNegative(0),
        nesterov: flag(false),
        maximize: flag(false),
        foreach: implementation,
        differentiable: flag(false),
        fused: implementation,
      },
      params,
      options,
    );
    const bad = this.paramGroups.some(
      ({ nesterov, momentum, dampening }) => nesterov && (momentum === 0 || dampening !== 0),
    );
    if (bad) throw new ArgError('SGD: Nesterov momentum requires a momentum and zero dampening');
  }

  protected override init(): ParamState {
    return {};
  }

  protected override update(p: Floats, g: Floats, state: ParamState, group: ParamGroup): void {
    const { lr, momentum, dampening, weight_decay, nesterov, maximize } = group as unknown as Required<SGDOptions>;
    const known = (state.momentum_buffer as Floats | null | undefined) ?? null;
    const buffer = momentum === 0 ? null : (known ?? (p.slice().fill(0) as Floats));
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
