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

/** @param changes of the values under `tokenizer.ggml.`; undefined takes one away */
export function metadataOf(name: string, changes: Readonly<Record<string, unknown>> = {}): Metadata {
  const { of, ...own } = vocabularies[name];
  const { name: called, ...values } = { ...(of ? vocabularies[String(of)] : {}), ...own } as Record<string, unknown>;
  if (typeof values.scores === "number")
    values.scores = new Float32Array((values.tokens as unknown[]).length).fill(values.scores);
  const entries = Object.entries({ ...values, ...changes }).filter(([, value]) => value !== undefined);
  return new Map<string, unknown>([
    ...(called ? [["general.name", called] as const] : []),
    ...entries.map(([key, value]) => [`tokenizer.ggml.${key}`, value] as const),
  ]);
}
