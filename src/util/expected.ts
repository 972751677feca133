/** Schemas of what users write, whose complaints say what was expected, what came, and which key was meant. */
import * as z from 'zod';
import type { Issue } from './errors.ts';
import { didYouMean } from './suggest.ts';

/** A zod error function saying what was expected and what came. */
export function expected(what: string) {
  return {
    error: ({ input }: { input?: unknown }) =>
      input === undefined ? `missing; expected ${what}` : `expected ${what}, got ${JSON.stringify(input)}`,
  };
}

export const count = () => {
  const what = expected('a positive whole number');
  return z.int(what).positive(what);
};
export const seed = () => {
  const what = expected('a whole number from 0 on');
  return z.int(what).nonnegative(what);
};
export const text = (what: string) => z.string(expected(what)).min(1, expected(what));

/** A mapping that takes no other keys; of unknown ones its message has a line each. */
export function mapping<S extends z.core.$ZodShape>(shape: S, what: string) {
  const allowed = Object.keys(shape);
  const unknown = (key: string) =>
    `unknown key${didYouMean(key, allowed) || `; expected one of ${allowed.join(', ')}`}`;
  const { error } = expected(what);
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? issue.keys.map(unknown).join('\n') : error(issue)),
  });
}

/** The schema that `pick` says a value is to be checked with. */
export function choose<S extends z.ZodType>(pick: (value: unknown) => S): z.ZodType<z.output<S>, z.input<S>> {
  const any = z.custom<z.input<S>>();
  return any.transform((value, context): z.output<S> => {
    const result = pick(value).safeParse(value);
    if (result.success) return result.data;
    for (const { path, message, ...issue } of result.error.issues) {
      if (issue.code === 'unrecognized_keys')
        context.issues.push({ code: 'unrecognized_keys', keys: issue.keys, path, message, input: {} });
      else context.issues.push({ code: 'custom', path, message, input: value });
    }
    return z.NEVER;
  });
}

type Path = (string | number)[];

/** What is wrong with a value, one issue for each unknown key. */
export function issuesOf(error: z.ZodError): (Issue & { at: Path })[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path as Path;
    const ends = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [key]) : [[]];
    const messages = issue.code === 'unrecognized_keys' ? issue.message.split('\n') : [issue.message];
    return ends.map((end, i) => ({ path: showPath([...path, ...end]), at: [...path, ...end], message: messages[i]! }));
  });
}

function showPath(path: Path): string {
  return path.map((step, i) => (typeof step === 'number' ? `[${step}]` : i === 0 ? step : `.${step}`)).join('');
}
