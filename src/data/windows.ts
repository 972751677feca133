/** Windows of a time series: some rows to see, and the rows after them to forecast. */
import type { Parts } from './assemble.ts';
import type { ArrayField } from './fields.ts';
import type { Field } from './samples.ts';

export interface Windows {
  /** Rows to see. */
  readonly length: number;
  /** Rows to forecast. */
  readonly horizon: number;
  /** Rows from one window to the next. */
  readonly stride: number;
}

/**
 * Where windows begin in `size` rows of which the first `cut` are for training: those for training end before the cut, those for
 * testing forecast rows from the cut on only, though they may see rows before it.
 */
export function windowStarts(size: number, cut: number, { length, horizon, stride }: Windows): Parts {
  const from = (begin: number, end: number) => {
    const last = end - length - horizon;
    return new Uint32Array(last < begin ? 0 : Math.floor((last - begin) / stride) + 1).map(
      (_, i) => begin + i * stride,
    );
  };
  return { train: from(0, cut), test: from(Math.max(0, cut - length), size) };
}

/** Which rows of a window a field holds. */
export interface Span {
  /** The first one, after where the window begins. */
  readonly offset: number;
  readonly count: number;
  /** Values are told by their distance from those of this row of the window; null for the values themselves. */
  readonly from: number | null;
}

/** Samples of some rows of the windows at `starts`. */
export function windowField(
  rows: ArrayField,
  starts: Uint32Array,
  { offset, count, from }: Span,
  flat: boolean,
): Field {
  const width = rows.data.length / rows.size;
  const data = rows.data as Float32Array;
  return {
    size: starts.length,
    shape: flat ? [count * width] : [count, width],
    dtype: 'float32',
    take(at) {
      const out = new Float32Array(at.length * count * width);
      for (const [i, window] of at.entries()) {
        const begin = (starts[window]! + offset) * width;
        out.set(data.subarray(begin, begin + count * width), i * count * width);
        if (from === null) continue;
        const base = (starts[window]! + from) * width;
        shiftRows(out.subarray(i * count * width, (i + 1) * count * width), data.subarray(base, base + width));
      }
      return out;
    },
  };
}

/** Take a row from each of some rows. */
export function shiftRows(rows: Float32Array, base: Float32Array): void {
  for (let i = 0; i < rows.length; i++) rows[i] = rows[i]! - base[i % base.length]!;
}
