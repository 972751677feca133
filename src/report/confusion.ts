/** A confusion matrix as a table: how many samples of each true class (a row) were taken for each class (a column). */
import { escapeXml } from '../util/xml.ts';

export type Matrix = readonly (readonly number[])[];

/** Classes that a table can still be read with. */
const most = 200;

/** Whether a value of a record is a square matrix of counts. */
export function isMatrix(value: unknown): value is Matrix {
  const counts = (row: unknown, size: number) =>
    Array.isArray(row) && row.length === size && row.every((n) => Number.isFinite(n) && n >= 0);
  return Array.isArray(value) && value.length > 0 && value.every((row) => counts(row, value.length));
}

/**
 * Counts with recall and precision of each class, or of too many classes a sentence; `heading` is the id of what names the
 * table. A class without a name has its number.
 */
export function confusionTable(matrix: Matrix, classes: readonly string[], heading: string): string {
  const rows = matrix.map(sum);
  const columns = matrix.map((_, j) => sum(matrix.map((row) => row[j]!)));
  const hits = matrix.map((row, i) => row[i]!);
  const right = `Accuracy ${ratio(sum(hits), sum(rows))}: ${count(sum(hits))} of ${count(sum(rows))} samples`;
  if (matrix.length > most)
    return `<p class="note">${count(matrix.length)} classes are too many for a table. ${right}.</p>`;

  const names = matrix.map((_, i) => classes[i] ?? String(i));
  const heads = names.map((name) => head('col', name));
  const body = matrix.map((row, i) => {
    const cells = row.map((n, j) => cell(n, rows[i]!, i === j, names[i]!, names[j]!));
    return `<tr>${head('row', names[i]!)}${cells.join('')}<td>${ratio(hits[i]!, rows[i]!)}</td><td>${count(rows[i]!)}</td></tr>`;
  });
  const precision = hits.map((n, j) => `<td><span>${ratio(n, columns[j]!)}</span></td>`);
  return `<p class="note">${right}. Rows are true classes, columns predicted ones. An empty cell is 0; shades are shares of a row.</p>
<div class="scroll" role="region" aria-labelledby="${heading}" tabindex="0">
<table class="confusion ${look(names)}" aria-labelledby="${heading}">
<thead><tr><th scope="col">true ↓ predicted →</th>${heads.join('')}<th scope="col">recall</th><th scope="col">samples</th></tr></thead>
<tbody>
${body.join('\n')}
</tbody>
<tfoot><tr><th scope="row">precision</th>${precision.join('')}<td></td><td>${count(sum(rows))}</td></tr></tfoot>
</table>
</div>`;
}

/** Classes of the table by its size: small cells for many classes, and upright names where they are wide. */
function look(names: readonly string[]): string {
  const [size, widest] = names.length <= 12 ? ['few', 8] : names.length <= 40 ? ['some', 3] : ['many', 3];
  return names.some((name) => name.length > widest) ? `${size} upright` : size;
}

function head(scope: 'row' | 'col', name: string): string {
  const text = escapeXml(name);
  return `<th scope="${scope}"><span title="${text}">${text}</span></th>`;
}

/** The root, and the 12 % to begin with, make a few errors among many hits visible. */
function cell(n: number, total: number, hit: boolean, truth: string, predicted: string): string {
  if (n === 0) return hit ? '<td class="hit">0</td>' : '<td></td>';
  const shade = Math.round(12 + 60 * Math.sqrt(n / total));
  const title = escapeXml(`true ${truth}, predicted ${predicted}: ${n}`);
  return `<td${hit ? ' class="hit"' : ''} style="--shade:${shade}%" title="${title}">${count(n)}</td>`;
}

function sum(list: readonly number[]): number {
  return list.reduce((a, b) => a + b, 0);
}

function ratio(a: number, b: number): string {
  return b === 0 ? '–' : (a / b).toFixed(3);
}

function count(n: number): string {
  return n.toLocaleString('en');
}
