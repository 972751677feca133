import * as z from 'zod';
import { drawn, onHost } from '../ops/host.ts';
import { showShape } from '../tensor/shape.ts';
import { leaf, setState, Tensor } from '../tensor/tensor.ts';
import { ShapeError } from '../util/errors.ts';
import { bool, float, int, type LayerBase, layer, python, pythonFloat } from './args.ts';
import { batchNorm } from './functional/index.ts';
import { checkBatch } from './functional/statistics.ts';
import { Buffer, fresh, type Module, Parameter, typeName } from './module.ts';

/** The table of batch and instance normalisation. */
const normTable = (own: boolean) => ({
  num_features: int(),
  eps: float(1e-5),
  momentum: z.number().nullable().default(0.1).meta({ description: 'a number or null' }),
  affine: bool(own),
  track_running_stats: bool(own),
  bias: bool(true),
});
export type NormTable = ReturnType<typeof normTable>;

/** What batch and instance normalisation hold. */
export interface NormState {
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  readonly running_mean: Buffer | null;
  readonly running_var: Buffer | null;
  readonly num_batches_tracked: Buffer | null;
  forward(x: Tensor): Tensor;
}

/** Weight, bias and running statistics. `own`: whether there are any unless asked for. */
export function normBase(own: boolean): LayerBase<NormTable, Omit<NormState, 'forward'>> {
  abstract class Norm extends layer(normTable(own)) {
    readonly weight = this.args.affine ? new Parameter(fresh([this.args.num_features], 1)) : null;
    readonly bias = this.args.affine && this.args.bias ? Parameter.empty([this.args.num_features]) : null;
    readonly running_mean = this.buffer(() => fresh([this.args.num_features], 0));
    readonly running_var = this.buffer(() => fresh([this.args.num_features], 1));
    readonly num_batches_tracked = this.buffer(() => count(0n));

    private buffer(make: () => Tensor): Buffer | null {
      return this.args.track_running_stats ? new Buffer(make()) : null;
    }

    override extraRepr(): string {
      const { num_features, eps, momentum, affine, track_running_stats } = this.args;
      return `${num_features}, eps=${pythonFloat(eps)}, momentum=${python(momentum, true)}, affine=${python(affine)}, bias=${python(this.bias !== null)}, track_running_stats=${python(track_running_stats)}`;
    }
  }
  return Norm;
}

function count(n: bigint): Tensor {
  return new Tensor(leaf(BigInt64Array.of(n), { shape: [], dtype: 'int64' }));
}

/** Batch normalisation of inputs of the ranks that fit. */
function batchNormOf(fits: (rank: number) => boolean, expected: string): LayerBase<NormTable, NormState> {
  abstract class BatchNorm extends normBase(true) {
    override forward(x: Tensor): Tensor {
      const { running_mean, running_var, weight, bias } = this;
      const training = this.training || !running_mean;
      this.check(x, training);
      if (this.training) this.tick();
      const momentum = this.training ? this.momentum() : 0;
      return batchNorm(x, running_mean, running_var, { weight, bias, training, momentum, eps: this.args.eps });
    }

    private check(x: Tensor, training: boolean): void {
      const who = typeName(this.constructor);
      const { num_features } = this.args;
      if (!fits(x.ndim)) throw new ShapeError(`${who}: expected ${expected} input (got ${x.ndim}D input)`);
      if (x.shape[1] !== num_features && (this.weight || this.running_mean)) {
        throw new ShapeError(
          `${who}: expected an input with ${num_features} channels in dimension 1, got ${showShape(x.shape)}`,
        );
      }
      if (training) checkBatch(who, x.shape);
    }

    /** One more batch seen. */
    private tick(): void {
      const { num_batches_tracked: counter } = this;
      if (counter) onHost(() => setState(counter, count(BigInt(Number(counter.node.data![0]) + 1)).node));
    }

    /** Without a momentum the running statistics are the average of all batches so far. */
    private momentum(): number | Tensor {
      const { num_batches_tracked: counter } = this;
      if (this.args.momentum !== null || !counter) return this.args.momentum ?? 0;
      return drawn({ shape: [], dtype: 'float32' }, (data) => data.fill((1 / Number(counter.node.data![0])) as never));
    }
  }
  return BatchNorm;
}

/** Normalisation of [N, C] or [N, C, L] by the batch. https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html */
export class BatchNorm1d extends batchNormOf((rank) => rank === 2 || rank === 3, '2D or 3D') {}
/** Normalisation of [N, C, H, W] by the batch. https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html */
export class BatchNorm2d extends batchNormOf((rank) => rank === 4, '4D') {}
/** Normalisation of [N, C, D, H, W] by the batch. https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm3d.html */
export class BatchNorm3d extends batchNormOf((rank) => rank === 5, '5D') {}

/**
 * Batch normalisation of [N, C, *]. Here is one process, so it is that and no more; PyTorch's averages over the processes that
 * train together. https://pytorch.org/docs/stable/generated/torch.nn.SyncBatchNorm.html
 */
export class SyncBatchNorm extends batchNormOf((rank) => rank >= 2, 'at least 2D') {
  /** The module with every batch normalisation in it made a SyncBatchNorm that has its parameters and statistics. */
  static convertSyncBatchnorm(module: Module): Module {
    for (const [name, child] of module.namedChildren()) {
      module.setSubmodule(name, SyncBatchNorm.convertSyncBatchnorm(child));
    }
    const kinds = [BatchNorm1d, BatchNorm2d, BatchNorm3d];
    const from = kinds.map((kind) => (module instanceof kind ? module : null)).find((found) => found);
    if (!from) return module;
    const { weight, bias, running_mean, running_var, num_batches_tracked } = from;
    const sync = new SyncBatchNorm(from.args).train(from.training);
    return Object.assign(sync, { weight, bias, running_mean, running_var, num_batches_tracked });
  }
}
