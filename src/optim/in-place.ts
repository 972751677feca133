/** The optimizers that update a parameter by its gradient: all but LBFGS. */
import { update } from '../engine/evaluate.ts';
import { allocate, type TypedArray } from '../tensor/dtype.ts';
import { mode } from '../tensor/mode.ts';
import { numel, type Shape } from '../tensor/shape.ts';
import type { Node, Tensor } from '../tensor/tensor.ts';
import { TorcharcError } from '../util/errors.ts';
import { type Floats, Optimizer, type ParamGroup, type ParamState } from './optimizer.ts';

/** An optimizer with options `O` that keeps state `S` of each parameter. */
export abstract class InPlaceOptimizer<O extends object, S extends ParamState> extends Optimizer {
  protected abstract override init(p: Tensor, group: ParamGroup & Required<O>): S;

  /** Change `p`, of a shape, in place by its gradient, which stays as it is. A promise only if that takes a run of the engine. */
  protected abstract update(
    p: Floats,
    g: Floats,
    state: S,
    group: ParamGroup & Required<O>,
    shape: Shape,
  ): void | Promise<void>;

  /** Make the state of all parameters now; called by constructors. */
  protected initAll(): void {
    for (const group of this.paramGroups)
      for (const p of group.params) this.state.set(p, this.init(p, group as ParamGroup & Required<O>));
  }

  step<T extends Tensor | undefined = undefined>(closure?: () => T | Promise<T>): Promise<T> {
    return afterClosure(closure, (loss) => this.#update(loss));
  }

  #update<T>(loss: T): Promise<T> {
    const reads: Node[] = [];
    const writes: Tensor[] = [];
    const groups: ParamGroup[] = [];
    for (const group of this.paramGroups) {
      for (const p of group.params) {
        const { grad } = p;
        if (!grad) continue;
        reads.push(grad.node);
        writes.push(p);
        groups.push(group);
      }
    }
    if (reads.length === 0) return Promise.resolve(loss);
    this.#checkTypes(writes, reads);
    mode.trace?.guard(() => this.paramGroups.reduce((n, { params }) => n + params.length, 0));
    const begin = () => {
      const now = new Map([...new Set(groups)].map((group) => [group, { ...group }]));
      return (values: readonly TypedArray[], arrays: TypedArray[]) => {
        this.prepare(writes, arrays);
        for (const hook of this.hooks) hook.before(writes, arrays);
        const updateFrom = (first: number): void | Promise<void> => {
          for (let i = first; i < writes.length; i++) {
            const p = writes[i]!;
            const group = now.get(groups[i]!) as ParamGroup & Required<O>;
            const state = (this.state.get(p) as S | undefined) ?? this.init(p, group);
            this.state.set(p, state);
            const busy = this.update(arrays[i] as Floats, values[i] as Floats, state, group, p.shape);
            if (busy) return busy.then(() => updateFrom(i + 1));
          }
          for (const hook of this.hooks) hook.after(writes, arrays);
        };
        return updateFrom(0);
      };
    };
    const pending = this.pending();
    return update({ reads, writes, begin }, mode.trace ? [] : pending).then(() => loss);
  }

  #checkTypes(params: readonly Tensor[], gradients: readonly Node[]): void {
    params.forEach((p, i) => {
      const { dtype } = gradients[i]!;
      if (dtype !== p.dtype)
        throw new TorcharcError(`${this.name}: a gradient has dtype ${dtype}, its parameter ${p.dtype}`);
      if (dtype === 'float16')
        throw new TorcharcError(`${this.name}: expected parameters of dtype float32 or float64, got float16`);
    });
  }
}

/** Call a step's closure, if there is one, and then do the step. */
export function afterClosure<T>(
  closure: (() => T | Promise<T>) | undefined,
  step: (loss: T) => Promise<T>,
): Promise<T> {
  // an error within a compiled function is to reach it, awaited or not
  if (mode.trace) return step(closure?.() as T);
  try {
    const loss = closure?.();
    return loss instanceof Promise ? loss.then(step) : step(loss as T);
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Zeros for a parameter's state. */
export function zeros(p: Tensor): Floats {
  return allocate(p.dtype, numel(p.shape)) as Floats;
}

let spare: { float32: Float32Array; float64: Float64Array } = {
  float32: new Float32Array(0),
  float64: new Float64Array(0),
};

/**
 * The gradient that an update starts from: negated to maximize, plus weight_decay · p. `g` itself where that changes nothing,
 * otherwise an array that holds it until the next call.
 */
export function penalized(
  p: Floats,
  g: Floats,
  { maximize = false, weight_decay = 0 }: { maximize?: boolean; weight_decay?: number },
): Floats {
  if (!maximize && weight_decay === 0) return g;
  const n = g.length;
  if (g instanceof Float32Array && spare.float32.length < n) spare = { ...spare, float32: new Float32Array(n) };
  if (g instanceof Float64Array && spare.float64.length < n) spare = { ...spare, float64: new Float64Array(n) };
  const out = (g instanceof Float32Array ? spare.float32 : spare.float64).subarray(0, n);
  const sign = maximize ? -1 : 1;
  for (let i = 0; i < n; i++) out[i] = sign * g[i]! + weight_decay * p[i]!;
  return out;
}

/** Multiply in place. */
export function scale(p: Floats, factor: number): void {
  if (factor === 1) return;
  for (let i = 0; i < p.length; i++) p[i]! *= factor;
}
