/** Times one optimizer's step over models of matrices, COUNTxSIZE, alone in its process; prints a JSON line. */
import { nn, optim, rand, realize } from '../dist/index.js';
import { time } from './measure.mjs';

const [name, seconds, ...models] = process.argv.slice(2);
// nobody uses it without
const options = name === 'SGD' ? { momentum: 0.9 } : {};

async function stepTime(count, size) {
  const parameters = [];
  for (let i = 0; i < count; i++) {
    const [value, gradient] = [rand([size, size]), rand([size, size])];
    await realize(value, gradient);
    const p = new nn.Parameter(value);
    p.grad = gradient;
    parameters.push(p);
  }
  const optimizer = new optim[name](parameters, options);
  return time(() => optimizer.step(), Number(seconds));
}

const times = {};
for (const model of models) times[model] = await stepTime(...model.split('x').map(Number));
console.log(JSON.stringify(times));
