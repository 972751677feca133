import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { BatchProgress, Epoch, FitResult } from '../train/fit.ts';
import type { Scores } from '../train/metrics.ts';
import { type Overrides, prepare, type Run, train } from '../train/run.ts';
import { TorcharcError } from '../util/errors.ts';
import { FailedRun, Interrupted } from './errors.ts';
import { bar, clock, Progress, percent, type Screen, short } from './progress.ts';
import { table } from './table.ts';

/** `torcharc train`. */
export async function trainCommand(
  path: string,
  overrides: Overrides,
  screen: Screen,
  signal?: AbortSignal,
): Promise<void> {
  const run = await prepare(path, overrides);
  const progress = new Progress(screen);
  for (const line of opening(run)) progress.print(line);
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1000;
  let shownAt = 0;
  let result: FitResult;
  try {
    result = await train(run, {
      signal,
      onBatch: (batch) => progress.live(performance.now(), () => liveLine(run, batch, seconds())),
      onEpoch: (epoch, isBest) => {
        const took = seconds() - shownAt;
        shownAt = seconds();
        progress.print(epochLine(run, epoch, isBest, took, screen));
      },
    });
  } catch (e) {
    if (!(e instanceof TorcharcError)) throw e;
    throw new FailedRun(`the run failed: ${e.message}`, { cause: e });
  } finally {
    progress.clear();
  }
  const last = result.epochs.at(-1);
  if (result.interrupted) {
    const kept = last
      ? `${join(run.out, 'last.safetensors')} holds the weights after epoch ${last.epoch}`
      : 'before the end of the first epoch';
    throw new Interrupted(`stopped: ${kept}`);
  }
  if (last && result.best) for (const line of closing(run, last, result.best, seconds())) progress.print(line);
}

function opening({ data, model, config, csv }: Run): string[] {
  const parameters = model.parameters().reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const classes = data.task === 'classification' ? `, ${data.classes.length} classes` : '';
  return [
    `${csv}: ${data.train.size} rows to train on, ${data.test.size} to test on${classes}`,
    `model: ${parameters.toLocaleString('en')} parameters; seed ${config.seed}`,
  ];
}

function epochName({ config }: Run, epoch: number): string {
  return `epoch ${String(epoch).padStart(String(config.epochs).length)}/${config.epochs}`;
}

function liveLine(run: Run, { epoch, batch, batches, loss, samples }: BatchProgress, seconds: number): string {
  const { config, data } = run;
  const done = (epoch - 1 + batch / batches) / config.epochs;
  const rate = ((epoch - 1) * data.train.size + samples) / seconds;
  const left = clock((seconds / done) * (1 - done));
  return `${epochName(run, epoch)}  ${bar(batch / batches, 16)}  loss ${short(loss)}  ${rate.toFixed(0)} samples/s  ${left} left`;
}

function epochLine(
  run: Run,
  { epoch, trainLoss, test }: Epoch,
  isBest: boolean,
  seconds: number,
  { colors }: Screen,
): string {
  const scores = scoreNames(test).map(([name, value]) => `test ${name} ${value}`);
  const parts = [epochName(run, epoch), `train loss ${short(trainLoss)}`, ...scores, `${seconds.toFixed(1)} s`];
  return parts.join('  ') + (isBest ? `  ${colors.green('best')}` : '');
}

/** Scores as they are called and printed. */
function scoreNames({ loss, accuracy, mae, rmse }: Scores): [string, string][] {
  const out: [string, string][] = [['loss', short(loss)]];
  if (accuracy !== undefined) out.push(['accuracy', percent(accuracy)]);
  if (mae !== undefined) out.push(['MAE', short(mae)]);
  if (rmse !== undefined) out.push(['RMSE', short(rmse)]);
  return out;
}

/** The table of what was kept, and last of all the score of the last weights. */
function closing({ out }: Run, last: Epoch, best: Epoch, seconds: number): string[] {
  const names = scoreNames(last.test).map(([name]) => name);
  const row = (which: string, { epoch, trainLoss, test }: Epoch) => [
    which,
    String(epoch),
    short(trainLoss),
    ...scoreNames(test).map(([, value]) => value),
  ];
  const heads = ['epoch', 'train loss', ...names.map((name) => `test ${name}`)];
  const columns = [{ head: 'weights' }, ...heads.map((head) => ({ head, align: 'right' as const }))];
  const rows = [row('best', best), row('last', last)];
  const [name, value] = scoreNames(last.test).at(-1)!;
  return [
    '',
    table(columns, rows),
    '',
    `trained ${last.epoch} ${last.epoch === 1 ? 'epoch' : 'epochs'} in ${seconds.toFixed(1)} s; weights and metrics are in ${out}`,
    `test ${name} ${value}`,
  ];
}
