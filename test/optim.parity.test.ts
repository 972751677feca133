/** Ten steps of every optimizer against PyTorch 2.13: parameters, losses, state, groups, repr. */
import { F, nn, optim, Parameter, realize, type Tensor } from 'torcharc';
import { afterAll, describe, expect, test } from 'vitest';
import { optimizers, own } from './optimizers.ts';
import { expectClose, readFixture } from './parity.ts';

type Described =
  | { type: 'tensor'; dtype: string; shape: number[] }
  | { type: 'list'; length: number; item: Described | null }
  | { type: 'int' | 'float'; value: number };
interface Case {
  readonly kwargs: Record<string, unknown>;
  readonly params: readonly string[];
  readonly groups: readonly { params: readonly string[] }[] | null;
  readonly frozen: readonly string[];
  readonly repr: string;
  readonly losses: readonly number[];
  readonly closure_calls?: readonly number[] | null;
  readonly state: Record<string, Record<string, Described>>;
  readonly param_groups: readonly Record<string, unknown>[];
  readonly f64_dev: Record<string, number>;
  readonly f64_dev_state: Record<string, number>;
}

/** Compare one value of the state with what PyTorch's is. */
async function expectState(
  what: string,
  got: unknown,
  about: Described,
  stored: Tensor | undefined,
  dev = 0,
): Promise<void> {
  if (about.type === 'list') {
    expect(got, what).toHaveLength(about.length);
    if (about.item?.type === 'tensor' && about.item.shape.length > 0)
      expect((got as unknown[])[0], what).toHaveLength(about.item.shape[0]!);
    return;
  }
  if (about.type === 'tensor') {
    // PyTorch's 0-d tensors are numbers here
    const array = typeof got === 'number' ? Float64Array.of(got) : (got as Float32Array);
    if (stored) expectClose(what, array, await stored.data(), dev);
    return;
  }
  expectClose(what, Float64Array.of(got as number), Float64Array.of(about.value), dev);
}

let ran = 0;
for (const [name, make] of Object.entries(optimizers)) {
  if (own.includes(name)) continue;
  describe(name, () => {
    const { cases, tensors } = readFixture<Case>(`nn/optim/${name}`);
    cases.forEach((spec, i) => {
      test(`${i} ${JSON.stringify(spec.kwargs)}${spec.groups ? ' in groups' : ''}`, async () => {
        const stored = (path: string) => tensors.get(`${i}/${path}`) ?? tensors.get(path)!;
        const model = new nn.Sequential([
          new nn.Linear({ in_features: 5, out_features: 7 }),
          new nn.Tanh(),
          new nn.Linear({ in_features: 7, out_features: 3 }),
        ]);
        const named = new Map(model.namedParameters());
        model.loadStateDict(new Map([...named.keys()].map((key) => [key, stored(`init/${key}`)])));
        for (const key of spec.frozen) named.get(key)!.requiresGrad = false;
        const pick = (keys: readonly string[]) => keys.map((key) => named.get(key)!);
        const groups = spec.groups?.map(({ params, ...options }) => ({ params: pick(params), ...options }));
        const optimizer = make(groups ?? pick(spec.params), spec.kwargs);
        // JSON has one kind of number: Python's 0.0 comes as 0
        expect(String(optimizer)).toBe(spec.repr.replace(/\b(\d+)\.0\b/g, '$1'));

        const [x, y] = [stored('x'), stored('y')];
        const losses: number[] = [];
        const calls: number[] = [];
        const loss = () => F.mseLoss(model.forward(x), y);
        for (let step = 1; step <= 10; step++) {
          let called = 0;
          const l = await optimizer.step(() => {
            called++;
            optimizer.zeroGrad();
            const value = loss();
            value.backward();
            return value;
          });
          calls.push(called);
          losses.push(await l.item());
          for (const [key, p] of named) {
            const want = tensors.get(`${i}/step${step}/${key}`);
            if (want) expectClose(`step ${step}: ${key}`, await p.data(), await want.data(), spec.f64_dev[step]);
          }
        }
        losses.push(await loss().item());
        // the loss follows the parameters; ten of their deviations over as many steps
        expectClose('losses', Float64Array.from(losses), Float64Array.from(spec.losses), spec.f64_dev[10]);
        if (spec.closure_calls) expect(calls).toEqual(spec.closure_calls);

        const { state, param_groups } = optimizer.stateDict();
        expect(param_groups).toEqual(spec.param_groups);
        expect(param_groups.map((group) => Object.keys(group))).toEqual(
          spec.param_groups.map((group) => Object.keys(group)),
        );
        expect(Object.keys(state)).toEqual(Object.keys(spec.state));
        // where PyTorch's float32 run has lost its float64 one, the next test takes over
        const chaotic = name === 'LBFGS' && spec.f64_dev[10]! > 1e-3;
        for (const [index, described] of Object.entries(spec.state)) {
          const values = state[Number(index)]!;
          expect(Object.keys(values)).toEqual(Object.keys(described));
          if (chaotic) continue;
          for (const [key, about] of Object.entries(described)) {
            const want = tensors.get(`${i}/state/${index}/${key}`);
            const dev = spec.f64_dev_state[key] ?? spec.f64_dev[10];
            await expectState(`state ${index}.${key}`, values[key], about, want, dev);
          }
        }
        ran++;
      });
    });
  });
}

// optimizer = torch.optim.LBFGS(model.double().parameters(), **kwargs); [optimizer.step(closure).item() for _ in range(6)]; optimizer.state_dict()['state'][0]
const inDouble = [
  {
    losses: [
      1.2251352208039534, 0.39331026746398395, 0.25333732090377514, 0.15217438036370698, 0.06826063233273894,
      0.022845021577878804,
    ],
    n_iter: 24,
    func_evals: 24,
    t: 1.0,
    H_diag: 0.22300868374037647,
  },
  {
    losses: [
      1.2251352208039534, 0.6042695540230536, 0.4119387250297771, 0.2986070541879604, 0.2199216540278174,
      0.1588127694165309,
    ],
    n_iter: 30,
    func_evals: 30,
    t: 0.1,
    H_diag: 1.4906337139944539,
  },
  {
    losses: [
      1.2251352208039534, 0.7739427343195592, 0.4716128489799036, 0.371086464591432, 0.2968865658827092,
      0.25728163611266985,
    ],
    n_iter: 12,
    func_evals: 18,
    t: 0.3,
    H_diag: 1.7409608530373912,
  },
  {
    losses: [
      1.2251352208039534, 0.31378634682040035, 0.18412833148022936, 0.10559781406018343, 0.04438867672184707,
      0.019125669986104817,
    ],
    n_iter: 27,
    func_evals: 37,
    t: 0.2699412786852142,
    H_diag: 0.6637129267497137,
  },
  {
    losses: [
      1.2251352208039534, 0.022845021577878804, 2.924293223013733e-5, 3.6781797952815237e-10, 3.6781797952815237e-10,
      3.6781797952815237e-10,
    ],
    n_iter: 57,
    func_evals: 58,
    t: 1.0,
    H_diag: 3.5939612832344023,
  },
  {
    losses: [
      1.2251352208039534, 0.021762297651990517, 0.00013226164936654193, 3.295905063613004e-10, 3.295905063613004e-10,
      3.295905063613004e-10,
    ],
    n_iter: 61,
    func_evals: 66,
    t: 1.0,
    H_diag: 0.40322640505124546,
  },
];
test('LBFGS in float64, where rounding is not amplified as far as in float32', async () => {
  const { cases, tensors } = readFixture<Case>('nn/optim/LBFGS');
  for (const [i, { kwargs }] of cases.entries()) {
    const double = async (path: string) => {
      const t = tensors.get(`${i}/${path}`)!.to('float64');
      await realize(t);
      return t;
    };
    const [x, y] = [await double('x'), await double('y')];
    const params: Parameter[] = [];
    for (const key of ['0.weight', '0.bias', '2.weight', '2.bias'])
      params.push(new Parameter(await double(`init/${key}`)));
    const [w0, b0, w2, b2] = params as [Parameter, Parameter, Parameter, Parameter];
    const optimizer = new optim.LBFGS(params, kwargs);
    const losses: number[] = [];
    for (let step = 0; step < 6; step++) {
      const loss = await optimizer.step(() => {
        optimizer.zeroGrad();
        const l = F.mseLoss(F.linear(F.linear(x, w0, b0).tanh(), w2, b2), y);
        l.backward();
        return l;
      });
      losses.push(await loss.item());
    }
    const { n_iter, func_evals, t, H_diag } = optimizer.stateDict().state[0]!;
    const want = inDouble[i]!;
    expect({ n_iter, func_evals }).toEqual({ n_iter: want.n_iter, func_evals: want.func_evals });
    const close = (got: number, wanted: number) =>
      expect(Math.abs(got - wanted)).toBeLessThan(1e-8 * Math.abs(wanted) + 1e-11);
    losses.forEach((l, k) => {
      close(l, want.losses[k]!);
    });
    close(t as number, want.t);
    // of changes of the gradient as small as its rounding
    expect(Math.abs((H_diag as number) / want.H_diag - 1)).toBeLessThan(1e-2);
  }
});

afterAll(() => {
  console.log(`${ran} optimizer cases agree with PyTorch`);
});
