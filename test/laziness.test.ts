/** Laziness never shows in the numbers: when, how often and in which order results are asked for makes no difference. */
import {
  compile,
  enableGrad,
  F,
  freeze,
  Module,
  manualSeed,
  nn,
  noGrad,
  optim,
  Parameter,
  rand,
  randn,
  realize,
  type Tensor,
  tensor,
} from 'torcharc';
import { describe, expect, test } from 'vitest';
import { CHANGED, classes, failure, forward, mlp, snapshot } from './nets.ts';

describe('running statistics and masks are taken once', () => {
  /** What a forward pass in training leaves behind, by how its results are asked for. */
  const after = async (ask: (m: Module, x: Tensor) => Promise<unknown>) => {
    manualSeed(3);
    const m = mlp();
    const x = randn([8, 6]);
    const result = await ask(m, x);
    return { result, state: await snapshot(m), next: await rand([1]).item() };
  };
  const sum = (m: Module, x: Tensor) => forward(m, x).square().sum();
  const gradients = async (m: Module) => Promise.all(m.parameters().map((p) => p.grad!.array()));

  test('data twice, from several tensors, together, in any order', async () => {
    const once = await after(async (m, x) => forward(m, x).array());
    const ways: Record<string, (m: Module, x: Tensor) => Promise<unknown>> = {
      twice: async (m, x) => {
        const y = forward(m, x);
        await y.data();
        return y.array();
      },
      'statistics first': async (m, x) => {
        const y = forward(m, x);
        for (const b of m.buffers()) await b.data();
        return y.array();
      },
      'something made of it first': async (m, x) => {
        const y = forward(m, x);
        await y.mul(2).sum().item();
        return y.array();
      },
      'in one run with others': async (m, x) => {
        const y = forward(m, x);
        await realize(y.sum(), y, y.t(), ...m.buffers().reverse());
        return y.array();
      },
      'without waiting': async (m, x) => {
        const y = forward(m, x);
        const [a, b] = [y.array(), y.array()];
        const c = y.sum().item();
        void m.buffers()[0]!.data();
        await c;
        expect(await b).toEqual(await a);
        return a;
      },
    };
    for (const [name, ask] of Object.entries(ways)) expect(await after(ask), name).toEqual(once);
  });

  test('backward before and after data', async () => {
    const ways: ((m: Module, x: Tensor) => Promise<unknown>)[] = [
      async (m, x) => {
        const l = sum(m, x);
        l.backward();
        await realize(l, ...m.parameters().map((p) => p.grad!));
        return gradients(m);
      },
      async (m, x) => {
        const l = sum(m, x);
        await l.item();
        l.backward();
        return gradients(m);
      },
      async (m, x) => {
        const l = sum(m, x);
        l.backward();
        const found = [];
        for (const p of m.parameters().reverse()) found.unshift(await p.grad!.array());
        await l.item();
        return found;
      },
    ];
    const first = await after(ways[0]!);
    for (const way of ways) expect(await after(way)).toEqual(first);
  });

  test('two forward passes count as two, whichever is asked for first', async () => {
    const both = async (reverse: boolean) =>
      after(async (m, x) => {
        const ys = [forward(m, x), forward(m, x.mul(2))];
        if (reverse) await ys[1]!.data();
        return Promise.all(ys.map((y) => y.array()));
      });
    const [a, b] = [await both(false), await both(true)];
    expect(b).toEqual(a);
    expect(a.state['1.num_batches_tracked']).toBe(2);
  });

  test('a pass that nobody asks for counts', async () => {
    const used = await after(async (m, x) => {
      await forward(m, x).data();
      return forward(m.eval(), x).array();
    });
    const unused = await after(async (m, x) => {
      forward(m, x);
      return forward(m.eval(), x).array();
    });
    expect(unused).toEqual(used);
  });

  test('nor does evaluation change anything', async () => {
    manualSeed(0);
    const m = mlp().eval();
    const x = randn([4, 6]);
    const before = await snapshot(m);
    const next = await rand([1]).item();
    manualSeed(0);
    mlp();
    randn([4, 6]);
    expect(await forward(m, x).array()).toEqual(await forward(m, x).array());
    expect(await snapshot(m)).toEqual(before);
    expect(await rand([1]).item()).toBe(next);
  });
});

describe('a pending tensor never sees what changed after it was made', () => {
  const setup = () => {
    const w = new Parameter(tensor([1, 2, 3]));
    const sgd = new optim.SGD([w], { lr: 0.5 });
    const step = () => {
      w.grad = null;
      w.sum().backward();
      return sgd.step();
    };
    return { w, sgd, step };
  };

  test('asked for after a step it has its value or says why not', async () => {
    const { w, step } = setup();
    const made = w.mul(10);
    const known = w.mul(100);
    await known.data();
    await step();
    expect(await w.array()).toEqual([0.5, 1.5, 2.5]);
    expect(await known.array()).toEqual([100, 200, 300]);
    expect(await failure(() => made.data())).toBe(CHANGED);
    expect(await failure(() => made.add(1).item.call(made.sum()))).toBe(CHANGED);
    expect(await w.mul(10).array()).toEqual([5, 15, 25]);
  });

  test('without waiting for the step', async () => {
    const { w, step } = setup();
    const before = w.mul(10).array();
    const done = step();
    const after = w.mul(10);
    const late = step();
    expect(await before).toEqual([10, 20, 30]);
    await Promise.all([done, late]);
    expect(await w.array()).toEqual([0, 1, 2]);
    expect(await failure(() => after.data())).toBe(CHANGED);
  });

  test('an optimizer step followed by a forward pass, neither awaited, uses the new values', async () => {
    const { w, step } = setup();
    const done = step();
    const y = w.mul(2).array();
    expect(await y).toEqual([1, 3, 5]);
    await done;
  });

  test('copies and views of a parameter keep their values', async () => {
    const { w, step } = setup();
    const [data, view, copy, other] = [await w.data(), w.reshape([3, 1]), new Parameter(w), tensor(await w.data())];
    const detached = w.detach();
    await realize(view, detached);
    const [viewed, let_go] = [await view.data(), await detached.data()];
    await step();
    for (const kept of [data, viewed, let_go, await view.data(), await copy.data(), await other.data()]) {
      expect(Array.from(kept as Float32Array)).toEqual([1, 2, 3]);
    }
  });

  test('loadStateDict and inits leave what is pending with the old values', async () => {
    const m = new nn.Linear({ in_features: 1, out_features: 1, bias: false });
    const load = (v: number) => m.loadStateDict({ weight: tensor([[v]]) });
    load(2);
    const y = m.forward(tensor([[10]]));
    load(3);
    const z = m.forward(tensor([[10]]));
    nn.init.constant_(m.weight, 4);
    expect(await z.item()).toBe(30);
    expect(await y.item()).toBe(20);
    expect(await m.forward(tensor([[10]])).item()).toBe(40);
  });

  test('loading after an un-awaited step wins', async () => {
    const { w, step } = setup();
    const m = new (class extends Module {
      readonly w = w;
      override forward(): Tensor {
        return this.w;
      }
    })();
    const done = step();
    m.loadStateDict({ w: tensor([7, 8, 9]) });
    await done;
    expect(await w.array()).toEqual([7, 8, 9]);
  });

  test('what is loaded is copied', async () => {
    const m = new nn.Linear({ in_features: 1, out_features: 1, bias: false });
    const given = Float32Array.of(5);
    const t = tensor(given, { shape: [1, 1] });
    m.loadStateDict({ weight: t });
    m.forward(tensor([[1]]))
      .sum()
      .backward();
    await new optim.SGD([m.weight], { lr: 1 }).step();
    given[0] = 9;
    expect([await m.weight.item(), await t.item()]).toEqual([4, 5]);
  });

  test('a step that fails changes nothing and goes on working', async () => {
    const { w, sgd, step } = setup();
    const stale = w.mul(w).sum();
    const pending = w.mul(1);
    await step();
    stale.backward();
    expect(await failure(() => sgd.step())).toBe(CHANGED);
    const kept = w.mul(1);
    expect(await w.array()).toEqual([0.5, 1.5, 2.5]);
    await kept.data();
    await step();
    expect([await kept.array(), await w.array()]).toEqual([
      [0.5, 1.5, 2.5],
      [0, 1, 2],
    ]);
    expect(await failure(() => pending.data())).toBe(CHANGED);
  });

  test('a step computes its losses and the gradients of everything they reach', async () => {
    const [a, b] = [new Parameter(tensor([2])), new Parameter(tensor([3]))];
    const x = tensor([5], { requiresGrad: true });
    const [forA, forB] = [new optim.SGD([a], { lr: 1 }), new optim.SGD([b], { lr: 1 })];
    const loss = a.mul(b).mul(x).sum();
    loss.backward();
    await forA.step();
    await forB.step();
    // d(abx): bx, ax, ab, all at the old values
    expect([await a.item(), await b.item(), await x.grad!.item(), await loss.item()]).toEqual([-13, -7, 6, 30]);
  });

  test('predictions of the losses of a step are there after it', async () => {
    const m = new nn.Linear({ in_features: 2, out_features: 3 });
    const [x, t] = [rand([4, 2]), classes(4)];
    const y = m.forward(x);
    const before = await m.forward(x).array();
    F.crossEntropy(y, t).backward();
    await new optim.SGD(m.parameters(), { lr: 1 }).step();
    expect(await y.array()).toEqual(before);
  });
});

describe('noGrad', () => {
  test('records nothing, also inside functions, and ends with its function', () => {
    const w = new Parameter(tensor([1]));
    expect(noGrad(() => w.mul(2)).requiresGrad).toBe(false);
    expect(noGrad(() => enableGrad(() => w.mul(2))).requiresGrad).toBe(true);
    expect(() =>
      noGrad(() => {
        throw new Error('inside');
      }),
    ).toThrow('inside');
    expect(w.mul(2).requiresGrad).toBe(true);
    expect(noGrad(() => rand([1], { requiresGrad: true })).requiresGrad).toBe(true);
  });

  test('running statistics are tracked all the same', async () => {
    const m = new nn.BatchNorm1d({ num_features: 2 });
    const y = noGrad(() =>
      m.forward(
        tensor([
          [1, 2],
          [3, 6],
        ]),
      ),
    );
    expect(y.requiresGrad).toBe(false);
    const near = (await m.running_mean!.array()) as number[];
    expect(near.map((v) => v.toFixed(6))).toEqual(['0.200000', '0.400000']);
  });

  test('takes no promise', async () => {
    expect(await failure(() => noGrad(async () => {}))).toMatchInlineSnapshot(
      `"ArgError: noGrad: expected a synchronous function, got one that returns a promise; await its results outside"`,
    );
    expect(await failure(() => enableGrad(async () => Promise.reject(new Error('late'))))).toMatchInlineSnapshot(
      `"ArgError: enableGrad: expected a synchronous function, got one that returns a promise; await its results outside"`,
    );
  });
});

describe('dispose', () => {
  const GONE = 'TorcharcError: this tensor was disposed of, so its values are gone';

  test('gives the memory to the next result of the size', async () => {
    const x = rand([40000]);
    await realize(x);
    const y = x.mul(2);
    const before = await y.data();
    y.dispose();
    const z = x.mul(3);
    const after = await z.data();
    expect(after).toBe(before);
    expect(after[7]).toBe(Math.fround(((await x.data())[7]! as number) * 3));
    expect(await failure(() => y.data())).toBe(GONE);
    y.dispose();
    expect(await x.mul(4).data()).not.toBe(after);
  });

  test('a frozen model whose result is a constant, or its input, has arrays of its own', async () => {
    class Odd extends Module {
      weight = new Parameter(rand([200, 200]));
      override forward(x: Tensor): Tensor[] {
        return [this.weight, this.weight.mul(2), x, x.reshape([40000])];
      }
    }
    const model = new Odd();
    const [w, x] = [await model.weight.data(), rand([200, 200])];
    const want = [w, Float32Array.from(w as Float32Array, (v) => v * 2), await x.data(), await x.data()];
    const outputs = freeze(model).forward(x);
    const before = await Promise.all(outputs.map((t) => t.data()));
    expect(before).toEqual(want);
    outputs[0]!.dispose();
    await rand([200, 200]).mul(3).data();
    expect(await model.weight.data()).toEqual(w);
    expect(await x.data()).toEqual(want[2]);
    expect(before.slice(1)).toEqual(want.slice(1));
  });

  test('what was to be computed from the values says so', async () => {
    const x = tensor([1, 2]);
    const [y, frozen] = [x.mul(2), freeze(new nn.ReLU())];
    const z = frozen.forward(x) as Tensor;
    x.dispose();
    expect(await failure(() => y.data())).toBe(GONE);
    expect(await failure(() => z.data())).toBe(GONE);
    expect(await failure(() => compile((t: Tensor) => t.mul(2))(x))).toBe(GONE);
  });

  test('what has a gradient to give is refused', async () => {
    const p = new Parameter(tensor([1]));
    const bn = new nn.BatchNorm1d({ num_features: 2 });
    expect(() => p.dispose()).toThrow('keep their values');
    expect(() => bn.stateDict().get('running_mean')!.dispose()).toThrow('keep their values');
    const y = p.mul(2);
    await realize(y);
    y.dispose();
    const z = y.square();
    z.sum().backward();
    expect(await failure(() => p.grad!.data())).toBe(GONE);
    expect(await failure(() => compile((t: Tensor) => t.mul(2).dispose())(tensor([1])))).toContain('dispose cannot');
  });
});

test('a loop of small runs leaves timers their turn', async () => {
  let fired = false;
  const timer = setTimeout(() => {
    fired = true;
  }, 10);
  const x = rand([16]);
  const until = performance.now() + 10_000;
  while (!fired && performance.now() < until) await realize(x.mul(2));
  clearTimeout(timer);
  expect(fired).toBe(true);
});
