/** What the browser test runs in Chromium and in Node, to compare the numbers. */
import type * as Torcharc from 'torcharc';
import type { Tensor } from 'torcharc';

type Library = Pick<
  typeof Torcharc,
  'build' | 'buildCriterion' | 'buildOptimizer' | 'compile' | 'decodeSafetensors' | 'encodeSafetensors' | 'manualSeed' | 'rand' | 'realize'
>;

export interface Result {
  /** What `String(model)` gives. */
  readonly repr: string;
  /** Of a training step: outputs, loss, gradients, and all state after it. */
  readonly step: Record<string, number[]>;
  readonly losses: number[];
  readonly bytes: number;
  /** Outputs in evaluation mode of the trained model, and of a fresh one that loaded its weights. */
  readonly trained: number[];
  readonly loaded: number[];
}

/** Two inputs that merge, with batch norm, and two outputs. */
export const arc = {
  dag_in_shape: { image: [1, 6, 6], vector: [4] },
  image: {
    type: 'Conv2d',
    in_names: ['image'],
    layers: [[4, 3, 1, 0, 1]],
    batch_norm: true,
    activation: 'ReLU',
    init: 'kaiming_uniform_',
  },
  flat: { type: 'Flatten', in_names: ['image'] },
  vector: { type: 'Linear', in_names: ['vector'], layers: [8], batch_norm: true, activation: 'Tanh' },
  merge: { type: 'ConcatMerge', in_names: ['flat', 'vector'] },
  hidden: { type: 'Linear', in_names: ['merge'], layers: [16], activation: 'GELU', dropout: 0.2 },
  out: { type: 'Linear', in_names: ['hidden'], out_features: 3 },
} as const;

const numbers = async (t: Tensor): Promise<number[]> => Array.from(await t.data(), Number);

export async function scenario(lib: Library): Promise<Result> {
  const { build, buildCriterion, buildOptimizer, compile, manualSeed, rand, realize } = lib;
  manualSeed(0);
  const model = build(arc);
  const criterion = buildCriterion({ type: 'MSELoss' });
  const optimizer = buildOptimizer({ type: 'Adam', lr: 0.01 }, model);
  const inputs = { image: rand([8, 1, 6, 6]), vector: rand([8, 4]) };
  const target = rand([8, 3]);

  const step: Record<string, number[]> = {};
  const y = model.forward(inputs);
  const loss = criterion.forward(y, target) as Tensor;
  loss.backward();
  const grads = model.namedParameters().map(([name, p]): [string, Tensor] => [`${name}.grad`, p.grad as Tensor]);
  await realize(y, loss, ...grads.map(([, g]) => g));
  for (const [name, t] of [['y', y], ['loss', loss], ...grads] as [string, Tensor][]) step[name] = await numbers(t);
  await optimizer.step();
  for (const [name, t] of model.stateDict()) step[name] = await numbers(t);

  const compiled = compile((image: Tensor, vector: Tensor, t: Tensor) => {
    optimizer.zeroGrad();
    const loss = criterion.forward(model.forward({ image, vector }), t) as Tensor;
    loss.backward();
    void optimizer.step();
    return loss;
  });
  const losses: number[] = [];
  for (let i = 0; i < 5; i++) losses.push(await (await compiled(inputs.image, inputs.vector, target)).item());

  const bytes = await lib.encodeSafetensors(model.stateDict());
  manualSeed(1);
  const fresh = build(arc);
  fresh.loadStateDict(lib.decodeSafetensors(bytes));
  return {
    repr: String(model),
    step,
    losses,
    bytes: bytes.length,
    trained: await numbers(model.eval().forward(inputs)),
    loaded: await numbers(fresh.eval().forward(inputs)),
  };
}
