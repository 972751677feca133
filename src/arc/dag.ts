/** A chain of named modules, each taking some of the tensors at hand and passing the others on. */

import { ModuleDict } from '../nn/container.ts';
import { type Module as AnyModule, Module, nameType } from '../nn/module.ts';
import { expectTensor, Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';
import { didYouMean } from '../util/suggest.ts';
import type { TensorRecord } from './fork-merge.ts';

/** What flows through a DAG: one tensor, tensors by name, or what a module returned. */
export type Flow = Tensor | TensorRecord;

/**
 * Pass a module the tensors it names and carry the others.
 *
 * A tensor goes in as it is. From a record the module takes `inNames` (one: the tensor itself; several: a record of them; none
 * given: the first), and the result is its output under the first of those names, followed by the unused tensors in their
 * order; a record it returns is spread. With nothing unused the output is returned as it is. The tensors of a tuple are
 * carried as `name/0`, `name/1`.
 */
export function carryForward(module: AnyModule, xs: Flow, inNames: readonly string[] | null = null): Flow {
  const call = module as { forward(x: Flow): unknown };
  if (xs instanceof Tensor) return call.forward(xs) as Flow;
  const { names, missing, taken } = take(xs, inNames);
  const [first] = names;
  if (first === undefined) throw new ArgError('expected at least one input, got an empty record');
  if (missing.length > 0) throw new ArgError(`in_names: ${missing[0]}`);
  const y = call.forward(taken);
  const rest = Object.entries(xs).filter(([name]) => !names.includes(name));
  if (rest.length === 0) return y as Flow;
  const own: [string, Tensor][] =
    y instanceof Tensor
      ? [[first, y]]
      : Array.isArray(y)
        ? flat(y, first)
        : (Object.entries(y as TensorRecord) as [string, Tensor][]);
  const clash = own.find(([name]) => rest.some(([other]) => other === name));
  if (clash)
    throw new ArgError(`the output '${clash[0]}' has the name of a tensor that is carried past; rename one of them`);
  return Object.fromEntries([...own, ...rest]);
}

/** What a module takes of a record: which names, what is wrong with them, and the tensor or tensors. */
export function take(
  xs: TensorRecord,
  inNames: readonly string[] | null,
): { names: readonly string[]; missing: string[]; taken: Flow } {
  const all = new Map(Object.entries(xs));
  const here = [...all.keys()];
  const names = inNames ?? here.slice(0, 1);
  const missing = names
    .filter((name) => !all.has(name))
    .map((name) => `there is no '${name}' here${didYouMean(name, here)}; there is ${here.join(', ')}`);
  const taken = names.length === 1 ? all.get(names[0]!)! : Object.fromEntries(names.map((n) => [n, all.get(n)!]));
  return { names, missing, taken };
}

/** The tensors of a nested tuple with their positions. */
function flat(tuple: readonly unknown[], name: string): [string, Tensor][] {
  return tuple.flatMap((entry, i): [string, Tensor][] => {
    const key = `${name}/${i}`;
    if (entry instanceof Tensor) return [[key, entry]];
    return Array.isArray(entry) ? flat(entry, key) : [];
  });
}

/** The model of an arc with `dag_in_shape`. */
export class DAGNet extends Module {
  readonly module_dict: ModuleDict;
  readonly #inNames: ReadonlyMap<string, readonly string[] | null>;

  constructor(modules: readonly { name: string; module: Module; inNames: readonly string[] | null }[]) {
    super();
    this.module_dict = new ModuleDict(modules.map(({ name, module }) => [name, module] as const));
    this.#inNames = new Map(modules.map(({ name, inNames }) => [name, inNames]));
  }

  /** A tensor or a record of tensors by name, as the arc's `dag_in_shape` says. */
  override forward(xs: Flow): Flow {
    if (!(xs instanceof Tensor)) {
      const record = typeof xs === 'object' && xs !== null && !Array.isArray(xs) && !ArrayBuffer.isView(xs);
      if (!record) expectTensor('DAGNet', xs);
      for (const [name, x] of Object.entries(xs)) expectTensor(`DAGNet: input '${name}'`, x);
    }
    let flow = xs;
    for (const [name, module] of this.module_dict.namedChildren()) {
      flow = carryForward(module, flow, this.#inNames.get(name) ?? null);
    }
    return flow;
  }
}
nameType(DAGNet, 'DAGNet');
