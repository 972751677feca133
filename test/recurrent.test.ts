/** Recurrent networks beyond the fixtures: without gradients, frozen, compiled, long, learning. */
import {
  compile,
  F,
  freeze,
  grad,
  manualSeed,
  nn,
  noGrad,
  optim,
  rand,
  realize,
  stack,
  type Tensor,
  tensor,
} from 'torcharc';
import { describe, expect, test } from 'vitest';
import { collect } from '../src/engine/graph.ts';
import { lower } from '../src/engine/lower.ts';
import { build, decode, type Encoded, expectClose, expectTensor, leavesOf, readFixture } from './parity.ts';

type Network = nn.RNN | nn.LSTM | nn.GRU;
const make = (name: string, options: object) => build(name, options, () => expect.fail('no tensor')) as Network;
const kinds: [string, object][] = [
  ['RNN', {}],
  ['RNN', { nonlinearity: 'relu' }],
  ['LSTM', {}],
  ['GRU', {}],
];
/** Output and last states, in one list. */
const outputs = (network: Network, x: Tensor): Tensor[] => leavesOf(network.forward(x)).map(([, t]) => t);

interface Case {
  readonly desc: string;
  readonly options: Encoded;
  readonly forward_args: readonly Encoded[];
  readonly training: boolean;
  readonly tags: readonly string[];
  readonly f64_dev: Record<string, [abs: number, rel: number]>;
}

describe.each(['RNN', 'LSTM', 'GRU'])("%s agrees with PyTorch's fixtures without gradients, and frozen", (name) => {
  const { cases, tensors } = readFixture<Case>(`nn/modules/${name}`);
  cases.forEach((spec, i) => {
    if (spec.tags.includes('packed_sequence')) return;
    test(`${i} ${spec.desc}`, async () => {
      const stored = (path: string) => tensors.get(`${i}/${path}`)!;
      const module = build(name, spec.options, stored);
      module.loadStateDict(new Map([...module.stateDict().keys()].map((key) => [key, stored(`state/${key}`)])));
      module.train(spec.training);
      const args = spec.forward_args.map((arg) => decode(arg, stored));
      type Forward = { forward(...args: unknown[]): unknown };
      const plain = noGrad(() => (module as unknown as Forward).forward(...args));
      const frozen = (freeze(module) as Forward).forward(...args);
      for (const result of [plain, frozen]) {
        for (const [path, t] of leavesOf(result)) {
          expect(t.requiresGrad).toBe(false);
          await expectTensor(path, t, stored(`output/${path}`), spec.f64_dev.outputs?.[0]);
        }
      }
    });
  });
});

describe.each(kinds)('%s %o', (name, options) => {
  const shape = { ...options, input_size: 3, hidden_size: 40 };

  test('a large batch has the outputs of its parts, with gradients and without', async () => {
    manualSeed(1);
    const network = make(name, { ...shape, bidirectional: true, batch_first: true });
    const x = rand([20, 7, 3]);
    const all = outputs(network, x);
    const without = noGrad(() => outputs(network, x));
    const one = noGrad(() => outputs(network, x.narrow(0, 3, 1)));
    await realize(...all, ...without, ...one);
    for (const [i, t] of all.entries()) {
      expectClose('without', await without[i]!.data(), await t.data());
      expectClose('a part', await one[i]!.data(), await t.narrow(i === 0 ? 0 : 1, 3, 1).data());
    }
  });

  test('the last state is the output of the last step, with its gradient', async () => {
    manualSeed(2);
    const network = make(name, shape);
    const x = tensor(await rand([6, 2, 3]).data(), { shape: [6, 2, 3], requiresGrad: true });
    const [y, h] = outputs(network, x) as [Tensor, Tensor];
    const wanted = [x, ...network.parameters()];
    const [a, b] = [y.select(0, 5), h.select(0, 0)].map((t) => grad(t.square().sum(), wanted) as Tensor[]) as [
      Tensor[],
      Tensor[],
    ];
    await realize(...a, ...b);
    for (const [i, t] of a.entries()) expectClose(`gradient ${i}`, await b[i]!.data(), await t.data());
  });

  test('compiled training has the numbers of plain training', async () => {
    const x = rand([5, 2, 3]);
    await realize(x);
    const train = async (wrap: typeof compile | null) => {
      manualSeed(3);
      const network = make(name, { ...shape, num_layers: 2, dropout: 0.5 });
      const optimizer = new optim.SGD(network.parameters(), { lr: 0.1 });
      const step = (x: Tensor) => {
        optimizer.zeroGrad();
        const loss = outputs(network, x)[0]!.square().mean();
        loss.backward();
        void optimizer.step();
        return loss;
      };
      const run = wrap ? wrap(step) : step;
      const losses: number[] = [];
      for (let i = 0; i < 3; i++) losses.push(await (await run(x)).item());
      return losses;
    };
    expect(await train(compile)).toEqual(await train(null));
  });

  test('the graph of a training step does not grow with the sequence', () => {
    const size = (length: number) => {
      const network = make(name, { ...shape, bidirectional: true });
      const loss = outputs(network, tensor(new Float32Array(length * 6), { shape: [length, 2, 3] }))[0]!.sum();
      const gradients = grad(loss, network.parameters()) as Tensor[];
      return lower(collect([loss, ...gradients].map((t) => t.node)), false).bytes.length;
    };
    // shapes are written in one byte more
    expect(size(1000) - size(10)).toBeLessThan(500);
  });
});

test('an empty batch, and a state of no features', async () => {
  for (const [name, options] of kinds) {
    const network = make(name, { ...options, input_size: 3, hidden_size: 5 });
    const x = tensor(new Float32Array(0), { shape: [4, 0, 3] });
    const results = [outputs(network, x), noGrad(() => outputs(network, x))];
    for (const [y, h] of results)
      expect([y!.shape, h!.shape, (await y!.data()).length]).toEqual([[4, 0, 5], [1, 0, 5], 0]);
  }
  const options = { input_size: 3, hidden_size: 0 };
  const x = rand([2, 3]);
  const states = [
    new nn.RNNCell(options).forward(x),
    new nn.GRUCell(options).forward(x),
    ...new nn.LSTMCell(options).forward(x),
  ];
  expect(states.map((t) => t.shape)).toEqual(states.map(() => [2, 0]));
});

test('dropout stands between the layers, in training', async () => {
  manualSeed(4);
  const x = rand([4, 3, 2]);
  const options = { input_size: 2, hidden_size: 3, num_layers: 2, dropout: 1 };
  const network = new nn.GRU(options);
  const single = new nn.GRU({ input_size: 3, hidden_size: 3 });
  single.loadStateDict(
    new Map([...single.stateDict().keys()].map((key) => [key, network.stateDict().get(key.replace('_l0', '_l1'))!])),
  );
  const [y] = network.forward(x);
  const [zeroed] = single.forward(tensor(new Float32Array(36), { shape: [4, 3, 3] }));
  expectClose('training', await y.data(), await zeroed.data());
  const [kept] = network.eval().forward(x);
  expect(await kept.data()).not.toEqual(await y.data());
});

test('gradients of gradients: a penalty on the slope of an LSTM is that of its cells', async () => {
  manualSeed(5);
  const network = new nn.LSTM({ input_size: 2, hidden_size: 3 });
  const cell = new nn.LSTMCell({ input_size: 2, hidden_size: 3 });
  cell.loadStateDict(new Map([...network.stateDict()].map(([key, t]) => [key.replace('_l0', ''), t])));
  const x = tensor(await rand([5, 2, 2]).data(), { shape: [5, 2, 2], requiresGrad: true });
  const penalty = (y: Tensor) => (grad(y.square().sum(), x)[0] as Tensor).square().sum();
  let state: [Tensor, Tensor] | null = null;
  const steps: Tensor[] = [];
  for (let t = 0; t < 5; t++) {
    state = cell.forward(x.select(0, t), state);
    steps.push(state[0]);
  }
  const a = grad(penalty(network.forward(x)[0]), network.parameters()) as Tensor[];
  const b = grad(penalty(stack(steps)), cell.parameters()) as Tensor[];
  await realize(...a, ...b);
  for (const [i, t] of a.entries()) expectClose(`parameter ${i}`, await t.data(), await b[i]!.data());
});

test('an LSTM learns to repeat what it saw two steps before', async () => {
  manualSeed(6);
  class Echo extends nn.Module {
    readonly lstm = new nn.LSTM({ input_size: 1, hidden_size: 16, batch_first: true });
    readonly head = new nn.Linear({ in_features: 16, out_features: 1 });
    override forward(x: Tensor): Tensor {
      return this.head.forward(this.lstm.forward(x)[0]);
    }
  }
  const model = new Echo();
  const optimizer = new optim.Adam(model.parameters(), { lr: 0.02 });
  const step = compile((x: Tensor) => {
    optimizer.zeroGrad();
    const loss = F.mseLoss(model.forward(x).narrow(1, 2, 10), x.narrow(1, 0, 10));
    loss.backward();
    void optimizer.step();
    return loss;
  });
  const losses: number[] = [];
  for (let i = 0; i < 150; i++) losses.push(await (await step(rand([32, 12, 1]).sub(0.5))).item());
  // the variance of what is to be repeated is 1/12
  expect(losses[0]).toBeGreaterThan(0.06);
  expect(losses.at(-1)).toBeLessThan(0.005);
});
