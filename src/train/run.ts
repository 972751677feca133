/**
 * A run of `torcharc train`: from `config.yaml` to a folder with weights, checkpoints and records. Node only, since it is about
 * files.
 */
import { dirname, join, relative, resolve, sep } from 'node:path';
import { stringify } from 'yaml';
import { openData } from '../data/open.ts';
import { withPaths } from '../data/paths.ts';
import type { Dataset } from '../data/samples.ts';
import { makeFolder, moveTo, namesIn, readText, remove, removeTorn, shareFile, writeAtomic } from '../io/files.ts';
import type { Module } from '../nn/module.ts';
import { TorcharcError } from '../util/errors.ts';
import { Generator } from '../util/generator.ts';
import { type About, readSaved, type Saved } from './about.ts';
import { type At, assemble, from, makeParts, readSpec } from './assemble.ts';
import {
  CHECKPOINTS,
  checkpointPath,
  checkpointSteps,
  cutLogs,
  type Logs,
  prune,
  writeCheckpoint,
} from './checkpoint.ts';
import { type Config, parseConfig } from './config.ts';
import { type BatchProgress, type Evaluation, type FitOptions, type FitResult, fit } from './fit.ts';
import { METRICS, REPORT, Records, report } from './records.ts';
import { takeOver } from './snapshot.ts';

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
  const at = (key: string): At => ({ path, yaml, under: key });
  const parts = makeParts(config, arc, arcAt, at);
  const { model } = parts;
  const data = await openData(config.data, { folder, cache: out });
  try {
    const options = await assemble(parts, config, arc, data, arcAt, at);
    const moved = withinOut(config, out, folder);
    const run = { config: moved, data, model, arc, out, fit: options, logs: {}, aside: null };
    await makeFolder(out);
    const saved = overrides.resume ? await newest(out) : null;
    const given = [resolve(path), typeof config.arc === 'string' ? resolve(from(folder, config.arc)) : ''];
    if (saved) {
      checkSame(out, saved, { arc, about: about(run, {}) });
      checkFits(out, saved, options);
    }
    const aside = saved ? null : await clear(out);
    await removeTorn(out);
    await removeTorn(join(out, CHECKPOINTS));
    await writeOut(run, given);
    if (!saved) return { ...run, aside };
    await cutLogs(out, saved.about.logs);
    await settle(run, saved.snapshot);
    return { ...run, fit: { ...options, resume: saved.snapshot }, logs: saved.about.logs };
  } catch (e) {
    await data.close?.();
    throw e;
  }
}

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
    const { path, was, is } = difference(old[key], own[key], key);
    throw new TorcharcError(
      `${out}: cannot go on with other settings: ${path} was ${text(was)} and is ${text(is)}; begin anew without --resume`,
    );
  }
  const [trained, tested] = before.sizes;
  if (now.sizes[0] !== trained || now.sizes[1] !== tested || text(plainInfo(before)) !== text(plainInfo(now))) {
    throw new TorcharcError(
      `${out}: cannot go on with other data: ${now.info.name} has changed since; begin anew without --resume`,
    );
  }
}

/** The first place where two values that are not the same differ. */
function difference(was: unknown, is: unknown, path: string): { path: string; was: unknown; is: unknown } {
  const isRecord = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  if (isRecord(was) && isRecord(is)) {
    for (const key of new Set([...Object.keys(was), ...Object.keys(is)])) {
      if (JSON.stringify(was[key]) !== JSON.stringify(is[key])) return difference(was[key], is[key], `${path}.${key}`);
    }
  }
  return { path, was, is };
}

/** Where the data lies may change. */
function plainInfo({ info: { inputs, targets } }: About) {
  return { inputs, targets };
}

/** Check that a checkpoint fits the model, optimizer and scheduler, before anything is changed that it stands for. */
function checkFits(out: string, { snapshot }: Saved, options: FitOptions): void {
  try {
    takeOver(snapshot, options, new Generator());
  } catch (e) {
    if (!(e instanceof TorcharcError)) throw e;
    const path = checkpointPath(join(out, CHECKPOINTS), snapshot.progress.step);
    throw new TorcharcError(`${path}: does not fit the run: ${e.message}`, { cause: e });
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
  const { fit: options } = run;
  const records = await Records.open(run);
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
    await report(run);
    return result;
  } catch (e) {
    // what went wrong matters more than that it cannot be drawn
    await report(run).catch(() => {});
    throw e;
  } finally {
    await records.close();
    await run.data.close?.();
  }
}

/** Write a checkpoint, and remove what it makes superfluous. */
async function save(run: Run, snapshot: Saved['snapshot'], logs: Logs): Promise<void> {
  const { out, arc } = run;
  const folder = join(out, CHECKPOINTS);
  await makeFolder(folder);
  await writeCheckpoint(checkpointPath(folder, snapshot.progress.step), { snapshot, arc, about: about(run, logs) });
  await settle(run, snapshot);
}

/** What follows from the newest checkpoint; done again when a run goes on, which may have been killed before it was. */
async function settle({ out, config }: Pick<Run, 'out' | 'config'>, { progress }: Saved['snapshot']): Promise<void> {
  const folder = join(out, CHECKPOINTS);
  const { step, best } = progress;
  const path = checkpointPath(folder, step);
  if (best?.step === step) await shareFile(join(path, 'model.safetensors'), join(out, 'best.safetensors'));
  await shareFile(join(path, 'model.safetensors'), join(out, 'last.safetensors'));
  await prune(folder, config.checkpoint.keep, best?.step ?? null);
}
