import type { Tensor } from '../tensor/tensor.ts';
import { show } from '../util/python.ts';
import { InPlaceOptimizer, penalized, zeros } from './in-place.ts';
import type { Floats, ParamGroup, Params } from './optimizer.ts';
import { flag, implementation, learningRate, numbers } from './options.ts';

export interface RpropOptions {
  readonly lr?: number;
  readonly etas?: readonly number[];
  readonly step_sizes?: readonly number[];
  readonly foreach?: boolean | null;
  readonly maximize?: boolean;
  readonly differentiable?: boolean;
  readonly capturable?: boolean;
}
type Group = ParamGroup & Required<RpropOptions>;
type State = { step: number; prev: Floats; step_size: Floats };

const rules = {
  lr: learningRate(1e-2),
  etas: numbers(
    2,
    'a number between 0 and 1 and one above 1',
    ([down, up]) => 0 < down! && down! < 1 && 1 < up!,
  )([0.5, 1.2], (v) =>
    Array.isArray(v) && v.length === 2 ? `Invalid eta values: ${show(v[0])}, ${show(v[1])}` : null,
  ),
  step_sizes: numbers(2, 'two numbers, the least and the largest step')([1e-6, 50]),
  foreach: implementation,
  maximize: flag(false),
  differentiable: flag(false),
  capturable: flag(false),
};

/**
 * Each element has a step size of its own, which grows (etas[1]) while the gradient's sign stays and shrinks (etas[0]) when it
 * changes; p -= sign(g) · step_size, none right after a change. https://pytorch.org/docs/stable/generated/torch.optim.Rprop.html
 */
export class Rprop extends InPlaceOptimizer<RpropOptions, State> {
  constructor(params: Params, options: RpropOptions = {}) {
    super('Rprop', rules, params, options);
  }

  protected override init(p: Tensor, { lr }: Group): State {
    return { step: 0, prev: zeros(p), step_size: zeros(p).fill(lr) };
  }

  protected override update(p: Floats, grad: Floats, state: State, group: Group): void {
    const [shrink, grow] = group.etas as [number, number];
    const [least, most] = group.step_sizes as [number, number];
    const { prev, step_size: size } = state;
    const g = penalized(p, grad, { maximize: group.maximize });
    state.step += 1;
    for (let i = 0; i < p.length; i++) {
      const change = g[i]! * prev[i]!;
      const factor = change > 0 ? grow : change < 0 ? shrink : 1;
      const gi = change < 0 ? 0 : g[i]!;
      size[i] = Math.min(Math.max(size[i]! * factor, least), most);
      p[i]! -= Math.sign(gi) * size[i]!;
      prev[i] = gi;
    }
  }
}
