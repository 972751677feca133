import {
  addmm,
  addmv,
  baddbmm,
  bmm,
  cdist,
  cross,
  dot,
  einsum,
  kron,
  mm,
  mv,
  outer,
  type Tensor,
  tensordot,
} from 'torcharc';

import { at, type Input, type Nd, nd, type Row } from './check.ts';
import { product } from './matmul.ts';

const shapes = (...all: number[][]): Input[] => all.map((shape) => ({ shape }));
const square: Input = { shape: [2, 3, 3] };
const scaled = (x: Nd, by: number): Nd => ({ shape: x.shape, data: x.data.map((v) => v * by) });
const plus = (x: Nd, y: Nd): Nd =>
  nd(
    y.shape,
    (i) =>
      at(y, i) +
      at(
        x,
        i.slice(-x.shape.length).map((k, d) => (x.shape[d] === 1 ? 0 : k)),
      ),
  );

/** The determinant, by the first row. */
function det(rows: readonly (readonly number[])[]): number {
  if (rows.length === 0) return 1;
  const minor = (k: number) => rows.slice(1).map((row) => row.toSpliced(k, 1));
  return rows[0]!.reduce((sum, v, k) => sum + (k % 2 === 0 ? v : -v) * det(minor(k)), 0);
}
const rowsOf = (x: Nd) =>
  Array.from({ length: x.shape[0]! }, (_, i) => Array.from({ length: x.shape[1]! }, (_, j) => at(x, [i, j])));
/** By Cramer's rule. */
const inverse = (x: Nd): Nd => {
  const rows = rowsOf(x);
  const whole = det(rows);
  const minor = (i: number, j: number) => rows.toSpliced(i, 1).map((row) => row.toSpliced(j, 1));
  return nd(x.shape, ([i, j]) => ((-1) ** (i! + j!) * det(minor(j!, i!))) / whole);
};
const strong: Input = { shape: [3, 3], values: [2.1, -0.3, 0.5, 0.4, -1.7, 0.2, -0.6, 0.3, 1.5] };

/** Σ over everything that is not in the output, one letter a dimension. */
const summed =
  (equation: string) =>
  (...xs: Nd[]): Nd => {
    const [left, right] = equation.split('->') as [string, string];
    const subs = left.split(',');
    const sizes = new Map<string, number>();
    subs.forEach((sub, n) => {
      for (const [i, l] of [...sub].entries()) if ((sizes.get(l) ?? 1) === 1) sizes.set(l, xs[n]!.shape[i]!);
    });
    const letters = [...sizes.keys()];
    const inner = letters.filter((l) => !right.includes(l));
    return nd(
      [...right].map((l) => sizes.get(l)!),
      (out) => {
        let total = 0;
        nd(
          inner.map((l) => sizes.get(l)!),
          (rest) => {
            const value = (l: string) => (right.includes(l) ? out[right.indexOf(l)]! : rest[inner.indexOf(l)]!);
            const factor = (x: Nd, sub: string) =>
              at(
                x,
                [...sub].map((l, i) => (x.shape[i] === 1 ? 0 : value(l))),
              );
            total += xs.reduce((p, x, n) => p * factor(x, subs[n]!), 1);
            return 0;
          },
        );
        return total;
      },
    );
  };
/** Our equation, the same without ellipses and with its output, shapes. */
const equations: [equation: string, plain: string, ...shapes: number[][]][] = [
  ['ij->ji', 'ij->ji', [2, 3]],
  ['ij', 'ij->ij', [2, 3]],
  ['ji', 'ji->ij', [2, 3]],
  ['ij->', 'ij->', [2, 3]],
  ['ii', 'ii->', [3, 3]],
  ['ii->i', 'ii->i', [3, 3]],
  ['iij->ji', 'iij->ji', [2, 2, 3]],
  ['i,i', 'i,i->', [3], [3]],
  ['i,j->ij', 'i,j->ij', [3], [2]],
  ['ij,jk', 'ij,jk->ik', [2, 3], [3, 4]],
  [' i j , j k -> k i ', 'ij,jk->ki', [2, 3], [3, 4]],
  ['ij,ij->ij', 'ij,ij->ij', [2, 3], [2, 3]],
  ['ki,jk->ij', 'ki,jk->ij', [3, 2], [4, 3]],
  ['bki,bjk->bij', 'bki,bjk->bij', [2, 3, 2], [2, 4, 3]],
  ['ij,ij->i', 'ij,ij->i', [2, 3], [2, 3]],
  ['ij,ij->ij', 'ij,ij->ij', [2, 3], [1, 3]],
  ['bij,bjk->bik', 'bij,bjk->bik', [2, 3, 4], [2, 4, 2]],
  ['bqhd,bkhd->bhqk', 'bqhd,bkhd->bhqk', [2, 3, 2, 2], [2, 4, 2, 2]],
  ['...ij,...jk->...ik', 'abij,bjk->abik', [2, 3, 2, 2], [3, 2, 2]],
  ['...ij,jk', 'aij,jk->aik', [2, 3, 2], [2, 4]],
  ['i...->...', 'iab->ab', [2, 3, 2]],
  ['...i->i', 'abi->i', [2, 3, 2]],
  ['ij,jk,kl->il', 'ij,jk,kl->il', [2, 3], [3, 2], [2, 3]],
  ['ik,jkl,il->ij', 'ik,jkl,il->ij', [2, 3], [4, 3, 2], [2, 2]],
  ['a,b,c->', 'a,b,c->', [2], [3], [2]],
  ['bA', 'bA->Ab', [2, 3]],
  ['ij,j->i', 'ij,j->i', [0, 3], [3]],
  [',i->i', ',i->i', [], [3]],
];

type Case = [of: string, note: string, inputs: Input[], run: (...xs: Tensor[]) => Tensor, want: (...xs: Nd[]) => Nd];
const cases: Case[] = [
  ['dot', '', shapes([4], [4]), dot, product],
  ['mv', '', shapes([2, 3], [3]), mv, product],
  ['mm', '', shapes([2, 3], [3, 4]), mm, product],
  ['bmm', '', shapes([2, 2, 3], [2, 3, 4]), bmm, product],
  ['addmm', '', shapes([4], [2, 3], [3, 4]), (x, a, b) => addmm(x, a, b), (x, a, b) => plus(x, product(a, b))],
  [
    'addmm',
    'factors',
    shapes([2, 1], [2, 3], [3, 4]),
    (x, a, b) => x.addmm(a, b, { beta: 0.5, alpha: -2 }),
    (x, a, b) => plus(scaled(x, 0.5), scaled(product(a, b), -2)),
  ],
  [
    'addmm',
    'beta 0',
    shapes([4], [2, 3], [3, 4]),
    (x, a, b) => x.addmm(a, b, { beta: 0 }),
    (_x, a, b) => product(a, b),
  ],
  ['addmv', '', shapes([2], [2, 3], [3]), (x, a, b) => addmv(x, a, b), (x, a, b) => plus(x, product(a, b))],
  [
    'baddbmm',
    '',
    shapes([2, 2, 4], [2, 2, 3], [2, 3, 4]),
    (x, a, b) => baddbmm(x, a, b),
    (x, a, b) => plus(x, product(a, b)),
  ],
  ['outer', '', shapes([3], [2]), outer, (x, y) => nd([3, 2], ([i, j]) => x.data[i!]! * y.data[j!]!)],
  [
    'kron',
    '',
    shapes([2, 3], [2, 2]),
    kron,
    (x, y) => nd([4, 6], ([i, j]) => at(x, [i! >> 1, j! >> 1]) * at(y, [i! % 2, j! % 2])),
  ],
  [
    'kron',
    'a vector',
    shapes([2], [2, 2]),
    kron,
    (x, y) => nd([2, 4], ([i, j]) => x.data[j! >> 1]! * at(y, [i!, j! % 2])),
  ],
  [
    'cross',
    '',
    shapes([2, 3], [2, 3]),
    (x, y) => cross(x, y),
    (x, y) =>
      nd([2, 3], ([i, j]) => {
        const v = (t: Nd, k: number) => at(t, [i!, (j! + k) % 3]);
        return v(x, 1) * v(y, 2) - v(x, 2) * v(y, 1);
      }),
  ],
  [
    'cross',
    'other dimension',
    shapes([3, 1], [3, 2]),
    (x, y) => x.cross(y, { dim: 0 }),
    (x, y) =>
      nd([3, 2], ([i, j]) => {
        const v = (t: Nd, k: number) => at(t, [(i! + k) % 3, t.shape[1] === 1 ? 0 : j!]);
        return v(x, 1) * v(y, 2) - v(x, 2) * v(y, 1);
      }),
  ],
  ['tensordot', 'one', shapes([2, 3], [3, 4]), (a, b) => tensordot(a, b, { dims: 1 }), product],
  ['tensordot', 'two', shapes([2, 3, 4], [3, 4, 2]), (a, b) => tensordot(a, b), summed('ijk,jkl->il')],
  ['tensordot', 'none', shapes([2], [3]), (a, b) => tensordot(a, b, { dims: 0 }), summed('i,j->ij')],
  [
    'tensordot',
    'lists',
    shapes([2, 3, 4], [4, 5, 2]),
    (a, b) =>
      tensordot(a, b, {
        dims: [
          [0, -1],
          [2, 0],
        ],
      }),
    summed('ijk,kli->jl'),
  ],
  ['matrixPower', '0', [square], (x) => x.matrixPower(0), (x) => nd(x.shape, ([, i, j]) => Number(i === j))],
  ['matrixPower', '1', [square], (x) => x.matrixPower(1), (x) => x],
  [
    'matrixPower',
    '5',
    [{ shape: [3, 3] }],
    (x) => x.matrixPower(5),
    (x) => [1, 2, 3, 4].reduce((p) => product(p, x), x),
  ],
  ['matrixPower', '-2', [strong], (x) => x.matrixPower(-2), (x) => product(inverse(x), inverse(x))],
  ['inverse', '', [strong], (x) => x.inverse(), inverse],
  ['inverse', 'empty', [{ shape: [0, 3, 3] }], (x) => x.inverse(), (x) => x],
  ['trace', '', shapes([2, 3]), (x) => x.trace(), (x) => ({ shape: [], data: [at(x, [0, 0]) + at(x, [1, 1])] })],
  ['tril', '', shapes([2, 3, 4]), (x) => x.tril(), (x) => nd(x.shape, (i) => (i[2]! <= i[1]! ? at(x, i) : 0))],
  ['tril', '-1', shapes([3, 3]), (x) => x.tril(-1), (x) => nd(x.shape, (i) => (i[1]! <= i[0]! - 1 ? at(x, i) : 0))],
  ['triu', '', shapes([3, 4]), (x) => x.triu(), (x) => nd(x.shape, (i) => (i[1]! >= i[0]! ? at(x, i) : 0))],
  ['triu', '2', shapes([3, 4]), (x) => x.triu(2), (x) => nd(x.shape, (i) => (i[1]! >= i[0]! + 2 ? at(x, i) : 0))],
  [
    'diag',
    'of a matrix',
    shapes([2, 3]),
    (x) => x.diag(1),
    (x) => ({ shape: [2], data: [at(x, [0, 1]), at(x, [1, 2])] }),
  ],
  [
    'diag',
    'of a vector',
    shapes([2]),
    (x) => x.diag(-1),
    (x) => nd([3, 3], ([i, j]) => (i === j! + 1 ? x.data[j!]! : 0)),
  ],
  ['diagonal', '', shapes([3, 4]), (x) => x.diagonal(), (x) => nd([3], ([i]) => at(x, [i!, i!]))],
  ['diagonal', 'tall', shapes([4, 2]), (x) => x.diagonal({ offset: -1 }), (x) => nd([2], ([i]) => at(x, [i! + 1, i!]))],
  [
    'diagonal',
    'other dimensions',
    shapes([2, 3, 4]),
    (x) => x.diagonal({ offset: 2, dim1: 0, dim2: -1 }),
    (x) => nd([3, 2], ([j, i]) => at(x, [i!, j!, i! + 2])),
  ],
  ['diagonal', 'outside', shapes([2, 3]), (x) => x.diagonal({ offset: 5 }), () => nd([0], () => 0)],
  [
    'diagEmbed',
    '',
    shapes([2, 3]),
    (x) => x.diagEmbed(),
    (x) => nd([2, 3, 3], ([n, i, j]) => (i === j ? at(x, [n!, i!]) : 0)),
  ],
  [
    'diagEmbed',
    'offset',
    shapes([2]),
    (x) => x.diagEmbed({ offset: 2 }),
    (x) => nd([4, 4], ([i, j]) => (j === i! + 2 ? x.data[i!]! : 0)),
  ],
  [
    'diagEmbed',
    'other dimensions',
    shapes([2, 3]),
    (x) => x.diagEmbed({ offset: -1, dim1: 0, dim2: 2 }),
    (x) => nd([4, 2, 4], ([i, n, j]) => (i === j! + 1 ? at(x, [n!, j!]) : 0)),
  ],
  [
    'cdist',
    '',
    shapes([2, 3, 2], [2, 4, 2]),
    (x, y) => cdist(x, y),
    (x, y) => nd([2, 3, 4], ([n, i, j]) => Math.hypot(...[0, 1].map((k) => at(x, [n!, i!, k]) - at(y, [n!, j!, k])))),
  ],
  [
    'cdist',
    'many rows',
    shapes([2, 2], [30, 2]),
    (x, y) => cdist(x, y.add(3)),
    (x, y) => nd([2, 30], ([i, j]) => Math.hypot(...[0, 1].map((k) => at(x, [i!, k]) - at(y, [j!, k]) - 3))),
  ],
  [
    'cdist',
    'p 1',
    shapes([3, 2], [2, 2]),
    (x, y) => cdist(x, y.add(3), { p: 1 }),
    (x, y) => nd([3, 2], ([i, j]) => [0, 1].reduce((s, k) => s + Math.abs(at(x, [i!, k]) - at(y, [j!, k]) - 3), 0)),
  ],
];

export const rows: Row[] = [
  ...cases.map(([of, note, inputs, run, want]): Row => ({ of, ...(note && { note }), inputs, run, want })),
  ...equations.map(
    ([equation, plain, ...all]): Row => ({
      of: 'einsum',
      note: `${equation} of ${JSON.stringify(all)}`,
      inputs: shapes(...all),
      run: (...xs) => einsum(equation, ...xs),
      want: summed(plain),
    }),
  ),
  {
    of: 'einsum',
    note: 'int64',
    inputs: [
      { shape: [2, 2], values: [1, 2, 3, 4], dtype: 'int64' },
      { shape: [2], values: [5, -6], dtype: 'int64' },
    ],
    run: (x, y) => einsum('ij,j->i', x, y),
    want: () => ({ shape: [2], data: [-7, -9] }),
    dtype: 'int64',
  },
  {
    of: 'det',
    inputs: [strong],
    run: (x) => x.det(),
    want: (x) => ({ shape: [], data: [det(rowsOf(x))] }),
    float: 'float32',
  },
  {
    of: 'det',
    note: 'empty',
    inputs: [{ shape: [2, 0, 0] }],
    run: (x) => x.det(),
    want: () => ({ shape: [2], data: [1, 1] }),
  },
  ...(['uint8', 'bool', 'int64'] as const).map(
    (dtype): Row => ({
      of: 'tril',
      note: dtype,
      inputs: [{ shape: [2, 2], values: [1, 1, 0, 1], dtype }],
      run: (x) => x.tril(),
      want: () => ({ shape: [2, 2], data: [1, 0, 0, 1] }),
      dtype,
    }),
  ),
];
