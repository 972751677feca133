/** Windows of a time series in a CSV file, whose rows are in order of time. For Node only. */
import { internal, TorcharcError } from '../util/errors.ts';
import { assemble, everyRow, type Source } from './assemble.ts';
import type { SeriesConfig } from './config.ts';
import type { Csv } from './csv-rows.ts';
import { ArrayField } from './fields.ts';
import { openTable } from './open-table.ts';
import type { DataInfo, Dataset, Field, InputInfo, Samples, TargetInfo } from './samples.ts';
import { expand, type TableSpec } from './table.ts';
import { windowField, windowStarts } from './windows.ts';

const NONE = new Uint32Array(0);

/**
 * The windows of a series; `test`: the fraction of its rows, the last ones, whose values are forecast in the test part: 0 for no
 * test part, 1 for all of it.
 */
export async function openSeries(config: SeriesConfig, path: string, test: number, info?: DataInfo): Promise<Dataset> {
  const source = await openTable(path, (csv) => rowSpec(config, csv), { stream: false });
  const cut = source.size - Math.floor(source.size * test);
  // scaled row by row, by the rows before the cut
  const rows = await assemble(source, { train: everyRow(cut), test: NONE }, info && rowInfo(source, info));
  const { length, horizon, relative } = config.series;
  const starts = windowStarts(source.size, cut, config.series);
  if ((test < 1 && starts.train.length === 0) || (test > 0 && starts.test.length === 0)) {
    const windows = `windows of ${length} and ${horizon} rows`;
    throw new TorcharcError(
      `${path}: ${source.size} rows hold ${starts.train.length} ${windows} for training and ${starts.test.length} for testing; expected at least 1 each`,
    );
  }
  const [seen, forecast] = [inMemory(source.inputs.input!.field), inMemory(source.targets.target!.field)];
  const from = relative ? length - 1 : null;
  const samples = (at: Uint32Array): Samples => ({
    size: at.length,
    inputs: { input: windowField(seen, at, { offset: 0, count: length, from }, false) },
    targets: { target: windowField(forecast, at, { offset: length, count: horizon, from }, true) },
  });
  const { input, target } = { ...rows.info.inputs, ...rows.info.targets } as { input: InputInfo; target: TargetInfo };
  const columns = target.columns.map((column) => input.columns.indexOf(column));
  const unseen = columns.indexOf(-1);
  if (relative && unseen >= 0) {
    throw new TorcharcError(
      `${path}: column '${target.columns[unseen]}' is to be forecast relative to its last value, so it must be among the columns that are seen`,
    );
  }
  const [train, tested] = [samples(starts.train), samples(starts.test)];
  return {
    info: {
      name: path,
      inputs: { input: { ...input, shape: train.inputs.input!.shape, ...(relative ? { relative } : {}) } },
      targets: {
        target: { ...target, shape: train.targets.target!.shape, ...(relative ? { relative: columns } : {}) },
      },
    },
    train,
    test: tested,
  };
}

function rowSpec({ series, scale }: SeriesConfig, csv: Csv): TableSpec {
  const columns = series.columns.flatMap((pattern) => expand(pattern, csv));
  const targets = series.targets?.flatMap((pattern) => expand(pattern, csv)) ?? columns;
  return {
    inputs: { input: { columns, shape: [columns.length], dtype: 'float32', scale } },
    targets: { target: { columns: targets, task: 'regression', scale } },
  };
}

/** What is known of windows, of their rows. */
function rowInfo({ inputs, targets }: Source, { name, inputs: seen, targets: forecast }: DataInfo): DataInfo {
  if (!seen.input || !forecast.target) return { name, inputs: seen, targets: forecast };
  return {
    name,
    inputs: { input: { ...seen.input, shape: inputs.input!.field.shape } },
    targets: { target: { ...forecast.target, shape: targets.target!.field.shape } },
  };
}

function inMemory(field: Field): ArrayField {
  return field instanceof ArrayField ? field : internal('a series is held in memory');
}
