import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, type Module, netOf, nn, rand, summarize, type Tensor, zeros } from 'torcharc';
import { describe, expect, test } from 'vitest';
import { run } from '../src/cli/run.ts';

const hydra = {
  dag_in_shape: { image: [3, 8, 8], vector: [5] },
  image: { type: 'Conv2d', in_names: ['image'], layers: [[4, 3]], activation: 'ReLU' },
  merge: { type: 'FiLMMerge', in_names: ['image', 'vector'], names: { feature: 'image', conditioner: 'vector' } },
  flat: { type: 'Flatten' },
  fork: { type: 'ReuseFork', names: ['mean', 'std'] },
  mean: { type: 'Linear', in_names: ['mean'], out_features: 2 },
  std: { type: 'Linear', in_names: ['std'], out_features: 3 },
};

const graph = (input: unknown) => ({
  modules: {
    fc: { Linear: { in_features: 4, out_features: 4 } },
    rnn: { LSTM: { input_size: 4, hidden_size: 3 } },
    last: { Get: { key: 0 } },
    film: { MergeFiLM: { feature_dim: 3, conditioner_dim: 2 } },
  },
  graph: {
    input,
    modules: {
      fc: ['x'],
      'fc~2': ['fc'],
      rnn: { input: 'fc~2' },
      last: ['rnn'],
      film: { feature: 'last', conditioner: 'c' },
    },
    output: { y: 'film', fc: 'fc', all: ['rnn', 'x'] },
  },
});

/** `from -label-> to shape`. */
const arrows = (model: Module, inputs?: Parameters<typeof netOf>[1]) =>
  netOf(model, inputs).edges.map(({ from, to, label, shape }) => `${from} -${label}-> ${to} ${shape ?? '?'}`);

describe('netOf', () => {
  test('a DAG: forks, merges, what is carried past; inputs and outputs that are called as modules are', () => {
    const { nodes } = netOf(build(hydra));
    expect(nodes.map(({ name, kind, type }) => `${kind} ${name} ${type}`.trim())).toEqual([
      'input input.image',
      'input vector',
      'module image Sequential',
      'module merge FiLMMerge',
      'module flat Flatten',
      'module fork ReuseFork',
      'module mean Linear',
      'module std Linear',
      'output output.std',
      'output output.mean',
    ]);
    expect(arrows(build(hydra))).toEqual([
      'input.image --> image -1,3,8,8',
      'image -image-> merge -1,4,6,6',
      'vector -vector-> merge -1,5',
      'merge --> flat -1,4,6,6',
      'flat --> fork -1,144',
      'fork -mean-> mean -1,144',
      'fork -std-> std -1,144',
      'std --> output.std -1,3',
      'mean --> output.mean -1,2',
    ]);
    expect(nodes.find(({ name }) => name === 'image')).toMatchObject({
      detail: '',
      shapes: [[-1, 4, 6, 6]],
      parameters: 4 * 3 * 9 + 4,
      macs: 4 * 36 * 27,
      bytes: 4 * 4 * 36,
    });
    expect(nodes.find(({ name }) => name === 'mean')).toMatchObject({
      detail: 'in_features=144, out_features=2, bias=True',
      shapes: [[-1, 2]],
      parameters: 290,
      macs: 288,
      bytes: 8,
    });
  });

  test('a tuple in a DAG', () => {
    const model = build({
      dag_in_shape: { x: [5, 4], y: [2] },
      rnn: { type: 'LSTM', input_size: 4, hidden_size: 3, batch_first: true },
    });
    expect(arrows(model)).toEqual([
      'x --> rnn -1,5,4',
      'rnn -0-> x/0 -1,5,3',
      'rnn -1/0-> x/1/0 1,-1,3',
      'rnn -1/1-> x/1/1 1,-1,3',
      'y --> output.y -1,2',
    ]);
  });

  test('the graph format: reuse, keywords, lists and records; parameters are counted once', () => {
    const { nodes } = netOf(build(graph({ x: [4], c: [2] })));
    expect(arrows(build(graph({ x: [4], c: [2] })))).toEqual([
      'x --> fc -1,4',
      'fc --> fc~2 -1,4',
      'fc~2 -input-> rnn -1,4',
      'rnn --> last ?',
      'last -feature-> film -1,3',
      'c -conditioner-> film -1,2',
      'film --> y -1,3',
      'fc --> output.fc -1,4',
      'rnn --> all.0 ?',
      'x --> all.1 -1,4',
    ]);
    expect(nodes.filter(({ name }) => name.startsWith('fc')).map(({ parameters, macs }) => [parameters, macs])).toEqual(
      [
        [20, 16],
        [0, 16],
      ],
    );
    // the hidden state of an input without a batch is [1, 3], twice
    expect(nodes.find(({ name }) => name === 'rnn')!.shapes).toEqual([
      [-1, 3],
      [1, 3],
      [1, 3],
    ]);
  });

  test('shapes from the caller; without any, edges alone', () => {
    const model = build(graph(['x', 'c']));
    const { nodes } = netOf(model);
    expect(nodes.every(({ shapes, macs, bytes }) => shapes.length === 0 && macs === null && bytes === null)).toBe(true);
    expect(arrows(model)[0]).toBe('x --> fc ?');
    expect(netOf(model, { x: [4], c: [2] })).toEqual(netOf(build(graph({ x: [4], c: [2] }))));
    expect(netOf(build(graph({ x: [4], c: null })), { c: [2] })).toEqual(netOf(model, { x: [4], c: [2] }));
    expect(() => netOf(model, [4])).toThrow(
      'netOf: expected shapes by name, got one for all; the model has the inputs x, c',
    );
    expect(() => netOf(model, { x: [4], cc: [2] })).toThrow(
      "netOf: the model has no input 'cc' (did you mean 'c'?); it has x, c",
    );
    expect(() => netOf(model, { x: [4.5], c: [2] })).toThrow(
      'netOf: x: expected a shape of non-negative integers, got [4.5]',
    );
    expect(() => netOf(model, { x: [5], c: [2] })).toThrow(
      'fc: linear: mat1 and mat2 shapes cannot be multiplied (2x5 and 4x4)',
    );
  });

  test('models made by hand', () => {
    const linear = new nn.Linear({ in_features: 4, out_features: 2 });
    expect(arrows(new nn.Sequential(linear, new nn.ReLU()), [4])).toEqual([
      'input --> 0 -1,4',
      '0 --> 1 -1,2',
      '1 --> output -1,2',
    ]);
    expect(arrows(linear, { shape: [3, 4] })).toEqual(['input --> Linear -1,3,4', 'Linear --> output -1,3,2']);
    const bilinear = new nn.Bilinear({ in1_features: 2, in2_features: 3, out_features: 4 });
    const named = ['input1 -input1-> Bilinear', 'input2 -input2-> Bilinear', 'Bilinear --> output'];
    expect(arrows(bilinear)).toEqual(named.map((line) => `${line} ?`));
    expect(arrows(bilinear, { input2: [3], input1: [2] })).toContain('input2 -input2-> Bilinear -1,3');
    expect(arrows(new nn.Embedding({ num_embeddings: 5, embedding_dim: 2 }), { shape: [7], dtype: 'int64' })).toEqual([
      'input --> Embedding -1,7',
      'Embedding --> output -1,7,2',
    ]);
  });

  test('a module that was put in the place of another', () => {
    const model = build(hydra);
    model.setSubmodule('module_dict.mean', new nn.Linear({ in_features: 144, out_features: 7 }));
    expect(netOf(model).nodes.at(-1)!.shapes).toEqual([[-1, 7]]);
  });
});

describe('multiply-adds', () => {
  const x = (...shape: number[]) => rand(shape);
  const rows: [string, Module, Tensor[], number][] = [
    ['linear: N · L · in · out', new nn.Linear({ in_features: 4, out_features: 3 }), [x(2, 5, 4)], 2 * 5 * 4 * 3],
    [
      'bilinear: N · in1 · in2 · out',
      new nn.Bilinear({ in1_features: 2, in2_features: 3, out_features: 4 }),
      [x(5, 2), x(5, 3)],
      5 * 2 * 3 * 4,
    ],
    [
      'conv: out elements · channels in · kernel',
      new nn.Conv2d({ in_channels: 3, out_channels: 8, kernel_size: 3, padding: 1 }),
      [x(1, 3, 6, 6)],
      8 * 36 * 3 * 9,
    ],
    [
      'conv in groups',
      new nn.Conv2d({ in_channels: 3, out_channels: 6, kernel_size: 3, padding: 1, groups: 3 }),
      [x(1, 3, 6, 6)],
      6 * 36 * 9,
    ],
    ['conv 1d', new nn.Conv1d({ in_channels: 3, out_channels: 6, kernel_size: 3 }), [x(1, 3, 8)], 6 * 6 * 9],
    [
      'transposed conv: in elements · channels out · kernel',
      new nn.ConvTranspose2d({ in_channels: 3, out_channels: 5, kernel_size: 2, stride: 2 }),
      [x(1, 3, 4, 4)],
      3 * 16 * 5 * 4,
    ],
    [
      'attention: four projections, scores, values',
      new nn.MultiheadAttention({ embed_dim: 8, num_heads: 2 }),
      [x(5, 1, 8), x(5, 1, 8), x(5, 1, 8)],
      4 * 5 * 64 + 2 * 5 * 5 * 8,
    ],
    [
      'a transformer layer',
      new nn.TransformerEncoderLayer({ d_model: 8, nhead: 2, dim_feedforward: 16 }),
      [x(5, 1, 8)],
      1680 + 2 * 5 * 8 * 16,
    ],
    [
      'RNN: N · L · hidden · (in + hidden), by layer',
      new nn.RNN({ input_size: 3, hidden_size: 4, num_layers: 2 }),
      [x(5, 2, 3)],
      10 * 4 * (3 + 4) + 10 * 4 * (4 + 4),
    ],
    [
      'GRU, both ways: 3 gates',
      new nn.GRU({ input_size: 3, hidden_size: 4, bidirectional: true }),
      [x(5, 2, 3)],
      2 * 10 * 3 * 4 * 7,
    ],
    ['LSTM: 4 gates', new nn.LSTM({ input_size: 3, hidden_size: 4 }), [x(5, 2, 3)], 10 * 4 * 4 * 7],
    ['LSTM cell', new nn.LSTMCell({ input_size: 3, hidden_size: 4 }), [x(2, 3)], 2 * 4 * 4 * 7],
    ['batch norm', new nn.BatchNorm2d({ num_features: 2 }), [x(2, 2, 4, 4)], 0],
    ['layer norm', new nn.LayerNorm({ normalized_shape: 4 }), [x(2, 4)], 0],
    ['activation', new nn.GELU(), [x(2, 4)], 0],
    ['pooling', new nn.AvgPool2d({ kernel_size: 2 }), [x(2, 2, 4, 4)], 0],
    ['resizing', new nn.Upsample({ scale_factor: 2, mode: 'bilinear' }), [x(1, 2, 4, 4)], 0],
    ['looking up', new nn.Embedding({ num_embeddings: 5, embedding_dim: 3 }), [zeros([2, 3], { dtype: 'int64' })], 0],
  ];
  for (const [name, module, inputs, macs] of rows) {
    test(name, () => expect(summarize(module, ...inputs)[0]!.macs).toBe(macs));
  }

  test('a module that is called twice counts twice, its parameters once', () => {
    const model = build(graph({ x: [4], c: [2] }));
    const summary = summarize(model, { x: rand([2, 4]), c: rand([2, 2]) });
    const fc = summary.find(({ name }) => name === 'fc')!;
    expect(fc).toMatchObject({
      type: 'Linear',
      parameters: 20,
      macs: 2 * 2 * 16,
      outputShape: [2, 4],
      bytes: 2 * 2 * 4 * 4,
    });
    const rnn = summary.find(({ name }) => name === 'rnn')!;
    expect(rnn).toMatchObject({
      outputShape: null,
      outputShapes: [
        [2, 3],
        [1, 3],
        [1, 3],
      ],
      bytes: 4 * 12,
    });
  });
});

describe('torcharc summary of the graph format', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'torcharc-'));
  const summary = async (arc: unknown, ...options: string[]) => {
    const path = join(folder, 'arc.json');
    await writeFile(path, JSON.stringify(arc));
    let text = '';
    const write = (part: string) => {
      text += part;
    };
    const code = await run(['summary', 'arc.json', ...options], {
      stdout: { write },
      stderr: { write },
      cwd: folder,
      isTTY: false,
    });
    return `${code}\n${text.replaceAll(`${folder}/`, '')}`;
  };

  test('shapes from the arc or the command line', async () => {
    const own = await summary(graph({ x: [4], c: [2] }));
    expect(own).toMatchInlineSnapshot(`
      "0
      module     type         output                                     parameters  multiply-adds  bytes
      (model)    GraphModule  [1, 3] [1, 4] [1, 3] [1, 3] [1, 3] [1, 4]         146            128     80
        fc       Linear       [1, 4]                                             20             32     32
        rnn      LSTM         [1, 3] [1, 3] [1, 3]                              108             84     36
        last     Get          [1, 3]                                              0              0     12
        film     MergeFiLM    [1, 3]                                             18             12     12
          gamma  Linear       [1, 3]                                              9              6     12
          beta   Linear       [1, 3]                                              9              6     12

      parameters     146 (584 bytes)
      multiply-adds  128
      outputs        104 bytes
      "
    `);
    expect(await summary(graph(['x', 'c']), '--input', 'x=4', '--input', 'c=2')).toBe(own);
    expect(await summary(graph({ x: [4], c: null }), '--input', 'c=2')).toBe(own);
  });

  test('nested modules, a lone input, several inputs of one module', async () => {
    const arc = {
      modules: { net: { Sequential: [{ LazyLinear: { out_features: 3 } }, { Sequential: [{ ReLU: {} }] }] } },
      graph: { input: 'x', modules: { net: ['x'] }, output: 'net' },
    };
    expect(await summary(arc, '--input', '4', '--batch', '2')).toMatchInlineSnapshot(`
      "0
      module   type         output  parameters  multiply-adds  bytes
      (model)  GraphModule  [2, 3]          15             24     24
        net    Sequential   [2, 3]          15             24     24
          0    Linear       [2, 3]          15             24     24
          1    Sequential   [2, 3]           0              0     24
            0  ReLU         [2, 3]           0              0     24

      parameters     15 (60 bytes)
      multiply-adds  24
      outputs        48 bytes
      "
    `);
    expect(await summary({ Sequential: [{ Linear: { in_features: 2, out_features: 3 } }] }, '--input', '2')).toContain(
      '[1, 3]',
    );
    const bilinear = { type: 'Bilinear', in1_features: 2, in2_features: 3, out_features: 4 };
    expect(await summary(bilinear, '--input', 'input2=3', '--input', 'input1=2')).toMatch(
      /\[1, 4\][\s\S]*outputs +16 bytes/,
    );
  });

  test('what is missing or wrong', async () => {
    expect(await summary(graph(['x', 'c']))).toMatchInlineSnapshot(`
      "2
      error: arc.json: the arc does not say the shape of its input 'x'; give it without the batch, such as --input x=3,20,20
      "
    `);
    expect(await summary(graph(['x', 'c']), '--input', 'x=4', '--input', 'd=2')).toMatchInlineSnapshot(`
      "2
      error: arc.json: --input: the model has no input 'd'; it has x, c
      "
    `);
    expect(await summary(graph(['x', 'c']), '--input', 'x=5', '--input', 'c=2')).toMatchInlineSnapshot(`
      "2
      error: arc.json: fc (Linear): linear: mat1 and mat2 shapes cannot be multiplied (1x5 and 4x4)
      "
    `);
  });
});
