/** `F` has every function of torch.nn.functional, in camelCase. */
import { F } from 'torcharc';
import { expect, test } from 'vitest';

// python: [n for n in dir(torch.nn.functional) if callable(...)], without helpers and the in-place forms that end in _
const torch = `adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d
  adaptive_max_pool1d_with_indices adaptive_max_pool2d adaptive_max_pool2d_with_indices adaptive_max_pool3d
  adaptive_max_pool3d_with_indices affine_grid alpha_dropout avg_pool1d avg_pool2d avg_pool3d batch_norm bilinear
  binary_cross_entropy binary_cross_entropy_with_logits celu channel_shuffle conv1d conv2d conv3d conv_tbc
  conv_transpose1d conv_transpose2d conv_transpose3d cosine_embedding_loss cosine_similarity cross_entropy ctc_loss
  dropout dropout1d dropout2d dropout3d elu embedding embedding_bag feature_alpha_dropout fold fractional_max_pool2d
  fractional_max_pool2d_with_indices fractional_max_pool3d fractional_max_pool3d_with_indices gaussian_nll_loss gelu
  glu grid_sample group_norm grouped_mm gumbel_softmax hardshrink hardsigmoid hardswish hardtanh hinge_embedding_loss
  huber_loss instance_norm interpolate kl_div l1_loss layer_norm leaky_relu linear linear_cross_entropy
  local_response_norm log_softmax logsigmoid lp_pool1d lp_pool2d lp_pool3d margin_ranking_loss max_pool1d
  max_pool1d_with_indices max_pool2d max_pool2d_with_indices max_pool3d max_pool3d_with_indices max_unpool1d
  max_unpool2d max_unpool3d mish mse_loss multi_head_attention_forward multi_margin_loss multilabel_margin_loss
  multilabel_soft_margin_loss nll_loss normalize one_hot pad pairwise_distance pdist pixel_shuffle pixel_unshuffle
  poisson_nll_loss prelu relu relu6 rms_norm rrelu scaled_dot_product_attention scaled_grouped_mm scaled_mm selu
  sigmoid silu smooth_l1_loss soft_margin_loss softmax softmin softplus softshrink softsign tanh tanhshrink threshold
  triplet_margin_loss triplet_margin_with_distance_loss unfold upsample upsample_bilinear upsample_nearest`;

/** Those that are not here, and why. */
const absent: Record<string, string> = {
  conv_tbc: 'a layout of its own; permute and conv1d',
  grouped_mm: 'low precision on GPUs',
  scaled_grouped_mm: 'low precision on GPUs',
  scaled_mm: 'low precision on GPUs',
  upsample: 'deprecated in PyTorch; interpolate',
  upsample_bilinear: 'deprecated in PyTorch; interpolate',
  upsample_nearest: 'deprecated in PyTorch; interpolate',
};

test('every function of torch.nn.functional is here, or named above with the reason', () => {
  const camel = (name: string) => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  const names = torch.trim().split(/\s+/);
  const missing = names.filter((name) => typeof (F as Record<string, unknown>)[camel(name)] !== 'function');
  expect(missing).toEqual(Object.keys(absent));
});
