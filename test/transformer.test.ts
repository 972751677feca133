/** Attention and transformers beyond the fixtures: copies, masks, dropout, compiling, freezing, learning. */
import {
  build,
  cat,
  compile,
  F,
  freeze,
  full,
  grad,
  Module,
  manualSeed,
  nn,
  optim,
  rand,
  randint,
  realize,
  type Tensor,
  TorcharcError,
  tensor,
  zeros,
} from 'torcharc';
import { describe, expect, test } from 'vitest';

const sizes = { d_model: 4, nhead: 2, dim_feedforward: 6, dropout: 0 };
const attention = (options = {}) => new nn.MultiheadAttention({ embed_dim: 4, num_heads: 2, ...options });
const numbers = async (t: Tensor) => Array.from((await t.data()) as Float32Array);
const close = async (a: Tensor, b: Tensor) => {
  expect(a.shape).toEqual(b.shape);
  const [x, y] = [await numbers(a), await numbers(b)];
  for (const [i, v] of x.entries()) expect(Math.abs(v - y[i]!)).toBeLessThan(1e-5);
};
const known = async (...shape: number[]) => {
  const x = rand(shape);
  await realize(x);
  return x;
};

describe('TransformerEncoder copies the layer it is given', () => {
  const state = async (module: Module) => Promise.all([...module.stateDict().values()].map((t) => t.array()));

  test('with equal, independent weights, and leaves the generator alone', async () => {
    manualSeed(1);
    const layer = new nn.TransformerEncoderLayer(sizes);
    const next = await rand([1]).item();
    manualSeed(1);
    const again = new nn.TransformerEncoderLayer(sizes);
    const encoder = new nn.TransformerEncoder({ encoder_layer: again, num_layers: 2 });
    expect(await rand([1]).item()).toBe(next);
    const [a, b] = encoder.layers.values() as [nn.TransformerEncoderLayer, nn.TransformerEncoderLayer];
    expect(await state(a)).toEqual(await state(layer));
    expect(await state(b)).toEqual(await state(layer));
    nn.init.zeros_(a.linear1.weight);
    a.dropout1.args.p = 0.5;
    expect(await state(b)).toEqual(await state(again));
    expect([b.dropout1.args.p, again.dropout1.args.p]).toEqual([0, 0]);
    expect(encoder.parameters()).toHaveLength(2 * layer.parameters().length);
  });

  test('with its modes and flags', () => {
    const layer = new nn.TransformerEncoderLayer(sizes);
    layer.linear1.weight.requiresGrad = false;
    layer.eval().dropout1.train();
    const [copy] = new nn.TransformerEncoder({ encoder_layer: layer, num_layers: 1 }).layers.values();
    const modes = (module: Module) => module.modules().map((m) => m.training);
    const flags = (module: Module) => module.parameters().map((p) => p.requiresGrad);
    expect(modes(copy!)).toEqual(modes(layer));
    expect(flags(copy!)).toEqual(flags(layer));
  });

  /** Weights held twice, a buffer, containers. */
  class Odd extends Module {
    readonly first = new nn.Linear({ in_features: 4, out_features: 4 });
    readonly second = this.first;
    readonly scale = new nn.Buffer(tensor([2]));
    readonly inner = new nn.Sequential({ act: new nn.Tanh(), list: new nn.Sequential([new nn.Identity()]) });
    readonly list = new nn.ModuleList([new nn.ReLU(), this.first]);
    readonly dict = new nn.ParameterDict({ b: tensor([1]), a: tensor([3]) });
    override forward(x: Tensor): Tensor {
      return this.inner.forward(this.second.forward(x)).mul(this.scale);
    }
  }

  test('whatever it is, if its state is in fields', async () => {
    const odd = new Odd();
    const encoder = new nn.TransformerEncoder({ encoder_layer: odd, num_layers: 2 });
    const [a, b] = encoder.layers.values() as [Odd, Odd];
    expect(a.second).toBe(a.first);
    expect(a.list.get(1)).toBe(a.first);
    expect(a.first).not.toBe(b.first);
    expect(String(a)).toBe(String(odd));
    expect([...a.stateDict().keys()]).toEqual([...odd.stateDict().keys()]);
    expect(await state(a)).toEqual(await state(odd));
    const x = await known(3, 4);
    await close(encoder.forward(x), odd.forward(odd.forward(x)));
  });

  test('or says that it cannot', () => {
    class Hidden extends Module {
      readonly #inner = new nn.Identity();
      override *entries(): Iterable<[string, unknown]> {
        yield ['inner', this.#inner];
      }
      override forward(x: Tensor): Tensor {
        return x;
      }
    }
    const make = () => new nn.TransformerEncoder({ encoder_layer: new Hidden(), num_layers: 1 });
    expect(make).toThrow(TorcharcError);
    expect(make).toThrow('Hidden: expected its state in fields, to be copied');
  });
});

describe('masks', () => {
  test('generateSquareSubsequentMask', async () => {
    const mask = nn.Transformer.generateSquareSubsequentMask(3);
    const inf = -Infinity;
    expect(await mask.array()).toEqual([
      [0, inf, inf],
      [0, 0, inf],
      [0, 0, 0],
    ]);
    expect(nn.Transformer.generateSquareSubsequentMask(0, { dtype: 'float64' }).shape).toEqual([0, 0]);
  });

  test('the causal hint stands for the mask', async () => {
    const [mha, x] = [attention(), await known(5, 3, 4)];
    const attn_mask = nn.Transformer.generateSquareSubsequentMask(5);
    const [masked] = mha.forward(x, x, x, { attn_mask, need_weights: false });
    const [hinted] = mha.forward(x, x, x, { attn_mask, need_weights: false, is_causal: true });
    const [shown] = mha.forward(x, x, x, { attn_mask, is_causal: true });
    await close(hinted, masked);
    await close(shown, masked);
  });

  test('booleans are -Infinity', async () => {
    const [mha, x] = [attention(), await known(3, 2, 4)];
    const [b, f] = [tensor([[true, false, false]]), tensor([[-Infinity, 0, 0]])];
    const of = (t: Tensor) => t.expand([2, 3]);
    await close(
      mha.forward(x, x, x, { key_padding_mask: of(b) })[0],
      mha.forward(x, x, x, { key_padding_mask: of(f) })[0],
    );
  });

  test('who may attend to nothing gets zeros before the last projection, without weights', async () => {
    const [mha, x] = [attention({ batch_first: true }), await known(2, 3, 4)];
    nn.init.ones_(mha.out_proj.bias!);
    const key_padding_mask = tensor([
      [true, true, true],
      [false, false, true],
    ]);
    const [y, none] = mha.forward(x, x, x, { key_padding_mask, need_weights: false });
    expect(none).toBe(null);
    expect((await numbers(y)).slice(0, 12)).toEqual(new Array(12).fill(1));
    y.square().sum().backward();
    for (const p of mha.parameters()) expect((await numbers(p.grad!)).every(Number.isFinite)).toBe(true);
    const [nan] = mha.forward(x, x, x, { key_padding_mask });
    expect((await numbers(nan)).slice(0, 12).every(Number.isNaN)).toBe(true);
  });

  test('a mask of numbers has a gradient', async () => {
    const [mha, x] = [attention(), await known(3, 2, 4)];
    const attn_mask = tensor(new Float32Array(9), { shape: [3, 3], requiresGrad: true });
    const loss = mha.forward(x, x, x, { attn_mask, need_weights: false })[0].square().sum();
    const [slope] = grad(loss, attn_mask);
    const sums = await numbers(slope!.sum({ dim: 1 }));
    // adding one number to all scores of a query changes nothing
    for (const sum of sums) expect(Math.abs(sum)).toBeLessThan(1e-6);
    expect((await numbers(slope!)).some((v) => Math.abs(v) > 1e-6)).toBe(true);
  });
});

describe('MultiheadAttention', () => {
  test('one tensor three times is as three equal tensors, values and gradients', async () => {
    const mha = attention({ batch_first: true });
    const data = await (await known(2, 3, 4)).data();
    const leaf = () => tensor(data, { shape: [2, 3, 4], requiresGrad: true });
    const [x, q, k, v, kv] = [leaf(), leaf(), leaf(), leaf(), leaf()];
    const run = (...inputs: [Tensor, Tensor, Tensor]) => {
      mha.zeroGrad();
      const [y] = mha.forward(...inputs);
      y.square().mean().backward();
      return [y, ...mha.parameters().map((p) => p.grad!)];
    };
    const together = run(x, x, x);
    for (const [i, t] of run(q, k, v).entries()) await close(t, together[i]!);
    for (const [i, t] of run(tensor(data, { shape: [2, 3, 4] }), kv, kv).entries()) await close(t, together[i]!);
    await close(q.grad!.add(k.grad!).add(v.grad!), x.grad!);
    await close(k.grad!.add(v.grad!), kv.grad!);
  });

  test('drops weights in training only, and shows what is left', async () => {
    const mha = attention({ dropout: 0.5 });
    const x = await known(8, 2, 4);
    manualSeed(0);
    const [, weights] = mha.forward(x, x, x, { average_attn_weights: false });
    const values = await numbers(weights!);
    const zerosIn = values.filter((v) => v === 0).length;
    // five standard deviations of a binomial of 256
    expect(Math.abs(zerosIn - 128)).toBeLessThan(40);
    const [, all] = mha.eval().forward(x, x, x, { average_attn_weights: false });
    for (const [i, v] of (await numbers(all!)).entries())
      if (values[i] !== 0) expect(Math.abs(values[i]! - 2 * v)).toBeLessThan(1e-6);
  });

  test('keys and values given as they are', async () => {
    const x = await known(3, 2, 4);
    const { in_proj_weight, in_proj_bias, out_proj } = attention();
    const options = {
      embed_dim_to_check: 4,
      num_heads: 2,
      in_proj_weight,
      in_proj_bias,
      out_proj_weight: out_proj.weight,
      out_proj_bias: out_proj.bias,
    };
    const [, k, v] = F.linear(x, in_proj_weight!, in_proj_bias).split(4, { dim: 2 });
    const heads = (t: Tensor) => t.reshape([3, 4, 2]).transpose(0, 1);
    const [y, weights] = F.multiHeadAttentionForward(x, x, x, options);
    const other = { ...options, static_k: heads(k!), static_v: heads(v!) };
    const [again, shown] = F.multiHeadAttentionForward(x, zeros([3, 2, 4]), zeros([3, 2, 4]), other);
    await close(again, y);
    await close(shown!, weights!);
  });
});

describe('layers', () => {
  test('an activation may be a function or a module, which is a child', async () => {
    const [prelu, x] = [new nn.PReLU(), await known(3, 2, 4)];
    const layer = new nn.TransformerEncoderLayer({ ...sizes, activation: prelu });
    expect([...layer.stateDict().keys()].at(-1)).toBe('activation.weight');
    expect(String(layer)).toContain(
      '(dropout2): Dropout(p=0.0, inplace=False)\n  (activation): PReLU(num_parameters=1)',
    );
    const like = new nn.TransformerEncoderLayer({
      ...sizes,
      activation: (t) => F.leakyRelu(t, { negative_slope: 0.25 }),
    });
    like.loadStateDict(layer.stateDict(), { strict: false });
    await close(layer.forward(x), like.forward(x));
  });

  test('a Transformer takes an encoder and a decoder of others', async () => {
    class Doubling extends Module {
      override forward(src: Tensor, options: { mask?: Tensor } = {}): Tensor {
        return options.mask ? src.mul(2).add(options.mask.sum()) : src.mul(2);
      }
    }
    class Adding extends Module {
      override forward(tgt: Tensor, memory: Tensor): Tensor {
        return tgt.add(memory);
      }
    }
    const model = new nn.Transformer({ d_model: 4, custom_encoder: new Doubling(), custom_decoder: new Adding() });
    const x = await known(3, 2, 4);
    await close(model.forward(x, x, { src_mask: zeros([1]) }), x.mul(3));
  });

  test('sequence first or batch first are the same', async () => {
    const options = { ...sizes, num_encoder_layers: 1, num_decoder_layers: 1 };
    const first = new nn.Transformer({ ...options, batch_first: true });
    const last = new nn.Transformer(options);
    last.loadStateDict(first.stateDict());
    const [src, tgt] = [await known(2, 5, 4), await known(2, 3, 4)];
    const turn = (t: Tensor) => t.transpose(0, 1);
    await close(first.forward(src, tgt), turn(last.forward(turn(src), turn(tgt))));
    await close(first.forward(src, tgt).select(0, 1), last.forward(src.select(0, 1), tgt.select(0, 1)));
  });

  test('can be named in arcs, frozen and compiled', async () => {
    const model = build({ type: 'TransformerEncoderLayer', ...sizes, dropout: 0.5 });
    const x = await known(3, 2, 4);
    model.eval();
    await close(freeze(model).forward(x) as Tensor, model.forward(x as never) as Tensor);
    model.train();
    const step = compile((input: Tensor) => model.forward(input as never) as Tensor);
    await (await step(x)).data();
    const after = async (run: () => Promise<Tensor>) => {
      manualSeed(4);
      return numbers(await run());
    };
    expect(await after(() => step(x))).toEqual(await after(async () => model.forward(x as never) as Tensor));
  });
});

test('a Transformer learns to reverse a sequence', async () => {
  manualSeed(0);
  const [vocabulary, length, width] = [5, 6, 24];
  class Reverser extends Module {
    readonly tokens = new nn.Linear({ in_features: vocabulary + 1, out_features: width });
    readonly places = new nn.Parameter(rand([length, width]));
    readonly body = new nn.Transformer({
      d_model: width,
      nhead: 4,
      num_encoder_layers: 1,
      num_decoder_layers: 1,
      dim_feedforward: 48,
      dropout: 0,
      batch_first: true,
    });
    readonly out = new nn.Linear({ in_features: width, out_features: vocabulary });
    private embed(ids: Tensor): Tensor {
      return this.tokens.forward(F.oneHot(ids, vocabulary + 1).to('float32')).add(this.places);
    }
    override forward(src: Tensor, tgt: Tensor): Tensor {
      const tgt_mask = nn.Transformer.generateSquareSubsequentMask(length);
      return this.out.forward(this.body.forward(this.embed(src), this.embed(tgt), { tgt_mask, tgt_is_causal: true }));
    }
  }
  const model = new Reverser();
  const optimizer = new optim.Adam(model.parameters(), { lr: 5e-3 });
  /** What the decoder sees: a start token, then all but the last. */
  const behind = (ids: Tensor) =>
    cat([full([ids.shape[0]!, 1], vocabulary, { dtype: 'int64' }), ids.slice({ dim: 1, end: length - 1 })], { dim: 1 });
  const step = compile(() => {
    const src = randint(0, vocabulary, [32, length]);
    const reversed = src.flip(1);
    optimizer.zeroGrad();
    const logits = model.forward(src, behind(reversed));
    const loss = F.crossEntropy(logits.reshape([-1, vocabulary]), reversed.reshape([-1]));
    loss.backward();
    void optimizer.step();
    return loss;
  });
  for (let i = 0; i < 100; i++) await (await step()).item();

  // from its own tokens: after k rounds the first k are final
  const src = randint(0, vocabulary, [64, length]);
  const next = compile((ids: Tensor) => model.forward(src, behind(ids)).argmax({ dim: 2 }));
  let written: Tensor = zeros([64, length], { dtype: 'int64' });
  for (let i = 0; i < length; i++) written = await next(written);
  const right = await written.eq(src.flip(1)).to('float32').mean().item();
  expect(right).toBeGreaterThan(0.99);
});

// ONNX Runtime's FusedMatMul divides by the first dimension
test('sequences and batches of none', async () => {
  for (const shape of [
    [0, 3, 4],
    [3, 0, 4],
    [0, 4],
  ]) {
    const x = zeros(shape, { requiresGrad: true });
    const y = new nn.TransformerEncoderLayer(sizes).forward(x);
    y.sum().backward();
    expect([await numbers(y), await numbers(x.grad!)]).toEqual([[], []]);
    expect([y.shape, x.grad!.shape]).toEqual([shape, shape]);
  }
  const layer = attention();
  const [query, none] = [rand([2, 3, 4], { requiresGrad: true }), zeros([0, 3, 4])];
  const [context] = layer.forward(query, none, none);
  context.sum().backward();
  // without keys nothing but the last projection's bias is left
  expect(await numbers(context)).toEqual(new Array<number>(24).fill(0));
  expect(await numbers(query.grad!)).toEqual(new Array<number>(24).fill(0));
});
