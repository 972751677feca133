/** Learning rate schedules, under PyTorch's names. */
export {
  CosineAnnealingLR,
  type CosineAnnealingLROptions,
  CosineAnnealingWarmRestarts,
  type CosineAnnealingWarmRestartsOptions,
} from './cosine.ts';
export { CyclicLR, type CyclicLROptions } from './cyclic.ts';
export {
  ConstantLR,
  type ConstantLROptions,
  ExponentialLR,
  type ExponentialLROptions,
  LinearLR,
  type LinearLROptions,
  MultiStepLR,
  type MultiStepLROptions,
  PolynomialLR,
  type PolynomialLROptions,
  StepLR,
  type StepLROptions,
} from './decay.ts';
export { LambdaLR, type LambdaLROptions, MultiplicativeLR } from './lambda.ts';
export { ChainedScheduler, type ChainedSchedulerOptions, SequentialLR, type SequentialLROptions } from './nested.ts';
export { OneCycleLR, type OneCycleLROptions } from './one-cycle.ts';
export { ReduceLROnPlateau, type ReduceLROnPlateauOptions } from './plateau.ts';
export { LRScheduler, type SchedulerState } from './scheduler.ts';
export { SWALR, type SWALROptions } from './swa.ts';
