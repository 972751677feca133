/** What normalisations and embeddings refuse, in PyTorch's words where it has some; and what they do to state. */
import { compile, F, freeze, grad, nn, ones, optim, rand, type Tensor, tensor, zeros } from 'torcharc';
import { describe, expect, test } from 'vitest';
import { messages, wrong } from './messages.ts';

const int = (values: number[], shape = [values.length]) => tensor(BigInt64Array.from(values, BigInt), { shape });
const x = zeros([2, 4, 3]);

test('normalisation', () => {
  expect(
    messages(
      () => new nn.LayerNorm({ normalized_shape: 5 }).forward(x),
      () => new nn.LayerNorm({ normalized_shape: [4, 3, 2] }).forward(zeros([3, 2])),
      () => new nn.LayerNorm({ normalized_shape: [] }).forward(x),
      () => new nn.LayerNorm({ normalized_shape: wrong(-1) }),
      () => new nn.LayerNorm({ normalized_shape: 3 }).forward(int([1, 2, 3])),
      () => new nn.LayerNorm({ normalized_shape: 3 }).forward(zeros([3], { dtype: 'float64' })),
      () => F.layerNorm(x, 3, { weight: zeros([4]) }),
      () => F.layerNorm(wrong([1, 2]), 2),
      () => F.rmsNorm(x, [4]),
      () => F.rmsNorm(int([1]), 1),
      () => new nn.GroupNorm({ num_groups: 4, num_channels: 6 }),
      () => new nn.GroupNorm({ num_groups: 0, num_channels: 6 }),
      () => new nn.GroupNorm({ num_groups: 2, num_channels: 6 }).forward(x),
      () => F.groupNorm(x, 3),
      () => F.groupNorm(x, 0),
      () => F.groupNorm(zeros([4]), 2),
      () => F.groupNorm(zeros([1, 4]), 4),
      () => new nn.InstanceNorm1d({ num_features: 4 }).forward(zeros([4])),
      () => new nn.InstanceNorm2d({ num_features: 4 }).forward(zeros([2, 4])),
      () => new nn.InstanceNorm1d({ num_features: 5, affine: true }).forward(x),
      () => new nn.InstanceNorm1d({ num_features: 4 }).forward(zeros([2, 4, 1])),
      () => F.instanceNorm(x, { use_input_stats: false }),
      () => F.instanceNorm(x, { weight: zeros([3]) }),
      () => F.batchNorm(x, null, null),
      () => F.batchNorm(x, zeros([3]), zeros([4])),
      () => F.batchNorm(zeros([1, 4]), null, null, { training: true }),
      () => F.batchNorm(zeros([4]), null, null, { training: true }),
      () => F.batchNorm(int([1, 2], [2, 1]), null, null, { training: true }),
      () => new nn.BatchNorm1d({ num_features: 4 }).forward(zeros([2, 4], { dtype: 'float64' })),
      () => new nn.SyncBatchNorm({ num_features: 4 }).forward(zeros([4])),
      () => new nn.SyncBatchNorm({ num_features: 4 }).forward(zeros([1, 4])),
      () => new nn.LocalResponseNorm({ size: 2 }).forward(zeros([2, 4])),
      () => new nn.LocalResponseNorm({ size: 0 }),
      () => F.localResponseNorm(x, 0),
      () => new nn.CrossMapLRN2d({ size: 3 }).forward(x),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ShapeError: layer_norm: Given normalized_shape=[5], expected input with shape [*, 5], but got input of size[2, 4, 3]",
      "ShapeError: layer_norm: Given normalized_shape=[4, 3, 2], expected input with shape [*, 4, 3, 2], but got input of size[3, 2]",
      "ShapeError: layer_norm: Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got normalized_shape = []",
      "ArgError: LayerNorm.normalized_shape: expected a non-negative integer or a list of them, got -1",
      "ArgError: layer_norm: not implemented for int64; expected a floating point dtype",
      "ArgError: layer_norm: mixed dtype: all inputs must share same datatype, got float64 and a weight of float32",
      "ShapeError: layer_norm: Expected weight to be of same shape as normalized_shape, but got weight of shape [4] and normalized_shape = [3]",
      "ArgError: layer_norm: expected a tensor, got an array; tensor(data) makes one of numbers",
      "ShapeError: rms_norm: Given normalized_shape=[4], expected input with shape [*, 4], but got input of size[2, 4, 3]",
      "ArgError: rms_norm: not implemented for int64; expected a floating point dtype",
      "ArgError: GroupNorm: num_channels (6) must be divisible by num_groups (4)",
      "ArgError: GroupNorm.num_groups: expected a positive integer, got 0",
      "ShapeError: group_norm: Expected weight to be a vector of size equal to the number of channels in input, but got weight of shape [6] and input of shape [2, 4, 3]",
      "ShapeError: group_norm: Expected number of channels in input to be divisible by num_groups, but got input of shape [2, 4, 3] and num_groups=3",
      "ArgError: group_norm: Expected num groups to be greater than 0, got 0",
      "ShapeError: group_norm: Expected at least 2 dimensions for input tensor but received 1",
      "ShapeError: group_norm: Expected more than 1 value per channel when training, got input size [1, 4]",
      "ShapeError: InstanceNorm1d: expected 2D or 3D input (got 1D input)",
      "ShapeError: InstanceNorm2d: expected 3D or 4D input (got 2D input)",
      "ShapeError: InstanceNorm1d: expected input's size at dim=1 to match num_features (5), but got: 4, of [2, 4, 3]",
      "ShapeError: instance_norm: Expected more than 1 spatial element when training, got input size [2, 4, 1]",
      "ArgError: instance_norm: Expected running_mean and running_var to be defined when use_input_stats is false",
      "ShapeError: instance_norm: weight should contain 4 elements not 3, got shapes [2, 4, 3] and [3]",
      "ArgError: batch_norm: running_mean must be defined in evaluation mode",
      "ShapeError: batch_norm: running_mean should contain 4 elements not 3, got shapes [2, 4, 3] and [3]",
      "ShapeError: batch_norm: Expected more than 1 value per channel when training, got input size [1, 4]",
      "ShapeError: batch_norm: expected at least 2D input (got 1D input)",
      "ArgError: batch_norm: not implemented for int64; expected a floating point dtype",
      "ArgError: batch_norm: mixed dtype: all inputs must share same datatype, got float64 and a running_mean of float32",
      "ShapeError: SyncBatchNorm: expected at least 2D input (got 1D input)",
      "ShapeError: SyncBatchNorm: Expected more than 1 value per channel when training, got input size [1, 4]",
      "ShapeError: local_response_norm: Expected 3D or higher dimensionality input (got 2 dimensions)",
      "ArgError: LocalResponseNorm.size: expected a positive integer, got 0",
      "ArgError: local_response_norm: kernel size should be greater than zero, but got 0",
      "ShapeError: CrossMapLRN2d: Expected input to be 4D, got [2, 4, 3] instead.",
    ]
  `);
});

test('embedding', () => {
  const table = new nn.Embedding({ num_embeddings: 4, embedding_dim: 3 });
  const bag = new nn.EmbeddingBag({ num_embeddings: 4, embedding_dim: 3 });
  const line = int([1, 2, 3]);
  expect(
    messages(
      () => table.forward(tensor([1, 2])),
      () => table.forward(int([1, 4])),
      () => table.forward(int([-1, 1])),
      () => new nn.Embedding({ num_embeddings: 4, embedding_dim: 3, padding_idx: 4 }),
      () => new nn.Embedding({ num_embeddings: 4, embedding_dim: 3, padding_idx: -5 }),
      () => new nn.Embedding({ num_embeddings: 4, embedding_dim: 3, sparse: true }),
      () => nn.Embedding.fromPretrained(zeros([4])),
      () => new nn.Embedding({ num_embeddings: 4, embedding_dim: 3, _weight: zeros([3, 4]) }),
      () => F.embedding(line, zeros([4])),
      () => F.embedding(line, int([1, 2, 3, 4], [4, 1])),
      () => F.embedding(line, zeros([4, 3]), { padding_idx: 7 }),
      () => bag.forward(line),
      () => bag.forward(int([1, 2], [1, 2]), int([0])),
      () => bag.forward(int([1], [1, 1, 1])),
      () => bag.forward(line, int([0, 1], [1, 2])),
      () => bag.forward(line, zeros([1])),
      () => bag.forward(line, int([1, 2])),
      () => bag.forward(line, int([0, 2, 1])),
      () => bag.forward(line, int([0, 5])),
      () => bag.forward(int([1, 4], [1, 2])),
      () => bag.forward(zeros([1, 2])),
      () => bag.forward(line, int([0]), ones([3])),
      () => F.embeddingBag(line, zeros([4, 3]), { offsets: int([0]), mode: 'sum', per_sample_weights: ones([2]) }),
      () => F.embeddingBag(line, zeros([4, 3]), { offsets: int([0]), mode: wrong('min') }),
      () => F.embeddingBag(line, zeros([4, 3]), { offsets: int([0]), mode: 'max', scale_grad_by_freq: true }),
      () => F.embeddingBag(line, zeros([4, 3]), { offsets: int([]), include_last_offset: true }),
    ),
  ).toMatchInlineSnapshot(`
    [
      "ArgError: embedding: Expected tensor for argument 'indices' to have one of the following scalar types: int64, int32; but got float32 instead; tensor(data, { dtype: 'int64' }) makes one",
      "ArgError: embedding: index out of range in self: 4 is not in the valid range [0, 4)",
      "ArgError: embedding: index out of range in self: -1 is not in the valid range [0, 4)",
      "ArgError: Embedding: Padding_idx must be within num_embeddings, got 4 for 4",
      "ArgError: Embedding: Padding_idx must be within num_embeddings, got -5 for 4",
      "ArgError: Embedding: sparse gradients are not supported; leave sparse out, and the gradient is dense",
      "ArgError: Embedding: Embeddings parameter is expected to be 2-dimensional, got Tensor([4], float32)",
      "ShapeError: Embedding: Shape of weight does not match num_embeddings and embedding_dim: expected [4, 3], got [3, 4]",
      "ShapeError: embedding: 'weight' must be 2-D, got [4]",
      "ArgError: embedding: expected a weight of a floating point dtype, got int64",
      "ArgError: embedding: Padding_idx must be within num_embeddings, got 7 for 4",
      "ArgError: embedding_bag: offsets has to be a 1D Tensor but got None",
      "ArgError: embedding_bag: if input is 2D, then offsets has to be None, as input is treated as a mini-batch of fixed length sequences; got offsets of shape [1]",
      "ShapeError: embedding_bag: input has to be 1D or 2D Tensor, but got Tensor of dimension 3",
      "ShapeError: embedding_bag: offsets has to be a 1D Tensor, got [1, 2]",
      "ArgError: embedding_bag: Expected tensor for argument 'offsets' to have one of the following scalar types: int64, int32; but got float32 instead; tensor(data, { dtype: 'int64' }) makes one",
      "ArgError: embedding_bag: offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. However, got 1",
      "ArgError: embedding_bag: offsets have to grow, but offsets[2] is 1, after 2",
      "ArgError: embedding_bag: offsets[-1] can not be greater than input's length 3 but got offsets[1] of 5",
      "ArgError: embedding_bag: index out of range in self: 4 is not in the valid range [0, 4)",
      "ArgError: embedding_bag: Expected tensor for argument 'indices' to have one of the following scalar types: int64, int32; but got float32 instead; tensor(data, { dtype: 'int64' }) makes one",
      "ArgError: embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for mode='sum' (got mode='mean')",
      "ShapeError: embedding_bag: If per_sample_weights ([2]) is not None, then it must have the same shape as the input ([3])",
      "ArgError: embedding_bag: mode has to be one of sum, mean or max, got 'min'",
      "ArgError: embedding_bag: max mode does not support scaling the gradient by the frequency",
      "ArgError: embedding_bag: include_last_offset: number of offset should be at least 1",
    ]
  `);
});

test('an index out of range that is computed is an error of the run, also a negative one', async () => {
  const weight = rand([4, 3]);
  for (const index of [int([5]).sub(1), int([1]).sub(2)]) {
    await expect(F.embedding(index, weight).data()).rejects.toThrow('indices element out of data bounds');
  }
  const table = rand([4, 3], { requiresGrad: true });
  const gradient = compile((index: Tensor) => {
    table.grad = null;
    F.embedding(index, table).sum().backward();
    return table.grad!;
  });
  for (const dtype of ['int64', 'int32'] as const) {
    const step = gradient(tensor([0, -1], { dtype }));
    await expect(step).rejects.toThrow(/invalid indice/);
  }
});

describe('state', () => {
  test('fromPretrained holds a copy, frozen unless told otherwise', async () => {
    const weight = tensor([
      [1, 2.5],
      [3, 4],
    ]);
    const table = nn.Embedding.fromPretrained(weight, { padding_idx: -1 });
    expect([String(table), table.weight.requiresGrad]).toEqual(['Embedding(2, 2, padding_idx=1)', false]);
    expect(await table.forward(int([1, 0])).array()).toEqual([
      [3, 4],
      [1, 2.5],
    ]);
    const bag = nn.EmbeddingBag.fromPretrained(weight, { freeze: false, mode: 'sum', max_norm: 9, norm_type: 1 });
    expect([String(bag), bag.weight.requiresGrad]).toEqual([
      "EmbeddingBag(2, 2, max_norm=9.0, norm_type=1.0, mode='sum')",
      true,
    ]);
  });

  test('the padding row is zero, gets no gradient and stays as it is', async () => {
    const table = new nn.Embedding({ num_embeddings: 3, embedding_dim: 2, padding_idx: 1 });
    const optimizer = new optim.SGD(table.parameters(), { lr: 1 });
    table
      .forward(int([1, 0, 1]))
      .sum()
      .backward();
    expect(await table.weight.grad!.array()).toEqual([
      [1, 1],
      [0, 0],
      [0, 0],
    ]);
    await optimizer.step();
    expect(await table.weight.select(0, 1).array()).toEqual([0, 0]);
  });

  // python: torch.nn.Embedding(3, 2, max_norm=…, _weight=…)
  test.each([
    [
      2,
      [
        [0.6, 0.8],
        [6, 8],
        [0.3, 0.4],
      ],
    ],
    [
      1,
      [
        [3 / 7, 4 / 7],
        [6, 8],
        [0.3, 0.4],
      ],
    ],
    [
      Number.POSITIVE_INFINITY,
      [
        [0.75, 1],
        [6, 8],
        [0.3, 0.4],
      ],
    ],
  ])('max_norm shortens the rows looked up, in place, by the norm %s', async (norm_type, want) => {
    const table = nn.Embedding.fromPretrained(
      tensor([
        [3, 4],
        [6, 8],
        [0.3, 0.4],
      ]),
      { max_norm: 1, norm_type, freeze: false },
    );
    const { weight } = table;
    const y = table.forward(int([0, 2, 0]));
    expect(table.weight).toBe(weight);
    const close = (a: unknown, b: number[][]) =>
      (a as number[][]).flat().forEach((v, i) => {
        expect(v).toBeCloseTo(b.flat()[i]!, 6);
      });
    close(await weight.array(), want);
    close(await y.array(), [want[0]!, want[2]!, want[0]!]);
    // the gradient does not go through the shortening
    expect(await grad(y.sum(), weight)[0]!.array()).toEqual([
      [2, 2],
      [0, 0],
      [1, 1],
    ]);
  });

  test.each([1, 2, Number.POSITIVE_INFINITY])(
    'a frozen table shortens rows by the norm %s, not in place',
    async (norm_type) => {
      const rows = () =>
        tensor([
          [3, 4],
          [6, 8],
          [0.3, 0.4],
        ]);
      const index = int([0, 2, 0, 1]);
      const table = nn.Embedding.fromPretrained(rows(), { max_norm: 1, norm_type });
      const bag = nn.EmbeddingBag.fromPretrained(rows(), { max_norm: 1, norm_type, mode: 'max' });
      const frozen = [freeze(table).forward(index), freeze(bag).forward(index, int([0, 2]))];
      const shortened = await Promise.all(frozen.map((t) => t.data()));
      expect(await table.weight.array()).toEqual(await rows().array());
      const want = [table.forward(index), bag.forward(index, int([0, 2]))];
      for (const [i, t] of want.entries()) {
        for (const [k, v] of [...(await t.data())].entries()) expect(shortened[i]![k]).toBeCloseTo(Number(v), 6);
      }
    },
  );

  test('max_norm needs indices that are there', async () => {
    const table = new nn.Embedding({ num_embeddings: 3, embedding_dim: 2, max_norm: 1 });
    expect(messages(() => table.forward(int([0]).add(1)))).toMatchInlineSnapshot(`
      [
        "TorcharcError: embedding: max_norm: the tensor's value is still pending; await realize(tensor) first",
      ]
    `);
    const step = compile((i: Tensor) => table.forward(i));
    await expect((async () => step(int([0])))()).rejects.toThrow(
      'max_norm is not supported inside a function being compiled',
    );
  });

  test('offsets and indices may be arguments of a compiled function', async () => {
    const bag = nn.EmbeddingBag.fromPretrained(tensor([[1], [2], [4]]), { mode: 'sum' });
    const step = compile((i: Tensor, offsets: Tensor) => bag.forward(i, { offsets }));
    const run = async (i: number[], o: number[]) => (await step(int(i), int(o))).array();
    expect(await run([0, 1, 2], [0, 1])).toEqual([[1], [6]]);
    expect(await run([2, 2, 1], [0, 3])).toEqual([[10], [0]]);
    await expect(run([2, 2, 1], [1, 2])).rejects.toThrow();
  });

  // python: m = nn.InstanceNorm1d(1, momentum=0.5, track_running_stats=True); m(torch.tensor([[[0., 2.]], [[4., 8.]]]))
  test('instance norm moves its statistics toward the average of the samples', async () => {
    const m = new nn.InstanceNorm1d({ num_features: 1, momentum: 0.5, track_running_stats: true });
    await m.forward(tensor([[[0, 2]], [[4, 8]]])).data();
    expect(await Promise.all([...m.stateDict().values()].map((t) => t.array()))).toEqual([[1.75], [3], 0]);
  });

  test('a batch norm without statistics takes the batch also in evaluation, of any number of channels', async () => {
    const m = new nn.BatchNorm1d({ num_features: 3, affine: false, track_running_stats: false }).eval();
    expect(
      await m
        .forward(tensor([[0], [2]]))
        .round()
        .array(),
    ).toEqual([[-1], [1]]);
    const f = F.batchNorm(tensor([[0], [2]]), tensor([0]), tensor([4]), { eps: 0 });
    expect(await f.array()).toEqual([[0], [1]]);
  });

  test('batchNorm moves the tensors it is given', async () => {
    const [mean, variance] = [zeros([1]).add(0), ones([1]).add(0)];
    await F.batchNorm(tensor([[0], [2]]), mean, variance, { training: true, momentum: 0.5 }).data();
    expect([await mean.item(), await variance.item()]).toEqual([0.5, 1.5]);
  });
});
