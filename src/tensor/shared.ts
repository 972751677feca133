/** State in memory that other threads have as well: a tensor's value then stays in its place, and is only written over. */
import { TorcharcError } from '../util/errors.ts';
import type { TypedArray } from './dtype.ts';
import type { Tensor } from './tensor.ts';

const homes = new WeakMap<Tensor, TypedArray>();
/** Nothing is looked up before there is something to find. */
let any = false;

/** Whether other threads may have the same memory. */
export function isShared(data: TypedArray): boolean {
  return any && data.buffer instanceof SharedArrayBuffer;
}

/** A copy that other threads can be given. */
export function sharedCopy<T extends TypedArray>(data: T): T {
  if (typeof SharedArrayBuffer === 'undefined')
    throw new TorcharcError(
      'shareMemory: there is no SharedArrayBuffer; a page must be cross-origin isolated to have it',
    );
  any = true;
  const type = data.constructor as new (buffer: SharedArrayBuffer) => T;
  const copy = new type(new SharedArrayBuffer(data.byteLength));
  copy.set(data as never);
  return copy;
}

/** From now on a tensor's value is in a shared array. */
export function settleIn(t: Tensor, home: TypedArray): void {
  any = true;
  homes.set(t, home);
}

export function homeOf(t: Tensor): TypedArray | undefined {
  return any ? homes.get(t) : undefined;
}

/** The array that holds a tensor's new value: its shared one, written over, if it has one. */
export function inHome(t: Tensor, data: TypedArray): TypedArray {
  const home = homeOf(t);
  if (!home || home === data) return data;
  home.set(data as never);
  return home;
}
