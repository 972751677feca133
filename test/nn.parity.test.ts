/** Every layer and loss against PyTorch 2.13: repr, state, outputs, gradients, buffers. */
import { readdirSync, readFileSync } from 'node:fs';
import { freeze, nn, noGrad, realize, type Tensor, tensor } from 'torcharc';
import { afterAll, describe, expect, test } from 'vitest';
import { build, decode, type Encoded, expectClose, expectTensor, leavesOf, readFixture } from './parity.ts';

interface Case {
  readonly desc: string;
  readonly options: Encoded;
  readonly forward_args: readonly Encoded[] | null;
  readonly forward_kwargs: Record<string, Encoded> | null;
  readonly repr: string;
  readonly state: readonly [string, 'param' | 'buffer'][];
  readonly training: boolean;
  readonly inputs: readonly { shape: number[]; dtype: string; requires_grad: boolean }[];
  readonly loss_power: number;
  readonly loss: number | { $float: string } | null;
  readonly no_grad: readonly string[];
  readonly f64_dev: Record<string, [abs: number, rel: number]>;
  readonly tags: readonly string[];
}

const layers = readdirSync(new URL('fixtures/nn/modules', import.meta.url))
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.slice(0, -'.json'.length));

const isState = (value: unknown): value is new () => Tensor =>
  typeof value === 'function' && (value === nn.Parameter || value === nn.Buffer);
/** The classes of torch.nn without fixtures, and where they are tested. */
const elsewhere: Record<string, string> = {
  ...Object.fromEntries(['FractionalMaxPool2d', 'FractionalMaxPool3d'].map((name) => [name, 'properties.test.ts'])),
  ...Object.fromEntries(
    ['LazyLinear', 'LazyConv', 'LazyConvTranspose', 'LazyBatchNorm', 'LazyInstanceNorm']
      .flatMap((name) => (name === 'LazyLinear' ? [name] : [1, 2, 3].map((n) => `${name}${n}d`)))
      .map((name) => [name, 'lazy.test.ts']),
  ),
  SyncBatchNorm: 'lazy.test.ts',
  Module: 'containers.test.ts',
};
test('every class of nn has fixtures', () => {
  const exported = Object.entries(nn).filter(([name, value]) => /^[A-Z]/.test(name) && !isState(value));
  expect(exported.map(([name]) => name).sort()).toEqual([...layers, ...Object.keys(elsewhere)].sort());
  for (const [name, file] of Object.entries(elsewhere)) {
    expect(readFileSync(new URL(file, import.meta.url), 'utf8'), name).toContain(name);
  }
});

/** Σ over the outputs that carry a gradient of mean(w · oᵖ), as the fixtures have it. */
function lossOf(
  outputs: readonly [string, Tensor][],
  power: number,
  weightOf: (path: string) => Tensor | undefined,
): Tensor | null {
  const terms = outputs
    .filter(([, o]) => o.requiresGrad)
    .map(([path, o]) => {
      if (o.ndim === 0) return o;
      const powered = power === 1 ? o : o.mul(o);
      const weighted = weightOf(path)?.mul(powered) ?? powered;
      return o.shape.includes(0) ? weighted.sum() : weighted.mean();
    });
  return terms.length > 0 ? terms.reduce((a, b) => a.add(b)) : null;
}

async function runCase(name: string, i: number, spec: Case, tensors: ReadonlyMap<string, Tensor>): Promise<void> {
  const stored = (path: string) => tensors.get(`${i}/${path}`)!;
  const module = build(name, spec.options, stored);
  // Python shows a number as it was typed, 2 or 2.0, and lists and tuples, which are both arrays here
  const plain = (text: string) => text.replace(/(\d)\.0\b/g, '$1').replace(/\[(.*?)\]/g, '($1)');
  expect(plain(String(module))).toBe(plain(spec.repr));
  const state = module.stateDict();
  const kinds = [...state].map(([key, t]) => [key, t instanceof nn.Parameter ? 'param' : 'buffer']);
  expect(kinds).toEqual(spec.state);
  module.loadStateDict(new Map([...state.keys()].map((key) => [key, stored(`state/${key}`)])));
  module.train(spec.training);
  if (spec.forward_args === null) return;

  const inputs = await Promise.all(
    spec.inputs.map(async ({ requires_grad, shape }, n) => {
      const { dtype } = stored(`input/${n}`);
      return tensor(await stored(`input/${n}`).data(), { shape, dtype, requiresGrad: requires_grad });
    }),
  );
  const given = (path: string) => inputs[Number(path.slice('input/'.length))]!;
  const args = spec.forward_args.map((arg) => decode(arg, given));
  const options = decode(spec.forward_kwargs, given) as Record<string, unknown>;
  const forward = module.forward as (this: nn.Module, ...args: unknown[]) => unknown;
  if (Object.keys(options).length > 0) args.push(options);
  const outputs = leavesOf(forward.call(module, ...args));
  const loss = lossOf(outputs, spec.loss_power, (path) => tensors.get(`${i}/loss_weight/${path}`));
  loss?.backward();

  const checks: [string, Tensor, string][] = outputs.map(([path, t]) => [`output/${path}`, t, 'outputs']);
  const absent: [string, Tensor | null][] = [];
  const gradient = (key: string, t: Tensor, group: string) => {
    if (tensors.has(`${i}/${key}`)) checks.push([key, t.grad ?? expect.fail(`${key}: no gradient`), group]);
    else absent.push([key, t.grad]);
  };
  if (loss) for (const [key, p] of module.namedParameters()) gradient(`grad/${key}`, p, 'grads');
  if (loss) for (const [n, x] of inputs.entries()) gradient(`input_grad/${n}`, x, 'input_grads');
  for (const [key, b] of module.namedBuffers()) {
    if (tensors.has(`${i}/buffers_after/${key}`)) checks.push([`buffers_after/${key}`, b, 'buffers_after']);
  }
  const count = [...tensors.keys()].filter(
    (key) => /^\d+\/(output|grad|input_grad|buffers_after)\//.test(key) && key.startsWith(`${i}/`),
  ).length;
  expect(checks.map(([key]) => key)).toHaveLength(count);
  expect(absent.filter(([, grad]) => grad !== null).map(([key]) => key)).toEqual([]);

  await realize(...checks.map(([, t]) => t), ...(loss ? [loss] : []));
  expect(loss === null).toBe(spec.loss === null);
  if (loss) {
    const want = decode(spec.loss, stored) as number;
    expectClose('loss', await loss.data(), Float32Array.of(want), spec.f64_dev.outputs?.[0]);
  }
  for (const [key, t, group] of checks) await expectTensor(key, t, stored(key), spec.f64_dev[group]?.[0]);
  if (i < FROZEN) {
    module.eval();
    const call = (m: { forward: unknown }) => leavesOf((m.forward as typeof forward).call(m as nn.Module, ...args));
    const [plain, frozen] = [noGrad(() => call(module)), call(freeze(module))];
    for (const [k, [path, t]] of plain.entries()) await expectTensor(`frozen/${path}`, frozen[k]![1], t);
  }
}
/** The first cases of each module are frozen as well: constants take other ways through the lowering and through ORT. */
const FROZEN = 4;

let ran = 0;
/** Cases of what we do not have at all: PackedSequence. */
const leftOut: string[] = [];
for (const name of layers) {
  describe(name, () => {
    const { cases, tensors } = readFixture<Case>(`nn/modules/${name}`);
    cases.forEach((spec, i) => {
      const title = `${name} ${i} ${spec.desc}`;
      if (spec.tags.includes('packed_sequence')) {
        leftOut.push(title);
        return;
      }
      test(title, async () => {
        await runCase(name, i, spec, tensors);
        ran++;
      });
    });
  });
}

test('only these are left out', () => {
  expect(leftOut).toEqual([
    'GRU 19 packed',
    'GRU 20 packed_two_bi_h0',
    'LSTM 31 packed',
    'LSTM 32 packed_two_bi_h0',
    'RNN 31 packed',
  ]);
});

afterAll(() => {
  console.log(`${ran} cases agree with PyTorch; ${leftOut.length} are left out`);
});
