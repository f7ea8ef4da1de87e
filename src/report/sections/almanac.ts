/** Report section on the almanac: what the model knows of a world whose entropy is known (METHODS §9). */
import type { WorldKnowledge } from "../../profile/almanac.ts";
import type { Interval } from "../../profile/figures.ts";
import type { Profile } from "../../profile/profile.ts";
import { knowledge, writers } from "../almanac.ts";
import { count, figure, interval, sentence, shareOf } from "../format.ts";
import { type BarRow, bars } from "../marks/bars.ts";
import { exposureLines } from "../marks/exposures.ts";
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

const percentage = (path: readonly (string | number)[], value: Interval): string =>
  value.value === null ? estimate(path, value) : datum(path, value.value, () => shareOf(value));

function byExposure({ exposures }: WorldKnowledge): string {
  if (exposures.length < 2) return "";
  const name = "Share of knowledge by how often training told the facts";
  const levels = exposures.map((level) => level.exposures);
  const course = (name: string, tone: "model" | "faint", of: "share" | "unhedged") => ({
    name,
    tone,
    values: exposures.map((level) => level[of]),
  });
  const lines = [course("at its word", "faint", "unhedged"), course("share of knowledge", "model", "share")];
  return drawn(
    name,
    responsive((form) => exposureLines(name, levels, lines, form)),
    legend([
      { name: "share of knowledge, 95 % interval", mark: "dot" },
      { name: "the model at its word", mark: "dot quiet" },
    ]),
  );
}

/** The tables of the share of knowledge. */
function shares(found: WorldKnowledge): string[] {
  const root = ["almanac", "knowledge"];
  type Costs = Pick<WorldKnowledge, "pages" | "facts" | "priorBits" | "share" | "unhedged">;
  const cells = (path: readonly (string | number)[], own: Costs) => [
    datum([...path, "facts"], own.facts, count),
    datum([...path, "priorBits"], own.priorBits, count),
    percentage([...path, "share"], own.share),
    percentage([...path, "unhedged"], own.unhedged),
  ];
  const head = ["facts", "bits there are to know", "share of knowledge", "at its word"];
  return [
    table(
      "Knowledge of the facts that pages state",
      ["pages about", ...head],
      [
        ["entities that training knew", ...cells(root, found)],
        ...(found.control === null ? [] : [["entities never seen", ...cells([...root, "control"], found.control)]]),
      ],
    ),
    table(
      "Knowledge by exposure",
      ["exposure", "pages", ...head, "trust"],
      found.exposures.map((own, index) => {
        const path = [...root, "exposures", index];
        return [
          markup(count(own.exposures)),
          datum([...path, "pages"], own.pages, count),
          ...cells(path, own),
          datum([...path, "trust"], own.trust),
        ];
      }),
    ),
    table(
      "Knowledge by relation",
      ["relation", ...head, "control"],
      found.relations.map((own, index) => {
        const path = [...root, "relations", index];
        const control = own.control === null ? "" : percentage([...path, "control"], own.control);
        return [markup(own.relation), ...cells(path, own), control];
      }),
    ),
  ];
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
      "The share of knowledge looks only at the words that state a fact, such as a birth year after “was born in”. How many bits they are worth to someone who does not know the world is exact; the share is how many of those the model saves. A reader who trusts it no further than it deserves makes most of them: that is the figure. At its word it falls below zero where it makes things up.",
      "On pages about entities that training never mentioned there is nothing to know: the share is 0 % there. That is the control.",
    ],
    misread: [
      "On text that was never trained on no model does better than the known floor, except by chance.",
      "A share is of the facts' bits, not of the facts: who narrows a year down to eight has most of its bits and seldom the year.",
      "The share is a lower bound on what the weights hold: clumsy spelling counts against it. It cannot pass 100 %.",
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
  const costs = (path: readonly (string | number)[], own: NonNullable<NonNullable<Profile["almanac"]>["unseen"]>) => [
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
    ...(almanac.knowledge ? [byExposure(almanac.knowledge)] : []),
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
        "Above the floor",
        ["figure", "value (95 % interval)"],
        [["bits per byte above the known floor", percentage(["almanac", "aboveFloor"], almanac.aboveFloor)]],
      ),
      ...(almanac.knowledge ? shares(almanac.knowledge) : []),
      table(
        "Pages and floors by exposure, bits per byte",
        ["exposure", ...head],
        almanac.exposures.map((own, index) => {
          const path = ["almanac", "exposures", index];
          return [markup(count(own.exposures)), ...costs(path, own)];
        }),
      ),
    ),
  ];
  return { ...shared, body: body.join("") };
}
