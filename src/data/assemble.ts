/** From what a source gives to a dataset: split, scaled, and described. */
import { ArgError, TorcharcError } from '../util/errors.ts';
import { Generator } from '../util/generator.ts';
import type { Scale } from './config.ts';
import { mapped, scaled, subset } from './fields.ts';
import { permutation } from './loader.ts';
import type { DataInfo, Dataset, Field, Samples, TargetInfo } from './samples.ts';
import { type Columns, type Fitted, fitScalings } from './scaling.ts';

export interface SourceInput {
  readonly field: Field;
  /** Of a table. */
  readonly columns: readonly string[];
  readonly scale: Scale;
  readonly scaled: Columns;
}

export interface SourceTarget extends SourceInput {
  readonly task: TargetInfo['task'];
  readonly classes: readonly string[];
}

/** All samples of one file or folder, as they stand there. */
export interface Source {
  /** What errors call it. */
  readonly name: string;
  /** What errors call its samples. */
  readonly unit: string;
  readonly size: number;
  readonly inputs: Readonly<Record<string, SourceInput>>;
  readonly targets: Readonly<Record<string, SourceTarget>>;
  close?(): Promise<void>;
}

export interface Parts {
  readonly train: Uint32Array;
  readonly test: Uint32Array;
}

/** A fraction held out: drawn with a seed, or by order the last ones. */
export type Split = { readonly test: number; readonly seed: number } | { readonly test: number; readonly by: 'order' };

/**
 * Which samples are for training and which for testing. The draw is that of
 * `torch.utils.data.random_split(samples, [1 - test, test])` with a generator of the seed.
 */
export function splitRows({ name, unit, size }: Source, split: Split): Parts {
  const held = Math.floor(size * split.test);
  if (held === 0 || held === size) {
    throw new ArgError(
      `${name}: ${size} ${unit} with a test fraction of ${split.test} leave ${size - held} for training and ${held} for testing; expected at least 1 each`,
    );
  }
  const order = 'by' in split ? everyRow(size) : permutation(size, new Generator(split.seed));
  return { train: order.subarray(0, size - held), test: order.subarray(size - held) };
}

export function everyRow(size: number): Uint32Array<ArrayBuffer> {
  return new Uint32Array(size).map((_, i) => i);
}

/** The dataset of a source. `info`: how samples were made in an earlier run, instead of fitting. */
export async function assemble(source: Source, parts: Parts, info?: DataInfo): Promise<Dataset> {
  const fields = [...Object.values(source.inputs), ...Object.values(source.targets)].map(({ field }) => field);
  // neighbors in a file stay neighbors; sorted in place, since there may be many
  const { train, test } = fields.some(({ block }) => block) ? sorted(parts) : parts;
  const described = info ? checkInfo(source, info) : await describe(source, train);
  const { size } = source;
  const samples: Samples = {
    size,
    inputs: mapped(source.inputs, ({ field }, name) => scaled(field, described.inputs[name]!.scale)),
    targets: mapped(source.targets, ({ field }, name) => scaled(field, described.targets[name]!.scale)),
  };
  return {
    info: described,
    train: subset(samples, train),
    test: subset(samples, test),
    ...(source.close ? { close: () => source.close!() } : {}),
  };
}

function sorted({ train, test }: Parts): Parts {
  return { train: train.sort(), test: test.sort() };
}

async function describe(source: Source, train: Uint32Array): Promise<DataInfo> {
  const { name, inputs, targets } = source;
  checkScales(source);
  const all = [...Object.values(inputs), ...Object.values(targets)];
  const fits = all.map(({ field, scale, scaled }): Fitted => ({ field, how: scale, columns: scaled }));
  const scalings = await fitScalings(fits, train);
  const scaleOf = (one: SourceInput) => scalings[all.indexOf(one as SourceTarget)] ?? null;
  return {
    name,
    inputs: mapped(inputs, (one) => {
      const { shape, dtype } = one.field;
      return { shape, dtype, columns: one.columns, scale: scaleOf(one) };
    }),
    targets: mapped(targets, (one) => {
      const { task, classes, columns, field } = one;
      return { task, shape: field.shape, columns, classes, scale: scaleOf(one) };
    }),
  };
}

function checkScales({ name, inputs, targets }: Source): void {
  for (const [key, { field, scale }] of Object.entries(inputs)) {
    if (field.dtype === 'int64' && scale !== 'none')
      throw new ArgError(`${name}: input '${key}': int64 values cannot be scaled`);
  }
  for (const [key, { task, scale }] of Object.entries(targets)) {
    if (task === 'classification' && scale !== 'none')
      throw new ArgError(`${name}: target '${key}': classes cannot be scaled`);
  }
}

/** Check that samples look as those of an earlier run. */
function checkInfo(source: Source, info: DataInfo): DataInfo {
  for (const part of ['inputs', 'targets'] as const) {
    const [now, then] = [source[part], info[part]];
    const shapes = (shape: readonly number[] | undefined) => (shape ? `shape [${shape.join(', ')}]` : 'none');
    for (const name of new Set([...Object.keys(then), ...Object.keys(now)])) {
      const [expected, got] = [shapes(then[name]?.shape), shapes(now[name]?.field.shape)];
      if (expected === got) continue;
      throw new TorcharcError(`${source.name}: ${part} '${name}': expected ${expected} as in ${info.name}, got ${got}`);
    }
  }
  return { ...info, name: source.name };
}
