/** Every layer and loss, under PyTorch's names. */
import * as activation from './activation.ts';
import * as batchnorm from './batchnorm.ts';
import * as container from './container.ts';
import * as conv from './conv.ts';
import * as dropout from './dropout.ts';
import * as linear from './linear.ts';
import * as loss from './loss.ts';
import { nameType } from './module.ts';
import * as pooling from './pooling.ts';

export * from './activation.ts';
export * from './batchnorm.ts';
export * from './container.ts';
export * from './conv.ts';
export * from './dropout.ts';
export * as init from './init.ts';
export { Flatten, Identity, Linear } from './linear.ts';
export * from './loss.ts';
export { Buffer, Module, Parameter } from './module.ts';
export * from './pooling.ts';

for (const family of [activation, batchnorm, container, conv, dropout, linear, loss, pooling]) {
  for (const [name, type] of Object.entries(family)) if (/^[A-Z]/.test(name)) nameType(type as object, name);
}
