/**
 * The sections of METHODS that a page cites, carried in the page itself: the Markdown of docs/METHODS.md
 * (`methods-text.ts`) is written out as markup with everything else in it escaped. Text only: no address and no picture leaves the page.
 *
 * Size: about 1 kB a kilobyte of the cited sections, 35 kB for all.
 */
import { Marked } from "marked";
import { element, markup } from "./marks/svg.ts";
import { METHODS } from "./methods-text.ts";

export interface MethodsSection {
  /** `2`, `2.3` */
  readonly number: string;
  readonly title: string;
  /** its own text, without that of its subsections */
  readonly markdown: string;
}

/** Headings of the first two levels that begin with a number, in order; what stands before the first is left out. */
export function sectionsOf(text: string): MethodsSection[] {
  const heads = [...text.matchAll(/^##{1,2} (\d+(?:\.\d+)?) (.+)$/gm)];
  return heads.map(({ 0: head, 1: number, 2: title, index }, at) => ({
    number,
    title,
    markdown: text.slice(index + head.length, heads[at + 1]?.index).trim(),
  }));
}

let read: readonly MethodsSection[] | undefined;
const methods = (): readonly MethodsSection[] => (read ??= sectionsOf(METHODS));

const marked = new Marked({
  renderer: {
    html: ({ text }) => markup(text),
    link({ tokens }) {
      return this.parser.parseInline(tokens);
    },
    image: ({ text }) => markup(text),
    heading: ({ text }) => element("h4", {}, markup(text)),
  },
});

/** Markdown as markup, what is markup in it shown as text. */
export const written = (markdown: string): string => marked.parse(markdown, { async: false });

/**
 * Numbers that a citation names, in the order of METHODS: `§2.1–2.3, §5` → 2.1, 2.2, 2.3, 5. A number stands for the section's
 * own text, not for its subsections.
 * @throws Error where there is no such section: citations are the code's own
 */
export function cited(citation: string, all: readonly MethodsSection[] = methods()): string[] {
  const place = (number: string): number => {
    const found = all.findIndex((one) => one.number === number);
    if (found < 0) throw new Error(`METHODS has no §${number}`);
    return found;
  };
  const places = citation.split(", ").flatMap((one) => {
    const [from, to = from] = one.replace("§", "").split("–").map(place);
    return Array.from({ length: to - from + 1 }, (_, step) => from + step);
  });
  return [...new Set(places)].sort((a, b) => a - b).map((at) => all[at].number);
}

const anchor = (number: string): string => `methods-${number}`;

/** The citation as links to the first section that each of its parts names. */
export function citation(text: string): string {
  const links = text.split(", ").map((one) => element("a", { href: `#${anchor(cited(one)[0])}` }, markup(one)));
  return `METHODS ${links.join(", ")}`;
}

/** Every section that is cited, each folded, at the end of a page. */
export function references(citations: readonly string[]): string {
  const all = methods();
  const numbers = new Set(citations.flatMap((one) => cited(one)));
  const linked = (html: string): string =>
    html.replace(/§(\d+(?:\.\d+)?)/g, (found, number) =>
      numbers.has(number) ? element("a", { href: `#${anchor(number)}` }, found) : found,
    );
  // The anchor is inside the fold, so that going to it opens the fold, without a script too.
  const folds = all
    .filter(({ number }) => numbers.has(number))
    .map(({ number, title, markdown }) =>
      element(
        "details",
        {},
        element("summary", {}, `§${number} ${markup(title)}`),
        element("div", { id: anchor(number), class: "method" }, linked(written(markdown))),
      ),
    );
  return element(
    "div",
    { id: "methods", class: "references", role: "region", "aria-label": "Sections of METHODS that are cited" },
    element("h2", {}, "Methods: what the figures mean, exactly"),
    ...folds,
  );
}
