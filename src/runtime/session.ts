/** Model bytes in, a function from feeds to outputs out. Creation and runs go one at a time, as onnxruntime-web requires. */

import type { InferenceSession, Tensor } from 'onnxruntime-common';
import { loadOrt } from '#ort';
import { SessionError } from '../util/errors.ts';
import type { LoadedOrt } from './types.ts';

export type Feeds = Record<string, Tensor>;

export interface SessionOptions {
  /** Threads within a node; 0: all cores. */
  readonly threads: number;
  /** ONNX Runtime's graph optimisation. */
  readonly optimize: 'disabled' | 'basic' | 'extended' | 'all';
}

export interface Session {
  /** `outputs`: the wanted names, each with an array to write into or null. */
  run(feeds: Feeds, outputs: Record<string, Tensor | null>): Promise<Record<string, Tensor>>;
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
export async function createSession(bytes: Uint8Array, { threads, optimize }: SessionOptions): Promise<Session> {
  const { ort, kind } = await runtime();
  let session: InferenceSession;
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
      try {
        return (await session.run(feeds, outputs)) as Record<string, Tensor>;
      } catch (error) {
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
