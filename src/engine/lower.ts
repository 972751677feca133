/** A graph to ONNX bytes. */
import { GraphBuilder } from '../onnx/builder.ts';
import { constantOf, constantOp } from '../tensor/constant.ts';
import type { Dtype } from '../tensor/dtype.ts';
import type { Op } from '../tensor/op.ts';
import { pickOp } from '../tensor/outputs.ts';
import { broadcast, numel, type Shape, sameShape } from '../tensor/shape.ts';
import type { Aval, Node } from '../tensor/tensor.ts';
import { internal } from '../util/errors.ts';
import { computes, type Graph } from './graph.ts';

/** An output of the model, or a part of one. */
export interface Place {
  readonly name: string;
  readonly dtype: Dtype;
  /** Shape of the whole output, as the model has it: its elements are in the order of the node's. */
  readonly shape: Shape;
  readonly part: { readonly start: number; readonly end: number } | null;
}

export interface Lowered {
  readonly bytes: Uint8Array;
  /** Names of the feeds, in the graph's order. */
  readonly feeds: readonly string[];
  /** Where each of the graph's outputs is found. */
  readonly outputs: readonly Place[];
  /** The name of the first result, if it is the one of `engine/direct.ts`. */
  readonly direct: string | null;
}

export function lower(graph: Graph, isDirect: boolean): Lowered {
  const b = new GraphBuilder();
  const feeds = graph.feeds.map((node, i) => b.input(`x${i}`, node.dtype, node.shape));
  const names = lowerInto(b, graph, feeds);
  const outputs = placeOutputs(b, graph.outputs, names);
  const direct = isDirect ? b.sequenceFirst() : null;
  return { feeds, outputs, bytes: b.finish(), direct };
}

/** Up to this many elements an output is packed with others: each on its own costs as much as eight nodes. */
const SMALL = 4096;

/** Small float32 outputs come out as one array. */
function placeOutputs(b: GraphBuilder, nodes: readonly Node[], names: readonly string[]): Place[] {
  const isSmall = nodes.map(({ dtype, shape }) => dtype === 'float32' && numel(shape) <= SMALL);
  const packs = isSmall.filter(Boolean).length > 2;
  const parts: string[] = [];
  let length = 0;
  const places = nodes.map((node, i): Place | { readonly start: number; readonly end: number } => {
    const { dtype } = node;
    if (!packs || !isSmall[i]) return { ...b.output(names[i]!, dtype, node.shape), dtype, part: null };
    const size = numel(node.shape);
    parts.push(node.shape.length === 1 ? names[i]! : b.reshape(names[i]!, [size]));
    length += size;
    return { start: length - size, end: length };
  });
  const packed = packs ? b.output(b.node('Concat', parts, { axis: 0 }), 'float32', [length]) : { name: '', shape: [] };
  return places.map((place) => ('name' in place ? place : { ...packed, dtype: 'float32', part: place }));
}

/** Add a graph's nodes to a model, its feeds being the given values; the names of its outputs. */
export function lowerInto(b: GraphBuilder, { nodes, feeds, outputs }: Graph, feedNames: readonly string[]): string[] {
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

  // constants and repetitions are written only where somebody needs them as they are
  for (const node of nodes) if (computes(node) && !node.op!.repeats) lowerNode(node);
  return outputs.map(nameOf);
}

/** A pass over this many elements or more takes two threads about half the time, each element as long as so many operations. */
const PASS = { elements: 2 ** 18, work: 160 };

/** Rough number of operations one run takes that threads can share; serial ones count against it. */
export function workOf(nodes: readonly Node[]): number {
  let work = 0;
  for (const node of nodes) {
    if (!computes(node) || node.op!.repeats) continue;
    const { inner, macs, serial } = node.op!;
    if (inner) {
      work += workOf(inner(node.attrs).nodes);
      continue;
    }
    const products = 2 * (macs?.(node.inputs, node.attrs, node) ?? 0);
    const elements = numel(node.shape);
    if (serial) work -= products;
    else work += products + (elements < PASS.elements ? elements : elements * PASS.work);
  }
  return work;
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
