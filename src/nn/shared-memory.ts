/** Parameters and buffers in memory that threads share. */
import type { TypedArray } from '../tensor/dtype.ts';
import { homeOf, settleIn, sharedCopy } from '../tensor/shared.ts';
import { hostData, leaf, setState, type Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';

/** Arrays over shared memory by the names of parameters and buffers. Can be posted to a thread. */
export type SharedTensors = Readonly<Record<string, TypedArray>>;

/** The shared array of a tensor, which it has from now on. */
export function share(t: Tensor): TypedArray {
  const home = homeOf(t);
  if (home) return home;
  const copy = sharedCopy(hostData(t, 'shareMemory'));
  attach(t, copy);
  return copy;
}

/** Give tensors the arrays of the same names, which must fit. */
export function attachAll(who: string, tensors: readonly (readonly [string, Tensor])[], shared: SharedTensors): void {
  const known = new Set(tensors.map(([name]) => name));
  const stray = Object.keys(shared).find((name) => !known.has(name));
  if (stray !== undefined) throw new ArgError(`${who}.attach: there is no parameter or buffer '${stray}'`);
  for (const [name, t] of tensors) {
    const own = hostData(t, 'attach');
    const given = shared[name];
    if (!given) throw new ArgError(`${who}.attach: expected an array for '${name}', got none`);
    if (given.constructor !== own.constructor || given.length !== own.length)
      throw new ArgError(
        `${who}.attach: expected a ${own.constructor.name} of ${own.length} elements for '${name}', got a ${given.constructor.name} of ${given.length}`,
      );
  }
  for (const [name, t] of tensors) attach(t, shared[name]!);
}

function attach(t: Tensor, home: TypedArray): void {
  settleIn(t, home);
  setState(t, leaf(home, t.node));
}
