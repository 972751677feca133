/** Predictions of a trained model for records or images, a batch at a time, so that files of any length can be read and written. */
import { readCsv } from '../data/csv-rows.ts';
import { scaleInPlace } from '../data/fields.ts';
import { decodeImage } from '../data/image.ts';
import { planes } from '../data/resize.ts';
import {
  type Decoded,
  decoder,
  type InputArrays,
  type JsonRecord,
  type Read,
  recordReader,
  rowReader,
} from '../data/rows.ts';
import type { DataInfo, InputInfo, TargetInfo } from '../data/samples.ts';
import { realize } from '../engine/evaluate.ts';
import { freeze } from '../engine/freeze.ts';
import { readBytes } from '../io/files.ts';
import type { Module } from '../nn/module.ts';
import { typeName } from '../nn/module.ts';
import { noGrad } from '../tensor/mode.ts';
import { numel } from '../tensor/shape.ts';
import { hostData, leaf, Tensor } from '../tensor/tensor.ts';
import { ArgError, TorcharcError } from '../util/errors.ts';
import { explained } from './explained.ts';
import { feeding } from './inputs.ts';
import { criterionOf, outputsOf, type Pair, pairsOf, type Tensors } from './objective.ts';
import type { Trained } from './trained.ts';

/** What is written: a header and lines, or a record a line. */
export type Format = 'csv' | 'jsonl';

export interface PredictOptions {
  /** That of the input, CSV for images. */
  readonly format?: Format | undefined;
  /** Samples that are computed together; 256. */
  readonly batchSize?: number | undefined;
  /** The scores of all classes, instead of the best one's alone. */
  readonly scores?: boolean | undefined;
}

/** Lines for the samples in CSV or JSON lines (found out by the first character) that come in pieces. */
export async function* predictText(
  trained: Trained,
  pieces: AsyncIterable<string>,
  name: string,
  options: PredictOptions,
): AsyncIterable<string> {
  const { info } = trained.about;
  const { json, all } = await kindOf(pieces);
  const samples = json ? samplesOfJson(info, all, name, options) : samplesOfCsv(info, all, name, options);
  yield* predictions(trained, samples, { ...options, format: options.format ?? (json ? 'jsonl' : 'csv') });
}

/** Lines for image files, each with the file's name before it. */
export async function* predictImages(
  trained: Trained,
  paths: readonly string[],
  options: PredictOptions,
): AsyncIterable<string> {
  yield* predictions(trained, samplesOfImages(trained.about.info, paths, options), options, 'file');
}

interface SampleBatch {
  readonly size: number;
  readonly read: Read;
  /** What stands before each prediction. */
  readonly labels?: readonly string[];
}

async function* predictions(
  trained: Trained,
  batches: AsyncIterable<SampleBatch>,
  options: PredictOptions,
  label?: string,
): AsyncIterable<string> {
  const { info } = trained.about;
  const predict = predictor(trained, options.batchSize ?? 256);
  const decode = decoder(info);
  const writer = new Writer(info, options, label);
  for await (const { size, read, labels } of batches) {
    const outputs = await predict(read.inputs, size);
    const lines = decode(outputs, size, read.bases).map((sample, i) => writer.line(sample, labels?.[i]));
    yield lines.join('');
  }
}

/** Numbers of an input in a batch. */
const LARGEST_BATCH = 2 ** 28;

/** A model as a function of arrays: what it says of some samples, by target, ready to be decoded. */
function predictor(trained: Trained, batchSize: number) {
  const { about, arc, model } = trained;
  const { info } = about;
  const widest = Math.max(...Object.values(info.inputs).map(({ shape }) => numel(shape)));
  if (batchSize * widest > LARGEST_BATCH) {
    throw new ArgError(
      `predict: expected a batch of at most ${LARGEST_BATCH} numbers, got ${batchSize} samples of ${widest} each`,
    );
  }
  const run = feeding(freeze(model) as unknown as Module, arc, info);
  const plain = feeding(model, arc, info);
  let done = 0;
  return async (arrays: InputArrays, size: number): Promise<Record<string, Float32Array>> => {
    const inputs: Record<string, Tensor> = {};
    for (const [name, { shape, dtype }] of Object.entries(info.inputs)) {
      // always the same number of samples, so that there is one session
      const given = arrays[name]!;
      const data = given.slice(0, 0).constructor as new (length: number) => typeof given;
      const full = new data(batchSize * numel(shape));
      full.set(given as never);
      inputs[name] = new Tensor(leaf(full, { shape: [batchSize, ...shape], dtype }));
    }
    const said = noGrad(() => {
      const outputs = outputsOf(run(inputs));
      const pairs = pairsOf(outputs, info.targets);
      return pairs.map((pair) => [pair.target, likely(pair, outputs, trained)] as const);
    });
    await explained(
      () => realize(...said.map(([, tensor]) => tensor)),
      `predict: samples ${done + 1} to ${done + size}`,
      () => plain(inputs),
    );
    done += size;
    return Object.fromEntries(
      said.map(([name, tensor]) => {
        const values = hostData(tensor, 'predict') as Float32Array;
        return [name, values.subarray(0, (values.length / batchSize) * size)];
      }),
    );
  };
}

/** An output with scores of classes as probabilities, where the criterion says how. */
function likely(pair: Pair, outputs: Tensors, { judged, about }: Trained): Tensor {
  const output = outputs[pair.output]!;
  if (about.info.targets[pair.target]!.task !== 'classification') return output;
  if (output.ndim > 2)
    throw new ArgError(`predict: expected one class for a sample, got an output of shape [${output.shape.join(', ')}]`);
  switch (typeName(criterionOf(judged, pair)!.constructor)) {
    case 'CrossEntropyLoss':
      return output.softmax(-1);
    case 'NLLLoss':
      return output.exp();
    case 'BCEWithLogitsLoss':
      return output.sigmoid();
    default:
      return output;
  }
}

/** Whether text is JSON, by its first character; and the text, whole. */
async function kindOf(pieces: AsyncIterable<string>): Promise<{ json: boolean; all: AsyncIterable<string> }> {
  const iterator = pieces[Symbol.asyncIterator]();
  let head = '';
  let ended = false;
  for (let begun = false; !ended && !begun; ) {
    const { done, value = '' } = await iterator.next();
    ended = done === true;
    begun = value.trim() !== '';
    head += value;
  }
  async function* all() {
    if (head !== '') yield head;
    if (!ended) yield* { [Symbol.asyncIterator]: () => iterator };
  }
  return { json: /^[\uFEFF\s]*[[{]/.test(head), all: all() };
}

async function* samplesOfCsv(
  info: DataInfo,
  pieces: AsyncIterable<string>,
  name: string,
  { batchSize = 256 }: PredictOptions,
): AsyncIterable<SampleBatch> {
  const csv = await readCsv(pieces, name);
  const reader = rowReader(info, csv.columns, name);
  if (reader.rowsPerSample > 1) {
    // a series: what follows its end
    const last = await lastOf(csv.rows, reader.rowsPerSample);
    if (last.length < reader.rowsPerSample)
      throw new TorcharcError(
        `${name}: expected at least ${reader.rowsPerSample} rows to forecast from, got ${last.length}`,
      );
    yield { size: 1, read: reader.read(last) };
    return;
  }
  for await (const rows of chunked(csv.rows, batchSize)) yield { size: rows.length, read: reader.read(rows) };
}

async function* samplesOfJson(
  info: DataInfo,
  pieces: AsyncIterable<string>,
  name: string,
  { batchSize = 256 }: PredictOptions,
): AsyncIterable<SampleBatch> {
  const read = recordReader(info, name);
  for await (const records of chunked(jsonLines(pieces, name), batchSize)) {
    yield { size: records.length, read: read(records) };
  }
}

async function* samplesOfImages(
  info: DataInfo,
  paths: readonly string[],
  { batchSize = 256 }: PredictOptions,
): AsyncIterable<SampleBatch> {
  const [[name, input], ...others] = Object.entries(info.inputs) as [[string, InputInfo]];
  const { shape, scale, columns } = input;
  const [channels, height, width] = shape;
  if (others.length > 0 || columns.length > 0 || shape.length !== 3 || (channels !== 1 && channels !== 3))
    throw new TorcharcError(`predict: expected CSV or JSON lines, which this model was trained on, got images`);
  for (let from = 0; from < paths.length; from += batchSize) {
    const labels = paths.slice(from, from + batchSize);
    const values = new Float32Array(labels.length * numel(shape));
    for (const [i, path] of labels.entries()) {
      const bytes = planes(decodeImage(await readBytes(path), path), channels, height!, width!);
      for (let k = 0; k < bytes.length; k++) values[i * bytes.length + k] = bytes[k]! / 255;
    }
    if (scale) scaleInPlace(values, scale);
    yield { size: labels.length, read: { inputs: { [name]: values }, bases: {} }, labels };
  }
}

/** Characters of a record. */
const LONGEST_LINE = 2 ** 26;

async function* jsonLines(pieces: AsyncIterable<string>, name: string): AsyncIterable<readonly JsonRecord[]> {
  let rest = '';
  let line = 0;
  const parse = (texts: readonly string[]) =>
    texts.flatMap((text): JsonRecord[] => {
      line++;
      if (text.trim() === '') return [];
      try {
        return [{ line, value: JSON.parse(text) as unknown }];
      } catch (e) {
        throw new TorcharcError(`${name}: line ${line}: expected a JSON record, ${(e as Error).message}`, { cause: e });
      }
    });
  for await (const piece of pieces) {
    const [head = '', ...texts] = (line === 0 && rest === '' ? piece.replace(/^\uFEFF/, '') : piece).split('\n');
    // a long line comes in many pieces, which are joined once
    if (texts.length > 0) texts.unshift(rest + head);
    rest = texts.pop() ?? rest + head;
    if (rest.length > LONGEST_LINE)
      throw new TorcharcError(`${name}: line ${line + 1} is longer than ${LONGEST_LINE} characters`);
    yield parse(texts);
  }
  yield parse([rest]);
}

/** Lists of any length as lists of `size`, the last one shorter. */
async function* chunked<T>(lists: AsyncIterable<readonly T[]>, size: number): AsyncIterable<T[]> {
  let chunk: T[] = [];
  for await (const list of lists) {
    for (const item of list) {
      chunk.push(item);
      if (chunk.length < size) continue;
      yield chunk;
      chunk = [];
    }
  }
  if (chunk.length > 0) yield chunk;
}

async function lastOf<T>(lists: AsyncIterable<readonly T[]>, count: number): Promise<T[]> {
  let last: T[] = [];
  for await (const list of lists) last = [...last, ...list].slice(-count);
  return last;
}

/** Predictions as lines. Columns are called as those that were to be predicted. */
class Writer {
  readonly #info: DataInfo;
  readonly #options: PredictOptions;
  readonly #label: string | undefined;
  #begun = false;

  constructor(info: DataInfo, options: PredictOptions, label?: string) {
    this.#info = info;
    this.#options = options;
    this.#label = label;
  }

  line(sample: Readonly<Record<string, Decoded>>, label?: string): string {
    const targets = Object.entries(this.#info.targets);
    const fields = targets.flatMap(([name, target]) => this.#fields(name, target, sample[name]!, targets.length === 1));
    if (this.#label) fields.unshift([this.#label, label!]);
    if (this.#options.format === 'jsonl') return `${JSON.stringify(Object.fromEntries(fields))}\n`;
    const flat = fields.flatMap(([key, value]) => columnsOf(key, value));
    const head = this.#begun ? '' : `${flat.map(([key]) => quoted(key)).join(',')}\n`;
    this.#begun = true;
    return `${head}${flat.map(([, value]) => quoted(String(value))).join(',')}\n`;
  }

  #fields(name: string, { columns, classes }: TargetInfo, said: Decoded, alone: boolean): [string, unknown][] {
    const key = alone ? (columns.length === 1 ? columns[0]! : 'prediction') : name;
    if ('values' in said) {
      const values = said.values.map(shortest);
      if (columns.length > 1 && columns.length === values.length) {
        return columns.map((column, i) => [column, values[i]!]);
      }
      return [[key, values.length === 1 ? values[0] : values]];
    }
    const scores = said.scores.map(shortest);
    const best = Math.max(...scores);
    if (!this.#options.scores)
      return [
        [key, said.class],
        [`${key}_score`, best],
      ];
    return [
      [key, said.class],
      [`${key}_scores`, Object.fromEntries(classes.map((c, i) => [c, scores[i]!]))],
    ];
  }
}

/** The shortest number that is the same float32. */
function shortest(value: number): number {
  const single = Math.fround(value);
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === single) return short;
  }
  return Number(value.toPrecision(9));
}

/** A list or a record takes a column for each of what is in it. */
function columnsOf(key: string, value: unknown): [string, unknown][] {
  if (typeof value !== 'object' || value === null) return [[key, value]];
  const entries = Array.isArray(value) ? value.map((entry, i) => [i + 1, entry] as const) : Object.entries(value);
  return entries.map(([name, entry]) => [`${key}_${name}`, entry]);
}

function quoted(text: string): string {
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
