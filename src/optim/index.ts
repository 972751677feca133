export { Adam, type AdamOptions, AdamW } from './adam.ts';
export { type GroupSpec, Optimizer, type ParamGroup, type ParamState } from './optimizer.ts';
export * as lrScheduler from './scheduler.ts';
export { SGD, type SGDOptions } from './sgd.ts';
