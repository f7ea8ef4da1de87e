/**
 * Report sections that let a reader check or repeat the measurement: what was measured and how (METHODS §0), and which
 * figures are missing and why.
 */
import type { Profile } from "../../profile/profile.ts";
import { saidOfFiles } from "../../text/account.ts";
import { saidOfChat } from "../chat.ts";
import { count, counted, duration, figure, si } from "../format.ts";
import { element, markup } from "../marks/svg.ts";
import { together } from "../refusals.ts";
import { numbers, paragraph, type Section, table } from "./parts.ts";

/** Options as `path.to.option` and value, one row each. */
function flatten(value: unknown, path = ""): [string, string][] {
  if (Array.isArray(value) && value.length === 0) return [[path, "none"]];
  if (value !== null && typeof value === "object") {
    return Object.entries(value).flatMap(([key, inner]) => flatten(inner, path === "" ? key : `${path}.${key}`));
  }
  return [[path, value === null ? "–" : String(value)]];
}

/** What is known of how it is built, in a line. */
const architecture = ({ architecture, layers, width, vocabulary, positions }: Profile["model"]): string =>
  [
    architecture ?? "not known",
    ...(layers === null || width === null ? [] : [`${counted(layers, "block")} of width ${count(width)}`]),
    `vocabulary ${count(vocabulary)}`,
    ...(positions === null ? [] : [`${count(positions)} positions`]),
  ].join(", ");

export function accountSection(profile: Profile): Section {
  const { corpus, model, provenance } = profile;
  const { runtime, digests, seeds } = provenance;
  const hash = (value: string | null): string => (value === null ? "–" : `<code>${markup(value)}</code>`);
  const domains = Object.entries(corpus.domains);
  const files = corpus.files ? saidOfFiles(corpus.files) : null;
  const body = [
    table(
      "What was measured",
      ["", ""],
      [
        ["model", markup(`${model.name}${model.revision === null ? "" : ` @ ${model.revision}`}`)],
        ["architecture", markup(architecture(model))],
        [
          "text",
          markup(
            `${corpus.name}: ${si(corpus.bytes, "B")} in ${counted(corpus.documents, "document")}, ${counted(corpus.tokens, "token")}`,
          ),
        ],
        [
          "units of every error bar",
          markup(
            `${count(corpus.units)}, each one ${corpus.unit === "document" ? "document" : "block of 2,048 tokens"}`,
          ),
        ],
        ...(files === null ? [] : [["files", markup(files)]]),
        ...(corpus.chat
          ? [
              ["conversations", markup(saidOfChat(profile, corpus.chat))],
              ["chat template", `<code>${markup(corpus.chat.digest)}</code>`],
            ]
          : []),
        ["documents a normaliser changed", markup(count(corpus.normalised))],
        ["documents that could not be aligned", markup(count(corpus.refused))],
        ["invalid UTF-8 replaced", markup(count(corpus.invalidUtf8))],
        [
          "engine",
          markup(
            `${runtime.engine}, Node ${runtime.node}, ${runtime.platform}, ${counted(runtime.threads, "thread")}${runtime.weights === "streamed" ? ", weights streamed piece by piece" : ""}`,
          ),
        ],
        [
          "took",
          markup(
            `${duration(provenance.seconds)}${provenance.tokensPerSecond === null ? "" : `, ${figure(provenance.tokensPerSecond)} tokens a second`}${provenance.peakMemoryBytes === null ? "" : `, ${si(provenance.peakMemoryBytes, "B")} of memory at most`}`,
          ),
        ],
        ["started", markup(provenance.started)],
        ["by", markup(`${provenance.tool.name} ${provenance.tool.version}`)],
      ],
      "words",
    ),
    element(
      "details",
      { class: "numbers" },
      element("summary", {}, "Digests, seeds and the whole plan"),
      table(
        "Digests and seeds",
        ["", ""],
        [
          ["plan (the profile's id)", hash(profile.id)],
          ["corpus", hash(corpus.digest)],
          ["config", hash(digests.config)],
          ["weights", hash(digests.weights)],
          ["tokenizer", hash(digests.tokenizer)],
          ...Object.entries(seeds).map(([name, seed]) => [markup(`seed: ${name}`), markup(String(seed))]),
        ],
        "words",
      ),
      table(
        "Plan",
        ["option", "value"],
        flatten(profile.plan).map((row) => row.map((cell) => markup(cell))),
        "words",
      ),
    ),
    corpus.files && corpus.files.leftOut.total > 0 ? leftOut(corpus.files.leftOut) : "",
    domains.length < 2
      ? ""
      : numbers(
          table(
            "Domains",
            ["domain", "documents", "bytes"],
            domains.map(([name, one]) => [markup(name), markup(count(one.documents)), markup(count(one.bytes))]),
          ),
        ),
  ];
  return {
    id: "account",
    title: "What was measured, and how",
    methods: "§0",
    body: body.join(""),
    means: [
      "The same plan on the same files gives the same figures; everything that decides them is listed here and stored whole in the profile.",
    ],
    misread: [
      `Intervals are 95 % over ${corpus.unit === "document" ? "documents" : "blocks of tokens"}: they tell how the figures would move on other text of this kind, not on other kinds.`,
    ],
  };
}

type LeftOut = NonNullable<Profile["corpus"]["files"]>["leftOut"];

function leftOut({ total, files }: LeftOut): string {
  const further = total - files.length;
  const rows = files.map(({ name, reason }) => [`<bdi>${markup(name)}</bdi>`, markup(reason)]);
  return element(
    "details",
    { class: "numbers" },
    element("summary", {}, markup(`${counted(total, "file")} left out`)),
    table(
      "Files that are no part of the text",
      ["name", "why"],
      further > 0 ? [...rows, [markup(`and ${count(further)} more`), ""]] : rows,
      "words",
    ),
  );
}

/** @returns null where nothing was refused */
export function refusalSection(profile: Profile): Section | null {
  if (profile.refusals.length === 0) return null;
  return {
    id: "refusals",
    title: "What is missing, and why",
    methods: "§0",
    body:
      paragraph("These figures were refused rather than guessed.") +
      table(
        "Refusals",
        ["figure", "reason", "it would take"],
        together(profile.refusals).map(({ figures, reason, remedy }) => [
          figures.map((figure) => `<code>${markup(figure)}</code>`).join(", "),
          markup(reason),
          markup(remedy ?? ""),
        ]),
        "words",
      ),
    means: [],
    misread: [],
  };
}
