/** Tables of options: what each may be, and what is said of one that is not. Shared by optimizers and schedulers. */
import { ArgError } from '../util/errors.ts';
import { show } from '../util/python.ts';
import { didYouMean } from '../util/suggest.ts';

/** How an option is checked. */
export interface OptionRule {
  /** `REQUIRED`: there is none. */
  readonly default: unknown;
  readonly expected: string;
  readonly ok: (value: unknown) => boolean;
  /** PyTorch's words for a value that is refused. */
  readonly refused?: Refusal | undefined;
}
type Refusal = string | ((value: unknown) => string | null);
export type OptionRules = Readonly<Record<string, OptionRule>>;

export const REQUIRED: unique symbol = Symbol('required');

type Kind = (fallback: unknown, refused?: Refusal) => OptionRule;
const kind =
  (expected: string, ok: (value: unknown) => boolean): Kind =>
  (fallback, refused) => ({ default: fallback, expected, ok, refused });
const isNumber = (v: unknown): v is number => typeof v === 'number' && !Number.isNaN(v);
const number = (expected: string, ok: (v: number) => boolean = () => true): Kind =>
  kind(expected, (v) => isNumber(v) && ok(v));

export const anyNumber = number('a number');
export const nonNegative = number('a number of at least 0', (v) => v >= 0);
export const positive = number('a number above 0', (v) => v > 0);
export const integer = number('an integer', Number.isInteger);
export const nonNegativeInt = number('a non-negative integer', (v) => Number.isInteger(v) && v >= 0);
export const positiveInt = number('a positive integer', (v) => Number.isInteger(v) && v > 0);
/** A number within bounds, which `expected` tells. */
export const bounded = number;

export const flag = (fallback: boolean): OptionRule => kind('true or false', (v) => typeof v === 'boolean')(fallback);
/** One of some words, or null if that is the default. */
export const oneOf = (words: readonly string[], fallback: string | null, refused?: Refusal): OptionRule =>
  kind(`one of ${words.map((w) => `'${w}'`).join(', ')}${fallback === null ? ' or null' : ''}`, (v) =>
    v === null ? fallback === null : words.includes(v as string),
  )(fallback, refused);
/** A rule whose option may be null as well, which is its default. */
export const orNull = (rule: OptionRule): OptionRule => ({
  ...rule,
  default: null,
  expected: `${rule.expected} or null`,
  ok: (v) => v === null || rule.ok(v),
});
/** A number each for the parameter groups, or one for all. */
export const perGroup: Kind = kind(
  'a number or a list of numbers',
  (v) => isNumber(v) || (Array.isArray(v) && v.every(isNumber)),
);
/** A list of `length` numbers. */
export const numbers = (length: number, expected: string, ok: (list: number[]) => boolean = () => true): Kind =>
  kind(expected, (v) => Array.isArray(v) && v.length === length && v.every(isNumber) && ok(v as number[]));

export const learningRate = (fallback: number): OptionRule => nonNegative(fallback, 'Invalid learning rate');
export const epsilon = (fallback: number): OptionRule => nonNegative(fallback, 'Invalid epsilon value');
export const weightDecay = (fallback: number): OptionRule => nonNegative(fallback, 'Invalid weight_decay value');
const isBeta = (b: number) => b >= 0 && b < 1;
export const betas: OptionRule = numbers(2, 'two numbers between 0 and 1', (v) => v.every(isBeta))(
  [0.9, 0.999],
  (v) => {
    const at = Array.isArray(v) ? v.findIndex((b) => !isNumber(b) || !isBeta(b)) : -1;
    return at < 0 ? null : `Invalid beta parameter at index ${at}: ${show((v as unknown[])[at])}`;
  },
);
/** Options PyTorch has to choose its own implementation; accepted, and of no effect on the result here either. */
export const implementation: OptionRule = orNull(flag(false));

/** Check options by name and value; returns them with the defaults of those left out or undefined. `where`: what comes before an option's name. */
export function checkOptions<O extends object>(where: string, rules: OptionRules, given: O): Required<O> {
  const names = Object.keys(rules);
  const options = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  for (const [key, value] of Object.entries(options)) {
    const rule = Object.hasOwn(rules, key) ? rules[key] : undefined;
    if (!rule) {
      const known = names.length > 0 ? `its options are ${names.join(', ')}` : 'it has none';
      throw new ArgError(`${where}.${key}: unknown option${didYouMean(key, names)}; ${known}`);
    }
    if (!rule.ok(value)) throw new ArgError(`${where}.${key}: ${refusal(rule, value)}`);
  }
  const missing = names.find((key) => rules[key]!.default === REQUIRED && !Object.hasOwn(options, key));
  if (missing) throw new ArgError(`${where}.${missing}: missing required argument (${rules[missing]!.expected})`);
  return { ...Object.fromEntries(names.map((key) => [key, rules[key]!.default])), ...options } as Required<O>;
}

function refusal({ expected, refused }: OptionRule, value: unknown): string {
  const words = typeof refused === 'function' ? refused(value) : refused && `${refused}: ${show(value)}`;
  return words ? `${words} (expected ${expected})` : `expected ${expected}, got ${show(value)}`;
}
