/** What losses say of wrong targets and options. */
import { F, grad, nn, rand, type Tensor, tensor, zeros } from 'torcharc';
import { expect, test } from 'vitest';
import { messages, wrong } from './messages.ts';

const int = (shape: number[], value = 0) =>
  tensor(new BigInt64Array(shape.reduce((n, d) => n * d, 1)).fill(BigInt(value)), { shape });

test('options of losses', () => {
  expect(
    messages(
      () => new nn.MSELoss(wrong({ size_average: false })),
      () => new nn.NLLLoss(wrong({ reduce: true })),
      () => new nn.L1Loss(wrong({ reduction: 'batchmean' })),
      () => new nn.KLDivLoss(wrong({ reduction: 'average' })),
      () => new nn.HuberLoss({ delta: wrong('1') }),
      () => new nn.MultiMarginLoss(wrong({ p: 3 })),
      () => new nn.MultiMarginLoss({ weight: zeros([1, 3]) }),
      () => new nn.TripletMarginLoss({ margin: 0 }),
      () => new nn.TripletMarginWithDistanceLoss(wrong({ distance_function: 'euclidean' })),
      () => new nn.LinearCrossEntropyLoss({ in_features: 3, num_classes: 4, weight: zeros([3]) }),
      () => new nn.LinearCrossEntropyLoss({ in_features: 3, num_classes: 4, label_smoothing: 2 }),
      () => new nn.LinearCrossEntropyLoss(wrong({ in_features: 3, num_classes: 4, options: {} })),
      () => new nn.LinearCrossEntropyLoss(wrong({ in_features: 3, num_classes: 4, out_features: 2 })),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ArgError: MSELoss.size_average: unknown option; its options are reduction",
      "ArgError: NLLLoss.reduce: unknown option; its options are weight, ignore_index, reduction",
      "ArgError: L1Loss.reduction: expected one of 'none', 'mean', 'sum', got 'batchmean'",
      "ArgError: KLDivLoss.reduction: expected one of 'none', 'mean', 'sum', 'batchmean', got 'average'",
      "ArgError: HuberLoss.delta: expected a number, got '1'",
      "ArgError: MultiMarginLoss.p: expected 1 or 2, got 3",
      "ShapeError: MultiMarginLoss: expected weight to be null or 1D tensor, got 2D instead",
      "ArgError: TripletMarginLoss.margin: expected a number greater than 0, got 0",
      "ArgError: TripletMarginWithDistanceLoss.distance_function: expected a module, a function of two tensors or null, got 'euclidean'",
      "ShapeError: LinearCrossEntropyLoss: expected weight shape to be [4], got [3]",
      "ArgError: LinearCrossEntropyLoss.label_smoothing: expected a number between 0 and 1, got 2",
      "ArgError: LinearCrossEntropyLoss.options: expected null, since batches are not taken in pieces, got {}",
      "ArgError: LinearCrossEntropyLoss.out_features: expected a list of non-negative integers, got 2",
    ]
  `);
});

test('numbers of other sizes', () => {
  const x = zeros([2, 3]);
  expect(
    messages(
      () => F.mseLoss(x, zeros([4])),
      () => F.mseLoss(zeros([3, 1]), zeros([3])),
      () => F.mseLoss(x, x, { weight: zeros([3]) }),
      () => F.l1Loss(x, zeros([3])),
      () => F.huberLoss(x, zeros([1, 3])),
      () => F.huberLoss(x, x, { delta: 0 }),
      () => F.huberLoss(x, x, { weight: zeros([3]) }),
      () => F.smoothL1Loss(x, zeros([3])),
      () => F.smoothL1Loss(x, x, { beta: -1 }),
      () => F.poissonNllLoss(x, zeros([2])),
      () => F.gaussianNllLoss(x, x, -1),
      () => F.gaussianNllLoss(x, x, tensor([[1], [-1]])),
      () => F.gaussianNllLoss(x, x, tensor([1, -1])),
      () => F.gaussianNllLoss(x, x, zeros([3])),
      () => F.gaussianNllLoss(x, x, zeros([1, 1])),
      () => F.gaussianNllLoss(x, zeros([2, 4]), 1),
      () => F.smoothL1Loss(x, x, { reduction: wrong('avg') }),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ShapeError: mse_loss: target size ([4]) must be the same as input size ([2, 3])",
      "ShapeError: mse_loss: target size ([3]) must be the same as input size ([3, 1]); reshape one of them, or expand both to [3, 3] if that is meant",
      "ShapeError: mse_loss: Weights and input must have the same size, got [3] and [2, 3]",
      "ShapeError: l1_loss: target size ([3]) must be the same as input size ([2, 3]); reshape one of them, or expand both to [2, 3] if that is meant",
      "ShapeError: huber_loss: target size ([1, 3]) must be the same as input size ([2, 3]); reshape one of them, or expand both to [2, 3] if that is meant",
      "ArgError: huber_loss: does not support non-positive values for delta, got 0",
      "ShapeError: huber_loss: Weights and input must have the same size, got [3] and [2, 3]",
      "ShapeError: smooth_l1_loss: target size ([3]) must be the same as input size ([2, 3]); reshape one of them, or expand both to [2, 3] if that is meant",
      "ArgError: smooth_l1_loss: does not support negative values for beta, got -1",
      "ShapeError: poisson_nll_loss: the size of tensor a (3) must match the size of tensor b (2) at dimension 1; shapes [2, 3] and [2] do not broadcast",
      "ArgError: gaussian_nll_loss: var has negative entry/entries",
      "ArgError: gaussian_nll_loss: var has negative entry/entries",
      "ArgError: gaussian_nll_loss: var has negative entry/entries",
      "ShapeError: gaussian_nll_loss: var is of incorrect size: expected [2, 3], its like with a 1, or without the last dimension, got [3]",
      "ShapeError: gaussian_nll_loss: var is of incorrect size: expected [2, 3], its like with a 1, or without the last dimension, got [1, 1]",
      "ShapeError: gaussian_nll_loss: the size of tensor a (3) must match the size of tensor b (4) at dimension 1; shapes [2, 3] and [2, 4] do not broadcast",
      "ArgError: loss: 'avg' is not a valid value for reduction; expected none, mean or sum",
    ]
  `);
});

test('classes and probabilities', () => {
  const x = zeros([4, 3]);
  expect(
    messages(
      () => F.nllLoss(x, zeros([4])),
      () => F.nllLoss(x, zeros([4], { dtype: 'bool' })),
      () => F.nllLoss(x, int([5])),
      () => F.nllLoss(x, int([4, 2])),
      () => F.nllLoss(zeros([4, 3, 2]), int([4])),
      () => F.nllLoss(zeros([]), int([])),
      () => F.nllLoss(int([4, 3]), int([4])),
      () => F.nllLoss(x, int([4], 3)),
      () => F.nllLoss(x, int([4], -1)),
      () => F.nllLoss(x, zeros([4], { dtype: 'int32' }).add(7).to('float64')),
      () => F.nllLoss(x, int([4]), { weight: zeros([2]) }),
      () => F.nllLoss(x, int([4]), { reduction: wrong('avg') }),
      () => F.crossEntropy(x, int([4]), { weight: zeros([1, 3]) }),
      () => F.crossEntropy(x, int([4]), { reduction: wrong('avg') }),
      () => F.crossEntropy(x, x, { ignore_index: 1 }),
      () => F.crossEntropy(x, int([4]), { label_smoothing: Number.NaN }),
      () => F.linearCrossEntropy(x, zeros([5, 2]), int([4])),
      () => F.linearCrossEntropy(zeros([4, 3, 3]), zeros([5, 3]), int([4])),
      () => F.linearCrossEntropy(x, zeros([3]), int([4])),
      () => F.linearCrossEntropy(x, zeros([5, 3]), int([4]), { linear_bias: zeros([3]) }),
      () => F.linearCrossEntropy(zeros([3]), zeros([5, 2, 3]), int([2])),
      () => F.linearCrossEntropy(x, zeros([5, 3]), zeros([4, 5]), { ignore_index: 1 }),
      () => F.linearCrossEntropy(x, zeros([5, 3]), int([3])),
      () => F.binaryCrossEntropy(zeros([3]), zeros([4])),
      () => F.binaryCrossEntropy(tensor([0.5, 1.5]), zeros([2])),
      () => F.binaryCrossEntropy(tensor([0.5, Number.NaN]), zeros([2])),
      () => F.binaryCrossEntropy(zeros([2]), tensor([0.5, 2])),
      () => F.binaryCrossEntropy(x, x, { weight: zeros([4]) }),
      () => F.binaryCrossEntropy(x, x, { weight: zeros([2, 4, 3]) }),
      () => F.binaryCrossEntropyWithLogits(x, zeros([3])),
      () => F.klDiv(x, zeros([4])),
      () => F.klDiv(x, x, { reduction: wrong('avg') }),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ArgError: nll_loss: expected target dtype to be int64, int32 or uint8, but got float32",
      "ArgError: nll_loss: expected target dtype to be int64, int32 or uint8, but got bool",
      "ShapeError: nll_loss: expected target of shape [4] for input [4, 3], got [5]",
      "ShapeError: nll_loss: expected target of shape [4] for input [4, 3], got [4, 2]",
      "ShapeError: nll_loss: expected target of shape [4, 2] for input [4, 3, 2], got [4]",
      "ShapeError: nll_loss: expected an input of at least one dimension",
      "ArgError: nll_loss: expected an input of a floating point dtype, got int64",
      "ArgError: nll_loss: Target 3 is out of bounds for 3 classes",
      "ArgError: nll_loss: Target -1 is out of bounds for 3 classes",
      "ArgError: nll_loss: expected target dtype to be int64, int32 or uint8, but got float64",
      "ShapeError: nll_loss: weight tensor should be defined either for all 3 classes or no classes but got weight tensor of shape: [2]",
      "ArgError: loss: 'avg' is not a valid value for reduction; expected none, mean or sum",
      "ShapeError: cross_entropy: weight tensor should be defined either for all 3 classes or no classes but got weight tensor of shape: [1, 3]",
      "ArgError: loss: 'avg' is not a valid value for reduction; expected none, mean or sum",
      "ArgError: cross_entropy: ignore_index is not supported for floating point target",
      "ArgError: cross_entropy: label_smoothing must be between 0.0 and 1.0. Got: NaN",
      "ShapeError: linear_cross_entropy: expected equal input and linear_weight last dimensions (in_features), got 3 and 2, respectively",
      "ShapeError: linear_cross_entropy: expected input with dimensionality 1 or 2, got 3",
      "ShapeError: linear_cross_entropy: expected linear_weight with dimensionality at least 2, got 1",
      "ShapeError: linear_cross_entropy: expected linear_bias shape [5], got [3]",
      "ShapeError: linear_cross_entropy: K-dimensional loss defined by linear_weight shape [5, 2, 3] requires batched input, (N, 3), got unbatched input with shape [3]",
      "ArgError: linear_cross_entropy: ignore_index cannot be specified when target contains probabilities",
      "ShapeError: cross_entropy: expected target of shape [4] for input [4, 5], got [3]",
      "ShapeError: binary_cross_entropy: target size ([4]) must be the same as input size ([3])",
      "ArgError: binary_cross_entropy: all elements of input should be between 0 and 1",
      "ArgError: binary_cross_entropy: all elements of input should be between 0 and 1",
      "ArgError: binary_cross_entropy: all elements of target should be between 0 and 1",
      "ShapeError: binary_cross_entropy: the size of tensor a (3) must match the size of tensor b (4) at dimension 1; shapes [4, 3] and [4] do not broadcast",
      "ShapeError: binary_cross_entropy: expected a weight that broadcasts to [4, 3], got [2, 4, 3]",
      "ShapeError: binary_cross_entropy_with_logits: target size ([3]) must be the same as input size ([4, 3])",
      "ShapeError: kl_div: the size of tensor a (3) must match the size of tensor b (4) at dimension 1; shapes [4, 3] and [4] do not broadcast",
      "ArgError: loss: 'avg' is not a valid value for reduction; expected none, mean or sum",
    ]
  `);
});

test('scores and embeddings', () => {
  const x = zeros([2, 3]);
  expect(
    messages(
      () => F.softMarginLoss(x, zeros([4])),
      () => F.softMarginLoss(zeros([3]), x),
      () => F.multiMarginLoss(x, zeros([2])),
      () => F.multiMarginLoss(x, int([3])),
      () => F.multiMarginLoss(x, int([2], 3)),
      () => F.multiMarginLoss(x, int([2], -1)),
      () => F.multiMarginLoss(x, int([2]), { weight: zeros([2]) }),
      () => F.multiMarginLoss(x, int([2]), { p: wrong(3) }),
      () => F.multiMarginLoss(zeros([2, 3, 4]), int([2])),
      () => F.multilabelMarginLoss(x, int([2, 4])),
      () => F.multilabelMarginLoss(x, zeros([2, 3])),
      () => F.multilabelMarginLoss(x, int([2, 3], 3)),
      () => F.multilabelMarginLoss(x, int([2, 3], -2)),
      () => F.multilabelMarginLoss(zeros([2, 0]), int([2, 0])),
      () => F.multilabelSoftMarginLoss(x, zeros([2, 4])),
      () => F.multilabelSoftMarginLoss(zeros([]), zeros([])),
      () => F.hingeEmbeddingLoss(x, zeros([2])),
      () => F.marginRankingLoss(x, x, zeros([3])),
      () => F.marginRankingLoss(x, x, zeros([2, 2])),
      () => F.cosineEmbeddingLoss(x, x, x),
      () => F.cosineEmbeddingLoss(zeros([3]), zeros([3]), zeros([2])),
      () => F.cosineEmbeddingLoss(x, x, zeros([])),
      () => F.cosineEmbeddingLoss(x, x, zeros([3])),
      () => F.tripletMarginLoss(x, x, zeros([3])),
      () => F.tripletMarginLoss(x, zeros([2, 4]), x),
      () => F.tripletMarginLoss(x, x, x, { margin: 0 }),
      () => F.tripletMarginWithDistanceLoss(x, zeros([3]), x),
      () => F.tripletMarginWithDistanceLoss(x, x, x, { reduction: wrong('avg') }),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ShapeError: soft_margin_loss: the size of tensor a (3) must match the size of tensor b (4) at dimension 1; shapes [2, 3] and [4] do not broadcast",
      "ShapeError: soft_margin_loss: output with shape [3] doesn't match the broadcast shape [2, 3]",
      "ArgError: multi_margin_loss: expected target dtype to be int64, int32 or uint8, but got float32",
      "ShapeError: multi_margin_loss: Expected target size [2], but got [3]. Input has shape [2, 3]",
      "ArgError: multi_margin_loss: target out of range: expected 0 to 2, got 3",
      "ArgError: multi_margin_loss: target out of range: expected 0 to 2, got -1",
      "ShapeError: multi_margin_loss: inconsistent weight size, expected 3 but got [2]",
      "ArgError: multi_margin_loss: only p == 1 and p == 2 supported, got 3",
      "ShapeError: multi_margin_loss: Expected non-empty vector or matrix with optional 0-dim batch size, but got: [2, 3, 4]",
      "ShapeError: multilabel_margin_loss: inconsistent target size: [2, 4] for input of size: [2, 3]",
      "ArgError: multilabel_margin_loss: expected target dtype to be int64, int32 or uint8, but got float32",
      "ArgError: multilabel_margin_loss: target out of range: expected -1 to 2, got 3",
      "ArgError: multilabel_margin_loss: target out of range: expected -1 to 2, got -2",
      "ShapeError: multilabel_margin_loss: Expected non-empty vector or matrix with optional 0-dim batch size, but got: [2, 0]",
      "ShapeError: multilabel_soft_margin_loss: the size of tensor a (3) must match the size of tensor b (4) at dimension 1; shapes [2, 3] and [2, 4] do not broadcast",
      "ShapeError: multilabel_soft_margin_loss: expected an input of at least one dimension",
      "ShapeError: hinge_embedding_loss: the size of tensor a (3) must match the size of tensor b (2) at dimension 1; shapes [2, 3] and [2] do not broadcast",
      "ShapeError: margin_ranking_loss: All input tensors should have same dimension but got sizes: input1: [2, 3], input2: [2, 3], target: [3]",
      "ShapeError: margin_ranking_loss: the size of tensor a (3) must match the size of tensor b (2) at dimension 1; shapes [2, 3] and [2, 2] do not broadcast",
      "ShapeError: cosine_embedding_loss: 0D or 1D target tensor expected, multi-target not supported",
      "ShapeError: cosine_embedding_loss: 1D target tensor expects 2D input tensors, but found inputs with sizes [3] and [3]",
      "ShapeError: cosine_embedding_loss: 0D target tensor expects 1D input tensors, but found inputs with sizes [2, 3] and [2, 3]",
      "ShapeError: cosine_embedding_loss: the size of tensor a (2) must match the size of tensor b (3) at dimension 0; shapes [2] and [3] do not broadcast",
      "ShapeError: triplet_margin_loss: The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: anchor 2D, positive 2D, and negative 1D inputs",
      "ShapeError: triplet_margin_loss: the size of tensor a (3) must match the size of tensor b (4) at dimension 1; shapes [2, 3] and [2, 4] do not broadcast",
      "ArgError: triplet_margin_loss: margin must be greater than 0, got 0",
      "ShapeError: triplet_margin_with_distance_loss: The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: anchor 2D, positive 1D, and negative 2D inputs",
      "ArgError: loss: 'avg' is not a valid value for reduction; expected none, mean or sum",
    ]
  `);
});

test('sequences', () => {
  const x = zeros([6, 2, 4]);
  const t = int([2, 3], 1);
  const whole = [6, 6];
  expect(
    messages(
      () => new nn.CTCLoss({ blank: -1 }),
      () => F.ctcLoss(zeros([4]), t, whole, [3, 3]),
      () => F.ctcLoss(zeros([0, 2, 4]), t, [0, 0], [3, 3]),
      () => F.ctcLoss(zeros([6, 2, 4], { dtype: 'float16' }), t, whole, [3, 3]),
      () => F.ctcLoss(x, t, whole, [3, 3], { blank: 4 }),
      () => F.ctcLoss(x, t, whole, [3, 3], { reduction: wrong('avg') }),
      () => F.ctcLoss(x, t, [7, 6], [3, 3]),
      () => F.ctcLoss(x, t, [-1, 6], [3, 3]),
      () => F.ctcLoss(x, t, [5.5, 6], [3, 3]),
      () => F.ctcLoss(x, t, [6], [3, 3]),
      () => F.ctcLoss(x, t, whole, int([3])),
      () => F.ctcLoss(x, t, tensor([6, 6]), [3, 3]),
      () => F.ctcLoss(x, t, whole, [4, 3]),
      () => F.ctcLoss(x, t, whole, int([2], 4)),
      () => F.ctcLoss(x, int([3, 3]), whole, [3, 3]),
      () => F.ctcLoss(x, int([5]), whole, [3, 3]),
      () => F.ctcLoss(x, int([2, 1, 3]), whole, [3, 3]),
      () => F.ctcLoss(x, zeros([2, 3]), whole, [3, 3]),
      () => F.ctcLoss(x, int([2, 3], 4), whole, [3, 3]),
      () => F.ctcLoss(x, int([6], -1), whole, [3, 3]),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ArgError: CTCLoss.blank: expected a non-negative integer, got -1",
      "ShapeError: ctc_loss: expected log_probs of shape [T, N, C] or [T, C], got [4]",
      "ShapeError: ctc_loss: log_probs tensor must not be empty, got [0, 2, 4]",
      "ArgError: ctc_loss: expected log_probs of dtype float32 or float64, got float16",
      "ArgError: ctc_loss: blank must be in label range: expected 0 to 3, got 4",
      "ArgError: loss: 'avg' is not a valid value for reduction; expected none, mean or sum",
      "ArgError: ctc_loss: Expected input_lengths to have value at most 6, but got value 7",
      "ArgError: ctc_loss: Expected input_lengths to have value at least 0, but got value -1",
      "ArgError: ctc_loss: input_lengths must be integral, got 5.5",
      "ShapeError: ctc_loss: input_lengths must be of size batch_size 2, got 1",
      "ShapeError: ctc_loss: target_lengths must be of size batch_size 2, got 3",
      "ArgError: ctc_loss: input_lengths must be integral, got float32",
      "ShapeError: ctc_loss: Expected targets to have size at least 4 at dimension 1, but got [2, 3]",
      "ShapeError: ctc_loss: Expected targets to have size at least 4 at dimension 1, but got [2, 3]",
      "ShapeError: ctc_loss: expected targets of 2 rows, got [3, 3]",
      "ShapeError: ctc_loss: Expected targets to have size 6, but got [5]",
      "ShapeError: ctc_loss: expected targets of 1 to 2 dimensions, got [2, 1, 3]",
      "ArgError: ctc_loss: expected target dtype to be int64, int32 or uint8, but got float32",
      "ArgError: ctc_loss: Target 4 is out of bounds for 4 classes",
      "ArgError: ctc_loss: Target -1 is out of bounds for 4 classes",
    ]
  `);
  // behind the ends there may be anything
  expect(F.ctcLoss(x, int([2, 3], -1), whole, [0, 0]).shape).toEqual([]);
});

test('adaptive softmax', () => {
  const make = (cutoffs: number[]) => new nn.AdaptiveLogSoftmaxWithLoss({ in_features: 4, n_classes: 6, cutoffs });
  const layer = make([2, 4]);
  expect(
    messages(
      () => make([]),
      () => make([4, 2]),
      () => make([2, 6]),
      () => make([1.5]),
      () => make(wrong(3)),
      () => layer.forward(zeros([2, 4]), int([2, 1])),
      () => layer.forward(zeros([4]), int([1])),
      () => layer.forward(zeros([2, 4]), int([])),
      () => layer.forward(zeros([2, 4]), int([3])),
      () => layer.forward(zeros([2, 4]), zeros([2])),
      () => layer.forward(zeros([2, 4]), int([2], 6)),
      () => layer.forward(zeros([2, 4]), int([2], -1)),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ArgError: AdaptiveLogSoftmaxWithLoss: cutoffs should be a sequence of unique, positive integers sorted in an increasing order, where each value is between 1 and n_classes-1, got []",
      "ArgError: AdaptiveLogSoftmaxWithLoss: cutoffs should be a sequence of unique, positive integers sorted in an increasing order, where each value is between 1 and n_classes-1, got [4,2]",
      "ArgError: AdaptiveLogSoftmaxWithLoss: cutoffs should be a sequence of unique, positive integers sorted in an increasing order, where each value is between 1 and n_classes-1, got [2,6]",
      "ArgError: AdaptiveLogSoftmaxWithLoss: cutoffs should be a sequence of unique, positive integers sorted in an increasing order, where each value is between 1 and n_classes-1, got [1.5]",
      "ArgError: AdaptiveLogSoftmaxWithLoss.cutoffs: expected a list of integers, got 3",
      "ShapeError: AdaptiveLogSoftmaxWithLoss: 0D or 1D target tensor expected, multi-target not supported",
      "ShapeError: AdaptiveLogSoftmaxWithLoss: 1D target tensor expects 2D input tensors, but found inputs with size [4]",
      "ShapeError: AdaptiveLogSoftmaxWithLoss: 0D target tensor expects 1D input tensors, but found inputs with size [2, 4]",
      "ShapeError: AdaptiveLogSoftmaxWithLoss: Input and target should have the same size in the batch dimension, got 2 and 3",
      "ArgError: AdaptiveLogSoftmaxWithLoss: expected target dtype to be int64, int32 or uint8, but got float32",
      "ArgError: AdaptiveLogSoftmaxWithLoss: Target values should be in [0, 5], but 6 was found",
      "ArgError: AdaptiveLogSoftmaxWithLoss: Target values should be in [0, 5], but -1 was found",
    ]
  `);
});

test('the gradient of ctcLoss cannot be differentiated again', () => {
  const x = rand([6, 2, 4], { requiresGrad: true });
  const [g] = grad(F.ctcLoss(x.logSoftmax(2), int([2, 3], 1), [6, 6], [3, 3]), [x]) as [Tensor];
  expect(messages(() => grad(g.square().sum(), [x]))).toEqual([
    'TorcharcError: ctc_loss: its gradient cannot be differentiated again, as in PyTorch',
  ]);
});
