import type { TypedArray } from '../tensor/dtype.ts';
import { numel } from '../tensor/shape.ts';
import { isShared } from '../tensor/shared.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { InPlaceOptimizer, zeros } from './in-place.ts';
import { adamStep, stateArrays } from './kernels.ts';
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
export class Adam extends InPlaceOptimizer<Options, AdamState> {
  readonly #ready = new Map<Tensor, Float32Array[]>();

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

  /**
   * New parameters move to lie side by side with their moments, where the kernel updates them without copying (3 M of them:
   * 2.4 ms or, with gradients still copied, 3.4, against 4.3 for parameters on the heap). Those that threads share stay.
   */
  protected override prepare(params: readonly Tensor[], arrays: TypedArray[] | null): void {
    const fresh = [...params.keys()].filter((i) => {
      const p = params[i]!;
      return p.dtype === 'float32' && !this.state.has(p) && !this.#ready.has(p);
    });
    if (fresh.length === 0) return;
    const moves = (i: number) => arrays !== null && !isShared(arrays[i]!);
    const homes = stateArrays(fresh.flatMap((i) => new Array<number>(moves(i) ? 3 : 2).fill(numel(params[i]!.shape))));
    for (const i of fresh) {
      this.#ready.set(params[i]!, [homes.shift()!, homes.shift()!]);
      if (!arrays || !moves(i)) continue;
      const home = homes.shift()!;
      home.set(arrays[i] as Float32Array);
      arrays[i] = home;
    }
  }

  protected override init(p: Tensor, { amsgrad }: ParamGroup & Required<Options>): AdamState {
    const [m, v] = this.#ready.get(p) ?? [zeros(p), zeros(p)];
    this.#ready.delete(p);
    return { step: 0, exp_avg: m!, exp_avg_sq: v!, ...(amsgrad ? { max_exp_avg_sq: zeros(p) } : {}) };
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
