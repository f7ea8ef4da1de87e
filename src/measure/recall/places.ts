/**
 * Where recall is asked for (METHODS §5): stretches of k + l tokens, k the longest prefix and l the passage, that do not
 * overlap; one opens its document, the others lie inside it. Documents come in a seeded order and give two places each, and
 * more of them in further rounds where there are few documents.
 *
 * Memory: 40 bytes a place, and 8 bytes for every stretch of the documents that it was chosen from.
 */
import { random } from "../../numeric/random.ts";
import type { TokenizedDocument } from "../../text/corpus.ts";

export interface Place {
  readonly document: TokenizedDocument;
  readonly kind: "start" | "inside";
  /** first token of the stretch */
  readonly start: number;
}

/** How often the record of a place says that it was trained on; null where none says. */
export const exposuresOf = ({ document }: Place): number | null => document.metadata?.exposures ?? null;

export interface PlaceOptions {
  /** k: tokens of the longest prefix */
  readonly longest: number;
  /** l: tokens of the passage */
  readonly length: number;
  /** places at most */
  readonly most: number;
  readonly seed: number;
}

/** Places that a document gives in a round. */
const A_ROUND = 2;

/** @returns places in the order of the corpus */
export function placesOf(
  documents: readonly TokenizedDocument[],
  { longest, length, most, seed }: PlaceOptions,
): Place[] {
  const stream = random(seed, "recall places");
  const stretch = longest + length;
  const given = stream
    .shuffle(documents.filter(({ ids }) => ids.length >= stretch))
    .map((document) => stretches(document, stretch, seed));
  const places: Place[] = [];
  for (let round = 0; places.length < most; round++) {
    const before = places.length;
    for (const own of given) places.push(...own.slice(round * A_ROUND, (round + 1) * A_ROUND));
    if (places.length === before) break;
  }
  return places.slice(0, most).sort((a, b) => a.document.index - b.document.index || a.start - b.start);
}

/** Of one document: the first stretch, then the others in a random order, moved on together by part of what is left over. */
function stretches(document: TokenizedDocument, stretch: number, seed: number): Place[] {
  const stream = random(seed, "recall places", document.index);
  const { length } = document.ids;
  const inside = Math.floor(length / stretch) - 1;
  const moved = stretch + stream.below((length % stretch) + 1);
  const order = stream.shuffle(Array.from({ length: inside }, (_, i) => i));
  return [
    { document, kind: "start", start: 0 },
    ...order.map((i): Place => ({ document, kind: "inside", start: moved + i * stretch })),
  ];
}

/**
 * Tokens of the prompt and of the passage at a prefix of `prefix` tokens. Where the prompt opens its document the passage
 * follows it; elsewhere the passage is the same at all prefixes and the prompt is what stands right before it.
 */
export function askedAt(
  { document: { ids }, kind, start }: Place,
  prefix: number,
  { longest, length }: Pick<PlaceOptions, "longest" | "length">,
): { readonly from: number; readonly prompt: Int32Array; readonly truth: Int32Array } {
  const from = kind === "start" ? prefix : start + longest;
  return { from, prompt: ids.subarray(from - prefix, from), truth: ids.subarray(from, from + length) };
}
