import type { Tensor } from '../tensor/tensor.ts';
import { penalized, zeros } from './in-place.ts';
import { KernelOptimizer } from './kernel-optimizer.ts';
import { adaptiveStep, sgdStep } from './kernels.ts';
import type { Floats, ParamGroup, Params } from './optimizer.ts';
import { epsilon, flag, implementation, learningRate, nonNegative, weightDecay } from './options.ts';

export interface RMSpropOptions {
  readonly lr?: number;
  readonly momentum?: number;
  readonly alpha?: number;
  readonly eps?: number;
  readonly centered?: boolean;
  readonly weight_decay?: number;
  readonly capturable?: boolean;
  readonly foreach?: boolean | null;
  readonly maximize?: boolean;
  readonly differentiable?: boolean;
}
type Group = ParamGroup & Required<RMSpropOptions>;
export type RMSpropState = { step: number; square_avg: Floats; momentum_buffer?: Floats; grad_avg?: Floats };

const rules = {
  lr: learningRate(1e-2),
  momentum: nonNegative(0, 'Invalid momentum value'),
  alpha: nonNegative(0.99, 'Invalid alpha value'),
  eps: epsilon(1e-8),
  centered: flag(false),
  weight_decay: weightDecay(0),
  capturable: flag(false),
  foreach: implementation,
  maximize: flag(false),
  differentiable: flag(false),
};

/**
 * v = αv + (1-α)g², p -= lr g / (√v + eps); with momentum b = μb + g / (√v + eps), p -= lr b; centered, v - ḡ² takes the place of
 * v under the root, ḡ = αḡ + (1-α)g. https://pytorch.org/docs/stable/generated/torch.optim.RMSprop.html
 */
export class RMSprop extends KernelOptimizer<RMSpropOptions, RMSpropState> {
  constructor(
    params: Params,
    options: RMSpropOptions = {},
    /** Its kin's. @internal */
    name = 'RMSprop',
  ) {
    super(name, rules, params, options);
  }

  protected override stateCount(): number {
    return 1;
  }

  protected override init(p: Tensor, { momentum, centered }: Group): RMSpropState {
    const [square_avg] = this.stateOf(p) as [Floats];
    return {
      step: 0,
      square_avg,
      ...(momentum > 0 ? { momentum_buffer: zeros(p) } : {}),
      ...(centered ? { grad_avg: zeros(p) } : {}),
    };
  }

  protected override update(p: Floats, grad: Floats, state: RMSpropState, group: Group): void {
    const { momentum, centered } = group;
    state.step += 1;
    // a schedule may have raised the momentum from 0
    if (momentum > 0) state.momentum_buffer ??= p.slice().fill(0) as Floats;
    if (centered) state.grad_avg ??= p.slice().fill(0) as Floats;
    const b = momentum > 0 ? state.momentum_buffer! : null;
    if (centered) centeredStep(p, penalized(p, grad, group), state.square_avg, state.grad_avg!, b, group);
    else plainStep(p, grad, state.square_avg, b, group);
  }
}

/** The kernels' step: with momentum b, the direction first, along which b goes as in SGD. */
function plainStep(p: Floats, grad: Floats, v: Floats, b: Floats | null, group: Group): void {
  const { lr, momentum, alpha, eps, weight_decay, maximize } = group;
  const square = { c1: 0, b2: alpha, c2: 1 - alpha, rate: 0, root: 1, eps };
  if (!b) {
    adaptiveStep(p, grad, null, v, null, { ...square, gRate: lr, sign: maximize ? -1 : 1, l2: weight_decay, keep: 1 });
    return;
  }
  const direction = p.slice().fill(0) as Floats;
  adaptiveStep(direction, penalized(p, grad, group), null, v, null, { ...square, gRate: -1, sign: 1, l2: 0, keep: 0 });
  const rest = { dampening: 0, weightDecay: 0, nesterov: false, maximize: false, first: false };
  sgdStep(p, direction, b, { lr, momentum, ...rest });
}

function centeredStep(p: Floats, g: Floats, v: Floats, mean: Floats, b: Floats | null, group: Group): void {
  const { lr, momentum, alpha, eps } = group;
  for (let i = 0; i < p.length; i++) {
    const gi = g[i]!;
    const vi = alpha * v[i]! + (1 - alpha) * gi * gi;
    const average = mean[i]! + (1 - alpha) * (gi - mean[i]!);
    v[i] = vi;
    mean[i] = average;
    let step = gi / (Math.sqrt(vi - average * average) + eps);
    if (b) {
      step += momentum * b[i]!;
      b[i] = step;
    }
    p[i]! -= lr * step;
  }
}
