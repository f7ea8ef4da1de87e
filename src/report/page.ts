/**
 * The report's one page: style sheet, the little script and the frame around the sections. Nothing is loaded from
 * anywhere: system fonts, inline SVG, and a content policy that forbids every request and every script but the page's
 * own, by its digest. All is readable without the script; it adds what a token cost and what was expected
 * instead, and saves drawings and their numbers. What is folded stays folded in print.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { REPORT_MARK, VERSION } from "../profile/version.ts";
import { heatElement } from "./marks/heat.ts";
import { element, markup } from "./marks/svg.ts";
import { THEMES } from "./palette.ts";

function variables(theme: (typeof THEMES)[keyof typeof THEMES]): string {
  const { heat, ...colours } = theme;
  const named = Object.entries(colours).map(([name, value]) => `--${name}:${value}`);
  return [...named, ...heat.map((value, step) => `--heat${step}:${value}`)].join(";");
}

const steps = THEMES.light.heat.map((_, step) => step);

const STYLE = `
:root{color-scheme:light dark;${variables(THEMES.light)};
--serif:"Iowan Old Style","Palatino Linotype",Palatino,"Source Serif 4",Charter,Georgia,"Liberation Serif",serif;
--sans:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Liberation Sans",Arial,sans-serif;
--mono:ui-monospace,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace}
@media (prefers-color-scheme:dark){:root{${variables(THEMES.dark)}}}
*{box-sizing:border-box}
html{background:var(--paper);color:var(--ink);-webkit-text-size-adjust:100%;scroll-behavior:smooth}
body{margin:0 auto;max-width:1120px;padding:0 24px 96px;font:16px/1.55 var(--sans);overflow-wrap:break-word}
p{margin:0 0 .75em}
h1,h2{font-family:var(--serif);font-weight:400;text-wrap:balance;letter-spacing:-.01em;margin:0}
h3{font:600 12px/1.4 var(--sans);letter-spacing:.02em;margin:0 0 .5em;color:var(--ink)}
a{color:inherit;text-decoration-color:var(--rule);text-underline-offset:3px}
a:hover{text-decoration-color:currentColor}
:focus-visible{outline:2px solid var(--model);outline-offset:3px;border-radius:2px}
code{font:.86em var(--mono);white-space:pre-wrap}
data{font-variant-numeric:tabular-nums}
.top{padding:56px 0 40px;max-width:920px}
.top .kind{display:flex;flex-wrap:wrap;gap:4px 12px;font-size:13px;color:var(--muted);margin:0 0 40px}
.top .kind b{font-weight:600;color:var(--ink)}
.top h1{font-size:clamp(32px,5.6vw,60px);line-height:1.1}
.top .beside{margin:28px 0 0;font-size:18px;line-height:1.55;max-width:44em}
.top .beside p{margin:0 0 .4em}
.notice{border-left:3px solid var(--warn);padding:2px 0 2px 16px;margin:0 0 36px;color:var(--warn);font-size:18px;font-weight:600;line-height:1.45}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:20px 32px;margin:44px 0 0;padding:0}
.facts div{border-top:1px solid var(--rule);padding-top:10px}
.facts dt{font-size:13px;color:var(--muted)}
.facts dd{margin:2px 0 0;font:22px/1.3 var(--serif);font-variant-numeric:lining-nums}
nav{border-top:1px solid var(--rule);padding:14px 0;font-size:14px;display:flex;flex-wrap:wrap;gap:4px 22px}
section{display:grid;grid-template-columns:minmax(0,720px) minmax(0,280px);grid-template-areas:"head head" "body note";column-gap:72px;border-top:1px solid var(--rule);padding:52px 0 64px}
section>header{grid-area:head;display:flex;flex-wrap:wrap;align-items:baseline;justify-content:space-between;gap:4px 24px;margin-bottom:32px}
section h2{font-size:clamp(25px,3vw,32px);line-height:1.2;max-width:22em}
.methods{font-size:12px;color:var(--muted);margin:0;white-space:nowrap}
.body{grid-area:body;min-width:0}
aside{grid-area:note;font-size:14px;line-height:1.55;color:var(--muted)}
aside p+h3{margin-top:2em}
.lede{font:20px/1.45 var(--serif);margin-bottom:1em}
.small,.aside,.absent{font-size:14px;color:var(--muted)}
.aside,.absent{border-left:2px solid var(--rule);padding-left:14px}
figure{margin:0 0 36px}
figcaption{font-size:14px;line-height:1.4;font-weight:600;margin-bottom:14px}
svg{display:block;width:100%;height:auto;overflow:visible;font:13px var(--sans);font-variant-numeric:tabular-nums}
svg.narrow{display:none}
figure:has(>.save){margin-bottom:14px}
.save{margin:4px 0 0;font-size:12px;color:var(--muted);text-align:right}
.save button{font:inherit;color:inherit;background:none;border:1px solid var(--rule);border-radius:3px;padding:1px 6px;cursor:pointer}
.save button:hover{color:var(--ink);border-color:var(--faint)}
@media (hover:hover){.save{opacity:0}figure:hover>.save,.save:focus-within{opacity:1}}
svg.spark{width:84px;height:20px}
svg text{fill:var(--ink)}
svg .tick{fill:var(--muted);font-size:12px}
svg .title{fill:var(--muted);font-size:12.5px}
svg .tag{fill:var(--muted);font-size:12.5px;paint-order:stroke;stroke:var(--paper);stroke-width:4px;stroke-linejoin:round}
svg.deep .quiet .more,svg .pointed{display:none}
svg.deep .quiet:hover .more,svg.deep .chosen .more,.every:checked~svg.deep .more,.quiet:hover>.pointed,.chosen>.pointed{display:inline}
.chosen>.dot{stroke:var(--ink);stroke-width:2.5}
.every{margin:0 8px 12px 0;accent-color:var(--model);vertical-align:middle}
.slider.layers{accent-color:var(--model)}.slider.layers output{flex:1 1 100%;font-size:13px}.slider.layers input{accent-color:var(--model)}
svg .note{fill:var(--warn);font-size:12.5px;font-style:italic;paint-order:stroke;stroke:var(--paper);stroke-width:4px;stroke-linejoin:round}
svg .layer{font-size:12px;font-weight:600;paint-order:stroke;stroke:var(--paper);stroke-width:4px;stroke-linejoin:round}
svg text.model{fill:var(--model);font-weight:600}
svg text.raw,svg text.written{fill:var(--muted)}
svg text.model.written{fill:var(--model)}
.grid{stroke:var(--rule);stroke-width:1}
.zero,.here{stroke:var(--faint);stroke-width:1}
.here{stroke-dasharray:2 3}
.bar.raw{fill:var(--rule)}.bar.plain{fill:var(--faint)}.bar.model{fill:var(--model)}
.whisker{stroke:var(--ink);stroke-width:1.4;fill:none}
.line{fill:none;stroke-width:1.8;stroke-linejoin:round}
.line.broken{stroke-width:1.4;stroke-dasharray:4 3}
.error{fill:none;stroke-width:1.5;opacity:.75}
.dot{stroke:var(--paper);stroke-width:1}
.reference{fill:none;stroke:var(--faint);stroke-width:1.3}
.reference.diagonal{stroke-dasharray:1 4;stroke-linecap:round}
.reference.limit{stroke-dasharray:7 4}
.reference.frontier,.reference.best{stroke:var(--second);stroke-width:1.8}
.line.thin{stroke-width:1.2}.line.thin.faint{stroke-width:1;opacity:.55}
.course{fill:none;stroke:var(--faint);stroke-width:1;opacity:.45}
.ring{fill:none;stroke-width:2}.ring.fourth{stroke:var(--fourth)}
.stretch{fill:var(--fourth);opacity:.16}
.by-chance{fill:var(--faint);opacity:.22}.swatch.by-chance{background:var(--faint);opacity:.35}
.square-name{font-size:12.5px}.square-value{font-size:12px;font-variant-numeric:tabular-nums}
.at-step{display:none}.at-step.now{display:inline}p.at-step.now{display:block}
.slider{display:flex;flex-wrap:wrap;align-items:center;gap:8px 16px;font-size:14px;color:var(--muted);margin:4px 0 12px}
.slider[hidden]{display:none}
.slider input{flex:1 1 260px;accent-color:var(--fourth)}
.slider output{min-width:6em;color:var(--ink);font-variant-numeric:tabular-nums}
.trail{fill:none;stroke:var(--faint);stroke-width:1.2}
.ray{stroke:var(--faint);stroke-width:1;opacity:.45}
.ghost{fill:none;stroke:var(--faint);stroke-width:1.1}
.dot.depth{fill:color-mix(in oklab,var(--model) var(--depth,100%),var(--from))}
.error.depth{stroke:color-mix(in oklab,var(--model) var(--depth,100%),var(--from));opacity:1}
${["model", "second", "third", "fourth", "faint"].map((tone) => `.line.${tone},.error.${tone}{stroke:var(--${tone})}.dot.${tone}{fill:var(--${tone})}.dot.${tone}.hollow{stroke:var(--${tone})}`).join("")}
.dot.hollow{fill:var(--paper);stroke-width:1.8}
svg.matrix{max-width:480px}
.cell{fill:var(--model);shape-rendering:crispEdges}.cell.none{fill:none}
.most{fill:var(--paper);stroke:var(--ink);stroke-width:1}
.dot.depth.hollow{stroke:color-mix(in oklab,var(--model) var(--depth,100%),var(--from))}
.band{stroke:var(--paper);stroke-width:1.2}
.band.known,.swatch.known{fill:var(--model);background:var(--model)}
.band.made-up,.swatch.made-up{fill:var(--heat4);background:var(--heat4)}
.band.beside-point,.swatch.beside-point{fill:var(--rule);background:var(--rule)}
.knowing .whisker{stroke-width:1.2}
.guessing{fill:none;stroke:var(--ink);stroke-width:1.3;stroke-dasharray:2 4;stroke-linecap:round}
path.sure{fill:none;stroke:var(--ink);stroke-width:2.2;stroke-linejoin:round}
path.sure.halo{stroke:var(--paper);stroke-width:5.5}
circle.sure{fill:var(--ink);stroke:var(--paper);stroke-width:1.5}
svg text.inside{font-weight:600}svg text.inside.known{fill:var(--paper)}
svg text.sure{fill:var(--ink);font-weight:600}
.sensor{fill:transparent}
.short{white-space:nowrap}
.said{padding:1px 7px;border-radius:3px}
.said.known{background:var(--model);color:var(--paper)}
.said.made-up{background:var(--heat4)}
.said.beside-point{background:var(--rule)}
.panels{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,300px),1fr));gap:8px 36px;align-items:start}
.key-beside{align-self:center}.key-beside .legend{flex-direction:column}.key-beside p{font-size:13px;color:var(--muted)}
.legend{display:flex;flex-wrap:wrap;gap:6px 20px;font-size:13px;line-height:1.4;color:var(--muted);margin:14px 0 20px}
.legend span{display:flex;gap:8px}
.swatch{flex:none;width:20px;height:9px;margin-top:5px;border-bottom:0 solid var(--faint)}
.swatch.dot,.swatch.hollow,.swatch.ghost{width:10px;height:10px;border-radius:50%;background:var(--model);border:0}
.swatch.hollow{background:none;border:2px solid var(--model)}
.swatch.ghost{background:none;border:1px solid var(--faint)}
.swatch.second{background:var(--second)}.swatch.third{background:var(--third)}.swatch.fourth{background:var(--fourth)}
.swatch.quiet{background:var(--faint)}
.swatch.diagonal,.swatch.frontier,.swatch.limit,.swatch.faint,.swatch.guessing,.swatch.sure{height:0;margin-top:9px;border-bottom-width:2px;border-bottom-style:dashed;background:none}
.swatch.diagonal{border-bottom-style:dotted}
.swatch.guessing{border-color:var(--ink);border-bottom-style:dotted}
.swatch.sure{border-color:var(--ink);border-bottom-style:solid}
.swatch.frontier{border-bottom-style:solid;border-color:var(--second)}
input[name=order]{position:absolute;opacity:0;pointer-events:none}
.selector{display:flex;flex-wrap:wrap;align-items:center;gap:8px;font-size:14px;color:var(--muted);margin:20px 0 24px}
.selector label{min-width:40px;text-align:center;padding:5px 12px;border:1px solid var(--rule);border-radius:4px;color:var(--ink);cursor:pointer}
.selector label:hover{border-color:var(--faint)}
.order{display:none}
.scroll{overflow-x:auto;margin:0 0 28px;container-type:inline-size}
table{border-collapse:collapse;font-size:14px;width:100%}
caption{text-align:left;font-weight:600;padding-bottom:8px}caption span{position:sticky;left:0;display:inline-block;max-width:100cqw}
th,td{overflow-wrap:normal;text-align:right;padding:6px 0 6px 18px;border-bottom:1px solid var(--rule);vertical-align:top;font-weight:400}
th:first-child{text-align:left;padding-left:0}
.words td,.words th{text-align:left}.figures td{white-space:nowrap}.figures td.long{white-space:normal;min-width:14em}
thead th{color:var(--muted);font-size:13px;vertical-align:bottom}
td data{white-space:nowrap}
td svg.spark{display:inline-block}
.near{display:inline-block;padding-right:20px}.near data{color:var(--muted)}
details summary{cursor:pointer;font-size:14px}
.numbers{margin:8px 0 20px}
.numbers>summary{color:var(--muted);width:max-content;max-width:100%}
.numbers[open]>summary{margin-bottom:16px}
.numbers>summary:hover{color:var(--ink)}
.passage{border-top:1px solid var(--rule);padding:12px 0}
.passage h3{display:flex;flex-wrap:wrap;justify-content:space-between;gap:2px 16px;font-size:14px;margin:0 0 10px}
.passage h3 span{font-weight:400;color:var(--muted)}
.shaded{max-height:520px;overflow:auto;font:15px/1.75 var(--mono);white-space:pre-wrap;unicode-bidi:isolate;tab-size:4}
.words-of{font:14px/1.6 var(--mono);white-space:pre-wrap;unicode-bidi:isolate;tab-size:4;margin:0}
.words-of.prompt{color:var(--muted);margin-bottom:10px}
.words-of mark{background:var(--heat3);color:inherit}
.beside-each-other{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,280px),1fr));gap:8px 28px}
h4{font:400 12px/1.4 var(--sans);color:var(--muted);margin:0 0 2px}
.key{font-size:13px}.key span:first-child{font-weight:600;color:var(--ink)}
.key i{width:1.2em;border:1px solid var(--rule)}
${steps
  .slice(1)
  .map((step) => `${heatElement(step).replace("-", "\\-")}{background:var(--heat${step})}`)
  .join("")}
::highlight(token){background-color:var(--ink);color:var(--paper)}
#tip{position:fixed;z-index:1;pointer-events:none;background:var(--ink);color:var(--paper);font:13px/1.4 var(--sans);font-variant-numeric:tabular-nums;padding:5px 9px;border-radius:4px;max-width:260px}
.references{border-top:1px solid var(--rule);padding:52px 0 64px;max-width:760px}.references h2{font-size:clamp(25px,3vw,32px);margin-bottom:20px}
.references details{border-top:1px solid var(--rule);padding:8px 0}.method{font-size:14px;line-height:1.55;padding:8px 0}.method ul{padding-left:1.2em}.method table{width:auto;display:block;overflow-x:auto}.method li>p{margin:0}
footer{border-top:1px solid var(--rule);padding-top:16px;font-size:13px;color:var(--muted)}
@media (max-width:1080px){section{grid-template-columns:minmax(0,1fr);grid-template-areas:"head" "body" "note";max-width:760px}aside{margin-top:20px;display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,280px),1fr));gap:0 36px;grid-auto-flow:row}}
@media (max-width:1080px){aside h3,aside p{grid-column:1/-1}}
@media (max-width:720px){body{padding:0 18px 64px}.top{padding-top:32px}.top .kind{margin-bottom:28px}svg.wide{display:none}svg.narrow{display:block;max-width:480px}section{padding:36px 0 44px}.facts{grid-template-columns:1fr 1fr;gap:16px 20px}.selector span{flex-basis:100%}th,td{padding-left:12px}}
@media screen and (max-width:720px){.stack thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}.stack,.stack caption,.stack tbody,.stack tr{display:block}.stack tr{border-bottom:1px solid var(--rule);padding:8px 0}.stack th,.stack td{display:grid;grid-template-columns:6em minmax(0,1fr);gap:0 8px;border:0;padding:1px 0;justify-items:start}.stack [data-head]::before{content:attr(data-head);color:var(--muted)}}
@media print{:root{${variables(THEMES.light)}}body{max-width:none;padding:0;font-size:9.5pt;line-height:1.4}nav,.slider,.every,.every+label,.save,#tip{display:none}
.top{padding:0 0 20px;max-width:none}.top .kind{margin:0 0 16px}.top h1{font-size:26pt}.top .beside{margin-top:14px;font-size:11pt}.facts{grid-template-columns:repeat(5,1fr);gap:0 16px;margin-top:18px}.facts dd{font-size:14pt}
section{display:block;max-width:none;padding:14px 0 4px}section>header{margin-bottom:12px}section h2{font-size:16pt}section>header,h3,h4,figcaption,caption,summary,.lede{break-after:avoid}
aside{display:block;columns:2;column-gap:32px;margin:8px 0 0;font-size:8.5pt;line-height:1.4}aside p,aside h3{break-inside:avoid}.lede{font-size:12pt}.small,.aside,.absent{font-size:8.5pt}
figure{margin-bottom:14px}figure,tr,.passage{break-inside:avoid}svg.wide{display:block;max-width:620px}svg.narrow{display:none}svg.matrix,svg.panel{max-width:340px}.panels{grid-template-columns:repeat(2,minmax(0,1fr))}
.scroll{margin-bottom:14px;overflow:visible}table,details summary{font-size:8.5pt}th,td{padding:3px 0 3px 12px}.figures td{white-space:normal}.numbers{margin:4px 0 10px}.references{padding:14px 0}.references h2{font-size:16pt;margin:0 0 8px}.references details{display:inline-block;border:0;padding:0 14px 2px 0}.references details[open]{display:block}
.shaded{max-height:none;overflow:visible;font-size:9pt;line-height:1.5}.passage:has(>.shaded){break-inside:auto}.shaded *,.bar,.swatch,.said,.words-of mark,.selector label{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
`;

/** Reads what `encodeCells` and `encodeExpected` wrote (`marks/heat.ts`). */
const SCRIPT = `
(()=>{
const tip=document.createElement("div");tip.id="tip";tip.hidden=true;tip.setAttribute("role","status");document.body.append(tip);
const known=new WeakMap();
const value=(text,at)=>text.charCodeAt(at)-63;
const read=(box)=>{
  if(known.has(box))return known.get(box);
  const{bits,lengths,expected="",each=0,names="[]"}=box.dataset,ends=[],starts=new Map();
  for(let cell=0,at=0,end=0;cell*2<bits.length;cell++){
    let length=1;
    if(lengths!==undefined){length=0;let digit;do{digit=value(lengths,at++);length+=digit}while(digit===63)}
    ends.push(end+=length)
  }
  const walk=document.createTreeWalker(box,NodeFilter.SHOW_TEXT);
  for(let at=0;walk.nextNode();at+=walk.currentNode.length)starts.set(walk.currentNode,at);
  const found={bits,ends,starts,expected,each:+each,names:JSON.parse(names),cell:-1};known.set(box,found);return found
};
const caret=(x,y)=>{
  if(document.caretPositionFromPoint){const at=document.caretPositionFromPoint(x,y);return at&&[at.offsetNode,at.offset]}
  const at=document.caretRangeFromPoint&&document.caretRangeFromPoint(x,y);return at&&[at.startContainer,at.startOffset]
};
const rangeOf=(found,cell)=>{
  const start=cell?found.ends[cell-1]:0,end=found.ends[cell],range=document.createRange();let set=false;
  for(const[node,at]of found.starts){
    if(!set&&start<at+node.length){range.setStart(node,start-at);set=true}
    if(set&&end<=at+node.length){range.setEnd(node,end-at);return range}
  }
};
let stepped=null;
const hide=()=>{tip.hidden=true;stepped=null;if(window.CSS&&CSS.highlights)CSS.highlights.delete("token")};
const plain=(text)=>text.replace(/\\n|␊/g,"↵").replace(/\\t|␉/g,"⇥");
const percent=(share)=>share<.001?"under 0.1 %":(100*share).toFixed(share<.1?1:0)+" %";
const say=(found,cell,range,x,y,above)=>{
  const came=plain(range.toString()),hundredths=value(found.bits,2*cell)*64+value(found.bits,2*cell+1);
  const lines=[(hundredths===4095?"40.95 bits or more":(hundredths/100).toFixed(2)+" bits")+" for “"+came+"”"];
  for(let rank=0;rank<found.each;rank++){
    const at=5*(cell*found.each+rank),digit=(of)=>value(found.expected,at+of);
    if(at>=found.expected.length)break;
    const name=found.names[digit(0)*4096+digit(1)*64+digit(2)];
    if(name===undefined)continue;
    if(lines.length===1)lines.push("likeliest here:");
    lines.push(percent((digit(3)*64+digit(4))/4095)+" “"+plain(name)+"”"+(plain(name)===came?", which came":""))
  }
  tip.replaceChildren(...lines.map((line)=>{const row=document.createElement("div");row.textContent=line;return row}));
  tip.hidden=false;
  const size=tip.getBoundingClientRect();
  tip.style.left=Math.max(4,Math.min(x,innerWidth-size.width-8))+"px";
  tip.style.top=(y+size.height>innerHeight?Math.max(4,above-size.height):y)+"px";
  if(window.CSS&&CSS.highlights&&window.Highlight)CSS.highlights.set("token",new Highlight(range))
};
const show=(event)=>{
  const box=event.target.closest&&event.target.closest(".shaded");
  if(!box)return stepped&&event.type==="pointermove"?undefined:hide();
  const at=caret(event.clientX,event.clientY);if(!at)return hide();
  const found=read(box),start=found.starts.get(at[0]);if(start===undefined)return hide();
  for(const offset of[start+at[1],start+at[1]-1]){
    let low=0,high=found.ends.length;
    while(low<high){const middle=(low+high)>>1;if(found.ends[middle]>offset)high=middle;else low=middle+1}
    if(offset<0||low>=found.ends.length)continue;
    const range=rangeOf(found,low);
    if(range&&[...range.getClientRects()].some((r)=>event.clientX>=r.left&&event.clientX<=r.right&&event.clientY>=r.top-4&&event.clientY<=r.bottom+4)){
      stepped=null;found.cell=low;
      return say(found,low,range,event.clientX+12,event.clientY+22,event.clientY-12)
    }
  }
  hide()
};
const beside=(found)=>{
  const range=rangeOf(found,found.cell),r=range&&[...range.getClientRects()].find((one)=>one.width>0)||range&&range.getBoundingClientRect();
  if(r)say(found,found.cell,range,r.left,r.bottom+8,r.top-8);
  return r
};
addEventListener("keydown",(event)=>{
  const box=event.target.classList&&event.target.classList.contains("shaded")?event.target:null;
  if(!box||event.ctrlKey||event.metaKey||event.altKey||event.shiftKey)return;
  if(event.key==="Escape")return hide();
  const found=read(box),last=found.ends.length-1;
  const to={ArrowRight:found.cell+1,ArrowLeft:found.cell<0?0:found.cell-1,Home:0,End:last}[event.key];
  if(to===undefined||last<0)return;
  event.preventDefault();
  found.cell=Math.max(0,Math.min(last,to));stepped=found;
  const r=beside(found);if(!r)return;
  const edge=box.getBoundingClientRect();
  if(r.top<edge.top)box.scrollTop-=edge.top-r.top+24;
  else if(r.bottom>edge.bottom)box.scrollTop+=r.bottom-edge.bottom+24;
  const now=beside(found);
  if(now.top<40)scrollBy({top:now.top-120,behavior:"instant"});
  else if(now.bottom>innerHeight-120)scrollBy({top:now.bottom-innerHeight+160,behavior:"instant"});
  beside(found)
});
for(const box of document.querySelectorAll(".shaded")){
  box.setAttribute("aria-description","The left and right arrow keys go from token to token");
  box.addEventListener("blur",hide)
}
for(const bar of document.querySelectorAll(".slider.layers")){
  const slider=bar.querySelector("input"),told=bar.querySelector("output"),figure=bar.closest("figure"),layers=slider.dataset.layers.split(" ");
  const choose=()=>{
    const layer=layers[slider.value];let said="layer "+layer+": no figure that was held out";
    for(const one of figure.querySelectorAll("[data-layer]")){
      const own=one.dataset.layer===layer;one.classList.toggle("chosen",own);
      if(own)said=one.querySelector("title").textContent
    }
    told.textContent=said;slider.setAttribute("aria-valuetext",said)
  };
  slider.addEventListener("input",choose);told.textContent="move it, or point at a layer, for its figures";bar.hidden=false
}
/* What every element of a drawing looks like, written into it, so that the file needs no style sheet. */
const LOOKS=["fill","fill-opacity","stroke","stroke-width","stroke-dasharray","stroke-linecap","stroke-linejoin","stroke-opacity","paint-order","font-family","font-size","font-weight","font-variant-numeric","text-anchor","shape-rendering"];
const pixel=document.createElement("canvas").getContext("2d",{willReadFrequently:true});
const colour=(value)=>{
  if(!/^(?:ok|color|lab|lch)/.test(value))return value;
  pixel.clearRect(0,0,1,1);pixel.fillStyle=value;pixel.fillRect(0,0,1,1);
  const[r,g,b]=pixel.getImageData(0,0,1,1).data;return "rgb("+r+", "+g+", "+b+")"
};
const drawingOf=(svg)=>{
  const copy=svg.cloneNode(true),pairs=[[svg,copy]],gone=[];
  for(let at=0;at<pairs.length;at++){
    const[from,to]=pairs[at],look=getComputedStyle(from),outer=at?getComputedStyle(from.parentElement):null;
    if(look.display==="none"&&from.localName!=="title"){gone.push(to);continue}
    const css=LOOKS.filter((name)=>outer===null||look.getPropertyValue(name)!==outer.getPropertyValue(name)).map((name)=>name+":"+colour(look.getPropertyValue(name)));
    if(look.opacity!=="1")css.push("opacity:"+look.opacity);
    to.removeAttribute("class");
    if(from.localName==="title"||!css.length)to.removeAttribute("style");else to.setAttribute("style",css.join(";"));
    [...from.children].forEach((child,index)=>pairs.push([child,to.children[index]]))
  }
  for(const one of gone)one.remove();
  const drawn=svg.getBBox(),given=svg.viewBox.baseVal,pad=12;
  const left=Math.min(given.x,drawn.x)-pad,top=Math.min(given.y,drawn.y)-pad;
  const width=Math.max(given.width,drawn.x+drawn.width)+pad-left,height=Math.max(given.height,drawn.y+drawn.height)+pad-top;
  copy.removeAttribute("data-csv");
  copy.setAttribute("viewBox",[left,top,width,height].join(" "));copy.setAttribute("width",width);copy.setAttribute("height",height);
  const of=(name)=>document.createElementNS("http://www.w3.org/2000/svg",name);
  const title=of("title");title.textContent=svg.getAttribute("aria-label");
  const paper=of("rect");for(const[name,is]of Object.entries({x:left,y:top,width,height,fill:getComputedStyle(document.documentElement).backgroundColor}))paper.setAttribute(name,is);
  copy.prepend(title,paper);
  return '<?xml version="1.0" encoding="UTF-8"?>\\n'+new XMLSerializer().serializeToString(copy)+"\\n"
};
const copied=async(text)=>{
  try{await navigator.clipboard.writeText(text)}catch{
    const area=document.createElement("textarea");area.value=text;document.body.append(area);area.select();
    const done=document.execCommand("copy");area.remove();if(!done)throw new Error("not copied")
  }
};
const KINDS={SVG:["image/svg+xml",(figure)=>drawingOf([...figure.querySelectorAll("svg")].find((svg)=>svg.getBoundingClientRect().width>0))],CSV:["text/csv",(figure)=>figure.querySelector("svg[data-csv]").dataset.csv.replace(/\\n/g,"\\r\\n")]};
for(const figure of document.querySelectorAll("figure")){
  if(!figure.querySelector("svg[data-csv]"))continue;
  const caption=figure.querySelector("figcaption").textContent,row=document.createElement("p");row.className="save";
  for(const deed of["save","copy"]){
    row.append(deed+" ");
    for(const kind of["SVG","CSV"]){
      const button=document.createElement("button");button.type="button";button.textContent=kind;
      button.setAttribute("aria-label",deed+" as "+kind+": "+caption);
      button.addEventListener("click",async()=>{
        const[type,make]=KINDS[kind];let told="✓";
        try{
          const text=make(figure);
          if(deed==="copy")await copied(text);
          else{
            const link=document.createElement("a");link.href=URL.createObjectURL(new Blob([text],{type:type+";charset=utf-8"}));
            link.download=(caption.toLowerCase().replace(/[^\\p{L}\\p{N}]+/gu,"-").replace(/^-|-$/g,"").slice(0,60)||"figure")+"."+kind.toLowerCase();
            link.click();setTimeout(()=>URL.revokeObjectURL(link.href),10000)
          }
        }catch{told="✗"}
        button.textContent=kind+" "+told;setTimeout(()=>{button.textContent=kind},1500)
      });
      row.append(button," ")
    }
  }
  figure.append(row)
}
addEventListener("pointermove",show,{passive:true});
addEventListener("pointerdown",show,{passive:true});
addEventListener("scroll",()=>stepped?beside(stepped):hide(),{passive:true,capture:true});
})();
`.trim();

const sourceOf = (script: string): string =>
  `'sha256-${btoa(String.fromCharCode(...sha256(new TextEncoder().encode(script))))}'`;

export interface PageParts {
  /** of the window, plain text */
  readonly title: string;
  /** markup */
  readonly body: string;
  /** of the plane that the selector offers */
  readonly orders?: readonly string[];
  /** the page's own, beside the report's */
  readonly script?: string;
  readonly style?: string;
  /** of pages that this one holds in frames, which are bound by its policy as well as by their own */
  readonly framed?: readonly string[];
}

/** The whole file. */
export function page({ title, body, orders = [], script, style = "", framed = [] }: PageParts): string {
  const scripts = script === undefined ? [SCRIPT] : [SCRIPT, script];
  const allowed = [...scripts, ...framed].map(sourceOf).join(" ");
  const policy = `default-src 'none'; style-src 'unsafe-inline'; script-src ${allowed}; base-uri 'none'; form-action 'none'`;
  const chosen = orders
    .map((order) => {
      const id = `#order-${order}:checked~`;
      return `${id}.order-${order}{display:block}${id}.selector label[for=order-${order}]{background:var(--ink);color:var(--paper);border-color:var(--ink)}#order-${order}:focus-visible~.selector label[for=order-${order}]{outline:2px solid var(--model);outline-offset:2px}`;
    })
    .join("");
  return [
    "<!doctype html>",
    '<html lang="en">',
    "<head>",
    '<meta charset="utf-8">',
    `${REPORT_MARK} ${VERSION}">`,
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    '<meta name="viewport" content="width=device-width,initial-scale=1">',
    '<meta name="referrer" content="no-referrer">',
    element("title", {}, markup(title)),
    `<style>${STYLE}${chosen}${style}</style>`,
    "</head>",
    `<body>${body}${scripts.map((script) => `<script>${script}</script>`).join("")}</body>`,
    "</html>",
    "",
  ].join("\n");
}
