/** How a report looks, in the colors of the viewer's theme. Names such as `--train` are read by its script. */
export const style = `
:root{color-scheme:light dark;--paper:#fff;--ink:#1f2328;--soft:#59636e;--line:#d1d9e0;--train:#0969da;--test:#bc4c00;--other:#8250df;--good:#0969da;--bad:#d1570a}
@media (prefers-color-scheme:dark){
:root{--paper:#0d1117;--ink:#f0f6fc;--soft:#9198a1;--line:#3d444d;--train:#58a6ff;--test:#f0883e;--other:#bc8cff;--good:#388bfd;--bad:#f0883e}
}
body{margin:0 auto;max-width:1280px;padding:16px 20px;font:14px/1.5 system-ui,sans-serif;background:var(--paper);color:var(--ink)}
h1{font-size:20px;margin:0;overflow-wrap:anywhere}
h2{font-size:16px;margin:24px 0 8px;overflow-wrap:anywhere}
header p,.note{margin:0;color:var(--soft);overflow-wrap:anywhere}
.note{display:flex;flex-wrap:wrap;gap:4px 16px}
.note label{color:var(--ink)}
.wide{overflow-x:auto}
.scroll{overflow:auto;max-height:90vh;margin-top:6px}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,520px),1fr));gap:16px;margin-top:8px;align-items:start}
figure{margin:0;min-width:0;padding:8px;border:1px solid var(--line);border-radius:6px}
figcaption{font-weight:600;overflow-wrap:anywhere}
.u-legend{color:var(--ink)}
.u-select{background:color-mix(in srgb,var(--ink) 12%,transparent)}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
.values th,.values td{text-align:left;padding:3px 14px 3px 0;border-bottom:1px solid var(--line)}
.values tbody th{font-weight:400;max-width:60ch;overflow-wrap:break-word}
.values td{white-space:nowrap}
.confusion{border-collapse:separate;border-spacing:1px}
.confusion th,.confusion td{padding:4px 8px;text-align:right;font-weight:400}
.confusion td{min-width:1.6em;background:color-mix(in srgb,var(--bad) var(--shade,0%),transparent)}
.confusion .hit{background:color-mix(in srgb,var(--good) var(--shade,0%),transparent);font-weight:600}
.confusion thead th{position:sticky;top:0;z-index:1;background:var(--paper);vertical-align:bottom}
.confusion tbody th,.confusion tfoot th,.confusion thead th:first-child{position:sticky;left:0;background:var(--paper)}
.confusion thead th:first-child{z-index:2;color:var(--soft)}
.confusion th{white-space:nowrap}
.confusion th span{display:inline-block;max-width:18ch;overflow:hidden;text-overflow:ellipsis;vertical-align:bottom}
.upright thead span,.some tfoot span,.many tfoot span{writing-mode:vertical-rl;transform:rotate(180deg)}
.confusion.upright thead span{max-width:none;max-height:18ch}
.some th,.some td{padding:2px 4px;font-size:12px}
.many th,.many td{padding:0 2px;font-size:10px}
.confusion tfoot td,.confusion tbody td:nth-last-child(-n+2){color:var(--soft);background:none}
`;
