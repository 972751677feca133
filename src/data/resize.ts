/** Images brought to one form: channels, height and width, channel after channel. */
import { type Row, rowsOf } from '../ops/resample-rows.ts';
import type { Pixels } from './image.ts';

/** Bytes `[channels, height, width]`. */
export type Planes = Uint8Array<ArrayBuffer>;

/**
 * An image as planes of bytes. Gray from colors is `0.299 R + 0.587 G + 0.114 B`. Resizing is bilinear and antialiased, as
 * torchvision's `Resize` does it, rounded to bytes once.
 */
export function planes(image: Pixels, channels: 1 | 3, height: number, width: number): Planes {
  const area = image.height * image.width;
  const out = new Uint8Array(channels * height * width);
  const [down, across] = [weights(image.height, height), weights(image.width, width)];
  for (let c = 0; c < channels; c++) {
    const plane = channelOf(image, channels, c, area);
    const resized = down || across ? resize(plane, image.width, height, width, down, across) : plane;
    for (let i = 0; i < resized.length; i++) out[c * height * width + i] = Math.round(resized[i]!);
  }
  return out;
}

function channelOf({ data, channels: has }: Pixels, channels: 1 | 3, c: number, area: number): Float32Array {
  const out = new Float32Array(area);
  if (has === 1) out.set(data);
  else if (channels === 3) for (let i = 0; i < area; i++) out[i] = data[3 * i + c]!;
  else {
    for (let i = 0; i < area; i++) {
      // in steps of 2^-16, rounded to a byte, as Pillow does
      const gray = data[3 * i]! * 19595 + data[3 * i + 1]! * 38470 + data[3 * i + 2]! * 7471;
      out[i] = (gray + 0x8000) >> 16;
    }
  }
  return out;
}

/** What makes each new place of a dimension; null if nothing changes. */
function weights(from: number, to: number): Row[] | null {
  if (from === to) return null;
  return rowsOf({ kind: 'linear-aa', from, to, align_corners: false, scale: null }, false);
}

function resize(
  plane: Float32Array,
  from: number,
  height: number,
  width: number,
  down: Row[] | null,
  across: Row[] | null,
): Float32Array {
  const rows = across ? plane.length / from : 0;
  let wide = plane;
  if (across) {
    wide = new Float32Array(rows * width);
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < width; x++) wide[y * width + x] = sum(across[x]!, plane, y * from, 1);
    }
  }
  if (!down) return wide;
  const out = new Float32Array(height * width);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) out[y * width + x] = sum(down[y]!, wide, x, width);
  }
  return out;
}

function sum(row: Row, values: Float32Array, begin: number, step: number): number {
  let total = 0;
  for (const [i, weight] of row) total += weight * values[begin + i * step]!;
  return total;
}
