/**
 * Does memory grow? 20,000 traced training steps of the mlp workload; prints resident memory after 500 and at the end.
 *
 * node bench/memory.mjs [steps]
 */
import { readFileSync } from 'node:fs';
import { build, manualSeed, optim, rand, sessionCount } from '../dist/index.js';

const steps = Number(process.argv[2] ?? 20_000);
const { arc, batch } = JSON.parse(readFileSync(new URL('workloads.json', import.meta.url), 'utf8')).mlp;
manualSeed(0);
const model = build(arc);
const optimizer = new optim.Adam(model.parameters());
const megabytes = () => process.memoryUsage.rss() / 2 ** 20;
let early = 0;
for (let i = 1; i <= steps; i++) {
  optimizer.zeroGrad();
  const loss = model
    .forward(rand([batch, 8]))
    .square()
    .mean();
  loss.backward();
  await optimizer.step();
  await loss.item();
  if (i === 500) early = megabytes();
}
const late = megabytes();
console.log(
  `after 500 steps ${early.toFixed(1)} MB, after ${steps} ${late.toFixed(1)} MB, ratio ${(late / early).toFixed(3)}; ${sessionCount()} session(s)`,
);
