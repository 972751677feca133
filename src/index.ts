/** torcharc: networks from architecture specs, trained on ONNX Runtime. This entry runs anywhere. */
import './ops/methods.ts';

export { build, type Model, validate } from './arc/build.ts';
export { carryForward } from './arc/dag.ts';
export { type InputShape, type InputShapes, type Net, type NetEdge, type NetNode, netOf } from './arc/net.ts';
export { registerModule } from './arc/registry.ts';
export { arcSchema } from './arc/schema.ts';
export { toSpec } from './arc/to-spec.ts';
export { buildCriterion, buildOptimizer, buildScheduler } from './arc/training.ts';
export { grad } from './autograd/backward.ts';
export { type Batch, loader } from './data/loader.ts';
export type { DataInfo, Dataset, Field, Samples, Scaling } from './data/samples.ts';
export { tensorDataset } from './data/tensors.ts';
export { compile } from './engine/compile.ts';
export { type NestedArray, realize } from './engine/evaluate.ts';
export { type Frozen, freeze } from './engine/freeze.ts';
export { sessionCount, sessionLimit } from './engine/program.ts';
export type { TensorTree } from './engine/tree.ts';
export { decodeSafetensors, encodeSafetensors } from './io/safetensors.ts';
export { layer } from './nn/args.ts';
export * as F from './nn/functional/index.ts';
export * as nn from './nn/index.ts';
export { Module, Parameter } from './nn/module.ts';
export * as args from './nn/options.ts';
export { type ModuleSummary, summarize } from './nn/summary.ts';
export {
  add,
  div,
  floorDivide,
  fmod,
  lerp,
  maximum,
  minimum,
  mul,
  pow,
  remainder,
  sub,
} from './ops/arithmetic.ts';
export type { Index } from './ops/at.ts';
export { allclose, equal, isclose, where } from './ops/compare.ts';
export {
  empty,
  emptyLike,
  full,
  fullLike,
  type NestedData,
  ones,
  onesLike,
  tensor,
  zeros,
  zerosLike,
} from './ops/create.ts';
export { einsum } from './ops/einsum.ts';
export { blockDiag, cat, dstack, hstack, stack, vstack } from './ops/join.ts';
export { addmm, addmv, baddbmm, bmm, cdist, cross, dot, kron, mm, mv, outer, tensordot } from './ops/linalg.ts';
export { matmul } from './ops/matmul.ts';
export { broadcastTensors } from './ops/movement.ts';
export { bernoulli, multinomial, normal, rand, randint, randLike, randn, randnLike, randperm } from './ops/random.ts';
export {
  arange,
  cartesianProd,
  eye,
  linspace,
  logspace,
  meshgrid,
  trilIndices,
  triuIndices,
} from './ops/ranges.ts';
export { searchsorted } from './ops/sort.ts';
export { atan2, hypot, logaddexp, xlogy } from './ops/special.ts';
export * as optim from './optim/index.ts';
export type { Dtype, TypedArray } from './tensor/dtype.ts';
export { enableGrad, noGrad } from './tensor/mode.ts';
export type { Shape } from './tensor/shape.ts';
export { Tensor } from './tensor/tensor.ts';
export { type BatchProgress, type Evaluation, type FitOptions, type FitResult, fit } from './train/fit.ts';
export type { Score, Scores } from './train/metrics.ts';
export type { Progress, Snapshot } from './train/snapshot.ts';
export type { Source } from './train/source.ts';
export { ArcError, ArgError, type Issue, SessionError, ShapeError, TorcharcError } from './util/errors.ts';
export { Generator, manualSeed } from './util/generator.ts';
