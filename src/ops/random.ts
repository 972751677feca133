/** Tensors drawn from the generator: now, and again on each replay of a compiled function. */
import { type Dtype, isFloat, numberAt, promote } from '../tensor/dtype.ts';
import { asShape, broadcast, type Shape } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';
import { defaultGenerator } from '../util/generator.ts';
import { type CreateOptions, withGrad } from './create.ts';
import { drawn } from './host.ts';
import type { Operand } from './operands.ts';

function random(
  who: string,
  shape: Shape,
  { dtype = 'float32', requiresGrad = false }: CreateOptions,
  fill: (data: Float32Array | Float64Array) => void,
): Tensor {
  const size = asShape(who, shape);
  if (!isFloat(dtype)) throw new ArgError(`${who}: expected a floating point dtype, got ${dtype}`);
  if (dtype === 'float16') return random(who, size, { requiresGrad: false }, fill).to('float16');
  return withGrad(
    drawn({ shape: size, dtype }, (data) => fill(data as Float32Array | Float64Array)),
    requiresGrad,
  );
}

/** Uniform in [0, 1); with PyTorch's numbers for the same seed. */
export function rand(shape: Shape, options: CreateOptions = {}): Tensor {
  return random('rand', shape, options, (data) => defaultGenerator.uniform(data));
}

/** Standard normal; with PyTorch's numbers for the same seed (to 1e-6). */
export function randn(shape: Shape, options: CreateOptions = {}): Tensor {
  return random('randn', shape, options, (data) => defaultGenerator.normal(data));
}

/** Integers in [low, high), int64; with PyTorch's numbers for the same seed. */
export function randint(low: number, high: number, shape: Shape): Tensor {
  return drawn({ shape: asShape('randint', shape), dtype: 'int64' }, (data) =>
    defaultGenerator.randint(data as BigInt64Array, low, high),
  );
}

/** The numbers 0 to n - 1 in random order, int64; with PyTorch's order for the same seed. */
export function randperm(n: number): Tensor {
  return drawn({ shape: asShape('randperm', [n]), dtype: 'int64' }, (data) =>
    (data as BigInt64Array).set(defaultGenerator.randperm(n)),
  );
}

/** As `rand`, in another's shape and dtype. */
export const randLike = (x: Tensor, options: CreateOptions = {}): Tensor =>
  rand(x.shape, { dtype: x.dtype, ...options });
/** As `randn`, in another's shape and dtype. */
export const randnLike = (x: Tensor, options: CreateOptions = {}): Tensor =>
  randn(x.shape, { dtype: x.dtype, ...options });

/** 1 with the probability each element holds, else 0; with PyTorch's numbers for the same seed. https://pytorch.org/docs/stable/generated/torch.bernoulli.html */
export function bernoulli(x: Tensor): Tensor {
  if (!isFloat(x.dtype))
    throw new ArgError(`bernoulli: expected probabilities of a floating point dtype, got ${x.dtype}`);
  known('bernoulli', 'probabilities between 0 and 1', x, (p) => p >= 0 && p <= 1);
  return randLike(x).lt(x).to(x.dtype);
}

/** Throws if x has its values already and one of them is wrong. */
function known(who: string, expected: string, x: Tensor, right: (value: number) => boolean): void {
  const { data, dtype } = x.node;
  const bad = data === null ? -1 : data.findIndex((_, i) => !right(numberAt(data, i, dtype)));
  if (bad >= 0) throw new ArgError(`${who}: expected ${expected}, got ${numberAt(data!, bad, dtype)}`);
}

/** Normal numbers of the given means and deviations; of numbers in the given shape; as `randn`. https://pytorch.org/docs/stable/generated/torch.normal.html */
export function normal(mean: Operand, std: Operand, shape?: Shape, options: CreateOptions = {}): Tensor {
  if (typeof std === 'number' && !(std >= 0)) {
    throw new ArgError(`normal: normal expects std >= 0.0, but found std ${std}`);
  }
  const tensors = [mean, std].filter((t) => t instanceof Tensor);
  const size = tensors.reduce<Shape>((all, t) => broadcast('normal', all, t.shape), shape ?? []);
  if (tensors.length === 0 && shape === undefined)
    throw new ArgError('normal: expected a shape when mean and std are numbers');
  const dtype = tensors.map((t) => t.dtype).reduce<Dtype | undefined>((a, b) => (a ? promote(a, b) : b), undefined);
  return randn(size, dtype === undefined ? options : { dtype, ...options })
    .mul(std)
    .add(mean);
}

/** So many indices of each row [*, k], drawn by their weights; int64. PyTorch's for the same seed with replacement only. https://pytorch.org/docs/stable/generated/torch.multinomial.html */
export function multinomial(
  x: Tensor,
  samples: number,
  { replacement = false }: { replacement?: boolean } = {},
): Tensor {
  checkWeights(x, samples, replacement);
  const k = x.shape.at(-1)!;
  if (replacement && samples > 1) {
    const share = x
      .cumsum(-1)
      .div(x.sum({ dim: -1, keepdim: true }))
      .to('float64');
    const u = rand([...x.shape.slice(0, -1), samples], { dtype: 'float64' });
    return share
      .unsqueeze(-2)
      .lt(u.unsqueeze(-1))
      .sum({ dim: -1 })
      .clamp({ max: k - 1 });
  }
  // the first to come of waiting times whose rates are the weights
  const times = random('multinomial', x.shape, { dtype: x.dtype }, (data) => {
    defaultGenerator.uniform(data);
    for (let i = 0; i < data.length; i++) data[i] = Math.max(-Math.log1p(-data[i]!), 1e-30);
  });
  return x.detach().div(times).topk(samples)[1];
}
function checkWeights(x: Tensor, samples: number, replacement: boolean): void {
  if (!isFloat(x.dtype)) {
    throw new ArgError(`multinomial: multinomial only supports floating-point dtypes for input, got: ${x.dtype}`);
  }
  if (x.ndim !== 1 && x.ndim !== 2) throw new ArgError(`multinomial: prob_dist must be 1 or 2 dim, got ${x.ndim}`);
  if (!(Number.isInteger(samples) && samples > 0)) {
    throw new ArgError(`multinomial: cannot sample n_sample <= 0 samples, got ${samples}`);
  }
  if (!replacement && samples > x.shape.at(-1)!) {
    throw new ArgError(
      `multinomial: cannot sample n_sample > prob_dist.size(-1) samples without replacement, got ${samples} of ${x.shape.at(-1)}`,
    );
  }
  known('multinomial', 'a probability tensor without `inf`, `nan` or element < 0', x, (w) => w >= 0 && w < Infinity);
}
