import { readdirSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { arcSchema, layer, Module, args as option, registerModule, type Tensor, validate } from 'torcharc';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { schemaText } from '../scripts/arc-schema.ts';

const root = new URL('../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
const below = (folder: string, pattern: RegExp) =>
  (readdirSync(new URL(folder, root), { recursive: true }) as string[])
    .filter((path) => pattern.test(path))
    .map((path) => `${folder}/${path.replaceAll('\\', '/')}`);

// infinities are numbers in YAML
const ajv = new Ajv({ strictNumbers: false, allowUnionTypes: true, strictTypes: false, strictTuples: false });
const accepts = ajv.compile(arcSchema());
const wrong = () => accepts.errors?.map(({ instancePath, message }) => `${instancePath} ${message}`).join('\n');

test('arc.schema.json is what the tables say; npx jiti scripts/arc-schema.ts writes it', () => {
  expect(JSON.parse(schemaText())).toEqual(JSON.parse(JSON.stringify(arcSchema())));
  expect(read('arc.schema.json') === schemaText()).toBe(true);
});

interface Fixture {
  readonly arc?: unknown;
  readonly spec?: unknown;
}
const fixtures = below('test/fixtures/arcs', /\.json$/)
  .map((path): [string, unknown] => {
    const { arc, spec } = JSON.parse(read(path)) as Fixture;
    return [path, arc ?? spec];
  })
  .filter(([, arc]) => arc !== undefined && validate(arc).length === 0);
const examples = below('examples', /arc.*\.(ya?ml|json)$/).map((path): [string, unknown] => [path, parse(read(path))]);
const pages = ['README.md', ...below('docs', /\.md$/)].flatMap((page) =>
  [...read(page).matchAll(/^```yaml ?(?!fails)(\S*)\n([\s\S]*?)^```$/gm)]
    .map((match, i): [string, unknown] => [`${page}, block ${i}`, parse(match[2]!)])
    .filter(([, arc]) => validate(arc).length === 0),
);

test('there are fixtures, examples and pages', () => {
  expect([fixtures.length > 100, examples.length > 0, pages.length > 0]).toEqual([true, true, true]);
});

test.each([...fixtures, ...examples, ...pages])('accepts %s', (_path, arc) => {
  expect(accepts(arc), wrong()).toBe(true);
});

const conv = { in_channels: 3, out_channels: 8, kernel_size: 3 };
const graphOf = (module: unknown) => ({
  modules: { m: module },
  graph: { input: 'x', modules: { m: ['x'] }, output: 'm' },
});
const dagOf = (module: unknown) => ({ dag_in_shape: [3, 8, 8], m: module });

interface LayerFixture {
  readonly class: string;
  readonly cases: readonly { readonly options?: Readonly<Record<string, unknown>> }[];
}

test('accepts the options of every layer in the fixtures that validate does', () => {
  const given = below('test/fixtures/nn/modules', /\.json$/).flatMap((path) => {
    const { class: type, cases } = JSON.parse(read(path)) as LayerFixture;
    return cases.flatMap(({ options }) => (options ? [graphOf({ [type]: options })] : []));
  });
  // tensors and modules among the options cannot be told in an arc
  const valid = given.filter((arc) => !JSON.stringify(arc).includes('"$') && validate(arc).length === 0);
  expect(valid.length).toBeGreaterThan(500);
  expect(valid.filter((arc) => !accepts(arc))).toEqual([]);
});

describe('refuses what validate refuses', () => {
  test.each<[string, unknown]>([
    ['unknown type', graphOf({ Conv2: conv })],
    ['unknown option', graphOf({ Conv2d: { ...conv, strid: 2 } })],
    ['missing option', graphOf({ Conv2d: { in_channels: 3 } })],
    ['missing options', graphOf({ Conv2d: null })],
    ['a word for a number', graphOf({ Conv2d: { ...conv, kernel_size: 'three' } })],
    ['a list of another length', graphOf({ Conv2d: { ...conv, kernel_size: [3, 3, 3] } })],
    ['an unknown choice', graphOf({ Conv2d: { ...conv, padding_mode: 'zero' } })],
    ['a number out of range', graphOf({ Dropout: { p: 1.5 } })],
    ['no type', graphOf({})],
    ['an unknown type in Sequential', graphOf({ Sequential: [{ Relu: null }] })],
    [
      'an unknown type in compact',
      graphOf({ compact: { layer: { type: 'Liner', keys: ['out_features'], args: [8] } } }),
    ],
    [
      'an unknown key of compact',
      graphOf({ compact: { layer: { type: 'LazyLinear', keys: [], args: [] }, post: [] } }),
    ],
    ['an unknown function', graphOf({ TorchFn: { name: 'sofmax', dim: 1 } })],
    ['an unknown key of the graph', { ...graphOf({ ReLU: null }), grahp: {} }],
    ['no output', { modules: {}, graph: { input: 'x', modules: {} } }],
    [
      'a negative size',
      { ...graphOf({ ReLU: null }), graph: { input: { x: [-1] }, modules: { m: ['x'] }, output: 'm' } },
    ],
    [
      'an unknown dtype',
      {
        ...graphOf({ ReLU: null }),
        graph: { input: { x: { shape: [1], dtype: 'float' } }, modules: { m: ['x'] }, output: 'm' },
      },
    ],
    ['older: unknown type', dagOf({ type: 'Linaer', out_features: 8 })],
    ['older: no type', dagOf({ out_features: 8 })],
    ['older: unknown option', dagOf({ type: 'Conv2d', ...conv, strid: 2 })],
    ['older: a word for a number', dagOf({ type: 'Conv2d', ...conv, kernel_size: 'three' })],
    ['older: missing option', dagOf({ type: 'Conv2d', kernel_size: 3 })],
    ['older: a word for a layer', dagOf({ type: 'Conv2d', layers: ['wide'] })],
    ['older: too many for a layer', dagOf({ type: 'Linear', layers: [[1, true, 3]] })],
    ['older: an option beside layers', dagOf({ type: 'Conv2d', layers: [[8, 3]], stride: 2 })],
    ['older: layers of what takes none', dagOf({ type: 'ReLU', layers: [3] })],
    ['older: unknown activation', dagOf({ type: 'Conv2d', layers: [[8, 3]], activation: 'relu' })],
    ['older: unknown init', dagOf({ type: 'Conv2d', layers: [[8, 3]], init: 'kaiming' })],
    ['older: a wrong shape', { dag_in_shape: [3, 'x'], m: { type: 'ReLU' } }],
    ['one module: unknown option', { type: 'Linear', in_features: 3, out_feature: 4 }],
    ['one module in a DAG: unknown option', { dag_in_shape: [3], type: 'Linear', out_feature: 4 }],
    ['a list', []],
    ['nothing', {}],
  ])('%s', (_what, arc) => {
    expect(validate(arc)).not.toEqual([]);
    expect(accepts(arc)).toBe(false);
  });
});

test.each<[string, unknown]>([
  [
    'infinity, no options, options by null',
    graphOf({ Sequential: [{ ConstantPad1d: { padding: 1, value: Infinity } }, { ReLU: null }, { ReLU: {} }] }),
  ],
  [
    'several functions',
    graphOf({ Sequential: [{ TorchFn: { name: 'softmax', dim: 1 } }, { Reduce: { name: 'mean', dim: [1] } }] }),
  ],
  [
    'layers by number and list, what follows from shapes',
    dagOf({
      type: 'Conv2d',
      layers: [
        [8, 3],
        [8, [3, 1], 2],
      ],
      init: { type: 'kaiming_normal_', a: 1 },
    }),
  ],
])('accepts %s', (_what, arc) => {
  expect(validate(arc)).toEqual([]);
  expect(accepts(arc), wrong()).toBe(true);
});

test('knows modules of your own', () => {
  class Gated extends layer({ in_features: option.int(), mode: option.choice(['hard', 'soft'], 'soft') }) {
    override forward(x: Tensor): Tensor {
      return x;
    }
  }
  class Bare extends Module {
    override forward(x: Tensor): Tensor {
      return x;
    }
  }
  registerModule('GatedForSchema', Gated);
  registerModule('BareForSchema', Bare);
  const own = ajv.compile(arcSchema());
  expect(own(graphOf({ GatedForSchema: { in_features: 3, mode: 'hard' } }))).toBe(true);
  expect(own(graphOf({ GatedForSchema: { in_features: 3, mode: 'had' } }))).toBe(false);
  expect(own(dagOf({ type: 'GatedForSchema' }))).toBe(true);
  expect(own(dagOf({ type: 'GatedForSchema', mod: 'hard' }))).toBe(false);
  expect(own(graphOf({ BareForSchema: { anything: 1 } }))).toBe(true);
  expect(own(dagOf({ type: 'BareForSchema', anything: 1 }))).toBe(true);
  expect(JSON.parse(read('arc.schema.json'))).not.toHaveProperty('definitions.types.GatedForSchema');
});
