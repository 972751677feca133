/**
 * Hogwild: threads train one net at the same time, without waiting for one another. Its parameters, buffers and Adam's state lie in
 * shared memory, where every thread's updates are seen by the others' next steps; now and then one is lost, which does no harm.
 *
 *     node examples/hogwild/main.mjs [steps of each thread] [threads]
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { build, buildCriterion, compile, manualSeed, noGrad, optim, randint, tensor } from 'torcharc';

const arc = {
  dag_in_shape: [64],
  body: { type: 'Linear', layers: [64, 32], batch_norm: true, activation: 'ReLU' },
  head: { type: 'Linear', out_features: 10 },
};
const criterion = buildCriterion({ type: 'CrossEntropyLoss' });

/** Handwritten digits: 64 pixels from 0 to 1, and which digit it is. */
function digits() {
  const [, ...lines] = readFileSync(new URL('../digits/digits.csv', import.meta.url), 'utf8')
    .trim()
    .split('\n');
  const rows = lines.map((line) => line.split(',').map(Number));
  return { x: rows.map((row) => row.slice(0, 64).map((pixel) => pixel / 16)), y: rows.map((row) => row[64]) };
}

const { x, y } = digits();
const [pixels, labels] = [tensor(x), tensor(y, { dtype: 'int64' })];
const model = build(arc);
const optimizer = new optim.GlobalAdam(model.parameters(), { lr: 0.003 });

if (isMainThread) {
  const [steps = 200, threads = 2] = process.argv.slice(2).map(Number);
  console.log(`${threads} threads, ${steps} steps each`);
  await report('before');
  const shared = { model: model.shareMemory(), optimizer: optimizer.shareMemory() };
  const workers = Array.from({ length: threads }, (_, seed) => {
    return new Worker(new URL(import.meta.url), { workerData: { ...shared, steps, seed } });
  });
  await Promise.all(workers.map((worker) => once(worker, 'exit')));
  await report('after');
  const { step } = optimizer.stateDict().state[0];
  console.log(`${step} of ${steps * threads} steps counted`);
} else {
  const { model: parameters, optimizer: state, steps, seed } = workerData;
  model.attach(parameters);
  optimizer.attach(state);
  manualSeed(seed);
  const step = compile((inputs, targets) => {
    optimizer.zeroGrad();
    const loss = criterion.forward(model.forward(inputs), targets);
    loss.backward();
    void optimizer.step();
  });
  for (let i = 0; i < steps; i++) {
    const batch = await randint(0, x.length, [32]).array();
    await step(
      tensor(batch.map((at) => x[at])),
      tensor(
        batch.map((at) => y[at]),
        { dtype: 'int64' },
      ),
    );
  }
  parentPort.close();
}

async function report(when) {
  model.eval();
  const [loss, right] = noGrad(() => {
    const output = model.forward(pixels);
    return [criterion.forward(output, labels), output.argmax({ dim: 1 }).eq(labels).to('float32').mean()];
  });
  console.log(`${when}: loss ${(await loss.item()).toFixed(3)}, ${(100 * (await right.item())).toFixed(1)} % right`);
  model.train();
}
