/** Models back to arcs. */
import * as z from 'zod';
import { show } from '../nn/args.ts';
import { Container } from '../nn/collection.ts';
import { Sequential } from '../nn/container.ts';
import { type Module, type Parameter, typeName } from '../nn/module.ts';
import type { Aval } from '../tensor/tensor.ts';
import { Tensor } from '../tensor/tensor.ts';
import { ArcError, type Issue } from '../util/errors.ts';
import { type ModuleClass, optionsOf } from './construct.ts';
import { DAGNet } from './dag.ts';
import { GraphModule } from './graph.ts';
import { initOf } from './init.ts';
import { stacks } from './layers.ts';
import { layersSpec, type Said } from './layers-spec.ts';
import { type Plan, Source, type Sources } from './plan.ts';
import { moduleTypes } from './registry.ts';
import { joined, type Spec } from './spec.ts';

/**
 * The arc of a model, in the format it was built from: options that are not the default ones, `compact` written out, modules in the
 * order of the state. `build` of it gives the same model with fresh weights, and `toSpec` of that the same arc. It is plain data; JSON
 * can hold it unless an option is infinite, YAML always.
 *
 * Models made with `nn` have one too: `{ type, … }`, or for a Sequential `{ Sequential: [ … ] }`. Throws an ArcError with the path of
 * each module or option that no arc can say: a class that is not registered, a function or a module as an option, names of a
 * Sequential's own, a module or parameter in two places. What was put in place of a part of a single module is not seen.
 */
export function toSpec(model: Module): Record<string, unknown> {
  const writer = new Writer();
  const spec = writer.arc(model);
  if (writer.issues.length > 0) throw new ArcError(writer.issues);
  return { ...spec };
}

class Writer {
  readonly issues: Issue[] = [];
  /** Where modules and parameters are. */
  readonly #places = new Map<Module | Parameter, string>();

  arc(model: Module): Spec {
    if (model instanceof GraphModule) return this.#graph(model.plan);
    if (model instanceof DAGNet) return this.#dag(model);
    if (!(model instanceof Sequential)) return this.#older('', model, false);
    const stack = this.#stack('', model, false);
    // what was built from layers and changed since is a Sequential like any other
    if (!stack) this.issues.length = 0;
    return stack ?? this.#newer('', model);
  }

  #report(path: string, message: string): void {
    this.issues.push({ path, message });
  }

  // ---- the older format

  #dag(model: DAGNet): Spec {
    const { inputs } = model.plan;
    const shapes = inputs.map(({ name, aval }) => [name, aval!.shape.slice(1)] as const);
    const [[name, shape] = []] = shapes;
    const modules = model.modulesByName.map(({ name, module, inNames }): [string, Spec] => {
      const { type, ...options } = this.#older(name, module, true);
      return [name, { type, ...(inNames ? { in_names: [...inNames] } : {}), ...options }];
    });
    return { dag_in_shape: name === '' ? shape : Object.fromEntries(shapes), ...Object.fromEntries(modules) };
  }

  /** `{ type, …, init }`. */
  #older(path: string, module: Module, inDAG: boolean): Spec {
    if (module instanceof Sequential) {
      const stack = this.#stack(path, module, inDAG);
      if (!stack) this.#report(path, "expected what 'layers' can say, got a Sequential of other modules");
      return stack ?? {};
    }
    this.#once(path, module);
    const { type, options } = this.#said(path, module, inDAG);
    return { type, ...options, ...this.#init(path, module) };
  }

  #init(path: string, module: Module): Spec {
    const init = initOf(module);
    return init === undefined ? {} : { init: this.#plain(joined(path, 'init'), init) };
  }

  /** `{ type, layers, … }`, or null where a Sequential is no stack. */
  #stack(path: string, module: Sequential, inDAG: boolean): Spec | null {
    if (!stacks.has(module)) return null;
    const children = [...module.entries()];
    const found = layersSpec(children.map(([name, child]) => this.#said(joined(path, name), child, false)));
    if (!found) return null;
    for (const [name, child] of children) this.#once(joined(path, name), child);
    const { type, ...rest } = found.spec;
    const [key, size] = found.input;
    const shape = stacks.get(module);
    const in_shape = Array.isArray(shape) && shape[0] === size ? [...(shape as unknown[])] : [size];
    const input = inDAG ? {} : key === 'in_features' ? { in_features: size } : { in_shape };
    return { type, ...input, ...rest, ...this.#init(path, module) };
  }

  // ---- the graph format

  #graph({ inputs, calls, output }: Plan): Spec {
    const modules = new Map(calls.map(({ key, module }) => [key, module]));
    const refs = (sources: Sources): unknown => {
      if (sources instanceof Source) return sources.of.name;
      if (Array.isArray(sources)) return sources.map(refs);
      return Object.fromEntries(Object.entries(sources).map(([key, entry]) => [key, refs(entry as Sources)]));
    };
    const given = inputs.map(({ name, aval }) => [name, aval && inputSpec(aval)] as const);
    const names = given.map(([name]) => name);
    return {
      modules: Object.fromEntries([...modules].map(([key, module]) => [key, this.#newer(`modules.${key}`, module)])),
      graph: {
        input: given.some(([, shape]) => shape) ? Object.fromEntries(given) : names.length === 1 ? names[0] : names,
        modules: Object.fromEntries(
          calls.map(({ name, args, keywords }) => [
            name,
            Object.keys(keywords).length > 0 ? refs(keywords) : refs(args),
          ]),
        ),
        output: refs(output),
      },
    };
  }

  /** `{ Type: options }`, or `{ Sequential: [ … ] }`. */
  #newer(path: string, module: Module): Spec {
    this.#once(path, module);
    if (module.constructor !== Sequential) {
      const { type, options } = this.#said(path, module, false);
      return { [type]: options };
    }
    const at = joined(path, 'Sequential');
    return {
      Sequential: [...(module as Sequential).entries()].map(([name, child], i) => {
        if (name !== String(i)) this.#report(`${at}[${i}]`, `expected the name ${i} in a Sequential, got '${name}'`);
        return this.#newer(`${at}[${i}]`, child);
      }),
    };
  }

  // ---- what both have in common

  /** What an arc says twice is made twice. */
  #once(path: string, module: Module): void {
    const parameters = module instanceof Sequential ? [] : module.parameters();
    for (const held of [module, ...parameters]) {
      const before = this.#places.get(held);
      if (before === undefined) this.#places.set(held, path);
      else {
        this.#report(path, `shares what is at '${before}', which an arc cannot say`);
        return;
      }
    }
  }

  /** The type and options of a module; in a DAG with those that it would get from there if they were not said. */
  #said(path: string, module: Module, inDAG: boolean): Said {
    const type = typeName(module.constructor);
    const known = moduleTypes().get(type);
    if (known !== module.constructor) {
      const why = module instanceof Container ? 'it holds modules' : 'registerModule makes it one';
      this.#report(path, `${type} is no type that an arc can name; ${why}`);
      return { type, all: {}, options: {} };
    }
    const found = optionsOf(module);
    if (!found) this.#report(path, `the options that this ${type} was made with are not known; layer() keeps them`);
    const all = Object.entries(found ?? {})
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, this.#plain(joined(joined(path, type), key), value)] as const);
    const { table = {}, inferred = {} } = known as ModuleClass;
    const stays = (key: string) => inDAG && (Object.hasOwn(inferred, key) || key === 'shapes' || key === 'in_shapes');
    const options = all.filter(([key, value]) => (stays(key) && value !== null) || !same(value, fallback(table[key])));
    return { type, all: Object.fromEntries(all), options: Object.fromEntries(options) };
  }

  /** A copy of what JSON could hold. */
  #plain(path: string, value: unknown): unknown {
    if (Array.isArray(value)) return value.map((entry, i) => this.#plain(`${path}[${i}]`, entry));
    if (value === null || ['number', 'string', 'boolean'].includes(typeof value)) return value;
    if (typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) {
      return Object.fromEntries(
        Object.entries(value).map(([key, entry]) => [key, this.#plain(joined(path, key), entry)]),
      );
    }
    this.#report(
      path,
      `expected plain data, which an arc can say, got ${value instanceof Tensor ? 'a tensor' : show(value)}`,
    );
    return null;
  }
}

function inputSpec({ shape, dtype }: Aval): unknown {
  const size = shape.slice(1);
  return dtype === 'float32' ? size : { shape: size, dtype };
}

/** The default of an option; undefined if it has none. */
function fallback(schema: unknown): unknown {
  return schema instanceof z.ZodType ? schema.safeParse(undefined).data : undefined;
}

function same(a: unknown, b: unknown): boolean {
  return Object.is(a, b) || (typeof a === 'object' && a !== null && JSON.stringify(a) === JSON.stringify(b));
}
