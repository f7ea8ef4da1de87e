/**
 * Report sections on facts: from made up to known, confidence against truth, and answers to be looked at (METHODS §5, §6);
 * of one model, or of several beside each other.
 */
import type { FactRates, Facts } from "../../profile/facts.ts";
import type { Interval } from "../../profile/figures.ts";
import { exposuresText, inPercent, known, RATE_HEADS } from "../facts.ts";
import { ABSENT, count, counted, figure, interval, percent, sentence } from "../format.ts";
import { calibrationMark } from "../marks/calibration.ts";
import { knowing } from "../marks/knowing.ts";
import { stepLines } from "../marks/steps.ts";
import { element, markup } from "../marks/svg.ts";
import { datum, drawn, type Entry, legend, numbers, paragraph, responsive, type Section, table } from "./parts.ts";

type Path = readonly (string | number)[];
type Example = Facts["examples"][number];

const ENTRIES: readonly Entry[] = [
  { name: "known: the answer is the truth", mark: "known" },
  { name: "made up: another value of the same kind, fluent and false", mark: "made-up" },
  { name: "beside the point: no value of this kind", mark: "beside-point" },
  { name: "its confidence: the mean probability of the value it finds likeliest", mark: "sure" },
  { name: "what guessing the commonest value scores", mark: "guessing" },
];

const PICTURE = "How answers part, by how often training told the fact";

const share = (path: Path, given: Interval): string => datum(path, given.value, () => inPercent(given));

function rateCells(path: Path, rates: FactRates): string[] {
  const { exact, confusion, offType, confidence, guess, knowledge } = rates;
  const bits = knowledge?.share ?? { value: null, low: null, high: null };
  return [
    share([...path, "exact"], exact),
    share([...path, "confusion"], confusion),
    share([...path, "offType"], offType),
    share([...path, "confidence"], confidence),
    datum([...path, "guess"], guess, percent),
    bits.value === null ? ABSENT : share([...path, "knowledge", "share"], bits),
  ];
}

const SAID: Readonly<Record<Example["verdict"], string>> = {
  exact: "known",
  confusion: "made up",
  offType: "beside the point",
};
const CLASSES: Readonly<Record<Example["verdict"], string>> = {
  exact: "known",
  confusion: "made-up",
  offType: "beside-point",
};

const short = (text: string): string => element("span", { class: "short" }, markup(text));

const foreign = (text: string): string => `<bdi>${markup(text)}</bdi>`;

function answers(caption: string, given: readonly Example[]): string {
  if (given.length === 0) return "";
  return table(
    caption,
    ["told", "question", "answer", "truth", "sure"],
    given.map(({ exposures, prompt, value, answer, verdict, confidence }) => [
      short(exposuresText(exposures)),
      `${foreign(prompt)} …`,
      element(
        "span",
        { class: `said ${CLASSES[verdict]}`, title: SAID[verdict] },
        answer === "" ? "∅" : foreign(answer),
      ),
      foreign(value),
      short(percent(confidence)),
    ]),
    "words",
  );
}

const surestFirst = (given: readonly Example[]): Example[] => [...given].sort((a, b) => b.confidence - a.confidence);

/** Misses first, what was made up before what is beside the point, the surest of either first; what is right is folded. */
function examples({ examples: drawn, mistakes }: Facts): string {
  const of = (verdict: Example["verdict"]): Example[] => drawn.filter((one) => one.verdict === verdict);
  const madeUp = surestFirst(mistakes ?? of("confusion"));
  const beside = surestFirst(of("offType"));
  const right = of("exact");
  const fold = (title: string, content: string): string =>
    content === "" ? "" : element("details", { class: "numbers" }, element("summary", {}, markup(title)), content);
  const known = surestFirst(right);
  const rest = mistakes ? [...surestFirst(of("confusion")), ...known] : known;
  return [
    answers(
      mistakes
        ? "What it made up where it was surest, of all that it was asked"
        : "What it made up, the surest first, among some questions drawn by chance",
      madeUp,
    ),
    answers("Answers beside the point, among some questions drawn by chance", beside),
    fold(
      mistakes
        ? `${counted(rest.length, "question")} drawn by chance: ${count(right.length)} right, the misses first`
        : `${counted(right.length, "question")} that it knew`,
      answers(mistakes ? "Questions drawn by chance" : "Questions that it knew", rest),
    ),
  ].join("");
}

function judgement({ calibration, errorByBits }: Facts): string {
  const calibrated = "How often it is right, by how sure it is";
  const bits = "Answers that are not exact, by bits spent on the fact";
  return element(
    "div",
    { class: "panels" },
    drawn(calibrated, calibrationMark(calibrated, calibration.bins)),
    errorByBits.length === 0
      ? ""
      : drawn(
          bits,
          stepLines(
            bits,
            errorByBits.map(({ from }) => (from === null ? "< 0" : count(from))),
            "bits: prior less code length",
            [{ name: "not exact", tone: "second", style: "solid", values: errorByBits.map(({ error }) => error) }],
          ),
        ),
  );
}

const MEANS = [
  "A fact is a subject, a relation and a value. The model goes on from a prompt; what it writes up to the end of the answer is the truth, another value that the relation can have, or neither.",
  "Its confidence is the probability of the value it finds likeliest among all values of the relation. Where the line runs above the known part, it is surer than it is right.",
  "Bits kept are the prior's bits less what the value costs the model after its prompt, floored at zero a fact, less the same mean over facts that training never told.",
];
const MISREAD = [
  "A relation with few values is guessed right now and then: compare with the broken line, not with zero.",
  "Confidence also follows the relation: where there are few values a model is surer and more often right, though it knows nothing. An area a little above 0.5 may be no more than that.",
  "The bits of a fact are a code length: a model that says the right thing with little confidence has spent few of them.",
  "Facts weigh as many facts of the file as they stand for; rare numbers of exposures have few subjects, and none below ten has an interval.",
];

/** @returns null where the profile has none */
export function factsSection(facts: Facts | null | undefined): Section | null {
  if (!facts) return null;
  const { exposures, relations, calibration, knowledge, notes } = facts;
  const head = ["facts", ...RATE_HEADS];
  const { exact, choice } = calibration;
  const judged = (name: "exact" | "choice", right: string): string[] => [
    right,
    share(["facts", "calibration", name, "calibrationError"], calibration[name].calibrationError),
    datum(["facts", "calibration", name, "auroc"], calibration[name].auroc.value, () =>
      interval(calibration[name].auroc),
    ),
  ];
  return {
    id: "facts",
    title: "What it knows, and what it makes up",
    methods: "§5, §6",
    body: [
      ...known(facts).map((text, index) => paragraph(text, index === 0 ? "lede" : undefined)),
      drawn(
        PICTURE,
        responsive((form) => knowing(PICTURE, exposures, form)),
        legend(ENTRIES),
      ),
      judgement(facts),
      examples(facts),
      numbers(
        table(
          "By exposures",
          ["exposures", ...head],
          exposures.map((one, index) => [
            exposuresText(one.exposures),
            datum(["facts", "exposures", index, "facts"], one.facts, count),
            ...rateCells(["facts", "exposures", index], one),
          ]),
        ),
        table(
          "By relation, facts that training told",
          ["relation", ...head],
          relations.map((one, index) => [
            foreign(one.relation),
            datum(["facts", "relations", index, "facts"], one.facts, count),
            ...rateCells(["facts", "relations", index], one),
          ]),
        ),
        exact.auroc.value === null && choice.auroc.value === null
          ? ""
          : table(
              "Confidence against being right",
              ["right is", "calibration error", "area under the curve"],
              [judged("exact", "the answer it writes"), judged("choice", "the value it finds likeliest")],
            ),
      ),
      ...notes.map((note) => paragraph(sentence(note), "small")),
    ].join(""),
    means: knowledge === null ? MEANS.slice(0, 2) : MEANS,
    misread: MISREAD,
  };
}

/** Models beside each other on one file of facts. */
export function factsBeside(models: readonly { readonly name: string; readonly facts: Facts }[]): Section {
  const levels = [...new Set(models.flatMap(({ facts }) => facts.exposures.map(({ exposures }) => exposures)))].sort(
    (a, b) => (a ?? -1) - (b ?? -1),
  );
  const rates = (facts: Facts, exposures: number | null): FactRates | undefined =>
    facts.exposures.find((one) => one.exposures === exposures);
  const cells = (of: (facts: Facts) => string): string[] => models.map(({ facts }) => of(facts));
  return {
    id: "facts",
    title: "What each knows, and what it makes up",
    methods: "§5, §6",
    body: [
      element(
        "div",
        { class: "panels" },
        ...models.map(({ name, facts }) => drawn(name, knowing(`${PICTURE}: ${name}`, facts.exposures, "panel"))),
      ),
      legend(ENTRIES),
      table(
        "Answers that are exact",
        ["told", ...models.map(({ name }) => name)],
        levels.map((level) => [
          exposuresText(level),
          ...cells((facts) => {
            const found = rates(facts, level);
            return found ? markup(inPercent(found.exact)) : ABSENT;
          }),
        ]),
      ),
      table(
        "Whether they know it, and what their weights keep",
        ["", ...models.map(({ name }) => name)],
        [
          [
            "surer when right (area under the curve)",
            ...cells(({ calibration }) => markup(interval(calibration.exact.auroc))),
          ],
          ["calibration error", ...cells(({ calibration }) => markup(inPercent(calibration.exact.calibrationError)))],
          [
            "share of the bits kept",
            ...cells(({ knowledge }) => (knowledge ? markup(inPercent(knowledge.overall.share)) : ABSENT)),
          ],
          [
            "bits a parameter",
            ...cells(({ knowledge }) => (knowledge ? markup(figure(knowledge.bitsPerParameter.value)) : ABSENT)),
          ],
        ],
      ),
    ].join(""),
    means: MEANS,
    misread: MISREAD,
  };
}
