/** What functions of windows are given, checked. */

import { isFloat } from '../../tensor/dtype.ts';
import { showShape } from '../../tensor/shape.ts';
import { expectTensor, type Tensor } from '../../tensor/tensor.ts';
import { ArgError, ShapeError } from '../../util/errors.ts';
import { show } from '../../util/python.ts';
import type { Size } from './shared.ts';

/** What is wrong with a number below the least; `got` is added. */
type Complaint = string;

/** One integer for each of `rank` dimensions, from a number or a list. */
export function sizes(who: string, name: string, value: Size, rank: number, least: 0 | 1, low?: Complaint): number[] {
  const list: unknown[] = Array.isArray(value) ? [...(value as number[])] : new Array<unknown>(rank).fill(value);
  if (list.length !== rank || !list.every(Number.isInteger)) {
    throw new ArgError(
      `${who}: ${name} must be an integer${rank === 1 ? ' or a list of one' : ` or a list of ${rank} integers`}, got ${show(value)}`,
    );
  }
  const numbers = list as number[];
  if (numbers.some((n) => n < least)) {
    const fallback = `${name} ${least === 1 ? 'should be greater than zero' : 'must be non-negative'}`;
    throw new ArgError(`${who}: ${low ?? fallback}, but got ${show(value)}`);
  }
  return numbers;
}

/** Apply a function of batches [N, C, *] to [C, *] too; only the batch may be empty. */
export function pooled<T extends readonly Tensor[]>(who: string, x: Tensor, rank: number, pool: (x: Tensor) => T): T {
  expectTensor(who, x);
  const dims = x.shape.slice(-rank - 1);
  if ((x.ndim !== rank + 1 && x.ndim !== rank + 2) || dims.includes(0)) {
    throw new ShapeError(
      `${who}: Expected ${rank + 1}D or ${rank + 2}D (batch mode) tensor${dims.includes(0) ? ' with optional 0 dim batch size for input' : ''}, but got: ${showShape(x.shape)}`,
    );
  }
  if (x.ndim === rank + 2) return pool(x);
  return pool(x.unsqueeze(0)).map((t) => t.squeeze(0)) as unknown as T;
}

/** Throws for integers where PyTorch has no such pooling. */
export function expectFloat(who: string, x: Tensor): void {
  expectTensor(who, x);
  if (!isFloat(x.dtype)) throw new ArgError(`${who}: expected a floating point tensor, got ${x.dtype}`);
}
