/** Asking for values: `data`, `item`, `array`, `realize`, and updates of parameters from what a graph computes. */

import { enqueue, type Feeds, type Fetches, loadedRuntime, whenThere } from '../runtime/session.ts';
import type { OrtTensor } from '../runtime/types.ts';
import { fromHalf, type TypedArray, valuesIn } from '../tensor/dtype.ts';
import { type HostUpdate, mode } from '../tensor/mode.ts';
import { numel } from '../tensor/shape.ts';
import { inHome, isShared } from '../tensor/shared.ts';
import { hostData, leaf, type Node, setState, Tensor } from '../tensor/tensor.ts';
import { ArgError, internal, TorcharcError } from '../util/errors.ts';
import { collect } from './graph.ts';
import type { Place } from './lower.ts';
import { giveBack, take } from './memory.ts';
import { type Program, programFor } from './program.ts';

/** Numbers nested by dimension. */
export type NestedArray = number | NestedArray[];

declare module '../tensor/tensor.ts' {
  interface Tensor {
    /**
     * The values in row-major order, computed if need be. int64 comes as BigInt64Array, bool as 0 and 1, float16 as raw bits.
     *
     * A parameter's or buffer's array is copied; a computed tensor's is its own, not to be written to.
     */
    data(): Promise<TypedArray>;
    /** The value of a tensor of one element, as a number. */
    item(): Promise<number>;
    /** The values as nested arrays of numbers. */
    array(): Promise<NestedArray>;
    /**
     * Let go of the values, and keep their memory for the next result of this size; the array that `data` gave is
     * overwritten then. Never needed: it makes loops over large results faster, where PyTorch's allocator sees by
     * itself that nobody holds them. Not for parameters and buffers.
     */
    dispose(): void;
  }
}

Tensor.prototype.data = async function data(this: Tensor): Promise<TypedArray> {
  const { node } = this;
  await realize(this);
  return node.op === null && node.owner ? (node.data!.slice() as TypedArray) : node.data!;
};

Tensor.prototype.item = async function item(this: Tensor): Promise<number> {
  if (numel(this.shape) !== 1) {
    throw new ArgError(`item: a Tensor with ${numel(this.shape)} elements cannot be converted to Scalar`);
  }
  const { node } = this;
  await realize(this);
  return node.dtype === 'float16' ? fromHalf(Number(node.data![0])) : Number(node.data![0]);
};

Tensor.prototype.array = async function array(this: Tensor): Promise<NestedArray> {
  const { shape, dtype } = this;
  const data = await this.data();
  let at = 0;
  const build = (axis: number): NestedArray => {
    if (axis === shape.length) {
      const value = Number(data[at++]);
      return dtype === 'float16' ? fromHalf(value) : value;
    }
    return Array.from({ length: shape[axis]! }, () => build(axis + 1));
  };
  return build(0);
};

const DISPOSED = 'this tensor was disposed of, so its values are gone';

Tensor.prototype.dispose = function dispose(this: Tensor): void {
  const { node } = this;
  if (mode.trace) throw new TorcharcError('compile: dispose cannot be called inside a function being compiled');
  if (node.owner)
    throw new ArgError('dispose: parameters, buffers and leaves that require a gradient keep their values');
  const { data } = node;
  node.data = null;
  node.stale = DISPOSED;
  if (data) giveBack(node.dtype, data);
};

/** Compute several tensors in one run. */
export function realize(...tensors: Tensor[]): Promise<void> {
  if (mode.trace) {
    return Promise.reject(
      new TorcharcError(
        'compile: values cannot be read inside a function being compiled; return the tensor and read it outside',
      ),
    );
  }
  const nodes = tensors.map((t) => t.node);
  if (nodes.every((node) => node.data)) return Promise.resolve();
  return enqueue(() => compute(nodes));
}

/** Compute nodes; to be called when it is their turn in the queue. */
export function compute(wanted: readonly Node[]): void | Promise<void> {
  const pending = wanted.filter((node) => !node.data);
  if (pending.length === 0) return;
  const graph = collect(pending);
  return whenThere(programFor(graph), (program) => {
    const feeds: Feeds = {};
    for (let i = 0; i < graph.feeds.length; i++) {
      const node = graph.feeds[i]!;
      feeds[program.feeds[i]!] = ortTensor(node.data!, node);
    }
    return whenThere(execute(program, feeds), (results) => {
      graph.outputs.forEach((node, i) => {
        settle(node, results[i]!);
      });
    });
  });
}

/** A feed over an array, of its own only if it is shared, which ONNX Runtime refuses; for a program's, as it needs the runtime to be there. */
export function ortTensor(data: TypedArray, { dtype, shape }: Pick<Node, 'dtype' | 'shape'>): OrtTensor {
  const { ort } = loadedRuntime() ?? internal('a feed before there is a runtime');
  return new ort.Tensor(dtype, isShared(data) ? (data.slice() as TypedArray) : data, shape);
}

/** Memory for an output, where the program wants it from us. */
export function fetchInto({ direct }: Program, { dtype, shape }: Place): OrtTensor | null {
  return direct ? ortTensor(take(dtype, numel(shape)), { dtype, shape }) : null;
}

/** Run a program; the arrays of its outputs in order. */
function execute(program: Program, feeds: Feeds): TypedArray[] | Promise<TypedArray[]> {
  const { session, outputs } = program;
  const fetches: Fetches = {};
  for (const place of outputs) fetches[place.name] ??= fetchInto(program, place);
  return whenThere(session.run(feeds, fetches), (results) =>
    outputs.map(({ name, part }) => {
      const data = valuesIn(results[name]!);
      // copied: a view would keep the whole array alive
      return part ? (data.slice(part.start, part.end) as TypedArray) : data;
    }),
  );
}

/** A node has its value; the graph behind it is let go unless a gradient may ask for it. */
export function settle(node: Node, data: TypedArray): void {
  node.data = node.owner ? inHome(node.owner, data) : data;
  if (!node.requiresGrad) node.inputs = [];
}

const CHANGED =
  'this tensor reads parameters that an optimizer step has changed since it was made, so its value is lost; ask for it before the step (realize), or return it from a compiled function';

/** Handles whose arrays are about to change in place: graphs made from now on wait for the new values. */
export function beginUpdate(handles: readonly Tensor[]): { commit(): void; cancel(): void; before: readonly Node[] } {
  const before = handles.map((t) => t.node);
  const after = handles.map((t) => {
    const next = leaf(null, t.node);
    setState(t, next);
    return next;
  });
  const commit = () => {
    before.forEach((node, i) => {
      after[i]!.data = node.data;
      node.stale = CHANGED;
      node.data = null;
    });
  };
  // what is pending on the old nodes keeps its array; the next update is not to change it
  const cancel = () => {
    before.forEach((node, i) => {
      after[i]!.data = node.data && inHome(handles[i]!, node.data.slice() as TypedArray);
      after[i]!.stale = node.stale;
    });
  };
  return { before, commit, cancel };
}

/**
 * Compute `reads` (and the losses in `roots`) in one run, then change parameters in place. Inside `compile` it is recorded.
 * Losses computed here keep their value; what they were made from is gone.
 */
export function update(asked: HostUpdate, roots: readonly Node[]): Promise<void> {
  const change = condition ? conditional(asked, condition) : asked;
  if (mode.trace) {
    mode.trace.updated(change);
    return Promise.resolve();
  }
  const pending = beginUpdate(change.writes);
  const apply = change.begin();
  return enqueue(async () => {
    try {
      const wanted = [...change.reads, ...roots.filter((node) => !node.stale)];
      await compute(wanted);
      for (const node of wanted) forget(node);
      const arrays = pending.before.map((node) => node.data!);
      const busy = apply(
        change.reads.map((node) => node.data!),
        arrays,
      );
      if (busy) await busy;
      pending.before.forEach((node, k) => {
        node.data = arrays[k]!;
      });
    } catch (error) {
      pending.cancel();
      throw error;
    }
    pending.commit();
  });
}

let condition: Node | null = null;

/** Optimizer steps within `body` change nothing, neither parameters nor the optimizer's state, if the loss turns out not finite. */
export function onlyIfFinite<T>(loss: Tensor, body: () => T): T {
  const before = condition;
  condition = loss.node;
  try {
    return body();
  } finally {
    condition = before;
  }
}

function conditional(change: HostUpdate, loss: Node): HostUpdate {
  return {
    ...change,
    reads: [...change.reads, loss],
    begin() {
      const apply = change.begin();
      return (values, arrays) => {
        if (Number.isFinite(Number(values.at(-1)![0]))) return apply(values, arrays);
      };
    },
  };
}

/** A tensor with a copy of the values that a tensor has now. */
export function snapshotArray(t: Tensor): Tensor {
  return new Tensor(leaf(hostData(t, 'snapshot').slice() as TypedArray, t.node));
}

/** Make a computed node a plain value, without history. */
function forget(node: Node): void {
  node.inputs = [];
  node.requiresGrad = false;
  node.effects = null;
  node.keep = null;
}
