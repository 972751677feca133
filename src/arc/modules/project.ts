/** Several linear layers of one input, as one product. */
import type { Linear } from '../../nn/linear.ts';
import { pieces } from '../../ops/attention.ts';
import { linear } from '../../ops/matmul.ts';
import { cat } from '../../ops/movement.ts';
import type { Tensor } from '../../tensor/tensor.ts';

/** What each layer, all with a bias, gives for x [*, in]. Three narrow products take longer than a wide one and a copy. */
export function projectAll(x: Tensor, layers: readonly Linear[]): Tensor[] {
  if (layers.length === 1) return [layers[0]!.forward(x)];
  const y = linear(x, cat(layers.map((layer) => layer.weight)), cat(layers.map((layer) => layer.bias!)));
  const sizes = layers.map((layer) => layer.weight.shape[0]!);
  return pieces(y, sizes, -1);
}
