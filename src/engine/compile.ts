/**
 * `compile`: run a function once on placeholders, keep the graph it made and everything it did to state, and replay both.
 *
 * A trace holds, in the order things happened: what the host draws or does before a run (dropout masks, counters), the
 * program, and what is written back after it (optimizer updates, buffers, gradients). State is read anew on each replay, so
 * the result is that of calling the function.
 */

import { enqueue, type Feeds, type Fetches, type Results } from '../runtime/session.ts';
import { type TypedArray, valuesIn } from '../tensor/dtype.ts';
import { type HostUpdate, mode, type Trace, tracing } from '../tensor/mode.ts';
import { sameShape } from '../tensor/shape.ts';
import { inHome, isShared } from '../tensor/shared.ts';
import { deferGrad, hasGrad, idMark, leaf, type Node, Tensor, type Walk } from '../tensor/tensor.ts';
import { ArgError, TorcharcError } from '../util/errors.ts';
import { beginUpdate, compute, fetchInto, ortTensor } from './evaluate.ts';
import { collect } from './graph.ts';
import type { Place } from './lower.ts';
import { type Program, programFor } from './program.ts';
import { mapTensors, tensorsOf } from './tree.ts';

/**
 * A function that does what `fn` does, traced once per shape of its arguments and then replayed as one run.
 *
 * `fn` must be synchronous and depend only on its arguments and on state (parameters, buffers, module modes, the random
 * generator); arguments that are not tensors are part of what a trace is kept for. An optimizer's `step()` inside is carried
 * out after each run and has happened when the returned promise resolves; nothing may be computed from the parameters after
 * it within the same call.
 */
export function compile<A extends readonly unknown[], R>(fn: (...args: A) => R): (...args: A) => Promise<R> {
  const plans: Plan<R>[] = [];
  const call = async (args: A): Promise<R> => {
    const tensors: Tensor[] = [];
    const key = signature(args, tensors);
    let plan = plans.find((known) => known.fits(key, tensors));
    if (plan) {
      // most recently used first
      if (plans[0] !== plan) plans.unshift(...plans.splice(plans.indexOf(plan), 1));
    } else {
      plan = record(fn as unknown as (...args: never[]) => R, args, key, tensors);
      plans.unshift(plan);
      if (plans.length > 32) plans.pop();
    }
    return plan.replay(tensors);
  };
  return (...args) => {
    if (mode.trace) {
      throw new TorcharcError(
        'compile: a compiled function cannot be called inside another; call the function it was made from',
      );
    }
    return call(args);
  };
}

/** Everything about the arguments that is not a tensor, as text; the tensors are collected. */
function signature(args: readonly unknown[], tensors: Tensor[]): string {
  let text = '';
  const visit = (value: unknown): void => {
    if (value instanceof Tensor) {
      if (value.requiresGrad) {
        throw new ArgError('compile: an argument that requires a gradient is not supported; pass value.detach()');
      }
      tensors.push(value);
      text += 'T';
    } else if (Array.isArray(value)) {
      text += '[';
      value.forEach(visit);
      text += ']';
    } else if (typeof value === 'object' && value !== null) {
      if (Object.getPrototypeOf(value) !== Object.prototype) {
        throw new ArgError(
          `compile: expected tensors, plain values, arrays and records as arguments, got ${value.constructor.name}`,
        );
      }
      text += '{';
      for (const [name, entry] of Object.entries(value)) {
        text += `${JSON.stringify(name)}:`;
        visit(entry);
      }
      text += '}';
    } else if (typeof value === 'function' || typeof value === 'symbol') {
      throw new ArgError(
        `compile: expected tensors, plain values, arrays and records as arguments, got a ${typeof value}`,
      );
    } else {
      text += `${typeof value}${String(value)};`;
    }
  };
  args.forEach(visit);
  return text;
}

type Action = { readonly node: Node; readonly draw: () => TypedArray } | (() => void);

/** Listens to one run of the function. */
class Recorder implements Trace {
  readonly mark = idMark();
  /** State handles and the nodes they had before. */
  readonly handles = new Map<Tensor, Node>();
  /** Handles whose gradient was touched, the gradient they had, and the placeholder that stood for it. */
  readonly grads = new Map<Tensor, { before: Tensor | null; walks: Set<Walk> | null; stand: Node | null }>();
  readonly actions: Action[] = [];
  readonly guards: { read: () => unknown; value: unknown }[] = [];
  readonly updates: HostUpdate[] = [];
  /** Parameters after their update: not to be used within the trace. */
  readonly spent = new Set<Node>();

  /** Whether a tensor was made within the run, as placeholders are: its state ends with the run. */
  private own(handle: Tensor): boolean {
    return handle.node.id >= this.mark && !this.handles.has(handle);
  }

  assigned(handle: Tensor): void {
    if (!this.handles.has(handle) && !this.own(handle)) this.handles.set(handle, handle.node);
  }

  touchedGrad(handle: Tensor, before: Tensor | null): void {
    if (this.grads.has(handle) || this.own(handle)) return;
    const stand = before ? leaf(null, before.node) : null;
    this.grads.set(handle, { before, walks: handle.walks, stand });
    handle.walks = null;
    this.guard(() => hasGrad(handle));
    if (stand) handle.grad = new Tensor(stand);
  }

  drawn(node: Node, draw: () => TypedArray): void {
    this.actions.push({ node, draw });
  }

  did(action: () => void): void {
    this.actions.push(action);
  }

  guard(read: () => unknown): void {
    const before = mode.trace;
    mode.trace = null;
    this.guards.push({ read, value: read() });
    mode.trace = before;
  }

  updated(change: HostUpdate): void {
    this.updates.push(change);
    for (const t of change.writes) {
      this.assigned(t);
      const next = leaf(null, t.node, t.node.requiresGrad);
      next.owner = t;
      this.spent.add(next);
      t.node = next;
    }
  }

  /** Put every handle back to what it was. */
  restore(): void {
    for (const [handle, node] of this.handles) handle.node = node;
    for (const [handle, { before, walks }] of this.grads) {
      handle.grad = before;
      handle.walks = walks;
    }
  }
}

interface Plan<R> {
  fits(key: string, tensors: readonly Tensor[]): boolean;
  replay(tensors: readonly Tensor[]): Promise<R>;
}

/** Trace `fn` and make the plan to replay it. */
function record<R>(
  fn: (...args: never[]) => R,
  args: readonly unknown[],
  key: string,
  tensors: readonly Tensor[],
): Plan<R> {
  const recorder = new Recorder();
  const inputs = tensors.map((t) => leaf(null, t.node));
  let next = 0;
  const placed = mapTensors(args, () => new Tensor(inputs[next++]!)) as never[];
  let result: R;
  const finalGrads = new Map<Tensor, Node | null>();
  const finalState = new Map<Tensor, Node>();
  try {
    result = tracing(recorder, () => fn(...placed));
    checkResult(result);
    mode.trace = null;
    for (const handle of recorder.grads.keys()) finalGrads.set(handle, handle.grad?.node ?? null);
    for (const handle of recorder.handles.keys()) finalState.set(handle, handle.node);
  } finally {
    recorder.restore();
  }

  const written = new Set(recorder.updates.flatMap(({ writes }) => writes));
  const buffers = [...finalState].filter(([handle]) => !written.has(handle));
  const returned = tensorsOf(result).map((t) => t.node);
  const gradients = [...finalGrads].filter((entry): entry is [Tensor, Node] => entry[1] !== null);
  const wanted = [
    ...returned,
    ...recorder.updates.flatMap(({ reads }) => reads),
    ...gradients.map(([, node]) => node),
    ...buffers.map(([, node]) => node),
  ];

  const stateOf = new Map<Node, Tensor>();
  for (const [handle, node] of recorder.handles) stateOf.set(node, handle);
  const isState = (node: Node): Tensor | null => {
    const handle = stateOf.get(node) ?? node.owner;
    return handle && handle.node === node ? handle : null;
  };
  const gradOf = new Map<Node, Tensor>();
  for (const [handle, { stand }] of recorder.grads) if (stand) gradOf.set(stand, handle);
  const drawnNodes = new Set(recorder.actions.flatMap((a) => (typeof a === 'function' ? [] : [a.node])));
  const inputPlace = new Map(inputs.map((node, i) => [node, i]));
  const outside = (node: Node) => node.id < recorder.mark;

  const graph = collect(wanted, (node) => {
    if (recorder.spent.has(node)) {
      throw new TorcharcError(
        'compile: something is computed from the parameters after optimizer.step(); return from the function before, or compile the two parts on their own',
      );
    }
    return inputPlace.has(node) || drawnNodes.has(node) || gradOf.has(node) || outside(node);
  });
  // places are valid until the next walk: take what is needed now
  const feeds = graph.feeds.map((node): Source => {
    const input = inputPlace.get(node);
    if (input !== undefined) return { kind: 'input', index: input };
    const gradHandle = gradOf.get(node);
    if (gradHandle) return { kind: 'grad', handle: gradHandle };
    const handle = isState(node);
    if (handle) return { kind: 'state', handle, requiresGrad: node.requiresGrad };
    return { kind: 'fixed' };
  });
  const outputAt = new Map(graph.outputs.map((node, i) => [node, i]));
  const feedSet = new Set(graph.feeds);
  let made: Program | Promise<Program> | undefined;
  // collected anew, because places belong to the latest walk
  const program = () => (made ??= programFor(collect(wanted, (node) => feedSet.has(node))));
  const requires = feeds.flatMap((feed) => (feed.kind === 'state' ? [feed] : []));

  const params = [...written];
  const paramAt = new Map(params.map((t, i) => [t, i]));
  const slots = {
    results: returned.map((node) => outputAt.get(node)!),
    updates: recorder.updates.map((change) => ({
      change,
      reads: change.reads.map((node) => outputAt.get(node)!),
      writes: change.writes.map((t) => paramAt.get(t)!),
    })),
    gradients: gradients.map(([handle, node]) => ({ handle, at: outputAt.get(node)!, node })),
    cleared: [...finalGrads].filter(([, node]) => node === null).map(([handle]) => handle),
    buffers: buffers.map(([handle, node]) => ({ handle, at: outputAt.get(node)!, node })),
  };
  const shapes = tensors.map(({ shape, dtype }) => ({ shape, dtype }));
  const feedArrays: (TypedArray | null)[] = feeds.map(() => null);
  const feedTensors: Feeds = {};
  let memory: PlanMemory | undefined;

  return {
    fits: (otherKey, others) =>
      otherKey === key &&
      others.length === shapes.length &&
      others.every((t, i) => t.dtype === shapes[i]!.dtype && sameShape(t.shape, shapes[i]!.shape)) &&
      recorder.guards.every(({ read, value }) => read() === value) &&
      requires.every(({ handle, requiresGrad }) => handle.requiresGrad === requiresGrad),

    replay: (current) => {
      const given = current.map((t) => t.node);
      const state = feeds.map((feed, i) => {
        if (feed.kind === 'input') return given[feed.index]!;
        if (feed.kind === 'state') return feed.handle.node;
        return feed.kind === 'grad' ? feed.handle.grad!.node : graph.feeds[i]!;
      });
      const pending = beginUpdate(params);
      const bufferNodes = slots.buffers.map(({ handle, node }) => {
        const fresh = leaf(null, node);
        const before = handle.node;
        handle.node = fresh;
        fresh.owner = handle;
        return { fresh, before };
      });
      for (const handle of slots.cleared) handle.grad = null;
      const gradients = new Gradients();
      for (const { handle, at, node } of slots.gradients) {
        deferGrad(handle, () => gradients.ask(at, node));
      }
      const out = mapTensors(result, (t) => new Tensor(leaf(null, t.node))) as R;
      const outNodes = tensorsOf(out).map((t) => t.node);

      // now, not when its turn comes: what is drawn, counted and read is that of the time of the call
      const drawn = recorder.actions.map((action) => {
        if (typeof action !== 'function') return { node: action.node, data: action.draw() };
        action();
        return null;
      });

      const applies = slots.updates.map(({ change }) => change.begin());

      return enqueue(async () => {
        try {
          await compute(state.filter((node) => node.op !== null && !node.data));
          for (const draw of drawn) if (draw) draw.node.data = draw.data;
          const ready = await program();
          memory ??= new PlanMemory(ready, slots);
          for (let i = 0; i < state.length; i++) {
            const node = state[i]!;
            if (!node.data) throw new TorcharcError(node.stale ?? 'compile: an argument has no values');
            if (node.data !== feedArrays[i] || isShared(node.data)) {
              feedArrays[i] = node.data;
              feedTensors[ready.feeds[i]!] = ortTensor(node.data, node);
            }
          }
          const values = memory.values(await ready.session.run(feedTensors, memory.fetches()));
          slots.results.forEach((at, i) => {
            outNodes[i]!.data = values.take(at);
          });
          gradients.arrived(values);
          bufferNodes.forEach(({ fresh }, i) => {
            const { at, handle } = slots.buffers[i]!;
            fresh.data = inHome(handle, values.take(at));
          });
          for (const [i, { reads, writes }] of slots.updates.entries()) {
            const nodes = writes.map((at) => pending.before[at]!);
            const arrays = nodes.map((node) => node.data!);
            const busy = applies[i]!(
              reads.map((at) => values.view(at)),
              arrays,
            );
            if (busy) await busy;
            nodes.forEach((node, k) => {
              node.data = arrays[k]!;
            });
          }
        } catch (error) {
          pending.cancel();
          bufferNodes.forEach(({ fresh, before }, i) => {
            fresh.data = before.data;
            if (slots.buffers[i]!.handle.node === fresh) slots.buffers[i]!.handle.node = before;
          });
          throw error;
        }
        pending.commit();
        return out;
      });
    },
  };
}

/** Which outputs of a plan go where. */
interface Slots {
  readonly results: readonly number[];
  readonly updates: readonly { readonly reads: readonly number[] }[];
  readonly gradients: readonly { readonly at: number }[];
  readonly buffers: readonly { readonly at: number }[];
}

/** Where a plan's outputs are written: what the caller gets is new each time, all else stays in the plan's own memory. */
class PlanMemory {
  readonly #program: Program;
  /** Outputs that become the caller's. */
  readonly #given: ReadonlySet<Place>;
  readonly #kept: Fetches = {};

  constructor(program: Program, { results, updates, gradients, buffers }: Slots) {
    const given = new Set([...results, ...buffers.map(({ at }) => at)]);
    for (const at of [...updates.flatMap(({ reads }) => reads), ...gradients.map(({ at }) => at)]) given.delete(at);
    this.#program = program;
    this.#given = new Set([...given].map((at) => program.outputs[at]!).filter(({ part }) => !part));
    for (const place of program.outputs) {
      if (!this.#given.has(place)) this.#kept[place.name] ??= fetchInto(program, place);
    }
  }

  /** For one run. */
  fetches(): Fetches {
    const fetches = { ...this.#kept };
    for (const place of this.#given) fetches[place.name] = fetchInto(this.#program, place);
    return fetches;
  }

  values(outputs: Results): Values {
    return new Values(this.#program.outputs, new Set(this.#given), outputs);
  }
}

/** What a run gave, by the place among its outputs. */
class Values {
  readonly #places: readonly Place[];
  readonly #given: Set<Place>;
  readonly #outputs: Results;

  constructor(places: readonly Place[], given: Set<Place>, outputs: Results) {
    this.#places = places;
    this.#given = given;
    this.#outputs = outputs;
  }

  /** Good until the next run. */
  view(at: number): TypedArray {
    const { name, part } = this.#places[at]!;
    const data = valuesIn(this.#outputs[name]!);
    return part ? (data.subarray(part.start, part.end) as TypedArray) : data;
  }

  /** An array of its own. */
  take(at: number): TypedArray {
    return this.#given.delete(this.#places[at]!) ? this.view(at) : (this.view(at).slice() as TypedArray);
  }
}

/** Gradients of one replay, copied out of the plan's memory when somebody asks; the next replay takes their place. */
class Gradients {
  #values: Values | null = null;
  readonly #asked: { node: Node; at: number }[] = [];

  ask(at: number, like: Node): Tensor {
    const node = leaf(null, like);
    if (this.#values) node.data = this.#values.take(at);
    else this.#asked.push({ node, at });
    return new Tensor(node);
  }

  arrived(values: Values): void {
    for (const { node, at } of this.#asked) node.data = values.take(at);
    this.#values = values;
  }
}

type Source =
  | { readonly kind: 'input'; readonly index: number }
  | { readonly kind: 'state'; readonly handle: Tensor; readonly requiresGrad: boolean }
  | { readonly kind: 'grad'; readonly handle: Tensor }
  | { readonly kind: 'fixed' };

function checkResult(result: unknown): void {
  if (result === undefined || result instanceof Tensor) return;
  if (Array.isArray(result)) {
    result.forEach(checkResult);
    return;
  }
  if (typeof result === 'object' && result !== null && Object.getPrototypeOf(result) === Object.prototype) {
    Object.values(result).forEach(checkResult);
    return;
  }
  throw new ArgError(
    `compile: expected the function to return tensors, arrays or records of them, or nothing, got ${result === null ? 'null' : typeof result}`,
  );
}
