/** What a picture says of a net, whatever draws it: a card for each node, a link for each edge. */
import type { Net, NetNode } from '../arc/net.ts';
import { show } from '../nn/args.ts';
import { List } from '../nn/collection.ts';
import { type Module, typeName } from '../nn/module.ts';
import type { Shape } from '../tensor/shape.ts';
import { cells } from '../util/cells.ts';

/** All texts are of one line, without control characters. */
export interface Card {
  readonly name: string;
  readonly kind: NetNode['kind'];
  /** The class; 'input' or 'output' for those. */
  readonly type: string;
  /** Its options, or the modules it is made of. */
  readonly lines: readonly string[];
  /** What comes out; '' where it is not known. */
  readonly shape: string;
  readonly parameters: number;
  readonly macs: number | null;
}

/** From a card to a card, by their places. */
export interface Link {
  readonly from: number;
  readonly to: number;
  /** What it is given as, and its shape. */
  readonly text: string;
}

export interface Picture {
  readonly cards: readonly Card[];
  readonly links: readonly Link[];
}

/** Characters of a line, and lines of a card, that can be taken in at a glance. */
const widest = 52;
const mostLines = 14;

/** `modules` are those of the net's module nodes, in their order. */
export function pictureOf(net: Net, modules: readonly Module[]): Picture {
  const places = new Map(net.nodes.map(({ name }, i) => [name, i]));
  const rest = [...modules];
  return {
    cards: net.nodes.map((node) => card(node, node.kind === 'module' ? rest.shift() : undefined)),
    links: net.edges.map(({ from, to, label, shape }) => ({
      from: places.get(from)!,
      to: places.get(to)!,
      text: clip([label, shape ? showBatch(shape) : ''].filter(Boolean).join(' ')),
    })),
  };
}

function card({ name, kind, type, detail, shapes, parameters, macs }: NetNode, module: Module | undefined): Card {
  const inner = module ? inside(module) : [];
  const options = detail || inner.length > 0 || !module ? detail : given(module);
  const lines = [...wrapped(clean(options)), ...inner];
  const shown =
    lines.length > mostLines ? [...lines.slice(0, mostLines - 1), `… ${lines.length - mostLines + 1} more`] : lines;
  return {
    // an input or output that is called as a module has its kind before its name
    name: clip(kind === 'module' ? name : name.replace(/^(input|output)\./, '')),
    ...{ kind, type: clip(kind === 'module' ? type : kind), lines: shown.map(clip) },
    ...{ shape: clip(showShapes(shapes)), parameters, macs },
  };
}

/** Options that a repr does not show, as of forks; those that are off say nothing. */
function given({ args }: Module): string {
  const on = Object.entries(args).filter(([, value]) => value !== false && value !== null);
  return on.map(([name, value]) => `${name}=${show(value)}`).join(', ');
}

/** The modules a module is made of, lists of modules with theirs; several alike in a row are one line. */
function inside(module: Module): string[] {
  const lines: string[] = [];
  let [last, times] = ['', 0];
  for (const [name, child] of module.namedChildren()) {
    const detail = child.extraRepr();
    const called = /^\d+$/.test(name) ? '' : `${name}: `;
    const head = clean(`${called}${typeName(child.constructor)}${detail ? `(${detail})` : ''}`);
    const below = child instanceof List ? inside(child) : [];
    times = head === last && below.length === 0 ? times + 1 : 1;
    if (times > 1) lines.pop();
    lines.push(times > 1 ? `${times} × ${head}` : head, ...below.map((line) => `  ${line}`));
    last = below.length === 0 ? head : '';
  }
  return lines;
}

/** Options in lines that fit. */
function wrapped(detail: string): string[] {
  const lines: string[] = [];
  for (const part of detail ? detail.split(/(?<=,) /) : []) {
    const last = lines.at(-1);
    if (last !== undefined && cells(`${last} ${part}`) <= widest) lines[lines.length - 1] = `${last} ${part}`;
    else lines.push(part);
  }
  return lines;
}

/** `[batch, 3, 20, 20]`. */
export function showBatch(shape: Shape): string {
  return `[${shape.map((size) => (size === -1 ? 'batch' : String(size))).join(', ')}]`;
}

function showShapes(shapes: readonly Shape[]): string {
  const texts = shapes.map(showBatch);
  const [first] = texts;
  const alike = texts.length > 1 && texts.every((text) => text === first);
  return alike ? `${texts.length} × ${first}` : texts.join(', ');
}

/** `784 parameters · 62,208 multiply-adds`, of those there are. */
export function cost({ parameters, macs }: { readonly parameters: number; readonly macs: number | null }): string {
  const count = (n: number, what: string) => (n > 0 ? [`${n.toLocaleString('en')} ${what}${n === 1 ? '' : 's'}`] : []);
  return [...count(parameters, 'parameter'), ...count(macs ?? 0, 'multiply-add')].join(' · ');
}

/** Of the whole net. */
export function totals({ cards }: Picture): { parameters: number; macs: number | null } {
  const parameters = cards.reduce((sum, card) => sum + card.parameters, 0);
  const macs = cards.reduce<number | null>(
    (sum, card) => (sum === null || card.macs === null ? null : sum + card.macs),
    0,
  );
  return { parameters, macs };
}

/** One line, at most as wide as can be taken in at a glance. */
export function clip(text: string): string {
  const line = clean(text);
  if (cells(line) <= widest) return line;
  const letters: string[] = [];
  let width = 1;
  for (const letter of line) {
    width += cells(letter);
    if (width > widest) break;
    letters.push(letter);
  }
  return `${letters.join('')}…`;
}

/** Names may hold anything, and what a terminal or XML cannot take is shown as �. */
function clean(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069\ufffe\uffff]/gu, '\ufffd');
}
