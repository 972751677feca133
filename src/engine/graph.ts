/** What has to run for some nodes to have their values: the part of the graph between them and what is already there. */
import { constantOp } from '../tensor/constant.ts';
import type { Op } from '../tensor/op.ts';
import { pickOp } from '../tensor/outputs.ts';
import type { Node } from '../tensor/tensor.ts';
import { TorcharcError } from '../util/errors.ts';

export interface Graph {
  /** Operands before their users; leaves included. A node's `place` is its index here while the walk is the latest. */
  readonly nodes: readonly Node[];
  /** Those whose values are fed. */
  readonly feeds: readonly Node[];
  readonly outputs: readonly Node[];
}

let walk = 0;

/**
 * Collect what `wanted` needs. `isFeed` says which nodes without data will be fed nevertheless. State changed by the nodes
 * on the way (running statistics) is computed with them, unless it already was.
 */
export function collect(wanted: readonly Node[], isFeed: (node: Node) => boolean = () => false): Graph {
  const run = ++walk;
  const nodes: Node[] = [];
  const feeds: Node[] = [];
  const outputs: Node[] = [];
  const todo: Node[] = [];
  const roots = [...wanted];
  const isOutput = new Set<Node>();
  const place = (node: Node) => {
    node.place = nodes.length;
    nodes.push(node);
  };
  for (let r = 0; r < roots.length; r++) {
    const root = roots[r]!;
    if (isOutput.has(root)) continue;
    isOutput.add(root);
    outputs.push(root);
    todo.push(root);
    while (todo.length > 0) {
      const node = todo[todo.length - 1]!;
      if (node.mark === run) {
        todo.pop();
        // -1: on the way; its operands are placed by now
        if (node.place === -1) place(node);
        continue;
      }
      node.mark = run;
      if (node.data || isFeed(node)) {
        todo.pop();
        place(node);
        feeds.push(node);
        continue;
      }
      if (node.op === null || node.stale) throw new TorcharcError(node.stale ?? missing(node));
      node.place = -1;
      for (let i = node.inputs.length - 1; i >= 0; i--) {
        const input = node.inputs[i]!;
        if (input.mark !== run) todo.push(input);
      }
      if (node.effects) for (const effect of node.effects) if (!effect.data) roots.push(effect);
    }
  }
  return { nodes, feeds, outputs };
}

function missing(node: Node): string {
  return `a placeholder of shape [${node.shape.join(', ')}] has no values: it was made while only shapes were inferred, or inside a function being compiled`;
}

/** Two graphs of equal structure run the same model. A number that differs for most that differ. */
export function hashOf({ nodes, outputs }: Graph): number {
  let h = 17;
  for (const node of nodes) {
    if (node.op === null || node.data) {
      h = mix(h, node.shape.length);
      for (const d of node.shape) h = mix(h, d);
    } else {
      h = mix(h, idOf(node.op));
      for (const input of node.inputs) h = mix(h, input.place);
      h = hashValue(h, node.attrs);
    }
  }
  for (const node of outputs) h = mix(h, node.place);
  return h;
}

const ids = new WeakMap<Op, number>();
let nextOp = 1;
function idOf(op: Op): number {
  let id = ids.get(op);
  if (id === undefined) {
    id = nextOp++;
    ids.set(op, id);
  }
  return id;
}

function mix(h: number, v: number): number {
  return (Math.imul(h, 31) + v) | 0;
}

function hashValue(h: number, value: unknown): number {
  switch (typeof value) {
    case 'number':
      return mix(h, Number.isInteger(value) ? value : (value * 1e6) | 0);
    case 'boolean':
      return mix(h, value ? 3 : 5);
    case 'string':
      return mix(h, value.length);
    case 'object':
      if (value === null) return mix(h, 7);
      if (ArrayBuffer.isView(value)) return mix(h, value.byteLength);
      // an instance stands for itself
      if (value.constructor !== Object && !Array.isArray(value)) return mix(h, 11);
      for (const key in value) h = hashValue(h, (value as Record<string, unknown>)[key]);
      return h;
    default:
      return h;
  }
}

/** A graph without its values, kept to recognise the next one like it. */
export interface Structure {
  readonly nodes: readonly NodeStructure[];
  readonly outputs: readonly number[];
}
interface NodeStructure {
  readonly op: Op | null;
  readonly attrs: unknown;
  readonly inputs: readonly number[];
  readonly dtype: string;
  readonly shape: readonly number[];
}

export function structureOf({ nodes, outputs }: Graph): Structure {
  return {
    nodes: nodes.map((node) => {
      const fed = node.op === null || node.data !== null;
      return {
        op: fed ? null : node.op,
        attrs: fed ? null : node.attrs,
        inputs: fed ? [] : node.inputs.map((input) => input.place),
        dtype: node.dtype,
        shape: node.shape,
      };
    }),
    outputs: outputs.map((node) => node.place),
  };
}

export function matches(structure: Structure, { nodes, outputs }: Graph): boolean {
  if (structure.nodes.length !== nodes.length || structure.outputs.length !== outputs.length) return false;
  for (let i = 0; i < outputs.length; i++) if (structure.outputs[i] !== outputs[i]!.place) return false;
  for (let i = 0; i < nodes.length; i++) {
    const [a, node] = [structure.nodes[i]!, nodes[i]!];
    if (node.op === null || node.data) {
      if (a.op !== null || a.dtype !== node.dtype || !equal(a.shape, node.shape)) return false;
      continue;
    }
    if (a.op !== node.op || a.inputs.length !== node.inputs.length) return false;
    for (let k = 0; k < a.inputs.length; k++) if (a.inputs[k] !== node.inputs[k]!.place) return false;
    if (a.attrs !== node.attrs && !equal(a.attrs, node.attrs)) return false;
  }
  return true;
}

function equal(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (ArrayBuffer.isView(a) || ArrayBuffer.isView(b)) return sameBytes(a as ArrayBufferView, b as ArrayBufferView);
  if (a.constructor !== b.constructor || (a.constructor !== Object && !Array.isArray(a))) return false;
  const [x, y] = [a as Record<string, unknown>, b as Record<string, unknown>];
  let left = 0;
  for (const key in x) {
    if (!equal(x[key], y[key])) return false;
    left++;
  }
  for (const _ in y) left--;
  return left === 0;
}

function sameBytes(a: ArrayBufferView, b: ArrayBufferView): boolean {
  if (a.constructor !== b.constructor || a.byteLength !== b.byteLength) return false;
  const [x, y] = [a, b].map((v) => new Uint8Array(v.buffer, v.byteOffset, v.byteLength)) as [Uint8Array, Uint8Array];
  return x.every((byte, i) => byte === y[i]);
}

/** Is it a node that computes (rather than a fed value, a constant or a result picked from another)? */
export function computes(node: Node): boolean {
  return node.op !== null && node.data === null && node.op !== pickOp && node.op !== (constantOp as Op);
}
