import { compute } from '../engine/evaluate.ts';
import { transposedMatmul } from '../ops/matmul.ts';
import { whenThere } from '../runtime/session.ts';
import { type Shape, showShape } from '../tensor/shape.ts';
import { leaf, Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';
import { show } from '../util/python.ts';
import { InPlaceOptimizer, zeros } from './in-place.ts';
import type { Floats, GroupSpec, ParamGroup, Params } from './optimizer.ts';
import { bounded, flag, nonNegative, numbers, oneOf } from './options.ts';

export interface MuonOptions {
  readonly lr?: number;
  readonly weight_decay?: number;
  readonly momentum?: number;
  readonly nesterov?: boolean;
  readonly ns_coefficients?: readonly number[];
  readonly eps?: number;
  readonly ns_steps?: number;
  readonly adjust_lr_fn?: 'original' | 'match_rms_adamw' | null;
}
type State = { momentum_buffer: Floats };

const rules = {
  lr: nonNegative(1e-3, 'Learning rate should be >= 0 but is'),
  weight_decay: nonNegative(0.1, 'weight decay should be >= 0 but is'),
  momentum: nonNegative(0.95, 'momentum should be >= 0 but is'),
  nesterov: flag(true),
  ns_coefficients: numbers(3, 'three numbers')([3.4445, -4.775, 2.0315], (v) =>
    Array.isArray(v) && v.length !== 3 ? 'Coefficients must be a tuple of exactly 3 values' : null,
  ),
  eps: nonNegative(1e-7),
  ns_steps: bounded('an integer from 0 to 99', (v) => Number.isInteger(v) && v >= 0 && v < 100)(5, (v) =>
    Number(v) >= 100 ? 'Number of steps must be less than 100 for computational efficiency' : null,
  ),
  adjust_lr_fn: oneOf(
    ['original', 'match_rms_adamw'],
    null,
    (v) => `Adjust learning rate function ${show(v)} is not supported`,
  ),
};

/**
 * Momentum whose update is orthogonalised, for the matrices between hidden layers: p -= lr' NS(g̃), where NS iterates
 * X = aX + (bA + cA²)X, A = XXᵀ, in bfloat16 as PyTorch does. https://pytorch.org/docs/stable/generated/torch.optim.Muon.html
 *
 * Parameters must be matrices; another optimizer takes the others.
 */
export class Muon extends InPlaceOptimizer<MuonOptions, State> {
  constructor(params: Params, options: MuonOptions = {}) {
    super('Muon', rules, params, options);
  }

  override addParamGroup(group: GroupSpec): void {
    super.addParamGroup(group);
    const bad = this.paramGroups.at(-1)!.params.find(({ ndim }) => ndim !== 2);
    if (bad)
      throw new ArgError(
        `Muon: Muon only supports 2D parameters whereas we found a parameter with size: ${showShape(bad.shape)}`,
      );
  }

  protected override init(p: Tensor): State {
    return { momentum_buffer: zeros(p) };
  }

  protected override update(
    p: Floats,
    g: Floats,
    { momentum_buffer: b }: State,
    group: ParamGroup & Required<MuonOptions>,
    shape: Shape,
  ): void | Promise<void> {
    const { lr, weight_decay, momentum, nesterov } = group;
    const u = new Float32Array(p.length);
    for (let i = 0; i < p.length; i++) {
      const bi = momentum * b[i]! + (1 - momentum) * g[i]!;
      b[i] = bi;
      u[i] = nesterov ? (1 - momentum) * g[i]! + momentum * bi : bi;
    }
    const direction = orthogonalised(new Tensor(leaf(u, { shape, dtype: 'float32' })), group);
    const keep = 1 - lr * weight_decay;
    const rate = lr * sizeFactor(shape as [number, number], group.adjust_lr_fn);
    return whenThere(compute([direction.node]), () => {
      const o = direction.node.data as Float32Array;
      for (let i = 0; i < p.length; i++) p[i] = keep * p[i]! - rate * o[i]!;
      direction.dispose();
    });
  }
}

function sizeFactor([rows, columns]: [number, number], by: MuonOptions['adjust_lr_fn']): number {
  return by === 'match_rms_adamw' ? 0.2 * Math.sqrt(Math.max(rows, columns)) : Math.sqrt(Math.max(1, rows / columns));
}

/**
 * The Newton–Schulz iteration on a matrix, with what PyTorch has in bfloat16 rounded to it. PyTorch turns tall ones over; here XᵀX
 * takes the place of XXᵀ.
 */
function orthogonalised(u: Tensor, { ns_coefficients, ns_steps, eps }: Required<MuonOptions>): Tensor {
  const [a, b, c] = ns_coefficients as [number, number, number];
  const [rows, columns] = u.shape as [number, number];
  const tall = rows > columns;
  const start = bfloat16(u);
  const norm = bfloat16(start.square().sum().sqrt()).clamp({ min: eps });
  let x = bfloat16(start.div(norm));
  for (let step = 0; step < ns_steps; step++) {
    const gram = bfloat16(transposedMatmul(x, x, { transA: tall, transB: !tall }));
    const update = bfloat16(gram.mul(b).add(gram.matmul(gram).mul(c)));
    x = bfloat16(x.mul(a).add(tall ? x.matmul(update) : update.matmul(x)));
  }
  return x;
}

/** The nearest float32 of 8 bits: the upper part of Veltkamp's splitting. */
function bfloat16(x: Tensor): Tensor {
  const scaled = x.mul(2 ** 16 + 1);
  return scaled.sub(scaled.sub(x));
}
