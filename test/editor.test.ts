/** Completion and checks in a real YAML language server, with the schema that the package ships. */
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Editor } from './editor.ts';

const header = '# yaml-language-server: $schema=./node_modules/torcharc/arc.schema.json\n';
let folder: string;
let editor: Editor;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'torcharc-editor-'));
  await mkdir(join(folder, 'node_modules', 'torcharc'), { recursive: true });
  const schema = fileURLToPath(new URL('../arc.schema.json', import.meta.url));
  await cp(schema, join(folder, 'node_modules', 'torcharc', 'arc.schema.json'));
  editor = await Editor.open(folder);
});
afterAll(async () => {
  editor.close();
  await rm(folder, { recursive: true });
});

let files = 0;
const offered = async (text: string) =>
  (await editor.complete(`${files++}.yaml`, header + text)).map(({ label }) => label);
const wrong = async (text: string) =>
  (await editor.check(`${files++}.yaml`, header + text)).map(
    ({ message, range }) => `${range.start.line}:${range.start.character} ${message.slice(0, 80)}`,
  );

test.each<[string, string, string[]]>([
  ['keys of an arc', '|', ['modules', 'graph', 'dag_in_shape', 'type']],
  ['a type', 'type: Conv|', ['Conv2d', 'LazyConv1d', 'Linear']],
  ['a type in a DAG', 'dag_in_shape: [3, 8, 8]\nimage:\n  type: |', ['Conv2d', 'FiLMMerge']],
  ['keys of a module in a DAG', 'dag_in_shape: [3, 8, 8]\nimage:\n  |', ['type']],
  [
    'options in a DAG',
    'dag_in_shape: [3, 8, 8]\nimage:\n  type: Conv2d\n  |',
    ['kernel_size', 'layers', 'in_names', 'init'],
  ],
  [
    'options beside layers',
    'dag_in_shape: [3, 8, 8]\nimage:\n  type: Conv2d\n  layers: [[8, 3]]\n  |',
    ['batch_norm', 'activation', 'dropout'],
  ],
  ['an activation', 'dag_in_shape: [3]\nm:\n  type: Linear\n  layers: [8]\n  activation: |', ['ReLU', 'GELU']],
  ['an init', 'dag_in_shape: [3]\nm:\n  type: Linear\n  layers: [8]\n  init: |', ['kaiming_uniform_', 'orthogonal_']],
  ['a module key', 'modules:\n  conv:\n    |', ['Conv2d', 'Sequential', 'compact', 'MergeConcat']],
  ['a module key, begun', 'modules:\n  conv:\n    Con|', ['Conv2d']],
  ['a module key in Sequential', 'modules:\n  conv:\n    Sequential:\n      - |', ['Conv2d', 'ReLU']],
  ['options', 'modules:\n  conv:\n    Conv2d:\n      |', ['in_channels', 'kernel_size', 'padding_mode']],
  [
    'options in Sequential',
    'modules:\n  conv:\n    Sequential:\n      - Conv2d:\n          |',
    ['in_channels', 'kernel_size'],
  ],
  ['a choice', 'modules:\n  conv:\n    Conv2d:\n      padding_mode: |', ['zeros', 'reflect', 'circular']],
  ['true or false', 'modules:\n  conv:\n    Conv2d:\n      bias: |', ['true', 'false']],
  ['keys of the graph', 'modules:\n  a:\n    ReLU:\ngraph:\n  |', ['input', 'modules', 'output']],
  ['keys of compact', 'modules:\n  a:\n    compact:\n      |', ['layer', 'prelayer', 'postlayer']],
  ['a function', 'modules:\n  a:\n    TorchFn:\n      name: |', ['softmax', 'topk']],
])('offers %s', async (_what, text, labels) => {
  expect(await offered(text)).toEqual(expect.arrayContaining(labels));
});

test('offers nothing of another module or format', async () => {
  const options = await offered('modules:\n  conv:\n    Linear:\n      |');
  expect(options).not.toContain('kernel_size');
  const older = await offered('dag_in_shape: [3, 8, 8]\nimage:\n  type: ReLU\n  |');
  expect(older).not.toContain('layers');
  expect(older).not.toContain('dag_in_shape');
});

const graph = '\ngraph: {input: x, modules: {conv: [x]}, output: conv}\n';
test.each<[string, string, string[]]>([
  ['nothing wrong', `modules:\n  conv:\n    Conv2d: {in_channels: 3, out_channels: 8, kernel_size: 3}${graph}`, []],
  [
    'nothing wrong, older format',
    'dag_in_shape: [3, 8, 8]\nconv: {type: Conv2d, layers: [[8, 3]], activation: ReLU}\nflat: {type: Flatten}\nout: {type: Linear, out_features: 2}\n',
    [],
  ],
  ['a type', `modules:\n  conv:\n    Conv2: {in_channels: 3}${graph}`, ['3:4 Property Conv2 is not allowed.']],
  [
    'an option',
    `modules:\n  conv:\n    Conv2d: {in_channels: 3, out_channels: 8, kernel_size: 3, strid: 2}${graph}`,
    ['3:62 Property strid is not allowed.'],
  ],
  [
    'a value',
    `modules:\n  conv:\n    Linear: {in_features: three, out_features: 8}${graph}`,
    ['3:26 Incorrect type. Expected "integer".'],
  ],
  [
    'a missing option',
    `modules:\n  conv:\n    Linear: {in_features: 3}${graph}`,
    ['3:4 Missing property "out_features".'],
  ],
  [
    'older: a type',
    'dag_in_shape: [3]\nm: {type: Linaer, out_features: 2}\n',
    ['2:10 Value is not accepted. Valid values: '],
  ],
  [
    'older: an option',
    'dag_in_shape: [3]\nm: {type: Linear, out_feature: 2}\n',
    ['2:0 Missing property "out_features".', '2:18 Property out_feature is not allowed.'],
  ],
])('marks %s', async (_what, text, messages) => {
  expect(await wrong(text)).toEqual(messages.map((message) => expect.stringContaining(message) as string));
});
