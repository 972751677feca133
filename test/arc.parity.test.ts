import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import {
  ArcError,
  build,
  decodeSafetensors,
  type Model,
  nn,
  optim,
  rand,
  realize,
  Tensor,
  TorcharcError,
  zeros,
} from 'torcharc';
import { describe, expect, test } from 'vitest';
import { expectDigest, type Procedural, proceduralState } from './procedural.ts';

interface Fixture {
  readonly arc: Readonly<Record<string, unknown>>;
  readonly harness_patch?: string;
  readonly repr: string;
  readonly repr_sha256?: string;
  readonly call: 'tensor' | 'dict';
  readonly inputs?: readonly { name: string; shape: number[]; dtype: 'float32' | 'int64' }[];
  readonly state_dict: readonly [string, number[], string][];
  readonly aliases?: Record<string, string>;
  readonly parameters: number;
  readonly output: Output;
  readonly grad_none: readonly string[];
  readonly input_grad_none: readonly string[];
  readonly adam_loss: readonly number[] | null;
  readonly f64_diff: Record<string, number>;
  readonly adam_ill_conditioned?: readonly [string, number][];
  readonly python_error?: { phase: 'build' | 'forward' };
  readonly procedural?: Procedural;
  readonly vjp?: boolean;
}
type Output =
  | { type: 'tensor'; name: string; shape: number[] }
  | { type: 'dict'; keys: string[]; items: readonly { shape: number[] }[] };

const root = new URL('./fixtures/arcs/', import.meta.url);
const departures: Record<string, { expect: string }> = {
  ...(JSON.parse(readFileSync(new URL('departures.json', root), 'utf8')) as object),
  // pieces may be longer than chunk_size, and have masks
  'v1/tst_chunk_size_8_remainder_decoder': { expect: 'runs' },
};
const cases = ['v1', 'v1-extra', 'v1-perceiver'].flatMap((suite) =>
  readdirSync(new URL(`${suite}/`, root))
    .filter((file) => file.endsWith('.json'))
    .map((file) => `${suite}/${file.slice(0, -5)}`),
);

/** The arc, with what the fixture's Python had patched since its arcs cannot say it. */
function arcOf({ arc, harness_patch = '' }: Fixture): Readonly<Record<string, unknown>> {
  const patched = [...harness_patch.matchAll(/(max_seq_len|chunk_size|window_size|padding)=(\d+)/g)];
  return { ...arc, ...Object.fromEntries(patched.map(([, option, value]) => [option, Number(value)])) };
}

/** The model's outputs by the fixture's names. */
function leaves(output: unknown, name = 'y'): [string, Tensor][] {
  if (output instanceof Tensor) return [[name, output]];
  const entries = Object.entries(output as Record<string, Tensor>);
  return entries.map(([key, t]) => [key, t]);
}

async function close(what: string, got: Tensor, want: Tensor, tolerance: number): Promise<void> {
  expect(got.shape, what).toEqual(want.shape);
  const [a, b] = [await got.data(), await want.data()];
  let worst = 0;
  for (let i = 0; i < a.length; i++) worst = Math.max(worst, Math.abs(Number(a[i]) - Number(b[i])));
  expect(worst, `${what}: largest difference`).toBeLessThanOrEqual(tolerance);
}

function lossOf(output: unknown): Tensor {
  return leaves(output)
    .filter(([, t]) => t.dtype === 'float32')
    .map(([, t]) => t.square().mean())
    .reduce((a, b) => a.add(b));
}

/** A model and the fixture it is compared with. */
class Comparison {
  readonly name: string;
  readonly fixture: Fixture;
  readonly model: Model<unknown>;
  readonly tensors: Map<string, Tensor>;

  constructor(name: string, fixture: Fixture) {
    this.name = name;
    this.fixture = fixture;
    const arc = arcOf(fixture);
    const before = JSON.stringify(arc);
    this.model = build(arc) as unknown as Model<unknown>;
    expect(JSON.stringify(arc), 'the arc is not changed').toBe(before);
    const bytes = fixture.repr_sha256 ? null : readFileSync(new URL(`${name}.safetensors`, root));
    this.tensors = bytes ? decodeSafetensors(bytes) : new Map();
  }

  under(prefix: string): Map<string, Tensor> {
    const entries = [...this.tensors].filter(([key]) => key.startsWith(prefix));
    return new Map(entries.map(([key, t]) => [key.slice(prefix.length), t]));
  }

  tolerance(group: string): number {
    return 10 * (this.fixture.f64_diff[group] ?? 0) + 1e-6;
  }

  call(inputs: ReadonlyMap<string, Tensor>): unknown {
    const record = () => Object.fromEntries(this.fixture.inputs!.map(({ name }) => [name, inputs.get(name)!]));
    return this.model.forward(this.fixture.call === 'tensor' ? [...inputs.values()][0]! : record());
  }

  /** The text, the names and shapes of state, and which of it is the same tensor. */
  structure(): void {
    const { fixture, model } = this;
    // Python shows a size as it was typed, list or tuple
    const tuples = (text: string) => text.replaceAll('[', '(').replaceAll(']', ')');
    if (fixture.repr_sha256) {
      // Python built these without numbers
      const text = String(model).replaceAll('torch.FloatTensor', 'torch.meta.FloatTensor');
      expect(createHash('sha256').update(text).digest('hex')).toBe(fixture.repr_sha256);
    } else expect(tuples(String(model))).toBe(tuples(fixture.repr));
    const state = model.stateDict();
    const first = new Map<Tensor, string>();
    for (const [key, t] of state) if (!first.has(t)) first.set(t, key);
    const rows = [...state].map(([key, t]) => [key, [...t.shape], t.dtype]);
    // the largest leave out the other names
    const own = fixture.repr_sha256 ? rows.filter(([key]) => first.get(state.get(key as string)!) === key) : rows;
    expect(own).toEqual(fixture.state_dict);
    const aliases = [...state].filter(([key, t]) => first.get(t) !== key).map(([key, t]) => [key, first.get(t)]);
    if (!fixture.repr_sha256) expect(Object.fromEntries(aliases)).toEqual(fixture.aliases ?? {});
    const sizes = model.parameters().map(({ shape }) => shape.reduce((a, b) => a * b, 1));
    expect(sizes.reduce((a, b) => a + b, 0)).toBe(fixture.parameters);
  }

  /** The initial state. */
  load(): void {
    const { procedural, aliases = {} } = this.fixture;
    const given = procedural
      ? proceduralState(procedural, new Map(this.model.namedParameters()))
      : this.under('state/');
    const all = new Map(given);
    for (const [key, of] of Object.entries(aliases)) all.set(key, given.get(of)!);
    this.model.loadStateDict(all, { strict: !procedural });
  }

  /** Shapes of the outputs of a pass that nothing computes. */
  shapes(): void {
    const { inputs, output } = this.fixture;
    const made = inputs!.map(({ name, shape, dtype }) => [name, zeros(shape, { dtype })] as const);
    const got = leaves(this.call(new Map(made))).map(([key, t]) => [key, [...t.shape]]);
    expect(got).toEqual(
      output.type === 'dict' ? output.keys.map((key, i) => [key, output.items[i]!.shape]) : [['y', output.shape]],
    );
  }

  async results(pass: 'eval_output' | 'train_output', output: unknown): Promise<void> {
    const got = new Map(leaves(output));
    const { output: wanted } = this.fixture;
    expect([...got.keys()]).toEqual(wanted.type === 'dict' ? wanted.keys : ['y']);
    for (const [leaf, want] of this.under(`${pass}/`)) {
      // Python's has the sequence first there
      const turned = this.name === 'v1/ptst_no_decoder' ? want.transpose(0, 1) : want;
      await close(`${pass} ${leaf}`, got.get(leaf)!, turned, this.tolerance(pass));
    }
  }

  async evaluation(): Promise<void> {
    this.load();
    this.model.eval();
    await this.results('eval_output', this.call(this.under('input/')));
    for (const module of this.model.modules()) {
      if ('p' in module.args) (module.args as { p: number }).p = 0;
      if (module instanceof nn.MultiheadAttention) module.args.dropout = 0;
    }
    this.model.train();
  }

  /** A training pass and its gradients, of the loss or (`vjp`) of the outputs times what they are given. */
  async training(vjp: boolean): Promise<void> {
    this.load();
    this.model.zeroGrad();
    const prefix = vjp ? 'vjp_' : '';
    const tracked = new Map(
      [...this.under('input/')].map(([key, t]) => [key, t.dtype === 'float32' ? new nn.Parameter(t) : t]),
    );
    const output = this.call(tracked);
    await this.results('train_output', output);
    const cotangents = this.under('vjp_cotangent/');
    const weighted = () => leaves(output).map(([leaf, t]) => t.mul(cotangents.get(leaf)!).sum());
    const loss = vjp ? weighted().reduce((a, b) => a.add(b)) : lossOf(output);
    if (!loss.requiresGrad) return;
    loss.backward();
    const params = new Map(this.model.namedParameters());
    await realize(...[...params.values(), ...tracked.values()].flatMap(({ grad }) => (grad ? [grad] : [])));
    for (const [group, named] of [
      ['grad', params],
      ['input_grad', tracked],
    ] as const) {
      for (const [key, want] of this.under(`${prefix}${group}/`)) {
        await close(`${prefix}${group} ${key}`, named.get(key)!.grad!, want, this.tolerance(`${prefix}${group}`));
      }
      await this.digests(`${prefix}${group}/`, (key) => named.get(key)!.grad!);
    }
    const without = (named: ReadonlyMap<string, Tensor>) =>
      [...named].filter(([, t]) => t.grad === null && t instanceof nn.Parameter).map(([key]) => key);
    expect(without(params), 'parameters without gradients').toEqual(this.fixture.grad_none);
    expect(without(tracked), 'inputs without gradients').toEqual(this.fixture.input_grad_none);
    if (vjp) return;
    for (const [key, want] of this.under('buffers_after/')) {
      await close(`buffer ${key}`, this.model.stateDict().get(key)!, want, this.tolerance('buffers_after'));
    }
  }

  async digests(prefix: string, of: (key: string) => Tensor, loose = new Set<string>()): Promise<void> {
    for (const [key, want] of Object.entries(this.fixture.procedural?.digests ?? {})) {
      const name = key.slice(prefix.length);
      if (!key.startsWith(prefix) || loose.has(name)) continue;
      await expectDigest(key, of(name), want, this.tolerance(prefix.slice(0, -1)));
    }
  }

  /** Three steps of Adam. */
  async adam(): Promise<void> {
    if (!this.fixture.adam_loss) return;
    this.load();
    const inputs = this.under('input/');
    const optimizer = new optim.Adam(this.model.parameters(), { lr: 1e-2 });
    // where the loss is flat, Adam makes steps of rounding
    const noise = this.fixture.vjp ? (this.fixture.f64_diff.after_adam ?? 0) : 0;
    for (const want of this.fixture.adam_loss) {
      optimizer.zeroGrad();
      const loss = lossOf(this.call(inputs));
      loss.backward();
      await optimizer.step();
      expect(Math.abs((await loss.item()) - want), 'Adam loss').toBeLessThanOrEqual(
        1e-4 * Math.abs(want) + 1e-6 + noise,
      );
    }
    const loose = new Set((this.fixture.adam_ill_conditioned ?? []).map(([key]) => key));
    const state = this.model.stateDict();
    for (const [key, want] of this.under('after_adam/')) {
      if (!loose.has(key)) await close(`after Adam ${key}`, state.get(key)!, want, this.tolerance('after_adam'));
    }
    await this.digests('after_adam/', (key) => state.get(key)!, loose);
  }
}

/** A pass over the fixture's inputs, or over what a time series may be. */
async function run(name: string, fixture: Fixture): Promise<Tensor> {
  const model = build(arcOf(fixture)) as unknown as Model<unknown>;
  const { dag_in_shape: shape } = fixture.arc;
  const { inputs = [{ name: 'x', shape: Array.isArray(shape) ? [2, ...shape] : [2, 32, 3] }] } = fixture;
  const made = Object.fromEntries(inputs.map(({ name, shape }) => [name, rand(shape)]));
  const output = leaves(model.forward(fixture.call === 'dict' ? made : Object.values(made)[0]!));
  const y = output[0]![1];
  expect([...(await y.data())].every(Number.isFinite), `${name}: all finite`).toBe(true);
  return y;
}

const done: Record<string, number> = {};
const count = (kind: string) => {
  done[kind] = (done[kind] ?? 0) + 1;
};

describe('arcs, against the Python library on PyTorch', () => {
  for (const name of cases) {
    const fixture = JSON.parse(readFileSync(new URL(`${name}.json`, root), 'utf8')) as Fixture;
    const departure = departures[name]?.expect;
    const timeout = fixture.repr_sha256 ? 60_000 : 20_000;
    test(name, { timeout }, async () => {
      if (departure === 'refused' || (departure !== 'runs' && fixture.python_error?.phase === 'build')) {
        expect(() => build(arcOf(fixture))).toThrow(ArcError);
        return count('refused');
      }
      if (departure === 'runs') {
        await run(name, fixture);
        return count('runs');
      }
      if (fixture.python_error) {
        // arguments that are missing are what TypeScript finds
        const kind = name === 'v1-extra/nn_MultiheadAttention' ? TypeError : TorcharcError;
        await expect(run(name, fixture)).rejects.toThrow(kind);
        return count('fails in the forward pass');
      }
      const comparison = new Comparison(name, fixture);
      comparison.structure();
      if (fixture.repr_sha256) {
        comparison.shapes();
        return count('names and shapes');
      }
      if (name === 'v1/ptst_no_decoder_scalar') {
        // Python's is the sequence of the first sample; ours is the first place of each
        comparison.load();
        comparison.model.eval();
        const y = comparison.call(comparison.under('input/')) as Tensor;
        const [want] = comparison.under('eval_output/').values();
        expect(y.shape).toEqual([2, 2]);
        await close('eval', y.select(0, 0), want!.select(0, 0), comparison.tolerance('eval_output'));
        return count('differs');
      }
      await comparison.evaluation();
      await comparison.training(false);
      if (fixture.vjp) await comparison.training(true);
      await comparison.adam();
      count(fixture.harness_patch ? 'all numbers, patched sizes as options' : 'all numbers');
    });
  }

  test('none is left out', () => {
    expect(Object.values(done).reduce((a, b) => a + b, 0)).toBe(cases.length);
    console.info(`${cases.length} arcs:`, done);
  });
});
