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
const step = compile((input) => {
  optimizer?.zeroGrad();
  if (!below) input.requiresGrad = true;
  const loss = call(module, input).square().mean();
  loss.backward();
  optimizer?.step();
  return below ? [loss] : [loss, input.grad];
});
const start = performance.now();
await (await step(x))[0].item();
const first = performance.now() - start;
const train = await time(async () => (await step(x))[0].item(), Number(seconds), 5);

/** Calls the module as it is called above, for freezing. */
class Called extends nn.Module {
  inner = module;
  forward(input) {
    return call(this.inner, input);
  }
}
const fast = freeze(new Called().eval());
const forward = await time(async () => (await fast.forward(x)).data(), Number(seconds), 5);
console.log(JSON.stringify({ train_ms: train, forward_ms: forward, first_ms: first }));
