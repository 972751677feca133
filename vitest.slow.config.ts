/** Tests of the built and packed library: in a browser, and installed in a folder of its own. `npm test` runs them last. */
import { defineConfig } from 'vitest/config';
import base from './vitest.config.ts';

export default defineConfig({
  ...base,
  test: {
    include: ['test/browser/**/*.test.ts', 'test/package/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 300_000,
  },
});
