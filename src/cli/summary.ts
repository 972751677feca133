import { build } from '../arc/build.ts';
import { readText } from '../io/files.ts';
import { parseYaml, placed } from '../io/yaml.ts';
import { type ModuleSummary, summarize } from '../nn/summary.ts';
import { asDtype, type Dtype } from '../tensor/dtype.ts';
import { inferring } from '../tensor/mode.ts';
import { showShape } from '../tensor/shape.ts';
import { leaf, Tensor } from '../tensor/tensor.ts';
import { callModel, inputNames, inputShape } from '../train/inputs.ts';
import { locating } from '../train/locate.ts';
import { ArcError, ArgError, TorcharcError } from '../util/errors.ts';
import type { Screen } from './progress.ts';
import { table } from './table.ts';

export interface SummaryOptions {
  /** `3,20,20`, `image=3,20,20`, `tokens=32:int64`. */
  readonly input?: readonly string[];
  readonly batch: number;
}

/** `torcharc summary`. */
export async function summaryCommand(path: string, options: SummaryOptions, screen: Screen): Promise<void> {
  const yaml = parseYaml(await readText(path), path);
  const arc = yaml.value;
  let modules: readonly ModuleSummary[];
  try {
    const model = build(arc).eval();
    const inputs = inputsOf(arc, options);
    // summarize does not say where a shape fails
    locating(model, () => inferring(() => callModel(model, inputs)));
    modules = summarize(model, inputs);
  } catch (e) {
    if (!(e instanceof TorcharcError)) throw e;
    throw placed(yaml, path, e instanceof ArcError ? e.issues : [{ path: '', message: e.message }], e);
  }
  screen.write(`${render(modules, screen)}\n`);
}

function render(modules: readonly ModuleSummary[], { colors }: Screen): string {
  const rows = modules.map(({ name, type, outputShape, parameters, macs }) => [
    name === '' ? '(model)' : `${'  '.repeat(name.split('.').length)}${name.split('.').at(-1)}`,
    type,
    showOutput(outputShape),
    grouped(parameters),
    grouped(macs),
  ]);
  const right = 'right' as const;
  const columns = [
    { head: 'module' },
    { head: 'type' },
    { head: 'output' },
    { head: 'parameters', align: right },
    { head: 'multiply-adds', align: right },
  ];
  const [head = '', ...lines] = table(columns, rows).split('\n');
  const [root] = modules;
  const totals = [`parameters     ${grouped(root?.parameters ?? 0)}`, `multiply-adds  ${grouped(root?.macs ?? 0)}`];
  return [colors.bold(head), ...lines, '', ...totals].join('\n');
}

function showOutput(shape: ModuleSummary['outputShape']): string {
  return shape ? showShape(shape) : '';
}

function grouped(n: number): string {
  return n.toLocaleString('en');
}

interface Input {
  readonly shape: readonly number[];
  readonly dtype: Dtype;
}

/** Placeholders for the inputs of an arc: shapes from the command line, else from the arc. */
function inputsOf(arc: unknown, { input = [], batch }: SummaryOptions): Tensor | Record<string, Tensor> {
  const names = inputNames(arc);
  const given = new Map(input.map((text) => parseInput(text, names)));
  for (const name of given.keys()) {
    if (name === '' || names?.includes(name)) continue;
    throw new ArgError(
      `--input: the arc has no input '${name}'; ${names ? `its inputs are ${names.join(', ')}` : 'its input has no name'}`,
    );
  }
  const place = ({ shape, dtype }: Input) => new Tensor(leaf(null, { shape: [batch, ...shape], dtype }));
  const shapeOf = (name: string): Tensor => {
    const declared = inputShape(arc, name);
    const known = given.get(name) ?? (declared && { shape: declared, dtype: 'float32' });
    if (known) return place(known);
    throw new ArgError(
      `the arc does not say the shape of its input; give it without the batch, such as --input ${name ? `${name}=` : ''}3,20,20`,
    );
  };
  return names ? Object.fromEntries(names.map((name) => [name, shapeOf(name)])) : shapeOf('');
}

function parseInput(text: string, names: readonly string[] | null): [string, Input] {
  const match = /^(?:([^=]+)=)?(\d+(?:,\d+)*)(?::(\w+))?$/.exec(text);
  if (!match) throw new ArgError(`--input: expected a shape such as 3,20,20 or image=3,20,20, got '${text}'`);
  const [, name = names?.length === 1 ? names[0]! : '', shape, dtype = 'float32'] = match;
  return [name, { shape: shape!.split(',').map(Number), dtype: asDtype(dtype) }];
}
