/** Report section on what the weights cost against the data they stand for (METHODS §1.2). */
import type { Profile } from "../../profile/profile.ts";
import { count, figure, sentence, si, visible } from "../format.ts";
import { markup } from "../marks/svg.ts";
import { datum, missing, numbers, paragraph, refusalsUnder, type Section, table } from "./parts.ts";

const SECTION: Omit<Section, "body"> = {
  id: "ledger",
  title: "What the weights cost",
  methods: "§1.2",
  means: [
    "A trained model is what is left of its training text. The storage ratio sets the two against each other: bytes read in training for each byte of weights kept.",
  ],
  misread: [
    "A high ratio is not a better compressor: nearly all of that text cannot be got back out of the weights.",
    "Weights as stored depend on the number format; two models compare only in the same one.",
  ],
};

export function ledgerSection(profile: Profile): Section {
  const { ledger } = profile;
  if (ledger === null) return { ...SECTION, body: missing(profile, "ledger") };
  const { parameters, training } = ledger;
  const bytes = (value: number): string => si(value, "B");
  const plain = (value: number): string => si(value, "");
  const at = (...path: string[]) => ["ledger", ...path];
  const rows = [
    ["parameters", datum(at("parameters", "total"), parameters.total, plain)],
    ["of them in the embedding", datum(at("parameters", "embedding"), parameters.embedding, plain)],
    ["others", datum(at("parameters", "nonEmbedding"), parameters.nonEmbedding, plain)],
    ["active for each token", datum(at("parameters", "activePerToken"), parameters.activePerToken, plain)],
    ["weights as stored", datum(at("weightBytes"), ledger.weightBytes, bytes)],
    ["bits for each parameter", datum(at("bitsPerParameter"), ledger.bitsPerParameter)],
    ["weights, entropy-coded", datum(at("entropyCodedBytes"), ledger.entropyCodedBytes, bytes)],
    ["training tokens", datum(at("training", "tokens"), training?.tokens ?? null, plain)],
    ["training bytes", datum(at("training", "bytes"), training?.bytes ?? null, bytes)],
    ["storage ratio", datum(at("storageRatio"), ledger.storageRatio)],
    ["training bytes for each parameter", datum(at("trainingBytesPerParameter"), ledger.trainingBytesPerParameter)],
  ] as const;
  const unknown = [
    ...(training === null
      ? [
          "What the model was trained on is not known here; pass --training-bytes or --training-tokens for the storage ratio.",
        ]
      : []),
    ...(ledger.entropyCodedBytes === null
      ? ["Entropy-coded bytes were not asked for (--entropy reads all weights)."]
      : []),
    ...(ledger.notes ?? []).map((note) => visible(sentence(note))),
    ...refusalsUnder(profile, "ledger").map((reason) => `Missing: ${reason}.`),
  ];
  const body = [
    ledger.storageRatio === null || training?.bytes == null
      ? ""
      : paragraph(
          `${si(training.bytes, "B")} of training text in ${si(ledger.weightBytes, "B")} of weights: ${figure(ledger.storageRatio)} to 1.`,
          "lede",
        ),
    table(
      "Storage ledger",
      ["", "value"],
      rows.filter(([, cell]) => !cell.includes('value=""')).map(([name, cell]) => [name, cell]),
    ),
    ...unknown.map((text) => paragraph(text, "aside")),
    training === null
      ? ""
      : paragraph(`Training data: ${training.source}${training.note === null ? "" : `; ${training.note}`}.`, "small"),
    numbers(
      table(
        "By number format",
        ["format", "tensors", "parameters", "bytes"],
        Object.entries(ledger.byDtype).map(([dtype, one]) => [
          markup(dtype),
          datum(at("byDtype", dtype, "tensors"), one.tensors, count),
          datum(at("byDtype", dtype, "parameters"), one.parameters, count),
          datum(at("byDtype", dtype, "bytes"), one.bytes, count),
        ]),
      ),
      ...(ledger.aside
        ? [
            table(
              "Stored beside the text model, counted in none of the figures above",
              ["", "tensors", "parameters", "bytes"],
              ledger.aside.map(({ name, ...one }, index) => [
                markup(name),
                datum(at("aside", String(index), "tensors"), one.tensors, count),
                datum(at("aside", String(index), "parameters"), one.parameters, count),
                datum(at("aside", String(index), "bytes"), one.bytes, count),
              ]),
            ),
          ]
        : []),
      table(
        "Stored, but no weights",
        ["", "tensors", "bytes"],
        [
          [
            "buffers",
            datum(at("buffers", "tensors"), ledger.buffers.tensors, count),
            datum(at("buffers", "bytes"), ledger.buffers.bytes, count),
          ],
        ],
      ),
    ),
  ];
  return { ...SECTION, body: body.join("") };
}
