/** What the browser test runs in Chromium and in Node, to compare the numbers. */
import type * as Torcharc from 'torcharc';
import type { Tensor } from 'torcharc';

type Library = Pick<
  typeof Torcharc,
  | 'build'
  | 'buildCriterion'
  | 'buildOptimizer'
  | 'compile'
  | 'decodeSafetensors'
  | 'encodeSafetensors'
  | 'manualSeed'
  | 'rand'
  | 'realize'
>;

export interface Result {
  /** Of the model and the optimizer. */
  readonly repr: string;
  /** Of a training step: outputs, loss, gradients, and all state after it. */
  readonly step: Record<string, number[]>;
  readonly losses: number[];
  readonly bytes: number;
  /** Outputs in evaluation mode of the trained model, and of a fresh one that loaded its weights. */
  readonly trained: number[];
  readonly loaded: number[];
}

/** A small Hydra: two inputs, two outputs, batch norm, dropout. */
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
  merge: { type: 'FiLMMerge', in_names: ['image', 'vector'], names: { feature: 'image', conditioner: 'vector' } },
  flatten: { type: 'Flatten' },
  hidden: { type: 'Linear', layers: [16], batch_norm: true, activation: 'GELU', dropout: 0.2 },
  out: { type: 'Linear', out_features: 4 },
  fork: { type: 'SplitFork', shapes: { mean: [2], std: [2] } },
} as const;

const numbers = async (t: Tensor): Promise<number[]> => Array.from(await t.data(), Number);

/** Of two outputs; `mean` and `std` are also names of methods of a tensor. */
const record = (ys: unknown) => ys as Record<string, Tensor>;

export async function scenario(lib: Library): Promise<Result> {
  const { build, buildCriterion, buildOptimizer, compile, manualSeed, rand, realize } = lib;
  manualSeed(0);
  const model = build(arc);
  const criterion = buildCriterion({ type: 'MSELoss' });
  // the gradient of a bias before batch norm is 0 up to rounding, which a small eps would blow up
  const optimizer = buildOptimizer({ type: 'Adam', lr: 0.01, eps: 1e-3 }, model);
  const [image, vector, target] = [rand([8, 1, 6, 6]), rand([8, 4]), rand([8, 2])];

  const lossOf = (image: Tensor, vector: Tensor, target: Tensor): Tensor => {
    const { mean, std } = record(model.forward({ image, vector }));
    return criterion.forward(mean!.add(std!), target);
  };

  const step: Record<string, number[]> = {};
  const loss = lossOf(image, vector, target);
  loss.backward();
  const grads = model.namedParameters().map(([name, p]): [string, Tensor] => [`${name}.grad`, p.grad as Tensor]);
  await realize(loss, ...grads.map(([, g]) => g));
  for (const [name, t] of [['loss', loss], ...grads] as [string, Tensor][]) step[name] = await numbers(t);
  await optimizer.step();
  for (const [name, t] of model.stateDict()) step[name] = await numbers(t);

  const compiled = compile((image: Tensor, vector: Tensor, target: Tensor) => {
    optimizer.zeroGrad();
    const loss = lossOf(image, vector, target);
    loss.backward();
    void optimizer.step();
    return loss;
  });
  const losses: number[] = [];
  for (let i = 0; i < 5; i++) losses.push(await (await compiled(image, vector, target)).item());

  const bytes = await lib.encodeSafetensors(model.stateDict());
  manualSeed(1);
  const fresh = build(arc);
  fresh.loadStateDict(lib.decodeSafetensors(bytes));
  const outputs = async (m: typeof model) => {
    const { mean, std } = record(m.eval().forward({ image, vector }));
    return [...(await numbers(mean!)), ...(await numbers(std!))];
  };
  return {
    repr: `${model}\n${optimizer}`,
    step,
    losses,
    bytes: bytes.length,
    trained: await outputs(model),
    loaded: await outputs(fresh),
  };
}
