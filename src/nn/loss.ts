import * as z from 'zod';
import { tensor } from '../ops/create.ts';
import { Tensor } from '../tensor/tensor.ts';
import { choice, float, int, layer } from './args.ts';
import * as F from './functional/index.ts';
import { Buffer } from './module.ts';

const reduction = { reduction: choice(['none', 'mean', 'sum'], 'mean') };

/** A tensor, or from a spec an array of numbers. */
const weights = () =>
  z
    .union([z.instanceof(Tensor), z.array(z.number())])
    .nullable()
    .default(null)
    .meta({ description: 'a tensor, a list of numbers or null' });

function buffer(value: Tensor | number[] | null): Buffer | null {
  return value === null ? null : new Buffer(Array.isArray(value) ? tensor(value) : value);
}

/** (x - t)². https://pytorch.org/docs/stable/generated/torch.nn.MSELoss.html */
export class MSELoss extends layer(reduction) {
  override forward(input: Tensor, target: Tensor): Tensor {
    return F.mseLoss(input, target, this.args);
  }
  override extraRepr(): string {
    return '';
  }
}

/** |x - t|. https://pytorch.org/docs/stable/generated/torch.nn.L1Loss.html */
export class L1Loss extends layer(reduction) {
  override forward(input: Tensor, target: Tensor): Tensor {
    return F.l1Loss(input, target, this.args);
  }
  override extraRepr(): string {
    return '';
  }
}

/** -log softmax(x)[target]. https://pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html */
export class CrossEntropyLoss extends layer({
  weight: weights(),
  ignore_index: int(-100, Number.MIN_SAFE_INTEGER),
  ...reduction,
  label_smoothing: float(0, { min: 0, max: 1 }),
}) {
  readonly weight = buffer(this.args.weight);

  override forward(input: Tensor, target: Tensor): Tensor {
    return F.crossEntropy(input, target, { ...this.args, weight: this.weight });
  }
  override extraRepr(): string {
    return '';
  }
}

/** Binary cross entropy of logits. https://pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html */
export class BCEWithLogitsLoss extends layer({ weight: weights(), ...reduction, pos_weight: weights() }) {
  readonly weight = buffer(this.args.weight);
  readonly pos_weight = buffer(this.args.pos_weight);

  override forward(input: Tensor, target: Tensor): Tensor {
    const { weight, pos_weight } = this;
    return F.binaryCrossEntropyWithLogits(input, target, { ...this.args, weight, pos_weight });
  }
  override extraRepr(): string {
    return '';
  }
}
