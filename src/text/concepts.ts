/**
 * Concept sets (METHODS §3.1): words or passages under the names of their concepts, from files of JSON lines, from the sets
 * that come with the tool, or both. Where there are more texts than the figures take, some are drawn by the seed, concepts in
 * proportion.
 *
 * Memory: all texts of the files.
 */
import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { z } from "zod";
import { sha256 } from "../files/digest.ts";
import { parseJson } from "../formats/json.ts";
import { count, counted } from "../numeric/amounts.ts";
import { LossyscopeError, shown } from "../numeric/errors.ts";
import { groupBy } from "../numeric/groups.ts";
import { random } from "../numeric/random.ts";
import { checked, expecting } from "../numeric/schema-faults.ts";
import { ALL_SETS, BUILT_IN, type ConceptRecord, SET_NAMES, WORD_SETS } from "./concept-sets.ts";
import { lines } from "./documents.ts";
import { findTextFiles } from "./sources.ts";

export interface Concept {
  readonly name: string;
  readonly parent: string | null;
}

export interface ConceptText extends Omit<ConceptRecord, "concept" | "parent" | "document"> {
  /** place among the concepts */
  readonly concept: number;
  /** place among the documents */
  readonly document: number;
}

export interface ConceptSet {
  /** names of the sets and files, without the folders they lie in */
  readonly name: string;
  /** SHA-256 over what was read */
  readonly digest: string;
  /** where the words of our own sets are from */
  readonly sources: readonly string[];
  /** in order of appearance */
  readonly concepts: readonly Concept[];
  readonly texts: readonly ConceptText[];
  readonly documents: number;
  /** texts of the files, those not drawn and those that came twice among them */
  readonly total: number;
}

/** Most texts that figures are computed of: they take n² distances. */
export const MOST_TEXTS = 256;
export const MOST_CONCEPTS = 40;
/** A text of more words is a passage. */
const WORDS = 3;

const text = z
  .string()
  .min(1)
  .refine((value) => /\S/.test(value), { error: expecting("text that is not blank") })
  .refine((value) => !/\p{Surrogate}/u.test(value), { error: expecting("text without half a surrogate pair") });
const recordSchema = z.object({
  concept: text,
  text,
  parent: text.nullable().default(null),
  as: z.enum(["word", "passage"]).optional(),
  document: text.nullable().default(null),
  pair: text.nullable().default(null),
});

/**
 * @param given names of built-in sets, and paths of files
 * @throws LossyscopeError `io` where a file cannot be read, naming the sets that there are; `input` for what is wrong in it,
 *   with its line; `usage` where nothing can be told from anything
 */
export async function readConcepts(given: readonly string[], seed: number): Promise<ConceptSet> {
  const hash = createHash("sha256");
  const records: (ConceptRecord & { readonly where: string })[] = [];
  const names: string[] = [];
  const sources: string[] = [];
  for (const one of new Set(given)) {
    if (SET_NAMES.includes(one)) {
      names.push(one);
      for (const name of one === ALL_SETS ? WORD_SETS : [one]) {
        const own = BUILT_IN[name].records();
        hash.update(JSON.stringify(own));
        sources.push(`${name}: ${BUILT_IN[name].source}`);
        records.push(...own.map((record) => ({ ...record, where: `the set ${name}` })));
      }
      continue;
    }
    const file = await fileOf(one);
    names.push(file.name);
    let line = 0;
    for await (const { bytes } of lines(file)) {
      hash.update(bytes).update("\n");
      const where = `${file.name}, line ${count(++line)}`;
      if (!isUtf8(bytes)) throw new LossyscopeError("input", `${where} is not UTF-8`, "convert the file");
      const content = new TextDecoder().decode(bytes);
      if (content.trim() !== "") records.push({ ...recordOf(content, where), where });
    }
  }
  return setOf(records, { name: names.join(", "), digest: sha256(hash.digest("hex")), sources }, seed);
}

async function fileOf(path: string) {
  const files = await findTextFiles([{ path, domain: null }]).catch((error) => {
    if (!(error instanceof LossyscopeError && error.fault === "io")) throw error;
    throw new LossyscopeError("io", error.said, `name a file in JSON lines, or a set: ${SET_NAMES.join(", ")}`);
  });
  const [file] = files;
  if (file?.format !== "jsonl" || file.path !== path)
    throw new LossyscopeError(
      "usage",
      `${shown(path)} is no file of concepts`,
      `name a file in JSON lines (.jsonl), or a set: ${SET_NAMES.join(", ")}`,
    );
  return file;
}

function recordOf(content: string, where: string): ConceptRecord {
  const value = parseJson(content, (why) => new LossyscopeError("input", `${where} ${why}`, "write a record a line"));
  const { as, ...record } = checked(
    recordSchema,
    value,
    (faults) =>
      new LossyscopeError(
        "input",
        `${where}: ${faults}`,
        "a record has concept, text, and where known parent, document, pair, as (word or passage)",
      ),
  );
  const trimmed = record.text.trim();
  return { ...record, text: trimmed, as: as ?? (trimmed.split(/\s+/).length > WORDS ? "passage" : "word") };
}

function setOf(
  records: readonly (ConceptRecord & { readonly where: string })[],
  named: Pick<ConceptSet, "name" | "digest" | "sources">,
  seed: number,
): ConceptSet {
  const fault = (message: string, next: string): never => {
    throw new LossyscopeError("input", message, next);
  };
  const concepts = new Map<string, Concept & { readonly place: number }>();
  const seen = new Map<string, string>();
  const kept: (ConceptRecord & { readonly where: string })[] = [];
  for (const record of records) {
    const { concept, parent, text: own, where } = record;
    const known = concepts.get(concept);
    if (known && parent !== null && known.parent !== null && known.parent !== parent)
      fault(
        `${where}: ${shown(concept)} is under ${shown(parent)}, before under ${shown(known.parent)}`,
        "give a concept one parent",
      );
    concepts.set(concept, {
      name: concept,
      parent: known?.parent ?? parent,
      place: known?.place ?? concepts.size,
    });
    const before = seen.get(own);
    if (before !== undefined && before !== concept)
      fault(`${where}: ${shown(own)} is of ${shown(concept)}, before of ${shown(before)}`, "give a text one concept");
    if (before !== undefined) continue;
    seen.set(own, concept);
    kept.push(record);
  }
  if (concepts.size < 2)
    throw new LossyscopeError(
      "usage",
      `${named.name} has ${concepts.size === 0 ? "no concepts" : `one concept, ${shown([...concepts.keys()][0])}, and nothing to tell it from`}`,
      `name two concepts or more, or --concepts ${ALL_SETS}`,
    );
  if (concepts.size > MOST_CONCEPTS)
    fault(
      `${named.name} has ${counted(concepts.size, "concept")}, at most ${MOST_CONCEPTS} are compared`,
      "leave some out",
    );
  const taken = drawn(kept, seed);
  const documents = new Map<string, number>();
  const texts = taken.map(({ where: _where, parent: _parent, concept, document, ...rest }, index): ConceptText => {
    const key = JSON.stringify(document ?? [index]);
    const place = documents.get(key) ?? documents.size;
    documents.set(key, place);
    return { ...rest, concept: concepts.get(concept)!.place, document: place };
  });
  return {
    ...named,
    concepts: [...concepts.values()].map(({ name, parent }) => ({ name, parent })),
    texts,
    documents: documents.size,
    total: records.length,
  };
}

/** At most `MOST_TEXTS`, concepts in proportion, in the order of the file. */
function drawn<T extends Pick<ConceptRecord, "concept">>(records: readonly T[], seed: number): readonly T[] {
  if (records.length <= MOST_TEXTS) return records;
  const chosen = new Set<T>();
  for (const [concept, own] of groupBy(records, (record) => record.concept)) {
    const share = Math.max(1, Math.floor((MOST_TEXTS * own.length) / records.length));
    for (const record of random(seed, "concept texts", concept)
      .shuffle([...own])
      .slice(0, share))
      chosen.add(record);
  }
  return records.filter((record) => chosen.has(record));
}
