/** The model of the graph format: modules called one after the other, each with what the graph says. */
import { Module, nameType } from '../nn/module.ts';
import { expectTensor, Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';
import { didYouMean } from '../util/suggest.ts';
import { type Plan, run, type Values } from './plan.ts';
import { listed } from './spec.ts';

/** The model of an arc with `modules` and `graph`. */
export class GraphModule extends Module {
  readonly #plan: Plan;
  readonly #modules: ReadonlyMap<string, Module>;

  constructor(plan: Plan) {
    super();
    this.#plan = plan;
    this.#modules = new Map(plan.calls.map(({ key, module }) => [key, module]));
  }

  get plan(): Plan {
    return this.#plan;
  }

  override *entries(): Iterable<[string, unknown]> {
    yield* this.#modules;
  }

  /** Tensors by the names of the inputs to what `graph.output` says; a lone input may be given as it is. */
  override forward(inputs: Tensor | Readonly<Record<string, Tensor>>): unknown {
    const names = this.#plan.inputs.map(({ name }) => name);
    const [first, ...others] = names;
    const given = inputs instanceof Tensor && first !== undefined && others.length === 0 ? { [first]: inputs } : inputs;
    if (typeof given !== 'object' || given === null || given instanceof Tensor || Array.isArray(given)) {
      throw new ArgError(`GraphModule: expected tensors by name (${listed(names)})`);
    }
    const values: Values = new Map();
    for (const input of this.#plan.inputs) {
      const { name } = input;
      if (!Object.hasOwn(given, name))
        throw new ArgError(`GraphModule: missing input '${name}'; it takes ${listed(names)}`);
      expectTensor(`GraphModule: input '${name}'`, given[name]);
      values.set(input, given[name]);
    }
    const unknown = Object.keys(given).find((name) => !names.includes(name));
    if (unknown !== undefined) {
      throw new ArgError(
        `GraphModule: unknown input '${unknown}'${didYouMean(unknown, names)}; it takes ${listed(names)}`,
      );
    }
    return run(this.#plan, values, (_call, forward) => forward());
  }
}
nameType(GraphModule, 'GraphModule');
