#!/usr/bin/env node
import { run } from './run.ts';

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    // asked twice: at once; files are written under another name first, so none is left half
    if (stop.signal.aborted) process.exit(130);
    stop.abort();
  });
}
// the reader has gone, as in `torcharc train config.yaml | head`
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

process.exitCode = await run(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin.setEncoding('utf8'),
  cwd: process.cwd(),
  isTTY: process.stdout.isTTY === true,
  columns: process.stdout.columns,
  env: process.env,
  signal: stop.signal,
});
