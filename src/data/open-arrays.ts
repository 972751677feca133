/** Samples from arrays: one array for each input and target, whose first dimension counts the samples. For Node only. */
import { numel, type Shape, showShape } from '../tensor/shape.ts';
import { TorcharcError } from '../util/errors.ts';
import type { Source, SourceInput, SourceTarget } from './assemble.ts';
import { classField } from './classes.ts';
import type { IdxConfig, NpyConfig, NpzConfig, SafetensorsConfig, Scale } from './config.ts';
import { convert, fromFortran } from './elements.ts';
import { ArrayField, type FieldArray } from './fields.ts';
import { idxArray, npyArray, npzArrays, type RawArray, type ReadArray, safetensorsArrays } from './raw-array.ts';
import { RowFile } from './row-file.ts';
import type { DataInfo, Field } from './samples.ts';
import { channels } from './scaling.ts';

type Locate = (path: string) => string;

/** What a config says of an array; what it leaves out is said for all of them. */
interface ArraySpec {
  readonly array: string;
  readonly shape?: Shape | undefined;
  readonly dtype?: 'float32' | 'int64' | undefined;
  readonly scale?: Scale | undefined;
  readonly task?: 'classification' | 'regression' | undefined;
}

type Named = string | Readonly<Record<string, string | ArraySpec>>;
type Defaults = Pick<NpyConfig, 'task' | 'shape' | 'dtype' | 'scale' | 'target_scale'>;

export async function openIdx(config: IdxConfig, from: Locate, info?: DataInfo): Promise<Source> {
  const { images, labels } = config.idx;
  const read = async (path: string) => withChannel(await idxArray(from(path)), path === images);
  return arraySource(from(images), config, { input: images, target: labels }, read, info);
}

/** Images of rows and columns have one channel, as torchvision's have. */
function withChannel(array: RawArray, isImage: boolean): RawArray {
  const { shape } = array.header;
  if (!isImage || shape.length !== 3) return array;
  return { ...array, header: { ...array.header, shape: shape.toSpliced(1, 0, 1) } };
}

export async function openNpy(config: NpyConfig, from: Locate, info?: DataInfo): Promise<Source> {
  const read = (path: string) => npyArray(from(path));
  const [first] = Object.values(entries(config.npy.input, 'input', {}));
  return arraySource(from(first!.array), config, config.npy, read, info);
}

export async function openNpz(config: NpzConfig, from: Locate, info?: DataInfo): Promise<Source> {
  const path = from(config.npz.file);
  return arraySource(path, config, config.npz, await npzArrays(path), info);
}

export async function openSafetensors(config: SafetensorsConfig, from: Locate, info?: DataInfo): Promise<Source> {
  const path = from(config.safetensors.file);
  return arraySource(path, config, config.safetensors, await safetensorsArrays(path), info);
}

/** Arrays by name: a lone one is called `lone`. */
function entries(given: Named, lone: string, defaults: Omit<ArraySpec, 'array'>): Record<string, ArraySpec> {
  const named = typeof given === 'string' ? { [lone]: given } : given;
  return Object.fromEntries(
    Object.entries(named).map(([name, one]) => {
      const own = typeof one === 'string' ? { array: one } : one;
      return [name, { ...defaults, ...own }];
    }),
  );
}

async function arraySource(
  name: string,
  { task, shape, dtype, scale, target_scale }: Defaults,
  arrays: { readonly input: Named; readonly target: Named },
  read: ReadArray,
  info?: DataInfo,
): Promise<Source> {
  const opened: Opened[] = [];
  const open = async (array: string, taken: 'float32' | 'int64', shape?: Shape) => {
    const raw = await read(array);
    const one = { raw, ...(await openField(raw, taken, shape)) };
    opened.push(one);
    return one;
  };
  const close = async () => {
    for (const { close } of opened) await close?.();
  };
  try {
    const inputs: Record<string, SourceInput> = {};
    const targets: Record<string, SourceTarget> = {};
    for (const [key, spec] of Object.entries(entries(arrays.input, 'input', { shape, dtype, scale }))) {
      const { field } = await open(spec.array, spec.dtype ?? 'float32', spec.shape);
      inputs[key] = { field, columns: [], scale: spec.scale ?? 'none', scaled: channels(field.shape) };
    }
    for (const [key, spec] of Object.entries(entries(arrays.target, 'target', { task, scale: target_scale }))) {
      const kind = spec.task ?? missingTask(name, key);
      const { raw, field } = await open(spec.array, kind === 'classification' ? 'int64' : 'float32');
      const made = await targetOf(field, raw.name, kind, info?.targets[key]?.classes);
      const rest = { task: kind, columns: [], scale: spec.scale ?? 'none', scaled: channels(made.field.shape) };
      targets[key] = { ...made, ...rest };
    }
    return { name, unit: 'samples', size: commonSize(opened), inputs, targets, close };
  } catch (e) {
    await close();
    throw e;
  }
}

interface Opened {
  readonly raw: RawArray;
  readonly field: Field;
  readonly close?: () => Promise<void>;
}

function missingTask(name: string, target: string): never {
  throw new TorcharcError(`${name}: target '${target}': expected a task, classification or regression, got none`);
}

/** A class, or a value, of each sample: `[n, 1]` and `[n]` are the same. */
async function targetOf(field: Field, name: string, task: 'classification' | 'regression', known?: readonly string[]) {
  const { shape } = field;
  if (task === 'regression') return { field: shape.length > 0 ? field : reshaped(field, [1]), classes: [] };
  return classField(shape.length === 1 && shape[0] === 1 ? reshaped(field, []) : field, name, known);
}

/** The same values, as samples of another shape. */
function reshaped(field: Field, shape: Shape): Field {
  if (field instanceof ArrayField) return new ArrayField(field.data, shape, field.size);
  const { size, dtype, block } = field;
  return { size, shape, dtype, block, take: (rows) => field.take(rows) };
}

function commonSize(opened: readonly Opened[]): number {
  const [first] = opened;
  const { size } = first!.field;
  for (const { raw, field } of opened) {
    if (field.size === size) continue;
    throw new TorcharcError(
      `${raw.name}: expected ${size} samples, as many as ${first!.raw.name} has, got ${field.size}`,
    );
  }
  return size;
}

async function openField(
  { name, path, header, bytes }: RawArray,
  dtype: 'float32' | 'int64',
  wanted?: Shape,
): Promise<{ field: Field; close?: () => Promise<void> }> {
  const { elements, begin } = header;
  const [size, ...own] = header.shape as [number, ...number[]];
  const shape = wanted ?? own;
  const width = numel(own);
  if (numel(shape) !== width) {
    throw new TorcharcError(
      `${name}: expected samples of shape ${showShape(shape)}, which have ${numel(shape)} values, got ${width} of shape ${showShape(own)}`,
    );
  }
  if (bytes) {
    const values = convert(bytes, elements, dtype, (i) => `${name}: sample ${Math.floor(i / width)}`);
    const ordered = header.fortran ? fromFortran<FieldArray>(values, header.shape) : values;
    return { field: new ArrayField(ordered, shape, size) };
  }
  const rows = await RowFile.open(path, begin, width * elements.size, size);
  const field: Field = {
    size,
    shape,
    dtype,
    block: rows.block,
    take(at) {
      const place = (i: number) => `${name}: sample ${at[Math.floor(i / width)]}`;
      const taken = rows.gather(at, 0, width * elements.size);
      return taken instanceof Promise
        ? taken.then((read) => convert(read, elements, dtype, place))
        : convert(taken, elements, dtype, place);
    },
  };
  return { field, close: () => rows.close() };
}
