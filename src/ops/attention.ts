/** Attention: what its layers are made of, in the forms that ORT runs fast. */
import { float, type GraphBuilder, MICROSOFT } from '../onnx/builder.ts';
import { constant, constantOf } from '../tensor/constant.ts';
import type { Op } from '../tensor/op.ts';
import { several } from '../tensor/outputs.ts';
import { broadcast, numel, type Shape } from '../tensor/shape.ts';
import { type Aval, apply, type Tensor } from '../tensor/tensor.ts';
import { cat } from './movement.ts';

/**
 * How the operands of a product lie: stacks of matrices [*, M, K], or with `first` their rows before the stack, [M, *, K], as
 * the rows of a sequence lie beside those of the other sequences of its batch.
 */
interface Product {
  readonly firstA?: boolean;
  readonly firstB?: boolean;
  readonly transA?: boolean;
  readonly transB?: boolean;
  readonly alpha?: number;
}

/** The shape of the stack of matrices. */
function stacked(shape: Shape, first = false): Shape {
  return first ? [...shape.slice(1, -1), shape[0]!, shape.at(-1)!] : shape;
}

/** The rows of [*, M, K] as the first dimension. */
function rowsFirst<T>(shape: readonly T[]): T[] {
  return [shape.at(-2)!, ...shape.slice(0, -2), shape.at(-1)!];
}

/** alpha A' B' of stacks of matrices, [*, M, N]: ORT's FusedMatMul, which moves no rows beforehand. */
const productOp: Op<Product> = {
  name: 'product',
  infer: ([a, b], { firstA, firstB, transA, transB }) => {
    const [x, y] = [stacked(a!.shape, firstA), stacked(b!.shape, firstB)];
    const lead = broadcast('product', x.slice(0, -2), y.slice(0, -2));
    return { shape: [...lead, x.at(transA ? -1 : -2)!, y.at(transB ? -2 : -1)!], dtype: a!.dtype };
  },
  grad: (g, _y, [a, b], { firstA, firstB, transA, transB, alpha }) => {
    const place = (t: Tensor, first = false) => (first ? t.permute(rowsFirst([...t.shape.keys()])) : t);
    const da = transA
      ? product(b!, g, { firstA: firstB, transA: transB, transB: true, alpha })
      : product(g, b!, { firstB, transB: !transB, alpha });
    const db = transB
      ? product(g, a!, { transA: true, firstB: firstA, transB: transA, alpha })
      : product(a!, g, { firstA, transA: !transA, alpha });
    return [place(da, firstA), place(db, firstB)];
  },
  lower: (b, [x, y], attrs, _out, [a, c]) => lowerProduct(b, [x!, a!], [y!, c!], attrs),
  macs: ([a], { firstA, transA }, out) => numel(out.shape) * stacked(a!.shape, firstA).at(transA ? -2 : -1)!,
};

type Optional<T> = { readonly [K in keyof T]: T[K] | undefined };
function product(a: Tensor, b: Tensor, how: Optional<Product>): Tensor {
  return apply(productOp, [a, b], how as Product);
}

function lowerProduct(b: GraphBuilder, [x, a]: [string, Aval], [y, c]: [string, Aval], how: Product): string {
  const { firstA, firstB, transA, transB, alpha = 1 } = how;
  // FusedMatMul divides by the first dimension where the batch is inside, by zero for a sequence of none
  const empty = a.shape[0] === 0 || c.shape[0] === 0;
  if (a.dtype === 'float32' && !empty) {
    const flags = { transA, transB, transBatchA: firstA, transBatchB: firstB };
    const set = Object.entries(flags).filter(([, on]) => on);
    const attributes = { ...Object.fromEntries(set.map(([name]) => [name, 1])), alpha: float(alpha) };
    return b.node('FusedMatMul', [x, y], attributes, MICROSOFT);
  }
  const place = (value: string, { shape }: Aval, first = false, trans = false) => {
    const axes = stacked([...shape.keys()], first);
    return b.transpose(value, trans ? [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!] : axes);
  };
  const plain = b.node('MatMul', [place(x, a, firstA, transA), place(y, c, firstB, transB)]);
  return alpha === 1 ? plain : b.node('Mul', [plain, constantOf(b, alpha, { shape: [], dtype: a.dtype })]);
}

interface Attention {
  readonly scale: number;
  /** Query, key, value and context are [L, *, E], not [*, L, E]. */
  readonly first: boolean;
  readonly bias: boolean;
  readonly drop: boolean;
}

/**
 * P = softmax(scale Q Kᵀ + bias) over the keys and the context (P · drop) V.
 *
 * With g the context's gradient and dP = (g Vᵀ) · drop, the scores' is P (dP - Σ P dP) over the keys, and Σ P dP = Σ g C over the
 * features, which are fewer.
 */
const attentionOp: Op<Attention> = {
  name: 'attention',
  infer: ([q, k, v], { first }) => {
    const [x, y, z] = [q!, k!, v!].map(({ shape }) => stacked(shape, first)) as [Shape, Shape, Shape];
    const lead = [y, z].reduce<Shape>((a, shape) => broadcast('attention', a, shape.slice(0, -2)), x.slice(0, -2));
    const context = [...lead, x.at(-2)!, z.at(-1)!];
    const { dtype } = q!;
    return [
      { shape: first ? rowsFirst(context) : context, dtype },
      { shape: [...lead, x.at(-2)!, y.at(-2)!], dtype },
    ];
  },
  grad: {
    several: ([g, gWeights], [context, weights], [q, k, v, ...rest], { scale, first, bias, drop }, needs) => {
      const mask = drop ? rest.at(-1)! : null;
      const place = (t: Tensor) => (first ? t.permute(rowsFirst([...t.shape.keys()])) : t);
      const dropped = mask ? weights!.mul(mask) : weights!;
      const dv = g && needs[2] ? place(product(dropped, g, { transA: true, firstB: first })) : null;
      let dWeights = g && product(g, v!, { firstA: first, firstB: first, transB: true });
      if (dWeights && mask) dWeights = dWeights.mul(mask);
      if (gWeights) dWeights = dWeights ? dWeights.add(gWeights) : gWeights;
      if (!dWeights) return [];
      // of one key (a bias may leave just one) the scores' gradient is 0, exactly, which the shorter sum is not
      const alone = bias || weights!.shape.at(-1) === 1;
      const total =
        gWeights || alone ? weights!.mul(dWeights).sum({ dim: -1, keepdim: true }) : sumOfRows(context!.mul(g!), first);
      const dScores = weights!.mul(dWeights.sub(total));
      return [
        needs[0] ? place(product(dScores, k!, { firstB: first, alpha: scale })) : null,
        needs[1] ? place(product(dScores, q!, { transA: true, firstB: first, alpha: scale })) : null,
        dv,
        ...(bias ? [dScores] : []),
        ...(mask ? [null] : []),
      ];
    },
  },
  lower: (b, [q, k, v, ...rest], { scale, first, bias, drop }, [out, weights], [qa, ka, va]) => {
    const how = { firstA: first, firstB: first };
    const scores = lowerProduct(b, [q!, qa!], [k!, ka!], { ...how, transB: true, alpha: scale });
    const p = b.node('Softmax', [bias ? b.node('Add', [scores, rest[0]!]) : scores], { axis: -1 });
    const dropped = drop ? b.node('Mul', [p, rest.at(-1)!]) : p;
    const context = lowerProduct(b, [dropped, weights!], [v!, va!], { firstB: first });
    return [first ? b.transpose(context, rowsFirst([...out!.shape.keys()])) : context, p];
  },
  macs: ([q, k], { first }, out) =>
    numel(out.shape) * stacked(k!.shape, first).at(-2)! + numel(q!.shape) * stacked(k!.shape, first).at(-2)!,
};

/** The sums over the last dimension, as a column for each matrix of the stack. */
function sumOfRows(t: Tensor, first: boolean): Tensor {
  const sums = t.sum({ dim: -1, keepdim: true });
  return first ? sums.permute([...Array.from({ length: t.ndim - 2 }, (_, i) => i + 1), 0, t.ndim - 1]) : sums;
}

export interface AttentionOptions {
  readonly scale: number;
  /** The sequence is the first dimension of all: [L, *, E]. */
  readonly first?: boolean;
  /** Added to the scores; broadcasts to [*, L, S]. */
  readonly bias?: Tensor | null;
  /** Multiplies the weights; [*, L, S]. */
  readonly drop?: Tensor | null;
}

/**
 * `[context, weights]` with weights = softmax(scale Q Kᵀ + bias), [*, L, S], and context = (weights · drop) V, [*, L, Ev], of
 * query [*, L, E], key [*, S, E] and value [*, S, Ev].
 */
export function attention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  { scale, first = false, bias = null, drop = null }: AttentionOptions,
): [context: Tensor, weights: Tensor] {
  const operands = [query, key, value, ...(bias ? [bias] : []), ...(drop ? [drop] : [])];
  const attrs = { scale, first, bias: bias !== null, drop: drop !== null };
  return several(attentionOp, operands, attrs) as [Tensor, Tensor];
}

/** Pieces of the given sizes along a dimension in one node, whose gradient is one node too. */
const piecesOp: Op<{ dim: number; sizes: readonly number[] }> = {
  name: 'pieces',
  infer: ([x], { dim, sizes }) => sizes.map((size) => ({ shape: x!.shape.with(dim, size), dtype: x!.dtype })),
  grad: {
    several: (g, out, _in, { dim }) => [
      cat(
        out.map((piece, i) => g[i] ?? constant(0, piece)),
        { dim },
      ),
    ],
  },
  lower: (b, [x], { dim, sizes }) => {
    // ORT's Split crashes when a result is left out
    const all = sizes.map(() => true);
    return b.nodes('Split', [x!, b.ints(sizes)], all, { axis: dim });
  },
};
/** As `split`, for the pieces of a matrix that are all used. */
export function pieces(x: Tensor, sizes: readonly number[], dim: number): Tensor[] {
  const at = dim < 0 ? dim + x.ndim : dim;
  return several(piecesOp, [x], { dim: at, sizes });
}
