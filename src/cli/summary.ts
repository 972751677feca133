import { build } from '../arc/build.ts';
import { DAGNet } from '../arc/dag.ts';
import { GraphModule } from '../arc/graph.ts';
import { type InputShapes, planOf, samplesOf } from '../arc/net.ts';
import { readText } from '../io/files.ts';
import { parseYaml, placed } from '../io/yaml.ts';
import type { Module } from '../nn/module.ts';
import { type ModuleSummary, summarize } from '../nn/summary.ts';
import { itemSize } from '../tensor/dtype.ts';
import { numel, showShape } from '../tensor/shape.ts';
import { leaf, Tensor } from '../tensor/tensor.ts';
import { inputShape } from '../train/inputs.ts';
import { locating } from '../train/locate.ts';
import { ArcError, ArgError, TorcharcError } from '../util/errors.ts';
import { inputShapes } from './inputs.ts';
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
  const shapes = inputShapes(options.input ?? []);
  try {
    const model = build(yaml.value).eval();
    const inputs = inputsOf(model, yaml.value, shapes, options.batch);
    const modules = locating(model, () => summarize(model, ...inputs));
    screen.write(`${render(model, modules, screen)}\n`);
  } catch (e) {
    if (!(e instanceof TorcharcError)) throw e;
    throw placed(yaml, path, e instanceof ArcError ? e.issues : [{ path: '', message: e.message }], e);
  }
}

function render(model: Module, modules: readonly ModuleSummary[], { colors }: Screen): string {
  const rows = modules.map(({ name, type, outputShapes, parameters, macs, bytes }) => [
    name === '' ? '(model)' : `${'  '.repeat(name.split('.').length)}${name.split('.').at(-1)}`,
    type,
    outputShapes.map(showShape).join(' '),
    grouped(parameters),
    grouped(macs),
    grouped(bytes),
  ]);
  const right = 'right' as const;
  const columns = [
    { head: 'module' },
    { head: 'type' },
    { head: 'output' },
    { head: 'parameters', align: right },
    { head: 'multiply-adds', align: right },
    { head: 'bytes', align: right },
  ];
  const [head = '', ...lines] = table(columns, rows).split('\n');
  const [root] = modules;
  const size = model.parameters().reduce((bytes, p) => bytes + numel(p.shape) * itemSize(p.dtype), 0);
  const holders = new Set(modules.flatMap(({ name }) => (name ? [name.split('.').slice(0, -1).join('.')] : [])));
  const outputs = modules.reduce((sum, { name, bytes }) => sum + (holders.has(name) ? 0 : bytes), 0);
  const totals = [
    `parameters     ${grouped(root?.parameters ?? 0)} (${grouped(size)} bytes)`,
    `multiply-adds  ${grouped(root?.macs ?? 0)}`,
    `outputs        ${grouped(outputs)} bytes`,
  ];
  return [colors.bold(head), ...lines, '', ...totals].join('\n');
}

function grouped(n: number): string {
  return n.toLocaleString('en');
}

/** Placeholders for the inputs of a model: shapes from the command line, else from the arc. */
function inputsOf(
  model: Module,
  arc: unknown,
  shapes: InputShapes | undefined,
  batch: number,
): readonly (Tensor | Record<string, Tensor>)[] {
  const samples = samplesOf('--input', planOf(model, shapes), shapes);
  const placed = [...samples].map(([{ name }, sample]): [string, Tensor] => {
    const { shape, dtype = 'float32' } = sample ?? { shape: name === '' ? inputShape(arc, '') : null };
    if (shape) return [name, new Tensor(leaf(null, { shape: [batch, ...shape], dtype }))];
    throw new ArgError(
      `the arc does not say the shape of its input${name && ` '${name}'`}; give it without the batch, such as --input ${name && `${name}=`}3,20,20`,
    );
  });
  const byName = model instanceof GraphModule || (model instanceof DAGNet && placed[0]?.[0] !== '');
  return byName ? [Object.fromEntries(placed)] : placed.map(([, x]) => x);
}
