/** What draws a report's charts in the browser: uPlot, and how its charts look. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

/** uPlot's script and style, with its license. */
export async function plotLibrary(): Promise<{ script: string; style: string }> {
  const { resolve } = createRequire(import.meta.url);
  const text = (name: string) => readFile(resolve(`uplot/${name}`), 'utf8');
  const [license, script, style] = await Promise.all(
    ['LICENSE', 'dist/uPlot.iife.min.js', 'dist/uPlot.min.css'].map(text),
  );
  return { script: `/*\n${license}*/\n${script}`, style: style! };
}

/** Reads the charts from #data, draws them in the elements of class `plot`, and again when size, colors or scale change. */
export const script = `
const { axis, charts } = JSON.parse(document.getElementById('data').textContent);
const boxes = [...document.querySelectorAll('.plot')];
const log = document.getElementById('log');
const dark = matchMedia('(prefers-color-scheme: dark)');
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const short = (value) => String(Number(value.toPrecision(5)));
const whole = [...Array(16).keys()].flatMap((power) => [1, 2, 5].map((n) => n * 10 ** power));
let plots = [];

function ring(u, curve) {
  if (curve.best === null) return;
  const ratio = devicePixelRatio;
  const [x, y] = curve.best;
  const { ctx, scales } = u;
  // zoomed away
  if (x < scales.x.min || x > scales.x.max) return;
  ctx.beginPath();
  ctx.arc(u.valToPos(x, 'x', true), u.valToPos(y, 'y', true), 6 * ratio, 0, 2 * Math.PI);
  ctx.lineWidth = 2 * ratio;
  ctx.strokeStyle = color('--' + curve.look);
  ctx.stroke();
}

// the value at a place, or else the last one before it
function known(u, series, i) {
  while (i > 0 && u.data[series][i] === undefined) i--;
  return i;
}

function plot(chart, box) {
  const { title, curves } = chart;
  const epochs = new Map(curves.flatMap(({ x, epochs }) => x.map((place, i) => [place, epochs[i]])));
  const epoch = (x) => (axis === 'epoch' || epochs.get(x) == null ? '' : ' (epoch ' + epochs.get(x) + ')');
  const lines = { stroke: color('--ink'), grid: { stroke: color('--line'), width: 1 }, ticks: { stroke: color('--line'), width: 1 } };
  const u = new uPlot(
    {
      width: box.clientWidth,
      height: title === 'lr' ? 150 : 240,
      cursor: {
        sync: { key: 'run' },
        drag: { x: true, y: false },
        dataIdx: known,
        points: { fill: (u, i) => color('--' + curves[i - 1].look) },
      },
      legend: { markers: { width: (u, i) => u.series[i].width } },
      scales: { x: { time: false }, y: { distr: log?.checked && chart.log ? 3 : 1 } },
      axes: [
        { ...lines, incrs: whole, size: 34, label: axis, labelSize: 18, labelGap: 0, values: (u, splits) => splits.map((x) => x.toLocaleString('en')) },
        { ...lines, size: 70, values: (u, splits) => splits.map((y) => (y === null ? '' : short(y))) },
      ],
      series: [
        { label: axis, value: (u, x) => (x === null ? '–' : x.toLocaleString('en') + epoch(x)) },
        ...curves.map(({ name, look }) => ({
          label: name,
          stroke: color('--' + look),
          width: look === 'train' ? 1 : 2.5,
          points: { fill: color('--paper') },
          value: (u, y) => (y == null ? '–' : short(y)),
        })),
      ],
      hooks: { draw: [(u) => curves.forEach((curve) => ring(u, curve))] },
    },
    // a value that is not finite is a gap up to the curve's own values beside it, one that was not measured is none
    uPlot.join(
      curves.map(({ x, y }) => [x, y]),
      curves.map(() => [0, 2]),
    ),
    box,
  );
  u.ctx.canvas.setAttribute('role', 'img');
  u.ctx.canvas.setAttribute('aria-label', title + ' by ' + axis);
  return u;
}

function draw() {
  for (const u of plots) u.destroy();
  plots = charts.map((chart, i) => plot(chart, boxes[i]));
}
const resize = () => plots.forEach((u, i) => u.setSize({ width: boxes[i].clientWidth, height: u.height }));

draw();
log?.addEventListener('change', draw);
dark.addEventListener('change', draw);
new ResizeObserver(resize).observe(document.querySelector('.charts'));
`;
