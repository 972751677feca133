/** Everything a training run consists of between two updates, to go on from. */
import { snapshotArray } from '../engine/evaluate.ts';
import type { Module } from '../nn/module.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';
import { defaultGenerator, type Generator } from '../util/generator.ts';
import type { Evaluation } from './fit.ts';

/** A learning rate scheduler, of ours or of anybody's. */
export interface Steppable {
  step(metric?: number): void;
  stateDict?(): object;
  loadStateDict?(state: never): void;
}

/** Where a run is. JSON. */
export interface Progress {
  /** The epoch that is under way, from 1; one above the last when the run is done. */
  epoch: number;
  /** Batches of it that are done. */
  batch: number;
  /** Samples of it that are done. */
  samples: number;
  /** Updates in all. */
  step: number;
  /** Sums of losses since the last evaluation by name, the total under an empty one, over `summed` samples. */
  sums: Record<string, number>;
  summed: number;
  best: Evaluation | null;
  /** Early stopping: the best score so far, and for how many evaluations it has stood. */
  leading: { readonly name: string; readonly value: number } | null;
  waited: number;
}

/** A copy: later steps do not change it. */
export interface Snapshot {
  readonly model: ReadonlyMap<string, Tensor>;
  readonly optimizer: ReturnType<Optimizer['stateDict']>;
  readonly scheduler: object | null;
  /** The default generator's state. */
  readonly generator: Uint8Array;
  /** State of the generator that shuffles, at the beginning of the epoch. */
  readonly order: Uint8Array;
  readonly progress: Readonly<Progress>;
}

interface Parts {
  readonly model: Module;
  readonly optimizer: Optimizer;
  readonly scheduler?: Steppable | undefined;
}

export function snapshotOf({ model, optimizer, scheduler }: Parts, progress: Progress, order: Uint8Array): Snapshot {
  return {
    model: new Map([...model.stateDict()].map(([name, tensor]) => [name, snapshotArray(tensor)])),
    optimizer: optimizer.stateDict(),
    scheduler: scheduler?.stateDict?.() ?? null,
    generator: defaultGenerator.getState(),
    order,
    progress: copied(progress),
  };
}

/** Put a run where a snapshot says. */
export function takeOver(snapshot: Snapshot, { model, optimizer, scheduler }: Parts, shuffle: Generator): Progress {
  model.loadStateDict(new Map(snapshot.model));
  optimizer.loadStateDict(snapshot.optimizer);
  if (scheduler && (!scheduler.loadStateDict || !snapshot.scheduler)) {
    throw new ArgError('fit: resume: expected a scheduler with stateDict and loadStateDict, whose state can be kept');
  }
  scheduler?.loadStateDict?.(snapshot.scheduler as never);
  defaultGenerator.setState(snapshot.generator);
  shuffle.setState(snapshot.order);
  return copied(snapshot.progress);
}

function copied(progress: Readonly<Progress>): Progress {
  return { ...progress, sums: { ...progress.sums } };
}
