import * as z from 'zod';
import type { Tensor } from '../tensor/tensor.ts';
import { ShapeError } from '../util/errors.ts';
import { bool, choice, float, int, layer, pythonFloat, real, showArgs } from './args.ts';
import * as F from './functional/index.ts';
import { fresh, Parameter } from './module.ts';

/** PyTorch prints `inplace` only when it is set. We compute out of place either way. */
const inplace = { inplace: bool(false) };
const flag = ({ inplace }: { inplace: boolean }) => (inplace ? 'inplace=True' : '');
const withFlag = (text: string, args: { inplace: boolean }) => (args.inplace ? `${text}, inplace=True` : text);

/** max(0, x). https://pytorch.org/docs/stable/generated/torch.nn.ReLU.html */
export class ReLU extends layer(inplace) {
  override forward(x: Tensor): Tensor {
    return F.relu(x);
  }
  override extraRepr(): string {
    return flag(this.args);
  }
}

/** x where positive, else negative_slope · x. https://pytorch.org/docs/stable/generated/torch.nn.LeakyReLU.html */
export class LeakyReLU extends layer({ negative_slope: float(0.01), ...inplace }) {
  override forward(x: Tensor): Tensor {
    return F.leakyRelu(x, this.args);
  }
  override extraRepr(): string {
    return withFlag(showArgs(this.args, ['negative_slope'], LeakyReLU.table), this.args);
  }
}

/** tanh x. https://pytorch.org/docs/stable/generated/torch.nn.Tanh.html */
export class Tanh extends layer({}) {
  override forward(x: Tensor): Tensor {
    return F.tanh(x);
  }
}

/** 1 / (1 + e⁻ˣ). https://pytorch.org/docs/stable/generated/torch.nn.Sigmoid.html */
export class Sigmoid extends layer({}) {
  override forward(x: Tensor): Tensor {
    return F.sigmoid(x);
  }
}

/** x Φ(x), or its approximation by tanh. https://pytorch.org/docs/stable/generated/torch.nn.GELU.html */
export class GELU extends layer({ approximate: choice(['none', 'tanh'], 'none') }) {
  override forward(x: Tensor): Tensor {
    return F.gelu(x, this.args);
  }
  override extraRepr(): string {
    return `approximate='${this.args.approximate}'`;
  }
}

/** x σ(x). https://pytorch.org/docs/stable/generated/torch.nn.SiLU.html */
export class SiLU extends layer(inplace) {
  override forward(x: Tensor): Tensor {
    return F.silu(x);
  }
  override extraRepr(): string {
    return flag(this.args);
  }
}

/** x where positive, else alpha (eˣ - 1). https://pytorch.org/docs/stable/generated/torch.nn.ELU.html */
export class ELU extends layer({ alpha: float(1), ...inplace }) {
  override forward(x: Tensor): Tensor {
    return F.elu(x, this.args);
  }
  override extraRepr(): string {
    return withFlag(showArgs(this.args, ['alpha'], ELU.table), this.args);
  }
}

/** Self-normalising ELU. https://pytorch.org/docs/stable/generated/torch.nn.SELU.html */
export class SELU extends layer(inplace) {
  override forward(x: Tensor): Tensor {
    return F.selu(x);
  }
  override extraRepr(): string {
    return flag(this.args);
  }
}

const dim = { dim: z.int().nullable().default(null).meta({ description: 'an integer or null' }) };

/** eˣ / Σ eˣ along `dim`. https://pytorch.org/docs/stable/generated/torch.nn.Softmax.html */
export class Softmax extends layer(dim) {
  override forward(x: Tensor): Tensor {
    return F.softmax(x, this.args);
  }
}

/** Softmax over the channels of [N, C, H, W] or [C, H, W]. https://pytorch.org/docs/stable/generated/torch.nn.Softmax2d.html */
export class Softmax2d extends layer({}) {
  override forward(x: Tensor): Tensor {
    if (x.ndim !== 3 && x.ndim !== 4) {
      throw new ShapeError(`Softmax2d: expected input to be 3D or 4D, got ${x.ndim}D instead`);
    }
    return F.softmax(x, { dim: -3 });
  }
}

/** log softmax along `dim`. https://pytorch.org/docs/stable/generated/torch.nn.LogSoftmax.html */
export class LogSoftmax extends layer(dim) {
  override forward(x: Tensor): Tensor {
    return F.logSoftmax(x, this.args);
  }
}

/** min(max(0, x + 3), 6) / 6. https://pytorch.org/docs/stable/generated/torch.nn.Hardsigmoid.html */
export class Hardsigmoid extends layer(inplace) {
  override forward(x: Tensor): Tensor {
    return F.hardsigmoid(x);
  }
  override extraRepr(): string {
    return flag(this.args);
  }
}

/** x hardsigmoid(x). https://pytorch.org/docs/stable/generated/torch.nn.Hardswish.html */
export class Hardswish extends layer(inplace) {
  override forward(x: Tensor): Tensor {
    return F.hardswish(x);
  }
  override extraRepr(): string {
    return flag(this.args);
  }
}

/** min(max(0, x), 6). https://pytorch.org/docs/stable/generated/torch.nn.ReLU6.html */
export class ReLU6 extends layer(inplace) {
  override forward(x: Tensor): Tensor {
    return F.relu6(x);
  }
  override extraRepr(): string {
    return flag(this.args);
  }
}

/** x tanh(softplus(x)). https://pytorch.org/docs/stable/generated/torch.nn.Mish.html */
export class Mish extends layer(inplace) {
  override forward(x: Tensor): Tensor {
    return F.mish(x);
  }
  override extraRepr(): string {
    return flag(this.args);
  }
}

/** log σ(x). https://pytorch.org/docs/stable/generated/torch.nn.LogSigmoid.html */
export class LogSigmoid extends layer({}) {
  override forward(x: Tensor): Tensor {
    return F.logsigmoid(x);
  }
}

/** x / (1 + |x|). https://pytorch.org/docs/stable/generated/torch.nn.Softsign.html */
export class Softsign extends layer({}) {
  override forward(x: Tensor): Tensor {
    return F.softsign(x);
  }
}

/** x - tanh x. https://pytorch.org/docs/stable/generated/torch.nn.Tanhshrink.html */
export class Tanhshrink extends layer({}) {
  override forward(x: Tensor): Tensor {
    return F.tanhshrink(x);
  }
}

/** max(0, x) + min(0, alpha (e^(x/alpha) - 1)). https://pytorch.org/docs/stable/generated/torch.nn.CELU.html */
export class CELU extends layer({ alpha: float(1), ...inplace }) {
  override forward(x: Tensor): Tensor {
    return F.celu(x, this.args);
  }
  override extraRepr(): string {
    return withFlag(showArgs(this.args, ['alpha'], CELU.table), this.args);
  }
}

/** May be infinite, and prints as a float. */
const bound = (value: number) => real(value).meta({ description: 'a number', float: true });
const limit = z.number().nullable().default(null).meta({ description: 'a number or null' });

/**
 * x limited to [min_val, max_val]; `min_value` and `max_value` are their deprecated names.
 * https://pytorch.org/docs/stable/generated/torch.nn.Hardtanh.html
 */
export class Hardtanh extends layer({
  min_val: bound(-1),
  max_val: bound(1),
  ...inplace,
  min_value: limit,
  max_value: limit,
}) {
  private limits() {
    const { min_val, max_val, min_value, max_value } = this.args;
    return { min_val: min_value ?? min_val, max_val: max_value ?? max_val };
  }
  override forward(x: Tensor): Tensor {
    return F.hardtanh(x, this.limits());
  }
  override extraRepr(): string {
    return withFlag(showArgs(this.limits(), ['min_val', 'max_val'], Hardtanh.table), this.args);
  }
}

/** x where |x| > lambd, else 0. https://pytorch.org/docs/stable/generated/torch.nn.Hardshrink.html */
export class Hardshrink extends layer({ lambd: float(0.5) }) {
  override forward(x: Tensor): Tensor {
    return F.hardshrink(x, this.args);
  }
  override extraRepr(): string {
    return pythonFloat(this.args.lambd);
  }
}

/** x drawn toward 0 by lambd. https://pytorch.org/docs/stable/generated/torch.nn.Softshrink.html */
export class Softshrink extends layer({ lambd: float(0.5) }) {
  override forward(x: Tensor): Tensor {
    return F.softshrink(x, this.args);
  }
  override extraRepr(): string {
    return pythonFloat(this.args.lambd);
  }
}

/** log(1 + e^(beta x)) / beta. https://pytorch.org/docs/stable/generated/torch.nn.Softplus.html */
export class Softplus extends layer({ beta: float(1), threshold: float(20) }) {
  override forward(x: Tensor): Tensor {
    return F.softplus(x, this.args);
  }
}

/** softmax(-x) along `dim`. https://pytorch.org/docs/stable/generated/torch.nn.Softmin.html */
export class Softmin extends layer(dim) {
  override forward(x: Tensor): Tensor {
    return F.softmin(x, this.args);
  }
}

const number = () => z.number().meta({ description: 'a number' });

/** x where x > threshold, else value. https://pytorch.org/docs/stable/generated/torch.nn.Threshold.html */
export class Threshold extends layer({ threshold: number(), value: number(), ...inplace }) {
  override forward(x: Tensor): Tensor {
    return F.threshold(x, this.args);
  }
  override extraRepr(): string {
    return withFlag(showArgs(this.args, ['threshold', 'value']), this.args);
  }
}

/** x where positive, else weight · x, the weight learned. https://pytorch.org/docs/stable/generated/torch.nn.PReLU.html */
export class PReLU extends layer({ num_parameters: int(1, 1), init: float(0.25) }) {
  readonly weight = new Parameter(fresh([this.args.num_parameters], this.args.init));

  override forward(x: Tensor): Tensor {
    return F.prelu(x, this.weight);
  }
  override extraRepr(): string {
    return `num_parameters=${this.args.num_parameters}`;
  }
}

/** a σ(b) for the halves a, b of x along `dim`. https://pytorch.org/docs/stable/generated/torch.nn.GLU.html */
export class GLU extends layer({ dim: int(-1, Number.MIN_SAFE_INTEGER) }) {
  override forward(x: Tensor): Tensor {
    return F.glu(x, this.args);
  }
}

/**
 * x where positive, else a · x, with a from [lower, upper) for each element in training, (lower + upper) / 2 otherwise.
 * https://pytorch.org/docs/stable/generated/torch.nn.RReLU.html
 */
export class RReLU extends layer({ lower: float(1 / 8), upper: float(1 / 3), ...inplace }) {
  override forward(x: Tensor): Tensor {
    return F.rrelu(x, { ...this.args, training: this.training });
  }
  override extraRepr(): string {
    return withFlag(showArgs(this.args, ['lower', 'upper'], RReLU.table), this.args);
  }
}
