import { expectTensor, Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';
import { didYouMean } from '../util/suggest.ts';
import { type Module, typeName } from './module.ts';

/** The optional inputs of a `forward`: one record of them by name, or positionally in the order of `Names`. */
export type Optional<Options, Names extends readonly (keyof Options)[]> =
  | [options?: Options]
  | Partial<{ -readonly [K in keyof Names]: Options[Names[K]] }>;

/** PyTorch's names for the inputs of a module's `forward`, in its order: what its class says in a static `inputs`. */
export function inputNames(module: Module): readonly string[] {
  return (module.constructor as { inputs?: readonly string[] }).inputs ?? ['input'];
}

/** Those that were given beyond the `required` ones, by name. Throws an ArgError for a name that is none of them and for one too many. */
export function optionalInputs<Options extends object>(
  module: Module,
  required: number,
  given: readonly unknown[],
): Options {
  const who = typeName(module.constructor);
  const names = inputNames(module).slice(required);
  const [first] = given;
  if (given.length <= 1 && isRecord(first)) {
    const unknown = Object.keys(first).find((name) => !names.includes(name));
    if (unknown === undefined) return first as Options;
    throw new ArgError(
      `${who}: unknown input '${unknown}'${didYouMean(unknown, names)}; there are ${names.join(', ')}`,
    );
  }
  if (given.length > names.length) {
    throw new ArgError(
      `${who}: expected at most ${names.length} optional inputs (${names.join(', ')}), got ${given.length}`,
    );
  }
  return Object.fromEntries(given.map((value, i) => [names[i]!, value])) as Options;
}

/** A class of modules; `tensors` are how many of its required inputs are tensors, all unless it says so. */
export interface ModuleType {
  readonly name: string;
  readonly prototype: Module;
  readonly inputs?: readonly string[];
  readonly tensors?: number;
}

/** Let `forward` of a class refuse, in words, a required input that is missing or no tensor. */
export function expectTensors(type: ModuleType): void {
  const forward = type.prototype.forward as (this: Module, ...inputs: unknown[]) => unknown;
  const count = type.tensors ?? forward.length;
  const names = type.inputs ?? ['input'];
  function checked(this: Module, ...inputs: unknown[]): unknown {
    for (let i = 0; i < count; i++) {
      if (inputs[i] instanceof Tensor) continue;
      expectTensor(`${typeName(this.constructor)}: ${names[i] ?? `input ${i + 1}`}`, inputs[i]);
    }
    return forward.apply(this, inputs);
  }
  // how many it requires is seen from outside
  Object.defineProperty(checked, 'length', { value: forward.length });
  Object.defineProperty(type.prototype, 'forward', { configurable: true, writable: true, value: checked });
}

function isRecord(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || value instanceof Tensor) return false;
  return Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null;
}
