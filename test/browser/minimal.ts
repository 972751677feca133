/** A page that imports three names: methods, gradients and layer names must survive tree-shaking. */
import { build, rand, type Tensor } from 'torcharc';

async function run(): Promise<string> {
  const model = build({ type: 'Linear', in_features: 4, layers: [3], activation: 'ReLU' });
  const loss: Tensor = model
    .forward(rand([2, 4]))
    .square()
    .sum();
  loss.backward();
  const shapes = model.parameters().map((p) => p.grad?.shape);
  return `${String(model)} ${JSON.stringify(shapes)} ${(await loss.item()) >= 0}`;
}

Object.assign(window, { result: run() });
