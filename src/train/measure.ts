/** What a model makes of a batch, and how well it does on a part of the data. */
import { compile } from '../engine/compile.ts';
import { realize } from '../engine/evaluate.ts';
import { inferring, noGrad } from '../tensor/mode.ts';
import { hostData } from '../tensor/tensor.ts';
import { explained } from './explained.ts';
import type { FitOptions } from './fit.ts';
import { locating } from './locate.ts';
import { type Reading, type Scores, Tally, usualMetrics } from './metrics.ts';
import {
  alone,
  type Losses,
  lossesOf,
  type Objective,
  outputsOf,
  type Pair,
  pairsOf,
  readingOf,
  type Tensors,
} from './objective.ts';
import { OptionError } from './option-error.ts';
import { batchesOf, INPUT, type NamedBatch, type Source } from './source.ts';

/** A model, what it is to minimise, and what is measured. */
export type Judged = Objective & Pick<FitOptions, 'model' | 'forward' | 'info' | 'metrics'>;

/** Sum of a batch's losses, from what a criterion gave. */
export function total({ criterion, losses }: Objective, loss: number, size: number): number {
  const all = losses ? Object.values(losses) : criterion ? [criterion] : [];
  const sums = all.length > 0 && all.every(({ args }) => (args as { reduction?: unknown }).reduction === 'sum');
  return sums ? loss : loss * size;
}

export function forward(options: Judged, inputs: Tensors): Tensors {
  const { model, forward: own } = options;
  if (own) return outputsOf(own(inputs));
  return outputsOf((model.forward as (given: unknown) => unknown).call(model, alone(inputs, INPUT)));
}

interface EvaluationBatch extends Losses {
  readonly outputs: Tensors;
}

export function evaluator(options: Judged): (inputs: Tensors, targets: Tensors) => Promise<EvaluationBatch> {
  return compile((inputs: Tensors, targets: Tensors) =>
    noGrad(() => {
      const outputs = forward(options, inputs);
      return { outputs, ...lossesOf(options, outputs, targets) };
    }),
  );
}

/** An output, how it is read, and what is measured. */
export interface Measured {
  readonly pair: Pair;
  readonly reading: Reading;
  readonly metrics: readonly string[];
}

/** Scores of a model, as it is, on all batches of a source. */
export async function measure(
  options: Judged,
  readings: readonly Measured[],
  source: Source,
  batchSize: number,
  epoch = 1,
  evaluate = evaluator(options),
): Promise<Scores> {
  const tallies = readings.map(({ pair, reading, metrics }) => ({
    pair,
    tally: new Tally(pair.name ? `output '${pair.name}'` : 'the output', reading, metrics),
  }));
  const sums: Record<string, number> = {};
  let samples = 0;
  for await (const { size, inputs, targets } of batchesOf('test', source, {
    epoch,
    batchSize,
    shuffle: null,
    skip: 0,
  })) {
    const where = `test part, samples ${samples + 1} to ${samples + size}`;
    const again = () => lossesOf(options, forward(options, inputs), targets);
    const { outputs, named } = await explained(
      async () => {
        const { outputs, total: loss, parts } = await evaluate(inputs, targets);
        const ofParts = Object.entries(parts).map(([name, part]) => [`${name}_loss`, part] as const);
        const values = [['loss', loss] as const, ...ofParts].map(async ([name, value]) => [name, await value.item()]);
        return { outputs, named: (await Promise.all(values)) as [string, number][] };
      },
      where,
      again,
    );
    samples += size;
    for (const [name, value] of named) sums[name] = (sums[name] ?? 0) + total(options, value, size);
    await realize(...Object.values(targets));
    for (const { pair, tally } of tallies) {
      tally.add(hostData(outputs[pair.output]!, 'fit'), hostData(targets[pair.target]!, 'fit'));
    }
  }
  const losses = Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / samples]));
  const scores = tallies.flatMap(({ pair, tally }) =>
    Object.entries(tally.scores()).map(([name, score]) => [pair.name ? `${pair.name}_${name}` : name, score] as const),
  );
  return { ...losses, ...Object.fromEntries(scores) } as unknown as Scores;
}

function measuredOf(options: Judged, outputs: Tensors, targets: Tensors): Measured[] {
  const { metrics, info, loss } = options;
  // a loss of the user's may take targets that no output is compared with
  if (loss && metrics === undefined) return [];
  const pairs = pairsOf(outputs, targets);
  const byName =
    metrics === undefined || Array.isArray(metrics) ? {} : (metrics as Readonly<Record<string, readonly string[]>>);
  const stray = Object.keys(byName).find((name) => !pairs.some((pair) => name === (pair.name || pair.output)));
  if (stray !== undefined) {
    throw new OptionError(
      `metrics.${stray}`,
      `the model has no such output; it has ${pairs.map((p) => p.output).join(', ')}`,
    );
  }
  return pairs.map((pair) => {
    const reading = readingOf(pair, options, outputs, targets, info);
    const own = Array.isArray(metrics) ? (metrics as readonly string[]) : byName[pair.name || pair.output];
    const measured = { pair, reading, metrics: own ?? usualMetrics(reading) };
    // a metric that does not go with the output is told now
    new Tally(pair.name ? `output '${pair.name}'` : 'the output', reading, measured.metrics);
    return measured;
  });
}

/** Check by shapes alone that model, objective and data go together; throws if they do not. Returns how outputs are measured. */
export function inspect(options: Judged, { inputs, targets }: NamedBatch): Measured[] {
  const outputs = inferring(() => locating(options.model, () => forward(options, inputs)));
  const measured = measuredOf(options, outputs, targets);
  inferring(() => lossesOf(options, outputs, targets));
  return measured;
}
