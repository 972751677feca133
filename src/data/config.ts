/** The `data` of a training config: where samples are read from, and how they are made ready. */
import * as z from 'zod';
import { choose, count, expected, mapping, seed, text } from '../util/expected.ts';

const nonzero = expected('a number other than 0');
const divisor = z.strictObject({ divide: z.number(nonzero).refine((n) => n !== 0, nonzero) });
const scale = () =>
  z.union(
    [z.enum(['none', 'standardize', 'minmax']), divisor],
    expected('none, standardize, minmax or {divide: a number}'),
  );
/** What is done to each column or channel; `standardize` and `minmax` are fitted on the training part only. */
export type Scale = z.output<ReturnType<typeof scale>>;

const task = () => z.enum(['classification', 'regression'], expected('classification or regression'));
const dtype = () => z.enum(['float32', 'int64'], expected('float32 or int64'));
const shape = () => z.array(count(), expected('a list of positive whole numbers, such as [1, 8, 8]'));

/** The name of a column; YAML reads `0` as a number. */
const column = (what: string) => z.union([z.string().min(1), z.number()], expected(what)).transform(String);
const columnList = () => {
  const what = expected('a list of column names');
  return z.array(column('a column name'), what).nonempty(what);
};
const named = <T extends z.ZodType>(value: T, what: string) =>
  z.record(z.string(), value, expected(what)).refine((record) => Object.keys(record).length > 0, expected(what));

// Which samples are for testing

const fraction = expected('a fraction between 0 and 1, such as 0.2');
const testPart = () => z.number(fraction).gt(0, fraction).lt(1, fraction).default(0.2);
const random = mapping({ test: testPart(), seed: seed().default(0) }, 'a mapping with test and seed');
const ordered = mapping(
  { test: testPart(), by: z.literal('order', expected('order')) },
  'a mapping with test and by: order',
);
const another = mapping({ file: text('the path of the data to test on') }, 'a mapping with file');

const has = (key: string, value: unknown) => typeof value === 'object' && value !== null && key in value;
const byFraction = (value: unknown) => (has('by', value) ? ordered : random);
const byFractionOrFile = choose((value) => (has('file', value) ? another : byFraction(value))).prefault({});
/** A split whose test part is read from files named by a mapping such as the one that names the training part. */
const byFractionOr = <T extends z.ZodType>(files: T) => {
  const given = mapping({ test: files }, 'a mapping with test');
  return choose((value) =>
    has('test', value) && isMapping((value as { test: unknown }).test) ? given : byFraction(value),
  ).prefault({});
};
const isMapping = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);

// Tables

const csv = text('the path of a CSV file');
const stream = z.boolean(expected('true or false')).optional();

const oneTable = mapping(
  {
    csv,
    target: column('the name of the column to predict'),
    task: task(),
    features: columnList().optional(),
    shape: shape().optional(),
    dtype: dtype().optional(),
    scale: scale().default('none'),
    target_scale: scale().optional(),
    split: byFractionOrFile,
    stream,
  },
  'a mapping with csv, target and task',
);

const tableInput = mapping(
  { columns: columnList(), shape: shape().optional(), dtype: dtype().optional(), scale: scale().default('none') },
  'a mapping with columns',
);
const tableTarget = choose((value) => (has('columns', value) ? severalColumns : oneColumn));
const oneColumn = mapping(
  { column: column('a column name'), task: task(), scale: scale().default('none') },
  'a mapping with column and task',
);
const severalColumns = mapping(
  {
    columns: columnList(),
    task: z.literal('regression', expected('regression, since there are several columns')),
    scale: scale().default('none'),
  },
  'a mapping with columns and task',
);
const namedTable = mapping(
  {
    csv,
    inputs: named(tableInput, 'a mapping of names to {columns: …}'),
    targets: named(tableTarget, 'a mapping of names to {column: …, task: …}'),
    split: byFractionOrFile,
    stream,
  },
  'a mapping with csv, inputs and targets',
);

// Arrays

const idxFiles = () =>
  mapping(
    { images: text('the path of an IDX file'), labels: text('the path of an IDX file') },
    'a mapping with images and labels',
  );
const idx = mapping(
  {
    idx: idxFiles(),
    task: task().default('classification'),
    shape: shape().optional(),
    dtype: dtype().optional(),
    scale: scale().default('none'),
    target_scale: scale().optional(),
    split: byFractionOr(idxFiles()),
  },
  'a mapping with idx',
);

/** One array by its name (or path), or several: `{left: a, right: {array: b, scale: standardize}}`. */
const arrays = <T extends z.ZodType>(what: string, one: T) =>
  choose((value) =>
    isMapping(value)
      ? named(
          choose((v) => (isMapping(v) ? one : text(what))),
          what,
        )
      : text(what),
  );
const inputArray = (what: string) =>
  mapping(
    { array: text(what), shape: shape().optional(), dtype: dtype().optional(), scale: scale().optional() },
    'a mapping with array',
  );
const targetArray = (what: string) =>
  mapping({ array: text(what), task: task().optional(), scale: scale().optional() }, 'a mapping with array');
const inputAndTarget = (what: string) => ({
  input: arrays(what, inputArray(what)),
  target: arrays(what, targetArray(what)),
});
/** What holds for the arrays that do not say otherwise. */
const defaults = {
  task: task().optional(),
  shape: shape().optional(),
  dtype: dtype().optional(),
  scale: scale().default('none'),
  target_scale: scale().optional(),
};

const npyPath = 'the path of an .npy file';
const npy = mapping(
  {
    npy: mapping(inputAndTarget(npyPath), 'a mapping with input and target'),
    ...defaults,
    split: byFractionOr(mapping(inputAndTarget(npyPath), 'a mapping with input and target')),
  },
  'a mapping with npy',
);
const inFile = (what: string) =>
  mapping({ file: text(what), ...inputAndTarget('the name of an array') }, 'a mapping with file, input and target');
const npz = mapping(
  { npz: inFile('the path of an .npz file'), ...defaults, split: byFractionOrFile },
  'a mapping with npz',
);
const safetensors = mapping(
  { safetensors: inFile('the path of a .safetensors file'), ...defaults, split: byFractionOrFile },
  'a mapping with safetensors',
);

// Images and series

const pair = expected('height and width, such as [32, 32]');
const images = mapping(
  {
    images: mapping(
      {
        folder: text('the path of a folder with a folder of images for each class'),
        size: z.tuple([count(), count()], pair).optional(),
        channels: z.union([z.literal(1), z.literal(3)], expected('1 (gray) or 3 (red, green, blue)')).optional(),
      },
      'a mapping with folder',
    ),
    scale: scale().default('none'),
    split: byFractionOrFile,
  },
  'a mapping with images',
);

const series = mapping(
  {
    series: mapping(
      {
        csv,
        columns: columnList(),
        targets: columnList().optional(),
        length: count(),
        horizon: count(),
        stride: count().default(1),
        relative: z.boolean(expected('true or false')).default(false),
      },
      'a mapping with csv, columns, length and horizon',
    ),
    scale: scale().default('none'),
    split: choose((value) =>
      has('file', value) ? another : mapping({ test: testPart() }, 'a mapping with test'),
    ).prefault({}),
  },
  'a mapping with series',
);

const kinds = { idx, npy, npz, safetensors, images, series };

/** The `data` of a training config. */
export const dataSchema = choose((value) => {
  for (const [kind, schema] of Object.entries(kinds)) if (has(kind, value)) return schema;
  return has('inputs', value) || has('targets', value) ? namedTable : oneTable;
});

/** The `data` of a training config as it is written: what has a default can be left out. */
export type DataSpec = z.input<typeof dataSchema>;

export type TableConfig = z.output<typeof oneTable> | z.output<typeof namedTable>;
export type IdxConfig = z.output<typeof idx>;
export type NpyConfig = z.output<typeof npy>;
export type NpzConfig = z.output<typeof npz>;
export type SafetensorsConfig = z.output<typeof safetensors>;
export type ImagesConfig = z.output<typeof images>;
export type SeriesConfig = z.output<typeof series>;
export type DataConfig =
  | TableConfig
  | IdxConfig
  | NpyConfig
  | NpzConfig
  | SafetensorsConfig
  | ImagesConfig
  | SeriesConfig;
