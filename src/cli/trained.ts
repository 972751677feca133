/** `torcharc eval` and `torcharc predict`: what a trained model says, from a run's folder alone. */
import { extname } from 'node:path';
import { textOf } from '../data/open-table.ts';
import { writePieces } from '../io/files.ts';
import { type Format, predictImages, predictText } from '../train/predict.ts';
import { evaluate, openTrained, type Trained, type Which } from '../train/trained.ts';
import { ArgError } from '../util/errors.ts';
import type { Screen } from './progress.ts';
import { table } from './table.ts';
import { scoreNames } from './train.ts';

export interface EvalOptions {
  readonly data?: string | undefined;
  readonly weights: Which;
  readonly json?: boolean | undefined;
}

/** `torcharc eval`. */
export async function evalCommand(folder: string, { data, weights, json }: EvalOptions, screen: Screen): Promise<void> {
  const trained = await openTrained(folder, weights);
  const { scores, samples, name } = await evaluate(trained, { data });
  if (json) {
    screen.write(`${JSON.stringify({ data: name, samples, epoch: trained.epoch, step: trained.step, ...scores })}\n`);
    return;
  }
  const columns = [{ head: 'score' }, { head: 'value', align: 'right' as const }];
  screen.write(`${name}: ${samples} samples; ${weightsOf(trained, weights)}\n\n`);
  screen.write(`${table(columns, scoreNames(scores))}\n`);
}

function weightsOf({ epoch, step }: Trained, weights: Which): string {
  return `${weights} weights, after epoch ${epoch} (step ${step})`;
}

export interface PredictArgs {
  readonly output?: string | undefined;
  readonly format?: Format | undefined;
  readonly weights: Which;
  readonly scores?: boolean | undefined;
  readonly batch?: number | undefined;
}

/** `torcharc predict`. */
export async function predictCommand(
  folder: string,
  inputs: readonly string[],
  { output, format, weights, scores, batch }: PredictArgs,
  screen: Screen,
  stdin: AsyncIterable<string> | undefined,
): Promise<void> {
  const trained = await openTrained(folder, weights);
  const options = { format: format ?? formatOf(output), scores, batchSize: batch };
  const images = inputs.filter((path) => /\.(png|jpe?g)$/i.test(path));
  if (inputs.length > 1 && images.length !== inputs.length)
    throw new ArgError('predict: expected one file of records, or images, got several files');
  const [input] = inputs;
  const lines =
    images.length > 0
      ? predictImages(trained, images, options)
      : input === '-' && stdin
        ? predictText(trained, stdin, 'standard input', options)
        : predictText(trained, textOf(input!), input!, options);
  if (output !== undefined) await writePieces(output, lines);
  else for await (const line of lines) screen.write(line);
}

function formatOf(output: string | undefined): Format | undefined {
  const extension = output === undefined ? '' : extname(output).toLowerCase();
  if (extension === '.csv') return 'csv';
  return extension === '.jsonl' || extension === '.ndjson' ? 'jsonl' : undefined;
}
