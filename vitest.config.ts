import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^torcharc$/, replacement: at('./src/index.ts') },
      { find: /^torcharc\/node$/, replacement: at('./src/node.ts') },
      { find: '#ort', replacement: at('./src/runtime/node.ts') },
    ],
  },
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: ['test/browser/**', 'test/package/**', 'test/slow/**', 'node_modules/**', 'dist/**'],
    testTimeout: 20_000,
  },
});
