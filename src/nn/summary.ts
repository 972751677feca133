/** What each module of a model gives and costs, without computing anything. */
import { inferring } from '../tensor/mode.ts';
import type { Shape } from '../tensor/shape.ts';
import { numel } from '../tensor/shape.ts';
import { type Node, Tensor } from '../tensor/tensor.ts';
import { type Module, typeName } from './module.ts';
import { watching } from './watch.ts';

export interface ModuleSummary {
  /** Dotted name; '' for the model itself. */
  readonly name: string;
  readonly type: string;
  /** Shape of the output of its last call; null where there is not just one tensor, or it was not called. */
  readonly outputShape: Shape | null;
  /** Elements of all parameters below it, shared ones once. */
  readonly parameters: number;
  /** Multiply-adds of its products and convolutions, over all calls. */
  readonly macs: number;
}

/** Run a model for shapes alone and describe every module, in the order of `namedModules`. */
export function summarize(
  model: Module,
  ...inputs: readonly (Tensor | Readonly<Record<string, Tensor>>)[]
): ModuleSummary[] {
  const calls = new Map<Module, { output: unknown; macs: number }>();
  const all = model.namedModules();
  let total = 0;
  watching(
    all.map(([, module]) => module),
    (forward, module) =>
      (...xs) => {
        const before = total;
        const output = forward(...xs);
        total += newMacs(output);
        calls.set(module, { output, macs: (calls.get(module)?.macs ?? 0) + total - before });
        return output;
      },
    () => inferring(() => (model.forward as (...xs: readonly unknown[]) => unknown)(...inputs)),
  );
  return all.map(([name, module]) => {
    const call = calls.get(module);
    return {
      name,
      type: typeName(module.constructor),
      outputShape: call?.output instanceof Tensor ? call.output.shape : null,
      parameters: module.parameters().reduce((n, p) => n + numel(p.shape), 0),
      macs: call?.macs ?? 0,
    };
  });

  /** Multiply-adds of the nodes behind an output that were not counted yet. */
  function newMacs(output: unknown): number {
    const todo: Node[] = [];
    const visit = (value: unknown): void => {
      if (value instanceof Tensor) todo.push(value.node);
      else if (Array.isArray(value)) value.forEach(visit);
      else if (typeof value === 'object' && value !== null) Object.values(value).forEach(visit);
    };
    visit(output);
    let macs = 0;
    while (todo.length > 0) {
      const node = todo.pop()!;
      if (counted.has(node)) continue;
      counted.add(node);
      macs += node.op?.macs?.(node.inputs, node.attrs, node) ?? 0;
      todo.push(...node.inputs);
    }
    return macs;
  }
}

const counted = new WeakSet<Node>();
