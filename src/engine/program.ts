/** Sessions, cached by the structure of the graph they run; the least recently used go. */
import { createSession, type Session } from '../runtime/session.ts';
import { isDirect } from './direct.ts';
import { type Graph, hashOf, matches, type Structure, structureOf } from './graph.ts';
import { lower, type Place, workOf } from './lower.ts';
import { smallProgram } from './small.ts';

export interface Program {
  readonly session: Session;
  readonly feeds: readonly string[];
  readonly outputs: readonly Place[];
  /** A run must say where to write each output. */
  readonly direct: boolean;
}

interface Entry {
  readonly hash: number;
  readonly structure: Structure;
  readonly program: Program;
  lastUse: number;
}

/** At most this many sessions are kept. A small one takes about 0.1 MB, one with constants as much as they do. */
export const sessionLimit = { count: 256 };

/** Below this many operations a second thread costs more than it brings (about 0.3 ms of work). */
const ONE_THREAD = 4e7;

const cache = new Map<number, Entry[]>();
let size = 0;
let clock = 0;

/** How many sessions are alive. */
export function sessionCount(): number {
  return size;
}

/** The session that runs a graph like this one; a promise only if there is none yet. */
export function programFor(graph: Graph): Program | Promise<Program> {
  const hash = hashOf(graph);
  const known = cache.get(hash)?.find(({ structure }) => matches(structure, graph));
  if (!known) return makeProgram(graph, hash);
  known.lastUse = ++clock;
  return known.program;
}

async function makeProgram(graph: Graph, hash: number): Promise<Program> {
  const structure = structureOf(graph);
  const program = (await smallProgram(graph)) ?? (await ortProgram(graph));
  const bucket = cache.get(hash) ?? [];
  bucket.push({ hash, structure, program, lastUse: ++clock });
  cache.set(hash, bucket);
  size++;
  while (size > Math.max(1, sessionLimit.count)) await evict();
  return program;
}

async function ortProgram(graph: Graph): Promise<Program> {
  const { bytes, feeds, outputs, direct } = lower(graph, await isDirect(graph.outputs));
  // Training graphs are written as they should run, and run the same however they are cut into runs only if ORT leaves them so.
  const optimize = graph.nodes.some(({ op, data }) => op?.constants && !data) ? 'all' : 'disabled';
  const session = await createSession(bytes, { threads: workOf(graph.nodes) < ONE_THREAD ? 1 : 0, optimize, direct });
  return { session, feeds, outputs, direct: direct !== null };
}

async function evict(): Promise<void> {
  let oldest: Entry | undefined;
  for (const bucket of cache.values()) for (const e of bucket) if (!oldest || e.lastUse < oldest.lastUse) oldest = e;
  if (!oldest) return;
  const rest = cache.get(oldest.hash)!.filter((entry) => entry !== oldest);
  if (rest.length > 0) cache.set(oldest.hash, rest);
  else cache.delete(oldest.hash);
  size--;
  await oldest.program.session.release();
}
