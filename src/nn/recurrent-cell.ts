/** One step of a network over sequences: RNNCell, LSTMCell, GRUCell. */
import { constant } from '../tensor/constant.ts';
import { expectTensor, type Tensor } from '../tensor/tensor.ts';
import { ArgError, ShapeError } from '../util/errors.ts';
import { bool, choice, int, layer, python } from './args.ts';
import { gruCell, lstmCell, rnnCell } from './functional/recurrent-cell.ts';
import { uniform_ } from './init.ts';
import { type Optional, optionalInputs } from './inputs.ts';
import { Parameter } from './module.ts';

const table = { input_size: int(), hidden_size: int(), bias: bool(true) };
interface Args {
  readonly input_size: number;
  readonly hidden_size: number;
  readonly bias: boolean;
}

/** Uniform in ±1/√hidden_size; `rows` by `columns`, if there are any. */
function uniform({ hidden_size }: Args, rows: number, columns?: number): Parameter {
  const parameter = Parameter.empty(columns === undefined ? [rows] : [rows, columns]);
  const bound = 1 / Math.sqrt(hidden_size);
  if (hidden_size > 0) uniform_(parameter, { a: -bound, b: bound });
  return parameter;
}

/** Checked as PyTorch checks, with a batch dimension; states not given are zeros. `back` takes the dimension away again. */
function prepared(who: string, { input_size, hidden_size }: Args, x: Tensor, given: readonly Tensor[], states: number) {
  expectTensor(who, x);
  if (x.ndim !== 1 && x.ndim !== 2) {
    throw new ShapeError(`${who}: Expected input to be 1D or 2D, got ${x.ndim}D instead`);
  }
  given.forEach((h, i) => {
    const name = states === 1 ? 'hidden' : `hx[${i}]`;
    expectTensor(`${who}: ${name}`, h);
    if (h.ndim !== 1 && h.ndim !== 2) {
      throw new ShapeError(`${who}: Expected ${name} to be 1D or 2D, got ${h.ndim}D instead`);
    }
    if (h.ndim !== x.ndim) {
      throw new ShapeError(`${who}: Expected ${name} to be ${x.ndim}D as the input is, got ${h.ndim}D instead`);
    }
    if (h.dtype !== x.dtype) {
      throw new ArgError(`${who}: expected ${name} to have the input's dtype ${x.dtype}, got ${h.dtype}`);
    }
  });
  const batch = (t: Tensor) => (x.ndim === 1 ? t.unsqueeze(0) : t);
  const input = batch(x);
  if (input.shape[1] !== input_size) {
    throw new ShapeError(`${who}: input has inconsistent input_size: got ${input.shape[1]} expected ${input_size}`);
  }
  const rows = input.shape[0]!;
  const zeros = constant(0, { shape: [rows, hidden_size], dtype: x.dtype });
  const all = given.length > 0 ? given.map(batch) : new Array<Tensor>(states).fill(zeros);
  all.forEach((h, i) => {
    if (h.shape[0] !== rows) {
      throw new ShapeError(`${who}: Input batch size ${rows} doesn't match hidden${i} batch size ${h.shape[0]}`);
    }
    if (h.shape[1] !== hidden_size) {
      throw new ShapeError(
        `${who}: hidden${i} has inconsistent hidden_size: got ${h.shape[1]}, expected ${hidden_size}`,
      );
    }
  });
  const back = (t: Tensor) => (x.ndim === 1 ? t.squeeze(0) : t);
  return { input, states: all, back };
}

interface OwnStates {
  readonly hx?: readonly [h: Tensor, c: Tensor] | null;
}

function repr({ input_size, hidden_size, bias }: Args, nonlinearity = 'tanh'): string {
  const flag = bias ? '' : `, bias=${python(bias)}`;
  return `${input_size}, ${hidden_size}${flag}${nonlinearity === 'tanh' ? '' : `, nonlinearity=${nonlinearity}`}`;
}

/**
 * h' = tanh(W x + b + R h + c), or relu of it: x [N, input_size] and h [N, hidden_size] (zeros by default), both also without N.
 * https://pytorch.org/docs/stable/generated/torch.nn.RNNCell.html
 */
export class RNNCell extends layer({ ...table, nonlinearity: choice(['tanh', 'relu'], 'tanh') }) {
  static readonly inputs = ['input', 'hx'];
  readonly weight_ih = uniform(this.args, this.args.hidden_size, this.args.input_size);
  readonly weight_hh = uniform(this.args, this.args.hidden_size, this.args.hidden_size);
  readonly bias_ih = this.args.bias ? uniform(this.args, this.args.hidden_size) : null;
  readonly bias_hh = this.args.bias ? uniform(this.args, this.args.hidden_size) : null;

  override forward(x: Tensor, ...optional: Optional<{ hx?: Tensor | null }, ['hx']>): Tensor {
    const { hx } = optionalInputs<{ hx?: Tensor | null }>(this, 1, optional);
    const { input, states, back } = prepared('RNNCell', this.args, x, hx ? [hx] : [], 1);
    return back(rnnCell(input, states[0]!, this, this.args.nonlinearity));
  }

  override extraRepr(): string {
    return repr(this.args, this.args.nonlinearity);
  }
}

/**
 * i, f, o = σ(W x + b + R h + c), g = tanh(…); c' = f c + i g, h' = o tanh(c'): x [N, input_size], h and c [N, hidden_size]
 * (zeros by default), all also without N, to [h', c']. https://pytorch.org/docs/stable/generated/torch.nn.LSTMCell.html
 */
export class LSTMCell extends layer(table) {
  static readonly inputs = ['input', 'hx'];
  readonly weight_ih = uniform(this.args, 4 * this.args.hidden_size, this.args.input_size);
  readonly weight_hh = uniform(this.args, 4 * this.args.hidden_size, this.args.hidden_size);
  readonly bias_ih = this.args.bias ? uniform(this.args, 4 * this.args.hidden_size) : null;
  readonly bias_hh = this.args.bias ? uniform(this.args, 4 * this.args.hidden_size) : null;

  override forward(x: Tensor, ...optional: Optional<OwnStates, ['hx']>): [h: Tensor, c: Tensor] {
    const { hx = null } = optionalInputs<OwnStates>(this, 1, optional);
    if (hx && (!Array.isArray(hx) || hx.length !== 2)) {
      throw new ArgError('LSTMCell: expected hx to be a list of two tensors, h and c');
    }
    const { input, states, back } = prepared('LSTMCell', this.args, x, hx ?? [], 2);
    const [h, c] = lstmCell(input, states[0]!, states[1]!, this);
    return [back(h), back(c)];
  }

  override extraRepr(): string {
    return repr(this.args);
  }
}

/**
 * r, z = σ(W x + b + R h + c), n = tanh(W x + b + r (R h + c)); h' = (1 - z) n + z h: x [N, input_size] and h [N, hidden_size]
 * (zeros by default), both also without N. https://pytorch.org/docs/stable/generated/torch.nn.GRUCell.html
 */
export class GRUCell extends layer(table) {
  static readonly inputs = ['input', 'hx'];
  readonly weight_ih = uniform(this.args, 3 * this.args.hidden_size, this.args.input_size);
  readonly weight_hh = uniform(this.args, 3 * this.args.hidden_size, this.args.hidden_size);
  readonly bias_ih = this.args.bias ? uniform(this.args, 3 * this.args.hidden_size) : null;
  readonly bias_hh = this.args.bias ? uniform(this.args, 3 * this.args.hidden_size) : null;

  override forward(x: Tensor, ...optional: Optional<{ hx?: Tensor | null }, ['hx']>): Tensor {
    const { hx } = optionalInputs<{ hx?: Tensor | null }>(this, 1, optional);
    const { input, states, back } = prepared('GRUCell', this.args, x, hx ? [hx] : [], 1);
    return back(gruCell(input, states[0]!, this));
  }

  override extraRepr(): string {
    return repr(this.args);
  }
}
