/** `torch.nn.functional`: the arithmetic of the layers. Tensors first, in PyTorch's order, the rest in one record. */

export * from './activation.ts';
export { type ScaledDotProductAttentionOptions, scaledDotProductAttention } from './attention.ts';
export * from './conv.ts';
export * from './distance.ts';
export * from './dropout.ts';
export { type EmbeddingBagOptions, type EmbeddingOptions, embedding, embeddingBag } from './embedding.ts';
export * from './fold.ts';
export * from './grid.ts';
export { type InterpolateOptions, interpolate } from './interpolate.ts';
export * from './linear.ts';
export * from './loss.ts';
export { type MultiHeadAttentionForwardOptions, multiHeadAttentionForward } from './multihead-attention.ts';
export * from './normalization.ts';
export * from './padding.ts';
export * from './pooling.ts';
export * from './pooling-adaptive.ts';
export * from './pooling-unpool.ts';
export { type LocalResponseNormOptions, localResponseNorm } from './response.ts';
export * from './vision.ts';
