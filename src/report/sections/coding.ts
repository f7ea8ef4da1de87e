/** Report sections on code length: the compressors (METHODS §1) and the model's own size counted in (§1.1). */

import type { CodingFigures } from "../../profile/coding.ts";
import type { Profile } from "../../profile/profile.ts";
import { count, figure, interval, ofSize, percent, sentence, si } from "../format.ts";
import { llamaCppSentence } from "../llama-cpp.ts";
import { lmEvalSentence } from "../lm-eval.ts";
import { type BarRow, bars } from "../marks/bars.ts";
import { growth } from "../marks/growth.ts";
import { markup } from "../marks/svg.ts";
import { precisionSentence } from "../precision.ts";
import { repeatabilitySentence } from "../repeatability.ts";
import {
  datum,
  drawn,
  estimate,
  missing,
  numbers,
  paragraph,
  refusalsUnder,
  responsive,
  type Section,
  table,
} from "./parts.ts";

const alone = (share: number) => ({ value: share, low: null, high: null });

const asItIs = ({ bytes }: CodingFigures): BarRow => ({
  name: "the text as it is",
  ...alone(1),
  written: si(bytes, "B"),
  detail: `${count(bytes)} bytes`,
  tone: "raw",
});

function modelRow(name: string, { bitsPerByte, bytes }: CodingFigures): BarRow {
  const share = (bits: number | null): number | null => (bits === null ? null : bits / 8);
  return {
    name,
    value: share(bitsPerByte.value),
    low: share(bitsPerByte.low),
    high: share(bitsPerByte.high),
    written: `${percent(share(bitsPerByte.value))} · ${figure(bitsPerByte.value)} bits a byte`,
    detail: `${interval(bitsPerByte)} bits per byte over ${si(bytes, "B")}, weights not counted`,
    tone: "model",
  };
}

/** Raw text, compressors from weakest to strongest, the model: shares of the text's bytes. */
const rows = (model: string, figures: CodingFigures): BarRow[] => [
  asItIs(figures),
  ...[...figures.baselines]
    .sort((a, b) => b.bitsPerByte - a.bitsPerByte)
    .map((one) => ({
      name: one.name,
      ...alone(one.bitsPerByte / 8),
      written: `${percent(one.bitsPerByte / 8)} · ${figure(one.bitsPerByte)} bits a byte`,
      detail: `${count(one.bytes)} bytes, ${figure(one.bitsPerByte)} bits per byte (${one.implementation})`,
      tone: "plain" as const,
    })),
  modelRow(model, figures),
];

function codingTable(path: readonly string[], caption: string, figures: CodingFigures): string {
  const entry = (
    name: string,
    key: "bitsPerByte" | "bitsPerCharacter" | "bitsPerToken" | "perplexity" | "compressionRatio",
  ) => [name, estimate([...path, key], figures[key])];
  return table(
    caption,
    ["figure", "value (95 % interval)"],
    [
      entry("bits per byte", "bitsPerByte"),
      entry("bits per character", "bitsPerCharacter"),
      entry("bits per token", "bitsPerToken"),
      entry("perplexity per token (only for models of one vocabulary)", "perplexity"),
      entry("compression ratio", "compressionRatio"),
      ["bytes", datum([...path, "bytes"], figures.bytes, count)],
      ["characters", datum([...path, "characters"], figures.characters, count)],
      ["tokens", datum([...path, "tokens"], figures.tokens, count)],
      ["repaired bytes", datum([...path, "repairs", "bytes"], figures.repairs.bytes, count)],
    ],
  );
}

export function compressors(profile: Profile): Section {
  const { coding, model } = profile;
  const shared = {
    id: "coding",
    title: "How small the text gets",
    methods: "§1",
    means: [
      "A model that foresees the text needs few bits to write it down. The bar is the length of that code: what a coder driven by the model would really write, against what everyday compressors make of the same bytes.",
      "The thin mark at the bar's end is the 95 % interval over the sampling units.",
    ],
    misread: [
      "The model's bar leaves its weights out; “With the model's own size counted in” adds them.",
      "Compressors read the whole corpus as one stream and learn from earlier documents; the model starts each document afresh. That is to their advantage, and leaves them without an error bar.",
      "Perplexity per token compares only models with one vocabulary; bits per byte compares all.",
    ],
  };
  if (coding === null) return { ...shared, body: missing(profile, "coding") };

  const name = profile.model.name;
  const domains = Object.entries(coding.domains);
  const perDomain =
    domains.length < 2
      ? ""
      : drawn(
          "By domain, as a share of its own bytes",
          responsive((form) =>
            bars(
              "Size of the text of each domain under the model",
              [asItIs(coding.overall), ...domains.map(([domain, figures]) => modelRow(domain, figures))],
              form,
            ),
          ),
        );
  const asides = [
    ...(profile.precision ? [precisionSentence(profile.precision)] : []),
    ...(coding.interval.absent === null ? [] : [sentence(coding.interval.absent)]),
    ...(coding.overall.isCodeLength
      ? []
      : [
          `Not a code length: ${count(coding.overall.repairs.bytes)} bytes (${percent(coding.overall.repairs.bytes / coding.overall.bytes)}) are not what the tokens decode to.`,
        ]),
    ...refusalsUnder(profile, "coding").map((reason) => `Missing: ${reason}.`),
    ...(coding.repeatability ? [`${repeatabilitySentence(coding.repeatability)}.`] : []),
    ...(coding.likeLmEval ? [`${lmEvalSentence(coding.likeLmEval)}: ${coding.likeLmEval.why}.`] : []),
    ...(coding.likeLlamaCpp ? [`${llamaCppSentence(coding.likeLlamaCpp)}: ${coding.likeLlamaCpp.why}.`] : []),
  ];
  const body = [
    drawn(
      "Size of the text under each compressor and under the model",
      responsive((form) =>
        bars("Size of the text under each compressor and under the model", rows(name, coding.overall), form),
      ),
    ),
    perDomain,
    ...asides.map((text) => paragraph(text, "aside")),
    numbers(
      codingTable(["coding", "overall"], `${model.name} on the whole text`, coding.overall),
      table(
        "Compressors",
        ["compressor", "bytes", "bits per byte", "implementation"],
        coding.overall.baselines.map((one, index) => [
          markup(one.name),
          datum(["coding", "overall", "baselines", index, "bytes"], one.bytes, count),
          datum(["coding", "overall", "baselines", index, "bitsPerByte"], one.bitsPerByte),
          markup(one.implementation),
        ]),
      ),
      ...(domains.length < 2
        ? []
        : domains.map(([domain, figures]) => codingTable(["coding", "domains", domain], domain, figures))),
    ),
  ];
  return { ...shared, body: body.join("") };
}

export function ownSize(profile: Profile): Section {
  const { coding, ledger } = profile;
  const shared = {
    id: "own-size",
    title: "With the model's own size counted in",
    methods: "§1.1",
    means: [
      "Who receives the code needs the model too. Spread over a small text its weights weigh heavily; the larger the text, the less. The curve falls towards the model's bits per byte; where it crosses a compressor's line, the two are even.",
    ],
    misread: [
      "The crossing assumes that the text goes on as it is here. A compressor that learns as it reads also gets better on more text; its line is kept flat.",
      "Weights count as stored. How small they could be stored is another question.",
    ],
  };
  const overall = coding?.overall;
  const bitsPerByte = overall?.bitsPerByte.value ?? null;
  if (!overall || bitsPerByte === null) return { ...shared, body: missing(profile, "coding") };
  if (ledger === null || overall.adjustedRate === null) return { ...shared, body: missing(profile, "ledger") };

  const bitsOf = new Map(overall.baselines.map((one) => [one.name, one.bitsPerByte]));
  const evens = overall.breakEven.map(({ against, bytes }) =>
    bytes === null
      ? `never as small as ${against}, which needs fewer bits on this text`
      : `as small as ${against} from ${si(bytes, "B")} of text on`,
  );
  const reached = overall.breakEven.filter((one) => one.bytes !== null);
  const words =
    overall.breakEven.length === 0
      ? ""
      : reached.length === 0
        ? "On text like this no amount of it would pay for the weights: every compressor here needs fewer bits per byte than the model."
        : `Model and text together are ${evens.join("; ")}.`;
  const body = [
    paragraph(
      `Weights and code together take ${ofSize(overall.adjustedRate, "the text's")}: ${si(ledger.weightBytes, "B")} of weights and ${si(Math.ceil((bitsPerByte * overall.bytes) / 8), "B")} of code for ${si(overall.bytes, "B")} of text.`,
      "lede",
    ),
    words === "" ? "" : paragraph(words),
    drawn(
      "Bits per byte, weights counted in, as the text grows",
      responsive((form) =>
        growth(
          "Bits per byte with the weights counted in, against the size of the text",
          {
            weightBytes: ledger.weightBytes,
            bitsPerByte,
            corpusBytes: overall.bytes,
            baselines: overall.breakEven.flatMap(({ against, bytes }) => {
              const flat = bitsOf.get(against);
              return flat === undefined ? [] : [{ name: against, bitsPerByte: flat, breakEven: bytes }];
            }),
          },
          form,
        ),
      ),
    ),
    numbers(
      table(
        "Break-even",
        ["against", "size of text from which model and code are as small"],
        overall.breakEven.map(({ against, bytes }, index) => [
          markup(against),
          bytes === null
            ? "never"
            : datum(["coding", "overall", "breakEven", index, "bytes"], bytes, (value) => si(value, "B")),
        ]),
      ),
      table(
        "Adjusted rate",
        ["figure", "value"],
        [
          [
            "(8·weight bytes + bits) / (8·text bytes)",
            datum(["coding", "overall", "adjustedRate"], overall.adjustedRate),
          ],
          ["weight bytes", datum(["ledger", "weightBytes"], ledger.weightBytes, count)],
        ],
      ),
    ),
  ];
  return { ...shared, body: body.join("") };
}
