/**
 * The report: one HTML file drawn from a profile alone, which opens offline and asks nothing of any network. This file
 * orders the sections and writes the head; each section is a file of its own, marks are in `marks/`, the frame is
 * `page.ts`.
 *
 * Memory: the page is one string, at worst about 12 bytes for each byte of shaded text and 300 kB beside it.
 */
import type { Profile } from "../profile/profile.ts";
import { referenceSection } from "./atlas/lockstep-section.ts";
import { count, si } from "./format.ts";
import { headline } from "./headline.ts";
import { element, markup } from "./marks/svg.ts";
import { references } from "./methods.ts";
import { page } from "./page.ts";
import { withoutPaths } from "./paths.ts";
import { saidOnce } from "./refusals.ts";
import { accountSection, refusalSection } from "./sections/account.ts";
import { almanacSection } from "./sections/almanac.ts";
import { compressors, ownSize } from "./sections/coding.ts";
import { conceptsSection } from "./sections/concepts.ts";
import { factsSection } from "./sections/facts.ts";
import { geometrySection } from "./sections/geometry.ts";
import { ledgerSection } from "./sections/ledger.ts";
import { nextTokenSection } from "./sections/next-token.ts";
import { datum, paragraph, type Section, section } from "./sections/parts.ts";
import { planeSection } from "./sections/plane.ts";
import { recallSection } from "./sections/recall.ts";
import { spreadSection } from "./sections/spread.ts";
import { shadedText } from "./sections/text.ts";

function top(profile: Profile): string {
  const { model, corpus, ledger } = profile;
  const { claim, beside } = headline(profile);
  const fact = (name: string, figure: string): string =>
    element("div", {}, element("dt", {}, name), element("dd", {}, figure));
  return element(
    "header",
    { class: "top" },
    profile.title === null ? "" : element("p", { class: "notice", role: "note" }, markup(profile.title)),
    element(
      "p",
      { class: "kind" },
      element("b", {}, "lossyscope"),
      `<span>compression profile of <bdi>${markup(model.name)}</bdi> on <bdi>${markup(corpus.name)}</bdi></span>`,
    ),
    element("h1", {}, `${markup(claim)}.`),
    element("div", { class: "beside" }, ...beside.map((text) => paragraph(text))),
    element(
      "dl",
      { class: "facts" },
      ...(ledger
        ? [
            fact(
              "parameters",
              datum(["ledger", "parameters", "total"], ledger.parameters.total, (value) => si(value, "")),
            ),
            fact(
              "weights as stored",
              datum(["ledger", "weightBytes"], ledger.weightBytes, (value) => si(value, "B")),
            ),
          ]
        : []),
      fact(
        "text",
        datum(["corpus", "bytes"], corpus.bytes, (value) => si(value, "B")),
      ),
      fact("documents", datum(["corpus", "documents"], corpus.documents, count)),
      fact("tokens", datum(["corpus", "tokens"], corpus.tokens, count)),
    ),
  );
}

/**
 * Draws a profile as a page that opens offline.
 * @returns the whole file, UTF-8 text
 */
export function renderReport(given: Profile): string {
  const profile = saidOnce(withoutPaths(given));
  const refusals = refusalSection(profile);
  const almanac = almanacSection(profile);
  const recall = recallSection(profile);
  const facts = factsSection(profile.facts);
  const nextToken = nextTokenSection(profile);
  const lockstep = referenceSection(profile);
  const concepts = conceptsSection(profile);
  const spread = spreadSection(profile);
  const sections: Section[] = [
    compressors(profile),
    ...(almanac ? [almanac] : []),
    ...(nextToken ? [nextToken] : []),
    ...(lockstep ? [lockstep] : []),
    ...(recall ? [recall] : []),
    ...(facts ? [facts] : []),
    shadedText(profile),
    ownSize(profile),
    planeSection(profile),
    geometrySection(profile),
    ...(concepts ? [concepts] : []),
    ...(spread ? [spread] : []),
    ledgerSection(profile),
    accountSection(profile),
    ...(refusals ? [refusals] : []),
  ];
  const contents = element(
    "nav",
    { "aria-label": "Contents" },
    ...sections.map(({ id, title }) => element("a", { href: `#${id}` }, markup(title))),
    element("a", { href: "#methods" }, "Methods"),
  );
  const { tool } = profile.provenance;
  const foot = element("footer", {}, markup(`Drawn from profile ${profile.id} by ${tool.name} ${tool.version}.`));
  const orders = [...new Set(profile.plane?.layers.flatMap((layer) => Object.keys(layer.orders)))];
  return page({
    title: `${profile.model.name} on ${profile.corpus.name}: compression profile`,
    body: `${top(profile)}${contents}<main>${sections.map(section).join("")}${references(sections.map(({ methods }) => methods))}</main>${foot}`,
    orders,
  });
}
