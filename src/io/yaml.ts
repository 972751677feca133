/** YAML (and JSON, a part of it) with places: `file:line:column` for whatever turns out to be wrong with a value. */
import { type Document, isAlias, isMap, isNode, isSeq, LineCounter, type Node, parseDocument, visit } from 'yaml';
import { type Issue, TorcharcError } from '../util/errors.ts';

/** One-based. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export type Path = readonly (string | number)[];

export interface Yaml {
  readonly value: unknown;
  /** Where a key or list item stands; for one that does not exist, what would hold it. A string is split at dots and brackets. */
  locate(path: Path | string): Place;
}

/** Uses of anchors, those inside other anchors multiplied: enough for any arc, far below what could exhaust memory. */
const maxAliasCount = 10_000;

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
  });
  const [first] = [...doc.errors, ...doc.warnings].sort((a, b) => a.pos[0] - b.pos[0]);
  if (first) fail(first.pos[0], explain(first.code, first.message, text.slice(first.pos[0])));
  visit(doc, {
    Alias(_key, alias, path) {
      const target = alias.resolve(doc);
      const offset = alias.range?.[0] ?? 0;
      if (!target) fail(offset, `the alias *${alias.source} has no anchor &${alias.source} before it`);
      if (path.some((node) => node === target)) fail(offset, `the alias *${alias.source} stands inside what it names`);
    },
  });
  let value: unknown;
  try {
    value = doc.toJS({ maxAliasCount });
  } catch (e) {
    if (!(e instanceof ReferenceError)) throw e;
    fail(0, `aliases expand to too much: more than ${maxAliasCount} uses of anchors`);
  }
  return {
    value,
    locate: (path) => at(find(doc, typeof path === 'string' ? (path.match(/[^.[\]]+/g) ?? []) : path)),
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
    case 'DUPLICATE_KEY':
      return `the key ${/^("|').*?\1|^[^\s:,]*/.exec(source)![0]} is already there in this mapping`;
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

/** Offset of the key or list item a path leads to, as far as it leads. */
function find(doc: Document.Parsed, path: Path): number {
  let node: unknown = doc.contents;
  let offset = start(node);
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(doc);
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isNode(key) && String(key) === String(step));
      if (!pair) break;
      offset = start(pair.key);
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      if (!node) break;
      offset = start(node);
    } else break;
  }
  return offset;
}

function start(node: unknown): number {
  return (isNode(node) && (node as Node).range?.[0]) || 0;
}
