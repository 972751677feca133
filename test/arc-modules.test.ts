/** Time series transformers and Perceivers beyond what Python's do: `arc.parity.test.ts` has the rest. */
import { build, compile, freeze, manualSeed, nn, noGrad, optim, rand, type Tensor, tensor, validate } from 'torcharc';
import { describe, expect, test } from 'vitest';

const series = {
  type: 'TSTransformer',
  d_model: 8,
  nhead: 2,
  num_encoder_layers: 1,
  num_decoder_layers: 1,
  dim_feedforward: 16,
  in_channels: 3,
  out_channels: 2,
};
const encoder = { type: 'PerceiverEncoder', latent_shape: [4, 8], head_dim: 4 };
const decoder = { type: 'PerceiverDecoder', out_shape: [5, 6], head_dim: 4 };
const perceiver = {
  type: 'Perceiver',
  in_shape: [6, 3],
  arc: {
    preprocessor: { type: 'FourierPreprocessor', num_freq_bands: 2 },
    encoder,
    decoder,
    postprocessor: { type: 'ProjectionPostprocessor', out_dim: 2 },
  },
};

type AnyModel = nn.Module & { forward(x: unknown): Tensor };
const made = (arc: unknown) => build(arc) as unknown as AnyModel;

describe('time series transformers', () => {
  const modes = [{}, { chunk_mode: 'chunk', chunk_size: 8 }, { chunk_mode: 'window', window_size: 8, padding: 2 }];
  for (const mode of modes)
    for (const pe of ['sinusoid', 'periodic', 'learned', null])
      test(`${JSON.stringify(mode)}, pe ${pe}: any length, compiled and frozen`, async () => {
        const model = made({ ...series, ...mode, pe, max_seq_len: pe === 'learned' ? 150 : null }).eval();
        const x = rand([2, 150, 3]);
        const y = model.forward(x);
        expect(y.shape).toEqual([2, 150, 2]);
        const values = await y.data();
        const again = await compile((t: Tensor) => noGrad(() => model.forward(t)))(x);
        expect(await again.data()).toEqual(values);
        const frozen = [...(await freeze(model).forward(x).data())];
        for (const [i, value] of frozen.entries()) expect(value).toBeCloseTo(Number(values[i]), 4);
      });

  test('places beyond the table go on as those in it', async () => {
    const x = rand([1, 20, 3]);
    const outputs = [5, 20].map(async (max_seq_len) => {
      manualSeed(0);
      return made({ ...series, pe: 'sinusoid', max_seq_len })
        .eval()
        .forward(x)
        .data();
    });
    const [short, long] = await Promise.all(outputs);
    expect(short).toEqual(long);
  });

  test('a compiled training step does what the step itself does', async () => {
    const x = rand([2, 9, 3]);
    const losses = async (compiled: boolean) => {
      manualSeed(1);
      const model = made({ ...series, pe: 'sinusoid', chunk_mode: 'chunk', chunk_size: 4, attention_size: 2 });
      const optimizer = new optim.Adam(model.parameters(), { lr: 1e-2 });
      const step = (t: Tensor) => {
        optimizer.zeroGrad();
        const loss = model.forward(t).square().mean();
        loss.backward();
        void optimizer.step();
        return loss;
      };
      const run = compiled ? compile(step) : step;
      const all: number[] = [];
      for (let i = 0; i < 3; i++) all.push(await (await run(x)).item());
      return all;
    };
    const [plain, compiled] = [await losses(false), await losses(true)];
    expect(compiled).toEqual(plain);
  });

  test('in a DAG, channels and places follow from the input', () => {
    const { in_channels: _, ...open } = series;
    const model = made({ dag_in_shape: [200, 7], tst: { ...open, pe: 'learned' }, flat: { type: 'Flatten' } });
    const shapes = new Map([...model.stateDict()].map(([key, t]) => [key, t.shape]));
    expect(shapes.get('module_dict.tst.in_embedding.weight')).toEqual([8, 7]);
    expect(shapes.get('module_dict.tst.pe.pos_embedding.weight')).toEqual([200, 8]);
    expect(model.forward(rand([3, 200, 7])).shape).toEqual([3, 400]);
  });

  test('all periods of the periodic encoding are the same', async () => {
    const { pe } = made({ ...series, pe: 'periodic' }) as unknown as { pe: { pe: Tensor } };
    const rows = ((await pe.pe.array()) as number[][][])[0]!;
    for (const [position, row] of rows.entries())
      for (const value of row) expect(value).toBeCloseTo(Math.sin((2 * Math.PI * position) / 24), 6);
  });

  test('the activation is that of its name', async () => {
    const x = rand([1, 4, 3]);
    const output = (activation: string) => {
      manualSeed(0);
      return made({ ...series, activation })
        .eval()
        .forward(x)
        .data();
    };
    expect(await output('tanh')).not.toEqual(await output('relu'));
  });

  const wrong: [name: string, options: object, text: string][] = [
    [
      'activation',
      { activation: 'ReLU' },
      "activation: unknown function 'ReLU' (did you mean 'relu'?); there are relu, ",
    ],
    ['activation, no name', { activation: 3 }, 'activation: expected the name of a function, got 3'],
    ['chunk_mode', { chunk_mode: 'chunks' }, "chunk_mode: expected 'chunk', 'window' or null, got 'chunks'"],
    ['pe', { pe: 'sinus' }, "pe: expected 'sinusoid', 'periodic', 'learned' or null, got 'sinus'"],
    ['in_embedding', { in_embedding: 'Conv2d' }, "in_embedding: expected one of 'Linear', 'Conv1d', got 'Conv2d'"],
    ['odd d_model', { d_model: 7, pe: 'sinusoid' }, 'd_model: pe: sinusoid needs an even number, got 7'],
    [
      'padding',
      { chunk_mode: 'window', window_size: 8, padding: 4 },
      'padding: expected less than half of the window_size 8, got 4',
    ],
    ['heads', { type: 'PTTSTransformer', nhead: 3 }, 'nhead: embed_dim must be divisible by num_heads, got 8 and 3'],
    ['unknown option', { d_modle: 8 }, "d_modle: unknown option (did you mean 'd_model'?); its options are "],
    ['in_channels', { in_channels: undefined }, 'in_channels: '],
  ];
  test.each(wrong)('%s is checked', (_, options, text) => {
    const issues = validate({ ...series, ...options }).map(({ path, message }) => `${path}: ${message}`);
    expect(issues).toHaveLength(1);
    expect(issues[0]!.startsWith(text), issues[0]).toBe(true);
  });

  test('inputs are checked', () => {
    const text = (input: unknown, options = {}) => {
      try {
        made({ ...series, ...options }).forward(input);
      } catch (error) {
        return (error as Error).message;
      }
      return '';
    };
    expect(text(rand([9, 3]))).toMatchInlineSnapshot(
      `"TSTransformer: expected an input [batch, length, 3] of at least one place, got [9, 3]"`,
    );
    expect(text(rand([2, 9, 4]))).toMatchInlineSnapshot(
      `"TSTransformer: expected an input [batch, length, 3] of at least one place, got [2, 9, 4]"`,
    );
    expect(text(rand([2, 0, 3]), { type: 'PTTSTransformer' })).toMatchInlineSnapshot(
      `"PTTSTransformer: expected an input [batch, length, 3] of at least one place, got [2, 0, 3]"`,
    );
    expect(text([1, 2])).toMatchInlineSnapshot(
      `"TSTransformer: expected a tensor, got an array; tensor(data) makes one of numbers"`,
    );
    expect(text(rand([2, 129, 3]), { pe: 'learned' })).toMatchInlineSnapshot(
      `"LearnedPE: expected at most 128 places, which have been given vectors to learn, got 129; max_seq_len says how many"`,
    );
  });
});

describe('Perceivers', () => {
  const multimodal = {
    preprocessor: {
      type: 'MultimodalPreprocessor',
      arc: { a: { type: 'FourierPreprocessor', num_freq_bands: 2 }, b: { type: 'Identity' } },
    },
    encoder,
    decoder,
    postprocessor: {
      type: 'MultimodalPostprocessor',
      in_shapes: { one: [1, 6], all: [4, 6] },
      arc: { one: { type: 'ClassificationPostprocessor', out_dim: 3 }, all: { type: 'Identity' } },
    },
  };

  test('shapes follow from the inputs of a DAG', () => {
    const { in_shape: _, ...open } = perceiver;
    const one = made({ dag_in_shape: [6, 3], p: open });
    expect(one.forward(rand([2, 6, 3])).shape).toEqual([2, 5, 2]);
    const several = made({
      dag_in_shape: { a: [4, 3], b: [7, 2], c: [1] },
      p: { type: 'Perceiver', in_names: ['a', 'b'], arc: multimodal },
    });
    const ys = several.forward({ a: rand([2, 4, 3]), b: rand([2, 7, 2]), c: rand([2, 1]) });
    const shapes = Object.entries(ys as unknown as Record<string, Tensor>).map(([name, t]) => [name, t.shape]);
    expect(shapes).toEqual([
      ['one', [2, 3]],
      ['all', [2, 4, 6]],
      ['c', [2, 1]],
    ]);
  });

  test('text and values, in a DAG', async () => {
    const preprocessor = {
      type: 'MultimodalPreprocessor',
      arc: {
        words: { type: 'TextPreprocessor', vocab_size: 9, embed_dim: 6, max_seq_len: 5 },
        numbers: { type: 'Identity' },
      },
    };
    const model = made({
      dag_in_shape: { words: [5], numbers: [2, 3] },
      p: { type: 'Perceiver', in_names: ['words', 'numbers'], arc: { ...perceiver.arc, preprocessor } },
      flat: { type: 'Flatten' },
    });
    const words = tensor([[1, 2, 8]], { dtype: 'int64' });
    expect((await model.forward({ words, numbers: rand([1, 2, 3]) }).data()).length).toBe(10);
  });

  test('compiled and frozen', async () => {
    const model = made(perceiver).eval();
    const x = rand([2, 6, 3]);
    const values = await model.forward(x).data();
    expect(await (await compile((t: Tensor) => noGrad(() => model.forward(t)))(x)).data()).toEqual(values);
    const frozen = [...(await freeze(model).forward(x).data())];
    for (const [i, value] of frozen.entries()) expect(value).toBeCloseTo(Number(values[i]), 4);
  });

  test('each part has two names and is there once', () => {
    const model = made(perceiver);
    expect([...model.stateDict().keys()].filter((key) => key.endsWith('latent'))).toEqual([
      '_encoder.latent',
      'module.1.latent',
    ]);
    expect(model.namedParameters().filter(([key]) => key.endsWith('latent'))).toHaveLength(1);
    expect(new nn.Sequential(model).parameters()).toHaveLength(model.parameters().length);
  });

  test('everything wrong is reported, with its path', () => {
    const arc = {
      preprocessor: { type: 'FourierPreprocesor', num_freq_bands: 2 },
      encoder: { ...encoder, latent_shape: [4], head_dimm: 4 },
      decoder: { ...decoder, in_channels: 3 },
      postprocessor: {
        type: 'MultimodalPostprocessor',
        in_shapes: { x: [5, 7] },
        arc: { x: { type: 'Identity' }, y: {} },
      },
      head: {},
    };
    const issues = validate({ dag_in_shape: [6, 3], p: { type: 'Perceiver', arc } });
    expect(issues.map(({ path, message }) => `${path}: ${message}`)).toMatchInlineSnapshot(`
      [
        "p.arc.head: unknown part; they are preprocessor, encoder, decoder, postprocessor",
        "p.arc.preprocessor.type: expected one of Identity, FourierPreprocessor, TextPreprocessor, MultimodalPreprocessor, got 'FourierPreprocesor' (did you mean 'FourierPreprocessor'?)",
        "p.arc.encoder.latent_shape: expected a list of two positive integers, got [4]",
        "p.arc.encoder.head_dimm: unknown option (did you mean 'head_dim' or 'v_head_dim'?); its options are in_channels, latent_shape, head_dim, v_head_dim, cross_attn_num_heads, cross_attn_widening_factor, num_self_attn_blocks, num_self_attn_per_block, self_attn_num_heads, self_attn_widening_factor, dropout_p",
        "p.arc.decoder.in_channels: follows from the rest of the model; leave it out",
        "p.arc.postprocessor.in_shapes.x: expected [places, 6], got [5, 7]",
        "p.arc.postprocessor.arc.y: there is no 'y' in in_shapes",
      ]
    `);
  });

  const wrong: [name: string, arc: object][] = [
    ['both shapes', { ...perceiver, in_shapes: { a: [6, 3] } }],
    ['no shape', { ...perceiver, in_shape: null }],
    ['a part that is missing', { ...perceiver, arc: { ...perceiver.arc, decoder: undefined } }],
    [
      'resolutions',
      {
        ...perceiver,
        arc: { ...perceiver.arc, preprocessor: { type: 'FourierPreprocessor', num_freq_bands: 2, max_reso: [2, 3] } },
      },
    ],
    ['no grid', { ...perceiver, in_shape: [3] }],
    [
      'an input without a preprocessor',
      { type: 'Perceiver', in_shapes: { a: [4, 3], b: [2, 2], c: [2, 2] }, arc: multimodal },
    ],
    [
      'places',
      {
        type: 'Perceiver',
        in_shapes: { a: [4, 3], b: [2, 2] },
        arc: { ...multimodal, decoder: { ...decoder, out_shape: [6, 6] } },
      },
    ],
  ];
  test('the rest', () => {
    const texts = wrong.map(([name, arc]) => [
      name,
      ...validate(arc).map(({ path, message }) => `${path}: ${message}`),
    ]);
    expect(texts).toMatchInlineSnapshot(`
      [
        [
          "both shapes",
          "in_shape: expected either in_shape or, for several inputs, in_shapes",
        ],
        [
          "no shape",
          "in_shape: expected either in_shape or, for several inputs, in_shapes",
        ],
        [
          "a part that is missing",
          "arc.decoder: expected a record with 'type', one of PerceiverDecoder, got nothing",
        ],
        [
          "resolutions",
          "arc.preprocessor.max_reso: max_reso len(shape) must match pos len(shape), but got 2 instead of 1",
        ],
        [
          "no grid",
          "arc.preprocessor.in_shape: expected a grid and channels, got [3]",
        ],
        [
          "an input without a preprocessor",
          "arc.preprocessor.arc: there is no preprocessor for 'c'",
        ],
        [
          "places",
          "arc.postprocessor.in_shapes: expected the 6 places of the output in all, got 5",
        ],
      ]
    `);
  });

  test('inputs are checked', () => {
    const text = (arc: unknown, input: unknown) => {
      try {
        made(arc).forward(input);
      } catch (error) {
        return (error as Error).message;
      }
      return '';
    };
    const several = { type: 'Perceiver', in_shapes: { a: [4, 3], b: [2, 2] }, arc: multimodal };
    const words = {
      ...perceiver,
      arc: {
        ...perceiver.arc,
        preprocessor: { type: 'TextPreprocessor', vocab_size: 4, embed_dim: 4, max_seq_len: 3 },
      },
    };
    expect([
      text(perceiver, rand([2, 5, 3])),
      text(perceiver, { x: rand([2, 6, 3]) }),
      text(several, { a: rand([2, 4, 3]) }),
      text(several, rand([2, 4, 3])),
      text(several, { a: rand([2, 4, 3]), b: rand([2, 2]) }),
      text(words, tensor([[1, 2, 3, 0]], { dtype: 'int64' })),
      text(words, tensor([[1, 2, 4]], { dtype: 'int64' })),
      text(words, rand([1, 3])),
    ]).toMatchInlineSnapshot(`
      [
        "FourierPreprocessor: input shape [5, 3] != expected [6, 3]",
        "FourierPreprocessor: expected a tensor, got a value of type object; tensor(data) makes one of numbers",
        "MultimodalPreprocessor: expected the inputs a, b, got a",
        "MultimodalPreprocessor: expected the inputs a, b, got one tensor",
        "Identity: expected an input [batch, length, 2], got [2, 2]",
        "TextPreprocessor: expected indices [batch, length] of at most max_seq_len=3, got [1, 4]",
        "embedding: index out of range in self: 4 is not in the valid range [0, 4)",
        "embedding: Expected tensor for argument 'indices' to have one of the following scalar types: int64, int32; but got float32 instead; tensor(data, { dtype: 'int64' }) makes one",
      ]
    `);
  });
});
