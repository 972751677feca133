/**
 * Times the optimizers' `step()` alone, with gradients given, beside PyTorch's: over 3 million parameters and over a small model. Of
 * alternating rounds the best of each side counts: what else the machine does makes two threads far slower, and nothing faster.
 *
 * node bench/optimizers.mjs --python path/to/python [--rounds 6] [--seconds 0.25] [--threads 2] [names...]
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { run } from './measure.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const { values, positionals } = parseArgs({
  options: {
    python: { type: 'string' },
    rounds: { type: 'string', default: '6' },
    seconds: { type: 'string', default: '0.25' },
    threads: { type: 'string', default: '2' },
  },
  allowPositionals: true,
});
// LBFGS is left out: its time is the closure's
const all = ['SGD', 'Adam', 'AdamW', 'RMSprop', 'Adagrad', 'NAdam', 'RAdam', 'Adamax', 'Adadelta', 'ASGD', 'Rprop'];
all.push('Adafactor', 'Muon');
const names = positionals.length > 0 ? positionals : all;
const unknown = names.filter((name) => !all.includes(name));
if (unknown.length > 0 || !values.python) {
  const problem = values.python ? `no optimizer ${unknown.join(', ')}` : 'give --python, a Python that has torch';
  console.error(`bench: ${problem}; there are ${all.join(', ')}`);
  process.exit(2);
}

const models = ['12x500', '20x64'];
console.log(`| optimizer |${models.map((m) => ` ${m.replace('x', ' of ')}², ms | PyTorch | ratio |`).join('')}`);
console.log('|---|---|---|---|---|---|---|');
for (const name of names) {
  const all = Array.from({ length: Number(values.rounds) }, () => ({
    ours: run(process.execPath, [here('optimizer.mjs'), name, values.seconds, ...models]),
    peer: run(values.python, [here('optimizer_peer.py'), name, values.seconds, values.threads, ...models]),
  }));
  const cells = models.flatMap((model) => {
    const best = (who) => Math.min(...all.map((round) => round[who][model]));
    const [ours, peer] = [best('ours'), best('peer')];
    return [ours.toPrecision(3), peer.toPrecision(3), `${(peer / ours).toFixed(2)}x`];
  });
  console.log(`| ${[name, ...cells].join(' | ')} |`);
}
