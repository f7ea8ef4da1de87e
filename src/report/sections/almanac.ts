/** Report section on the almanac: what the model knows of a world whose entropy is known (METHODS §9). */
import type { Almanac } from "../../profile/almanac.ts";
import type { Profile } from "../../profile/profile.ts";
import { knowledge, writers } from "../almanac.ts";
import { count, figure, interval, sentence, shareOf } from "../format.ts";
import { type BarRow, bars } from "../marks/bars.ts";
import { exposureLines } from "../marks/exposures.ts";
import { floors } from "../marks/floors.ts";
import { markup } from "../marks/svg.ts";
import {
  datum,
  drawn,
  estimate,
  legend,
  missing,
  numbers,
  paragraph,
  refusalsUnder,
  responsive,
  type Section,
  table,
} from "./parts.ts";

const TONES = { compressor: "plain", model: "model", reader: "raw" } as const;

const percentage = (path: readonly (string | number)[], value: Almanac["shareOfKnowledge"]): string =>
  value.value === null ? estimate(path, value) : datum(path, value.value, () => shareOf(value));

function between(almanac: Almanac): string {
  const { bitsPerByte, floorKnown, floorUnknown, languageGap } = almanac;
  const share = almanac.shareOfKnowledge.value ?? almanac.shareOfKnowledgeWithoutGap.value;
  if (bitsPerByte.value === null || share === null) return "";
  const name = "Between the two floors: what the model knows of the world, and what it loses to clumsiness";
  const mark = { bitsPerByte, floorKnown, floorUnknown, gap: languageGap.value, share };
  return drawn(
    name,
    responsive((form) => floors(name, mark, form)),
    legend([
      { name: "what the model knows", mark: "kept" },
      { name: "what it does not know", mark: "lost" },
      { name: "the model, and what its clumsiness costs", mark: "clumsy" },
    ]),
  );
}

function byExposure({ exposures }: Almanac): string {
  if (exposures.length < 2) return "";
  const name = "Share of knowledge by how often training told the facts";
  const levels = exposures.map((level) => level.exposures);
  const corrected = exposures.some(({ shareOfKnowledge }) => shareOfKnowledge.value !== null);
  const without = {
    name: "clumsiness left in",
    tone: corrected ? ("faint" as const) : ("model" as const),
    values: exposures.map(({ shareOfKnowledgeWithoutGap }) => shareOfKnowledgeWithoutGap),
  };
  const withGap = {
    name: "share of knowledge",
    tone: "model" as const,
    values: exposures.map(({ shareOfKnowledge }) => shareOfKnowledge),
  };
  const lines = corrected ? [without, withGap] : [without];
  return drawn(
    name,
    responsive((form) => exposureLines(name, levels, lines, form)),
    legend(
      corrected
        ? [
            { name: "share of knowledge, 95 % interval", mark: "dot" },
            { name: "the same with clumsiness left in", mark: "dot quiet" },
          ]
        : [{ name: "share of knowledge, clumsiness left in", mark: "dot" }],
    ),
  );
}

/** @returns null where the text is no almanac */
export function almanacSection(profile: Profile): Section | null {
  const { almanac } = profile;
  if (almanac === undefined) return null;
  const shared = {
    id: "almanac",
    title: "What it knows of the world",
    methods: "§9",
    means: [
      "The text is drawn from a fictional world by a grammar whose every choice is known, so that two readers' costs are exact: one who knows the language and all of the world (the known floor), and one who knows the language only (the unknown floor). What lies between them is the world's facts.",
      "A model that only speaks the language badly is above the unknown floor. How badly, pages about entities that training never mentioned tell: there is nothing to know about those.",
    ],
    misread: [
      "On text that was never trained on no model does better than the known floor, except by chance.",
      "The correction for clumsiness is too large for a model that knows much: who knows which names are common is surprised by new ones, and the surprise counts as clumsiness. A share can pass 100 % that way. With the clumsiness left in it is too small; the truth lies between the two.",
    ],
  };
  if (almanac === null) return { ...shared, body: missing(profile, "almanac") };

  const { writers: all, elsewhere } = writers(profile, almanac);
  const rows = all.map(
    ({ name, kind, value, low, high }): BarRow => ({
      name,
      value,
      low,
      high,
      written: `${figure(value)} bits a byte`,
      detail: `${interval({ value, low, high })} bits per byte`,
      tone: TONES[kind],
    }),
  );
  const title = `Bits per byte on ${count(almanac.pages)} held-out pages about entities that training knew`;
  const [first, ...rest] = knowledge(almanac);
  const asides = [
    ...(elsewhere ? ["The compressors read the whole text, the other rows are of the held-out pages alone."] : []),
    ...(almanac.interval.absent === null ? [] : [sentence(almanac.interval.absent)]),
    ...refusalsUnder(profile, "almanac").map((reason) => `Missing: ${reason}.`),
  ];
  const share = (
    path: readonly (string | number)[],
    own: Pick<Almanac, "shareOfKnowledge" | "shareOfKnowledgeWithoutGap">,
  ) => [
    percentage([...path, "shareOfKnowledge"], own.shareOfKnowledge),
    percentage([...path, "shareOfKnowledgeWithoutGap"], own.shareOfKnowledgeWithoutGap),
  ];
  const costs = (path: readonly (string | number)[], own: NonNullable<Almanac["unseen"]>) => [
    datum([...path, "pages"], own.pages, count),
    datum([...path, "bytes"], own.bytes, count),
    estimate([...path, "bitsPerByte"], own.bitsPerByte),
    datum([...path, "floorUnknown"], own.floorUnknown),
    datum([...path, "floorKnown"], own.floorKnown),
  ];
  const head = ["pages", "bytes", "bits per byte", "unknown floor", "known floor"];
  const body = [
    paragraph(first, "lede"),
    ...rest.map((text) => paragraph(text)),
    drawn(
      title,
      responsive((form) => bars(title, rows, form)),
    ),
    between(almanac),
    byExposure(almanac),
    ...asides.map((text) => paragraph(text, "aside")),
    numbers(
      table(
        "Pages and floors, bits per byte",
        ["pages about", ...head],
        [
          ["entities that training knew", ...costs(["almanac"], almanac)],
          ...(almanac.unseen === null
            ? []
            : [["entities never seen", ...costs(["almanac", "unseen"], almanac.unseen)]]),
        ],
      ),
      table(
        "Knowledge",
        ["figure", "value (95 % interval)"],
        [
          ["share of knowledge", percentage(["almanac", "shareOfKnowledge"], almanac.shareOfKnowledge)],
          [
            "clumsiness left in",
            percentage(["almanac", "shareOfKnowledgeWithoutGap"], almanac.shareOfKnowledgeWithoutGap),
          ],
          ["clumsiness g, bits per byte", estimate(["almanac", "languageGap"], almanac.languageGap)],
          ["above the known floor", percentage(["almanac", "aboveFloor"], almanac.aboveFloor)],
        ],
      ),
      table(
        "By exposure",
        ["exposure", ...head, "share of knowledge", "clumsiness left in"],
        almanac.exposures.map((own, index) => {
          const path = ["almanac", "exposures", index];
          return [markup(count(own.exposures)), ...costs(path, own), ...share(path, own)];
        }),
      ),
    ),
  ];
  return { ...shared, body: body.join("") };
}
