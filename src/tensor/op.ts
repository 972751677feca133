import type { GraphBuilder } from '../onnx/builder.ts';
import type { TypedArray } from './dtype.ts';
import type { Aval, Node, Tensor } from './tensor.ts';

/**
 * Gradients of one application, in the order of its inputs; null where nothing flows.
 *
 * `g` has the result's shape. The backward walk sums each gradient to its input's shape and casts it to its dtype, so a rule
 * never undoes broadcasting. For an operation with several results `g` and `out` are lists, and results nobody used have a
 * null `g`. `needs[i]` says whether input i wants one; only rules that would build a lot for nothing look at it.
 */
export type Grad<A> = (
  g: Tensor,
  out: Tensor,
  inputs: readonly Tensor[],
  attrs: A,
  needs: readonly boolean[],
) => (Tensor | null)[];

/** The same for an operation with several results. */
export type MultiGrad<A> = (
  g: readonly (Tensor | null)[],
  out: readonly Tensor[],
  inputs: readonly Tensor[],
  attrs: A,
  needs: readonly boolean[],
) => (Tensor | null)[];

/** A graph that an operation stands for; `inputs` are the operation's, in its order. */
export interface Inner {
  readonly nodes: readonly Node[];
  readonly inputs: readonly Node[];
  readonly outputs: readonly Node[];
}

/** The functions of `engine/small.wat`. Pointers are byte offsets into the memory they share. */
export interface Kernels {
  gather(w: number, bytes: number, rows: number, index: number, count: number, y: number): number;
  affine(x: number, scale: number, shift: number, batch: number, channels: number, size: number, y: number): void;
  halve(x: number, pairs: number, width: number, y: number): void;
  /** w and b are 0 where there are none. */
  normalize(
    x: number,
    w: number,
    b: number,
    count: number,
    size: number,
    eps: number,
    centred: boolean,
    y: number,
  ): void;
}

/** One run: where operands and result are, and the operands' values, for what an error says. */
export type SmallRun = (
  kernels: Kernels,
  inputs: readonly number[],
  out: number,
  values: readonly TypedArray[],
) => void;

/** An operation: everything there is to know about it, in one record. `A` are its attributes: plain data. */
export interface Op<A = unknown> {
  readonly name: string;
  /** Shape and dtype of the result, or of each of several; the only place that throws shape errors. */
  infer(inputs: readonly Aval[], attrs: A): Aval | readonly Aval[];
  /** null: nothing flows, decided. */
  readonly grad: Grad<A> | { readonly several: MultiGrad<A> } | null;
  /**
   * Add the nodes that compute it and return the name of the result, or of each of several (`used` says which are wanted).
   * Cannot fail on user input.
   */
  lower(
    b: GraphBuilder,
    inputs: readonly string[],
    attrs: A,
    out: readonly Aval[],
    ins: readonly Aval[],
    used: readonly boolean[],
  ): string | readonly string[];
  /** Its operands may be given in any shapes that broadcast to the result's. */
  readonly broadcasts?: boolean;
  /** It only repeats its operand, which may stand in for it where the consumer broadcasts. */
  readonly repeats?: boolean;
  /** It holds constants that ORT should fold and lay out: it runs in a session of its own making. */
  readonly constants?: boolean;
  /** Its work is many small steps one after the other, which a second thread makes slower. */
  readonly serial?: boolean;
  /** What it is made of, if it stands for a whole graph. */
  readonly inner?: (attrs: A) => Inner;
  /** How our own kernels compute its first result (`engine/small.ts`), null where they do not; or it is the same as its operand. */
  readonly small?: 'same' | ((inputs: readonly Aval[], attrs: A, out: Aval) => SmallRun | null);
  /** Multiply-adds, for the operations that do many per element. */
  readonly macs?: (inputs: readonly Aval[], attrs: A, out: Aval) => number;
}
