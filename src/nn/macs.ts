/** Multiply-adds of products and convolutions. */
import { type Node, Tensor } from '../tensor/tensor.ts';

/** Operations done with products though they are none to the reader: resizing is elementwise. */
const elementwise = new Set(['resample']);

/** Counts the multiply-adds behind values, those it counted before left out. */
export function macCounter(): (value: unknown) => number {
  const counted = new WeakSet<Node>();
  return (value) => {
    const todo = nodesOf(value);
    let macs = 0;
    while (todo.length > 0) {
      const node = todo.pop()!;
      if (counted.has(node)) continue;
      counted.add(node);
      if (node.op && !elementwise.has(node.op.name)) macs += node.op.macs?.(node.inputs, node.attrs, node) ?? 0;
      for (const input of node.inputs) todo.push(input);
    }
    return macs;
  };
}

function nodesOf(value: unknown): Node[] {
  if (value instanceof Tensor) return [value.node];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(nodesOf) : [];
}
