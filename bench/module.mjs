/** Times one module at one size, alone in its process; prints a JSON line. */
import { readFileSync } from 'node:fs';
import { compile, freeze, manualSeed, nn, optim, rand, randint, realize } from '../dist/index.js';
import { time } from './measure.mjs';

const [name, size, seconds] = process.argv.slice(2);
const {
  options,
  x: shape,
  below,
} = JSON.parse(readFileSync(new URL('modules.json', import.meta.url), 'utf8'))[name][size];
manualSeed(0);
const module = new nn[name](options);
const x = below ? randint(0, below, shape) : rand(shape);
await realize(x);
const attention = name === 'MultiheadAttention';
const call = (m, input) => {
  const y = attention ? m.forward(input, input, input, { need_weights: false }) : m.forward(input);
  return Array.isArray(y) ? y[0] : y;
};

const parameters = module.parameters();
const optimizer = parameters.length > 0 ? new optim.Adam(parameters, { lr: 1e-3 }) : null;
if (!below) x.requiresGrad = true;
const step = compile(() => {
  optimizer?.zeroGrad();
  x.grad = null;
  const loss = call(module, x).square().mean();
  loss.backward();
  optimizer?.step();
  return loss;
});
const start = performance.now();
await (await step()).item();
const first = performance.now() - start;
const train = await time(async () => (await step()).item(), Number(seconds), 5);

/** Calls the module as it is called above, for freezing. */
class Called extends nn.Module {
  inner = module;
  forward(input) {
    return call(this.inner, input);
  }
}
const fast = freeze(new Called().eval());
const given = x.detach();
await realize(given);
const forward = await time(
  async () => {
    const y = fast.forward(given);
    await realize(y);
    // PyTorch frees a result when nobody holds it
    y.dispose();
  },
  Number(seconds),
  5,
);
console.log(JSON.stringify({ train_ms: train, forward_ms: forward, first_ms: first }));
