import { allocate, type TypedArray } from '../tensor/dtype.ts';
import { numel } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { adamStep, type Floats, stateArrays } from './kernels.ts';
import {
  flag,
  type GroupSpec,
  implementation,
  nonNegative,
  Optimizer,
  type OptionRule,
  type ParamGroup,
  type ParamState,
} from './optimizer.ts';

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

const betas: OptionRule = {
  default: [0.9, 0.999],
  expected: 'two numbers between 0 and 1',
  ok: (v) => Array.isArray(v) && v.length === 2 && v.every((b) => typeof b === 'number' && b >= 0 && b < 1),
};
const rules = (weight_decay: number, decoupled: boolean): Record<string, OptionRule> => ({
  lr: nonNegative(1e-3),
  betas,
  eps: nonNegative(1e-8),
  weight_decay: nonNegative(weight_decay),
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
export class Adam extends Optimizer {
  readonly #ready = new Map<Tensor, Float32Array[]>();

  constructor(
    params: Iterable<Tensor> | Iterable<GroupSpec>,
    options: AdamOptions & { readonly decoupled_weight_decay?: boolean } = {},
    /** What AdamW has otherwise. @internal */
    own: { name: string; weight_decay: number; decoupled: boolean } = {
      name: 'Adam',
      weight_decay: 0,
      decoupled: false,
    },
  ) {
    super(own.name, rules(own.weight_decay, own.decoupled), params, options);
  }

  /**
   * New parameters move to lie side by side with their moments, where the kernel updates them without copying (3 M of them:
   * 2.4 ms or, with gradients still copied, 3.4, against 4.3 for parameters on the heap).
   */
  protected override prepare(params: readonly Tensor[], arrays: TypedArray[] | null): void {
    const fresh = [...params.keys()].filter((i) => {
      const p = params[i]!;
      return p.dtype === 'float32' && !this.state.has(p) && !this.#ready.has(p);
    });
    if (fresh.length === 0) return;
    const homes = stateArrays(fresh.flatMap((i) => new Array<number>(arrays ? 3 : 2).fill(numel(params[i]!.shape))));
    for (const i of fresh) {
      this.#ready.set(params[i]!, [homes.shift()!, homes.shift()!]);
      if (!arrays) continue;
      const home = homes.shift()!;
      home.set(arrays[i] as Float32Array);
      arrays[i] = home;
    }
  }

  protected override init(p: Tensor, { amsgrad }: ParamGroup): ParamState {
    const n = numel(p.shape);
    const [m, v] = this.#ready.get(p) ?? [allocate(p.dtype, n), allocate(p.dtype, n)];
    this.#ready.delete(p);
    return { step: 0, exp_avg: m!, exp_avg_sq: v!, ...(amsgrad ? { max_exp_avg_sq: allocate(p.dtype, n) } : {}) };
  }

  protected override update(p: Floats, g: Floats, state: ParamState, group: ParamGroup): void {
    const { lr, eps, weight_decay, amsgrad, maximize, decoupled_weight_decay } =
      group as unknown as Required<AdamOptions> & {
        decoupled_weight_decay: boolean;
      };
    const [beta1, beta2] = group.betas as [number, number];
    const step = (state.step as number) + 1;
    state.step = step;
    adamStep(
      p,
      g,
      state.exp_avg as Floats,
      state.exp_avg_sq as Floats,
      (state.max_exp_avg_sq as Floats | undefined) ?? null,
      {
        lr,
        beta1,
        beta2,
        eps,
        weightDecay: weight_decay,
        decoupled: decoupled_weight_decay,
        maximize,
        amsgrad,
        step,
      },
    );
  }
}

/** Adam that shrinks parameters by lr · weight_decay instead of adding the decay to the gradient. https://pytorch.org/docs/stable/generated/torch.optim.AdamW.html */
export class AdamW extends Adam {
  constructor(params: Iterable<Tensor> | Iterable<GroupSpec>, options: AdamOptions = {}) {
    super(params, options, { name: 'AdamW', weight_decay: 0.01, decoupled: true });
  }
}
