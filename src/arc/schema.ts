/** A JSON Schema (draft 7) of both formats of arcs, from the tables of options: for editors, which complete and check with it. */
import * as nn from '../nn/index.ts';
import { inits } from '../nn/init.ts';
import { dtypes } from '../tensor/dtype.ts';
import { functionNames } from './functions.ts';
import { stackable } from './layers.ts';
import { type ModuleClass, moduleTypes } from './registry.ts';
import { isRequired, type JsonSchema, optionSchema } from './schema-options.ts';

/**
 * The JSON Schema of arcs, with the modules registered so far. It completes and checks while an arc is written; shapes, and
 * what else hangs on more than one place, are left to `validate`.
 */
export function arcSchema(): JsonSchema {
  const types = [...moduleTypes()].sort(([a], [b]) => (a < b ? -1 : 1));
  const names = types.map(([name]) => name);
  // the formats are told apart by what is there, so that editors speak of one of them only
  const single = either(hasTypeName, ref('spec'), ref('dag'));
  const list = closed({ Sequential: sequential }, ['Sequential']);
  const graphOrSpec = either(hasGraph, ref('graph'), either({ required: ['Sequential'] }, list, ref('spec')));
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'An arc of torcharc',
    type: 'object',
    properties: {
      modules: { description: 'modules by name, of the graph format' },
      graph: { description: 'what goes into each module, and what comes out' },
      dag_in_shape: ref('inputs'),
      Sequential: sequential,
      type: { description: 'the type of the module, or a module of that name' },
    },
    ...either({ required: ['dag_in_shape'] }, single, graphOrSpec),
    definitions: {
      ...shared,
      ...graphFormat(types, names),
      ...olderFormat(types, names),
    },
  };
}

type Types = readonly (readonly [string, ModuleClass])[];

function ref(name: string): JsonSchema {
  return { $ref: `#/definitions/${name}` };
}

/** What fits `condition` fits `then`; what does not, `otherwise`, if that is given. */
function either(condition: JsonSchema, then: JsonSchema, otherwise?: JsonSchema): JsonSchema {
  return { if: condition, then, ...(otherwise ? { else: otherwise } : {}) };
}

const sequential = { description: 'modules one after the other', type: 'array', items: ref('module') };
const hasTypeName = { properties: { type: { type: 'string' } }, required: ['type'] };
const hasGraph = { anyOf: [{ required: ['modules'] }, { required: ['graph'] }] };
const strings = { type: 'array', items: { type: 'string' } };
const name = { pattern: '^[^.[\\]]+$' };
const shared = {
  shape: {
    description: 'a shape without the batch, a list of non-negative integers',
    type: 'array',
    items: { type: 'integer', minimum: 0 },
  },
  inputs: {
    description: 'the shape of the input without the batch, or shapes by name',
    anyOf: [ref('shape'), { type: 'object', propertyNames: name, additionalProperties: ref('shape') }],
  },
  refs: {
    description: 'the name of an input or of a module before, or a list or record of them',
    anyOf: [
      { type: 'string' },
      { type: 'array', items: ref('refs') },
      { type: 'object', additionalProperties: ref('refs') },
    ],
  },
};

// ---- `{ modules, graph }`

function graphFormat(types: Types, names: readonly string[]): JsonSchema {
  const list = { type: ['array', 'null'], items: ref('module') };
  const layer = {
    description: 'one layer for each of args, whose values are the options that keys names',
    ...closed({ type: { enum: names }, keys: strings, args: { type: 'array' } }, ['type', 'keys', 'args']),
  };
  return {
    graph: closed(
      {
        modules: {
          description: 'modules by name',
          type: 'object',
          propertyNames: name,
          additionalProperties: ref('module'),
        },
        graph: closed({ input: graphInput, modules: graphModules, output: ref('refs') }, [
          'input',
          'modules',
          'output',
        ]),
      },
      ['modules', 'graph'],
    ),
    module: {
      description: 'a record of one type and its options',
      ...closed({
        Sequential: sequential,
        compact: {
          description: 'one layer several times, with other modules before and after each',
          ...closed({ layer, prelayer: list, postlayer: list }, ['layer']),
        },
        ...Object.fromEntries(names.map((name) => [name, ref(`types/${name}`)])),
      }),
      // with maxProperties, editors would complete nothing where a type is to stand
      minProperties: 1,
    },
    types: Object.fromEntries(types.map(([name, type]) => [name, typeSchema(name, type)])),
  };
}

const graphInput = {
  description: 'the name of the input, a list of names, or shapes by name',
  anyOf: [
    { type: 'string' },
    strings,
    {
      type: 'object',
      propertyNames: name,
      additionalProperties: {
        anyOf: [
          { type: 'null' },
          ref('shape'),
          closed({ shape: ref('shape'), dtype: { enum: dtypes, default: 'float32' } }, ['shape']),
        ],
      },
    },
  ],
};
const graphModules = {
  description: 'what goes into each module, by its name or name~suffix: a list, or a record by the names of its inputs',
  type: 'object',
  additionalProperties: {
    anyOf: [
      { type: 'array', items: ref('refs') },
      { type: 'object', additionalProperties: ref('refs') },
    ],
  },
};

function closed(properties: JsonSchema, required: readonly string[] = []): JsonSchema {
  return { type: 'object', properties, additionalProperties: false, ...(required.length > 0 ? { required } : {}) };
}

/** The options of a type. */
function typeSchema(name: string, type: ModuleClass): JsonSchema {
  const description = Object.hasOwn(nn, name)
    ? `https://pytorch.org/docs/stable/generated/torch.nn.${name}.html`
    : name;
  if (name === 'TorchFn') {
    const properties = { name: { description: 'a function of torch', enum: functionNames } };
    return { description: 'a function of torch and its options', type: 'object', properties, required: ['name'] };
  }
  const { table } = type;
  if (!table) return { description, type: ['object', 'null'] };
  const properties = Object.fromEntries(Object.entries(table).map(([key, option]) => [key, optionSchema(option)]));
  const required = Object.keys(table).filter((key) => isRequired(table[key]!));
  const schema = { description, ...closed(properties, required) };
  return required.length > 0 ? schema : { ...schema, type: ['object', 'null'] };
}

// ---- `{ type, ... }` and `{ dag_in_shape, ... }`

function olderFormat(types: Types, names: readonly string[]): JsonSchema {
  const plain = types.flatMap(([name, { table = {} }]) => (Object.values(table).some(isRequired) ? [] : [name]));
  return {
    dag: {
      type: 'object',
      properties: { dag_in_shape: ref('inputs') },
      required: ['dag_in_shape'],
      propertyNames: name,
      additionalProperties: ref('spec'),
    },
    beside: { properties: beside(names, plain) },
    spec: {
      description: 'a module: its type and its options',
      type: 'object',
      properties: { type: { description: 'a module type', enum: names } },
      required: ['type'],
      allOf: types.map(([name, type]) =>
        either({ properties: { type: { const: name } }, required: ['type'] }, specOf(name, type)),
      ),
    },
  };
}

/** What may stand beside the options of a type, or beside its layers; as in Python, null, false and '' are as good as nothing. */
function beside(names: readonly string[], plain: readonly string[]): JsonSchema {
  return {
    type: { description: 'a module type', enum: names },
    in_names: {
      description: 'the names of the inputs it takes',
      type: ['array', 'string', 'null'],
      items: { type: 'string' },
    },
    init: {
      description: 'how its weights begin: a function of torch.nn.init, or a record with type and options',
      anyOf: [
        { enum: [...Object.keys(inits), null, false] },
        emptyText,
        closed({ type: { enum: Object.keys(inits) }, ...Object.fromEntries(initOptions.map((key) => [key, {}])) }),
      ],
    },
    in_shape: {
      description: 'the shape of the input, channels first',
      type: 'array',
      items: { type: 'integer', minimum: 0 },
    },
    in_features: { description: 'the number of input features', type: 'integer', minimum: 0 },
    batch_norm: {
      description: 'true for batch normalisation after each layer',
      type: ['boolean', 'number', 'null'],
      default: true,
    },
    activation: { description: 'what comes after each layer', anyOf: [{ enum: [...plain, null, false] }, emptyText] },
    dropout: {
      description: 'dropout after each layer',
      type: ['number', 'null', 'boolean'],
      minimum: 0,
      maximum: 1,
      not: { const: true },
    },
  };
}
const emptyText = { type: 'string', maxLength: 0 };
const initOptions = [...new Set(Object.values(inits).flatMap(({ options }) => options))];
const besideOptions = ['type', 'in_names', 'init'];
const besideLayers = [...besideOptions, 'batch_norm', 'activation', 'dropout'];
/** What may stand there without a meaning, and is not to be offered. */
const passing = (...keys: string[]) => ({ patternProperties: { [`^(dag_in_shape|${keys.join('|')})$`]: {} } });
const common = (keys: readonly string[]) =>
  Object.fromEntries(keys.map((key) => [key, ref(`beside/properties/${key}`)]));

/** A module with its options, or with layers. */
function specOf(name: string, type: ModuleClass): JsonSchema {
  const { table, inferred = {} } = type;
  const own = (key: string) => ref(`types/${name}/properties/${key}`);
  if (!table) return { properties: { ...common(besideOptions), ...(name === 'TorchFn' ? { name: own('name') } : {}) } };
  const options = Object.fromEntries(Object.keys(table).map((key) => [key, own(key)]));
  const open = [...followers, ...Object.keys(inferred)];
  const required = Object.keys(table).filter((key) => isRequired(table[key]!) && !open.includes(key));
  const stack = stackable[name];
  const layersTo = stack ? { layers: {} } : {};
  const single = { ...closed({ ...common(besideOptions), ...layersTo, ...options }, required), ...passing('in_shape') };
  if (!stack) return single;
  const entry = stack.args.map(own);
  const layers = {
    description: `a list with for each layer ${stack.args[0]}, or a list of ${stack.args.join(', ')}`,
    type: 'array',
    minItems: 1,
    items: { anyOf: [entry[0], { type: 'array', items: entry, additionalItems: false, minItems: 1 }] },
  };
  const size = stack.input === 'in_features' ? 'in_features' : 'in_shape';
  const stacked = {
    ...closed({ ...common([...besideLayers, size]), layers }),
    ...passing('in_shape', 'in_features'),
  };
  return either({ required: ['layers'] }, stacked, single);
}

/** Options that follow from the input in a DAG. */
const followers = ['in_features', 'in_channels', 'num_features', 'shapes', 'in_shapes'];
