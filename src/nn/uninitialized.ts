/** Parameters and buffers whose shape is not known yet: those of lazy modules. */
import type { Node, Tensor } from '../tensor/tensor.ts';
import { TorcharcError } from '../util/errors.ts';
import { type Buffer, Parameter } from './parameter.ts';

const waiting = new WeakSet<Tensor>();

export function isUninitialized(t: Tensor): boolean {
  return waiting.has(t);
}

/** Take a parameter's or buffer's value and shape away. It stays the same object; `materialize` gives it new ones. */
export function uninitialize(t: Parameter | Buffer): void {
  const kind = t instanceof Parameter ? 'UninitializedParameter' : 'UninitializedBuffer';
  const fail = (message: string) => () => {
    throw new TorcharcError(message);
  };
  const own = {
    node: fail(
      `Attempted to use an uninitialized parameter. This error happens when you are using a lazy module: call its forward with a dummy batch to initialize the parameters before using them (${kind})`,
    ),
    shape: fail(
      "Can't access the shape of an uninitialized parameter or buffer. This error usually happens in loadStateDict when trying to load an uninitialized parameter into an initialized one. Call forward to initialize the parameters before accessing their attributes.",
    ),
    dtype: () => 'float32',
    isLeaf: () => true,
    toString: () => () => `<${kind}>`,
  };
  let flag = t.requiresGrad;
  for (const [name, get] of Object.entries(own)) Object.defineProperty(t, name, { configurable: true, get });
  Object.defineProperty(t, 'requiresGrad', {
    configurable: true,
    get: () => flag,
    set: (value: boolean) => {
      flag = value;
    },
  });
  waiting.add(t);
}

/** Give an uninitialised parameter or buffer the value of a leaf, and with it a shape. */
export function materialize(t: Tensor, node: Node): void {
  const flag = t.requiresGrad;
  for (const name of ['shape', 'dtype', 'isLeaf', 'toString', 'requiresGrad'])
    delete (t as unknown as Record<string, unknown>)[name];
  Object.defineProperty(t, 'node', { configurable: true, enumerable: true, writable: true, value: node });
  node.owner = t;
  node.requiresGrad = flag;
  waiting.delete(t);
}
