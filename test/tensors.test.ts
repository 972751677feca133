/** Operations of tensors beyond their rows in test/ops/: PyTorch's choices at ties, its random numbers, what is refused. */
import {
  allclose,
  bernoulli,
  bmm,
  cdist,
  compile,
  cross,
  dot,
  einsum,
  eye,
  grad,
  linspace,
  manualSeed,
  meshgrid,
  mm,
  multinomial,
  mv,
  normal,
  outer,
  Parameter,
  rand,
  randLike,
  randnLike,
  type Tensor,
  tensor,
  tensordot,
  zeros,
} from 'torcharc';
import { describe, expect, test } from 'vitest';
import { messages, wrong } from './messages.ts';

const int = (values: readonly number[], shape?: number[]) =>
  tensor(BigInt64Array.from(values, BigInt), shape ? { shape } : {});
const bool = (values: readonly boolean[]) => tensor([...values]);

test('questions that a number answers', async () => {
  const x = zeros([2, 3]);
  expect([x.numel(), x.dim(), x.size(), x.size(-1)]).toEqual([6, 2, [2, 3], 3]);
  expect(await allclose(tensor([1, 2]), tensor([1, 2 + 1e-6]))).toBe(true);
  expect(await tensor([1, 2]).allclose(tensor([1, 2.1]))).toBe(false);
  expect(await tensor([1, Number.NaN]).allclose(tensor([1, Number.NaN]), { equal_nan: true })).toBe(true);
  expect(await tensor([1, 2]).equal(int([1, 2]))).toBe(true);
  expect(await tensor([1, 2]).equal(tensor([1, 3]))).toBe(false);
  expect(await tensor([1, 2]).equal(tensor([[1, 2]]))).toBe(false);
  expect(await zeros([0]).equal(zeros([0]))).toBe(true);
});

describe('where several are equal the gradient is that of PyTorch', () => {
  // python: f(x).sum().backward(); x.grad
  test.each<[string, (x: Tensor) => Tensor, number[], number[]]>([
    ['max shares', (x) => x.max(), [3, 1, 3], [0.5, 0, 0.5]],
    ['max along a dimension takes the first', (x) => x.max({ dim: 0 })[0], [3, 1, 3], [1, 0, 0]],
    ['min along a dimension takes the first', (x) => x.min({ dim: 0 })[0], [3, 1, 1], [0, 1, 0]],
    ['median shares', (x) => x.median(), [1, 1, 2, 2], [0.5, 0.5, 0, 0]],
    ['sort', (x) => x.sort()[0].mul(tensor([1, 2, 3])), [1, 1, 0], [2, 3, 1]],
    ['topk', (x) => x.topk(2)[0].mul(tensor([1, 2])), [1, 1, 1], [1, 2, 0]],
    ['cummax takes the latest', (x) => x.cummax(0)[0], [1, 1, 0], [1, 2, 0]],
    ['norm of zeros', (x) => x.norm(), [0, 0], [0, 0]],
    ['norm 1.5 of zeros', (x) => x.norm({ p: 1.5 }), [0, 0], [0, 0]],
    ['norm 0.5 with a zero', (x) => x.norm({ p: 0.5 }), [0, 4], [0, 1]],
    ['infinite norm', (x) => x.norm({ p: Infinity }), [2, -2], [0.5, -0.5]],
    ['prod with a zero', (x) => x.prod(), [2, 0, 3], [0, 6, 0]],
    ['prod with two', (x) => x.prod(), [0, 0, 3], [0, 0, 0]],
    ['clamp to a tensor', (x) => x.clamp({ min: tensor([1, 1, 1]) }), [1, 0, 2], [1, 0, 1]],
    ['sinc', (x) => x.sinc(), [0], [0]],
    ['xlogy', (x) => x.xlogy(tensor([0, 1])), [0, 0], [0, 0]],
    ['distances of equal rows', (x) => cdist(x.reshape([3, 1]), x.reshape([3, 1])), [1, 1, 1], [0, 0, 0]],
    [
      'scatterReduce amax shares',
      (x) => x.scatterReduce(0, int([0, 0]), x.narrow(0, 0, 2).detach(), 'amax'),
      [2, 2, 5],
      [1 / 3, 1, 1].map(Math.fround),
    ],
  ])('%s', async (_name, f, values, want) => {
    const x = tensor(values, { requiresGrad: true });
    expect(await grad(f(x).sum(), x)[0]!.array()).toEqual(want);
  });

  test('integers and indices have none', () => {
    const x = tensor([1, 2], { requiresGrad: true });
    const found = [
      x.argsort(),
      x.sort()[1],
      x.topk(1)[1],
      x.countNonzero(),
      x.any(),
      x.isnan(),
      x.to('int64').cumsum(0),
    ];
    expect(found.map((t) => t.requiresGrad)).toEqual(found.map(() => false));
  });
});

describe('numbers drawn as PyTorch draws them', () => {
  // python: torch.manual_seed(0), then the call
  test('bernoulli', async () => {
    manualSeed(0);
    const drawn = bernoulli(tensor([0.3, 0.5, 0.9, 0.1]).repeat([3]));
    expect(await drawn.array()).toEqual([0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0]);
  });

  test('normal', async () => {
    const near = async (x: Tensor, want: number[]) => {
      const values = (await x.array()) as number[];
      for (const [i, v] of values.entries()) expect(v).toBeCloseTo(want[i]!, 5);
    };
    manualSeed(0);
    await near(
      normal(tensor([1, 2, 3]), tensor([0.1, 0.2, 0.3])),
      [1.1540995836257935, 1.9413142204284668, 2.346363067626953],
    );
    manualSeed(0);
    await near(normal(1, 2, [3]), [4.081992149353027, 0.4131421744823456, -3.357578754425049]);
    manualSeed(0);
    await near(normal(1, tensor([0.1, 0.2, 0.3])), [1.1540995836257935, 0.9413142204284668, 0.3463631868362427]);
  });

  test('multinomial, with replacement', async () => {
    manualSeed(0);
    const weights = tensor([
      [0.1, 0.2, 0.3, 0.4],
      [4, 3, 2, 1],
    ]);
    expect(await multinomial(weights, 6, { replacement: true }).array()).toEqual([
      [3, 3, 2, 3, 3, 3],
      [0, 0, 1, 0, 1, 0],
    ]);
  });

  test('multinomial without replacement: by the weights, each index once', async () => {
    manualSeed(0);
    const drawn = (await multinomial(tensor([[3, 1, 0, 2]]).expand([4000, 4]), 3).array()) as number[][];
    expect(new Set(drawn.map((row) => row.toSorted().join()))).toEqual(new Set(['0,1,3']));
    const first = [0, 1, 3].map((k) => drawn.filter((row) => row[0] === k).length);
    // five standard deviations of a binomial
    for (const [i, n] of [2000, 667, 1333].entries()) {
      expect(Math.abs(first[i]! - n)).toBeLessThan(5 * Math.sqrt(n));
    }
  });

  test('rand and randn like another', () => {
    const x = zeros([2], { dtype: 'float64' });
    expect([randLike(x), randnLike(x, { dtype: 'float32' })].map((t) => [t.shape, t.dtype])).toEqual([
      [[2], 'float64'],
      [[2], 'float32'],
    ]);
  });

  test('a compiled function draws anew', async () => {
    manualSeed(0);
    const draw = compile((x: Tensor) => x.bernoulli());
    const p = zeros([64]).add(0.5);
    const [a, b] = [await (await draw(p)).array(), await (await draw(p)).array()];
    expect(a).not.toEqual(b);
    manualSeed(0);
    expect(await bernoulli(zeros([64]).add(0.5)).array()).toEqual(a);
  });
});

test('a result that is the parameter itself keeps its value', async () => {
  const p = new Parameter(tensor([1, 2]));
  expect([p.contiguous(), p.at('...'), p.float(), p.split(2)[0]!, p.flip([])].some((t) => t === p)).toBe(false);
});

const m23 = rand([2, 3]);
const v3 = rand([3]);
const scalar = rand([]);

test('making', () => {
  expect(
    messages(
      () => linspace(0, 1, -1),
      () => eye(-1),
      () => meshgrid([]),
      () => meshgrid([m23]),
      () => meshgrid([v3, int([1])]),
      () => meshgrid([v3], wrong({ indexing: 'yx' })),
      () => bernoulli(int([1])),
      () => bernoulli(tensor([0.5, 1.5])),
      () => normal(0, -1, [2]),
      () => normal(0, 1),
      () => multinomial(v3, 4),
      () => multinomial(v3, 0),
      () => multinomial(tensor([-1, 1]), 1),
      () => multinomial(int([1, 2]), 1),
      () => multinomial(rand([2, 2, 2]), 1),
      () => randLike(int([1])),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ArgError: linspace: number of steps must be non-negative, got -1",
      "ArgError: eye: expected a shape of non-negative integers, got [-1,-1]",
      "ArgError: meshgrid: meshgrid expects a non-empty TensorList",
      "ShapeError: meshgrid: Expected 0D or 1D tensor in the tensor list but got: [2, 3]",
      "ArgError: meshgrid: meshgrid expects all tensors to have the same dtype",
      "ArgError: meshgrid: indexing must be one of "xy" or "ij", but received: 'yx'",
      "ArgError: bernoulli: expected probabilities of a floating point dtype, got int64",
      "ArgError: bernoulli: expected probabilities between 0 and 1, got 1.5",
      "ArgError: normal: normal expects std >= 0.0, but found std -1",
      "ArgError: normal: expected a shape when mean and std are numbers",
      "ArgError: multinomial: cannot sample n_sample > prob_dist.size(-1) samples without replacement, got 4 of 3",
      "ArgError: multinomial: cannot sample n_sample <= 0 samples, got 0",
      "ArgError: multinomial: expected a probability tensor without \`inf\`, \`nan\` or element < 0, got -1",
      "ArgError: multinomial: multinomial only supports floating-point dtypes for input, got: int64",
      "ArgError: multinomial: prob_dist must be 1 or 2 dim, got 3",
      "ArgError: rand: expected a floating point dtype, got int64",
    ]
  `);
});

test('elements', () => {
  expect(
    messages(
      () => v3.add(wrong('1')),
      () => v3.clamp({}),
      () => v3.div(2, wrong({ rounding_mode: 'up' })),
      () => int([1]).pow(-1),
      () => bool([true]).neg(),
      () => v3.bitwiseAnd(1),
      () => v3.heaviside(int([1])),
      () => v3.maskedFill(int([1, 0, 1]), 1),
      () => v3.maskedFill(bool([true, false, true]), v3),
      () => v3.isclose(int([1, 2, 3])),
      () => v3.isclose(v3, { rtol: -1 }),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ArgError: expected a tensor or a number as operand, got '1'",
      "ArgError: clamp: At least one of 'min' or 'max' must not be None",
      "ArgError: div: expected rounding_mode to be one of null, 'trunc', or 'floor' but found 'up'",
      "ArgError: pow: Integers to negative integer powers are not allowed.",
      "ArgError: neg: expected numbers, got a tensor of dtype bool",
      "ArgError: bitwiseAnd: expected integers or bool, got float32",
      "ArgError: heaviside: heaviside is not yet implemented for tensors with different dtypes.",
      "ArgError: maskedFill: masked_fill only supports boolean masks, but got mask with dtype int64",
      "ArgError: maskedFill: masked_fill only supports a 0-dimensional value tensor, but got tensor with 1 dimension(s)",
      "ArgError: isclose: float32 did not match int64",
      "ArgError: isclose: rtol must be greater than or equal to zero, but got -1",
    ]
  `);
});

test('folding and ordering', () => {
  expect(
    messages(
      () => zeros([0]).max(),
      () => zeros([2, 0]).max({ dim: 1 }),
      () => zeros([2, 0]).median({ dim: 1 }),
      () => zeros([0]).norm({ p: Infinity }),
      () => int([1]).norm(),
      () => m23.norm({ p: wrong('nuc') }),
      () => int([1]).nanmean(),
      () => m23.prod({ dim: 2 }),
      () => m23.cumsum(2),
      () => m23.sort({ dim: 2 }),
      () => v3.topk(4),
      () => v3.topk(-1),
      () => v3.kthvalue(0),
      () => zeros([2, 0]).kthvalue(1),
      () => v3.quantile(1.5),
      () => int([1]).quantile(0.5),
      () => zeros([0]).quantile(0.5),
      () => scalar.diff(),
      () => v3.bucketize(m23),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ShapeError: max(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument.",
      "ShapeError: max(): Expected reduction dim 1 to have non-zero size.",
      "ShapeError: median(): Expected reduction dim 1 to have non-zero size.",
      "ShapeError: amax(): Expected reduction dim 0 to have non-zero size.",
      "ArgError: norm: Expected a floating point tensor as input. Got int64",
      "ArgError: norm: expected p to be a number or 'fro', got 'nuc'",
      "ShapeError: nanmean(): could not infer output dtype. Input dtype must be a floating point dtype. Got: int64",
      "ShapeError: prod: Dimension out of range (expected to be in range of [-2, 1], but got 2)",
      "ShapeError: cumsum: Dimension out of range (expected to be in range of [-2, 1], but got 2)",
      "ShapeError: sort: Dimension out of range (expected to be in range of [-2, 1], but got 2)",
      "ArgError: topk: selected index k out of range: expected 0 to 3, got 4",
      "ArgError: topk: selected index k out of range: expected 0 to 3, got -1",
      "ArgError: kthvalue(): selected number k out of range for dimension 0: got 0",
      "ShapeError: kthvalue(): Expected reduction dim 1 to have non-zero size.",
      "ArgError: quantile() q must be in the range [0, 1] but got 1.5",
      "ArgError: quantile() input tensor must be either float or double dtype, got int64",
      "ShapeError: quantile() input tensor must be non-empty",
      "ShapeError: diff: diff expects input to be at least one-dimensional",
      "ShapeError: bucketize: boundaries tensor must be 1 dimension, but got dim(2)",
    ]
  `);
});

test('moving', () => {
  expect(
    messages(
      () => v3.unflatten(0, [2, 2]),
      () => v3.unflatten(0, []),
      () => v3.unflatten(0, [-1, -1]),
      () => m23.movedim([0, 1], [1]),
      () => m23.movedim([0, 0], [1, 0]),
      () => v3.mT,
      () => m23.repeat([2]),
      () => v3.repeat([-1]),
      () => v3.repeatInterleave(-1),
      () => v3.repeatInterleave([1, 2]),
      () => v3.fliplr(),
      () => scalar.flipud(),
      () => v3.roll([1, 2], { dims: 0 }),
      () => m23.rot90({ dims: [0] }),
      () => m23.rot90({ dims: [0, 0] }),
      () => m23.unfold(1, 4, 1),
      () => m23.unfold(1, 2, 0),
      () => v3.tensorSplit(0),
      () => scalar.tensorSplit(1),
      () => scalar.unbind(),
      () => scalar.narrow(0, 0, 0),
      () => v3.sliceScatter(v3, { start: 1 }),
      () => m23.selectScatter(v3, 1, 0),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ShapeError: unflatten: Provided sizes [2, 2] don't multiply up to the size of dim 0 (3) in the input tensor",
      "ShapeError: unflatten: sizes must be non-empty",
      "ShapeError: unflatten: only one dimension can be inferred",
      "ShapeError: movedim: Invalid source or destination dims: source ([0, 1] dims) should contain the same number of dims as destination ([1] dims)",
      "ShapeError: movedim: repeated dim in \`source\` ([0, 0])",
      "ShapeError: mT: tensor.mT is only supported on matrices or batches of matrices. Got 1-D tensor.",
      "ShapeError: repeat: Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor, got [2] for [2, 3]",
      "ArgError: repeat: expected non-negative integers, got [-1]",
      "ArgError: repeatInterleave: repeats can not be negative, got [-1]",
      "ShapeError: repeatInterleave: repeats must have the same size as input along dim, but got 2 and 3",
      "ShapeError: fliplr: Input must be >= 2-d, got 1-d",
      "ShapeError: flipud: Input must be >= 1-d, got 0-d",
      "ArgError: roll: shifts and dimensions must align. shifts: 2, dims:1",
      "ArgError: rot90: expected total rotation dims == 2, but got dims = 1",
      "ArgError: rot90: expected rotation dims to be different, but got dim0 = 0 and dim1 = 0",
      "ShapeError: unfold: maximum size for tensor at dimension 1 is 3 but size is 4",
      "ArgError: unfold: step is 0 but must be > 0",
      "ArgError: tensorSplit: number of sections must be larger than 0, got 0",
      "ShapeError: tensorSplit: expected at least a 1-dimensional tensor, but got a tensor with 0 dims",
      "ShapeError: unbind: Dimension specified as 0 but tensor has no dimensions",
      "ShapeError: narrow: narrow() cannot be applied to a 0-dim tensor.",
      "ShapeError: sliceScatter: expected src to have a size equal to the slice of self. src size = [3], slice size = [2]",
      "ShapeError: selectScatter: expected src to have a size equal to the slice of self. src size = [3], slice size = [2]",
    ]
  `);
});

test('choosing', () => {
  expect(
    messages(
      () => v3.at(4),
      () => v3.at(0, 0),
      () => v3.at('::-1'),
      () => v3.at('one'),
      () => v3.at(wrong(true)),
      () => v3.at([0.5]),
      () => v3.at(bool([true, false, true])),
      () => v3.at(tensor([1])),
      () => m23.at([0, 1], [0, 1, 2]),
      () => v3.take(tensor([1])),
      () => m23.takeAlongDim(int([1]), { dim: 1 }),
      () => m23.scatter(1, int([0], [1, 1]), int([1], [1, 1])),
      () => m23.scatter(1, int([0, 0, 0], [3, 1]), 1),
      () => v3.scatterReduce(0, int([0]), v3, wrong('max')),
      () => v3.indexCopy(0, int([0]), rand([2])),
      () => m23.indexCopy(0, int([0]), rand([1, 2])),
      () => v3.indexFill(0, int([0], [1, 1]), 1),
      () => v3.indexFill(0, int([0]), v3),
      () => m23.indexPut([int([0, 0])], rand([2])),
      () => m23.indexPut([], v3),
      () => m23.indexPut([int([0])], int([1])),
      () => scalar.indexAdd(0, int([0]), rand([1])),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ShapeError: select: index 4 is out of bounds for dimension 0 with size 3",
      "ShapeError: at: too many indices for tensor of dimension 1",
      "ArgError: slice: step must be a positive integer, got -1",
      "ArgError: at: expected a number, a slice as '1:3' or '::2', 'None' or '...', got 'one'",
      "ArgError: at: only integers, slices as '1:3', '...', null and integer tensors or lists are valid indices, got true",
      "ArgError: at: only integers, slices as '1:3', '...', null and integer tensors or lists are valid indices, got 0.5",
      "ArgError: at: a mask chooses as many elements as it has ones, which no shape can tell; use where or maskedFill",
      "ArgError: at: expected an index of dtype int64 or int32, got float32",
      "ShapeError: at: the size of tensor a (2) must match the size of tensor b (3) at dimension 0; shapes [2] and [3] do not broadcast",
      "ArgError: take: expected an index of dtype int64 or int32, got float32",
      "ShapeError: takeAlongDim: input and indices should have the same number of dimensions, but got 2 dimensions for input, and 1 dimensions for indices",
      "ArgError: scatter: self and source expected to have the same dtype, but got float32 and int64",
      "ShapeError: scatter: expected an index of 2 dimensions no larger than [2, 3] apart from dimension 1, got [3, 1]",
      "ArgError: scatterReduce: reduce argument must be either sum, prod, mean, amax or amin, got 'max'",
      "ShapeError: indexCopy: Number of indices (1) should be equal to source.size(dim) (2)",
      "ShapeError: indexCopy: Source/destination tensor must have same slice shapes. Expected a source of shape [1, 3], got [1, 2]",
      "ShapeError: indexFill: Index has to be a vector/scalar, got [1, 1]",
      "ArgError: indexFill: index_fill only supports a 0-dimensional value tensor, but got tensor with 1 dimension(s)",
      "ShapeError: indexPut: the size of tensor a (3) must match the size of tensor b (2) at dimension 1; shapes [2, 3] and [2] do not broadcast",
      "ShapeError: indexPut: expected 1 to 2 indices, got 0",
      "ArgError: indexPut: Index put requires the source and destination dtypes match, got float32 for the destination and int64 for the source.",
      "ShapeError: indexAdd: expected a tensor of at least 1 dimension, got 0",
    ]
  `);
});

test('matrices', () => {
  expect(
    messages(
      () => dot(v3, rand([2])),
      () => dot(m23, v3),
      () => mv(m23, rand([2])),
      () => mm(m23, m23),
      () => mm(v3, m23),
      () => bmm(rand([2, 3, 4]), rand([2, 3, 4])),
      () => v3.addmm(m23, rand([3, 4])),
      () => outer(m23, v3),
      () => tensordot(m23, m23, { dims: 1 }),
      () => tensordot(m23, m23, { dims: -1 }),
      () => tensordot(m23, m23, { dims: [[0], [0, 1]] }),
      () => cross(m23, m23, { dim: 0 }),
      () => v3.trace(),
      () => v3.tril(),
      () => v3.diagonal(),
      () => rand([3, 3]).diagonal({ dim1: 1 }),
      () => rand([2, 2, 2]).diag(),
      () => m23.matrixPower(2),
      () => m23.inverse(),
      () => v3.det(),
      () => cdist(v3, v3),
      () => cdist(m23, rand([2, 4])),
      () => cdist(m23, m23, { p: -1 }),
      () => bool([true]).dot(bool([true])),
      () => v3.dot(int([1, 2, 3])),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ShapeError: dot: inconsistent tensor size, expected tensor [3] and src [2] to have the same number of elements, but got 3 and 2 elements respectively",
      "ShapeError: dot: 1D and 1D tensors expected, but got 2D and 1D tensors",
      "ShapeError: mv: size mismatch, got mat (2x3), vec (2)",
      "ShapeError: matmul: mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)",
      "ShapeError: mm: 2D and 2D tensors expected, but got 1D and 2D tensors",
      "ShapeError: bmm: Expected size for first two dimensions of batch2 tensor to be: [2, 4] but got: [2, 3].",
      "ShapeError: expand: the tensor of shape [3] cannot be expanded to [2, 4]",
      "ShapeError: outer: 1D and 1D tensors expected, but got 2D and 1D tensors",
      "ShapeError: tensordot: contracted dimensions need to match, but first has size 3 in dim 1 and second has size 2 in dim 0",
      "ArgError: tensordot: expects 0 <= dims <= 2, but got dims=-1",
      "ArgError: tensordot: both dimension lists should have same length",
      "ShapeError: cross: inputs dimension 0 must have length 3. Got 2 and 2",
      "ShapeError: trace: expected a matrix, but got tensor with dim 1",
      "ShapeError: tril: input tensor must have at least 2 dimensions, got 1",
      "ShapeError: diagonal: Dimension out of range (expected to be in range of [-1, 0], but got 1)",
      "ShapeError: diagonal: diagonal dimensions cannot be identical 1, 1",
      "ShapeError: diag(): Supports 1D or 2D tensors. Got 3D",
      "ShapeError: matrixPower: A must be batches of square matrices, but they are 2 by 3 matrices",
      "ShapeError: inverse: A must be batches of square matrices, but they are 2 by 3 matrices",
      "ShapeError: det: The input tensor A must have at least 2 dimensions, got 1",
      "ShapeError: cdist: cdist only supports at least 2D tensors, X1 got: 1D",
      "ShapeError: cdist: X1 and X2 must have the same number of columns. X1: 3 X2: 4",
      "ArgError: cdist: cdist only supports non-negative p values, got -1",
      "TorcharcError: matmul: expected numbers, got tensors of dtype bool",
      "TorcharcError: matmul: expected both tensors to have the same dtype, but got float32 and int64",
    ]
  `);
});

test('the equations of einsum', () => {
  expect(
    messages(
      () => einsum('ij,jk', m23, rand([4, 5])),
      () => einsum('ij,jk->ix', m23, rand([3, 5])),
      () => einsum('ij->ijj', m23),
      () => einsum('ij,j', m23),
      () => einsum('ij', m23, m23),
      () => einsum('ij', rand([2, 3, 4])),
      () => einsum('...ij', v3),
      () => einsum('i.j', m23),
      () => einsum('i...j...', m23),
      () => einsum('i1', m23),
      () => einsum('ii', m23),
      () => einsum('ij->i->j', m23),
      () => einsum('...i,...i->...', rand([7, 2]), rand([5, 2])),
      () => einsum(''),
      () => einsum('i', wrong([1, 2])),
      () => einsum('i,i', v3, int([1, 2, 3])),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ShapeError: einsum(): subscript j has size 4 for operand 1 which does not broadcast with previously seen size 3",
      "ArgError: einsum(): output subscript x does not appear in the equation for any input operand",
      "ArgError: einsum(): output subscript j appears more than once in the output",
      "ArgError: einsum(): fewer operands were provided than specified in the equation",
      "ArgError: einsum(): more operands were provided than specified in the equation",
      "ShapeError: einsum(): the number of subscripts in the equation (2) does not match the number of dimensions (3) for operand 0 and no ellipsis was given",
      "ShapeError: einsum(): the number of subscripts in the equation (2) is more than the number of dimensions (1) for operand 0",
      "ArgError: einsum(): found '.' for operand 0 that is not part of any ellipsis",
      "ArgError: einsum(): found '.' for operand 0 for which an ellipsis was already found",
      "ArgError: einsum(): invalid subscript given at index 1 in the equation string, subscripts must be in [a-zA-Z]",
      "ShapeError: einsum(): subscript i is repeated for operand 0 but the sizes don't match, 3 != 2",
      "ArgError: einsum(): invalid subscript given at index 5 in the equation string, subscripts must be in [a-zA-Z]",
      "ShapeError: einsum(): dimension 0 covered by ellipsis in operand 1 has size 5 which does not broadcast with previously seen size 7",
      "ArgError: einsum(): must specify the equation string and at least one operand",
      "ArgError: einsum: expected a tensor, got an array; tensor(data) makes one of numbers",
      "ArgError: einsum(): expected all operands to have the same dtype, but got float32 and int64",
    ]
  `);
});

test('pairs have names, as tensors and as entries', async () => {
  const x = tensor([
    [3, 1, 2],
    [4, 6, 5],
  ]);
  for (const pair of [x.max({ dim: 1 }), x.min({ dim: 1 }), x.sort(), x.topk(2)]) {
    expect(pair.values).toBe(pair[0]);
    expect(pair.indices).toBe(pair[1]);
  }
  expect(await x.topk(2).indices.array()).toEqual([
    [0, 2],
    [1, 2],
  ]);
});
