/** What recurrent layers say of wrong options, inputs and states. */
import { nn, type Tensor, tensor, zeros } from 'torcharc';
import { expect, test } from 'vitest';
import { messages, wrong } from './messages.ts';

const sizes = { input_size: 3, hidden_size: 5 };
const [rnn, lstm, gru] = [new nn.RNN(sizes), new nn.LSTM(sizes), new nn.GRU(sizes)];
const int = (shape: number[]): Tensor => tensor(new BigInt64Array(shape.reduce((n, d) => n * d, 1)), { shape });

test('options', () => {
  expect(
    messages(
      () => new nn.LSTM(wrong({ input_size: 3 })),
      () => new nn.LSTM({ ...sizes, input_size: 0 }),
      () => new nn.GRU({ ...sizes, hidden_size: 0 }),
      () => new nn.GRU({ ...sizes, num_layers: 0 }),
      () => new nn.RNN({ ...sizes, dropout: 1.5 }),
      () => new nn.RNN(wrong({ ...sizes, dropout: true })),
      () => new nn.RNN(wrong({ ...sizes, nonlinearity: 'sigmoid' })),
      () => new nn.RNN(wrong({ ...sizes, proj_size: 2 })),
      () => new nn.LSTM({ ...sizes, proj_size: 5 }),
      () => new nn.LSTM({ ...sizes, proj_size: -1 }),
      () => new nn.LSTM(wrong({ ...sizes, bias: 1 })),
      () => new nn.RNNCell(wrong({ ...sizes, nonlinearity: 'sigmoid' })),
      () => new nn.GRUCell({ ...sizes, hidden_size: -1 }),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ArgError: LSTM.hidden_size: missing required argument (a positive integer)",
      "ArgError: LSTM.input_size: expected a positive integer, got 0",
      "ArgError: GRU.hidden_size: expected a positive integer, got 0",
      "ArgError: GRU.num_layers: expected an integer from 1 to 1000, got 0",
      "ArgError: RNN.dropout: expected a number in range [0, 1] representing the probability of an element being zeroed, got 1.5",
      "ArgError: RNN.dropout: expected a number in range [0, 1] representing the probability of an element being zeroed, got true",
      "ArgError: RNN.nonlinearity: expected one of 'tanh', 'relu', got 'sigmoid'",
      "ArgError: RNN.proj_size: unknown option; its options are input_size, hidden_size, num_layers, nonlinearity, bias, batch_first, dropout, bidirectional",
      "ArgError: LSTM.proj_size: proj_size has to be smaller than hidden_size, got 5 and 5",
      "ArgError: LSTM.proj_size: expected a non-negative integer, got -1",
      "ArgError: LSTM.bias: expected true or false, got 1",
      "ArgError: RNNCell.nonlinearity: expected one of 'tanh', 'relu', got 'sigmoid'",
      "ArgError: GRUCell.hidden_size: expected a non-negative integer, got -1",
    ]
  `);
});

test('inputs', () => {
  expect(
    messages(
      () => rnn.forward(zeros([3])),
      () => lstm.forward(zeros([1, 2, 3, 3])),
      () => lstm.forward(zeros([4, 2, 4])),
      () => lstm.forward(int([4, 2, 3])),
      () => gru.forward(zeros([4, 2, 3]).to('float64')),
      () => gru.forward(zeros([0, 2, 3])),
      () => new nn.GRU({ ...sizes, batch_first: true }).forward(zeros([2, 0, 3])),
      () => lstm.forward(wrong({ data: zeros([9, 3]), batch_sizes: [3, 3, 2, 1] })),
      () => lstm.forward(wrong([[1, 2, 3]])),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ShapeError: RNN: Expected input to be 2D or 3D, got 1D tensor instead",
      "ShapeError: LSTM: Expected input to be 2D or 3D, got 4D tensor instead",
      "ShapeError: LSTM: input.size(-1) must be equal to input_size. Expected 3, got 4",
      "ArgError: LSTM: RNN input dtype (int64) does not match weight dtype (float32). Convert input: input.to('float32')",
      "ArgError: GRU: RNN input dtype (float64) does not match weight dtype (float32). Convert input: input.to('float32')",
      "ShapeError: GRU: Expected sequence length to be larger than 0 in RNN, got [0, 2, 3]",
      "ShapeError: GRU: Expected sequence length to be larger than 0 in RNN, got [2, 0, 3]",
      "ArgError: LSTM: input: expected a tensor, got a value of type object; tensor(data) makes one of numbers",
      "ArgError: LSTM: input: expected a tensor, got an array; tensor(data) makes one of numbers",
    ]
  `);
});

test('states', () => {
  const x = zeros([4, 2, 3]);
  const h = zeros([1, 2, 5]);
  const two = new nn.LSTM({ ...sizes, num_layers: 2, bidirectional: true, proj_size: 2 });
  expect(
    messages(
      () => gru.forward(x, zeros([1, 3, 5])),
      () => rnn.forward(x, zeros([2, 5])),
      () => rnn.forward(x.select(1, 0), h),
      () => gru.forward(x, h.to('float64')),
      () => gru.forward(x, wrong([h])),
      () => lstm.forward(x, wrong(h)),
      () => lstm.forward(x, wrong([h])),
      () => lstm.forward(x, [zeros([1, 3, 5]), h]),
      () => lstm.forward(x, [h, zeros([2, 2, 5])]),
      () => lstm.forward(x, [zeros([2, 5]), zeros([2, 5])]),
      () => two.forward(x, [zeros([4, 2, 5]), zeros([4, 2, 5])]),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ShapeError: GRU: Expected hidden size (1, 2, 5), got [1, 3, 5]",
      "ShapeError: RNN: For batched 3-D input, hx should also be 3-D but got 2-D tensor",
      "ShapeError: RNN: For unbatched 2-D input, hx should also be 2-D but got 3-D tensor",
      "ArgError: GRU: expected hidden to have the input's dtype float32, got float64",
      "ArgError: GRU: hidden: expected a tensor, got an array; tensor(data) makes one of numbers",
      "ArgError: LSTM: expected hx to be a list of two tensors, h and c",
      "ArgError: LSTM: expected hx to be a list of two tensors, h and c",
      "ShapeError: LSTM: Expected hidden[0] size (1, 2, 5), got [1, 3, 5]",
      "ShapeError: LSTM: Expected hidden[1] size (1, 2, 5), got [2, 2, 5]",
      "ShapeError: LSTM: For batched 3-D input, hx and cx should also be 3-D but got 2-D tensor",
      "ShapeError: LSTM: Expected hidden[0] size (4, 2, 2), got [4, 2, 5]",
    ]
  `);
});

test('cells', () => {
  const [rnnCell, lstmCell, gruCell] = [new nn.RNNCell(sizes), new nn.LSTMCell(sizes), new nn.GRUCell(sizes)];
  const x = zeros([4, 3]);
  expect(
    messages(
      () => rnnCell.forward(zeros([4, 2, 3])),
      () => rnnCell.forward(zeros([4, 2])),
      () => rnnCell.forward(int([4, 3])),
      () => gruCell.forward(wrong([1, 2, 3])),
      () => rnnCell.forward(x, zeros([1, 1, 5])),
      () => rnnCell.forward(x, zeros([3, 5])),
      () => gruCell.forward(x, zeros([4, 6])),
      () => gruCell.forward(x, zeros([5])),
      () => gruCell.forward(zeros([3]), zeros([4, 5])),
      () => gruCell.forward(x, zeros([4, 5]).to('float64')),
      () => lstmCell.forward(x, wrong(zeros([4, 5]))),
      () => lstmCell.forward(x, [zeros([4, 5]), zeros([4, 6])]),
      () => lstmCell.forward(x, [zeros([4, 5]), zeros([3, 5])]),
      () => lstmCell.forward(x, [zeros([4, 1, 5]), zeros([4, 5])]),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ShapeError: RNNCell: Expected input to be 1D or 2D, got 3D instead",
      "ShapeError: RNNCell: input has inconsistent input_size: got 2 expected 3",
      "TorcharcError: linear: expected both tensors to have the same dtype, but got int64 and float32",
      "ArgError: GRUCell: input: expected a tensor, got an array; tensor(data) makes one of numbers",
      "ShapeError: RNNCell: Expected hidden to be 1D or 2D, got 3D instead",
      "ShapeError: RNNCell: Input batch size 4 doesn't match hidden0 batch size 3",
      "ShapeError: GRUCell: hidden0 has inconsistent hidden_size: got 6, expected 5",
      "ShapeError: GRUCell: Expected hidden to be 2D as the input is, got 1D instead",
      "ShapeError: GRUCell: Expected hidden to be 1D as the input is, got 2D instead",
      "ArgError: GRUCell: expected hidden to have the input's dtype float32, got float64",
      "ArgError: LSTMCell: expected hx to be a list of two tensors, h and c",
      "ShapeError: LSTMCell: hidden1 has inconsistent hidden_size: got 6, expected 5",
      "ShapeError: LSTMCell: Input batch size 4 doesn't match hidden1 batch size 3",
      "ShapeError: LSTMCell: Expected hx[0] to be 1D or 2D, got 3D instead",
    ]
  `);
});
