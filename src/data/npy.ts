/** NumPy's format of one array, versions 1 to 3. https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
import { TorcharcError } from '../util/errors.ts';
import { type ArrayHeader, checkLength, type ElementKind, type Elements, isSupported } from './elements.ts';
import { shortened } from './text.ts';

/** NumPy itself reads no longer ones without being told to. */
const LONGEST_HEADER = 10_000;
/** Bytes in which a header ends, if it is one. */
export const NPY_HEAD = LONGEST_HEADER + 12;

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const kinds: Readonly<Record<string, ElementKind>> = { f: 'float', i: 'int', u: 'uint', b: 'uint' };

/** What an array's header says. `head`: the first bytes of the file, `NPY_HEAD` at most; `total`: the bytes of the file. */
export function npyHeader(head: Uint8Array, total: number, name: string): ArrayHeader {
  const fail = (message: string): never => {
    throw new TorcharcError(`${name}: ${message}`);
  };
  if (head.length < 12 || MAGIC.some((byte, i) => head[i] !== byte)) fail('it is no .npy file');
  const version = head[6]!;
  if (version < 1 || version > 3) fail(`expected version 1, 2 or 3 of the format, got ${version}`);
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const start = version === 1 ? 10 : 12;
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const begin = start + length;
  if (length > LONGEST_HEADER) fail(`expected a header of at most ${LONGEST_HEADER} bytes, got ${length}`);
  if (begin > head.length) fail('its header is cut off');
  const text = String.fromCharCode(...head.subarray(start, begin));
  const elements = elementsOf(/'descr'\s*:\s*'([^']*)'/.exec(text)?.[1] ?? '');
  const order = /'fortran_order'\s*:\s*(True|False)\b/.exec(text)?.[1];
  const shape = /'shape'\s*:\s*\(([\d\s,]*)\)/.exec(text)?.[1];
  if (!elements) {
    const [, got = text] = /'descr'\s*:\s*(.*?),?\s*(?:'fortran_order'|'shape'|\}|$)/.exec(text) ?? [];
    return fail(`expected numbers of 1, 2, 4 or 8 bytes or truth values, got elements of ${shortened(got)}`);
  }
  if (!order || shape === undefined) return fail(`its header does not say order and shape: ${shortened(text.trim())}`);
  const sizes = shape.split(',').map((size) => size.trim());
  const dims = sizes.filter((size) => size !== '').map(Number);
  checkLength(name, dims, elements, total - begin);
  return { elements, shape: dims, fortran: order === 'True' && dims.length > 1, begin };
}

function elementsOf(descr: string): Elements | null {
  const [, order, letter = '', size] = /^([<>=|]?)([fiub])(\d)$/.exec(descr) ?? [];
  const elements = { kind: kinds[letter]!, size: Number(size), littleEndian: order !== '>' };
  return letter && isSupported(elements) ? elements : null;
}
