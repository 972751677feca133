/** A model as values that flow between modules, with their shapes and costs: what summaries and pictures are made of. */
import { Sequential } from '../nn/container.ts';
import { inputNames } from '../nn/inputs.ts';
import { type Module, type Parameter, typeName } from '../nn/module.ts';
import { isUninitialized } from '../nn/uninitialized.ts';
import { asDtype, type Dtype } from '../tensor/dtype.ts';
import { asShape, numel, type Shape } from '../tensor/shape.ts';
import { ArgError } from '../util/errors.ts';
import { didYouMean } from '../util/suggest.ts';
import { DAGNet } from './dag.ts';
import { GraphModule } from './graph.ts';
import { Passes, type Sample } from './passes.ts';
import { alone, type Call, chain, type Input, leavesOf, type Plan, Source, type Sources } from './plan.ts';
import { isRecord, listed } from './spec.ts';

/** An input, a use of a module, or an output. */
export interface NetNode {
  /** Of this node alone: a module's name (`conv`, used again `conv~2`); an input's or output's own, or `input.conv` where a module is called so. */
  readonly name: string;
  readonly kind: 'input' | 'module' | 'output';
  /** The class; '' for inputs and outputs. */
  readonly type: string;
  /** What its repr says in brackets, such as `3, 16, kernel_size=(4, 4)`; '' for nothing. */
  readonly detail: string;
  /** What comes out, the batch as -1: one shape or several; none where they are not known. */
  readonly shapes: readonly Shape[];
  /** Elements of the module's parameters, counted at its first use only. */
  readonly parameters: number;
  /** Multiply-adds of a forward pass of one example; null where shapes are not known. */
  readonly macs: number | null;
  /** Bytes of what comes out for one example; null where shapes are not known. */
  readonly bytes: number | null;
}

/** A value that one node gives another. */
export interface NetEdge {
  readonly from: string;
  readonly to: string;
  /** The input it is given as, or which of several results it is; '' where there is just one. */
  readonly label: string;
  /** The batch as -1; null where it is not known, or the value is more than one tensor. */
  readonly shape: Shape | null;
}

/** The nodes in the order in which they are computed. */
export interface Net {
  readonly nodes: readonly NetNode[];
  readonly edges: readonly NetEdge[];
}

/** The shape of an input without the batch, and its dtype where that is not float32. */
export type InputShape = readonly number[] | { readonly shape: readonly number[]; readonly dtype?: Dtype };
/** The shape of a lone input, or of inputs by name. */
export type InputShapes = InputShape | Readonly<Record<string, InputShape>>;

/**
 * The net of a model: from an arc of either format, a Sequential, or a module by itself. Shapes follow from those of `inputs` or, where it
 * does not say, of the arc's; if one is missing no shape is known. Nothing is computed. Throws an ArgError for a name that no input
 * has, a ShapeError for shapes that the model cannot take.
 */
export function netOf(model: Module, inputs?: InputShapes): Net {
  const plan = planOf(model, inputs);
  return netOfPlan(plan, samplesOf('netOf', plan, inputs));
}

/** The net of a plan, with shapes if all samples are known. */
export function netOfPlan(plan: Plan, samples: ReadonlyMap<Input, Sample | null>): Net {
  const known = [...samples].flatMap(([input, sample]) => (sample ? [[input, sample] as const] : []));
  return describe(plan, known.length === samples.size ? new Passes(plan, new Map(known)) : null);
}

/** How values go through a model. */
export function planOf(model: Module, inputs?: InputShapes): Plan {
  if (model instanceof GraphModule || model instanceof DAGNet) return model.plan;
  if (model instanceof Sequential) return chain(model.entries());
  const known = inputNames(model);
  const given = isNamed(inputs) ? Object.keys(inputs) : known.slice(0, Math.max(1, model.forward.length));
  const names = [...known.filter((name) => given.includes(name)), ...given.filter((name) => !known.includes(name))];
  return names.length > 1 ? alone(model, names) : chain([[typeName(model.constructor), model]]);
}

function isNamed(inputs: InputShapes | undefined): inputs is Readonly<Record<string, InputShape>> {
  return isRecord(inputs) && !Array.isArray(inputs.shape);
}

/** What each input is: as given, else as the arc says, else null. Throws an ArgError, from `who`, for one that there is not. */
export function samplesOf(who: string, { inputs }: Plan, given: InputShapes | undefined): Map<Input, Sample | null> {
  const names = inputs.map(({ name }) => name);
  const there = names[0] === '' ? 'its input has no name' : `it has ${listed(names)}`;
  if (given !== undefined && !isNamed(given) && names.length !== 1)
    throw new ArgError(`${who}: expected shapes by name, got one for all; the model has the inputs ${listed(names)}`);
  const shapes = isNamed(given) ? given : given === undefined ? {} : { [names[0]!]: given };
  const unknown = Object.keys(shapes).find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new ArgError(`${who}: the model has no input '${unknown}'${didYouMean(unknown, names)}; ${there}`);
  return new Map(
    inputs.map((input) => {
      const { name, aval } = input;
      const own = aval && { shape: aval.shape.slice(1), dtype: aval.dtype };
      return [input, Object.hasOwn(shapes, name) ? sample(`${who}: ${name || 'input'}`, shapes[name]!) : own];
    }),
  );
}

function sample(who: string, given: InputShape): Sample {
  const { shape, dtype = 'float32' } = 'shape' in given ? given : { shape: given };
  return { shape: asShape(who, shape), dtype: asDtype(dtype) };
}

function describe(plan: Plan, passes: Passes | null): Net {
  const names = namesOf(plan);
  const outputs = outputsOf(plan.output, new Set(names.values()));
  const counted = new Set<Parameter>();
  const node = (name: string, kind: NetNode['kind'], source: Source, macs: number): NetNode => ({
    ...{ name, kind, type: '', detail: '', shapes: passes?.shapes(source) ?? [], parameters: 0 },
    ...{ macs: passes ? macs : null, bytes: passes ? passes.bytes(source) : null },
  });
  const edge = (to: string, label: string, source: Source): NetEdge => {
    const [shape = null, ...more] = passes?.shapes(source) ?? [];
    const from = names.get(source.of)!;
    return { from, to, label: label || source.at.join('/'), shape: more.length > 0 ? null : shape };
  };
  return {
    nodes: [
      ...plan.inputs.map((input) => node(names.get(input)!, 'input', new Source(input), 0)),
      ...plan.calls.map((call) => ({
        ...node(call.name, 'module', new Source(call), passes?.macs(call) ?? 0),
        type: typeName(call.module.constructor),
        detail: call.module.extraRepr(),
        parameters: newElements(call.module, counted),
      })),
      ...outputs.map(([name, source]) => node(name, 'output', source, 0)),
    ],
    edges: [
      ...plan.calls.flatMap((call) => taken(call).map(([label, source]) => edge(call.name, label, source))),
      ...outputs.map(([name, source]) => edge(name, '', source)),
    ],
  };
}

/** Names for inputs and calls, each of its own: in a DAG a module may have the name of an input. */
function namesOf({ inputs, calls }: Plan): Map<Input | Call, string> {
  const modules = new Set(calls.map(({ name }) => name));
  const free = (name: string) => (modules.has(name) ? `input.${name}` : name);
  return new Map<Input | Call, string>([
    ...inputs.map((input) => [input, free(input.name || 'input')] as const),
    ...calls.map((call) => [call, call.name] as const),
  ]);
}

/** The outputs: `output` if there is one, by their keys or positions if there are several. */
function outputsOf(output: Sources, used: Set<string>): [string, Source][] {
  return leavesOf(output).map(([keys, source]) => {
    const own = keys.join('.');
    const name = own && !isPosition(own) && !used.has(own) ? own : ['output', ...keys].join('.');
    used.add(name);
    return [name, source];
  });
}

function isPosition(key: string): boolean {
  return /^\d/.test(key);
}

/** What a call is given, with the input or key it is given as. */
function taken({ args, keywords }: Call): [string, Source][] {
  const named = [...args.flatMap((sources) => leavesOf(sources)), ...leavesOf(keywords)];
  return named.map(([keys, source]) => [keys.filter((key) => !isPosition(key)).join('/'), source]);
}

/** Elements of the parameters that were not counted yet. */
function newElements(module: Module, counted: Set<Parameter>): number {
  let count = 0;
  for (const p of module.parameters()) {
    if (counted.has(p)) continue;
    counted.add(p);
    if (!isUninitialized(p)) count += numel(p.shape);
  }
  return count;
}
