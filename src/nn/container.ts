import type { Tensor } from '../tensor/tensor.ts';
import { Dict, List, type Named, pairs } from './collection.ts';
import { Module, type Parameter } from './module.ts';

/**
 * Modules called one after the other: given in a row, in an array, or by name in a record or Map.
 * https://pytorch.org/docs/stable/generated/torch.nn.Sequential.html
 */
export class Sequential extends List<Module> {
  constructor(...modules: readonly Module[] | readonly [readonly Module[] | Named<Module>]) {
    super('module');
    const [first] = modules;
    if (modules.length !== 1 || first instanceof Module) this.extend(modules as readonly Module[]);
    else if (Array.isArray(first) && !first.every(Array.isArray)) this.extend(first);
    else for (const [name, module] of pairs('Sequential', first as Named<Module>)) this.put(name, module);
  }

  /** Those from `start` to before `end` as a Sequential, under the same names. */
  slice(start?: number, end?: number): Sequential {
    return new Sequential([...this.entries()].slice(start, end));
  }

  override forward(x: Tensor): Tensor {
    return this.values().reduce<unknown>((value, module) => module.forward(value as never), x) as Tensor;
  }
}

/**
 * A list of modules, called by whoever holds it: an array or another iterable of them.
 * https://pytorch.org/docs/stable/generated/torch.nn.ModuleList.html
 */
export class ModuleList<M extends Module = Module> extends List<M> {
  constructor(modules: Iterable<M> = []) {
    super('module');
    this.extend(modules);
  }

  /** Those from `start` to before `end` as a ModuleList. */
  slice(start?: number, end?: number): ModuleList<M> {
    return new ModuleList(this.values().slice(start, end));
  }

  /** Equal lines in a row are one. */
  protected override childLines(): string[] {
    const runs: { text: string; from: number; to: number }[] = [];
    for (const [i, module] of this.values().entries()) {
      const [text, last] = [String(module), runs.at(-1)];
      if (last?.text === text) last.to = i;
      else runs.push({ text, from: i, to: i });
    }
    return runs.map(({ text, from, to }) =>
      from === to ? `(${from}): ${text}` : `(${from}-${to}): ${to - from + 1} x ${text}`,
    );
  }
}

/**
 * Modules by name, called by whoever holds it: a record, a Map, or pairs.
 * https://pytorch.org/docs/stable/generated/torch.nn.ModuleDict.html
 */
export class ModuleDict<M extends Module = Module> extends Dict<M> {
  constructor(modules: Named<M> = {}) {
    super('module');
    this.update(modules);
  }
}

const tensorTypes: Readonly<Record<string, string>> = {
  float64: 'Double',
  float32: 'Float',
  float16: 'Half',
  int64: 'Long',
  int32: 'Int',
  uint8: 'Byte',
  bool: 'Bool',
};

/** The lines of parameters, as PyTorch indents them. */
function parameterLines(entries: Iterable<[string, Parameter]>, typeOf: (p: Parameter) => string): string {
  return [...entries]
    .map(([name, p]) => `  (${name}): Parameter containing: [${typeOf(p)} of size ${p.shape.join('x')}]`)
    .join('\n');
}

/**
 * A list of parameters: an array or another iterable of them, or of tensors to be made parameters.
 * https://pytorch.org/docs/stable/generated/torch.nn.ParameterList.html
 */
export class ParameterList extends List<Parameter> {
  constructor(values: Iterable<Tensor> = []) {
    super('parameter');
    this.extend(values as Iterable<Parameter>);
  }

  /** Those from `start` to before `end` as a ParameterList. */
  slice(start?: number, end?: number): ParameterList {
    return new ParameterList(this.values().slice(start, end));
  }

  override extraRepr(): string {
    return parameterLines(this.entries(), (p) => `torch.${p.dtype}`);
  }
}

/**
 * Parameters by name: a record, whose names are sorted as PyTorch does a dict's, a Map, or pairs, which keep their order. Tensors are
 * made parameters. https://pytorch.org/docs/stable/generated/torch.nn.ParameterDict.html
 */
export class ParameterDict extends Dict<Parameter> {
  constructor(parameters: Named<Tensor> = {}) {
    super('parameter');
    this.update(parameters as Named<Parameter>);
  }

  override update(named: Named<Parameter>): this {
    const isRecord = !(named instanceof Module) && !(Symbol.iterator in named);
    return super.update(isRecord ? Object.entries(named).sort(([a], [b]) => (a < b ? -1 : 1)) : named);
  }

  override extraRepr(): string {
    return parameterLines(this.entries(), (p) => `torch.${tensorTypes[p.dtype]}Tensor`);
  }
}
