/** Networks over sequences: RNN, LSTM, GRU. */
import * as z from 'zod';
import { mode } from '../tensor/mode.ts';
import { sameShape, showShape } from '../tensor/shape.ts';
import { expectTensor, type Tensor } from '../tensor/tensor.ts';
import { ArgError, ShapeError } from '../util/errors.ts';
import { bool, choice, count, int, type LayerBase, layer, python, pythonFloat } from './args.ts';
import { type Kind, recurrent, type Weights } from './functional/recurrent.ts';
import { uniform_ } from './init.ts';
import { type Optional, optionalInputs } from './inputs.ts';
import { type Module, Parameter } from './module.ts';

const sizes = { input_size: int(undefined, 1), hidden_size: int(undefined, 1), num_layers: count(1, 1) };
const range = 'a number in range [0, 1] representing the probability of an element being zeroed';
const rest = {
  bias: bool(true),
  batch_first: bool(false),
  dropout: z.number().min(0).max(1).default(0).meta({ description: range }),
  bidirectional: bool(false),
};
const rnnTable = { ...sizes, nonlinearity: choice(['tanh', 'relu'], 'tanh'), ...rest };
const lstmTable = { ...sizes, ...rest, proj_size: int(0) };
const gruTable = { ...sizes, ...rest };

type Name = `weight_${string}` | `bias_${string}`;
/** The parameters of layer k: weight_ih_lk, weight_hh_lk, bias_ih_lk, bias_hh_lk; with `_reverse` those of the other direction. */
interface Parameters {
  readonly [name: Name]: Parameter;
}
interface Args {
  readonly input_size: number;
  readonly hidden_size: number;
  readonly num_layers: number;
  readonly bias: boolean;
  readonly batch_first: boolean;
  readonly dropout: number;
  readonly bidirectional: boolean;
  readonly proj_size?: number;
}
type Network = Module & { readonly args: Args } & Parameters;

const RnnBase = layer(rnnTable) as unknown as LayerBase<typeof rnnTable, Parameters>;
const LstmBase = layer(lstmTable) as unknown as LayerBase<typeof lstmTable, Parameters>;
const GruBase = layer(gruTable) as unknown as LayerBase<typeof gruTable, Parameters>;

/** What `make` makes for each layer and direction, from what the parameters' names end with and the layer's number. */
function perLayer<T>({ num_layers, bidirectional }: Args, make: (end: string, layer: number) => T): T[][] {
  return Array.from({ length: num_layers }, (_, k) =>
    (bidirectional ? ['', '_reverse'] : ['']).map((direction) => make(`l${k}${direction}`, k)),
  );
}

/** Give a network its parameters, uniform in ±1/√hidden_size. */
function addParameters(network: Network, gates: number): void {
  const { input_size, hidden_size, bias, bidirectional, proj_size = 0 } = network.args;
  const out = proj_size || hidden_size;
  const bound = 1 / Math.sqrt(hidden_size);
  const add = (name: Name, shape: readonly number[]) => {
    const parameter = Parameter.empty(shape);
    uniform_(parameter, { a: -bound, b: bound });
    (network as { [name: Name]: Parameter })[name] = parameter;
  };
  perLayer(network.args, (end, k) => {
    const rows = gates * hidden_size;
    add(`weight_ih_${end}`, [rows, k === 0 ? input_size : out * (bidirectional ? 2 : 1)]);
    add(`weight_hh_${end}`, [rows, out]);
    if (bias) add(`bias_ih_${end}`, [rows]);
    if (bias) add(`bias_hh_${end}`, [rows]);
    if (proj_size > 0) add(`weight_hr_${end}`, [proj_size, hidden_size]);
  });
}

function weightsOf(network: Network): Weights[][] {
  return perLayer(network.args, (end) => ({
    weight_ih: network[`weight_ih_${end}`]!,
    weight_hh: network[`weight_hh_${end}`]!,
    bias_ih: network[`bias_ih_${end}`] ?? null,
    bias_hh: network[`bias_hh_${end}`] ?? null,
    weight_hr: network[`weight_hr_${end}`] ?? null,
  }));
}

/** Run it over [L, N, input_size], as `batch_first` has it, or [L, input_size]; what PyTorch checks is checked. */
function run(who: string, kind: Kind, network: Network, x: Tensor, hx: readonly Tensor[] | null) {
  const { batch_first } = network.args;
  mode.trace?.guard(() => network.args.dropout);
  checkInput(who, network, x);
  const batched = x.ndim === 3;
  const sequence = batched ? x : x.unsqueeze(batch_first ? 0 : 1);
  if (hx) checkStates(who, network.args, hx, x, sequence.shape[batch_first ? 0 : 1]!);
  const states = batched ? hx : (hx?.map((s) => s.unsqueeze(1)) ?? null);
  const { dropout } = network.args;
  const options = { kind, layers: weightsOf(network), batch_first, dropout, training: network.training };
  const out = recurrent(sequence, states, options);
  if (batched) return out;
  return { y: out.y.squeeze(batch_first ? 0 : 1), states: out.states.map((s) => s.squeeze(1)) };
}

function checkInput(who: string, { args, weight_ih_l0: weight }: Network, x: Tensor): void {
  const { input_size, batch_first } = args;
  expectTensor(who, x);
  if (x.ndim !== 2 && x.ndim !== 3) {
    throw new ShapeError(`${who}: Expected input to be 2D or 3D, got ${x.ndim}D tensor instead`);
  }
  if (x.dtype !== weight!.dtype) {
    throw new ArgError(
      `${who}: RNN input dtype (${x.dtype}) does not match weight dtype (${weight!.dtype}). Convert input: input.to('${weight!.dtype}')`,
    );
  }
  if (x.shape.at(-1) !== input_size) {
    throw new ShapeError(
      `${who}: input.size(-1) must be equal to input_size. Expected ${input_size}, got ${x.shape.at(-1)}`,
    );
  }
  if (x.shape[x.ndim === 3 && batch_first ? 1 : 0] === 0) {
    throw new ShapeError(`${who}: Expected sequence length to be larger than 0 in RNN, got ${showShape(x.shape)}`);
  }
}

function checkStates(who: string, args: Args, hx: readonly Tensor[], x: Tensor, batch: number): void {
  const { hidden_size, num_layers, bidirectional, proj_size = 0 } = args;
  const all = num_layers * (bidirectional ? 2 : 1);
  hx.forEach((state, i) => {
    const name = hx.length === 1 ? 'hidden' : `hidden[${i}]`;
    expectTensor(`${who}: ${name}`, state);
    if (state.ndim !== x.ndim) {
      const kind = x.ndim === 3 ? 'batched 3-D' : 'unbatched 2-D';
      throw new ShapeError(
        `${who}: For ${kind} input, ${hx.length === 1 ? 'hx' : 'hx and cx'} should also be ${x.ndim}-D but got ${state.ndim}-D tensor`,
      );
    }
    const size = i === 0 && proj_size > 0 ? proj_size : hidden_size;
    const want = x.ndim === 3 ? [all, batch, size] : [all, size];
    if (!sameShape(state.shape, want)) {
      throw new ShapeError(`${who}: Expected ${name} size (${want.join(', ')}), got ${showShape(state.shape)}`);
    }
    if (state.dtype !== x.dtype) {
      throw new ArgError(`${who}: expected ${name} to have the input's dtype ${x.dtype}, got ${state.dtype}`);
    }
  });
}

/** The state to begin with; zeros by default. */
interface OwnState {
  readonly hx?: Tensor | null | undefined;
}
interface OwnStates {
  readonly hx?: readonly [h: Tensor, c: Tensor] | null | undefined;
}

/** What PyTorch prints: the sizes, and what is not as usual. */
function repr({ input_size, hidden_size, ...args }: Args): string {
  const { proj_size = 0, num_layers, bias, batch_first, dropout, bidirectional } = args;
  const shown = [`${input_size}`, `${hidden_size}`];
  if (proj_size !== 0) shown.push(`proj_size=${proj_size}`);
  if (num_layers !== 1) shown.push(`num_layers=${num_layers}`);
  if (!bias) shown.push(`bias=${python(bias)}`);
  if (batch_first) shown.push(`batch_first=${python(batch_first)}`);
  if (dropout !== 0) shown.push(`dropout=${pythonFloat(dropout)}`);
  if (bidirectional) shown.push(`bidirectional=${python(bidirectional)}`);
  return shown.join(', ');
}

/**
 * h' = tanh(W x + b + R h + c), or relu of it, over a sequence: x [L, N, input_size] ([N, L, input_size] with `batch_first`, or
 * [L, input_size]) to [output, h_n], output like x with hidden_size features, h_n [num_layers · directions, N, hidden_size].
 *
 * Unlike PyTorch, takes no PackedSequence. https://pytorch.org/docs/stable/generated/torch.nn.RNN.html
 */
export class RNN extends RnnBase {
  static readonly inputs = ['input', 'hx'];

  constructor(...given: ConstructorParameters<typeof RnnBase>) {
    super(...given);
    addParameters(this, 1);
  }

  override forward(x: Tensor, ...optional: Optional<OwnState, ['hx']>): [output: Tensor, h_n: Tensor] {
    const kind = this.args.nonlinearity === 'tanh' ? 'RNN_TANH' : 'RNN_RELU';
    const { hx } = optionalInputs<OwnState>(this, 1, optional);
    const { y, states } = run('RNN', kind, this, x, hx ? [hx] : null);
    return [y, states[0]!];
  }

  override extraRepr(): string {
    return repr(this.args);
  }
}

/**
 * i, f, o = σ(W x + b + R h + c), g = tanh(…); c' = f c + i g, h' = o tanh(c'), with `proj_size` a matrix times it; over a
 * sequence: x as for RNN to [output, [h_n, c_n]].
 *
 * Unlike PyTorch, takes no PackedSequence. https://pytorch.org/docs/stable/generated/torch.nn.LSTM.html
 */
export class LSTM extends LstmBase {
  static readonly inputs = ['input', 'hx'];

  constructor(...given: ConstructorParameters<typeof LstmBase>) {
    super(...given);
    const { proj_size, hidden_size } = this.args;
    if (proj_size >= hidden_size) {
      throw new ArgError(
        `LSTM.proj_size: proj_size has to be smaller than hidden_size, got ${proj_size} and ${hidden_size}`,
      );
    }
    addParameters(this, 4);
  }

  override forward(
    x: Tensor,
    ...optional: Optional<OwnStates, ['hx']>
  ): [output: Tensor, last: [h_n: Tensor, c_n: Tensor]] {
    const { hx = null } = optionalInputs<OwnStates>(this, 1, optional);
    if (hx && (!Array.isArray(hx) || hx.length !== 2)) {
      throw new ArgError('LSTM: expected hx to be a list of two tensors, h and c');
    }
    const { y, states } = run('LSTM', 'LSTM', this, x, hx);
    return [y, [states[0]!, states[1]!]];
  }

  override extraRepr(): string {
    return repr(this.args);
  }
}

/**
 * r, z = σ(W x + b + R h + c), n = tanh(W x + b + r (R h + c)); h' = (1 - z) n + z h, over a sequence: x as for RNN to
 * [output, h_n].
 *
 * Unlike PyTorch, takes no PackedSequence. https://pytorch.org/docs/stable/generated/torch.nn.GRU.html
 */
export class GRU extends GruBase {
  static readonly inputs = ['input', 'hx'];

  constructor(...given: ConstructorParameters<typeof GruBase>) {
    super(...given);
    addParameters(this, 3);
  }

  override forward(x: Tensor, ...optional: Optional<OwnState, ['hx']>): [output: Tensor, h_n: Tensor] {
    const { hx } = optionalInputs<OwnState>(this, 1, optional);
    const { y, states } = run('GRU', 'GRU', this, x, hx ? [hx] : null);
    return [y, states[0]!];
  }

  override extraRepr(): string {
    return repr(this.args);
  }
}
