/** Small networks, and what tests of laziness and of compile ask about them. */
import { type Module, nn, type Tensor, tensor } from 'torcharc';

/** The message of what a call or promise fails with. */
export async function failure(run: () => unknown): Promise<string> {
  try {
    await run();
  } catch (error) {
    return String(error);
  }
  return 'nothing was thrown';
}

export const CHANGED =
  'TorcharcError: this tensor reads parameters that an optimizer step has changed since it was made, so its value is lost; ask for it before the step (realize), or return it from a compiled function';

export function mlp(): Module {
  return new nn.Sequential([
    new nn.Linear({ in_features: 6, out_features: 16 }),
    new nn.BatchNorm1d({ num_features: 16 }),
    new nn.GELU(),
    new nn.Dropout({ p: 0.3 }),
    new nn.Linear({ in_features: 16, out_features: 3 }),
    new nn.BatchNorm1d({ num_features: 3, momentum: null }),
  ]);
}
export function convnet(): Module {
  return new nn.Sequential([
    new nn.Conv2d({ in_channels: 2, out_channels: 6, kernel_size: 3, padding: 1 }),
    new nn.BatchNorm2d({ num_features: 6 }),
    new nn.ReLU(),
    new nn.MaxPool2d({ kernel_size: 2 }),
    new nn.Dropout2d({ p: 0.25 }),
    new nn.Conv2d({ in_channels: 6, out_channels: 4, kernel_size: 3, stride: 2 }),
    new nn.BatchNorm2d({ num_features: 4, affine: false }),
    new nn.Flatten(),
    new nn.Linear({ in_features: 4, out_features: 3 }),
  ]);
}
export const forward = (m: Module, x: Tensor) => m.forward(x as never) as Tensor;
export const snapshot = async (m: Module) =>
  Object.fromEntries(await Promise.all([...m.stateDict()].map(async ([key, t]) => [key, await t.array()])));
export const classes = (n: number) =>
  tensor(
    BigInt64Array.from({ length: n }, (_, i) => BigInt(i % 3)),
    { dtype: 'int64' },
  );
