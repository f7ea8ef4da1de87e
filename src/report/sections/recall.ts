/** Report section on recall: what comes back of the text, passage by passage and in figures (METHODS §5). */
import type { Interval } from "../../profile/figures.ts";
import type { Profile } from "../../profile/profile.ts";
import type { Membership, Occurrences, Recall } from "../../profile/recall.ts";
import { count, counted, sentence, shareOf, si } from "../format.ts";
import { areas } from "../marks/areas.ts";
import { type StepLine, stepLines } from "../marks/steps.ts";
import { element, markup } from "../marks/svg.ts";
import { remembered, span } from "../recall.ts";
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

type Sample = Recall["samples"][number];
type Path = readonly (string | number)[];

/** Samples of each kind shown unfolded. */
const OPEN = 3;

const inPercent = (path: Path, given: Interval): string => datum(path, given.value, () => shareOf(given));

/** UTF-16 units that both begin with, whole characters. */
function commonLength(a: string, b: string): number {
  let length = 0;
  for (const character of a) {
    if (!b.startsWith(character, length)) break;
    length += character.length;
  }
  return length;
}

function verdict({ exact, guessable }: Sample): string {
  if (!exact) return "not the same";
  if (guessable === null) return "word for word";
  return guessable ? "word for word, but anybody would guess it" : "word for word, from memory";
}

function sample(profile: Profile, one: Sample): string {
  const common = commonLength(one.truth, one.came);
  const kept = (text: string): string => markup(text, "\n\t");
  const told = (heading: string, text: string): string =>
    element(
      "div",
      {},
      element("h4", {}, heading),
      element("p", { class: "words-of" }, kept(text.slice(0, common)), parted(text.slice(common))),
    );
  const parted = (rest: string): string => (rest === "" ? "" : element("mark", {}, kept(rest)));
  const facts = [
    verdict(one),
    ...(one.exposures === null ? [] : [`exposures ${count(one.exposures)}`]),
    ...(one.repeats > 1 ? [`${count(one.repeats)} times in the text`] : []),
  ];
  const name = profile.documents[one.document]?.id ?? `document ${one.document + 1}`;
  return element(
    "article",
    { class: "passage" },
    element("h3", {}, `<bdi>${markup(name)}</bdi>`, element("span", {}, markup(facts.join(", ")))),
    element("p", { class: "words-of prompt" }, kept(one.prompt)),
    element(
      "div",
      { class: "beside-each-other" },
      told("what follows in the text", one.truth),
      told("what came back", one.came === "" ? "∅" : one.came),
    ),
  );
}

function samples(profile: Profile, recall: Recall): string {
  if (recall.samples.length === 0) return "";
  const same = recall.samples.filter(({ exact }) => exact);
  const parted = recall.samples.filter(({ exact }) => !exact);
  const drawnOf = (some: readonly Sample[]): string[] => some.map((one) => sample(profile, one));
  const rest = drawnOf([...same.slice(OPEN), ...parted.slice(OPEN)]);
  return drawn(
    "Prompts, what follows them in the text, and what came back; shaded from where the two part",
    ...drawnOf([...same.slice(0, OPEN), ...parted.slice(0, OPEN)]),
    rest.length === 0
      ? ""
      : element(
          "details",
          { class: "numbers" },
          element("summary", {}, markup(counted(rest.length, "more passage"))),
          ...rest,
        ),
  );
}

function panels({ verbatim, exposures, repeats }: Recall): string {
  const prefixes = verbatim.map(({ prefix }) => count(prefix));
  const guessed = (of: (guess: NonNullable<(typeof verbatim)[number]["guess"]>) => Interval): StepLine => ({
    name: "guessed",
    tone: "faint",
    style: "broken",
    values: verbatim.map(({ guess }) => guess && of(guess)),
  });
  const byOccurrences = (title: string, across: string, own: readonly Occurrences[]): string =>
    own.length < 2
      ? ""
      : drawn(
          title,
          stepLines(title, own.map(span), across, [
            { name: "exact", tone: "model", style: "solid", values: own.map(({ exact }) => exact) },
            {
              name: "exact and not guessed",
              tone: "second",
              style: "solid",
              values: own.map(({ memorised }) => memorised),
            },
          ]),
        );
  const exact = "Passages that come back exactly";
  const common = "Part of a passage that comes back before the first difference";
  return element(
    "div",
    { class: "panels" },
    drawn(
      exact,
      stepLines(exact, prefixes, "tokens of the prompt", [
        guessed((guess) => guess.exact),
        { name: "exact", tone: "model", style: "solid", values: verbatim.map((one) => one.exact) },
        {
          name: "exact and not guessed",
          tone: "second",
          style: "solid",
          values: verbatim.map(({ memorised }) => memorised),
        },
      ]),
    ),
    drawn(
      common,
      stepLines(common, prefixes, "tokens of the prompt", [
        guessed((guess) => guess.commonPrefix),
        { name: "the model", tone: "model", style: "solid", values: verbatim.map(({ commonPrefix }) => commonPrefix) },
      ]),
    ),
    byOccurrences("Exactly, by what records say of exposures", "exposures", exposures),
    byOccurrences("Exactly, by how often a passage stands in the text", "times in the text", repeats),
  );
}

function areasOf({ auc, blind }: Membership): string {
  const name = "How well seen text is told from unseen text: area under the curve";
  return drawn(
    name,
    responsive((form) =>
      areas(
        name,
        [
          { name: "loss", tone: "model", ...auc.loss },
          { name: "dearest fifth of the tokens", tone: "model", ...auc.minK },
          { name: "code length / deflated length", tone: "model", ...auc.lossPerDeflate },
          { name: "bytes alone, without the model", tone: "faint", ...blind },
        ],
        form,
      ),
    ),
  );
}

function tables(recall: Recall): string {
  const { verbatim, places, exposures, repeats, gist, membership } = recall;
  const group = (path: Path, own: Pick<Occurrences, "passages" | "exact" | "memorised">): string[] => [
    datum([...path, "passages"], own.passages, count),
    inPercent([...path, "exact"], own.exact),
    inPercent([...path, "memorised"], own.memorised),
  ];
  const groups = (caption: string, head: string, names: readonly string[], key: "places" | "exposures" | "repeats") =>
    names.length === 0
      ? []
      : [
          table(
            caption,
            [head, "passages", "exact", "not guessed"],
            recall[key].map((own, i) => [names[i], ...group(["recall", key, i], own)]),
          ),
        ];
  const area = (name: string, path: Path, given: Interval): string[] => [
    name,
    estimate(["recall", "membership", ...path], given),
  ];
  return numbers(
    table(
      "Verbatim recall by prefix length",
      ["tokens", "exact", "not guessed", "up to a difference", "edit distance", "guessed exactly", "guessed so far"],
      verbatim.map((one, i) => {
        const path = ["recall", "verbatim", i];
        const guess = (key: "exact" | "commonPrefix"): string =>
          one.guess ? inPercent([...path, "guess", key], one.guess[key]) : datum([...path, "guess"], null);
        return [
          count(one.prefix),
          inPercent([...path, "exact"], one.exact),
          inPercent([...path, "memorised"], one.memorised),
          inPercent([...path, "commonPrefix"], one.commonPrefix),
          estimate([...path, "editDistance"], one.editDistance),
          guess("exact"),
          guess("commonPrefix"),
        ];
      }),
    ),
    ...groups(
      "By place",
      "prompt",
      places.map(({ place }) => (place === "start" ? "opens its document" : "lies inside")),
      "places",
    ),
    ...groups("By exposures", "exposures", exposures.map(span), "exposures"),
    ...groups("By repeats in the text", "times", repeats.map(span), "repeats"),
    ...(gist
      ? [
          table(
            "Gist: cosines of mean final-layer states",
            ["passages", "number", "to the truth", "to another document", "difference"],
            (["all", "inexact"] as const).map((key) => [
              key === "all" ? "all" : "not exact",
              datum(["recall", "gist", key, "passages"], gist[key].passages, count),
              ...(["truth", "control", "difference"] as const).map((own) =>
                estimate(["recall", "gist", key, own], gist[key][own]),
              ),
            ]),
          ),
        ]
      : []),
    ...(membership
      ? [
          table(
            "Membership",
            ["figure", "value (95 % interval)"],
            [
              area("bits per byte, the text", ["seen", "bitsPerByte"], membership.seen.bitsPerByte),
              area("bits per byte, unseen", ["unseen", "bitsPerByte"], membership.unseen.bitsPerByte),
              area("gap", ["gap"], membership.gap),
              area("area: loss", ["auc", "loss"], membership.auc.loss),
              area("area: Min-K%, k = 20", ["auc", "minK"], membership.auc.minK),
              area("area: loss / deflate", ["auc", "lossPerDeflate"], membership.auc.lossPerDeflate),
              area("area: bytes alone", ["blind"], membership.blind),
            ],
          ),
        ]
      : []),
  );
}

/** @returns null where recall was not asked for */
export function recallSection(profile: Profile): Section | null {
  const { recall } = profile;
  if (recall === undefined) return null;
  const shared = {
    id: "recall",
    title: "What comes back",
    methods: "§5",
    means: [
      "The model is shown the beginning of a passage and writes on, always with its likeliest token. What it gives back byte for byte it has stored; the line of guesses says what plain statistics of letters, learnt from other text, would have given back too. Only what is exact and not guessed counts as memory.",
      "Gist asks whether what is not the same still says something alike: the cosine of mean final states, against another document's passage.",
    ],
    misread: [
      "A short prompt fits many texts: what does not come back after eight tokens may still be stored.",
      "The greedy continuation is one of many; a passage that it misses can be likely all the same.",
      "Areas of membership mean memory only where seen and unseen text are alike in kind; the last row says how far bytes alone, without the model, tell them apart.",
    ],
  };
  if (recall === null) return { ...shared, body: missing(profile, "recall") };
  const [first, ...rest] = remembered(recall);
  const { control, skipped, membership, interval, passages, documents } = recall;
  const asides = [
    `${counted(passages, "passage")} from ${counted(documents, "document")}${skipped.documents === 0 ? "" : `; ${counted(skipped.documents, "document")} of fewer than ${count(skipped.tokens)} tokens gave none`}.`,
    ...(control
      ? [
          `Guesses come from an order-5 byte model that learnt ${si(control.bytes, "B")} of ${control.source === "unseen" ? "the unseen text" : "other documents of this text"}.`,
        ]
      : []),
    ...(membership && membership.shared > 0
      ? [`${counted(membership.shared, "document")} given as unseen stand in the text and were left out.`]
      : []),
    ...(interval.absent === null ? [] : [sentence(interval.absent)]),
    ...refusalsUnder(profile, "recall").map((reason) => `Missing: ${reason}.`),
  ];
  const body = [
    paragraph(first ?? "", "lede"),
    ...rest.map((text) => paragraph(text)),
    panels(recall),
    legend([
      { name: "exact", mark: "dot" },
      { name: "exact and not guessed", mark: "dot second" },
      { name: "guessed", mark: "faint" },
    ]),
    samples(profile, recall),
    membership ? areasOf(membership) : "",
    ...asides.map((text) => paragraph(text, "aside")),
    tables(recall),
  ];
  return { ...shared, body: body.join("") };
}
