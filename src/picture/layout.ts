/** Places of cards and links, by dagre: each layer of the net below the one before. */
import { Graph, layout } from '@dagrejs/dagre';
import { TorcharcError } from '../util/errors.ts';
import type { Picture } from './cards.ts';

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** By its middle. */
export interface Box extends Size, Point {}

export interface Placed extends Size {
  /** One for each card. */
  readonly boxes: readonly Box[];
  /** One for each link: the line, and the box of its text. */
  readonly lines: readonly { readonly points: readonly Point[]; readonly text: Box }[];
}

/** What we use of the library, whose own types do not resolve in Node's way. */
interface DagreGraph {
  setGraph(label: object): void;
  graph(): Size;
  setNode(id: string, label: Size): void;
  node(id: string): Box;
  setEdge(from: string, to: string, label: Size & { readonly labelpos: 'c' }, id: string): void;
  edge(from: string, to: string, id: string): Box & { readonly points: readonly Point[] };
}

/** More would neither be legible nor laid out in a moment. */
const [mostCards, mostLinks] = [1000, 2000];

/** Throws a TorcharcError for a net too large to be looked at. */
export function place(
  { cards, links }: Picture,
  cardSize: (i: number) => Size,
  textSize: (text: string) => Size,
  margin: number,
): Placed {
  if (cards.length > mostCards || links.length > mostLinks) {
    throw new TorcharcError(
      `expected at most ${mostCards} nodes and ${mostLinks} edges to draw, got ${cards.length} and ${links.length}; text and .mmd take more`,
    );
  }
  const graph: DagreGraph = new Graph({ multigraph: true });
  graph.setGraph({ rankdir: 'TB', nodesep: 36, edgesep: 24, ranksep: 44, marginx: margin, marginy: margin });
  // names may be anything, and the library keeps its nodes in an object
  for (const i of cards.keys()) graph.setNode(`n${i}`, { ...cardSize(i) });
  for (const [i, { from, to, text }] of links.entries()) {
    graph.setEdge(`n${from}`, `n${to}`, { ...textSize(text), labelpos: 'c' }, `e${i}`);
  }
  const outputs = cards.flatMap(({ kind }, i) => (kind === 'output' ? [`n${i}`] : []));
  layout(graph, { constraints: outputs.slice(1).map((right, i) => ({ left: outputs[i]!, right })) });
  const { width, height } = graph.graph();
  const edges = links.map(({ from, to }, i) => graph.edge(`n${from}`, `n${to}`, `e${i}`));
  return {
    ...{ width, height },
    boxes: cards.map((_, i) => graph.node(`n${i}`)),
    lines: edges.map((edge) => ({ points: edge.points, text: edge })),
  };
}
