/** Model bytes in, a function from feeds to outputs out. Creation and runs go one at a time, as onnxruntime-web requires. */

import { loadOrt } from '#ort';
import { SessionError } from '../util/errors.ts';
import type { LoadedOrt, OrtSession, OrtTensor } from './types.ts';

export type Feeds = Record<string, OrtTensor>;

/** Where a run is to write its outputs, by name; null where ONNX Runtime shall allocate. */
export type Fetches = Record<string, OrtTensor | null>;

export interface SessionOptions {
  /** Threads within a node; 0: all cores. */
  readonly threads: number;
  /** ONNX Runtime's graph optimisation. */
  readonly optimize: 'disabled' | 'basic' | 'extended' | 'all';
  /** The name of a first result that is no tensor (`engine/direct.ts`); each run must then say where to write all others. */
  readonly direct?: string | null;
}

/** What onnxruntime-node says of such a result when all are in place. */
const NOT_A_TENSOR = 'Non tensor type is temporarily not supported.';

export interface Session {
  /** `outputs`: the wanted names, each with a tensor to write into, or null. */
  run(feeds: Feeds, outputs: Fetches): Promise<Readonly<Record<string, OrtTensor>>>;
  release(): Promise<void>;
}

let last: Promise<unknown> = Promise.resolve();

/** Run `job` after all jobs queued before it, whatever became of them. */
export function enqueue<T>(job: () => Promise<T>): Promise<T> {
  const next = last.then(job, job);
  last = next.catch(() => {});
  return next;
}

let current: LoadedOrt | undefined;

/** The ONNX Runtime build in use. */
export async function runtime(): Promise<LoadedOrt> {
  current ??= await loadOrt();
  return current;
}

/** The build in use, if one was loaded already. */
export function loadedRuntime(): LoadedOrt | undefined {
  return current;
}

/** A session for a model. `describe` turns ONNX Runtime's message into one about the user's graph. */
export async function createSession(
  bytes: Uint8Array,
  { threads, optimize, direct = null }: SessionOptions,
): Promise<Session> {
  const { ort, kind } = await runtime();
  let session: OrtSession;
  try {
    session = await ort.InferenceSession.create(bytes, {
      ...(kind === 'native' ? { intraOpNumThreads: threads, interOpNumThreads: 1 } : {}),
      graphOptimizationLevel: optimize,
      executionMode: 'sequential',
      // errors reach the caller; nothing is logged besides
      logSeverityLevel: 4,
      extra: { session: { intra_op: { allow_spinning: '0' } } },
    });
  } catch (error) {
    throw new SessionError(`ONNX Runtime (${kind}) refused the graph: ${message(error)}`, { cause: error });
  }
  return {
    run: async (feeds, outputs) => {
      const fetches = direct === null ? outputs : { [direct]: null, ...outputs };
      try {
        const results = await session.run(feeds, fetches);
        return (direct === null ? results : outputs) as Record<string, OrtTensor>;
      } catch (error) {
        if (direct !== null && message(error) === NOT_A_TENSOR) return outputs as Record<string, OrtTensor>;
        throw new SessionError(`ONNX Runtime (${kind}) failed while running the graph: ${message(error)}`, {
          cause: error,
        });
      }
    },
    release: () => session.release(),
  };
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
