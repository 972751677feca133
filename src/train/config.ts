/** `config.yaml` of `torcharc train`: its schema, and every complaint about one with file, line and column. */
import * as z from 'zod';
import { dataSchema } from '../data/config.ts';
import { parseYaml, placed, type Yaml } from '../io/yaml.ts';
import { choose, count, expected, issuesOf, mapping, seed, text } from '../util/expected.ts';
import { metricOf, unknownMetric } from './metrics.ts';

const positive = () => {
  const what = expected('a number above 0');
  return z.number(what).positive(what);
};
const typed = (example: string) => {
  const what = expected(`a mapping with a type, such as {type: ${example}}`);
  return z.looseObject({ type: text(`the name of a type, such as ${example}`) }, what);
};
const byName = <T extends z.ZodType>(value: T, what: string) =>
  z.record(z.string(), value, expected(what)).refine((given) => Object.keys(given).length > 0, expected(what));

const metric = z
  .string(expected('the name of a metric'))
  .refine((name) => metricOf(name) !== null, { error: ({ input }) => unknownMetric(String(input)) });
const metricList = z.array(metric, expected('a list of metrics, such as [accuracy, top3]'));
const metrics = z.union(
  [metricList, z.record(z.string(), metricList)],
  expected('a list of metrics, such as [accuracy, confusion], or lists by output'),
);

const CLIP = '{norm: a number} or {value: a number}';
const clip = choose((value) => {
  const given = typeof value === 'object' && value !== null ? value : {};
  if ('norm' in given && 'value' in given) return z.never(expected(CLIP));
  if ('value' in given) return mapping({ value: positive() }, CLIP);
  return mapping({ norm: positive() }, CLIP);
});
const schedule = mapping(
  {
    every: z.enum(['epoch', 'update'], expected('epoch or update')).default('epoch'),
    metric: text('the name of a score, such as loss').optional(),
  },
  'a mapping with every and metric',
);
const earlyStopping = mapping(
  {
    metric: text('the name of a score, such as loss').optional(),
    patience: count(),
    min_delta: z.number(expected('a number of at least 0')).nonnegative(expected('a number of at least 0')).optional(),
  },
  'a mapping with patience',
);
const checkpoint = mapping(
  { every: count().optional(), keep: count().default(2) },
  'a mapping with every (updates) and keep',
);

const arcs = expected('an arc, or the path of one');

export const configSchema = mapping(
  {
    arc: z.union([text(''), z.record(z.string(), z.unknown())], arcs),
    criterion: typed('CrossEntropyLoss').optional(),
    losses: byName(typed('MSELoss'), 'a mapping of outputs to criteria').optional(),
    loss_weights: byName(z.number(expected('a number')), 'a mapping of outputs to numbers').optional(),
    optimizer: typed('Adam'),
    scheduler: typed('CosineAnnealingLR').optional(),
    schedule: schedule.optional(),
    data: dataSchema,
    metrics: metrics.optional(),
    epochs: count(),
    batch_size: count().default(32),
    accumulate: count().optional(),
    clip: clip.optional(),
    evaluate_every: count().optional(),
    best: text('the name of a score, such as accuracy').optional(),
    early_stopping: earlyStopping.optional(),
    checkpoint: checkpoint.prefault({}),
    tensorboard: z.boolean(expected('true or false')).optional(),
    seed: seed().default(0),
    out: text('the path of a folder').default('out'),
  },
  'a mapping with arc, criterion, optimizer, data and epochs',
);

export type Config = z.infer<typeof configSchema>;

/** Check a config, defaults filled in; throws with every issue, each with its place in the file. */
export function parseConfig(source: string, filename: string): { config: Config; yaml: Yaml } {
  const yaml = parseYaml(source, filename);
  const result = configSchema.safeParse(yaml.value ?? undefined);
  const issues = result.success ? [] : issuesOf(result.error);
  const { criterion, losses } = (yaml.value ?? {}) as { criterion?: unknown; losses?: unknown };
  const isMapping = typeof yaml.value === 'object' && yaml.value !== null && !Array.isArray(yaml.value);
  if (isMapping && (criterion === undefined) === (losses === undefined)) {
    const message = criterion
      ? 'expected either a criterion, for all outputs, or losses by output'
      : 'missing; expected a mapping with a type, such as {type: CrossEntropyLoss}';
    issues.push({ path: criterion ? 'losses' : 'criterion', at: [criterion ? 'losses' : 'criterion'], message });
  }
  if (result.success && issues.length === 0) return { config: result.data, yaml };
  throw placed(yaml, filename, issues);
}
