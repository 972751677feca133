import type { Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';
import { show } from './args.ts';
import { Module } from './module.ts';

/** Modules by name; the names may be any. */
abstract class Container extends Module {
  readonly #modules = new Map<string, Module>();

  constructor(modules: Iterable<readonly [string, Module]>) {
    super();
    for (const [name, module] of modules) {
      if (!(module instanceof Module)) {
        throw new ArgError(`${new.target.name}: expected modules, got ${show(module)} under '${name}'`);
      }
      if (name === '') throw new ArgError(`${new.target.name}: module name can't be empty string ""`);
      if (name.includes('.')) throw new ArgError(`${new.target.name}: module name can't contain ".", got: ${name}`);
      this.#modules.set(name, module);
    }
  }

  override *entries(): Iterable<[string, unknown]> {
    yield* this.#modules;
  }

  get length(): number {
    return this.#modules.size;
  }

  keys(): string[] {
    return [...this.#modules.keys()];
  }

  values(): Module[] {
    return [...this.#modules.values()];
  }

  /** The module of a name, or at a position. */
  get(key: string | number): Module {
    const found = typeof key === 'number' ? this.values().at(key) : this.#modules.get(key);
    if (found) return found;
    throw new ArgError(`${this.constructor.name}: no module ${show(key)}; it has ${this.keys().join(', ') || 'none'}`);
  }

  [Symbol.iterator](): Iterator<Module> {
    return this.#modules.values();
  }
}

function named(modules: readonly Module[] | Readonly<Record<string, Module>>): [string, Module][] {
  return Array.isArray(modules)
    ? modules.map((module, i): [string, Module] => [String(i), module])
    : Object.entries(modules as Readonly<Record<string, Module>>);
}

/** Modules called one after the other, from an array or a record. https://pytorch.org/docs/stable/generated/torch.nn.Sequential.html */
export class Sequential extends Container {
  constructor(modules: readonly Module[] | Readonly<Record<string, Module>> = []) {
    super(named(modules));
  }

  override forward(x: Tensor): Tensor {
    return this.values().reduce<unknown>((value, module) => module.forward(value as never), x) as Tensor;
  }
}

/** Modules by name, called by whoever holds it. https://pytorch.org/docs/stable/generated/torch.nn.ModuleDict.html */
export class ModuleDict extends Container {
  constructor(modules: Readonly<Record<string, Module>> | Iterable<readonly [string, Module]> = {}) {
    super(
      Symbol.iterator in modules
        ? (modules as Iterable<readonly [string, Module]>)
        : named(modules as Record<string, Module>),
    );
  }

  override forward(): never {
    throw new ArgError('ModuleDict: has no forward; call the modules in it');
  }
}
