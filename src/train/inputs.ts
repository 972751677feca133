import { isRecord } from '../arc/spec.ts';
import type { DataInfo } from '../data/samples.ts';
import type { Module } from '../nn/module.ts';
import { type Shape, sameShape, showShape } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { ArcError, ArgError } from '../util/errors.ts';
import { didYouMean } from '../util/suggest.ts';
import type { Tensors } from './objective.ts';

/**
 * A model as a function of what a dataset calls its inputs: a lone input goes to a lone one whatever their names, several go
 * by name.
 */
export function feeding(model: Module, arc: unknown, { inputs }: DataInfo): (inputs: Tensors) => unknown {
  const given = Object.keys(inputs);
  const names = inputNames(arc);
  if (!names) {
    if (given.length === 1) return (tensors) => callModel(model, tensors[given[0]!]!);
    throw new ArgError(`expected one input, as the arc has, got ${given.length} in the data: ${given.join(', ')}`);
  }
  if (names.length === 1 && given.length === 1)
    return (tensors) => callModel(model, { [names[0]!]: tensors[given[0]!]! });
  if (given.length === 1) {
    throw new ArgError(
      `expected one input, which the data can feed, got ${names.length}: ${names.join(', ')}; name what feeds each in data.inputs`,
    );
  }
  const missing = names.find((name) => !given.includes(name));
  if (missing !== undefined) {
    throw new ArgError(
      `input '${missing}' of the arc is not in the data${didYouMean(missing, given) || `, which has ${given.join(', ')}`}`,
    );
  }
  const spare = given.find((name) => !names.includes(name));
  if (spare !== undefined) {
    throw new ArgError(
      `input '${spare}' of the data is not in the arc${didYouMean(spare, names) || `, which has ${names.join(', ')}`}`,
    );
  }
  return (tensors) => callModel(model, Object.fromEntries(names.map((name) => [name, tensors[name]!])));
}

/** `forward`, whose inputs differ from model to model. */
export function callModel(model: Module, x: Tensor | Tensors): unknown {
  return (model as Module & { forward(x: Tensor | Tensors): unknown }).forward(x);
}

/** The names of an arc's inputs, if it names them. */
export function inputNames(arc: unknown): string[] | null {
  const { dag_in_shape: shapes, graph } = arc as { dag_in_shape?: unknown; graph?: { input?: unknown } };
  if (graph?.input !== undefined)
    return isRecord(graph.input) ? Object.keys(graph.input) : [graph.input].flat().map(String);
  return isRecord(shapes) ? Object.keys(shapes) : null;
}

/** The shape of a sample that an arc says an input has, as far as it says. */
export function inputShape(arc: unknown, name: string): number[] | null {
  const { dag_in_shape: dag, in_shape: own, in_features: width } = arc as Record<string, unknown>;
  const named = name && typeof dag === 'object' ? (dag as Record<string, unknown>)[name] : undefined;
  const shape = named ?? (name ? undefined : (dag ?? own ?? (width === undefined ? undefined : [width])));
  return Array.isArray(shape) ? shape.map(Number) : null;
}

/** Check that samples have the shapes that a DAG was built for. */
export function checkInputs(arc: unknown, { name, inputs }: DataInfo): void {
  if (!(arc as { dag_in_shape?: unknown }).dag_in_shape) return;
  const names = inputNames(arc);
  const given = Object.entries(inputs);
  const issues = given.flatMap(([key, { shape }]) => {
    const input = names?.length === 1 && given.length === 1 ? names[0]! : key;
    return checkInput(names ? input : '', inputShape(arc, names ? input : ''), name, shape);
  });
  if (issues.length > 0) throw new ArcError(issues);
}

function checkInput(input: string, declared: readonly number[] | null, data: string, sample: Shape) {
  if (!declared || sameShape(declared, sample)) return [];
  const path = input ? `dag_in_shape.${input}` : 'dag_in_shape';
  return [
    { path, message: `expected ${showShape(sample)}, the shape of a sample of ${data}, got ${showShape(declared)}` },
  ];
}
