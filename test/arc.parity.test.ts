import { readdirSync, readFileSync } from 'node:fs';
import { ArcError, build, decodeSafetensors, type Model, nn, optim, realize, Tensor } from 'torcharc';
import { describe, expect, test } from 'vitest';

interface Fixture {
  readonly arc: unknown;
  readonly repr: string;
  readonly call: 'tensor' | 'dict';
  readonly inputs: readonly { name: string; shape: number[] }[];
  readonly state_dict: readonly [string, number[], string][];
  readonly aliases?: Record<string, string>;
  readonly grad_none: readonly string[];
  readonly adam_loss: readonly number[] | null;
  readonly f64_diff: Record<string, number>;
  readonly adam_ill_conditioned?: readonly [string, number][];
  readonly python_error?: { phase: 'build' | 'forward' };
  readonly stats_only?: boolean;
  readonly init_report?: unknown;
}

const root = new URL('./fixtures/arcs/', import.meta.url);
const departures = JSON.parse(readFileSync(new URL('departures.json', root), 'utf8')) as Record<
  string,
  { expect: string }
>;
const cases = ['v1', 'v1-extra'].flatMap((suite) =>
  readdirSync(new URL(`${suite}/`, root))
    .filter((file) => file.endsWith('.json'))
    .map((file) => `${suite}/${file.slice(0, -5)}`),
);

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

describe('arcs, against the Python library on PyTorch', () => {
  for (const name of cases) {
    test(name, async () => {
      const fixture = JSON.parse(readFileSync(new URL(`${name}.json`, root), 'utf8')) as Fixture;
      const departure = departures[name]?.expect;
      if (departure === 'refused') {
        expect(() => build(fixture.arc)).toThrow(ArcError);
        return;
      }
      if (fixture.python_error && departure !== 'runs') {
        if (fixture.python_error.phase === 'build') expect(() => build(fixture.arc)).toThrow(ArcError);
        return;
      }
      const arcBefore = JSON.stringify(fixture.arc);
      const model = build(fixture.arc) as unknown as Model<unknown>;
      expect(JSON.stringify(fixture.arc), 'the arc is not changed').toBe(arcBefore);
      if (departure === 'runs') return;
      // Python shows a size as it was typed, list or tuple
      const tuples = (text: string) => text.replaceAll('[', '(').replaceAll(']', ')');
      expect(tuples(String(model))).toBe(tuples(fixture.repr));
      const state = [...model.stateDict()].map(([key, t]) => [key, [...t.shape], t.dtype]);
      expect(state).toEqual(fixture.state_dict);
      if (fixture.stats_only || fixture.init_report) return;

      const tensors = decodeSafetensors(readFileSync(new URL(`${name}.safetensors`, root)));
      const under = (prefix: string) =>
        new Map(
          [...tensors].flatMap(([key, t]) => (key.startsWith(prefix) ? [[key.slice(prefix.length), t] as const] : [])),
        );
      const load = () => model.loadStateDict(under('state/'));
      const tolerance = (group: string) => 10 * (fixture.f64_diff[group] ?? 0) + 1e-6;
      const call = (inputs: Map<string, Tensor>) =>
        model.forward(
          fixture.call === 'tensor'
            ? [...inputs.values()][0]!
            : Object.fromEntries(fixture.inputs.map((i) => [i.name, inputs.get(i.name)!])),
        );
      const lossOf = (output: unknown) =>
        leaves(output)
          .filter(([, t]) => t.dtype === 'float32')
          .map(([, t]) => t.square().mean())
          .reduce((a, b) => a.add(b));

      load();
      const inputs = under('input/');
      const evaluated = leaves(model.eval().forward === undefined ? null : call(inputs));
      for (const [leaf, want] of under('eval_output/')) {
        await close(`eval ${leaf}`, new Map(evaluated).get(leaf)!, want, tolerance('eval_output'));
      }
      expect(evaluated.map(([leaf]) => leaf)).toEqual(
        (fixture as unknown as { output: { keys?: string[] } }).output.keys ?? ['y'],
      );

      for (const module of model.modules()) if ('p' in module.args) (module.args as { p: number }).p = 0;
      model.train();
      const tracked = new Map([...inputs].map(([key, t]) => [key, new nn.Parameter(t)]));
      const output = call(tracked as unknown as Map<string, Tensor>);
      for (const [leaf, want] of under('train_output/')) {
        await close(`train ${leaf}`, new Map(leaves(output)).get(leaf)!, want, tolerance('train_output'));
      }
      const loss = lossOf(output);
      if (!loss.requiresGrad) return;
      loss.backward();
      const params = new Map(model.namedParameters());
      await realize(...[...params.values()].flatMap((p) => (p.grad ? [p.grad] : [])));
      for (const [key, want] of under('grad/'))
        await close(`grad ${key}`, params.get(key)!.grad!, want, tolerance('grad'));
      for (const [key, want] of under('input_grad/'))
        await close(`input_grad ${key}`, tracked.get(key)!.grad!, want, tolerance('input_grad'));
      for (const [key, want] of under('buffers_after/'))
        await close(`buffer ${key}`, model.stateDict().get(key)!, want, tolerance('buffers_after'));
      if (!fixture.adam_loss) return;

      load();
      const optimizer = new optim.Adam(model.parameters(), { lr: 1e-2 });
      for (const want of fixture.adam_loss) {
        optimizer.zeroGrad();
        const l = lossOf(call(inputs));
        l.backward();
        await optimizer.step();
        expect(Math.abs((await l.item()) - want), 'Adam loss').toBeLessThanOrEqual(1e-4 * Math.abs(want) + 1e-6);
      }
      const loose = new Set((fixture.adam_ill_conditioned ?? []).map(([key]) => key));
      for (const [key, want] of under('after_adam/')) {
        if (!loose.has(key))
          await close(`after Adam ${key}`, model.stateDict().get(key)!, want, tolerance('after_adam'));
      }
    });
  }
});
