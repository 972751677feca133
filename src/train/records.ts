/** What a run tells while it goes: `metrics.jsonl`, TensorBoard's file, and the report. Node only. */
import { basename, join, resolve, sep } from 'node:path';
import { appendLine, readText } from '../io/files.ts';
import { EventFile } from '../report/event-file.ts';
import { writeReport } from '../report/html.ts';
import { type Logs, logLengths } from './checkpoint.ts';
import type { Evaluation } from './fit.ts';
import type { Run } from './run.ts';

export const METRICS = 'metrics.jsonl';
export const REPORT = 'report.html';

/** `metrics.jsonl`, and TensorBoard's file if it is wanted. */
export class Records {
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

/** Draw what `metrics.jsonl` holds. */
export async function report({ out, data, config }: Run): Promise<void> {
  const text = await readText(join(out, METRICS), Number.POSITIVE_INFINITY);
  const records = text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const targets = Object.entries(data.info.targets);
  const classes = targets.map(([name, { classes }]) => [targets.length === 1 ? '' : name, classes] as const);
  await writeReport(join(out, REPORT), {
    title: resolve(out).split(sep).slice(-2).join('/'),
    subtitle: [
      `${data.info.name}: ${data.train.size.toLocaleString('en')} samples to train on, ${data.test.size.toLocaleString('en')} to test on; seed ${config.seed}`,
    ],
    records,
    classes: Object.fromEntries(classes),
  });
}
