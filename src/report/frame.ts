/** The frame of a page of its own: what it is, what it says first, its sections and how to get to them. */
import { VERSION } from "../profile/version.ts";
import { element, markup } from "./marks/svg.ts";
import { references } from "./methods.ts";
import { page } from "./page.ts";
import { paragraph, type Section, section } from "./sections/parts.ts";

/**
 * All but the sections' bodies is plain text.
 * @param kind of page, with what it is about
 * @param title of the window
 * @param claim the first sentence
 * @param beside further sentences of the head
 * @param script of the page's own, beside the report's
 */
export function framed(
  kind: string,
  title: string,
  claim: string,
  beside: readonly string[],
  sections: readonly Section[],
  script?: string,
): string {
  const top = element(
    "header",
    { class: "top" },
    element("p", { class: "kind" }, element("b", {}, "lossyscope"), `<span>${markup(kind)}</span>`),
    element("h1", {}, markup(claim)),
    element("div", { class: "beside" }, ...beside.map((sentence) => paragraph(sentence))),
  );
  const contents = element(
    "nav",
    { "aria-label": "Contents" },
    ...sections.map(({ id, title: named }) => element("a", { href: `#${id}` }, markup(named))),
    element("a", { href: "#methods" }, "Methods"),
  );
  const foot = element("footer", {}, markup(`Drawn by lossyscope ${VERSION}.`));
  return page({
    title,
    body: `${top}${contents}<main>${sections.map(section).join("")}${references(sections.map(({ methods }) => methods))}</main>${foot}`,
    script,
  });
}
