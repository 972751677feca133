/** Networks over sequences. `F` has none of it, as PyTorch's has not. */

import { fused, type Kind } from '../../ops/fused-recurrent.ts';
import { gru } from '../../ops/gru.ts';
import { lstm } from '../../ops/lstm.ts';
import { cat, stack } from '../../ops/movement.ts';
import { before, project } from '../../ops/recurrent.ts';
import { rnn } from '../../ops/rnn.ts';
import { constant } from '../../tensor/constant.ts';
import { mode } from '../../tensor/mode.ts';
import { numel } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { dropout } from './dropout.ts';

export type { Kind };

/** The parameters of one layer in one direction. */
export interface Weights {
  readonly weight_ih: Tensor;
  readonly weight_hh: Tensor;
  readonly bias_ih: Tensor | null;
  readonly bias_hh: Tensor | null;
  /** From an LSTM's hidden state to what it gives out. */
  readonly weight_hr: Tensor | null;
}

/** Output of all steps, and the last states: h, of an LSTM also c. */
export interface Outcome {
  readonly y: Tensor;
  readonly states: readonly Tensor[];
}

export interface Network {
  readonly kind: Kind;
  /** By layer and direction, the second one backwards. */
  readonly layers: readonly (readonly Weights[])[];
  readonly batch_first: boolean;
  readonly dropout: number;
  readonly training: boolean;
}

/** A way to run a layer: on sequences whose dimensions 1 and 2 are exchanged, or as they are; states are [N, H]. */
interface Way {
  readonly order: readonly [0, 2, 1] | readonly [0, 1, 2];
  run(kind: Kind, x: Tensor, weights: Weights, states: readonly Tensor[] | null, reverse: boolean): Outcome;
}

/**
 * A stack of layers over x [L, N, I], or [N, L, I]. The states, [layers · directions, N, H] each, are h and of an LSTM c; null:
 * zeros.
 */
export function recurrent(x: Tensor, hx: readonly Tensor[] | null, network: Network): Outcome {
  const { kind, layers, batch_first, dropout: p, training } = network;
  const { order, run } = wayFor(x, hx ?? [], network);
  const rows = batch_first ? [1, 0, 2] : [0, 1, 2];
  const last: (readonly Tensor[])[] = [];
  let y = x.permute(order.map((d) => rows[d]!));
  layers.forEach((directions, i) => {
    if (i > 0) y = dropout(y, { p, training });
    const outs = directions.map((weights, d) => {
      const states = hx?.map((s) => s.select(0, i * directions.length + d));
      return run(kind, y, weights, states ?? null, d === 1);
    });
    last.push(...outs.map((out) => out.states));
    const ys = outs.map((out) => out.y);
    y = cat(ys, { dim: order.indexOf(2) });
  });
  const states = last[0]!.map((_, k) => stack(last.map((of) => of[k]!)));
  return { y: y.permute(rows.map((d) => order[d]!)), states };
}

function wayFor(x: Tensor, hx: readonly Tensor[], { kind, layers, batch_first }: Network): Way {
  const weights = layers.flat();
  const parameters = weights.flatMap((w) => Object.values(w) as (Tensor | null)[]);
  const tracked = mode.grad && [x, ...hx, ...parameters].some((t) => t?.requiresGrad);
  if (tracked) return looping;
  // ONNX has no projection, and ORT's nodes are for float32 alone; an empty batch kills the process
  if (x.dtype !== 'float32' || weights.some((w) => w.weight_hr) || numel(x.shape) === 0) return looping;
  if (kind === 'LSTM' || kind === 'GRU') return fusing;
  // ORT's RNN takes the elements of a step one by one
  const elements = x.shape[batch_first ? 0 : 1]! * weights[0]!.weight_hh.shape[1]!;
  return elements > 512 ? looping : fusing;
}

const fusing: Way = {
  order: [0, 1, 2],
  run: (kind, x, w, states, reverse) => {
    const [gates, size] = w.weight_hh.shape as [number, number];
    const zeros = (shape: readonly number[]) => constant(0, { shape, dtype: x.dtype });
    const biases = [w.bias_ih ?? zeros([gates]), w.bias_hh ?? zeros([gates])] as const;
    const none = new Array<Tensor>(kind === 'LSTM' ? 2 : 1).fill(zeros([x.shape[1]!, size]));
    return fused(x, [w.weight_ih, w.weight_hh], biases, states ?? none, { kind, reverse });
  },
};

const looping: Way = {
  order: [0, 2, 1],
  run: (kind, x, w, states, reverse) => {
    const given = states?.map((s) => s.t()) ?? null;
    const { y, states: last } =
      kind === 'LSTM' ? lstmLayer(x, w, given, reverse) : rnnLayer(kind, x, w, given, reverse);
    return { y, states: last.map((s) => s.t()) };
  },
};

/** x [L, I, N], states [H, N]. */
function rnnLayer(kind: Kind, x: Tensor, w: Weights, states: readonly Tensor[] | null, reverse: boolean): Outcome {
  const size = w.weight_hh.shape[1]!;
  const [h] = states ?? [constant(0, { shape: [size, x.shape[2]!], dtype: x.dtype })];
  const bias = both(w);
  if (kind !== 'GRU') {
    const nonlinearity = kind === 'RNN_TANH' ? 'tanh' : 'relu';
    const out = rnn(project(w.weight_ih, x, bias), w.weight_hh, h!, { nonlinearity, reverse });
    return { y: out.y, states: [out.h] };
  }
  // the reset gate works on what the state adds to the third gate, and its bias
  const none = constant(0, { shape: [size], dtype: x.dtype });
  const inner = w.bias_hh?.narrow(0, 2 * size, size) ?? none;
  const outer = w.bias_ih && w.bias_hh && w.bias_ih.add(cat([w.bias_hh.narrow(0, 0, 2 * size), none]));
  const out = gru(project(w.weight_ih, x, outer), w.weight_hh, inner.reshape([size, 1]), h!, { reverse });
  return { y: out.y, states: [out.h] };
}

/** x [L, I, N], states [H, N]. */
function lstmLayer(x: Tensor, w: Weights, states: readonly Tensor[] | null, reverse: boolean): Outcome {
  const { weight_hh: hh, weight_hr: hr } = w;
  const zeros = constant(0, { shape: [(hr ?? hh).shape[1]!, x.shape[2]!], dtype: x.dtype });
  const [h, c] = states ?? [zeros, zeros];
  const gates = project(w.weight_ih, x, both(w));
  if (!hr) {
    const out = lstm(gates, hh, h!, c!, { reverse });
    return { y: out.y, states: [out.h, out.c] };
  }
  // with h' = P u the loop runs on u, R P in place of R; the h given is no P u, and goes into the gates of the first step
  const first = states && before(constant(0, gates), hh.matmul(h!), { reverse });
  const out = lstm(first ? gates.add(first) : gates, hh.matmul(hr), zeros, c!, { reverse });
  return { y: project(hr, out.y), states: [hr.matmul(out.h), out.c] };
}

function both({ bias_ih, bias_hh }: Weights): Tensor | null {
  return bias_ih && bias_hh && bias_ih.add(bias_hh);
}
