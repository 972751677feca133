/** A run as one page that needs nothing else: values, curves and confusion matrices. For Node only. */
import { writeAtomic } from '../io/files.ts';
import { escapeXml } from '../util/xml.ts';
import { confusionTable, isMatrix, type Matrix } from './confusion.ts';
import {
  type Better,
  bestOf,
  type Chart,
  type Curve,
  chartsOf,
  type Metrics,
  type Rows,
  rowsOf,
  thinned,
} from './curves.ts';
import { plotLibrary, script } from './script.ts';
import { style } from './style.ts';

export interface Report {
  readonly title: string;
  /** The lines of the run's `metrics.jsonl`. */
  readonly records: readonly Metrics[];
  /** Names of classes by output; those of a model's only output under ''. */
  readonly classes?: Readonly<Record<string, readonly string[]>>;
  /** Lines under the title. */
  readonly subtitle?: readonly string[];
}

/** Write a report to a file. A crash leaves the old file or the new one, never a part. */
export async function writeReport(path: string, report: Report): Promise<void> {
  await writeAtomic(path, await reportHtml(report));
}

/** A whole HTML document, which opens without a network. */
export async function reportHtml({ title, records, classes = {}, subtitle = [] }: Report): Promise<string> {
  const rows = rowsOf(records);
  const charts = chartsOf(rows);
  const plots = charts.length > 0 ? await plotLibrary() : null;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeXml(title)}</title>
<style>${plots?.style ?? ''}${style}</style>
</head>
<body>
<header>
<h1>${escapeXml(title)}</h1>
${[...subtitle, extent(rows)].map((line) => `<p>${escapeXml(line)}</p>`).join('\n')}
</header>
<main>
${[...(plots ? [valuesSection(rows, charts), curvesSection(charts)] : []), ...confusions(rows, classes)].join('\n')}
</main>
${plots ? `<script>${plots.script}</script>\n${data(rows, charts)}\n<script>${script}</script>\n` : ''}</body>
</html>
`;
}

/** How far the run has come. */
function extent({ axis, rows }: Rows): string {
  const last = rows.at(-1);
  if (!last) return 'No records yet: the first one comes with the first evaluation.';
  const records = rows.length === 1 ? '1 record' : `${rows.length.toLocaleString('en')} records`;
  return `${records}, the last at ${place(axis, last.x, last.record.epoch)}`;
}

function valuesSection({ axis }: Rows, charts: readonly Chart[]): string {
  const rows = charts.flatMap(({ curves, better }) => curves.map((curve) => valueRow(curve, better, axis)));
  return `<section aria-labelledby="values">
<h2 id="values">Values</h2>
<div class="wide"><table class="values">
<thead><tr><th scope="col">metric</th><th scope="col">last</th><th scope="col">best</th><th scope="col">best at</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table></div>
</section>`;
}

function valueRow(curve: Curve, better: Better | null, axis: Rows['axis']): string {
  const best = bestOf(curve, better);
  const at = (i: number) => place(axis, curve.x[i]!, curve.epochs[i]);
  const cells = best === null ? ['', ''] : [short(curve.y[best]), at(best)];
  const texts = [short(curve.y.at(-1)), ...cells];
  return `<tr><th scope="row">${escapeXml(curve.key)}</th>${texts.map((text) => `<td>${text}</td>`).join('')}</tr>`;
}

function curvesSection(charts: readonly Chart[]): string {
  const toggle = '<label><input type="checkbox" id="log"> logarithmic losses and errors</label>';
  const thin = charts.flatMap(({ curves }) => curves).find((curve) => thinned(curve) !== curve);
  return `<section aria-labelledby="curves">
<h2 id="curves">Curves</h2>
<p class="note">${charts.some(({ log }) => log) ? toggle : ''}
<span>Rings are best values. Drag to zoom in, double-click to zoom out.${thin ? ` ${thinNote(thin)}` : ''}</span></p>
<noscript><p>The curves need JavaScript; the values above do not.</p></noscript>
<div class="charts">
${charts.map(({ title }) => `<figure><figcaption>${escapeXml(title)}</figcaption><div class="plot"></div></figure>`).join('\n')}
</div>
</section>`;
}

function thinNote(curve: Curve): string {
  const [drawn, all] = [thinned(curve), curve].map(({ x }) => x.length.toLocaleString('en'));
  return `Long curves are thinned, extremes kept: ${escapeXml(curve.key)} is drawn with ${drawn} of ${all} points.`;
}

/** What the script draws, as JSON in which no tag can begin. */
function data({ axis }: Rows, charts: readonly Chart[]): string {
  const drawn = charts.map(({ title, better, log, curves }) => ({
    title,
    log,
    curves: curves.map((curve) => {
      const { key, name, ...points } = thinned(curve);
      const best = curve === evaluated(curves) ? bestOf(points, better) : null;
      const look = name === key ? 'other' : name;
      return { name, look, best: best === null ? null : [points.x[best], points.y[best]], ...points };
    }),
  }));
  const json = JSON.stringify({ axis, charts: drawn }).replaceAll('<', '\\u003c');
  return `<script type="application/json" id="data">${json}</script>`;
}

/** The curve of a chart whose best value counts. */
function evaluated(curves: readonly Curve[]): Curve {
  return curves.find(({ name }) => name === 'test') ?? curves[0]!;
}

/** The last confusion matrix of each output and part. */
function confusions({ axis, rows }: Rows, classes: Readonly<Record<string, readonly string[]>>): string[] {
  const last = new Map<string, { matrix: Matrix; at: string }>();
  for (const { x, record } of rows) {
    for (const [key, value] of Object.entries(record)) {
      if (isConfusion(key) && isMatrix(value)) last.set(key, { matrix: value, at: place(axis, x, record.epoch) });
    }
  }
  return [...last].map(([key, { matrix, at }], i) => {
    const output = key.replace(/^(train|test)_/, '').replace(/_?confusion$/, '');
    const names = Object.hasOwn(classes, output) ? classes[output]! : [];
    const heading = `confusion-${i}`;
    return `<section aria-labelledby="${heading}">
<h2 id="${heading}">Confusion matrix: ${escapeXml(key.replace(/_?confusion$/, ''))}, ${at}</h2>
${confusionTable(matrix, names, heading)}
</section>`;
  });
}

function isConfusion(key: string): boolean {
  return /(^|_)confusion$/.test(key);
}

function place(axis: Rows['axis'], x: number, epoch: unknown): string {
  const at = `${axis} ${x.toLocaleString('en')}`;
  return axis === 'epoch' || typeof epoch !== 'number' ? at : `${at} (epoch ${epoch.toLocaleString('en')})`;
}

/** To five digits; a value that is not finite has none. */
function short(value: number | null | undefined): string {
  return typeof value === 'number' ? String(Number(value.toPrecision(5))) : 'not finite';
}
