/** Times one workload, alone in its process; prints a JSON line. */
import { readFileSync } from 'node:fs';
import { time } from './measure.mjs';

const [name, seconds] = process.argv.slice(2);
const began = performance.now();
const { build, compile, freeze, manualSeed, optim, rand } = await import('../dist/index.js');
const imported = performance.now();

const { arc, batch, seq } = JSON.parse(readFileSync(new URL('workloads.json', import.meta.url), 'utf8'))[name];
manualSeed(0);
const model = build(arc);
const built = performance.now();
const shape = seq ? [seq, arc.in_channels] : (arc.in_shape ?? [arc.in_features]);
const xs = arc.dag_in_shape
  ? Object.fromEntries(Object.entries(arc.dag_in_shape).map(([key, s]) => [key, rand([batch, ...s])]))
  : rand([batch, ...shape]);
const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3 });
const lossOf = (ys) => (ys.node ? [ys] : Object.values(ys)).map((y) => y.square().mean()).reduce((a, b) => a.add(b));

const step = compile((x) => {
  optimizer.zeroGrad();
  const loss = lossOf(model.forward(x));
  loss.backward();
  optimizer.step();
  return loss;
});
const traced = async () => {
  optimizer.zeroGrad();
  const loss = lossOf(model.forward(xs));
  loss.backward();
  await optimizer.step();
  return loss.item();
};

const start = performance.now();
await (await step(xs)).item();
const first = performance.now();
const train = await time(async () => (await step(xs)).item(), Number(seconds));
const tracedStep = await time(traced, Number(seconds));
const fast = freeze(model);
const forward = await time(async () => {
  const ys = fast.forward(xs);
  for (const y of ys.node ? [ys] : Object.values(ys)) await y.data();
}, Number(seconds));
console.log(
  JSON.stringify({
    import_ms: imported - began,
    build_ms: built - imported,
    first_step_ms: first - start,
    cold_ms: first - began,
    train_step_ms: train,
    traced_step_ms: tracedStep,
    forward_ms: forward,
    peak_rss_mb: process.resourceUsage().maxRSS / 1024,
  }),
);
