/** Windows of a time series in a CSV file, whose rows are in order of time. For Node only. */
import { internal, TorcharcError } from '../util/errors.ts';
import { assemble, everyRow, type Source } from './assemble.ts';
import type { SeriesConfig } from './config.ts';
import type { Csv } from './csv-rows.ts';
import { ArrayField } from './fields.ts';
import { openTable } from './open-table.ts';
import type { DataInfo, Dataset, Field, Samples } from './samples.ts';
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
  const { length, horizon } = config.series;
  const starts = windowStarts(source.size, cut, config.series);
  if ((test < 1 && starts.train.length === 0) || (test > 0 && starts.test.length === 0)) {
    const windows = `windows of ${length} and ${horizon} rows`;
    throw new TorcharcError(
      `${path}: ${source.size} rows hold ${starts.train.length} ${windows} for training and ${starts.test.length} for testing; expected at least 1 each`,
    );
  }
  const [seen, forecast] = [inMemory(source.inputs.input!.field), inMemory(source.targets.target!.field)];
  const samples = (at: Uint32Array): Samples => ({
    size: at.length,
    inputs: { input: windowField(seen, at, 0, length, false) },
    targets: { target: windowField(forecast, at, length, horizon, true) },
  });
  const [train, tested] = [samples(starts.train), samples(starts.test)];
  return {
    info: {
      name: path,
      inputs: { input: { ...rows.info.inputs.input!, shape: train.inputs.input!.shape } },
      targets: { target: { ...rows.info.targets.target!, shape: train.targets.target!.shape } },
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
