/**
 * Times the workloads beside PyTorch, in alternating rounds of one run.
 *
 * node bench/run.mjs [--python path/to/python] [--rounds 5] [--seconds 1] [--threads 2] [names...]
 *
 * Each round runs us and, where a Python with torch is given, PyTorch eager, one after the other, each in a process of its own
 * that runs alone. Prints medians over the rounds; rounds in which PyTorch was more than 1.5 times slower than in its best
 * are left out.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { median, rounds, run } from './measure.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const { values, positionals } = parseArgs({
  options: {
    python: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '1' },
    threads: { type: 'string', default: '2' },
  },
  allowPositionals: true,
});
const ready = ['mlp', 'convnet', 'hydra', 'tstransformer', 'mlp_wide', 'cnn_wide'];
const known = Object.keys(JSON.parse(readFileSync(here('workloads.json'), 'utf8')));
const names = positionals.length > 0 ? positionals : ready;
for (const name of names) {
  if (!ready.includes(name)) {
    console.error(
      `bench: ${known.includes(name) ? `the workload '${name}' needs modules that do not exist yet` : `no workload '${name}'`}; there are ${ready.join(', ')}`,
    );
    process.exit(2);
  }
}

for (const name of names) {
  const fair = rounds(
    Number(values.rounds),
    () => run(process.execPath, ['--expose-gc', here('workload.mjs'), name, values.seconds]),
    () =>
      values.python
        ? run(values.python, [here('pytorch_peer.py'), '--threads', values.threads, '--seconds', values.seconds, name])
        : null,
    (peer) => peer.train_step_ms,
  );
  console.log(`${name} (${fair.length} of ${values.rounds} rounds)`);
  const show = (label, key, peerKey) => {
    const ours = median(fair.map((r) => r.ours[key]));
    if (!values.python || !peerKey) return console.log(`  ${label.padEnd(24)} ${ours.toFixed(3)}`);
    const peer = median(fair.map((r) => r.peer[peerKey]));
    const ratio = median(fair.map((r) => r.peer[peerKey] / r.ours[key]));
    console.log(
      `  ${label.padEnd(24)} ${ours.toFixed(3).padStart(10)}   PyTorch ${peer.toFixed(3).padStart(10)}   ${ratio.toFixed(2)}x`,
    );
  };
  show('import, ms', 'import_ms', 'import_ms');
  show('build, ms', 'build_ms', 'build_ms');
  show('first step, ms', 'first_step_ms', 'first_step_ms');
  show('cold to first step, ms', 'cold_ms', null);
  show('train step compiled, ms', 'train_step_ms', 'train_step_ms');
  show('train step traced, ms', 'traced_step_ms', 'train_step_ms');
  show('frozen forward, ms', 'forward_ms', 'forward_ms');
  show('peak memory, MB', 'peak_rss_mb', 'peak_rss_mb');
}
