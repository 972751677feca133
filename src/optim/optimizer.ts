/** What all optimizers share: parameter groups, the step, state dicts, the repr. */
import { update } from '../engine/evaluate.ts';
import type { TypedArray } from '../tensor/dtype.ts';
import { mode } from '../tensor/mode.ts';
import { type Node, Tensor, type Walk } from '../tensor/tensor.ts';
import { ArgError, TorcharcError } from '../util/errors.ts';
import { python, show } from '../util/python.ts';
import { didYouMean } from '../util/suggest.ts';
import type { Floats } from './kernels.ts';

export type GroupOptions = Record<string, unknown>;
/** Parameters that share options, as given: options left out are the optimizer's. */
export interface GroupSpec extends GroupOptions {
  readonly params: Iterable<Tensor>;
}
/** Parameters that share options; `lr` and the others may be changed between steps. */
export interface ParamGroup extends GroupOptions {
  params: Tensor[];
  lr: number;
}

/** State of one parameter: numbers and arrays under PyTorch's names. */
export type ParamState = Record<string, number | TypedArray | null>;

/** How an option is checked. */
export interface OptionRule {
  readonly default: unknown;
  readonly expected: string;
  readonly ok: (value: unknown) => boolean;
}
const number =
  (expected: string, ok: (v: number) => boolean) =>
  (fallback: number): OptionRule => ({
    default: fallback,
    expected,
    ok: (v) => typeof v === 'number' && ok(v),
  });
export const nonNegative = number('a number of at least 0', (v) => v >= 0);
export const anyNumber = number('a number', () => true);
export const flag = (fallback: boolean): OptionRule => ({
  default: fallback,
  expected: 'true or false',
  ok: (v) => typeof v === 'boolean',
});
/** Options PyTorch has to choose its own implementation; accepted, and of no effect on the result here either. */
export const implementation: OptionRule = {
  default: null,
  expected: 'true, false or null',
  ok: (v) => v === null || typeof v === 'boolean',
};

export abstract class Optimizer {
  readonly paramGroups: ParamGroup[] = [];
  readonly defaults: GroupOptions;
  protected readonly state = new Map<Tensor, ParamState>();
  readonly #name: string;
  readonly #rules: Readonly<Record<string, OptionRule>>;

  constructor(
    name: string,
    rules: Readonly<Record<string, OptionRule>>,
    params: Iterable<Tensor> | Iterable<GroupSpec>,
    options: object,
  ) {
    this.#name = name;
    this.#rules = rules;
    this.defaults = this.#checked(options as GroupOptions);
    const given = [...params] as (Tensor | GroupSpec)[];
    if (given.length === 0) throw new ArgError(`${name}: optimizer got an empty parameter list`);
    const groups = given[0] instanceof Tensor ? [{ params: given as Tensor[] }] : (given as GroupSpec[]);
    for (const group of groups) {
      if (typeof group !== 'object' || group === null || !('params' in group)) {
        throw new ArgError(`${name}: expected parameters, or groups as { params, … }, got ${show(group)}`);
      }
      this.addParamGroup(group);
    }
  }

  #checked(options: GroupOptions): GroupOptions {
    const rules = this.#rules;
    for (const [key, value] of Object.entries(options)) {
      const rule = Object.hasOwn(rules, key) ? rules[key] : undefined;
      if (!rule) {
        throw new ArgError(
          `${this.#name}.${key}: unknown option${didYouMean(key, Object.keys(rules))}; its options are ${Object.keys(rules).join(', ')}`,
        );
      }
      if (!rule.ok(value)) throw new ArgError(`${this.#name}.${key}: expected ${rule.expected}, got ${show(value)}`);
    }
    return { ...Object.fromEntries(Object.entries(rules).map(([key, rule]) => [key, rule.default])), ...options };
  }

  /** Add parameters with options of their own. */
  addParamGroup({ params, ...options }: GroupSpec): void {
    const list = params instanceof Tensor ? [params] : [...params];
    for (const p of list) {
      if (!(p instanceof Tensor))
        throw new ArgError(`${this.#name}: optimizer can only optimize Tensors, but one of the params is ${show(p)}`);
      if (!p.isLeaf) throw new ArgError(`${this.#name}: can't optimize a non-leaf Tensor`);
      if (this.paramGroups.some((group) => group.params.includes(p)) || list.filter((q) => q === p).length > 1) {
        throw new ArgError(`${this.#name}: some parameters appear in more than one parameter group`);
      }
    }
    this.paramGroups.push({ params: list, ...this.#checked({ ...this.defaults, ...options }) } as ParamGroup);
  }

  /** Forget the gradients of all parameters. */
  zeroGrad(): void {
    for (const { params } of this.paramGroups) for (const p of params) p.grad = null;
  }

  /**
   * Compute the gradients, in one run with the losses they come from, and update the parameters in place. `closure` clears
   * the gradients, computes the loss, calls backward and returns the loss.
   */
  async step<T extends Tensor | undefined = undefined>(closure?: () => T): Promise<T> {
    return this.#step(closure?.() as T);
  }

  #step<T>(loss: T): Promise<T> {
    const walks = new Set<Walk>();
    const reads: Node[] = [];
    const writes: Tensor[] = [];
    const groups: ParamGroup[] = [];
    for (const group of this.paramGroups) {
      for (const p of group.params) {
        const { grad } = p;
        if (!grad) continue;
        reads.push(grad.node);
        writes.push(p);
        groups.push(group);
        if (p.walks) for (const walk of p.walks) walks.add(walk);
        p.walks = null;
      }
    }
    if (reads.length === 0) return Promise.resolve(loss);
    if (!mode.trace) {
      const bad = writes.find((p) => p.grad!.dtype !== p.dtype);
      if (bad)
        throw new TorcharcError(`${this.#name}: a gradient has dtype ${bad.grad!.dtype}, its parameter ${bad.dtype}`);
    }
    mode.trace?.guard(() => this.paramGroups.reduce((n, { params }) => n + params.length, 0));
    const begin = () => {
      const now = new Map([...new Set(groups)].map((group) => [group, { ...group }]));
      return (values: readonly TypedArray[], arrays: TypedArray[]) => {
        this.prepare(writes, arrays);
        for (let i = 0; i < writes.length; i++) {
          const group = now.get(groups[i]!)!;
          const state = this.state.get(writes[i]!) ?? this.init(writes[i]!, group);
          this.state.set(writes[i]!, state);
          this.update(arrays[i] as Floats, values[i] as Floats, state, group);
        }
      };
    };
    return update({ reads, writes, begin }, mode.trace ? [] : this.#pending(walks)).then(() => loss);
  }

  /** Losses, and gradients of leaves that others look after: what would be lost when the parameters change. */
  #pending(walks: ReadonlySet<Walk>): Node[] {
    const nodes = new Set<Node>();
    for (const { roots, leaves } of walks) {
      for (const root of roots) nodes.add(root);
      for (const { grad } of leaves) if (grad) nodes.add(grad.node);
    }
    return [...nodes];
  }

  /**
   * Called before the updates of a step, for what is made for all parameters at once. `arrays` hold the parameters' values (not
   * when a state dict is loaded) and may be replaced by others with the same values.
   */
  protected prepare(_params: readonly Tensor[], _arrays: TypedArray[] | null): void {}

  /** State of a parameter that is updated for the first time. */
  protected abstract init(p: Tensor, group: ParamGroup): ParamState;

  /** Change `p` in place by its gradient. */
  protected abstract update(p: Floats, g: Floats, state: ParamState, group: ParamGroup): void;

  /** State by the parameter's position, and the groups, under PyTorch's names. */
  stateDict(): { state: Record<number, ParamState>; param_groups: GroupOptions[] } {
    const all = this.paramGroups.flatMap(({ params }) => params);
    const state: Record<number, ParamState> = {};
    all.forEach((p, i) => {
      const own = this.state.get(p);
      if (own && Object.keys(own).length > 0)
        state[i] = Object.fromEntries(
          Object.entries(own).map(([k, v]) => [k, typeof v === 'object' && v ? (v.slice() as TypedArray) : v]),
        );
    });
    const param_groups = this.paramGroups.map(({ params, ...options }) => ({
      ...options,
      params: params.map((p) => all.indexOf(p)),
    }));
    return { state, param_groups };
  }

  /** Take over what `stateDict` of an optimizer with the same groups gave; arrays are copied. */
  loadStateDict({ state, param_groups }: { state: Record<number, ParamState>; param_groups: GroupOptions[] }): void {
    if (param_groups.length !== this.paramGroups.length) {
      throw new TorcharcError(`${this.#name}: loaded state dict has a different number of parameter groups`);
    }
    param_groups.forEach((group, i) => {
      if ((group.params as number[]).length !== this.paramGroups[i]!.params.length) {
        throw new TorcharcError(
          `${this.#name}: loaded state dict contains a parameter group that doesn't match the size of optimizer's group`,
        );
      }
    });
    const all = this.paramGroups.flatMap(({ params }) => params);
    const stray = Object.keys(state).find((index) => !all[Number(index)]);
    if (stray !== undefined) {
      throw new TorcharcError(
        `${this.#name}: loaded state dict has state for parameter ${stray}, which does not exist`,
      );
    }
    this.prepare(
      all.filter((_, i) => state[i]),
      null,
    );
    for (const [i, p] of all.entries()) {
      const saved = state[i];
      if (!saved) {
        this.state.delete(p);
        continue;
      }
      const group = this.paramGroups.find(({ params }) => params.includes(p))!;
      const own = this.state.get(p) ?? this.init(p, group);
      for (const [key, value] of Object.entries(saved)) {
        const into = own[key];
        if (typeof value === 'object' && value && typeof into === 'object' && into && into.length === value.length)
          into.set(value as never);
        else own[key] = typeof value === 'object' && value ? (value.slice() as TypedArray) : value;
      }
      for (const key of Object.keys(own)) if (!Object.hasOwn(saved, key)) delete own[key];
      this.state.set(p, own);
    }
    param_groups.forEach(({ params: _params, ...options }, i) => {
      Object.assign(this.paramGroups[i]!, options);
    });
  }

  /** What Python prints. */
  toString(): string {
    const groups = this.paramGroups.map(({ params: _params, ...options }, i) => {
      const lines = Object.keys(options)
        .sort()
        .map((key) => `    ${key}: ${python(options[key])}\n`);
      return `Parameter Group ${i}\n${lines.join('')}`;
    });
    return `${this.#name} (\n${groups.join('\n')})`;
  }
}
