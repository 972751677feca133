/** Parts of a tensor as Python's brackets choose them: `x.at('1:3, None', index)` is `x[1:3, None, index]`. */
import { constant, literal } from '../tensor/constant.ts';
import type { Op } from '../tensor/op.ts';
import { broadcast, type Shape, sameShape, showShape } from '../tensor/shape.ts';
import { apply, Tensor } from '../tensor/tensor.ts';
import { ArgError, ShapeError } from '../util/errors.ts';
import { show } from '../util/python.ts';
import { asIndex, scattered, slicesAt } from './index.ts';
import { stack } from './join.ts';
import { movedim } from './movement.ts';

/**
 * One entry of a pair of brackets, or several in a string: a number, null (a new dimension), `'start:end:step'`, `'...'`, a
 * tensor of integers or a list of numbers.
 */
export type Index = number | null | string | Tensor | readonly number[];
type Entry = number | null | '...' | SliceEntry | Tensor;
interface SliceEntry {
  readonly start?: number;
  readonly end?: number;
  readonly step?: number;
}

function entriesOf(index: Index): Entry[] {
  if (typeof index === 'string') return index.split(',').map((part) => entryOf(part.trim()));
  if (index instanceof Tensor) {
    if (index.dtype === 'bool' || index.dtype === 'uint8') {
      throw new ArgError(
        `at: a mask chooses as many elements as it has ones, which no shape can tell; use where or maskedFill`,
      );
    }
    asIndex('at', index);
    return [index];
  }
  if (Array.isArray(index)) {
    const numbers = BigInt64Array.from(index as readonly number[], integer);
    return [literal(numbers, { shape: [numbers.length], dtype: 'int64' })];
  }
  return [index === null ? null : Number(integer(index))];
}

function integer(value: unknown): bigint {
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value);
  throw new ArgError(
    `at: only integers, slices as '1:3', '...', null and integer tensors or lists are valid indices, got ${show(value)}`,
  );
}

function entryOf(text: string): Entry {
  if (text === '...') return '...';
  if (text === 'None') return null;
  if (/^-?\d+$/.test(text)) return Number(text);
  const found = /^(-?\d*):(-?\d*)(?::(-?\d*))?$/.exec(text.replaceAll(' ', ''));
  if (!found || found.includes('-')) {
    throw new ArgError(`at: expected a number, a slice as '1:3' or '::2', 'None' or '...', got '${text}'`);
  }
  const [start, end, step] = found.slice(1).map((part) => (part ? Number(part) : undefined));
  return {
    ...(start === undefined ? {} : { start }),
    ...(end === undefined ? {} : { end }),
    ...(step === undefined ? {} : { step }),
  };
}

/** x[index, …]. https://pytorch.org/docs/stable/tensor_view.html */
export function at(x: Tensor, ...index: Index[]): Tensor {
  let result = x;
  let dim = 0;
  const chosen: { readonly dim: number; readonly index: Tensor }[] = [];
  for (const entry of spreadEllipsis(index.flatMap(entriesOf), x.ndim)) {
    if (typeof entry === 'number') result = result.select(dim, entry);
    else if (entry === null) result = result.unsqueeze(dim++);
    else if (entry instanceof Tensor) chosen.push({ dim: dim++, index: entry });
    else result = result.slice({ dim: dim++, ...(entry as SliceEntry) });
  }
  const [first, second] = chosen;
  if (!first) return result;
  return second ? choose(result, chosen) : slicesAt(result, first.dim, first.index);
}

/** '...' as the slices it stands for. */
function spreadEllipsis(entries: readonly Entry[], rank: number): Entry[] {
  const used = entries.filter((entry) => entry !== null && entry !== '...').length;
  if (used > rank) throw new ShapeError(`at: too many indices for tensor of dimension ${rank}`);
  const found = entries.indexOf('...');
  if (found < 0) return [...entries];
  const rest = new Array<Entry>(rank - used).fill({});
  return [...entries.slice(0, found), ...rest, ...entries.slice(found + 1).filter((entry) => entry !== '...')];
}

/** Indices of several dimensions together: one element (or slice) per element of the shape they broadcast to. */
function choose(x: Tensor, chosen: readonly { readonly dim: number; readonly index: Tensor }[]): Tensor {
  const dims = chosen.map(({ dim }) => dim);
  const index = joint(chosen.map((c) => c.index));
  const taken = gatherNd(movedim(x, dims, [...dims.keys()]), index);
  // neighbours are replaced where they stand; what is apart goes to the front
  const together = dims.every((d, i) => d === dims[0]! + i);
  const lead = [...index.shape.slice(0, -1).keys()];
  return together
    ? movedim(
        taken,
        lead,
        lead.map((i) => i + dims[0]!),
      )
    : taken;
}

/** Indices that broadcast, as the last dimension of one. */
function joint(indices: readonly Tensor[]): Tensor {
  const shape = indices.map((index) => index.shape).reduce<Shape>((all, one) => broadcast('at', all, one), []);
  return stack(
    indices.map((index) => index.to('int64').expand(shape)),
    { dim: -1 },
  );
}

const gatherOp: Op<Record<string, never>> = {
  name: 'gather_nd',
  infer: ([x, index]) => ({
    shape: [...index!.shape.slice(0, -1), ...x!.shape.slice(index!.shape.at(-1))],
    dtype: x!.dtype,
  }),
  grad: (g, _y, [x, index]) => [put(constant(0, x!), index!, g, true), null],
  lower: (b, inputs) => b.node('GatherND', inputs),
};
/** x[index[..., 0], index[..., 1], …]. */
function gatherNd(x: Tensor, index: Tensor): Tensor {
  return apply(gatherOp, [x, index], {});
}

const putOp: Op<{ accumulate: boolean }> = {
  name: 'index_put',
  infer: ([x]) => x!,
  grad: (g, _y, [, index, values], { accumulate }) => [
    accumulate ? g : put(g, index!, constant(0, values!), false),
    null,
    gatherNd(g, index!),
  ],
  lower: (b, inputs, { accumulate }, [out]) =>
    accumulate ? scattered(b, 'ScatterND', inputs, { reduction: 'add' }, out!.dtype) : b.node('ScatterND', inputs),
};
function put(x: Tensor, index: Tensor, values: Tensor, accumulate: boolean): Tensor {
  return apply(putOp, [x, index, values], { accumulate });
}

/** x with x[indices[0], indices[1], …] = values, or += values. https://pytorch.org/docs/stable/generated/torch.Tensor.index_put.html */
export function indexPut(
  x: Tensor,
  indices: readonly Tensor[],
  values: Tensor,
  { accumulate = false }: { accumulate?: boolean } = {},
): Tensor {
  for (const index of indices) asIndex('indexPut', index);
  if (indices.length === 0 || indices.length > x.ndim) {
    throw new ShapeError(`indexPut: expected 1 to ${x.ndim} indices, got ${indices.length}`);
  }
  if (values.dtype !== x.dtype) {
    throw new ArgError(
      `indexPut: Index put requires the source and destination dtypes match, got ${x.dtype} for the destination and ${values.dtype} for the source.`,
    );
  }
  const index = joint(indices);
  const shape = [...index.shape.slice(0, -1), ...x.shape.slice(indices.length)];
  if (!sameShape(broadcast('indexPut', shape, values.shape), shape)) {
    throw new ShapeError(
      `indexPut: shape mismatch: value tensor of shape ${showShape(values.shape)} cannot be broadcast to indexing result of shape ${showShape(shape)}`,
    );
  }
  return put(x, index, values.expand(shape), accumulate);
}
