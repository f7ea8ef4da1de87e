/**
 * The summary that a measurement leaves in the terminal: what a person understands in ten seconds, drawn from a profile
 * alone. Sizes as bars, figures with their 95 % intervals, one line a layer, what is missing and why. Foreign text can
 * neither move the cursor nor colour (`visible`). Where files were written is the caller's to say.
 */

import type { Almanac } from "../profile/almanac.ts";
import type { Interval } from "../profile/figures.ts";
import type { GeometryLayer } from "../profile/geometry.ts";
import type { Plane } from "../profile/plane.ts";
import type { Profile } from "../profile/profile.ts";
import { saidOfFiles } from "../text/account.ts";
import { fromRareToCommon, knowledge, type Writer, writers } from "./almanac.ts";
import { besideText } from "./atlas/lockstep.ts";
import { saidOfChat } from "./chat.ts";
import { conceptLines } from "./concepts.ts";
import { factLines } from "./facts.ts";
import {
  ABSENT,
  columns,
  counted,
  figure,
  fit,
  interval,
  percent,
  sentence,
  shortenMiddle,
  si,
  visible,
  wrap,
} from "./format.ts";
import { headline } from "./headline.ts";
import { divergenceSentence, llamaCppSentence } from "./llama-cpp.ts";
import { lmEvalSentence } from "./lm-eval.ts";
import { nextTokenSentence } from "./next-token.ts";
import { precisionSentence } from "./precision.ts";
import { preferenceLines } from "./preference.ts";
import { recallLines } from "./recall.ts";
import { saidOnce, together, whyMissing } from "./refusals.ts";
import { repeatabilitySentence } from "./repeatability.ts";
import { spreadLines } from "./spread.ts";
import { asShown, forTerminal, NARROWEST, proseWidth, type TerminalOptions } from "./terminal-options.ts";
import { fitsWhole, type TextTable, tableLines } from "./text-table.ts";

const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
const SPARKS = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

function bar(share: number, width: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * width * 8);
  return "█".repeat(eighths >> 3) + EIGHTHS[eighths & 7];
}

function spark(values: readonly (number | null)[]): string {
  const known = values.filter((value) => value !== null);
  const low = Math.min(...known);
  const span = Math.max(...known) - low;
  return values
    .map((value) => (value === null ? " " : SPARKS[span > 0 ? Math.round(((value - low) / span) * 7) : 0]))
    .join("");
}

/** Layers shown as lines of their own; of more, every second, third, … and always the last. */
const MOST_LAYERS = 13;

type Paint = (text: string) => string;

/** Text of ours and foreign text as this terminal shows it. */
type Shown = (text: string) => string;

function sizes(profile: Profile, width: number, shown: Shown, strong: Paint, faint: Paint): string[] {
  const overall = profile.coding?.overall;
  if (!overall) return [];
  const ends = (bits: number | null): string =>
    bits === null ? ABSENT : `${percent(bits / 8)}  ${fit(figure(bits), 5, "right")}`;
  const rows = [
    { name: "as it is", bits: 8, written: `${si(overall.bytes, "B")}      `, model: false },
    ...[...overall.baselines]
      .sort((a, b) => b.bitsPerByte - a.bitsPerByte)
      .map((one) => ({ name: shown(one.name), bits: one.bitsPerByte, written: ends(one.bitsPerByte), model: false })),
    {
      name: shown(profile.model.name),
      bits: overall.bitsPerByte.value,
      written: ends(overall.bitsPerByte.value),
      model: true,
    },
  ];
  const nameWidth = Math.min(Math.max(...rows.map((row) => columns(row.name))), Math.floor(width / 3));
  const writtenWidth = Math.max(...rows.map((row) => columns(row.written)));
  const room = Math.max(0, width - nameWidth - writtenWidth - 5);
  const most = Math.max(...rows.map((row) => row.bits ?? 0));
  return [
    fit("Size of the text", nameWidth + room + 4) + faint(fit("bits a byte", writtenWidth, "right")),
    ...rows.map((row) => {
      const drawn = fit(bar((row.bits ?? 0) / most, room), room);
      const line = `${fit(shortenMiddle(row.name, nameWidth), nameWidth)}  ${drawn}  ${fit(row.written, writtenWidth, "right")}`;
      return row.model ? strong(line) : line;
    }),
  ];
}

/**
 * Who writes the almanac's pages in how many bits, down to the two floors, and what the model knows.
 * @param all writers in order
 */
function almanacLines(
  almanac: Almanac,
  all: readonly Writer[],
  { width, sparks, shown }: { width: number; sparks: boolean; shown: Shown },
  strong: Paint,
  faint: Paint,
): string[] {
  const names = all.map(({ name }) => shown(name));
  const nameWidth = Math.min(Math.max(...names.map(columns)), Math.floor(width / 3));
  const written = all.map(({ value }) => figure(value));
  const writtenWidth = Math.max(...written.map(columns));
  const room = width - nameWidth - writtenWidth - 4;
  const most = Math.max(...all.map(({ value }) => value ?? 0));
  const rows = all.map(({ kind, value }, index) => {
    const drawn = fit(bar((value ?? 0) / most, room), room);
    const line = `${fit(shortenMiddle(names[index], nameWidth), nameWidth)}  ${drawn}  ${fit(written[index], writtenWidth, "right")}`;
    return kind === "model" ? strong(line) : line;
  });
  const course = fromRareToCommon(almanac);
  const drawn = course && sparks ? `${spark(course.shares)}  ` : "";
  return [
    ...wrap(`Bits a byte on ${counted(almanac.pages, "held-out page")} about entities that training knew`, width),
    ...rows,
    "",
    ...knowledge(almanac).flatMap((text) => wrap(text, width)),
    ...(course ? wrap(`By exposure: ${drawn}${course.ends}.`, width) : []),
    ...(almanac.interval.absent === null ? [] : wrap(sentence(shown(almanac.interval.absent)), width).map(faint)),
  ];
}

const PLANE_HEADS = ["complexity", "expressivity", "optimality"];

/**
 * Order-1 figures held out, in bits; a line a layer.
 * @param said a reason for missing figures that was given above already
 */
function layers(plane: Plane, terminal: TerminalOptions, shown: Shown, faint: Paint, said: string | null): string[] {
  const prose = proseWidth(terminal.width);
  const known = plane.layers.flatMap((layer) =>
    layer.orders["1"] ? [{ layer: layer.layer, ...layer.orders["1"] }] : [],
  );
  if (known.length === 0) return [];
  const absent =
    plane.absent === null || plane.absent === said ? [] : wrap(sentence(shown(plane.absent)), prose).map(faint);
  const title = "What each layer keeps and knows";
  if (known.every(({ complexity }) => complexity.heldOut.value === null))
    return absent.length > 0 ? [...wrap(title, prose), ...absent] : [];
  const toBits = plane.lnM / Math.LN2;
  const bits = ({ value, low, high }: Interval): Interval => ({
    value: value === null ? null : value * toBits,
    low: low === null ? null : low * toBits,
    high: high === null ? null : high * toBits,
  });
  const cells = known.map(({ complexity, expressivity, optimality }) => [
    bits(complexity.heldOut),
    bits(expressivity.heldOut),
    optimality.heldOut,
  ]);
  const step = Math.ceil(known.length / MOST_LAYERS);
  const tableOf = (write: (figure: Interval) => string): TextTable => ({
    head: ["layer", ...PLANE_HEADS, ""],
    rows: known.flatMap((one, index) =>
      index % step === 0 || index === known.length - 1
        ? [[String(one.layer), ...cells[index].map(write), one.optimality.hollow ? "?" : ""]]
        : [],
    ),
  });
  const measured = cells.some((row) => row.some((cell) => cell.low !== null));
  const fits = measured && fitsWhole(tableOf(interval), terminal.width);
  const table = tableOf(fits ? interval : ({ value }) => figure(value));
  const remarks = [
    ...(step > 1 ? [`every ${step} layers; all of them are in the JSON and the report`] : []),
    ...(known.some((one) => one.optimality.hollow)
      ? ["? held out and plug-in are far apart: too little text for this label"]
      : []),
  ];
  return [
    ...wrap(`${title}: bits, at most ${figure(toBits)} (held out${fits ? ", 95 % interval" : ""})`, prose),
    ...tableLines(table, terminal.width, faint),
    ...remarks.flatMap((text) => wrap(text, prose).map(faint)),
    ...absent,
    ...trends(cells, terminal, faint),
  ];
}

/** The course of each figure over the layers, where there is room for it. */
function trends(cells: readonly (readonly Interval[])[], { unicode, width }: TerminalOptions, faint: Paint): string[] {
  if (!unicode || cells.length > width - 40) return [];
  const nameWidth = Math.max(...PLANE_HEADS.map(columns));
  const lines = PLANE_HEADS.flatMap((head, index) => {
    const values = cells.map((row) => row[index].value);
    const defined = values.filter((value) => value !== null);
    if (defined.length < 3) return [];
    const range = `${figure(Math.min(...defined))} to ${figure(Math.max(...defined))}`;
    return [`${fit(head, nameWidth)}  ${spark(values)}  ${faint(range)}`];
  });
  return lines.length === 0 ? [] : ["", ...lines];
}

function geometry(profile: Profile, prose: number, shown: Shown): string[] {
  const found = profile.geometry;
  const first = found?.layers.at(0);
  const last = found?.layers.at(-1);
  if (!found || !first || !last) return [];
  const ways: readonly [string, (layer: GeometryLayer) => number | null | undefined][] = [
    ["participation ratio", (layer) => layer.centred?.participationRatio],
    ["effective rank", (layer) => layer.centred?.effectiveRank],
    ["intrinsic dimension", (layer) => layer.twoNN?.dimension],
    ["anisotropy", (layer) => layer.anisotropy],
  ];
  const width = Math.max(...ways.map(([name]) => columns(name)));
  return [
    ...wrap(shown(`Shape of the space of ${counted(found.width, "dimension")}, first → last layer`), prose),
    ...ways.map(([name, pick]) => `${fit(name, width)}  ${figure(pick(first))} → ${figure(pick(last))}`),
  ];
}

/**
 * Draws a profile as the commands print it.
 * @returns the summary, lines of at most `width` columns (or `NARROWEST`), ended by newlines
 */
export function renderTerminal(given: Profile, options: TerminalOptions): string {
  const profile = saidOnce(given);
  const terminal = { ...options, width: Math.max(NARROWEST, Math.floor(options.width)) };
  const across = proseWidth(terminal.width);
  const shown: Shown = (text) => asShown(visible(text), terminal);
  const paint =
    (code: string): Paint =>
    (text) =>
      terminal.colour ? `\u001b[${code}m${text}\u001b[0m` : text;
  const [strong, faint, warn] = [paint("1;36"), paint("2"), paint("1;33")];
  const bold = paint("1");
  const { corpus } = profile;
  const absent = profile.coding?.interval.absent ?? null;
  const has = profile.coding === null || profile.coding.overall.bitsPerByte.low !== null;
  const intervals = has ? `intervals over ${counted(corpus.units, corpus.unit)}` : "no intervals";
  const files = corpus.files ? saidOfFiles(corpus.files) : null;
  const { claim, beside } = headline(profile);
  const paragraph = (text: string, tone: Paint = (same) => same): string[] =>
    wrap(shown(text), across).map((line) => tone(line));

  const pages = profile.almanac && writers(profile, profile.almanac);
  const blocks = [
    profile.title === null ? [] : paragraph(profile.title, warn),
    [
      ...paragraph(`${claim}.`, bold),
      ...beside.flatMap((sentence) => paragraph(sentence)),
      ...paragraph(
        `${counted(corpus.documents, "document")}, ${si(corpus.bytes, "B")}, ${counted(corpus.tokens, "token")}; ${absent ?? intervals}.`,
        faint,
      ),
      ...(files === null ? [] : paragraph(`${files}.`, faint)),
      ...(corpus.chat ? paragraph(saidOfChat(profile, corpus.chat), faint) : []),
    ],
    pages && !pages.elsewhere ? [] : sizes(profile, across, shown, strong, faint),
    profile.coding?.repeatability ? paragraph(`${repeatabilitySentence(profile.coding.repeatability)}.`, faint) : [],
    profile.coding?.likeLmEval ? paragraph(`${lmEvalSentence(profile.coding.likeLmEval)}.`) : [],
    profile.coding?.likeLlamaCpp ? paragraph(`${llamaCppSentence(profile.coding.likeLlamaCpp)}.`) : [],
    profile.almanac && pages
      ? almanacLines(
          profile.almanac,
          pages.writers.filter(({ kind }) => !pages.elsewhere || kind !== "compressor"),
          { width: across, sparks: terminal.unicode, shown },
          strong,
          faint,
        )
      : [],
    profile.nextToken ? paragraph(nextTokenSentence(profile.nextToken)) : [],
    profile.precision ? paragraph(precisionSentence(profile.precision), warn) : [],
    profile.lockstep ? paragraph(besideText(profile.model.name, profile.lockstep)) : [],
    profile.lockstep?.likeLlamaCpp ? paragraph(`${divergenceSentence(profile.lockstep.likeLlamaCpp)}.`) : [],
    profile.recall ? recallLines(profile.recall, terminal.width) : [],
    profile.facts ? factLines(profile.facts, terminal.width) : [],
    profile.concepts ? conceptLines(profile.concepts, terminal.width) : [],
    profile.spread || profile.sharing ? spreadLines(profile, terminal.width) : [],
    profile.plane ? layers(profile.plane, terminal, shown, faint, absent) : [],
    profile.preference ? preferenceLines(profile.preference, terminal.width) : [],
    geometry(profile, across, shown),
    together(profile.refusals).flatMap((one) =>
      paragraph(`Missing: ${one.figures.join(", ")}: ${whyMissing(one)}`, warn),
    ),
  ];
  const text = blocks
    .filter((block) => block.length > 0)
    .map((block) => block.map((line) => `${line.trimEnd()}\n`).join(""))
    .join("\n");
  return forTerminal(text, terminal);
}
