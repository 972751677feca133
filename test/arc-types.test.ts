/** What `build` says of outputs, at compile time: each type here is checked by tsc, and against what comes out. */
import { build, freeze, type Model, nn, rand, type Tensor } from 'torcharc';
import { describe, expect, expectTypeOf, test } from 'vitest';

type One = (y: Tensor) => void;

/** Whether a value is one tensor, or the names and positions of what it holds. */
function held(y: unknown): unknown {
  const several = y as Record<string, unknown>;
  if (Array.isArray(y)) return y.map(held);
  const isTensor = typeof y === 'object' && y !== null && 'shape' in y;
  return isTensor ? 'tensor' : Object.fromEntries(Object.keys(several).map((key) => [key, held(several[key])]));
}

const linear = { type: 'Linear', out_features: 4 } as const;
const x = () => rand([2, 4]);

describe('modules by themselves', () => {
  test('one tensor', () => {
    const y = build({ type: 'Linear', in_features: 4, layers: [3], activation: 'ReLU' }).forward(x());
    expectTypeOf(y).toEqualTypeOf<Tensor>();
    expect(held(y)).toBe('tensor');
    expectTypeOf(build({ type: 'Linear', in_features: 4, out_features: 3 }).forward(x())).toEqualTypeOf<Tensor>();
    expectTypeOf(build({ type: 'Flatten' }).forward(x())).toEqualTypeOf<Tensor>();
    expectTypeOf(build({ type: 'LazyLinear', out_features: 3 }).forward(x())).toEqualTypeOf<Tensor>();
    expectTypeOf(build({ type: 'MaxPool2d', kernel_size: 2 }).forward(rand([1, 2, 4, 4]))).toEqualTypeOf<Tensor>();
    expectTypeOf(
      build({ Sequential: [{ Linear: { in_features: 4, out_features: 3 } }, { ReLU: null }] }).forward(x()),
    ).toEqualTypeOf<Tensor>();
  });

  test('several', () => {
    const y = build({ type: 'ReuseFork', names: ['a', 'b'] }).forward(x());
    expectTypeOf(y).toEqualTypeOf<{ readonly a: Tensor; readonly b: Tensor }>();
    expect(held(y)).toEqual({ a: 'tensor', b: 'tensor' });
    const [output, [h, c]] = build({ type: 'LSTM', input_size: 4, hidden_size: 3 }).forward(x());
    expectTypeOf([output, h, c]).toEqualTypeOf<Tensor[]>();
    expect(held([output, h, c])).toEqual(['tensor', 'tensor', 'tensor']);
    const pool = build({ type: 'MaxPool2d', kernel_size: 2, return_indices: true }).forward(rand([1, 2, 4, 4]));
    expectTypeOf(pool).toEqualTypeOf<Tensor | [Tensor, Tensor]>();
  });
});

describe('DAGs', () => {
  const hydra = {
    dag_in_shape: { image: [3, 20, 20], vector: [8] },
    image: {
      type: 'Conv2d',
      in_names: ['image'],
      layers: [
        [16, 4, 2],
        [16, 4],
      ],
      batch_norm: true,
      activation: 'ReLU',
    },
    merge: { type: 'FiLMMerge', in_names: ['image', 'vector'], names: { feature: 'image', conditioner: 'vector' } },
    flatten: { type: 'Flatten' },
    body: { type: 'Linear', layers: [64, 32], activation: 'ReLU' },
    out: { type: 'Linear', out_features: 8 },
    fork: { type: 'SplitFork', shapes: { mean: [4], std: [4] } },
  } as const;

  test('names of a fork', () => {
    const ys = build(hydra).forward({ image: rand([2, 3, 20, 20]), vector: rand([2, 8]) });
    expectTypeOf(ys).toEqualTypeOf<{ readonly mean: Tensor; readonly std: Tensor }>();
    // @ts-expect-error: there is no such output
    expect(ys.men).toBeUndefined();
    expect(held(ys)).toEqual({ mean: 'tensor', std: 'tensor' });
  });

  test('one tensor: a chain, a merge, a fork and a merge, one name', () => {
    const chain = build({ dag_in_shape: [4], a: linear, b: { type: 'Softmax', dim: 1 } }).forward(x());
    const merge = build({
      dag_in_shape: { a: [4], b: [4], c: [4] },
      one: { ...linear, in_names: ['b'] },
      cat: { type: 'ConcatMerge', in_names: ['c', 'a', 'b'] },
    }).forward({ a: x(), b: x(), c: x() });
    const forked = build({
      dag_in_shape: [4],
      fork: { type: 'ReuseFork', names: ['l', 'r'] },
      left: { ...linear, in_names: ['l'] },
      cat: { type: 'ConcatMerge', in_names: ['l', 'r'] },
      out: linear,
    }).forward(x());
    const named = build({ dag_in_shape: { a: [4] }, one: { ...linear, in_names: ['a'] } }).forward({ a: x() });
    const nested = build({
      dag_in_shape: [6],
      fork: { type: 'ReuseFork', names: ['l', 'r'] },
      fork2: { type: 'SplitFork', in_names: ['l'], shapes: { l0: [2], l1: [4] } },
      cat: { type: 'ConcatMerge', in_names: ['r', 'l0', 'l1'] },
    }).forward(rand([2, 6]));
    const alone = build({ dag_in_shape: { a: [4], b: [4] }, type: 'ConcatMerge', in_names: ['a', 'b'] }).forward({
      a: x(),
      b: x(),
    });
    for (const y of [chain, merge, forked, named, nested, alone]) expect(held(y)).toBe('tensor');
    expectTypeOf([chain, merge, forked, named, nested, alone]).toEqualTypeOf<Tensor[]>();
  });

  test('what is carried past', () => {
    const carried = build({
      dag_in_shape: { a: [4], b: [4], c: [4] },
      one: { ...linear, in_names: ['a'] },
      cat: { type: 'ConcatMerge', in_names: ['b', 'c'] },
    }).forward({ a: x(), b: x(), c: x() });
    expectTypeOf(carried).toEqualTypeOf<{ readonly a: Tensor; readonly b: Tensor }>();
    expect(held(carried)).toEqual({ a: 'tensor', b: 'tensor' });

    const fork = build({
      dag_in_shape: { x: [4], z: [3] },
      fork: { type: 'SplitFork', in_names: ['x'], shapes: { p: [1], q: [3] } },
    }).forward({ x: x(), z: rand([2, 3]) });
    expectTypeOf(fork).toEqualTypeOf<{ readonly p: Tensor; readonly q: Tensor; readonly z: Tensor }>();
    expect(held(fork)).toEqual({ p: 'tensor', q: 'tensor', z: 'tensor' });

    const own = build({
      dag_in_shape: { x: [4], z: [3] },
      fork: { type: 'SplitFork', in_names: ['x'], shapes: { x: [1], q: [3] } },
    }).forward({ x: x(), z: rand([2, 3]) });
    expectTypeOf(own).toEqualTypeOf<{ readonly x: Tensor; readonly q: Tensor; readonly z: Tensor }>();
    expect(held(own)).toEqual({ x: 'tensor', q: 'tensor', z: 'tensor' });

    const two = build({
      dag_in_shape: { a: [4], b: [4] },
      first: { type: 'ReuseFork', in_names: ['a'], names: ['c', 'd'] },
      second: { type: 'ReuseFork', in_names: ['d'], names: ['e', 'f'] },
    }).forward({ a: x(), b: x() });
    expectTypeOf(two).toEqualTypeOf<{
      readonly b: Tensor;
      readonly c: Tensor;
      readonly e: Tensor;
      readonly f: Tensor;
    }>();
    expect(Object.keys(two).sort()).toEqual(['b', 'c', 'e', 'f']);

    const nested = build({
      dag_in_shape: { a: [4] },
      first: { type: 'ReuseFork', in_names: ['a'], names: ['c', 'd'] },
      second: { type: 'ReuseFork', in_names: ['d'], names: ['e', 'f'] },
    }).forward({ a: x() });
    expectTypeOf(nested).toEqualTypeOf<{ readonly c: Tensor; readonly e: Tensor; readonly f: Tensor }>();
    expect(Object.keys(nested).sort()).toEqual(['c', 'e', 'f']);
  });

  test('where the order of the modules would decide, the type is of all that may come out', () => {
    const first = build({
      dag_in_shape: { a: [4], b: [4] },
      fork: { type: 'ReuseFork', names: ['c', 'd'] },
    }).forward({ a: x(), b: x() });
    expectTypeOf(first).toEqualTypeOf<{
      readonly c: Tensor;
      readonly d: Tensor;
      readonly a?: Tensor;
      readonly b?: Tensor;
    }>();
    expect(Object.keys(first)).toEqual(['c', 'd', 'b']);

    // the names that a fork gives another are given only later, and mean nothing to a lone tensor
    const odd = build({
      dag_in_shape: [4],
      one: { type: 'ReuseFork', in_names: ['b'], names: ['c', 'd'] },
      two: { type: 'ReuseFork', names: ['a', 'b'] },
    }).forward(x());
    expectTypeOf(odd).toEqualTypeOf<{
      readonly a?: Tensor;
      readonly b?: Tensor;
      readonly c?: Tensor;
      readonly d?: Tensor;
    }>();
    expect(Object.keys(odd).sort()).toEqual(['a', 'b', 'd']);

    const last = build({ dag_in_shape: [4], only: { type: 'ReuseFork', names: ['a'] } }).forward(x());
    expectTypeOf(last).toEqualTypeOf<Tensor | { readonly a: Tensor }>();
    expect(held(last)).toEqual({ a: 'tensor' });

    const tuple = build({ dag_in_shape: [5, 3], lstm: { type: 'LSTM', input_size: 3, hidden_size: 4 } }).forward(
      rand([2, 5, 3]),
    );
    expectTypeOf(tuple).toEqualTypeOf<[output: Tensor, [h_n: Tensor, c_n: Tensor]]>();
    const after = build({
      dag_in_shape: [5, 3],
      act: { type: 'ReLU' },
      lstm: { type: 'LSTM', input_size: 3, hidden_size: 4 },
    });
    expectTypeOf(after.forward(rand([2, 5, 3]))).toEqualTypeOf<unknown>();
  });
});

describe('the graph format', () => {
  const modules = {
    fc: { Linear: { in_features: 4, out_features: 4 } },
    seq: { Sequential: [{ Linear: { in_features: 4, out_features: 4 } }, { ReLU: null }] },
    many: {
      compact: {
        layer: {
          type: 'Linear',
          keys: ['in_features', 'out_features'],
          args: [
            [4, 4],
            [4, 4],
          ],
        },
        postlayer: [{ ReLU: null }],
      },
    },
    cut: { ForkChunk: { chunks: 2 } },
    left: { Get: { key: 0 } },
    top: { TorchFn: { name: 'topk', k: 2 } },
    best: { Get: { key: 0 } },
    mean: { Reduce: { name: 'mean', dim: 1 } },
    rnn: { GRU: { input_size: 4, hidden_size: 3 } },
    state: { Sequential: [{ GRU: { input_size: 4, hidden_size: 3 } }, { Get: { key: 1 } }] },
  } as const;
  const calls = {
    fc: ['x'],
    'fc~2': ['fc'],
    seq: ['fc~2'],
    many: ['seq'],
    cut: ['many'],
    left: ['cut'],
    top: ['many'],
    best: ['top'],
    mean: ['many'],
    rnn: ['many'],
    state: ['many'],
  } as const;

  test('a name, a list, a record', () => {
    const one = build({ modules, graph: { input: 'x', modules: calls, output: 'fc~2' } }).forward(x());
    expectTypeOf(one).toEqualTypeOf<Tensor>();
    const list = build({ modules, graph: { input: ['x'], modules: calls, output: ['left', ['seq', 'x']] } }).forward(
      x(),
    );
    expectTypeOf(list).toEqualTypeOf<readonly [Tensor, readonly [Tensor, Tensor]]>();
    expect(held(list)).toEqual(['tensor', ['tensor', 'tensor']]);
    const record = build({
      modules,
      graph: {
        input: { x: [4] },
        modules: calls,
        output: { best: 'best', mean: 'mean', many: 'many', state: 'state', cut: 'cut', rnn: 'rnn' },
      },
    }).forward(x());
    expectTypeOf(record).toEqualTypeOf<{
      readonly best: Tensor;
      readonly mean: Tensor;
      readonly many: Tensor;
      readonly state: Tensor;
      readonly cut: Tensor[];
      readonly rnn: [output: Tensor, h_n: Tensor];
    }>();
    // @ts-expect-error: there is no such output
    expect(record.men).toBeUndefined();
    expect(held(record)).toMatchObject({
      best: 'tensor',
      mean: 'tensor',
      cut: ['tensor', 'tensor'],
      rnn: ['tensor', 'tensor'],
    });
  });
});

describe('arcs that are not literals', () => {
  test('one tensor needs no cast, names neither', () => {
    const arc: Record<string, unknown> = { dag_in_shape: [4], ...{ a: { ...linear } } };
    const fromYaml: unknown = arc;
    const fromJson = JSON.parse(JSON.stringify(arc));
    const variable = { dag_in_shape: [4], a: { type: 'Linear', out_features: 4 } };
    const results = [build(arc), build(fromYaml), build(fromJson), build(variable)].map((model) => model.forward(x()));
    for (const y of results) {
      expectTypeOf(y).toMatchTypeOf<Tensor>();
      expectTypeOf(y.mean).toBeCallableWith();
      expect(y.shape).toEqual([2, 4]);
    }
    const one: One = (y) => expect(held(y)).toBe('tensor');
    for (const y of results) one(y);
    const several = build(JSON.parse('{"dag_in_shape": [4], "type": "ReuseFork", "names": ["p", "q"]}')).forward(x());
    expectTypeOf(several.p!).toMatchTypeOf<Tensor>();
    expect(held(several.p)).toBe('tensor');
  });

  test('what comes out can be said, where it is not known', () => {
    const arc: unknown = { dag_in_shape: [4], type: 'SplitFork', shapes: { mean: [2], std: [2] } };
    const model: Model<{ mean: Tensor; std: Tensor }> = build(arc);
    expect(held(model.forward(x()).mean)).toBe('tensor');
    // @ts-expect-error: what is known cannot be contradicted
    const wrong: Model<{ mean: Tensor }> = build({ type: 'Linear', in_features: 4, out_features: 2 });
    expect(wrong).toBeInstanceOf(nn.Module);
    // nor forgotten, when a model is passed on
    const frozen = freeze(build({ type: 'ReuseFork', names: ['a', 'b'] }));
    expectTypeOf(frozen.forward).returns.toEqualTypeOf<{ readonly a: Tensor; readonly b: Tensor }>();
    const kept = [build({ type: 'Linear', in_features: 4, out_features: 2 })] as const;
    expectTypeOf(kept[0].forward(x())).toEqualTypeOf<Tensor>();
  });

  test('a module of your own is one of which nothing is known here', () => {
    const typeOnly = () => build({ dag_in_shape: [4], mine: { type: 'Mine' } }).forward(x());
    expectTypeOf(typeOnly).returns.toMatchTypeOf<Tensor>();
    expect(typeOnly).toThrow("unknown module type 'Mine'");
  });
});
