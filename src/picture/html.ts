/** A net as one page that needs nothing else: the picture, and a table of what is in it. */
import { escapeXml } from '../util/xml.ts';
import { type Card, cost, type Picture, totals } from './cards.ts';
import { toSvg } from './svg.ts';

/** A whole HTML document. */
export function toHtml(picture: Picture, name: string): string {
  const title = escapeXml(name);
  const sum = cost(totals(picture));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<header><h1>${title}</h1><p>${escapeXml(sum)}</p></header>
<input type="checkbox" id="fit"><label for="fit">fit to the window</label>
<main>
${toSvg(picture, name).trimEnd()}
</main>
<table>
<thead><tr><th>name</th><th>type</th><th>options</th><th>output</th><th>parameters</th><th>multiply-adds</th></tr></thead>
<tbody>
${picture.cards.map(row).join('\n')}
</tbody>
</table>
</body>
</html>
`;
}

function row({ name, type, lines, shape, parameters, macs }: Card): string {
  const texts = [
    name,
    type,
    lines.join('\n'),
    shape,
    parameters.toLocaleString('en'),
    macs?.toLocaleString('en') ?? '',
  ];
  return `<tr>${texts.map((text) => `<td>${escapeXml(text)}</td>`).join('')}</tr>`;
}

const style = `
:root{color-scheme:light dark}
body{margin:0;padding:16px 20px;font:14px/1.5 system-ui,sans-serif;background:#fff;color:#1f2328}
header{display:flex;gap:16px;align-items:baseline;flex-wrap:wrap}
h1{font-size:18px;margin:0}
p{margin:0;color:#57606a}
label{margin-left:4px}
main{margin:12px 0;overflow:auto;border:1px solid #d1d9e0;border-radius:6px;text-align:center}
#fit:checked~main svg{max-width:100%;max-height:calc(100vh - 110px);height:auto}
table{border-collapse:collapse;font-size:13px}
th,td{text-align:left;vertical-align:top;padding:4px 12px 4px 0;border-bottom:1px solid #d1d9e0}
td{white-space:pre-wrap}
td,th{font-variant-numeric:tabular-nums}
th:nth-child(n+5),td:nth-child(n+5){text-align:right}
@media (prefers-color-scheme:dark){
body{background:#0d1117;color:#f0f6fc}
p{color:#9198a1}
main,th,td{border-color:#3d444d}
}
`;
