import { F } from 'torcharc';
import { at, type Input, type Nd, nd, type Row } from './check.ts';

const at3: Input = { shape: [3], values: [2, 0, 2], dtype: 'int64' };
const at22: Input = { shape: [2, 2], values: [1, 0, 2, 1], dtype: 'int32' };
const cube: Input = { shape: [2, 3, 2] };
/** One index into the middle dimension for each of [2, 4, 2]. */
const chosen: Input = { shape: [2, 4, 2], values: [0, 2, 1, 1, 2, 0, 2, 2, 1, 0, 0, 0, 2, 1, 1, 2], dtype: 'int64' };

const added = (x: Nd, changes: Iterable<readonly [index: number[], value: number]>): Nd => {
  const data = [...x.data];
  for (const [index, value] of changes) {
    const flat = index.reduce((n, k, i) => n * x.shape[i]! + k, 0);
    data[flat]! += value;
  }
  return { shape: x.shape, data };
};
function* entries(x: Nd): Iterable<[number[], number]> {
  const all: number[][] = [];
  nd(x.shape, (index) => all.push(index));
  for (const index of all) yield [index, at(x, index)];
}
const scattered = (x: Nd, index: Nd, source: Nd, place: (i: number[], k: number) => number[]) =>
  added(
    x,
    [...entries(index)].map(([i, k]) => [place(i, k), at(source, i)] as const),
  );

export const rows: Row[] = [
  {
    of: 'indexSelect',
    note: 'front',
    inputs: [{ shape: [3, 2] }, at3],
    run: (x, i) => x.indexSelect(0, i),
    want: (x, i) => nd([3, 2], ([a, b]) => at(x, [at(i, [a!]), b!])),
  },
  {
    of: 'indexSelect',
    note: 'last, by an array',
    inputs: [{ shape: [2, 3] }],
    run: (x) => x.indexSelect(-1, BigInt64Array.of(1n, 1n)),
    want: (x) => nd([2, 2], ([a]) => at(x, [a!, 1])),
  },
  {
    of: 'indexSelect',
    note: 'an index of two dimensions',
    inputs: [{ shape: [3, 2] }, at22],
    run: (x, i) => x.indexSelect(0, i),
    want: (x, i) => nd([2, 2, 2], ([a, b, c]) => at(x, [at(i, [a!, b!]), c!])),
  },
  {
    of: 'indexAdd',
    note: 'equal indices add up',
    inputs: [cube, at3, { shape: [2, 3, 2] }],
    run: (x, i, s) => x.indexAdd(1, i, s),
    want: (x, i, s) =>
      added(
        x,
        [...entries(s)].map(([[a, b, c], v]) => [[a!, at(i, [b!]), c!], v] as const),
      ),
  },
  {
    of: 'indexAdd',
    note: 'front',
    inputs: [{ shape: [3, 2] }, { ...at3, shape: [1], values: [1] }, { shape: [1, 2] }],
    run: (x, i, s) => x.indexAdd(0, i, s),
    want: (x, i, s) =>
      added(
        x,
        [...entries(s)].map(([[a, b], v]) => [[at(i, [a!]), b!], v] as const),
      ),
  },
  {
    of: 'gather',
    note: 'middle',
    inputs: [cube, chosen],
    run: (x, i) => x.gather(1, i),
    want: (x, i) => nd(i.shape, ([a, b, c]) => at(x, [a!, at(i, [a!, b!, c!]), c!])),
  },
  {
    of: 'gather',
    note: 'an index smaller than x',
    inputs: [{ shape: [3, 2] }, { shape: [1, 1], values: [2], dtype: 'int64' }],
    run: (x, i) => x.gather(0, i),
    want: (x) => ({ shape: [1, 1], data: [at(x, [2, 0])] }),
  },
  {
    of: 'scatterAdd',
    note: 'middle',
    inputs: [cube, chosen, { shape: [2, 4, 2] }],
    run: (x, i, s) => x.scatterAdd(1, i, s),
    want: (x, i, s) => scattered(x, i, s, ([a, , c], k) => [a!, k, c!]),
  },
  {
    of: 'scatterAdd',
    note: 'of a larger source the part that has an index',
    inputs: [{ shape: [3] }, { shape: [2], values: [2, 2], dtype: 'int64' }, { shape: [4] }],
    run: (x, i, s) => x.scatterAdd(0, i, s),
    want: (x, i, s) => scattered(x, i, s, (_i, k) => [k]),
  },
  {
    of: 'F.oneHot',
    note: 'of a matrix',
    inputs: [{ shape: [2, 2], values: [0, 3, 1, 1], dtype: 'int64' }],
    run: (i) => F.oneHot(i, 4),
    want: (i) => nd([2, 2, 4], ([a, b, k]) => Number(at(i, [a!, b!]) === k)),
    dtype: 'int64',
  },
];
