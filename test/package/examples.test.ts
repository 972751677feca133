/** The examples, shortened, run by the built command line as their first lines say. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'torcharc-examples-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function node(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
  return stdout;
}
const torcharc = (...args: string[]) => node('dist/cli/main.js', ...args);

/** Train with a config of the examples for a few epochs; the scores of the best weights. */
function scores(config: string, epochs: number): Record<string, number> {
  const out = join(folder, config.replaceAll('/', '-'));
  torcharc('train', `examples/${config}`, '--epochs', String(epochs), '--out', out);
  return JSON.parse(torcharc('eval', out, '--json')) as Record<string, number>;
}

describe('examples', () => {
  test('digits: most of those it was not trained on', () => {
    expect(scores('digits/config.yaml', 3).accuracy).toBeGreaterThan(0.96);
  });

  test('co2: better than what was there a year before', () => {
    expect(scores('co2/config.yaml', 2).mae).toBeLessThan(1);
    const said = node('examples/co2/compare.mjs', join(folder, 'co2-config.yaml'));
    const [, mae, naive] = /, 444 windows: ([\d.]+) ppm; seasonal naive ([\d.]+) ppm/.exec(said)!.map(Number);
    expect(naive).toBeCloseTo(1.67, 3);
    expect(mae).toBeLessThan(naive!);
  });

  test('hydra: only who sees the question can tell whether to answer', () => {
    node('examples/hydra/questions.mjs');
    const [seeing, blind] = [scores('hydra/config.yaml', 4), scores('hydra/blind-config.yaml', 4)];
    expect(seeing.side_accuracy).toBeGreaterThan(0.95);
    expect(blind.side_accuracy).toBeLessThan(0.65);
    expect(seeing.value_mae).toBeLessThan(1);
    expect(seeing.value_r2).toBeGreaterThan(0.8);
  });
});
