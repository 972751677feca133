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
  const all = new Map(Object.entries(xs));
  const names = inNames ?? [...all.keys()].slice(0, 1);
  const [first] = names;
  if (first === undefined) throw new ArgError('expected at least one input, got an empty record');
  for (const name of names) {
    if (!all.has(name)) {
      throw new ArgError(
        `in_names: there is no '${name}' here${didYouMean(name, all.keys())}; there is ${[...all.keys()].join(', ')}`,
      );
    }
  }
  const taken: Flow = names.length === 1 ? all.get(first)! : Object.fromEntries(names.map((n) => [n, all.get(n)!]));
  const y = call.forward(taken);
  const rest = [...all].filter(([name]) => !names.includes(name));
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
