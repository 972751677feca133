/**
 * Frozen models of one light operation, run by kernels of our own in memory that holds their constants.
 *
 * A run of ONNX Runtime takes about 13 µs however little it does, and twice that where much comes out (`direct.ts`): more than
 * PyTorch needs for a lookup or for evaluation-mode batch norm. An operation takes part by its rule `small`.
 */
import { GraphBuilder } from '../onnx/builder.ts';
import { createSession, type Results, runtime, type Session } from '../runtime/session.ts';
import { arrayOver, itemSize, type TypedArray } from '../tensor/dtype.ts';
import type { Inner, Kernels } from '../tensor/op.ts';
import { pickOp } from '../tensor/outputs.ts';
import { numel } from '../tensor/shape.ts';
import type { Aval, Node } from '../tensor/tensor.ts';
import { compileWasm, loadWasm } from '../util/wasm.ts';
import { collect, computes, type Graph } from './graph.ts';
import { lowerInto } from './lower.ts';
import type { Program } from './program.ts';

/** From this many bytes on that go in and out, ONNX Runtime is as fast. */
const MUCH = 2 ** 20;
/** Pointers have 32 bits. */
const MOST = 2 ** 30;

/** The program of a graph that is such a model; null for all others. */
export async function smallProgram(graph: Graph): Promise<Program | null> {
  const [frozen, ...others] = graph.nodes.filter(computes);
  const model = frozen?.op?.inner?.(frozen.attrs);
  if (!model || others.length > 0 || graph.outputs.length > 1) return null;
  const fed = frozen!.inputs.map((node) => graph.feeds.indexOf(node));
  const step = onlyStep(model);
  const run = step?.op?.small?.(step.inputs, step.attrs, step);
  if (!step || !run || fed.includes(-1)) return null;

  const values = [...step.inputs, step];
  if (values.some(({ shape }) => numel(shape) === 0)) return null;
  if (room([...model.inputs, step]) > MUCH || room(values) > MOST) return null;
  // feeds and results are its tensors
  await runtime();
  const loaded = kernels && loadWasm<Kernels>(kernels, room(values));
  if (!loaded) return null;
  const places = values.map(({ dtype, shape }, i) =>
    arrayOver(dtype, loaded.buffer, room(values.slice(0, i)), numel(shape)),
  );
  const pointers = places.map(({ byteOffset }) => byteOffset);
  const out = places.at(-1)!;
  const constants = await valuesOf(step.inputs.filter((node) => !model.inputs.includes(node)));
  const given: { name: string; place: TypedArray }[] = [];
  step.inputs.forEach((node, i) => {
    const value = constants.get(node);
    if (value) copy(value, places[i]!);
    else given.push({ name: `x${fed[model.inputs.indexOf(node)]}`, place: places[i]! });
  });

  const session: Session = {
    run(feeds, outputs) {
      for (const { name, place } of given) copy(feeds[name]!.data as TypedArray, place);
      run(loaded.call, pointers, out.byteOffset, places);
      copy(out, outputs.y!.data as TypedArray);
      return outputs as Results;
    },
    release: async () => {},
  };
  const { dtype, shape } = step;
  const feeds = graph.feeds.map((_, i) => `x${i}`);
  return { session, feeds, outputs: [{ name: 'y', dtype, shape, part: null }], direct: true };
}

/** What a model does with its inputs, if that is one operation whose first result is the model's. */
function onlyStep({ nodes, inputs, outputs }: Inner): Node | null {
  const live = new Set(inputs);
  for (const node of nodes) if (node.inputs.some((input) => live.has(input))) live.add(node);
  const [step, ...others] = [...live].slice(inputs.length).filter(computes);
  const [out] = outputs;
  const picked = out?.op === pickOp && (out.attrs as { index: number }).index === 0 ? out.inputs[0] : out;
  return step && others.length === 0 && outputs.length === 1 && picked === step ? step : null;
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
    values.set(node, results[names[i]!]!.data as TypedArray);
  });
  return values;
}

/** small.wat, by `scripts/wasm.ts`. */
export const code: string =
  '0061736d01000000011c0360067f7f7f7f7f7f017f60077f7f7f7f7f7f7f0060047f7f7f7f0002100104686f7374066d656d6f72790200' +
  '01030403000102071b0306676174686572000006616666696e6500010568616c766500020af403034a02017f017e02400340200620044f' +
  '0d01200320064103746a290300210720072002ad5a0d012005200620016c6a20002007a720016c6a2001fc0a0000200641016a21060c00' +
  '0b0b20060bb70101037f034041002107034020002005417c714102746a2108200020054102746a210902400340200020084f0d01200620' +
  '00fd000400200120076afd090200fde601200220076afd090200fde401fd0b0400200041106a2100200641106a21060c000b0b02400340' +
  '200020094f0d01200620002a0200200120076a2a020094200220076a2a020092380200200041046a2100200641046a21060c000b0b2007' +
  '41046a22072004410274490d000b200341016b22030d000b0bed0102037f027b200241027421020340200020026a210420042106200620' +
  '02411f716b210502400340200020054f0d012000fd0004002004fd000400fde90121072000fd0004102004fd000410fde9012108200320' +
  '072008fd0d0001020308090a0b1011121318191a1b20072008fd0d040506070c0d0e0f141516171c1d1e1ffde901fd0b0400200041206a' +
  '2100200441206a2104200341106a21030c000b0b02400340200020064f0d01200320002a020020002a02049720042a020020042a020497' +
  '97380200200041086a2100200441086a2104200341046a21030c000b0b20042100200141016b22010d000b0b';

const kernels = compileWasm(code);
