/**
 * Digits with a question: writes train.csv and test.csv beside this file.
 *
 * Each digit stands there twice, once with each question. Asked (1, 0), `side` is the half of 0–9 it is in, `low` or `high`; not
 * asked (0, 1), it is `silent`. `value` is the digit. Both rows of a digit are in the same file.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const [header, ...digits] = readFileSync(new URL('../digits/digits.csv', import.meta.url), 'utf8')
  .trim()
  .split('\n');
const columns = [...header.split(',').slice(0, -1), 'asked', 'unasked', 'side', 'value'].join(',');

const rows = (lines) =>
  lines.flatMap((line) => {
    const pixels = line.split(',');
    const value = Number(pixels.pop());
    const side = value < 5 ? 'low' : 'high';
    return [
      [...pixels, 1, 0, side, value],
      [...pixels, 0, 1, 'silent', value],
    ];
  });

// every fifth digit is for testing
const parts = { train: digits.filter((_, i) => i % 5 !== 0), test: digits.filter((_, i) => i % 5 === 0) };
for (const [name, lines] of Object.entries(parts)) {
  writeFileSync(new URL(`${name}.csv`, import.meta.url), `${[columns, ...rows(lines)].join('\n')}\n`);
}
