#!/usr/bin/env node
import { abandonWrites } from '../io/files.ts';
import { run } from './run.ts';

const stop = new AbortController();
let patient = false;
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    // a run under way ends after its update; asked twice, or before it, at once
    if (patient && !stop.signal.aborted) stop.abort();
    else {
      abandonWrites();
      process.exit(130);
    }
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
  underWay: (flag) => {
    patient = flag;
  },
});
