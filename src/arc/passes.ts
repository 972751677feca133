/** Forward passes of a plan for shapes alone. */
import { tensorsOf } from '../engine/tree.ts';
import { macCounter } from '../nn/macs.ts';
import { bytesOf } from '../nn/summary.ts';
import type { Dtype } from '../tensor/dtype.ts';
import { inferring } from '../tensor/mode.ts';
import type { Shape } from '../tensor/shape.ts';
import { leaf, Tensor } from '../tensor/tensor.ts';
import { ShapeError, TorcharcError } from '../util/errors.ts';
import { type Call, type Input, type Plan, resolve, run, type Source, type Values } from './plan.ts';

/** An input without the batch. */
export interface Sample {
  readonly shape: Shape;
  readonly dtype: Dtype;
}

/** Sizes of the batch: what differs between two passes hangs on it. */
const batches = [2, 3] as const;

/** What comes out of everything in a model, and what it costs. */
export class Passes {
  readonly #values: readonly [Values, Values];
  readonly #macs: readonly [Map<Call, number>, Map<Call, number>];

  /** Throws a ShapeError that names the use of a module that cannot take what comes in. */
  constructor(plan: Plan, samples: ReadonlyMap<Input, Sample>) {
    const [two, three] = batches.map((batch) => pass(plan, samples, batch)) as [Pass, Pass];
    this.#values = [two.values, three.values];
    this.#macs = [two.macs, three.macs];
  }

  /** The shapes of all tensors of a value, the batch as -1. */
  shapes(source: Source): Shape[] {
    const [two, three] = this.#values.map((values) => tensorsOf(resolve(source, values))) as [Tensor[], Tensor[]];
    return two.map(({ shape }, i) => shape.map((size, d) => (size === three[i]?.shape[d] ? size : -1)));
  }

  /** The bytes of a value for one example. */
  bytes(source: Source): number {
    const [two, three] = this.#values.map((values) => bytesOf(tensorsOf(resolve(source, values)))) as [number, number];
    return ofOne(two, three);
  }

  /** Multiply-adds of a call for one example. */
  macs(call: Call): number {
    const [two, three] = this.#macs.map((macs) => macs.get(call)!) as [number, number];
    return ofOne(two, three);
  }
}

/** What grows evenly with the batch, at a batch of one. */
function ofOne(two: number, three: number): number {
  return Math.max(0, 2 * two - three);
}

interface Pass {
  readonly values: Values;
  readonly macs: Map<Call, number>;
}

function pass(plan: Plan, samples: ReadonlyMap<Input, Sample>, batch: number): Pass {
  const values: Values = new Map();
  for (const [input, { shape, dtype }] of samples)
    values.set(input, new Tensor(leaf(null, { shape: [batch, ...shape], dtype })));
  const macs = new Map<Call, number>();
  const count = macCounter();
  inferring(() =>
    run(plan, values, (call, forward) => {
      const value = named(call, forward);
      macs.set(call, count(value));
      return value;
    }),
  );
  return { values, macs };
}

function named(call: Call, forward: () => unknown): unknown {
  try {
    return forward();
  } catch (error) {
    if (!(error instanceof TorcharcError)) throw error;
    throw new ShapeError(`${call.name}: ${error.message}`, { cause: error });
  }
}
