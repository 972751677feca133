/** Every layer and loss, under PyTorch's names. */
import * as activation from './activation.ts';
import * as adaptiveSoftmax from './adaptive-softmax.ts';
import * as attention from './attention.ts';
import * as batchnorm from './batchnorm.ts';
import * as container from './container.ts';
import * as conv from './conv.ts';
import * as distance from './distance.ts';
import * as dropout from './dropout.ts';
import * as embedding from './embedding.ts';
import * as fold from './fold.ts';
import { expectTensors, type ModuleType } from './inputs.ts';
import * as lazy from './lazy.ts';
import * as linear from './linear.ts';
import * as loss from './loss.ts';
import { nameType } from './module.ts';
import * as normalization from './normalization.ts';
import * as padding from './padding.ts';
import * as pooling from './pooling.ts';
import * as poolingAdaptive from './pooling-adaptive.ts';
import * as recurrent from './recurrent.ts';
import * as recurrentCell from './recurrent-cell.ts';
import * as transformer from './transformer.ts';
import * as vision from './vision.ts';

export * from './activation.ts';
export * from './adaptive-softmax.ts';
export * from './attention.ts';
export * from './batchnorm.ts';
export * from './container.ts';
export * from './conv.ts';
export * from './distance.ts';
export * from './dropout.ts';
export * from './embedding.ts';
export * from './fold.ts';
export * as init from './init.ts';
export * from './lazy.ts';
export { Bilinear, Flatten, Identity, Linear, Unflatten } from './linear.ts';
export * from './loss.ts';
export { Buffer, Module, Parameter } from './module.ts';
export * from './normalization.ts';
export * from './padding.ts';
export * from './pooling.ts';
export * from './pooling-adaptive.ts';
export * from './recurrent.ts';
export * from './recurrent-cell.ts';
export * from './transformer.ts';
export * as utils from './utils.ts';
export * from './vision.ts';

for (const family of [
  activation,
  adaptiveSoftmax,
  attention,
  batchnorm,
  container,
  conv,
  distance,
  dropout,
  embedding,
  fold,
  lazy,
  linear,
  loss,
  normalization,
  padding,
  pooling,
  poolingAdaptive,
  recurrent,
  recurrentCell,
  transformer,
  vision,
]) {
  for (const [name, type] of Object.entries(family)) {
    if (!/^[A-Z]/.test(name)) continue;
    nameType(type as object, name);
    if (family !== container && name !== 'Identity') expectTensors(type as ModuleType);
  }
}
