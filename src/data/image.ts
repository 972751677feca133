/** PNG and JPEG files as pixels. Sizes are checked against the file's length before anything is made for them. Node only. */
import { deflateSync, inflateSync } from 'node:zlib';
import { decode as decodePng } from 'fast-png';
import jpeg from 'jpeg-js';
import { TorcharcError } from '../util/errors.ts';

/** Bytes, row after row of pixels, one channel (gray) or three (red, green, blue) each. */
export interface Pixels {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  readonly data: Uint8Array<ArrayBuffer>;
}

/** The most pixels of an image: 100 million, as jpeg-js and Pillow have it. */
const MOST_PIXELS = 1e8;

/** The pixels of a PNG or JPEG file, whatever its name says it is. What is transparent has its color. */
export function decodeImage(bytes: Uint8Array, name: string): Pixels {
  try {
    if (bytes[0] === 0x89 && bytes[1] === 0x50) return png(bytes);
    if (bytes[0] === 0xff && bytes[1] === 0xd8) return jpg(bytes);
  } catch (e) {
    const why = e instanceof TorcharcError ? e.message : 'it is damaged';
    throw new TorcharcError(`cannot read ${name}: ${why}`, { cause: e });
  }
  throw new TorcharcError(`cannot read ${name}: it is no PNG or JPEG image`);
}

/** Caught above, which adds the name. */
function refuse(message: string): never {
  throw new TorcharcError(message);
}

function checkSize(width: number, height: number, most: number): void {
  if (width === 0 || height === 0) refuse('it has no pixels');
  if (width * height > MOST_PIXELS) refuse(`${width} × ${height} pixels are more than ${MOST_PIXELS}`);
  if (width * height > most) refuse(`its header says ${width} × ${height} pixels, more than its length can hold`);
}

// PNG

interface Chunk {
  readonly type: string;
  /** Length, type, data and checksum. */
  readonly all: Uint8Array;
  readonly data: Uint8Array;
}

/** Samples a pixel by color type: gray, -, color, palette, gray and alpha, -, color and alpha. */
const samplesOf: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/**
 * The pixel data is unpacked here, since fast-png would unpack any amount: no more than the header asks for. It goes on stored,
 * with the chunks that matter for colors and no others.
 */
function png(bytes: Uint8Array): Pixels {
  const chunks = chunksOf(bytes);
  const [header] = chunks;
  if (header?.type !== 'IHDR' || header.data.length !== 13) return refuse('it has no header');
  const view = new DataView(header.data.buffer, header.data.byteOffset, 13);
  const [width, height, depth, color] = [view.getUint32(0), view.getUint32(4), header.data[8]!, header.data[9]!];
  const interlaced = header.data[12] !== 0;
  const samples = samplesOf[color];
  if (!samples || ![1, 2, 4, 8, 16].includes(depth)) return refuse('its header says no known kind of pixels');
  if (interlaced && depth < 8) return refuse('interlaced images of less than 8 bits are not supported');
  const packed = chunks.filter(({ type }) => type === 'IDAT');
  const packedLength = packed.reduce((sum, { data }) => sum + data.length, 0);
  const line = Math.ceil((width * samples * depth) / 8);
  // deflate makes a byte of at most 1032
  checkSize(width, height, (1032 * packedLength * width) / line);
  // seven passes of an interlaced image have lines of their own
  const most = interlaced ? 2 * (line + 8) * (height + 8) : (line + 1) * height;
  const raw = unpacked(joined(packed.map(({ data }) => data)), most);
  if (!interlaced && raw.length < most) refuse('its pixels are cut off');
  const stored = chunk('IDAT', deflateSync(raw, { level: 0 }));
  const colors = chunks.filter(({ type }) => type === 'PLTE');
  const parts = [SIGNATURE, header.all, ...colors.map(({ all }) => all), stored, chunk('IEND', new Uint8Array(0))];
  const decoded = decodePng(joined(parts));
  return color === 3
    ? paletted(decoded.data, decoded.palette ?? [], width, height, depth)
    : direct(decoded.data, width, height, depth, samples);
}

function unpacked(bytes: Uint8Array, most: number): Uint8Array {
  try {
    return inflateSync(bytes, { maxOutputLength: most });
  } catch (e) {
    if ((e as { code?: unknown }).code !== 'ERR_BUFFER_TOO_LARGE') throw e;
    return refuse('more is packed in it than its header says');
  }
}

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

function chunksOf(bytes: Uint8Array): Chunk[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const chunks: Chunk[] = [];
  for (let at = 8; ; ) {
    if (at + 12 > bytes.length) return refuse('it is cut off');
    const end = at + 12 + view.getUint32(at);
    if (end > bytes.length) return refuse('it is cut off');
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (type === 'IEND') return chunks;
    chunks.push({ type, all: bytes.subarray(at, end), data: bytes.subarray(at + 8, end - 4) });
    at = end;
  }
}

/** A chunk whose checksum is left out; it is not looked at. */
function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + data.length);
  new DataView(bytes.buffer).setUint32(0, data.length);
  for (let i = 0; i < 4; i++) bytes[4 + i] = type.charCodeAt(i);
  bytes.set(data, 8);
  return bytes;
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

type Raw = Uint8Array | Uint8ClampedArray | Uint16Array;

/** Samples as bytes: the upper one of 16 bits, fewer bits stretched; alpha left out. */
function direct(raw: Raw, width: number, height: number, depth: number, samples: number): Pixels {
  const channels = samples < 3 ? 1 : 3;
  const data = new Uint8Array(width * height * channels);
  const sample = sampler(raw, width * samples, depth);
  const byte = depth === 16 ? (i: number) => sample(i) >> 8 : (i: number) => (sample(i) * 255) / (2 ** depth - 1);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let c = 0; c < channels; c++) data[pixel * channels + c] = byte(pixel * samples + c);
  }
  return { width, height, channels, data };
}

function paletted(raw: Raw, palette: readonly number[][], width: number, height: number, depth: number): Pixels {
  const data = new Uint8Array(3 * width * height);
  const index = sampler(raw, width, depth);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const color = palette[index(pixel)];
    if (!color) return refuse(`a pixel has color ${index(pixel)} of a palette of ${palette.length}`);
    for (let c = 0; c < 3; c++) data[3 * pixel + c] = color[c]!;
  }
  return { width, height, channels: 3, data };
}

/** Reads samples by number. Of fewer than 8 bits several are in a byte, from its upper end on; a line begins at a whole byte. */
function sampler(raw: Raw, line: number, depth: number): (i: number) => number {
  if (depth >= 8) return (i) => raw[i]!;
  const lineBytes = Math.ceil((line * depth) / 8);
  const each = 8 / depth;
  return (i) => {
    const x = i % line;
    const byte = raw[Math.floor(i / line) * lineBytes + Math.floor(x / each)]!;
    return (byte >> (8 - depth * ((x % each) + 1))) & (2 ** depth - 1);
  };
}

// JPEG

function jpg(bytes: Uint8Array): Pixels {
  const { width, height, components } = frameOf(bytes);
  // a block of 64 pixels takes a bit at least
  checkSize(width, height, 512 * bytes.length);
  const options = { useTArray: true, formatAsRGBA: false, tolerantDecoding: false, maxMemoryUsageInMB: 1024 } as const;
  const decoded = jpeg.decode(bytes, options);
  const data = new Uint8Array(decoded.data);
  if (decoded.width !== width || decoded.height !== height) return refuse('it has several headers');
  // gray comes three times
  if (components === 1) return { width, height, channels: 1, data: data.filter((_, i) => i % 3 === 0) };
  return { width, height, channels: 3, data };
}

/** The size that a JPEG file says it has. It must have pixels, and an end. */
function frameOf(bytes: Uint8Array): { width: number; height: number; components: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let frame: { width: number; height: number; components: number } | null = null;
  for (let at = 2; at + 4 <= bytes.length; ) {
    const marker = bytes[at + 1]!;
    if (bytes[at] !== 0xff) return refuse('it is damaged');
    if (marker === 0xff) {
      at++;
      continue;
    }
    const length = view.getUint16(at + 2);
    // start of frame: baseline, extended, progressive
    if (marker >= 0xc0 && marker <= 0xc2 && at + 10 <= bytes.length)
      frame ??= { height: view.getUint16(at + 5), width: view.getUint16(at + 7), components: bytes[at + 9]! };
    else if (marker >= 0xc3 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker))
      return refuse('lossless, hierarchical and arithmetic JPEG are not supported');
    at += 2 + length;
    if (marker === 0xda)
      return frame && hasEnd(bytes, at) ? frame : refuse(frame ? 'it is cut off' : 'it has no header');
  }
  return refuse('it is cut off');
}

function hasEnd(bytes: Uint8Array, from: number): boolean {
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    if (bytes[at + 1] === 0xd9) return true;
  }
  return false;
}
