/** Records of a run as curves, those of one metric, such as `train_loss` and `test_loss`, in one chart. */

/** A line of `metrics.jsonl`. */
export type Metrics = Readonly<Record<string, unknown>>;

/** Records by their place on the x axis, in its order. */
export interface Rows {
  readonly axis: 'step' | 'epoch' | 'record';
  readonly rows: readonly { readonly x: number; readonly record: Metrics }[];
}

export interface Curve {
  /** Its name in the records. */
  readonly key: string;
  /** Its name in a chart: `train` or `test`, where the key begins with it. */
  readonly name: string;
  readonly x: readonly number[];
  /** null where the value is not finite. */
  readonly y: readonly (number | null)[];
  /** null where the records do not say. */
  readonly epochs: readonly (number | null)[];
}

export type Better = 'lower' | 'higher';

export interface Chart {
  readonly title: string;
  /** Which values are good ones, where the name tells. */
  readonly better: Better | null;
  /** Whether a logarithmic axis fits: a metric that falls, and is above 0. */
  readonly log: boolean;
  readonly curves: readonly Curve[];
}

/** The axis is what every record has; of records at one place the later one's values stand. */
export function rowsOf(records: readonly Metrics[]): Rows {
  const axis = (['step', 'epoch'] as const).find((key) => records.every((record) => finite(record[key]) !== null));
  const places = new Map<number, Metrics>();
  records.forEach((record, i) => {
    const x = (axis && finite(record[axis])) ?? i + 1;
    places.set(x, { ...places.get(x), ...record });
  });
  const rows = [...places].map(([x, record]) => ({ x, record })).sort((a, b) => a.x - b.x);
  return { axis: axis ?? 'record', rows };
}

/** The charts of all numbers in the records, in the order they come in, the learning rate last. */
export function chartsOf({ rows }: Rows): Chart[] {
  const charts = new Map<string, Curve[]>();
  for (const curve of curvesOf(rows)) {
    const title = curve.key.replace(part, '');
    charts.set(title, [...(charts.get(title) ?? []), curve]);
  }
  const all = [...charts].map(([title, curves]) => chart(title, curves));
  return all.sort((a, b) => Number(a.title === 'lr') - Number(b.title === 'lr'));
}

function chart(title: string, curves: readonly Curve[]): Chart {
  const better = direction(title);
  const log = better === 'lower' && curves.every(({ y }) => y.every((value) => value === null || value > 0));
  return { title, better, log, curves };
}

/** Where a curve is best, the first of several places; null where the chart does not tell what is good. */
export function bestOf({ y }: Pick<Curve, 'y'>, better: Better | null): number | null {
  if (better === null) return null;
  const sign = better === 'lower' ? 1 : -1;
  const value = (i: number) => sign * (y[i] ?? sign * Number.POSITIVE_INFINITY);
  return y.reduce((best: number, _, i) => (value(i) < value(best) ? i : best), 0);
}

/** Points of a curve that is drawn whole, and into how many stretches a longer one is divided. */
const most = 4000;
const stretches = 1000;

/** A curve of at most some 3000 points: the ends, and of each stretch of a longer one the lowest, the highest and a gap. */
export function thinned(curve: Curve): Curve {
  const { length } = curve.x;
  if (length <= most) return curve;
  const kept = new Set([0]);
  for (let s = 0; s < stretches; s++) {
    const [begin, end] = [s, s + 1].map((n) => Math.floor((n * length) / stretches)) as [number, number];
    for (const i of extremes(curve.y, begin, end)) kept.add(i);
  }
  const places = [...kept.add(length - 1)].sort((a, b) => a - b);
  const pick = <T>(list: readonly T[]) => places.map((i) => list[i]!);
  return { ...curve, x: pick(curve.x), y: pick(curve.y), epochs: pick(curve.epochs) };
}

const part = /^(train|test)_(?=.)/;

function curvesOf(rows: Rows['rows']): Curve[] {
  const curves = new Map<string, { x: number[]; y: (number | null)[]; epochs: (number | null)[] }>();
  for (const { x, record } of rows) {
    for (const [key, value] of Object.entries(record)) {
      if (['epoch', 'step'].includes(key) || (typeof value !== 'number' && value !== null)) continue;
      const curve = curves.get(key) ?? { x: [], y: [], epochs: [] };
      curves.set(key, curve);
      curve.x.push(x);
      curve.y.push(finite(value));
      curve.epochs.push(finite(record.epoch));
    }
  }
  return [...curves]
    .filter(([, { y }]) => y.some((value) => value !== null))
    .map(([key, curve]) => ({ key, name: part.exec(key)?.[1] ?? key, ...curve }));
}

/** Where the lowest, the highest and a missing value stand, as far as there are any. */
function extremes(y: Curve['y'], begin: number, end: number): number[] {
  let [low, high, gap] = [-1, -1, -1];
  for (let i = begin; i < end; i++) {
    const value = y[i] ?? null;
    if (value === null) gap = i;
    else {
      if (low < 0 || value < y[low]!) low = i;
      if (high < 0 || value > y[high]!) high = i;
    }
  }
  return [low, high, gap].filter((i) => i >= 0);
}

function direction(title: string): Better | null {
  if (/(^|_)(loss|mae|mse|rmse)$/.test(title)) return 'lower';
  return /(^|_)(accuracy|top\d+|r2)$/.test(title) ? 'higher' : null;
}

export function finite(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
