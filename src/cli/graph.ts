import { basename, extname } from 'node:path';
import { build } from '../arc/build.ts';
import { netOfPlan, planOf, samplesOf } from '../arc/net.ts';
import { readText, writeAtomic } from '../io/files.ts';
import { parseYaml, placed } from '../io/yaml.ts';
import { clip, cost, type Picture, pictureOf, totals } from '../picture/cards.ts';
import { toHtml } from '../picture/html.ts';
import { toMermaid } from '../picture/mermaid.ts';
import { rails } from '../picture/rails.ts';
import { toSvg } from '../picture/svg.ts';
import { inputShape } from '../train/inputs.ts';
import { ArcError, ArgError, TorcharcError } from '../util/errors.ts';
import { inputShapes } from './inputs.ts';
import type { Screen } from './progress.ts';
import { table } from './table.ts';

export interface GraphOptions {
  /** Where to write; the ending says what. Without it a list with lines is printed. */
  readonly output?: string;
  /** `3,20,20`, `image=3,20,20`, `tokens=32:int64`. */
  readonly input?: readonly string[];
}

const formats: Readonly<Record<string, (picture: Picture, name: string) => string>> = {
  '.svg': toSvg,
  '.html': toHtml,
  '.mmd': toMermaid,
};

/** `torcharc graph`. */
export async function graphCommand(path: string, { output, input = [] }: GraphOptions, screen: Screen): Promise<void> {
  const ending = output === undefined ? '' : extname(output).toLowerCase();
  const draw = Object.hasOwn(formats, ending) ? formats[ending] : undefined;
  if (output !== undefined && !draw) {
    throw new ArgError(`--output: expected a name that ends in ${Object.keys(formats).join(', ')}, got '${output}'`);
  }
  const picture = await read(path, input);
  if (output === undefined || !draw) return screen.write(`${listing(picture, screen)}\n`);
  await writeAtomic(output, draw(picture, basename(path)));
  const modules = picture.cards.filter(({ kind }) => kind === 'module').length;
  screen.write(
    `${output}: ${[`${modules} ${modules === 1 ? 'module' : 'modules'}`, cost(totals(picture))].filter(Boolean).join(', ')}\n`,
  );
}

async function read(path: string, input: readonly string[]): Promise<Picture> {
  const yaml = parseYaml(await readText(path), path);
  const given = inputShapes(input);
  try {
    const model = build(yaml.value).eval();
    const shapes = given ?? ownShape(yaml.value);
    const plan = planOf(model, shapes);
    const net = netOfPlan(plan, samplesOf('--input', plan, shapes));
    return pictureOf(
      net,
      plan.calls.map(({ module }) => module),
    );
  } catch (e) {
    if (!(e instanceof TorcharcError)) throw e;
    throw placed(yaml, path, e instanceof ArcError ? e.issues : [{ path: '', message: e.message }], e);
  }
}

/** What the arc of a module by itself says of its input; a net knows what other arcs say. */
function ownShape(arc: unknown): readonly number[] | undefined {
  const { dag_in_shape: dag, graph } = arc as { dag_in_shape?: unknown; graph?: unknown };
  return dag === undefined && graph === undefined ? (inputShape(arc, '') ?? undefined) : undefined;
}

function listing(picture: Picture, { colors }: Screen): string {
  const { cards, links } = picture;
  const lines = rails(picture);
  const sources = cards.map((): string[] => []);
  for (const { from, to } of links) sources[to]!.push(cards[from]!.name);
  const rows = cards.flatMap(({ name, type, shape, parameters }, i) => {
    const { above, beside } = lines[i]!;
    const row = [
      beside,
      name,
      type,
      clip(sources[i]!.join(', ')),
      shape,
      parameters > 0 ? parameters.toLocaleString('en') : '',
    ];
    return above === null ? [row] : [[above, '', '', '', '', ''], row];
  });
  const heads = ['', 'name', 'type', 'from', 'output'].map((head) => ({ head }));
  const [head = '', ...body] = table([...heads, { head: 'parameters', align: 'right' }], rows).split('\n');
  const sum = cost(totals(picture));
  return [colors.bold(head), ...body, ...(sum ? ['', sum] : [])].join('\n');
}
