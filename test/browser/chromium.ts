/** The browser that is installed; without one the tests that need it are skipped, but not where CI runs them. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { expect, test } from 'vitest';

export const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  existsSync,
);

if (!executablePath) {
  console.warn(
    '\n*** SKIPPED: the browser tests, since there is no Chromium in /usr/bin (apt-get install chromium) ***\n',
  );
  test.runIf(process.env.CI)('Chromium is installed', () => expect.unreachable('no Chromium in /usr/bin'));
}

export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: executablePath!,
    args: ['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--no-first-run'],
  });
}
