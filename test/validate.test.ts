import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { layer, args as option, registerModule, type Tensor } from 'torcharc';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { issueLines } from '../src/cli/validate.ts';
import { command } from './command.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'torcharc-validate-'));
});
afterAll(() => rm(folder, { recursive: true }));

const write = (name: string, text: string | Uint8Array) => writeFile(join(folder, name), text);

/** `torcharc validate` in the folder. */
const validate = (...names: string[]) => command(folder, ['validate', ...names]);

const graph = `# a comment
modules:
  conv:
    Sequential:
      - Conv2d: {in_channels: 3, out_channels: 8, kernel_size: 3}
      - ReLU:
      - Conv2d: {in_channels: 8, out_channels: 8, kernel_size: three, strid: 2}
  fc:
    compact:
      layer: {type: LazyLinear, keys: [out_features], args: [8, [4, 3], -1]}
      postlayer: [{Relu: }]
  head: {Linaer: {in_features: 3}}
  a.b: {ReLU: }
graph:
  input: {x: [3, -8, 8]}
  modules:
    conv: [x]
    head: [conx]
  output: head
`;

describe('torcharc validate', () => {
  test('a line for each issue, where it stands; exit code 2', async () => {
    await write('graph.yaml', graph);
    const { code, out, err } = await validate('graph.yaml');
    expect([code, err]).toEqual([2, 'error: 9 issues\n']);
    expect(out).toMatchInlineSnapshot(`
      "graph.yaml:7:51: modules.conv.Sequential[2].Conv2d.kernel_size: expected a positive integer or a list of 2, got 'three'
      graph.yaml:7:71: modules.conv.Sequential[2].Conv2d.strid: unknown option (did you mean 'stride'?); its options are in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode
      graph.yaml:10:65: modules.fc.compact.layer.args[1]: expected at most 1 arguments (out_features), got 2
      graph.yaml:10:73: modules.fc.compact.layer.args[2].LazyLinear.out_features: expected a non-negative integer, got -1
      graph.yaml:11:20: modules.fc.compact.postlayer[0].Relu: unknown module type 'Relu' (did you mean 'ReLU'?)
      graph.yaml:12:10: modules.head.Linaer: unknown module type 'Linaer' (did you mean 'Linear'?)
      graph.yaml:13:3: modules.a.b: the name of a module can't contain ".", "[" or "]", got: a.b
      graph.yaml:15:11: graph.input.x: expected a shape without the batch, a list of non-negative integers, got [3,-8,8]
      graph.yaml:18:12: graph.modules.head[0]: there is no 'conx' here (did you mean 'conv'?); there is x, conv
      "
    `);
  });

  test('the older format, anchors and merges: what is wrong stands where it is written', async () => {
    await write(
      'dag.yaml',
      `dag_in_shape: {image: [3, 20, 20], vector: [8]}
image: &conv
  type: Conv2d
  in_names: [image]
  layers: [[16, 4], [16, four]]
  activation: Relu
again:
  <<: *conv
  batchnorm: true
merge:
  type: FiLMMerge
  in_names: [image, vectr]
  names: {feature: image, conditioner: vector}
`,
    );
    const { code, out } = await validate('dag.yaml');
    expect(code).toBe(2);
    expect(out).toMatchInlineSnapshot(`
      "dag.yaml:5:21: image.layers[1]: Conv2d.kernel_size: expected a positive integer or a list of 2, got 'four'
      dag.yaml:5:21: again.layers[1]: Conv2d.kernel_size: expected a positive integer or a list of 2, got 'four'
      dag.yaml:6:3: image.activation: unknown module type 'Relu' (did you mean 'ReLU'?)
      dag.yaml:6:3: again.activation: unknown module type 'Relu' (did you mean 'ReLU'?)
      dag.yaml:9:3: again.batchnorm: has no meaning beside layers; an entry of layers may say it: [out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode]
      dag.yaml:10:1: merge: FiLMMerge: 'vector' is not among its inputs image, vectr
      "
    `);
  });

  test('ok, JSON, several files, files that cannot be read', async () => {
    await write('ok.yaml', 'dag_in_shape: [8]\nbase: &b {type: Linear, out_features: 8}\nout: {<<: *b, bias: false}\n');
    await write('wrong.json', '{\n  "type": "Linear",\n  "in_features": 3,\n  "out_features": "x"\n}\n');
    await write('bytes.yaml', new Uint8Array([0xff, 0xfe]));
    await mkdir(join(folder, 'sub'), { recursive: true });
    expect(await validate('ok.yaml')).toEqual({ code: 0, out: 'ok.yaml: ok\n', err: '' });
    expect(await validate('wrong.json', 'none.yaml', 'bytes.yaml', 'sub', 'ok.yaml')).toEqual({
      code: 2,
      out: "wrong.json:4:3: out_features: expected a non-negative integer, got 'x'\nok.yaml: ok\n",
      err: `error: cannot read none.yaml: no such file or folder
error: cannot read bytes.yaml: it is not UTF-8 text
error: cannot read sub: it is a folder
error: 1 issue
`,
    });
    expect(await validate()).toEqual({ code: 2, out: '', err: "error: missing required argument 'arc.yaml'\n" });
  });

  test('many issues are cut short', async () => {
    const lines = Array.from({ length: 120 }, (_, i) => `m${i}: {type: Linaer}`);
    await write('many.yaml', `dag_in_shape: [8]\n${lines.join('\n')}\n`);
    const { out, err } = await validate('many.yaml');
    expect(out.split('\n').slice(99)).toEqual([
      expect.stringMatching(/^many.yaml:101:7: m99.type: unknown module type 'Linaer'/),
      'many.yaml: and 20 more',
      '',
    ]);
    expect(err).toBe('error: 120 issues\n');
  });

  test.each([
    ['', "1:1: expected an arc, a record with 'type', 'dag_in_shape' or 'modules' and 'graph', got null"],
    ['[1]', "1:1: expected an arc, a record with 'type', 'dag_in_shape' or 'modules' and 'graph', got [1]"],
    [
      'type: Linear\nin_features: [1',
      '2:16: what was opened with [ or { is not closed, or goes on in a line that is not indented',
    ],
    ['type: ReLU\ntype: ReLU', '2:1: the key type is already there in this mapping'],
    ['{"type": 1, "type": 2}', '1:13: the key "type" is already there in this mapping'],
    ['type: !!js/function "x"', '1:7: the tag !!js/function is not known'],
    ['a: 1\n<<: 3', '2:1: << merges a mapping or a list of mappings, such as *name'],
    ['a: &a 3\nb: {<<: [*a]}', '2:5: << merges a mapping or a list of mappings, such as *name'],
    ['type: *t', '1:7: the alias *t has no anchor &t before it'],
    [
      '__proto__: {type: Linear}\nconstructor: {}',
      "1:1: expected 'type', 'dag_in_shape' or 'modules' and 'graph', got __proto__, constructor",
    ],
    [
      'type: Linear\nin_features: 1e9\nout_features: 1e9',
      '1:1: a parameter of shape [1000000000, 1000000000] is larger than an array can be',
    ],
  ])('says what is wrong, case %#', (text, message) => {
    expect(issueLines(text, 'a.yaml')).toEqual([`a.yaml:${message}`]);
  });

  const lines = (n: number, line: (i: number) => string) => Array.from({ length: n }, (_, i) => line(i)).join('\n');
  test.each([
    [
      'an alias bomb',
      `a0: &a0 [x]\n${lines(20, (i) => `a${i + 1}: &a${i + 1} [${`*a${i}, `.repeat(9)}]`)}`,
      'aliases expand to too much',
    ],
    [
      'aliases inside what has an anchor',
      `a: &a 1\nb: &b [${'*a, '.repeat(9000)}]\nc: [*b, *b]`,
      'aliases expand to too much',
    ],
    [
      'a merge bomb',
      `b0: &b0\n${lines(20_000, (i) => `  k${i}: 1`)}\n${lines(100, (i) => `m${i}: {<<: *b0}`)}`,
      'merges expand to too much',
    ],
    ['a long list of keys', lines(20_000, (i) => `k${i}: 1`), "expected 'type'"],
    ['deep nesting', `type: ${'['.repeat(50_000)}`, 'nested too deeply'],
    [
      'deep modules',
      `modules:\n  m: ${'{Sequential: ['.repeat(300)}${']}'.repeat(300)}\ngraph: {}`,
      'nested more than 64 levels deep',
    ],
    ['a long name', `type: ${'x'.repeat(1_000_000)}`, 'unknown module type'],
  ])('fails quickly: %s', (_what, text, message) => {
    const before = performance.now();
    const found = issueLines(text, 'a.yaml');
    expect(performance.now() - before).toBeLessThan(5000);
    expect(found.join('\n')).toContain(message);
  });

  test('knows modules of your own', () => {
    class Doubled extends layer({ times: option.int(2, 1) }) {
      override forward(x: Tensor): Tensor {
        return x.mul(this.args.times);
      }
    }
    registerModule('DoubledForValidate', Doubled);
    expect(issueLines('type: DoubledForValidate', 'a.yaml')).toEqual([]);
    expect(issueLines('type: DoubledForValidate\ntime: 3', 'a.yaml')).toEqual([
      "a.yaml:2:1: time: unknown option (did you mean 'times'?); its options are times",
    ]);
  });
});
