/** What lists and dictionaries of modules and of parameters have in common. */
import { Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';
import { show } from './args.ts';
import { Module, Parameter, typeName } from './module.ts';

/** A value in a message; modules and tensors, which point at one another, by what they are. */
function what(value: unknown): string {
  if (value instanceof Module) return `a ${typeName(value.constructor)}`;
  if (value instanceof Tensor) return 'a tensor';
  return Array.isArray(value) ? `a list of ${value.length}` : show(value);
}

/** What a container holds, by name; in the order in which it was put there. */
export abstract class Container<T extends Module | Parameter> extends Module {
  readonly #kind: 'module' | 'parameter';
  #held = new Map<string, T>();

  constructor(kind: 'module' | 'parameter') {
    super();
    this.#kind = kind;
  }

  /** A value as one that can be held. */
  protected admit(name: string, value: unknown): T {
    const admit = this.#kind === 'module' ? asModule : asParameter;
    return admit(this.who(), name, value) as T;
  }

  protected put(name: string, value: unknown): void {
    this.#held.set(name, this.admit(name, value));
  }

  protected override place(name: string, module: Module): void {
    this.put(name, module);
  }

  /** Hold these, under these names, and nothing else. */
  protected hold(entries: Iterable<readonly [string, T]>): void {
    this.#held = new Map(entries);
  }

  override *entries(): Iterable<[string, T]> {
    yield* this.#held;
  }

  get length(): number {
    return this.#held.size;
  }

  keys(): string[] {
    return [...this.#held.keys()];
  }

  values(): T[] {
    return [...this.#held.values()];
  }

  /** The one of a name, or at a position; from the end if it is negative. */
  get(key: string | number): T {
    const found = typeof key === 'number' ? this.values().at(key) : this.#held.get(key);
    if (found) return found;
    throw new ArgError(`${this.who()}: no ${this.#kind} ${show(key)}; it has ${this.keys().join(', ') || 'none'}`);
  }

  /** Take all out. */
  clear(): void {
    this.#held.clear();
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#held.values();
  }

  protected who(): string {
    return typeName(this.constructor);
  }

  override forward(..._inputs: never[]): unknown {
    throw new ArgError(
      `${this.who()}: has no forward; ${this.#kind === 'module' ? 'call the modules' : 'use the parameters'} in it`,
    );
  }
}

/** A container that is a list: its names are the positions, until it is given others. */
export abstract class List<T extends Module | Parameter> extends Container<T> {
  /** Put a value at the end. */
  append(value: T): this {
    this.put(String(this.length), value);
    return this;
  }

  /** Put values at the end. */
  extend(values: Iterable<T>): this {
    if (typeof values !== 'object' || values === null || !(Symbol.iterator in values)) {
      throw new ArgError(`${this.who()}: extend should be called with an iterable, but got ${what(values)}`);
    }
    for (const value of [...values]) this.append(value);
    return this;
  }

  /** Put a value before the one at a position; the names are the positions from then on. */
  insert(index: number, value: T): this {
    const at = this.position(index, this.length);
    this.renumber(this.values().toSpliced(at, 0, this.admit(String(at), value)));
    return this;
  }

  /** Put a value in the place of the one at a position, under its name. */
  set(index: number, value: T): this {
    this.put(this.keys()[this.position(index, this.length - 1)]!, value);
    return this;
  }

  /** Take out the one at a position, the last unless said, and return it; the names are the positions from then on. */
  pop(index = -1): T {
    const at = this.position(index, this.length - 1);
    const values = this.values();
    this.renumber(values.toSpliced(at, 1));
    return values[at]!;
  }

  /** Take out those from `start` to before `end`, just the one at `start` unless said. */
  delete(start: number, end?: number): void {
    const at = this.position(start, this.length - 1);
    const to = end === undefined ? at + 1 : end < 0 ? end + this.length : end;
    this.renumber(this.values().toSpliced(at, Math.max(0, to - at)));
  }

  private renumber(values: readonly T[]): void {
    this.hold(values.map((value, i) => [String(i), value] as const));
  }

  private position(index: number, last: number): number {
    const at = index < 0 ? index + this.length : index;
    if (Number.isInteger(at) && at >= 0 && at <= last) return at;
    throw new ArgError(`${this.who()}: index ${index} is out of range, it holds ${this.length}`);
  }
}

/** Values by name: a record, a Map, pairs, or a dictionary of ours. */
export type Named<T extends Module | Tensor> =
  | Readonly<Record<string, T>>
  | Iterable<readonly [string, T]>
  | Dict<T & (Module | Parameter)>;

export function pairs<T extends Module | Tensor>(who: string, named: Named<T>): [string, T][] {
  if (typeof named !== 'object' || named === null) {
    throw new ArgError(`${who}: expected values by name, got ${what(named)}`);
  }
  if (named instanceof Module) return [...named.entries()] as [string, T][];
  if (!(Symbol.iterator in named)) return Object.entries(named);
  return [...named].map((pair, i): [string, T] => {
    if (Array.isArray(pair) && pair.length === 2) return pair as [string, T];
    throw new ArgError(`${who}: expected a name and a value as element ${i}, got ${what(pair)}`);
  });
}

/** A container that is a dictionary. */
export abstract class Dict<T extends Module | Parameter> extends Container<T> {
  has(key: string): boolean {
    return this.keys().includes(key);
  }

  /** Put a value under a name, in the place of one that is there. */
  set(key: string, value: T): this {
    this.put(key, value);
    return this;
  }

  /** Put values under names, in the places of those that are there. */
  update(named: Named<T>): this {
    for (const [key, value] of pairs(this.who(), named)) this.put(key, value);
    return this;
  }

  /** Take out the one of a name. */
  delete(key: string): void {
    this.pop(key);
  }

  /** Take out the one of a name and return it. */
  pop(key: string): T {
    const value = this.get(key);
    this.hold([...this.entries()].filter(([name]) => name !== key));
    return value;
  }
}

function checkName(who: string, kind: string, name: unknown): void {
  if (typeof name !== 'string') throw new ArgError(`${who}: ${kind} name should be a string. Got ${show(name)}`);
  if (name === '') throw new ArgError(`${who}: ${kind} name can't be empty string ""`);
  if (name.includes('.')) throw new ArgError(`${who}: ${kind} name can't contain ".", got: ${name}`);
}

/** A module, under a name it can have. */
function asModule(who: string, name: string, value: unknown): Module {
  if (!(value instanceof Module)) {
    throw new ArgError(`${who}: expected modules, got ${what(value)} under '${String(name)}'`);
  }
  checkName(who, 'module', name);
  return value;
}

/** A tensor that is no parameter is made one, with a copy of its values. */
function asParameter(who: string, name: string, value: unknown): Parameter {
  checkName(who, 'parameter', name);
  if (value instanceof Parameter) return value;
  if (value instanceof Tensor) return new Parameter(value);
  throw new ArgError(`${who}: expected parameters, got ${what(value)} under '${name}'`);
}
