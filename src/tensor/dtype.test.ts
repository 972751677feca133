import { expect, test } from 'vitest';
import { valuesIn } from './dtype.ts';

test('halves are bits, whatever array they come in', () => {
  const bits = Uint16Array.of(0, 0x3c00, 0xbc00);
  expect(valuesIn({ type: 'float16', data: bits })).toBe(bits);
  // stands for Float16Array, which Node 20 does not have
  const view = valuesIn({ type: 'float16', data: new Int16Array(bits.buffer, 2) });
  expect(view).toEqual(Uint16Array.of(0x3c00, 0xbc00));
  const floats = Float32Array.of(1);
  expect(valuesIn({ type: 'float32', data: floats })).toBe(floats);
});
