/** What the YAML parser leaves to us: keys that are there twice, aliases and what they may expand to, merges. */
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  type YAMLMap,
} from 'yaml';

/** Uses of anchors, those inside other anchors multiplied: enough for any arc, far below what could exhaust memory. */
const maxUses = 10_000;
/** Values that all aliases together may stand for. */
const maxValues = 1_000_000;
/** Keys that all merges together may copy. */
const maxMerged = 1_000_000;

/** What aliases stand for. */
export type Aliases = ReadonlyMap<Alias, Node>;
type Fail = (offset: number, message: string) => never;

/** Go through a document once, in time linear in its size; `fail` gets the first thing wrong. */
export function checkNodes(doc: Document.Parsed, fail: Fail): Aliases {
  const walk = new Walk(fail);
  walk.node(doc.contents);
  return walk.aliases;
}

class Walk {
  readonly aliases = new Map<Alias, Node>();
  readonly #fail: Fail;
  readonly #anchors = new Map<string, Node>();
  /** The nodes around, outermost first. */
  readonly #around: Node[] = [];
  /** Uses of anchors inside what has an anchor itself. */
  readonly #uses = new Map<Node, number>();
  #allUses = 0;
  /** Values so far, those that aliases stand for among them, and how many of them are in each that has an anchor. */
  #values = 0;
  readonly #valuesOf = new Map<Node, number>();
  #aliased = 0;
  /** What the aliases being looked at are for. */
  #kind: 'aliases' | 'merges' = 'aliases';
  /** Keys of mappings with those they merge. */
  readonly #sizes = new Map<Node, number>();
  #merged = 0;

  constructor(fail: Fail) {
    this.#fail = fail;
  }

  node(node: unknown): void {
    if (!isNode(node)) return;
    if (isAlias(node)) {
      this.#alias(node);
      return;
    }
    if (node.anchor) this.#anchors.set(node.anchor, node);
    this.#around.push(node);
    const before = this.#values++;
    if (isMap(node)) this.#map(node);
    if (isSeq(node)) for (const item of node.items) this.node(item);
    if (node.anchor) this.#valuesOf.set(node, this.#values - before);
    this.#around.pop();
  }

  #map(map: YAMLMap): void {
    const seen = new Set<string>();
    for (const { key, value } of map.items) {
      const name = String(key);
      const offset = start(key);
      if (seen.has(name))
        this.#fail(offset, `the key ${isQuoted(key) ? JSON.stringify(name) : name} is already there in this mapping`);
      seen.add(name);
      this.node(key);
      this.#kind = isMerge(key) ? 'merges' : 'aliases';
      this.node(value);
      if (isMerge(key)) this.#merge(map, offset, value);
    }
  }

  #alias(alias: Alias): void {
    const target = this.#anchors.get(alias.source);
    const offset = start(alias);
    if (!target) this.#fail(offset, `the alias *${alias.source} has no anchor &${alias.source} before it`);
    if (this.#around.includes(target)) this.#fail(offset, `the alias *${alias.source} stands inside what it names`);
    this.aliases.set(alias, target);
    const values = this.#valuesOf.get(target)!;
    this.#values += values;
    this.#aliased += values;
    if (this.#aliased > maxValues) this.#fail(0, `${this.#kind} expand to too much: more than ${maxValues} values`);
    const uses = 1 + (this.#uses.get(target) ?? 0);
    this.#allUses += uses;
    if (this.#allUses > maxUses) this.#fail(0, `aliases expand to too much: more than ${maxUses} uses of anchors`);
    for (const node of this.#around) if (node.anchor) this.#uses.set(node, (this.#uses.get(node) ?? 0) + uses);
  }

  #merge(map: YAMLMap, offset: number, value: unknown): void {
    const sources = mergeSources(value, this.aliases);
    if (!sources) this.#fail(offset, '<< merges a mapping or a list of mappings, such as *name');
    for (const source of sources) {
      const size = this.#sizes.get(source) ?? source.items.length;
      this.#sizes.set(map, (this.#sizes.get(map) ?? map.items.length) + size);
      this.#merged += size;
      if (this.#merged > maxMerged) this.#fail(0, `merges expand to too much: more than ${maxMerged} keys`);
    }
  }
}

/** The mappings that the value of `<<` names, or null where it names something else. */
function mergeSources(value: unknown, aliases: Aliases): YAMLMap[] | null {
  const target = (node: unknown) => (isAlias(node) ? aliases.get(node) : node);
  const given = target(value);
  const sources = isSeq(given) ? given.items.map(target) : [given];
  return sources.every((source) => isMap(source)) ? sources : null;
}

/** The pairs of a mapping, its own first, then those it merges. */
export function* pairsOf(map: YAMLMap, aliases: Aliases): Iterable<Pair> {
  yield* map.items;
  for (const { key, value } of map.items) {
    if (isMerge(key)) for (const source of mergeSources(value, aliases) ?? []) yield* pairsOf(source, aliases);
  }
}

/** `<<`, not quoted. */
function isMerge(key: unknown): boolean {
  return isScalar(key) && String(key) === '<<' && !isQuoted(key);
}

function isQuoted(key: unknown): boolean {
  return isScalar(key) && (key.type ?? '').startsWith('QUOTE');
}

/** Where a node begins. */
export function start(node: unknown): number {
  return (isNode(node) && node.range?.[0]) || 0;
}
