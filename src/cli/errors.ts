import { CommanderError } from 'commander';
import { SessionError, TorcharcError } from '../util/errors.ts';

/** A run that had begun and could not go on, for which the input is not to blame. */
export class FailedRun extends TorcharcError {}

/** The run was told to stop. */
export class Interrupted extends TorcharcError {}

/** 2: bad input; 1: a failed run, or a bug of ours; 130: stopped by Ctrl-C. */
export function exitCode(error: unknown): number {
  if (error instanceof Interrupted) return 130;
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (!(error instanceof TorcharcError) || error instanceof SessionError || error instanceof FailedRun) return 1;
  return error.message.startsWith('internal:') ? 1 : 2;
}

/** What is printed for an error: a line each for what is wrong, and with `--debug` where in our code it came up. */
export function report(error: unknown, debug: boolean): string {
  if (!(error instanceof Error)) return `error: ${String(error)}\n`;
  if (error instanceof CommanderError && error.code === 'commander.help') {
    return 'error: expected a command: train, eval, predict, summary, graph or validate; see torcharc --help\n';
  }
  if (error instanceof Interrupted) return `${error.message}\n`;
  const known = error instanceof TorcharcError || error instanceof CommanderError;
  const lines = error.message.replace(/^error: /, '');
  // commander puts its suggestion on a line of its own
  const text = error instanceof CommanderError ? lines.replace(/\s*\n/g, ' ') : lines;
  const prefix = known ? '' : 'internal: ';
  const sentences = text.split('\n').map((line) => `error: ${prefix}${line}\n`);
  return sentences.join('') + (debug ? `${stacks(error)}\n` : '');
}

function stacks(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stacks(error.cause)}` : '';
  return `${error.stack ?? error.message}${cause}`;
}
