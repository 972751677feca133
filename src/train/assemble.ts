/** Model, criteria and optimizer out of a config, with errors that say where in which file. Node only, since it reads the arc. */
import { isAbsolute, join } from 'node:path';
import { build, buildCriterion, buildOptimizer, buildScheduler } from '../arc/build.ts';
import type { Dataset } from '../data/samples.ts';
import { readText } from '../io/files.ts';
import { parseYaml, placed, type Yaml } from '../io/yaml.ts';
import type { Module } from '../nn/module.ts';
import { ArcError, ArgError, TorcharcError } from '../util/errors.ts';
import { manualSeed } from '../util/generator.ts';
import type { Config } from './config.ts';
import { checkFit, type FitOptions } from './fit.ts';
import { checkInputs, feeding } from './inputs.ts';
import type { Criterion } from './objective.ts';
import { OptionError } from './option-error.ts';

/** What a config and its arc decide without the data. */
export interface Parts extends Pick<FitOptions, 'criterion' | 'losses' | 'lossWeights' | 'optimizer' | 'scheduler'> {
  readonly model: Module;
}

/** Model, criterion and optimizer, made before the data are read: what is wrong here is said at once. */
export function makeParts(config: Config, arc: unknown, arcAt: At, at: (key: string) => At): Parts {
  manualSeed(config.seed);
  const model = blamed(arcAt, () => build(arc)) as Module;
  const objective = criteria(config, at);
  const optimizer = blamed(at('optimizer'), () => buildOptimizer(config.optimizer, model));
  const { scheduler: spec, loss_weights: lossWeights } = config;
  const scheduler = spec && blamed(at('scheduler'), () => buildScheduler(spec, optimizer));
  return { model, ...objective, ...(lossWeights ? { lossWeights } : {}), optimizer, scheduler };
}

/** All of it as `fit` takes it, once the data are there. */
export async function assemble(
  parts: Parts,
  config: Config,
  arc: unknown,
  data: Dataset,
  arcAt: At,
  at: (key: string) => At,
): Promise<FitOptions> {
  const { early_stopping: stopping } = config;
  blamed(arcAt, () => checkInputs(arc, data.info));
  const options: FitOptions = {
    ...parts,
    forward: blamed(arcAt, () => feeding(parts.model, arc, data.info)),
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
    earlyStopping: stopping && {
      metric: stopping.metric,
      patience: stopping.patience,
      minDelta: stopping.min_delta,
    },
    snapshotEvery: config.checkpoint.every,
  };
  await checkFit(options).catch((e: unknown) => {
    throw e instanceof OptionError ? blame(at(keyOf(e)), new ArgError(e.what)) : blame(arcAt, e);
  });
  return options;
}

/** The criterion of a config, or those of its outputs. */
export function criteria({ criterion, losses }: Pick<Config, 'criterion' | 'losses'>, at?: (key: string) => At) {
  const made = (key: string, spec: unknown): Criterion =>
    at ? blamed(at(key), () => buildCriterion(spec)) : buildCriterion(spec);
  if (criterion) return { criterion: made('criterion', criterion) };
  const named = Object.entries(losses!).map(([name, spec]) => [name, made(`losses.${name}`, spec)] as const);
  return { losses: Object.fromEntries(named) };
}

/** A path of a config, which is relative to the config's folder. */
export function from(folder: string, path: string): string {
  return isAbsolute(path) ? path : join(folder, path);
}

/** A file, or a part of one, that an error is to be blamed on. */
export interface At {
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

export async function readSpec(arc: Config['arc'], folder: string, config: At): Promise<{ arc: unknown; arcAt: At }> {
  if (typeof arc !== 'string') return { arc, arcAt: { ...config, under: 'arc' } };
  const path = from(folder, arc);
  const yaml = parseYaml(await readText(path), path);
  return { arc: yaml.value, arcAt: { path, yaml } };
}
