/**
 * The forecasts of a trained model beside the seasonal naive one, which says what was there 52 weeks before, on the windows of the
 * last 20 %: `node examples/co2/compare.mjs [run]`.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { evaluate, openTrained } from 'torcharc/node';

const run = process.argv[2] ?? fileURLToPath(new URL('runs', import.meta.url));
const { scores, samples } = await evaluate(await openTrained(run));

const text = readFileSync(new URL('co2.csv', import.meta.url), 'utf8');
const ppm = text
  .trim()
  .split('\n')
  .slice(1)
  .map((line) => Number(line.split(',')[1]));
const [year, horizon] = [52, 13];
const cut = ppm.length - Math.floor(0.2 * ppm.length);
const errors = [];
for (let now = cut; now + horizon <= ppm.length; now++) {
  for (let week = now; week < now + horizon; week++) errors.push(Math.abs(ppm[week] - ppm[week - year]));
}
if (errors.length !== samples * horizon) throw new Error(`${samples} windows, expected ${errors.length / horizon}`);

const naive = errors.reduce((a, b) => a + b) / errors.length;
console.log(
  `mean absolute error of 13 weeks, ${samples} windows: ${scores.mae.toFixed(3)} ppm; seasonal naive ${naive.toFixed(3)} ppm`,
);
process.exitCode = scores.mae < naive ? 0 : 1;
