/** The IDX format, that of MNIST: `0 0 type rank`, the sizes, the elements, all big-endian. http://yann.lecun.com/exdb/mnist */
import { TorcharcError } from '../util/errors.ts';
import { type ArrayHeader, checkLength, type Elements } from './elements.ts';

const types: Readonly<Record<number, Elements>> = {
  8: { kind: 'uint', size: 1, littleEndian: false },
  9: { kind: 'int', size: 1, littleEndian: false },
  11: { kind: 'int', size: 2, littleEndian: false },
  12: { kind: 'int', size: 4, littleEndian: false },
  13: { kind: 'float', size: 4, littleEndian: false },
  14: { kind: 'float', size: 8, littleEndian: false },
};

/** Bytes in which a header ends. */
export const IDX_HEAD = 4 + 4 * 255;

/** What an array's header says. `total`: the bytes of the file, or null if that is to be found out: no length is checked. */
export function idxHeader(head: Uint8Array, total: number | null, name: string): ArrayHeader {
  const elements = types[head[2] ?? 0];
  const rank = head[3] ?? 0;
  const begin = 4 + 4 * rank;
  if (head.length < 4 || head[0] !== 0 || head[1] !== 0 || !elements)
    throw new TorcharcError(`${name}: it is no IDX file, which begins with 0, 0 and the type of its elements`);
  if (begin > head.length) throw new TorcharcError(`${name}: its header is cut off`);
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const shape = Array.from({ length: rank }, (_, dim) => view.getUint32(4 + 4 * dim));
  if (total !== null) checkLength(name, shape, elements, total - begin);
  return { elements, shape, fortran: false, begin };
}
