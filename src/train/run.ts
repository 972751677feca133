/**
 * A run of `torcharc train`: from `config.yaml` to a folder with weights, checkpoints and records. Node only, since it is about
 * files.
 */
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { stringify } from 'yaml';
import { build, buildCriterion, buildOptimizer, buildScheduler } from '../arc/build.ts';
import { openData } from '../data/open.ts';
import { withPaths } from '../data/paths.ts';
import type { Dataset } from '../data/samples.ts';
import {
  appendLine,
  makeFolder,
  moveTo,
  namesIn,
  readText,
  remove,
  removeTorn,
  shareFile,
  writeAtomic,
} from '../io/files.ts';
import { parseYaml, placed, type Yaml } from '../io/yaml.ts';
import type { Module } from '../nn/module.ts';
import { EventFile } from '../report/event-file.ts';
import { writeReport } from '../report/html.ts';
import { ArcError, ArgError, TorcharcError } from '../util/errors.ts';
import { manualSeed } from '../util/generator.ts';
import { type About, readSaved, type Saved } from './about.ts';
import {
  CHECKPOINTS,
  checkpointPath,
  checkpointSteps,
  cutLogs,
  type Logs,
  logLengths,
  prune,
  writeCheckpoint,
} from './checkpoint.ts';
import { type Config, parseConfig } from './config.ts';
import { type BatchProgress, checkFit, type Evaluation, type FitOptions, type FitResult, fit } from './fit.ts';
import { checkInputs, feeding } from './inputs.ts';
import type { Criterion } from './objective.ts';
import { OptionError } from './option-error.ts';

/** What may be set from outside the config. */
export interface Overrides {
  readonly epochs?: number | undefined;
  readonly seed?: number | undefined;
  /** Relative to the working directory, unlike the config's own. */
  readonly out?: string | undefined;
  readonly tensorboard?: boolean | undefined;
  /** Go on from the newest checkpoint in the output folder; from the beginning if there is none. */
  readonly resume?: boolean | undefined;
}

export interface Run {
  /** Paths are relative to the output folder. */
  readonly config: Config;
  readonly data: Dataset;
  readonly model: Module;
  readonly arc: unknown;
  /** The folder that receives everything. */
  readonly out: string;
  readonly fit: FitOptions;
  /** The event file to go on with, and how long it was. */
  readonly logs: Logs;
  /** Where the checkpoints of an earlier run have gone that had not ended; null if there was none. */
  readonly aside: string | null;
}

/**
 * Read a config and all it names, build the model, check that everything fits together, and open the output folder; throws
 * for whatever is wrong with the input. Paths in a config are relative to it.
 */
export async function prepare(path: string, overrides: Overrides = {}): Promise<Run> {
  const { config: written, yaml } = parseConfig(await readText(path), path);
  const config = {
    ...written,
    epochs: overrides.epochs ?? written.epochs,
    seed: overrides.seed ?? written.seed,
    ...(overrides.tensorboard ? { tensorboard: true } : {}),
  };
  const folder = dirname(path);
  const out = overrides.out ?? from(folder, config.out);
  const { arc, arcAt } = await readSpec(config.arc, folder, { path, yaml });
  const data = await openData(config.data, { folder, cache: out });
  try {
    const { model, options } = await assemble(config, arc, data, arcAt, (key) => ({ path, yaml, under: key }));
    await checkFit(options).catch((e: unknown) => {
      throw e instanceof OptionError ? blame({ path, yaml, under: keyOf(e) }, new ArgError(e.what)) : blame(arcAt, e);
    });
    const moved = withinOut(config, out, folder);
    const run = { config: moved, data, model, arc, out, fit: options, logs: {}, aside: null };
    await makeFolder(out);
    const saved = overrides.resume ? await newest(out) : null;
    const given = [resolve(path), typeof config.arc === 'string' ? resolve(from(folder, config.arc)) : ''];
    if (saved) checkSame(out, saved, { arc, about: about(run, {}) });
    const aside = saved ? null : await clear(out);
    await removeTorn(out);
    await removeTorn(join(out, CHECKPOINTS));
    await writeOut(run, given);
    if (!saved) return { ...run, aside };
    await cutLogs(out, saved.about.logs);
    return { ...run, fit: { ...options, resume: saved.snapshot }, logs: saved.about.logs };
  } catch (e) {
    await data.close?.();
    throw e;
  }
}

/** Model, criterion and optimizer as a config says, and all of it as `fit` takes it. */
async function assemble(
  config: Config,
  arc: unknown,
  data: Dataset,
  arcAt: At,
  at: (key: string) => At,
): Promise<{ model: Module; options: FitOptions }> {
  manualSeed(config.seed);
  const model = blamed(arcAt, () => build(arc)) as Module;
  const objective = {
    ...criteria(config, at),
    ...(config.loss_weights ? { lossWeights: config.loss_weights } : {}),
  };
  const optimizer = blamed(at('optimizer'), () => buildOptimizer(config.optimizer, model));
  const { scheduler: spec, early_stopping: stopping } = config;
  const scheduler = spec && blamed(at('scheduler'), () => buildScheduler(spec, optimizer));
  blamed(arcAt, () => checkInputs(arc, data.info));
  return {
    model,
    options: {
      ...objective,
      model,
      forward: blamed(arcAt, () => feeding(model, arc, data.info)),
      optimizer,
      scheduler,
      schedule: config.schedule,
      train: data.train,
      test: data.test,
      info: data.info,
      epochs: config.epochs,
      batchSize: config.batch_size,
      seed: config.seed,
      accumulate: config.accumulate,
      clip: config.clip,
      metrics: config.metrics,
      evaluateEvery: config.evaluate_every,
      best: config.best,
      earlyStopping: stopping && { ...stopping, minDelta: stopping.min_delta },
      snapshotEvery: config.checkpoint.every,
    },
  };
}

/** The criterion of a config, or those of its outputs. */
export function criteria({ criterion, losses }: Pick<Config, 'criterion' | 'losses'>, at?: (key: string) => At) {
  const made = (key: string, spec: unknown): Criterion =>
    at ? blamed(at(key), () => buildCriterion(spec)) : buildCriterion(spec);
  if (criterion) return { criterion: made('criterion', criterion) };
  const named = Object.entries(losses!).map(([name, spec]) => [name, made(`losses.${name}`, spec)] as const);
  return { losses: Object.fromEntries(named) };
}

function from(folder: string, path: string): string {
  return isAbsolute(path) ? path : join(folder, path);
}

/** A file, or a part of one, that an error is to be blamed on. */
interface At {
  readonly path: string;
  readonly yaml: Yaml;
  readonly under?: string;
}

function blamed<T>(at: At, body: () => T): T {
  try {
    return body();
  } catch (e) {
    throw blame(at, e);
  }
}

/** What a config calls an option. */
function keyOf({ option }: OptionError): string {
  return option.replace(/^[a-z]+(?=[A-Z])[A-Za-z]+/, (name) => name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`));
}

function blame({ path, yaml, under = '' }: At, error: unknown): unknown {
  if (!(error instanceof TorcharcError)) return error;
  const issues = error instanceof ArcError ? error.issues : [{ path: '', message: error.message }];
  const full = (inner: string) => (under && inner ? `${under}.${inner}` : under || inner);
  const all = issues.map((issue) => ({ path: full(issue.path), message: issue.message }));
  return placed(yaml, path, all, error);
}

async function readSpec(arc: Config['arc'], folder: string, config: At): Promise<{ arc: unknown; arcAt: At }> {
  if (typeof arc !== 'string') return { arc, arcAt: { ...config, under: 'arc' } };
  const path = from(folder, arc);
  const yaml = parseYaml(await readText(path), path);
  return { arc: yaml.value, arcAt: { path, yaml } };
}

const METRICS = 'metrics.jsonl';
const REPORT = 'report.html';

/** Remove what an earlier run left. Checkpoints of one that had not ended, as far as can be told, are put aside; returns where. */
async function clear(out: string): Promise<string | null> {
  const [folder, aside] = [join(out, CHECKPOINTS), join(out, `${CHECKPOINTS}-before`)];
  const keep = await newest(out).then(
    (before) => before !== null && !ended(before),
    () => true,
  );
  if (keep) {
    await remove(aside);
    await moveTo(folder, aside);
  }
  await prune(folder, 0, null);
  const events = (await namesIn(out)).filter((name) => name.startsWith('events.out.tfevents.'));
  for (const name of ['best.safetensors', 'last.safetensors', REPORT, ...events]) await remove(join(out, name));
  await writeAtomic(join(out, METRICS), '');
  return keep ? aside : null;
}

/** Write what is known before the first epoch; a run repeated in its own folder leaves the `given` files, the user's, alone. */
async function writeOut({ out, config, arc }: Run, given: readonly string[]): Promise<void> {
  const files = { 'config.yaml': stringify(config), 'arc.json': `${JSON.stringify(arc, null, 2)}\n` };
  for (const [name, content] of Object.entries(files)) {
    if (!given.includes(resolve(out, name))) await writeAtomic(join(out, name), content);
  }
}

/** A config as it stands in the output folder. */
function withinOut(config: Config, out: string, folder: string): Config {
  const slashes = (text: string) => text.split(sep).join('/');
  const data = withPaths(config.data, (path) => slashes(relative(out, from(folder, path))));
  return { ...config, arc: 'arc.json', data, out: '.' };
}

function about({ config, data: { info, train, test } }: Run, logs: Logs): About {
  return { config, info, sizes: [train.size, test.size], logs };
}

/** The newest checkpoint of a run; null if there is none yet. */
async function newest(out: string): Promise<Saved | null> {
  const folder = join(out, CHECKPOINTS);
  const step = (await checkpointSteps(folder)).at(-1);
  return step === undefined ? null : readSaved(checkpointPath(folder, step));
}

function ended({ snapshot: { progress }, about: { config } }: Saved): boolean {
  const patience = config.early_stopping?.patience ?? Number.POSITIVE_INFINITY;
  return progress.epoch > config.epochs || progress.waited >= patience;
}

/** What may differ between a run and what goes on with it. */
const free = new Set(['epochs', 'early_stopping', 'evaluate_every', 'best', 'checkpoint', 'tensorboard', 'out']);

/** Check that a run that goes on is the one that was stopped. */
function checkSame(out: string, saved: Omit<Saved, 'snapshot'>, run: Omit<Saved, 'snapshot'>): void {
  const [before, now] = [saved.about, run.about];
  const plain = ({ arc, about: { config } }: Omit<Saved, 'snapshot'>) =>
    ({ ...config, arc, data: withPaths(config.data, () => '') }) as Record<string, unknown>;
  const [old, own] = [plain(saved), plain(run)];
  const text = (value: unknown) => (value === undefined ? 'nothing' : JSON.stringify(value));
  for (const key of new Set([...Object.keys(old), ...Object.keys(own)])) {
    if (free.has(key) || text(old[key]) === text(own[key])) continue;
    throw new TorcharcError(
      `${out}: cannot go on with other settings: ${key} was ${text(old[key])} and is ${text(own[key])}; begin anew without --resume`,
    );
  }
  const [trained, tested] = before.sizes;
  if (now.sizes[0] !== trained || now.sizes[1] !== tested || text(before.info) !== text(now.info)) {
    throw new TorcharcError(
      `${out}: cannot go on with other data: ${now.info.name} has changed since; begin anew without --resume`,
    );
  }
}

export interface TrainHooks {
  readonly signal?: { readonly aborted: boolean } | undefined;
  readonly onBatch?: ((progress: BatchProgress) => void | Promise<void>) | undefined;
  /** After the weights and scores are on disk. */
  readonly onEvaluation?: ((evaluation: Evaluation, isBest: boolean) => void | Promise<void>) | undefined;
}

/**
 * Train a prepared run. After each evaluation there is a checkpoint, `last.safetensors` holds its weights, and if it was the best
 * `best.safetensors` does too. At the end, also an untimely one, `report.html` shows the curves.
 */
export async function train(run: Run, hooks: TrainHooks = {}): Promise<FitResult> {
  const { out, fit: options } = run;
  const records = await Records.open(run);
  const report = async () => writeReport(join(out, REPORT), await reportOf(run));
  let told: (() => void | Promise<void>) | null = null;
  try {
    const result = await fit({
      ...options,
      signal: hooks.signal,
      onBatch: hooks.onBatch,
      onEvaluation: async (evaluation, isBest) => {
        await records.add(evaluation);
        told = () => hooks.onEvaluation?.(evaluation, isBest);
      },
      onSnapshot: async (snapshot) => {
        await save(run, snapshot, await records.lengths());
        const tell = told;
        told = null;
        await tell?.();
      },
    });
    await report();
    return result;
  } catch (e) {
    // what went wrong matters more than that it cannot be drawn
    await report().catch(() => {});
    throw e;
  } finally {
    await records.close();
    await run.data.close?.();
  }
}

/** Write a checkpoint, and remove what it makes superfluous. */
async function save(run: Run, snapshot: Saved['snapshot'], logs: Logs): Promise<void> {
  const { out, config, arc } = run;
  const folder = join(out, CHECKPOINTS);
  const { step, best } = snapshot.progress;
  const path = checkpointPath(folder, step);
  await makeFolder(folder);
  await writeCheckpoint(path, { snapshot, arc, about: about(run, logs) });
  if (best?.step === step) await shareFile(join(path, 'model.safetensors'), join(out, 'best.safetensors'));
  await shareFile(join(path, 'model.safetensors'), join(out, 'last.safetensors'));
  await prune(folder, config.checkpoint.keep, best?.step ?? null);
}

/** `metrics.jsonl`, and TensorBoard's file if it is wanted. */
class Records {
  readonly #out: string;
  readonly #events: EventFile | null;

  private constructor(out: string, events: EventFile | null) {
    this.#out = out;
    this.#events = events;
  }

  static async open({ out, config, logs }: Run): Promise<Records> {
    if (!config.tensorboard) return new Records(out, null);
    const [name, size] = Object.entries(logs).find(([name]) => name !== METRICS) ?? [];
    const events = name === undefined ? EventFile.create(out) : EventFile.resume(join(out, name), size!);
    return new Records(out, await events);
  }

  async add(evaluation: Evaluation): Promise<void> {
    const line = metricsLine(evaluation);
    await appendLine(join(this.#out, METRICS), JSON.stringify(line));
    await this.#events?.add(evaluation.step, Date.now() / 1000, line);
  }

  /** How long the files are, once they are on disk. */
  async lengths(): Promise<Logs> {
    await this.#events?.sync();
    const own = await logLengths(this.#out, [METRICS]);
    return this.#events ? { ...own, [basename(this.#events.path)]: this.#events.size } : own;
  }

  async close(): Promise<void> {
    await this.#events?.close();
  }
}

/** No times: the same run writes the same file. */
function metricsLine({ epoch, step, lr, trainLoss, trainParts, test }: Evaluation): Record<string, unknown> {
  const named = (part: string, scores: Readonly<Record<string, unknown>>) =>
    Object.fromEntries(Object.entries(scores).map(([name, value]) => [`${part}_${name}`, value]));
  return { epoch, step, lr, train_loss: trainLoss, ...named('train', trainParts), ...named('test', test ?? {}) };
}

async function reportOf({ out, data, config }: Run) {
  const text = await readText(join(out, METRICS), Number.POSITIVE_INFINITY);
  const records = text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const targets = Object.entries(data.info.targets);
  const classes = targets.map(([name, { classes }]) => [targets.length === 1 ? '' : name, classes] as const);
  return {
    title: resolve(out).split(sep).slice(-2).join('/'),
    subtitle: [
      `${data.info.name}: ${data.train.size.toLocaleString('en')} samples to train on, ${data.test.size.toLocaleString('en')} to test on; seed ${config.seed}`,
    ],
    records,
    classes: Object.fromEntries(classes),
  };
}
