/** What a stranger reads: the whole text of errors, one line a mistake. PyTorch's words where PyTorch has them. */
import {
  ArgError,
  arange,
  build,
  cat,
  F,
  full,
  grad,
  Module,
  nn,
  noGrad,
  ones,
  optim,
  Parameter,
  rand,
  randint,
  randperm,
  stack,
  type Tensor,
  tensor,
  zeros,
} from 'torcharc';
import { expect, test } from 'vitest';
import { messages, wrong } from './messages.ts';

const bn = (x: Tensor) => new nn.BatchNorm2d({ num_features: 3 }).forward(x);
const int = (shape: number[], value = 0) =>
  tensor(new BigInt64Array(shape.reduce((n, d) => n * d, 1)).fill(BigInt(value)), { shape });

test('options of layers', () => {
  expect(
    messages(
      () => new nn.Linear(wrong(undefined)),
      () => new nn.Linear(wrong([3, 4])),
      () => new nn.Linear(wrong({ in_features: 3 })),
      () => new nn.Linear(wrong({ in_features: 3, out_featurs: 4 })),
      () => new nn.Linear(wrong({ in_features: 2.5, out_features: 4 })),
      () => new nn.Linear({ in_features: -1, out_features: 4 }),
      () => new nn.Linear(wrong({ in_features: '3', out_features: 4 })),
      () => new nn.Linear(wrong({ in_features: 3, out_features: 4, bias: 1 })),
      () => new nn.Conv2d(wrong({ in_channels: 3, out_channels: 4, kernel_size: 'large' })),
      () => new nn.Conv2d({ in_channels: 3, out_channels: 4, kernel_size: [3, 3, 3] }),
      () => new nn.Conv2d({ in_channels: 3, out_channels: 4, kernel_size: 0 }),
      () => new nn.Conv2d({ in_channels: 3, out_channels: 4, kernel_size: 3, stride: 0 }),
      () => new nn.Conv2d({ in_channels: 3, out_channels: 4, kernel_size: 3, padding: -1 }),
      () => new nn.Conv2d({ in_channels: 3, out_channels: 4, kernel_size: 3, padding: wrong('full') }),
      () => new nn.Conv2d({ in_channels: 3, out_channels: 4, kernel_size: 3, padding_mode: wrong('mirror') }),
      () => new nn.Conv2d({ in_channels: 3, out_channels: 4, kernel_size: 3, padding: 'same', stride: 2 }),
      () => new nn.Conv2d({ in_channels: 3, out_channels: 4, kernel_size: 3, groups: 2 }),
      () => new nn.Conv1d({ in_channels: 4, out_channels: 3, kernel_size: 3, groups: 2 }),
      () => new nn.Conv3d({ in_channels: 4, out_channels: 4, kernel_size: 3, groups: 0 }),
      () => new nn.Dropout({ p: 1.5 }),
      () => new nn.Dropout2d({ p: Number.NaN }),
      () => new nn.GELU({ approximate: wrong('fast') }),
      () => new nn.Tanh(wrong({ inplace: true })),
      () => new nn.Softmax({ dim: 0.5 }),
      () => new nn.BatchNorm1d(wrong({ num_features: 3, momentum: 'none' })),
      () => new nn.MaxPool2d(wrong({})),
      () => new nn.AvgPool2d({ kernel_size: 2, divisor_override: 0 }).forward(zeros([1, 4, 4])),
      () => new nn.CrossEntropyLoss({ reduction: wrong('average') }),
      () => new nn.CrossEntropyLoss({ label_smoothing: 2 }),
      () => new nn.CrossEntropyLoss({ weight: wrong('balanced') }),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ArgError: Linear.in_features: missing required argument (a non-negative integer)",
      "ArgError: Linear: expected options by name, got [3,4]",
      "ArgError: Linear.out_features: missing required argument (a non-negative integer)",
      "ArgError: Linear.out_featurs: unknown option (did you mean 'out_features'?); its options are in_features, out_features, bias",
      "ArgError: Linear.in_features: expected a non-negative integer, got 2.5",
      "ArgError: Linear.in_features: expected a non-negative integer, got -1",
      "ArgError: Linear.in_features: expected a non-negative integer, got '3'",
      "ArgError: Linear.bias: expected true or false, got 1",
      "ArgError: Conv2d.kernel_size: expected a positive integer or a list of 2, got 'large'",
      "ArgError: Conv2d.kernel_size: expected a positive integer or a list of 2, got [3,3,3]",
      "ArgError: Conv2d.kernel_size: expected a positive integer or a list of 2, got 0",
      "ArgError: Conv2d.stride: expected a positive integer or a list of 2, got 0",
      "ArgError: Conv2d.padding: expected a non-negative integer, a list of 2, 'same' or 'valid', got -1",
      "ArgError: Conv2d.padding: expected a non-negative integer, a list of 2, 'same' or 'valid', got 'full'",
      "ArgError: Conv2d.padding_mode: expected one of 'zeros', 'reflect', 'replicate', 'circular', got 'mirror'",
      "ArgError: Conv2d: padding='same' is not supported for strided convolutions",
      "ArgError: Conv2d: in_channels must be divisible by groups, got 3 and 2",
      "ArgError: Conv1d: out_channels must be divisible by groups, got 3 and 2",
      "ArgError: Conv3d.groups: expected a positive integer, got 0",
      "ArgError: Dropout.p: expected a number between 0 and 1, got 1.5",
      "ArgError: Dropout2d.p: expected a number between 0 and 1, got NaN",
      "ArgError: GELU.approximate: expected one of 'none', 'tanh', got 'fast'",
      "ArgError: Tanh.inplace: unknown option; it has no options",
      "ArgError: Softmax.dim: expected an integer or null, got 0.5",
      "ArgError: BatchNorm1d.momentum: expected a number or null, got 'none'",
      "ArgError: MaxPool2d.kernel_size: missing required argument (a positive integer or a list of 2)",
      "ArgError: avg_pool2d: divisor must be not zero",
      "ArgError: CrossEntropyLoss.reduction: expected one of 'none', 'mean', 'sum', got 'average'",
      "ArgError: CrossEntropyLoss.label_smoothing: expected a number between 0 and 1, got 2",
      "ArgError: CrossEntropyLoss.weight: expected a tensor, a list of numbers or null, got 'balanced'",
    ]
  `);
});

test('containers and modules', () => {
  const linear = new nn.Linear({ in_features: 2, out_features: 2 });
  expect(
    messages(
      () => new nn.Sequential(wrong([new nn.ReLU(), 3])),
      () => new nn.Sequential({ 'a.b': new nn.ReLU() }),
      () => new nn.ModuleDict({ '': new nn.ReLU() }),
      () => new nn.Sequential([new nn.ReLU()]).get(3),
      () => new nn.ModuleDict({ a: new nn.ReLU() }).get('b'),
      () => new nn.ModuleDict({}).forward(),
      () => linear.loadStateDict({ weight: zeros([2, 2]) }),
      () => linear.loadStateDict(wrong({ weight: ones([3, 2]), bias: ones([2]), extra: ones([1]) })),
      () => linear.loadStateDict({ weight: ones([2, 2]), bias: rand([2]).add(1) }),
      () => new Parameter(rand([2]).add(1)),
      () => new Parameter(int([2])),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ArgError: Sequential: expected modules, got 3 under '1'",
      "ArgError: Sequential: module name can't contain ".", got: a.b",
      "ArgError: ModuleDict: module name can't be empty string """,
      "ArgError: Sequential: no module 3; it has 0",
      "ArgError: ModuleDict: no module 'b'; it has a",
      "ArgError: ModuleDict: has no forward; call the modules in it",
      "TorcharcError: Error(s) in loading state_dict for Linear: Missing key(s) in state_dict: "bias"",
      "TorcharcError: Error(s) in loading state_dict for Linear: Unexpected key(s) in state_dict: "extra"; size mismatch for weight: copying a param with shape [3, 2] from checkpoint, the shape in current model is [2, 2]",
      "TorcharcError: loadStateDict: weight: the tensor's value is still pending; await realize(tensor) first",
      "TorcharcError: Parameter: the tensor's value is still pending; await realize(tensor) first",
      "ArgError: requiresGrad: only floating point tensors can require gradients, got int64",
    ]
  `);
});

test('shapes of layers and losses', () => {
  const conv = new nn.Conv2d({ in_channels: 3, out_channels: 4, kernel_size: 3 });
  const linear = new nn.Linear({ in_features: 3, out_features: 4 });
  expect(
    messages(
      () => linear.forward(zeros([2, 5])),
      () => linear.forward(zeros([2, 6, 5])),
      () => linear.forward(zeros([])),
      () => conv.forward(zeros([1, 4, 8, 8])),
      () => conv.forward(zeros([8, 8])),
      () => conv.forward(zeros([1, 3, 2, 8])),
      () => new nn.Conv1d({ in_channels: 1, out_channels: 1, kernel_size: 3, dilation: 4 }).forward(zeros([1, 1, 8])),
      () =>
        new nn.Conv1d({ in_channels: 1, out_channels: 1, kernel_size: 3, padding: 4, padding_mode: 'reflect' }).forward(
          zeros([1, 1, 3]),
        ),
      () => bn(zeros([2, 3])),
      () => bn(zeros([2, 4, 5, 5])),
      () => bn(zeros([1, 3, 1, 1])),
      () => new nn.BatchNorm1d({ num_features: 3 }).forward(zeros([3])),
      () => new nn.MaxPool2d({ kernel_size: 3 }).forward(zeros([1, 1, 2, 5])),
      () => new nn.MaxPool2d({ kernel_size: 2, padding: 2 }).forward(zeros([1, 1, 5, 5])),
      () => new nn.MaxPool2d({ kernel_size: 2 }).forward(zeros([5, 5])),
      () => new nn.AvgPool2d({ kernel_size: 2 }).forward(zeros([5])),
      () => new nn.Dropout2d().forward(zeros([5])),
      () => new nn.Flatten().forward(zeros([5])),
      () => new nn.Softmax({ dim: 2 }).forward(zeros([2, 2])),
      () => F.mseLoss(zeros([3]), zeros([4])),
      () => F.l1Loss(zeros([3, 1]), zeros([3])),
      () => F.binaryCrossEntropyWithLogits(zeros([3, 1]), zeros([3])),
      () => F.crossEntropy(zeros([4, 3]), int([5])),
      () => F.crossEntropy(zeros([4, 3]), zeros([4])),
      () => F.crossEntropy(zeros([4, 3, 2]), int([4])),
      () => F.crossEntropy(zeros([]), int([])),
      () => F.crossEntropy(zeros([4, 3]), int([4], 3)),
      () => F.crossEntropy(zeros([4, 3]), int([4], -1)),
      () => F.mseLoss(zeros([3]), zeros([3]), { reduction: wrong('avg') }),
      () => F.conv2d(zeros([1, 3, 5, 5]), zeros([4, 3, 2, 2]), { padding: 'full' }),
      () => F.conv2d(zeros([1, 3, 5]), zeros([4, 3, 2])),
      () => F.conv2d(zeros([1, 4, 5, 5]), zeros([3, 2, 2, 2]), { groups: 2 }),
      () => F.gelu(zeros([1]), { approximate: 'fast' }),
      () => F.dropout(zeros([1]), { p: -1 }),
      () => F.pad(zeros([2, 2]), [1]),
      () => F.pad(zeros([2, 2]), [1, 1, 1, 1, 1, 1]),
      () => F.pad(zeros([2, 2]), [-2, -1]),
      () => F.pad(zeros([2, 2]), [1, 1], { mode: wrong('mirror') }),
      () => F.pad(zeros([2, 2]), [3, 1], { mode: 'circular' }),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ShapeError: linear: mat1 and mat2 shapes cannot be multiplied (2x5 and 3x4)",
      "ShapeError: linear: mat1 and mat2 shapes cannot be multiplied (12x5 and 3x4)",
      "ShapeError: linear: both arguments to linear need to be at least 1D, but they are 0D and 2D",
      "ShapeError: conv2d: Given groups=1, weight of size [4, 3, 3, 3], expected input[1, 4, 8, 8] to have 3 channels, but got 4 channels instead",
      "ShapeError: conv2d: Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [8, 8]",
      "ShapeError: conv2d: Calculated padded input size per channel: (2 x 8). Kernel size: (3 x 3). Kernel size can't be greater than actual input size",
      "ShapeError: conv1d: Calculated padded input size per channel: (8). Kernel size: (9). Kernel size can't be greater than actual input size",
      "ShapeError: pad: Padding size should be less than the corresponding input dimension, but got: padding (4, 4) at dimension 2 of input [1, 1, 3]",
      "ShapeError: BatchNorm2d: expected 4D input (got 2D input)",
      "ShapeError: BatchNorm2d: expected an input with 3 channels in dimension 1, got [2, 4, 5, 5]",
      "ShapeError: BatchNorm2d: Expected more than 1 value per channel when training, got input size [1, 3, 1, 1]",
      "ShapeError: BatchNorm1d: expected 2D or 3D input (got 1D input)",
      "ShapeError: max_pool2d: Given input size: (1x2x5). Calculated output size: (1x0x1). Output size is too small",
      "ArgError: max_pool2d: pad should be at most half of effective kernel size, but got pad=2, kernel_size=2 and dilation=1",
      "ShapeError: max_pool2d: Expected 3D or 4D (batch mode) tensor, but got: [5, 5]",
      "ShapeError: avg_pool2d: Expected 3D or 4D (batch mode) tensor, but got: [5]",
      "ShapeError: dropout2d: expected an input of 3 or 4 dimensions, got [5]",
      "ShapeError: flatten: Dimension out of range (expected to be in range of [-1, 0], but got 1)",
      "ShapeError: softmax: Dimension out of range (expected to be in range of [-2, 1], but got 2)",
      "ShapeError: mse_loss: target size ([4]) must be the same as input size ([3])",
      "ShapeError: l1_loss: target size ([3]) must be the same as input size ([3, 1]); reshape one of them, or expand both to [3, 3] if that is meant",
      "ShapeError: binary_cross_entropy_with_logits: target size ([3]) must be the same as input size ([3, 1])",
      "ShapeError: cross_entropy: expected target of shape [4] for input [4, 3], got [5]",
      "ShapeError: cross_entropy: target size ([4]) must be the same as input size ([4, 3])",
      "ShapeError: cross_entropy: expected target of shape [4, 2] for input [4, 3, 2], got [4]",
      "ShapeError: cross_entropy: expected an input of at least one dimension",
      "ArgError: cross_entropy: Target 3 is out of bounds for 3 classes",
      "ArgError: cross_entropy: Target -1 is out of bounds for 3 classes",
      "ArgError: loss: 'avg' is not a valid value for reduction; expected none, mean or sum",
      "ArgError: conv2d: Invalid padding string 'full', should be one of 'valid', 'same'",
      "ShapeError: conv2d: expected a weight of 4 dimensions, got [4, 3, 2]",
      "ShapeError: conv2d: out_channels (3) must be divisible by groups (2)",
      "ArgError: gelu: approximate argument must be either none or tanh, got 'fast'",
      "ArgError: dropout: dropout probability has to be between 0 and 1, but got -1",
      "ArgError: pad: expected an even number of at most 4 paddings, got [1]",
      "ArgError: pad: expected an even number of at most 4 paddings, got [1, 1, 1, 1, 1, 1]",
      "ShapeError: pad: padding [0, -2], [0, -1] of [2, 2] leaves a negative size",
      "ArgError: pad: expected mode constant, reflect, replicate or circular, got 'mirror'",
      "ShapeError: pad: Padding size should be less than the corresponding input dimension, but got: padding (3, 1) at dimension 1 of input [2, 2]",
    ]
  `);
});

test('shapes of operations', () => {
  const x = zeros([2, 3, 4]).add(rand([4]));
  expect(
    messages(
      () => x.add(rand([3])),
      () => x.eq(rand([2, 3, 5])),
      () => rand([4, 100]).matmul(rand([784, 16])),
      () => x.matmul(rand([2, 5, 4])),
      () => x.matmul(rand([3, 4, 5])),
      () => rand([]).matmul(x),
      () => x.reshape([5, 5]),
      () => x.reshape([-1, -1]),
      () => x.reshape([-1, 7]),
      () => x.reshape([-2, 12]),
      () => x.reshape(24 as never),
      () => x.permute([0, 1]),
      () => x.permute([0, 1, 1]),
      () => x.transpose(0, 3),
      () => x.expand([2, 3]),
      () => x.expand([2, 3, 5]),
      () => x.squeeze(5),
      () => x.unsqueeze(-5),
      () => x.flatten({ start_dim: 2, end_dim: 1 }),
      () => x.slice({ dim: 0, step: 0 }),
      () => x.slice({ dim: 4 }),
      () => x.narrow(1, 2, 2),
      () => x.select(0, 2),
      () => x.split([1, 1], { dim: 1 }),
      () => x.split([4, -1], { dim: 1 }),
      () => x.split(0),
      () => x.chunk(0),
      () => x.sum({ dim: 3 }),
      () => x.mean({ dim: [0, 0] }),
      () => x.sum({ dim: 0.5 }),
      () =>
        zeros([0, 2])
          .add(rand([2]))
          .amax({ dim: 0 }),
      () =>
        zeros([0])
          .add(rand([1]))
          .argmax(),
      () => cat([]),
      () => cat([rand([2, 3]), rand([2, 2])]),
      () => cat([rand([2, 3]), rand([2])]),
      () => stack([rand([2]), rand([3])]),
      () => stack([]),
      () => x.indexSelect(3, int([1])),
      () => x.gather(0, int([1, 3])),
      () => x.gather(0, int([1, 4, 4])),
      () => x.scatterAdd(1, int([2, 1]), x),
      () => x.indexAdd(1, int([2]), rand([2, 3, 4])),
      () => x.scatterAdd(1, int([2, 2, 4]), rand([2, 1, 4])),
      () => rand([2, 2, 2]).t(),
      () => x.flip(3),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ShapeError: add: the size of tensor a (4) must match the size of tensor b (3) at dimension 2; shapes [2, 3, 4] and [3] do not broadcast",
      "ShapeError: eq: the size of tensor a (4) must match the size of tensor b (5) at dimension 2; shapes [2, 3, 4] and [2, 3, 5] do not broadcast",
      "ShapeError: matmul: mat1 and mat2 shapes cannot be multiplied (4x100 and 784x16)",
      "ShapeError: matmul: the last dimension of [2, 3, 4] must equal the second to last of [2, 5, 4]",
      "ShapeError: matmul: the size of tensor a (2) must match the size of tensor b (3) at dimension 0; shapes [2] and [3] do not broadcast",
      "ShapeError: matmul: both arguments to matmul need to be at least 1D, but they are 0D and 3D",
      "ShapeError: reshape: shape '[5, 5]' is invalid for input of size 24, shape [2, 3, 4]",
      "ShapeError: reshape: only one dimension can be inferred",
      "ShapeError: reshape: shape '[-1, 7]' is invalid for input of size 24, shape [2, 3, 4]",
      "ShapeError: reshape: shape '[-2, 12]' is invalid for input of size 24, shape [2, 3, 4]",
      "ArgError: reshape: expected a list of sizes, as in [2, -1], got 24",
      "ShapeError: permute: expected each of the 3 dimensions once, got [0, 1]",
      "ShapeError: permute: expected each of the 3 dimensions once, got [0, 1, 1]",
      "ShapeError: transpose: Dimension out of range (expected to be in range of [-3, 2], but got 3)",
      "ShapeError: expand: the tensor of shape [2, 3, 4] cannot be expanded to [2, 3]",
      "ShapeError: expand: the tensor of shape [2, 3, 4] cannot be expanded to [2, 3, 5]",
      "ShapeError: squeeze: Dimension out of range (expected to be in range of [-3, 2], but got 5)",
      "ShapeError: unsqueeze: Dimension out of range (expected to be in range of [-4, 3], but got -5)",
      "ShapeError: flatten: flatten() has invalid args: start_dim cannot come after end_dim",
      "ArgError: slice: step must be a positive integer, got 0",
      "ShapeError: slice: Dimension out of range (expected to be in range of [-3, 2], but got 4)",
      "ShapeError: narrow: start (2) + length (2) exceeds dimension size (3) of dimension 1",
      "ShapeError: select: index 2 is out of bounds for dimension 0 with size 2",
      "ShapeError: split: split_with_sizes expects split_sizes to sum exactly to 3 (input tensor's size at dimension 1), but got split_sizes=[1, 1]",
      "ArgError: split: split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes=[4, -1]",
      "ArgError: split: expected a positive size, got 0",
      "ArgError: chunk: chunk expects \`chunks\` to be greater than 0, got: 0",
      "ShapeError: sum: Dimension out of range (expected to be in range of [-3, 2], but got 3)",
      "ShapeError: mean: dim appears multiple times in the list of dims [0, 0]",
      "ArgError: sum: dim must be an integer, got 0.5",
      "ShapeError: amax(): Expected reduction dim 0 to have non-zero size.",
      "ShapeError: argmax(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument.",
      "ArgError: cat: expected a non-empty list of tensors",
      "ShapeError: cat: Sizes of tensors must match except in dimension 0. Expected shape [2, 3] but got [2, 2]",
      "ShapeError: cat: Sizes of tensors must match except in dimension 0. Expected shape [2, 3] but got [2]",
      "ShapeError: stack: stack expects each tensor to be equal size, but got [2] at entry 0 and [3] at entry 1",
      "ArgError: stack: expected a non-empty list of tensors",
      "ShapeError: indexSelect: Dimension out of range (expected to be in range of [-3, 2], but got 3)",
      "ShapeError: gather: expected an index of 3 dimensions no larger than [2, 3, 4] apart from dimension 0, got [1, 3]",
      "ShapeError: gather: expected an index of 3 dimensions no larger than [2, 3, 4] apart from dimension 0, got [1, 4, 4]",
      "ShapeError: scatterAdd: expected an index of 3 dimensions no larger than [2, 3, 4] apart from dimension 1, got [2, 1]",
      "ShapeError: indexAdd: expected a source of shape [2, 2, 4] for an index of shape [2] along dimension 1 of [2, 3, 4], got [2, 3, 4]",
      "ShapeError: scatterAdd: Expected index [2, 2, 4] to be no larger size than src [2, 1, 4]",
      "ShapeError: t: t() expects a tensor with <= 2 dimensions, but self is 3D",
      "ShapeError: flip: Dimension out of range (expected to be in range of [-3, 2], but got 3)",
    ]
  `);
});

test('dtypes', () => {
  const [i, d] = [int([2, 2]), zeros([2, 2], { dtype: 'float64' })];
  const f = rand([2, 2]);
  expect(
    messages(
      () => f.matmul(i),
      () => f.matmul(d),
      () => F.linear(d, f),
      () => F.conv1d(zeros([1, 1, 4], { dtype: 'float64' }), zeros([1, 1, 2])),
      () => i.mean(),
      () => i.var(),
      () => i.softmax(0),
      () => f.to(wrong('float')),
      () => f.to(wrong('bfloat16')),
      () => f.indexSelect(0, f),
      () => f.gather(0, f),
      () => F.oneHot(f, 3),
      () => zeros([2], { dtype: wrong('int') }),
      () => rand([2], { dtype: 'int64' }),
      () => tensor([1, 2], { dtype: 'int64', requiresGrad: true }),
      () => i.logSoftmax(0),
      () => f.indexAdd(0, int([2]), d),
      () => f.scatterAdd(0, i, d),
      () => f.add(wrong('1')),
      () => f.add(wrong(undefined)),
    ),
  ).toMatchInlineSnapshot(`
    [
      "TorcharcError: matmul: expected both tensors to have the same dtype, but got float32 and int64",
      "TorcharcError: matmul: expected both tensors to have the same dtype, but got float32 and float64",
      "TorcharcError: linear: expected both tensors to have the same dtype, but got float64 and float32",
      "TorcharcError: conv1d: Input type (float64) and weight type (float32) should be the same",
      "ShapeError: mean(): could not infer output dtype. Input dtype must be a floating point dtype. Got: int64",
      "ShapeError: var: std and var only support floating point dtypes, got int64",
      "ArgError: softmax: expected a tensor of a floating point dtype, got int64",
      "ArgError: dtype: expected one of float32, float64, float16, int64, int32, uint8, bool, got "float"",
      "ArgError: dtype: expected one of float32, float64, float16, int64, int32, uint8, bool, got "bfloat16" (did you mean 'float16'?)",
      "ArgError: indexSelect: expected an index of dtype int64 or int32, got float32",
      "ArgError: gather: expected an index of dtype int64 or int32, got float32",
      "ArgError: oneHot: expected an index of dtype int64 or int32, got float32",
      "ArgError: dtype: expected one of float32, float64, float16, int64, int32, uint8, bool, got "int"",
      "ArgError: rand: expected a floating point dtype, got int64",
      "ArgError: requiresGrad: only floating point tensors can require gradients, got int64",
      "ArgError: logSoftmax: expected a tensor of a floating point dtype, got int64",
      "ArgError: indexAdd: self and source expected to have the same dtype, but got float32 and float64",
      "ArgError: scatterAdd: self and source expected to have the same dtype, but got float32 and float64",
      "ArgError: expected a tensor or a number as operand, got '1'",
      "ArgError: expected a tensor or a number as operand, got undefined",
    ]
  `);
});

test('making tensors', () => {
  expect(
    messages(
      () => tensor([[1, 2], [3]]),
      () => tensor([[1], 2]),
      () => tensor([1, [2]]),
      () => tensor([1, wrong('2')]),
      () => tensor(wrong(null)),
      () => tensor(wrong('1')),
      () => tensor(wrong(new Uint32Array(2))),
      () => tensor([1, 2, 3], { shape: [2, 2] }),
      () => tensor(new Float32Array(3), { shape: [-3] }),
      () => zeros([2.5]),
      () => zeros(wrong(3)),
      () => full([2], wrong('1')),
      () => ones([1e6, 1e6]),
      () => arange(0, 5, 0),
      () => arange(5, 0),
      () => randint(3, 3, [2]),
      () => randperm(-1),
      () =>
        tensor([
          [1, 2],
          [3, wrong([4])],
        ]),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ShapeError: tensor: expected sequence of length 2 at dim 1 (got 1)",
      "ShapeError: tensor: expected a sequence at dim 1, got 2",
      "ShapeError: tensor: expected a number at dim 1, got a sequence of length 1",
      "ArgError: tensor: expected numbers, got string",
      "ArgError: tensor: expected numbers, got null",
      "ArgError: tensor: expected numbers, got string",
      "ArgError: tensor: expected numbers, nested arrays of them or a typed array of one of our dtypes, got Uint32Array",
      "ShapeError: tensor: shape '[2, 2]' is invalid for input of size 3",
      "ArgError: tensor: expected a shape of non-negative integers, got [-3]",
      "ArgError: full: expected a shape of non-negative integers, got [2.5]",
      "ArgError: full: expected a shape of non-negative integers, got 3",
      "ArgError: full: expected a number, got '1'",
      "ArgError: full: shape [1000000, 1000000] has too many elements",
      "ArgError: arange: upper bound and lower bound inconsistent with step sign: 0, 5, 0",
      "ArgError: arange: upper bound and lower bound inconsistent with step sign: 5, 0, 1",
      "ArgError: random_ expects 'from' to be less than 'to', but got from=3 >= to=3",
      "ArgError: randperm: expected a shape of non-negative integers, got [-1]",
      "ShapeError: tensor: expected a number at dim 2, got a sequence of length 1",
    ]
  `);
});

test('gradients', () => {
  const p = new Parameter(tensor([1, 2]));
  expect(
    messages(
      () => tensor([1]).backward(),
      () => p.mul(2).backward(),
      () => p.mul(2).backward(tensor([1])),
      () => noGrad(() => p.sum()).backward(),
      () => grad(tensor([1]), p),
      () => {
        p.mul(2).requiresGrad = false;
      },
      () => {
        int([2]).requiresGrad = true;
      },
    ),
  ).toMatchInlineSnapshot(`
    [
      "TorcharcError: backward: element 0 of tensors does not require grad and does not have a grad_fn",
      "ArgError: backward: grad can be implicitly created only for scalar outputs, got shape [2]",
      "ShapeError: backward: Mismatch in shape: grad_output has a shape of [1] and output has a shape of [2]",
      "TorcharcError: backward: element 0 of tensors does not require grad and does not have a grad_fn",
      "TorcharcError: backward: element 0 of tensors does not require grad and does not have a grad_fn",
      "ArgError: requiresGrad: can only be changed on leaf tensors; use detach() on a computed one",
      "ArgError: requiresGrad: only floating point tensors can require gradients, got int64",
    ]
  `);
});

test('optimizers', () => {
  const p = new Parameter(tensor([1, 2]));
  const adam = () => new optim.Adam([p]);
  expect(
    messages(
      () => new optim.SGD([]),
      () => new optim.SGD(wrong([3])),
      () => new optim.SGD([p.mul(2)]),
      () => new optim.SGD([p, p]),
      () => new optim.SGD([{ params: [p] }, { params: [p] }]),
      () => new optim.SGD([p], { lr: -1 }),
      () => new optim.SGD([p], wrong({ lr: '0.1' })),
      () => new optim.SGD([p], wrong({ learning_rate: 0.1 })),
      () => new optim.SGD([p], wrong({ momentm: 0.1 })),
      () => new optim.SGD([p], { nesterov: true }),
      () => new optim.SGD([p], { momentum: 0.9, dampening: 0.1, nesterov: true }),
      () => new optim.Adam([p], { betas: [0.9, 1] }),
      () => new optim.Adam([p], { betas: wrong(0.9) }),
      () => new optim.Adam([p], { eps: Number.NaN }),
      () => new optim.AdamW([p], { weight_decay: -0.1 }),
      () => new optim.AdamW([p], wrong({ amsgrad: 1 })),
      () => new optim.Adam([{ params: [p], lr: -2 }]),
      () => adam().addParamGroup({ params: [p] }),
      () => adam().loadStateDict({ state: {}, param_groups: [] }),
      () => adam().loadStateDict({ state: {}, param_groups: [{ params: [0, 1] }] }),
      () => adam().loadStateDict({ state: { 3: {} }, param_groups: [{ params: [0] }] }),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ArgError: SGD: optimizer got an empty parameter list",
      "ArgError: SGD: expected parameters, or groups as { params, … }, got 3",
      "ArgError: SGD: can't optimize a non-leaf Tensor",
      "ArgError: SGD: some parameters appear in more than one parameter group",
      "ArgError: SGD: some parameters appear in more than one parameter group",
      "ArgError: SGD.lr: Invalid learning rate: -1 (expected a number of at least 0)",
      "ArgError: SGD.lr: Invalid learning rate: '0.1' (expected a number of at least 0)",
      "ArgError: SGD.learning_rate: unknown option; its options are lr, momentum, dampening, weight_decay, nesterov, maximize, foreach, differentiable, fused",
      "ArgError: SGD.momentm: unknown option (did you mean 'momentum'?); its options are lr, momentum, dampening, weight_decay, nesterov, maximize, foreach, differentiable, fused",
      "ArgError: SGD: Nesterov momentum requires a momentum and zero dampening",
      "ArgError: SGD: Nesterov momentum requires a momentum and zero dampening",
      "ArgError: Adam.betas: Invalid beta parameter at index 1: 1 (expected two numbers between 0 and 1)",
      "ArgError: Adam.betas: expected two numbers between 0 and 1, got 0.9",
      "ArgError: Adam.eps: Invalid epsilon value: NaN (expected a number of at least 0)",
      "ArgError: AdamW.weight_decay: Invalid weight_decay value: -0.1 (expected a number of at least 0)",
      "ArgError: AdamW.amsgrad: expected true or false, got 1",
      "ArgError: Adam.groups[0].lr: Invalid learning rate: -2 (expected a number of at least 0)",
      "ArgError: Adam: some parameters appear in more than one parameter group",
      "TorcharcError: Adam: loaded state dict has a different number of parameter groups",
      "TorcharcError: Adam: loaded state dict contains a parameter group that doesn't match the size of optimizer's group",
      "TorcharcError: Adam: loaded state dict has state for parameter 3, which does not exist",
    ]
  `);
});

test('asking for values', async () => {
  const text = (call: Promise<unknown>) => call.then((value) => `gave ${String(value)}`, String);
  expect(await text(rand([2]).item())).toBe('ArgError: item: a Tensor with 2 elements cannot be converted to Scalar');
  expect(await text(rand([0]).item())).toBe('ArgError: item: a Tensor with 0 elements cannot be converted to Scalar');
  // found out while it runs: ONNX Runtime's words follow ours
  const late = [F.crossEntropy(zeros([2, 3]), int([2]).add(3)), rand([2, 2]).indexSelect(0, int([1], 4).add(1))];
  for (const t of late) {
    expect(await text(t.data())).toMatch(
      /^SessionError: ONNX Runtime \(\w+\) failed while running the graph: .*gather/is,
    );
  }
});

test('inputs that are missing', () => {
  const missing =
    (module: object, ...given: unknown[]) =>
    () =>
      (module as { forward(...inputs: unknown[]): unknown }).forward(...given);
  const x = rand([2, 3]);
  const hint = 'tensor(data) makes one of numbers';
  expect(missing(new nn.MSELoss(), x)).toThrow(
    `MSELoss: target: expected a tensor, got a value of type undefined; ${hint}`,
  );
  expect(missing(new nn.ReLU6(), [1, 2])).toThrow(`ReLU6: input: expected a tensor, got an array; ${hint}`);
  expect(missing(new nn.Dropout().eval(), 5)).toThrow('Dropout: input: expected a tensor, got a value of type number');
  expect(missing(new nn.TripletMarginLoss(), x, null)).toThrow(
    'TripletMarginLoss: positive: expected a tensor, got null',
  );
  expect(missing(new nn.GaussianNLLLoss(), x, x, 1)).not.toThrow();
});

test('indices whose values are known', () => {
  const x = rand([2, 3]);
  const out = 'is out of bounds for dimension';
  expect(() => x.indexSelect(0, int([1], 5))).toThrow(`indexSelect: index 5 ${out} 0 with size 2`);
  expect(() => x.gather(1, int([1, 2], -1))).toThrow(`gather: index -1 ${out} 1 with size 3`);
  expect(() => x.scatter(1, int([1, 2], 3), 0)).toThrow(`scatter: index 3 ${out} 1 with size 3`);
  expect(() => x.indexAdd(1, int([1], 7), rand([2, 1]))).toThrow(`indexAdd: index 7 ${out} 1 with size 3`);
  // these count negative ones from the end, as PyTorch's do
  expect(() => x.take(int([1], -7))).toThrow(`take: index -7 ${out} 0 with size 6`);
  expect(() => x.indexFill(1, int([1], -4), 0)).toThrow(`indexFill: index -4 ${out} 1 with size 3`);
});

test('a module that is not given a forward', () => {
  // @ts-expect-error: forward is abstract
  class Half extends Module {}
  expect(String(new Half())).toBe('Half()');
});

test('something else than a tensor', () => {
  const numbers = [[1, 2]] as unknown as Tensor;
  const hint = 'expected a tensor, got an array; tensor(data) makes one of numbers';
  expect(() => new nn.Linear({ in_features: 2, out_features: 1 }).forward(numbers)).toThrow(
    new ArgError(`Linear: input: ${hint}`),
  );
  expect(() => build({ dag_in_shape: [2], out: { type: 'Linear', out_features: 1 } }).forward(numbers)).toThrow(
    new ArgError(`DAGNet: ${hint}`),
  );
  expect(() => build({ dag_in_shape: { x: [2] }, out: { type: 'ReLU' } }).forward({ x: numbers })).toThrow(
    new ArgError(`DAGNet: input 'x': ${hint}`),
  );
});
