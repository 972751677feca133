/**
 * Results written straight into our arrays.
 *
 * onnxruntime-node writes a result where we say, and then copies it to a new array all the same. For large results that takes
 * longer than computing them: a ReLU of 8 MB runs in 0.4 ms, and copying what it gave takes 2 to 6, most of it page faults.
 * The copying ends at a result that is no tensor, with an error, when all others are in place. So a model that returns much
 * gets an empty sequence as its first result. Whether the build at hand behaves so is tried once; where it does not, results
 * are copied.
 */
import { GraphBuilder } from '../onnx/builder.ts';
import { createSession, runtime } from '../runtime/session.ts';
import { allocate, itemSize } from '../tensor/dtype.ts';
import { numel } from '../tensor/shape.ts';
import type { Node } from '../tensor/tensor.ts';

/** From this many bytes on it pays: the error takes as long as copying them. */
const MUCH = 2 ** 16;

/** Whether a model with these results shall write them into arrays of ours. */
export async function isDirect(outputs: readonly Node[]): Promise<boolean> {
  const sizes = outputs.map(({ shape, dtype }) => numel(shape) * itemSize(dtype));
  if (sizes.includes(0) || sizes.reduce((a, b) => a + b, 0) < MUCH) return false;
  works ??= tried();
  return works;
}

let works: Promise<boolean> | undefined;

async function tried(): Promise<boolean> {
  const { ort, kind } = await runtime();
  // the WebAssembly build has a memory of its own and cannot write into ours
  if (kind !== 'native') return false;
  const b = new GraphBuilder();
  const { name } = b.output(b.node('Relu', [b.input('x', 'float32', [1])]), 'float32', [1]);
  const direct = b.sequenceFirst();
  const scalar = (value: number) => new ort.Tensor('float32', allocate('float32', 1).fill(value), [1]);
  const [one, result] = [scalar(1), scalar(0)];
  try {
    const session = await createSession(b.finish(), { threads: 1, optimize: 'disabled', direct });
    await session.run({ x: one }, { [name]: result });
    await session.release();
    return (result.data as Float32Array)[0] === 1;
  } catch {
    return false;
  }
}
