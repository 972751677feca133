/** The training loop: epochs of compiled steps, each followed by an evaluation of the test part. */
import { batches, batchSizes } from '../data/batches.ts';
import type { Dataset, Part } from '../data/dataset.ts';
import { compile } from '../engine/compile.ts';
import { realize } from '../engine/evaluate.ts';
import { type Module, typeName } from '../nn/module.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { inferring, noGrad } from '../tensor/mode.ts';
import { numel, type Shape, showShape } from '../tensor/shape.ts';
import { hostData, type Tensor } from '../tensor/tensor.ts';
import { ShapeError, TorcharcError } from '../util/errors.ts';
import { Generator } from '../util/generator.ts';
import { locating } from './locate.ts';
import { better, type Reading, type Scores, Tally } from './metrics.ts';

export interface FitOptions {
  readonly model: Module;
  /** The model's output for a batch of samples; `model.forward` if left out. */
  readonly forward?: (x: Tensor) => Tensor;
  readonly criterion: Module;
  readonly optimizer: Optimizer;
  /** Stepped after each epoch, with its training loss. */
  readonly scheduler?: { step(metric?: number): void } | undefined;
  readonly data: Dataset;
  readonly epochs: number;
  readonly batchSize: number;
  /** Of the order of samples. What the model draws comes from the default generator: `manualSeed`. */
  readonly seed: number;
  /** Checked after each batch; what an `AbortController` has. */
  readonly signal?: { readonly aborted: boolean } | undefined;
  readonly onBatch?: (progress: BatchProgress) => void | Promise<void>;
  readonly onEpoch?: (epoch: Epoch, isBest: boolean) => void | Promise<void>;
}

export interface BatchProgress {
  /** From 1. */
  readonly epoch: number;
  readonly batch: number;
  readonly batches: number;
  /** Mean loss of a sample in this epoch so far. */
  readonly loss: number;
  /** Samples seen in this epoch. */
  readonly samples: number;
}

export interface Epoch {
  /** From 1. */
  readonly epoch: number;
  /** Learning rate of the first parameter group. */
  readonly lr: number;
  readonly trainLoss: number;
  readonly test: Scores;
}

export interface FitResult {
  /** Those completed. */
  readonly epochs: readonly Epoch[];
  readonly best: Epoch | null;
  readonly interrupted: boolean;
}

/**
 * Train a model, and tell after each epoch how it does on the test part. The best epoch is the one with the highest
 * accuracy or the lowest RMSE there, the lower loss deciding between equals.
 */
export async function fit(options: FitOptions): Promise<FitResult> {
  const { optimizer, data, batchSize, scheduler, signal } = options;
  const reading = checkFit(options);
  const step = trainStep(options);
  const shuffle = new Generator(options.seed);
  const sizes = batchSizes(data.train.size, batchSize);
  const epochs: Epoch[] = [];
  let best: Epoch | null = null;
  for (let epoch = 1; epoch <= options.epochs; epoch++) {
    const lr = Number(optimizer.paramGroups[0]!.lr);
    options.model.train();
    let samples = 0;
    let sum = 0;
    let batch = 0;
    for (const { size, x, target } of batches(data.train, batchSize, shuffle)) {
      const loss = await (await step(x, target)).item();
      batch++;
      if (!Number.isFinite(loss)) {
        throw new TorcharcError(
          `epoch ${epoch}, batch ${batch}: the loss is ${loss}; a lower learning rate or scaled features may help`,
        );
      }
      samples += size;
      sum += total(options, loss, size);
      await options.onBatch?.({ epoch, batch, batches: sizes.length, loss: sum / samples, samples });
      if (signal?.aborted) return { epochs, best, interrupted: true };
    }
    scheduler?.step(sum / samples);
    const done = { epoch, lr, trainLoss: sum / samples, test: await evaluate(options, data.test, reading) };
    const isBest: boolean = !best || better(done.test, best.test);
    if (isBest) best = done;
    epochs.push(done);
    await options.onEpoch?.(done, isBest);
    if (signal?.aborted && epoch < options.epochs) return { epochs, best, interrupted: true };
  }
  return { epochs, best, interrupted: false };
}

function call(module: Module, ...inputs: Tensor[]): Tensor {
  return (module as Module & { forward(...inputs: Tensor[]): unknown }).forward(...inputs) as Tensor;
}

function run(options: FitOptions, x: Tensor): Tensor {
  return options.forward ? options.forward(x) : call(options.model, x);
}

function lossOf({ criterion }: FitOptions, output: Tensor, target: Tensor): Tensor {
  return call(criterion, output, target.reshape(targetShape(output.shape, target.shape)));
}

/** Values for regression may come as `[n]` or `[n, 1]`; the target follows, lest the criterion broadcast one over the other. */
function targetShape(output: Shape, target: Shape): Shape {
  return target.length === 2 && numel(output) === numel(target) ? output : target;
}

function trainStep(options: FitOptions): (x: Tensor, target: Tensor) => Promise<Tensor> {
  return compile((x: Tensor, target: Tensor) => {
    options.optimizer.zeroGrad();
    const loss = lossOf(options, run(options, x), target);
    loss.backward();
    void options.optimizer.step();
    return loss;
  });
}

/** Sum of a batch's losses, from what the criterion gave. */
function total({ criterion }: FitOptions, loss: number, size: number): number {
  return (criterion.args as { reduction?: unknown }).reduction === 'sum' ? loss : loss * size;
}

/** Scores on a part of the data, in evaluation mode. */
async function evaluate(options: FitOptions, part: Part, reading: Reading): Promise<Scores> {
  const { model, batchSize } = options;
  const tally = new Tally(reading);
  model.eval();
  for (const { size, x, target } of batches(part, batchSize, null)) {
    const [output, loss] = noGrad(() => {
      const y = run(options, x);
      return [y, lossOf(options, y, target)] as const;
    });
    await realize(output, loss);
    const who = 'evaluate';
    tally.add(total(options, await loss.item(), size), hostData(output, who), hostData(target, who));
  }
  model.train();
  return tally.scores();
}

/**
 * Check that model, criterion and data go together, by shapes alone; throws if they do not. Returns how outputs are read.
 */
export function checkFit(options: FitOptions): Reading {
  const { data, batchSize } = options;
  for (const { size, x, target } of batches(data.train, batchSize, null)) {
    const output = inferring(() => locating(options.model, () => run(options, x)));
    const reading = readingOf(options, output.shape, size);
    const loss = inferring(() => lossOf(options, output, target));
    if (numel(loss.shape) !== 1) {
      throw new ShapeError(
        `criterion: expected one loss for a batch, got shape ${showShape(loss.shape)}; use reduction mean or sum`,
      );
    }
    return reading;
  }
  throw new TorcharcError('fit: the training part has no samples');
}

function readingOf({ data, criterion }: FitOptions, output: Shape, size: number): Reading {
  const got = `got an output of shape ${showShape(output)}`;
  const [rows, width = 1] = output;
  const oneEach = rows === size && numel(output) === size;
  if (data.task === 'regression') {
    if (oneEach) return 'value';
    throw new ShapeError(`model: expected one value for each of the ${size} samples of a batch, ${got}`);
  }
  if (data.train.targets instanceof Float32Array) {
    if (oneEach) return { threshold: typeName(criterion.constructor) === 'BCELoss' ? 0.5 : 0 };
    throw new ShapeError(`model: expected one score for each of the ${size} samples of a batch, ${got}`);
  }
  const classes = data.classes.length;
  if (output.length === 2 && rows === size && width >= classes) return { classes: width };
  throw new ShapeError(`model: expected a score for each of ${classes} classes, shape [${size}, ${classes}], ${got}`);
}
