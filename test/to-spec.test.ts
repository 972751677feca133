import { readdirSync, readFileSync } from 'node:fs';
import {
  ArcError,
  args,
  build,
  layer,
  Module,
  manualSeed,
  nn,
  rand,
  registerModule,
  Tensor,
  toSpec,
  zeros,
} from 'torcharc';
import { describe, expect, test } from 'vitest';

interface Fixture {
  readonly arc?: Readonly<Record<string, unknown>>;
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly call: 'tensor' | 'dict' | 'kwargs';
  readonly inputs?: readonly { name: string; shape: number[]; dtype: 'float32' | 'int64' }[];
  readonly parameters?: number;
  readonly python_error?: object;
}

const root = new URL('./fixtures/arcs/', import.meta.url);
const fixtures = ['v1', 'v1-extra', 'v1-perceiver', 'v2', 'v2-extra'].flatMap((suite) =>
  readdirSync(new URL(`${suite}/`, root), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.json'))
    .map((file) => `${suite}/${file.replaceAll('\\', '/')}`),
);

/** The model of an arc, or null where the arc is wrong. */
function modelOf(arc: unknown): Module | null {
  try {
    return build(arc);
  } catch (error) {
    if (error instanceof ArcError) return null;
    throw error;
  }
}

const stateOf = (model: Module) => [...model.stateDict()].map(([key, t]) => [key, isLazy(t) ? 'lazy' : [...t.shape]]);
const isLazy = (t: Tensor) => String(t).startsWith('<Uninitialized');

function leaves(output: unknown): Tensor[] {
  return output instanceof Tensor ? [output] : Object.values(output as object).flatMap(leaves);
}

/** What a model makes of the fixture's inputs, from a seed. */
async function resultOf(model: Module, { call, inputs = [] }: Fixture): Promise<unknown[]> {
  manualSeed(3);
  const given = Object.fromEntries(
    inputs.map(({ name, shape, dtype }) => [name, dtype === 'int64' ? zeros(shape, { dtype }) : rand(shape)]),
  );
  const forward = model.forward as (x: unknown) => unknown;
  const output = forward.call(model, call === 'tensor' ? Object.values(given)[0] : given);
  return Promise.all(leaves(output).map((t) => t.array()));
}

async function expectSame(model: Module, fixture: Fixture | null): Promise<void> {
  const spec = toSpec(model);
  expect(JSON.parse(JSON.stringify(spec)), 'is JSON').toEqual(spec);
  const again = build(spec);
  expect(String(again)).toBe(String(model));
  expect(stateOf(again)).toEqual(stateOf(model));
  expect(toSpec(again)).toEqual(spec);
  if (!fixture?.inputs || fixture.python_error) return;
  again.loadStateDict(model.stateDict());
  expect(await resultOf(again.eval(), fixture)).toEqual(await resultOf(model.eval(), fixture));
}

describe('every arc of the fixtures', () => {
  let count = 0;
  for (const name of fixtures) {
    test(name, { timeout: 60_000 }, async () => {
      const fixture = JSON.parse(readFileSync(new URL(name, root), 'utf8')) as Fixture;
      // two take seconds to fill with random numbers, and have smaller twins here
      const model = (fixture.parameters ?? 0) < 1e8 ? modelOf(fixture.arc ?? fixture.spec) : null;
      if (!model) return;
      await expectSame(model, fixture);
      count++;
    });
  }
  test('nearly all build', () => expect(count).toBe(289));
});

describe('models made by hand', () => {
  const linear = (sizes: [number, number]) => new nn.Linear({ in_features: sizes[0], out_features: sizes[1] });

  test('a Sequential', async () => {
    const model = new nn.Sequential(
      linear([4, 3]),
      new nn.Sequential(new nn.BatchNorm1d({ num_features: 3 }), new nn.PReLU(), new nn.Dropout({ p: 0.1 })),
      new nn.LSTM({ input_size: 3, hidden_size: 2, batch_first: true }),
    );
    expect(toSpec(model)).toEqual({
      Sequential: [
        { Linear: { in_features: 4, out_features: 3 } },
        { Sequential: [{ BatchNorm1d: { num_features: 3 } }, { PReLU: {} }, { Dropout: { p: 0.1 } }] },
        { LSTM: { input_size: 3, hidden_size: 2, batch_first: true } },
      ],
    });
    await expectSame(model, null);
  });

  test('a module by itself', async () => {
    expect(toSpec(linear([4, 3]))).toEqual({ type: 'Linear', in_features: 4, out_features: 3 });
    await expectSame(new nn.Transformer({ d_model: 8, nhead: 2, activation: 'gelu' }), null);
    await expectSame(new nn.LazyLinear({ out_features: 3 }), null);
    await expectSame(new nn.Identity(), null);
    await expectSame(new nn.AvgPool2d({ kernel_size: [2, 3] }), null);
  });

  test('sizes that a DAG gave are said, defaults are not', () => {
    const parts = {
      preprocessor: { type: 'FourierPreprocessor', num_freq_bands: 2 },
      encoder: { type: 'PerceiverEncoder', latent_shape: [2, 4], head_dim: 2 },
      decoder: { type: 'PerceiverDecoder', out_shape: [1, 4], head_dim: 2 },
      postprocessor: { type: 'Identity' },
    };
    const model = build({ dag_in_shape: [4, 3], see: { type: 'Perceiver', arc: parts } });
    expect(toSpec(model)).toEqual({ dag_in_shape: [4, 3], see: { type: 'Perceiver', in_shape: [4, 3], arc: parts } });
  });

  test('options are as they are now', () => {
    const model = build({ type: 'Linear', in_features: 4, layers: [3, 2], activation: 'ReLU', dropout: 0.2 });
    expect(toSpec(model)).toEqual({ type: 'Linear', in_features: 4, layers: [3, 2], activation: 'ReLU', dropout: 0.2 });
    for (const { args } of model.modules()) if ('p' in args) Object.assign(args, { p: 0.5 });
    expect(toSpec(model)).toMatchObject({ dropout: 0.5 });
    // no longer what layers can say
    model.getSubmodule('1').args satisfies object;
    model.setSubmodule('1', new nn.Tanh());
    expect(toSpec(model)).toMatchObject({ Sequential: [{}, { Tanh: {} }, {}, {}, { ReLU: {} }, {}] });
  });

  test('init stays', () => {
    const init = { type: 'kaiming_uniform_', nonlinearity: 'relu' };
    const arc = {
      type: 'Conv2d',
      in_shape: [3, 8, 8],
      layers: [
        [4, 3, 1, 'same'],
        [2, 3],
      ],
      batch_norm: true,
      init,
    };
    expect(toSpec(build(arc))).toEqual(arc);
    const dag = {
      dag_in_shape: { x: [4], y: [3] },
      a: { type: 'Linear', in_names: ['y'], in_features: 3, out_features: 2, init },
    };
    expect(toSpec(build(dag))).toEqual(dag);
  });

  test('names and shapes of inputs', () => {
    const arc = (input: unknown) => ({
      modules: { fc: { Linear: { in_features: 4, out_features: 4 } }, sum: { MergeSum: {} } },
      graph: { input, modules: { fc: ['x'], 'fc~2': { input: 'fc' }, sum: [['fc', 'fc~2']] }, output: { y: 'sum' } },
    });
    for (const input of [
      'x',
      ['x', 'z'],
      { x: [4] },
      { x: [4], z: { shape: [2], dtype: 'int64' } },
      { x: null, z: [1] },
    ])
      expect(toSpec(build(arc(input)))).toEqual(arc(input));
    expect(toSpec(build(arc(['x'])))).toEqual(arc('x'));
  });

  class Scale extends layer({ factor: args.float(1) }) {
    override forward(x: Tensor): Tensor {
      return x.mul(this.args.factor);
    }
  }
  class Shift extends Module {
    readonly by: number;
    constructor({ by }: { by: number }) {
      super();
      this.by = by;
    }
    override forward(x: Tensor): Tensor {
      return x.add(this.by);
    }
  }

  test('classes of your own once they are registered', () => {
    expect(() => toSpec(new nn.Sequential(new Scale({ factor: 2 })))).toThrow(
      'Sequential[0]: Scale is no type that an arc can name; registerModule makes it one',
    );
    registerModule('ScaleBy', Scale);
    registerModule('ShiftBy', Shift);
    expect(toSpec(new nn.Sequential(new Scale({ factor: 2 })))).toEqual({ Sequential: [{ ScaleBy: { factor: 2 } }] });
    expect(toSpec(build({ type: 'ShiftBy', by: 2 }))).toEqual({ type: 'ShiftBy', by: 2 });
    expect(() => toSpec(new Shift({ by: 2 }))).toThrow('the options that this ShiftBy was made with are not known');
  });

  test('what an arc cannot say', () => {
    const issues = (model: Module) => {
      try {
        toSpec(model);
      } catch (error) {
        if (error instanceof ArcError) return error.message;
        throw error;
      }
      return '';
    };
    const shared = linear([2, 2]);
    const tied = linear([2, 2]);
    Object.assign(tied, { weight: shared.weight });
    const layer = new nn.TransformerEncoderLayer({ d_model: 4, nhead: 2, activation: (x: Tensor) => x.relu() });
    const model = new nn.Sequential(
      shared,
      new nn.ModuleList([tied]),
      shared,
      tied,
      layer,
      new nn.Sequential({ named: new nn.ReLU() }),
      new nn.CrossEntropyLoss({ weight: rand([3]) }),
      new nn.TransformerEncoder({ encoder_layer: layer, num_layers: 2 }),
    );
    expect(issues(model)).toMatchInlineSnapshot(`
      "Sequential[1]: shares what is at 'Sequential[0]', which an arc cannot say
      Sequential[1]: ModuleList is no type that an arc can name; it holds modules
      Sequential[2]: shares what is at 'Sequential[0]', which an arc cannot say
      Sequential[3]: shares what is at 'Sequential[0]', which an arc cannot say
      Sequential[4].TransformerEncoderLayer.activation: expected plain data, which an arc can say, got a function
      Sequential[5].Sequential[0]: expected the name 0 in a Sequential, got 'named'
      Sequential[6].CrossEntropyLoss.weight: expected plain data, which an arc can say, got a tensor
      Sequential[7].TransformerEncoder.encoder_layer: expected plain data, which an arc can say, got a TransformerEncoderLayer"
    `);
  });
});
