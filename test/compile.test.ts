/** A compiled function does what the function does: the same bits, the same state, the same draws. */
import {
  compile,
  F,
  type Module,
  manualSeed,
  nn,
  noGrad,
  optim,
  Parameter,
  rand,
  randn,
  realize,
  sessionCount,
  sessionLimit,
  type Tensor,
  tensor,
} from 'torcharc';
import { describe, expect, test } from 'vitest';
import { CHANGED, classes, convnet, failure, forward, mlp, snapshot } from './nets.ts';

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
      `"TorcharcError: compile: a compiled function cannot be called inside another; call the function it was made from"`,
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

describe('gradients of a compiled function', () => {
  test("an argument's gradient can be returned, and does not make a call trace anew", async () => {
    let traced = 0;
    const f = compile((t: Tensor) => {
      traced++;
      t.requiresGrad = true;
      t.square().sum().backward();
      return t.grad!;
    });
    const values = [];
    for (const x of [1, 2, 3, 4]) values.push(await (await f(tensor([x, -x]))).array());
    expect(values).toEqual([
      [2, -2],
      [4, -4],
      [6, -6],
      [8, -8],
    ]);
    expect(traced).toBe(1);
  });

  const scaled = (size: number) => {
    const p = new Parameter(rand([size]));
    const f = compile((by: Tensor) => {
      p.grad = null;
      const loss = p.mul(by).sum();
      loss.backward();
      return loss;
    });
    return { p, f };
  };

  // 5000: an output of its own; 40000: written where we say
  test.each([2, 5000, 40000])('are those of the latest call, and what was read stays (%i elements)', async (size) => {
    const { p, f } = scaled(size);
    const first = async (t: Tensor) => ((await t.array()) as number[])[0];
    const read: Tensor[] = [];
    for (const by of [1, 2, 3, 4]) {
      await f(tensor(by));
      if (by !== 3) read.push(p.grad!);
    }
    expect(await Promise.all(read.map(first))).toEqual([1, 2, 4]);
    expect(p.grad).toBe(read[2]);
    const data = await p.grad!.data();
    await f(tensor(5));
    expect([data[0], await first(p.grad!)]).toEqual([4, 5]);
  });

  test.each([2, 5000, 40000])('can be asked for before the call has run (%i elements)', async (size) => {
    const { p, f } = scaled(size);
    await f(tensor(1));
    const calls = [f(tensor(2))];
    const second = p.grad!;
    calls.push(f(tensor(3)));
    const third = p.grad!;
    await Promise.all(calls);
    expect([(await second.data())[0], (await third.data())[0]]).toEqual([2, 3]);
  });

  test('that are returned as well are arrays of their own', async () => {
    const p = new Parameter(rand([40000]));
    const f = compile((by: Tensor) => {
      p.grad = null;
      p.mul(by).sum().backward();
      return [p.grad!, p.grad!] as Tensor[];
    });
    const [one, two] = await f(tensor(2));
    one!.dispose();
    await f(tensor(3));
    expect([(await two!.data())[0], (await p.grad!.data())[0]]).toEqual([2, 3]);
  });
});

test('a parameter group added after the first call is updated too', async () => {
  const [a, b] = [new Parameter(rand([2])), new Parameter(rand([2]))];
  const optimizer = new optim.SGD([a], { lr: 1 });
  const step = compile(() => {
    optimizer.zeroGrad();
    const loss = a.mul(b).sum();
    loss.backward();
    void optimizer.step();
    return loss;
  });
  await step();
  const before = await b.array();
  optimizer.addParamGroup({ params: [b] });
  await step();
  expect(await b.array()).not.toEqual(before);
});

test('sessions are bounded, and a graph whose session went gets another', async () => {
  const limit = sessionLimit.count;
  sessionLimit.count = 2;
  try {
    for (let n = 1; n <= 6; n++) expect(await rand([n]).mul(3).sum().item()).toBeGreaterThan(0);
    expect(sessionCount()).toBeLessThanOrEqual(2);
    expect(await tensor([1]).mul(3).sum().item()).toBe(3);
  } finally {
    sessionLimit.count = limit;
  }
});
