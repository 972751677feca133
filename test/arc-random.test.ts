import fc from 'fast-check';
import { build, cat, type Module, netOf, rand, stack, Tensor, TorcharcError, toSpec } from 'torcharc';
import { describe, expect, test } from 'vitest';

type Spec = Record<string, unknown>;
type Tensors = Map<string, Tensor>;
/** What is at hand in a DAG. */
type Hand = Tensor | Tensors;

const forwardOf = (module: Module, ...xs: unknown[]) => (module.forward as (...xs: unknown[]) => unknown)(...xs);

/** The tensors of a result by their places in it. */
function leaves(value: unknown, name = ''): [string, Tensor][] {
  if (value instanceof Tensor) return [[name, value]];
  const entries = value instanceof Map ? [...value] : Object.entries(value as object);
  return entries.flatMap(([key, entry]: [string, unknown]) => leaves(entry, `${name}/${key}`));
}

async function expectEqual(got: unknown, want: unknown): Promise<void> {
  const [a, b] = [leaves(got), leaves(want)];
  expect(a.map(([name]) => name).sort()).toEqual(b.map(([name]) => name).sort());
  for (const [name, t] of a) expect(await t.array()).toEqual(await new Map(b).get(name)!.array());
}

/** The net has the shapes of the outputs, where it has any, and the spec gives the same model. */
function expectKnown(model: Module, output: unknown): void {
  const shapes = netOf(model)
    .nodes.filter(({ kind }) => kind === 'output')
    .flatMap((node) => node.shapes);
  const sizes = (all: readonly (readonly number[])[]) => all.map((shape) => String(shape.slice(1))).sort();
  if (shapes.length > 0) expect(sizes(shapes)).toEqual(sizes(leaves(output).map(([, { shape }]) => shape)));
  const spec = toSpec(model);
  const again = build(spec);
  expect(String(again)).toBe(String(model));
  expect(toSpec(again)).toEqual(spec);
}

/** How many arcs built, and how many were refused. */
class Share {
  built = 0;
  refused = 0;

  /** The model of an arc, or null if it is refused as it should be. */
  model(arc: Spec): Module | null {
    try {
      const model = build(arc);
      this.built++;
      return model;
    } catch (error) {
      expect(error).toBeInstanceOf(TorcharcError);
      expect((error as Error).message).not.toMatch(/internal:|undefined|\[object/);
      this.refused++;
      return null;
    }
  }
}

describe('the older format', () => {
  const names = ['x', 'y', 'a', 'b', 'c'];
  const kinds = ['linear', 'stack', 'tanh', 'reuse', 'split', 'lstm', 'concat', 'film'] as const;
  const steps = fc.record({
    kind: fc.constantFrom(...kinds),
    picks: fc.uniqueArray(fc.nat(9), { minLength: 2, maxLength: 3 }),
    size: fc.integer({ min: 1, max: 4 }),
    calls: fc.subarray(names, { minLength: 1 }),
    /** Whether it may be wrong. */
    wild: fc.nat(15).map((n) => n === 0),
    named: fc.boolean(),
  });
  type Step = typeof steps extends fc.Arbitrary<infer T> ? T : never;
  const widths = fc.integer({ min: 1, max: 4 });
  const inputs = fc.oneof(
    widths,
    fc.tuple(widths, widths).map(([x, y]) => ({ x, y })),
  );

  /** A module that mostly fits what is at hand: widths by name, or one of no name. */
  function specOf({ kind, picks, size, calls, wild, named }: Step, hand: Map<string, number> | number): Spec {
    const there = typeof hand === 'number' ? [] : [...hand.keys()];
    const many = kind === 'concat' || kind === 'film';
    const chosen = picks
      .slice(0, kind === 'concat' ? 3 : many ? 2 : 1)
      .map((n) => (wild ? names : there)[n % (wild ? names : there).length]);
    const in_names = [...new Set(chosen)].filter((name) => name !== undefined);
    const width = typeof hand === 'number' ? hand : (hand.get(in_names[0] ?? '') ?? 1);
    const left = Math.max(1, width - size);
    const [feature = 'x', conditioner = 'y'] = in_names;
    const spec: Record<(typeof kinds)[number], Spec> = {
      linear: { type: 'Linear', out_features: size },
      stack: { type: 'Linear', layers: [size, 2], activation: 'Tanh' },
      tanh: { type: 'Tanh' },
      reuse: { type: 'ReuseFork', names: calls },
      split: { type: 'SplitFork', shapes: { a: Math.min(size, Math.max(1, width - 1)), b: wild ? size : left } },
      lstm: { type: 'LSTM', input_size: width, hidden_size: size },
      concat: { type: 'ConcatMerge' },
      film: { type: 'FiLMMerge', names: { feature, conditioner } },
    };
    if (many && in_names.length < 2 && !wild) return spec.tanh;
    return { ...spec[kind], ...((named || wild || many) && in_names.length > 0 ? { in_names } : {}) };
  }

  const arcs = fc.tuple(inputs, fc.array(steps, { minLength: 1, maxLength: 6 })).map(([start, list]): Spec => {
    const shapes = typeof start === 'number' ? [start] : { x: [start.x], y: [start.y] };
    const arc: Spec = { dag_in_shape: shapes };
    let hand: Map<string, number> | number = typeof start === 'number' ? start : new Map(Object.entries(start));
    for (const [i, step] of list.entries()) {
      const before: Spec = { ...arc, [`m${i}`]: specOf(step, hand) };
      arc[`m${i}`] = before[`m${i}`];
      const after = widthsOf(before);
      if (after === null) break;
      hand = after;
    }
    return arc;
  });

  /** The widths of what comes out of an arc so far; null where it does not build. */
  function widthsOf(arc: Spec): Map<string, number> | number | null {
    try {
      const { dag_in_shape: shapes } = arc as { dag_in_shape: number[] | Record<string, number[]> };
      const given = Array.isArray(shapes)
        ? rand([2, ...shapes])
        : Object.fromEntries(Object.entries(shapes).map(([n, shape]) => [n, rand([2, ...shape])]));
      const output = forwardOf(build(arc), given);
      if (output instanceof Tensor) return output.shape.at(-1)!;
      return new Map(Object.entries(output as Record<string, Tensor>).map(([n, t]) => [n, t.shape?.at(-1) ?? 1]));
    } catch {
      return null;
    }
  }

  /** The carry rules: what each module takes, what becomes of its output, what goes past it. */
  function interpret(arc: Spec, modules: ReadonlyMap<string, Module>, start: Hand): Hand {
    let hand = start;
    for (const [name, module] of modules) {
      if (hand instanceof Tensor) {
        hand = asHand(forwardOf(module, hand));
        continue;
      }
      const { in_names } = arc[name] as { in_names?: string[] };
      // those it names, or the first there is
      const taken = in_names ?? [[...hand.keys()][0]!];
      const given =
        taken.length === 1
          ? hand.get(taken[0]!)!
          : Object.fromEntries(taken.map((n) => [n, (hand as Tensors).get(n)!]));
      const output = forwardOf(module, given);
      const past = [...hand].filter(([n]) => !taken.includes(n));
      if (past.length === 0) hand = asHand(output);
      else if (output instanceof Tensor) hand = new Map([[taken[0]!, output], ...past]);
      else if (Array.isArray(output)) hand = new Map([...leaves(output, taken[0]), ...past]);
      else hand = new Map([...Object.entries(output as Record<string, Tensor>), ...past]);
    }
    return hand;
  }

  function asHand(output: unknown): Hand {
    return output instanceof Tensor ? output : new Map(Object.entries(output as Record<string, Tensor>));
  }

  test('DAGs build and agree with the carry rules, or are refused', { timeout: 120_000 }, async () => {
    const share = new Share();
    const several = { forks: 0, carried: 0 };
    await fc.assert(
      fc.asyncProperty(arcs, async (arc) => {
        const model = share.model(arc);
        if (!model) return;
        const shapes = arc.dag_in_shape as number[] | Record<string, number[]>;
        const given = Array.isArray(shapes)
          ? rand([3, ...shapes])
          : Object.fromEntries(Object.entries(shapes).map(([n, shape]) => [n, rand([3, ...shape])]));
        const modules = new Map(model.getSubmodule('module_dict').namedChildren());
        const want = interpret(arc, modules, given instanceof Tensor ? given : new Map(Object.entries(given)));
        await expectEqual(forwardOf(model, given), want);
        expectKnown(model, want);
        several.forks += JSON.stringify(arc).includes('Fork') ? 1 : 0;
        several.carried += want instanceof Map && want.size > 1 ? 1 : 0;
      }),
      { numRuns: 600, seed: 7 },
    );
    expect(share.built).toBeGreaterThan(200);
    expect(share.refused).toBeGreaterThan(50);
    expect(several.forks).toBeGreaterThan(50);
    expect(several.carried).toBeGreaterThan(50);
    console.info('random DAGs:', share, several);
  });
});

describe('the graph format', () => {
  const width = fc.constantFrom(2, 2, 2, 3);
  const leaf = fc.oneof(
    fc.record({ Linear: fc.record({ in_features: width, out_features: width }) }),
    fc.record({ LazyLinear: fc.record({ out_features: width }) }),
    fc.constantFrom<Spec>(
      { Tanh: {} },
      { ReLU: {} },
      { TorchFn: { name: 'exp' } },
      { Reduce: { name: 'mean', dim: 1, keepdim: true } },
    ),
  );
  const { module } = fc.letrec<{ module: Spec }>((tie) => ({
    module: fc.oneof(
      { depthSize: 'small' },
      leaf,
      fc.record({ Sequential: fc.array(tie('module'), { maxLength: 3 }) }),
      fc.record({
        compact: fc.record({
          layer: fc.record({
            type: fc.constant('LazyLinear'),
            keys: fc.constant(['out_features']),
            args: fc.array(
              fc.oneof(
                width,
                width.map((size) => [size]),
              ),
              { minLength: 1, maxLength: 3 },
            ),
          }),
          postlayer: fc.array(tie('module'), { maxLength: 1 }),
        }),
      }),
    ),
  }));
  /** One input; several in a list; several by position; several by name; one of several. */
  const kinds = { one: 0, list: 0, pair: 0, names: 0 };
  const call = fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('one' as const), spec: module }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('list' as const),
        spec: fc.constantFrom<Spec>(
          { MergeSum: {} },
          { MergeConcat: {} },
          { MergeStack: {} },
          { MergeMean: { dim: 0 } },
        ),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('pair' as const),
        spec: fc.constantFrom<Spec>({ MergeDot: {} }, { MergeBMM: {} }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('names' as const),
        spec: fc.record({ MergeFiLM: fc.record({ feature_dim: width, conditioner_dim: width }) }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('get' as const),
        spec: fc.constant<Spec>({ ForkChunk: { chunks: 2 } }),
      }),
    },
  );
  const graphs = fc.record({
    input: fc.constantFrom<unknown>('x', ['x', 'y'], { x: [2] }, { x: [2], y: [2] }, { x: [3], y: null }),
    calls: fc.array(fc.record({ call, picks: fc.tuple(fc.nat(9), fc.nat(9)), reuse: fc.boolean() }), {
      minLength: 1,
      maxLength: 5,
    }),
    outputs: fc.array(fc.nat(12), { minLength: 1, maxLength: 3 }),
    result: fc.constantFrom('one', 'list', 'record'),
  });
  type Graph = typeof graphs extends fc.Arbitrary<infer T> ? T : never;

  /** The arc, and its values in the order in which they come. */
  function arcOf({ input, calls, outputs, result }: Graph): { arc: Spec; inputs: string[]; uses: [string, unknown][] } {
    const inputs =
      typeof input === 'string' ? [input] : Array.isArray(input) ? (input as string[]) : Object.keys(input as object);
    const values = [...inputs];
    const modules: Spec = {};
    const uses: [string, unknown][] = [];
    const use = (name: string, given: unknown) => {
      uses.push([name, given]);
      values.push(name);
    };
    // mostly what was computed last, so that chains are long
    const pick = (n: number) => values[Math.max(0, values.length - 1 - (n % 3))]!;
    calls.forEach(({ call: { kind, spec }, picks, reuse }, i) => {
      const [a, b] = [pick(picks[0]), pick(picks[1])];
      modules[`m${i}`] = spec;
      if (kind === 'get') {
        modules[`g${i}`] = { Get: { key: picks[1] % 3 } };
        uses.push([`m${i}`, [a]]);
        use(`g${i}`, [`m${i}`]);
        return;
      }
      const given = { one: [a], list: [[a, b]], pair: [a, b], names: { conditioner: b, feature: a } }[kind];
      use(`m${i}`, given);
      if (reuse && kind === 'one') use(`m${i}~2`, { input: `m${i}` });
    });
    const ends = outputs.map((n) => values[values.length - 1 - (n % values.length)] ?? 'x');
    const output =
      result === 'one'
        ? ends[0]
        : result === 'list'
          ? ends
          : Object.fromEntries(ends.map((end) => [`out ${end}`, end]));
    return { arc: { modules, graph: { input, modules: Object.fromEntries(uses), output } }, inputs, uses };
  }

  /** Names as the values they stand for. */
  function look(refs: unknown, values: ReadonlyMap<string, unknown>): unknown {
    if (typeof refs === 'string') return values.get(refs);
    if (Array.isArray(refs)) return refs.map((entry) => look(entry, values));
    return Object.fromEntries(Object.entries(refs as object).map(([key, entry]) => [key, look(entry, values)]));
  }

  test('graphs build and agree with their plain meaning, or fail in words', { timeout: 120_000 }, async () => {
    const share = new Share();
    let computed = 0;
    await fc.assert(
      fc.asyncProperty(graphs, async (graph) => {
        const { arc, inputs, uses } = arcOf(graph);
        const model = share.model(arc);
        if (!model) return;
        const { input, output } = arc.graph as { input: Record<string, number[] | null>; output: unknown };
        const size = (name: string) => (typeof input === 'object' && !Array.isArray(input) && input[name]?.[0]) || 2;
        const given = Object.fromEntries(inputs.map((name) => [name, rand([4, size(name)])]));
        let got: unknown;
        try {
          got = forwardOf(model, given);
        } catch (error) {
          // where an input has no shape, shapes that do not fit show only now
          expect(error).toBeInstanceOf(TorcharcError);
          return;
        }
        const values = new Map<string, unknown>(Object.entries(given));
        for (const [name, refs] of uses) {
          const module = model.getSubmodule(name.split('~')[0]!);
          const taken = look(refs, values);
          const { conditioner, feature, input: x } = taken as Record<string, unknown>;
          const xs = Array.isArray(taken) ? taken : feature ? [feature, conditioner] : [x];
          values.set(name, forwardOf(module, ...xs));
          kinds[
            Array.isArray(refs) ? (Array.isArray(refs[0]) ? 'list' : refs.length === 2 ? 'pair' : 'one') : 'names'
          ]++;
        }
        await expectEqual(got, look(output, values));
        expectKnown(model, got);
        computed++;
      }),
      { numRuns: 600, seed: 7 },
    );
    expect(share.built).toBeGreaterThan(200);
    expect(share.refused).toBeGreaterThan(50);
    expect(computed).toBeGreaterThan(150);
    for (const kind of ['one', 'list', 'pair', 'names'] as const) expect(kinds[kind], kind).toBeGreaterThan(5);
    console.info('random graphs:', share, { computed }, kinds);
  });

  test('merges are what they say', async () => {
    const [a, b] = [rand([2, 3]), rand([2, 3])];
    const merged = (type: string, options: object = {}) => {
      const arc = {
        modules: { m: { [type]: options } },
        graph: { input: ['a', 'b'], modules: { m: [['a', 'b']] }, output: 'm' },
      };
      return forwardOf(build(arc), { a, b }) as Tensor;
    };
    await expectEqual(merged('MergeConcat'), cat([a, b], { dim: 1 }));
    await expectEqual(merged('MergeStack'), stack([a, b], { dim: 1 }));
    await expectEqual(merged('MergeSum'), a.add(b));
  });
});
