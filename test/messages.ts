import { TorcharcError } from 'torcharc';

/** The messages of calls that must all fail with errors of ours; an entry that does not fail says so. */
export function messages(...calls: (() => unknown)[]): string[] {
  return calls.map((call) => {
    try {
      return `returned ${String(call())}`;
    } catch (error) {
      return error instanceof TorcharcError ? String(error) : `not ours: ${String(error)}`;
    }
  });
}

/** What the type checker would refuse. */
export const wrong = (value: unknown) => value as never;
