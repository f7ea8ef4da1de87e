/**
 * What the report's sections are built from: figures that carry their path and exact value, tables, notes, and the
 * reason where a figure is missing. Strings named `…Html` or returned from here are markup; everything else is text.
 */
import type { Interval } from "../../profile/figures.ts";
import type { Profile } from "../../profile/profile.ts";
import { ABSENT, figure, interval } from "../format.ts";
import { element, markup } from "../marks/svg.ts";
import { citation } from "../methods.ts";
import { together, whyMissing } from "../refusals.ts";

type Path = readonly (string | number)[];

const data = (path: Path, value: number | null, written: string): string =>
  element("data", { value: value === null ? "" : String(value), title: path.join(".") }, markup(written));

/**
 * A figure of the profile: as written, with its exact value for machines and its path in the JSON as the tooltip.
 * @param path segments from the profile's root
 */
export const datum = (path: Path, value: number | null, write: (value: number) => string = figure): string =>
  data(path, value, value === null ? ABSENT : write(value));

/** The same for a figure with an interval, which it is written with. */
export const estimate = (path: Path, given: Interval): string => data(path, given.value, interval(given));

/** Numbers stay with the word or the per cent sign after them. */
export const paragraph = (text: string, className?: string): string =>
  element("p", { class: className }, markup(text.replace(/(\d) %/g, "$1\u00a0%")));

/** Letters of a figure that stays on one line. */
const SHORT = 28;
const lettersOf = (html: string): number =>
  html.replace(/<[^>]*>|&[^;]*;/g, (found) => (found[0] === "&" ? "x" : "")).length;

/**
 * A table that scrolls in its own box. Tables of words that are broad stand as a stack of rows where the page is narrow,
 * each cell beside the head of its column; roles keep them tables for those who do not see them.
 * @param rows cells as markup; the first of each row is its header. Words stand left, figures right.
 */
export function table(
  caption: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
  content: "figures" | "words" = "figures",
): string {
  const stack = content === "words" && head.length > 2;
  const role = (name: string): { role?: string } => (stack ? { role: name } : {});
  const header = head.map((cell) => element("th", { scope: "col", ...role("columnheader") }, markup(cell))).join("");
  const body = rows.map((row) =>
    element(
      "tr",
      role("row"),
      ...row.map((cell, index) => {
        const named = stack ? { "data-head": head[index] } : {};
        // one box beside the head
        const boxed = stack ? element("div", {}, cell) : cell;
        const long = content === "figures" && lettersOf(cell) > SHORT ? { class: "long" } : {};
        return index === 0
          ? element("th", { scope: "row", ...role("rowheader"), ...named }, boxed)
          : element("td", { ...long, ...role("cell"), ...named }, boxed);
      }),
    ),
  );
  return element(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    element(
      "table",
      { class: stack ? "words stack" : content, ...role("table") },
      element("caption", {}, element("span", {}, markup(caption))),
      element("thead", role("rowgroup"), element("tr", role("row"), header)),
      element("tbody", role("rowgroup"), ...body),
    ),
  );
}

/** The numbers behind a drawing, folded away. */
export const numbers = (...tables: readonly string[]): string =>
  element("details", { class: "numbers" }, element("summary", {}, "The numbers"), ...tables);

/** Both sizes of one drawing; the page shows the one that fits. */
export const responsive = (draw: (form: "wide" | "narrow") => string): string => draw("wide") + draw("narrow");

export interface Entry {
  readonly name: string;
  /** class of the swatch */
  readonly mark: string;
}

export const legend = (entries: readonly Entry[]): string =>
  element(
    "p",
    { class: "legend" },
    ...entries.map(({ name, mark }) =>
      element("span", {}, element("i", { class: `swatch ${mark}` }, ""), markup(name)),
    ),
  );

/** A drawing with its title line, which says what is drawn in what unit. */
export const drawn = (title: string, ...content: readonly string[]): string =>
  element("figure", {}, element("figcaption", {}, markup(title)), ...content);

/** Why figures under `path` are missing, as the profile tells it; those that are missing for one reason together. */
export function refusalsUnder(profile: Profile, path: string): string[] {
  const own = profile.refusals.filter(({ figure: refused }) => refused === path || refused.startsWith(`${path}.`));
  return together(own).map((one) => `${one.figures.join(", ")}: ${whyMissing(one)}`);
}

/** Said in place of a section's figures. */
export function missing(profile: Profile, path: string): string {
  const reasons = refusalsUnder(profile, path);
  return paragraph(
    reasons.length > 0 ? `Not in this profile. ${reasons.join("; ")}.` : "Not in this profile: it was not asked for.",
    "absent",
  );
}

export interface Section {
  readonly id: string;
  readonly title: string;
  /** sections of METHODS that define its figures */
  readonly methods: string;
  /** markup */
  readonly body: string;
  /** plain sentences */
  readonly means: readonly string[];
  readonly misread: readonly string[];
}

export function section({ id, title, methods, body, means, misread }: Section): string {
  const note = (heading: string, sentences: readonly string[]): string =>
    sentences.length === 0 ? "" : element("h3", {}, heading) + sentences.map((text) => paragraph(text)).join("");
  return element(
    "section",
    { id, "aria-labelledby": `${id}-title` },
    element(
      "header",
      {},
      element("h2", { id: `${id}-title` }, markup(title)),
      element("p", { class: "methods" }, citation(methods)),
    ),
    element("div", { class: "body" }, body),
    element("aside", {}, note("What it means", means), note("Easily misread", misread)),
  );
}
