/** `torch.nn.functional`: the arithmetic of the layers. Tensors first, in PyTorch's order, the rest in one record. */

export { oneHot } from '../../ops/index.ts';
export { linear } from '../../ops/matmul.ts';
export * from './activation.ts';
export * from './conv.ts';
export * from './dropout.ts';
export * from './loss.ts';
export * from './normalization.ts';
export * from './padding.ts';
export * from './pooling.ts';
