import * as z from 'zod';
import { drawn, onHost } from '../ops/host.ts';
import { batchNormStats } from '../ops/norm.ts';
import { constant } from '../tensor/constant.ts';
import { mode, noGrad } from '../tensor/mode.ts';
import { numel, showShape } from '../tensor/shape.ts';
import { leaf, setState, Tensor } from '../tensor/tensor.ts';
import { ShapeError } from '../util/errors.ts';
import { bool, float, int, type LayerBase, layer, python, pythonFloat } from './args.ts';
import { normalizeBy } from './functional/index.ts';
import { Buffer, fresh, Parameter } from './module.ts';

const table = {
  num_features: int(),
  eps: float(1e-5),
  momentum: z.number().nullable().default(0.1).meta({ description: 'a number or null' }),
  affine: bool(true),
  track_running_stats: bool(true),
  bias: bool(true),
};

interface Own {
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  readonly running_mean: Buffer | null;
  readonly running_var: Buffer | null;
  readonly num_batches_tracked: Buffer | null;
  forward(x: Tensor): Tensor;
}

function batchNorm(name: string, ranks: readonly number[]): LayerBase<typeof table, Own> {
  abstract class BatchNorm extends layer(table) {
    readonly weight = this.args.affine ? new Parameter(fresh([this.args.num_features], 1)) : null;
    readonly bias = this.args.affine && this.args.bias ? Parameter.empty([this.args.num_features]) : null;
    readonly running_mean = this.buffer(() => fresh([this.args.num_features], 0));
    readonly running_var = this.buffer(() => fresh([this.args.num_features], 1));
    readonly num_batches_tracked = this.buffer(() => count(0n));

    private buffer(make: () => Tensor): Buffer | null {
      return this.args.track_running_stats ? new Buffer(make()) : null;
    }

    override forward(x: Tensor): Tensor {
      const { num_features, eps } = this.args;
      if (!ranks.includes(x.ndim)) {
        throw new ShapeError(
          `${name}: expected ${ranks.map((r) => `${r}D`).join(' or ')} input (got ${x.ndim}D input)`,
        );
      }
      if (x.shape[1] !== num_features) {
        throw new ShapeError(
          `${name}: expected an input with ${num_features} channels in dimension 1, got ${showShape(x.shape)}`,
        );
      }
      const { running_mean: mean, running_var: variance } = this;
      if (!this.training && mean && variance) return normalizeBy(x, mean, variance, this.weight, this.bias, eps);
      if (numel(x.shape) === num_features) {
        throw new ShapeError(
          `${name}: Expected more than 1 value per channel when training, got input size ${showShape(x.shape)}`,
        );
      }
      if (this.training) this.tick();
      if (numel(x.shape) === 0) {
        // nothing to learn from: only the batch is counted
        const channel = { shape: [num_features], dtype: x.dtype };
        return normalizeBy(x, constant(0, channel), constant(1, channel), this.weight, this.bias, eps);
      }
      const [y, batchMean, batchVariance] = batchNormStats(x, this.weight, this.bias, eps);
      if (this.training && mean && variance && !mode.inferring) this.track(x, y, batchMean, batchVariance);
      return y;
    }

    /** One more batch seen. */
    private tick(): void {
      const { num_batches_tracked: counter } = this;
      if (counter) onHost(() => setState(counter, count(BigInt(Number(counter.node.data![0]) + 1)).node));
    }

    /** running = (1 - momentum) running + momentum batch, with the unbiased variance; taken by whatever run computes `y`. */
    private track(x: Tensor, y: Tensor, mean: Tensor, variance: Tensor): void {
      const { momentum } = this.args;
      const counter = this.num_batches_tracked!;
      const samples = numel(x.shape) / x.shape[1]!;
      noGrad(() => {
        // no momentum: the average of all batches so far
        const rate =
          momentum ??
          drawn({ shape: [], dtype: 'float32' }, (data) => data.fill((1 / Number(counter.node.data![0])) as never));
        const toward = (running: Buffer, batch: Tensor, scale: number) =>
          typeof rate === 'number'
            ? running.mul(1 - rate).add(batch.mul(rate * scale)).node
            : running.add(batch.mul(scale).sub(running).mul(rate)).node;
        const base = y.node.inputs[0]!;
        base.effects = [
          toward(this.running_mean!, mean, 1),
          toward(this.running_var!, variance, samples / (samples - 1)),
        ];
        setState(this.running_mean!, base.effects[0]!);
        setState(this.running_var!, base.effects[1]!);
      });
    }

    override extraRepr(): string {
      const { num_features, eps, momentum, affine, track_running_stats } = this.args;
      const rate = momentum === null ? 'None' : pythonFloat(momentum);
      return `${num_features}, eps=${pythonFloat(eps)}, momentum=${rate}, affine=${python(affine)}, bias=${python(this.bias !== null)}, track_running_stats=${python(track_running_stats)}`;
    }
  }
  return BatchNorm;
}

function count(n: bigint): Tensor {
  return new Tensor(leaf(BigInt64Array.of(n), { shape: [], dtype: 'int64' }));
}

/** Normalisation of [N, C] or [N, C, L] by the batch. https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html */
export class BatchNorm1d extends batchNorm('BatchNorm1d', [2, 3]) {}
/** Normalisation of [N, C, H, W] by the batch. https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html */
export class BatchNorm2d extends batchNorm('BatchNorm2d', [4]) {}
/** Normalisation of [N, C, D, H, W] by the batch. https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm3d.html */
export class BatchNorm3d extends batchNorm('BatchNorm3d', [5]) {}
