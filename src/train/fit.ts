/**
 * The training loop: batches through compiled steps, evaluations of the test part, and snapshots to go on from.
 *
 * An update is one optimizer step, over `accumulate` batches. Everything else happens between updates, in this order:
 * a scheduler's step, an evaluation, a snapshot, stopping. So a snapshot is all there is to know, and going on from it
 * gives the numbers of not having stopped, to the last bit.
 */
import type { DataInfo } from '../data/samples.ts';
import type { Module } from '../nn/module.ts';
import { LBFGS } from '../optim/lbfgs.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { ReduceLROnPlateau } from '../optim/schedulers/plateau.ts';
import { LRScheduler } from '../optim/schedulers/scheduler.ts';
import { ArgError, TorcharcError } from '../util/errors.ts';
import { defaultGenerator, Generator } from '../util/generator.ts';
import { show } from '../util/python.ts';
import { strayOption } from '../util/suggest.ts';
import { evaluator, inspect, type Measured, measure, total } from './measure.ts';
import { better, higherIsBetter, improved, type Scores } from './metrics.ts';
import { checkObjective, type Objective, type Tensors } from './objective.ts';
import { OptionError } from './option-error.ts';
import { type Progress, type Snapshot, type Steppable, snapshotOf, takeOver } from './snapshot.ts';
import { batchesOf, countBatches, countSamples, grouped, type NamedBatch, type Source } from './source.ts';
import { Updates } from './updates.ts';

export interface FitOptions extends Objective {
  readonly model: Module;
  /** The model's outputs for inputs by name; left out, `model.forward` gets the lone `input` as a tensor, several as a record. */
  readonly forward?: ((inputs: Tensors) => unknown) | undefined;
  readonly optimizer: Optimizer;
  readonly scheduler?: Steppable | undefined;
  /**
   * When the scheduler is stepped: after each `epoch` (as usual) or `update`. `metric`: what ReduceLROnPlateau is told, `loss`
   * (of the test part, if there is one) or another score; `train_loss`.
   */
  readonly schedule?: { readonly every?: 'epoch' | 'update'; readonly metric?: string | undefined } | undefined;
  readonly train: Source;
  /** What is evaluated; without it only training losses are told. */
  readonly test?: Source | undefined;
  /** How the data was made: class names, scalings. */
  readonly info?: DataInfo | undefined;
  readonly epochs: number;
  /** Of samples; 32. Iterables come in batches of their own. */
  readonly batchSize?: number;
  /** Of the order of samples. What the model draws comes from the default generator: `manualSeed`. */
  readonly seed?: number;
  /** Batches whose gradients are added up for one update, as if they were one batch. */
  readonly accumulate?: number | undefined;
  /** Limits of the gradients before an update: their total norm, or each value. */
  readonly clip?:
    | { readonly norm: number; readonly value?: never }
    | { readonly value: number; readonly norm?: never }
    | undefined;
  /** What is measured on the test part, of the only output or by output; accuracy of classes, MAE and RMSE of values. */
  readonly metrics?: readonly string[] | Readonly<Record<string, readonly string[]>> | undefined;
  /** Updates between evaluations. There is one after each epoch in any case. */
  readonly evaluateEvery?: number | undefined;
  /** The score that says which evaluation was the best: accuracy, RMSE or loss. */
  readonly best?: string | undefined;
  /** Stop when a score has not got better by more than `minDelta` in `patience` evaluations. */
  readonly earlyStopping?:
    | { readonly metric?: string | undefined; readonly patience: number; readonly minDelta?: number | undefined }
    | undefined;
  /** Checked after each update; what an `AbortController` has. */
  readonly signal?: { readonly aborted: boolean } | undefined;
  readonly onBatch?: ((progress: BatchProgress) => void | Promise<void>) | undefined;
  readonly onEvaluation?: ((evaluation: Evaluation, isBest: boolean) => void | Promise<void>) | undefined;
  /** Called after each evaluation, every `snapshotEvery` updates, and when the run is told to stop. */
  readonly onSnapshot?: ((snapshot: Snapshot) => void | Promise<void>) | undefined;
  readonly snapshotEvery?: number | undefined;
  /** Go on from a snapshot of a run with the same options. */
  readonly resume?: Snapshot | undefined;
}

export interface BatchProgress {
  /** From 1. */
  readonly epoch: number;
  readonly batch: number;
  /** Null where the batches come from an iterable. */
  readonly batches: number | null;
  /** Mean loss of a sample since the last evaluation. */
  readonly loss: number;
  /** Samples seen in this epoch. */
  readonly samples: number;
}

export interface Evaluation {
  /** From 1. */
  readonly epoch: number;
  /** Updates so far. */
  readonly step: number;
  /** Learning rate of the first parameter group. */
  readonly lr: number;
  /** Mean loss of a sample since the last evaluation. */
  readonly trainLoss: number;
  /** Of several losses each, such as `mean_loss`. */
  readonly trainParts: Readonly<Record<string, number>>;
  /** Null without a test part. */
  readonly test: Scores | null;
}

export interface FitResult {
  /** Those of this run; of one that went on from a snapshot, those before it are not among them. */
  readonly evaluations: readonly Evaluation[];
  readonly best: Evaluation | null;
  /** Updates in all, and the epoch that is under way or comes next, from 1. */
  readonly step: number;
  readonly epoch: number;
  /** Batches of that epoch that are done. */
  readonly batch: number;
  /** Why it ended. */
  readonly ended: 'epochs' | 'early stopping' | 'signal';
}

/**
 * Train a model. https://pytorch.org/tutorials/beginner/introyt/trainingyt.html is the loop it stands for.
 *
 * Steps are compiled (`compile`), so what the model does may depend on its inputs' shapes, not on their values; LBFGS, which
 * evaluates several times a step, is run as it is. A loss that is not finite ends the run before it reaches the parameters.
 */
export async function fit(options: FitOptions): Promise<FitResult> {
  const readings = await checkFit(options);
  const run = new Run(options, readings);
  return run.go();
}

export interface Settings extends FitOptions {
  readonly batchSize: number;
  readonly seed: number;
  readonly accumulate: number;
}

class Run {
  readonly #options: Settings;
  readonly #readings: readonly Measured[];
  readonly #shuffle: Generator;
  readonly #train: Updates;
  readonly #progress: Progress;
  readonly #evaluations: Evaluation[] = [];
  readonly #evaluate: ReturnType<typeof evaluator>;

  constructor(options: FitOptions, readings: readonly Measured[]) {
    this.#options = settings(options);
    this.#readings = readings;
    this.#shuffle = new Generator(this.#options.seed);
    this.#train = new Updates(this.#options);
    this.#evaluate = evaluator(this.#options);
    this.#progress = options.resume
      ? takeOver(options.resume, this.#options, this.#shuffle)
      : { epoch: 1, batch: 0, samples: 0, step: 0, sums: {}, summed: 0, best: null, leading: null, waited: 0 };
  }

  async go(): Promise<FitResult> {
    const { epochs, model } = this.#options;
    // one that had ended, and is asked to go on
    if (this.#waitedEnough()) return this.#ended('early stopping');
    while (this.#progress.epoch <= epochs) {
      model.train();
      const why = await this.#epoch();
      if (why) return this.#ended(why);
    }
    return this.#ended('epochs');
  }

  /** Returns why the run ends within or after the epoch; null if it goes on. */
  async #epoch(): Promise<FitResult['ended'] | null> {
    const { train, batchSize, accumulate, signal, evaluateEvery = 0, snapshotEvery = 0, schedule } = this.#options;
    const at = this.#progress;
    const order = this.#shuffle.getState();
    const batches = countBatches(train, batchSize);
    const source = batchesOf('train', train, { epoch: at.epoch, batchSize, shuffle: this.#shuffle, skip: at.batch });
    for await (const { group, last: isLast } of grouped(source, accumulate)) {
      await this.#update(group, batches);
      const last = await isLast;
      if (schedule?.every === 'update') this.#options.scheduler?.step();
      // what is due at the end of an epoch comes after it: there is one snapshot at a step, never another in its place
      if (last) continue;
      if (evaluateEvery > 0 && at.step % evaluateEvery === 0) {
        await this.#evaluation();
        await this.#snapshot(order);
        if (this.#waitedEnough()) return 'early stopping';
      } else if (signal?.aborted || (snapshotEvery > 0 && at.step % snapshotEvery === 0)) {
        await this.#snapshot(order);
      }
      if (signal?.aborted) return 'signal';
    }
    const evaluation = await this.#evaluation();
    if (schedule?.every !== 'update') this.#schedule(evaluation);
    Object.assign(at, { epoch: at.epoch + 1, batch: 0, samples: 0 });
    await this.#snapshot(this.#shuffle.getState());
    if (this.#waitedEnough()) return 'early stopping';
    return signal?.aborted && at.epoch <= this.#options.epochs ? 'signal' : null;
  }

  async #update(group: readonly NamedBatch[], batches: number | null): Promise<void> {
    const at = this.#progress;
    for await (const { size, loss, parts } of this.#train.update(group, at)) {
      at.batch++;
      at.samples += size;
      at.summed += size;
      for (const [name, value] of [['', loss] as const, ...Object.entries(parts)]) {
        at.sums[name] = (at.sums[name] ?? 0) + total(this.#options, value, size);
      }
      await this.#options.onBatch?.({
        epoch: at.epoch,
        batch: at.batch,
        batches,
        loss: at.sums['']! / at.summed,
        samples: at.samples,
      });
    }
    at.step++;
  }

  /** Evaluate and tell; returns what the scheduler may want to know. */
  async #evaluation(): Promise<Evaluation> {
    const at = this.#progress;
    const { optimizer, best, earlyStopping, onEvaluation } = this.#options;
    const { '': loss = Number.NaN, ...parts } = at.sums;
    const evaluation: Evaluation = {
      epoch: at.epoch,
      step: at.step,
      lr: Number(optimizer.paramGroups[0]!.lr),
      trainLoss: loss / at.summed,
      trainParts: Object.fromEntries(Object.entries(parts).map(([name, sum]) => [`${name}_loss`, sum / at.summed])),
      test: await this.#scores(),
    };
    Object.assign(at, { sums: {}, summed: 0 });
    const scores = scoresOf(evaluation);
    const isBest = !at.best || better(scores, scoresOf(at.best), best);
    if (isBest) at.best = evaluation;
    if (earlyStopping) {
      const { metric: name = 'loss', minDelta = 0 } = earlyStopping;
      const value = numberOf(evaluation, name);
      if (at.leading?.name !== name || improved(value, at.leading.value, name, minDelta)) {
        Object.assign(at, { leading: { name, value }, waited: 0 });
      } else at.waited++;
    }
    this.#evaluations.push(evaluation);
    await onEvaluation?.(evaluation, isBest);
    return evaluation;
  }

  #waitedEnough(): boolean {
    const { earlyStopping } = this.#options;
    const { leading, waited } = this.#progress;
    // a run that goes on may watch another score
    if (!earlyStopping || leading?.name !== (earlyStopping.metric ?? 'loss')) return false;
    return waited >= earlyStopping.patience;
  }

  #schedule(evaluation: Evaluation): void {
    const { scheduler, schedule } = this.#options;
    const watches = schedule?.metric !== undefined || scheduler instanceof ReduceLROnPlateau;
    // others would take the number for an epoch
    scheduler?.step(...(watches ? [numberOf(evaluation, schedule?.metric ?? 'loss')] : []));
  }

  async #snapshot(order: Uint8Array): Promise<void> {
    await this.#options.onSnapshot?.(snapshotOf(this.#options, this.#progress, order));
  }

  /** Scores on the test part, in evaluation mode. */
  async #scores(): Promise<Scores | null> {
    const { model, test, batchSize } = this.#options;
    if (!test) return null;
    model.eval();
    const scores = await measure(this.#options, this.#readings, test, batchSize, this.#progress.epoch, this.#evaluate);
    model.train();
    return scores;
  }

  #ended(ended: FitResult['ended']): FitResult {
    const { best, step, epoch, batch } = this.#progress;
    return { evaluations: this.#evaluations, best, step, epoch, batch, ended };
  }
}

/** What evaluations are compared by. */
function scoresOf({ test, trainLoss }: Evaluation): Scores {
  return test ?? { loss: trainLoss };
}

/** A score by its name; `train_loss` is the training part's. */
function numberOf(evaluation: Evaluation, name: string): number {
  const scores: Readonly<Record<string, unknown>> = { train_loss: evaluation.trainLoss, ...scoresOf(evaluation) };
  const value = scores[name];
  if (typeof value === 'number') return value;
  throw new ArgError(`fit: there is no score '${name}'; there are ${Object.keys(scores).join(', ')}`);
}

function settings(options: FitOptions): Settings {
  const { batchSize = 32, seed = 0, accumulate = 1 } = options;
  return { ...options, batchSize, seed, accumulate };
}

/**
 * Check that model, objective and data go together, by shapes alone; throws if they do not. Returns how outputs are measured.
 */
export async function checkFit(options: FitOptions): Promise<Measured[]> {
  checkNames(options);
  const all = settings(options);
  checkObjective(options);
  checkNumbers(all);
  checkSchedule(options);
  if (countSamples(options.train) === 0) throw new TorcharcError('fit: the training part has no samples');
  // batches that can be used once only are not looked at before they are used
  const first = await firstBatch(all);
  if (!first) return [];
  const measured = inspect(options, first);
  checkScores(options, measured);
  return measured;
}

/** The options there are, and what those that are records consist of. */
const OPTIONS: Readonly<Record<keyof FitOptions, readonly string[] | null>> = {
  ...{ model: null, forward: null, criterion: null, losses: null, loss: null, lossWeights: null, metrics: null },
  ...{ optimizer: null, scheduler: null, schedule: ['every', 'metric'], accumulate: null, clip: ['norm', 'value'] },
  ...{ train: null, test: null, info: null, epochs: null, batchSize: null, seed: null, evaluateEvery: null },
  ...{ best: null, earlyStopping: ['metric', 'patience', 'minDelta'], signal: null, snapshotEvery: null },
  ...{ onBatch: null, onEvaluation: null, onSnapshot: null, resume: null },
};

/** Check that each option is one, which matters where no compiler does. */
function checkNames(options: FitOptions): void {
  const check = (given: object, names: readonly string[], before: string) => {
    const stray = strayOption(given, names);
    if (stray) throw new OptionError(before + stray.name, stray.message);
  };
  check(options, Object.keys(OPTIONS), '');
  for (const name of ['model', 'optimizer', 'train'] as const) {
    if (options[name] === undefined || options[name] === null) throw new OptionError(name, 'missing required option');
  }
  for (const [name, parts] of Object.entries(OPTIONS)) {
    const value = options[name as keyof FitOptions];
    if (!parts || value === undefined || value === null) continue;
    if (typeof value !== 'object') throw new OptionError(name, `expected a record, got ${show(value)}`);
    check(value, parts, `${name}.`);
  }
  const { clip } = options;
  if (clip && Object.keys(clip).length !== 1) {
    throw new OptionError('clip', `expected either norm or value, got ${Object.keys(clip).join(' and ') || 'neither'}`);
  }
}

async function firstBatch({ train, batchSize }: Settings): Promise<NamedBatch | null> {
  const once = typeof train === 'object' && 'next' in train;
  if (once) return null;
  const state = defaultGenerator.getState();
  try {
    for await (const batch of batchesOf('train', train, { epoch: 1, batchSize, shuffle: null, skip: 0 })) return batch;
    return null;
  } finally {
    // batches of the user's may be drawn
    defaultGenerator.setState(state);
  }
}

function checkNumbers({
  epochs,
  batchSize,
  accumulate,
  evaluateEvery = 1,
  snapshotEvery = 1,
  earlyStopping,
  clip,
  optimizer,
}: Settings): void {
  const counts = {
    epochs,
    batchSize,
    accumulate,
    evaluateEvery,
    snapshotEvery,
    ...(earlyStopping ? { 'earlyStopping.patience': earlyStopping.patience } : {}),
  };
  for (const [name, value] of Object.entries(counts)) {
    if (Number.isSafeInteger(value) && value > 0) continue;
    throw new OptionError(name, `expected a positive whole number, got ${value}`);
  }
  const bound = clip && ('norm' in clip ? clip.norm : clip.value);
  if (bound !== undefined && !(bound > 0)) throw new OptionError('clip', `expected a number above 0, got ${bound}`);
  if (!(optimizer instanceof LBFGS)) return;
  if (accumulate > 1) throw new OptionError('accumulate', 'LBFGS takes one batch a step, expected 1');
  if (clip) throw new OptionError('clip', 'LBFGS searches along gradients as they are, expected none');
}

/** Check that the scheduler can be told what it is to be told, and when. */
function checkSchedule({ scheduler, schedule }: FitOptions): void {
  const watches = scheduler instanceof ReduceLROnPlateau;
  const { every = 'epoch' } = schedule ?? {};
  if (every !== 'epoch' && every !== 'update')
    throw new OptionError('schedule.every', `expected epoch or update, got ${show(every)}`);
  if (schedule && !scheduler) throw new OptionError('schedule', 'there is no scheduler to be stepped');
  if (watches && schedule?.every === 'update')
    throw new OptionError(
      'schedule.every',
      'ReduceLROnPlateau watches a score, of which there is one after each epoch',
    );
  if (schedule?.metric !== undefined && scheduler instanceof LRScheduler && !watches)
    throw new OptionError('schedule.metric', 'the scheduler watches no score, as ReduceLROnPlateau does');
}

/** Check the names of scores that decide something. */
function checkScores({ best, earlyStopping, schedule, test }: FitOptions, measured: readonly Measured[]): void {
  const scores = measured.flatMap(({ pair, metrics }) =>
    [...metrics, ...(pair.name ? ['loss'] : [])].map((name) => (pair.name ? `${pair.name}_${name}` : name)),
  );
  const known = ['loss', 'train_loss', ...(test ? scores : [])];
  for (const [where, name] of Object.entries({
    best,
    'earlyStopping.metric': earlyStopping?.metric,
    'schedule.metric': schedule?.metric,
  })) {
    if (name === undefined) continue;
    if (!known.includes(name))
      throw new OptionError(where, `there is no score '${name}'; there are ${known.join(', ')}`);
    if (higherIsBetter(name) === null) throw new OptionError(where, `${name} is no number, by which to compare`);
  }
}
