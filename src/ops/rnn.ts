/** The plain recurrent network. */

import { constant } from '../tensor/constant.ts';
import type { Op } from '../tensor/op.ts';
import { several } from '../tensor/outputs.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { gradient } from './linear-recurrence.ts';
import { linear } from './matmul.ts';
import { before, columns, type Direction, macs, tanhSlope } from './recurrent.ts';

interface Plain extends Direction {
  readonly nonlinearity: 'tanh' | 'relu';
}

/**
 * h' = tanh(x + R h) or relu(x + R h).
 *
 * x [L, H, N] (the input's part, with the biases), R [H, H], h [H, N]; h of all steps, the last.
 */
const rnnOp: Op<Plain> = {
  name: 'rnn',
  infer: ([x, , h]) => [x!, h!],
  grad: {
    several: ([gy, gh], [y], [, r, h], attrs) => {
      const k = attrs.nonlinearity === 'tanh' ? tanhSlope(y!) : y!.sign();
      const given = { y: gy ?? constant(0, y!), h: gh ?? constant(0, h!) };
      const back = gradient({ k, keep: null }, r!, given, { reverse: attrs.reverse });
      return [back.v, linear(columns(back.v), columns(before(y!, h!, attrs))), back.h];
    },
  },
  lower: (b, [x, r, h], { reverse, nonlinearity }) => {
    const { states, sequences } = b.scan({ states: [h!], sequences: [x!], reverse }, (s, [h], [x]) => {
      const v = s.node('Add', [s.node('MatMul', [r!, h!]), x!]);
      const next = s.node(nonlinearity === 'tanh' ? 'Tanh' : 'Relu', [v]);
      return { states: [next], slices: [next] };
    });
    return [sequences[0]!, states[0]!];
  },
  macs,
  serial: true,
};

/** x [L, H, N], weight [H, H], h [H, N]: h of all steps, and the last. */
export function rnn(x: Tensor, weight: Tensor, h: Tensor, attrs: Plain): { y: Tensor; h: Tensor } {
  const [y, last] = several(rnnOp, [x, weight, h], attrs);
  return { y: y!, h: last! };
}
