/** The optimizers whose updates are a kernel's. */
import type { TypedArray } from '../tensor/dtype.ts';
import { numel } from '../tensor/shape.ts';
import { isShared } from '../tensor/shared.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { InPlaceOptimizer, zeros } from './in-place.ts';
import { stateArrays } from './kernels.ts';
import type { Floats, ParamState } from './optimizer.ts';

export abstract class KernelOptimizer<O extends object, S extends ParamState> extends InPlaceOptimizer<O, S> {
  readonly #ready = new Map<Tensor, Float32Array[]>();

  /** How many arrays of a parameter's state the kernel goes over. */
  protected abstract stateCount(): number;

  /**
   * New parameters move to lie side by side with their state, where the kernel updates them without copying (3 M of them by Adam:
   * 2.4 ms or, with gradients still copied, 3.4, against 4.3 for parameters on the heap). Those that threads share stay.
   */
  protected override prepare(params: readonly Tensor[], arrays: TypedArray[] | null): void {
    const fresh = [...params.keys()].filter((i) => {
      const p = params[i]!;
      return p.dtype === 'float32' && !this.state.has(p) && !this.#ready.has(p);
    });
    if (fresh.length === 0) return;
    const count = this.stateCount();
    const moves = (i: number) => arrays !== null && !isShared(arrays[i]!);
    const homes = stateArrays(
      fresh.flatMap((i) => new Array<number>(moves(i) ? count + 1 : count).fill(numel(params[i]!.shape))),
    );
    for (const i of fresh) {
      this.#ready.set(params[i]!, homes.splice(0, count));
      if (!arrays || !moves(i)) continue;
      const home = homes.shift()!;
      home.set(arrays[i] as Float32Array);
      arrays[i] = home;
    }
  }

  /** Zeros for the arrays of a parameter's state that the kernel goes over. */
  protected stateOf(p: Tensor): Floats[] {
    const ready = this.#ready.get(p);
    this.#ready.delete(p);
    return ready ?? Array.from({ length: this.stateCount() }, () => zeros(p));
  }
}
