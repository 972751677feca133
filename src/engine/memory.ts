/** Memory for results, which `dispose` gives back: fresh memory costs a page fault for every 4 KB, often more than the arithmetic. */
import { allocate, type Dtype, type TypedArray } from '../tensor/dtype.ts';

/** At most this many bytes are kept for later results. */
const MOST = 256 * 2 ** 20;

const free = new Map<string, TypedArray[]>();
let kept = 0;

/** An array of undefined content. */
export function take(dtype: Dtype, length: number): TypedArray {
  const array = free.get(dtype + length)?.pop();
  if (!array) return allocate(dtype, length);
  kept -= array.byteLength;
  return array;
}

/** An array nobody will read again. */
export function giveBack(dtype: Dtype, array: TypedArray): void {
  // a view would keep the rest of its buffer alive
  if (array.byteLength !== array.buffer.byteLength || kept + array.byteLength > MOST) return;
  const key = dtype + array.length;
  const list = free.get(key);
  if (list) list.push(array);
  else free.set(key, [array]);
  kept += array.byteLength;
}
