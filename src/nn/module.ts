/** `Module` and its state. */
import { allocate, store, type TypedArray } from '../tensor/dtype.ts';
import { mode } from '../tensor/mode.ts';
import { sameShape, showShape } from '../tensor/shape.ts';
import { hostData, leaf, setState, type Tensor } from '../tensor/tensor.ts';
import { ArgError, TorcharcError } from '../util/errors.ts';
import { addHook, addPreHook, type ForwardHook, type ForwardPreHook, type HookHandle } from './hooks.ts';
import { Buffer, Parameter } from './parameter.ts';
import { attachAll, type SharedTensors, share } from './shared-memory.ts';
import { isUninitialized, materialize } from './uninitialized.ts';

export { Buffer, fresh, Parameter } from './parameter.ts';

const typeNames = new WeakMap<object, string>();

/** Fix a class's name, whatever a minifier makes of it. */
export function nameType(type: object, name: string): void {
  typeNames.set(type, name);
}

export function typeName(type: { readonly name: string }): string {
  return typeNames.get(type) ?? type.name;
}

/**
 * Base of all layers and models: a `forward` and state held in fields.
 *
 * Parameters, buffers and submodules are whatever fields (or a container's entries) hold them, in the order they were
 * assigned; nothing is registered. https://pytorch.org/docs/stable/generated/torch.nn.Module.html
 */
export abstract class Module {
  /** The options it was built with. */
  readonly args: object = {};
  #training = true;

  abstract forward(...inputs: never[]): unknown;

  /** Training mode: dropout drops, batch norm uses the batch. */
  get training(): boolean {
    mode.trace?.guard(() => this.#training);
    return this.#training;
  }

  /** Switch this module and all below it to training mode (or, with false, to evaluation mode). */
  train(flag = true): this {
    for (const module of this.modules()) module.#training = flag;
    return this;
  }

  /** Switch to evaluation mode. */
  eval(): this {
    return this.train(false);
  }

  /** Fields that are state: what `children`, `parameters` and `stateDict` see. Containers add their entries. */
  *entries(): Iterable<[string, unknown]> {
    yield* Object.entries(this);
  }

  *namedChildren(): Iterable<[string, Module]> {
    for (const [name, value] of this.entries()) if (value instanceof Module) yield [name, value];
  }

  *children(): Iterable<Module> {
    const seen = new Set<Module>();
    for (const [, child] of this.namedChildren()) {
      if (seen.has(child)) continue;
      seen.add(child);
      yield child;
    }
  }

  /** This module and all below it, each once, with dotted names; its own is ''. */
  namedModules(): [string, Module][] {
    return walk(this, true);
  }

  modules(): Module[] {
    return this.namedModules().map(([, module]) => module);
  }

  /** Parameters of this module and all below it, each once. */
  namedParameters(): [string, Parameter][] {
    return unique(this.#tensors(Parameter, walk(this, true)));
  }

  parameters(): Parameter[] {
    return this.namedParameters().map(([, p]) => p);
  }

  /** Buffers of this module and all below it, each once. */
  namedBuffers(): [string, Buffer][] {
    return unique(this.#tensors(Buffer, walk(this, true)));
  }

  buffers(): Buffer[] {
    return this.namedBuffers().map(([, b]) => b);
  }

  #tensors<T extends Tensor>(kind: new (...args: never[]) => T, modules: [string, Module][]): [string, T][] {
    return modules.flatMap(([prefix, module]) =>
      [...module.entries()]
        .filter((entry): entry is [string, T] => entry[1] instanceof kind)
        .map(([name, t]): [string, T] => [dotted(prefix, name), t]),
    );
  }

  /** The module of a dotted name; this for ''. */
  getSubmodule(path: string): Module {
    const isModule = (value: unknown): value is Module => value instanceof Module;
    const names = path === '' ? [] : path.split('.');
    return names.reduce<Module>((module, name) => found(module, name, isModule, 'nn.Module'), this);
  }

  /** Put a module where the one of a dotted name is, or where there is none yet. */
  setSubmodule(path: string, module: Module): void {
    const [parent, name] = this.#parentOf(path);
    if (!name) throw new ArgError('setSubmodule: Cannot set the submodule without a target name!');
    parent.place(name, module);
  }

  /** The parameter of a dotted name. */
  getParameter(path: string): Parameter {
    const [parent, name] = this.#parentOf(path);
    return found(parent, name, (value): value is Parameter => value instanceof Parameter, 'nn.Parameter');
  }

  /** The buffer of a dotted name. */
  getBuffer(path: string): Buffer {
    const [parent, name] = this.#parentOf(path);
    return found(parent, name, (value): value is Buffer => value instanceof Buffer, 'nn.Buffer');
  }

  #parentOf(path: string): [Module, string] {
    const dot = path.lastIndexOf('.');
    return [this.getSubmodule(path.slice(0, Math.max(0, dot))), path.slice(dot + 1)];
  }

  /** Hold a module under a name; a container does so among its entries. */
  protected place(name: string, module: Module): void {
    Object.assign(this, { [name]: module });
  }

  /**
   * Call a function with this module and the inputs before each forward pass. Inputs it returns take their place; a lone one
   * need not be in an array. In a compiled function hooks are called while it is traced.
   */
  registerForwardPreHook(hook: ForwardPreHook): HookHandle {
    return addPreHook(this, hook);
  }

  /**
   * Call a function with this module, the inputs and the output after each forward pass. What it returns, unless nothing, takes the
   * output's place. There are no hooks of the backward pass.
   */
  registerForwardHook(hook: ForwardHook): HookHandle {
    return addHook(this, hook);
  }

  /** Call `fn` on every submodule, then on this. */
  apply(fn: (module: Module) => void): this {
    for (const child of this.children()) child.apply(fn);
    fn(this);
    return this;
  }

  /**
   * Parameters and persistent buffers by dotted name, in PyTorch's order. The tensors are the module's own: they change as it
   * is trained. A tensor in two places appears under both names.
   */
  stateDict(): Map<string, Tensor> {
    const state = new Map<string, Tensor>();
    for (const [prefix, module] of walk(this, false)) {
      const own = [...module.entries()];
      for (const [name, t] of own) if (t instanceof Parameter) state.set(dotted(prefix, name), t);
      for (const [name, t] of own) if (t instanceof Buffer && t.persistent) state.set(dotted(prefix, name), t);
    }
    return state;
  }

  /**
   * Copy values into parameters and buffers. With `strict` (the default) the keys must be exactly those of `stateDict`;
   * returns the keys that were missing and unexpected. Nothing is changed unless everything fits.
   */
  loadStateDict(
    state: ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>,
    { strict = true }: { strict?: boolean } = {},
  ): { missing_keys: string[]; unexpected_keys: string[] } {
    const given = state instanceof Map ? (state as ReadonlyMap<string, Tensor>) : new Map(Object.entries(state));
    const own = this.stateDict();
    const missing_keys = [...own.keys()].filter((key) => !given.has(key));
    const unexpected_keys = [...given.keys()].filter((key) => !own.has(key));
    const quote = (keys: string[]) => keys.map((key) => `"${key}"`).join(', ');
    const problems: string[] = [];
    if (strict && unexpected_keys.length > 0)
      problems.push(`Unexpected key(s) in state_dict: ${quote(unexpected_keys)}`);
    if (strict && missing_keys.length > 0) problems.push(`Missing key(s) in state_dict: ${quote(missing_keys)}`);
    for (const [key, t] of own) {
      const value = given.get(key);
      // what has no shape yet takes any
      if (value && !isUninitialized(t) && !sameShape(value.shape, t.shape)) {
        problems.push(
          `size mismatch for ${key}: copying a param with shape ${showShape(value.shape)} from checkpoint, the shape in current model is ${showShape(t.shape)}`,
        );
      }
    }
    if (problems.length > 0) {
      throw new TorcharcError(
        `Error(s) in loading state_dict for ${typeName(this.constructor)}: ${problems.join('; ')}`,
      );
    }
    const copies = [...own].flatMap(([key, t]) => {
      const value = given.get(key);
      if (!value || isUninitialized(value)) return [];
      return [[t, leaf(converted(value, t, key), { shape: value.shape, dtype: t.dtype })] as const];
    });
    for (const [t, node] of copies) {
      if (isUninitialized(t)) materialize(t, node);
      else setState(t, node);
    }
    return { missing_keys, unexpected_keys };
  }

  /**
   * Put parameters and buffers into memory that threads share; what it returns can be posted to them, for `attach`. From then on
   * they change in place, whoever changes them: a value that is still pending may see a change. Parameters of a lazy module must be
   * there.
   */
  shareMemory(): SharedTensors {
    return Object.fromEntries(this.#shareable().map(([name, t]) => [name, share(t)]));
  }

  /** Use the parameters and buffers that a model of the same arc shares in another thread. Nothing is changed unless all fit. */
  attach(shared: SharedTensors): void {
    attachAll(typeName(this.constructor), this.#shareable(), shared);
  }

  #shareable(): [string, Tensor][] {
    return [...this.namedParameters(), ...this.namedBuffers()];
  }

  /** Forget the gradients of all parameters. */
  zeroGrad(): void {
    for (const p of this.parameters()) p.grad = null;
  }

  /** Whether all parameters require gradients. */
  requiresGrad_(flag = true): this {
    for (const p of this.parameters()) p.requiresGrad = flag;
    return this;
  }

  /** What stands between the parentheses when it is printed. */
  extraRepr(): string {
    return '';
  }

  /** What Python prints. */
  toString(): string {
    const extra = this.extraRepr();
    const lines = this.childLines();
    const name = typeName(this.constructor);
    if (lines.length === 0)
      return extra.includes('\n') ? `${name}(\n  ${extra.replaceAll('\n', '\n  ')}\n)` : `${name}(${extra})`;
    return `${name}(\n  ${[...(extra ? [extra] : []), ...lines].join('\n').replaceAll('\n', '\n  ')}\n)`;
  }

  /** The lines of the submodules in `toString`. */
  protected childLines(): string[] {
    return [...this.namedChildren()].map(([name, child]) => `(${name}): ${child}`);
  }
}

function found<T>(module: Module, name: string, is: (value: unknown) => value is T, kind: string): T {
  const entry = [...module.entries()].find(([key]) => key === name);
  if (!entry) throw new ArgError(`${typeName(module.constructor)} has no attribute \`${name}\``);
  if (!is(entry[1])) throw new ArgError(`${typeName(module.constructor)}: \`${name}\` is not an ${kind}`);
  return entry[1];
}

function dotted(prefix: string, name: string): string {
  return prefix ? `${prefix}.${name}` : name;
}

/** A module and all below it in order; each once, or under every name it has. */
function walk(root: Module, once: boolean): [string, Module][] {
  const found: [string, Module][] = [];
  const seen = new Set<Module>();
  const todo: [string, Module][] = [['', root]];
  while (todo.length > 0) {
    const [name, module] = todo.pop()!;
    if (once && seen.has(module)) continue;
    seen.add(module);
    found.push([name, module]);
    const below = [...module.namedChildren()];
    for (const [child, m] of below.reverse()) todo.push([dotted(name, child), m]);
  }
  return found;
}

function unique<T>(entries: [string, T][]): [string, T][] {
  const seen = new Set<T>();
  return entries.filter(([, value]) => !seen.has(value) && seen.add(value));
}

function converted(value: Tensor, into: Tensor, key: string): TypedArray {
  const data = hostData(value, `loadStateDict: ${key}`);
  if (value.dtype === into.dtype) return data.slice() as TypedArray;
  if (value.dtype === 'float16' || into.dtype === 'float16') {
    throw new ArgError(
      `loadStateDict: ${key}: cannot copy ${value.dtype} into ${into.dtype}; convert it with to() first`,
    );
  }
  const copy = allocate(into.dtype, data.length);
  for (let i = 0; i < data.length; i++) store(copy, into.dtype, i, data[i]!);
  return copy;
}
