/**
 * Concept sets as windows of a model (METHODS §3.1): words at the end of neutral sentences, of which the last token's state
 * counts; passages as they are, of which the mean over all tokens does.
 *
 * Memory: 8 bytes a token, and the windows.
 */
import { LossyscopeError, shown } from "../../numeric/errors.ts";
import { random } from "../../numeric/random.ts";
import type { Pools } from "../../ports/observation.ts";
import type { ConceptSet } from "../../text/concepts.ts";
import type { Window, WindowBatch } from "../../text/corpus.ts";
import { windowsOf } from "../../text/windows.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";

/** What a word is read at the end of: sentences that say nothing of it. */
export const TEMPLATES: readonly string[] = ["The word is ", "This is ", "I was thinking of ", "Here it says "];

/** Documents of a concept are dealt to so many pools, whose contributions are summed apart: what a null shuffles. */
export const POOLS = 8;

export interface ConceptCorpus {
  readonly set: ConceptSet;
  /** windows of all readings; `document` is the place of the reading */
  readonly windows: readonly Window[];
  /** what is read: of which text, and which of its tokens count, each with the same weight */
  readonly readings: readonly Reading[];
  /** pools of each concept; fewer than `POOLS` where a concept has fewer documents */
  readonly pools: readonly number[];
  /** of each text the pool, counted over all concepts, and its share of it */
  readonly placed: readonly { readonly pool: number; readonly share: number }[];
}

interface Reading {
  readonly text: number;
  readonly name: string;
  /** tokens [from, to) count */
  readonly from: number;
  readonly to: number;
  readonly weight: number;
}

interface Ground {
  readonly tokenizer: Pick<Tokenizer, "encode" | "prefix">;
  readonly context: number;
  readonly overlap: number;
  readonly seed: number;
}

/** @throws LossyscopeError `text` for a text that has no tokens; as encoding does */
export function conceptCorpus(set: ConceptSet, { tokenizer, context, overlap, seed }: Ground): ConceptCorpus {
  const { prefix } = tokenizer;
  const readings: Reading[] = [];
  const windows: Window[] = [];
  for (const [index, { text, as }] of set.texts.entries()) {
    const sentences = as === "word" ? TEMPLATES.map((template) => `${template}${text}`) : [text];
    for (const sentence of sentences) {
      const { ids } = tokenizer.encode(sentence);
      if (ids.length === 0)
        throw new LossyscopeError("text", `${shown(text)} has no tokens`, "leave it out of the concepts");
      const from = as === "word" ? ids.length - 1 : 0;
      const weight = 1 / (sentences.length * (ids.length - from));
      windows.push(...windowsOf(readings.length, ids, prefix, context, overlap));
      readings.push({ text: index, name: sentence, from, to: ids.length, weight });
    }
  }
  return { set, windows, readings, ...dealt(set, seed) };
}

/** Deals the documents of each concept to its pools. */
function dealt({ texts, concepts }: ConceptSet, seed: number): Pick<ConceptCorpus, "pools" | "placed"> {
  const pools: number[] = [];
  const poolOf = new Array<number>(texts.length);
  let before = 0;
  for (const concept of concepts.keys()) {
    const own = [...texts.keys()].filter((text) => texts[text].concept === concept);
    const documents = [...new Set(own.map((text) => texts[text].document))];
    random(seed, "concept pools", concept).shuffle(documents);
    const count = Math.min(POOLS, documents.length);
    const place = new Map(documents.map((document, index) => [document, index % count]));
    for (const text of own) poolOf[text] = before + place.get(texts[text].document)!;
    pools.push(count);
    before += count;
  }
  const sizes = new Float64Array(before);
  for (const pool of poolOf) sizes[pool]++;
  return { pools, placed: poolOf.map((pool) => ({ pool, share: 1 / sizes[pool] })) };
}

/** Rows of a batch that count, each with the reading that it is of. */
function* counting({ readings }: ConceptCorpus, { windows }: WindowBatch): Generator<[row: number, reading: Reading]> {
  let row = 0;
  for (const { document, ids, fresh, start, prefixSlots } of windows) {
    const reading = readings[document];
    for (let slot = fresh; slot < ids.length; slot++, row++) {
      const token = start + slot - prefixSlots;
      if (slot >= prefixSlots && token >= reading.from && token < reading.to) yield [row, reading];
    }
  }
}

const rowsOf = ({ windows }: WindowBatch): number =>
  windows.reduce((sum, { ids, fresh }) => sum + ids.length - fresh, 0);

/** A batch's sums, and what each of them is a part of. */
export interface Summed extends Pools {
  readonly of: readonly number[];
}

/** @param keyOf what a reading's rows are summed under, and with what weight */
function summed(
  corpus: ConceptCorpus,
  batch: WindowBatch,
  keyOf: (reading: Reading) => readonly [key: number, weight: number],
): Summed {
  const rows = rowsOf(batch);
  const found = [...counting(corpus, batch)].map(([row, reading]) => ({ row, own: keyOf(reading) }));
  const of = [...new Set(found.map(({ own: [key] }) => key))];
  const place = new Map(of.map((key, index) => [key, index]));
  const weights = new Float32Array(of.length * rows);
  for (const { row, own } of found) weights[place.get(own[0])! * rows + row] = own[1];
  return { of, count: of.length, weights };
}

/** States of texts. */
export const textSums = (corpus: ConceptCorpus, batch: WindowBatch): Summed =>
  summed(corpus, batch, ({ text, weight }) => [text, weight]);

/** Contributions of units to pools. */
export const poolSums = (corpus: ConceptCorpus, batch: WindowBatch): Summed =>
  summed(corpus, batch, ({ text, weight }) => {
    const { pool, share } = corpus.placed[text];
    return [pool, share * weight];
  });
