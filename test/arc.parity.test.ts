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
  /** In the older format; `spec` in the newer. */
  readonly arc?: Readonly<Record<string, unknown>>;
  readonly spec?: Readonly<Record<string, unknown>>;
  /** The text once lazy modules have their sizes. */
  readonly repr_materialized?: string;
  readonly harness_patch?: string;
  readonly repr: string;
  readonly repr_sha256?: string;
  readonly call: 'tensor' | 'dict' | 'kwargs';
  readonly inputs?: readonly { name: string; shape: number[]; dtype: 'float32' | 'int64' }[];
  readonly state_dict: readonly [string, number[], string][];
  readonly aliases?: Record<string, string>;
  readonly parameters: number;
  readonly output: Output;
  readonly grad_none: readonly string[];
  readonly input_grad_none: readonly string[];
  /** Absent where training is random. */
  readonly adam_loss?: readonly number[] | null;
  readonly f64_diff: Record<string, number>;
  readonly adam_ill_conditioned?: readonly [string, number][];
  readonly python_error?: { phase: 'build' | 'forward' };
  readonly procedural?: Procedural;
  readonly vjp?: boolean;
}
type Output = { type: 'tensor'; name: string; shape: number[] } | { type: 'tuple' | 'dict'; items: readonly Output[] };

const root = new URL('./fixtures/arcs/', import.meta.url);
const departures: Record<string, { expect: string }> = {
  ...(JSON.parse(readFileSync(new URL('departures.json', root), 'utf8')) as object),
  // pieces may be longer than chunk_size, and have masks
  'v1/tst_chunk_size_8_remainder_decoder': { expect: 'runs' },
};
const cases = ['v1', 'v1-extra', 'v1-perceiver', 'v2', 'v2-extra'].flatMap((suite) =>
  readdirSync(new URL(`${suite}/`, root), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.json'))
    .map((file) => `${suite}/${file.slice(0, -5).replaceAll('\\', '/')}`),
);

/** The arc, with what the fixture's Python had patched since its arcs cannot say it. */
function arcOf({ arc, spec, harness_patch = '' }: Fixture): Readonly<Record<string, unknown>> {
  const patched = [...harness_patch.matchAll(/(max_seq_len|chunk_size|window_size|padding)=(\d+)/g)];
  return { ...(arc ?? spec), ...Object.fromEntries(patched.map(([, option, value]) => [option, Number(value)])) };
}

/** The tensors of a model's output by the fixture's names: `y` for a lone one, else places and keys with `/` between. */
function leaves(output: unknown, name = ''): [string, Tensor][] {
  if (output instanceof Tensor) return [[name || 'y', output]];
  return Object.entries(output as object).flatMap(([key, t]) => leaves(t, name ? `${name}/${key}` : key));
}

/** What Python prints of a graph's modules, without the code it generates. */
function moduleTree(repr: string): string {
  return repr.split('\n\n\n\n')[0]!;
}

/** Names and shapes of the outputs a fixture has. */
function wanted(output: Output): [string, number[]][] {
  return output.type === 'tensor' ? [[output.name, output.shape]] : output.items.flatMap(wanted);
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
    } else expect(tuples(String(model))).toBe(tuples(moduleTree(fixture.repr)));
    if (fixture.repr_materialized) {
      const materialized = tuples(moduleTree(fixture.repr_materialized));
      model.eval();
      this.call(this.under('input/'));
      model.train();
      expect(tuples(String(model))).toBe(materialized);
    }
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

  /** State that is not random. */
  async tables(): Promise<void> {
    const fourier = JSON.stringify(arcOf(this.fixture)).includes('FourierPreprocessor');
    const fixed = fourier ? /\bpos_encoding$/ : /\bpe\.(pe|idxs)$|_mask$/;
    const state = this.model.stateDict();
    for (const [key, want] of this.under('state/')) {
      // the angles of the last places are large
      if (fixed.test(key)) await close(`initial ${key}`, state.get(key)!, want, fourier ? 1e-6 : 1e-5);
    }
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
    expect(got).toEqual(wanted(output));
  }

  async results(pass: 'eval_output' | 'train_output', output: unknown): Promise<void> {
    const got = new Map(leaves(output));
    expect([...got.keys()]).toEqual(wanted(this.fixture.output).map(([leaf]) => leaf));
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
    for (const { args } of this.model.modules())
      for (const name of ['p', 'dropout']) if (name in args) (args as Record<string, number>)[name] = 0;
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
  const { dag_in_shape: shape } = fixture.arc ?? {};
  const { inputs = [{ name: 'x', shape: Array.isArray(shape) ? [2, ...shape] : [2, 32, 3] }] } = fixture;
  const indices = JSON.stringify(arcOf(fixture)).includes('"Embedding"');
  const given = (shape: number[]) => (indices ? zeros(shape, { dtype: 'int64' }) : rand(shape));
  const made = Object.fromEntries(inputs.map(({ name, shape }) => [name, given(shape)]));
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
        await expect(run(name, fixture)).rejects.toThrow(TorcharcError);
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
      await comparison.tables();
      await comparison.evaluation();
      if (fixture.adam_loss === undefined) return count('evaluation only');
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
