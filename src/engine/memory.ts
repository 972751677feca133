/**
 * Memory for the results of runs.
 *
 * ONNX Runtime would allocate each result anew and copy it out; and fresh memory costs a page fault for every 4 KB, which
 * is more than a pass of arithmetic over it. So a result is written where we say: into what `dispose` gave back, if
 * something of its size is there.
 */

/** At most this many bytes are kept for later results. */
export const memoryLimit = { bytes: 256 * 2 ** 20 };

const free = new Map<number, Float32Array[]>();
let kept = 0;

/** An array of undefined content. */
export function take(length: number): Float32Array {
  const array = free.get(length)?.pop();
  if (!array) return new Float32Array(length);
  kept -= array.byteLength;
  return array;
}

/** An array nobody will read again. */
export function giveBack(array: Float32Array): void {
  // a view would keep the rest of its buffer alive
  if (array.byteLength !== array.buffer.byteLength || kept + array.byteLength > memoryLimit.bytes) return;
  const list = free.get(array.length);
  if (list) list.push(array);
  else free.set(array.length, [array]);
  kept += array.byteLength;
}
