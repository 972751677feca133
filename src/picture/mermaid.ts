/** A net as text for Mermaid, which Markdown pages of many sites draw. https://mermaid.js.org/syntax/flowchart.html */
import { type Card, cost, type Picture } from './cards.ts';

export function toMermaid({ cards, links }: Picture): string {
  return [
    'flowchart TD',
    ...cards.map((card, i) => `  n${i}${node(card)}:::${card.kind}`),
    ...links.map(({ from, to, text }) => `  n${from} -->${text ? `|"${escapeText(text)}"|` : ''} n${to}`),
    '  classDef input fill:#ddf4ff,stroke:#54aeff,color:#1f2328',
    '  classDef module fill:#fff,stroke:#8c959f,color:#1f2328',
    '  classDef output fill:#dafbe1,stroke:#4ac26b,color:#1f2328',
    '',
  ].join('\n');
}

function node(card: Card): string {
  const [open, close] = card.kind === 'module' ? ['[', ']'] : ['([', '])'];
  const head = `<b>${escapeText(card.name)}</b> ${escapeText(card.type)}`;
  const lines = [...card.lines, card.shape, cost(card)].filter(Boolean).map(escapeText);
  return `${open}"${[head, ...lines].join('<br/>')}"${close}`;
}

/** Whatever could mean something to Mermaid, HTML or Markdown, as an entity by its number. */
function escapeText(text: string): string {
  return text.replace(/[^\p{L}\p{N} .,:=()[\]/·×…-]/gu, (mark) => `#${mark.codePointAt(0)};`);
}
