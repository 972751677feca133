/**
 * Connectionist temporal classification: how unlikely log-probabilities make a sequence of labels, over all its alignments.
 *
 * The labels with blanks around each are the states of a machine that stays, goes on by one, or skips a blank between different
 * labels. Two loops over time carry, in logarithms, the sum over all ways into a state (forward) and out of it (backward).
 */
import type { GraphBuilder } from '../onnx/builder.ts';
import { constantOf } from '../tensor/constant.ts';
import type { Dtype } from '../tensor/dtype.ts';
import type { Op } from '../tensor/op.ts';
import { several } from '../tensor/outputs.ts';
import type { Aval, Tensor } from '../tensor/tensor.ts';
import { TorcharcError } from '../util/errors.ts';
import { where } from './compare.ts';

/** Less than any sum, but unlike -∞ it can be subtracted from -∞. */
const lowest: Partial<Record<Dtype, number>> = { float32: -3.4e38, float64: -1.7e308 };

/** Nodes of the recursion: logarithms of sums, and rows moved along the states. */
function tools(b: GraphBuilder, dtype: Dtype) {
  const [none, least] = [-Infinity, lowest[dtype]!].map((value) => constantOf(b, value, { shape: [], dtype }));
  const add = (x: string, y: string) => b.node('Add', [x, y]);
  const less = (x: string, y: string) => b.node('Sub', [x, y]);
  return {
    add,
    /** x [N, L] moved by `by` states; -∞ comes in. */
    moved: (x: string, by: number) => b.node('Pad', [x, b.ints([0, by, 0, -by]), none!]),
    /** log Σ eˣ over the terms. */
    sum(terms: readonly string[]): string {
      const most = b.node('Max', [...terms, least!]);
      const parts = terms.map((x) => b.node('Exp', [less(x, most)]));
      return add(b.node('Log', [b.node('Sum', parts)]), most);
    },
    /** log Σ eˣ over the last axis of x [N, L]. */
    sumOfRow(x: string): string {
      const over = (op: string, t: string) => b.node(op, [t, b.ints([1])], { keepdims: 1 });
      const most = b.node('Max', [over('ReduceMax', x), least!]);
      return add(b.node('Log', [over('ReduceSum', b.node('Exp', [less(x, most)]))]), most);
    },
  };
}

/** Operands of the loops by name, and the shape [T, N, L] of what they make. */
interface Loop {
  readonly states: string;
  readonly skips: string;
  readonly ends: string;
  readonly active: string;
  readonly aval: Aval;
}

/** The logarithm of the sum over all ways into each state, that step's probability included: after the last step, and all. */
function forward(
  b: GraphBuilder,
  { states, skips, active, aval }: Loop,
  all: boolean,
): [last: string, all: string | undefined] {
  const [, batch, length] = aval.shape as [number, number, number];
  const column = (value: number, columns: number) =>
    constantOf(b, value, { shape: [batch, columns], dtype: aval.dtype });
  // before the first step all are in the first blank
  const start = b.node('Concat', [column(0, 1), column(-Infinity, length - 1)], { axis: 1 });
  const done = b.scan({ states: [start], sequences: [states, active] }, (inner, [before], [row, on]) => {
    const { add, moved, sum } = tools(inner, aval.dtype);
    const ways = length > 1 ? [before!, moved(before!, 1), add(moved(before!, 2), skips)] : [before!];
    const next = inner.node('Where', [on!, add(sum(ways), row!), before!]);
    return { states: [next], slices: all ? [next] : [] };
  });
  return [done.states[0]!, done.sequences[0]];
}

/** The same of all ways from each state to an end, that step's probability not included. */
function backward(b: GraphBuilder, { states, skips, ends, active, aval }: Loop): string {
  const [, , length] = aval.shape;
  const done = b.scan({ states: [ends], sequences: [states, active], reverse: true }, (inner, [after], [row, on]) => {
    const { add, moved, sum } = tools(inner, aval.dtype);
    const here = add(after!, row!);
    const ways = length! > 1 ? [here, moved(here, -1), moved(add(here, skips), -2)] : [here];
    return { states: [inner.node('Where', [on!, sum(ways), after!])], slices: [after!] };
  });
  return done.sequences[0]!;
}

/**
 * Inputs: log-probabilities [T, N, C]; of them those of the states [T, N, L]; where a skip may end, and where the end may be, as 0
 * and -∞ [N, L]; the steps of each sample, bool [T, N, 1]. Results: -log p [N], and how probable each state is at each step.
 *
 * d(-log p)/d(state's log-probability) is minus that probability. To d/d(log-probability) PyTorch adds e^(log-probability),
 * which vanishes in the gradient of a log_softmax before it; so do we.
 */
const ctcOp: Op<{ zero_infinity: boolean }> = {
  name: 'ctc_loss',
  infer: ([, states]) => [{ shape: [states!.shape[1]!], dtype: states!.dtype }, states!],
  grad: {
    several: ([g, second], [loss, occupied], [logProbs, , , , active], { zero_infinity }) => {
      if (second) throw new TorcharcError('ctc_loss: its gradient cannot be differentiated again, as in PyTorch');
      const each = (t: Tensor) => t.reshape([1, -1, 1]);
      const value = loss!.detach();
      const kept = zero_infinity ? active!.logicalAnd(each(value.ne(Infinity))) : active!;
      // NaN all over a sample of an infinite loss
      const whole = logProbs!.exp().add(each(value.sub(value)));
      const slopes = [whole, occupied!.neg()].map((t) => where(kept, t.mul(each(g!)), 0));
      return [...slopes, null, null, null];
    },
  },
  lower: (b, [, states, skips, ends, active], _attrs, [loss, aval], _ins, used) => {
    const loop: Loop = { states: states!, skips: skips!, ends: ends!, active: active!, aval: aval! };
    const wanted = used[1] === true;
    const { add, sumOfRow } = tools(b, aval!.dtype);
    const [last, into] = forward(b, loop, wanted);
    const missing = b.node('Neg', [sumOfRow(add(last, ends!))]);
    const flat = b.reshape(missing, loss!.shape);
    if (into === undefined) return [flat, ''];
    const occupied = b.node('Exp', [add(add(into, backward(b, loop)), missing)]);
    return [flat, b.node('Where', [active!, occupied, constantOf(b, 0, { shape: [], dtype: aval!.dtype })])];
  },
};

/** What `ctcLoss` says of a batch, in the form the loops take it. */
export interface Alignments {
  /** Log-probabilities of the states at each step [T, N, L]. */
  readonly states: Tensor;
  /** 0 where a state may be entered by a skip, else -∞ [N, L]. */
  readonly skips: Tensor;
  /** 0 in the states a sample may end in, else -∞ [N, L]. */
  readonly ends: Tensor;
  /** The steps each sample has, bool [T, N, 1]. */
  readonly active: Tensor;
}

/** -log p of each sample [N]; `zero_infinity`: no gradient where it is infinite. */
export function ctc(logProbs: Tensor, { states, skips, ends, active }: Alignments, zero_infinity: boolean): Tensor {
  return several(ctcOp, [logProbs, states, skips, ends, active], { zero_infinity })[0]!;
}
