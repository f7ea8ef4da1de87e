/** The vocabularies and ids of `fixtures/gguf-tokenizers`; `fixtures/README.md` says what they are. */
import { readFileSync } from "node:fs";
import { fixture } from "../../fixtures.testing.ts";
import type { Metadata } from "./metadata.ts";

interface Ids {
  /** BOS where it opens a text */
  readonly opening: number | null;
  /** of each text */
  readonly plain: readonly (readonly number[])[];
  /** the same with control tokens in the text taken for them */
  readonly special: readonly (readonly number[])[];
}

export interface Cases {
  readonly texts: readonly string[];
  readonly bytePairs: readonly (Pick<Ids, "plain"> & {
    readonly pres: readonly string[];
    readonly opening: Readonly<Record<string, number | null>>;
    readonly special?: Ids["special"];
  })[];
  readonly vocabularies: Readonly<Record<string, Ids>>;
}

const read = (name: string) => JSON.parse(readFileSync(fixture(`gguf-tokenizers/${name}`), "utf8"));

export const cases: Cases = read("cases.json");
const vocabularies: Readonly<Record<string, Readonly<Record<string, unknown>>>> = read("vocabularies.json");

interface UnigramIds extends Pick<Ids, "plain" | "special"> {
  readonly bos: boolean;
  readonly eos: boolean;
}

/** Unigram models: vocabularies, texts, and the ids of each. */
export const unigrams: {
  readonly vocabularies: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly texts: readonly string[];
  readonly ids: Readonly<Record<string, UnigramIds>>;
} = read("unigram.json");

/** @param changes of the values under `tokenizer.ggml.`; undefined takes one away */
export function metadataOf(name: string, changes: Readonly<Record<string, unknown>> = {}): Metadata {
  const all = { ...vocabularies, ...unigrams.vocabularies };
  const { of, ...own } = all[name];
  const { name: called, ...values } = { ...(of ? all[String(of)] : {}), ...own } as Record<string, unknown>;
  if (typeof values.scores === "number")
    values.scores = new Float32Array((values.tokens as unknown[]).length).fill(values.scores);
  if (typeof values.precompiled_charsmap === "string")
    values.precompiled_charsmap = new Uint8Array(Buffer.from(values.precompiled_charsmap, "base64"));
  const entries = Object.entries({ ...values, ...changes }).filter(
    ([, value]) => value !== undefined && value !== null,
  );
  return new Map<string, unknown>([
    ...(called ? [["general.name", called] as const] : []),
    ...entries.map(([key, value]) => [`tokenizer.ggml.${key}`, value] as const),
  ]);
}
