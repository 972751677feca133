/** The functions of one tensor that an arc may name (`TorchFn`, `Reduce`), by PyTorch's names and options. */
import { show } from '../nn/args.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';
import { didYouMean } from '../util/suggest.ts';

/** `name(options that must be given; further options)`: methods of `Tensor` under PyTorch's names. */
const signatures = `
  abs() acos() acosh() asin() asinh() atan() atanh() ceil() cos() cosh() erf() erfc() erfinv() exp() exp2() expm1()
  floor() frac() log() log10() log1p() log2() logit(;eps) neg() reciprocal() relu() round(;decimals) rsqrt() sigmoid()
  sign() sin() sinc() sinh() sqrt() square() tan() tanh() trunc() nan_to_num(;nan posinf neginf) clamp(;min max)
  pow(exponent) add(other) sub(other) mul(other) div(other;rounding_mode) maximum(other) minimum(other)
  sum(;dim keepdim) nansum(;dim keepdim) mean(;dim keepdim) nanmean(;dim keepdim) std(;dim keepdim correction)
  var(;dim keepdim correction) prod(;dim keepdim) amax(;dim keepdim) amin(;dim keepdim) max(;dim keepdim)
  min(;dim keepdim) median(;dim keepdim) argmax(;dim keepdim) argmin(;dim keepdim) any(;dim keepdim) all(;dim keepdim)
  norm(;p dim keepdim) logsumexp(dim;keepdim) count_nonzero(;dim) softmax(dim) log_softmax(dim) cumsum(dim) cumprod(dim)
  logcumsumexp(dim) cummax(dim) cummin(dim) diff(;n dim) sort(;dim descending stable) argsort(;dim descending stable)
  topk(k;dim largest sorted) kthvalue(k;dim keepdim) quantile(q;dim keepdim) tril(;diagonal) triu(;diagonal)
  reshape(shape) flatten(;start_dim end_dim) unflatten(dim sizes) squeeze(;dim) unsqueeze(dim) permute(dims)
  transpose(dim0 dim1) swapaxes(dim0 dim1) movedim(source destination) broadcast_to(shape) tile(dims) flip(dims)
  roll(shifts;dims) narrow(dim start length) select(dim index) split(split_size_or_sections;dim) chunk(chunks;dim)
  tensor_split(indices_or_sections;dim) unbind(;dim)
`;

interface Signature {
  readonly required: readonly string[];
  readonly further: readonly string[];
}
const known = new Map<string, Signature>(
  [...signatures.matchAll(/(\w+)\(([\w ]*);?([\w ]*)\)/g)].map(([, name, required, further]) => [
    name!,
    { required: words(required!), further: words(further!) },
  ]),
);
/** Options that our methods take by position though PyTorch has defaults for them. */
const positional: Readonly<Record<string, readonly string[]>> = {
  tril: ['diagonal'],
  triu: ['diagonal'],
  squeeze: ['dim'],
};

function words(text: string): string[] {
  return text.split(' ').filter((word) => word !== '');
}

/** All of them. */
export const functionNames: readonly string[] = [...known.keys()];
/** Those that take dimensions to reduce. */
export const reductions: readonly string[] = [...known].flatMap(([name, { required, further }]) =>
  [...required, ...further].includes('keepdim') ? [name] : [],
);

/** More results would be a mistake. */
const MOST_PIECES = 10_000;

/** x, unless the function would cut its dimension `dim` into too many pieces: of `size`, or `count` of them. */
export function expectFew(who: string, x: Tensor, dim: number, { size = 1, count = Number.POSITIVE_INFINITY }): Tensor {
  const pieces = Math.min(Math.ceil((x.shape.at(dim) ?? 0) / size), count);
  if (pieces <= MOST_PIECES) return x;
  throw new ArgError(`${who}: expected at most ${MOST_PIECES} pieces, got ${pieces}`);
}

/** The functions that cut, and how by a number. */
const cuts: Readonly<Record<string, (number: number) => { size?: number; count?: number }>> = {
  split: (size) => ({ size }),
  chunk: (count) => ({ count }),
  unbind: () => ({}),
};

function cutting(who: string, name: string, options: Readonly<Record<string, unknown>>): (x: Tensor) => Tensor {
  const cut = Object.hasOwn(cuts, name) ? cuts[name]! : null;
  const { dim = 0, split_size_or_sections: size, chunks = size } = options;
  if (!cut || typeof dim !== 'number' || !(chunks === undefined || typeof chunks === 'number')) return (x) => x;
  return (x) => expectFew(who, x, dim, cut(chunks ?? 1));
}

/** What applies a function with given options. Throws an ArgError that begins with `who`. */
export function functionOf(
  who: string,
  name: unknown,
  options: Readonly<Record<string, unknown>>,
): (x: Tensor) => unknown {
  const signature = typeof name === 'string' ? known.get(name) : undefined;
  if (!signature) {
    const near = typeof name === 'string' ? didYouMean(name, known.keys()) : '';
    throw new ArgError(`${who}.name: there is no function ${show(name)}${near} of one tensor`);
  }
  const { required, further } = signature;
  const all = [...required, ...further];
  for (const key of Object.keys(options)) {
    if (all.includes(key)) continue;
    const there = all.length > 0 ? `its options are ${all.join(', ')}` : 'it has no options';
    throw new ArgError(`${who}.${key}: unknown option of ${name}${didYouMean(key, all)}; ${there}`);
  }
  const { indices_or_sections: sections } = options;
  if (typeof sections === 'number' && sections > MOST_PIECES)
    throw new ArgError(`${who}.indices_or_sections: expected at most ${MOST_PIECES} pieces, got ${sections}`);
  const missing = required.find((key) => options[key] === undefined);
  if (missing) throw new ArgError(`${who}.${missing}: missing required argument of ${name}`);
  const first = [...required, ...(positional[name as string] ?? [])];
  const rest = Object.entries(options).filter(([key]) => !first.includes(key));
  const args = first.map((key) => options[key]);
  if (rest.length > 0) args.push(Object.fromEntries(rest));
  const method = (name as string).replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  const checked = cutting(who, name as string, options);
  return (x) => (checked(x) as unknown as Record<string, (...args: unknown[]) => unknown>)[method]!(...args);
}
