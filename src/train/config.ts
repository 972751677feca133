/** `config.yaml` of `torcharc train`: its schema, and every complaint about one with file, line and column. */
import * as z from 'zod';
import type { Path } from '../io/yaml.ts';
import { parseYaml, placed, type Yaml } from '../io/yaml.ts';
import type { Issue } from '../util/errors.ts';
import { didYouMean } from '../util/suggest.ts';

/** A zod error function saying what was expected and what came. */
function expected(what: string) {
  return {
    error: ({ input }: { input?: unknown }) =>
      input === undefined ? `missing; expected ${what}` : `expected ${what}, got ${JSON.stringify(input)}`,
  };
}

const count = () => {
  const what = expected('a positive whole number');
  return z.int(what).positive(what);
};
const seed = () => {
  const what = expected('a whole number from 0 on');
  return z.int(what).nonnegative(what);
};
const text = (what: string) => z.string(expected(what)).min(1, expected(what));
const typed = (example: string) => {
  const what = expected(`a mapping with a type, such as {type: ${example}}`);
  return z.looseObject({ type: text(`the name of a type, such as ${example}`) }, what);
};

const fraction = expected('a fraction between 0 and 1, such as 0.2');
const split = z.strictObject(
  { test: z.number(fraction).gt(0, fraction).lt(1, fraction).default(0.2), seed: seed().default(0) },
  expected('a mapping with test and seed'),
);

const nonzero = expected('a number other than 0');
const divisor = z.strictObject({ divide: z.number(nonzero).refine((n) => n !== 0, nonzero) });
/** The name of a column; YAML reads `0` as a number. */
const column = (what: string) => z.union([z.string().min(1), z.number()], expected(what)).transform(String);
const columns = expected('a list of column names');

const data = z.strictObject(
  {
    csv: text('the path of a CSV file'),
    target: column('the name of the column to predict'),
    task: z.enum(['classification', 'regression'], expected('classification or regression')),
    features: z.array(column('a column name'), columns).nonempty(columns).optional(),
    shape: z.array(count(), expected('a list of positive whole numbers, such as [1, 8, 8]')).optional(),
    scale: z
      .union(
        [z.enum(['none', 'standardize', 'minmax']), divisor],
        expected('none, standardize, minmax or {divide: a number}'),
      )
      .default('none'),
    split: split.prefault({}),
  },
  expected('a mapping with csv, target and task'),
);

const arcs = expected('an arc, or the path of one');

const schema = z.strictObject(
  {
    arc: z.union([text(''), z.record(z.string(), z.unknown())], arcs),
    criterion: typed('CrossEntropyLoss'),
    optimizer: typed('Adam'),
    scheduler: typed('CosineAnnealingLR').optional(),
    data,
    epochs: count(),
    batch_size: count().default(32),
    seed: seed().default(0),
    out: text('the path of a folder').default('out'),
  },
  expected('a mapping with arc, criterion, optimizer, data and epochs'),
);

export type Config = z.infer<typeof schema>;

/** The keys of the mappings that take no others. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  '': Object.keys(schema.shape),
  data: Object.keys(data.shape),
  'data.scale': Object.keys(divisor.shape),
  'data.split': Object.keys(split.shape),
};

/** Check a config, defaults filled in; throws with every issue, each with its place in the file. */
export function parseConfig(source: string, filename: string): { config: Config; yaml: Yaml } {
  const yaml = parseYaml(source, filename);
  const result = schema.safeParse(yaml.value ?? undefined);
  if (result.success) return { config: result.data, yaml };
  throw placed(yaml, filename, result.error.issues.flatMap(issuesOf));
}

function issuesOf(issue: z.core.$ZodIssue): (Issue & { at: Path })[] {
  const path = issue.path as Path;
  if (issue.code !== 'unrecognized_keys') return [{ path: showPath(path), at: path, message: issue.message }];
  const keys = allowed[path.join('.')] ?? [];
  return issue.keys.map((key) => ({
    path: showPath([...path, key]),
    at: [...path, key],
    message: `unknown key${didYouMean(key, keys) || `; expected one of ${keys.join(', ')}`}`,
  }));
}

function showPath(path: Path): string {
  return path.map((step, i) => (typeof step === 'number' ? `[${step}]` : i === 0 ? step : `.${step}`)).join('');
}
