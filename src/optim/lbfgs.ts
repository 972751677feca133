import { realize, update } from '../engine/evaluate.ts';
import type { TypedArray } from '../tensor/dtype.ts';
import { mode } from '../tensor/mode.ts';
import { numel } from '../tensor/shape.ts';
import { hostData, Tensor } from '../tensor/tensor.ts';
import { ArgError, TorcharcError } from '../util/errors.ts';
import { show } from '../util/python.ts';
import { type Point, strongWolfe } from './line-search.ts';
import { type Floats, type GroupSpec, Optimizer, type ParamGroup, type Params } from './optimizer.ts';
import { anyNumber, integer, learningRate, nonNegativeInt, oneOf, orNull, positiveInt } from './options.ts';

export interface LBFGSOptions {
  readonly lr?: number;
  readonly max_iter?: number;
  /** `max_iter · 5/4` if left out. */
  readonly max_eval?: number | null;
  readonly tolerance_grad?: number;
  readonly tolerance_change?: number;
  readonly history_size?: number;
  readonly line_search_fn?: 'strong_wolfe' | null;
}
type Group = ParamGroup & Required<LBFGSOptions> & { readonly max_eval: number };
/** What is remembered of the iterations, under PyTorch's names and in its order. */
type Memory = {
  d: Floats;
  t: number;
  old_dirs: Floats[];
  old_stps: Floats[];
  ro: number[];
  H_diag: number;
  prev_flat_grad: Floats;
  prev_loss: number;
};
/** Kept as the first parameter's, as in PyTorch. */
type State = { func_evals: number; n_iter: number; al?: (number | null)[] } & Partial<Memory>;
interface Evaluated {
  readonly loss: number;
  readonly gradient: Floats;
}

const rules = {
  lr: learningRate(1),
  max_iter: nonNegativeInt(20),
  max_eval: orNull(integer(null)),
  tolerance_grad: anyNumber(1e-7),
  tolerance_change: anyNumber(1e-9),
  history_size: positiveInt(100),
  line_search_fn: oneOf(['strong_wolfe'], null, (v) => `only 'strong_wolfe' is supported, got ${show(v)}`),
};

/**
 * Quasi-Newton steps along -H g, H estimated from the last `history_size` changes of the gradient; without a line search each is
 * `lr` long. https://pytorch.org/docs/stable/generated/torch.optim.LBFGS.html
 *
 * `step` needs the closure, which it calls up to `max_eval` times; so it cannot be part of a compiled function, but the closure
 * may call one that returns the loss. One parameter group only.
 */
export class LBFGS extends Optimizer {
  constructor(params: Params, options: LBFGSOptions = {}) {
    const { max_iter = 20 } = options;
    super('LBFGS', rules, params, { ...options, max_eval: options.max_eval ?? Math.floor((max_iter * 5) / 4) });
  }

  override addParamGroup(group: GroupSpec): void {
    if (this.paramGroups.length > 0)
      throw new ArgError("LBFGS: LBFGS doesn't support per-parameter options (parameter groups)");
    super.addParamGroup(group);
  }

  protected override stateSize(): number {
    return this.params().reduce((n, { shape }) => n + numel(shape), 0);
  }

  /** Minimise for `max_iter` iterations; resolves to the loss that the closure returned first. */
  step<T extends Tensor | undefined = undefined>(closure?: () => T | Promise<T>): Promise<T> {
    if (mode.trace)
      throw new TorcharcError(
        'LBFGS: step cannot be part of a compiled function, as it calls its closure several times; the closure may call a compiled function',
      );
    if (!closure)
      return Promise.reject(
        new ArgError(
          'LBFGS: step needs a closure that clears the gradients, computes the loss, calls backward and returns the loss',
        ),
      );
    return this.#minimise(closure);
  }

  async #minimise<T>(closure: () => T | Promise<T>): Promise<T> {
    const group = { ...(this.paramGroups[0] as Group) };
    const { lr, max_iter, max_eval, tolerance_grad, tolerance_change } = group;
    const state = this.#state();
    let evaluations = 0;
    let original: T | undefined;
    const evaluate = async (): Promise<Evaluated> => {
      const loss = await closure();
      if (evaluations === 0) original = loss;
      evaluations++;
      state.func_evals++;
      return this.#evaluated(loss);
    };
    let { loss, gradient } = await evaluate();
    if (largest(gradient) <= tolerance_grad) return original as T;

    await this.#tell('before');
    let memory: Memory | null = null;
    for (let iteration = 1; iteration <= max_iter; iteration++) {
      state.n_iter++;
      memory = remember(state, memory, gradient, group.history_size);
      const { d } = memory;
      const previous = loss;
      memory.prev_flat_grad = gradient;
      memory.prev_loss = loss;
      memory.t = state.n_iter === 1 ? Math.min(1, 1 / absoluteSum(gradient)) * lr : lr;
      const slope = dot(gradient, d);
      if (slope > -tolerance_change) break;

      if (group.line_search_fn) {
        const at = await this.#values();
        const trial = async (step: number): Promise<Point> => {
          await this.#move(at, step, d);
          const found = await evaluate();
          return { step, ...found, slope: dot(found.gradient, d) };
        };
        const most = max_eval - evaluations;
        const point = await strongWolfe({ step: 0, loss, gradient, slope }, await trial(memory.t), trial, {
          size: largest(d),
          most,
        });
        ({ loss, gradient } = point);
        memory.t = point.step;
        await this.#move(at, point.step, d);
      } else {
        await this.#move(null, memory.t, d);
        // not after the last iteration: nothing is left to use it
        if (iteration < max_iter) ({ loss, gradient } = await evaluate());
      }
      const done =
        evaluations >= max_eval ||
        largest(gradient) <= tolerance_grad ||
        largest(d) * Math.abs(memory.t) <= tolerance_change ||
        Math.abs(loss - previous) < tolerance_change;
      if (done) break;
    }
    Object.assign(state, memory);
    await this.#tell('after');
    return original as T;
  }

  #state(): State {
    const [p] = this.params() as [Tensor];
    const state = (this.state.get(p) as State | undefined) ?? { func_evals: 0, n_iter: 0 };
    this.state.set(p, state);
    return state;
  }

  /** The loss and the gradients as numbers, with all else that the parameters' next change would make impossible to compute. */
  async #evaluated(loss: unknown): Promise<Evaluated> {
    if (!(loss instanceof Tensor))
      throw new ArgError(`LBFGS: expected a closure that returns the loss, got ${show(loss)}`);
    const params = this.params();
    const half = params.find(({ dtype }) => dtype === 'float16');
    if (half) throw new TorcharcError('LBFGS: expected parameters of dtype float32 or float64, got float16');
    const gradients = params.map((p) => p.grad);
    const others = this.pending().flatMap((node) => (node.stale ? [] : [new Tensor(node)]));
    await realize(loss, ...gradients.filter((g) => g !== null), ...others);
    const size = this.stateSize();
    const flat = params.some(({ dtype }) => dtype === 'float64') ? new Float64Array(size) : new Float32Array(size);
    let at = 0;
    for (const [i, p] of params.entries()) {
      const g = gradients[i];
      if (g) flat.set(hostData(g, 'LBFGS') as Floats, at);
      at += numel(p.shape);
    }
    return { loss: await loss.item(), gradient: flat };
  }

  async #values(): Promise<Floats[]> {
    return Promise.all(this.params().map(async (p) => (await p.data()) as Floats));
  }

  /** p = from + step · d, from where it is if `from` is null. */
  #move(from: readonly Floats[] | null, step: number, d: Floats): Promise<void> {
    return this.#write((arrays) => {
      let at = 0;
      arrays.forEach((p, k) => {
        const start = from?.[k] ?? p;
        for (let i = 0; i < p.length; i++) p[i] = start[i]! + step * d[at++]!;
      });
    });
  }

  #write(change: (arrays: readonly Floats[]) => void): Promise<void> {
    const begin = () => (_: readonly TypedArray[], arrays: TypedArray[]) => change(arrays as Floats[]);
    return update({ reads: [], writes: this.params(), begin }, []);
  }

  async #tell(when: 'before' | 'after'): Promise<void> {
    const params = this.params();
    for (const hook of this.hooks) await this.#write((arrays) => hook[when](params, arrays));
  }
}

/**
 * What the last step taught (its change y of the gradient over the distance s, unless the curvature is none), and the next direction:
 * -H g by the two-loop recursion (Nocedal and Wright, algorithm 7.4).
 */
function remember(state: State, memory: Memory | null, g: Floats, most: number): Memory {
  const last = memory ?? state;
  const { d, t, old_dirs: ys, old_stps: ss, ro, prev_flat_grad } = last;
  if (state.n_iter === 1 || !d || !ys || !ss || !ro || !prev_flat_grad)
    return direction(
      mapped(g, (v) => -v),
      [],
      [],
      [],
      1,
    );
  const y = mapped(g, (v, i) => v - prev_flat_grad[i]!);
  const s = mapped(d, (v) => v * t!);
  const curvature = dot(y, s);
  let scale = last.H_diag!;
  if (curvature > 1e-10) {
    if (ys.length === most) for (const list of [ys, ss, ro]) list.shift();
    ys.push(y);
    ss.push(s);
    ro.push(1 / curvature);
    scale = curvature / dot(y, y);
  }
  state.al ??= new Array<null>(most).fill(null);
  const { al } = state;
  let r = mapped(g, (v) => -v);
  for (let i = ys.length - 1; i >= 0; i--) {
    const a = dot(ss[i]!, r) * ro[i]!;
    al[i] = a;
    addScaled(r, ys[i]!, -a);
  }
  r = mapped(r, (v) => v * scale);
  for (let i = 0; i < ys.length; i++) addScaled(r, ss[i]!, al[i]! - dot(ys[i]!, r) * ro[i]!);
  return direction(r, ys, ss, ro, scale);

  function direction(d: Floats, old_dirs: Floats[], old_stps: Floats[], ro: number[], H_diag: number): Memory {
    return { d, t: 0, old_dirs, old_stps, ro, H_diag, prev_flat_grad: g, prev_loss: 0 };
  }
}

function mapped(x: Floats, f: (value: number, i: number) => number): Floats {
  const out = x.slice() as Floats;
  for (let i = 0; i < x.length; i++) out[i] = f(x[i]!, i);
  return out;
}

function dot(a: Floats, b: Floats): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function addScaled(into: Floats, x: Floats, factor: number): void {
  for (let i = 0; i < into.length; i++) into[i]! += factor * x[i]!;
}

function largest(x: Floats): number {
  let most = 0;
  for (let i = 0; i < x.length; i++) most = Math.max(most, Math.abs(x[i]!));
  return most;
}

function absoluteSum(x: Floats): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += Math.abs(x[i]!);
  return sum;
}
