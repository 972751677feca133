/** Arcs with `layers`: a stack of one layer type, each followed by what `batch_norm`, `activation` and `dropout` ask for. */
import { show } from '../nn/args.ts';
import { Sequential } from '../nn/container.ts';
import { Module } from '../nn/module.ts';
import type { Shape } from '../tensor/shape.ts';
import type { Issue } from '../util/errors.ts';
import { construct, moduleType } from './registry.ts';

const convArgs = ['out_channels', 'kernel_size', 'stride', 'padding', 'dilation', 'groups', 'bias', 'padding_mode'];
const transposedArgs = [...convArgs.slice(0, 4), 'output_padding', 'groups', 'bias', 'dilation', 'padding_mode'];
/** For each type that may be stacked: what it calls its input, and its further arguments in the order of a `layers` entry. */
export const stackable: Readonly<Record<string, { input: string; args: readonly string[] }>> = {
  Linear: { input: 'in_features', args: ['out_features', 'bias'] },
  Conv1d: { input: 'in_channels', args: convArgs },
  Conv2d: { input: 'in_channels', args: convArgs },
  Conv3d: { input: 'in_channels', args: convArgs },
  ...Object.fromEntries([1, 2, 3].map((n) => [`ConvTranspose${n}d`, { input: 'in_channels', args: transposedArgs }])),
};

const additions = ['batch_norm', 'activation', 'dropout'] as const;
const known = ['type', 'in_names', 'init', 'in_features', 'in_shape', 'dag_in_shape', 'layers', ...additions];

/** Build the stack; `input`: the number of features or channels that come in, if it is known already. */
export function buildLayers(spec: Readonly<Record<string, unknown>>, input: Shape | null): Module | Issue[] {
  const issues: Issue[] = [];
  const type = spec.type as string;
  const kind = stackable[type];
  if (!kind) {
    return [
      { path: 'layers', message: `${type} takes no layers; those that do are ${Object.keys(stackable).join(', ')}` },
    ];
  }
  for (const key of Object.keys(spec)) {
    if (!known.includes(key)) {
      issues.push({
        path: key,
        message: `has no meaning beside layers; an entry of layers may say it: [${kind.args.join(', ')}]`,
      });
    }
  }
  const { layers, batch_norm = null } = spec;
  if (batch_norm !== null && !['boolean', 'number'].includes(typeof batch_norm))
    issues.push({ path: 'batch_norm', message: `expected true or false, got ${show(batch_norm)}` });
  if (!Array.isArray(layers) || layers.length === 0) {
    return [...issues, { path: 'layers', message: `expected a list of sizes or argument lists, got ${show(layers)}` }];
  }
  let size = inputSize(type, spec, input, issues);
  const dims = /\d/.exec(type)?.[0] ?? '1';
  const follow = Object.keys(spec).filter((key) => additions.includes(key as never) && isTruthy(spec[key]));
  const modules: Module[] = [];
  const add = (path: string, typeName: unknown, options: Record<string, unknown>) => {
    const found = moduleType(typeName);
    const made = typeof found === 'function' ? construct(found, options) : [{ path: '', message: found.message }];
    if (made instanceof Module) modules.push(made);
    else
      for (const { path: inner, message } of made)
        report(issues, path, `${inner ? `${String(typeName)}.${inner}: ` : ''}${message}`);
  };
  layers.forEach((entry: unknown, i) => {
    const values = Array.isArray(entry) ? entry : [entry];
    if (values.length > kind.args.length) {
      issues.push({
        path: `layers[${i}]`,
        message: `expected at most ${kind.args.length} arguments (${kind.args.join(', ')}), got ${values.length}`,
      });
      return;
    }
    const options = Object.fromEntries(values.map((value, k) => [kind.args[k]!, value as unknown]));
    add(`layers[${i}]`, type, { [kind.input]: size ?? 1, ...options });
    size = typeof values[0] === 'number' ? values[0] : size;
    for (const key of follow) {
      if (key === 'batch_norm')
        add('batch_norm', `BatchNorm${dims}d`, { num_features: Number.isInteger(size) ? size : 1 });
      if (key === 'activation') add('activation', spec.activation, {});
      if (key === 'dropout') add('dropout', dims === '1' ? 'Dropout' : `Dropout${dims}d`, { p: spec.dropout });
    }
  });
  if (issues.length > 0) return issues;
  const stack = new Sequential(modules);
  stacks.set(stack, spec.in_shape);
  return stack;
}

/** The stacks that were built, with the `in_shape` of their specs. */
export const stacks = new WeakMap<Module, unknown>();

/** One message a path: the same follows every layer. */
function report(issues: Issue[], path: string, message: string): void {
  if (!issues.some((issue) => issue.path === path && issue.message === message)) issues.push({ path, message });
}

function isTruthy(value: unknown): boolean {
  return !(!value || (Array.isArray(value) && value.length === 0));
}

function inputSize(
  type: string,
  spec: Readonly<Record<string, unknown>>,
  input: Shape | null,
  issues: Issue[],
): number | undefined {
  if (input) return type === 'Linear' ? input.at(-1) : input[1];
  if (type === 'Linear') {
    const { in_features } = spec;
    if (typeof in_features === 'number' && Number.isInteger(in_features) && in_features >= 0) return in_features;
    issues.push({
      path: 'in_features',
      message:
        in_features === undefined
          ? 'missing required argument (a non-negative integer)'
          : `expected a non-negative integer, got ${show(in_features)}`,
    });
    return undefined;
  }
  const { in_shape } = spec;
  const channels = Array.isArray(in_shape) ? (in_shape[0] as unknown) : undefined;
  if (typeof channels === 'number' && Number.isInteger(channels) && channels >= 0) return channels;
  issues.push({
    path: 'in_shape',
    message:
      in_shape === undefined
        ? 'missing required argument (a shape, channels first)'
        : `expected a shape of non-negative integers, channels first, got ${show(in_shape)}`,
  });
  return undefined;
}
