/** Model bytes in, a function from feeds to outputs out. Creation and runs go one at a time, as onnxruntime-web requires. */

import { loadOrt } from '#ort';
import { SessionError } from '../util/errors.ts';
import type { LoadedOrt, OrtSession, OrtTensor } from './types.ts';

export type Feeds = Record<string, OrtTensor>;

/** Where a run is to write its outputs, by name; null where ONNX Runtime shall allocate. */
export type Fetches = Record<string, OrtTensor | null>;

export type Results = Readonly<Record<string, OrtTensor>>;

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
  /** `outputs`: the wanted names, each with a tensor to write into, or null. A promise only if it takes others to run. */
  run(feeds: Feeds, outputs: Fetches): Results | Promise<Results>;
  release(): Promise<void>;
}

let last: Promise<unknown> = Promise.resolve();
/** Jobs that run or wait. */
let jobs = 0;

/** Run `job` after all jobs queued before it, whatever became of them; at once if there is none. */
export function enqueue<T>(job: () => T | Promise<T>): Promise<T> {
  const done = () => {
    jobs--;
  };
  const idle = jobs === 0;
  jobs++;
  let next: Promise<T>;
  if (idle) {
    try {
      const result = job();
      if (!(result instanceof Promise)) {
        done();
        return Promise.resolve(result);
      }
      next = result;
    } catch (error) {
      next = Promise.reject(error);
    }
  } else {
    next = last.then(job, job);
  }
  last = next.then(done, done);
  return next;
}

/** `f` of a value, now if it is there. */
export function whenThere<A, B>(value: A | Promise<A>, f: (value: A) => B | Promise<B>): B | Promise<B> {
  return value instanceof Promise ? value.then(f) : f(value);
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
    run: (feeds, outputs) => {
      const failed = (error: unknown): Results => {
        if (direct !== null && message(error) === NOT_A_TENSOR) return outputs as Results;
        throw new SessionError(`ONNX Runtime (${kind}) failed while running the graph: ${message(error)}`, {
          cause: error,
        });
      };
      const found = (results: Results) => (direct === null ? results : (outputs as Results));
      try {
        const results = session.run(feeds, direct === null ? outputs : { [direct]: null, ...outputs });
        return results instanceof Promise ? results.then(found, failed) : found(results);
      } catch (error) {
        return failed(error);
      }
    },
    release: () => session.release(),
  };
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
