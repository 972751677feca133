/** From a model's outputs and a batch's targets to a loss, and to how each output is measured. */
import type { DataInfo, TargetInfo } from '../data/samples.ts';
import { type Module, typeName } from '../nn/module.ts';
import { numel, type Shape, showShape } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';
import { ArgError, ShapeError } from '../util/errors.ts';
import { show } from '../util/python.ts';
import { didYouMean } from '../util/suggest.ts';
import type { Reading } from './metrics.ts';
import { OptionError } from './option-error.ts';

export type Tensors = Readonly<Record<string, Tensor>>;
export type Criterion = Module & { forward(input: Tensor, target: Tensor): Tensor };

/** A user's own loss: of outputs and targets as the model and the batches give them, by name or, where there is one, alone. */
export type LossFunction<Outputs = never, Targets = never> = (
  outputs: Outputs,
  targets: Targets,
) => Tensor | Readonly<Record<string, Tensor>>;

/** What is to be minimised; exactly one of the three. */
export interface Objective {
  /** Of each output that has a target; with several their losses are added. */
  readonly criterion?: Criterion | undefined;
  /** A criterion for each output by name. */
  readonly losses?: Readonly<Record<string, Criterion>> | undefined;
  /** A function; a record it returns is added up, and its entries are reported. */
  readonly loss?: LossFunction | undefined;
  /** What the losses are multiplied by before they are added, by name; 1 where left out. */
  readonly lossWeights?: Readonly<Record<string, number>> | undefined;
}

/** What a model calls its lone output. */
export const OUTPUT = 'output';

/** What a model gave, by name. */
export function outputsOf(value: unknown): Tensors {
  if (value instanceof Tensor) return { [OUTPUT]: value };
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  if (entries.length > 0 && entries.every(([, entry]) => entry instanceof Tensor)) return Object.fromEntries(entries);
  throw new ArgError(`model: expected a tensor, or a record or list of tensors, as output, got ${show(value)}`);
}

/** A lone tensor for what holds one under the usual name. */
export function alone(tensors: Tensors, usual: string): Tensor | Tensors {
  const keys = Object.keys(tensors);
  return keys.length === 1 && keys[0] === usual ? tensors[usual]! : tensors;
}

/** An output and the target it is compared with. */
export interface Pair {
  /** Empty for the only one. */
  readonly name: string;
  readonly output: string;
  readonly target: string;
}

/** Which output has which target: the only one the only one, several by name. */
export function pairsOf(outputs: Tensors, targets: Readonly<Record<string, unknown>>): Pair[] {
  const [given, wanted] = [Object.keys(outputs), Object.keys(targets)];
  if (given.length === 1 && wanted.length === 1) return [{ name: '', output: given[0]!, target: wanted[0]! }];
  if (wanted.length === 1 && !given.includes(wanted[0]!)) {
    throw new ArgError(
      `expected one output, which a target can be compared with, got ${given.length}: ${given.join(', ')}; give a target for each, by name`,
    );
  }
  const without = wanted.find((name) => !given.includes(name));
  if (without !== undefined) {
    throw new ArgError(
      `target '${without}': the model has no output of that name${didYouMean(without, given) || `; it has ${given.join(', ')}`}`,
    );
  }
  const spare = given.find((name) => !wanted.includes(name));
  if (spare !== undefined) {
    throw new ArgError(
      `output '${spare}' of the model has no target${didYouMean(spare, wanted) || `; there are targets ${wanted.join(', ')}`}`,
    );
  }
  return wanted.map((name) => ({ name, output: name, target: name }));
}

export interface Losses {
  /** What is minimised. */
  readonly total: Tensor;
  /** The losses it is made of, by name; empty if there is only one. */
  readonly parts: Tensors;
}

/** The criterion of a pair; null where the loss is a function of the user's. */
export function criterionOf({ criterion, losses }: Objective, { name, output }: Pair): Criterion | null {
  return (losses ? losses[name || output] : criterion) ?? null;
}

/** Check what can be checked without a model. */
export function checkObjective(objective: Objective): void {
  const given = (['criterion', 'losses', 'loss'] as const).filter((key) => objective[key] !== undefined);
  if (given.length !== 1) {
    throw new ArgError(`fit: expected one of criterion, losses and loss, got ${given.join(' and ') || 'none'}`);
  }
  for (const [name, weight] of Object.entries(objective.lossWeights ?? {})) {
    if (Number.isFinite(weight)) continue;
    throw new OptionError(`lossWeights.${name}`, `expected a number, got ${show(weight)}`);
  }
}

/** The losses of a batch. */
export function lossesOf(objective: Objective, outputs: Tensors, targets: Tensors): Losses {
  const { loss, lossWeights = {} } = objective;
  let parts: Tensors;
  if (loss) {
    const call = loss as LossFunction<unknown, unknown>;
    const own = call(alone(outputs, OUTPUT), alone(targets, 'target'));
    if (own instanceof Tensor) return { total: scalar(own, 'loss'), parts: {} };
    const values = typeof own === 'object' && own !== null && !(own instanceof Promise) ? Object.values(own) : [];
    if (values.length === 0 || !values.every((value) => value instanceof Tensor)) {
      const got = (own as unknown) instanceof Promise ? 'a promise; it must not be async' : show(own);
      throw new ArgError(`loss: expected the function to return a tensor or a record of tensors, got ${got}`);
    }
    parts = own;
  } else {
    const pairs = pairsOf(outputs, targets);
    checkNames(objective, pairs);
    parts = Object.fromEntries(
      pairs.map((pair) => [
        pair.name,
        compared(criterionOf(objective, pair)!, outputs[pair.output]!, targets[pair.target]!),
      ]),
    );
  }
  const named = Object.entries(parts);
  const stray = Object.keys(lossWeights).find((name) => !Object.hasOwn(parts, name));
  if (stray !== undefined) {
    const names = named.map(([name]) => name).filter(Boolean);
    const known = names.length > 0 ? `; there are ${names.join(', ')}` : '; the only one has no name';
    throw new OptionError(`lossWeights.${stray}`, `there is no such loss${didYouMean(stray, names) || known}`);
  }
  const weighted = named.map(([name, part]) => {
    const weight = lossWeights[name] ?? 1;
    const one = scalar(part, name ? `losses.${name}` : 'criterion');
    return weight === 1 ? one : one.mul(weight);
  });
  const total = weighted.reduce((sum, next) => sum.add(next));
  return { total, parts: named.length === 1 && named[0]![0] === '' ? {} : parts };
}

function checkNames({ losses }: Objective, pairs: readonly Pair[]): void {
  if (!losses) return;
  const names = pairs.map(({ name, output }) => name || output);
  const without = names.find((name) => !Object.hasOwn(losses, name));
  if (without !== undefined) {
    throw new OptionError(
      'losses',
      `output '${without}' has none${didYouMean(without, Object.keys(losses)) || `; there are losses for ${Object.keys(losses).join(', ')}`}`,
    );
  }
  const stray = Object.keys(losses).find((name) => !names.includes(name));
  if (stray !== undefined) {
    throw new OptionError(
      `losses.${stray}`,
      `the model has no such output${didYouMean(stray, names) || `; it has ${names.join(', ')}`}`,
    );
  }
}

function scalar(loss: Tensor, who: string): Tensor {
  if (numel(loss.shape) === 1) return loss.ndim === 0 ? loss : loss.reshape([]);
  throw new ShapeError(
    `${who}: expected one loss for a batch, got shape ${showShape(loss.shape)}; use reduction mean or sum`,
  );
}

/** Binary cross entropy compares probabilities, or their logits, with 0 and 1 as numbers. */
const isBinary = (criterion: Criterion) => /^BCE(WithLogits)?Loss$/.test(typeName(criterion.constructor));

function compared(criterion: Criterion, output: Tensor, target: Tensor): Tensor {
  const numbers = isBinary(criterion) && target.dtype === 'int64' ? target.to(output.dtype) : target;
  return criterion.forward(output, numbers.reshape(targetShape(output.shape, numbers)));
}

/** Values may come as `[n]` or `[n, 1]`; the target follows, lest the criterion broadcast one over the other. */
function targetShape(output: Shape, { shape, dtype }: Tensor): Shape {
  const alike = numel(output) === numel(shape) && output[0] === shape[0];
  return alike && dtype !== 'int64' ? output : shape;
}

/**
 * How an output is measured; throws if it does not go with its target. `info` knows the classes; without it, integer targets
 * are class indices.
 */
export function readingOf(
  pair: Pair,
  objective: Objective,
  outputs: Tensors,
  targets: Tensors,
  info?: DataInfo,
): Reading {
  const about = info?.targets[pair.target];
  const target = targets[pair.target]!;
  const { shape } = outputs[pair.output]!;
  const criterion = criterionOf(objective, pair);
  const who = pair.name ? `model: output '${pair.name}'` : 'model';
  const [size, ...each] = target.shape;
  const got = `got an output of shape ${showShape(shape)}`;
  const task = about?.task ?? (target.dtype === 'int64' ? 'classification' : 'regression');
  const oneEach = shape[0] === size && numel(shape) === numel(target.shape);

  if (criterion && isBinary(criterion) && (task === 'classification' || (!about && numel(each) === 1))) {
    if (about) checkTwo(about, typeName(criterion.constructor));
    if (!oneEach) throw new ShapeError(`${who}: expected one score for each of the ${size} samples of a batch, ${got}`);
    return { kind: 'binary', threshold: typeName(criterion.constructor) === 'BCELoss' ? 0.5 : 0 };
  }
  if (task === 'regression') {
    if (criterion && typeName(criterion.constructor) === 'CrossEntropyLoss' && numel(shape) === shape[0]) {
      throw new ArgError(
        `${who}: CrossEntropyLoss compares the scores of classes, ${got}, one for each sample, which always has loss 0; use MSELoss for values`,
      );
    }
    if (oneEach) return { kind: 'values', width: numel(each), scale: about?.scale ?? null };
    const values = numel(each) === 1 ? 'one value' : `${numel(each)} values`;
    throw new ShapeError(`${who}: expected ${values} for each of the ${size} samples of a batch, ${got}`);
  }
  const [rows, classes = 1, ...rest] = shape;
  const named = about?.classes.length ?? 0;
  const fits = shape.length === target.shape.length + 1 && rows === size && String(rest) === String(each);
  if (fits && classes >= named) {
    const ignore = Number((criterion?.args as { ignore_index?: unknown } | undefined)?.ignore_index ?? -100);
    return { kind: 'classes', classes, inner: numel(rest), ignore };
  }
  const wanted = `[${[size, named || 'classes', ...each].join(', ')}]`;
  throw new ShapeError(`${who}: expected a score for each of ${named || 'the'} classes, shape ${wanted}, ${got}`);
}

function checkTwo({ classes, columns }: TargetInfo, criterion: string): void {
  if (classes.length === 2 || classes.length === 0) return;
  throw new ArgError(
    `${criterion} takes two classes, but ${columns.length > 0 ? `column '${columns.join("', '")}'` : 'the target'} has ${classes.length}; use CrossEntropyLoss`,
  );
}
