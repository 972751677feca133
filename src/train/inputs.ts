import { isRecord } from '../arc/spec.ts';
import type { Module } from '../nn/module.ts';
import { type Shape, sameShape, showShape } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';
import { ArcError, ArgError } from '../util/errors.ts';

/**
 * A model of one input and one output as a function of a tensor, whatever its arc calls them: inputs with names are passed in
 * a record, and an output that comes in one is taken out.
 */
export function samples(model: Module, arc: unknown): (x: Tensor) => Tensor {
  const names = inputNames(arc);
  if (names && names.length !== 1) {
    throw new ArgError(`expected one input, which a table can feed, got ${names.length}: ${names.join(', ')}`);
  }
  return (x) => {
    const output = callModel(model, names ? { [names[0]!]: x } : x);
    if (output instanceof Tensor) return output;
    const outputs = typeof output === 'object' && output !== null ? Object.entries(output) : [];
    const [[, only] = []] = outputs;
    if (outputs.length === 1 && only instanceof Tensor) return only;
    throw new ArgError(
      `expected one output, which a target can be compared with, got ${outputs.length}: ${outputs.map(([name]) => name).join(', ')}`,
    );
  };
}

/** `forward`, whose inputs differ from model to model. */
export function callModel(model: Module, x: Tensor | Record<string, Tensor>): unknown {
  return (model as Module & { forward(x: Tensor | Record<string, Tensor>): unknown }).forward(x);
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

/** Check that samples have the shape that a DAG was built for. */
export function checkInput(arc: unknown, csv: string, sample: Shape): void {
  const name = inputNames(arc)?.[0];
  const declared = (arc as { dag_in_shape?: unknown }).dag_in_shape ? inputShape(arc, name ?? '') : null;
  if (!declared || sameShape(declared, sample)) return;
  const path = name ? `dag_in_shape.${name}` : 'dag_in_shape';
  const message = `expected ${showShape(sample)}, the shape of a sample of ${csv}, got ${showShape(declared)}`;
  throw new ArcError([{ path, message }]);
}
