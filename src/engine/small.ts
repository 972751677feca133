/**
 * Light frozen models, run by kernels of our own in memory that holds their constants: those of which every operation that depends on
 * what is fed has a rule `small`.
 *
 * A run of ONNX Runtime takes about 13 µs however little it does, and twice that where much comes out (`direct.ts`): more than
 * PyTorch needs for a lookup, or for normalising a few rows.
 */
import { GraphBuilder } from '../onnx/builder.ts';
import { createSession, type Results, runtime, type Session } from '../runtime/session.ts';
import { arrayOver, itemSize, type TypedArray, valuesIn } from '../tensor/dtype.ts';
import type { Inner, Kernels, SmallRun } from '../tensor/op.ts';
import { pickOp } from '../tensor/outputs.ts';
import { numel } from '../tensor/shape.ts';
import type { Aval, Node } from '../tensor/tensor.ts';
import { inTurn } from '../util/turn.ts';
import { compileWasm, loadWasm } from '../util/wasm.ts';
import { collect, computes, type Graph } from './graph.ts';
import { lowerInto } from './lower.ts';
import type { Program } from './program.ts';

/** From this many bytes on that go in and out, ONNX Runtime is as fast. */
const MUCH = 2 ** 20;
/** Pointers have 32 bits. */
const MOST = 2 ** 30;
/** Where values begin: 0 is no place. */
const START = 16;

/** There was no memory to be had once: each takes 10 GB of addresses, and where these are few, asking takes half a second. */
let refused = false;

/** The program of a graph that is such a model; null for all others. */
export async function smallProgram(graph: Graph): Promise<Program | null> {
  const [frozen, ...others] = graph.nodes.filter(computes);
  const model = frozen?.op?.inner?.(frozen.attrs);
  if (!model || others.length > 0 || graph.outputs.length > 1 || model.outputs.length > 1) return null;
  const fed = frozen!.inputs.map((node) => graph.feeds.indexOf(node));
  const found = stepsOf(model);
  if (!found || fed.includes(-1)) return null;

  const { steps, home } = found;
  const results = steps.map(({ node }) => node);
  const constants = new Set(results.flatMap(({ inputs }) => inputs.filter((node) => !home.has(node))));
  const values = [...model.inputs, ...constants, ...results];
  if (values.some(({ shape }) => numel(shape) === 0)) return null;
  if (room([...model.inputs, ...results]) > MUCH || room(values) > MOST) return null;
  // feeds and results are its tensors
  await runtime();
  const loaded = kernels && !refused && loadWasm<Kernels>(kernels, room(values) + START);
  refused ||= loaded === null;
  if (!loaded) return null;
  const places = new Map<Node, TypedArray>();
  let end = START;
  for (const node of values) {
    places.set(node, arrayOver(node.dtype, loaded.buffer, end, numel(node.shape)));
    end += room([node]);
  }
  const placeOf = (node: Node) => places.get(home.get(node) ?? node)!;
  for (const [node, value] of await valuesOf([...constants])) copy(value, placeOf(node));
  const given = model.inputs.map((node, i) => ({ name: `x${fed[i]}`, place: placeOf(node) }));
  const calls = steps.map(({ run, node }) => {
    const operands = node.inputs.map(placeOf);
    const pointers = operands.map(({ byteOffset }) => byteOffset);
    const { byteOffset } = placeOf(node);
    return () => run(loaded.call, pointers, byteOffset, operands);
  });
  const [out] = model.outputs as [Node];
  const result = placeOf(out);

  const session: Session = {
    run: (feeds, outputs) =>
      inTurn(() => {
        for (const { name, place } of given) copy(valuesIn(feeds[name]!), place);
        for (const call of calls) call();
        copy(result, valuesIn(outputs.y!));
        return outputs as Results;
      }),
    release: async () => {},
  };
  const { dtype, shape } = out;
  const feeds = graph.feeds.map((_, i) => `x${i}`);
  return { session, feeds, outputs: [{ name: 'y', dtype, shape, part: null }], direct: true };
}

/** What a model does with its inputs, if kernels do all of that, and for each value that depends on them in whose place it is. */
function stepsOf({
  nodes,
  inputs,
  outputs,
}: Inner): { steps: { node: Node; run: SmallRun }[]; home: Map<Node, Node> } | null {
  const home = new Map(inputs.map((node) => [node, node]));
  const steps: { node: Node; run: SmallRun }[] = [];
  for (const node of nodes) {
    const { op, attrs } = node;
    if (op === null || !node.inputs.some((input) => home.has(input))) continue;
    const isFirst = op === pickOp && (attrs as { index: number }).index === 0;
    if (isFirst || op.small === 'same') {
      home.set(node, home.get(node.inputs[0]!)!);
      continue;
    }
    const run = op.small?.(node.inputs, attrs, node);
    if (!run) return null;
    home.set(node, node);
    steps.push({ node, run });
  }
  return steps.length > 0 && outputs.every((node) => home.has(node)) ? { steps, home } : null;
}

/** Bytes that values take, each to the next multiple of 16. */
function room(values: readonly Aval[]): number {
  return values.reduce((sum, { dtype, shape }) => sum + 16 * Math.ceil((numel(shape) * itemSize(dtype)) / 16), 0);
}

function copy(from: TypedArray, to: TypedArray): void {
  to.set(from as never);
}

/** The values of nodes that depend on nothing that is fed. */
async function valuesOf(nodes: readonly Node[]): Promise<Map<Node, TypedArray>> {
  const values = new Map<Node, TypedArray>();
  for (const node of nodes) if (node.data) values.set(node, node.data);
  const { outputs, ...graph } = collect(nodes.filter((node) => !node.data));
  if (outputs.length === 0) return values;
  const b = new GraphBuilder();
  const leaves = graph.feeds.map(({ dtype, shape, data }) => b.constant(dtype, shape, data!));
  const names = lowerInto(b, { ...graph, outputs }, leaves).map((name, i) => {
    const { dtype, shape } = outputs[i]!;
    return b.output(b.node('Identity', [name]), dtype, shape).name;
  });
  const session = await createSession(b.finish(), { threads: 1, optimize: 'disabled' });
  const results = await session.run({}, Object.fromEntries(names.map((name) => [name, null])));
  await session.release();
  outputs.forEach((node, i) => {
    values.set(node, valuesIn(results[names[i]!]!));
  });
  return values;
}

/** small.wat, by `scripts/wasm.ts`. */
export const code: string =
  '0061736d01000000012c0560067f7f7f7f7f7f017f60077f7f7f7f7f7f7f0060047f7f7f7f0060087f7f7f7f7f7d7f7f0060017b017d02' +
  '100104686f7374066d656d6f7279020001030605000102030407270406676174686572000006616666696e6500010568616c7665000209' +
  '6e6f726d616c697a6500030a9a08054a02017f017e02400340200620044f0d01200320064103746a290300210720072002ad5a0d012005' +
  '200620016c6a20002007a720016c6a2001fc0a0000200641016a21060c000b0b20060bb70101037f034041002107034020002005417c71' +
  '4102746a2108200020054102746a210902400340200020084f0d0120062000fd000400200120076afd090200fde601200220076afd0902' +
  '00fde401fd0b0400200041106a2100200641106a21060c000b0b02400340200020094f0d01200620002a0200200120076a2a0200942002' +
  '20076a2a020092380200200041046a2100200641046a21060c000b0b200741046a22072004410274490d000b200341016b22030d000b0b' +
  'e20202027f027b200241027421020340200020026a2104200020024160716a210502400340200020054f0d012000fd0004002004fd0004' +
  '00fde90121062000fd0004102004fd000410fde9012107200320062007fd0d0001020308090a0b1011121318191a1b20062007fd0d0405' +
  '06070c0d0e0f141516171c1d1e1ffde901fd0b0400200041206a2100200441206a2104200341106a21030c000b0b200241107104402000' +
  'fd0004002004fd000400fde901210620062006fd0d04050607000102030c0d0e0f08090a0b210720062007fde9012106200320062006fd' +
  '0d0001020308090a0b0001020308090a0bfd5b030000200041106a2100200441106a2104200341086a21030b200241087104402000fd5d' +
  '03002004fd5d0300fde901210620062006fd0d04050607000102030c0d0e0f08090a0b2107200320062007fde901fd5a02000020044108' +
  '6a2104200341046a21030b20042100200141016b22010d000b0b950303027f027d057b200441027421082004b3210a0340fd0c00000000' +
  '000000000000000000000000210e200604402000fd090200210efd0c00000000000000000000000000000000210c410021090340200c20' +
  '0020096afd000400200efde501fde401210c200941106a22092008490d000b200e200c1004200a95fd13fde401210e0bfd0c0000000000' +
  '0000000000000000000000210cfd0c00000000000000000000000000000000210d410021090340200020096afd000400200efde5012110' +
  '200c2010fde401210c200d20102010fde601fde401210d200941106a22092008490d000b4300000000210b20060440200c1004200a9521' +
  '0b200e200bfd13fde401210e0b430000803f200d1004200a95200b200b94932005929195fd13210f410021090340200020096afd000400' +
  '200efde501200ffde6012110200104402010200120096afd000400fde60121100b200204402010200220096afd000400fde40121100b20' +
  '0720096a2010fd0b0400200941106a22092008490d000b200020086a2100200720086a2107200341016b22030d000b0b19002000fd1f00' +
  '2000fd1f01922000fd1f022000fd1f0392920b';

const kernels = compileWasm(code);
