/** Clipping of gradients against PyTorch, in plain and compiled steps. */
import { compile, nn, optim, Parameter, tensor } from 'torcharc';
import { describe, expect, test } from 'vitest';

// a = torch.nn.Parameter(torch.tensor([[1., -2.], [3., 0.5]])); b = torch.nn.Parameter(torch.tensor([0.25, -4.]))
// ((a ** 3).sum() + (b ** 2).sum()).backward(); n = torch.nn.utils.clip_grad_norm_([a, b], max_norm, norm_type=norm_type)
// n.item(), a.grad.flatten().tolist() + b.grad.tolist()
const cases: [max: number, type: number, norm: number, gradients: number[]][] = [
  [
    1.0,
    2,
    30.77031898498535,
    [
      0.09749653935432434, 0.38998615741729736, 0.8774688839912415, 0.024374134838581085, 0.01624942384660244,
      -0.25999078154563904,
    ],
  ],
  [
    1.0,
    1,
    51.25,
    [
      0.0585365854203701, 0.2341463416814804, 0.5268292427062988, 0.014634146355092525, 0.009756097570061684,
      -0.15609756112098694,
    ],
  ],
  [
    0.5,
    Infinity,
    27.0,
    [
      0.0555555522441864, 0.2222222089767456, 0.4999999403953552, 0.0138888880610466, 0.009259258396923542,
      -0.14814813435077667,
    ],
  ],
  [
    1.0,
    3,
    27.999385833740234,
    [
      0.10714519768953323, 0.42858079075813293, 0.9643067717552185, 0.02678629942238331, 0.01785753294825554,
      -0.2857205271720886,
    ],
  ],
  [100.0, 2, 30.77031898498535, [3.0, 12.0, 27.0, 0.75, 0.5, -8.0]],
  [
    1.0,
    0.5,
    218.8583984375,
    [
      0.013707493431866169, 0.054829973727464676, 0.12336744368076324, 0.0034268733579665422, 0.0022845822386443615,
      -0.036553315818309784,
    ],
  ],
];
const start = () =>
  [
    new Parameter(
      tensor([
        [1, -2],
        [3, 0.5],
      ]),
    ),
    new Parameter(tensor([0.25, -4])),
  ] as const;
const lossOf = ([a, b]: ReturnType<typeof start>) => a.pow(3).sum().add(b.square().sum());

function near(got: ArrayLike<number>, want: ArrayLike<number>): void {
  expect(got.length).toBe(want.length);
  Array.from(want).forEach((v, i) => {
    expect(Math.abs(got[i]! - v)).toBeLessThanOrEqual(1e-6 * Math.abs(v) + 1e-9);
  });
}

describe.each(cases)('clipGradNorm_ to %d by norm %d', (max_norm, norm_type, norm, gradients) => {
  const moved = [1, -2, 3, 0.5, 0.25, -4].map((v, i) => v - 0.1 * gradients[i]!);

  test('plain: the norm, the gradients and the step', async () => {
    const params = start();
    const o = new optim.SGD(params, { lr: 0.1 });
    lossOf(params).backward();
    const total = nn.utils.clipGradNorm_(params, max_norm, { norm_type });
    const clipped = params.map((p) => p.grad!);
    await o.step();
    near([await total.item()], [norm]);
    near(
      (await Promise.all(clipped.map((g) => g.data()))).flatMap((g) => [...(g as Float32Array)]),
      gradients,
    );
    near(
      (await Promise.all(params.map((p) => p.data()))).flatMap((p) => [...(p as Float32Array)]),
      moved,
    );
  });

  test('compiled', async () => {
    const params = start();
    const o = new optim.SGD(params, { lr: 0.1 });
    const step = compile(() => {
      o.zeroGrad();
      lossOf(params).backward();
      const total = nn.utils.clipGradNorm_(params, max_norm, { norm_type });
      void o.step();
      return total;
    });
    near([await (await step()).item()], [norm]);
    near(
      (await Promise.all(params.map((p) => p.data()))).flatMap((p) => [...(p as Float32Array)]),
      moved,
    );
    near(
      (await Promise.all(params.map((p) => p.grad!.data()))).flatMap((g) => [...(g as Float32Array)]),
      gradients,
    );
  });
});

// a.grad = None; (-(a ** 3)).sum().backward(); torch.nn.utils.clip_grad_value_(a, 5.0); a.grad.tolist()
test('clipGradValue_', async () => {
  const [a] = start();
  a.pow(3).sum().neg().backward();
  nn.utils.clipGradValue_(a, 5);
  expect(await a.grad!.array()).toEqual([
    [-3, -5],
    [-5, -0.75],
  ]);
});

test('parameters without a gradient are passed over', async () => {
  const [a, b] = start();
  expect(await nn.utils.clipGradNorm_([a, b], 1).item()).toBe(0);
  b.square().sum().backward();
  near([await nn.utils.clipGradNorm_([a, b], 1).item()], [Math.hypot(0.5, 8)]);
  expect(a.grad).toBe(null);
});

test('float64 and float32 together, and gradients that are not finite', async () => {
  const a = new Parameter(tensor([3], { dtype: 'float64' }));
  const b = new Parameter(tensor([2]));
  a.square().sum().backward();
  b.square().sum().backward();
  const total = nn.utils.clipGradNorm_([a, b], 1);
  near([await total.item()], [Math.hypot(6, 4)]);
  expect([a.grad!.dtype, b.grad!.dtype]).toEqual(['float64', 'float32']);
  const c = new Parameter(tensor([0]));
  c.reciprocal().sum().backward();
  expect(await nn.utils.clipGradNorm_(c, 1).item()).toBe(Infinity);
});

test('what is refused', () => {
  const text = (call: () => unknown) => {
    try {
      return call();
    } catch (error) {
      return String(error);
    }
  };
  const [a] = start();
  expect([
    text(() => nn.utils.clipGradNorm_([a], 1, { error_if_nonfinite: true })),
    text(() => nn.utils.clipGradNorm_([a], Number.NaN)),
    text(() => nn.utils.clipGradNorm_([a, 3] as never, 1)),
    text(() => nn.utils.clipGradValue_([a], '1' as never)),
  ]).toMatchInlineSnapshot(`
    [
      "ArgError: clipGradNorm_.error_if_nonfinite: the norm is not known before the step is computed; look at the norm it returns after the step",
      "ArgError: clipGradNorm_.max_norm: expected a number, got NaN",
      "ArgError: clipGradNorm_: expected parameters, got 3",
      "ArgError: clipGradValue_.clip_value: expected a number, got '1'",
    ]
  `);
});
