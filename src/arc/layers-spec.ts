/** The way back from the modules of a stack to a spec with `layers`. */
import { stackable } from './layers.ts';
import type { Spec } from './spec.ts';

/** A module of a stack: its type, all its options, and those that are not the default ones. */
export interface Said {
  readonly type: string;
  readonly all: Spec;
  readonly options: Spec;
}

/** `type`, `layers` and what follows each layer, or null where they cannot say these modules; and what comes in. */
export function layersSpec(
  modules: readonly Said[],
): { spec: Spec; input: readonly [key: string, size: unknown] } | null {
  const type = modules[0]?.type ?? '';
  const kind = stackable[type];
  if (!kind) return null;
  const starts = modules.flatMap((module, i) => (module.type === type ? [i] : []));
  const groups = starts.map((start, i) => modules.slice(start, starts[i + 1])) as [Said, ...Said[]][];
  const sizes = groups.map(([{ all }]) => [all[kind.input], all[kind.args[0]!]] as const);
  if (sizes.some(([size], i) => i > 0 && size !== sizes[i - 1]![1])) return null;
  const layers = groups.map(([layer]) => entryOf(layer, kind));
  const follow = groups.map(([layer, ...others]) => followOf(layer, others));
  const same = follow.every((each) => JSON.stringify(each) === JSON.stringify(follow[0]));
  if (!same || follow[0] === null || layers.includes(null)) return null;
  return { spec: { type, layers, ...follow[0] }, input: [kind.input, sizes[0]![0]] };
}

/** An entry of `layers`: a size, or options by position. */
function entryOf({ all, options }: Said, { input, args }: { input: string; args: readonly string[] }): unknown {
  const own = Object.keys(options).filter((key) => key !== input);
  if (own.some((key) => !args.includes(key))) return null;
  const count = Math.max(...own.map((key) => args.indexOf(key) + 1));
  return count === 1 ? all[args[0]!] : args.slice(0, count).map((key) => all[key]);
}

/** What `batch_norm`, `activation` and `dropout` would have to be, or null where no way of theirs gives these modules. */
function followOf(layer: Said, others: readonly Said[]): Spec | null {
  const dims = /\d/.exec(layer.type)?.[0] ?? '1';
  const said: Record<string, unknown> = {};
  for (const { type, all, options } of others) {
    const keys = Object.keys(options);
    const [key, value, plain] =
      type === `BatchNorm${dims}d`
        ? ['batch_norm', true, keys.join() === 'num_features']
        : type === (dims === '1' ? 'Dropout' : `Dropout${dims}d`)
          ? ['dropout', all.p, Boolean(all.p) && keys.every((name) => name === 'p')]
          : ['activation', type, keys.length === 0];
    if (!plain || Object.hasOwn(said, key)) return null;
    said[key] = value;
  }
  return said;
}
