/** One row per operation and form (test/ops/): shape, dtype, value, gradient, gradient of the gradient. */
import { F, Tensor } from 'torcharc';
import { describe, expect, test } from 'vitest';
import { check } from './ops/check.ts';
import { rows as elementwise } from './ops/elementwise.ts';

const rows = [...elementwise];

describe.each([...new Set(rows.map((row) => row.of))])('%s', (of) => {
  for (const row of rows.filter((r) => r.of === of)) test(row.note ?? 'plain', () => check(row));
});
