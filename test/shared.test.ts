/** Parameters, buffers and optimizer state in shared memory: within one thread, what others would see. Threads: test/package. */
import { build, buildOptimizer, compile, F, nn, optim, rand } from 'torcharc';
import { describe, expect, test } from 'vitest';

const arc = {
  dag_in_shape: [4],
  body: { type: 'Linear', layers: [8], batch_norm: true, activation: 'ReLU', dropout: 0.1 },
  head: { type: 'Linear', out_features: 1 },
};
type Shared = ReturnType<nn.Module['shareMemory']>;
const values = (shared: Shared) =>
  Object.fromEntries(Object.entries(shared).map(([name, a]) => [name, Array.from(a, Number)]));
const own = async (model: nn.Module) =>
  Object.fromEntries(
    await Promise.all(
      [...model.namedParameters(), ...model.namedBuffers()].map(
        async ([name, t]) => [name, Array.from(await t.data(), Number)] as const,
      ),
    ),
  );

const [x, y] = [rand([16, 4]), rand([16, 1])];
function stepper(form: string, model: ReturnType<typeof build<typeof arc>>, o: optim.Optimizer) {
  const run = () => {
    o.zeroGrad();
    const loss = F.mseLoss(model.forward(x), y);
    loss.backward();
    return o.step();
  };
  return form === 'plain' ? run : compile(() => void run());
}

describe.each(['plain', 'compiled'])('%s', (form) => {
  test.each(['SGD', 'Adam', 'GlobalAdam', 'GlobalRMSprop', 'RAdam'])('%s writes to the shared arrays', async (type) => {
    const model = build(arc);
    const before = await own(model);
    const shared = model.shareMemory();
    expect(values(shared)).toEqual(before);
    const step = stepper(form, model, buildOptimizer({ type, lr: 0.1 }, model));
    for (let i = 0; i < 3; i++) {
      await step();
      expect(values(shared)).toEqual(await own(model));
    }
    const after = values(shared);
    // a bias before batch norm has no gradient
    for (const name of Object.keys(before).filter((n) => !n.endsWith('0.bias')))
      expect(after[name], name).not.toEqual(before[name]);
    expect(Object.values(shared).every(({ buffer }) => buffer instanceof SharedArrayBuffer)).toBe(true);
    // another's change is seen by the next run
    for (const name of ['weight', 'bias']) (shared[`module_dict.head.${name}`] as Float32Array).fill(0);
    expect(await model.eval().forward(x).sum().item()).toBe(0);
  });

  test('sharing changes nothing for a single thread', async () => {
    const [a, b] = [build(arc), build(arc)];
    b.loadStateDict(a.stateDict());
    for (const model of [a, b]) for (const m of model.modules()) if (m instanceof nn.Dropout) m.args.p = 0;
    b.shareMemory();
    const steps = [a, b].map((model) => stepper(form, model, new optim.GlobalAdam(model.parameters(), { lr: 0.01 })));
    for (let i = 0; i < 3; i++) for (const step of steps) await step();
    expect(await own(b)).toEqual(await own(a));
  });

  test('sharing what was trained before', async () => {
    const [a, b] = [build(arc), build(arc)];
    b.loadStateDict(a.stateDict());
    for (const model of [a, b]) for (const m of model.modules()) if (m instanceof nn.Dropout) m.args.p = 0;
    const steps = [a, b].map((model) => stepper(form, model, new optim.Adam(model.parameters(), { lr: 0.01 })));
    for (let i = 0; i < 2; i++) for (const step of steps) await step();
    const shared = b.shareMemory();
    for (let i = 0; i < 2; i++) for (const step of steps) await step();
    expect(await own(b)).toEqual(await own(a));
    expect(values(shared)).toEqual(await own(a));
  });

  test('two models of one memory', async () => {
    const [a, b] = [build(arc), build(arc)];
    const [p, q] = [new optim.GlobalAdam(a.parameters()), new optim.GlobalAdam(b.parameters())];
    const shared = structuredClone({ model: a.shareMemory(), optimizer: p.shareMemory() });
    b.attach(shared.model);
    q.attach(shared.optimizer);
    expect(await own(b)).toEqual(await own(a));
    const steps = [stepper(form, a, p), stepper(form, b, q)];
    for (let i = 0; i < 3; i++) for (const step of steps) await step();
    expect(await own(b)).toEqual(await own(a));
    expect(q.stateDict()).toEqual(p.stateDict());
    expect(p.stateDict().state[0]!.step).toBe(6);
    // loaded values go to where all see them
    const fresh = build(arc);
    b.loadStateDict(fresh.stateDict());
    q.loadStateDict(new optim.GlobalAdam(fresh.parameters()).stateDict());
    expect(await own(a)).toEqual(await own(fresh));
    expect(p.stateDict().state[0]!.step).toBe(0);
    nn.init.constant_(b.getParameter('module_dict.head.weight'), 3);
    expect(await a.getParameter('module_dict.head.weight').array()).toEqual([new Array(8).fill(3)]);
  });
});

test('what does not fit is refused', () => {
  const model = build(arc);
  const shared = model.shareMemory();
  expect(model.shareMemory()).toEqual(shared);
  const text = (call: () => unknown) => {
    try {
      return call();
    } catch (error) {
      return String(error);
    }
  };
  const { 'module_dict.head.bias': _, ...without } = shared;
  const other = build({ ...arc, head: { type: 'Linear', out_features: 2 } });
  const adam = new optim.GlobalAdam(model.parameters());
  expect([
    text(() => model.attach(without)),
    text(() => model.attach({ ...shared, more: new Float32Array(1) })),
    text(() => other.attach(shared)),
    text(() => new optim.GlobalAdam(other.parameters()).attach(adam.shareMemory())),
    text(() => new optim.GlobalRMSprop(model.parameters()).attach(adam.shareMemory())),
    text(() => new optim.GlobalAdam(other.parameters().slice(1)).attach([])),
    text(() => new nn.LazyLinear({ out_features: 1 }).shareMemory()),
  ]).toMatchInlineSnapshot(`
    [
      "ArgError: DAGNet.attach: expected an array for 'module_dict.head.bias', got none",
      "ArgError: DAGNet.attach: there is no parameter or buffer 'more'",
      "ArgError: DAGNet.attach: expected a Float32Array of 16 elements for 'module_dict.head.weight', got a Float32Array of 8",
      "ArgError: GlobalAdam.attach: expected the state of 6 parameters as this one's, got 6; of parameter 4 step[1], exp_avg[16], exp_avg_sq[16], got step[1], exp_avg[8], exp_avg_sq[8]",
      "ArgError: GlobalRMSprop.attach: expected the state of 6 parameters as this one's, got 6; of parameter 0 step[1], square_avg[32], got step[1], exp_avg[32], exp_avg_sq[32]",
      "ArgError: GlobalAdam.attach: expected the state of 5 parameters as this one's, got 0; of parameter 0 step[1], exp_avg[8], exp_avg_sq[8], got nothing",
      "TorcharcError: Attempted to use an uninitialized parameter. This error happens when you are using a lazy module: call its forward with a dummy batch to initialize the parameters before using them (UninitializedParameter)",
    ]
  `);
});
