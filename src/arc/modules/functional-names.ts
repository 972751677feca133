/** Activations by the names they have in `torch.nn.functional`. */
import * as z from 'zod';
import { show } from '../../nn/args.ts';
import * as F from '../../nn/functional/index.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { didYouMean } from '../../util/suggest.ts';

const functions: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  relu: F.relu,
  relu6: F.relu6,
  leaky_relu: (x) => F.leakyRelu(x),
  elu: (x) => F.elu(x),
  selu: F.selu,
  celu: (x) => F.celu(x),
  gelu: (x) => F.gelu(x),
  silu: F.silu,
  mish: F.mish,
  softplus: (x) => F.softplus(x),
  softsign: F.softsign,
  tanh: F.tanh,
  tanhshrink: F.tanhshrink,
  softshrink: (x) => F.softshrink(x),
  hardshrink: (x) => F.hardshrink(x),
  hardtanh: (x) => F.hardtanh(x),
  hardswish: F.hardswish,
  sigmoid: F.sigmoid,
  hardsigmoid: F.hardsigmoid,
  logsigmoid: F.logsigmoid,
};
const names = Object.keys(functions);

function wrong(value: unknown): string {
  if (typeof value !== 'string') return `expected the name of a function, got ${show(value)}`;
  return `unknown function '${value}'${didYouMean(value, names)}; there are ${names.join(', ')}`;
}

/** The name of an activation. */
export function activationName(fallback: string) {
  return z
    .custom<string>((value) => typeof value === 'string' && Object.hasOwn(functions, value), {
      error: ({ input }) => wrong(input),
    })
    .default(fallback)
    .meta({ description: `one of ${names.map((name) => `'${name}'`).join(', ')}` });
}

/** The function of a name that `activationName` let pass. */
export function activationOf(name: string): (x: Tensor) => Tensor {
  return functions[name]!;
}
