/** What all optimizers share: parameter groups, state dicts, the repr. */
import type { TypedArray } from '../tensor/dtype.ts';
import { mode } from '../tensor/mode.ts';
import { numel } from '../tensor/shape.ts';
import { type Node, Tensor, type Walk } from '../tensor/tensor.ts';
import { ArgError, TorcharcError } from '../util/errors.ts';
import { python, show } from '../util/python.ts';
import { checkOptions, type OptionRules } from './options.ts';

export type Floats = Float32Array | Float64Array;
export type GroupOptions = Record<string, unknown>;
/** Parameters that share options, as given: options left out are the optimizer's. */
export interface GroupSpec extends GroupOptions {
  readonly params: Iterable<Tensor>;
}
/** What an optimizer is given: parameters, or groups of them. */
export type Params = Iterable<Tensor> | Iterable<GroupSpec>;
/** Parameters that share options; `lr` and the others may be changed between steps. */
export interface ParamGroup extends GroupOptions {
  params: Tensor[];
  lr: number;
}

/** A value of an optimizer's state. */
export type StateValue = number | Floats | null | StateValue[];
/** State of one parameter: numbers, arrays and lists of them under PyTorch's names. PyTorch's 0-d tensors are numbers. */
export type ParamState = { [name: string]: StateValue };
/** What `stateDict` gives: numbers, booleans, strings, null and typed arrays, in lists and records. */
export interface OptimizerState {
  readonly state: Readonly<Record<number, ParamState>>;
  readonly param_groups: readonly GroupOptions[];
}

/** Hears of each step: with the parameters that have a gradient, and their arrays before and after. @internal */
export interface StepHook {
  before(params: readonly Tensor[], arrays: readonly TypedArray[]): void;
  after(params: readonly Tensor[], arrays: readonly TypedArray[]): void;
}

export abstract class Optimizer {
  readonly paramGroups: ParamGroup[] = [];
  readonly defaults: GroupOptions;
  /** @internal */
  readonly hooks: StepHook[] = [];
  protected readonly state = new Map<Tensor, ParamState>();
  protected readonly name: string;
  readonly #rules: OptionRules;

  /** `params` null: the groups are another optimizer's. */
  constructor(name: string, rules: OptionRules, params: Params | null, options: object) {
    this.name = name;
    this.#rules = rules;
    this.defaults = { ...checkOptions(name, rules, options) };
    if (!params) return;
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

  /** Add parameters with options of their own. */
  addParamGroup({ params, ...options }: GroupSpec): void {
    const list = params instanceof Tensor ? [params] : [...params];
    for (const p of list) {
      if (!(p instanceof Tensor))
        throw new ArgError(`${this.name}: optimizer can only optimize Tensors, but one of the params is ${show(p)}`);
      if (!p.isLeaf) throw new ArgError(`${this.name}: can't optimize a non-leaf Tensor`);
    }
    const known = this.paramGroups.flatMap((group) => group.params);
    if (new Set([...known, ...list]).size < known.length + list.length)
      throw new ArgError(`${this.name}: some parameters appear in more than one parameter group`);
    const where = `${this.name}.groups[${this.paramGroups.length}]`;
    const checked = checkOptions(where, this.#rules, { ...this.defaults, ...options });
    // the group's own come first in PyTorch's dicts
    this.paramGroups.push({ params: list, ...options, ...checked } as ParamGroup);
  }

  /** All parameters, in the order that `stateDict` counts them. */
  protected params(): Tensor[] {
    return this.paramGroups.flatMap(({ params }) => params);
  }

  /** Forget the gradients of all parameters. */
  zeroGrad(): void {
    for (const { params } of this.paramGroups) for (const p of params) p.grad = null;
  }

  /**
   * Compute the gradients, in one run with the losses they come from, and update the parameters in place. `closure` clears
   * the gradients, computes the loss, calls backward and returns the loss.
   */
  abstract step<T extends Tensor | undefined = undefined>(closure?: () => T | Promise<T>): Promise<T>;

  /** Losses, and gradients of leaves that others look after: what would be lost when the parameters change. */
  protected pending(): Node[] {
    const walks = new Set<Walk>();
    for (const { params } of this.paramGroups) {
      for (const p of params) {
        if (!p.grad) continue;
        if (p.walks) for (const walk of p.walks) walks.add(walk);
        p.walks = null;
      }
    }
    const nodes = new Set<Node>();
    for (const { roots, leaves } of walks) {
      for (const root of roots) nodes.add(root);
      if (mode.trace) continue;
      for (const { grad } of leaves) if (grad) nodes.add(grad.node);
    }
    return [...nodes];
  }

  /** State of a parameter that is updated for the first time. */
  protected init(_p: Tensor, _group: ParamGroup): ParamState {
    return {};
  }

  /**
   * Called before the updates of a step, for what is made for all parameters at once. `arrays` hold the parameters' values (not
   * when a state dict is loaded) and may be replaced by others with the same values.
   */
  protected prepare(_params: readonly Tensor[], _arrays: TypedArray[] | null): void {}

  /** The length of a parameter's state arrays that `init` does not make. */
  protected stateSize(p: Tensor): number {
    return numel(p.shape);
  }

  /** State by the parameter's position, and the groups, under PyTorch's names. */
  stateDict(): OptimizerState {
    const all = new Map(this.params().map((p, i) => [p, i]));
    const state: Record<number, ParamState> = {};
    for (const [p, i] of all) {
      const own = this.state.get(p);
      if (own && Object.keys(own).length > 0) state[i] = copyOf(own);
    }
    const param_groups = this.paramGroups.map(({ params, ...options }) => ({
      ...copyOf(options),
      params: params.map((p) => all.get(p)),
    }));
    return { state, param_groups };
  }

  /** Take over what `stateDict` of an optimizer with the same groups gave; it is copied. Nothing is changed unless all of it fits. */
  loadStateDict({ state, param_groups }: OptimizerState): void {
    this.#checkGroups(param_groups);
    const all = this.params();
    const stray = Object.keys(state).find((index) => !all[Number(index)]);
    if (stray !== undefined) {
      throw new TorcharcError(`${this.name}: loaded state dict has state for parameter ${stray}, which does not exist`);
    }
    this.prepare(
      all.filter((_, i) => state[i]),
      null,
    );
    const groups = this.paramGroups.flatMap((group, i) => {
      const loaded = { ...group, ...copyOf(param_groups[i]!), params: group.params };
      return group.params.map(() => loaded);
    });
    const fresh = all.map((p, i) => (state[i] ? this.init(p, groups[i]!) : null));
    fresh.forEach((own, i) => {
      if (own) this.#checkState(i, this.stateSize(all[i]!), state[i]!, own);
    });
    for (const [i, p] of all.entries()) {
      const own = this.state.get(p) ?? fresh[i]!;
      if (state[i]) this.state.set(p, assign(own, state[i]));
      else this.state.delete(p);
    }
    this.paramGroups.forEach((group, i) => {
      const { params: _params, ...options } = copyOf(param_groups[i]!);
      for (const key of Object.keys(group))
        if (key !== 'params' && !Object.hasOwn(this.#rules, key) && !Object.hasOwn(options, key)) delete group[key];
      Object.assign(group, options);
    });
  }

  #checkGroups(groups: readonly GroupOptions[]): void {
    if (!Array.isArray(groups) || groups.length !== this.paramGroups.length) {
      throw new TorcharcError(`${this.name}: loaded state dict has a different number of parameter groups`);
    }
    groups.forEach((group, i) => {
      if ((group?.params as number[] | undefined)?.length !== this.paramGroups[i]!.params.length) {
        throw new TorcharcError(
          `${this.name}: loaded state dict contains a parameter group that doesn't match the size of optimizer's group`,
        );
      }
      for (const [key, rule] of Object.entries(this.#rules)) {
        const value = group[key];
        // a schedule may have led a number out of the range for a beginning
        if (value === undefined || rule.ok(value) || sameKind(value, rule.default)) continue;
        throw new TorcharcError(
          `${this.name}: loaded state dict has ${show(value)} as ${key} of group ${i}, expected ${rule.expected}`,
        );
      }
    });
  }

  /** Whether saved state has all that `init` makes, and arrays as long. */
  #checkState(index: number, size: number, saved: ParamState, own: ParamState): void {
    const fail = (what: string) => {
      throw new TorcharcError(`${this.name}: loaded state dict ${what} for parameter ${index}`);
    };
    const missing = Object.keys(own).find((key) => !Object.hasOwn(saved, key));
    if (missing) fail(`has no ${missing}`);
    for (const [key, value] of Object.entries(saved)) {
      const into = own[key];
      if (into !== undefined && isFloats(into) !== isFloats(value))
        fail(`has ${show(value)} as ${key}, expected ${isFloats(into) ? 'an array' : 'a number'}`);
      const length = isFloats(into) ? into.length : size;
      for (const array of [value].flat(2).filter(isFloats))
        if (array.length !== length) fail(`has ${array.length} elements of ${key}, expected ${length},`);
    }
  }

  /** What Python prints. */
  toString(): string {
    const groups = this.paramGroups.map(({ params: _params, ...options }, i) => {
      const lines = Object.keys(options)
        .sort()
        .map((key) => `    ${key}: ${python(options[key])}\n`);
      return `Parameter Group ${i}\n${lines.join('')}`;
    });
    return `${this.name} (\n${groups.join('\n')})`;
  }
}

/** Whether both are numbers, or lists of as many. */
function sameKind(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((v, i) => sameKind(v, b[i]));
  return typeof a === 'number' && typeof b === 'number';
}

function isFloats(value: unknown): value is Floats {
  return value instanceof Float32Array || value instanceof Float64Array;
}

/** A copy of numbers, arrays, lists and records of them. */
function copyOf<T>(value: T): T {
  const copy = (v: unknown): unknown => {
    if (Array.isArray(v)) return v.map(copy);
    if (isFloats(v)) return v.slice();
    if (typeof v !== 'object' || v === null) return v;
    return Object.fromEntries(Object.entries(v).map(([key, entry]) => [key, copy(entry)]));
  };
  return copy(value) as T;
}

/** Put saved state in the place of a parameter's own, into the same arrays where there are some. */
function assign(own: ParamState, saved: ParamState): ParamState {
  for (const key of Object.keys(own)) if (!Object.hasOwn(saved, key)) delete own[key];
  for (const [key, value] of Object.entries(saved)) {
    const into = own[key];
    if (isFloats(into) && isFloats(value)) into.set(value);
    else own[key] = copyOf(value);
  }
  return own;
}
