/** Report section on the next token: how often the likeliest one is right, and whether the model knows (METHODS §1.5). */
import type { NextTokenFigures } from "../../profile/next-token.ts";
import type { Profile } from "../../profile/profile.ts";
import { count, sentence, shareOf } from "../format.ts";
import { calibrationMark } from "../marks/calibration.ts";
import { element, markup } from "../marks/svg.ts";
import { nextTokenSentence } from "../next-token.ts";
import { datum, drawn, missing, numbers, paragraph, refusalsUnder, type Section, table } from "./parts.ts";

const FIGURES = [
  ["accuracy", "likeliest token right"],
  ["confidence", "mean confidence"],
  ["calibrationError", "calibration error"],
] as const;

const SHARED = {
  id: "next-token",
  title: "The next token",
  methods: "§1.5",
  means: [
    "A model codes text well where it holds the next token for likely; here is how often the likeliest one is it, and whether a confidence of 70 % is right in seven of ten places.",
    "On the diagonal the model knows what it knows; below it, it is too sure.",
  ],
  misread: [
    "Accuracy depends on the tokenizer: longer tokens are harder to hit. It does not compare between vocabularies; bits per byte do.",
    "The calibration error is biased upward where bins hold few tokens.",
  ],
};

/** @returns null where it was not asked for */
export function nextTokenSection(profile: Profile): Section | null {
  const { nextToken } = profile;
  if (nextToken === undefined) return null;
  if (nextToken === null) return { ...SHARED, body: missing(profile, "nextToken") };
  const named = "How often the likeliest token is right, by how sure the model is";
  const refused = refusalsUnder(profile, "nextToken");
  return {
    ...SHARED,
    body: [
      paragraph(nextTokenSentence(nextToken)),
      element(
        "div",
        { class: "panels" },
        drawn(named, calibrationMark(named, binsOf(nextToken.overall), { right: "right", asked: "tokens" })),
      ),
      ...refused.map((reason) => paragraph(sentence(reason), "absent")),
      numbers(
        table(
          "Accuracy and calibration of the next token",
          ["text", "predicted tokens", ...FIGURES.map(([, name]) => name)],
          textsOf(nextToken).map(([name, path, figures]) => [
            markup(name),
            datum([...path, "tokens"], figures.tokens, count),
            ...FIGURES.map(([key]) => datum([...path, key], figures[key].value, () => shareOf(figures[key]))),
          ]),
        ),
      ),
    ].join(""),
  };
}

type Row = readonly [name: string, path: readonly string[], figures: NextTokenFigures];

/** The whole text, and its domains where there are several. */
function textsOf({ overall, domains }: NonNullable<Profile["nextToken"]>): Row[] {
  const whole: Row = ["the whole text", ["nextToken", "overall"], overall];
  const parts = Object.entries(domains).map(([name, own]): Row => [name, ["nextToken", "domains", name], own]);
  return parts.length < 2 ? [whole] : [whole, ...parts];
}

const binsOf = ({ tokens, bins }: NextTokenFigures) =>
  bins.map(({ tokens: own, confidence, accuracy }) => ({ share: own / tokens, confidence, exact: accuracy }));
