import type { Module } from '../nn/module.ts';
import { Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';

/**
 * A model of one input and one output as a function of a tensor, whatever its arc calls them: inputs with names are passed in
 * a record, and an output that comes in one is taken out.
 */
export function samples(model: Module, arc: unknown): (x: Tensor) => Tensor {
  const names = inputNames(arc);
  if (names && names.length !== 1) {
    throw new ArgError(`expected one input, which a table can feed, got ${names.length}: ${names.join(', ')}`);
  }
  const anyModel = model as Module & { forward(x: Tensor | Record<string, Tensor>): unknown };
  return (x) => {
    const output = anyModel.forward(names ? { [names[0]!]: x } : x);
    if (output instanceof Tensor) return output;
    const outputs = typeof output === 'object' && output !== null ? Object.entries(output) : [];
    const [[, only] = []] = outputs;
    if (outputs.length === 1 && only instanceof Tensor) return only;
    throw new ArgError(
      `expected one output, which a target can be compared with, got ${outputs.length}: ${outputs.map(([name]) => name).join(', ')}`,
    );
  };
}

/** The names of an arc's inputs, if it names them. */
export function inputNames(arc: unknown): string[] | null {
  const { dag_in_shape: shapes, graph } = arc as { dag_in_shape?: unknown; graph?: { input?: unknown } };
  if (graph?.input !== undefined) return [graph.input].flat().map(String);
  return typeof shapes === 'object' && shapes !== null && !Array.isArray(shapes) ? Object.keys(shapes) : null;
}
