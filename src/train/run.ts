/** A run of `torcharc train`: from `config.yaml` to a folder with weights and metrics. Node only, since it is about files. */
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { stringify } from 'yaml';
import { build, buildCriterion, buildOptimizer, buildScheduler } from '../arc/build.ts';
import { readTable } from '../data/csv.ts';
import { type Dataset, makeDataset } from '../data/dataset.ts';
import { appendLine, makeFolder, readText, writeAtomic } from '../io/files.ts';
import { encodeSafetensors } from '../io/safetensors.ts';
import { parseYaml, placed, type Yaml } from '../io/yaml.ts';
import type { Module } from '../nn/module.ts';
import { ArcError, TorcharcError } from '../util/errors.ts';
import { manualSeed } from '../util/generator.ts';
import { type Config, parseConfig } from './config.ts';
import { type BatchProgress, checkFit, type Epoch, type FitOptions, type FitResult, fit } from './fit.ts';
import { checkInput, samples } from './inputs.ts';

/** What may be set from outside the config. */
export interface Overrides {
  readonly epochs?: number | undefined;
  readonly seed?: number | undefined;
  /** Relative to the working directory, unlike the config's own. */
  readonly out?: string | undefined;
}

export interface Run {
  readonly config: Config;
  readonly data: Dataset;
  readonly model: Module;
  readonly csv: string;
  /** The folder that receives everything. */
  readonly out: string;
  readonly fit: FitOptions;
}

/**
 * Read a config and all it names, build the model, check that everything fits together, and open the output folder; throws
 * for whatever is wrong with the input. Paths in a config are relative to it.
 */
export async function prepare(path: string, overrides: Overrides = {}): Promise<Run> {
  const { config: written, yaml } = parseConfig(await readText(path), path);
  const config = { ...written, epochs: overrides.epochs ?? written.epochs, seed: overrides.seed ?? written.seed };
  const folder = dirname(path);
  const { arc, arcAt } = await readSpec(config.arc, folder, { path, yaml });
  const csv = from(folder, config.data.csv);
  const data = criterionTargets(
    makeDataset(readTable(await readText(csv, Number.POSITIVE_INFINITY), csv), config.data),
    config,
    csv,
  );

  manualSeed(config.seed);
  const at = (key: string): At => ({ path, yaml, under: key });
  const model = blamed(arcAt, () => build(arc));
  const criterion = blamed(at('criterion'), () => buildCriterion(config.criterion));
  const optimizer = blamed(at('optimizer'), () => buildOptimizer(config.optimizer, model));
  const { scheduler: spec } = config;
  const scheduler = spec && blamed(at('scheduler'), () => buildScheduler(spec, optimizer));
  blamed(arcAt, () => checkInput(arc, csv, data.train.shape));
  const options: FitOptions = {
    model,
    forward: blamed(arcAt, () => samples(model, arc)),
    criterion,
    optimizer,
    scheduler,
    data,
    epochs: config.epochs,
    batchSize: config.batch_size,
    seed: config.seed,
  };
  blamed(arcAt, () => checkFit(options));

  const out = overrides.out ?? from(folder, config.out);
  await open(out, path, config, arc, csv);
  return { config, csv, data, model, out, fit: options };
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

function blamed<T>({ path, yaml, under = '' }: At, body: () => T): T {
  try {
    return body();
  } catch (e) {
    if (!(e instanceof TorcharcError)) throw e;
    const issues = e instanceof ArcError ? e.issues : [{ path: '', message: e.message }];
    const full = (inner: string) => (under && inner ? `${under}.${inner}` : under || inner);
    throw placed(
      yaml,
      path,
      issues.map((issue) => ({ path: full(issue.path), message: issue.message })),
      e,
    );
  }
}

async function readSpec(arc: Config['arc'], folder: string, config: At): Promise<{ arc: unknown; arcAt: At }> {
  if (typeof arc !== 'string') return { arc, arcAt: { ...config, under: 'arc' } };
  const path = from(folder, arc);
  const yaml = parseYaml(await readText(path), path);
  return { arc: yaml.value, arcAt: { path, yaml } };
}

/** Binary cross entropy takes 0 and 1 as numbers, other criteria take class indices. */
function criterionTargets(data: Dataset, { criterion, data: { target } }: Config, csv: string): Dataset {
  if (data.task !== 'classification' || !/^BCE(WithLogits)?Loss$/.test(criterion.type)) return data;
  if (data.classes.length !== 2) {
    throw new TorcharcError(
      `${csv}: ${criterion.type} takes two classes, but column '${target}' has ${data.classes.length}; use CrossEntropyLoss`,
    );
  }
  const [train, test] = [data.train, data.test].map((part) => ({
    ...part,
    targets: Float32Array.from(part.targets, Number),
  }));
  return { ...data, train: train!, test: test! };
}

/** Make the output folder with everything that is known before the first epoch. */
async function open(out: string, path: string, config: Config, arc: unknown, csv: string): Promise<void> {
  await makeFolder(out);
  const slashes = (text: string) => text.split(sep).join('/');
  const copy = { ...config, arc: 'arc.json', data: { ...config.data, csv: slashes(relative(out, csv)) }, out: '.' };
  const given = [resolve(path), typeof config.arc === 'string' ? resolve(from(dirname(path), config.arc)) : ''];
  for (const [name, content] of [
    ['config.yaml', stringify(copy)],
    ['arc.json', `${JSON.stringify(arc, null, 2)}\n`],
    ['metrics.jsonl', ''],
  ] as const) {
    // a run repeated in its own folder: the file is the user's
    if (!given.includes(resolve(out, name))) await writeAtomic(join(out, name), content);
  }
}

export interface TrainHooks {
  readonly signal?: { readonly aborted: boolean } | undefined;
  readonly onBatch?: ((progress: BatchProgress) => void | Promise<void>) | undefined;
  /** After the epoch's weights and metrics are on disk. */
  readonly onEpoch?: ((epoch: Epoch, isBest: boolean) => void | Promise<void>) | undefined;
}

/** Train a prepared run. After each epoch `last.safetensors`, and if it was the best `best.safetensors`, hold its weights. */
export function train({ model, out, fit: options }: Run, hooks: TrainHooks = {}): Promise<FitResult> {
  return fit({
    ...options,
    signal: hooks.signal,
    ...(hooks.onBatch ? { onBatch: hooks.onBatch } : {}),
    onEpoch: async (epoch, isBest) => {
      const bytes = await encodeSafetensors(model.stateDict(), { format: 'pt', epoch: String(epoch.epoch) });
      if (isBest) await writeAtomic(join(out, 'best.safetensors'), bytes);
      await writeAtomic(join(out, 'last.safetensors'), bytes);
      await appendLine(join(out, 'metrics.jsonl'), JSON.stringify(metricsLine(epoch)));
      await hooks.onEpoch?.(epoch, isBest);
    },
  });
}

/** No times: the same run writes the same file. */
function metricsLine({ epoch, lr, trainLoss, test }: Epoch): Record<string, number> {
  const scores = Object.entries(test).map(([name, value]) => [`test_${name}`, value as number]);
  return { epoch, lr, train_loss: trainLoss, ...Object.fromEntries(scores) };
}
