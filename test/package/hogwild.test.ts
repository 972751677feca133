/** Threads that train one net in shared memory: the example, shortened, against the built package. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

test('examples/hogwild learns', () => {
  const main = fileURLToPath(new URL('../../examples/hogwild/main.mjs', import.meta.url));
  const { stdout, stderr, status } = spawnSync(process.execPath, [main, '60', '2'], { encoding: 'utf8' });
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  const found = /before: loss ([\d.]+), .*\nafter: loss ([\d.]+), ([\d.]+) % right\n(\d+) of 120 steps/.exec(stdout);
  expect(found, stdout).not.toBe(null);
  const [before, after, right, counted] = found!.slice(1).map(Number) as [number, number, number, number];
  expect(after).toBeLessThan(before / 3);
  expect(right).toBeGreaterThan(85);
  // both threads', less what they lost to one another
  expect(counted).toBeGreaterThan(60);
  expect(counted).toBeLessThanOrEqual(120);
});
