/** What a stranger reads when a convolution or pooling cannot work: the whole text, PyTorch's words where PyTorch has them. */
import { F, nn, ones, type Tensor, tensor, zeros } from 'torcharc';
import { expect, test } from 'vitest';
import { messages, wrong } from './messages.ts';

const int = (shape: number[], value = 0) =>
  tensor(new BigInt64Array(shape.reduce((n, d) => n * d, 1)).fill(BigInt(value)), { shape });
const plane = zeros([1, 4, 5, 5]);
const weight = zeros([6, 4, 3, 3]);

test('convolutions', () => {
  expect(
    messages(
      () => F.conv2d(int([1, 4, 5, 5]), weight),
      () => F.conv2d(int([1, 4, 5, 5]), int([6, 4, 3, 3])),
      () => F.conv2d(plane, weight, { bias: int([6]) }),
      () => F.conv2d(plane, weight, { bias: zeros([5]) }),
      () => F.conv2d(plane, weight, { bias: zeros([1, 6]) }),
      () => F.conv2d(wrong([1, 2]), weight),
      () => F.conv2d(plane, wrong(null)),
      () => F.conv2d(zeros([5, 5]), weight),
      () => F.conv2d(zeros([1, 1, 4, 5, 5]), weight),
      () => F.conv2d(zeros([1, 3, 5, 5]), weight),
      () => F.conv2d(plane, zeros([6, 4, 3])),
      () => F.conv2d(plane, zeros([0, 4, 3, 3])),
      () => F.conv2d(zeros([1, 4, 5, 2]), weight),
      () => F.conv1d(zeros([1, 4, 0]), zeros([6, 4, 3])),
      () => F.conv3d(zeros([4, 2, 2, 2]), zeros([1, 4, 3, 1, 1])),
      () => F.conv2d(plane, weight, { stride: 0 }),
      () => F.conv2d(plane, weight, { stride: [1, -1] }),
      () => F.conv2d(plane, weight, { stride: [1, 1, 1] }),
      () => F.conv2d(plane, weight, { stride: 1.5 }),
      () => F.conv2d(plane, weight, { padding: -1 }),
      () => F.conv2d(plane, weight, { padding: 'full' }),
      () => F.conv2d(plane, weight, { padding: 1e9 }),
      () => F.conv2d(plane, weight, { dilation: 0 }),
      () => F.conv2d(plane, weight, { dilation: 4 }),
      () => F.conv2d(plane, weight, { groups: 0 }),
      () => F.conv2d(plane, weight, { groups: 2 }),
      () => F.conv1d(zeros([1, 4, 5]), zeros([3, 2, 3]), { groups: 2 }),
    ),
  ).toMatchInlineSnapshot(`
    [
      "TorcharcError: conv2d: Input type (int64) and weight type (float32) should be the same",
      "ArgError: conv2d: expected floating point tensors, got int64",
      "TorcharcError: conv2d: Input type (float32) and bias type (int64) should be the same",
      "ShapeError: conv2d: Given weight of size [6, 4, 3, 3], expected bias to be 1-dimensional with 6 elements, but got bias of size [5] instead",
      "ShapeError: conv2d: Given weight of size [6, 4, 3, 3], expected bias to be 1-dimensional with 6 elements, but got bias of size [1, 6] instead",
      "ArgError: conv2d: expected a tensor, got an array; tensor(data) makes one of numbers",
      "ArgError: conv2d: expected a tensor, got null; tensor(data) makes one of numbers",
      "ShapeError: conv2d: Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [5, 5]",
      "ShapeError: conv2d: Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [1, 1, 4, 5, 5]",
      "ShapeError: conv2d: Given groups=1, weight of size [6, 4, 3, 3], expected input[1, 3, 5, 5] to have 4 channels, but got 3 channels instead",
      "ShapeError: conv2d: expected a weight of 4 dimensions, got [6, 4, 3]",
      "ShapeError: conv2d: non-empty weight tensor expected, but got: [0, 4, 3, 3]",
      "ShapeError: conv2d: Calculated padded input size per channel: (5 x 2). Kernel size: (3 x 3). Kernel size can't be greater than actual input size",
      "ShapeError: conv1d: Calculated padded input size per channel: (0). Kernel size: (3). Kernel size can't be greater than actual input size",
      "ShapeError: conv3d: Calculated padded input size per channel: (2 x 2 x 2). Kernel size: (3 x 1 x 1). Kernel size can't be greater than actual input size",
      "ArgError: conv2d: non-positive stride is not supported, but got 0",
      "ArgError: conv2d: non-positive stride is not supported, but got [1,-1]",
      "ArgError: conv2d: stride must be an integer or a list of 2 integers, got [1,1,1]",
      "ArgError: conv2d: stride must be an integer or a list of 2 integers, got 1.5",
      "ArgError: conv2d: negative padding is not supported, but got -1",
      "ArgError: conv2d: Invalid padding string 'full', should be one of 'valid', 'same'",
      "ShapeError: conv2d: a result of shape [1, 6, 2000000003, 2000000003] is larger than an array can be",
      "ArgError: conv2d: dilation should be greater than zero, but got 0",
      "ShapeError: conv2d: Calculated padded input size per channel: (5 x 5). Kernel size: (9 x 9). Kernel size can't be greater than actual input size",
      "ArgError: conv2d: non-positive groups is not supported, got 0",
      "ShapeError: conv2d: Given groups=2, weight of size [6, 4, 3, 3], expected input[1, 4, 5, 5] to have 8 channels, but got 4 channels instead",
      "ShapeError: conv1d: out_channels (3) must be divisible by groups (2)",
    ]
  `);
});

test('transposed convolutions', () => {
  const back = zeros([4, 6, 3, 3]);
  const layer = new nn.ConvTranspose2d({ in_channels: 4, out_channels: 6, kernel_size: 3, stride: 2 });
  const table = { in_channels: 4, out_channels: 6, kernel_size: 3 };
  const padding_mode = 'reflect' as const;
  expect(
    messages(
      () => F.convTranspose2d(int([1, 4, 5, 5]), back),
      () => F.convTranspose2d(zeros([1, 3, 5, 5]), back),
      () => F.convTranspose2d(zeros([5, 5]), back),
      () => F.convTranspose2d(zeros([1, 4, 5, 0]), back),
      () => F.convTranspose2d(plane, back, { groups: 3 }),
      () => F.convTranspose2d(plane, back, { groups: 2, bias: zeros([6]) }),
      () => F.convTranspose2d(plane, back, { stride: 0 }),
      () => F.convTranspose2d(plane, back, { padding: -1 }),
      () => F.convTranspose2d(plane, back, { padding: wrong('same') }),
      () => F.convTranspose2d(plane, back, { padding: 9 }),
      () => F.convTranspose2d(plane, back, { output_padding: 1 }),
      () => F.convTranspose2d(plane, back, { output_padding: -1 }),
      () => F.convTranspose3d(zeros([1, 4, 2, 2, 2]), zeros([4, 1, 2, 2, 2]), { stride: 2, output_padding: [1, 2, 0] }),
      () => F.convTranspose1d(zeros([1, 4, 5]), zeros([4, 1, 2]), { stride: 1e9 }),
      () => new nn.ConvTranspose2d({ ...table, padding_mode }),
      () => new nn.ConvTranspose2d({ ...table, padding: wrong('same') }),
      () => new nn.ConvTranspose1d({ ...table, groups: 3 }),
      () => new nn.ConvTranspose1d({ ...table, groups: 4 }),
      () => new nn.ConvTranspose3d({ ...table, stride: 0 }),
      () => layer.forward(plane, { output_size: [12] }),
      () => layer.forward(plane, { output_size: [10, 12] }),
      () => layer.forward(plane, { output_size: [1, 6, 11, 13] }),
      () => layer.forward(zeros([4, 5, 5]), { output_size: [1, 6, 11, 12] }),
    ),
  ).toMatchInlineSnapshot(`
    [
      "TorcharcError: conv_transpose2d: Input type (int64) and weight type (float32) should be the same",
      "ShapeError: conv_transpose2d: Given transposed=1, weight of size [4, 6, 3, 3], expected input[1, 3, 5, 5] to have 4 channels, but got 3 channels instead",
      "ShapeError: conv_transpose2d: Expected 3D (unbatched) or 4D (batched) input to conv_transpose2d, but got input of size: [5, 5]",
      "ShapeError: conv_transpose2d: Only zero batch inputs are supported, but got input shape: [1, 4, 5, 0]",
      "ShapeError: conv_transpose2d: Given groups=3, expected weight to be divisible by 3 at dimension 0, but got weight of size [4, 6, 3, 3] instead",
      "ShapeError: conv_transpose2d: Given weight of size [4, 6, 3, 3], expected bias to be 1-dimensional with 12 elements, but got bias of size [6] instead",
      "ArgError: conv_transpose2d: non-positive stride is not supported, but got 0",
      "ArgError: conv_transpose2d: negative padding is not supported, but got -1",
      "ArgError: conv_transpose2d: padding must be an integer or a list of 2 integers, got 'same'",
      "ShapeError: conv_transpose2d: Given input size per channel: (5 x 5). Calculated output size per channel: (-11 x -11). Output size is too small",
      "ArgError: conv_transpose2d: output padding must be smaller than either stride or dilation, but got output_padding [1, 1], stride [1, 1] and dilation [1, 1]",
      "ArgError: conv_transpose2d: negative output_padding is not supported, but got -1",
      "ArgError: conv_transpose3d: output padding must be smaller than either stride or dilation, but got output_padding [1, 2, 0], stride [2, 2, 2] and dilation [1, 1, 1]",
      "ShapeError: conv_transpose1d: a result of shape [1, 1, 4000000002] is larger than an array can be",
      "ArgError: ConvTranspose2d: Only "zeros" padding mode is supported for ConvTranspose2d, got 'reflect'",
      "ArgError: ConvTranspose2d.padding: expected a non-negative integer or a list of 2, got 'same'",
      "ArgError: ConvTranspose1d: in_channels must be divisible by groups, got 4 and 3",
      "ArgError: ConvTranspose1d: out_channels must be divisible by groups, got 6 and 4",
      "ArgError: ConvTranspose3d.stride: expected a positive integer or a list of 3, got 0",
      "ArgError: ConvTranspose2D: for 4D input, output_size must have 2 or 4 elements (got 1)",
      "ArgError: ConvTranspose2D: requested an output size of [10, 12], but valid sizes range from [11, 11] to [12, 12] (for an input of [5, 5])",
      "ArgError: ConvTranspose2D: requested an output size of [11, 13], but valid sizes range from [11, 11] to [12, 12] (for an input of [5, 5])",
      "ArgError: ConvTranspose2D: for 3D input, output_size must have 2 or 3 elements (got 4)",
    ]
  `);
});

test('pooling', () => {
  expect(
    messages(
      () => F.maxPool2d(plane, { kernel_size: 0 }),
      () => F.maxPool2d(plane, { kernel_size: [2, 2, 2] }),
      () => F.maxPool2d(plane, wrong({})),
      () => F.maxPool2d(plane, { kernel_size: 2, stride: 0 }),
      () => F.maxPool1d(zeros([1, 1, 4]), { kernel_size: 2, stride: [1, 1] }),
      () => F.maxPool2d(plane, { kernel_size: 2, padding: -1 }),
      () => F.maxPool2d(plane, { kernel_size: 2, padding: 2 }),
      () => F.maxPool2d(plane, { kernel_size: 2, dilation: 0 }),
      () => F.maxPool2d(plane, { kernel_size: 6 }),
      () => F.maxPool3d(zeros([1, 1, 4, 4, 4]), { kernel_size: 3, dilation: 2 }),
      () => F.maxPool2d(zeros([5, 5]), { kernel_size: 2 }),
      () => F.maxPool2d(zeros([1, 0, 5, 5]), { kernel_size: 2 }),
      () => F.maxPool2d(zeros([1, 1, 5, 5], { dtype: 'bool' }), { kernel_size: 2 }),
      () => F.maxPool2d(wrong([[1]]), { kernel_size: 2 }),
      () => F.avgPool2d(int([1, 1, 4, 4]), { kernel_size: 2 }),
      () => F.avgPool3d(zeros([1, 1, 4, 4, 4]), { kernel_size: 5 }),
      () => F.avgPool3d(zeros([1, 1, 4, 4, 4]), { kernel_size: 2, divisor_override: 0 }),
      () => F.lpPool2d(plane, { norm_type: 0, kernel_size: 2 }),
      () => F.lpPool2d(plane, { norm_type: Number.NaN, kernel_size: 2 }),
      () => F.lpPool1d(plane, { norm_type: 2, kernel_size: 2 }),
      () => new nn.LPPool2d(wrong({ kernel_size: 2 })),
      () => new nn.MaxPool3d({ kernel_size: [2, 2] }),
      () => new nn.AvgPool1d(wrong({ kernel_size: 2, divisor_override: 3 })),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ArgError: max_pool2d: kernel_size should be greater than zero, but got 0",
      "ArgError: max_pool2d: kernel_size must be an integer or a list of 2 integers, got [2,2,2]",
      "ArgError: max_pool2d: kernel_size must be an integer or a list of 2 integers, got undefined",
      "ArgError: max_pool2d: stride should be greater than zero, but got 0",
      "ArgError: max_pool1d: stride must be an integer or a list of one, got [1,1]",
      "ArgError: max_pool2d: padding must be non-negative, but got -1",
      "ArgError: max_pool2d: pad should be at most half of effective kernel size, but got pad=2, kernel_size=2 and dilation=1",
      "ArgError: max_pool2d: dilation should be greater than zero, but got 0",
      "ShapeError: max_pool2d: Given input size: (4x5x5). Calculated output size: (4x0x0). Output size is too small",
      "ShapeError: max_pool3d: Given input size: (1x4x4x4). Calculated output size: (1x0x0x0). Output size is too small",
      "ShapeError: max_pool2d: Expected 3D or 4D (batch mode) tensor, but got: [5, 5]",
      "ShapeError: max_pool2d: Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for input, but got: [1, 0, 5, 5]",
      "ArgError: max_pool2d: not implemented for bool",
      "ArgError: max_pool2d: expected a tensor, got an array; tensor(data) makes one of numbers",
      "ArgError: avg_pool2d: expected a floating point tensor, got int64",
      "ShapeError: avg_pool3d: Given input size: (1x4x4x4). Calculated output size: (1x0x0x0). Output size is too small",
      "ArgError: avg_pool3d: divisor must be not zero",
      "ArgError: lp_pool2d: norm_type must be a number other than zero, got 0",
      "ArgError: lp_pool2d: norm_type must be a number other than zero, got NaN",
      "ShapeError: lp_pool1d: Expected 2D or 3D (batch mode) tensor, but got: [1, 4, 5, 5]",
      "ArgError: LPPool2d.norm_type: missing required argument (a number)",
      "ArgError: MaxPool3d.kernel_size: expected a positive integer or a list of 3, got [2,2]",
      "ArgError: AvgPool1d.divisor_override: unknown option; its options are kernel_size, stride, padding, ceil_mode, count_include_pad",
    ]
  `);
});

test('adaptive and fractional pooling', () => {
  const fractional = (options: object, x: Tensor = plane) => F.fractionalMaxPool2d(x, options as never);
  expect(
    messages(
      () => F.adaptiveAvgPool2d(plane, { output_size: -1 }),
      () => F.adaptiveAvgPool2d(plane, { output_size: [1, 2, 3] }),
      () => F.adaptiveAvgPool2d(plane, { output_size: wrong(null) }),
      () => F.adaptiveAvgPool2d(plane, { output_size: 2.5 }),
      () => F.adaptiveAvgPool2d(plane, { output_size: 1e6 }),
      () => F.adaptiveMaxPool2d(zeros([1, 1, 0, 5]), { output_size: 2 }),
      () => F.adaptiveMaxPool2d(int([1, 1, 4, 4]), { output_size: 2 }),
      () => F.adaptiveMaxPool1d(zeros([4]), { output_size: 2 }),
      () => new nn.AdaptiveAvgPool2d(wrong({})),
      () => new nn.AdaptiveAvgPool1d({ output_size: wrong([null]) }),
      () => new nn.AdaptiveMaxPool3d({ output_size: wrong(null) }),
      () => fractional({ kernel_size: 2 }),
      () => fractional({ kernel_size: 2, output_ratio: 1.5 }),
      () => fractional({ kernel_size: 2, output_ratio: [0.5] }),
      () => fractional({ kernel_size: 2, output_size: 5 }),
      () => fractional({ kernel_size: 2, output_ratio: 0.1 }),
      () => fractional({ kernel_size: 2, output_size: 2, _random_samples: zeros([1, 4, 3]) }),
      () => fractional({ kernel_size: 2, output_size: 2, _random_samples: zeros([1, 4, 2], { dtype: 'float64' }) }),
      () => F.fractionalMaxPool3d(zeros([1, 1, 4, 4, 4]), { kernel_size: 2, output_size: 3 }),
      () => new nn.FractionalMaxPool2d({ kernel_size: 2 }),
      () => new nn.FractionalMaxPool2d({ kernel_size: 2, output_size: 2, output_ratio: 0.5 }),
      () => new nn.FractionalMaxPool3d({ kernel_size: 2, output_ratio: 1 }),
      () => new nn.FractionalMaxPool3d({ kernel_size: 0, output_size: 2 }),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ArgError: adaptive_avg_pool2d: elements of output_size must be greater than or equal to 0 but received {-1, -1}",
      "ArgError: adaptive_avg_pool2d: output_size must be an integer or a list of 2, got [1,2,3]",
      "ArgError: adaptive_avg_pool2d: output_size must be an integer or a list of 2, got null",
      "ArgError: adaptive_avg_pool2d: output_size must be an integer or a list of 2, got 2.5",
      "ShapeError: adaptive_avg_pool2d: a result of shape [1, 4, 1000000, 1000000] is larger than an array can be",
      "ShapeError: adaptive_max_pool2d: Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for input, but got: [1, 1, 0, 5]",
      "ArgError: adaptive_max_pool2d: expected a floating point tensor, got int64",
      "ShapeError: adaptive_max_pool1d: Expected 2D or 3D (batch mode) tensor, but got: [4]",
      "ArgError: AdaptiveAvgPool2d.output_size: missing required argument (a non-negative integer or a list of 2, null for the input's size)",
      "ArgError: AdaptiveAvgPool1d.output_size: expected a non-negative integer or a list of one, got [null]",
      "ArgError: AdaptiveMaxPool3d.output_size: expected a non-negative integer or a list of 3, null for the input's size, got null",
      "ArgError: fractional_max_pool2d: requires specifying either an output_size or an output_ratio",
      "ArgError: fractional_max_pool2d: expected an output_ratio between 0 and 1 or a list of 2, got 1.5",
      "ArgError: fractional_max_pool2d: expected an output_ratio between 0 and 1 or a list of 2, got [0.5]",
      "ShapeError: fractional_max_pool2d: pool height 2 too large relative to input height 5",
      "ShapeError: fractional_max_pool2d: output height 0 is too small",
      "ShapeError: fractional_max_pool2d: expected _random_samples of shape [1, 4, 2], got [1, 4, 3]",
      "ArgError: fractional_max_pool2d: Expect _random_samples to have the same dtype as input, got float64 and float32",
      "ShapeError: fractional_max_pool3d: pool time 2 too large relative to input time 4",
      "ArgError: FractionalMaxPool2d: requires specifying either an output size, or a pooling ratio",
      "ArgError: FractionalMaxPool2d: only one of output_size and output_ratio may be specified, got both",
      "ArgError: FractionalMaxPool3d.output_ratio: expected a number between 0 and 1 or a list of 3 or null, got 1",
      "ArgError: FractionalMaxPool3d.kernel_size: expected a positive integer or a list of 3, got 0",
    ]
  `);
});

test('unpooling', async () => {
  const x = ones([1, 1, 2, 2]);
  const index = int([1, 1, 2, 2], 3);
  const unpool = (options: object, i: Tensor = index) => F.maxUnpool2d(x, i, { kernel_size: 2, ...options });
  expect(
    messages(
      () => unpool({}, int([1, 1, 2, 2], 16)),
      () => unpool({}, int([1, 1, 2, 2], -1)),
      () => unpool({}, zeros([1, 1, 2, 2])),
      () => unpool({}, int([1, 1, 2, 1])),
      () => unpool({ stride: 0 }),
      () => unpool({ padding: 3 }),
      () => unpool({ output_size: [5] }),
      () => unpool({ output_size: [9, 9] }),
      () => unpool({ output_size: 5 }),
      () => unpool({ kernel_size: 1e6 }),
      () => F.maxUnpool2d(int([1, 1, 2, 2]), index, { kernel_size: 2 }),
      () => F.maxUnpool3d(ones([1, 1]), int([1, 1]), { kernel_size: 2 }),
      () => F.maxUnpool1d(ones([2]), int([2]), { kernel_size: 2 }),
      () => F.maxUnpool1d(ones([1, 1, 0]), int([1, 1, 0]), { kernel_size: 2 }),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ArgError: max_unpool2d: Found an invalid max index: 16 (output volumes are of size 4x4)",
      "ArgError: max_unpool2d: Found an invalid max index: -1 (output volumes are of size 4x4)",
      "ArgError: max_unpool2d: elements in indices should be type int64 but got: float32",
      "ShapeError: max_unpool2d: Expected shape of indices to be same as that of the input tensor ([1, 1, 2, 2]) but got indices tensor with shape: [1, 1, 2, 1]",
      "ArgError: max_unpool2d: stride should be greater than zero, but got 0",
      "ShapeError: max_unpool2d: max_unpooling: output_size must contain non-negative spatial dimensions, but got output_size[0]=-2",
      "ArgError: max_unpool2d: output_size should be a sequence containing 2 or 4 elements, but it has a length of '1'",
      "ArgError: max_unpool2d: invalid output_size "[9, 9]" (dim 0 must be between 2 and 6)",
      "ArgError: max_unpool2d: output_size should be a sequence containing 2 or 4 elements, but got 5",
      "ShapeError: max_unpool2d: a result of shape [1, 1, 2000000, 2000000] is larger than an array can be",
      "ArgError: max_unpool2d: expected a floating point tensor, got int64",
      "ShapeError: max_unpool3d: Expected 4D or 5D (batch mode) tensor, but got: [1, 1]",
      "ShapeError: max_unpool1d: Expected 2D or 3D (batch mode) tensor, but got: [2]",
      "ShapeError: max_unpool1d: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for input, but got: [1, 1, 0]",
    ]
  `);

  // what is computed is checked as it runs, plane by plane
  const two = F.maxUnpool1d(ones([1, 2, 1]), int([1, 2, 1], 1).add(1), { kernel_size: 2 });
  await expect(two.data()).rejects.toThrow('Index value out of bounds');
  const below = F.maxUnpool1d(ones([1, 2, 1]), int([1, 2, 1]).sub(1), { kernel_size: 2 });
  await expect(below.data()).rejects.toThrow('Index value out of bounds');
});
