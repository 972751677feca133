/** Where a loss that is not finite comes from. */
import { realize } from '../engine/evaluate.ts';
import { type Module, typeName } from '../nn/module.ts';
import { watching } from '../nn/watch.ts';
import type { TypedArray } from '../tensor/dtype.ts';
import { noGrad } from '../tensor/mode.ts';
import { hostData, Tensor } from '../tensor/tensor.ts';
import type { Tensors } from './objective.ts';

/** What of a batch, or of what the modules make of it, is the first that is not finite; in words, for a message. */
export async function firstNonFinite(
  model: Module,
  inputs: Tensors,
  targets: Tensors,
  run: () => unknown,
): Promise<string> {
  for (const [what, tensors] of [
    ['input', inputs],
    ['target', targets],
  ] as const) {
    for (const [name, tensor] of Object.entries(tensors)) {
      const bad = nonFinite(hostData(tensor, 'fit'));
      if (!bad) continue;
      const sample = Math.floor(bad.at / (tensor.shape.slice(1).reduce((a, b) => a * b, 1) || 1));
      return `${what} '${name}' holds ${bad.value} in sample ${sample} of the batch`;
    }
  }
  for (const [name, parameter] of model.namedParameters()) {
    const bad = nonFinite(hostData(parameter, 'fit'));
    if (bad) return `parameter '${name}' holds ${bad.value}`;
  }
  const seen: [Module, Tensor[]][] = [];
  noGrad(() =>
    watching(
      model.modules(),
      (forward, module) =>
        (...given) => {
          const result = forward(...given);
          seen.push([module, tensorsIn(result)]);
          return result;
        },
      () => void run(),
    ),
  );
  await realize(...seen.flatMap(([, tensors]) => tensors));
  const names = new Map(model.namedModules().map(([name, module]) => [module, name]));
  for (const [module, tensors] of seen) {
    for (const tensor of tensors) {
      const bad = nonFinite(hostData(tensor, 'fit'));
      if (!bad) continue;
      const type = typeName(module.constructor);
      const name = names.get(module);
      const where = name ? `${name} (${type})` : `the model (${type})`;
      return `the first output that is not finite is ${bad.value} out of ${where}${HINT}`;
    }
  }
  return "every module's output is finite, so it is the loss itself";
}

const HINT = '; a lower learning rate, scaled features or clipped gradients may help';

function tensorsIn(value: unknown): Tensor[] {
  if (value instanceof Tensor) return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(tensorsIn) : [];
}

function nonFinite(values: TypedArray): { at: number; value: number } | null {
  if (!(values instanceof Float32Array || values instanceof Float64Array)) return null;
  const at = values.findIndex((value: number) => !Number.isFinite(value));
  return at < 0 ? null : { at, value: values[at]! };
}
