/** The report of a run, opened from disk without a network: its curves are drawn, its numbers and names are text. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Report, writeReport } from '../../src/report/html.ts';
import { executablePath, launch } from './chromium.ts';

const hostile = '</script><img src="x" onerror="window.broken=1"><script>window.broken=1</script><!--';
const records = Array.from({ length: 200 }, (_, i) => ({
  ...{ epoch: 1 + Math.floor(i / 20), step: 10 * (i + 1), lr: 0.01 / (i + 1), train_loss: 2 / (i + 1) },
  ...(i % 20 === 19
    ? {
        ...{ test_loss: 3 / (i + 1), test_half_accuracy: i / 200, [`test_${hostile}_mae`]: 200 - i },
        test_half_confusion: [
          [90 + (i + 1) / 20, 7],
          [3, 100],
        ],
      }
    : {}),
}));
const run: Report = { title: hostile, subtitle: [hostile], records, classes: { half: ['low', hostile] } };

describe.runIf(executablePath)('a report in Chromium', () => {
  let folder: string;
  let browser: Browser;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'torcharc-report-'));
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Write a report, open it and look at it; nothing may fail in it, and nothing may be asked for but itself. */
  async function open(report: Report, look: (page: Page) => Promise<void>, dark = false): Promise<void> {
    const path = join(folder, 'report.html');
    await writeReport(path, report);
    const url = pathToFileURL(path).href;
    const context = await browser.newContext({ offline: true, colorScheme: dark ? 'dark' : 'light' });
    const page = await context.newPage();
    const problems: string[] = [];
    await page.route('**/*', (route) => {
      if (route.request().url() === url) return route.continue();
      problems.push(`asked for ${route.request().url()}`);
      return route.abort();
    });
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(message.text());
    });
    try {
      await page.goto(url);
      await look(page);
      expect(await page.evaluate('window.broken')).toBe(undefined);
    } finally {
      await context.close();
    }
    expect(problems).toEqual([]);
  }

  /** How many pixels of each chart are in a color that the page has under a name, near enough. */
  const painted = (page: Page, name: string) =>
    page.evaluate((name) => {
      const color = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
      const [r, g, b] = [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16)) as [number, number, number];
      return [...document.querySelectorAll('canvas')].map((canvas) => {
        const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
        let count = 0;
        for (let i = 0; i < data.length; i += 4) {
          const far = Math.abs(data[i]! - r) + Math.abs(data[i + 1]! - g) + Math.abs(data[i + 2]! - b);
          if (data[i + 3]! > 200 && far < 30) count++;
        }
        return count;
      });
    }, name);

  test.each([false, true])('its curves are drawn in their colors; dark: %s', (dark) =>
    open(
      run,
      async (page) => {
        const titles = await page.locator('figcaption').allTextContents();
        expect(titles).toEqual(['loss', 'half_accuracy', `${hostile}_mae`, 'lr']);
        const drawn = async (name: string) => (await painted(page, name)).map((count) => count > 100);
        expect(await drawn('--train')).toEqual([true, false, false, false]);
        expect(await drawn('--test')).toEqual([true, true, true, false]);
        expect(await drawn('--other')).toEqual([false, false, false, true]);
      },
      dark,
    ),
  );

  test('the confusion matrix has its numbers, and names are text', () =>
    open(run, async (page) => {
      expect(await page.title()).toBe(hostile);
      expect(await page.locator('h1').textContent()).toBe(hostile);
      const rows = await page.locator('.confusion tr').all();
      expect(await Promise.all(rows.map((row) => row.locator('th, td').allTextContents()))).toEqual([
        ['true ↓ predicted →', 'low', hostile, 'recall', 'samples'],
        ['low', '100', '7', '0.935', '107'],
        [hostile, '3', '100', '0.971', '103'],
        ['precision', '0.971', '0.935', '', '210'],
      ]);
      expect(await page.locator('img').count()).toBe(0);
    }));

  test('under the pointer the legend tells step, epoch and values', () =>
    open(run, async (page) => {
      const { x, y, width } = (await page.locator('.u-over').first().boundingBox())!;
      await page.mouse.move(x + width - 1, y + 20);
      const legend = page.locator('.u-legend').first().locator('.u-value');
      await expect.poll(() => legend.allTextContents()).toEqual(['2,000 (epoch 10)', '0.01', '0.015']);
      // the last evaluation before this step was at 1,800
      await page.mouse.move(x + (width * (1900 - 10)) / 1990, y + 20);
      await expect.poll(() => legend.allTextContents()).toEqual(['1,900 (epoch 10)', '0.010526', '0.016667']);
    }));

  test('a narrow window makes charts narrow, and logarithms make them straight', () =>
    open(run, async (page) => {
      const widths = () => page.locator('.uplot').evaluateAll((all) => all.map((chart) => chart.clientWidth));
      const shapes = () =>
        page.locator('canvas').evaluateAll((all) => all.map((c) => (c as HTMLCanvasElement).toDataURL()));
      await page.setViewportSize({ width: 400, height: 800 });
      await expect.poll(async () => Math.max(...(await widths()))).toBeLessThan(400);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(400);
      const linear = await shapes();
      await page.getByLabel('logarithmic').check();
      await expect
        .poll(async () => (await shapes()).map((shape, i) => shape !== linear[i]))
        .toEqual([...[true, false, true, false]]);
    }));

  test('dragging zooms in, and a double click shows all again', () =>
    open(run, async (page) => {
      const over = page.locator('.u-over').first();
      const pixels = async () => (await painted(page, '--test'))[0]!;
      const all = await pixels();
      const { x, y, width } = (await over.boundingBox())!;
      await page.mouse.move(x + 5, y + 20);
      await page.mouse.down();
      await page.mouse.move(x + width * 0.08, y + 20, { steps: 3 });
      await page.mouse.up();
      // the first evaluation was at step 200
      await expect.poll(pixels).toBe(0);
      await over.dblclick();
      await expect.poll(pixels).toBe(all);
    }));

  test('a run without records, and one with a single one', async () => {
    await open({ title: 'new', records: [] }, async (page) => {
      expect(await page.locator('header p').allTextContents()).toEqual([
        'No records yet: the first one comes with the first evaluation.',
      ]);
    });
    await open({ title: 'begun', records: [{ epoch: 1, train_loss: 0.5 }] }, async (page) => {
      expect((await painted(page, '--train'))[0]).toBeGreaterThan(20);
    });
  });
});
