/** Messages of padding, images, windows, distances, dropout and linear maps; PyTorch's words where PyTorch has them. */
import { F, nn, ones, type Tensor, tensor, zeros } from 'torcharc';
import { expect, test } from 'vitest';
import { messages, wrong } from './messages.ts';

const ints = (...values: number[]) => tensor(BigInt64Array.from(values, BigInt));
const image = zeros([2, 3, 4, 5]);

test('padding', () => {
  expect(
    messages(
      () => F.pad(zeros([2, 4]), [1, 1], { mode: 'reflect', value: 3 }),
      () => F.pad(zeros([2, 4]), [1.5, 1]),
      () => F.pad(zeros([2, 4]), [4, 0], { mode: 'reflect' }),
      () => F.pad(zeros([2, 4]), [-2, 3], { mode: 'circular' }),
      () => F.pad(zeros([2, 0]), [1, 1], { mode: 'replicate' }),
      () => F.pad(zeros([2, 4]), [-3, -3], { mode: 'replicate' }),
      () => new nn.ReflectionPad1d({ padding: 1 }).forward(image),
      () => new nn.CircularPad3d({ padding: 1 }).forward(zeros([2, 3, 4])),
      () => new nn.ReplicationPad2d({ padding: [1, 1] }),
      () => new nn.ConstantPad1d(wrong({ padding: 1 })),
      () => new nn.ZeroPad1d({ padding: 0.5 }),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ArgError: pad: Padding mode "reflect" doesn't take in value argument",
      "ArgError: pad: expected whole paddings, got [1.5, 1]",
      "ShapeError: pad: Padding size should be less than the corresponding input dimension, but got: padding (4, 0) at dimension 1 of input [2, 4]",
      "ShapeError: pad: Padding size should be less than the corresponding input dimension, but got: padding (-2, 3) at dimension 1 of input [2, 4]",
      "ShapeError: pad: Padding size should be less than the corresponding input dimension, but got: padding (1, 1) at dimension 1 of input [2, 0]",
      "ShapeError: pad: padding [0, -3], [0, -3] of [2, 4] leaves a negative size",
      "ShapeError: ReflectionPad1d: expected 2D or 3D input (got 4D input)",
      "ShapeError: CircularPad3d: expected 4D or 5D input (got 3D input)",
      "ArgError: ReplicationPad2d.padding: expected an integer or a list of 4, got [1,1]",
      "ArgError: ConstantPad1d.value: missing required argument (a number)",
      "ArgError: ZeroPad1d.padding: expected an integer or a list of 2, got 0.5",
    ]
  `);
});

test('resizing', () => {
  const resize = (x: Tensor, options: object) => () => F.interpolate(x, options);
  expect(
    messages(
      resize(image, {}),
      resize(image, { size: 3, scale_factor: 2 }),
      resize(image, { size: 3, recompute_scale_factor: true }),
      resize(image, { size: 3, mode: 'cubic' }),
      resize(image, { size: 3, align_corners: false }),
      resize(image, { size: 2.5 }),
      resize(image, { size: 0 }),
      resize(image, { size: [3] }),
      resize(image, { scale_factor: [2, 2, 2] }),
      resize(image, { scale_factor: -1 }),
      resize(image, { scale_factor: 0.1 }),
      resize(image, { size: 3, mode: 'linear' }),
      resize(zeros([2, 3, 4]), { size: 3, mode: 'bicubic' }),
      resize(zeros([2, 3]), { size: 3 }),
      resize(zeros([2, 0, 3]), { size: 3 }),
      resize(image, { size: 3, mode: 'nearest', antialias: true }),
      resize(image, { size: 3, mode: 'lanczos' }),
      resize(image, { size: 3, mode: 'lanczos', antialias: true, align_corners: true }),
      resize(image.to('int64'), { size: 3, mode: 'bilinear' }),
      () => new nn.Upsample({ mode: wrong('cubic') }),
      () => new nn.Upsample({ size: [1, 2, 3, 4] }),
      () => new nn.Upsample().forward(image),
      () => new nn.UpsamplingNearest2d({ scale_factor: 0 }),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ArgError: interpolate: either size or scale_factor should be defined",
      "ArgError: interpolate: only one of size or scale_factor should be defined",
      "ArgError: interpolate: recompute_scale_factor is not meaningful with an explicit size",
      "ArgError: interpolate: expected mode nearest | nearest-exact | area | linear | bilinear | trilinear | bicubic | lanczos, got 'cubic'",
      "ArgError: interpolate: align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | trilinear",
      "ArgError: interpolate: expected size to be one or more integers, got 2.5",
      "ShapeError: interpolate: Input and output sizes should be greater than 0, but got input [4, 5] output [0, 0]",
      "ShapeError: interpolate: Input and output must have the same number of spatial dimensions, but got input with spatial dimensions of [4, 5] and output size of [3]",
      "ShapeError: interpolate: Input and scale_factor must have the same number of spatial dimensions, but got input with spatial dimensions of [4, 5] and scale_factor of [2,2,2]",
      "ArgError: interpolate: expected scale_factor to be one or more positive numbers, got -1",
      "ShapeError: interpolate: Input and output sizes should be greater than 0, but got input [4, 5] output [0, 0]",
      "ShapeError: interpolate: Got 4D input, but linear mode needs 3D input",
      "ShapeError: interpolate: Got 3D input, but bicubic mode needs 4D input",
      "ShapeError: interpolate: Input Error: Only 3D, 4D and 5D input Tensors supported (got 2D) for the modes: nearest | nearest-exact | area | linear | bilinear | trilinear | bicubic | lanczos",
      "ShapeError: interpolate: Input and output sizes should be greater than 0, but got input [3] output [3]",
      "ArgError: interpolate: Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires a 4-D tensor as input",
      "ArgError: interpolate: Lanczos mode requires antialias=True",
      "ArgError: interpolate: Lanczos mode does not support align_corners=True",
      "ArgError: interpolate: expected a floating point input for mode bilinear, got int64",
      "ArgError: Upsample.mode: expected one of 'nearest', 'nearest-exact', 'area', 'linear', 'bilinear', 'trilinear', 'bicubic', 'lanczos', got 'cubic'",
      "ArgError: Upsample.size: expected a positive integer or a list of 1 to 3 or null, got [1,2,3,4]",
      "ArgError: interpolate: either size or scale_factor should be defined",
      "ArgError: UpsamplingNearest2d.scale_factor: expected a positive number or a list of 2 or null, got 0",
    ]
  `);
});

test('sampling', () => {
  const grid = zeros([2, 2, 2, 2]);
  const theta = zeros([2, 2, 3]);
  expect(
    messages(
      () => F.gridSample(image, grid, { mode: wrong('linear') }),
      () => F.gridSample(image, grid, { padding_mode: wrong('wrap') }),
      () => F.gridSample(image, grid.to('float64')),
      () => F.gridSample(image.to('int64'), grid.to('int64')),
      () => F.gridSample(image, zeros([2, 2, 2])),
      () => F.gridSample(image, zeros([1, 2, 2, 2])),
      () => F.gridSample(image, zeros([2, 2, 2, 3])),
      () => F.gridSample(zeros([2, 1, 0, 3]), grid),
      () => F.gridSample(zeros([1, 1, 2, 2, 2]), zeros([1, 1, 1, 1, 3]), { mode: 'bicubic' }),
      () => F.affineGrid(theta, { size: [2, 1, 3] }),
      () => F.affineGrid(theta, { size: [3, 1, 4, 4] }),
      () => F.affineGrid(theta, { size: [2, 1, 2, 4, 4] }),
      () => F.affineGrid(theta, { size: [2, 1, 0, 4] }),
      () => F.affineGrid(theta.to('int64'), { size: [2, 1, 4, 4] }),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ArgError: grid_sample: expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: 'linear'",
      "ArgError: grid_sample: expected padding_mode to be 'zeros', 'border', or 'reflection', but got: 'wrap'",
      "ArgError: grid_sample: expected input and grid to have the same floating point dtype, but got float32 and float64",
      "ArgError: grid_sample: expected input and grid to have the same floating point dtype, but got int64 and int64",
      "ShapeError: grid_sample: expected 4D or 5D input and grid with same number of dimensions, but got input with sizes [2, 3, 4, 5] and grid with sizes [2, 2, 2]",
      "ShapeError: grid_sample: expected grid and input to have same batch size, but got input with sizes [2, 3, 4, 5] and grid with sizes [1, 2, 2, 2]",
      "ShapeError: grid_sample: expected grid to have size 2 in last dimension, but got grid with sizes [2, 2, 2, 3]",
      "ShapeError: grid_sample: expected input to have non-empty spatial dimensions, but input has sizes [2, 1, 0, 3]",
      "ShapeError: grid_sample: bicubic interpolation only supports 4D input",
      "ArgError: affine_grid: affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. Got size [2, 1, 3].",
      "ShapeError: affine_grid: Expected a batch of 2D affine matrices of shape Nx2x3 for size [3, 1, 4, 4]. Got [2, 2, 3].",
      "ShapeError: affine_grid: Expected a batch of 3D affine matrices of shape Nx3x4 for size [2, 1, 2, 4, 4]. Got [2, 2, 3].",
      "ArgError: affine_grid: Expected non-zero, positive output size. Got [2, 1, 0, 4]",
      "ArgError: affine_grid: Expected theta to have floating point type, but got int64",
    ]
  `);
});

test('windows, and channels rearranged', () => {
  const columns = zeros([1, 12, 9]);
  expect(
    messages(
      () => F.unfold(image, { kernel_size: 7 }),
      () => F.unfold(zeros([4, 5]), { kernel_size: 2 }),
      () => F.unfold(zeros([2, 0, 4, 5]), { kernel_size: 2 }),
      () => F.unfold(image, { kernel_size: 0 }),
      () => F.unfold(image, { kernel_size: [2, 2, 2] }),
      () => F.unfold(image, { kernel_size: 2, padding: -1 }),
      () => F.unfold(image.to('int64'), { kernel_size: 2 }),
      () => F.fold(columns, { output_size: [5, 4], kernel_size: 2 }),
      () => F.fold(zeros([1, 11, 9]), { output_size: 4, kernel_size: 2 }),
      () => F.fold(zeros([9]), { output_size: 4, kernel_size: 2 }),
      () => new nn.Fold(wrong({ kernel_size: 2 })),
      () => F.pixelShuffle(image, { upscale_factor: 2 }),
      () => F.pixelShuffle(image, { upscale_factor: 0 }),
      () => F.pixelShuffle(zeros([4, 4]), { upscale_factor: 2 }),
      () => F.pixelUnshuffle(image, { downscale_factor: 3 }),
      () => F.pixelUnshuffle(image, { downscale_factor: 2 }),
      () => F.channelShuffle(image, { groups: 2 }),
      () => F.channelShuffle(image, { groups: 0 }),
      () => F.channelShuffle(zeros([2, 4]), { groups: 2 }),
      () => new nn.Unflatten({ dim: 1, unflattened_size: [2, 2] }).forward(image),
      () => new nn.Unflatten({ dim: 7, unflattened_size: [2, 2] }).forward(image),
      () => new nn.Unflatten({ dim: 1, unflattened_size: [] }),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ShapeError: unfold: Given input with spatial size (4, 5), kernel_size=(7, 7), dilation=(1, 1), padding=(0, 0), calculated shape of the array of sliding blocks as (-2, -1), but its components must be at least one.",
      "ShapeError: unfold: Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, but got: [4, 5]",
      "ShapeError: unfold: Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, but got: [2, 0, 4, 5]",
      "ArgError: unfold: kernel_size should be greater than zero, but got height: 0 width: 0",
      "ArgError: unfold: It is expected kernel_size equals to 2, but got size 3",
      "ArgError: unfold: padding should be non-negative, but got height: -1 width: -1",
      "ArgError: unfold: expected a floating point input, got int64",
      "ShapeError: fold: Given output_size=(5, 4), kernel_size=(2, 2), dilation=(1, 1), padding=(0, 0), stride=(1, 1), expected size of input's dimension 2 to match the calculated number of sliding blocks 4 * 3 = 12, but got input.size(2)=9.",
      "ShapeError: fold: Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got input.size(1)=11 and kernel_size=(2, 2).",
      "ShapeError: fold: Expected 2D or 3D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, but got: [9]",
      "ArgError: Fold.output_size: missing required argument (a positive integer or a list of 2)",
      "ShapeError: pixel_shuffle: pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, but input.size(-3)=3 is not divisible by 4",
      "ArgError: pixel_shuffle: pixel_shuffle expects a positive upscale_factor, but got 0",
      "ShapeError: pixel_shuffle: pixel_shuffle expects input to have at least 3 dimensions, but got input with 2 dimension(s)",
      "ShapeError: pixel_unshuffle: pixel_unshuffle expects height to be divisible by downscale_factor, but input.size(-2)=4 is not divisible by 3",
      "ShapeError: pixel_unshuffle: pixel_unshuffle expects width to be divisible by downscale_factor, but input.size(-1)=5 is not divisible by 2",
      "ShapeError: channel_shuffle: Number of channels must be divisible by groups. Got 3 channels and 2 groups.",
      "ArgError: channel_shuffle: Number of groups to divide channels in must be positive. Value of groups:0",
      "ShapeError: channel_shuffle: channel_shuffle expects input with > 2 dims, but got input with sizes [2, 4]",
      "ShapeError: unflatten: Provided sizes [2, 2] don't multiply up to the size of dim 1 (3) in the input tensor",
      "ShapeError: unflatten: Dimension out of range (expected to be in range of [-4, 3], but got 7)",
      "ArgError: Unflatten.unflattened_size: expected a list of integers, one of which may be -1, got []",
    ]
  `);
});

test('distances', () => {
  expect(
    messages(
      () => F.cosineSimilarity(zeros([2, 3]), zeros([2, 4])),
      () => F.cosineSimilarity(zeros([3]), zeros([3])),
      () => F.cosineSimilarity(ints(1), ints(2)),
      () => F.pairwiseDistance(tensor([[1, 2]]), tensor([1, 2, 3])),
      () => F.pdist(zeros([3])),
      () => F.pdist(zeros([3, 2]), { p: -1 }),
      () => F.normalize(zeros([3])),
      () => F.normalize(ints(1, 2), { dim: 0 }),
      () => new nn.PairwiseDistance({ p: wrong('2') }),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ShapeError: cosine_similarity: the size of tensor a (3) must match the size of tensor b (4) at dimension 1; shapes [2, 3] and [2, 4] do not broadcast",
      "ShapeError: norm: Dimension out of range (expected to be in range of [-1, 0], but got 1)",
      "ArgError: cosine_similarity: expected common dtype to be floating point, yet common dtype is int64",
      "ShapeError: sub: the size of tensor a (2) must match the size of tensor b (3) at dimension 1; shapes [1, 2] and [3] do not broadcast",
      "ShapeError: pdist: pdist only supports 2D tensors, got: 1D",
      "ArgError: pdist: pdist only supports non-negative p values, got -1",
      "ShapeError: norm: Dimension out of range (expected to be in range of [-1, 0], but got 1)",
      "ArgError: norm: Expected a floating point tensor as input. Got int64",
      "ArgError: PairwiseDistance.p: expected a number, got '2'",
    ]
  `);
});

test('dropout and activations', () => {
  expect(
    messages(
      () => F.dropout1d(image),
      () => F.dropout2d(zeros([5])),
      () => F.alphaDropout(image, { p: 2 }),
      () => F.featureAlphaDropout(zeros([5]), { training: true }),
      () => new nn.AlphaDropout({ p: -0.5 }),
      () => F.rrelu(image, { lower: 0.5, upper: 0.2 }),
      () => F.rrelu(image, { upper: Number.POSITIVE_INFINITY }),
      () => F.gumbelSoftmax(ints(1)),
      () => F.gumbelSoftmax(image, { dim: 4 }),
      () => new nn.Softmax2d().forward(zeros([2, 3])),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ShapeError: dropout1d: Expected 2D or 3D input, but received a 4D input.",
      "ShapeError: dropout2d: expected an input of 3 or 4 dimensions, got [5]",
      "ArgError: dropout: dropout probability has to be between 0 and 1, but got 2",
      "ShapeError: feature_alpha_dropout: Feature dropout requires at least 2 dimensions in the input, got [5]",
      "ArgError: AlphaDropout.p: expected a number between 0 and 1, got -0.5",
      "ArgError: rrelu: Lower bound should be less than or equal to the upper bound, got lower=0.5, upper=0.2",
      "ArgError: rrelu: upper bound must be finite, got Infinity",
      "ArgError: gumbel_softmax: expected floating point logits, got int64",
      "ShapeError: softmax: Dimension out of range (expected to be in range of [-4, 3], but got 4)",
      "ShapeError: Softmax2d: expected input to be 3D or 4D, got 2D instead",
    ]
  `);
});

test('linear maps and classes', () => {
  const weight = zeros([4, 3]);
  const cube = ones([4, 2, 3]);
  expect(
    messages(
      () => F.linear(zeros([2, 5]), weight),
      () => F.linear(zeros([5]), weight),
      () => F.linear(zeros([2, 3, 5]), weight),
      () => F.linear(zeros([]), weight),
      () => F.linear(zeros([2, 3]), weight, zeros([5])),
      () => F.linear(zeros([2, 3]), weight, zeros([2, 2, 4])),
      () => F.linear(zeros([2, 3]), cube),
      () => F.linear(ints(1, 2, 3), weight),
      () => F.bilinear(zeros([5, 2]), zeros([4, 3]), cube),
      () => F.bilinear(zeros([5, 3]), zeros([5, 3]), cube),
      () => F.bilinear(zeros([5, 2]), zeros([5, 2]), cube),
      () => F.bilinear(zeros([5, 2]), zeros([1, 5, 3]), cube),
      () => F.bilinear(zeros([5, 2]), zeros([5, 3]), weight),
      () => F.bilinear(zeros([5, 2]), zeros([5, 3]), cube, zeros([3])),
      () => new nn.Bilinear({ in1_features: 0, in2_features: 3, out_features: 4 }),
      () => F.oneHot(ints(0, 3, 1), 3),
      () => F.oneHot(ints(0, -1), { num_classes: 3 }),
      () => F.oneHot(ints(), {}),
      () => F.oneHot(ints(0).add(1)),
      () => F.oneHot(ints(0), -2),
      () => F.oneHot(zeros([2]), 3),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ShapeError: linear: mat1 and mat2 shapes cannot be multiplied (2x5 and 3x4)",
      "ShapeError: linear: mat1 and mat2 shapes cannot be multiplied (1x5 and 3x4)",
      "ShapeError: linear: mat1 and mat2 shapes cannot be multiplied (6x5 and 3x4)",
      "ShapeError: linear: both arguments to linear need to be at least 1D, but they are 0D and 2D",
      "ShapeError: linear: the size of tensor a (4) must match the size of tensor b (5) at dimension 1; shapes [2, 4] and [5] do not broadcast",
      "ShapeError: linear: a bias of shape [2, 2, 4] does not broadcast to [2, 4]",
      "ShapeError: linear: expected a weight of 1 or 2 dimensions, got [4, 2, 3]",
      "TorcharcError: linear: expected both tensors to have the same dtype, but got int64 and float32",
      "ShapeError: bilinear: input batch dimensions do not match at dim 0: got 5 and 4",
      "ShapeError: bilinear: input1 size does not match weight size: got 3 but expected 2",
      "ShapeError: bilinear: input2 size does not match weight size: got 2 but expected 3",
      "ShapeError: bilinear: input dimensions do not match: got 2 and 3",
      "ShapeError: bilinear: expected a weight of 3 dimensions, got [4, 3]",
      "ShapeError: bilinear: bias size does not match weight size: got [3] but expected [4]",
      "ArgError: Bilinear.in1_features: expected a positive integer, got 0",
      "ArgError: one_hot: Class values must be smaller than num_classes, got 3 and 3",
      "ArgError: one_hot: Class values must be non-negative, got -1",
      "ArgError: one_hot: Can not infer total number of classes from empty tensor",
      "ArgError: one_hot: expected num_classes, since the values of the index are not there yet",
      "ArgError: one_hot: expected num_classes to be an integer of at least -1, got -2",
      "ArgError: oneHot: expected an index of dtype int64 or int32, got float32",
    ]
  `);
});
