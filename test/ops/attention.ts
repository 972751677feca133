import { F, Generator, manualSeed, type Tensor } from 'torcharc';
import { at, type Input, meet, type Nd, nd, type Row, size as sizeOf } from './check.ts';

/** Leading dimensions of several arrays, met by broadcasting. */
function leadOf(...shapes: (readonly number[])[]): number[] {
  const stubs = shapes.map((shape) => nd([...shape.slice(0, -2), 1, 1], () => 0));
  return meet(() => 0)(...stubs).shape.slice(0, -2);
}

/** The element at the end of an index whose leading part may be longer or broadcast. */
function pick(x: Nd, index: readonly number[]): number {
  const own = index.slice(index.length - x.shape.length);
  return at(
    x,
    own.map((i, d) => (x.shape[d] === 1 ? 0 : i)),
  );
}

interface Reference {
  readonly scale?: number;
  /** What is added to a score; -Infinity for none. */
  readonly bias?: (index: readonly number[]) => number;
  /** How many heads of the query one of key and value serves. */
  readonly group?: number;
  /** What multiplies a weight. */
  readonly drop?: (index: readonly number[]) => number;
}

/** softmax(scale Q Kᵀ + bias) V, one number after the other; zeros for a query without keys. */
function reference(q: Nd, k: Nd, v: Nd, options: Reference = {}): Nd {
  const { scale, bias = () => 0, group = 1, drop = () => 1 } = options;
  const [l, e] = q.shape.slice(-2) as [number, number];
  const [s, out] = v.shape.slice(-2) as [number, number];
  const lead = group === 1 ? leadOf(q.shape, k.shape, v.shape) : q.shape.slice(0, -2);
  const factor = scale ?? 1 / Math.sqrt(e);
  return nd([...lead, l, out], (index) => {
    const [i, c] = index.slice(-2) as [number, number];
    const mine = index.slice(0, -2);
    const theirs = mine.map((n, d) => (d === mine.length - 1 ? Math.floor(n / group) : n));
    const scores = Array.from({ length: s }, (_, j) => {
      let score = 0;
      for (let n = 0; n < e; n++) score += pick(q, [...mine, i, n]) * pick(k, [...theirs, j, n]);
      return factor * score + bias([...mine, i, j]);
    });
    const top = Math.max(...scores);
    if (top === -Infinity) return 0;
    const powers = scores.map((score) => Math.exp(score - top));
    const total = powers.reduce((a, b) => a + b, 0);
    const weights = powers.map((p, j) => (p / total) * drop([...mine, i, j]));
    return weights.reduce((sum, w, j) => sum + w * pick(v, [...theirs, j, c]), 0);
  });
}

const inputs = (...shapes: number[][]): Input[] => shapes.map((shape) => ({ shape }));
const sdpa = (options: object) => (q: Tensor, k: Tensor, v: Tensor) => F.scaledDotProductAttention(q, k, v, options);
const blocked = (allowed: Nd) => (index: readonly number[]) => (pick(allowed, index) ? 0 : -Infinity);
const causal = (index: readonly number[]) => (index.at(-1)! > index.at(-2)! ? -Infinity : 0);
/** What dropout with probability 1/2 makes of weights of this shape: 0 or 2. */
function dropped(shape: readonly number[]): (index: readonly number[]) => number {
  const data = new Generator(5).dropoutMask(new Float32Array(sizeOf(shape)), 0.5);
  return (index) => at({ shape, data: [...data] }, index);
}
/** Query 1 may attend to nothing. */
const allowed = [1, 0, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1];

const of = 'F.scaledDotProductAttention';
const plain = inputs([2, 3, 4], [2, 5, 4], [2, 5, 3]);
const products: Row[] = [
  { of, inputs: plain, run: sdpa({}), want: (q, k, v) => reference(q, k, v) },
  { of, note: 'float32', float: 'float32', inputs: plain, run: sdpa({}), want: (q, k, v) => reference(q, k, v) },
  {
    of,
    note: 'matrices, a scale',
    inputs: inputs([3, 4], [5, 4], [5, 2]),
    run: sdpa({ scale: 0.7 }),
    want: (q, k, v) => reference(q, k, v, { scale: 0.7 }),
  },
  {
    of,
    note: 'leading dimensions broadcast',
    inputs: inputs([2, 3, 3, 4], [3, 5, 4], [2, 1, 5, 2]),
    run: sdpa({}),
    want: (q, k, v) => reference(q, k, v),
  },
  {
    of,
    note: 'causal, more queries than keys',
    inputs: inputs([2, 5, 4], [2, 3, 4], [2, 3, 4]),
    run: sdpa({ is_causal: true }),
    want: (q, k, v) => reference(q, k, v, { bias: causal }),
  },
  {
    of,
    note: 'heads share keys',
    inputs: inputs([2, 4, 3, 4], [2, 2, 5, 4], [2, 2, 5, 3]),
    run: sdpa({ enable_gqa: true }),
    want: (q, k, v) => reference(q, k, v, { group: 2 }),
  },
  {
    of,
    note: 'dropout',
    inputs: plain,
    run: (...qkv) => {
      manualSeed(5);
      return sdpa({ dropout_p: 0.5 })(...(qkv as [Tensor, Tensor, Tensor]));
    },
    want: (q, k, v) => reference(q, k, v, { drop: dropped([2, 3, 5]) }),
  },
  ...(['float64', 'float32'] as const).map(
    (float): Row => ({
      of,
      note: `mask of booleans, one query without keys, ${float}`,
      inputs: [...inputs([2, 3, 4], [2, 4, 4], [2, 4, 2]), { shape: [3, 4], dtype: 'bool', values: allowed }],
      run: (q, k, v, attn_mask) => F.scaledDotProductAttention(q!, k!, v!, { attn_mask }),
      want: (q, k, v, mask) => reference(q!, k!, v!, { bias: blocked(mask!) }),
      float,
    }),
  ),
  ...[
    [2, 3, 5],
    [3, 5],
    [2, 1, 5],
    [1, 1, 1],
  ].map(
    (shape): Row => ({
      of,
      note: `mask of numbers ${JSON.stringify(shape)}`,
      inputs: [...plain, { shape }],
      run: (q, k, v, attn_mask) => F.scaledDotProductAttention(q!, k!, v!, { attn_mask }),
      want: (q, k, v, mask) => reference(q!, k!, v!, { bias: (index) => pick(mask!, index) }),
    }),
  ),
  ...[
    [
      [2, 3, 4],
      [2, 0, 4],
      [2, 0, 4],
    ],
    [
      [2, 0, 4],
      [2, 3, 4],
      [2, 3, 4],
    ],
    [
      [0, 2, 4],
      [0, 3, 4],
      [0, 3, 4],
    ],
    [
      [2, 3, 0],
      [2, 3, 0],
      [2, 3, 4],
    ],
  ].map(
    (shapes): Row => ({
      of,
      note: `empty: ${JSON.stringify(shapes)}`,
      inputs: inputs(...shapes),
      run: sdpa({}),
      want: (q, k, v) => reference(q, k, v, { scale: 1 }),
    }),
  ),
];

/** Rows times a matrix transposed, plus a bias. */
function project(x: Nd, w: Nd, b: Nd | null, from = 0): Nd {
  const size = x.shape.at(-1)!;
  return nd([...x.shape.slice(0, -1), w.shape[0]! - from], (index) => {
    const [row, o] = [index.slice(0, -1), from + index.at(-1)!];
    let sum = b ? b.data[o]! : 0;
    for (let i = 0; i < size; i++) sum += at(x, [...row, i]) * at(w, [o, i]);
    return sum;
  });
}

const heads = 2;
/** The first E of the columns from E · part on, apart by heads: [N, heads, L, E / heads]. */
function headsOf(x: Nd, part: number, size: number): Nd {
  const [l, n] = x.shape as [number, number];
  const each = size / heads;
  return nd([n, heads, l, each], ([b, h, i, c]) => at(x, [i!, b!, part * size + h! * each + c!]));
}
function joined(x: Nd): Nd {
  const [n, h, l, each] = x.shape as [number, number, number, number];
  return nd([l, n, h * each], ([i, b, c]) => at(x, [b!, Math.floor(c! / each), i!, c! % each]));
}
const average = (x: Nd): Nd => {
  const [n, h, l, s] = x.shape as [number, number, number, number];
  return nd([n, l, s], ([b, i, j]) => {
    let sum = 0;
    for (let k = 0; k < h; k++) sum += at(x, [b!, k, i!, j!]);
    return sum / h;
  });
};
const identity = (n: number, h: number, s: number): Nd => nd([n, h, s, s], ([, , i, j]) => Number(i === j));

const mha = 'F.multiHeadAttentionForward';
const size = 4;
const common = { embed_dim_to_check: size, num_heads: heads };
/** Weights [3E, E], biases [3E], the last projection's [E, E] and [E]. */
const weights = inputs([3 * size, size], [3 * size], [size, size], [size]);
const several: Row[] = [
  ...(['float64', 'float32'] as const).map(
    (float): Row => ({
      of: mha,
      note: `self-attention and its weights, ${float}`,
      inputs: [...inputs([3, 2, size]), ...weights],
      run: (x, in_proj_weight, in_proj_bias, out_proj_weight, out_proj_bias) => {
        const state = { in_proj_weight, in_proj_bias, out_proj_weight, out_proj_bias };
        return F.multiHeadAttentionForward(x!, x!, x!, { ...common, ...state } as never) as [Tensor, Tensor];
      },
      want: (x, w, b, wo, bo) => {
        const [q, k, v] = [0, 1, 2].map((part) => headsOf(project(x!, w!, b!), part, size)) as [Nd, Nd, Nd];
        return [project(joined(reference(q, k, v)), wo!, bo!), average(reference(q, k, identity(2, heads, 3)))];
      },
      float,
    }),
  ),
  {
    of: mha,
    note: 'attention to another sequence, some of it padding, weights of each head',
    inputs: [
      ...inputs([3, 2, size], [4, 2, size]),
      ...weights,
      { shape: [2, 4], dtype: 'bool', values: [0, 0, 0, 1, 0, 1, 0, 0] },
    ],
    run: (x, y, in_proj_weight, in_proj_bias, out_proj_weight, out_proj_bias, key_padding_mask) => {
      const state = { in_proj_weight, in_proj_bias, out_proj_weight, out_proj_bias };
      const options = { ...common, ...state, key_padding_mask, average_attn_weights: false };
      return F.multiHeadAttentionForward(x!, y!, y!, options as never) as [Tensor, Tensor];
    },
    want: (x, y, w, b, wo, bo, mask) => {
      const [q] = [headsOf(project(x!, w!, b!), 0, size)];
      const [k, v] = [1, 2].map((part) => headsOf(project(y!, w!, b!), part, size)) as [Nd, Nd];
      const bias = ([n, , , j]: readonly number[]) => (at(mask!, [n!, j!]) ? -Infinity : 0);
      return [
        project(joined(reference(q!, k, v, { bias })), wo!, bo!),
        reference(q!, k, identity(2, heads, 4), { bias }),
      ];
    },
  },
  {
    of: mha,
    note: 'dropout, and the weights after it',
    inputs: [...inputs([3, 2, size]), ...weights],
    run: (x, in_proj_weight, in_proj_bias, out_proj_weight, out_proj_bias) => {
      manualSeed(5);
      const state = { in_proj_weight, in_proj_bias, out_proj_weight, out_proj_bias };
      const options = { ...common, ...state, dropout_p: 0.5 };
      return F.multiHeadAttentionForward(x!, x!, x!, options as never) as [Tensor, Tensor];
    },
    want: (x, w, b, wo, bo) => {
      const [q, k, v] = [0, 1, 2].map((part) => headsOf(project(x!, w!, b!), part, size)) as [Nd, Nd, Nd];
      const drop = dropped([2, heads, 3, 3]);
      return [
        project(joined(reference(q, k, v, { drop })), wo!, bo!),
        average(reference(q, k, identity(2, heads, 3), { drop })),
      ];
    },
  },
];

export const rows: Row[] = [...products, ...several];
