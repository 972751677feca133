/** A graph to ONNX bytes. */
import { GraphBuilder } from '../onnx/builder.ts';
import { constantOf, constantOp } from '../tensor/constant.ts';
import type { Op } from '../tensor/op.ts';
import { pickOp } from '../tensor/outputs.ts';
import { broadcast, numel, type Shape, sameShape } from '../tensor/shape.ts';
import type { Aval, Node } from '../tensor/tensor.ts';
import { internal } from '../util/errors.ts';
import { computes, type Graph } from './graph.ts';

export interface Lowered {
  readonly bytes: Uint8Array;
  /** Names of the feeds and outputs, in the graph's order. */
  readonly feeds: readonly string[];
  readonly outputs: readonly string[];
  /** Rough number of operations one run takes. */
  readonly work: number;
}

export function lower(graph: Graph): Lowered {
  const b = new GraphBuilder();
  const feeds = graph.feeds.map((node, i) => b.input(`x${i}`, node.dtype, node.shape));
  const { names, work } = lowerInto(b, graph, feeds);
  const outputs = graph.outputs.map((node, i) => b.output(names[i]!, node.dtype, node.shape));
  return { feeds, outputs, bytes: b.finish(), work };
}

/** Add a graph's nodes to a model, its feeds being the given values; the names of its outputs. */
export function lowerInto(
  b: GraphBuilder,
  { nodes, feeds, outputs }: Graph,
  feedNames: readonly string[],
): { names: string[]; work: number } {
  const names = new Map<Node, string | readonly string[]>();
  const used = usedResults(nodes);
  feeds.forEach((node, i) => {
    names.set(node, feedNames[i]!);
  });

  const lowerNode = (node: Node): string | readonly string[] => {
    const inputs = operands(node);
    const avals = inputs.map(({ aval }) => aval);
    const results = node.op!.lower(
      b,
      inputs.map(({ name }) => name),
      node.attrs,
      node.outs ?? [node],
      avals,
      used.get(node) ?? [true],
    );
    names.set(node, results);
    return results;
  };
  const nameOf = (node: Node): string => {
    if (node.op === pickOp && !node.data) {
      const results = names.get(node.inputs[0]!) as readonly string[];
      return results[(node.attrs as { index: number }).index]!;
    }
    const name = names.get(node) ?? lowerNode(node);
    return typeof name === 'string' ? name : internal('a node of several results used as one');
  };
  /** Names and shapes of the operands: for a consumer that broadcasts, constants as scalars and what a repetition repeats. */
  const operands = (node: Node): { name: string; aval: Aval }[] => {
    const ins: readonly Node[] = node.inputs;
    if (!node.op!.broadcasts) return ins.map((input) => ({ name: nameOf(input), aval: input }));
    const stand: Node[] = [...ins];
    const shapes: Shape[] = ins.map((input) => input.shape);
    ins.forEach((input, i) => {
      if (input.data || input.op === null) return;
      const scalar = input.op === (constantOp as Op);
      const shape = scalar ? [] : input.op.repeats ? input.inputs[0]!.shape : null;
      if (!shape) return;
      const tried = shapes.with(i, shape);
      if (
        !sameShape(
          tried.reduce((p, q) => broadcast('lower', p, q)),
          node.shape,
        )
      )
        return;
      shapes[i] = shape;
      if (!scalar) stand[i] = input.inputs[0]!;
    });
    return stand.map((input, i) => {
      const aval = { shape: shapes[i]!, dtype: input.dtype };
      const scalar = input.op === (constantOp as Op) && !input.data && aval.shape.length === 0;
      return { name: scalar ? constantOf(b, (input.attrs as { value: number }).value, aval) : nameOf(input), aval };
    });
  };

  let work = 0;
  for (const node of nodes) {
    // constants and repetitions are written only where somebody needs them as they are
    if (!computes(node) || node.op!.repeats) continue;
    lowerNode(node);
    work += 2 * (node.op!.macs?.(node.inputs, node.attrs, node) ?? 0) + numel(node.shape);
  }
  return { names: outputs.map(nameOf), work };
}

/** Which results of the nodes with several somebody asks for. */
function usedResults(nodes: readonly Node[]): Map<Node, boolean[]> {
  const used = new Map<Node, boolean[]>();
  for (const node of nodes) {
    if (node.op !== pickOp || node.data) continue;
    const base = node.inputs[0]!;
    const list = used.get(base) ?? base.outs!.map(() => false);
    list[(node.attrs as { index: number }).index] = true;
    used.set(base, list);
  }
  return used;
}
