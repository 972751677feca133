import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { BatchProgress, Evaluation, FitResult } from '../train/fit.ts';
import { leadingScore, type Scores } from '../train/metrics.ts';
import { type Overrides, prepare, type Run, train } from '../train/run.ts';
import { TorcharcError } from '../util/errors.ts';
import { FailedRun, Interrupted } from './errors.ts';
import { bar, clock, Progress, percent, type Screen, short } from './progress.ts';
import type { Terminal } from './run.ts';
import { table } from './table.ts';

/** `torcharc train`. */
export async function trainCommand(
  path: string,
  overrides: Overrides,
  screen: Screen,
  { signal, underWay }: Pick<Terminal, 'signal' | 'underWay'> = {},
): Promise<void> {
  const run = await prepare(path, overrides);
  const progress = new Progress(screen);
  for (const line of opening(run, overrides)) progress.print(line);
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1000;
  let shownAt = 0;
  let result: FitResult;
  underWay?.(true);
  try {
    result = await train(run, {
      signal,
      onBatch: (batch) => progress.live(performance.now(), () => liveLine(run, batch, seconds())),
      onEvaluation: (evaluation, isBest) => {
        const took = seconds() - shownAt;
        shownAt = seconds();
        progress.print(epochLine(run, evaluation, isBest, took, screen));
      },
    });
  } catch (e) {
    if (!(e instanceof TorcharcError)) throw e;
    throw new FailedRun(`the run failed: ${e.message}`, { cause: e });
  } finally {
    underWay?.(false);
    progress.clear();
  }
  if (result.ended === 'signal') {
    const { epoch, batch, step } = result;
    const when = batch === 0 ? `epoch ${epoch - 1}` : `step ${step}, in epoch ${epoch}`;
    const weights = join(run.out, 'last.safetensors');
    throw new Interrupted(`stopped: ${weights} holds the weights after ${when}; --resume goes on from there`);
  }
  for (const line of closing(run, result, seconds())) progress.print(line);
}

function opening({ data, model, config, fit, out, aside }: Run, { resume }: Overrides): string[] {
  const parameters = model.parameters().reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const targets = Object.entries(data.info.targets).filter(([, { classes }]) => classes.length > 0);
  const classes = targets.map(([name, { classes }]) =>
    targets.length === 1 ? `, ${classes.length} classes` : `, ${classes.length} classes of ${name}`,
  );
  const samples = 'csv' in config.data ? 'rows' : 'samples';
  const lines = [
    `${data.info.name}: ${data.train.size} ${samples} to train on, ${data.test.size} to test on${classes.join('')}`,
    `model: ${parameters.toLocaleString('en')} parameters; seed ${config.seed}`,
  ];
  const at = fit.resume?.progress;
  if (at) lines.push(`going on in epoch ${at.epoch}, after step ${at.step}`);
  else if (resume) lines.push(`there is no checkpoint in ${out}: from the beginning`);
  if (aside) lines.push(`an earlier run had not ended (--resume goes on with one); its checkpoints are in ${aside}`);
  return lines;
}

function epochName({ config }: Run, epoch: number): string {
  return `epoch ${String(epoch).padStart(String(config.epochs).length)}/${config.epochs}`;
}

function liveLine(run: Run, { epoch, batch, batches, loss, samples }: BatchProgress, seconds: number): string {
  const { config, data, fit } = run;
  const part = batches === null ? 0 : batch / batches;
  const from = fit.resume?.progress;
  // what went before the run went on is not of its time
  const [epochs, seen] = from ? [from.epoch - 1 + from.samples / data.train.size, from.samples] : [0, 0];
  const done = epoch - 1 + part - epochs;
  const rate = (Math.round(done * data.train.size) || samples - seen) / seconds;
  const left = clock((seconds / done) * (config.epochs - epochs - done));
  return `${epochName(run, epoch)}  ${bar(part, 16)}  loss ${short(loss)}  ${rate.toFixed(0)} samples/s  ${left} left`;
}

function epochLine(
  run: Run,
  { epoch, step, trainLoss, test }: Evaluation,
  isBest: boolean,
  seconds: number,
  { colors }: Screen,
): string {
  const scores = test ? scoreNames(test).map(([name, value]) => `test ${name} ${value}`) : [];
  const at = run.config.evaluate_every === undefined ? [] : [`step ${step}`];
  const parts = [epochName(run, epoch), ...at, `train loss ${short(trainLoss)}`, ...scores, `${seconds.toFixed(1)} s`];
  return parts.join('  ') + (isBest ? `  ${colors.green('best')}` : '');
}

const capitals: Readonly<Record<string, string>> = { mae: 'MAE', mse: 'MSE', rmse: 'RMSE', r2: 'R²' };

/** Scores as they are called and printed; matrices, and the losses that are parts of one, are for the records. */
export function scoreNames(scores: Scores): [string, string][] {
  return Object.entries(scores).flatMap(([name, score]) =>
    typeof score === 'number' && !name.endsWith('_loss')
      ? [[labelOf(name), shown(name, score)] satisfies [string, string]]
      : [],
  );
}

function labelOf(name: string): string {
  const metric = name.slice(name.lastIndexOf('_') + 1);
  const label = capitals[metric] ?? metric.replace(/^top/, 'top-');
  return metric === name ? label : `${name.slice(0, -metric.length - 1)} ${label}`;
}

function shown(name: string, score: number): string {
  return /(^|_)(accuracy|top\d+)$/.test(name) ? percent(score) : short(score);
}

/** The table of what was kept, and last of all the score of the last weights. */
function closing(
  { out, config }: Run,
  { evaluations, best, epoch, batch, ended }: FitResult,
  seconds: number,
): string[] {
  const last = evaluations.at(-1);
  if (!last || !best) {
    const when = batch === 0 ? `after epoch ${epoch - 1}` : `in epoch ${epoch}`;
    return [`the run has ended already, ${when} of ${config.epochs}`];
  }
  const row = (which: string, { epoch, trainLoss, test }: Evaluation) => [
    which,
    String(epoch),
    short(trainLoss),
    ...scoreNames(test ?? { loss: trainLoss }).map(([, value]) => value),
  ];
  const scores = last.test ?? { loss: last.trainLoss };
  const heads = ['epoch', 'train loss', ...scoreNames(scores).map(([name]) => `test ${name}`)];
  const columns = [{ head: 'weights' }, ...heads.map((head) => ({ head, align: 'right' as const }))];
  const rows = [row('best', best), row('last', last)];
  const leading = leadingScore(scores);
  const why = ended === 'early stopping' ? ' (stopped early: no better for long)' : '';
  return [
    '',
    table(columns, rows),
    '',
    `trained ${last.epoch} ${last.epoch === 1 ? 'epoch' : 'epochs'} in ${seconds.toFixed(1)} s${why}; weights and metrics are in ${out}`,
    `test ${labelOf(leading)} ${shown(leading, scores[leading] as number)}`,
  ];
}
