import * as z from 'zod';
import type { Tensor } from '../tensor/tensor.ts';
import { bool, choice, float, layer, showArgs } from './args.ts';
import * as F from './functional.ts';

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

/** log softmax along `dim`. https://pytorch.org/docs/stable/generated/torch.nn.LogSoftmax.html */
export class LogSoftmax extends layer(dim) {
  override forward(x: Tensor): Tensor {
    return F.logSoftmax(x, this.args);
  }
}
