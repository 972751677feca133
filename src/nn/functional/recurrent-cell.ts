/** One step of a network over sequences. `F` has none of it, as PyTorch's has not. */

import { linear } from '../../ops/matmul.ts';
import type { Tensor } from '../../tensor/tensor.ts';

/** The parameters of a cell. */
export interface CellWeights {
  readonly weight_ih: Tensor;
  readonly weight_hh: Tensor;
  readonly bias_ih: Tensor | null;
  readonly bias_hh: Tensor | null;
}

/** What the input and what the state add to the gates. */
function parts(x: Tensor, h: Tensor, w: CellWeights): [Tensor, Tensor] {
  return [linear(x, w.weight_ih, w.bias_ih), linear(h, w.weight_hh, w.bias_hh)];
}

/** The gates side by side in [N, K], each as wide as the state. */
function gatesOf(t: Tensor, h: Tensor): Tensor[] {
  const size = h.shape[1]!;
  return Array.from({ length: size > 0 ? t.shape[1]! / size : 4 }, (_, k) => t.narrow(1, k * size, size));
}

/** tanh or relu of W x + b + R h + c; x [N, I], h [N, H]. */
export function rnnCell(x: Tensor, h: Tensor, w: CellWeights, nonlinearity: 'tanh' | 'relu'): Tensor {
  const [own, other] = parts(x, h, w);
  return own.add(other)[nonlinearity]();
}

/** The next h and c; x [N, I], h and c [N, H]. */
export function lstmCell(x: Tensor, h: Tensor, c: Tensor, w: CellWeights): [h: Tensor, c: Tensor] {
  const [own, other] = parts(x, h, w);
  const [i, f, g, o] = gatesOf(own.add(other), h) as [Tensor, Tensor, Tensor, Tensor];
  const cell = f.sigmoid().mul(c).add(i.sigmoid().mul(g.tanh()));
  return [o.sigmoid().mul(cell.tanh()), cell];
}

/** The next h; x [N, I], h [N, H]. */
export function gruCell(x: Tensor, h: Tensor, w: CellWeights): Tensor {
  const [own, other] = parts(x, h, w).map((t) => gatesOf(t, h)) as [Tensor[], Tensor[]];
  const [r, z] = [0, 1].map((k) => own[k]!.add(other[k]!).sigmoid()) as [Tensor, Tensor];
  const n = own[2]!.add(r.mul(other[2]!)).tanh();
  return n.add(z.mul(h.sub(n)));
}
