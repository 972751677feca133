/** What each module of a model gives and costs, without computing anything. */
import { tensorsOf } from '../engine/tree.ts';
import { itemSize } from '../tensor/dtype.ts';
import { inferring } from '../tensor/mode.ts';
import { numel, type Shape } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { macCounter } from './macs.ts';
import { type Module, typeName } from './module.ts';
import { isUninitialized } from './uninitialized.ts';
import { watching } from './watch.ts';

export interface ModuleSummary {
  /** Dotted name; '' for the model itself. */
  readonly name: string;
  readonly type: string;
  /** Shape of the output of its last call; null where there is not just one tensor, or it was not called. */
  readonly outputShape: Shape | null;
  /** The shapes of all tensors that its last call gave. */
  readonly outputShapes: readonly Shape[];
  /** Elements of all parameters below it, shared ones once. */
  readonly parameters: number;
  /**
   * Multiply-adds over all calls: those of matrix products (linear, bilinear, attention), convolutions and recurrent layers; biases, norms,
   * activations, pooling and all else by element are nothing. A multiply-add is one, as in fvcore and torchinfo.
   */
  readonly macs: number;
  /** Bytes of all that its calls gave. */
  readonly bytes: number;
}

interface Calls {
  readonly last: readonly Tensor[];
  readonly macs: number;
  readonly bytes: number;
}

/** Run a model for shapes alone and describe every module, in the order of `namedModules`. */
export function summarize(
  model: Module,
  ...inputs: readonly (Tensor | Readonly<Record<string, Tensor>>)[]
): ModuleSummary[] {
  const calls = new Map<Module, Calls>();
  const all = model.namedModules();
  const count = macCounter();
  let total = 0;
  watching(
    all.map(([, module]) => module),
    (forward, module) =>
      (...xs) => {
        const before = total;
        const output = forward(...xs);
        total += count(output);
        const last = tensorsOf(output);
        const { macs = 0, bytes = 0 } = calls.get(module) ?? {};
        calls.set(module, { last, macs: macs + total - before, bytes: bytes + bytesOf(last) });
        return output;
      },
    () => inferring(() => (model.forward as (...xs: readonly unknown[]) => unknown)(...inputs)),
  );
  return all.map(([name, module]) => {
    const { last = [], macs = 0, bytes = 0 } = calls.get(module) ?? {};
    const outputShapes = last.map(({ shape }) => shape);
    return {
      name,
      type: typeName(module.constructor),
      outputShape: outputShapes.length === 1 ? outputShapes[0]! : null,
      outputShapes,
      parameters: module.parameters().reduce((n, p) => n + (isUninitialized(p) ? 0 : numel(p.shape)), 0),
      macs,
      bytes,
    };
  });
}

export function bytesOf(tensors: readonly Tensor[]): number {
  return tensors.reduce((bytes, { shape, dtype }) => bytes + numel(shape) * itemSize(dtype), 0);
}
