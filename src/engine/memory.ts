/** Memory for results, which `dispose` gives back: fresh memory costs a page fault for every 4 KB, often more than the arithmetic. */
import { allocate, type Dtype, type TypedArray } from '../tensor/dtype.ts';

/** At most this many bytes are kept for later results. */
const MOST = 256 * 2 ** 20;

const free = new Map<string, TypedArray[]>();
let kept = 0;
/** Arrays that were taken here: others are of sizes that nobody takes. */
const ours = new WeakSet<TypedArray>();

/** An array of undefined content. */
export function take(dtype: Dtype, length: number): TypedArray {
  const used = free.get(dtype + length)?.pop();
  if (used) kept -= used.byteLength;
  const array = used ?? allocate(dtype, length);
  ours.add(array);
  return array;
}

/** An array nobody will read again. */
export function giveBack(dtype: Dtype, array: TypedArray): void {
  if (!ours.delete(array) || kept + array.byteLength > MOST) return;
  const key = dtype + array.length;
  const list = free.get(key);
  if (list) list.push(array);
  else free.set(key, [array]);
  kept += array.byteLength;
}
