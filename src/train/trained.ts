/** A trained model from a run's folder alone, to evaluate it and to predict with it. Node only. */
import { basename, dirname, join, resolve } from 'node:path';
import { build } from '../arc/build.ts';
import { mapped } from '../data/fields.ts';
import { openData } from '../data/open.ts';
import { filesOf, withPaths } from '../data/paths.ts';
import type { InputInfo } from '../data/samples.ts';
import { exists, namesIn } from '../io/files.ts';
import type { Module } from '../nn/module.ts';
import { inferring } from '../tensor/mode.ts';
import { leaf, Tensor } from '../tensor/tensor.ts';
import { TorcharcError } from '../util/errors.ts';
import { type About, readSaved } from './about.ts';
import { criteria } from './assemble.ts';
import { CHECKPOINTS, checkpointPath, checkpointSteps, STATE } from './checkpoint.ts';
import { feeding } from './inputs.ts';
import { forward, inspect, type Judged, measure } from './measure.ts';
import type { Scores } from './metrics.ts';
import { pairsOf } from './objective.ts';
import { batchesOf } from './source.ts';

/** Which weights of a run. */
export type Which = 'best' | 'last';

export interface Trained {
  readonly about: About;
  readonly arc: unknown;
  /** In evaluation mode. */
  readonly model: Module;
  readonly judged: Judged;
  /** The run's folder, which paths in its config are relative to. */
  readonly folder: string;
  /** Epochs and updates that its weights have seen. */
  readonly epoch: number;
  readonly step: number;
}

/** A model of a run: `folder` is what `torcharc train` wrote to, or one of the checkpoints in it. */
export async function openTrained(folder: string, which: Which = 'best'): Promise<Trained> {
  const path = await locate(folder, which);
  const { snapshot, arc, about } = await readSaved(path);
  const { progress } = snapshot;
  const { model, judged } = explain(path, () => {
    const model = build(arc) as Module;
    model.loadStateDict(new Map(snapshot.model));
    model.eval();
    return { model, judged: judgedOf(about, arc, model) };
  });
  const within = basename(dirname(resolve(path))) === CHECKPOINTS;
  // '.' and the like do not say where they are
  const home = within ? dirname(dirname(/^\.+$/.test(basename(path)) ? resolve(path) : path)) : path;
  return {
    about,
    arc,
    model,
    judged,
    folder: home,
    epoch: progress.epoch - (progress.batch === 0 ? 1 : 0),
    step: progress.step,
  };
}

function judgedOf({ config, info }: About, arc: unknown, model: Module): Judged {
  const judged: Judged = {
    ...criteria(config),
    model,
    forward: feeding(model, arc, info),
    info,
    metrics: config.metrics,
    lossWeights: config.loss_weights,
  };
  // by shapes alone, before anything of their size is asked for
  const blank = ({ shape, dtype }: InputInfo) => new Tensor(leaf(null, { shape: [2, ...shape], dtype }));
  const outputs = inferring(() => forward(judged, mapped(info.inputs, blank)));
  pairsOf(outputs, info.targets);
  return judged;
}

/** An error of what a checkpoint holds says in which. */
function explain<T>(path: string, body: () => T): T {
  try {
    return body();
  } catch (e) {
    if (!(e instanceof TorcharcError)) throw e;
    throw new TorcharcError(`${path}: expected a model and data that go together: ${e.message}`, { cause: e });
  }
}

async function locate(folder: string, which: Which): Promise<string> {
  if ((await namesIn(folder)).includes(STATE)) return folder;
  const all = join(folder, CHECKPOINTS);
  const last = (await checkpointSteps(all)).at(-1);
  if (last === undefined) {
    const got = (await exists(folder)) ? `one without ${CHECKPOINTS}` : 'none of that name';
    throw new TorcharcError(`${folder}: expected a folder that torcharc train wrote, or a checkpoint, got ${got}`);
  }
  const newest = checkpointPath(all, last);
  if (which === 'last') return newest;
  const { best } = (await readSaved(newest)).snapshot.progress;
  return best ? checkpointPath(all, best.step) : newest;
}

/** Where other data lie: a file in the place of the only one, or in a folder those of the same names. */
async function otherFile(files: readonly string[], data: string): Promise<(path: string) => string> {
  if (files.length === 1) return () => resolve(data);
  const names = files.map((file) => basename(file));
  const there: readonly string[] = await namesIn(data).catch(() => []);
  const missing = names.find((name) => !there.includes(name));
  if (missing !== undefined || new Set(names).size < names.length) {
    throw new TorcharcError(
      `${data}: expected a folder with files of these names, which the data of the run consist of: ${names.join(', ')}`,
    );
  }
  return (path) => join(resolve(data), basename(path));
}

/** Scores of a trained model on the test part of its data, or on other data of the same kind: all of the given file, or folder of files. */
export async function evaluate(
  trained: Trained,
  { data, batchSize }: { readonly data?: string | undefined; readonly batchSize?: number | undefined } = {},
): Promise<{ scores: Scores; samples: number; name: string }> {
  const { about, judged, folder } = trained;
  const { config, info } = about;
  const given = data === undefined ? config.data : withPaths(config.data, await otherFile(filesOf(config.data), data));
  const dataset = await openData(given, { folder, info, whole: data !== undefined });
  try {
    const { test } = dataset;
    const size = batchSize ?? config.batch_size;
    const order = { epoch: 1, batchSize: size, shuffle: null, skip: 0 };
    for await (const batch of batchesOf('test', test, order)) {
      const scores = await measure(judged, inspect(judged, batch), test, size);
      const name = 'file' in given.split ? given.split.file : dataset.info.name;
      return { scores, samples: test.size, name };
    }
    throw new TorcharcError(`${dataset.info.name}: there are no samples to test on`);
  } finally {
    await dataset.close?.();
  }
}
