/** Multiply-adds of products and convolutions. */
import { tensorsOf } from '../engine/tree.ts';
import type { Node } from '../tensor/tensor.ts';

/** Operations done with products though they are none to the reader: resizing is elementwise. */
const elementwise = new Set(['resample']);

/** Counts the multiply-adds behind values, those it counted before left out. */
export function macCounter(): (value: unknown) => number {
  const counted = new WeakSet<Node>();
  return (value) => {
    const todo = tensorsOf(value).map(({ node }) => node);
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
