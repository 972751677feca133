/**
 * The lazy graph. A `Node` is one ONNX-level operation applied to other nodes, with static shape and dtype; a `Tensor` is a
 * handle on a node. Results never change what a node means, so evaluating twice, later, or together gives the same numbers.
 *
 * State (parameters, buffers) is a handle whose node is replaced: a training-mode batch norm sets its buffers' handles to
 * pending nodes (`setState`), an optimizer updates a parameter's array in place and gives its handle a new leaf
 * (`beginUpdate`), after which graphs still pending on the old leaf can only throw, never see the new values.
 */
import { ArgError, internal, TorcharcError } from '../util/errors.ts';
import type { Dtype, TypedArray } from './dtype.ts';
import { mode } from './mode.ts';
import type { Op } from './op.ts';
import type { Shape } from './shape.ts';
import { inHome } from './shared.ts';

/** Static knowledge about a value: shape and dtype. */
export interface Aval {
  readonly shape: Shape;
  readonly dtype: Dtype;
}

let nextId = 1;

/** The id the next node will get; ids grow in creation order, so descending ids are a reverse topological order. */
export function idMark(): number {
  return nextId;
}

export class Node {
  readonly id: number = nextId++;
  /** How to infer, differentiate and lower it; null for a leaf, which holds data. */
  readonly op: Op | null;
  readonly attrs: unknown;
  /** Operands; emptied once the value is there and no gradient can ask for them. */
  inputs: readonly Node[];
  readonly shape: Shape;
  readonly dtype: Dtype;
  /** All results of an operation with several; `shape` and `dtype` are the first's. */
  readonly outs: readonly Aval[] | null;
  requiresGrad: boolean;
  /** The value, once known. */
  data: TypedArray | null = null;
  /** Why the value can no longer be had: its array was changed in place. */
  stale: string | null = null;
  /** A leaf's handle: where its gradient is accumulated, and where a compiled function looks for the current value. */
  owner: Tensor | null = null;
  /** Nodes that any run through this one computes as well: new running statistics. */
  effects: Node[] | null = null;
  /** Scratch of the walk that is running: which walk, and the node's place in it. @internal */
  mark = 0;
  place = 0;
  /** Nodes worth returning when this one is a loss that an optimizer step evaluates: the predictions it was made from. */
  keep: readonly Node[] | null = null;

  constructor(
    op: Op | null,
    attrs: unknown,
    inputs: readonly Node[],
    out: Aval,
    outs: readonly Aval[] | null,
    requiresGrad: boolean,
  ) {
    this.op = op;
    this.attrs = attrs;
    this.inputs = inputs;
    this.shape = out.shape;
    this.dtype = out.dtype;
    this.outs = outs;
    this.requiresGrad = requiresGrad;
  }
}

/** A leaf: a node that is its data. `data` null makes a placeholder (shape inference, or a value still to come). */
export function leaf(data: TypedArray | null, aval: Aval, requiresGrad = false): Node {
  const node = new Node(null, null, [], aval, null, requiresGrad);
  node.data = data;
  return node;
}

/** What one `backward` started from, and the leaves whose gradients it filled: all of it reads parameters as they were then. */
export interface Walk {
  readonly roots: readonly Node[];
  readonly leaves: readonly Tensor[];
}

/** Whether a tensor has a gradient, without making it. */
export let hasGrad: (t: Tensor) => boolean;
/** Give a tensor a gradient that is made when it is first asked for: a compiled function's are copied only then. */
export let deferGrad: (t: Tensor, make: () => Tensor) => void;

/**
 * A multi-dimensional array whose value is computed when asked for: `await t.data()`, `t.item()`, `t.array()`.
 *
 * Shape and dtype are known at once. Operations, named as in PyTorch, are methods (`ops/methods.ts`).
 */
export class Tensor {
  /** @internal */
  node: Node;
  #grad: Tensor | null = null;
  #lazyGrad: (() => Tensor) | null = null;
  /** The `backward` calls that filled `grad`; an optimizer step computes what else they left pending. @internal */
  walks: Set<Walk> | null = null;

  constructor(node: Node) {
    this.node = node;
  }

  static {
    hasGrad = (t) => t.#lazyGrad !== null || t.#grad !== null;
    deferGrad = (t, make) => {
      t.#grad = null;
      t.#lazyGrad = make;
    };
  }

  /** Size of each dimension. */
  get shape(): Shape {
    return this.node.shape;
  }

  get dtype(): Dtype {
    return this.node.dtype;
  }

  /** Number of dimensions. */
  get ndim(): number {
    return this.node.shape.length;
  }

  /** Whether `backward` computes a gradient for this tensor or one it was made from. */
  get requiresGrad(): boolean {
    return this.node.requiresGrad;
  }

  set requiresGrad(flag: boolean) {
    if (this.node.requiresGrad === flag) return;
    if (this.node.op !== null) {
      throw new ArgError('requiresGrad: can only be changed on leaf tensors; use detach() on a computed one');
    }
    if (flag && !this.dtype.startsWith('float')) {
      throw new ArgError(`requiresGrad: only floating point tensors can require gradients, got ${this.dtype}`);
    }
    this.node.requiresGrad = flag;
    if (flag) this.node.owner = this;
  }

  /** The accumulated gradient of a leaf that requires one, after `backward`. */
  get grad(): Tensor | null {
    if (this.#lazyGrad) {
      this.#grad = this.#lazyGrad();
      this.#lazyGrad = null;
    }
    mode.trace?.touchedGrad(this, this.#grad);
    return this.#grad;
  }

  set grad(value: Tensor | null) {
    mode.trace?.touchedGrad(this, this.grad);
    this.#lazyGrad = null;
    this.#grad = value;
    if (value === null) this.walks = null;
  }

  get isLeaf(): boolean {
    return this.node.op === null;
  }

  toString(): string {
    const grad = this.requiresGrad ? ', requiresGrad' : '';
    return `Tensor([${this.shape.join(', ')}], ${this.dtype}${grad})`;
  }
}

/** Throws if what should be a tensor is not one: an array of numbers, most often. */
export function expectTensor(who: string, x: unknown): asserts x is Tensor {
  if (x instanceof Tensor) return;
  const got =
    Array.isArray(x) || ArrayBuffer.isView(x) ? 'an array' : x === null ? 'null' : `a value of type ${typeof x}`;
  throw new ArgError(`${who}: expected a tensor, got ${got}; tensor(data) makes one of numbers`);
}

/** Apply an operation: infers shape and dtype here, at the caller's line, and computes nothing. */
export function apply<A>(op: Op<A>, inputs: readonly Tensor[], attrs: A): Tensor {
  const nodes = new Array<Node>(inputs.length);
  let requiresGrad = false;
  for (let i = 0; i < inputs.length; i++) {
    const { node } = inputs[i]!;
    if (node === undefined) expectTensor(op.name, inputs[i]);
    nodes[i] = node;
    if (node.requiresGrad) requiresGrad = true;
  }
  const out = op.infer(nodes, attrs);
  const several = Array.isArray(out);
  const first = several ? (out[0] as Aval) : (out as Aval);
  const tracked = requiresGrad && mode.grad && op.grad !== null && (several || first.dtype.startsWith('float'));
  return new Tensor(new Node(op as Op, attrs, nodes, first, several ? (out as readonly Aval[]) : null, tracked));
}

/** The current typed array of a state handle, for reading on the host. Throws if its value is still pending. */
export function hostData(t: Tensor, who: string): TypedArray {
  const { data, stale } = t.node;
  if (data) return data;
  if (stale) throw new TorcharcError(`${who}: ${stale}`);
  throw new TorcharcError(`${who}: the tensor's value is still pending; await realize(tensor) first`);
}

/**
 * Change a leaf's values on the host, now. What was already computed from it stays as it is; what is still pending on the
 * old values keeps them: the handle gets a new leaf with a new array.
 */
export function overwrite(t: Tensor, fill: (data: TypedArray) => void): void {
  if (t.node.op !== null && !t.node.data) internal('overwrite of a pending tensor');
  const data = hostData(t, 'overwrite').slice() as TypedArray;
  fill(data);
  setState(t, leaf(data, t.node));
}

/** Point a state handle at another node; requiresGrad stays with the handle. */
export function setState(t: Tensor, node: Node): void {
  mode.trace?.assigned(t);
  if (node.op === null) node.requiresGrad = t.node.requiresGrad;
  if (node.data) node.data = inHome(t, node.data);
  node.owner = t;
  t.node = node;
}
