/** State dicts of every optimizer, in plain and compiled steps; the optimizers that PyTorch does not have; what is refused. */
import { buildOptimizer, compile, F, nn, optim, Parameter, realize, type Tensor, tensor } from 'torcharc';
import { describe, expect, test } from 'vitest';
import { optimizers } from './optimizers.ts';

type Make = (params: Tensor[]) => optim.Optimizer;

/** Options under which an optimizer keeps all the state it can. */
const options: Record<string, object> = {
  SGD: { momentum: 0.9, weight_decay: 0.01, nesterov: true },
  Adam: { amsgrad: true, weight_decay: 0.01 },
  AdamW: { amsgrad: true },
  RMSprop: { momentum: 0.9, centered: true, maximize: true },
  GlobalRMSprop: { momentum: 0.9, centered: true },
  NAdam: { weight_decay: 0.1, decoupled_weight_decay: true },
  RAdam: { betas: [0.5, 0.6], maximize: true },
  ASGD: { t0: 2, weight_decay: 0.1 },
  LBFGS: { line_search_fn: 'strong_wolfe', history_size: 3, max_iter: 4 },
};
const makers: [string, Make][] = Object.entries(optimizers).map(([name, make]) => [
  name,
  name === 'Lookahead'
    ? (params) => new optim.Lookahead(new optim.Adam(params, { lr: 0.05 }), { k: 2 })
    : (params) => make(params, { lr: 0.05, ...options[name] }),
]);
makers.push([
  'Lookahead of LBFGS',
  (params) => new optim.Lookahead(new optim.LBFGS(params, { max_iter: 3 }), { k: 2 }),
]);
const combined = { type: 'Muon', lr: 0.05, groups: [{ params: '0', type: 'AdamW', lr: 0.02 }] };
makers.push(['Muon and AdamW', (params) => buildOptimizer(combined, new nn.ParameterList(params))]);
makers.push(['Lookahead of plain SGD', (params) => new optim.Lookahead(new optim.SGD(params, { lr: 0.05 }))]);

async function values(dtype: 'float32' | 'float64', shape: number[], seed: number): Promise<Tensor> {
  const n = shape.reduce((a, b) => a * b, 1);
  const t = tensor(
    Float64Array.from({ length: n }, (_, i) => Math.sin(1.7 * i + seed)),
    { shape },
  ).to(dtype);
  await realize(t);
  return t;
}

/** A net of two matrices, which is all that Muon takes, of more and of fewer elements than the kernel starts at. */
async function net(dtype: 'float32' | 'float64') {
  const params = [
    new Parameter(await values(dtype, [6, 4], 1)),
    new Parameter(await values(dtype, [2, 6], 2)),
  ] as const;
  const [x, y] = [await values(dtype, [5, 4], 3), await values(dtype, [5, 2], 4)];
  return { params: [...params], loss: () => F.mseLoss(F.linear(F.linear(x, params[0]).tanh(), params[1]), y) };
}

/** Steps as they are taken one by one, and by a compiled function; LBFGS compiles what its closure calls. */
function stepper(form: string, o: optim.Optimizer, loss: () => Tensor): () => Promise<unknown> {
  const closure = () => {
    o.zeroGrad();
    const l = loss();
    l.backward();
    return l;
  };
  if (form === 'plain') return () => o.step(closure);
  if (/LBFGS/.test(String(o))) {
    const compiled = compile(closure);
    return () => o.step(compiled);
  }
  return compile(() => {
    void o.step(closure);
  });
}

const arrays = (params: readonly Parameter[]) => Promise.all(params.map((p) => p.data()));

describe.each(['plain', 'compiled'])('%s', (form) => {
  for (const [name, make] of makers) {
    for (const dtype of ['float32', 'float64'] as const) {
      test(`${name} in ${dtype} goes on from a state dict, bit for bit`, async () => {
        const whole = await net(dtype);
        const one = make(whole.params);
        const step = stepper(form, one, whole.loss);
        for (let i = 0; i < 3; i++) await step();
        const resumed = await net(dtype);
        const other = make(resumed.params);
        resumed.params.forEach((p, i) => {
          new nn.ParameterList([p]).loadStateDict({ 0: whole.params[i]! });
        });
        const saved = one.stateDict();
        const before = JSON.stringify(saved);
        other.loadStateDict(saved);
        expect(other.stateDict()).toEqual(saved);
        const go = stepper(form, other, resumed.loss);
        for (let i = 0; i < 4; i++) {
          await step();
          await go();
          expect(await arrays(resumed.params)).toEqual(await arrays(whole.params));
        }
        expect(other.stateDict()).toEqual(one.stateDict());
        // saved state is nobody's
        expect(JSON.stringify(saved)).toBe(before);
        expect(JSON.stringify(one.stateDict())).not.toBe(before);
      });
    }
  }
});

test('plain and compiled steps are the same, with a closure or without', async () => {
  for (const [name, make] of makers) {
    const nets = [await net('float32'), await net('float32')] as const;
    const [a, b] = [make(nets[0].params), make(nets[1].params)];
    const steps = [stepper('plain', a, nets[0].loss), stepper('compiled', b, nets[1].loss)] as const;
    for (let i = 0; i < 3; i++) for (const step of steps) await step();
    expect(await arrays(nets[1].params), name).toEqual(await arrays(nets[0].params));
    expect(b.stateDict(), name).toEqual(a.stateDict());
    if (/LBFGS/.test(name)) continue;
    const plain = await net('float32');
    const c = make(plain.params);
    for (let i = 0; i < 3; i++) {
      c.zeroGrad();
      plain.loss().backward();
      await c.step();
    }
    expect(await arrays(plain.params), name).toEqual(await arrays(nets[0].params));
  }
});

test('a state dict holds numbers, arrays and lists of them; groups also booleans, strings and null', async () => {
  const plain = (value: unknown): boolean =>
    Array.isArray(value)
      ? value.every(plain)
      : value === null ||
        ['number', 'boolean', 'string'].includes(typeof value) ||
        value instanceof Float32Array ||
        value instanceof Float64Array;
  for (const [name, make] of makers) {
    const { params, loss } = await net('float32');
    const o = make(params);
    for (let i = 0; i < 2; i++) await stepper('plain', o, loss)();
    const { state, param_groups } = o.stateDict();
    for (const record of [...Object.values(state), ...param_groups])
      for (const [key, value] of Object.entries(record)) expect(plain(value), `${name}: ${key}`).toBe(true);
  }
});

test('state that does not fit changes nothing', async () => {
  const { params, loss } = await net('float32');
  const adam = new optim.Adam(params);
  await stepper('plain', adam, loss)();
  const { state, param_groups } = adam.stateDict();
  const before = adam.stateDict();
  const load = (change: object, o: optim.Optimizer = adam) => {
    try {
      o.loadStateDict({ state: { ...state, 0: { ...state[0], ...change } } as typeof state, param_groups });
      return 'fits';
    } catch (error) {
      return String(error);
    }
  };
  const { exp_avg: _, ...without } = state[0]!;
  const regroup = (change: object) => {
    try {
      adam.loadStateDict({ state, param_groups: [{ ...param_groups[0], ...change } as never] });
      return 'fits';
    } catch (error) {
      return String(error);
    }
  };
  expect([
    load({ exp_avg: new Float32Array(3) }),
    load({ step: new Float32Array(1) }),
    load({ exp_avg: 1 }),
    (() => {
      try {
        return adam.loadStateDict({ state: { ...state, 0: without }, param_groups });
      } catch (error) {
        return String(error);
      }
    })(),
    regroup({ betas: -1 }),
    regroup({ betas: [0.9] }),
    regroup({ lr: null }),
    regroup({ params: null }),
    load({}, new optim.RMSprop(params)),
    load({ momentum_buffer: new Float32Array(7) }, new optim.SGD(params)),
    load({}, new optim.Lookahead(new optim.Adam(params))),
  ]).toMatchInlineSnapshot(`
    [
      "TorcharcError: Adam: loaded state dict has 3 elements of exp_avg, expected 24, for parameter 0",
      "TorcharcError: Adam: loaded state dict has a Float32Array as step, expected a number for parameter 0",
      "TorcharcError: Adam: loaded state dict has 1 as exp_avg, expected an array for parameter 0",
      "TorcharcError: Adam: loaded state dict has no exp_avg for parameter 0",
      "TorcharcError: Adam: loaded state dict has -1 as betas of group 0, expected two numbers between 0 and 1",
      "TorcharcError: Adam: loaded state dict has [0.9] as betas of group 0, expected two numbers between 0 and 1",
      "TorcharcError: Adam: loaded state dict has null as lr of group 0, expected a number of at least 0",
      "TorcharcError: Adam: loaded state dict contains a parameter group that doesn't match the size of optimizer's group",
      "TorcharcError: RMSprop: loaded state dict has no square_avg for parameter 0",
      "TorcharcError: SGD: loaded state dict has 7 elements of momentum_buffer, expected 24, for parameter 0",
      "TorcharcError: Lookahead: loaded state dict has no slow_param for parameter 0",
    ]
  `);
  expect(adam.stateDict()).toEqual(before);
});

// p = torch.nn.Parameter(torch.tensor([1., -2., 3.], dtype=torch.float64)); o = make([p]); slow = p.detach().clone()
// for i in range(1, n + 1):
//     o.zero_grad(); (p ** 4 / 4 + p).sum().backward(); o.step()
//     if i % k == 0: slow += alpha * (p.detach() - slow); p.data.copy_(slow)
test('Lookahead: k steps forward, one back', async () => {
  const run = async (make: Make, options: optim.LookaheadOptions, n: number) => {
    const p = new Parameter(tensor([1, -2, 3], { dtype: 'float64' }));
    const o = new optim.Lookahead(make([p]), options);
    for (let i = 0; i < n; i++) {
      o.zeroGrad();
      p.pow(4).div(4).add(p).sum().backward();
      await o.step();
    }
    return [...(await p.data()), ...(o.stateDict().state[0]!.slow_param as Float64Array)].map(Number);
  };
  const sgd = await run((p) => new optim.SGD(p, { lr: 0.01, momentum: 0.9 }), {}, 12);
  const adam = await run((p) => new optim.Adam(p, { lr: 0.1 }), { k: 3, step_size: 0.8 }, 10);
  const near = (got: number[], want: number[]) =>
    got.forEach((v, i) => {
      expect(Math.abs(v - want[i]!)).toBeLessThan(1e-12);
    });
  near(
    sgd,
    [
      0.44206318604340683, -0.9144319447135729, -0.09533069558580716, 0.6461951235835036, -1.1866539782131449,
      0.6341707570867223,
    ],
  );
  near(
    adam,
    [
      0.2141971038970983, -1.2557644656124762, 2.211697609215414, 0.30575286958724357, -1.33282518968557,
      2.3021499597241335,
    ],
  );
});

test('GlobalAdam and GlobalRMSprop are Adam and RMSprop with their state from the start', async () => {
  for (const [own, base] of [
    [optim.GlobalAdam, optim.Adam],
    [optim.GlobalRMSprop, optim.RMSprop],
  ] as const) {
    const nets = [await net('float32'), await net('float32')] as const;
    const [a, b] = [new own(nets[0].params, { lr: 0.05 }), new base(nets[1].params, { lr: 0.05 })];
    expect(Object.keys(a.stateDict().state)).toEqual(['0', '1']);
    expect(b.stateDict().state).toEqual({});
    for (let i = 0; i < 3; i++) {
      await stepper('plain', a, nets[0].loss)();
      await stepper('plain', b, nets[1].loss)();
    }
    expect(await arrays(nets[0].params)).toEqual(await arrays(nets[1].params));
    expect(a.stateDict()).toEqual(b.stateDict());
    expect(String(a)).toBe(String(b).replace(/^/, 'Global'));
  }
});

test('LBFGS says what it needs', async () => {
  const { params, loss } = await net('float32');
  const o = new optim.LBFGS(params);
  const text = (call: () => unknown) =>
    Promise.resolve()
      .then(call)
      .then(() => 'fine', String);
  expect([
    await text(() => o.step()),
    await text(() => o.step(() => undefined)),
    await text(compile(() => void o.step(loss))),
    await text(() => new optim.LBFGS([{ params: [params[0]!] }, { params: [params[1]!] }])),
    await text(() => new optim.LBFGS(params, { line_search_fn: 'wolfe' as never })),
  ]).toMatchInlineSnapshot(`
    [
      "ArgError: LBFGS: step needs a closure that clears the gradients, computes the loss, calls backward and returns the loss",
      "ArgError: LBFGS: expected a closure that returns the loss, got undefined",
      "TorcharcError: LBFGS: step cannot be part of a compiled function, as it calls its closure several times; the closure may call a compiled function",
      "ArgError: LBFGS: LBFGS doesn't support per-parameter options (parameter groups)",
      "ArgError: LBFGS.line_search_fn: only 'strong_wolfe' is supported, got 'wolfe' (expected one of 'strong_wolfe' or null)",
    ]
  `);
});

test('parameters of other dtypes are refused', async () => {
  const half = new Parameter(tensor([1], { dtype: 'float16' }));
  half.grad = tensor([1], { dtype: 'float16' });
  const text = 'expected parameters of dtype float32 or float64, got float16';
  await expect(new optim.SGD([half]).step()).rejects.toThrow(text);
  await expect(compile(() => void new optim.SGD([half]).step())()).rejects.toThrow(text);
  await expect(new optim.LBFGS([half]).step(() => tensor(1))).rejects.toThrow(text);
});

test("an optimizer refuses bad options in PyTorch's words", () => {
  const p = [new Parameter(tensor([[1, 2]]))];
  // left out, as an option of a module is
  expect(new optim.Adam(p, { lr: undefined as never }).paramGroups[0]!.lr).toBe(0.001);
  const text = (name: string, options: object, params: Tensor[] = p) => {
    try {
      optimizers[name]!(params, options);
      return 'fine';
    } catch (error) {
      return String(error);
    }
  };
  expect([
    text('NAdam', { momentum_decay: -1 }),
    text('RAdam', { betas: [1, 0.9] }),
    text('Adamax', { eps: -1 }),
    text('Adagrad', { lr_decay: -1 }),
    text('Adagrad', { initial_accumulator_value: -1 }),
    text('Adadelta', { rho: 1.5 }),
    text('RMSprop', { alpha: -1 }),
    text('RMSprop', { momentum: -1 }),
    text('Rprop', { etas: [0.5, 0.9] }),
    text('ASGD', { weight_decay: -1 }),
    text('Adafactor', { lr: -1 }),
    text('Adafactor', { beta2_decay: 1 }),
    text('Adafactor', { eps: [-1, 1e-3] }),
    text('Adafactor', { eps: [null, -1] }),
    text('Adafactor', { d: 0.5 }),
    text('Muon', { lr: -1 }),
    text('Muon', { momentum: -1 }),
    text('Muon', { adjust_lr_fn: 'best' }),
    text('Muon', { ns_steps: 100 }),
    text('Muon', { ns_coefficients: [1, 2] }),
    text('Muon', {}, [new Parameter(tensor([1, 2]))]),
  ]).toMatchInlineSnapshot(`
    [
      "ArgError: NAdam.momentum_decay: Invalid momentum_decay value: -1 (expected a number of at least 0)",
      "ArgError: RAdam.betas: Invalid beta parameter at index 0: 1 (expected two numbers between 0 and 1)",
      "ArgError: Adamax.eps: Invalid epsilon value: -1 (expected a number of at least 0)",
      "ArgError: Adagrad.lr_decay: Invalid lr_decay value: -1 (expected a number of at least 0)",
      "ArgError: Adagrad.initial_accumulator_value: Invalid initial_accumulator_value value: -1 (expected a number of at least 0)",
      "ArgError: Adadelta.rho: Invalid rho value: 1.5 (expected a number between 0 and 1)",
      "ArgError: RMSprop.alpha: Invalid alpha value: -1 (expected a number of at least 0)",
      "ArgError: RMSprop.momentum: Invalid momentum value: -1 (expected a number of at least 0)",
      "ArgError: Rprop.etas: Invalid eta values: 0.5, 0.9 (expected a number between 0 and 1 and one above 1)",
      "ArgError: ASGD.weight_decay: Invalid weight_decay value: -1 (expected a number of at least 0)",
      "ArgError: Adafactor.lr: Learning rate should be >= 0 but is: -1 (expected a number of at least 0)",
      "ArgError: Adafactor.beta2_decay: beta2_decay should be <= 0 but is: 1 (expected a number of at most 0)",
      "ArgError: Adafactor.eps: epsilon1 should be >= 0 but is: -1 (expected two numbers of at least 0, of which the first may be null)",
      "ArgError: Adafactor.eps: epsilon2 should be >= 0 but is: -1 (expected two numbers of at least 0, of which the first may be null)",
      "ArgError: Adafactor.d: Clipping threshold d should be >= 1 but is: 0.5 (expected a number of at least 1)",
      "ArgError: Muon.lr: Learning rate should be >= 0 but is: -1 (expected a number of at least 0)",
      "ArgError: Muon.momentum: momentum should be >= 0 but is: -1 (expected a number of at least 0)",
      "ArgError: Muon.adjust_lr_fn: Adjust learning rate function 'best' is not supported (expected one of 'original', 'match_rms_adamw' or null)",
      "ArgError: Muon.ns_steps: Number of steps must be less than 100 for computational efficiency (expected an integer from 0 to 99)",
      "ArgError: Muon.ns_coefficients: Coefficients must be a tuple of exactly 3 values (expected three numbers)",
      "ArgError: Muon: Muon only supports 2D parameters whereas we found a parameter with size: [2]",
    ]
  `);
});
