/** Reverse mode: one walk for all operations. Gradients are lazy graph themselves, so they can be differentiated again. */

import { constant } from '../tensor/constant.ts';
import { isFloat } from '../tensor/dtype.ts';
import type { MultiGrad } from '../tensor/op.ts';
import { pickOp, picks } from '../tensor/outputs.ts';
import { type Shape, sameShape, showShape } from '../tensor/shape.ts';
import { type Node, Tensor } from '../tensor/tensor.ts';
import { ArgError, ShapeError, TorcharcError } from '../util/errors.ts';

declare module '../tensor/tensor.ts' {
  interface Tensor {
    /**
     * Add dL/dp to `p.grad` of every leaf p this tensor was made from that requires a gradient.
     *
     * `gradient` is dL/d(this), needed unless this has one element. Nothing is computed yet. Unlike PyTorch, the gradients can
     * be differentiated again without asking (`create_graph`), and the graph may be walked twice.
     */
    backward(gradient?: Tensor): void;
  }
}

Tensor.prototype.backward = function backward(this: Tensor, gradient?: Tensor): void {
  const seed = seedOf(this, gradient);
  const found = gradients([this], [seed], null);
  const leaves = [...found.keys()].map((node) => node.owner!);
  const walk = { roots: [this.node, ...(this.node.keep ?? [])], leaves };
  for (const [node, g] of found) {
    const owner = node.owner!;
    owner.grad = owner.grad ? owner.grad.add(g) : g;
    owner.walks ??= new Set();
    owner.walks.add(walk);
  }
};

/**
 * dL/d(input) for each input, without touching `.grad`; as `torch.autograd.grad`. null where an input takes no part.
 */
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  { grad_outputs }: { grad_outputs?: Tensor | readonly Tensor[] } = {},
): (Tensor | null)[] {
  const list = <T extends object>(x: T | readonly T[]) => (Array.isArray(x) ? x : [x]) as readonly T[];
  const [ys, xs] = [list<Tensor>(outputs), list<Tensor>(inputs)];
  const given = grad_outputs ? list<Tensor>(grad_outputs) : [];
  const found = gradients(
    ys,
    ys.map((y, i) => seedOf(y, given[i])),
    new Set(xs.map((x) => x.node)),
  );
  return xs.map((x) => found.get(x.node) ?? null);
}

function seedOf(y: Tensor, gradient: Tensor | undefined): Tensor {
  if (!y.requiresGrad) {
    throw new TorcharcError('backward: element 0 of tensors does not require grad and does not have a grad_fn');
  }
  if (gradient) {
    if (!sameShape(gradient.shape, y.shape)) {
      throw new ShapeError(
        `backward: Mismatch in shape: grad_output has a shape of ${showShape(gradient.shape)} and output has a shape of ${showShape(y.shape)}`,
      );
    }
    return gradient;
  }
  if (y.shape.some((d) => d !== 1)) {
    throw new ArgError(
      `backward: grad can be implicitly created only for scalar outputs, got shape ${showShape(y.shape)}`,
    );
  }
  return constant(1, y);
}

/** Gradients of Σ outputs · seeds: for the wanted nodes, or for all leaves with an owner. */
function gradients(
  outputs: readonly Tensor[],
  seeds: readonly Tensor[],
  wanted: ReadonlySet<Node> | null,
): Map<Node, Tensor> {
  const found = new Map<Node, Tensor>();
  const sums = new Map<Node, Tensor>();
  const parts = new Map<Node, (Tensor | null)[]>();
  const into = (node: Node, g: Tensor) => {
    if (node.op === pickOp) {
      const base = node.inputs[0]!;
      const list = parts.get(base) ?? base.outs!.map(() => null);
      const index = (node.attrs as { index: number }).index;
      const before = list[index];
      list[index] = before ? before.add(g) : g;
      parts.set(base, list);
    } else {
      const before = sums.get(node);
      sums.set(node, before ? before.add(g) : g);
    }
  };
  const nodes = reachable(outputs.map((y) => y.node));
  outputs.forEach((y, i) => {
    into(y.node, seeds[i]!);
  });
  for (const node of nodes) {
    const g = sums.get(node);
    if (g && (wanted ? wanted.has(node) : node.op === null && node.owner)) found.set(node, g);
    const { op } = node;
    if (op === null || op.grad === null) continue;
    const list = parts.get(node);
    if (!g && !list) continue;
    sums.delete(node);
    const inputs = node.inputs.map((n) => new Tensor(n));
    const needs = node.inputs.map((n) => n.requiresGrad);
    const results =
      typeof op.grad === 'function'
        ? op.grad(g!, new Tensor(node), inputs, node.attrs, needs)
        : (op.grad.several as MultiGrad<unknown>)(list!, picks(node), inputs, node.attrs, needs);
    node.inputs.forEach((input, i) => {
      const result = results[i];
      if (input.requiresGrad && result) into(input, fit(result, input.shape, input));
    });
  }
  return found;
}

/** Everything a gradient can flow to from these nodes, later made first. */
function reachable(from: readonly Node[]): Node[] {
  const seen = new Set<Node>();
  const todo = from.filter((node) => node.requiresGrad);
  while (todo.length > 0) {
    const node = todo.pop()!;
    if (seen.has(node)) continue;
    seen.add(node);
    for (const input of node.inputs) if (input.requiresGrad && !seen.has(input)) todo.push(input);
  }
  return [...seen].sort((a, b) => b.id - a.id);
}

/** A gradient summed to the shape of what it is for, where that was broadcast, and in its dtype. */
function fit(g: Tensor, shape: Shape, like: Node): Tensor {
  const same = sameShape(g.shape, shape) ? g : sumTo(g, shape);
  return same.dtype === like.dtype || !isFloat(like.dtype) ? same : same.to(like.dtype);
}

function sumTo(g: Tensor, shape: Shape): Tensor {
  const lead = g.ndim - shape.length;
  const dims = [...g.shape.keys()].filter((i) => i < lead || (shape[i - lead] === 1 && g.shape[i] !== 1));
  return (dims.length > 0 ? g.sum({ dim: dims }) : g).reshape(shape);
}
