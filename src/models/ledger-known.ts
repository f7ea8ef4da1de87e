/**
 * What known models were trained on: `data/model-ledger.csv`, one row a model, with where each figure comes from. Cells
 * that nobody could check are blank. A model is found by its name and must have about as many parameters as the row says: a
 * folder called `gpt2` need not be GPT-2.
 */
import { readFileSync } from "node:fs";
import { tableOf } from "../formats/csv.ts";
import { count } from "../numeric/amounts.ts";
import type { Ledger } from "../profile/ledger.ts";

type Training = NonNullable<Ledger["training"]>;

/** How far the stored parameters may be from the row's: some rows are nominal or count a tied matrix once more. */
const TOLERANCE = 0.05;

const COLUMNS = [
  "model",
  "family",
  "params_total",
  "params_basis",
  "params_status",
  "weight_bytes_bf16",
  "training_tokens",
  "tokens_note",
  "tokens_status",
  "bytes_per_token",
  "bytes_per_token_basis",
  "approx_training_bytes",
  "training_bytes_over_weight_bytes",
  "vocab_size",
  "d_model",
  "layers",
  "release_date",
  "licence",
  "release_licence_status",
  "source",
] as const;

export type KnownModel = Readonly<Record<(typeof COLUMNS)[number], string>>;

/** Rows of a ledger of known models. @throws LossyscopeError `input` where the text is no such table */
export function readLedger(text: string, name: string): KnownModel[] {
  return tableOf(text, name, COLUMNS, []).map(({ cells }) => cells as KnownModel);
}

let ledger: readonly KnownModel[] | undefined;

/** Every row of the ledger of known models. */
export function knownModels(): readonly KnownModel[] {
  const file = new URL("../../data/model-ledger.csv", import.meta.url);
  ledger ??= readLedger(readFileSync(file, "utf8"), "data/model-ledger.csv");
  return ledger;
}

/**
 * What two names of one model have in common: the part after the organisation, in lower case, without what says only how
 * the same weights are packed (`-hf`), that they are the base model (`-pt`), or the month of a release (`-1124`).
 * Instruction-tuned models keep their suffix: they saw other data, and no row is theirs.
 */
function normalised(name: string): string {
  return name
    .replace(/@[^/]*$/, "")
    .replace(/^.*[/\\]/, "")
    .toLowerCase()
    .replace(/(?<=\d)_(?=\d)/g, ".")
    .replaceAll("_", "-")
    .replace(/^meta-/, "")
    .replace(/-(?:hf|pt|base)$/, "")
    .replace(/(?<=^olmo-2)-\d{4}(?=-)/, "")
    .replace(/(?<=^pythia-.*)-deduped$/, "");
}

/** The row of a model's name, or null, with the reason where a row has the name but cannot be this model. */
function knownRow(name: string, parameters: number): { row: KnownModel | null; why: string | null } {
  const wanted = normalised(name);
  const [row, ...others] = knownModels().filter(({ model }) => normalised(model) === wanted);
  if (!row || others.length > 0) return { row: null, why: null };
  const expected = Number(row.params_total);
  if (row.params_total === "" || Math.abs(parameters / expected - 1) > TOLERANCE) {
    const said = row.params_total === "" ? "an unknown number of" : count(expected);
    return {
      row: null,
      why: `not the ledger's ${row.model}: that has ${said} parameters, this ${count(parameters)}`,
    };
  }
  return { row, why: null };
}

/**
 * @param name `org/name[@revision]` or a folder's name
 * @param parameters of the model as stored
 * @returns the row's figures, or null with the reason where a row has the name but cannot be this model
 */
export function knownTraining(name: string, parameters: number): { training: Training | null; why: string | null } {
  const { row, why } = knownRow(name, parameters);
  if (row === null) return { training: null, why };
  const figure = (column: keyof KnownModel): number | null => (row[column] === "" ? null : Number(row[column]));
  const tokens = figure("training_tokens");
  const bytesPerToken = figure("bytes_per_token");
  const bytes = tokens !== null && bytesPerToken !== null ? tokens * bytesPerToken : figure("approx_training_bytes");
  const notes = [row.tokens_note, bytes === null ? "" : `bytes: ${row.bytes_per_token_basis}`];
  return {
    training: {
      tokens,
      bytes,
      bytesPerToken: bytes === null ? null : bytesPerToken,
      source: row.source,
      note: notes.filter((note) => note !== "").join("; ") || null,
    },
    why: null,
  };
}

/**
 * The licence of a known model, where it was seen at its source and not only recalled.
 * @param name `org/name[@revision]` or a folder's name
 * @param parameters of the model as stored
 */
export function knownLicence(name: string, parameters: number): string | null {
  const { row } = knownRow(name, parameters);
  return row && /^(?:licence )?verified\b/.test(row.release_licence_status) ? row.licence || null : null;
}

/** What the user says of the training data; wins over the ledger of known models. */
export interface GivenTraining {
  readonly tokens?: number | null;
  readonly bytes?: number | null;
}

/**
 * Tokens alone become bytes only where the ledger knows how many bytes a token of this model has.
 * @returns as `knownTraining`, with what was given in place of what is known
 */
export function trainingData(
  name: string,
  parameters: number,
  given: GivenTraining,
): { training: Training | null; why: string | null } {
  const known = knownTraining(name, parameters);
  if (given.tokens == null && given.bytes == null) return known;
  const tokens = given.tokens ?? null;
  const assumed = known.training?.bytesPerToken ?? null;
  const bytes = given.bytes ?? (tokens !== null && assumed !== null ? tokens * assumed : null);
  const notes = {
    given: null,
    derived: `bytes: ${assumed} a token, as the ledger of known models has it`,
    unknown: "bytes per token are not known: pass --training-bytes",
  };
  return {
    training: {
      tokens,
      bytes,
      bytesPerToken: tokens !== null && bytes !== null ? bytes / tokens : null,
      source: "given",
      note: notes[given.bytes != null ? "given" : bytes === null ? "unknown" : "derived"],
    },
    why: null,
  };
}
