/** Losses, optimizers and schedules from their specs, `{type, ...options}`. */
import * as losses from '../nn/loss.ts';
import type { Module } from '../nn/module.ts';
import { Combined } from '../optim/combined.ts';
import * as optim from '../optim/index.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { ArcError, type Issue, TorcharcError } from '../util/errors.ts';
import { show } from '../util/python.ts';
import { didYouMean, nearest } from '../util/suggest.ts';
import { isRecord, joined, type Spec } from './spec.ts';

/** A named class and its options, out of `{type, ...options}`. */
function typed<T>(
  what: string,
  spec: unknown,
  types: Readonly<Record<string, T>>,
): { name: string; type: T; options: Record<string, unknown> } {
  const article = /^[aeiou]/.test(what) ? 'an' : 'a';
  if (!isRecord(spec))
    throw new ArcError([{ path: '', message: `expected ${article} ${what}, a record with 'type', got ${show(spec)}` }]);
  const { type: name, ...options } = spec;
  const names = Object.keys(types);
  if (typeof name === 'string' && Object.hasOwn(types, name)) return { name, type: types[name]!, options };
  const message =
    typeof name === 'string'
      ? `unknown ${what} '${name}'${didYouMean(name, names)}; there are ${names.join(', ')}`
      : `expected the name of ${article} ${what}, got ${show(name)}`;
  throw new ArcError([{ path: 'type', message }]);
}

/** Run a constructor; its ArgError becomes an issue at the option it names. */
function constructed<T>(name: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof TorcharcError) || error instanceof ArcError) throw error;
    const match = new RegExp(`^${name}\\.([\\w.[\\]]+): (.*)$`, 's').exec(error.message);
    throw new ArcError([match ? { path: match[1]!, message: match[2]! } : { path: '', message: error.message }]);
  }
}

/** Run what may throw issues, and change where they are. */
function relocated<T>(make: () => T, path: (inner: string) => string): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof ArcError)) throw error;
    throw new ArcError(error.issues.map((issue) => ({ ...issue, path: path(issue.path) })));
  }
}

/** The loss a spec `{type, ...options}` names. The spec is not changed, and numbers stay numbers. */
export function buildCriterion(spec: unknown): Module & { forward(input: Tensor, target: Tensor): Tensor } {
  const { name, type, options } = typed(
    'criterion',
    spec,
    losses as unknown as Record<string, new (options: object) => losses.MSELoss>,
  );
  return constructed(name, () => new type(options));
}

const { Lookahead, Optimizer: _, lrScheduler, ...optimizers } = optim;
type OptimizerClass = new (params: optim.Params, options: never) => optim.Optimizer;

/**
 * The optimizer a spec `{type, ...options}` names, over all parameters of a model. With `groups: [{params: pattern, ...options}]`
 * parameters have options by their names: each is in the first group with a pattern that matches its name (`*`: anything, dots too;
 * `?`: one character; `params` may be a list of patterns), and those that are in none make a group of their own, the first. A group with a
 * `type` has an optimizer of its own, of whose options it has none but those it gives; such groups come last. Lookahead takes the spec of
 * another optimizer as `optimizer`. Throws an ArcError with every issue and its path.
 */
export function buildOptimizer(spec: unknown, model: Module): optim.Optimizer {
  const types: Record<string, OptimizerClass | typeof Lookahead> = { ...optimizers, Lookahead };
  const { name, type, options } = typed('optimizer', spec, types);
  if (type === Lookahead) {
    const { optimizer, ...own } = options;
    const inner = relocated(
      () => buildOptimizer(optimizer, model),
      (path) => joined('optimizer', path),
    );
    return constructed(name, () => new Lookahead(inner, own));
  }
  const { groups, ...own } = options;
  const make = (params: optim.Params) => constructed(name, () => new (type as OptimizerClass)(params, own as never));
  if (groups === undefined) return make(model.parameters());
  const { rest, specs } = grouped(groups, model);
  const mine = [...specs.keys()].filter((i) => specs[i]!.type === undefined);
  const first = rest.length > 0 ? 1 : 0;
  if (first + mine.length === 0)
    throw new ArcError([{ path: 'groups', message: `no parameter is left for ${name}: every group has a type` }]);
  const main = relocated(
    () => make([...(first ? [{ params: rest }] : []), ...mine.map((i) => specs[i]!)]),
    (path) => path.replace(/^groups\[(\d+)\]/, (_, i: string) => `groups[${mine[Number(i) - first]}]`),
  );
  const others = specs.flatMap(({ params, ...spec }, i) => (mine.includes(i) ? [] : [ofGroup(params, spec, i)]));
  return others.length === 0 ? main : constructed(name, () => new Combined([main, ...others]));
}

/** The optimizer of a group with a type. */
function ofGroup(params: Iterable<Tensor>, spec: Spec, i: number): optim.Optimizer {
  return relocated(
    () => {
      const { name, type, options } = typed<OptimizerClass>('optimizer', spec, optimizers);
      return constructed(name, () => new type(params, options as never));
    },
    (path) => joined(`groups[${i}]`, path),
  );
}

/** Parameter groups by patterns, and the parameters that are in none. */
function grouped(groups: unknown, model: Module): { rest: Tensor[]; specs: optim.GroupSpec[] } {
  const issues: Issue[] = [];
  const names = new Map<string, Tensor>(model.namedParameters());
  const left = new Map(names);
  const take = (group: unknown, path: string): optim.GroupSpec => {
    const fail = (message: string): optim.GroupSpec => {
      issues.push({ path, message });
      return { params: [] };
    };
    if (!isRecord(group)) return fail(`expected a group, a record with 'params', got ${show(group)}`);
    const { params: given, ...options } = group as Spec;
    const patterns: unknown[] = Array.isArray(given) ? given : [given];
    path = joined(path, 'params');
    if (patterns.length === 0 || !patterns.every((p): p is string => typeof p === 'string'))
      return fail(`expected a pattern of parameter names or a list of them, got ${show(given)}`);
    const params: Tensor[] = [];
    for (const pattern of patterns) {
      const matches = matcher(pattern);
      if (![...names.keys()].some(matches))
        fail(`no parameter's name matches '${pattern}'${patternsLike(pattern, names.keys())}`);
      for (const [name, p] of left) {
        if (!matches(name)) continue;
        params.push(p);
        left.delete(name);
      }
    }
    if (params.length === 0 && issues.every((issue) => issue.path !== path))
      fail('every parameter that matches is in an earlier group');
    return { params, ...options };
  };
  if (!Array.isArray(groups) || groups.length === 0)
    throw new ArcError([{ path: 'groups', message: `expected a list of groups, got ${show(groups)}` }]);
  const specs = groups.map((group: unknown, i) => take(group, `groups[${i}]`));
  if (issues.length > 0) throw new ArcError(issues);
  return { rest: [...left.values()], specs };
}

function matcher(pattern: string): (name: string) => boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*+/g, '.*')
    .replaceAll('?', '.');
  const expression = new RegExp(`^${source}$`);
  return (name) => expression.test(name);
}

/** The patterns that may have been meant, by what they are likely to have been misspelt from: a name or a part of it, with `*` for the rest. */
function patternsLike(pattern: string, names: Iterable<string>): string {
  const meant = new Map<string, string>();
  for (const name of names) {
    const parts = name.split('.');
    for (let from = 0; from < parts.length; from++) {
      // of a number every other is near
      if (/^\d+$/.test(parts[from]!)) continue;
      for (let to = parts.length; to > from; to--) {
        const part = parts.slice(from, to).join('.') + (to < parts.length ? '.*' : '');
        const whole = from > 0 ? `*.${part}` : part;
        meant.set(whole, whole);
        if (!meant.has(part)) meant.set(part, whole);
      }
    }
  }
  const near = new Set(nearest(pattern, meant.keys()).map((word) => meant.get(word)!));
  return near.size > 0 ? ` (did you mean ${[...near].map((word) => `'${word}'`).join(' or ')}?)` : '';
}

const { LRScheduler: __, ...schedulers } = lrScheduler;
type SchedulerClass = new (optimizer: optim.Optimizer, options: never) => optim.lrScheduler.LRScheduler;

/**
 * The learning rate schedule a spec `{type, ...options}` names; `schedulers` of SequentialLR and ChainedScheduler is a list of such specs.
 * Functions (`lr_lambda`, `scale_fn`) can only be given in code.
 */
export function buildScheduler(spec: unknown, optimizer: optim.Optimizer): optim.lrScheduler.LRScheduler {
  const { name, type, options } = typed<SchedulerClass>('scheduler', spec, schedulers);
  const inner = options.schedulers;
  if (Array.isArray(inner)) {
    options.schedulers = inner.map((each: unknown, i) =>
      relocated(
        () => buildScheduler(each, optimizer),
        (path) => joined(`schedulers[${i}]`, path),
      ),
    );
  }
  return constructed(name, () => new type(optimizer, options as never));
}
