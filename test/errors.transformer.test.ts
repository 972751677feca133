/** What a stranger reads who uses attention wrongly: the whole text, in PyTorch's words where PyTorch has them. */
import { F, nn, rand, tensor, zeros } from 'torcharc';
import { expect, test } from 'vitest';
import { messages, wrong } from './messages.ts';

const long = (shape: number[]) => zeros(shape, { dtype: 'int64' });
const bools = (shape: number[]) => zeros(shape, { dtype: 'bool' });

test('options', () => {
  expect(
    messages(
      () => new nn.MultiheadAttention({ embed_dim: 3, num_heads: 2 }),
      () => new nn.MultiheadAttention({ embed_dim: 0, num_heads: 1 }),
      () => new nn.MultiheadAttention({ embed_dim: 4, num_heads: -1 }),
      () => new nn.MultiheadAttention({ embed_dim: 4, num_heads: 2, dropout: 1.5 }),
      () => new nn.MultiheadAttention(wrong({ embed_dim: 4, heads: 2 })),
      () => new nn.TransformerEncoderLayer(wrong({ d_model: 4, nhead: 2, activation: 'tanh' })),
      () => new nn.TransformerDecoderLayer(wrong({ d_model: 4, nhead: 2, activation: 3 })),
      () => new nn.TransformerEncoderLayer({ d_model: 5, nhead: 2 }),
      () => new nn.TransformerEncoder(wrong({ encoder_layer: 'TransformerEncoderLayer', num_layers: 1 })),
      () => new nn.TransformerDecoder(wrong({ num_layers: 1 })),
      () => new nn.Transformer(wrong({ custom_encoder: {} })),
      () => nn.Transformer.generateSquareSubsequentMask(-1),
      () => nn.Transformer.generateSquareSubsequentMask(2, { dtype: 'int64' }),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ArgError: MultiheadAttention: embed_dim must be divisible by num_heads, got 3 and 2",
      "ArgError: MultiheadAttention: embed_dim and num_heads must be greater than 0, got embed_dim=0 and num_heads=1 instead",
      "ArgError: MultiheadAttention: embed_dim and num_heads must be greater than 0, got embed_dim=4 and num_heads=-1 instead",
      "ArgError: MultiheadAttention.dropout: expected a number between 0 and 1, got 1.5",
      "ArgError: MultiheadAttention.heads: unknown option; its options are embed_dim, num_heads, dropout, bias, add_bias_kv, add_zero_attn, kdim, vdim, batch_first",
      "ArgError: TransformerEncoderLayer.activation: activation should be relu/gelu, not 'tanh'",
      "ArgError: TransformerDecoderLayer.activation: activation should be relu/gelu, not 3",
      "ArgError: MultiheadAttention: embed_dim must be divisible by num_heads, got 5 and 2",
      "ArgError: TransformerEncoder.encoder_layer: expected a TransformerEncoderLayer, got 'TransformerEncoderLayer'",
      "ArgError: TransformerDecoder.decoder_layer: missing required argument (a TransformerDecoderLayer)",
      "ArgError: Transformer.custom_encoder: expected a module, got {}",
      "ArgError: generateSquareSubsequentMask: expected a shape of non-negative integers, got [-1,-1]",
      "ArgError: generateSquareSubsequentMask: expected a floating point dtype, got 'int64'",
    ]
  `);
});

test('F.scaledDotProductAttention', () => {
  const [q, k, v] = [rand([2, 3, 4]), rand([2, 5, 4]), rand([2, 5, 6])];
  const sdpa = F.scaledDotProductAttention;
  expect(
    messages(
      () => sdpa(wrong([1, 2]), k, v),
      () => sdpa(rand([4]), k, v),
      () => sdpa(long([3, 4]), long([3, 4]), long([3, 4])),
      () => sdpa(q, k.to('float64'), v),
      () => sdpa(q, rand([2, 5, 3]), v),
      () => sdpa(q, rand([2, 4, 4]), v),
      () => sdpa(rand([3, 3, 4]), k, v),
      () => sdpa(q, k, v, { attn_mask: bools([3, 5]), is_causal: true }),
      () => sdpa(q, k, v, { attn_mask: long([3, 5]) }),
      () => sdpa(q, k, v, { attn_mask: zeros([3, 5], { dtype: 'float64' }) }),
      () => sdpa(q, k, v, { attn_mask: bools([4, 5]) }),
      () => sdpa(q, k, v, { attn_mask: bools([3, 2, 3, 5]) }),
      () => sdpa(q, k, v, { attn_mask: wrong([[true]]) }),
      () => sdpa(q, k, v, { dropout_p: 2 }),
      () => sdpa(q, k, v, { dropout_p: -1 }),
      () => sdpa(rand([3, 3, 4]), k, v, { enable_gqa: true }),
      () => sdpa(rand([3, 4]), rand([3, 4]), rand([3, 4]), { enable_gqa: true }),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ArgError: scaled_dot_product_attention: expected a tensor, got an array; tensor(data) makes one of numbers",
      "ShapeError: scaled_dot_product_attention: Expected query, key, and value to all be at least 2 dimensional, but got query.dim: 1 key.dim: 3 and value.dim: 3 instead.",
      "ArgError: scaled_dot_product_attention: expected query, key and value of a floating point dtype, got int64",
      "ArgError: scaled_dot_product_attention: Expected query, key, and value to have the same dtype, but got query.dtype: float32 key.dtype: float64 and value.dtype: float32 instead.",
      "ShapeError: scaled_dot_product_attention: expected query and key with equal numbers of features, got query [2, 3, 4], key [2, 5, 3] and value [2, 5, 6]",
      "ShapeError: scaled_dot_product_attention: expected as many keys as values, got query [2, 3, 4], key [2, 4, 4] and value [2, 5, 6]",
      "ShapeError: scaled_dot_product_attention: the size of tensor a (3) must match the size of tensor b (2) at dimension 0; shapes [3] and [2] do not broadcast",
      "ArgError: scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True",
      "ArgError: scaled_dot_product_attention: Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: int64 and query.dtype: float32 instead.",
      "ArgError: scaled_dot_product_attention: Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: float64 and query.dtype: float32 instead.",
      "ShapeError: scaled_dot_product_attention: the size of tensor a (4) must match the size of tensor b (3) at dimension 1; shapes [4, 5] and [2, 3, 5] do not broadcast",
      "ShapeError: scaled_dot_product_attention: expected an attn_mask that broadcasts to the weights' [2, 3, 5], got [3, 2, 3, 5]",
      "ArgError: scaled_dot_product_attention: expected a tensor, got an array; tensor(data) makes one of numbers",
      "ArgError: dropout: dropout probability has to be between 0 and 1, but got 2",
      "ArgError: dropout: dropout probability has to be between 0 and 1, but got -1",
      "ShapeError: scaled_dot_product_attention: Number of heads in key and value must divide the number of heads in query, got 2 and 3",
      "ShapeError: scaled_dot_product_attention: Dimension out of range (expected to be in range of [-2, 1], but got -3)",
    ]
  `);
});

test('what MultiheadAttention is called with', () => {
  const mha = new nn.MultiheadAttention({ embed_dim: 4, num_heads: 2 });
  const apart = new nn.MultiheadAttention({ embed_dim: 4, num_heads: 2, kdim: 3, vdim: 5 });
  const x = rand([3, 2, 4]);
  const causal = nn.Transformer.generateSquareSubsequentMask(3);
  expect(
    messages(
      () => mha.forward(wrong([1]), x, x),
      () => mha.forward(rand([4]), x, x),
      () => mha.forward(rand([1, 3, 2, 4]), x, x),
      () => mha.forward(x, rand([3, 4]), x),
      () => mha.forward(rand([3, 4]), x, x),
      () => mha.forward(rand([3, 2, 5]), x, x),
      () => mha.forward(x, rand([3, 2, 5]), rand([3, 2, 5])),
      () => mha.forward(x, x, rand([4, 2, 4])),
      () => mha.forward(x, rand([3, 5, 4]), rand([3, 5, 4])),
      () => mha.forward(long([3, 2, 4]), long([3, 2, 4]), long([3, 2, 4])),
      () => apart.forward(x, rand([3, 2, 3]), rand([4, 2, 5])),
      () => apart.forward(x, x, x),
      () => mha.forward(x, x, x, { attn_mask: bools([3, 4]) }),
      () => mha.forward(x, x, x, { attn_mask: bools([3, 3, 3]) }),
      () => mha.forward(x, x, x, { attn_mask: bools([3]) }),
      () => mha.forward(x, x, x, { attn_mask: long([3, 3]) }),
      () => mha.forward(x, x, x, { attn_mask: causal.to('float64') }),
      () => mha.forward(x, x, x, { attn_mask: wrong(true) }),
      () => mha.forward(x, x, x, { key_padding_mask: bools([2, 4]) }),
      () => mha.forward(x, x, x, { key_padding_mask: bools([3, 3]) }),
      () => mha.forward(x, x, x, { key_padding_mask: bools([3]) }),
      () => mha.forward(x, x, x, { is_causal: true }),
      () => mha.forward(rand([3, 4]), rand([3, 4]), rand([3, 4]), { attn_mask: bools([1, 3, 3]) }),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ArgError: MultiheadAttention: query: expected a tensor, got an array; tensor(data) makes one of numbers",
      "ShapeError: multi_head_attention_forward: query should be unbatched 2D or batched 3D tensor but received 1-D query tensor",
      "ShapeError: multi_head_attention_forward: query should be unbatched 2D or batched 3D tensor but received 4-D query tensor",
      "ShapeError: multi_head_attention_forward: For batched (3-D) \`query\`, expected \`key\` and \`value\` to be 3-D but found 2-D and 3-D tensors respectively",
      "ShapeError: multi_head_attention_forward: For unbatched (2-D) \`query\`, expected \`key\` and \`value\` to be 2-D but found 3-D and 3-D tensors respectively",
      "ShapeError: multi_head_attention_forward: was expecting embedding dimension of 4, but got 5",
      "ShapeError: linear: mat1 and mat2 shapes cannot be multiplied (6x5 and 4x4)",
      "ShapeError: multi_head_attention_forward: key shape [3, 2, 4] does not match value shape [4, 2, 4]",
      "ShapeError: multi_head_attention_forward: the batch number of query and key must be equal, got [3, 2, 4] and [3, 5, 4]",
      "TorcharcError: linear: expected both tensors to have the same dtype, but got int64 and float32",
      "ShapeError: multi_head_attention_forward: key's sequence and batch dims [3, 2] do not match value's [4, 2]",
      "ShapeError: multi_head_attention_forward: expected k_proj_weight of shape [4, 4], got [4, 3]",
      "ShapeError: multi_head_attention_forward: The shape of the 2D attn_mask is [3, 4], but should be [3, 3].",
      "ShapeError: multi_head_attention_forward: The shape of the 3D attn_mask is [3, 3, 3], but should be [4, 3, 3].",
      "ShapeError: multi_head_attention_forward: For batched (3-D) \`query\`, expected \`attn_mask\` to be \`None\`, 2-D or 3-D but found 1-D tensor instead",
      "ArgError: multi_head_attention_forward: only bool and floating types of attn_mask are supported",
      "ArgError: multi_head_attention_forward: Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: float64 and query.dtype: float32 instead.",
      "ArgError: multi_head_attention_forward: attn_mask: expected a tensor, got a value of type boolean; tensor(data) makes one of numbers",
      "ShapeError: multi_head_attention_forward: Expected key_padded_mask.shape[1] to be 3, but got 4",
      "ShapeError: multi_head_attention_forward: Expected key_padded_mask.shape[0] to be 2, but got 3",
      "ShapeError: multi_head_attention_forward: For batched (3-D) \`query\`, expected \`key_padding_mask\` to be \`None\` or 2-D but found 1-D tensor instead",
      "ArgError: multi_head_attention_forward: Need attn_mask if specifying the is_causal hint. You may use the Transformer module method \`generateSquareSubsequentMask\` to create this mask.",
      "ShapeError: multi_head_attention_forward: Expected \`attn_mask\` shape to be [2, 3, 3] but got [1, 3, 3]",
    ]
  `);
});

test('F.multiHeadAttentionForward', () => {
  const x = rand([3, 2, 4]);
  const state = {
    embed_dim_to_check: 4,
    num_heads: 2,
    in_proj_weight: rand([12, 4]),
    in_proj_bias: null,
    out_proj_weight: rand([4, 4]),
    out_proj_bias: null,
  };
  const call = (options: object) => () => F.multiHeadAttentionForward(x, x, x, { ...state, ...options });
  expect(
    messages(
      call({ num_heads: 3 }),
      call({ in_proj_weight: rand([4, 4]) }),
      call({ in_proj_weight: null }),
      call({ in_proj_bias: rand([4]) }),
      call({ use_separate_proj_weight: true }),
      call({ bias_k: rand([1, 1, 4]) }),
      call({ bias_k: rand([1, 1, 4]), bias_v: rand([4]) }),
      call({ static_k: rand([4, 5, 2]) }),
      call({ static_k: rand([2, 5, 2]), static_v: rand([2, 5, 2]) }),
      call({ static_k: rand([4, 5, 2]), bias_k: rand([1, 1, 4]), bias_v: rand([1, 1, 4]) }),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ArgError: multi_head_attention_forward: embed_dim 4 not divisible by num_heads 3",
      "ShapeError: multi_head_attention_forward: expected in_proj_weight of shape [12, 4], got [4, 4]",
      "ShapeError: multi_head_attention_forward: expected in_proj_weight of shape [12, 4], got null",
      "ShapeError: multi_head_attention_forward: expected in_proj_bias of shape [12], got [4]",
      "ArgError: multi_head_attention_forward: use_separate_proj_weight is True but q_proj_weight is None",
      "ArgError: multi_head_attention_forward: bias_k is set but bias_v is None",
      "ShapeError: multi_head_attention_forward: expected bias_v of shape [1, 1, 4], got [4]",
      "ShapeError: multi_head_attention_forward: expected as many keys as values, got 5 and 3",
      "ShapeError: multi_head_attention_forward: expected static_k of shape [4, 5, 2], got [2, 5, 2]",
      "ArgError: multi_head_attention_forward: bias cannot be added to static key.",
    ]
  `);
});

test('Transformer', () => {
  const sizes = { d_model: 4, nhead: 2, num_encoder_layers: 1, num_decoder_layers: 1, dim_feedforward: 8 };
  const model = new nn.Transformer(sizes);
  const first = new nn.Transformer({ ...sizes, batch_first: true });
  expect(
    messages(
      () => model.forward(rand([3, 2, 4]), rand([3, 3, 4])),
      () => first.forward(rand([3, 2, 4]), rand([2, 3, 4])),
      () => model.forward(rand([3, 2, 4]), rand([3, 2, 5])),
      () => model.forward(rand([3, 4]), rand([3, 2, 4])),
      () => model.forward(rand([3, 2, 4]), wrong(tensor)),
      () => model.forward(rand([3, 2, 4]), rand([3, 2, 4]), { src_is_causal: true }),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ShapeError: Transformer: the batch number of src and tgt must be equal, got [3, 2, 4] and [3, 3, 4]",
      "ShapeError: Transformer: the batch number of src and tgt must be equal, got [3, 2, 4] and [2, 3, 4]",
      "ShapeError: Transformer: the feature number of src and tgt must be equal to d_model, got [3, 2, 4] and [3, 2, 5]",
      "ShapeError: multi_head_attention_forward: For batched (3-D) \`query\`, expected \`key\` and \`value\` to be 3-D but found 2-D and 2-D tensors respectively",
      "ArgError: Transformer: tgt: expected a tensor, got a value of type function; tensor(data) makes one of numbers",
      "ArgError: multi_head_attention_forward: Need attn_mask if specifying the is_causal hint. You may use the Transformer module method \`generateSquareSubsequentMask\` to create this mask.",
    ]
  `);
});
