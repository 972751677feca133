/** Ten steps of every optimizer against PyTorch 2.13: parameters, losses, state, groups, repr. */
import { F, nn, optim, Parameter, type TypedArray, tensor } from 'torcharc';
import { afterAll, describe, expect, test } from 'vitest';
import { expectClose, readFixture } from './parity.ts';

type Described = { type: 'tensor'; dtype: string; shape: number[] } | { type: string; value: unknown };
interface Case {
  readonly kwargs: Record<string, unknown>;
  readonly params: readonly string[];
  readonly groups: readonly { params: readonly string[] }[] | null;
  readonly frozen: readonly string[];
  readonly repr: string;
  readonly losses: readonly number[];
  readonly state: Record<string, Record<string, Described>>;
  readonly param_groups: readonly Record<string, unknown>[];
  readonly f64_dev: Record<string, number>;
  readonly f64_dev_state: Record<string, number>;
}

const optimizers = ['SGD', 'Adam', 'AdamW'] as const;
test('every optimizer has fixtures', () => {
  const concrete = Object.keys(optim).filter((key) => /^[A-Z]/.test(key) && key !== 'Optimizer');
  expect(concrete.sort()).toEqual([...optimizers].sort());
});

let ran = 0;
for (const name of optimizers) {
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
        const optimizer = new optim[name](groups ?? pick(spec.params), spec.kwargs);
        // JSON has one kind of number: Python's 0.0 comes as 0
        expect(String(optimizer)).toBe(spec.repr.replace(/\b(\d+)\.0\b/g, '$1'));

        const [x, y] = [stored('x'), stored('y')];
        const losses: number[] = [];
        const loss = () => F.mseLoss(model.forward(x), y);
        for (let step = 1; step <= 10; step++) {
          optimizer.zeroGrad();
          const l = loss();
          l.backward();
          await optimizer.step();
          losses.push(await l.item());
          for (const [key, p] of named) {
            const want = tensors.get(`${i}/step${step}/${key}`);
            if (want) expectClose(`step ${step}: ${key}`, await p.data(), await want.data(), spec.f64_dev[step]);
          }
        }
        losses.push(await loss().item());
        // the loss follows the parameters; ten of their deviations over as many steps
        expectClose('losses', Float64Array.from(losses), Float64Array.from(spec.losses), spec.f64_dev[10]);

        const { state, param_groups } = optimizer.stateDict();
        expect(param_groups).toEqual(spec.param_groups);
        expect(Object.keys(state)).toEqual(Object.keys(spec.state));
        for (const [index, described] of Object.entries(spec.state)) {
          const own = state[Number(index)]!;
          expect(Object.keys(own)).toEqual(Object.keys(described));
          for (const [key, about] of Object.entries(described)) {
            const what = `state ${index}.${key}`;
            if (about.type !== 'tensor') {
              expect(own[key], what).toBe((about as { value: unknown }).value);
              continue;
            }
            // PyTorch's 0-d tensors (`step`) are numbers here
            const got = typeof own[key] === 'number' ? Float64Array.of(own[key]) : (own[key] as TypedArray);
            expectClose(what, got, await stored(`state/${index}/${key}`).data(), spec.f64_dev_state[key]);
          }
        }
        ran++;
      });
    });
  });
}

test('a state dict goes on where it stopped', async () => {
  const start = () => new Parameter(tensor([1, -2, 3]));
  for (const name of optimizers) {
    const options = { lr: 0.1, weight_decay: 0.01, ...(name === 'SGD' ? { momentum: 0.9 } : { amsgrad: true }) };
    const steps = async (p: Parameter, o: optim.SGD | optim.Adam, n: number) => {
      for (let i = 0; i < n; i++) {
        o.zeroGrad();
        p.square().sum().backward();
        await o.step();
      }
    };
    const p = start();
    const whole = new optim[name]([p], options);
    await steps(p, whole, 3);
    const q = new Parameter(p);
    const resumed = new optim[name]([q], { lr: 5 });
    const saved = whole.stateDict();
    resumed.loadStateDict(saved);
    await steps(p, whole, 3);
    await steps(q, resumed, 3);
    expect(await q.data(), name).toEqual(await p.data());
    expect(resumed.stateDict(), name).toEqual(whole.stateDict());
    expect(saved, name).not.toEqual(whole.stateDict());
  }
});

afterAll(() => {
  console.log(`${ran} optimizer cases agree with PyTorch`);
});
