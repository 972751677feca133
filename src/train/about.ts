/** What the checkpoints of `torcharc train` say about their run, and reading it back with every check. Node only. */
import { join } from 'node:path';
import * as z from 'zod';
import type { DataInfo } from '../data/samples.ts';
import { numel } from '../tensor/shape.ts';
import { TorcharcError } from '../util/errors.ts';
import { type Logs, readCheckpoint, STATE } from './checkpoint.ts';
import { type Config, configSchema } from './config.ts';
import type { Snapshot } from './snapshot.ts';

/** What a checkpoint says about its run. */
export interface About {
  /** Paths are relative to the output folder. */
  readonly config: Config;
  readonly info: DataInfo;
  /** Samples to train on and to test on. */
  readonly sizes: readonly [number, number];
  readonly logs: Logs;
}

export interface Saved {
  readonly snapshot: Snapshot;
  readonly arc: unknown;
  readonly about: About;
}

const count = z.int().nonnegative();
/** Numbers of a sample: none has more. */
const LARGEST = 2 ** 28;
const shape = z.array(count).refine((sizes) => numel(sizes) <= LARGEST);
const scale = z
  .object({ shift: z.array(z.number()).min(1), factor: z.array(z.number()).min(1), inner: z.int().positive() })
  .refine(({ shift, factor }) => shift.length === factor.length)
  .nullable();
const columns = z.array(z.string());
const scaled = (field: { shape: number[]; scale: z.output<typeof scale> }) =>
  (field.scale?.inner ?? 0) <= numel(field.shape);
const input = z
  .object({ shape, dtype: z.enum(['float32', 'int64']), columns, scale, relative: z.boolean().optional() })
  .refine(scaled);
const target = z
  .object({
    task: z.enum(['classification', 'regression']),
    shape,
    columns,
    classes: z.array(z.string()),
    scale,
    relative: z.array(count).optional(),
  })
  .refine(scaled);
const some = <T extends z.ZodType>(of: T) =>
  z.record(z.string(), of).refine((record) => Object.keys(record).length > 0);
const aboutSchema = z.object({
  config: configSchema,
  info: z.object({ name: z.string(), inputs: some(input), targets: some(target) }),
  sizes: z.tuple([count, count]),
  // files of the run's folder: they are cut when it goes on
  logs: z.record(z.string().regex(/^(metrics\.jsonl|events\.out\.tfevents\.[^/\\]+)$/), count),
});

/** Read a checkpoint of `torcharc train`; another's throws, as does a damaged one. */
export async function readSaved(path: string): Promise<Saved> {
  const { snapshot, arc, about } = await readCheckpoint(path);
  const result = aboutSchema.safeParse(about);
  if (result.success) return { snapshot, arc, about: about as About };
  const at = ['about', ...result.error.issues[0]!.path].join('.');
  throw new TorcharcError(
    `${join(path, STATE)}: expected a checkpoint that torcharc train wrote, got one with another ${at}`,
    { cause: result.error },
  );
}
