import * as z from 'zod';
import { where } from '../ops/compare.ts';
import { cat } from '../ops/movement.ts';
import { showShape } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { ArgError, ShapeError } from '../util/errors.ts';
import { bool, float, int, layer, show } from './args.ts';
import { ModuleList, Sequential } from './container.ts';
import { asLabels, findKnown, indexable, isKnown, remember } from './functional/loss-shared.ts';
import { Linear } from './linear.ts';

/** Classes low to high - 1, the part of the tail with that number. */
interface Cluster {
  readonly part: number;
  readonly low: number;
  readonly high: number;
}

/**
 * The log-probability of each target among many classes, and its negative mean, as { output, loss }: x [N, in_features], targets
 * [N] (or [in_features] and []).
 *
 * The head decides between the most frequent classes and clusters of the rest, each with a smaller network of its own. Those are
 * computed for the whole batch, and where the targets are known only those that have one; PyTorch takes their rows apart.
 * https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveLogSoftmaxWithLoss.html
 */
export class AdaptiveLogSoftmaxWithLoss extends layer(
  {
    in_features: int(),
    n_classes: int(),
    cutoffs: z.array(z.number()).meta({ description: 'a list of integers' }),
    div_value: float(4),
    head_bias: bool(false),
  },
  [],
) {
  private get shortlist(): number {
    return this.args.cutoffs[0]!;
  }

  private get clusters(): Cluster[] {
    const { cutoffs, n_classes } = this.args;
    return cutoffs.map((low, part) => ({ part, low, high: cutoffs[part + 1] ?? n_classes }));
  }

  readonly head = new Linear({
    in_features: this.args.in_features,
    out_features: this.checkCutoffs() + this.args.cutoffs.length,
    bias: this.args.head_bias,
  });
  readonly tail = new ModuleList(this.clusters.map((cluster) => this.projection(cluster)));

  private checkCutoffs(): number {
    const { cutoffs, n_classes } = this.args;
    const rises = cutoffs.every((c, i) => Number.isInteger(c) && c > (cutoffs[i - 1] ?? 0) && c < n_classes);
    if (rises && cutoffs.length > 0) return this.shortlist;
    throw new ArgError(
      `AdaptiveLogSoftmaxWithLoss: cutoffs should be a sequence of unique, positive integers sorted in an increasing order, where each value is between 1 and n_classes-1, got ${show(cutoffs)}`,
    );
  }

  private projection({ part, low, high }: Cluster): Sequential {
    const { in_features, div_value } = this.args;
    const width = Math.floor(in_features / div_value ** (part + 1));
    return new Sequential([
      new Linear({ in_features, out_features: width, bias: false }),
      new Linear({ in_features: width, out_features: high - low, bias: false }),
    ]);
  }

  override forward(input: Tensor, target: Tensor): { output: Tensor; loss: Tensor } {
    checkSizes(input, target);
    this.checkTargets(target);
    const single = target.ndim === 0;
    const x = single ? input.unsqueeze(0) : input;
    const labels = asLabels('AdaptiveLogSoftmaxWithLoss', single ? target.unsqueeze(0) : target);
    const pick = (scores: Tensor, index: Tensor) => scores.logSoftmax(1).gather(1, index.unsqueeze(1)).squeeze(1);

    let inHead = indexable(labels, this.args.n_classes, isKnown(target));
    const within: Tensor[] = [];
    for (const { part, low, high } of this.clusters.filter((cluster) => mayHold(cluster, target))) {
      const inside = labels.ge(low).logicalAnd(labels.lt(high));
      inHead = where(inside, this.shortlist + part, inHead);
      within.push(where(inside, pick(this.tail.get(part).forward(x), where(inside, labels.sub(low), 0)), 0));
    }
    const both = within.reduce((sum, t) => sum.add(t), pick(this.head.forward(x), inHead));
    const output = single ? both.squeeze(0) : both;
    return { output, loss: remember(both.neg().mean(), output) };
  }

  /** Log-probabilities of all classes: [N, in_features] to [N, n_classes]. */
  logProb(input: Tensor): Tensor {
    const head = this.head.forward(input).logSoftmax(1);
    const rest = this.clusters.map(({ part }) =>
      this.tail
        .get(part)
        .forward(input)
        .logSoftmax(1)
        .add(head.narrow(1, this.shortlist + part, 1)),
    );
    return cat([head.narrow(1, 0, this.shortlist), ...rest], { dim: 1 });
  }

  /** The most probable class of each sample, int64 [N]; a class of the head where the head prefers one to all clusters. */
  predict(input: Tensor): Tensor {
    const first = this.head.forward(input).argmax({ dim: 1 });
    return where(first.lt(this.shortlist), first, this.logProb(input).argmax({ dim: 1 }));
  }

  private checkTargets(target: Tensor): void {
    const most = this.args.n_classes - 1;
    const wrong = findKnown(target, (k) => k < 0 || k > most);
    if (wrong === undefined) return;
    throw new ArgError(`AdaptiveLogSoftmaxWithLoss: Target values should be in [0, ${most}], but ${wrong} was found`);
  }
}

/** Whether a target may be in a cluster, for all that is known. */
function mayHold({ low, high }: Cluster, target: Tensor): boolean {
  return !isKnown(target) || findKnown(target, (k) => k >= low && k < high) !== undefined;
}

function checkSizes({ shape, ndim }: Tensor, target: Tensor): void {
  const who = 'AdaptiveLogSoftmaxWithLoss';
  if (target.ndim > 1) throw new ShapeError(`${who}: 0D or 1D target tensor expected, multi-target not supported`);
  if (ndim !== target.ndim + 1) {
    throw new ShapeError(
      `${who}: ${target.ndim}D target tensor expects ${target.ndim + 1}D input tensors, but found inputs with size ${showShape(shape)}`,
    );
  }
  if (target.ndim === 1 && shape[0] !== target.shape[0]) {
    throw new ShapeError(
      `${who}: Input and target should have the same size in the batch dimension, got ${shape[0]} and ${target.shape[0]}`,
    );
  }
}
