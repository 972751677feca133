import { freeze, nn, rand, realize } from '../dist/index.js';
import { time } from './measure.mjs';

for (const [d, ci, co, k, s, p, sh] of [
  [2, 16, 16, 4, 2, 1, [16, 16, 8, 8]],
  [2, 16, 16, 4, 2, 1, [1, 16, 8, 8]],
  [2, 64, 32, 2, 2, 0, [8, 64, 16, 16]],
  [2, 64, 32, 3, 2, 1, [8, 64, 16, 16]],
  [2, 64, 32, 3, 3, 0, [8, 64, 16, 16]],
  [2, 64, 32, 4, 4, 0, [8, 64, 8, 8]],
  [2, 256, 128, 4, 2, 1, [4, 256, 8, 8]],
  [3, 16, 16, 4, 2, 1, [2, 16, 4, 4, 4]],
  [3, 32, 16, 2, 2, 0, [2, 32, 8, 8, 8]],
  [1, 32, 32, 8, 4, 2, [8, 32, 128]],
  [1, 32, 32, 4, 2, 1, [8, 32, 128]],
]) {
  const m = new nn[`ConvTranspose${d}d`]({ in_channels: ci, out_channels: co, kernel_size: k, stride: s, padding: p });
  class C extends nn.Module {
    inner = m;
    forward(a) {
      return this.inner.forward(a);
    }
  }
  const f = freeze(new C().eval());
  const x = rand(sh);
  await realize(x);
  console.log(
    process.env.PH,
    [d, ci, co, k, s, p].join(' '),
    sh.join('x'),
    (
      await time(
        async () => {
          const y = f.forward(x);
          await realize(y);
          y.dispose();
        },
        0.4,
        20,
      )
    ).toFixed(3),
  );
}
