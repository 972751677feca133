/** ONNX's own recurrent nodes: a whole layer in one, up to twice as fast as a loop, without gradients. */
import type { Attributes, GraphBuilder } from '../onnx/builder.ts';
import type { Op } from '../tensor/op.ts';
import { several } from '../tensor/outputs.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** Kinds of network, as PyTorch calls them. */
export type Kind = 'LSTM' | 'GRU' | 'RNN_TANH' | 'RNN_RELU';

/** Where ONNX wants PyTorch's gates: i f g o as i o f g, and r z n as z r n. */
const order: Readonly<Record<Kind, readonly number[]>> = {
  LSTM: [0, 3, 1, 2],
  GRU: [1, 0, 2],
  RNN_TANH: [0],
  RNN_RELU: [0],
};
const nodes: Readonly<Record<Kind, { readonly opType: string; readonly attributes: Attributes }>> = {
  LSTM: { opType: 'LSTM', attributes: {} },
  GRU: { opType: 'GRU', attributes: { linear_before_reset: 1 } },
  RNN_TANH: { opType: 'RNN', attributes: { activations: ['Tanh'] } },
  RNN_RELU: { opType: 'RNN', attributes: { activations: ['Relu'] } },
};

interface Fused {
  readonly kind: Kind;
  readonly reverse: boolean;
}

/** x [L, N, I], weights [K, I] and [K, H], biases [K] and [K], states [N, H]: h of all steps [L, N, H], and the last states. */
const fusedOp: Op<Fused> = {
  name: 'fused_recurrent',
  infer: ([x, , , , , ...states]) => [{ shape: [x!.shape[0]!, ...states[0]!.shape], dtype: x!.dtype }, ...states],
  grad: null,
  lower: (b, [x, w, r, b1, b2, ...states], { kind, reverse }, [y, ...lasts], [, wide]) => {
    const [length, batch, size] = y!.shape as [number, number, number];
    const [gates, features] = wide!.shape as [number, number];
    const arranged = (v: string) => inOrder(b, v, order[kind], size);
    const inputs = [
      x!,
      b.reshape(arranged(w!), [1, gates, features]),
      b.reshape(arranged(r!), [1, gates, size]),
      b.reshape(b.node('Concat', [arranged(b1!), arranged(b2!)], { axis: 0 }), [1, 2 * gates]),
      '',
      ...states.map((s) => b.reshape(s, [1, batch, size])),
    ];
    const { opType, attributes } = nodes[kind];
    const [all, ...last] = b.nodes(opType, inputs, [true, ...lasts.map(() => true)], {
      ...attributes,
      hidden_size: size,
      direction: reverse ? 'reverse' : 'forward',
    });
    return [b.reshape(all!, [length, batch, size]), ...last.map((s) => b.reshape(s, [batch, size]))];
  },
  macs: ([x, w, r]) => x!.shape[0]! * x!.shape[1]! * w!.shape[0]! * (w!.shape[1]! + r!.shape[1]!),
};

function inOrder(b: GraphBuilder, value: string, places: readonly number[], size: number): string {
  if (places.length === 1) return value;
  const sizes = b.ints(places.map(() => size));
  const parts = b.nodes(
    'Split',
    [value, sizes],
    places.map(() => true),
    { axis: 0 },
  );
  return b.node(
    'Concat',
    places.map((at) => parts[at]!),
    { axis: 0 },
  );
}

/** One layer in one direction, of float32: h of all steps, and the last states (h, of an LSTM also c). */
export function fused(
  x: Tensor,
  weights: readonly [ih: Tensor, hh: Tensor],
  biases: readonly [ih: Tensor, hh: Tensor],
  states: readonly Tensor[],
  attrs: Fused,
): { y: Tensor; states: Tensor[] } {
  const [y, ...last] = several(fusedOp, [x, ...weights, ...biases, ...states], attrs);
  return { y: y!, states: last };
}
