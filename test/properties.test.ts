/**
 * Convolution and pooling at random sizes, against plain numbers: values, and gradients as the transpose of what the function does to
 * a small change, <J v, g> = <v, Jᵀ g>. What cannot work must fail with an error of ours, before ONNX Runtime sees it.
 */
import * as fc from 'fast-check';
import {
  F,
  freeze,
  grad,
  manualSeed,
  nn,
  rand,
  realize,
  SessionError,
  type Tensor,
  TorcharcError,
  tensor,
} from 'torcharc';
import { describe, expect, test } from 'vitest';
import { at, type Nd, nd, numbers, size } from './ops/check.ts';
import {
  biased,
  type ConvForm,
  convCounts,
  convolved,
  largest,
  mean,
  placeOfLargest,
  pooled,
  shared,
  transposed,
  type Windows,
  windowCounts,
} from './spatial.ts';

const settings = { seed: 20261123, numRuns: 60 };
type Rank = 1 | 2 | 3;
const ranks = fc.constantFrom<Rank>(1, 2, 3);
const upTo = (most: number, least = 1) => fc.integer({ min: least, max: most });
const each = (rank: number, one: fc.Arbitrary<number>) => fc.array(one, { minLength: rank, maxLength: rank });

/** Arrays that a seed decides; whole numbers, so that equal ones come up. */
function arrays(seed: number) {
  const random = numbers(seed);
  return (shape: readonly number[], values: readonly number[] = [-3, -2, -1, 0, 1, 2, 3]): Nd => ({
    shape,
    data: Array.from({ length: size(shape) }, () => values[Math.floor(random() * values.length)]!),
  });
}
const make = ({ shape, data }: Nd, requiresGrad = false) => tensor(Float32Array.from(data), { shape, requiresGrad });
const dot = (a: Nd, b: Nd) => a.data.reduce((s, v, i) => s + v * b.data[i]!, 0);
const plain = async (t: Tensor): Promise<Nd> => ({
  shape: t.shape,
  data: Array.from((await t.data()) as ArrayLike<number | bigint>, Number),
});

function expectNear(got: number, want: number, scale: number, what: string): void {
  if (Object.is(got, want) || got === want || Math.abs(got - want) <= 1e-4 * Math.max(1, scale)) return;
  expect.fail(`${what}: got ${got}, expected ${want}`);
}
async function expectSame(t: Tensor, want: Nd, what: string): Promise<void> {
  const got = await plain(t);
  expect(got.shape, what).toEqual(want.shape);
  const scale = want.data.reduce((m, v) => (Number.isFinite(v) ? Math.max(m, Math.abs(v)) : m), 0);
  for (const [i, v] of got.data.entries()) expectNear(v, want.data[i]!, scale, `${what}, element ${i}`);
}

/** Our own error, not ONNX Runtime's, or none if `works`. */
async function expectRefusal(run: () => Tensor, what: string): Promise<void> {
  try {
    const y = run();
    await realize(y);
    expect.fail(`${what}: returned ${y}`);
  } catch (error) {
    if (!(error instanceof TorcharcError) || error instanceof SessionError) throw error;
  }
}

/**
 * f of `inputs` is `want`; and for each input i, `changes[i]` is what f does to a small change `by[i]` of it, so that its dot product with
 * any g is that of the change with our gradient.
 */
async function expectAdjoint(
  f: (...xs: Tensor[]) => Tensor,
  inputs: readonly Nd[],
  want: Nd,
  by: readonly Nd[],
  changes: readonly Nd[],
  g: Nd,
): Promise<void> {
  const xs = inputs.map((x) => make(x, true));
  const y = f(...xs);
  expect(y.shape).toEqual(want.shape);
  const gradients = grad(y, xs.slice(0, by.length), { grad_outputs: make(g) }) as Tensor[];
  await realize(y, ...gradients);
  await expectSame(y, want, 'value');
  for (const [i, gradient] of gradients.entries()) {
    const found = await plain(gradient);
    const terms = changes[i]!.data.reduce((s, v, k) => s + Math.abs(v * g.data[k]!), 0);
    expectNear(dot(found, by[i]!), dot(changes[i]!, g), terms, `gradient of input ${i}`);
  }
}

const convolutions = [F.conv1d, F.conv2d, F.conv3d];
const transposedConvolutions = [F.convTranspose1d, F.convTranspose2d, F.convTranspose3d];
const convForms = ranks.chain((rank) =>
  fc.record({
    rank: fc.constant(rank),
    n: upTo(2),
    groups: upTo(3),
    ins: upTo(3),
    outs: upTo(2),
    spatial: each(rank, upTo(rank === 3 ? 4 : 7)),
    kernel: each(rank, upTo(3)),
    stride: each(rank, upTo(3)),
    padding: each(rank, upTo(2, 0)),
    dilation: each(rank, upTo(3)),
    extra: each(rank, upTo(2, 0)),
    seed: fc.nat(),
  }),
);

test('conv1d, conv2d, conv3d', async () => {
  await fc.assert(
    fc.asyncProperty(convForms, async ({ rank, n, groups, ins, outs, spatial, kernel, seed, ...rest }) => {
      const { stride, padding, dilation } = rest;
      const attrs = { stride, padding, dilation, groups };
      const form: ConvForm = { x: [n, ins * groups, ...spatial], w: [outs * groups, ins, ...kernel], ...attrs };
      const array = arrays(seed);
      const [x, w, bias, v, u] = [form.x, form.w, [outs * groups], form.x, form.w].map((s) => array(s)) as Nd[];
      const f = (a: Tensor, b: Tensor, c?: Tensor) => convolutions[rank - 1]!(a, b, { ...attrs, bias: c ?? null });
      if (convCounts(form).some((d) => d < 1)) {
        await expectRefusal(() => f(make(x!), make(w!)), 'a kernel larger than the input');
        return;
      }
      const want = convolved(attrs, x!, w!, bias!);
      const channels = array([outs * groups]);
      const changes = [convolved(attrs, v!, w!), convolved(attrs, x!, u!), biased(zeros(want), channels)];
      await expectAdjoint(f as never, [x!, w!, bias!], want, [v!, u!, channels], changes, array(want.shape));
    }),
    settings,
  );
});
const zeros = ({ shape }: Nd): Nd => nd(shape, () => 0);

test('convTranspose1d, convTranspose2d, convTranspose3d', async () => {
  await fc.assert(
    fc.asyncProperty(convForms, async ({ rank, n, groups, ins, outs, spatial, kernel, seed, extra, ...rest }) => {
      const { stride, padding, dilation } = rest;
      const attrs = { stride, padding, dilation, groups };
      const out = spatial.map(
        (d, i) => (d - 1) * stride[i]! - 2 * padding[i]! + dilation[i]! * (kernel[i]! - 1) + extra[i]! + 1,
      );
      const [xs, ws] = [
        [n, ins * groups, ...spatial],
        [ins * groups, outs, ...kernel],
      ];
      const array = arrays(seed);
      const [x, w, bias, v, u] = [xs!, ws!, [outs * groups], xs!, ws!].map((s) => array(s)) as Nd[];
      const f = (a: Tensor, b: Tensor, c?: Tensor) =>
        transposedConvolutions[rank - 1]!(a, b, { ...attrs, output_padding: extra, bias: c ?? null });
      const fits = extra.every((e, i) => e < stride[i]! || e < dilation[i]!);
      if (!fits || out.some((d) => d < 1)) {
        await expectRefusal(() => f(make(x!), make(w!)), 'an output of this size');
        return;
      }
      const want = transposed(attrs, out, x!, w!, bias!);
      const channels = array([outs * groups]);
      const changes = [transposed(attrs, out, v!, w!), transposed(attrs, out, x!, u!), biased(zeros(want), channels)];
      await expectAdjoint(f as never, [x!, w!, bias!], want, [v!, u!, channels], changes, array(want.shape));
    }),
    settings,
  );
});

/** Sizes at which graphs are written in other ways than at small ones. */
describe('large convolutions and their gradients are adjoint', () => {
  const forms: [rank: Rank, x: number[], w: number[], options: object][] = [
    [1, [2, 32, 8192], [3, 32, 3], { padding: 1 }],
    [1, [1, 16, 20000], [2, 16, 4], { padding: 3, dilation: 2 }],
    [1, [1, 32, 9000], [32, 1, 3], { groups: 32 }],
    [2, [1, 32, 100, 90], [32, 1, 3, 3], { groups: 32, padding: 1 }],
    [2, [1, 16, 130, 130], [2, 16, 1, 1], {}],
    [2, [2, 32, 70, 64], [64, 8, 3, 2], { groups: 4, padding: 1, dilation: [1, 2] }],
    [3, [1, 8, 12, 56, 56], [3, 8, 2, 3, 2], { dilation: 2, padding: [0, 1, 2] }],
    [3, [1, 16, 8, 48, 48], [2, 16, 2, 3, 3], { padding: [0, 1, 1] }],
    [3, [1, 2, 6, 40, 40], [16, 2, 3, 3, 3], { stride: 2, padding: 1 }],
  ];
  for (const [rank, xs, ws, options] of forms) {
    const [conv, back] = [convolutions[rank - 1]!, transposedConvolutions[rank - 1]!];
    test(JSON.stringify([xs, ws, options]), async () => {
      manualSeed(0);
      const uniform = (shape: readonly number[]) => rand(shape).sub(0.5);
      const [x, w, v, u] = [xs, ws, xs, ws].map(uniform) as [Tensor, Tensor, Tensor, Tensor];
      const g = uniform(conv(x, w, options).shape);
      await realize(x, w, v, u, g);
      const inner = (a: Tensor, b: Tensor) => a.to('float64').mul(b.to('float64')).sum();
      const [px, pw] = [new nn.Parameter(x), new nn.Parameter(w)];
      const [dx, dw] = grad(conv(px, pw, options), [px, pw], { grad_outputs: g }) as [Tensor, Tensor];
      const pairs = [
        [inner(dx, v), inner(conv(v, w, options), g)],
        [inner(dw, u), inner(conv(x, u, options), g)],
      ];
      // the transposed convolution is the same map as the gradient, on the places it reaches
      const y = back(g, w, options);
      const least = y.shape.map((n, i) => Math.min(n, xs[i]!));
      const cut = (t: Tensor) => least.reduce((s, n, i) => s.narrow(i, 0, n), t);
      pairs.push([inner(cut(y), cut(v)), inner(cut(dx), cut(v))]);
      await realize(...pairs.flat());
      for (const [a, b] of pairs) {
        const [p, q] = [await a!.item(), await b!.item()];
        // sums of some 10⁶ products of float32
        expect(Math.abs(p - q)).toBeLessThan(1e-3 * Math.max(1, Math.abs(q)));
      }
    });
  }
});

const windowForms = ranks.chain((rank) =>
  fc.record({
    rank: fc.constant(rank),
    x: fc.tuple(upTo(2), upTo(2), ...Array.from({ length: rank }, () => upTo(rank === 3 ? 5 : 9))),
    kernel: each(rank, upTo(4)),
    stride: each(rank, upTo(4)),
    padding: each(rank, upTo(2, 0)),
    dilation: each(rank, upTo(3)),
    ceil_mode: fc.boolean(),
    count_include_pad: fc.boolean(),
    divisor_override: fc.option(fc.constantFrom(1, 3, -2)),
    seed: fc.nat(),
  }),
);
const options = ({ kernel, stride, padding, dilation, ceil_mode }: Windows) => {
  return { kernel_size: kernel, stride: stride!, padding: padding!, dilation: dilation!, ceil_mode: ceil_mode! };
};
const wrongWindows = (f: Windows) =>
  windowCounts(f).some((n) => n < 1) || f.padding!.some((p, i) => 2 * p > f.kernel[i]!);
const withIndices = [F.maxPool1dWithIndices, F.maxPool2dWithIndices, F.maxPool3dWithIndices];

/** What taking elements by their place in the plane does to a change. */
function taken(v: Nd, index: Nd): Nd {
  const plane = size(v.shape.slice(2));
  const each = size(index.shape.slice(2));
  const data = index.data.map((p, i) => v.data[Math.floor(i / each) * plane + p]!);
  return { shape: index.shape, data };
}

test('maxPool1d, maxPool2d, maxPool3d, their indices and maxUnpool', async () => {
  await fc.assert(
    fc.asyncProperty(windowForms, fc.boolean(), async ({ rank, seed, ...f }, special) => {
      const array = arrays(seed);
      const values = special ? [0, 1, 2, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] : undefined;
      const [x, v] = [array(f.x, values), array(f.x)];
      const run = (t: Tensor) => withIndices[rank - 1]!(t, options(f));
      if (wrongWindows(f)) {
        await expectRefusal(() => run(make(x))[0], 'windows that do not fit');
        return;
      }
      let empty = false;
      const values_ = pooled(f, (window, lead) => {
        if (window.places.length === 0) empty = true;
        return largest(x)(window, lead);
      });
      // of a window that a dilation leaves nothing in, PyTorch's index is outside of the plane
      if (empty) {
        await expectSame(run(make(x))[0], values_, 'value');
        return;
      }
      const index = pooled(f, placeOfLargest(x));
      const g = array(index.shape);
      await expectAdjoint((t) => run(t)[0], [x], values_, [v], [taken(v, index)], g);
      await expectSame(run(make(x))[1], index, 'index');
    }),
    settings,
  );
});

const avgPools = [F.avgPool1d, F.avgPool2d, F.avgPool3d] as const;
test('avgPool1d, avgPool2d, avgPool3d', async () => {
  await fc.assert(
    fc.asyncProperty(windowForms, async ({ rank, seed, dilation: _dilation, ...given }) => {
      const f: Windows = rank === 1 ? { ...given, divisor_override: null } : given;
      const array = arrays(seed);
      const [x, v] = [array(f.x), array(f.x)];
      const { count_include_pad = true, divisor_override = null } = f;
      const { dilation: _, ...rest } = options(f);
      const run = (t: Tensor) => avgPools[rank - 1]!(t, { ...rest, count_include_pad, divisor_override });
      if (wrongWindows(f)) {
        await expectRefusal(() => run(make(x)), 'windows that do not fit');
        return;
      }
      const want = pooled(f, mean(x, f));
      await expectAdjoint(run, [x], want, [v], [pooled(f, mean(v, f))], array(want.shape));
    }),
    settings,
  );
});

const lpPools = [F.lpPool1d, F.lpPool2d, F.lpPool3d];
test('lpPool1d, lpPool2d, lpPool3d', async () => {
  await fc.assert(
    fc.asyncProperty(windowForms, fc.constantFrom(1, 1.5, 2, 3), async ({ rank, seed, ...given }, p) => {
      const { padding: _padding, dilation: _dilation, count_include_pad: _count, divisor_override: _d, ...f } = given;
      const array = arrays(seed);
      const [x, v] = [array(f.x, [0.5, 0.75, 1, 1.25, 1.5]), array(f.x)];
      const { kernel, stride, ceil_mode } = f;
      const run = (t: Tensor) => lpPools[rank - 1]!(t, { norm_type: p, kernel_size: kernel, stride, ceil_mode });
      if (windowCounts(f).some((n) => n < 1)) {
        await expectRefusal(() => run(make(x)), 'windows that do not fit');
        return;
      }
      // a window cut short counts as a whole one
      const total = (a: Nd) => pooled(f, (window, lead) => mean(a)(window, lead) * size(kernel));
      const sums = total({ ...x, data: x.data.map((a) => a ** p) });
      const slopes = total({ ...x, data: x.data.map((a, i) => a ** (p - 1) * v.data[i]!) });
      const want = { ...sums, data: sums.data.map((s) => s ** (1 / p)) };
      const change = { ...sums, data: sums.data.map((s, i) => s ** (1 / p - 1) * slopes.data[i]!) };
      await expectAdjoint(run, [x], want, [v], [change], array(want.shape));
    }),
    settings,
  );
});

const adaptiveForms = ranks.chain((rank) =>
  fc.record({
    rank: fc.constant(rank),
    x: fc.tuple(upTo(2), upTo(2), ...Array.from({ length: rank }, () => upTo(rank === 3 ? 5 : 9))),
    counts: each(rank, upTo(rank === 3 ? 4 : 10)),
    seed: fc.nat(),
  }),
);
const adaptiveAvg = [F.adaptiveAvgPool1d, F.adaptiveAvgPool2d, F.adaptiveAvgPool3d];
const adaptiveMax = [F.adaptiveMaxPool1dWithIndices, F.adaptiveMaxPool2dWithIndices, F.adaptiveMaxPool3dWithIndices];
test('adaptiveAvgPool and adaptiveMaxPool', async () => {
  await fc.assert(
    fc.asyncProperty(adaptiveForms, async ({ rank, x: shape, counts, seed }) => {
      const array = arrays(seed);
      const [x, v] = [array(shape), array(shape)];
      const [average, index] = [shared(shape, counts, mean(x)), shared(shape, counts, placeOfLargest(x))];
      const g = array(index.shape);
      const avg = (t: Tensor) => adaptiveAvg[rank - 1]!(t, { output_size: counts });
      await expectAdjoint(avg, [x], average, [v], [shared(shape, counts, mean(v))], g);
      const max = (t: Tensor) => adaptiveMax[rank - 1]!(t, { output_size: counts });
      const top = shared(shape, counts, largest(x));
      await expectAdjoint((t) => max(t)[0], [x], top, [v], [taken(v, index)], g);
      await expectSame(max(make(x))[1], index, 'index');
    }),
    { ...settings, numRuns: 40 },
  );
});

const unpools = [F.maxUnpool1d, F.maxUnpool2d, F.maxUnpool3d];
test('maxUnpool takes the values of maxPool back where they were', async () => {
  await fc.assert(
    fc.asyncProperty(windowForms, async ({ rank, seed, kernel, ...f }) => {
      const array = arrays(seed);
      const shape = [...f.x.slice(0, 2), ...f.x.slice(2).map((n, i) => Math.max(n, kernel[i]!))];
      const x = array(shape);
      const spatial = shape.slice(2);
      const [y, index] = withIndices[rank - 1]!(make(x), { kernel_size: kernel });
      const back = unpools[rank - 1]!(y, index, { kernel_size: kernel, output_size: spatial });
      await realize(y, index, back);
      const [values, places] = [await plain(y), await plain(index)];
      const want = new Array<number>(size(shape)).fill(0);
      const each = size(values.shape.slice(2));
      places.data.forEach((p, i) => {
        want[Math.floor(i / each) * size(spatial) + p] = values.data[i]!;
      });
      await expectSame(back, { shape, data: want }, 'value');
    }),
    { ...settings, numRuns: 30 },
  );
});

const fractionalForms = fc.constantFrom<2 | 3>(2, 3).chain((rank) =>
  fc.record({
    rank: fc.constant(rank),
    lead: fc.tuple(upTo(2), upTo(2)),
    kernel: each(rank, upTo(3)),
    counts: each(rank, upTo(3)),
    room: each(rank, upTo(3, 0)),
    seed: fc.nat(),
  }),
);
/** Where PyTorch lets the windows begin, in float32. */
function starts(sample: number, length: number, count: number, kernel: number): number[] {
  const alpha = Math.fround((length - kernel) / (count - 1));
  const floor = (a: number) => Math.floor(Math.fround(Math.fround(a) * alpha));
  return Array.from({ length: count }, (_, i) =>
    i === count - 1 ? length - kernel : floor(Math.fround(i + sample)) - floor(sample),
  );
}
test('FractionalMaxPool2d, FractionalMaxPool3d', async () => {
  await fc.assert(
    fc.asyncProperty(fractionalForms, async ({ rank, lead, kernel, counts, room, seed }) => {
      const shape = [...lead, ...kernel.map((k, i) => k + counts[i]! - 1 + room[i]! + (rank - 2))];
      const x = arrays(seed)(shape);
      const samples = arrays(seed + 1)([...lead, rank], [0, 0.1, 0.25, 0.5, 0.7, 0.99].map(Math.fround));
      const table = { kernel_size: kernel, output_size: counts, return_indices: true, _random_samples: make(samples) };
      const layer = rank === 2 ? new nn.FractionalMaxPool2d(table) : new nn.FractionalMaxPool3d(table);
      const [y, index] = layer.forward(make(x)) as [Tensor, Tensor];
      const places = nd([...lead, ...counts], ([n, c, ...o]) => {
        const first = o.map((k, i) => {
          const sample = at(samples, [n!, c!, rank === 2 ? 1 - i : i]);
          return starts(sample, shape[i + 2]!, counts[i]!, kernel[i]!)[k]!;
        });
        const taps: number[][] = [];
        nd(kernel, (tap) => taps.push(tap.map((t, i) => first[i]! + t)));
        return placeOfLargest(x)({ places: taps, padded: 0 }, [n!, c!]);
      });
      await realize(y, index);
      await expectSame(index, places, 'index');
      await expectSame(y, taken(x, places), 'value');
    }),
    { ...settings, numRuns: 30 },
  );

  // the samples are drawn from the generator as torch.rand draws them
  const x = make(arrays(1)([2, 3, 9, 8]));
  const layer = new nn.FractionalMaxPool2d({ kernel_size: 2, output_ratio: 0.5 });
  expect(String(layer)).toBe('FractionalMaxPool2d()');
  expect([...layer.stateDict().keys()]).toEqual([]);
  manualSeed(5);
  const drawn = layer.forward(x) as Tensor;
  manualSeed(5);
  const _random_samples = rand([2, 3, 2]);
  const given = new nn.FractionalMaxPool2d({ kernel_size: 2, output_ratio: 0.5, _random_samples });
  expect([...given.stateDict().keys()]).toEqual(['_random_samples']);
  expect(await drawn.array()).toEqual(await (given.forward(x) as Tensor).array());
});

test('a batch of none has a result and gradients', async () => {
  for (const rank of [1, 2, 3] as const) {
    const spatial = [7, 5, 6].slice(0, rank);
    const x = tensor(new Float32Array(0), { shape: [0, 2, ...spatial], requiresGrad: true });
    const index = tensor(new BigInt64Array(0), { shape: x.shape });
    const w = make(arrays(1)([2, 2, ...spatial.map(() => 2)]), true);
    const bias = make(arrays(2)([2]), true);
    const results = [
      convolutions[rank - 1]!(x, w, { bias, padding: 1 }),
      transposedConvolutions[rank - 1]!(x, w, { bias, stride: 2 }),
      withIndices[rank - 1]!(x, { kernel_size: 2 })[0],
      avgPools[rank - 1]!(x, { kernel_size: 2 }),
      avgPools[rank - 1]!(x, { kernel_size: 3, stride: 1, padding: 1 }),
      lpPools[rank - 1]!(x, { norm_type: 2, kernel_size: 2 }),
      adaptiveAvg[rank - 1]!(x, { output_size: 3 }),
      adaptiveAvg[rank - 1]!(x, { output_size: 1 }),
      adaptiveMax[rank - 1]!(x, { output_size: 3 })[0],
      unpools[rank - 1]!(x, index, { kernel_size: 2 }),
      ...(rank === 1
        ? []
        : [(rank === 2 ? F.fractionalMaxPool2d : F.fractionalMaxPool3d)(x, { kernel_size: 2, output_size: 2 })]),
    ];
    for (const y of results) {
      expect(y.shape[0]).toBe(0);
      const gradients = grad(y, [x, w, bias], { grad_outputs: y.detach() });
      const there = gradients.filter((g) => g !== null);
      await realize(y, ...there);
      expect(there[0]!.shape).toEqual(x.shape);
      for (const g of there.slice(1)) expect(await g.sum().item()).toBe(0);
    }
  }
});

/** Numbers of any kind where sizes are asked for. */
const anything = fc.oneof(
  { weight: 6, arbitrary: upTo(4, 0) },
  { weight: 1, arbitrary: fc.constantFrom<unknown>(-1, 0.5, Number.NaN, 1e9, '2', null, [], [1, 2], [3, 3, 3], {}) },
);
const calls: Record<string, (x: Tensor, w: Tensor, o: never) => Tensor> = {
  conv1d: F.conv1d,
  conv2d: F.conv2d,
  conv3d: F.conv3d,
  convTranspose1d: F.convTranspose1d,
  convTranspose2d: F.convTranspose2d,
  convTranspose3d: F.convTranspose3d,
};
for (const name of ['maxPool', 'avgPool', 'lpPool', 'adaptiveAvgPool', 'adaptiveMaxPool', 'fractionalMaxPool']) {
  for (const rank of [1, 2, 3]) {
    const pool = (F as unknown as Record<string, (x: Tensor, o: never) => Tensor>)[`${name}${rank}d`];
    if (pool) calls[`${name}${rank}d`] = (x, _w, o) => pool(x, o);
  }
}
test('whatever is asked for, the answer is a tensor or an error of ours', async () => {
  let worked = 0;
  const shapes = fc.array(upTo(5, 0), { minLength: 1, maxLength: 6 });
  const names = fc.constantFrom(...Object.keys(calls));
  const wild = ['kernel_size', 'stride', 'padding', 'dilation', 'groups', 'output_padding', 'output_size', 'norm_type'];
  const asked = fc.record(Object.fromEntries(wild.map((key) => [key, fc.option(anything, { nil: undefined })])));
  await fc.assert(
    fc.asyncProperty(names, shapes, shapes, asked, async (name, xs, ws, given) => {
      const rank = Number(/\d/.exec(name)![0]);
      // as a rule of the right rank
      const fit = (shape: number[]) => (shape.length > 4 ? shape : [1, 1, 3, 4, 5, ...shape].slice(-rank - 2));
      const [x, w] = [fit(xs), fit(ws)].map((shape) => make(arrays(1)(shape))) as [Tensor, Tensor];
      const set = Object.entries(given).filter(([, value]) => value !== undefined);
      try {
        await realize(calls[name]!(x, w, Object.fromEntries(set) as never));
        worked++;
      } catch (error) {
        if (!(error instanceof TorcharcError) || error instanceof SessionError) throw error;
      }
    }),
    { ...settings, numRuns: 600 },
  );
  expect(worked).toBeGreaterThan(20);
});

test('3-d convolutions of constant weights', async () => {
  const sizes = fc.record({
    n: upTo(2, 0),
    channels: fc.constantFrom(3, 4, 6, 16),
    out_channels: fc.constantFrom(5, 16),
    kernel: fc.tuple(fc.constantFrom(2, 4), upTo(3), upTo(3)),
    stride: each(3, upTo(3)),
    padding: each(3, upTo(2, 0)),
    dilation: each(3, upTo(2)),
    bias: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(sizes, async ({ n, channels, kernel, ...rest }) => {
      manualSeed(0);
      const layer = new nn.Conv3d({ in_channels: channels, kernel_size: kernel as number[], ...rest });
      const x = rand([n, channels, 7, 8, 9]);
      await expectSame(freeze(layer).forward(x), await plain(layer.forward(x)), String(layer));
    }),
    { ...settings, numRuns: 40 },
  );
});

test('transposed convolutions whose constant weights ORT lays out in blocks', async () => {
  const sizes = ranks.chain((rank) =>
    fc.record({
      kernel: each(rank, upTo(5)),
      stride: each(rank, upTo(3)),
      padding: each(rank, upTo(2, 0)),
      dilation: each(rank, fc.constantFrom(1, 1, 2)),
      output_padding: each(rank, upTo(1, 0)),
      spatial: each(rank, upTo(7, 3)),
      n: upTo(2, 0),
      bias: fc.boolean(),
    }),
  );
  const layers = [nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d];
  let worked = 0;
  await fc.assert(
    fc.asyncProperty(sizes, async ({ n, spatial, kernel, output_padding, ...rest }) => {
      fc.pre(output_padding.every((p, i) => p < Math.max(rest.stride[i]!, rest.dilation[i]!)));
      // with 3 places or more this leaves something of the result
      fc.pre(rest.padding.every((p, i) => p <= kernel[i]!));
      manualSeed(0);
      const layer = new layers[kernel.length - 1]!({
        ...{ in_channels: 16, out_channels: 16, kernel_size: kernel, output_padding },
        ...rest,
      });
      const x = rand([n, 16, ...spatial]);
      await expectSame(freeze(layer).forward(x), await plain(layer.forward(x)), `${layer} of ${x.shape}`);
      worked++;
    }),
    { ...settings, numRuns: 100 },
  );
  expect(worked).toBe(100);
});
