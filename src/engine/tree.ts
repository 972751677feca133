import { Tensor } from '../tensor/tensor.ts';

/** Tensors, and arrays and records of them. */
export type TensorTree = Tensor | readonly TensorTree[] | { readonly [key: string]: TensorTree };

/** The tree with each tensor replaced; what is not a tensor stays. */
export function mapTensors(tree: unknown, swap: (t: Tensor) => Tensor): unknown {
  if (tree instanceof Tensor) return swap(tree);
  if (Array.isArray(tree)) return tree.map((entry) => mapTensors(entry, swap));
  if (typeof tree === 'object' && tree !== null) {
    return Object.fromEntries(Object.entries(tree).map(([name, entry]) => [name, mapTensors(entry, swap)]));
  }
  return tree;
}

/** The tensors of a tree in order. */
export function tensorsOf(tree: unknown): Tensor[] {
  const found: Tensor[] = [];
  mapTensors(tree, (t) => {
    found.push(t);
    return t;
  });
  return found;
}
