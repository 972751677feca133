/** What went wrong in a compiled run, in the words of the eager one. */
import { noGrad } from '../tensor/mode.ts';
import { SessionError, TorcharcError } from '../util/errors.ts';

/**
 * A compiled function takes the values of its arguments on trust, and an index out of range ends the run of ONNX Runtime, which knows
 * neither module nor value. `again` does the same with values at hand, which are checked; what it says takes the error's place.
 */
export async function explained<T>(body: () => Promise<T>, where: string, again: () => unknown): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (!(error instanceof SessionError)) throw error;
    try {
      noGrad(() => void again());
    } catch (e) {
      if (e instanceof TorcharcError) throw new TorcharcError(`${where}: ${e.message}`, { cause: error });
    }
    throw error;
  }
}
