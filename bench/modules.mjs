/**
 * Times single modules, forward and training step (loss, gradients of input and parameters, Adam), at one small and one
 * realistic size beside PyTorch eager.
 *
 * node bench/modules.mjs --python path/to/python [--rounds 3] [--seconds 0.5] [--threads 2] [names...]
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
    seconds: { type: 'string', default: '0.5' },
    threads: { type: 'string', default: '2' },
  },
  allowPositionals: true,
});
const modules = JSON.parse(readFileSync(here('modules.json'), 'utf8'));
const names = positionals.length > 0 ? positionals : Object.keys(modules);
const unknown = names.filter((name) => !modules[name]);
if (unknown.length > 0 || !values.python) {
  const problem = values.python ? `no module ${unknown.join(', ')}` : 'give --python, a Python that has torch';
  console.error(`bench: ${problem}; there are ${Object.keys(modules).join(', ')}`);
  process.exit(2);
}

const ratios = { forward_ms: [], train_ms: [] };
console.log('| module | size | forward, ms | PyTorch | ratio | train step, ms | PyTorch | ratio |');
console.log('|---|---|---|---|---|---|---|---|');
for (const name of names) {
  for (const size of Object.keys(modules[name])) {
    const fair = rounds(
      Number(values.rounds),
      () => run(process.execPath, [here('module.mjs'), name, size, values.seconds]),
      () => run(values.python, [here('module_peer.py'), name, size, values.seconds, values.threads]),
      (peer) => peer.train_ms,
    );
    const cells = Object.keys(ratios).flatMap((key) => {
      const ratio = median(fair.map((r) => r.peer[key] / r.ours[key]));
      ratios[key].push(ratio);
      const time = (who) => median(fair.map((r) => r[who][key])).toFixed(3);
      return [time('ours'), time('peer'), `${ratio.toFixed(2)}x`];
    });
    console.log(`| ${[name, modules[name][size].x.join('x'), ...cells].join(' | ')} |`);
  }
}
for (const [key, list] of Object.entries(ratios)) console.log(`median ${key}: ${median(list).toFixed(2)}x`);
