import {
  ArcError,
  args,
  build,
  carryForward,
  type Issue,
  layer,
  Module,
  nn,
  rand,
  registerModule,
  type Tensor,
  tensor,
  validate,
} from 'torcharc';
import { describe, expect, test } from 'vitest';

function issuesOf(arc: unknown): Issue[] {
  try {
    build(arc);
  } catch (error) {
    if (error instanceof ArcError) return [...error.issues];
    throw error;
  }
  return [];
}

describe('what is wrong with an arc', () => {
  const rows: [string, unknown, Issue[]][] = [
    [
      'not a record',
      3,
      [{ path: '', message: "expected an arc, a record with 'type', 'dag_in_shape' or 'modules' and 'graph', got 3" }],
    ],
    [
      'no type',
      { typ: 'Linear' },
      [
        {
          path: '',
          message: "expected 'type', 'dag_in_shape' or 'modules' and 'graph' (did you mean 'type'?), got typ",
        },
      ],
    ],
    [
      'unknown type',
      { type: 'Linaer', in_features: 2, out_features: 2 },
      [{ path: 'type', message: "unknown module type 'Linaer' (did you mean 'Linear'?)" }],
    ],
    [
      'missing option',
      { type: 'Linear', in_features: 2 },
      [{ path: 'out_features', message: 'missing required argument (a non-negative integer)' }],
    ],
    [
      'mistyped option',
      { type: 'Linear', in_features: 2, out_features: '3' },
      [{ path: 'out_features', message: "expected a non-negative integer, got '3'" }],
    ],
    [
      'misspelt option',
      { type: 'Linear', in_features: 2, out_features: 3, baias: true },
      [
        {
          path: 'baias',
          message: "unknown option (did you mean 'bias'?); its options are in_features, out_features, bias",
        },
      ],
    ],
    [
      'an option beside layers',
      { type: 'Linear', in_features: 2, layers: [3], bias: false },
      [{ path: 'bias', message: 'has no meaning beside layers; an entry of layers may say it: [out_features, bias]' }],
    ],
    [
      'no of YAML 1.1',
      { type: 'Linear', in_features: 2, layers: [3], batch_norm: 'no' },
      [{ path: 'batch_norm', message: "expected true or false, got 'no'" }],
    ],
    [
      'a bigint',
      { type: 'Linear', in_features: 2n, out_features: 2 },
      [{ path: 'in_features', message: 'expected a non-negative integer, got 2n' }],
    ],
    [
      'both formats',
      { dag_in_shape: [2], modules: { r: { ReLU: {} } }, graph: { input: 'x', modules: { r: ['x'] }, output: 'r' } },
      [{ path: 'dag_in_shape', message: 'unknown key; an arc of this format has modules and graph' }],
    ],
    [
      'a wrong entry of layers',
      {
        type: 'Conv2d',
        in_shape: [3, 8, 8],
        layers: [
          [4, 3],
          [4, 0],
        ],
        activation: 'RelU',
      },
      [
        { path: 'activation', message: "unknown module type 'RelU' (did you mean 'ReLU'?)" },
        { path: 'layers[1]', message: 'Conv2d.kernel_size: expected a positive integer or a list of 2, got 0' },
      ],
    ],
    [
      'shapes that cannot work',
      { dag_in_shape: [1, 4, 4], conv: { type: 'Conv2d', layers: [[4, 5]] } },
      [
        {
          path: 'conv',
          message:
            "conv2d: Calculated padded input size per channel: (4 x 4). Kernel size: (5 x 5). Kernel size can't be greater than actual input size (input of shape [batch, 1, 4, 4])",
        },
      ],
    ],
    [
      'Linear on an image',
      { dag_in_shape: [1, 4, 4], out: { type: 'Linear', out_features: 2 } },
      [
        {
          path: 'out',
          message:
            'Linear in a DAG takes [batch, n], got an input of shape [batch, 1, 4, 4]; a Flatten before it makes it so',
        },
      ],
    ],
    [
      'all issues at once, each once',
      {
        dag_in_shape: { x: [4] },
        a: { type: 'Linear', in_names: ['y'], out_features: 2 },
        b: { type: 'Linear', out_feature: 2 },
        c: { type: 'Relu' },
      },
      [
        { path: 'a.in_names', message: "there is no 'y' here; there is x" },
        { path: 'b.out_features', message: 'missing required argument (a non-negative integer)' },
        {
          path: 'b.out_feature',
          message: "unknown option (did you mean 'out_features'?); its options are in_features, out_features, bias",
        },
        { path: 'c.type', message: "unknown module type 'Relu' (did you mean 'ReLU'?)" },
      ],
    ],
    [
      'hostile names',
      JSON.parse('{"dag_in_shape": {"__proto__": [2], "a.b": [2]}, "keys": {"type": "ReLU"}}'),
      [
        {
          path: 'dag_in_shape.__proto__',
          message: "'__proto__' cannot be the name of an input: it is a method or attribute of ModuleDict",
        },
        { path: 'dag_in_shape.a.b', message: 'the name of an input can\'t contain ".", "[" or "]", got: a.b' },
        { path: 'keys', message: "'keys' cannot be the name of a module: it is a method or attribute of ModuleDict" },
      ],
    ],
    [
      'a size no array can have',
      { type: 'Linear', in_features: 1e6, out_features: 1e6 },
      [{ path: '', message: 'a parameter of shape [1000000, 1000000] is larger than an array can be' }],
    ],
    [
      'an unknown init',
      { type: 'Linear', in_features: 2, out_features: 2, init: { type: 'normal_', sdt: 1 } },
      [{ path: 'init.sdt', message: "unknown option of normal_ (did you mean 'std'?); its options are mean, std" }],
    ],
  ];
  for (const [name, arc, issues] of rows) {
    test(name, () => {
      expect(issuesOf(arc)).toEqual(issues);
      expect(validate(arc)).toEqual(issues);
    });
  }
});

test('a module of your own is nameable, with its options checked', async () => {
  class Scale extends layer({ factor: args.float(1, { min: 0 }) }) {
    override forward(x: Tensor): Tensor {
      return x.mul(this.args.factor);
    }
  }
  registerModule('Scale', Scale);
  const model = build({ dag_in_shape: [2], twice: { type: 'Scale', factor: 2 } });
  expect(String(model)).toBe('DAGNet(\n  (module_dict): ModuleDict(\n    (twice): Scale(factor=2.0)\n  )\n)');
  const x = rand([3, 2]);
  expect(await model.forward(x).array()).toEqual(await x.mul(2).array());
  expect(validate({ type: 'Scale', factr: 2, factor: -1 })).toEqual([
    { path: 'factor', message: 'expected a number of at least 0, got -1' },
    { path: 'factr', message: "unknown option (did you mean 'factor'?); its options are factor" },
  ]);
});

test('so is a plain class, which takes its options as they are', async () => {
  class Shift extends Module {
    readonly by: number;
    constructor(options: { by: number }) {
      super();
      this.by = options.by;
    }
    override forward(x: Tensor): Tensor {
      return x.add(this.by);
    }
  }
  registerModule('Shift', Shift);
  expect(
    await build({ type: 'Shift', by: 1 })
      .forward(rand([2]).mul(0))
      .array(),
  ).toEqual([1, 1]);
});

test('carryForward', () => {
  const [a, b] = [rand([2, 3]), rand([2, 4])];
  const identity = new nn.Identity();
  expect(carryForward(identity, a)).toBe(a);
  expect(Object.keys(carryForward(identity, { a, b }, ['b']))).toEqual(['b', 'a']);
  expect(() => carryForward(identity, { a, b }, ['c'])).toThrow("in_names: there is no 'c' here; there is a, b");
});

test('an arc draws no random number while shapes are inferred, and counters start at 0', async () => {
  const model = build({ dag_in_shape: [4], body: { type: 'Linear', layers: [3], batch_norm: true, dropout: 0.5 } });
  expect(await model.stateDict().get('module_dict.body.1.num_batches_tracked')!.item()).toBe(0);
});

describe('what goes into a module of the graph format', () => {
  const modules = {
    linear: { Linear: { in_features: 4, out_features: 2 } },
    dot: { MergeDot: null },
    attention: { MultiheadAttention: { embed_dim: 4, num_heads: 2 } },
    sum: { MergeSum: null },
    own: { TwoOrThree: {} },
  };
  class TwoOrThree extends layer({}) {
    override forward(x: Tensor, y: Tensor, z: Tensor = y): Tensor {
      return x.add(y).add(z);
    }
  }
  registerModule('TwoOrThree', TwoOrThree);
  const issuesOf = (uses: Record<string, unknown>, input: unknown = ['x']) =>
    validate({ modules, graph: { input, modules: uses, output: Object.keys(uses)[0] } });

  test.each([
    [
      'too many',
      { linear: ['x', 'x'] },
      'linear',
      "'linear': expected 1 input (input), got 2; [[a, b]] gives one list",
    ],
    ['too many of two', { dot: ['x', 'x', 'x'] }, 'dot', "'dot': expected at most 2 inputs (x, y), got 3"],
    ['not apart', { sum: ['x', 'x'] }, 'sum', "'sum': expected 1 input (input), got 2; [[a, b]] gives one list"],
    ['none', { linear: [] }, 'linear', "missing required input 'input' of 'linear'; its inputs are input"],
    ['too few', { dot: ['x'] }, 'dot', "missing required input 'y' of 'dot'; its inputs are x, y"],
    ['a missing name', { dot: { y: 'x' } }, 'dot', "missing required input 'x' of 'dot'; its inputs are x, y"],
  ])('%s', (_what, uses, name, message) => {
    expect(issuesOf(uses)).toEqual([{ path: `graph.modules.${name}`, message }]);
  });

  test('a misspelt name has its place', () => {
    expect(issuesOf({ attention: { query: 'x', kye: 'x', key: 'x', value: 'x' } })).toEqual([
      {
        path: 'graph.modules.attention.kye',
        message: expect.stringMatching(
          /^unknown input of 'attention' \(did you mean 'key'\?\); its inputs are query, key,/,
        ),
      },
    ]);
  });

  test('shapes are checked beside it', () => {
    expect(issuesOf({ linear: ['x'], dot: ['x'] }, { x: [3] })).toEqual([
      { path: 'graph.modules.dot', message: expect.stringContaining("missing required input 'y'") },
      { path: 'graph.modules.linear', message: expect.stringContaining('mat1 and mat2') },
    ]);
  });

  test('optional ones, and those of a class of your own, may be there or not', () => {
    expect(issuesOf({ attention: ['x', 'x', 'x'], own: ['x', 'x'], 'own~2': ['x', 'x', 'x'] })).toEqual([]);
  });
});

test.each(['values', 'indices'])('Get takes the %s of a pair', async (key) => {
  const model = build({
    modules: { top: { TorchFn: { name: 'topk', k: 2 } }, get: { Get: { key } } },
    graph: { input: 'x', modules: { top: ['x'], get: ['top'] }, output: 'get' },
  });
  const x = tensor([[3, 1, 2]]);
  const want = x.topk(2)[key as 'values' | 'indices'];
  expect(await (model.forward({ x }) as Tensor).array()).toEqual(await want.array());
});
