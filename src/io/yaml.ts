/** YAML (and JSON, a part of it) with places: `file:line:column` for whatever turns out to be wrong with a value. */
import { type Document, isAlias, isMap, isSeq, LineCounter, type Pair, parseDocument, type YAMLMap } from 'yaml';
import { type Issue, TorcharcError } from '../util/errors.ts';
import { type Aliases, checkNodes, pairsOf, start } from './yaml-nodes.ts';

/** One-based. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export type Path = readonly (string | number)[];

export interface Yaml {
  readonly value: unknown;
  /** Where a key or list item stands; for one that does not exist, what would hold it. A string is such as `a.b[2].c`. */
  locate(path: Path | string): Place;
}

/**
 * Parse one YAML 1.2 document. Keys are strings, duplicates are errors, `<<` merges, and tags that YAML does not know
 * (`!!python/tuple`) are errors.
 */
export function parseYaml(text: string, filename: string): Yaml {
  const lines = new LineCounter();
  const at = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const fail = (offset: number, message: string): never => {
    const { line, column } = at(offset);
    throw new TorcharcError(`${filename}:${line}:${column}: ${message}`);
  };
  const doc = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
    merge: true,
    logLevel: 'error',
    // the parser's own check compares each key with each
    uniqueKeys: false,
  });
  const [first] = [...doc.errors, ...doc.warnings].sort((a, b) => a.pos[0] - b.pos[0]);
  if (first) fail(first.pos[0], explain(first.code, first.message, text.slice(first.pos[0])));
  const aliases = checkNodes(doc, fail);
  const index = new Map<YAMLMap, Pairs>();
  return {
    value: doc.toJS({ maxAliasCount: -1 }) as unknown,
    locate: (path) => at(find(doc, aliases, index, path)),
  };
}

/** One error of all issues in the order they stand in the file, a line each; `at` is their path there if it differs. */
export function placed(
  yaml: Yaml,
  filename: string,
  issues: readonly (Issue & { at?: Path })[],
  cause?: unknown,
): TorcharcError {
  const lines = issues
    .map(({ path, at = path, message }) => {
      const place = yaml.locate(at);
      // the whole file needs no place
      const text = path ? `:${place.line}:${place.column}: ${path}: ${message}` : `: ${message}`;
      return { ...place, text };
    })
    .sort((a, b) => a.line - b.line || a.column - b.column)
    .map(({ text }) => filename + text);
  return new TorcharcError(lines.join('\n'), { cause });
}

/** What the parser found, in words that need no YAML specification. */
function explain(code: string, message: string, source: string): string {
  switch (code) {
    case 'NON_STRING_KEY':
      return 'expected a plain key, got a list, mapping or alias';
    case 'RESOURCE_EXHAUSTION':
      return 'nested too deeply';
    case 'MULTIPLE_DOCS':
      return 'expected one document, got another one after ---';
    case 'TAG_RESOLVE_FAILED':
      return `the tag ${source.split(/\s/, 1)[0]} is not known`;
    case 'BAD_INDENT':
      if (!message.startsWith('Flow')) break;
      return 'what was opened with [ or { is not closed, or goes on in a line that is not indented';
    case 'BLOCK_AS_IMPLICIT_KEY':
      return 'a mapping cannot begin here: check the indentation, or quote a text that contains ": "';
  }
  return message.charAt(0).toLowerCase() + message.slice(1);
}

/** Offset of the key or list item a path leads to, as far as it leads; `index` is of the mappings that were looked into. */
function find(doc: Document.Parsed, aliases: Aliases, index: Map<YAMLMap, Pairs>, path: Path | string): number {
  let node: unknown = doc.contents;
  let offset = start(node);
  let rest: Path | string | null = path;
  while (rest !== null && rest.length > 0) {
    if (isAlias(node)) node = aliases.get(node);
    if (isMap(node)) {
      const pairs = byKey(node, aliases, index);
      const [best, after]: [Pair | undefined, Path | string] = first(rest, pairs);
      if (!best) break;
      [offset, node, rest] = [start(best.key), best.value, after];
    } else if (isSeq(node)) {
      const place: string = typeof rest === 'string' ? (/^[.[](\d+)/.exec(rest)?.[1] ?? '') : String(rest[0]);
      const item = place === '' ? undefined : node.items[Number(place)];
      if (!item) break;
      [offset, node] = [start(item), item];
      rest = typeof rest === 'string' ? rest.slice(place.length + (rest[0] === '[' ? 2 : 1)) : rest.slice(1);
    } else break;
  }
  return offset;
}

type Pairs = ReadonlyMap<string, Pair>;

/** The pairs of a mapping by their keys. */
function byKey(map: YAMLMap, aliases: Aliases, index: Map<YAMLMap, Pairs>): Pairs {
  const known = index.get(map);
  if (known) return known;
  const pairs = new Map<string, Pair>();
  for (const pair of pairsOf(map, aliases)) if (!pairs.has(String(pair.key))) pairs.set(String(pair.key), pair);
  index.set(map, pairs);
  return pairs;
}

/** The pair that a path begins with, and what is left of the path. Of a text it is the longest key, since keys may have dots. */
function first(path: Path | string, pairs: Pairs): [Pair | undefined, Path | string] {
  if (typeof path !== 'string') return [pairs.get(String(path[0])), path.slice(1)];
  const text = path.startsWith('.') ? path.slice(1) : path;
  for (let end = text.length; end >= 0; end--) {
    const pair = end === text.length || '.['.includes(text[end]!) ? pairs.get(text.slice(0, end)) : undefined;
    if (pair) return [pair, text.slice(end)];
  }
  return [undefined, path];
}
