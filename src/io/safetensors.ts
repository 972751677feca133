/**
 * The safetensors format: `u64 header length, JSON header, data`, all little-endian, as is every machine JavaScript runs on.
 * https://huggingface.co/docs/safetensors
 */
import { allocate, type Dtype, itemSize, type TypedArray } from '../tensor/dtype.ts';
import { numel, type Shape, showShape } from '../tensor/shape.ts';
import { hostData, leaf, Tensor } from '../tensor/tensor.ts';
import { ArgError, TorcharcError } from '../util/errors.ts';
import { decodeUtf8, encodeUtf8 } from './utf8.ts';

const codes: Record<Dtype, string> = {
  float32: 'F32',
  float64: 'F64',
  float16: 'F16',
  int64: 'I64',
  int32: 'I32',
  uint8: 'U8',
  bool: 'BOOL',
};

const dtypeOf = new Map(Object.entries(codes).map(([dtype, code]) => [code, dtype as Dtype]));

/**
 * The bytes of a safetensors file; pending tensors are computed first. The header keeps the given order.
 *
 * A tensor that stands under two names is written under each, so that the file loads strictly here and in PyTorch.
 */
export async function encodeSafetensors(
  tensors: ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const named = tensors instanceof Map ? [...(tensors as Map<string, Tensor>)] : Object.entries(tensors);
  for (const [name, tensor] of named) checkEntry(name, tensor);
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value === 'string') continue;
    throw new ArgError(`encodeSafetensors: metadata '${key}': expected a string, got ${JSON.stringify(value)}`);
  }
  for (const [, tensor] of named) if (!tensor.node.data) await tensor.data();
  // From here on nothing awaits: a step taken meanwhile cannot mix old values with new ones.
  const entries = named.map(([name, t]) => ({
    name,
    shape: t.shape,
    dtype: t.dtype,
    data: hostData(t, `encodeSafetensors: '${name}'`),
  }));
  return encode(entries, metadata);
}

interface Entry {
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: Dtype;
  readonly data: TypedArray;
}

function encode(entries: readonly Entry[], metadata: Readonly<Record<string, string>>): Uint8Array<ArrayBuffer> {
  // The widest first, so that each array starts at a multiple of its item size.
  const order = [...entries].sort((a, b) => itemSize(b.dtype) - itemSize(a.dtype) || (a.name < b.name ? -1 : 1));
  const begins = new Map<Entry, number>();
  let end = 0;
  for (const entry of order) {
    begins.set(entry, end);
    end += entry.data.byteLength;
  }
  const fields = entries.map((entry) => {
    const begin = begins.get(entry)!;
    const { shape, dtype } = entry;
    const body = { dtype: codes[dtype], shape, data_offsets: [begin, begin + entry.data.byteLength] };
    return `${JSON.stringify(entry.name)}:${JSON.stringify(body)}`;
  });
  if (Object.keys(metadata).length > 0) fields.unshift(`"__metadata__":${JSON.stringify(metadata)}`);
  const text = encodeUtf8(`{${fields.join(',')}}`);
  const start = 8 + Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(start + end).fill(0x20, 8, start);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(start - 8), true);
  bytes.set(text, 8);
  for (const [{ data }, begin] of begins) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), start + begin);
  }
  return bytes;
}

function checkEntry(name: string, tensor: unknown): void {
  if (!(tensor instanceof Tensor))
    throw new ArgError(`encodeSafetensors: '${name}': expected a tensor, got ${typeof tensor}`);
  if (reserved.has(name)) throw new ArgError(`encodeSafetensors: '${name}' cannot name a tensor`);
}

const reserved = new Set(['__metadata__', '__proto__']);

/** The header may not be larger than this, as in the reference implementation. */
const maxHeader = 100_000_000;

/** The tensors of a safetensors file, in the header's order. bfloat16 is widened to float32. */
export function decodeSafetensors(bytes: Uint8Array): Map<string, Tensor> {
  const { specs, start } = safetensorsHeader(bytes);
  const data = bytes.subarray(start);
  return new Map(specs.map((spec) => [spec.name, new Tensor(leaf(readData(data, spec), spec))]));
}

/** What the header of a safetensors file of `total` bytes says; `bytes` are the first ones, the header among them. */
export function safetensorsHeader(bytes: Uint8Array, total = bytes.length): { specs: Spec[]; start: number } {
  const { header, start } = readHeader(bytes, total);
  const specs: Spec[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') checkMetadata(value);
    else specs.push(readSpec(name, value, total - start));
  }
  // Before anything is allocated: tensors that overlap could ask for far more than the file holds.
  checkSpans(specs, total - start);
  return { specs, start };
}

function fail(message: string): never {
  throw new TorcharcError(`safetensors: ${message}`);
}

function readHeader(bytes: Uint8Array, total: number): { header: Record<string, unknown>; start: number } {
  if (bytes.length < 8) fail(`expected at least the 8 bytes of the header length, got ${bytes.length}`);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > BigInt(total - 8)) {
    fail(
      `the header is said to have ${length} bytes, but only ${total - 8} follow; not a safetensors file, or cut off`,
    );
  }
  if (length > BigInt(maxHeader)) fail(`the header has ${length} bytes; at most ${maxHeader} are allowed`);
  const start = 8 + Number(length);
  const text = decodeUtf8(bytes.subarray(8, start));
  if (text === null) fail('the header is not UTF-8');
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (e) {
    fail(`the header is not JSON: ${(e as Error).message}`);
  }
  if (!isRecord(header)) fail('the header is not a JSON object');
  return { header, start };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function checkMetadata(value: unknown): void {
  if (!isRecord(value) || !Object.values(value).every((v) => typeof v === 'string')) {
    fail('__metadata__: expected an object of strings');
  }
}

/** A tensor of a file. `begin` and `end` are bytes of its data. */
interface Spec {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: number[];
  readonly begin: number;
  readonly end: number;
  readonly bfloat16: boolean;
}

function readSpec(name: string, value: unknown, available: number): Spec {
  if (reserved.has(name)) fail(`'${name}' cannot name a tensor`);
  if (!isRecord(value))
    fail(`'${name}': expected an object with dtype, shape and data_offsets, got ${JSON.stringify(value)}`);
  const { dtype: code, shape, data_offsets: offsets } = value;
  const bfloat16 = code === 'BF16';
  const dtype = bfloat16 ? 'float32' : dtypeOf.get(String(code));
  if (!dtype) {
    fail(
      `'${name}': dtype ${JSON.stringify(code)} is not supported; expected one of ${[...dtypeOf.keys(), 'BF16'].join(', ')}`,
    );
  }
  if (!isCounts(shape)) fail(`'${name}': expected a shape of non-negative integers, got ${JSON.stringify(shape)}`);
  if (!isCounts(offsets) || offsets.length !== 2) {
    fail(`'${name}': expected data_offsets [begin, end], got ${JSON.stringify(offsets)}`);
  }
  const [begin, end] = offsets as [number, number];
  if (begin > end || end > available) {
    fail(`'${name}': data_offsets [${begin}, ${end}] lie outside the ${available} bytes of data`);
  }
  const wanted = numel(shape) * (bfloat16 ? 2 : itemSize(dtype));
  if (wanted !== end - begin) {
    fail(`'${name}': shape ${showShape(shape)} of ${code} takes ${wanted} bytes, but data_offsets span ${end - begin}`);
  }
  return { name, dtype, shape, begin, end, bfloat16 };
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

function readData(data: Uint8Array, { dtype, shape, begin, end, bfloat16 }: Spec): TypedArray {
  const out = allocate(dtype, numel(shape));
  const raw = new Uint8Array(out.buffer);
  const from = data.subarray(begin, end);
  if (bfloat16) {
    // the upper half of a float32
    for (let i = 0, j = 2; i < from.length; i += 2, j += 4) {
      raw[j] = from[i]!;
      raw[j + 1] = from[i + 1]!;
    }
  } else if (dtype === 'bool') {
    for (let i = 0; i < from.length; i++) raw[i] = from[i] === 0 ? 0 : 1;
  } else {
    raw.set(from);
  }
  return out;
}

/** Together the tensors must cover the data once: no overlap, no gap. */
function checkSpans(specs: readonly Spec[], available: number): void {
  let at = 0;
  let before = '';
  for (const { name, begin, end } of [...specs].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin < at) fail(`'${name}' and '${before}' overlap: one begins at byte ${begin}, the other ends at ${at}`);
    if (begin > at) fail(`bytes ${at} to ${begin} of the data belong to no tensor`);
    at = end;
    before = name;
  }
  if (at < available) fail(`bytes ${at} to ${available} of the data belong to no tensor`);
}
