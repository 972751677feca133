/** A net as SVG: cards laid out from top to bottom, in the colors of the viewer's theme. */
import { cells } from '../util/cells.ts';
import { escapeXml } from '../util/xml.ts';
import { type Card, cost, type Link, type Picture } from './cards.ts';
import { type Box, type Placed, place, type Size } from './layout.ts';

/** A letter of the fixed-width fonts below is this wide, at a size of 1. */
const letter = 0.605;
const [title, body] = [13, 11];
const [titleLine, line, gap, padding] = [20, 16, 6, 12];

/** With more edges than this for each node, labels would make a picture several times as wide. */
const dense = 4;

/** A whole SVG document. */
export function toSvg(given: Picture, name: string): string {
  const picture = given.links.length > dense * given.cards.length ? withoutLabels(given) : given;
  const placed = place(picture, (i) => cardSize(picture.cards[i]!), textSize, 20);
  const [width, height] = [Math.ceil(placed.width), Math.ceil(placed.height)];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escapeXml(name)}</title>`,
    `<style>${style}</style>`,
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0.5 8 4 0 7.5z"/></marker></defs>',
    `<rect class="paper" width="${width}" height="${height}"/>`,
    ...picture.links.map((link, i) => drawLink(link, placed.lines[i]!)),
    ...picture.cards.map((card, i) => drawCard(card, placed.boxes[i]!)),
    // above all lines
    ...picture.links.map((link, i) => drawLabel(link, placed.lines[i]!.text)),
    '</svg>\n',
  ].join('\n');
}

function withoutLabels({ cards, links }: Picture): Picture {
  return { cards, links: links.map(({ from, to }) => ({ from, to, text: '' })) };
}

function textSize(text: string): Size {
  return { width: text ? cells(text) * letter * body + 8 : 0, height: text ? line : 0 };
}

/** The lines below the options: what comes out, and what it costs. */
function footer(card: Card): string[] {
  return [card.shape, cost(card)].filter(Boolean);
}

function cardSize(card: Card): Size {
  const head = (cells(card.name) + cells(card.type) + 3) * letter * title;
  const below = [...card.lines, ...footer(card)].map((text) => cells(text) * letter * body);
  const blocks = [card.lines, footer(card)].map(({ length }) => (length > 0 ? length * line + gap : 0));
  return {
    width: Math.ceil(Math.max(130, head, ...below) + 2 * padding),
    height: titleLine + gap + blocks.reduce((a, b) => a + b) + gap,
  };
}

function drawCard(card: Card, { x, y, width, height }: Box): string {
  const [left, top] = [x - width / 2, y - height / 2];
  const at = (dx: number, dy: number) => `x="${fixed(left + dx)}" y="${fixed(top + dy)}"`;
  const rows: string[] = [];
  let down = gap + titleLine - 5;
  rows.push(`<text class="name" ${at(padding, down)}>${escapeXml(card.name)}</text>`);
  rows.push(`<text class="type" ${at(width - padding, down)}>${escapeXml(card.type)}</text>`);
  down += 5;
  for (const [block, texts] of [
    ['options', card.lines],
    ['facts', footer(card)],
  ] as const) {
    if (texts.length === 0) continue;
    down += gap;
    for (const text of texts) {
      // leading blanks are lost in SVG
      const indent = text.length - text.trimStart().length;
      rows.push(
        `<text class="${block}" ${at(padding + indent * letter * body, down + line - 5)}>${escapeXml(text.trimStart())}</text>`,
      );
      down += line;
    }
  }
  const kind = card.kind === 'module' && card.parameters > 0 ? 'module learned' : card.kind;
  const edge = `<rect class="bar" ${at(0, 0)} width="4" height="${height}" rx="2"/>`;
  const radius = card.kind === 'module' ? 6 : Math.min(16, height / 2);
  return [
    `<g class="${kind}">`,
    `<rect class="card" ${at(0, 0)} width="${width}" height="${height}" rx="${radius}"/>`,
    ...(card.kind === 'module' ? [edge] : []),
    ...rows,
    '</g>',
  ].join('\n');
}

function drawLink({ from, to }: Link, { points }: Placed['lines'][number]): string {
  return `<path class="link" data-from="${from}" data-to="${to}" d="${curve(points)}"/>`;
}

/** A smooth line: straight to the middle of the first piece, then a bend at each point, from middle to middle. */
function curve(points: Placed['lines'][number]['points']): string {
  const at = ({ x, y }: { x: number; y: number }) => `${fixed(x)} ${fixed(y)}`;
  const [first, ...rest] = points;
  if (!first) return '';
  const bends = rest.slice(0, -1).map((point, i) => {
    const next = rest[i + 1]!;
    return ` Q${at(point)} ${at({ x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 })}`;
  });
  return `M${at(first)}${bends.join('')} L${at(rest.at(-1) ?? first)}`;
}

function drawLabel({ text }: Link, { x, y, width, height }: Box): string {
  if (text === '') return '';
  const paper = `<rect class="paper" x="${fixed(x - width / 2)}" y="${fixed(y - height / 2)}" width="${fixed(width)}" height="${height}"/>`;
  return `${paper}<text class="label" x="${fixed(x)}" y="${fixed(y + 4)}">${escapeXml(text)}</text>`;
}

function fixed(n: number): string {
  return String(Math.round(n * 10) / 10);
}

const style = `
text{font-family:ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono","Liberation Mono",Consolas,monospace;font-size:${body}px;fill:#57606a}
.paper{fill:#fff}
.card{fill:#fff;stroke:#c4cbd3}
.bar{fill:#c4cbd3}
.name{font-size:${title}px;font-weight:600;fill:#1f2328}
.type{font-size:${title}px;text-anchor:end;fill:#57606a}
.facts{fill:#1f2328}
.learned .bar{fill:#6f42c1}
.learned .type{fill:#6f42c1}
.input .card{fill:#ddf4ff;stroke:#54aeff}
.input .type{fill:#0969da}
.output .card{fill:#dafbe1;stroke:#4ac26b}
.output .type{fill:#1a7f37}
.link{fill:none;stroke:#8c959f;stroke-width:1.4;marker-end:url(#tip)}
#tip path{fill:#8c959f}
.label{text-anchor:middle}
@media (prefers-color-scheme:dark){
text{fill:#9198a1}
.paper{fill:#0d1117}
.card{fill:#151b23;stroke:#3d444d}
.bar{fill:#3d444d}
.name,.facts{fill:#f0f6fc}
.type{fill:#9198a1}
.learned .bar{fill:#ab7df8}
.learned .type{fill:#ab7df8}
.input .card{fill:#0c2d4d;stroke:#1f6feb}
.input .type{fill:#58a6ff}
.output .card{fill:#0f2d1a;stroke:#238636}
.output .type{fill:#56d364}
.link{stroke:#656c76}
#tip path{fill:#656c76}
}
`;
