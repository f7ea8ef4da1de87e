/**
 * The reader of profiles as one file (`npm run view`): the report's own page with a place to drop files on, and the bundled
 * program of `view.ts`, which may run only what its policy names and ask for nothing.
 */
import { element, markup } from "../src/report/marks/svg.ts";
import { page } from "../src/report/page.ts";
import { STEP_SLIDER } from "../src/report/trajectory/page.ts";

const STYLE = `
.choose{display:inline-block;border:1px solid var(--model);border-radius:4px;padding:6px 16px;color:var(--model);cursor:pointer;font-size:16px}
.choose:hover{background:var(--sheet)}
.choose:has(:focus-visible){outline:2px solid var(--model);outline-offset:3px}
.choose input{position:absolute;opacity:0;width:1px;height:1px;pointer-events:none}
.drop{border:2px dashed var(--rule);border-radius:8px;padding:40px 32px;margin:36px 0 0}
.over .drop,.over .bar{border-color:var(--model);background:var(--sheet)}
[role=alert]{color:var(--warn);margin:16px 0 0;white-space:pre-line}
[role=alert]:empty{display:none}
.bar{display:none}
iframe{display:none;border:0;width:100%;flex:1;min-height:0}
body.reading{display:flex;flex-direction:column;height:100vh;height:100dvh;max-width:none;padding:0}
.reading .top,.reading footer{display:none}
.reading iframe{display:block}
.reading .bar{display:flex;flex-wrap:wrap;align-items:center;gap:6px 10px;padding:8px 16px;border-bottom:1px solid var(--rule);font-size:14px}
.bar ul{display:flex;flex-wrap:wrap;gap:6px;list-style:none;margin:0;padding:0;flex:1 1 240px;min-width:0;max-height:30vh;overflow:auto}
.bar button{font:inherit;color:inherit;background:none;border:1px solid var(--rule);border-radius:4px;padding:4px 10px;cursor:pointer;max-width:100%;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.bar button:hover{border-color:var(--faint)}
.bar button[aria-pressed=true]{background:var(--ink);color:var(--paper);border-color:var(--ink)}
.bar .choose{font-size:14px;padding:3px 10px}
.bar [role=alert]{flex:1 1 100%;margin:0}
@media print{.bar{display:none!important}}
`.trim();

const chooser = (label: string): string =>
  element("label", { class: "choose" }, markup(label), '<input type="file" multiple accept=".json,application/json">');

const BODY = [
  element(
    "header",
    { class: "top" },
    element("p", { class: "kind" }, "<b>lossyscope</b>", "<span>reader of profiles</span>"),
    element("h1", {}, "Drop a profile here."),
    element(
      "div",
      { class: "beside" },
      "<p>A profile is the JSON that <code>lossyscope measure</code> writes, a trajectory that of <code>lossyscope trajectory</code>. Each is drawn as its report; profiles of one text are compared as well.</p>",
      "<p>What you drop is read in this page and goes nowhere.</p>",
    ),
    element("div", { class: "drop" }, chooser("Choose files"), '<p role="alert"></p>'),
    "<noscript><p>This page reads files with a script of its own, and scripts are switched off here.</p></noscript>",
  ),
  element(
    "div",
    { class: "bar", role: "region", "aria-label": "What is read" },
    "<ul></ul>",
    '<button type="button" id="save">Save this page</button>',
    chooser("More files"),
    '<p role="alert"></p>',
  ),
  '<iframe title="report" sandbox="allow-scripts allow-downloads"></iframe>',
].join("");

/** @param program the bundle of `view.ts` */
export const viewPage = (program: string): string =>
  page({ title: "lossyscope: reader of profiles", body: BODY, script: program, style: STYLE, framed: [STEP_SLIDER] });
