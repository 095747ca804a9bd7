/** How the page looks: on paper, on a light screen and on a dark one. Owns the style sheet alone. */
export const STYLE = `
:root { --ink: #1c1c1c; --soft: #5a5a5a; --paper: #ffffff; --line: #c9c9c9; --band: #f4f4f4; --ours: #e9f2f9; --good: #0b6b4d; --bad: #a8420a; --warn: #fff6e0; --warnline: #e0b040; --link: #00568a; color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e6e6; --soft: #a8a8a8; --paper: #16181b; --line: #44484d; --band: #202327; --ours: #1b2c3a; --good: #5fd0a5; --bad: #ff9a5c; --warn: #332a14; --warnline: #8a6a20; --link: #7cc0f0; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.2rem 1.5rem 4rem; max-width: 62rem; background: var(--paper); color: var(--ink); font: 15px/1.5 Georgia, 'Times New Roman', 'Liberation Serif', serif; }
h1, h2, h3, table, figcaption, nav, pre, .meta, .tally { font-family: Helvetica, Arial, 'Liberation Sans', sans-serif; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.25rem; margin: 2.6rem 0 .6rem; padding-top: .6rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.6rem 0 .4rem; }
p { margin: .5rem 0; max-width: 48rem; }
a { color: var(--link); }
.meta { color: var(--soft); font-size: .9rem; }
nav { font-size: .9rem; margin: 1rem 0; columns: 2; } nav ol { margin: 0; padding-left: 1.4rem; }
pre, code { font: .85rem/1.4 'Liberation Mono', Menlo, Consolas, monospace; }
pre { background: var(--band); padding: .5rem .8rem; white-space: pre-wrap; overflow-wrap: anywhere; }
.warnings { background: var(--warn); border-left: 4px solid var(--warnline); padding: .4rem 1rem; margin: 1rem 0; } .warnings ul { margin: .3rem 0; padding-left: 1.2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .82rem; line-height: 1.35; margin: .6rem 0 1rem; border-top: 2px solid var(--ink); border-bottom: 2px solid var(--ink); font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: bold; padding: .3rem 0; }
th, td { padding: .2rem .7rem .2rem 0; text-align: right; vertical-align: top; white-space: nowrap; }
th:first-child, td:first-child { padding-left: .35rem; } th:last-child, td:last-child { padding-right: .35rem; }
thead th { border-bottom: 1px solid var(--ink); vertical-align: bottom; }
tbody th { font-weight: normal; text-align: left; }
th.text, td.text { text-align: left; white-space: normal; overflow-wrap: break-word; } tbody th.text { min-width: 8.5rem; max-width: 16rem; }
tr.ours { background: var(--ours); } tr.ours th { font-weight: bold; }
td small, th small { color: var(--soft); font-size: .92em; } td small { display: block; }
th small { display: block; font-weight: normal; white-space: normal; max-width: 16rem; }
.ahead, .faster { color: var(--good); } .behind, .slower { color: var(--bad); font-weight: bold; } .near, .same { color: var(--soft); }
.matrix { font-size: .76rem; } .matrix th, .matrix td { padding-right: .55rem; } .matrix thead th { white-space: normal; max-width: 5.2rem; } .matrix tbody th { white-space: normal; min-width: 9rem; } .line { display: block; font-size: .92em; }
figure { margin: 1rem 0 1.4rem; } figure svg { max-width: 100%; height: auto; display: block; background: #ffffff; border-radius: 4px; }
figcaption { font-size: .82rem; color: var(--soft); margin-top: .35rem; max-width: 47rem; }
details { margin: .5rem 0 1rem; } summary { cursor: pointer; font: .85rem Helvetica, Arial, sans-serif; color: var(--link); }
footer { margin-top: 3rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .85rem; }
@media print {
  :root { --ink: #000; --soft: #444; --paper: #fff; --line: #bbb; --band: #f4f4f4; --ours: #eef4f9; --good: #0b6b4d; --bad: #a8420a; --warn: #fff; --link: #000; }
  body { max-width: none; padding: 0; font-size: 10pt; } figure, tr, .warnings { break-inside: avoid; } h2, h3, caption { break-after: avoid; } details > :not(summary) { display: none; } .scroll { overflow: visible; } table { font-size: 7.5pt; } .matrix { font-size: 6.5pt; } .matrix th, .matrix td { padding-right: .3rem; } .matrix tbody th { min-width: 0; }
}`
