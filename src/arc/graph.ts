/** Modules called one after the other, each with what the graph says. */
import { inputNames } from '../nn/inputs.ts';
import { Module, nameType } from '../nn/module.ts';
import { expectTensor, Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';
import { didYouMean } from '../util/suggest.ts';

/** The name of a value, or lists and records of names. */
export type Refs = string | readonly Refs[] | { readonly [key: string]: Refs };

/** One call of a module. */
export interface GraphNode {
  /** What its result is called: the module's name, or `name~suffix`. */
  readonly name: string;
  readonly module: string;
  readonly args: readonly Refs[];
  /** By the names of the module's inputs. */
  readonly keywords: { readonly [input: string]: Refs };
}

/** The model of an arc with `modules` and `graph`. */
export class GraphModule extends Module {
  readonly #inputs: readonly string[];
  readonly #modules: ReadonlyMap<string, Module>;
  readonly #nodes: readonly GraphNode[];
  readonly #output: Refs;

  constructor(
    inputs: readonly string[],
    modules: Iterable<readonly [string, Module]>,
    nodes: readonly GraphNode[],
    output: Refs,
  ) {
    super();
    this.#inputs = inputs;
    this.#modules = new Map(modules);
    this.#nodes = nodes;
    this.#output = output;
  }

  override *entries(): Iterable<[string, unknown]> {
    yield* this.#modules;
  }

  /** Tensors by the names of the inputs to what `graph.output` says; a lone input may be given as it is. */
  override forward(inputs: Tensor | Readonly<Record<string, Tensor>>): unknown {
    const [first, ...others] = this.#inputs;
    const given = inputs instanceof Tensor && first !== undefined && others.length === 0 ? { [first]: inputs } : inputs;
    if (typeof given !== 'object' || given === null || given instanceof Tensor || Array.isArray(given)) {
      throw new ArgError(`GraphModule: expected tensors by name (${this.#inputs.join(', ')})`);
    }
    for (const name of this.#inputs) {
      if (!Object.hasOwn(given, name))
        throw new ArgError(`GraphModule: missing input '${name}'; it takes ${this.#inputs.join(', ')}`);
      expectTensor(`GraphModule: input '${name}'`, given[name]);
    }
    for (const name of Object.keys(given)) {
      if (!this.#inputs.includes(name)) {
        throw new ArgError(
          `GraphModule: unknown input '${name}'${didYouMean(name, this.#inputs)}; it takes ${this.#inputs.join(', ')}`,
        );
      }
    }
    return this.run(given, (_node, call) => call());
  }

  /** Call each module through `around`; values of nodes for which that gives undefined, and what needs them, are left out. */
  run(inputs: Readonly<Record<string, Tensor>>, around: (node: GraphNode, call: () => unknown) => unknown): unknown {
    const values = new Map<string, unknown>(Object.entries(inputs));
    for (const node of this.#nodes) {
      const args = node.args.map((refs) => resolve(refs, values));
      const keywords = Object.entries(node.keywords).map(([key, refs]) => [key, resolve(refs, values)] as const);
      if ([...args, ...keywords.map(([, value]) => value)].some((value) => !isWhole(value))) continue;
      const module = this.#modules.get(node.module)!;
      const value = around(node, () =>
        (module.forward as (...args: unknown[]) => unknown)(...args, ...byPosition(node, module, keywords)),
      );
      if (value !== undefined) values.set(node.name, value);
    }
    return resolve(this.#output, values);
  }
}
nameType(GraphModule, 'GraphModule');

function resolve(refs: Refs, values: ReadonlyMap<string, unknown>): unknown {
  if (typeof refs === 'string') return values.get(refs);
  if (Array.isArray(refs)) return refs.map((entry: Refs) => resolve(entry, values));
  return Object.fromEntries(Object.entries(refs).map(([key, entry]) => [key, resolve(entry, values)]));
}

/** Whether nothing of it is left out. */
function isWhole(value: unknown): boolean {
  if (value === undefined) return false;
  if (value instanceof Tensor || typeof value !== 'object' || value === null) return true;
  return Object.values(value).every(isWhole);
}

/** Inputs given by name, in the order in which the module's `forward` takes them. */
function byPosition(node: GraphNode, module: Module, keywords: readonly (readonly [string, unknown])[]): unknown[] {
  if (keywords.length === 0) return [];
  const inputs = inputNames(module);
  const given = new Map(keywords);
  const unknown = [...given.keys()].find((key) => !inputs.includes(key));
  if (unknown !== undefined) {
    throw new ArgError(
      `unknown input '${unknown}' of ${node.module}${didYouMean(unknown, inputs)}; its inputs are ${inputs.join(', ')}`,
    );
  }
  const last = Math.max(...[...given.keys()].map((key) => inputs.indexOf(key)));
  return inputs.slice(0, last + 1).map((name) => given.get(name));
}
