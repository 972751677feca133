/** Laziness never shows in the numbers: when, how often and in which order results are asked for makes no difference. */
import {
  compile,
  enableGrad,
  F,
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

/** The message of what a call or promise fails with. */
async function failure(run: () => unknown): Promise<string> {
  try {
    await run();
  } catch (error) {
    return String(error);
  }
  return 'nothing was thrown';
}

const CHANGED =
  'TorcharcError: this tensor reads parameters that an optimizer step has changed since it was made, so its value is lost; ask for it before the step (realize), or return it from a compiled function';

function mlp(): Module {
  return new nn.Sequential([
    new nn.Linear({ in_features: 6, out_features: 16 }),
    new nn.BatchNorm1d({ num_features: 16 }),
    new nn.GELU(),
    new nn.Dropout({ p: 0.3 }),
    new nn.Linear({ in_features: 16, out_features: 3 }),
    new nn.BatchNorm1d({ num_features: 3, momentum: null }),
  ]);
}
function convnet(): Module {
  return new nn.Sequential([
    new nn.Conv2d({ in_channels: 2, out_channels: 6, kernel_size: 3, padding: 1 }),
    new nn.BatchNorm2d({ num_features: 6 }),
    new nn.ReLU(),
    new nn.MaxPool2d({ kernel_size: 2 }),
    new nn.Dropout2d({ p: 0.25 }),
    new nn.Conv2d({ in_channels: 6, out_channels: 4, kernel_size: 3, stride: 2 }),
    new nn.BatchNorm2d({ num_features: 4, affine: false }),
    new nn.Flatten(),
    new nn.Linear({ in_features: 4, out_features: 3 }),
  ]);
}
const forward = (m: Module, x: Tensor) => m.forward(x as never) as Tensor;
const snapshot = async (m: Module) =>
  Object.fromEntries(await Promise.all([...m.stateDict()].map(async ([key, t]) => [key, await t.array()])));
const classes = (n: number) =>
  tensor(
    BigInt64Array.from({ length: n }, (_, i) => BigInt(i % 3)),
    { dtype: 'int64' },
  );

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

describe('traced, compiled and step-by-step training agree to the last bit', () => {
  type How = 'traced' | 'without waiting' | 'step by step' | 'compiled' | 'compiled, without waiting';
  const hows: How[] = ['traced', 'without waiting', 'step by step', 'compiled', 'compiled, without waiting'];
  interface Setting {
    readonly net: () => Module;
    readonly input: readonly number[];
    readonly optimizer: (m: Module) => optim.SGD | optim.Adam;
    /** Called before each step. */
    readonly change?: (i: number, m: Module, o: optim.Optimizer) => void;
    /** Gradients are cleared before every n-th step and used after it. */
    readonly accumulate?: number;
  }

  /** Forward, module by module, each result asked for. */
  const slowly = async (m: Module, x: Tensor): Promise<Tensor> => {
    let value = x;
    for (const layer of m.children()) {
      value = forward(layer, value);
      await value.data();
    }
    return value;
  };

  async function train(how: How, { net, input, optimizer, change, accumulate = 1 }: Setting) {
    manualSeed(11);
    const model = net();
    const o = optimizer(model);
    const target = classes(input[0]!);
    const losses: Promise<number>[] = [];
    const clear = (first: boolean) => {
      if (first) o.zeroGrad();
    };
    const step = compile((x: Tensor, t: Tensor, first: boolean, last: boolean) => {
      clear(first);
      const l = F.crossEntropy(forward(model, x), t);
      l.backward();
      if (last) void o.step();
      return l;
    });
    for (let i = 0; i < 6; i++) {
      change?.(i, model, o);
      const [first, last] = [i % accumulate === 0, i % accumulate === accumulate - 1];
      const x = randn(input);
      if (how.startsWith('compiled')) {
        const made = step(x, target, first, last);
        losses.push(made.then((l) => l.item()));
        if (how === 'compiled') await made;
        continue;
      }
      clear(first);
      const y = how === 'step by step' ? await slowly(model, x) : forward(model, x);
      const l = F.crossEntropy(y, target);
      if (how === 'step by step') await l.data();
      l.backward();
      if (how === 'step by step') for (const p of model.parameters()) if (p.grad) await p.grad.data();
      const done = last ? o.step() : realize(l);
      losses.push(done.then(() => l.item()));
      if (how !== 'without waiting') await done;
    }
    return { losses: await Promise.all(losses), state: await snapshot(model), next: await rand([1]).item() };
  }

  const mlpSetting: Setting = {
    net: mlp,
    input: [8, 6],
    optimizer: (m) => new optim.Adam(m.parameters(), { lr: 0.01 }),
  };
  const settings: Record<string, Setting> = {
    'mlp, Adam': mlpSetting,
    'conv net, SGD with momentum': {
      net: convnet,
      input: [4, 2, 6, 6],
      optimizer: (m) => new optim.SGD(m.parameters(), { lr: 0.05, momentum: 0.9, nesterov: true, weight_decay: 0.01 }),
    },
    'train and eval in turn': { ...mlpSetting, change: (i, m) => m.train(i % 3 !== 1) },
    'one layer in evaluation mode': { ...mlpSetting, change: (i, m) => [...m.children()][1]!.train(i < 3) },
    'p changed': {
      ...mlpSetting,
      change: (i, m) => Object.assign([...m.children()][3]!.args, { p: [0.1, 0.5, 0, 0.5, 0.1, 1][i] }),
    },
    'lr changed': {
      ...mlpSetting,
      change: (i, _m, o) => {
        for (const group of o.paramGroups) group.lr = 0.01 * (i + 1);
      },
    },
    'gradients accumulated': { ...mlpSetting, accumulate: 3 },
    'a layer frozen and thawed': {
      ...mlpSetting,
      change: (i, m) => [...m.children()][0]!.requiresGrad_(i % 4 < 2),
    },
  };

  test.each(Object.entries(settings))('%s', async (_name, setting) => {
    const [first, ...others] = hows;
    const want = await train(first!, setting);
    expect(new Set(want.losses).size).toBeGreaterThan(3);
    for (const how of others) {
      expect(await train(how, setting), how).toEqual(want);
    }
  });

  test('compiled functions share their state', async () => {
    const run = async (compiled: boolean) => {
      manualSeed(5);
      const model = mlp();
      const o = new optim.Adam(model.parameters(), { lr: 0.01 });
      const t = classes(8);
      const train = (x: Tensor) => {
        o.zeroGrad();
        const l = F.crossEntropy(forward(model, x), t);
        l.backward();
        void o.step();
        return l;
      };
      const evaluate = (x: Tensor) => {
        model.eval();
        const y = noGrad(() => forward(model, x));
        model.train();
        return y;
      };
      const statistics = (x: Tensor) => {
        noGrad(() => forward(model, x));
        return undefined;
      };
      const wrap = <R extends Tensor | undefined>(f: (x: Tensor) => R) =>
        compiled
          ? compile(f)
          : async (x: Tensor) => {
              const r = f(x);
              if (r) await r.data();
              return r;
            };
      const [a, b, c] = [wrap(train), wrap(evaluate), wrap(statistics)];
      const results: unknown[] = [];
      for (let i = 0; i < 4; i++) {
        const x = randn([8, 6]);
        const made = [a(x), b(x), c(x), b(x)];
        results.push(await Promise.all(made.map(async (r) => (await r)?.array())));
        if (i === 1) model.loadStateDict(mlp().stateDict());
      }
      return { results, state: await snapshot(model) };
    };
    expect(await run(true)).toEqual(await run(false));
  });

  test('a gradient begun outside a compiled function is continued inside, and the other way round', async () => {
    const run = async (compiled: boolean) => {
      const w = new Parameter(tensor([1, 2]));
      const sgd = new optim.SGD([w], { lr: 0.1 });
      const add = (x: Tensor) => {
        w.mul(x).sum().backward();
      };
      const addInside = compiled ? compile(add) : async (x: Tensor) => add(x);
      const begun = w.square().sum();
      begun.backward();
      await addInside(tensor([10, 20]));
      await addInside(tensor([1, 1]));
      w.exp().sum().backward();
      const total = await w.grad!.array();
      await sgd.step();
      return { total, w: await w.array(), begun: await begun.item() };
    };
    expect(await run(true)).toEqual(await run(false));
  });

  test('what a compiled call draws is in the order of the calls', async () => {
    const run = async (compiled: boolean) => {
      manualSeed(2);
      const layer = new nn.Dropout();
      const f = compiled ? compile((x: Tensor) => layer.forward(x)) : async (x: Tensor) => layer.forward(x);
      const ones = tensor(new Float32Array(16).fill(1));
      const a = f(ones);
      const b = layer.forward(ones);
      const c = f(ones);
      const d = rand([3]);
      return Promise.all([(await a).array(), b.array(), (await c).array(), d.array()]);
    };
    expect(await run(true)).toEqual(await run(false));
  });

  test('results of a compiled function are kept when it is called again', async () => {
    const w = new Parameter(tensor([1]));
    const sgd = new optim.SGD([w], { lr: 1 });
    const f = compile((x: Tensor) => {
      sgd.zeroGrad();
      const [y, old] = [w.mul(x), w.detach()];
      y.sum().backward();
      void sgd.step();
      return { y, parts: [x.mul(2), old] };
    });
    const [a, b] = await Promise.all([f(tensor([1])), f(tensor([2]))]);
    const flat = async (r: Awaited<ReturnType<typeof f>>) =>
      Promise.all([r.y, ...r.parts].map((t) => (t as Tensor).item()));
    expect([await flat(a), await flat(b), await w.item()]).toEqual([[1, 2, 1], [0, 4, 0], -2]);
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

describe('compile says what it cannot do', () => {
  const w = new Parameter(tensor([1, 2]));
  const x = tensor([3, 4]);

  test('functions', async () => {
    expect(await failure(() => compile((async (t: Tensor) => t) as never)(x as never))).toMatchInlineSnapshot(
      `"ArgError: compile: expected a synchronous function, got one that returns a promise; await its results outside"`,
    );
    const reading = compile((async (t: Tensor) => {
      await t.item();
    }) as never);
    expect(await failure(() => reading(x as never))).toMatchInlineSnapshot(
      `"ArgError: compile: expected a synchronous function, got one that returns a promise; await its results outside"`,
    );
    const sgd = new optim.SGD([w], { lr: 1 });
    const using = compile(() => {
      sgd.zeroGrad();
      w.sum().backward();
      void sgd.step();
      return w.mul(2);
    });
    expect(await failure(using)).toMatchInlineSnapshot(
      `"TorcharcError: compile: something is computed from the parameters after optimizer.step(); return from the function before, or compile the two parts on their own"`,
    );
    const inner = compile((t: Tensor) => t.mul(2));
    expect(await failure(() => compile((t: Tensor) => ({ r: inner(t) }) as never)(x))).toMatchInlineSnapshot(
      `"ArgError: compile: expected the function to return tensors, arrays or records of them, or nothing, got object"`,
    );
  });

  test('reading a value inside', async () => {
    const texts: Promise<string>[] = [];
    const f = compile((t: Tensor) => {
      texts.push(
        failure(() => t.item.call(t.sum())),
        failure(() => t.data()),
        failure(() => realize(t)),
      );
      return t;
    });
    await f(x);
    expect(new Set(await Promise.all(texts))).toMatchInlineSnapshot(`
      Set {
        "TorcharcError: compile: values cannot be read inside a function being compiled; return the tensor and read it outside",
      }
    `);
  });

  test('arguments', async () => {
    const f = compile((..._args: unknown[]) => x) as (...args: unknown[]) => Promise<unknown>;
    const given = [w, () => 1, Symbol('s'), new Map(), new Date(0), new Float32Array(2)];
    const texts = await Promise.all(given.map((arg) => failure(() => f(arg))));
    expect(texts).toMatchInlineSnapshot(`
      [
        "ArgError: compile: an argument that requires a gradient is not supported; pass value.detach()",
        "ArgError: compile: expected tensors, plain values, arrays and records as arguments, got a function",
        "ArgError: compile: expected tensors, plain values, arrays and records as arguments, got a symbol",
        "ArgError: compile: expected tensors, plain values, arrays and records as arguments, got Map",
        "ArgError: compile: expected tensors, plain values, arrays and records as arguments, got Date",
        "ArgError: compile: expected tensors, plain values, arrays and records as arguments, got Float32Array",
      ]
    `);
  });

  test('results', async () => {
    const results = [1, 'text', null, new Map(), () => x, [x, 2], { x: Promise.resolve(x) }];
    const texts = await Promise.all(results.map((r) => failure(() => compile(() => r as never)())));
    expect(texts).toMatchInlineSnapshot(`
      [
        "ArgError: compile: expected the function to return tensors, arrays or records of them, or nothing, got number",
        "ArgError: compile: expected the function to return tensors, arrays or records of them, or nothing, got string",
        "ArgError: compile: expected the function to return tensors, arrays or records of them, or nothing, got null",
        "ArgError: compile: expected the function to return tensors, arrays or records of them, or nothing, got object",
        "ArgError: compile: expected the function to return tensors, arrays or records of them, or nothing, got function",
        "ArgError: compile: expected the function to return tensors, arrays or records of them, or nothing, got number",
        "ArgError: compile: expected the function to return tensors, arrays or records of them, or nothing, got object",
      ]
    `);
  });

  test('a function that throws leaves no trace', async () => {
    manualSeed(1);
    const m = mlp();
    const before = await snapshot(m);
    const o = new optim.SGD(m.parameters(), { lr: 1 });
    const f = compile((t: Tensor) => {
      forward(m, t).sum().backward();
      void o.step();
      throw new Error('inside');
    });
    expect(await failure(() => f(rand([4, 6])))).toBe('Error: inside');
    expect(await snapshot(m)).toEqual(before);
    expect(m.parameters().every((p) => p.grad === null)).toBe(true);
    forward(m, rand([4, 6]))
      .sum()
      .backward();
    await o.step();
    expect(await snapshot(m)).not.toEqual(before);
  });

  test('a run that fails leaves the state usable', async () => {
    const m = new nn.Linear({ in_features: 2, out_features: 2 });
    const o = new optim.SGD(m.parameters(), { lr: 1 });
    const stale = noGrad(() => m.weight.mul(2));
    const f = compile((extra: Tensor) => {
      o.zeroGrad();
      const l = m.forward(extra).sum();
      l.backward();
      void o.step();
      return l;
    });
    await f(rand([3, 2]));
    const before = await snapshot(m);
    expect(await failure(() => f(stale))).toBe(CHANGED);
    expect(await snapshot(m)).toEqual(before);
    await f(rand([3, 2]));
    expect(await snapshot(m)).not.toEqual(before);
  });

  test('plain arguments are told apart', async () => {
    let traced = 0;
    const f = compile((t: Tensor, scale: number, options: { shift: number }) => {
      traced++;
      return t.mul(scale).add(options.shift);
    });
    const values = [];
    for (const [scale, shift] of [
      [2, 0],
      [3, 0],
      [2, 1],
      [2, 0],
    ] as const) {
      values.push(await (await f(x, scale, { shift })).array());
    }
    expect(values).toEqual([
      [6, 8],
      [9, 12],
      [7, 9],
      [6, 8],
    ]);
    expect(traced).toBe(3);
    await f(tensor([1]), 2, { shift: 0 });
    await f(tensor([1, 2], { dtype: 'float64' }), 2, { shift: 0 });
    expect(traced).toBe(5);
  });
});
