/** Muon on matrices of a useful size, and in a group of its own beside another optimizer. */
import {
  ArcError,
  build,
  buildOptimizer,
  buildScheduler,
  compile,
  F,
  manualSeed,
  type nn,
  optim,
  Parameter,
  rand,
  realize,
  type Tensor,
  tensor,
} from 'torcharc';
import { describe, expect, test } from 'vitest';
import { tensorDataset } from '../src/data/tensors.ts';
import { type FitOptions, fit } from '../src/train/fit.ts';
import type { Snapshot } from '../src/train/snapshot.ts';

const matrix = ([rows, columns]: readonly [number, number], seed: number) =>
  Float32Array.from({ length: rows * columns }, (_, i) => ((i * i * 31 + i * 7919 + seed * 104729) % 10007) / 10007 - 0.5);
const picked = [0, 1234, 54321, 77777, 123456, 150001, 199999, 209999];

// def value(shape, seed):
//     i = torch.arange(shape[0] * shape[1])
//     return ((i*i*31 + i*7919 + seed*104729) % 10007).double().div(10007).sub(.5).float().view(shape)
// p = torch.nn.Parameter(value(shape, 0)); o = torch.optim.Muon([p], lr=0.1, weight_decay=0)
// for s in (1, 2): p.grad = value(shape, s); o.step()
// d = (p.detach() - value(shape, 0)).double(); d.pow(2).mean().sqrt(), (d * value(shape, 7)).sum(), d.flatten()[picked]
const large: { shape: [number, number]; rms: number; projection: number; values: number[] }[] = [
