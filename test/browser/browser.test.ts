/** The portable part, bundled by Vite, in Chromium: the same numbers as in Node, and nothing fetched from the network. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import * as torcharc from 'torcharc';
import { build as bundle, createServer, type InlineConfig, preview } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { executablePath, launch } from './chromium.ts';
import { type Result, scenario } from './scenario.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const dist = fileURLToPath(new URL('../../dist/', import.meta.url));

interface Opened<T> {
  readonly result: T;
  readonly isolated: boolean;
  /** Addresses asked for outside of our server. */
  readonly foreign: string[];
  readonly wasm: string[];
  readonly threads: number;
}

const isolated = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

describe.runIf(executablePath)('in Chromium', () => {
  let folder: string;
  let browser: Browser;
  let config: InlineConfig;
  let inNode: Result;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'torcharc-browser-'));
    config = {
      root: here,
      configFile: false,
      logLevel: 'warn',
      cacheDir: join(folder, 'cache'),
      // as a user's bundler resolves the built package
      resolve: { alias: [{ find: /^torcharc$/, replacement: join(dist, 'index.js') }] },
      optimizeDeps: { exclude: ['onnxruntime-web'] },
      server: { host: '127.0.0.1', port: 0, fs: { allow: [join(here, '../..')] } },
      preview: { host: '127.0.0.1', port: 0 },
      build: {
        outDir: join(folder, 'dist'),
        emptyOutDir: true,
        target: 'es2022',
        chunkSizeWarningLimit: 10_000,
        rolldownOptions: { input: ['index', 'minimal', 'threads'].map((name) => join(here, `${name}.html`)) },
      },
    };
    await bundle(config);
    browser = await launch();
    inNode = await scenario(torcharc);
  });
  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** What a page leaves in `window.result`. Requests to anything but our server fail and are named. */
  async function open<T>(url: string): Promise<Opened<T>> {
    const page = await browser.newPage();
    let threads = 0;
    page.on('worker', () => threads++);
    // of these ONNX Runtime would take 4 on an isolated page
    await page.addInitScript(() => Object.defineProperty(navigator, 'hardwareConcurrency', { value: 8 }));
    const [foreign, wasm, errors]: [string[], string[], string[]] = [[], [], []];
    await page.route('**/*', (route) => {
      const asked = route.request().url();
      if (/^https?:\/\/127\.0\.0\.1:/.test(asked)) {
        if (asked.endsWith('.wasm')) wasm.push(new URL(asked).pathname);
        return route.continue();
      }
      if (/^(data|blob):/.test(asked)) return route.continue();
      foreign.push(asked);
      return route.abort();
    });
    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    try {
      await page.goto(url);
      await page.waitForFunction('"result" in window', undefined, { timeout: 20_000 }).catch((error) => {
        throw new Error([...errors, String(error)].join('\n'));
      });
      const [result, own] = (await page.evaluate('Promise.all([window.result, crossOriginIsolated])')) as [T, boolean];
      return { result, isolated: own, foreign, wasm, threads };
    } finally {
      await page.close();
    }
  }

  function compare(result: Result): void {
    expect(result.repr).toBe(inNode.repr);
    expect(Object.keys(result.step)).toEqual(Object.keys(inNode.step));
    for (const [name, values] of Object.entries(inNode.step)) close(result.step[name], values, name);
    close(result.losses, inNode.losses, 'losses');
    expect(result.losses.at(-1)).toBeLessThan(result.losses[0]!);
    expect(result.bytes).toBe(inNode.bytes);
    expect(result.loaded).toEqual(result.trained);
  }

  test.each([
    ['a plain page', 'index.html', {}],
    ['an isolated page', 'index.html', isolated],
    ['an isolated page with threads', 'threads.html', isolated],
  ])(
    '%s, bundled: a step, the weights after it and a compiled run equal those in Node',
    async (_name, path, headers) => {
      const server = await preview({ ...config, preview: { ...config.preview, headers } });
      try {
        const { result, foreign, wasm, threads, ...page } = await open<Result>(server.resolvedUrls!.local[0]! + path);
        expect(page.isolated).toBe(headers === isolated);
        expect(foreign).toEqual([]);
        expect(wasm).toEqual([expect.stringMatching(/^\/assets\/ort-wasm-simd-threaded-.*\.wasm$/)]);
        expect(threads).toBe(path === 'threads.html' ? 3 : 0);
        compare(result);
      } finally {
        await server.close();
      }
    },
  );

  test('a page that uses little has what it needs after tree-shaking', async () => {
    const server = await preview(config);
    try {
      const { result, foreign } = await open<string>(`${server.resolvedUrls!.local[0]!}minimal.html`);
      expect(foreign).toEqual([]);
      expect(result).toMatchInlineSnapshot(`
        "Sequential(
          (0): Linear(in_features=4, out_features=3, bias=True)
          (1): ReLU()
        ) [[3,4],[3]] true"
      `);
    } finally {
      await server.close();
    }
  });

  test('by the dev server', async () => {
    const server = await (await createServer(config)).listen();
    try {
      const { result, foreign } = await open<Result>(server.resolvedUrls!.local[0]!);
      expect(foreign).toEqual([]);
      compare(result);
    } finally {
      await server.close();
    }
  });
});

/** Equal to 1e-5, absolute for small values: kernels add up in another order. */
function close(got: readonly number[] | undefined, expected: readonly number[], name: string): void {
  expect(got, name).toHaveLength(expected.length);
  const worst = Math.max(...expected.map((e, i) => Math.abs(got![i]! - e) / Math.max(1, Math.abs(e))));
  expect(worst, name).toBeLessThan(1e-5);
}
